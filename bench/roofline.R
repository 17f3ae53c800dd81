# Where the time of a call goes, and what bounds it: for the cases that match, each stage's time in
# the first call of a process and in later ones, the part of it that the kernel took (fresh memory,
# mostly), the least number of bytes that the stage must move, and how long the machine's memory
# needs for so many.
#
#   Rscript bench/roofline.R [--case=regex] [--runs=N] [--threads=N] [--out=file.csv]
#
# Default: the cases whose target bench/results' newest file misses. The triad and the page faults
# are measured by stream.c, compiled here. Linux; elsewhere without the kernel's figures.

file_argument <- grep("^--file=", commandArgs(), value = TRUE)
called_from <- getwd()
setwd(dirname(normalizePath(sub("^--file=", "", file_argument))))
for (part in c("generators", "cases", "machine")) source(paste0(part, ".R"))
source("../inst/bench/summary.R")

option <- function(name, default) {
  hit <- grep(sprintf("^--%s=", name), commandArgs(TRUE), value = TRUE)
  if (length(hit)) sub("^[^=]*=", "", hit[1L]) else default
}

# --- the machine ------------------------------------------------------------------------------

measure_memory <- function(threads) {
  folder <- tempfile("stream")
  dir.create(folder)
  file.copy("stream.c", folder)
  old <- setwd(folder)
  on.exit(setwd(old))
  built <- system2(file.path(R.home("bin"), "R"), c("CMD", "SHLIB", "stream.c"),
                   env = "PKG_CFLAGS=-pthread PKG_LIBS=-pthread", stdout = FALSE, stderr = FALSE)
  if (built != 0L) stop("stream.c could not be compiled", call. = FALSE)
  dll <- dyn.load(paste0("stream", .Platform$dynlib.ext))
  on.exit(dyn.unload(dll[["path"]]), add = TRUE, after = FALSE)
  # the second time: the first may wait for the host of a virtual machine
  touch <- function(large) .Call(getNativeSymbolInfo("page_fault", dll)$address, large)
  small <- list(touch(FALSE), touch(FALSE))[[2L]]
  large <- list(touch(TRUE), touch(TRUE))[[2L]]
  triad <- getNativeSymbolInfo("stream_triad", dll)$address
  list(stream = .Call(triad, 2e7, as.integer(threads)), stream_1 = .Call(triad, 2e7, 1L),
       small_fault_us = 1e6 * small[1L], large_fault_us = 1e6 * large[1L])
}

# --- stages -----------------------------------------------------------------------------------

# Functions of the package that are the stages of a call, in their order. None calls another.
stages <- c(prepare_model = "columns looked at", shared_rows = "identifiers, rows",
            group_columns = "columns", new_absorber = "order of the rows, graph",
            absorb = "absorption", factor_columns = "triangular factor",
            fit_one = "residuals, variance")

clock <- function() {
  t <- proc.time()
  c(elapsed = t[["elapsed"]], system = t[["sys.self"]], faults = minor_faults())
}

minor_faults <- function() {
  if (!file.exists("/proc/self/stat")) return(NA_real_)
  as.numeric(strsplit(sub("^.*[)] ", "", readLines("/proc/self/stat")), " ")[[1L]][8L])
}

spent <- new.env()

# Puts a clock around a function of the package, in this process alone.
time_stage <- function(name) {
  space <- asNamespace("fepanel")
  inner <- get(name, space)
  timed <- function(...) {
    before <- clock()
    on.exit(spent[[name]] <- spent[[name]] + clock() - before)
    inner(...)
  }
  unlockBinding(name, space)
  assign(name, timed, space)
  lockBinding(name, space)
}

reset <- function() for (name in c(names(stages), "all")) spent[[name]] <- 0 * clock()

# --- the least bytes of each stage ------------------------------------------------------------

# n rows of which some are dropped as singletons, q identifiers (4 bytes a row each), k columns (8
# bytes a row each), `cells` distinct pairs, p levels, `entries` of the triangular factors, and the
# iterations of conjugate gradients. Every array is counted once each time that the method reads or
# writes it; what stays in the processor's cache costs less, random access more.
least_bytes <- function(n, q, k, dropped, plan, iterations) {
  rows <- n - dropped
  p <- plan$n_lead + plan$others
  copied <- if (dropped > 0) 1 else 0
  merged <- if (plan$cells > 0) 12 * plan$cells else 0
  c(prepare_model = 8 * n * k,
    shared_rows = 4 * n * q * 2 + copied * (8 * n * q + 4 * n),
    group_columns = 8 * n * k + copied * (16 * n * k + 4 * n * k),
    new_absorber = 4 * rows * q * 3 + 4 * rows * (q - 1) + 2 * merged,
    absorb = k * (rows * (8 + 4 * q) + rows * (16 + 4 * q) + rows * (8 + 4 * q)) +
      k * iterations * (2 * merged + 12 * 2 * plan$factor + 80 * plan$others) +
      12 * (plan$edges + 2 * plan$factor) + 16 * p,
    factor_columns = 8 * rows * k,
    fit_one = 8 * rows * (k + 1) + 16 * rows)
}

# --- one case ---------------------------------------------------------------------------------

roofline <- function(case, memory, runs) {
  message(case$name)
  data <- case_data(case)
  formula <- stats::as.formula(paste(case$y, "~", case$x, "|", case$fe))
  fit <- function(data) fepanel::fe_lm(formula, data, vcov = case$vcov)
  invisible(fit(utils::head(data, nrow(data) %/% 20L))) # compiled, looked up
  first <- timed_calls(fit, data, 1L)
  later <- timed_calls(fit, data, runs)
  m <- fit(data)
  bytes <- least_bytes(nrow(data), length(terms_of(case$fe)), 1 + length(terms_of(case$x)),
                       nrow(data) - m$n_rows, m$absorption$plan, m$absorption$iterations)
  bytes <- c(bytes, sum(bytes))
  data.frame(case = case$name, stage = c(stages, "the whole call"),
             first_ms = 1e3 * first[, "elapsed"], first_faults = first[, "faults"], ms = 1e3 * later[, "elapsed"],
             kernel_ms = 1e3 * later[, "system"], faults = later[, "faults"], mb = bytes / 1e6,
             stream_ms = bytes / 1e6 / memory$stream, runs, row.names = NULL)
}

# Means a call: a row for each stage and one for all.
timed_calls <- function(fit, data, runs) {
  reset()
  for (run in seq_len(runs)) {
    invisible(gc())
    before <- clock()
    m <- fit(data)
    spent$all <- spent$all + clock() - before
    rm(m)
  }
  t(vapply(c(names(stages), "all"), function(s) spent[[s]] / runs, numeric(3L)))
}

newest_results <- function() {
  files <- list.files("results", "[.]csv$", full.names = TRUE)
  files <- files[!grepl("roofline", files)]
  if (length(files)) files[which.max(file.mtime(files))]
}

missed_cases <- function() {
  newest <- newest_results()
  if (is.null(newest)) stop("no results yet: name cases by --case=", call. = FALSE)
  verdict <- bench_verdict(read_bench(newest))
  unique(verdict$case[!verdict$met & !is.na(verdict$target)])
}

main <- function() {
  threads <- as.integer(option("threads", 2))
  pattern <- option("case", "")
  cases <- all_cases()
  cases <- cases[cases$task == "fit", ]
  cases <- cases[cases$name %in% if (nzchar(pattern)) {
    grep(pattern, cases$name, value = TRUE)
  } else missed_cases(), ]
  if (!nrow(cases)) return(message("every target is met, or no case matches"))
  fepanel::fe_threads(threads)
  memory <- measure_memory(threads)
  message(sprintf("triad %.1f GB/s with %d threads, %.1f with one; first touch of fresh memory: ",
                  memory$stream, threads, memory$stream_1),
          sprintf("%.2g us for 4 kB, %.3g us for 2 MB", memory$small_fault_us,
                  memory$large_fault_us))
  for (name in names(stages)) time_stage(name)
  runs <- as.integer(option("runs", 9))
  rows <- do.call(rbind, lapply(seq_len(nrow(cases)), function(i) {
    roofline(cases[i, ], memory, runs)
  }))
  figures <- vapply(rows, is.numeric, NA)
  rows[figures] <- lapply(rows[figures], signif, 4)
  machine <- describe_machine(threads)
  rows <- data.frame(rows, lapply(memory, signif, 4), machine, row.names = NULL)
  out <- option("out", file.path("results", paste0(machine_slug(machine), "-roofline.csv")))
  if (!grepl("^(/|results)", out)) out <- file.path(called_from, out)
  utils::write.csv(rows, out, row.names = FALSE)
  options(width = 160)
  print(rows[c("case", "stage", "first_ms", "first_faults", "ms", "kernel_ms", "faults", "mb",
               "stream_ms")], row.names = FALSE)
  message("written: ", normalizePath(out))
}

main()
