test_that("a confounder of given partial R2 moves the estimate exactly as the formula says", {
  set.seed(4)
  d <- digitrade
  base <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, d)
  d$z <- rnorm(nrow(d)) + d$ln_imdig / 4 + d$ln_upmf
  long <- lm(ln_upmf ~ ln_imdig + pgdp + z + country + factor(year), d)
  partial <- function(with, without) 1 - deviance(with) / deviance(without)
  r2y <- partial(long, update(long, . ~ . - z))
  to_d <- update(long, ln_imdig ~ . - ln_imdig)
  r2d <- partial(to_d, update(to_d, . ~ . - z))
  s <- fe_sensitivity(base)
  moved <- fepanel:::adjusted_estimate(s$stats, r2d, r2y)
  ref <- summary(long)$coefficients["ln_imdig", ]
  expect_equal(abs(moved$estimate - s$stats$estimate), abs(ref[[1]] - s$stats$estimate),
               tolerance = 1e-8)
  expect_equal(moved$std.error, ref[[2]], tolerance = 1e-8)
})

test_that("robustness values solve their equations", {
  s <- fe_sensitivity(fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade))$stats
  expect_equal(fepanel:::adjusted_estimate(s, s$rv, s$rv)$estimate, 0, tolerance = 1e-10)
  worst <- max(vapply(seq(0, s$rv.alpha, length.out = 2001), function(y) {
    -abs(fepanel:::adjusted_estimate(s, s$rv.alpha, y)$statistic)
  }, 0))
  expect_equal(-worst, qt(0.975, s$df - 1), tolerance = 1e-4)
})

test_that("the Darfur example of sensemakr 0.1.4 is reproduced", {
  # t 4.184 on 783 degrees of freedom: RV 13.88 %, 7.63 %
  expect_equal(round(fepanel:::robustness_value(0.09731582 / 0.02325654, 783, 1, 0), 4), 0.1388)
  expect_equal(round(fepanel:::robustness_value(0.09731582 / 0.02325654, 783, 1,
                                                qt(0.975, 782)), 4), 0.0763)
})

test_that("with errors of known correlation the true indirect effect is found at that rho", {
  set.seed(2)
  n <- 400
  t <- rnorm(n)
  e2 <- resid(lm(rnorm(n) ~ t))
  u <- resid(lm(rnorm(n) ~ t + e2))
  e2 <- e2 / sd(e2)
  e3 <- 0.4 * e2 + sqrt(1 - 0.16) * u / sd(u)
  m <- 1 + 0.5 * t + e2
  d <- data.frame(t, m, y = 2 + 0.3 * t + 0.7 * m + e3)
  x <- fe_mediate(y ~ t, d, mediators = "m", R = 0)
  s <- fe_sensitivity(x, rho = c(0, 0.4))
  expect_equal(s$rho$indirect[2], 0.35, tolerance = 1e-8)
  expect_equal(s$rho$direct[2], 0.3, tolerance = 1e-8)
  expect_equal(s$rho$indirect[1], coef(x)[["indirect:m"]], tolerance = 1e-10)
  expect_equal(fe_sensitivity(x, rho = s$rho_zero$rho)$rho$indirect, 0, tolerance = 1e-10)
})
