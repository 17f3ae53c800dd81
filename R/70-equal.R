# Equality of coefficients across models, from their joint variance.

#' Are coefficients equal across models?
#'
#' Tests whether terms have the same coefficient in two or more models of the same data: in the
#' parts of a split sample, or with other outcomes, controls or fixed effects on overlapping rows
#' (Stata's `suest`).
#'
#' @section The joint variance:
#' Row i moves the estimates of model a by its influence \eqn{\psi_{ai} = B_a \tilde x_{ai} u_{ai}}{
#' psi_ai = B_a x~_ai u_ai}, with the bread \eqn{B_a = (\tilde X_a'W_a\tilde X_a)^{-1}}{B_a =
#' (X~_a'W_a X~_a)^-1} and \eqn{u = w e}{u = w e}; it is zero for rows that the model does not use.
#' The covariance of the estimates of models a and b is
#' \deqn{C_{ab} = \sqrt{c_a c_b} \sum_g \Big(\sum_{i \in g} \psi_{ai}\Big)
#'   \Big(\sum_{i \in g} \psi_{bi}\Big)'}{
#'   C_ab = sqrt(c_a c_b) sum_g (sum_{i in g} psi_ai) (sum_{i in g} psi_bi)'}
#' over clusters g, or over rows (HC). Rows are matched by their place in the data, and clusters
#' that appear in several samples link them (White 1982; Weesie 1999). Several cluster variables
#' go by inclusion and exclusion, as in [vcov.fe_lm()].
#' \itemize{
#' \item By default the factor \eqn{c_a}{c_a} is that of model a by itself, so that the standard
#'   errors of the models are those that they print, and for samples that share neither rows nor
#'   clusters the test is that of independent samples.
#' \item `ssc = "suest"` is Stata's: one factor for all models, G/(G-1) with clusters (G those of
#'   all samples together) and n/(n-1) without, parameters not counted; with `test = "chisq"`.
#' \item Another `ssc` is used for all models.
#' }
#' Degrees of freedom are the number of clusters of all samples together, less 1 (or the smallest
#' n - K of the models, if the convention says so, and without clusters).
#'
#' With two models, each term has the difference of its coefficients with t; with more, an F test
#' that all are equal. The joint test is that of all terms.
#'
#' @param ... two or more models of class `fe_lm`, or lists of them, such as `split` in [fe_lm()]
#'   gives; names become labels. All must have been estimated from the same data frame (columns may
#'   have been added). Restrict samples by `subset` or `split`, not by filtering the data, or rows
#'   cannot be matched.
#' @param object a result of class `fe_equal`.
#' @param terms `NULL` (all slopes that the models share), or names of coefficients that all of them
#'   have.
#' @param vcov `NULL` (the type that all models were estimated with), or one of `"HC0"` to `"HC3"`,
#'   `"CR0"`, `"CR1"`, a formula of clusters, or `NW(2) ~ country + year`, `DK(2) ~ year`,
#'   `conley(100) ~ lat + lon`; see [vcov.fe_lm()].
#' @param cluster `NULL`, or the clusters, as in [vcov.fe_lm()]: a formula, names of columns, or a
#'   vector as long as the data.
#' @param ssc `NULL`, `"suest"` or a convention made by [fe_ssc()]; see below.
#' @param test `"F"` (and t) or `"chisq"` (and normal).
#' @param level confidence level of the intervals, default 0.95.
#' @return a list of class `c("fe_equal", "htest")`: `statistic`, `parameter`, `p.value` of the
#'   joint test (`NA` when the variance of the differences is singular); `estimates`, a data frame
#'   with a row for each term: `term`, `estimate1`, `estimate2`, ..., with two models `difference`
#'   (second less first), `std.error`, `statistic`, `df`, `p.value`, `conf.low`, `conf.high`, with
#'   more `statistic`, `df1`, `df2`, `p.value`; `coefficients` and `vcov`, the joint estimates,
#'   called `term[1]`, `term[2]`, ...; `models` (labels), `nobs` (observations of each), `shared`
#'   (rows in more than one model), `G`. `coef()`, `vcov()`, `tidy()` (`estimates`), `glance()` take
#'   them out, and [fe_wald()] tests any hypothesis on the joint coefficients.
#' @references White (1982) \doi{10.2307/1912526}; Weesie (1999), Seemingly unrelated estimation and
#'   the cluster-adjusted sandwich estimator, Stata Technical Bulletin 52, sg121; Cameron, Gelbach
#'   and Miller (2011) \doi{10.1198/jbes.2010.07136}.
#' @examples
#' by_group <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, split = ~developed,
#'                   vcov = ~country)
#' equal <- fe_equal(by_group)
#' equal
#' fe_wald(equal, "ln_imdig[2] = 2*ln_imdig[1]")
#' long <- fe_lm(ln_upmf ~ ln_imdig + pgdp + fdi | country + year, digitrade)
#' short <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade)
#' fe_equal(short, long, terms = "ln_imdig", cluster = ~country)
#' @export
fe_equal <- function(..., terms = NULL, vcov = NULL, cluster = NULL, ssc = NULL,
                     test = c("F", "chisq"), level = 0.95) {
  models <- compared_models(list(...), as.list(substitute(list(...)))[-1L])
  test <- check_choice(test[1L], c("F", "chisq"), "test")
  check_level(level)
  terms <- compared_terms(models, terms)
  request <- if (is.null(vcov) && is.null(cluster)) common_request(models) else
    list(vcov = vcov, cluster = cluster)
  joint <- joint_variance(models, terms, request, ssc)
  new_equal(models, terms, joint, test, level)
}

# ---- what is compared ----------------------------------------------------------------------------

# Models and lists of models, flattened -> named list of models.
compared_models <- function(given, written) {
  labels <- if (is.null(names(given))) rep("", length(given)) else names(given)
  parts <- Map(function(m, label, expr) {
    if (inherits(m, "fe_moderate")) m <- m$model
    if (inherits(m, "fe_lm")) {
      if (!nzchar(label) && is.name(expr)) label <- as.character(expr)
      return(stats::setNames(list(m), if (is.null(m$split) || nzchar(label)) label else m$split))
    }
    if (!is.list(m) || !length(m) || !all(vapply(m, inherits, NA, "fe_lm"))) {
      stop_arg("...", paste("must hold models of class fe_lm, not", describe_value(m)))
    }
    list_labels(m)
  }, given, labels, written)
  models <- unlist(unname(parts), recursive = FALSE)
  if (length(models) < 2L) {
    stop_arg("...", sprintf("holds %s", if (length(models)) "a single model" else "no model"),
             "Give two or more to compare")
  }
  lapply(models, need_full, what = "its scores")
  check_same_data(models)
  check_same_weighting(models)
  models
}

# Parts of a split are called by their values.
list_labels <- function(models) {
  if (inherits(models, "fe_lm_list")) {
    split <- lapply(as.list(models), `[[`, "split")
    alone <- !any(vapply(split, is.null, NA)) && !anyDuplicated(unlist(split))
    return(stats::setNames(as.list(models), if (alone) unlist(split) else names(models)))
  }
  if (is.null(names(models))) stats::setNames(models, rep("", length(models))) else models
}

check_same_data <- function(models) {
  first <- models[[1L]]$data
  for (j in seq_along(models)[-1L]) {
    other <- models[[j]]$data
    both <- intersect(names(first), names(other))
    same <- nrow(first) == nrow(other) && length(both) && identical(first[both], other[both])
    if (!same) {
      stop_arg("...", sprintf(paste("holds models 1 and %d, which were not estimated from the same",
                                    "data: their rows cannot be matched"), j),
               paste("Estimate all of them from one data frame, with `subset` or `split` for their",
                     "samples"))
    }
  }
}

check_same_weighting <- function(models) {
  counts <- vapply(models, function(m) identical(m$weighting, "frequency"), NA)
  if (any(counts) && !all(counts)) {
    stop_arg("...", "holds models with frequency weights and models without",
             "Give all of them the same weights")
  }
}

compared_terms <- function(models, terms) {
  shared <- Reduce(intersect, lapply(models, function(m) names(m$coefficients)))
  if (is.null(terms)) {
    terms <- setdiff(shared, "(Intercept)")
    if (!length(terms)) stop_arg("...", "holds models that share no slope")
    return(terms)
  }
  if (!is.character(terms) || !length(terms) || !all(terms %in% shared)) {
    stop_arg("terms", paste("must name coefficients of all models, not",
                            if (is.character(terms)) quote_list(setdiff(terms, shared)) else
                              describe_value(terms)),
             paste("They share", quote_list(shared, 12L)))
  }
  unique(terms)
}

# The variance that all models were estimated with.
common_request <- function(models) {
  requests <- lapply(models, function(m) {
    explicit_request(m, m$vcov_request$vcov, m$vcov_request$cluster)
  })
  alike <- vapply(requests, function(r) {
    identical(deparse(r$vcov), deparse(requests[[1L]]$vcov)) &&
      identical(deparse(r$cluster), deparse(requests[[1L]]$cluster))
  }, NA)
  if (!all(alike)) {
    stop_arg("vcov", "is not given, and the models were estimated with different ones",
             "Give `vcov`, for instance vcov = ~country")
  }
  requests[[1L]]
}

# ---- the joint variance --------------------------------------------------------------------------

# -> list(b, V (of all terms of the first model, then of the second, ...), df, G, label, rows (of
# each model), shared)
joint_variance <- function(models, terms, request, ssc) {
  rows <- lapply(models, function(m) if (is.null(m$rows)) seq_len(m$n_data) else m$rows)
  union <- sort(unique(unlist(rows)))
  rows <- lapply(rows, match, union)
  pool <- pooled_rows(models[[1L]], union)
  spec <- joint_spec(request, pool)
  suest <- identical(ssc, "suest")
  if (!is.null(ssc)) ssc <- if (suest) fe_ssc(K.adj = FALSE) else check_ssc(ssc)
  states <- Map(function(m, rows) member_state(m, rows, spec, ssc, pool, request), models, rows)
  psi <- Map(function(s, at) term_influences(s, at, terms, pool$n_rows), states, rows)
  psi <- do.call(cbind, psi)
  entry <- vcov_registry[[spec$type]]
  scale <- if (suest) rep(suest_factor(spec, models, rows), length(models)) else
    vapply(states, entry$scale, 0)
  root <- rep(sqrt(scale), each = length(terms))
  V <- outer(root, root) * joint_meat(psi, states, rows, spec, pool, suest, length(terms))
  V <- (V + t(V)) / 2
  names <- sprintf("%s[%d]", terms, rep(seq_along(models), each = length(terms)))
  if (length(spec$clusters) > 1L || isTRUE(entry$repair)) V <- repair_psd(V, "joint")
  dimnames(V) <- list(names, names)
  b <- unlist(lapply(models, function(m) m$coefficients[terms]), use.names = FALSE)
  list(b = stats::setNames(b, names), V = V, df = joint_member_df(states, spec),
       G = vapply(spec$clusters, `[[`, 0L, "n_levels"), type = spec$type,
       label = describe_joint_variance(spec, entry, scale, if (suest) "suest" else ssc$preset),
       rows = lengths(rows), shared = sum(tabulate(unlist(rows), pool$n_rows) > 1L))
}

# Rows of all models, as far as a variance asks: a model without effects.
pooled_rows <- function(m, union) {
  pool <- m[c("data", "n_data", "env", "threads", "ssc", "control")]
  pool$rows <- if (length(union) < m$n_data) union
  pool$n_rows <- pool$nobs <- length(union)
  pool$factors <- list()
  pool
}

joint_spec <- function(request, pool) {
  remedy <- "Ask for \"HC1\", or clusters such as vcov = ~country"
  if (is.matrix(request$vcov) || is.function(request$vcov)) {
    stop_arg("vcov", "is a matrix or function, which says nothing of the covariance of models",
             remedy)
  }
  spec <- parse_vcov(request$vcov, request$cluster, pool)
  known <- c("HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "NW", "DK", "conley")
  if (!spec$type %in% known) {
    stop_arg("vcov", sprintf("is %s, for which no joint variance of models is known",
                             dQuote(spec$type, FALSE)), remedy)
  }
  check_clusters(list(clusters = spec$clusters, G = vapply(spec$clusters, `[[`, 0L, "n_levels")))
  spec
}

# State of a model's own variance; its clusters are those of the pool in its rows.
member_state <- function(m, rows, spec, ssc, pool, request) {
  keep <- seq_len(pool$n_rows) %in% rows
  spec$clusters <- lapply(spec$clusters, recode, keep = keep)
  if (!is.null(vcov_registry[[spec$type]]$request)) {
    spec <- parse_vcov(request$vcov, request$cluster, m)
  }
  design <- influence_design(m)
  s <- variance_state(m, spec, if (is.null(ssc)) m$ssc else ssc, design)
  check_clusters(s)
  s[c("spec", "bread")] <- list(spec, design$bread)
  s
}

# psi: a row for each row of the pool, a column for each term.
term_influences <- function(s, rows, terms, n) {
  u <- switch(s$spec$type, HC0 = , HC1 = s$r, HC2 = s$r / sqrt(1 - s$h()), HC3 = s$r / (1 - s$h()),
              s$u)
  X <- if (is.list(s$X)) do.call(cbind, s$X) else s$X
  out <- matrix(0, n, length(terms))
  out[rows, ] <- u * (X %*% s$bread[, terms, drop = FALSE])
  out
}

# Sums over clusters of products of psi; per set of cluster variables G/(G-1) of each model, where
# the convention has it so.
joint_meat <- function(psi, states, rows, spec, pool, suest, k) {
  one <- rep(1, pool$n_rows)
  entry <- vcov_registry[[spec$type]]
  if (!is.null(entry$request)) {
    return(entry$meat(list(m = pool, X = psi, u = one, r = one, w = NULL, spec = spec,
                           ssc = pool$ssc, clusters = list(), G = integer())))
  }
  if (!entry$clustered) return(crossprod(psi))
  conventional <- spec$type == "CR1" && !suest
  q <- length(spec$clusters)
  meat <- 0
  for (set in seq_len(2^q - 1)) {
    members <- which(bitwAnd(set, 2^(seq_len(q) - 1)) > 0)
    coded <- Reduce(function(a, b) cross_codes(a, b, pool$threads), spec$clusters[members])
    factor <- vapply(seq_along(states), function(j) {
      s <- states[[j]]
      if (!conventional || s$ssc$G.df != "conventional") return(1)
      cluster_factor(s$m, s$ssc, length(unique(coded$code[rows[[j]]])), s$clusters)
    }, 0)
    root <- rep(sqrt(factor), each = k)
    sums <- .Call(C_score_sums, psi, one, coded$code, coded$n_levels, pool$threads)
    meat <- meat + (-1)^(length(members) + 1) * outer(root, root) * crossprod(sums)
  }
  meat
}

# One factor for all models; "HC0" and "CR0" have none. rows: of each model among those of all.
suest_factor <- function(spec, models, rows) {
  if (spec$type %in% c("HC0", "CR0")) return(1)
  if (!spec$type %in% c("HC1", "CR1")) {
    stop_arg("ssc", sprintf("is \"suest\", which has no factor for %s", spec$type),
             "Use it with \"HC1\" or clusters")
  }
  G <- vapply(spec$clusters, `[[`, 0L, "n_levels")
  counts <- rep(1, max(unlist(rows)))
  for (j in seq_along(models)) {
    times <- row_counts(models[[j]])
    if (!is.null(times)) counts[rows[[j]]] <- times
  }
  n <- if (length(G)) min(G) else sum(counts)
  n / (n - 1)
}

joint_member_df <- function(states, spec) {
  residual <- min(vapply(states, function(s) s$m$df.residual, 0))
  if (!is.null(vcov_registry[[spec$type]]$request)) {
    return(min(vapply(states, vcov_registry[[spec$type]]$df, 0)))
  }
  by_clusters <- all(vapply(states, function(s) s$ssc$t.df != "residual", NA))
  if (!length(spec$clusters) || !by_clusters) return(residual)
  min(vapply(spec$clusters, `[[`, 0L, "n_levels")) - 1
}

describe_joint_variance <- function(spec, entry, scale, ssc) {
  G <- vapply(spec$clusters, `[[`, 0L, "n_levels")
  sprintf("%s%s, factors %s (%s)", if (is.null(spec$label)) entry$label else spec$label,
          if (length(G)) {
            paste(" by", paste(sprintf("%s (%d)", names(G), G), collapse = " and "))
          } else "",
          paste(format_plain(unique(scale), 5L), collapse = ", "),
          if (is.null(ssc)) "of each model" else ssc)
}

# ---- the tests -----------------------------------------------------------------------------------

new_equal <- function(models, terms, joint, test, level) {
  n <- length(models)
  k <- length(terms)
  # differences from the first model: a block of rows for each other model
  R <- cbind(matrix(-1, n - 1L, 1L), diag(n - 1L)) %x% diag(k)
  d <- as.vector(R %*% joint$b)
  S <- R %*% joint$V %*% t(R)
  size <- as.vector(R^2 %*% diag(joint$V))
  same <- which(diag(S) <= 1e-18 * size)
  if (length(same)) {
    stop_arg("...", sprintf(paste("holds models whose coefficients of `%s` are the same by",
                                  "construction"), terms[(same[1L] - 1L) %% k + 1L]),
             "Compare models that differ in their rows, outcome or regressors")
  }
  df <- if (test == "chisq") Inf else joint$df
  Q <- function(at) {
    if (exceeds_clusters(length(at), joint$G)) return(NA_real_)
    quadratic_form(d[at], S[at, at, drop = FALSE])$Q
  }
  whole <- wald_statistic(Q(seq_along(d)), length(d), df, test)
  by_model <- matrix(joint$b, k, n)
  estimates <- data.frame(term = terms, by_model)
  names(estimates)[-1L] <- paste0("estimate", seq_len(n))
  estimates <- cbind(estimates, if (n == 2L) difference_columns(d, S, df, level) else
    equality_columns(Q, n - 1L, k, df, test))
  structure(c(whole, list(estimates = estimates, coefficients = joint$b, vcov = joint$V,
                          models = compared_labels(models), nobs = vapply(models, `[[`, 0, "nobs"),
                          shared = joint$shared, G = joint$G, df = joint$df, test = test,
                          label = joint$label, alternative = "two.sided",
                          method = "Equality of coefficients across models",
                          data.name = paste(quote_list(terms, 12L)))),
            class = c("fe_equal", "htest"))
}

difference_columns <- function(d, S, df, level) {
  se <- sqrt(diag(S))
  t <- d / se
  margin <- stats::qt(1 - (1 - level) / 2, df) * se
  data.frame(difference = d, std.error = se, statistic = t, df = df,
             p.value = 2 * stats::pt(-abs(t), df), conf.low = d - margin, conf.high = d + margin)
}

# Each of k terms equal in q + 1 models; Q: the quadratic form of differences, by their positions.
equality_columns <- function(Q, q, k, df, test) {
  rows <- lapply(seq_len(k), function(j) {
    out <- wald_statistic(Q(j + k * (seq_len(q) - 1L)), q, df, test)
    data.frame(statistic = unname(out$statistic), df1 = q, df2 = df, p.value = out$p.value)
  })
  do.call(rbind, rows)
}

compared_labels <- function(models) {
  formula <- vapply(models, function(m) deparse_one(m$formula), "")
  label <- names(models)
  unname(ifelse(nzchar(label) & label != formula, paste0(label, ": ", formula), formula))
}

# ---- methods -------------------------------------------------------------------------------------

#' @rdname fe_equal
#' @param x a result of class `fe_equal`.
#' @param digits significant digits to print.
#' @export
print.fe_equal <- function(x, digits = 5L, ...) {
  check_dots(...)
  cat(x$method, "\n")
  cat(sprintf("  (%d) %s, n = %s\n", seq_along(x$models), x$models, format(x$nobs, trim = TRUE)),
      sep = "")
  cat(sprintf("%s of the rows are in more than one model\n",
              if (x$shared) format(x$shared) else "None"))
  cat("Joint variance: ", x$label, ", ", if (x$test == "chisq") "normal" else
    sprintf("t(%s)", format(x$df, digits = 6L)), "\n\n", sep = "")
  e <- x$estimates
  own <- grep("^estimate", names(e))
  shown <- matrix(format_plain(unlist(e[own]), digits), nrow(e))
  two <- length(own) == 2L
  if (two) {
    shown <- cbind(shown, format_plain(e$difference, digits), format_plain(e$std.error, digits))
  }
  shown <- cbind(shown, format(round(e$statistic, 3L)),
                 format.pval(e$p.value, digits = 3L, eps = 1e-4), significance_stars(e$p.value))
  letter <- if (two) c("t", "z") else c("F", "chi-sq.")
  dimnames(shown) <- list(e$term, c(sprintf("(%d)", seq_along(own)),
                                    if (two) c("Difference", "Std. error"),
                                    letter[1L + (x$test == "chisq")], "p", ""))
  print(shown, quote = FALSE, right = TRUE)
  cat("---\n", if (is.na(x$p.value)) {
    sprintf("No joint test: %d restrictions exceed the rank of their variance%s",
            as.integer(x$parameter[[1L]]),
            if (length(x$G)) sprintf(" (%d clusters)", as.integer(min(x$G))) else "")
  } else paste("All terms equal:", describe_joint(x)), "\n", sep = "")
  invisible(x)
}

#' @rdname fe_equal
#' @export
coef.fe_equal <- function(object, ...) object$coefficients

#' @rdname fe_equal
#' @export
vcov.fe_equal <- function(object, ...) object$vcov

#' @rdname fe_equal
#' @export
tidy.fe_equal <- function(x, ...) {
  check_dots(...)
  x$estimates
}

#' @rdname fe_equal
#' @export
glance.fe_equal <- function(x, ...) {
  check_dots(...)
  p <- unname(x$parameter)
  data.frame(statistic = unname(x$statistic), p.value = x$p.value, df = p[1L],
             df.residual = if (length(p) > 1L) p[2L] else NA_real_, test = x$test,
             models = length(x$models), shared = x$shared, vcov.type = x$label)
}

#' @rdname fe_wald
#' @export
fe_wald.fe_equal <- function(object, hypothesis, rhs = NULL, test = NULL, level = 0.95, ...) {
  check_dots(...)
  check_level(level)
  if (missing(hypothesis)) {
    stop_arg("hypothesis", "is missing",
             paste("Name coefficients, such as", quote_list(names(object$coefficients))))
  }
  test <- check_choice(if (is.null(test)) object$test else test, c("F", "chisq"), "test")
  b <- object$coefficients
  r <- restrictions(hypothesis, rhs, b, sqrt(diag(object$vcov)), function(f) {
    stop_arg("hypothesis", "is a formula, whose terms belong to one model", "Name the coefficients")
  })
  r <- check_restrictions(r, sqrt(diag(object$vcov)), object$G)
  df <- if (test == "chisq") Inf else object$df
  new_wald(r, object$vcov, df, rep(df, length(r$text)), test, level,
           list(data.name = paste(length(object$models), "models"), vcov = object$label,
                nobs = sum(object$nobs), type = object$label))
}
