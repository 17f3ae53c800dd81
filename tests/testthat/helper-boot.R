# An unbalanced panel for bootstraps, and samples in which a cluster drawn twice stands twice.

boot_panel <- function(seed = 1, units = 12, years = 6) {
  set.seed(seed)
  d <- expand.grid(unit = seq_len(units), year = seq_len(years))
  d <- d[-sample(nrow(d), 8), ]
  d$x <- rnorm(nrow(d)) + d$unit / 5
  d$z <- rnorm(nrow(d))
  d$m <- 0.5 * d$x + rnorm(nrow(d))
  d$y <- d$x + 0.3 * d$m - d$z + d$unit + sin(d$year) + rnorm(nrow(d))
  d$w <- runif(nrow(d), 0.5, 2)
  d$cl <- (seq_len(nrow(d)) * 7) %% 9 + 1
  rownames(d) <- NULL
  d
}

# Rows of cluster g stand m[g] times; every copy is a cluster of its own.
copied_rows <- function(d, cluster, m) {
  rows <- unlist(lapply(seq_along(m), function(g) rep(which(cluster == g), m[g])))
  copy <- unlist(lapply(seq_along(m), function(g) {
    rep(seq_len(m[g]), each = sum(cluster == g))
  }))
  data.frame(d[rows, ], copy = paste(cluster[rows], copy))
}

# Slopes of x and z with dummies of unit and year; their CR0 standard errors.
dummy_slopes <- function(d, y = d$y, w = rep(1, nrow(d))) {
  coef(lm(y ~ x + z + factor(unit) + factor(year), cbind(d[c("x", "z", "unit", "year")], y = y),
          weights = w))[2:3]
}

dummy_errors <- function(d, cluster, y = d$y, w = rep(1, nrow(d))) {
  o <- oracle_fit(y, as.matrix(d[c("x", "z")]), list(d$unit, d$year), w)
  V <- o$inverse %*% oracle_meat(o, cluster) %*% o$inverse
  sqrt(diag(V)[match(c("x", "z"), colnames(o$Z))])
}
