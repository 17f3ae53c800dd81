# Fixed against random effects.

#' Fixed or random effects: Hausman and Mundlak tests
#'
#' Are the effects of the units correlated with the regressors? If they are not, the random effects
#' estimator is consistent too, and more efficient; if they are, only the fixed effects estimator
#' is.
#'
#' @section What is tested:
#' All methods ask whether within and between estimates of the k slopes of time-varying regressors
#' have the same limit, \eqn{\gamma = \beta_{between} - \beta_{within} = 0}{gamma = beta_between -
#' beta_within = 0}. The outcome, rows, weights and other fixed effects are those of the model,
#' whose slopes are the within estimates.
#' \itemize{
#' \item `"mundlak"`: the regression without the effects of the units, but with the (weighted) means
#'   of the regressors over the rows of each unit,
#'   \deqn{y_{it} = x_{it}'\beta + \bar x_i'\gamma + \lambda_t + e_{it},}{
#'     y_it = x_it'beta + xbar_i'gamma + lambda_t + e_it,}
#'   by least squares, and the Wald test of \eqn{\gamma = 0}{gamma = 0} under a clustered variance
#'   (Mundlak 1978; Arellano 1993; Wooldridge 2010, section 10.7.3). Neither the variance of the
#'   effects nor independence within units is supposed. The slopes \eqn{\beta}{beta} are those of
#'   the fixed effects model to the last digit, in unbalanced panels too, because unit means of the
#'   dummies of other fixed effects are controlled for (Wooldridge 2019). With it the random effects
#'   model need not be fitted.
#' \item `"aux"`: the same regression after the transformation of random effects,
#'   \eqn{y_{it} - \theta_i \bar y_i}{y_it - theta_i ybar_i}, and so on for every column, the
#'   constant included. `plm::phtest(method = "aux")` is the same for balanced panels; for others it
#'   leaves the constant as it is. In a balanced panel with effects of units only, this test and
#'   `"mundlak"` are one under a clustered variance.
#' \item `"hausman"`: the classic statistic of Hausman (1978),
#'   \deqn{(b_{FE} - b_{RE})'(V_{FE} - V_{RE})^{-1}(b_{FE} - b_{RE}),}{
#'     (b_FE - b_RE)' (V_FE - V_RE)^-1 (b_FE - b_RE),}
#'   chi-squared with k degrees of freedom. It supposes that random effects are efficient: errors
#'   and effects independent and of one variance. A difference of the variances that is not
#'   positive definite is said in a warning, and an error where the statistic is negative.
#' }
#' Fixed effects beside those of the units, years above all, stay fixed effects under every method.
#' Regressors that do not vary within units stay in the equations (if the formula has them), and are
#' not compared.
#'
#' @section Random effects:
#' \eqn{\theta_i = 1 - \sqrt{\sigma_e^2 / (\sigma_e^2 + T_i \sigma_a^2)}}{theta_i = 1 - sqrt(s2_e /
#' (s2_e + T_i s2_a))} with the components of Swamy and Arora (1972), for unbalanced panels as in
#' Baltagi and Chang (1994): \eqn{\sigma_e^2 = RSS / (n - K)}{s2_e = RSS / (n - K)} of the model,
#' and with the regression of unit means, weighted by \eqn{T_i}{T_i}, on the N x p matrix
#' \eqn{\bar X}{Xbar} of means of all columns,
#' \deqn{\sigma_a^2 = \frac{RSS_b - (N - p)\sigma_e^2}
#'   {n - tr((\bar X'T\bar X)^{-1}\bar X'T^2\bar X)},}{
#'   s2_a = (RSS_b - (N - p) s2_e) / (n - tr((Xbar'T Xbar)^-1 Xbar'T^2 Xbar)),}
#' or zero if that is negative, which is said. These are plm's; Stata's `xtreg, re` differs from it
#' in unbalanced panels.
#'
#' @param object a model of class `fe_lm` with fixed effects of the units.
#' @param unit `NULL` (the first fixed effect), or the one that identifies the units: its name, or a
#'   one-sided formula.
#' @param method `"mundlak"` (default), `"aux"` or `"hausman"`; see below.
#' @param vcov,cluster,ssc for `"mundlak"` and `"aux"`, the variance, as in [vcov.fe_lm()]. By
#'   default that of the model if it is clustered, else `"CR1"` by unit. `vcov = "iid"` with
#'   `"aux"` is the regression form of the classic test. Variances that suppose independence within
#'   units are refused for `"mundlak"`, whose errors hold the effects of the units.
#' @param test `"F"` or `"chisq"`, or `"HTZ"` with `"CR2"`; see [fe_wald()]. `NULL`: as there, and
#'   `"chisq"` for the classic statistic, which has no other.
#' @param level confidence level of the intervals of `tidy()`, default 0.95.
#' @return a list of class `c("fe_hausman", "htest")`: `statistic`, `parameter`, `p.value`,
#'   `method`, `estimates` (a data frame with a row for each regressor: `term`, `within`, then
#'   `between` or, for the classic statistic, `random`; `difference` from `within`, its
#'   `std.error`, `statistic`, `df`, `p.value`, `conf.low`, `conf.high`),
#'   `left_out` (regressors whose means cannot be told from the other columns), `unit`, `n_units`,
#'   `vcov` (in words), and for `"aux"` and `"hausman"` `components` (`sigma2_e`, `sigma2_a`) and
#'   `theta` (one number a unit). `tidy()` gives `estimates`; `glance()` one row.
#' @references Hausman (1978) \doi{10.2307/1913827}; Mundlak (1978) \doi{10.2307/1913646}; Arellano
#'   (1993) \doi{10.1016/0304-4076(93)90040-C}; Swamy and Arora (1972) \doi{10.2307/1909405};
#'   Baltagi and Chang (1994) \doi{10.1016/0304-4076(94)90030-2}; Wooldridge (2019)
#'   \doi{10.1016/j.jeconom.2018.12.010}; Wooldridge (2010), Econometric Analysis of Cross Section
#'   and Panel Data, 2nd ed., MIT Press.
#' @seealso [fe_wald()] for the F test that there are effects at all.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
#' fe_hausman(m)
#' fe_hausman(m, method = "hausman")
#' @export
fe_hausman <- function(object, unit = NULL, method = c("mundlak", "aux", "hausman"), vcov = NULL,
                       cluster = NULL, ssc = NULL, test = NULL, level = 0.95) {
  if (!inherits(object, "fe_lm")) {
    stop_arg("object", paste("must be a model of class fe_lm, not", describe_value(object)))
  }
  need_full(object, "this test")
  method <- check_first(method, c("mundlak", "aux", "hausman"), "method")
  check_level(level)
  p <- panel_parts(object, choose_unit(object, unit))
  if (method != "mundlak") check_unweighted(object, method)
  if (method == "hausman") return(classic_hausman(object, p, vcov, cluster, ssc, test, level))
  request <- hausman_request(object, p, vcov, cluster, method)
  re <- if (method == "aux") random_effects(object, p)
  m <- mundlak_model(object, p, re)
  m <- set_vcov(m, request$vcov, if (is.null(ssc)) object$ssc else check_ssc(ssc), request$cluster)
  means <- mean_names(p)
  kept <- intersect(means, names(m$coefficients))
  if (!length(kept)) {
    stop_arg("object", "has no regressor whose unit means vary apart from the other columns",
             "There is nothing to compare")
  }
  r <- restrictions(quote_name(kept), NULL, m$coefficients, NULL, NULL)
  new_hausman(wald_test(m, r, test, level), m, p, re, kept, method)
}

# ---- the panel -----------------------------------------------------------------------------------

choose_unit <- function(m, unit) {
  known <- names(m$factors)
  if (!length(known)) {
    stop_arg("object", "has no fixed effects",
             "Estimate it with those of the units: y ~ x | country")
  }
  if (has_slopes(m$factors)) {
    stop_arg("object", "has varying slopes, for which these tests are not defined")
  }
  if (is.null(unit)) return(1L)
  if (inherits(unit, "formula") && length(unit) == 2L) unit <- deparse_one(unit[[2L]])
  match(check_choice(unit, known, "unit"), known)
}

# -> list(x: regressors of the model; z: those that units (or others) explain; dummies: of the other
# effects, a base level each left out; unit, others: coded factors; name; mean: a function of a
# matrix -> its unit means, a row a unit)
panel_parts <- function(m, at) {
  unit <- m$factors[[at]]
  others <- m$factors[-at]
  size <- sum(vapply(others, `[[`, 0L, "n_levels"))
  if (size > 2000 || as.double(size) * m$n_rows > 2e8) {
    stop_arg("object", sprintf(paste("has fixed effects with %d levels beside those of the units,",
                                     "too many for dummies of all of them"), as.integer(size)),
             "Leave the large ones out")
  }
  whole <- whole_design(m)
  z <- whole[, setdiff(colnames(whole), c("(Intercept)", names(m$coefficients))), drop = FALSE]
  dummies <- do.call(cbind, c(list(matrix(0, m$n_rows, 0L)), dummy_columns(others)))
  w <- row_weights(m)
  mass <- as.vector(rowsum(w, unit$code))
  list(x = raw_design(m),
       z = matrix(as.double(z), nrow(z), dimnames = list(NULL, colnames(z))),
       dummies = name_columns(dummies, "effect"), unit = unit, others = others,
       name = names(m$factors)[at], n = m$n_rows,
       mean = function(x) rowsum(w * x, unit$code) / mass)
}

name_columns <- function(x, stem) {
  colnames(x) <- sprintf(".%s %d", stem, seq_len(ncol(x)))
  x
}

mean_names <- function(p) sprintf(".mean of %s", colnames(p$x))

check_unweighted <- function(m, method) {
  if (is.null(m$weights)) return(invisible())
  stop_arg("method", sprintf("is \"%s\", whose random effects are not defined with weights",
                             method), "Use \"mundlak\"")
}

# The variance that is asked for, with the units as clusters where none is.
hausman_request <- function(m, p, vcov, cluster, method) {
  if (is.null(vcov) && is.null(cluster)) {
    request <- m$vcov_request
    if (length(m$vcov_info$G)) {
      request <- explicit_request(m, request$vcov, request$cluster)
    } else {
      request <- list(vcov = "CR1", cluster = NULL)
    }
    vcov <- request$vcov
    cluster <- request$cluster
  }
  if (is.character(vcov) && length(vcov) == 1L && is.null(cluster) &&
      !identical(vcov, "twoway")) {
    clusters <- stats::as.formula(call("~", read_written(p$name, names(m$data))), env = m$env)
    type <- if (vcov %in% names(vcov_aliases)) vcov_aliases[[vcov]] else vcov
    if (isTRUE(vcov_registry[[type]]$clustered)) {
      vcov <- type
      cluster <- clusters
    }
  }
  check_within_clusters(m, p, explicit_request(m, vcov, cluster), method)
}

# The errors of the regression without effects are dependent within units.
check_within_clusters <- function(m, p, request, method) {
  if (method != "mundlak" || is.matrix(request$vcov) || is.function(request$vcov)) return(request)
  clusters <- parse_vcov(request$vcov, request$cluster, m)$clusters
  if (any(vapply(clusters, is_nested, NA, inner = p$unit))) return(request)
  stop_arg("vcov", sprintf(paste("supposes independent errors within the units `%s`, but they hold",
                                 "the effects of the units"), p$name),
           "Cluster by the units, or by something that they lie within")
}

# ---- the auxiliary regression --------------------------------------------------------------------

# The model without effects of the units, with unit means; quasi-demeaned with `re`. Columns that
# are compared come last, so that none of the others is left out for them.
mundlak_model <- function(m, p, re) {
  spread <- function(x) p$mean(x)[p$unit$code, , drop = FALSE]
  means <- spread(p$x)
  colnames(means) <- mean_names(p)
  controls <- name_columns(spread(p$dummies), "mean of effect")
  if (is.null(re)) {
    return(refit(m, cbind(controls, p$z, p$x, means), with_constant(p$others, p$n)))
  }
  columns <- cbind(.constant = 1, p$dummies, controls, p$z, p$x, means)
  refit(m, re$transform(columns), list(), as.vector(re$transform(cbind(m$y))))
}

new_hausman <- function(w, m, p, re, kept, method) {
  term <- colnames(p$x)[match(kept, mean_names(p))]
  table <- tidy(w)
  within <- unname(m$coefficients[term])
  estimates <- data.frame(term = term, within = within, between = within + table$estimate,
                          difference = table$estimate,
                          table[c("std.error", "statistic", "df", "p.value", "conf.low",
                                  "conf.high")])
  labels <- c(mundlak = "Mundlak test of fixed against random effects",
              aux = "Hausman test by the auxiliary regression of random effects")
  finish_hausman(w[c("statistic", "parameter", "p.value", "test", "vcov", "nobs", "data.name")],
                 estimates, p, re, labels[[method]], setdiff(colnames(p$x), term))
}

finish_hausman <- function(parts, estimates, p, re, label, left_out) {
  structure(c(parts, list(method = label, alternative = "two.sided", estimates = estimates,
                          left_out = left_out, unit = p$name, n_units = p$unit$n_levels,
                          components = re$components, theta = re$theta)),
            class = c("fe_hausman", "htest"))
}

# ---- random effects ------------------------------------------------------------------------------

# Swamy and Arora's components -> list(components, theta (a number a unit), transform (a function of
# a matrix))
random_effects <- function(m, p) {
  T <- as.vector(p$unit$rows)
  code <- p$unit$code
  X <- cbind(1, p$mean(cbind(p$dummies, p$z, p$x)))
  root <- sqrt(T)
  q <- qr(root * X, tol = 1e-9)
  rss <- sum(qr.resid(q, root * as.vector(p$mean(cbind(m$y))))^2)
  leverage <- rowSums(qr.qy(q, diag(1, length(T), q$rank))^2)
  s2_e <- m$rss / m$df.residual
  free <- length(T) - q$rank
  if (free <= 0) {
    stop_arg("object", sprintf(paste("has %d units for %d columns of unit means: the variance of",
                                     "the effects cannot be estimated"), length(T), q$rank),
             "Use method = \"mundlak\" with fewer regressors")
  }
  s2_a <- (rss - free * s2_e) / (sum(T) - sum(leverage * T))
  if (s2_a < 0) {
    warn_user(sprintf("the variance of the effects is estimated as %.4g and set to zero: ", s2_a),
              "random effects are pooled least squares")
  }
  theta <- 1 - sqrt(s2_e / (s2_e + T * max(s2_a, 0)))
  list(components = c(sigma2_e = s2_e, sigma2_a = max(s2_a, 0)),
       theta = stats::setNames(theta, level_labels(p$unit)),
       transform = function(x) x - theta[code] * p$mean(x)[code, , drop = FALSE])
}

random_model <- function(m, p, re) {
  columns <- cbind(.constant = 1, p$dummies, p$z, p$x)
  out <- refit(m, re$transform(columns), list(), as.vector(re$transform(cbind(m$y))))
  set_vcov(out, "iid", m$ssc)
}

classic_hausman <- function(m, p, vcov, cluster, ssc, test, level) {
  given <- c("vcov", "cluster", "ssc")[!c(is.null(vcov), is.null(cluster), is.null(ssc))]
  if (length(given)) {
    stop_arg(given[1L], "is given, but the classic statistic rests on efficient random effects",
             "Use method = \"mundlak\", which takes any variance that clusters the units")
  }
  if (!is.null(test)) check_choice(test, "chisq", "test")
  re <- random_effects(m, p)
  random <- random_model(m, p, re)
  term <- intersect(colnames(p$x), names(random$coefficients))
  d <- random$coefficients[term] - m$coefficients[term]
  S <- vcov.fe_lm(m, "iid")[term, term, drop = FALSE] - random$vcov[term, term, drop = FALSE]
  joint <- wald_statistic(hausman_quadratic(d, S, diag(vcov.fe_lm(m, "iid"))[term]), length(d), Inf,
                          "chisq")
  se <- sqrt(pmax(unname(diag(S)), 0))
  se[se == 0] <- NA
  margin <- stats::qnorm(1 - (1 - level) / 2) * se
  d <- unname(d)
  estimates <- data.frame(term = term, within = unname(m$coefficients[term]),
                          random = unname(random$coefficients[term]), difference = d,
                          std.error = se, statistic = d / se, df = Inf,
                          p.value = 2 * stats::pnorm(-abs(d / se)), conf.low = d - margin,
                          conf.high = d + margin)
  finish_hausman(c(joint, list(test = "chisq", vcov = "V_FE - V_RE, both iid", nobs = m$nobs,
                               data.name = deparse_one(m$formula))),
                 estimates, p, re, "Hausman test of fixed against random effects",
                 setdiff(colnames(p$x), term))
}

# d'S^-1 d, S a difference of variances that need not be positive definite. scale: variances.
hausman_quadratic <- function(d, S, scale) {
  size <- sqrt(scale)
  S <- S / outer(size, size)
  e <- eigen(S, symmetric = TRUE)
  Q <- sum(crossprod(e$vectors, d / size)^2 / e$values)
  none <- any(abs(e$values) < 1e-12)
  if (!none && min(e$values) > 0) return(Q)
  if (none || Q <= 0) {
    stop_arg("method", paste("is \"hausman\", whose statistic does not exist in these data: V_FE -",
                             "V_RE is", if (none) "singular" else "not positive definite"),
             "Use \"mundlak\"")
  }
  warn_user("V_FE - V_RE is not positive definite, so that the statistic need not follow the ",
            "chi-squared distribution. Use method = \"mundlak\"")
  Q
}

# ---- methods -------------------------------------------------------------------------------------

#' @rdname fe_hausman
#' @param x a result of class `fe_hausman`.
#' @param digits significant digits to print.
#' @param ... must be empty.
#' @export
print.fe_hausman <- function(x, digits = 5L, ...) {
  check_digits(digits)
  check_dots(...)
  cat(x$method, "\n", x$data.name, sprintf("; units: `%s` (%d)\n", x$unit, x$n_units), sep = "")
  cat("Variance: ", x$vcov, "\n", sep = "")
  if (!is.null(x$theta)) {
    range <- unique(format(range(x$theta), digits = 4L))
    cat(sprintf("Components: sigma2_e = %.5g, sigma2_a = %.5g; theta = %s\n", x$components[[1L]],
                x$components[[2L]], paste(range, collapse = " to ")))
  }
  e <- x$estimates
  shown <- cbind(format_plain(e$within, digits), format_plain(e[[3L]], digits),
                 format_plain(e$difference, digits), format_plain(e$std.error, digits),
                 format(round(e$statistic, 3L)), format.pval(e$p.value, digits = 3L, eps = 1e-4))
  dimnames(shown) <- list(e$term, c("Within", sub("^b", "B", sub("^r", "R", names(e)[3L])),
                                    "Difference", "Std. error", if (x$test == "chisq") "z" else "t",
                                    "p"))
  cat("\n")
  print(shown, quote = FALSE, right = TRUE)
  if (length(x$left_out)) {
    cat("Not compared, as their means do not vary apart:", quote_list(x$left_out, 12L), "\n")
  }
  cat("\n", describe_joint(x), " (H0: effects and regressors are uncorrelated)\n", sep = "")
  invisible(x)
}

#' @rdname fe_hausman
#' @export
tidy.fe_hausman <- function(x, ...) {
  check_dots(...)
  x$estimates
}

#' @rdname fe_hausman
#' @export
glance.fe_hausman <- function(x, ...) {
  check_dots(...)
  glance_test(x, n_units = x$n_units, nobs = x$nobs, vcov.type = x$vcov)
}
