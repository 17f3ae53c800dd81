# The process of one rival: reads the case and its data once, then runs the rival whenever asked.
#
#   Rscript worker.R timer threads folder      (in the folder bench)
#
# The timer file defines available(), prepare(threads), supports(case), run(case, data) ->
# list(coef, se); load(case, data), if it needs the data in another form; and fit(case, data), if it
# makes a model in advance whose inference alone is timed. Requests come as lines on the standard
# input: "run <reps>"; the end of the input ends the process. Answers are
# <folder>/<timer>-<number>.rds, written under another name and renamed, so that a file that is
# there is complete; answer 0 says that the data are read. <folder>/<timer>.pid is for ending the
# process.

args <- commandArgs(TRUE)
timer_file <- args[1L]
threads <- as.integer(args[2L])
folder <- args[3L]
name <- sub("[.]R$", "", basename(timer_file))
writeLines(as.character(Sys.getpid()), file.path(folder, paste0(name, ".pid")))
source("cases.R")

answer <- function(number, value) {
  path <- file.path(folder, sprintf("%s-%d.rds", name, number))
  saveRDS(value, paste0(path, ".part"))
  file.rename(paste0(path, ".part"), path)
}

# Megabytes of a line of /proc/self/status (Linux); NA elsewhere.
status_mb <- function(key) {
  if (!file.exists("/proc/self/status")) return(NA_real_)
  line <- grep(paste0("^", key, ":"), readLines("/proc/self/status"), value = TRUE)
  if (length(line)) as.numeric(gsub("[^0-9]", "", line)) / 1024 else NA_real_
}

# Linux sets the peak back to the present size when told so.
forget_peak <- function() {
  try(suppressWarnings(writeLines("5", "/proc/self/clear_refs")), silent = TRUE)
}

timed <- function(reps) {
  invisible(gc())
  forget_peak()
  before <- status_mb("VmHWM")
  seconds <- numeric(reps)
  for (i in seq_len(reps)) {
    start <- Sys.time()
    value <- timer$run(case, data)
    seconds[i] <- as.numeric(difftime(Sys.time(), start, units = "secs"))
  }
  peak <- status_mb("VmHWM")
  utils::modifyList(list(seconds = seconds, peak_mb = peak, increment_mb = peak - before), value)
}

caught <- function(expr) tryCatch(expr, error = function(e) list(error = conditionMessage(e)))

timer <- new.env()
source(timer_file, timer)
job <- readRDS(file.path(folder, "job.rds"))
case <- job$case
data <- readRDS(job$file)
timer$prepare(threads)
fit <- function(data) if (is.function(timer$fit)) timer$fit(case, data)

# What is loaded, compiled or looked up on first use is not part of the time.
warm_up <- function(data) {
  fit(data)
  timer$run(case, data)
}
if (job$warm_up) suppressMessages(try(warm_up(utils::head(data, 5000L)), silent = TRUE))
if (is.function(timer$load)) timer$load(case, data)
fit(data)
answer(0L, list())

requests <- file("stdin", "r")
number <- 0L
while (length(line <- readLines(requests, 1L))) {
  number <- number + 1L
  answer(number, caught(timed(as.integer(sub("run ", "", line)))))
}
