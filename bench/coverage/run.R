# How often true hypotheses are rejected at 5 %: CR1, CR2 with Satterthwaite's degrees of freedom,
# CR3, and the restricted wild cluster bootstrap WCR-11 and WCR-33, in the panels of designs.R.
#
#   Rscript bench/coverage/run.R [--replicates=from:to] [--processes=N] [--cells=regex]
#                                [--out=file.csv] [--ship]
#   Rscript bench/coverage/run.R --join=one.csv,two.csv [--out=file.csv] [--ship]
#
# --replicates replicates of each cell, by their numbers, default 1:2000
# --join       instead of a run: what runs of other replicates or cells gave, together
# --processes  1 or 2 (default), cells side by side
# --cells      only the cells whose name, "design sizes G", matches
# --out        default bench/coverage/results.csv
# --ship       also copies the result to inst/bench/coverage.csv, which the vignette "Inference with
#              clusters" shows
#
# A replicate is one fit, under which the five tests are made. It depends on the cell's number and
# its own alone, so the result does not depend on the number of processes, nor on the parts that it
# is made in: 1:1000 and 1001:2000 joined are 1:2000. The bootstrap takes 399
# draws of Rademacher weights, and of Webb's for G up to 12, where vectors of signs are few.

called_from <- getwd()
file_argument <- grep("^--file=", commandArgs(), value = TRUE)
here <- dirname(normalizePath(sub("^--file=", "", file_argument)))
source(file.path(here, "designs.R"))
source(file.path(here, "join.R"))
library(fepanel)

draws <- 399L
tests <- c("CR1", "CR2", "CR3", "WCR-11", "WCR-33")

option <- function(name, default) {
  hit <- grep(sprintf("^--%s=", name), commandArgs(TRUE), value = TRUE)
  if (length(hit)) sub("^[^=]*=", "", hit[1L]) else default
}

# p-value and degrees of freedom of t.
t_test <- function(m, type) {
  s <- summary(m, vcov = type, cluster = ~cluster)
  c(tidy(s)$p.value, s$vcov_info$df)
}

boot_p <- function(m, variant, G) {
  fe_boottest(m, "x", B = draws, cluster = ~cluster, bootstrap_type = variant, conf_int = FALSE,
              weights = if (G > 12L) "rademacher" else "webb", threads = 1)$p.value
}

# One replicate: p-values, NA where a test has none; degrees of freedom of CR2; effective numbers of
# clusters.
replicate_cell <- function(number, cell, frame) {
  set.seed(1e6 * cell$cell + number)
  m <- fe_lm(cell_formula(cell), draw_panel(cell, frame), vcov = ~cluster, threads = 1)
  caught <- function(expr) tryCatch(expr, error = function(e) c(NA_real_, NA_real_))
  cr2 <- caught(t_test(m, "CR2"))
  c(CR1 = caught(t_test(m, "CR1"))[1L], CR2 = cr2[1L], CR3 = caught(t_test(m, "CR3"))[1L],
    `WCR-11` = caught(boot_p(m, "11", cell$G))[1L], `WCR-33` = caught(boot_p(m, "33", cell$G))[1L],
    df = cr2[2L], effective_numbers(m, frame$cluster))
}

# Of the residuals of x from the fixed effects: G*(0); G*(1), NA where the effects absorb the level
# of each cluster; G* of the worst case; and whether a print of the model would note that its
# clusters are few or unequal. See fe_clusters() and ?few_clusters.
effective_numbers <- function(m, cluster) {
  x <- model.matrix(m, type = "within")[, "x"]
  worth <- function(share) sum(share)^2 / sum(share^2)
  level <- rowsum(x, cluster)^2
  c(worth(rowsum(x^2, cluster)), if (max(level) < 1e-12 * sum(x^2)) NA else worth(level),
    worth(rowsum(abs(x), cluster)^2), length(fepanel:::cluster_note(m)) > 0)
}

run_cell <- function(cell, numbers) {
  started <- proc.time()[[3L]]
  frame <- cell_frame(cell)
  p <- vapply(numbers, replicate_cell, numeric(10L), cell, frame)
  n <- rowSums(!is.na(p[tests, ]))
  if (any(n == 0)) message("  no result of ", paste(tests[n == 0], collapse = ", "))
  rejected <- rowSums(p[tests, ] < 0.05, na.rm = TRUE)
  rate <- rejected / n
  message(sprintf("%-8s %-8s %2d: %s  (%.0f s)", cell$design, cell$sizes, cell$G,
                  paste(sprintf("%s %.3f", tests, rate), collapse = "  "),
                  proc.time()[[3L]] - started))
  mean_of <- function(row) signif(mean(p[row, ], na.rm = TRUE), 4)
  data.frame(design = cell$design, sizes = cell$sizes, G = cell$G, rows = nrow(frame),
             df_CR2 = mean_of(6L), effective_0 = mean_of(7L), effective_1 = mean_of(8L),
             effective_worst = mean_of(9L), noted = mean_of(10L), test = tests, replicates = n,
             failed = length(numbers) - n, rate = signif(rate, 4),
             mc_se = signif(sqrt(rate * (1 - rate) / n), 3), rejected = rejected,
             first = numbers[1L], last = numbers[length(numbers)], row.names = NULL)
}

# "1:2000" -> 1, ..., 2000
numbers_of <- function(text) {
  ends <- suppressWarnings(as.numeric(strsplit(text, ":", fixed = TRUE)[[1L]]))
  if (length(ends) != 2L || anyNA(ends) || ends[1L] < 1 || ends[1L] > ends[2L] || ends[2L] >= 1e6) {
    stop("--replicates=", text, " is not from:to, between 1 and 999999", call. = FALSE)
  }
  ends[1L]:ends[2L]
}

simulate <- function() {
  numbers <- numbers_of(option("replicates", "1:2000"))
  processes <- min(as.integer(option("processes", 2)), 2L)
  if (.Platform$OS.type == "windows") processes <- 1L
  grid <- cell_grid()
  grid <- grid[grepl(option("cells", ""), paste(grid$design, grid$sizes, grid$G)), ]
  if (!nrow(grid)) stop("no cell matches", call. = FALSE)
  cells <- split(grid, -grid$G * (1 + (grid$sizes == "dominant")) + grid$cell / 1000)
  parts <- parallel::mclapply(cells, run_cell, numbers, mc.cores = processes,
                              mc.preschedule = FALSE)
  broken <- vapply(parts, inherits, NA, "try-error")
  if (any(broken)) stop(parts[[which(broken)[1L]]], call. = FALSE)
  do.call(rbind, parts)
}

main <- function() {
  setwd(called_from)
  files <- option("join", NA)
  results <- if (is.na(files)) simulate() else
    join_results(strsplit(files, ",", fixed = TRUE)[[1L]])
  grid <- cell_grid()
  results <- results[order(match(results$design, unique(grid$design)),
                           match(results$sizes, unique(grid$sizes)), results$G,
                           match(results$test, tests)), ]
  out <- option("out", file.path(here, "results.csv"))
  write.csv(results, out, row.names = FALSE)
  shipped <- file.path(here, "..", "..", "inst", "bench", "coverage.csv")
  if ("--ship" %in% commandArgs(TRUE)) file.copy(out, shipped, overwrite = TRUE)
  message("written: ", out)
}

main()
