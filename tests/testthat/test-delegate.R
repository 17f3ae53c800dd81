f <- ln_upmf ~ ln_imdig + pgdp | country + year

test_that("a moderation answers as its interaction model, in the units of the data", {
  m <- fe_moderate(ln_upmf ~ ln_imdig + ln_insti | country + year, digitrade,
                   "ln_imdig", "ln_insti")
  l <- lm(ln_upmf ~ ln_imdig * ln_insti + country + factor(year), digitrade)
  expect_equal(unname(residuals(m)), unname(residuals(l)), tolerance = 1e-8)
  expect_equal(df.residual(m), df.residual(l))
  expect_equal(sigma(m), sigma(l), tolerance = 1e-10)
  new <- digitrade[c(1, 77, 500), ]
  expect_equal(predict(m, new), unname(predict(l, new)), tolerance = 1e-9)
  a <- augment(m)
  expect_equal(a$ln_imdig, digitrade$ln_imdig)
  expect_equal(a$.fitted, unname(fitted(l)), tolerance = 1e-9)
})

test_that("lists of models and mediations answer with a list", {
  models <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, fdi) | country + year, digitrade)
  expect_length(residuals(models), 3)
  expect_equal(fitted(models)[[2]], fitted(models[[2]]))
  expect_identical(nrow(augment(models)), 3L * 819L)
  expect_identical(nrow(anova(models)), 3L)
  x <- fe_mediate(f, digitrade, mediators = "ln_innov", R = 0)
  expect_identical(names(deviance(x)), c("total", "a:ln_innov", "b:ln_innov"))
  expect_identical(sort(unique(augment(x)$model)), c("a:ln_innov", "b:ln_innov", "total"))
  expect_error(vcov(x, type = "boot"), "no bootstrap", class = "fe_error")
})

test_that("the covariance of the effects is that of their replicates", {
  set.seed(1)
  x <- fe_mediate(f, digitrade, mediators = "ln_innov", R = 99)
  expect_equal(vcov(x)["indirect:ln_innov", "total"],
               cov(x$boot$t[, "indirect:ln_innov"], x$boot$t[, "total"]))
  expect_identical(glance(x$boot)$R, 99)
})

test_that("scores are refused where there are none", {
  skip_if_not_installed("sandwich")
  b <- fe_boot(fe_lm(f, digitrade), R = 9)
  expect_error(sandwich::bread(b), "no scores", class = "fe_error")
  m <- fe_moderate(ln_upmf ~ ln_imdig + ln_insti | country + year, digitrade,
                   "ln_imdig", "ln_insti", vcov = "HC0")
  expect_equal(sandwich::sandwich(m), vcov(m), tolerance = 1e-10)
})
