# Makes the page of a result again, and ships the result with the package.
#
#   Rscript bench/report.R results.csv          writes results.html beside it
#   Rscript bench/report.R results.csv --ship   also copies it to inst/bench/results.csv, which the
#                                               vignette "How fast, and why" shows

args <- commandArgs(TRUE)
csv <- normalizePath(args[1L])
file_argument <- grep("^--file=", commandArgs(), value = TRUE)
setwd(dirname(normalizePath(sub("^--file=", "", file_argument))))
source("page.R")
source("../inst/bench/summary.R")

results <- read_bench(csv)
message("written: ", write_page(results, sub("[.]csv$", ".html", csv)))
print_verdict(bench_verdict(results))
if ("--ship" %in% args) {
  if (any(results$busy > 0.1, na.rm = TRUE)) warning("other programs were running", call. = FALSE)
  file.copy(csv, "../inst/bench/results.csv", overwrite = TRUE)
  message("written: inst/bench/results.csv")
}
