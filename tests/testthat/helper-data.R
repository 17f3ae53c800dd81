# Random unbalanced panels, made to be awkward.

# options: any of "weights", "missing", "singletons", "collinear", "zero". -> data frame with y, x1,
# x2, x3, unit, time, group, cluster (units are nested in it), other (crosses everything) and w.
random_panel <- function(seed, options = character(), n_units = 14L, n_times = 7L) {
  set.seed(seed)
  d <- expand.grid(unit = seq_len(n_units), time = 2000L + seq_len(n_times))
  d <- d[sort(sample(nrow(d), round(0.8 * nrow(d)))), ]
  if ("singletons" %in% options) d <- add_singletons(d, n_units)
  n <- nrow(d)
  d$group <- factor(sample(letters[1:4], n, replace = TRUE), levels = letters[1:6])
  d$cluster <- paste0("cl", d$unit %% 6L)
  d$other <- sample(5L, n, replace = TRUE)
  effect <- rnorm(n_units + 3L)[d$unit] + 0.2 * (d$time - 2003)
  d$x1 <- effect + rnorm(n)
  d$x2 <- 100 + 10 * (0.5 * d$x1 + rexp(n))
  d$x3 <- if ("collinear" %in% options) 2 * d$x1 - 0.1 * d$x2 + d$unit else rnorm(n)
  d$y <- 5 + 0.7 * d$x1 - 0.03 * d$x2 + effect + (1 + abs(d$x1)) * rnorm(n)
  d$w <- if ("weights" %in% options) runif(n, 0.1, 4) else rep(1, n)
  if ("zero" %in% options) d$w[sample(n, 3L)] <- 0
  if ("missing" %in% options) {
    d$y[sample(n, 2L)] <- NA
    d$x1[sample(n, 2L)] <- NaN
    d$x2[sample(n, 1L)] <- -Inf
    d$group[sample(n, 2L)] <- NA
    d$w[sample(n, 1L)] <- NA
  }
  row.names(d) <- NULL
  d
}

# A unit seen once, and a chain: two units, each seen twice, once in a year of their own.
add_singletons <- function(d, n_units) {
  u <- n_units + 1:3
  rbind(d, data.frame(unit = u[c(1, 2, 2, 3, 3)], time = c(2001L, 2002L, 2050L, 2050L, 2051L)))
}

fe_formulas <- list(y ~ x1 + x2 + x3 | unit, y ~ x1 + x2 + x3 | unit + time,
                    y ~ x1 + x2 + x3 | unit + time + group)
