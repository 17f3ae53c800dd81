# The everyday case: 819 rows, country and year effects, six regressors, HC1; the stepwise table;
# and 10,000 cluster-bootstrap replicates of two indirect effects. Whole calls, from data frame to
# standard errors, the packages in turn within one run; medians in milliseconds.
#
#   Rscript bench/small.R            (needs fixest; 2 threads each)
#
# The status is not zero if fe_lm() is slower than feols() or the bootstrap takes a second or more.

library(fepanel)
fe_threads(2)
fixest::setFixest_nthreads(2)
rhs <- "pgdp + fdi + gfcf + rd + urban"
one <- as.formula(paste("ln_upmf ~ ln_imdig +", rhs, "| country + year"))
steps <- ln_upmf ~ ln_imdig + csw0(pgdp, fdi, gfcf, rd, urban) | country + year
dummies <- as.formula(paste("ln_upmf ~ ln_imdig +", rhs, "+ country + factor(year)"))

calls <- list(
  one = list(fepanel = function() fe_lm(one, digitrade, vcov = "HC1"),
             fixest = function() fixest::feols(one, digitrade, vcov = "HC1"),
             lm = function() vcov_hc1(lm(dummies, digitrade))),
  stepwise = list(
    fepanel = function() fe_lm(steps, digitrade, vcov = "HC1"),
    fixest = function() {
      fixest::feols(ln_upmf ~ ln_imdig + csw0(pgdp, fdi, gfcf, rd, urban) | country + year,
                    digitrade, vcov = "HC1")
    })
)

vcov_hc1 <- function(l) {
  x <- model.matrix(l)
  bread <- chol2inv(qr.R(l$qr))
  bread %*% crossprod(x * residuals(l)) %*% bread * nrow(x) / l$df.residual
}

milliseconds <- function(f) {
  start <- Sys.time()
  f()
  1000 * as.numeric(difftime(Sys.time(), start, units = "secs"))
}

# runs x packages, the packages in turn
interleaved <- function(fs, runs) {
  for (f in fs) f()
  t(vapply(seq_len(runs), function(i) vapply(fs, milliseconds, 0), numeric(length(fs))))
}

one_run <- interleaved(calls$one, 200)
step_run <- interleaved(calls$stepwise, 50)
boot_run <- vapply(1:5, function(i) {
  set.seed(i)
  milliseconds(function() {
    fe_mediate(one, digitrade, treat = "ln_imdig", mediators = c("ln_innov", "ln_inter"), R = 10000,
               cluster = ~country)
  })
}, 0)

medians <- function(x) apply(x, 2, median)
cat("one model, median of 200 (ms):\n")
print(round(medians(one_run), 2))
cat("six stepwise models, median of 50 (ms):\n")
print(round(medians(step_run), 2))
cat(sprintf("mediation with 10,000 cluster-bootstrap replicates, median of 5: %.0f ms\n",
            median(boot_run)))
slow <- medians(one_run)[["fepanel"]] >= medians(one_run)[["fixest"]] || median(boot_run) >= 1000
quit(status = as.integer(slow))
