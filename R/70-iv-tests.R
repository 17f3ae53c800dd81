# Tests of a model with instruments: strength, rank, overidentification, endogeneity, Anderson-Rubin.

#' Tests of instruments
#'
#' Are the instruments strong, do they identify the equation, are they valid, is the regressor
#' endogenous, and what do the data say of its coefficient if the instruments are weak? All tests
#' under the variance of the model: iid, heteroskedasticity-robust, clustered, Newey-West,
#' Driscoll-Kraay or Conley.
#'
#' @section The tests:
#' With y, E (p endogenous regressors) and Z (q instruments) what the exogenous regressors and the
#' fixed effects leave of them, u the residuals of the equation, V those of the first stages
#' \eqn{E = Z\Pi + V}{E = Z Pi + V}, n the observations, K the parameters of a first stage (effects
#' included), P the projection on Z and S(.) the variance of Z'(.), all weighted by W:
#'
#' | test | statistic | distribution, source |
#' |---|---|---|
#' | first-stage F | Wald of a column of Pi, over q | F(q, df) |
#' | conditional F | the same for \eqn{e_j - E_{-j}\delta}{e_j - E_-j delta}, delta by two-stage least squares on Z, over q - p + 1 | F(q - p + 1, df); Sanderson and Windmeijer (2016) |
#' | effective F (p = 1) | \eqn{e'Pe / \mathrm{tr}(\mathrm{var}(\hat\pi) Z'Z)}{e'Pe / tr(var(pi) Z'Z)} | critical values below; Montiel Olea and Pflueger (2013) |
#' | Cragg-Donald F (iid) | smallest eigenvalue of \eqn{\hat\Sigma_V^{-1} E'PE}{Sigma_V^-1 E'PE}, over q | none; Cragg and Donald (1993) |
#' | Kleibergen-Paap Wald F | rk statistic of Pi, rank p - 1 against p, over q | rk: chi2(q - p + 1); Kleibergen and Paap (2006) |
#' | Kleibergen-Paap LM | the same with S(E) in place of S(V) | chi2(q - p + 1) |
#' | Sargan (iid), Hansen J | \eqn{g'S(u)^{-1}g}{g' S(u)^-1 g} at the two-step estimate, weights from the residuals u | chi2(q - p); Sargan (1958), Hansen (1982) |
#' | Wu-Hausman | Wald of V in the least-squares regression of y on E, exogenous and V, over p | F(p, df); Wu (1973), Hausman (1978) |
#' | Durbin (iid) | what V explains of the least-squares residuals, times n over their sum of squares | chi2(p); Durbin (1954) |
#' | Anderson-Rubin | Wald of Z in the regression of \eqn{y - E\beta_0}{y - E beta0} on Z, over q | F(q, df); Anderson and Rubin (1949) |
#'
#' Wald statistics have the small-sample factor of [fe_ssc()] for K parameters, LM and J have none
#' (as Stata's ivreg2 and ranktest); df is n - K, or those of the clusters. Types that have no joint
#' form are replaced by the plain one for the same errors, which is said: `"HC2"` and `"HC3"` by
#' `"HC1"`; `"CR2"`, `"CR3"`, `"CR3J"` and the bootstrap by `"CR1"`; a matrix by iid. A statistic
#' whose variance is singular (clusters no more than instruments) is `NA`.
#'
#' @section Weak instruments:
#' The effective F rejects at 5 % that the Nagar bias of two-stage least squares exceeds the share
#' tau of that of the worst case if it is above `critical`: the upper 5 % point of a non-central
#' chi-squared divided by its \eqn{K_{eff}}{K_eff} degrees of freedom (Patnaik), non-centrality
#' \eqn{K_{eff} B/\tau}{K_eff B/tau}, \eqn{K_{eff} = \mathrm{tr}(S)^2(1 + 2B/\tau) /
#' (\mathrm{tr}(S'S) + 2 (B/\tau) \mathrm{tr}(S)\lambda_{max}(S))}{K_eff = tr(S)^2 (1 + 2 B/tau) /
#' (tr(S'S) + 2 B/tau tr(S) lambda_max(S))} with S = S(V) for Z'Z = I. B, the largest bias over all
#' coefficients and directions of Pi, is computed from the joint variance of first stage and reduced
#' form; `simplified`, their conservative value, has B = 1.
#'
#' @section The Anderson-Rubin set:
#' The values \eqn{\beta_0}{beta0} of one endogenous regressor that the test does not reject have
#' the stated coverage however weak the instruments are. With
#' \eqn{\pi(\beta) = \pi_y - \beta\pi}{pi(b) = pi_y - b pi} and its variance
#' \eqn{V(\beta)}{V(b)}, quadratic in beta, the ends are the roots of
#' \eqn{\det(c V(\beta) - \pi(\beta)\pi(\beta)') = 0}{det(c V(b) - pi(b) pi(b)') = 0}, c the critical
#' value: an eigenvalue problem, no grid. The set may be an interval, unbounded, in two parts, or
#' empty (when no value fits the overidentifying restrictions). For several endogenous regressors
#' there is the joint test of `beta0`.
#'
#' @param m a model of class `fe_lm` with instruments, see [fe_lm()].
#' @param vcov,cluster,ssc another variance, as in [vcov.fe_lm()]; `NULL`: that of the model.
#' @param beta0 the hypothesis of the Anderson-Rubin test: a number, or one for each endogenous
#'   regressor; default 0.
#' @param level level of the Anderson-Rubin set, default 0.95.
#' @param ... must be empty.
#' @return an object of class `fe_iv_tests`, a list of `first` (data frame, a row for each endogenous
#'   regressor: `endogenous`, `statistic`, `df1`, `df2`, `p.value`, `partial.r2`, and with several
#'   `conditional` with its p-value), `effective` (`NULL`, or a list of `statistic`, `B` and
#'   `critical`, a data frame of `tau`, `critical`, `simplified`), `tests` (data frame: `test`,
#'   `hypothesis`, `statistic`, `distribution`, `df1`, `df2`, `p.value`), `set` (`NULL`, or a matrix
#'   of intervals, `low` and `high`), `level`, `wald` (the interval of two-stage least squares),
#'   `vcov` (in words).
#'   Methods: `print`, [generics::tidy()], [generics::glance()], `plot` (the p-value of the
#'   Anderson-Rubin test as a function of the coefficient).
#' @references Anderson and Rubin (1949) \doi{10.1214/aoms/1177730090}; Cragg and Donald (1993)
#'   \doi{10.1017/S0266466600007519}; Durbin (1954) \doi{10.2307/1401917}; Hansen (1982)
#'   \doi{10.2307/1912775}; Hausman (1978) \doi{10.2307/1913827}; Kleibergen and Paap (2006)
#'   \doi{10.1016/j.jeconom.2005.02.011}; Montiel Olea and Pflueger (2013)
#'   \doi{10.1080/00401706.2013.806694}; Sanderson and Windmeijer (2016)
#'   \doi{10.1016/j.jeconom.2015.06.004}; Sargan (1958) \doi{10.2307/1907619}; Wu (1973)
#'   \doi{10.2307/1914093}.
#' @examples
#' m <- fe_lm(ln_upmf ~ pgdp | country + year | ln_imdig ~ fdi + urban, digitrade, vcov = ~country)
#' fe_iv_tests(m)
#' @export
fe_iv_tests <- function(m, vcov = NULL, cluster = NULL, ssc = NULL, beta0 = 0, level = 0.95, ...) {
  check_dots(...)
  check_iv(m)
  need_full(m, "tests of its instruments")
  check_level(level)
  m <- restated(m, vcov, cluster, ssc)
  mo <- iv_moments(m)
  if (mo$n <= mo$K + mo$p) {
    stop_arg("m", sprintf("has %s observations, too few for %s parameters in the tests", mo$n,
                          mo$K + mo$p), "Use more rows, or fewer instruments and fixed effects")
  }
  beta0 <- check_beta0(beta0, mo$p)
  V <- moment_variance(mo, c(mo$v, list(mo$v_y)))
  one <- mo$p == 1L
  ar <- if (one) ar_parts(mo, V)
  at <- match(m$iv$endogenous, names(m$coefficients))
  structure(list(
    formula = m$formula, endogenous = m$iv$endogenous, instruments = m$iv$instruments, nobs = mo$n,
    first = add_conditional(first_stage_tests(m, mo), mo, V),
    effective = if (one) effective_F(mo, V),
    tests = do.call(rbind, c(rank_tests(mo, V), list(overid_test(mo)), endogeneity_tests(mo),
                             list(ar_test(mo, V, beta0)))),
    set = if (one) ar_set(ar, level), level = level,
    wald = as.matrix(coef_table(m, level)[at, c("estimate", "conf.low", "conf.high")]),
    std.error = unname(std_errors(m)[at]), t.df = unname(coef_df(m)[at]),
    ar = ar, vcov = mo$spec$note), class = "fe_iv_tests")
}

check_beta0 <- function(beta0, p) {
  if (is.numeric(beta0) && length(beta0) %in% c(1L, p) &&
      all(is.finite(beta0^2))) {
    return(rep_len(as.double(beta0), p))
  }
  stop_arg("beta0", sprintf("must be one number%s, not %s",
                            if (p > 1L) sprintf(" or %d", p) else "", describe_value(beta0)))
}

test_row <- function(test, hypothesis, statistic, df1, df2 = NA_real_, p.value = NULL) {
  if (is.null(p.value)) {
    p.value <- if (is.na(df2)) stats::pchisq(statistic, df1, lower.tail = FALSE) else
      stats::pf(statistic, df1, df2, lower.tail = FALSE)
  }
  data.frame(test = test, hypothesis = hypothesis, statistic = statistic,
             distribution = if (is.na(df2)) "chisq" else "F", df1 = df1, df2 = unname(df2),
             p.value = p.value)
}

# ---- strength and rank ---------------------------------------------------------------------------

# Sanderson and Windmeijer's F of each endogenous regressor given the others.
add_conditional <- function(first, mo, V) {
  if (mo$p == 1L) return(first)
  df <- mo$q - mo$p + 1
  first$conditional <- vapply(seq_len(mo$p), function(j) {
    others <- mo$pi[, -j, drop = FALSE]
    a <- numeric(mo$p + 1L)
    a[j] <- 1
    a[-c(j, mo$p + 1L)] <- -qr.coef(qr(others), mo$pi[, j])
    wald_form(as.vector(mo$pi %*% a[-(mo$p + 1L)]), combine_blocks(V, a, mo$q)) / df
  }, 0)
  first$conditional.p <- stats::pf(first$conditional, df, mo$df, lower.tail = FALSE)
  first
}

rank_tests <- function(mo, V) {
  w <- row_weights(mo$m)
  v <- matrix(unlist(mo$v), length(w))
  sigma <- crossprod(v, w * v)
  df <- mo$q - mo$p + 1
  at <- seq_len(mo$p * mo$q)
  wald <- rk_statistic(mo, sigma, V[at, at, drop = FALSE])
  e <- lapply(seq_len(mo$p), function(j) mo$v[[j]] + as.vector(mo$Z %*% mo$pi[, j]))
  lm <- rk_statistic(mo, sigma, moment_variance(mo, e, scaled = FALSE))
  iid <- mo$spec$type == "iid"
  root <- backsolve(chol(sigma / (mo$n - mo$K)), diag(mo$p))
  least <- min(svd(mo$pi %*% root, 0L, 0L)$d)^2
  weak <- "not identified"
  c(if (iid) list(test_row("Cragg-Donald F", weak, least / mo$q, df,
                           p.value = stats::pchisq(least, df, lower.tail = FALSE))),
    list(test_row("Kleibergen-Paap Wald F", weak, wald / mo$q, df,
                  p.value = stats::pchisq(wald, df, lower.tail = FALSE)),
         test_row("Kleibergen-Paap LM", weak, lm, df)))
}

# rk statistic of rank p - 1, given the variance of vec(pi). x: the combination of the endogenous
# with the smallest canonical correlation; a: what is orthogonal to the fitted values of the others.
rk_statistic <- function(mo, sigma, V) {
  root <- backsolve(chol(sigma + crossprod(mo$pi)), diag(mo$p))
  parts <- svd(mo$pi %*% root, nu = mo$q)
  x <- root %*% parts$v[, mo$p]
  a <- parts$u[, mo$p:mo$q, drop = FALSE]
  by <- kronecker(x, a)
  wald_form(as.vector(crossprod(a, mo$pi %*% x)), crossprod(by, V %*% by))
}

# ---- effective F ---------------------------------------------------------------------------------

effective_F <- function(mo, V) {
  S <- variance_blocks(V, mo$q)
  B <- worst_bias(S)
  tau <- c(0.05, 0.1, 0.2, 0.3)
  list(statistic = sum(mo$pi^2) / sum(diag(S$first)), B = B,
       critical = data.frame(tau = tau, critical = critical_F(S$first, B / tau),
                             simplified = critical_F(S$first, 1 / tau)))
}

# The joint variance of a first stage and the reduced form, in blocks.
variance_blocks <- function(V, q) {
  at <- seq_len(q)
  list(first = V[at, at, drop = FALSE], both = V[at + q, at, drop = FALSE],
       reduced = V[at + q, at + q, drop = FALSE])
}

# The 5 % critical value for the non-centrality x (a vector).
critical_F <- function(S, x) {
  trace <- sum(diag(S))
  most <- max(eigen(S, symmetric = TRUE, only.values = TRUE)$values)
  k <- trace^2 * (1 + 2 * x) / (sum(S^2) + 2 * x * trace * most)
  stats::qchisq(0.95, k, ncp = x * k) / k
}

# The largest Nagar bias of two-stage least squares over that of the benchmark, over coefficients
# b = center + unit tan(angle) and directions of pi.
worst_bias <- function(S) {
  trace <- function(M) sum(diag(M))
  t2 <- trace(S$first)
  center <- trace(S$both) / t2
  unit <- sqrt(max(trace(S$reduced) / t2 - center^2, 1e-12 * (1 + center^2)))
  bias <- function(angle) {
    b <- center + unit * tan(angle)
    S12 <- (S$both + t(S$both)) / 2 - b * S$first
    S1 <- trace(S$reduced) - 2 * b * trace(S$both) + b^2 * t2
    ends <- range(eigen(S12, symmetric = TRUE, only.values = TRUE)$values)
    max(abs(trace(S12) - 2 * ends)) / sqrt(S1 * t2)
  }
  angle <- seq(-pi / 2, pi / 2, length.out = 402L)[-c(1L, 402L)]
  found <- vapply(angle, bias, 0)
  near <- angle[which.max(found)] + c(-1, 1) * diff(angle[1:2])
  near <- pmax(pmin(near, pi / 2 - 1e-9), 1e-9 - pi / 2)
  min(1, max(found, stats::optimize(bias, near, maximum = TRUE)$objective))
}

# ---- overidentification, endogeneity -------------------------------------------------------------

overid_test <- function(mo) {
  iid <- mo$spec$type == "iid"
  name <- if (iid) "Sargan" else "Hansen J"
  hypothesis <- "instruments valid"
  df <- mo$q - mo$p
  if (df == 0L) return(NULL)
  S <- moment_variance(mo, list(mo$u), scaled = FALSE)
  e <- eigen(S, symmetric = TRUE)
  if (min(e$values) <= 1e-11 * max(e$values)) return(test_row(name, hypothesis, NA_real_, df))
  root <- t(e$vectors) / sqrt(e$values)
  rest <- qr.resid(qr(root %*% mo$pi), as.vector(root %*% mo$pi_y))
  test_row(name, hypothesis, sum(rest^2), df)
}

endogeneity_tests <- function(mo) {
  m <- mo$m
  v <- stats::setNames(mo$v, paste0("v", seq_len(mo$p)))
  own <- c(m$iv$e, m$x[m$iv$exogenous])
  b <- m$coefficients[names(own)]
  y <- as.double(m$residuals + sum_of(own, b))
  hypothesis <- "regressors exogenous"
  wide <- rows_model(m, c(v, own), y)
  if (is.null(wide)) return(list(test_row("Wu-Hausman", hypothesis, NA_real_, mo$p, mo$df)))
  at <- seq_len(mo$p)
  found <- spec_variance(wide, mo$spec, mo$ssc)
  F <- wald_form(wide$coefficients[at], found$V[at, at, drop = FALSE]) / mo$p
  out <- list(test_row("Wu-Hausman", hypothesis, F, mo$p, found$df))
  if (mo$spec$type != "iid") return(out)
  rss <- rows_model(m, own, y)$rss
  c(out, list(test_row("Durbin", hypothesis, mo$n * (1 - wide$rss / rss), mo$p)))
}

# ---- Anderson-Rubin ------------------------------------------------------------------------------

ar_test <- function(mo, V, beta0) {
  F <- wald_form(mo$pi_y - as.vector(mo$pi %*% beta0),
                 combine_blocks(V, c(-beta0, 1), mo$q)) / mo$q
  beta0 <- paste(format(beta0, digits = 4L, trim = TRUE), collapse = ", ")
  test_row("Anderson-Rubin", paste("coefficients", beta0), F, mo$q, mo$df)
}

# What the statistic of one coefficient is made of.
ar_parts <- function(mo, V) {
  c(list(pi = mo$pi[, 1L], pi_y = mo$pi_y, q = mo$q, df = unname(mo$df), b = mo$b,
         unit = unname(std_errors(mo$m)[mo$m$iv$endogenous])), variance_blocks(V, mo$q))
}

ar_statistic <- function(a, b) {
  vapply(b, function(x) {
    V <- a$reduced - x * (a$both + t(a$both)) + x^2 * a$first
    wald_form(a$pi_y - x * a$pi, V) / a$q
  }, 0)
}

# Roots of det(c V(t) - pi(t) pi(t)') in t = (beta - b) / unit, by its inverse mu = 1 / t: those of
# the matrix polynomial Q0 mu^2 + Q1 mu + Q2. -> matrix of intervals; no row: empty; NULL: unknown.
ar_set <- function(a, level) {
  limit <- stats::qf(level, a$q, a$df)
  s <- a$unit
  center <- a$b + 0.01234 * s # at b itself a boundary may lie
  p0 <- a$pi_y - center * a$pi
  p1 <- -s * a$pi
  cross <- a$both + t(a$both)
  value <- a$q * limit
  Q0 <- value * (a$reduced - center * cross + center^2 * a$first) - tcrossprod(p0)
  Q1 <- value * s * (2 * center * a$first - cross) - tcrossprod(p0, p1) - tcrossprod(p1, p0)
  Q2 <- value * s^2 * a$first - tcrossprod(p1)
  if (is.na(ar_statistic(a, center))) return(NULL)
  companion <- rbind(cbind(matrix(0, a$q, a$q), diag(a$q)), -solve(Q0, cbind(Q2, Q1)))
  mu <- eigen(companion, only.values = TRUE)$values
  mu <- Re(mu)[abs(Im(mu)) <= 1e-6 * Mod(mu) & Mod(mu) > 1e-9]
  ends <- c(-Inf, sort(center + s / mu), Inf)
  inside <- ar_statistic(a, between(ends, s)) <= limit
  parts <- rle(inside)
  last <- cumsum(parts$lengths)
  first <- last - parts$lengths + 1L
  cbind(low = ends[first], high = ends[last + 1L])[parts$values %in% TRUE, , drop = FALSE]
}

# A point in each of the intervals that the ends (from -Inf to Inf) form.
between <- function(ends, unit) {
  k <- length(ends)
  if (k == 2L) return(0)
  inner <- ends[-c(1L, k)]
  c(inner[1L] - unit - abs(inner[1L]), (inner[-1L] + inner[-length(inner)]) / 2,
    inner[length(inner)] + unit + abs(inner[length(inner)]))
}
