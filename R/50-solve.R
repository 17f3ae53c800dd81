# Solve stage: residual columns -> slopes, bread, rank.

# Norm below which a residualised column is rounding error of the absorption: relative to its norm
# about the mean before, and to the precision of its raw values.
floor_norm <- function(column, w) {
  if (is.null(w)) {
    centred <- sqrt(stats::var(column) * (length(column) - 1))
    whole <- sqrt(drop(crossprod(column)))
  } else {
    centred <- sqrt(sum(w * (column - sum(w * column) / sum(w))^2))
    whole <- sqrt(sum(w * column^2))
  }
  max(1e-9 * centred, 64 * .Machine$double.eps * whole)
}

# x, y: residual columns -> list(coef, root, bread, rss, kept, rank) of the kept columns.
solve_slopes <- function(x, y, w, floor, tol, threads) {
  fit <- .Call(C_lsq, x, y, w, floor, tol, threads)
  kept <- fit$kept
  names <- colnames(x)[kept]
  root <- fit$root[kept, kept, drop = FALSE]
  list(coef = stats::setNames(fit$coef[kept, 1L], names),
       root = root, bread = `dimnames<-`(tcrossprod(root), list(names, names)),
       rss = fit$rss[1L], kept = kept, rank = fit$rank)
}
