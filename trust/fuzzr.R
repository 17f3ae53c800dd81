# Random formulas and frames through fe_lm(): every call ends in a fit of which the basic properties
# hold, or in an error of class fe_error.
#   Rscript trust/fuzzr.R [--quick] [--seconds=N] [--seed=N] [--keep=folder]
# --quick: 60 seconds; without it 1800. Cases run in a child process; one that crashes it or takes
# more than 40 seconds is a finding as well. Findings are printed, shrunk; --keep copies them.
source("trust/record.R")
arguments <- trust_arguments(list(seconds = 0, keep = ""))
seconds <- if (arguments$seconds > 0) arguments$seconds else if (arguments$quick) 60 else 1800
first <- arguments$seed * 1e6

if (!requireNamespace("fepanel", quietly = TRUE)) {
  record("fuzzr", "random formulas, frames and arguments", 0, 0,
         "not run: fepanel is not installed in a library of R_LIBS", 0)
  quit(status = 0L)
}

folder <- tempfile("fuzzr")
dir.create(folder)
progress <- file.path(folder, "progress")
findings <- file.path(folder, "findings")
log <- file.path(folder, "log")
case_at <- function() if (file.exists(progress)) as.numeric(readLines(progress)[1L]) else first

# A child from case `number` on -> how it ended: "done", "hang" or "crash".
run_child <- function(number, seconds) {
  child <- file.path(folder, "child.sh")
  writeLines(sprintf("%s trust/fuzzr/child.R %.0f %.0f %s %s >>%s 2>&1 & echo $! >%s.pid; wait $!; echo $? >%s.rc",
                     shQuote(file.path(R.home("bin"), "Rscript")), number, seconds, progress,
                     findings, log, progress, progress), child)
  unlink(paste0(progress, ".rc"))
  system2("sh", child, wait = FALSE)
  last <- number
  since <- Sys.time()
  while (!file.exists(paste0(progress, ".rc"))) {
    Sys.sleep(0.2)
    at <- case_at()
    if (is.na(at) || at != last) since <- Sys.time()
    if (!is.na(at)) last <- at
    if (difftime(Sys.time(), since, units = "secs") > 40) {
      tools::pskill(as.integer(readLines(paste0(progress, ".pid"))), tools::SIGKILL)
      return("hang")
    }
  }
  Sys.sleep(0.1)
  if (identical(readLines(paste0(progress, ".rc")), "0")) "done" else "crash"
}

start <- Sys.time()
left <- function() seconds - as.numeric(difftime(Sys.time(), start, units = "secs"))
number <- first
repeat {
  ended <- run_child(number, max(left(), 1))
  number <- case_at()
  if (ended != "done") {
    cat(sprintf("%.0f\t%s\n", number, ended), file = findings, append = TRUE)
    number <- number + 1
  }
  if (left() < 5) break
}

found <- if (file.exists(findings)) readLines(findings) else character()
for (file in list.files(folder, "findings[.].*R$", full.names = TRUE)) {
  cat("\n", readLines(file, warn = FALSE), sep = "\n")
}
if (length(found)) cat("\n", found, sep = "\n")
if (any(grepl("\tcrash$", found))) cat("\n", utils::tail(readLines(log), 30L), sep = "\n")
if (nzchar(arguments$keep)) {
  dir.create(arguments$keep, FALSE)
  invisible(file.copy(list.files(folder, full.names = TRUE), arguments$keep, overwrite = TRUE))
}
unlink(folder, recursive = TRUE)
record("fuzzr", "random formulas, frames and arguments through fe_lm() and its methods",
       number - first, length(found),
       if (length(found)) "findings, see above" else "a sound fit or an error of class fe_error",
       difftime(Sys.time(), start, units = "secs"))
quit(status = as.integer(length(found) > 0L))
