# Large samples: the vectors of a cluster without a dense column for each level of a fixed effect.
#
# For one fixed effect f nested in the clusters, at most one other effect z, and weights drawn by
# the clusters of the variance. Regressors that are residuals from both effects are orthogonal to
# the dummies of z less their means by f, so M is block-diagonal; and since residuals and regressors
# add up to zero within each level of f, their scores with those dummies are plain sums by cluster
# and level of z.

# -> as boottest_design(), with `z` (code, n_levels, root) in place of columns; NULL: not this case.
large_design <- function(m, hypothesis, plan) {
  if (m$n_rows < 20000 || !hypothesis$plain || plan$type != "11" || length(plan$clusters) > 1L ||
      !identical(plan$clusters[[1L]]$code, plan$boot$code) || has_slopes(m$factors)) {
    return(NULL)
  }
  nested <- are_nested(m$factors, plan$boot)
  if (sum(nested) != 1L || sum(!nested) > 1L) return(NULL)
  z <- if (any(!nested)) crossing_effect(m, m$factors[[which(nested)]], m$factors[[which(!nested)]],
                                         plan)
  if (any(!nested) && is.null(z)) return(NULL)
  terms <- setdiff_constant(m)
  k <- length(terms)
  x <- cbind(residual_design(m)[, terms, drop = FALSE], m$residuals)
  order <- c(seq_len(k)[-hypothesis$at], hypothesis$at)
  fit <- .Call(C_lsq, .Call(C_qr, x, m$weights, NULL, plan$threads), as.integer(order), k + 1L,
               numeric(k), m$control$collin_tol)
  out <- orthonormal(x, k + 1L, order, fit, hypothesis) # of the residuals on their regressors: zero
  out$estimate <- unname(m$coefficients[terms][hypothesis$at])
  out$delta <- backsolve(out$block, out$estimate - hypothesis$null)
  c(list(path = "blocks", x = x, z = z, w = row_weights(m)), out,
    list(poly = plan$poly && plan$impose_null && length(hypothesis$at) == 1L))
}

# Levels of z with the root of the inverse of their cross-products less means by f; NULL if there
# are too many.
crossing_effect <- function(m, f, z, plan) {
  numbers <- as.double(z$n_levels) * max(f$n_levels, plan$boot$n_levels)
  if (z$n_levels > most_columns || numbers > 2e7) return(NULL)
  w <- row_weights(m)
  cells <- level_sums(w, f, z, plan$threads)
  gram <- diag(rowSums(cells), z$n_levels) - tcrossprod(sweep(cells, 2L, sqrt(colSums(cells)), `/`))
  e <- eigen(gram, symmetric = TRUE)
  kept <- e$values > 1e-9 * max(rowSums(cells))
  list(code = z$code, n_levels = z$n_levels,
       root = sweep(e$vectors[, kept, drop = FALSE], 2L, sqrt(e$values[kept]), `/`))
}

# Sums of u by pairs of levels: levels of z x levels of g.
level_sums <- function(u, g, z, threads) {
  pair <- (g$code - 1L) * z$n_levels + z$code
  sums <- .Call(C_score_sums, list(rep(1, length(u))), u, pair, g$n_levels * z$n_levels, threads)
  matrix(sums, z$n_levels, g$n_levels)
}
