# Simultaneous confidence bands of a family of coefficients.

#' Simultaneous confidence bands
#'
#' Intervals of several coefficients that hold all at once with the stated probability, for event
#' studies, forest plots and other figures of many coefficients. The band of coefficient k is
#' \eqn{b_k \pm c\, s_k}{b_k -/+ c s_k}.
#'
#' `"sup-t"`: c is the quantile of \eqn{\max_k |T_k|}{max |T_k|}, T multivariate t with the
#' correlation of the estimates and the degrees of freedom of their variance (the smallest, where
#' coefficients have their own), the narrowest band of this form (Montiel Olea and Plagborg-Moller
#' 2019). With `from = "variance"` it solves
#' \deqn{R^{-1}\sum_r F_{\chi^2_\nu}(\nu M_r^2/c^2) = 1 - level,\quad
#'   M_r = \max_k |Z_{rk}|,}{mean of pchisq(df M_r^2 / c^2, df) = 1 - level, M_r = max |Z_rk|,}
#' Z normal draws with that correlation, so that only they are simulated. With `"wild"` or `"pairs"`
#' c is the \eqn{\lceil level (R + 1) \rceil}{ceiling(level (R + 1))}-th smallest of
#' \eqn{\max_k |t^*_k|}{max |t*_k|} over bootstrap replicates, those of [fe_adjust()] with
#' unrestricted residuals. `"sidak"`:
#' \eqn{c = t_{(1 + level^{1/K})/2}}{c = qt((1 + level^(1/K))/2)},
#' `"bonferroni"`: \eqn{c = t_{1 - (1 - level)/(2K)}}{c = qt(1 - (1 - level)/(2K))},
#' `"pointwise"`: no adjustment. The correlation across models is that of [fe_equal()].
#'
#' @param ...,terms,vcov,ssc,cluster,threads,progress models and coefficients as in [fe_adjust()];
#'   `terms = NULL` means all slopes of a single model.
#' @param level simultaneous confidence level, default 0.95.
#' @param type `"sup-t"` (default), `"sidak"`, `"bonferroni"` or `"pointwise"`.
#' @param from where the distribution of the maximum comes from: `"variance"` (default), `"wild"` or
#'   `"pairs"`.
#' @param R number of draws, default 100,000 from the variance and 9,999 of a bootstrap.
#' @param seed a whole number, default 1: draws serve to compute a quantile, and the same call gives
#'   the same band; `NULL`: drawn from R's generator.
#' @param weights of the wild bootstrap, as in [fe_adjust()].
#' @return a data frame of class `fe_bands` with a row for each coefficient: `model`, `term`,
#'   `estimate`, `std.error`, `conf.low`, `conf.high` (pointwise), `band.low`, `band.high`
#'   (simultaneous). Attributes: `critical` (c), `level`, `type`, `from`, `df`.
#' @references Montiel Olea and Plagborg-Moller (2019) \doi{10.1002/jae.2656}; Sidak (1967)
#'   \doi{10.1080/01621459.1967.10482935}.
#' @examples
#' m <- fe_lm(ln_upmf ~ i(year, ln_imdig) + pgdp | country + year, digitrade, vcov = ~country)
#' band <- fe_bands(m, terms = grep("::", names(coef(m)), value = TRUE))
#' band
#' attr(band, "critical")
#' @export
fe_bands <- function(..., terms = NULL, level = 0.95,
                     type = c("sup-t", "sidak", "bonferroni", "pointwise"),
                     from = c("variance", "wild", "pairs"), R = NULL, cluster = NULL, vcov = NULL,
                     ssc = NULL, seed = 1, weights = "rademacher", threads = NULL,
                     progress = interactive()) {
  given <- list(...)
  check_level(level)
  if (is.null(terms) && length(given) == 1L && inherits(given[[1L]], "fe_lm")) {
    terms <- setdiff(names(given[[1L]]$coefficients), "(Intercept)")
  }
  family <- new_family(given, as.list(substitute(list(...)))[-1L], terms, vcov, ssc)
  from <- check_first(from, c("variance", "wild", "pairs"), "from")
  asked <- list(type = from, cluster = cluster, impose_null = FALSE, seed = seed,
                kind = check_choice(weights, wild_weights, "weights"),
                B = check_count(if (is.null(R)) if (from == "variance") 1e5 else 9999 else R, "R",
                                100, 1e7),
                threads = check_threads(threads), progress = check_flag(progress, "progress"))
  type <- check_first(type, c("sup-t", "sidak", "bonferroni", "pointwise"), "type")
  new_bands(family, level, type, asked)
}

new_bands <- function(family, level, type, asked, joint = NULL) {
  simulated <- type == "sup-t" && asked$type == "variance"
  if (is.null(joint) && simulated) joint <- family_variance(family)
  df <- if (is.null(joint)) family_df(family) else joint$df
  size <- nrow(family$at)
  critical <- switch(type,
    "sup-t" = if (simulated) {
      sup_t(joint$V, df, level, asked$B, asked$seed)
    } else boot_critical(family_replicates(family, asked), level),
    sidak = stats::qt((1 + level^(1 / size)) / 2, df),
    bonferroni = stats::qt(1 - (1 - level) / (2 * size), df),
    pointwise = stats::qt((1 + level) / 2, df))
  table <- family_table(family, level)
  out <- table[c("model", "term", "estimate", "std.error", "conf.low", "conf.high")]
  out$band.low <- out$estimate - critical * out$std.error
  out$band.high <- out$estimate + critical * out$std.error
  structure(out, critical = critical, level = level, type = type, from = asked$type, df = df,
            class = c("fe_bands", "data.frame"))
}

family_df <- function(family) {
  min(vapply(unique(family$at$model), function(j) {
    least_df(family$models[[j]], family$at$term[family$at$model == j])
  }, 0))
}

# Quantile of the largest |T| of a multivariate t with the correlation of V.
sup_t <- function(V, df, level, R, seed) {
  size <- sqrt(diag(V))
  e <- eigen(V / outer(size, size), symmetric = TRUE)
  root <- sweep(e$vectors, 2L, sqrt(pmax(e$values, 0)), `*`)
  root <- root / sqrt(rowSums(root^2))
  largest <- 0
  z <- fe_boot_weights(nrow(root), seq_len(R), check_seed(seed), "wild", "norm")
  for (k in seq_len(nrow(root))) largest <- pmax(largest, abs(as.vector(root[k, ] %*% z)))
  if (is.infinite(df)) return(unname(stats::quantile(largest, level, type = 6L)))
  beyond <- function(c) mean(stats::pchisq(df * (largest / c)^2, df)) - (1 - level)
  ends <- stats::qt(c((1 + level) / 2, 1 - (1 - level) / (2 * nrow(root))), df)
  stats::uniroot(beyond, c(0.9 * ends[1L], 1.1 * ends[2L]), extendInt = "yes", tol = 1e-8)$root
}

boot_critical <- function(boot, level) {
  largest <- sort(do.call(pmax, as.data.frame(abs(boot$t_boot))))
  largest[min(length(largest), ceiling(level * (length(largest) + 1)))]
}

# ---- joint variance ------------------------------------------------------------------------------

# Variance of all coefficients of a family: of a single model its own, of several the joint one ->
# list(b, V, df (the smallest of the coefficients), label, G, and eta and adjusted as in
# joint_variance())
family_variance <- function(family) {
  models <- family$models
  at <- family$at
  b <- unlist(Map(function(j, term) models[[j]]$coefficients[[term]], at$model, at$term))
  used <- unique(at$model)
  if (length(used) == 1L) {
    m <- models[[used]]
    return(c(list(b = b, V = unname(m$vcov[at$term, at$term, drop = FALSE]),
                  df = least_df(m, at$term), label = describe_vcov(m), G = m$vcov_info$G),
             own_eta(m, at$term)))
  }
  models <- models[used]
  lapply(models, need_full, what = "its scores")
  check_same_data(models)
  check_same_weighting(models)
  request <- common_request(models)
  union <- union_rows(models)
  spec <- joint_spec(request, union$pool, joint_types)
  if (!is.null(spec$draw) && !length(spec$clusters)) rows_as_clusters(models[[1L]])
  states <- Map(member_state, models, union$rows, list(spec), list(NULL), list(union$pool),
                list(request))
  entry <- vcov_registry[[spec$type]]
  scale <- vapply(states, entry$scale, 0)
  terms <- lapply(used, function(j) at$term[at$model == j])
  made <- stacked_variance(states, union$rows, spec, union$pool, terms, scale)
  spec$label <- if (is.null(made$label)) spec$label else made$label
  by_model <- order(match(at$model, used)) # what stands at each place of V
  place <- order(by_model)
  df <- joint_df(states, union$rows, spec, terms)
  if (!is.null(df$eta)) {
    of <- df$eta
    df$eta <- function(R) of(R[, by_model, drop = FALSE])
    df$df <- family_df(family)
  }
  c(list(b = b, V = unname(made$V[place, place, drop = FALSE]),
         label = describe_joint_variance(spec, entry, scale, NULL),
         G = vapply(spec$clusters, `[[`, 0L, "n_levels")), df)
}

# Satterthwaite's degrees of freedom of restrictions on some coefficients of one model.
own_eta <- function(m, terms) {
  if (is_shared_df(m$vcov_info$df)) return(NULL)
  adjusted <- identical(m$vcov_info$type, "CR2") && !isTRUE(m$lean)
  eta <- function(R) {
    J <- matrix(0, nrow(R), length(m$coefficients))
    J[, match(terms, names(m$coefficients))] <- R
    if (adjusted && nrow(R) > 1L) htz_df(m, J) else min(restriction_df(m, J))
  }
  list(eta = eta, adjusted = adjusted)
}

#' @rdname fe_bands
#' @param x an object of class `fe_bands`.
#' @param digits significant digits to print.
#' @export
print.fe_bands <- function(x, digits = 4L, ...) {
  check_digits(digits)
  check_dots(...)
  cat(sprintf("%g%% simultaneous band (%s%s), critical value %.4f (pointwise %.4f)\n\n",
              100 * attr(x, "level"), attr(x, "type"),
              if (attr(x, "type") == "sup-t") paste(", from", attr(x, "from")) else "",
              attr(x, "critical"), stats::qt((1 + attr(x, "level")) / 2, attr(x, "df"))))
  print(format(as.data.frame(unclass(x)), digits = digits), quote = FALSE)
  invisible(x)
}
