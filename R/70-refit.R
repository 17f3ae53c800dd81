# The model once more on its own rows, with another design.

# x: a matrix with named columns; factors: coded ones to absorb; y: the outcome. Columns that the
# factors and the columns before them explain are left out. The variance is not set.
refit <- function(m, x, factors, y = m$y) {
  need_ols(m, "a comparison with other effects")
  absorber <- new_absorber(factors, m$weights, m$control, m$threads)
  raw <- c(list(y = as.double(y)), matrix_columns(x))
  floor <- if (length(factors)) {
    vapply(raw, function(column) floor_norm(column_moments(column, m$weights)), 0)
  } else numeric(length(raw))
  residual <- absorb(absorber, raw, m$threads)$x
  at <- seq_along(raw)[-1L]
  fit <- solve_slopes(.Call(C_qr, residual, m$weights, NULL, m$threads), at, 1L, colnames(x),
                      unname(floor[at]), m$control$collin_tol)
  rank <- effects_rank(absorber, factors, m$control, m$threads)$rank
  m[c("x0", "x0_slopes", "vcov")] <- NULL
  m$x <- stats::setNames(residual[at[fit$kept]], names(fit$coef))
  m$residuals <- .Call(C_residuals, residual[[1L]], m$x, as.double(fit$coef), FALSE, m$threads)
  m[c("coefficients", "bread", "root", "rss", "n_slopes")] <-
    fit[c("coef", "bread", "root", "rss", "rank")]
  m[c("rank", "effects_rank", "df.residual", "has_constant")] <-
    list(fit$rank + rank, rank, m$nobs - fit$rank - rank, has_constant(factors))
  m$y <- as.double(y)
  m$factors <- factors
  m$intercept <- "none"
  m
}

# A factor of a single level: absorbing it is having a constant.
constant_factor <- function(n) {
  list(constant = list(code = rep(1L, n), n_levels = 1L, level = 1L, rows = as.integer(n),
                       like = NULL))
}

# Some factors, which leave a constant.
with_constant <- function(factors, n) {
  if (has_constant(factors)) factors else c(factors, constant_factor(n))
}

# What vcov and cluster ask for, with clusters that are the model's fixed effects by default written
# out, so that it means the same for a model with other effects.
explicit_request <- function(m, vcov, cluster) {
  type <- if (is.character(vcov) && length(vcov) == 1L) vcov
  known <- if (isTRUE(type %in% names(vcov_aliases))) vcov_aliases[[type]] else type
  entry <- if (!is.null(known)) vcov_registry[[known]]
  if (!isTRUE(entry$clustered) || !is.null(cluster)) return(list(vcov = vcov, cluster = cluster))
  clusters <- parse_vcov(vcov, NULL, m)$clusters
  sum <- join_sum(lapply(names(clusters), read_written, names(m$data)))
  list(vcov = stats::as.formula(call("~", as.name(known), sum), env = m$env), cluster = NULL)
}
