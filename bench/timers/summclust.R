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

# It absorbs the fixed effects of the clusters if the clusters are one of them by name; under
# another name they become a dummy each, and the run does not end.
cluster_name <- function(case, data) {
  effects <- intersect(all.vars(fe_formula(case)[[3L]]), names(data))
  same <- vapply(effects, function(name) identical(data[[name]], data[[case$vcov]]), NA)
  c(effects[same], case$vcov)[1L]
}

run <- function(case, data) {
  v <- summclust::vcov_CR3J(state$model,
                            cluster = as.formula(paste("~", cluster_name(case, data))))
  se <- sqrt(diag(v))[terms_of(case$x)]
  list(coef = se, se = se)
}
