# Solve stage: residual columns -> slopes, bread, rank.

# Mean and sum of squares about it of a column, which sets its scale; `scan` has them where they are
# known already.
column_moments <- function(column, w, scan = NULL) {
  if (is.null(w)) {
    if (is.null(scan)) scan <- .Call(C_scan, column, 1L)
    return(list(mean = scan$mean, square = scan$ss, total = length(column)))
  }
  total <- sum(w)
  mean <- sum(w * column) / total
  list(mean = mean, square = sum(w * (column - mean)^2), total = total)
}

# Norm below which a residualised column is rounding error of the absorption: relative to its norm
# about the mean before, and to the precision of its raw values.
floor_norm <- function(moments) {
  whole <- sqrt(moments$square + moments$total * moments$mean^2)
  max(1e-9 * sqrt(moments$square), 64 * .Machine$double.eps * whole)
}

# factor: triangular factor of all residual columns; x_at, y_at: positions of the regressors and of
# the outcome; names: of the regressors -> list(coef, root, bread, rss, kept, rank) of those kept.
solve_slopes <- function(factor, x_at, y_at, names, floor, tol) {
  fit <- .Call(C_lsq, factor, x_at, y_at, floor, tol)
  kept <- fit$kept
  names <- names[kept]
  root <- fit$root[kept, kept, drop = FALSE]
  list(coef = stats::setNames(fit$coef[kept], names),
       root = root, bread = `dimnames<-`(tcrossprod(root), list(names, names)),
       rss = fit$rss, kept = kept, rank = fit$rank)
}
