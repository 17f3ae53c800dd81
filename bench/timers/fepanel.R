# fepanel itself, with its defaults.

available <- function() requireNamespace("fepanel", quietly = TRUE)

prepare <- function(threads) fepanel::fe_threads(threads)

supports <- function(case) TRUE

state <- new.env()

# The model of a case whose inference alone is timed.
fit <- function(case, data) {
  if (!is_inference(case)) return(invisible())
  state$model <- fepanel::fe_lm(fe_formula(case), data, vcov = vcov_argument(case))
}

run <- function(case, data) {
  if (case$task == "mediate") return(run_mediate(case, data))
  if (case$task == "robust") return(run_robust(case, data))
  if (is_inference(case)) return(run_inference(case, state$model))
  m <- fepanel::fe_lm(fe_formula(case), data, vcov = vcov_argument(case))
  fits <- if (case$task == "stepwise") as.list(m) else list(m)
  list(coef = stack(fits, coef), se = stack(fits, function(f) sqrt(diag(vcov(f)))))
}

run_mediate <- function(case, data) {
  set.seed(1)
  m <- fepanel::fe_mediate(fe_formula(case), data, treat = "ln_imdig",
                           mediators = c("ln_innov", "ln_inter"), R = 10000,
                           type = "parallel", progress = FALSE,
                           cluster = vcov_argument(case))
  list(coef = unname(coef(m)), se = NA_real_)
}

run_robust <- function(case, data) {
  r <- fepanel::fe_robust(fe_formula(case), data, controls = "subsets", vcov = vcov_argument(case))
  list(coef = r$specs$estimate, se = r$specs$std.error)
}

run_inference <- function(case, m) {
  set.seed(1)
  switch(task_of(case),
    CR2 = restated(m, case, "CR2"),
    CR3 = restated(m, case, "CR3"),
    conley = restated(m, case, conley_request),
    wild = {
      b <- fepanel::fe_boottest(m, terms_of(case$x)[1L], B = draws_of(case))
      list(coef = b$p.value, se = NA_real_)
    },
    pairs = {
      b <- fepanel::fe_boot(m, R = draws_of(case))
      list(coef = unname(coef(b)), se = sqrt(diag(vcov(b))))
    })
}

conley_request <- as.formula(sprintf("conley(%g) ~ lat + lon", conley_cutoff))

# Standard errors and, where they differ between coefficients, degrees of freedom.
restated <- function(m, case, type) {
  cluster <- if (is_clustered(case)) vcov_argument(case)
  s <- summary(m, vcov = type, cluster = cluster)
  se <- unname(sqrt(diag(vcov(s))))
  df <- unname(s$vcov_info$df)
  list(coef = c(se, if (length(df) > 1L) df), se = se)
}
