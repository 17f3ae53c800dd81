grunfeld <- function() {
  e <- new.env()
  utils::data("Grunfeld", package = "plm", envir = e)
  e$Grunfeld$size <- factor(ifelse(e$Grunfeld$capital > 200, "large", "small"))
  e$Grunfeld
}

test_that("marginal means beside fixed effects equal those of lm() with dummies", {
  skip_if_not_installed("emmeans")
  skip_if_not_installed("plm")
  g <- grunfeld()
  m <- fe_lm(inv ~ value + size | firm + year, g, vcov = "iid")
  l <- lm(inv ~ value + size + factor(firm) + factor(year), g)
  ours <- as.data.frame(emmeans::emmeans(m, ~size))
  theirs <- as.data.frame(emmeans::emmeans(l, ~size, weights = "proportional"))
  expect_equal(ours$emmean, theirs$emmean, tolerance = 1e-9)
  expect_equal(ours$SE, theirs$SE, tolerance = 1e-9)
  means <- suppressWarnings(emmeans::emmeans(summary(m, vcov = ~firm), ~size),
                            classes = "fe_warning") # of the average of the firms' effects
  clustered <- as.data.frame(pairs(means))
  expect_equal(clustered$SE, sqrt(vcov(m, ~firm)["sizesmall", "sizesmall"]), tolerance = 1e-9)
  expect_equal(clustered$df, 9)
})

test_that("marginal means without fixed effects equal those of lm()", {
  skip_if_not_installed("emmeans")
  skip_if_not_installed("plm")
  g <- grunfeld()
  ours <- as.data.frame(emmeans::emmeans(fe_lm(inv ~ value * size, g, vcov = "iid"), ~size))
  theirs <- as.data.frame(emmeans::emmeans(lm(inv ~ value * size, g), ~size))
  expect_equal(ours$emmean, theirs$emmean, tolerance = 1e-9)
  expect_equal(ours$SE, theirs$SE, tolerance = 1e-9)
})

test_that("insight finds the parts of a model", {
  skip_if_not_installed("insight")
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade)
  expect_identical(insight::find_predictors(m, flatten = TRUE), c("ln_imdig", "pgdp"))
  expect_identical(insight::find_response(m), "ln_upmf")
  expect_identical(insight::n_obs(m), nobs(m))
  expect_equal(insight::get_statistic(m)$Statistic, tidy(m)$statistic)
})

test_that("modelsummary takes every kind of model", {
  skip_if_not_installed("modelsummary")
  f <- ln_upmf ~ ln_imdig + pgdp | country + year
  set.seed(1)
  kinds <- list(
    mediation = fe_mediate(f, digitrade, mediators = "ln_innov", R = 199),
    moderation = fe_moderate(ln_upmf ~ ln_imdig + ln_insti | country + year, digitrade, "ln_imdig",
                             "ln_insti"),
    bootstrap = fe_boot(fe_lm(f, digitrade, vcov = ~country), R = 99)
  )
  for (kind in kinds) {
    table <- modelsummary::modelsummary(kind, output = "data.frame", fmt = 4)
    shown <- table[table$part == "estimates", ]
    expect_true(sprintf("%.4f", tidy(kind)$estimate[1]) %in% gsub("[*]", "", shown[[ncol(shown)]]))
  }
  models <- fe_lm(ln_upmf ~ ln_imdig + csw0(pgdp, fdi) | country + year, digitrade)
  expect_identical(ncol(modelsummary::modelsummary(as.list(models), output = "data.frame")), 6L)
})

test_that("what car would answer wrongly is refused", {
  skip_if_not_installed("car")
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade)
  expect_error(car::vif(m), "variance inflation", class = "fe_error")
  expect_error(car::Anova(m), "cannot test", class = "fe_error")
})

test_that("lmtest's intervals have the model's degrees of freedom", {
  skip_if_not_installed("lmtest")
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = CR2 ~ country)
  expect_equal(lmtest::coefci(m), confint(m))
  expect_equal(lmtest::coefci(m, parm = "pgdp", level = 0.9),
               confint(m, "pgdp", level = 0.9))
  wide <- lmtest::coefci(m, df = 3)
  expect_equal(wide[, 2] - coef(m), qt(0.975, 3) * sqrt(diag(vcov(m))))
})

test_that("emmeans says what clusters cannot know of the average effect", {
  skip_if_not_installed("emmeans")
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade, vcov = ~country)
  expect_warning(emmeans::emmeans(m, ~1), "\"country\" lie within the clusters",
                 class = "fe_warning")
  expect_no_warning(emmeans::emmeans(summary(m, vcov = "HC1"), ~1), class = "fe_warning")
})
