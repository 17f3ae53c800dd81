# Data and oracles of moderation.

sim_panel <- function(seed = 1, n_id = 25, n_t = 8) {
  set.seed(seed)
  d <- expand.grid(t = seq_len(n_t), id = seq_len(n_id))
  n <- nrow(d)
  d$x <- rnorm(n, 3) + d$id / 10
  d$m <- rnorm(n, 10, 2) + d$t / 5
  d$z <- rnorm(n)
  d$w <- runif(n, 0.5, 2)
  d$g <- factor(sample(c("a", "b", "c"), n, TRUE))
  d$y <- 0.2 * d$x * (d$m - 10) + 0.3 * d$m + d$z + d$id + rnorm(n) * (1 + abs(d$x) / 3)
  d
}

curved_panel <- function() {
  d <- data.frame(i = 1:200)
  d$m <- (d$i * 37) %% 200 / 20 + sin(d$i) / 3
  d$x <- cos(d$i * 1.7) * 2 + d$m / 5
  d$z <- sin(d$i * 2.3)
  d$id <- (d$i - 1) %% 20
  d$y <- d$x * (d$m - 3)^2 / 10 + d$m + d$z + d$id / 10 + 2 * cos(d$i * 5.1)
  d
}

lm_dummies <- function(d, terms, weights = NULL) {
  d$w_ <- if (is.null(weights)) 1 else weights
  lm(as.formula(paste("y ~", terms, "+ factor(id) + factor(t)")), d, weights = w_)
}

# The t statistic of the slope in x at values of m.
t_at <- function(m, at) {
  b <- coef(m)
  V <- vcov(m)
  d <- at - m$center[["m"]]
  (b[["x"]] + b[["x:m"]] * d) / sqrt(V["x", "x"] + 2 * d * V["x", "x:m"] + d^2 * V["x:m", "x:m"])
}
