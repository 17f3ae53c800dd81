# What the tests of a model with instruments are made of: regressions on its residual columns, and
# the joint variance of first stages and reduced form.

# ---- regressions on residual columns -------------------------------------------------------------

# Triangular factor of residual columns, a named list, that of a constant among them.
rows_factor <- function(m, columns) {
  absorbed <- length(m$factors) > 0L
  names(columns) <- paste0("x:", names(columns))
  moments <- if (!absorbed) lapply(columns, column_moments, w = m$weights)
  factor_columns(list(raw = columns, residual = unname(columns), moments = moments),
                 list(absorbed = absorbed, w = m$weights), m$threads)
}

# The least-squares model of one residual column on others (a named list), on the rows and with the
# effects of m. Its variance is not set. NULL if the others are dependent.
rows_model <- function(m, x, y) {
  k <- length(x)
  fit <- .Call(C_lsq, rows_factor(m, c(x, list(y = y))), seq_len(k), k + 1L, numeric(k),
               m$control$collin_tol)
  if (!all(fit$kept)) return(NULL)
  m[c("iv", "x0", "x0_slopes", "vcov", "offset")] <- NULL
  m$x <- x
  m$coefficients <- stats::setNames(fit$coef, names(x))
  m$root <- fit$root
  m$bread <- `dimnames<-`(tcrossprod(fit$root), list(names(x), names(x)))
  m$residuals <- .Call(C_residuals, y, unname(x), as.double(fit$coef), FALSE, m$threads)
  m[c("rss", "n_slopes", "rank")] <- list(fit$rss, k, k + m$effects_rank)
  m$df.residual <- m$nobs - m$rank
  m$intercept <- "none"
  m
}

# ---- the variance of the tests -------------------------------------------------------------------

# The type and clusters of the model's variance, in place of a type that has no joint form the plain
# one for the same errors -> list(type, clusters, ..., note).
iv_spec <- function(m) {
  type <- m$vcov_info$type
  plain <- c(HC2 = "HC1", HC3 = "HC1", CR2 = "CR1", CR3 = "CR1", CR3J = "CR1")
  if (type == "given") {
    return(list(type = "iid", clusters = list(), note = "iid, the model's being a given matrix"))
  }
  spec <- if (type %in% c("pairs", "wild")) {
    by <- request_cluster(m$vcov_request)
    clusters <- if (length(m$vcov_info$G)) cluster_factors(by, m, 1L)
    list(type = if (length(clusters)) "CR1" else "HC1", clusters = clusters)
  } else own_spec(m)
  if (type %in% names(plain)) spec$type <- plain[[type]]
  label <- if (is.null(spec$label)) vcov_registry[[spec$type]]$label else spec$label
  by <- if (length(spec$clusters)) {
    sizes <- vapply(spec$clusters, `[[`, 0L, "n_levels")
    paste(" by", paste(sprintf("%s (%d)", names(sizes), sizes), collapse = " and "))
  }
  spec$note <- paste0(label, by, if (spec$type != type) sprintf(", in place of %s", type))
  spec
}

# Degrees of freedom of F do not depend on the coefficient.
iv_ssc <- function(ssc) {
  if (ssc$t.df == "satterthwaite") ssc$t.df <- "min"
  ssc
}

# Variance and degrees of freedom of a least-squares model under a spec.
spec_variance <- function(m, spec, ssc) {
  design <- influence_design(m)
  s <- variance_state(m, spec, ssc, design)
  check_clusters(s)
  entry <- vcov_registry[[spec$type]]
  V <- entry$scale(s) * (design$bread %*% entry$meat(s) %*% design$bread)
  list(V = `dimnames<-`(V, dimnames(design$bread)), df = entry$df(s))
}

# ---- moments -------------------------------------------------------------------------------------

# With X exogenous (effects included) and Z what X leaves of the instruments, rotated so that
# Z'WZ = I: Z (n x q); pi (q x p) and v (list), coefficients and residuals of the regressions of the
# endogenous on X and Z; pi_y and v_y, those of the outcome; u, the residuals of the equation, and
# g = Z'Wu; K, parameters of a first stage; state, of its variance.
iv_moments <- function(m) {
  need_full(m, "tests of its instruments")
  iv <- m$iv
  x <- m$x[iv$exogenous]
  first <- c(x, iv$z)
  k <- length(x)
  q <- length(iv$z)
  R <- rows_factor(m, c(first, iv$e))
  fits <- lapply(seq_along(iv$e), function(j) {
    .Call(C_lsq, R, seq_along(first), length(first) + j, numeric(length(first)),
          m$control$collin_tol)
  })
  at <- k + seq_len(q)
  root <- fits[[1L]]$root
  out <- list(m = m, q = q, p = length(iv$e), n = m$nobs, K = m$effects_rank + k + q,
              Z = .Call(C_rotate, unname(first), root[, at, drop = FALSE], m$threads),
              b = unname(m$coefficients[iv$endogenous]), u = as.double(m$residuals))
  beta <- vapply(fits, function(f) f$coef[at], numeric(q))
  out$pi <- backsolve(root[at, at, drop = FALSE], matrix(beta, q))
  out$v <- Map(function(e, f) {
    .Call(C_residuals, e, unname(first), as.double(f$coef), FALSE, m$threads)
  }, unname(iv$e), fits)
  out$g <- as.vector(crossprod(out$Z, weighted_residuals(m)))
  out$pi_y <- as.vector(out$pi %*% out$b + out$g)
  out$v_y <- out$u + sum_of(out$v, out$b) - as.vector(out$Z %*% out$g)
  add_iv_state(out)
}

# A combination of columns.
sum_of <- function(columns, b) Reduce(`+`, Map(`*`, columns, b), 0)

add_iv_state <- function(mo) {
  first <- mo$m
  first[c("n_slopes", "rank", "df.residual")] <-
    list(mo$K - first$effects_rank, mo$K, first$nobs - mo$K)
  mo$spec <- iv_spec(mo$m)
  mo$ssc <- iv_ssc(mo$m$ssc)
  mo$state <- variance_state(first, mo$spec, mo$ssc, list(X = NULL))
  check_clusters(mo$state)
  mo$df <- vcov_registry[[mo$spec$type]]$df(mo$state)
  mo
}

# Variance of the stacked Z'We of several residuals e (a list of columns): with `scaled`, under the
# small-sample convention of the first stage, else without any factor.
moment_variance <- function(mo, residuals, scaled = TRUE) {
  w <- row_weights(mo$m)
  if (mo$spec$type == "iid") {
    e <- matrix(unlist(residuals), length(w))
    sigma <- crossprod(e, w * e) / (mo$n - if (scaled) mo$K else 0)
    return(kronecker(sigma, diag(mo$q)))
  }
  s <- mo$state
  s$X <- do.call(cbind, lapply(residuals, function(e) mo$Z * e))
  s$u <- w
  s$r <- if (is.null(row_counts(mo$m))) w else sqrt(w)
  if (!scaled) {
    bare <- c(HC1 = "HC0", CR1 = "CR0", CR1S = "CR0")
    type <- if (mo$spec$type %in% names(bare)) bare[[mo$spec$type]] else mo$spec$type
    return(vcov_registry[[type]]$meat(s))
  }
  entry <- vcov_registry[[mo$spec$type]]
  entry$scale(s) * entry$meat(s)
}

# V of the combination a of the residuals: (a x I)' V (a x I).
combine_blocks <- function(V, a, q) {
  by <- kronecker(as.matrix(a), diag(q))
  crossprod(by, V %*% by)
}

# b'V^-1 b; NA where V is singular or has negative eigenvalues.
wald_form <- function(b, V) {
  if (anyNA(V)) return(NA_real_)
  size <- sqrt(abs(diag(V)))
  if (!all(size > 0)) return(NA_real_)
  e <- eigen(V / outer(size, size), symmetric = TRUE)
  if (min(e$values) < 1e-11 * max(e$values)) return(NA_real_)
  sum(crossprod(e$vectors, b / size)^2 / e$values)
}

# ---- first stages --------------------------------------------------------------------------------

# F of the instruments in each first stage -> data frame(endogenous, statistic, df1, df2, p.value,
# partial.r2).
first_stage_tests <- function(m, mo = iv_moments(m)) {
  if (isTRUE(m$lean)) return(m$iv$tests)
  V <- moment_variance(mo, mo$v)
  w <- row_weights(m)
  rows <- lapply(seq_len(mo$p), function(j) {
    pi <- mo$pi[, j]
    F <- wald_form(pi, combine_blocks(V, seq_len(mo$p) == j, mo$q)) / mo$q
    data.frame(endogenous = m$iv$endogenous[j], statistic = F, df1 = mo$q, df2 = unname(mo$df),
               p.value = stats::pf(F, mo$q, mo$df, lower.tail = FALSE),
               partial.r2 = sum(pi^2) / (sum(pi^2) + sum(w * mo$v[[j]]^2)))
  })
  do.call(rbind, rows)
}

#' First stages of a model with instruments
#'
#' The least-squares regression of each endogenous regressor on the exogenous regressors and the
#' instruments, with the fixed effects, weights, rows and variance of the model: what
#' [fe_lm()] `y ~ x | a | endogenous ~ instruments` projects on.
#'
#' @param m a model of class `fe_lm` with instruments.
#' @return a model of class `fe_lm` for one endogenous regressor, else a list of them, of class
#'   `fe_lm_list`. Errors if m has no instruments or was estimated with `lean = TRUE`. The variance
#'   is that of m; `"HC1"` if that was a matrix or a function.
#' @seealso [fe_iv_tests()]
#' @examples
#' m <- fe_lm(ln_upmf ~ pgdp | country + year | ln_imdig ~ fdi + urban, digitrade)
#' fe_first_stage(m)
#' @export
fe_first_stage <- function(m) {
  check_iv(m)
  need_full(m, "its first stages")
  fits <- lapply(m$iv$endogenous, first_stage, m = m)
  if (length(fits) == 1L) fits[[1L]] else new_model_list(fits, m$call)
}

check_iv <- function(m) {
  if (inherits(m, "fe_lm") && is_iv(m)) return(invisible())
  stop_arg("m", if (inherits(m, "fe_lm")) "has no instruments" else
    paste("must be one model of class fe_lm with instruments, not", describe_value(m)),
    "Estimate fe_lm(y ~ x | country | endogenous ~ instrument, data)")
}

first_stage <- function(m, name) {
  iv <- m$iv
  raw <- raw_design(m)[, name]
  out <- rows_model(m, c(m$x[iv$exogenous], iv$z), iv$e[[name]])
  moments <- column_moments(raw, m$weights)
  out$y <- unname(raw)
  out$tss <- moments$square + if (m$has_constant) 0 else moments$total * moments$mean^2
  out$tss_within <- if (m$effects_rank > 0) sum(row_weights(m) * iv$e[[name]]^2) else NA_real_
  out[c("outcome", "collinear")] <- list(name, iv$collinear)
  out[c("terms", "xlevels", "contrasts")] <- iv$first[c("terms", "xlevels", "contrasts")]
  out$regressors <- names(out$x)
  out$call$formula <- out$formula <- first_stage_formula(m, name)
  given <- identical(m$vcov_info$type, "given")
  set_vcov(out, if (given) "HC1" else m$vcov_request$vcov, m$ssc,
           if (!given) m$vcov_request$cluster)
}

first_stage_formula <- function(m, name) {
  whole <- split_instruments(m$formula)
  parts <- attr(Formula::as.Formula(whole$formula), "rhs")
  parts[[1L]] <- call("+", parts[[1L]], whole$instruments)
  known <- vapply(split_sum(whole$endogenous), deparse_one, "")
  written <- tryCatch(str2lang(name), error = function(e) NULL)
  outcome <- if (name %in% known || is.name(written)) written else as.name(name)
  stats::as.formula(call("~", outcome, Reduce(function(a, b) call("|", a, b), parts)),
                    env = environment(m$formula))
}
