# How often the Wald test of fe_linearity() rejects a slope that is linear, at 5 per cent: 60
# clusters of 13 rows, treatment, moderator and errors autocorrelated within clusters, errors larger
# where the moderator is, cluster effects in the model.
#
#   Rscript bench/linearity/size.R [--samples=300] [--bins=3] [--vcov=CR2]

suppressMessages(library(fepanel))

option <- function(name, default) {
  given <- grep(paste0("^--", name, "="), commandArgs(trailingOnly = TRUE), value = TRUE)
  if (length(given)) sub("^[^=]*=", "", given) else default
}
samples <- as.integer(option("samples", "300"))
bins <- as.integer(option("bins", "3"))
variance <- as.formula(paste(option("vcov", "CR2"), "~ id"))

draw_panel <- function(seed, G = 60L, T = 13L) {
  set.seed(seed)
  id <- rep(seq_len(G), each = T)
  noise <- function() as.vector(replicate(G, arima.sim(list(ar = 0.7), T)))
  d <- data.frame(id = id, m = rnorm(G)[id] + noise(), x = rnorm(G)[id] + noise())
  e <- rnorm(G)[id] + noise() * exp(0.1 * d$m)
  transform(d, y = x + 0.5 * m + 0.3 * x * m + e)
}

p <- vapply(seq_len(samples), function(seed) {
  m <- fe_moderate(y ~ 1 | id, draw_panel(seed), "x", "m", vcov = variance)
  fe_linearity(m, bins = bins)$test$p.value
}, 0)
rate <- mean(p < 0.05)
cat(sprintf("%s, %d bins: %.1f %% of %d samples rejected (Monte Carlo error %.1f)\n",
            option("vcov", "CR2"), bins, 100 * rate, samples,
            100 * sqrt(rate * (1 - rate) / samples)))
