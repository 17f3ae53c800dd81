# Coverage of 95 % intervals of an indirect effect a*b in panels of 60 units and 13 periods, where
# treatment and all errors are AR(1) within units (rho 0.6): m = a t + e, y = 0.2 t + b m + u, unit
# and time effects in both. Standard errors and bootstraps (399 replicates) are by unit, but for
# "sobel HC1", which takes the rows for independent; Monte Carlo intervals are of 2000 draws.
#
#   Rscript bench/mediation/run.R [replications of each cell, default 750] [processes, default 2]
#
# A replication depends on its cell and number alone, not on the number of processes.
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

ends <- function(x, types, names = types) {
  out <- t(vapply(types, function(type) {
    as.vector(suppressWarnings(confint(x, parm = "indirect:m", type = type)))
  }, numeric(2L)))
  `rownames<-`(out, names)
}
intervals <- function(d, seed) {
  x <- fe_mediate(y ~ t | id + time, d, mediators = "m", vcov = ~id, R = 0, draws = 2000,
                  seed = seed, threads = 1)
  booted <- function(type) {
    types <- c("percentile", "basic", "bc", "bca")
    ends(fe_boot(x, 399, type, seed = seed, threads = 1), types, paste(type, types))
  }
  rbind(ends(x, c("delta", "sobel", "aroian", "montecarlo")),
        ends(summary(x, vcov = "HC1"), "sobel", "sobel HC1"), booted("pairs"), booted("wild"))
}

# Does each interval hold a*b, and how wide is it?
replication <- function(number, cell) {
  set.seed(1e5 * cell$cell + number)
  ci <- intervals(draw(cell$a, cell$b), number)
  truth <- cell$a * cell$b
  cbind(inside = ci[, 1L] <= truth & truth <= ci[, 2L], width = ci[, 2L] - ci[, 1L])
}
run_cell <- function(cell, reps, processes) {
  got <- parallel::mclapply(seq_len(reps), replication, cell = cell, mc.cores = processes)
  all <- simplify2array(got)
  known <- rowSums(!is.na(all[, "inside", ]))
  rate <- rowMeans(all[, "inside", ], na.rm = TRUE)
  data.frame(a = cell$a, b = cell$b, interval = names(rate), replications = known,
             coverage = round(rate, 4), mc_se = round(sqrt(rate * (1 - rate) / known), 4),
             mean_width = signif(rowMeans(all[, "width", ], na.rm = TRUE), 4), row.names = NULL)
}

here <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))))
given <- as.integer(commandArgs(TRUE))
reps <- if (length(given)) given[1L] else 750L
processes <- if (length(given) > 1L) given[2L] else 2L
cells <- data.frame(cell = 1:4, a = c(0, 0.3, 0.1, 0.3), b = c(0, 0, 0.1, 0.3))
out <- do.call(rbind, lapply(split(cells, cells$cell), run_cell, reps, processes))
write.csv(out, file.path(here, "results.csv"), row.names = FALSE)
print(out, row.names = FALSE)
