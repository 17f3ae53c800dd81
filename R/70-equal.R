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
#' Other types are what they are for one regression of all models, each with coefficients and
#' effects of its own, in which a row that two models share stands twice:
#' \itemize{
#' \item `"CR2"`: the sums over g are those of each model's scores with adjusted residuals. H of
#'   that regression is block-diagonal in the models, hence so are the blocks B_g and their roots
#'   (Pustejovsky and Tipton 2018).
#' \item `"CR3"`, `"CR3J"`: the sums are the changes of all estimates without cluster g, zero for a
#'   model that does not have it, each model with its own factor (G-1)/G.
#' \item `pairs()`: the covariance of replicates in which the same clusters of all samples are drawn
#'   for every model; replicates without a solution in some model are left out and counted.
#'   `wild()`: the residuals of a cluster get the same weight in every model.
#' }
#' Negative eigenvalues of several-way and of Conley's variances are judged by all slopes of all
#' models, so that the choice of `terms` does not matter.
#'
#' Degrees of freedom are the number of clusters of all samples together, less 1 (or the smallest
#' n - K of the models, if the convention says so, and without clusters). Under `"CR2"` t has
#' Satterthwaite's, and the joint test is HTZ, as in [fe_wald()]; both are those of the regression
#' above with independent errors, an approximation where models share rows.
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
#' @param vcov `NULL` (the type that all models were estimated with), or any type of [vcov.fe_lm()]
#'   except `"iid"`, which says nothing of the errors of one row in two models. A clustered type
#'   alone goes with the clusters of the first model's variance, where it names some.
#' @param cluster `NULL`, or the clusters, as in [vcov.fe_lm()]: a formula, names of columns, or a
#'   vector as long as the data.
#' @param ssc `NULL`, `"suest"` or a convention made by [fe_ssc()]; see below.
#' @param test `"F"` (and t), `"chisq"` (and normal), or `"HTZ"` (and t), for `"CR2"`; `NULL`: HTZ
#'   under CR2 with Satterthwaite degrees of freedom, else F.
#' @param level confidence level of the intervals, default 0.95.
#' @return a list of class `c("fe_equal", "htest")`: `statistic`, `parameter`, `p.value` of the
#'   joint test (`NA` when the variance of the differences is singular, or HTZ has no degrees of
#'   freedom left); `estimates`, a data frame
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
#' @order 1
#' @export
fe_equal <- function(..., terms = NULL, vcov = NULL, cluster = NULL, ssc = NULL,
                     test = NULL, level = 0.95) {
  models <- compared_models(list(...), as.list(substitute(list(...)))[-1L])
  check_level(level)
  terms <- compared_terms(models, terms)
  request <- if (is.null(vcov) && is.null(cluster)) common_request(models) else
    with_own_clusters(models[[1L]], vcov, cluster)
  joint <- joint_variance(models, terms, request, ssc)
  check_joint(joint$V, models, terms)
  new_equal(models, terms, joint, equality_test(joint, test), level)
}

check_joint <- function(V, models, terms) {
  size <- vapply(models, function(m) independent_variance(m, terms), numeric(length(terms)))
  zero <- which(diag(V) < 1e-18 * as.vector(size))
  if (!length(zero)) return(invisible())
  at <- zero[1L] - 1L
  stop_arg("cluster", sprintf(paste("gives `%s` in model %d a variance of zero: the scores of",
                                    "every cluster sum to zero"),
                              terms[at %% length(terms) + 1L], at %/% length(terms) + 1L),
           "Use other clusters, of which there are more, or leave the model out")
}

# ---- what is compared ----------------------------------------------------------------------------

# Models and lists of models, flattened -> named list of models.
compared_models <- function(given, written) {
  labels <- if (is.null(names(given))) rep("", length(given)) else names(given)
  parts <- Map(function(m, label, expr) {
    if (inherits(m, "fe_moderate")) m <- m$model
    if (inherits(m, "fe_lm")) return(stats::setNames(list(m), given_label(m, label, expr)))
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

# A model is called as it was named or written, else by its part of a split.
given_label <- function(m, label, expr) {
  if (nzchar(label)) return(label)
  if (is.name(expr)) return(as.character(expr))
  if (is.null(m$split)) "" else m$split
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

# A clustered type alone goes with the clusters of the model's own variance.
with_own_clusters <- function(m, vcov, cluster) {
  if (is_bare_type(m, vcov, cluster)) {
    own <- explicit_request(m, m$vcov_request$vcov, m$vcov_request$cluster)
    cluster <- request_cluster(own)
  }
  list(vcov = vcov, cluster = cluster)
}

equality_test <- function(joint, test) {
  adjusted <- isTRUE(joint$adjusted)
  if (is.null(test)) return(if (adjusted) "HTZ" else "F")
  check_choice(test, c("F", "chisq", "HTZ"), "test")
  if (test == "HTZ" && !adjusted) {
    stop_arg("test", "is \"HTZ\", which needs CR2 with Satterthwaite degrees of freedom",
             "Ask for vcov = CR2 ~ country, with your clusters")
  }
  test
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
  check <- function(at) equality_check(d, S, R, at, joint, test)
  whole <- check(seq_along(d))
  by_model <- matrix(joint$b, k, n)
  estimates <- data.frame(term = terms, by_model)
  names(estimates)[-1L] <- paste0("estimate", seq_len(n))
  estimates <- cbind(estimates, if (n == 2L) {
    difference_columns(d, S, each_df(joint, R, test), level)
  } else equality_columns(check, n - 1L, k))
  structure(c(whole, list(estimates = estimates, coefficients = joint$b, vcov = joint$V,
                          models = compared_labels(models), nobs = vapply(models, `[[`, 0, "nobs"),
                          shared = joint$shared, G = joint$G, df = joint$df, eta = joint$eta,
                          adjusted = isTRUE(joint$adjusted), test = test,
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

# Each of k terms equal in q + 1 models. check(at): the test of some differences.
equality_columns <- function(check, q, k) {
  rows <- lapply(seq_len(k), function(j) {
    out <- check(j + k * (seq_len(q) - 1L))
    p <- unname(out$parameter)
    data.frame(statistic = unname(out$statistic), df1 = q, df2 = if (length(p) > 1L) p[2L] else Inf,
               p.value = out$p.value)
  })
  do.call(rbind, rows)
}

# The test of the differences `at` of d = R b with the variance S; NA where there is none.
equality_check <- function(d, S, R, at, joint, test) {
  q <- length(at)
  df <- joint_test_df(joint, R[at, , drop = FALSE], test)
  none <- exceeds_clusters(q, joint$G) || (test == "HTZ" && !isTRUE(df - q + 1 > 0))
  Q <- if (none) NA_real_ else quadratic_form(d[at], S[at, at, drop = FALSE])$Q
  if (test != "HTZ" || !none) return(wald_statistic(Q, q, df, test))
  list(statistic = c(F = NA_real_), parameter = c(df1 = q, df2 = df - q + 1), p.value = NA_real_)
}

# Degrees of freedom of t of each restriction, a row of R each, and of the joint test.
each_df <- function(joint, R, test) {
  if (test == "chisq") return(rep(Inf, nrow(R)))
  if (is.null(joint$eta)) return(rep(joint$df, nrow(R)))
  vapply(seq_len(nrow(R)), function(r) joint$eta(R[r, , drop = FALSE]), 0)
}

joint_test_df <- function(joint, R, test) {
  if (test == "HTZ") joint$eta(R) else min(each_df(joint, R, test))
}

compared_labels <- function(models) {
  formula <- vapply(models, function(m) deparse_one(m$formula), "")
  label <- names(models)
  unname(ifelse(nzchar(label) & label != formula, paste0(label, ": ", formula), formula))
}
