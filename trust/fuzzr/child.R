# Runs random cases one after the other until the time is up, in a process that may crash:
#   Rscript trust/fuzzr/child.R FIRST SECONDS PROGRESS FINDINGS
# PROGRESS holds the number of the case at hand; each finding is a line of FINDINGS and, shrunk, a
# file beside it.
arguments <- commandArgs(TRUE)
number <- as.numeric(arguments[1L])
until <- Sys.time() + as.numeric(arguments[2L])
source("trust/fuzzr/cases.R", encoding = "UTF-8")
source("trust/fuzzr/check.R")
suppressPackageStartupMessages(library(fepanel))

known <- if (file.exists(arguments[4L])) sub("^[0-9]+\t", "", readLines(arguments[4L])) else character()
while (Sys.time() < until) {
  writeLines(format(number, scientific = FALSE), arguments[3L])
  case <- random_case(number)
  finding <- run_case(case)
  if (!is.null(finding)) finding <- gsub("[\t\n]", " ", finding)
  if (!is.null(finding) && !finding %in% known) {
    known <- c(known, finding)
    cat(format(number, scientific = FALSE), "\t", finding, "\n", sep = "", file = arguments[4L],
        append = TRUE)
    small <- shrink_case(case, finding, Sys.time() + 15)
    dump <- c(paste("#", finding), paste("data <-", paste(deparse(small$data), collapse = "\n")),
              case_call(small))
    writeLines(dump, paste0(arguments[4L], ".", number, ".R"), useBytes = TRUE)
  }
  number <- number + 1
}
writeLines(format(number, scientific = FALSE), arguments[3L])
