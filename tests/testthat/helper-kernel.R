# The sandwich whose meat is S'WS, W a matrix of weights between rows, S the scores of the model
# with dummies: Newey-West, Driscoll-Kraay and Conley are this.
oracle_kernel <- function(o, W, factor = 1, terms = o$slopes) {
  S <- o$w * o$e * o$Z
  V <- factor * o$inverse %*% (t(S) %*% W %*% S) %*% o$inverse
  dimnames(V) <- list(colnames(o$Z), colnames(o$Z))
  V[terms, terms, drop = FALSE]
}

oracle_bartlett <- function(distance, reach) pmax(1 - distance / reach, 0)

oracle_nw <- function(o, lag, unit, time, factor = 1) {
  W <- outer(unit, unit, `==`) * oracle_bartlett(abs(outer(time, time, `-`)), lag + 1)
  oracle_kernel(o, W, factor)
}

oracle_dk <- function(o, lag, time, factor = 1) oracle_nw(o, lag, rep(1, o$n), time, factor)

# (n - 1) / (n - K) * T / (T - 1)
oracle_period_factor <- function(o, time, n = o$n) {
  periods <- length(unique(time))
  (n - 1) / (n - o$rank) * periods / (periods - 1)
}

# Haversine, between all pairs of rows.
oracle_distance <- function(lat, lon, radius = 6376) {
  degree <- pi / 180
  h <- sin(outer(lat, lat, `-`) * degree / 2)^2 +
    outer(cos(lat * degree), cos(lat * degree)) * sin(outer(lon, lon, `-`) * degree / 2)^2
  2 * radius * asin(pmin(sqrt(h), 1))
}

# Negative eigenvalues are set to zero.
oracle_repaired <- function(V) {
  e <- eigen(V, symmetric = TRUE)
  e$vectors %*% (pmax(e$values, 0) * t(e$vectors))
}

# V of a constant and slopes, the slopes' part repaired and what that adds passed on to the constant
# by its regression on the slopes in the metric of the inverse; NA where no variance is left.
# inverse: (Z'WZ)^-1 with the names of V among its own.
oracle_repaired_slopes <- function(V, inverse) {
  at <- setdiff(colnames(V), "(Intercept)")
  fixed <- oracle_repaired(V[at, at, drop = FALSE])
  fixed[diag(fixed) <= 1e-12 * abs(diag(V)[at]), ] <- NA
  fixed[is.na(t(fixed))] <- NA
  v <- inverse["(Intercept)", at] %*% solve(inverse[at, at])
  by <- rbind("(Intercept)" = v, diag(length(at)))
  V <- V[c("(Intercept)", at), c("(Intercept)", at)]
  V <- V + by %*% (fixed - V[at, at]) %*% t(by)
  V[at, at] <- fixed
  if (!isTRUE(V[1L, 1L] > 0)) V[1L, ] <- V[, 1L] <- NA
  V
}
