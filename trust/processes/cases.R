# What one process computes, for comparison with another: cases of trust/alloc/cases.R.

# The cases of these names -> list of their contents, a message in place of one that fails. `m`: a
# model fitted elsewhere, for the cases that use one. Self-contained: it is sent to processes that
# run in the root of the repository.
results_of <- function(names, m = NULL, seed = 1L) {
  library(fepanel)
  options(fepanel.threads = 2L)
  here <- new.env(parent = globalenv())
  sys.source("trust/alloc/cases.R", here)
  here$d <- here$alloc_panel()
  here$long <- here$alloc_long(9000L)
  fit <- quote(fe_lm(y ~ x + z | unit + time, d, vcov = ~unit))
  here$m <- if (is.null(m)) eval(fit, here) else m
  one <- function(name) {
    set.seed(seed)
    tryCatch(suppressWarnings(here$content(eval(here$alloc_cases[[name]], here))),
             error = conditionMessage)
  }
  stats::setNames(lapply(names, one), names)
}

# Draws that take their seed from R's generator.
draws_of <- function(seed) {
  library(fepanel)
  here <- new.env(parent = globalenv())
  sys.source("trust/alloc/cases.R", here)
  d <- here$alloc_panel()
  set.seed(seed)
  m <- fe_lm(y ~ x + z | unit + time, d, vcov = ~region)
  list(fe_boot(m, R = 99)$t, fe_boottest(m, "x", B = 199)$t_boot, stats::runif(2L))
}

# Models that are fitted over and over: calls, with the number of models of each.
small_fits <- list(
  list(1L, quote(fe_lm(y ~ x + z | unit, d))),
  list(1L, quote(fe_lm(y ~ x + z | unit + time, d, vcov = ~region))),
  list(1L, quote(fe_lm(y ~ x | unit[v] + time, d))),
  list(1L, quote(fe_lm(y ~ z | unit + time | x ~ m1 + v, d))),
  list(27L, quote(fe_lm(c(y, m1, m2) ~ csw(x, z, v) | csw0(unit, time), d))),
  list(27L, quote(fe_lm(c(y, m1, m2) ~ csw(x, z, v) | unit, d, fsplit = ~group))))

# Resident memory of this process in MB; NA where the system does not tell.
resident_mb <- function() {
  gc()
  said <- tryCatch(system2("ps", c("-o", "rss=", "-p", Sys.getpid()), stdout = TRUE),
                   error = function(e) NA_character_, warning = function(w) NA_character_)
  as.numeric(said[1L]) / 1024
}

# Loads the package, fits, and unloads it, its compiled code too, `times` times -> the distinct
# coefficients, and resident memory along the way.
load_often <- function(times) {
  source("trust/processes/cases.R")
  sys.source("trust/alloc/cases.R", here <- new.env(parent = globalenv()))
  memory <- numeric()
  seen <- list()
  for (i in seq_len(times)) {
    fe_lm <- getExportedValue("fepanel", "fe_lm")
    fit <- fe_lm(y ~ x + z | unit + time, here$alloc_panel(), vcov = ~region)
    seen <- unique(c(seen, list(here$content(coef(fit)))))
    path <- dirname(dirname(getNamespaceInfo("fepanel", "DLLs")[[1L]][["path"]]))
    rm(fe_lm, fit)
    gc()
    unloadNamespace("fepanel")
    if (i %% 2L == 0L) library.dynam.unload("fepanel", path)
    gc()
    memory <- c(memory, resident_mb())
  }
  list(seen = seen, memory = memory, loaded = "fepanel" %in% loadedNamespaces())
}
