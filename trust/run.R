# Runs the checks of trust/, one process each, and says what was done, how often, and how it ended.
#   Rscript trust/run.R [--quick] [--only=regex] [--ship]
# --quick  the part that CI runs on every change; without it the long checks, for hours
# --ship   the rows take the place of those of the same checks in inst/trust/results.csv, which the
#          vignette "How fepanel is tested" shows; a row says of which run it is, short or long
source("trust/record.R")
arguments <- trust_arguments(list(only = "", ship = FALSE))

checks <- list.files("trust", "[.](R|sh)$")
checks <- setdiff(checks, c("run.R", "record.R", "record.sh"))
checks <- checks[grepl(arguments$only, checks)]

out <- tempfile(fileext = ".csv")
Sys.setenv(FEPANEL_TRUST_OUT = out)

run_check <- function(file) {
  cat("\n== ", file, "\n", sep = "")
  command <- if (endsWith(file, ".R")) file.path(R.home("bin"), "Rscript") else "sh"
  seconds <- system.time(
    status <- system2(command, c(file.path("trust", file), if (arguments$quick) "--quick"))
  )[["elapsed"]]
  if (status != 0) cat("== failed: ", file, " (status ", status, ")\n", sep = "")
  data.frame(file, status, seconds)
}

ran <- do.call(rbind, lapply(checks, run_check))
table <- utils::read.csv(out)
cat("\n")
print(table[c("check", "what", "times", "failed", "outcome")], row.names = FALSE, right = FALSE)
cat(sprintf("\n%d checks in %.0f s, %d kinds of fault or property, %.0f times; %d rows failed\n",
            nrow(ran), sum(ran$seconds), nrow(table), sum(table$times), sum(table$failed > 0)))
table$tier <- if (arguments$quick) "short" else "long"
if (arguments$ship) {
  shipped <- "inst/trust/results.csv"
  others <- if (file.exists(shipped)) utils::read.csv(shipped)
  others <- others[!others$check %in% table$check, ]
  utils::write.csv(rbind(others, table), shipped, row.names = FALSE)
}
quit(status = as.integer(any(ran$status != 0) || any(table$failed > 0)))
