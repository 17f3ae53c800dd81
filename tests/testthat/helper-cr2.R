# Bias-reduced linearisation once more, from the textbook: all dummies, matrices
# of a cluster's rows by its rows, eigen(). o: of oracle_panel(); cluster: over its rows.

# -> list(V, df (a function of a matrix of contrasts of the slopes, a row each: eta)), both of the
# slopes
oracle_cr2 <- function(o, cluster, power = -0.5) {
  X <- o$Z
  w <- o$w
  M <- o$inverse
  I_H <- diag(o$n) - X %*% M %*% t(w * X)
  rows <- split(seq_len(o$n), cluster)
  adjusted <- lapply(rows, function(g) {
    B <- tcrossprod(I_H[g, , drop = FALSE])
    e <- eigen((B + t(B)) / 2, symmetric = TRUE)
    f <- if (power == 0) rep(1, length(g)) else ifelse(e$values > 1e-11, abs(e$values)^power, 0)
    A <- e$vectors %*% (f * t(e$vectors))
    M %*% t(w[g] * X[g, , drop = FALSE]) %*% A
  })
  at <- match(o$slopes, colnames(X))
  scores <- vapply(seq_along(rows), function(g) (adjusted[[g]] %*% o$e[rows[[g]]])[at],
                   numeric(length(at)))
  p <- lapply(seq_along(rows), function(g) adjusted[[g]][at, , drop = FALSE] %*%
                I_H[rows[[g]], , drop = FALSE])
  list(V = tcrossprod(matrix(scores, length(at))), eta = function(C) oracle_eta(p, C))
}

# p: for each cluster k x n; q constraints.
oracle_eta <- function(p, C) {
  q <- nrow(C)
  omega <- Reduce(`+`, lapply(p, function(x) C %*% tcrossprod(x) %*% t(C)))
  whitener <- solve(t(chol(omega))) %*% C
  p <- lapply(p, function(x) whitener %*% x)
  total <- 0
  for (a in p) for (b in p) {
    P <- tcrossprod(a, b)
    total <- total + sum(diag(P))^2 + sum(P * t(P))
  }
  q * (q + 1) / total
}

oracle_df <- function(cr2, k) vapply(seq_len(k), function(j) cr2$eta(diag(k)[j, , drop = FALSE]), 0)
