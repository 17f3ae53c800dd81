# fepanel itself, with its defaults.

available <- function() requireNamespace("fepanel", quietly = TRUE)

prepare <- function(threads) fepanel::fe_threads(threads)

supports <- function(case) TRUE

run <- function(case, data) {
  if (case$task == "mediate") return(run_mediate(case, data))
  m <- fepanel::fe_lm(fe_formula(case), data, vcov = vcov_argument(case))
  fits <- if (case$task == "stepwise") as.list(m) else list(m)
  list(coef = stack(fits, coef), se = stack(fits, function(f) sqrt(diag(vcov(f)))))
}

run_mediate <- function(case, data) {
  set.seed(1)
  m <- fepanel::fe_mediate(fe_formula(case), data, treat = "ln_imdig",
                           mediators = c("ln_innov", "ln_inter"), R = 10000,
                           cluster = vcov_argument(case))
  list(coef = unname(coef(m)), se = NA_real_)
}
