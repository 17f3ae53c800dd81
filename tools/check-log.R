# Judges the log of R CMD check: prints what was found, and ends with a status that is not zero on
# any ERROR, WARNING or NOTE except the note on a new submission.
#
#   Rscript tools/check-log.R fepanel.Rcheck

is_new_submission <- function(item) {
  rest <- trimws(item[-1])
  grepl("CRAN incoming feasibility", item[1]) &&
    all(rest == "" | rest == "New submission" | grepl("^Maintainer: ", rest))
}

folder <- commandArgs(TRUE)[1]
log_file <- file.path(folder, "00check.log")
if (!file.exists(log_file)) stop("R CMD check left no log: it did not start")
lines <- readLines(log_file, warn = FALSE)
items <- split(lines, cumsum(startsWith(lines, "* ")))
flagged <- Filter(function(item) grepl("\\.\\.\\. .*(ERROR|WARNING|NOTE)$", item[1]) ||
  any(grepl("^ *(\\[[^]]*\\] )?(ERROR|WARNING|NOTE)$", item[-1])), items)
refused <- Filter(Negate(is_new_submission), flagged)
finished <- any(startsWith(lines, "Status: "))

for (item in flagged) writeLines(item)
if (length(refused)) {
  outputs <- list.files(folder, "\\.Rout\\.fail$", recursive = TRUE, full.names = TRUE)
  for (output in outputs) writeLines(utils::tail(readLines(output, warn = FALSE), 40))
}
cat(if (finished) grep("^Status: ", lines, value = TRUE) else "R CMD check did not finish", "\n")
quit(status = as.integer(length(refused) > 0 || !finished))
