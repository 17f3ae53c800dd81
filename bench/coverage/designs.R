# The simulated panels: clusters of units, observed over `periods`, with errors that are correlated
# within clusters and over time. The coefficient of x is zero in all of them.
#
#   within     y ~ x | unit + time: x varies over units and time, and is correlated within clusters
#              as the errors are
#   did        y ~ x | unit + time: half of the clusters, drawn anew in every replicate, are treated
#              from the middle of the panel on
#   did_few    the same with a tenth of the clusters, but at least two
#   level      y ~ x | time: x is constant within clusters, N(0, 1)
#
# Sizes: "equal" (each cluster has 4 units) or "dominant" (the first has as many as all others
# together).

periods <- 10L
units_each <- 4L

cell_grid <- function() {
  grid <- expand.grid(G = c(6L, 10L, 20L, 50L), sizes = c("equal", "dominant"),
                      design = c("within", "did", "did_few", "level"), stringsAsFactors = FALSE)
  grid$cell <- seq_len(nrow(grid))
  grid[c("cell", "design", "sizes", "G")]
}

cell_formula <- function(cell) {
  if (cell$design == "level") y ~ x | time else y ~ x | unit + time
}

# One row a unit and period; all but y and x, which change from replicate to replicate.
cell_frame <- function(cell) {
  units <- rep(units_each, cell$G)
  if (cell$sizes == "dominant") units[1L] <- units_each * (cell$G - 1L)
  cluster <- rep(seq_len(cell$G), units)
  data.frame(unit = rep(seq_along(cluster), each = periods), time = rep(1:periods, length(cluster)),
             cluster = rep(cluster, each = periods))
}

# Stationary AR(1) of variance 1: periods x n, a column a series.
autoregression <- function(n, rho) {
  out <- matrix(rnorm(periods * n), periods, n)
  for (t in seq_len(periods)[-1L]) {
    out[t, ] <- rho * out[t - 1L, ] + sqrt(1 - rho^2) * out[t, ]
  }
  out
}

# Half of the variance is the cluster's, half the unit's.
correlated_noise <- function(frame, G) {
  common <- autoregression(G, 0.8)
  own <- autoregression(max(frame$unit), 0.5)
  sqrt(0.5) * (common[cbind(frame$time, frame$cluster)] + own[cbind(frame$time, frame$unit)])
}

draw_regressor <- function(cell, frame) {
  G <- cell$G
  if (cell$design == "within") return(correlated_noise(frame, G))
  if (cell$design == "level") return(rnorm(G)[frame$cluster])
  treated <- sample.int(G, if (cell$design == "did") G %/% 2L else max(2L, G %/% 10L))
  as.numeric(frame$cluster %in% treated & frame$time > periods / 2)
}

draw_panel <- function(cell, frame) {
  frame$x <- draw_regressor(cell, frame)
  frame$y <- correlated_noise(frame, cell$G)
  frame
}
