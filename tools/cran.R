# Installs packages from the CRAN mirror that R is configured with, or from R's own list of mirrors.
#
#   Rscript tools/cran.R library package...

configured_repos <- function() {
  repos <- getOption("repos")
  unset <- is.na(repos["CRAN"]) || repos["CRAN"] == "@CRAN@"
  if (unset) repos["CRAN"] <- utils::getCRANmirrors(local.only = TRUE)$URL[1]
  repos
}

args <- commandArgs(TRUE)
lib <- args[1]
packages <- args[-1]
dir.create(lib, recursive = TRUE, showWarnings = FALSE)
if (file.access(lib, 2) != 0) {
  stop("the library ", lib, " cannot be written to: let R_LIBS_USER name one that can")
}
.libPaths(c(lib, .libPaths()))
options(timeout = 600, warn = 1)
utils::install.packages(
  packages, lib,
  repos = configured_repos(), Ncpus = max(1L, parallel::detectCores(), na.rm = TRUE)
)
absent <- packages[!nzchar(vapply(packages, function(x) system.file(package = x), ""))]
quit(status = as.integer(length(absent) > 0))
