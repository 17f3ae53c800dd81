# The wild cluster bootstrap once more, from explicit samples and refits with dummies.

# X: all regressors, dummies included; C: hypotheses (q x k); r: their values; g: list of cluster
# variables; boot: what weights are drawn by; type, impose: as in fe_boottest(); weights: H x B.
# -> list(stat, boot): t (q = 1) or Wald statistics.
brute_boot <- function(y, X, C, r, g, boot, weights, type = "11", impose = TRUE) {
  C <- matrix(C, ncol = ncol(X))
  first <- g[[1L]]
  levels <- sort(unique(first))
  restricted <- function(y, X, keep = rep(TRUE, length(y))) {
    null <- null_space(C)
    particular <- as.vector(t(C) %*% solve(C %*% t(C), r))
    b <- pinv_fit((X %*% null)[keep, , drop = FALSE], (y - X %*% particular)[keep])
    as.vector(particular + null %*% b)
  }
  fit <- function(y, keep = rep(TRUE, length(y))) {
    pinv_fit(X[keep, , drop = FALSE], y[keep])
  }
  base <- if (impose) function(y, keep = TRUE) restricted(y, X, rep_len(keep, length(y))) else
    function(y, keep = TRUE) fit(y, rep_len(keep, length(y)))
  b0 <- base(y)
  u <- as.vector(y - X %*% b0)
  if (substr(type, 1, 1) == "3") {
    for (l in levels) u[first == l] <- (y - X %*% base(y, first != l))[first == l]
  }
  variance <- function(y, b) {
    if (substr(type, 2, 2) == "3") {
      G <- length(levels)
      D <- vapply(levels, function(l) as.vector(C %*% (fit(y, first != l) - b)), numeric(nrow(C)))
      return((G - 1) / G * tcrossprod(matrix(D, nrow(C))))
    }
    bread <- solve(crossprod(X))
    s <- X * as.vector(y - X %*% b)
    meat <- 0
    for (size in seq_along(g)) for (set in combn(length(g), size, simplify = FALSE)) {
      by <- do.call(paste, c(unname(g[set]), sep = "/"))
      meat <- meat - (-1)^size * crossprod(rowsum(s, by))
    }
    C %*% bread %*% meat %*% bread %*% t(C)
  }
  statistic <- function(y, center) {
    b <- fit(y)
    d <- as.vector(C %*% b) - center
    V <- variance(y, b)
    if (nrow(C) == 1L) d / suppressWarnings(sqrt(V[1L])) else sum(d * solve(V, d)) / nrow(C)
  }
  center <- if (impose) r else as.vector(C %*% b0)
  list(stat = statistic(y, r), boot = apply(weights, 2L, function(v) {
    statistic(as.vector(X %*% b0) + v[boot] * u, center)
  }))
}

pinv_fit <- function(X, y) {
  q <- qr(X)
  b <- qr.coef(q, y)
  replace(b, is.na(b), 0)
}

# Basis of the null space of C.
null_space <- function(C) qr.Q(qr(t(C)), complete = TRUE)[, -seq_len(nrow(C)), drop = FALSE]

all_signs <- function(G) t(as.matrix(expand.grid(rep(list(c(1, -1)), G))))
