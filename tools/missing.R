# Prints the R packages that a purpose needs and this R lacks (or has too old), one a line.
#
#   Rscript tools/missing.R replicate|test|check|trust system|user [required]
#
# `replicate` needs what the package imports and what the report is made with; `test`, `check` and
# `trust` need everything that DESCRIPTION names, `trust` also what starts R from R and counts lines.
# With `required`, only those without which the purpose fails: a peer package that is not there costs
# the tests that compare with it, no more.

# tinytable registers a method for xfun::record_print(), which the xfun of an older knitr lacks.
knitr_version <- "1.50"

declared <- function(field) {
  entries <- strsplit(read.dcf("DESCRIPTION", fields = field)[1, 1], ",")[[1]]
  entries <- trimws(gsub("[[:space:]]+", " ", entries))
  version <- ifelse(grepl(">=", entries), sub(".*>= *([^)]+)[)].*", "\\1", entries), "0")
  stats::setNames(version, sub(" .*", "", entries))
}

# In `user` mode pandoc may be out of reach: litedown then turns the report into HTML.
report_packages <- function(mode) {
  pandoc <- nzchar(Sys.which("pandoc")) && nzchar(system.file(package = "rmarkdown"))
  c("knitr", "ggplot2", "tinytable", if (mode == "system" || pandoc) "rmarkdown" else "litedown")
}

needed <- function(purpose, mode, required) {
  imports <- declared("Imports")
  suggests <- declared("Suggests")
  if (mode == "user") suggests <- suggests[names(suggests) != "rmarkdown"]
  picked <- if (purpose == "replicate") report_packages(mode)
    else if (required) "testthat"
    else c(names(suggests), if (purpose == "trust") c("callr", "covr"))
  version <- suggests[picked]
  version[is.na(version)] <- "0"
  version[picked == "knitr"] <- knitr_version
  c(imports, stats::setNames(version, picked))
}

is_missing <- function(name, version) {
  path <- system.file(package = name)
  !nzchar(path) || utils::packageVersion(name, dirname(path)) < version
}

args <- commandArgs(TRUE)
packages <- needed(args[1], args[2], "required" %in% args)
writeLines(names(packages)[mapply(is_missing, names(packages), packages)])
