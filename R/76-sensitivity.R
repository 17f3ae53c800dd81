# Sensitivity of a coefficient to confounders that are not in the model.

#' How strong would a confounder have to be?
#'
#' For a coefficient of [fe_lm()], or the total, direct and path coefficients of [fe_mediate()]: the
#' sensitivity analysis of Cinelli and Hazlett (2020), which bounds the bias of an omitted variable
#' by two partial R2. For the indirect effects of a mediation: the analysis of Imai, Keele and
#' Yamamoto (2010) in the correlation of the errors of mediator and outcome.
#'
#' @section Omitted variables:
#' Let a confounder explain the share \eqn{R^2_D}{R2_D} of what the other regressors and fixed
#' effects leave of the treatment, and \eqn{R^2_Y}{R2_Y} of what they and the treatment leave of the
#' outcome. Adding it would move the estimate by exactly
#' \deqn{se \sqrt{df\, R^2_Y R^2_D / (1 - R^2_D)}}{se sqrt(df R2_Y R2_D / (1 - R2_D))}
#' and make its classical standard error
#' \eqn{se \sqrt{(1-R^2_Y)/(1-R^2_D)\, df/(df-1)}}{se sqrt((1-R2_Y)/(1-R2_D) df/(df-1))}, where se
#' is the classical one and df = n - K, fixed effects counted. With
#' \eqn{f = q |t| / \sqrt{df}}{f = q |t| / sqrt(df)} the robustness value
#' \eqn{RV_q = (\sqrt{f^4 + 4f^2} - f^2)/2}{RV_q = (sqrt(f^4 + 4 f^2) - f^2) / 2} is the strength
#' that, as both partial R2, takes away the share q of the estimate. It is algebra of least squares
#' and holds whatever the variance of the errors: se cancels in it. `rv.alpha` is the strength that
#' makes the estimate insignificant at level `alpha` with classical errors (f less the critical
#' value over \eqn{\sqrt{df-1}}{sqrt(df - 1)}; where the worst confounder explains less of the
#' outcome than of the treatment, \eqn{(f^2-c^2)/(1+f^2)}{(f^2 - c^2)/(1 + f^2)}). Under clustered
#' or robust errors no such formula exists; `rv.model` is that of the model's own variance under the
#' assumption that a confounder changes its standard error in the same proportion as the classical
#' one.
#'
#' All shares are of the variation within the fixed effects: what the effects absorb cannot
#' confound, and is not counted.
#'
#' @section Benchmarks:
#' A confounder `kd` times as strongly related to the treatment and `ky` times as strongly to the
#' outcome as an observed covariate (or a group of columns) has the partial R2 of Cinelli and
#' Hazlett (2020, section 4.4).
#'
#' @section Indirect effects:
#' With errors of mediator and outcome that have the correlation \eqn{\rho}{rho}, and the variances
#' \eqn{s_{11}, s_{22}}{s11, s22} and covariance \eqn{s_{12}}{s12} of the residuals of outcome and
#' mediator given the treatment, covariates and effects (and the other mediators of the equation),
#' the coefficient of the mediator is
#' \deqn{\gamma(\rho) = (s_{12} - \rho\sqrt{(s_{11}s_{22} - s_{12}^2)/(1-\rho^2)})/s_{22},}{
#' gamma(rho) = (s12 - rho sqrt((s11 s22 - s12^2) / (1 - rho^2))) / s22,}
#' the indirect effect \eqn{a\gamma(\rho)}{a gamma(rho)} and the direct one the rest of the
#' coefficient without the mediator. The indirect effect is zero at
#' \eqn{\rho = s_{12}/\sqrt{s_{11}s_{22}}}{rho = s12 / sqrt(s11 s22)}. Bands are the delta method on
#' the joint influences of a and the three moments, summed over rows or over the clusters of the
#' model's variance.
#'
#' @param object a model of class `fe_lm` or a mediation of class `fe_mediate`.
#' @param treat name of the coefficient; default the first slope (of a mediation: its treatment).
#' @param benchmark `NULL`, or a character vector of coefficients, or a named list of such vectors
#'   (groups).
#' @param kd,ky strengths relative to the benchmark, `kd` of one or more values; `ky` default `kd`.
#' @param q share of the estimate to be explained away, default 1.
#' @param alpha significance level, default 0.05.
#' @param rho correlations at which indirect effects are computed, strictly between -1 and 1.
#' @param level confidence level of the bands, default 0.95.
#' @param x an object of class `fe_sensitivity`.
#' @param what which table or figure: `"stats"`, `"bounds"`, `"rho"`; for `plot()` `"estimate"`,
#'   `"t"` or `"rho"`.
#' @param digits digits to print.
#' @param ... must be empty.
#' @return an object of class `fe_sensitivity`: `stats` (a row for each effect: `effect`, `term`,
#'   `estimate`, `std.error` (classical), `statistic`, `df`, `r2.treat.outcome`, `rv`, `rv.alpha`,
#'   `rv.model`), `bounds` (`effect`, `benchmark`, `kd`, `ky`, `r2.treat`, `r2.outcome`, adjusted
#'   `estimate`, `std.error`, `statistic`), `rho` (`mediator`, `rho`, `indirect`, its `std.error`,
#'   `conf.low`, `conf.high`, `direct`), `rho_zero` (`mediator`, `rho` at which the indirect effect
#'   is zero, `r2.residual` its square, the product of the shares of the residual variances of both
#'   equations that a common cause would explain; `r2.within` and `r2.total`, the same product for
#'   the variances within the fixed effects (`NA` without any) and for the total ones).
#'   `tidy()` gives one of the first three. `glance()` has a row: `effects`, `mediators`, `nobs`,
#'   `q`, `alpha`, the least `r2.treat.outcome`, `rv`, `rv.alpha` and `rv.model` of the effects, the
#'   least `|rho|` at which an indirect effect is zero (`rho.zero`), and `vcov.type`. [fe_table()]
#'   of it has a line for each effect.
#' @references Cinelli and Hazlett (2020) \doi{10.1111/rssb.12348}; Imai, Keele and Yamamoto (2010)
#'   \doi{10.1214/10-STS321}.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp + rd | country + year, digitrade, vcov = ~country)
#' fe_sensitivity(m, benchmark = "pgdp", kd = 1:3)
#' @export
fe_sensitivity <- function(object, ...) UseMethod("fe_sensitivity")

#' @export
fe_sensitivity.default <- function(object, ...) {
  stop_arg("object", paste("must be a model of class fe_lm or a mediation, not",
                           describe_value(object)))
}

#' @rdname fe_sensitivity
#' @export
fe_sensitivity.fe_lm <- function(object, treat = NULL, benchmark = NULL, kd = 1, ky = kd, q = 1,
                                 alpha = 0.05, ...) {
  check_dots(...)
  part <- omitted_part(object, check_slope(treat, object, "treat"), "coefficient",
                       read_benchmarks(benchmark, object), kd, ky, check_number(q, "q", 0, Inf),
                       check_level(alpha, "alpha"))
  new_sensitivity(list(part), q, alpha, match.call())
}

#' @rdname fe_sensitivity
#' @export
fe_sensitivity.fe_mediate <- function(object, benchmark = NULL, kd = 1, ky = kd, q = 1,
                                      alpha = 0.05, rho = seq(-0.9, 0.9, 0.05), level = 0.95, ...) {
  check_dots(...)
  if (!is.numeric(rho) || !length(rho) || anyNA(rho) || any(abs(rho) >= 1)) {
    stop_arg("rho", "must hold correlations strictly between -1 and 1")
  }
  check_level(level)
  check_plain_mediation(object)
  benchmark <- read_benchmarks(benchmark, object$models$total)
  q <- check_number(q, "q", 0, Inf)
  check_level(alpha, "alpha")
  part <- function(m, v, effect) {
    omitted_part(m, coef_name(v), effect, benchmark, kd, ky, q, alpha)
  }
  parts <- list(part(object$models$total, object$treat, "total"))
  for (b in names(object$models$b)) {
    parts <- c(parts, list(part(object$models$b[[b]], object$treat, paste0("direct:", b))))
  }
  curves <- lapply(object$mediators, rho_curve, x = object, rho = rho, level = level)
  out <- new_sensitivity(parts, q, alpha, match.call())
  out$rho <- do.call(rbind, lapply(curves, `[[`, "curve"))
  out$rho_zero <- do.call(rbind, lapply(curves, `[[`, "zero"))
  out$rho_label <- curves[[1L]]$label
  out
}

new_sensitivity <- function(parts, q, alpha, call) {
  bind <- function(name) do.call(rbind, lapply(parts, `[[`, name))
  structure(list(stats = bind("stats"), bounds = bind("bounds"), q = q, alpha = alpha, call = call,
                 label = parts[[1L]]$label, formula = parts[[1L]]$formula, nobs = parts[[1L]]$nobs),
            class = "fe_sensitivity")
}

# ---- omitted variables ---------------------------------------------------------------------------

omitted_part <- function(m, term, effect, benchmark, kd, ky, q, alpha) {
  check_strength(kd, "kd")
  check_strength(ky, "ky")
  need_ols(m, "fe_sensitivity()")
  need_full(m, "a sensitivity analysis")
  se <- sqrt(m$bread[term, term] * m$rss / m$df.residual)
  df <- m$df.residual
  estimate <- m$coefficients[[term]]
  t <- estimate / se
  own <- std_errors(m)[[term]] / se * stats::qt(1 - alpha / 2, coef_df(m)[[term]])
  stats <- data.frame(effect = effect, term = term, estimate = estimate, std.error = se,
                      statistic = t, df = df, r2.treat.outcome = t^2 / (t^2 + df),
                      rv = robustness_value(t, df, q, 0),
                      rv.alpha = robustness_value(t, df, q, stats::qt(1 - alpha / 2, df - 1)),
                      rv.model = robustness_value(t, df, q, own))
  list(stats = stats, bounds = benchmark_bounds(m, term, effect, benchmark, kd, ky, stats),
       label = describe_vcov(m), formula = m$formula, nobs = m$nobs)
}

check_strength <- function(k, arg) {
  if (is.numeric(k) && length(k) && all(is.finite(k)) && all(k >= 0)) return(invisible())
  stop_arg(arg, paste("must hold finite numbers of zero or more, not", describe_value(k)))
}

# The least strength, as both partial R2, that takes q of the estimate to the critical value.
robustness_value <- function(t, df, q, critical) {
  f <- q * abs(t) / sqrt(df)
  c <- critical / sqrt(df - 1)
  if (f <= c) return(0)
  if (c > 0 && f * c > 1) return((f^2 - c^2) / (1 + f^2))
  (sqrt((f - c)^4 + 4 * (f - c)^2) - (f - c)^2) / 2
}

# Estimate, standard error and t with a confounder of given partial R2.
adjusted_estimate <- function(stats, r2_treat, r2_outcome) {
  bias <- stats$std.error * sqrt(stats$df * r2_outcome * r2_treat / (1 - r2_treat))
  estimate <- sign(stats$estimate) * (abs(stats$estimate) - bias)
  se <- stats$std.error * sqrt((1 - r2_outcome) / (1 - r2_treat) * stats$df / (stats$df - 1))
  data.frame(estimate = estimate, std.error = se, statistic = estimate / se)
}

read_benchmarks <- function(benchmark, m) {
  if (is.null(benchmark)) return(NULL)
  if (is.character(benchmark)) benchmark <- stats::setNames(as.list(benchmark), benchmark)
  known <- setdiff(names(m$coefficients), "(Intercept)")
  named <- is.list(benchmark) && !is.null(names(benchmark)) && is.character(unlist(benchmark))
  bad <- if (named) setdiff(unlist(benchmark), known)
  if (!named || length(bad)) {
    stop_arg("benchmark", paste("must name coefficients, not",
                                if (named) quote_list(bad) else describe_value(benchmark)),
             paste("They are", quote_list(known, 12L)))
  }
  benchmark
}

benchmark_bounds <- function(m, term, effect, benchmark, kd, ky, stats) {
  rows <- lapply(names(benchmark), function(name) {
    at <- benchmark[[name]]
    if (term %in% at) stop_arg("benchmark", sprintf("holds the treatment `%s`", term))
    d <- partial_r2(m, term, at)
    y <- partial_r2(m, NULL, at)
    r2_treat <- kd * d / (1 - d)
    if (any(r2_treat >= 1)) {
      stop_arg("kd", sprintf(paste("asks for a confounder that explains all of `%s`: the benchmark",
                                   "`%s` has a partial R2 of %.3g"), term, name, d),
               sprintf("Give less than %.3g", (1 - d) / d))
    }
    zx <- kd * d^2 / ((1 - kd * d) * (1 - d))
    r2_outcome <- ((sqrt(ky) + sqrt(zx)) / sqrt(1 - zx))^2 * y / (1 - y)
    if (any(!(r2_outcome <= 1))) {
      warn_user("the bound by `", name, "` implies a share of the outcome above one: it is ",
                "set to 1")
      r2_outcome <- ifelse(r2_outcome <= 1, r2_outcome, 1)
    }
    data.frame(effect = effect, benchmark = name, kd = kd, ky = ky, r2.treat = r2_treat,
               r2.outcome = r2_outcome, adjusted_estimate(stats, r2_treat, r2_outcome))
  })
  do.call(rbind, rows)
}

# Partial R2 of columns with the outcome (term NULL) given all others, or with the regressor `term`
# given all but the outcome.
partial_r2 <- function(m, term, at) {
  x <- residual_design(m) * sqrt(row_weights(m))
  if (is.null(term)) {
    y <- as.vector(sqrt(row_weights(m)) * m$residuals + x %*% m$coefficients[colnames(x)])
  } else {
    y <- x[, term]
    x <- x[, colnames(x) != term, drop = FALSE]
  }
  rss <- function(x) sum(qr.resid(qr(x), y)^2)
  1 - rss(x) / rss(x[, !colnames(x) %in% at, drop = FALSE])
}

# ---- indirect effects ----------------------------------------------------------------------------

# The indirect effect through one mediator as a function of rho -> list(curve, zero, label)
rho_curve <- function(x, mediator, rho, level) {
  a <- x$models$a[[mediator]]
  outcome <- outcome_equation(x, mediator)
  parts <- rho_parts(outcome, coef_name(mediator), coef_name(x$treat))
  at <- gamma_of_rho(parts$s, rho)
  alpha <- coef_of(a, x$treat)
  psi <- list(outer(influences(a)[, coef_name(x$treat)] * weighted_residuals(a), at$gamma),
              alpha * parts$moments %*% t(at$slope))
  variance <- rho_variance(a, outcome, psi)
  se <- sqrt(variance$v)
  margin <- stats::qt(1 - (1 - level) / 2, variance$df) * se
  indirect <- alpha * at$gamma
  zero <- parts$s[3L] / sqrt(parts$s[1L] * parts$s[2L])
  list(curve = data.frame(mediator = mediator, rho = rho, indirect = indirect, std.error = se,
                          conf.low = indirect - margin, conf.high = indirect + margin,
                          direct = parts$whole - parts$own * at$gamma),
       zero = data.frame(mediator = mediator, rho = zero, r2.residual = zero^2,
                         r2.within = zero^2 * unexplained(a, "tss_within") *
                           unexplained(outcome, "tss_within"),
                         r2.total = zero^2 * unexplained(a, "tss") * unexplained(outcome, "tss")),
       label = variance$label)
}

unexplained <- function(m, of) m$rss / m[[of]]

# Moments of the residuals of outcome (1) and mediator (2) given all else in the outcome equation
# -> s (s11, s22, s12), moments (n x 3: influences on s), own (the treatment's coefficient in the
# mediator's regression), whole (that in the outcome's, without the mediator)
rho_parts <- function(outcome, mediator, treat) {
  w <- row_weights(outcome)
  design <- residual_design(outcome)
  b <- outcome$coefficients[[mediator]]
  q <- qr(design[, colnames(design) != mediator, drop = FALSE] * sqrt(w))
  column <- design[, mediator] * sqrt(w)
  e2 <- qr.resid(q, column) / sqrt(w)
  e1 <- as.double(outcome$residuals) + b * e2
  products <- cbind(e1^2, e2^2, e1 * e2)
  s <- colSums(w * products) / sum(w)
  own <- qr.coef(q, column)[[treat]]
  list(s = s, moments = w * sweep(products, 2L, s) / sum(w), own = own,
       whole = outcome$coefficients[[treat]] + own * b)
}

# The mediator's coefficient at each rho, and its derivatives by s11, s22, s12.
gamma_of_rho <- function(s, rho) {
  gap <- sqrt(s[1L] * s[2L] - s[3L]^2)
  k <- rho / sqrt(1 - rho^2)
  gamma <- (s[3L] - k * gap) / s[2L]
  list(gamma = gamma,
       slope = cbind(-k / (2 * gap), -k * s[1L] / (2 * gap * s[2L]) - gamma / s[2L],
                     (1 + k * s[3L] / gap) / s[2L]))
}

# The curve is defined for coefficients that are the same everywhere, and mediators side by side.
check_plain_mediation <- function(x) {
  odd <- c(if (identical(x$type, "serial")) "a chain of mediators",
           if (!is.null(x$moderator)) "moderated paths",
           if (isTRUE(x$interaction)) "an interaction of treatment and mediator")
  if (!length(odd)) return(invisible())
  stop_arg("object", paste("is a mediation with", odd[1L], "for which no curve in rho is known"),
           "Give its equations, in `models`, to fe_sensitivity() one by one")
}

# Variances of sums of two columns of influences, of the mediator's and of the outcome equation,
# each with the small-sample factor of its own: over clusters of the model's variance, else rows.
rho_variance <- function(a, outcome, psi) {
  clusters <- model_clusters(outcome)
  type <- if (length(clusters)) "CR1" else "HC1"
  entry <- vcov_registry[[type]]
  state <- function(m) {
    variance_state(m, list(type = type, clusters = clusters), m$ssc, list(X = NULL))
  }
  root <- sqrt(vapply(list(a, outcome), function(m) entry$scale(state(m)), 0))
  s <- state(outcome)
  s$X <- root[1L] * psi[[1L]] + root[2L] * psi[[2L]]
  s$u <- rep(1, nrow(s$X))
  s$r <- if (is.null(row_counts(outcome))) s$u else 1 / sqrt(row_counts(outcome))
  s$w <- NULL
  by <- if (length(clusters)) paste(" by", paste(names(clusters), collapse = " and "))
  list(v = pmax(diag(as.matrix(entry$meat(s))), 0), df = entry$df(s),
       label = paste0(entry$label, by))
}

# ---- methods -------------------------------------------------------------------------------------

#' @rdname fe_sensitivity
#' @export
print.fe_sensitivity <- function(x, digits = 4L, ...) {
  check_digits(digits)
  check_dots(...)
  cat("Sensitivity to omitted confounders\n", deparse_one(x$formula), "\n\n", sep = "")
  s <- x$stats
  shown <- cbind(format(s[c("estimate", "std.error", "statistic")], digits = digits),
                 format(round(s[c("r2.treat.outcome", "rv", "rv.alpha", "rv.model")], digits)))
  names(shown) <- c("Estimate", "Classical s.e.", "t", "Partial R2", sprintf("RV(q = %g)", x$q),
                    sprintf("RV(%g%%)", 100 * x$alpha), "RV(own s.e.)")
  rownames(shown) <- make.unique(s$effect)
  print(shown)
  writeLines(strwrap(paste0(
    sprintf("RV(q) is algebra and holds under any variance; RV(%g%%) is for classical ",
            100 * x$alpha),
    "errors; RV(own s.e.), of the model's errors (", x$label, "), supposes that a confounder ",
    "changes them in the same proportion. ",
    "Shares are of the variation within the fixed effects."), 90L))
  if (!is.null(x$bounds)) {
    cat("\nA confounder kd (treatment) and ky (outcome) times as strong as:\n")
    print(x$bounds, digits = digits, row.names = FALSE)
  }
  if (!is.null(x$rho_zero)) {
    cat("\nThe indirect effect is zero if the errors of mediator and outcome correlate by rho:\n")
    known <- !vapply(x$rho_zero, function(column) all(is.na(column)), NA)
    print(x$rho_zero[known], digits = digits, row.names = FALSE)
    cat("Bands of the curve: ", x$rho_label, "\n", sep = "")
  }
  invisible(x)
}

#' @rdname fe_sensitivity
#' @param conf.int,conf.level for `tidy()` of `"stats"`: `TRUE` adds the classical `p.value`,
#'   `conf.low` and `conf.high` at that level.
#' @export
tidy.fe_sensitivity <- function(x, what = c("stats", "bounds", "rho"), conf.int = FALSE,
                                conf.level = 0.95, ...) {
  check_dots(...)
  what <- check_first(what, c("stats", "bounds", "rho"), "what")
  out <- x[[what]]
  if (is.null(out)) {
    stop_arg("what", sprintf("is \"%s\", and the object holds none", what),
             if (what == "rho") "Give a mediation to fe_sensitivity()" else "Give `benchmark`")
  }
  if (!check_flag(conf.int, "conf.int") || what != "stats") return(out)
  margin <- stats::qt(1 - (1 - check_level(conf.level, "conf.level")) / 2, out$df) * out$std.error
  data.frame(out, p.value = 2 * stats::pt(-abs(out$statistic), out$df),
             conf.low = out$estimate - margin, conf.high = out$estimate + margin)
}

#' @rdname fe_sensitivity
#' @export
glance.fe_sensitivity <- function(x, ...) {
  check_dots(...)
  least <- lapply(x$stats[c("r2.treat.outcome", "rv", "rv.alpha", "rv.model")], min)
  data.frame(effects = nrow(x$stats), mediators = NROW(x$rho_zero), nobs = x$nobs, q = x$q,
             alpha = x$alpha, least,
             rho.zero = if (is.null(x$rho_zero)) NA_real_ else min(abs(x$rho_zero$rho)),
             vcov.type = x$label)
}

#' @rdname fe_sensitivity
#' @export
nobs.fe_sensitivity <- function(object, ...) object$nobs

#' @export
formula.fe_sensitivity <- function(x, ...) x$formula
