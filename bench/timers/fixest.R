# fixest::feols() with its defaults.

available <- function() requireNamespace("fixest", quietly = TRUE)

prepare <- function(threads) {
  fixest::setFixest_nthreads(threads)
  fixest::setFixest_notes(FALSE)
}

supports <- function(case) case$task != "mediate"

run <- function(case, data) {
  m <- fixest::feols(fe_formula(case), data, vcov = vcov_argument(case))
  fits <- if (case$task == "stepwise") as.list(m) else list(m)
  list(coef = stack(fits, coef), se = stack(fits, fixest::se))
}
