# fwildclusterboot::boottest() on a model of fixest, its own engine in R and C++. The package is
# archived on CRAN and may not be installable; then its times are left out.

available <- function() {
  requireNamespace("fwildclusterboot", quietly = TRUE) && requireNamespace("fixest", quietly = TRUE)
}

prepare <- function(threads) {
  state$threads <- threads
  fixest::setFixest_nthreads(threads)
}

supports <- function(case) task_of(case) == "wild" && case$n <= 1e5

state <- new.env()

# The data are looked up by their name when the test is asked for.
fit <- function(case, data) {
  assign("bench_data", data, globalenv())
  state$model <- fixest::feols(fe_formula(case), bench_data)
}

run <- function(case, data) {
  dqrng::dqset.seed(1)
  set.seed(1)
  b <- suppressMessages(fwildclusterboot::boottest(
    state$model, param = terms_of(case$x)[1L], B = draws_of(case), clustid = case$vcov,
    fe = NULL, nthreads = state$threads))
  list(coef = as.vector(fwildclusterboot::pval(b)), se = NA_real_)
}
