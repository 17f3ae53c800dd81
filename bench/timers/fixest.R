# fixest::feols() with its defaults.

available <- function() requireNamespace("fixest", quietly = TRUE)

prepare <- function(threads) {
  fixest::setFixest_nthreads(threads)
  fixest::setFixest_notes(FALSE)
}

supports <- function(case) case$task %in% c("fit", "stepwise", "conley", "robust")

state <- new.env()

# The model of a case whose inference alone is timed.
fit <- function(case, data) {
  if (case$task == "conley") state$model <- fixest::feols(fe_formula(case), data, vcov = "iid")
}

run <- function(case, data) {
  if (case$task == "conley") return(run_conley(state$model))
  if (case$task == "robust") return(run_loop(case, data))
  m <- fixest::feols(fe_formula(case), data, vcov = vcov_argument(case))
  fits <- if (case$task == "stepwise") as.list(m) else list(m)
  list(coef = stack(fits, coef), se = stack(fits, fixest::se))
}

# A call for each specification.
run_loop <- function(case, data) {
  out <- vapply(models_of(case), function(x) {
    f <- as.formula(paste(case$y, "~", paste(x, collapse = " + "), "|", case$fe), globalenv())
    m <- fixest::feols(f, data, vcov = vcov_argument(case))
    c(coef(m)[[x[1L]]], fixest::se(m)[[x[1L]]])
  }, numeric(2L))
  list(coef = out[1L, ], se = out[2L, ])
}

run_conley <- function(m) {
  v <- vcov(m, vcov = fixest::vcov_conley(lat = "lat", lon = "lon", cutoff = conley_cutoff,
                                          distance = "spherical"))
  list(coef = unname(sqrt(diag(v))), se = unname(sqrt(diag(v))))
}
