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

# Triangular factor of all residual columns of a group, in their order. A constant regressor comes
# first in the factorisation and the others less their means, so that these keep the digits that a
# large mean would cost; their projections on the constant are put back.
factor_columns <- function(columns, shared, threads) {
  constant <- if (!shared$absorbed) match("x:(Intercept)", names(columns$raw)) else NA
  if (is.na(constant)) return(.Call(C_qr, columns$residual, shared$w, NULL, threads))
  shift <- vapply(columns$moments, `[[`, 0, "mean")
  shift[constant] <- 0
  order <- c(constant, seq_along(shift)[-constant])
  out <- .Call(C_qr, columns$residual[order], shared$w, unname(shift[order]), threads)
  out <- out + outer(out[, 1L], shift[order])
  out[, order(order), drop = FALSE]
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

# A^-1 b for a symmetric matrix with a positive diagonal, in units that make the diagonal one: the
# rows of A may be in very unlike ones.
solve_scaled <- function(A, b = diag(nrow(A))) {
  size <- sqrt(diag(A))
  out <- solve(A / outer(size, size), b / size) / size
  if (is.matrix(out)) `dimnames<-`(out, list(rownames(A), colnames(b))) else
    stats::setNames(out, rownames(A))
}
