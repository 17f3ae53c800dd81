# What sandwich, lmtest and car compute from a model is what they compute from lm() with dummies.

cases <- function() {
  d <- digitrade
  d$w <- seq_len(819) %% 5 + 1
  list(
    list(fe_lm(ln_upmf ~ ln_imdig + urban, d), lm(ln_upmf ~ ln_imdig + urban, d)),
    list(fe_lm(ln_upmf ~ ln_imdig + urban - 1, d), lm(ln_upmf ~ ln_imdig + urban - 1, d)),
    list(fe_lm(ln_upmf ~ ln_imdig + urban, d, weights = ~w),
         lm(ln_upmf ~ ln_imdig + urban, d, weights = w)),
    list(fe_lm(ln_upmf ~ ln_imdig + urban | country + year, d),
         lm(ln_upmf ~ ln_imdig + urban + country + factor(year), d)),
    list(fe_lm(ln_upmf ~ ln_imdig + urban | country, d, intercept = "lsdv", weights = ~w),
         lm(ln_upmf ~ ln_imdig + urban + country, d, weights = w))
  )
}

test_that("estfun and bread give sandwich's answers on lm()", {
  skip_if_not_installed("sandwich")
  for (case in cases()) {
    at <- names(coef(case[[1]]))
    expect_equal(sandwich::sandwich(case[[1]]), sandwich::sandwich(case[[2]])[at, at],
                 tolerance = 1e-8)
    expect_equal(sandwich::sandwich(case[[1]]), vcov(case[[1]], "HC0"), tolerance = 1e-8)
    expect_equal(sandwich::vcovCL(case[[1]], ~country, type = "HC0"),
                 sandwich::vcovCL(case[[2]], ~country, type = "HC0")[at, at], tolerance = 1e-8)
  }
})

test_that("vcovCL finds its clusters when rows were left out", {
  skip_if_not_installed("sandwich")
  d <- digitrade
  d$urban[c(5, 90)] <- NA
  d$country <- as.character(d$country)
  d$country[300] <- "alone"
  m <- fe_lm(ln_upmf ~ ln_imdig + urban | country + year, d)
  expect_equal(nobs(m), 816)
  expect_equal(sandwich::vcovCL(m, d["country"], type = "HC0", cadjust = FALSE),
               vcov(m, CR0 ~ country), tolerance = 1e-10)
  s <- fe_lm(ln_upmf ~ ln_imdig + urban | country, d, subset = year > 2010)
  late <- d[d$year > 2010, "country", drop = FALSE]
  expect_equal(sandwich::vcovCL(s, late, type = "HC0", cadjust = FALSE), vcov(s, CR0 ~ country),
               tolerance = 1e-10)
})

test_that("waldtest and linearHypothesis use F, as for lm()", {
  skip_if_not_installed("lmtest")
  big <- fe_lm(mpg ~ wt + hp + qsec, mtcars, vcov = "iid")
  small <- fe_lm(mpg ~ wt, mtcars, vcov = "iid")
  theirs <- lmtest::waldtest(lm(mpg ~ wt, mtcars), lm(mpg ~ wt + hp + qsec, mtcars))
  expect_equal(lmtest::waldtest(small, big)$`Pr(>F)`[2], theirs$`Pr(>F)`[2], tolerance = 1e-8)
  skip_if_not_installed("car")
  expect_equal(car::linearHypothesis(big, "hp = 0")$`Pr(>F)`[2],
               car::linearHypothesis(lm(mpg ~ wt + hp + qsec, mtcars), "hp = 0")$`Pr(>F)`[2],
               tolerance = 1e-8)
})

test_that("a bar inside parentheses is refused, and one part of a split updates alone", {
  f <- update(ln_upmf ~ ln_imdig | country + year, . ~ . + fdi)
  expect_error(fe_lm(f, digitrade), "bar inside parentheses", class = "fe_error")
  s <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country, digitrade, split = ~developed)
  one <- update(s[[1]], . ~ . - pgdp)
  expect_s3_class(one, "fe_lm")
  expect_equal(nobs(one), nobs(s[[1]]))
})

test_that("anova compares models of the same outcome values only", {
  d <- digitrade
  small <- fe_lm(ln_upmf ~ ln_imdig | country + year, d[-1, ])
  big <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, d[-2, ])
  expect_error(anova(small, big), "different outcomes", class = "fe_error")
  none <- fe_lm(ln_upmf ~ ln_imdig, d)
  effects <- fe_lm(ln_upmf ~ ln_imdig | country, d)
  expect_equal(anova(none, effects)$F[2],
               anova(lm(ln_upmf ~ ln_imdig, d), lm(ln_upmf ~ ln_imdig + country, d))$F[2], tolerance = 1e-8)
})
