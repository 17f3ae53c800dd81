# The estimator once more, slow and obviously right: a dense matrix of dummies and qr().

# Rows left when rows alone in a level of a factor go, again and again.
oracle_singletons <- function(factors) {
  keep <- rep(TRUE, length(factors[[1L]]))
  repeat {
    alone <- Reduce(`|`, lapply(factors, function(f) {
      as.vector(table(as.character(f)[keep])[as.character(f)]) %in% 1L
    })) & keep
    if (!any(alone)) return(keep)
    keep[alone] <- FALSE
  }
}

full_dummies <- function(f) {
  f <- droplevels(as.factor(f))
  outer(as.integer(f), seq_along(levels(f)), `==`) + 0
}

# Dummies of all factors such that the coefficient of the column of ones is the constant asked for:
# "lsdv": first levels are zero; "within": the first factor's effects average zero over the rows;
# "mean": so do those of every factor.
coded_dummies <- function(factors, w, constant) {
  centred <- c(lsdv = 0L, within = 1L, mean = length(factors))[[constant]]
  do.call(cbind, lapply(seq_along(factors), function(f) {
    D <- full_dummies(factors[[f]])
    if (f > centred) return(D[, -1L, drop = FALSE])
    scale(D, center = colSums(w * D) / sum(w), scale = FALSE)[, -1L, drop = FALSE]
  }))
}

# y, X without missing values; factors: list of vectors (or empty). Columns of X come last, so that
# qr() drops those which the dummies or the columns before them explain.
oracle_fit <- function(y, X, factors = list(), w = rep(1, length(y)), constant = "lsdv") {
  Z <- cbind(`(Intercept)` = 1, coded_dummies(factors, w, constant), X)
  colnames(Z)[colnames(Z) == ""] <- paste0("dummy", seq_len(sum(colnames(Z) == "")))
  q <- qr(sqrt(w) * Z, tol = 1e-9)
  kept <- sort(q$pivot[seq_len(q$rank)])
  Z <- Z[, kept, drop = FALSE]
  q <- qr(sqrt(w) * Z, tol = 0)
  e <- as.vector(y - Z %*% qr.coef(q, sqrt(w) * y))
  coef <- qr.coef(q, sqrt(w) * y)
  slopes <- intersect(colnames(X), colnames(Z))
  list(y = y, Z = Z, w = w, e = e, coef = coef, slopes = slopes, rank = q$rank, n = length(y),
       rss = sum(w * e^2), h = rowSums(qr.Q(q)^2), inverse = chol2inv(qr.R(q)), factors = factors,
       tss = sum(w * (y - sum(w * y) / sum(w))^2))
}

oracle_sandwich <- function(o, u) o$inverse %*% crossprod(u * o$Z) %*% o$inverse

oracle_meat <- function(o, cluster) crossprod(rowsum(o$w * o$e * o$Z, cluster))

# Number of parameters that a cluster convention counts.
oracle_K <- function(o, clusters, K.fixef = "nonnested") {
  k <- length(o$slopes)
  nested <- vapply(o$factors, function(f) any(vapply(clusters, function(g) {
    all(tapply(as.character(g), as.character(f), function(v) length(unique(v))) == 1L)
  }, NA)), NA)
  switch(K.fixef, full = o$rank, none = k, one = k + 1,
         nonnested = k + qr(cbind(1, do.call(cbind, lapply(o$factors[!nested],
                                                           full_dummies))))$rank)
}

# clusters: list of one or more vectors.
oracle_cluster <- function(o, clusters, adjust = TRUE, K.fixef = "nonnested", G.df = "min") {
  count <- function(g) length(unique(g))
  G_min <- min(vapply(clusters, count, 0L))
  meat <- 0
  for (size in seq_along(clusters)) {
    for (set in utils::combn(length(clusters), size, simplify = FALSE)) {
      g <- do.call(paste, c(lapply(clusters[set], as.character), sep = "\r"))
      G <- if (G.df == "min") G_min else count(g)
      meat <- meat - (-1)^size * oracle_meat(o, g) * (if (adjust) G / (G - 1) else 1)
    }
  }
  K <- oracle_K(o, clusters, K.fixef)
  (if (adjust) (o$n - 1) / (o$n - K) else 1) * o$inverse %*% meat %*% o$inverse
}

# Variance of the slopes (and of the constant).
oracle_vcov <- function(o, type, clusters = NULL, constant = FALSE, ...) {
  u <- o$w * o$e
  V <- switch(type, iid = o$rss / (o$n - o$rank) * o$inverse, HC0 = oracle_sandwich(o, u),
              HC1 = o$n / (o$n - o$rank) * oracle_sandwich(o, u),
              HC2 = oracle_sandwich(o, u / sqrt(1 - o$h)), HC3 = oracle_sandwich(o, u / (1 - o$h)),
              CR0 = oracle_cluster(o, clusters, adjust = FALSE),
              CR1 = oracle_cluster(o, clusters, ...))
  dimnames(V) <- list(colnames(o$Z), colnames(o$Z))
  terms <- c(if (constant) "(Intercept)", o$slopes)
  V[terms, terms, drop = FALSE]
}

# The oracle on a data frame with the names of random_panel().
oracle_panel <- function(d, fe, x = c("x1", "x2", "x3"), w = NULL, constant = "lsdv",
                         singletons = "drop") {
  weights <- if (is.null(w)) rep(1, nrow(d)) else d[[w]]
  ok <- is.finite(rowSums(d[c("y", x)])) & stats::complete.cases(d[fe]) & (weights > 0) %in% TRUE
  d <- d[ok, ]
  weights <- weights[ok]
  if (singletons == "drop" && length(fe)) {
    stay <- oracle_singletons(d[fe])
    d <- d[stay, ]
    weights <- weights[stay]
  }
  o <- oracle_fit(d$y, as.matrix(d[x]), lapply(fe, function(f) d[[f]]), weights, constant)
  o$data <- d
  o
}

# Largest difference, relative to the largest of the oracle's numbers.
worst <- function(ours, oracle) max(abs(ours - oracle)) / max(abs(oracle))

# Equal to `digits` printed decimals.
expect_printed <- function(ours, printed, digits) {
  testthat::expect_equal(round(unname(ours), digits), printed, tolerance = 1e-12)
}

# Degrees of freedom of t that a variance states.
vcov_df <- function(m, ...) summary(m, ...)$vcov_info$df
