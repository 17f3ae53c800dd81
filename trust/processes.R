# The package in several processes, over and over, and loaded again and again.
#
#   Rscript trust/processes.R [--quick] [--times=N] [--only=regex]
#
#   fork     forked children, after threads ran in the parent, compute what the parent does
#   callr    so does a session of callr, to which a model is sent and which sends one back
#   future   so do workers of future, forked ones and sessions
#   pair     two sessions that run at the same time draw the same numbers from the same seed
#   reload   a namespace that is loaded again, with and without its compiled code, works
#   growth   memory does not grow over --times fits (default 1e5; with --quick 2e3 of more rows)
# "The same" is the same bits throughout.
source("trust/record.R")
source("trust/alloc/cases.R")
source("trust/processes/cases.R")
arguments <- trust_arguments(list(only = ""))
quick <- arguments$quick
library(fepanel)
options(fepanel.threads = 2L)

failures <- 0L
started <- proc.time()[["elapsed"]]
seconds <- function() proc.time()[["elapsed"]] - started

finish <- function(what, times, failed, outcome, since) {
  failures <<- failures + failed
  record("processes", what, times, failed, outcome, seconds() - since)
}
not_run <- function(what, reason) {
  record("processes", what, 0L, 0L, paste("not run:", reason), 0)
}
missing_package <- function(name, what) {
  absent <- !requireNamespace(name, quietly = TRUE)
  if (absent) not_run(what, paste("the package", name, "is not installed"))
  absent
}

# How many of these results differ from those of this process, which are told.
differing <- function(results, expected, where) {
  bad <- names(expected)[!mapply(identical, results[names(expected)], expected)]
  for (name in bad) {
    cat(sprintf("  %s: %s differs: %s\n", where, name,
                toString(utils::head(results[[name]], 3L))))
  }
  length(bad)
}

all_cases <- names(alloc_cases)
if (quick) all_cases <- all_cases[grepl("^(co|l|me|s|boot_)", all_cases)]
uses_model <- vapply(alloc_cases, function(case) "m" %in% all.names(case), NA)
with_model <- intersect(all_cases, names(alloc_cases)[uses_model])
if (quick) with_model <- with_model[seq(1L, length(with_model), 3L)]

expected <- NULL
expect <- function() {
  if (is.null(expected)) expected <<- results_of(all_cases)
  expected
}

# ---- several processes ---------------------------------------------------------------------------

check_fork <- function() {
  what <- "forked children after threads ran in the parent"
  if (.Platform$OS.type == "windows") return(not_run(what, "Windows does not fork"))
  right <- expect()
  since <- seconds()
  rounds <- if (quick) 1L else 10L
  failed <- 0L
  for (round in seq_len(rounds)) {
    got <- parallel::mclapply(1:2, function(child) results_of(all_cases), mc.cores = 2L)
    failed <- failed + sum(vapply(got, differing, 0L, right, "forked child"))
  }
  again <- differing(results_of(with_model), right[with_model], "parent after forks")
  finish(what, 2L * rounds * length(all_cases), failed + again,
         "the same bits as in the parent, which goes on too", since)
}

check_callr <- function() {
  what <- "in a session of callr, models sent there and back"
  if (missing_package("callr", what)) return()
  right <- expect()
  since <- seconds()
  here <- fe_lm(y ~ x + z | unit + time, alloc_panel(), vcov = ~unit)
  got <- callr::r(function(names, with_model, m) {
    source("trust/alloc/cases.R")
    source("trust/processes/cases.R")
    list(results = results_of(names), of_sent = results_of(with_model, m),
         m = fe_lm(y ~ x + z | unit + time, alloc_panel(), vcov = ~unit))
  }, list(all_cases, with_model, here))
  failed <- differing(got$results, right, "callr") +
    differing(got$of_sent, right[with_model], "model sent to callr") +
    differing(results_of(with_model, got$m), right[with_model], "model from callr")
  finish(what, length(all_cases) + 2L * length(with_model), failed, "the same bits", since)
}

check_future <- function() {
  for (plan in c("multisession", "multicore")) {
    what <- paste("two", plan, "workers of future at once")
    if (missing_package("future", what)) next
    if (plan == "multicore" && !future::supportsMulticore()) {
      not_run(what, "future does not fork here")
      next
    }
    right <- expect()
    since <- seconds()
    future::plan(plan, workers = 2L)
    folder <- getwd()
    jobs <- lapply(1:2, function(worker) {
      future::future({
        setwd(folder)
        results_of(all_cases)
      }, globals = list(folder = folder, results_of = results_of, all_cases = all_cases),
      seed = NULL)
    })
    failed <- sum(vapply(lapply(jobs, future::value), differing, 0L, right, plan))
    future::plan("sequential")
    finish(what, 2L * length(all_cases), failed, "the same bits as in the main session", since)
  }
}

check_pair <- function() {
  what <- "two sessions at the same time with the same seed"
  if (missing_package("callr", what)) return()
  since <- seconds()
  seeds <- if (quick) 7L else 1:50
  draw_all <- function(seeds) {
    source("trust/processes/cases.R")
    lapply(seeds, draws_of)
  }
  jobs <- lapply(1:2, function(i) callr::r_bg(draw_all, list(seeds)))
  here <- lapply(seeds, draws_of)
  for (job in jobs) job$wait()
  got <- lapply(jobs, function(job) job$get_result())
  failed <- sum(!mapply(identical, got[[1L]], here)) + sum(!mapply(identical, got[[2L]], here))
  other <- draws_of(1000L)
  same_anyway <- mapply(identical, other, here[[1L]])
  if (any(same_anyway)) cat("  another seed gives the same draws: part", which(same_anyway), "\n")
  finish(what, 2L * length(seeds), failed + any(same_anyway),
         "the same bits in both and here, and others with another seed", since)
}

# ---- over and over -------------------------------------------------------------------------------

# Whatever the package, R itself keeps some MB of a namespace whose methods it has registered.
check_reload <- function() {
  what <- "namespace unloaded and loaded, every second time with its compiled code"
  if (missing_package("callr", what)) return()
  since <- seconds()
  times <- if (quick) 10L else 200L
  got <- callr::r(function(times) {
    source("trust/processes/cases.R")
    load_often(times)
  }, list(times))
  right <- content(coef(fe_lm(y ~ x + z | unit + time, alloc_panel(), vcov = ~region)))
  half <- times %/% 2L
  growth <- (got$memory[times] - got$memory[half]) / (times - half)
  failed <- sum(!identical(got$seen, list(right)), isTRUE(growth > 4), got$loaded)
  finish(what, times, failed,
         sprintf("the same bits each time; memory grows by %.1f MB (limit 4)", growth), since)
}

# Resident memory is looked at eight times. R's heap takes a step now and then, a leak grows from
# each time to the next: the median of the steps tells them apart.
check_growth <- function() {
  fits <- if (!is.null(arguments$times)) arguments$times else if (quick) 2e3 else 1e5
  d <- alloc_panel()
  if (quick) d <- d[rep(seq_len(nrow(d)), 8L), ]
  since <- seconds()
  first <- lapply(small_fits, function(fit) content(coef(eval(fit[[2L]]))))
  done <- 0
  memory <- numeric()
  for (part in 1:8) {
    while (done < fits * part / 8) {
      for (fit in small_fits) {
        eval(fit[[2L]])
        done <- done + fit[[1L]]
      }
    }
    memory <- c(memory, resident_mb())
    if (!quick) cat(sprintf("%.0f fits, %.1f MB (%.0f s)\n", done, memory[part], seconds() - since))
  }
  growth <- 8 * stats::median(diff(memory))
  last <- lapply(small_fits, function(fit) content(coef(eval(fit[[2L]]))))
  what <- sprintf("fits in a loop, of %d rows", nrow(d))
  finish(what, done, sum(isTRUE(growth > 8), !identical(first, last)),
         if (is.na(growth)) "the same bits at the end; growth not run: ps does not tell" else
           sprintf("the same bits at the end; resident memory grows by %.1f MB (limit 8)", growth),
         since)
}

checks <- list(growth = check_growth, fork = check_fork, callr = check_callr,
               future = check_future, pair = check_pair, reload = check_reload)
for (name in grep(arguments$only, names(checks), value = TRUE)) checks[[name]]()
cat(sprintf("%d failures in %.0f s, %.0f s of processor time here\n", failures, seconds(),
            sum(proc.time()[1:2])))
quit(status = as.integer(failures > 0L))
