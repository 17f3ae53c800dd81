# collapse::fhdwithin() and stats::lm.fit(). collapse has no standard errors: "iid" and "HC1" are
# computed here by their formulas, cluster-robust ones are left out.

available <- function() {
  requireNamespace("collapse", quietly = TRUE) && requireNamespace("fixest", quietly = TRUE)
}

prepare <- function(threads) {
  collapse::set_collapse(nthreads = threads)
  fixest::setFixest_nthreads(threads)
}

supports <- function(case) case$task == "fit" && !is_clustered(case)

run <- function(case, data) {
  x <- terms_of(case$x)
  # Numbers would be regressors, factors are effects.
  fe <- lapply(data[terms_of(case$fe)], collapse::qF)
  w <- collapse::fhdwithin(as.matrix(data[c(case$y, x)]), fe)
  m <- lm.fit(w[, -1L, drop = FALSE], w[, 1L])
  effects <- sum(vapply(fe, nlevels, 0L)) - length(fe) + 1L
  list(coef = as.vector(coef(m)), se = standard_errors(m, w[, -1L, drop = FALSE], effects,
                                                       case$vcov))
}

standard_errors <- function(m, x, effects, type) {
  bread <- chol2inv(qr.R(m$qr))
  df <- nrow(x) - ncol(x) - effects
  if (type == "HC1") {
    v <- bread %*% crossprod(x * m$residuals) %*% bread * nrow(x) / df
  } else {
    v <- bread * sum(m$residuals^2) / df
  }
  sqrt(diag(v))
}
