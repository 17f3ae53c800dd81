# summclust::vcov_CR3J(): the cluster jackknife of a model of fixest.

available <- function() {
  requireNamespace("summclust", quietly = TRUE) && requireNamespace("fixest", quietly = TRUE)
}

prepare <- function(threads) fixest::setFixest_nthreads(threads)

supports <- function(case) case$task == "CR3" && case$n <= 1e5

state <- new.env()

# The data are looked up by their name when the jackknife is asked for.
fit <- function(case, data) {
  assign("bench_data", data, globalenv())
  state$model <- fixest::feols(fe_formula(case), bench_data)
}

run <- function(case, data) {
  v <- summclust::vcov_CR3J(state$model, cluster = as.formula(paste("~", case$vcov)))
  se <- sqrt(diag(v))[terms_of(case$x)]
  list(coef = se, se = se)
}
