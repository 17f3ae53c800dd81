# Solve stage: residual columns -> slopes, bread, rank.

# Norms below which a residualised column is rounding error of the absorption: relative to its norm
# about the mean before, and to the precision of its raw values.
floor_norms <- function(x, w, absorbed) {
  if (!absorbed || !ncol(x)) return(numeric(ncol(x)))
  root <- if (is.null(w)) 1 else sqrt(w)
  apply(x, 2L, function(column) {
    mean <- if (is.null(w)) mean(column) else sum(w * column) / sum(w)
    max(1e-9 * sqrt(sum((root * (column - mean))^2)),
        64 * .Machine$double.eps * sqrt(sum((root * column)^2)))
  })
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
