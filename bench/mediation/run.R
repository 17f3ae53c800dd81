# Coverage of 95 % intervals of an indirect effect a*b in panels of 60 units and 13 periods, where
# treatment and all errors are AR(1) within units (rho 0.6): m = a t + e, y = 0.2 t + b m + u, unit
# and time effects in both; standard errors and bootstraps by unit.
#
#   Rscript bench/mediation/run.R [replications, default 200]
library(fepanel)

units <- 60L
periods <- 13L
autoregression <- function() {
  out <- matrix(rnorm(periods * units), periods)
  for (t in 2:periods) out[t, ] <- 0.6 * out[t - 1L, ] + 0.8 * out[t, ]
  as.vector(out)
}
draw <- function(a, b) {
  d <- data.frame(id = rep(seq_len(units), each = periods), time = rep(seq_len(periods), units))
  level <- rnorm(units)[d$id]
  d$t <- autoregression() + level
  d$m <- a * d$t + level + autoregression()
  d$y <- 0.2 * d$t + b * d$m - level + autoregression()
  d
}
analytic <- c("delta", "sobel", "aroian", "goodman", "montecarlo")
booted <- c("percentile", "basic", "bc", "bca")
intervals <- function(d, seed) {
  fit <- function(boot) fe_mediate(y ~ t | id + time, d, mediators = "m", vcov = ~id, R = 399,
                                   boot = boot, seed = seed, threads = 1)
  ask <- function(x, type) suppressWarnings(confint(x, "indirect:m", type = type))
  pairs <- fit("pairs")
  wild <- fit("wild")
  rbind(t(vapply(analytic, ask, numeric(2L), x = pairs)),
        `rownames<-`(t(vapply(booted, ask, numeric(2L), x = pairs)), paste("pairs", booted)),
        `rownames<-`(t(vapply(booted, ask, numeric(2L), x = wild)), paste("wild", booted)))
}
cell <- function(a, b, reps) {
  got <- lapply(seq_len(reps), function(r) {
    set.seed(r)
    ci <- intervals(draw(a, b), r)
    cbind(inside = ci[, 1L] <= a * b & a * b <= ci[, 2L], width = ci[, 2L] - ci[, 1L])
  })
  mean_of <- function(j) rowMeans(vapply(got, function(g) g[, j] + 0, numeric(13L)), na.rm = TRUE)
  rate <- mean_of(1L)
  data.frame(a = a, b = b, interval = names(rate), replications = reps, coverage = round(rate, 4),
             mc_se = round(sqrt(rate * (1 - rate) / reps), 4), mean_width = signif(mean_of(2L), 4),
             row.names = NULL)
}
here <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))))
reps <- if (length(commandArgs(TRUE))) as.integer(commandArgs(TRUE)[1L]) else 200L
out <- rbind(cell(0, 0, reps), cell(0.3, 0, reps), cell(0.1, 0.1, reps), cell(0.3, 0.3, reps))
write.csv(out, file.path(here, "results.csv"), row.names = FALSE)
print(out)
