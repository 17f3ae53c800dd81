# Every method against lm() on dummies, or against the function of another package that calls it.
d <- random_panel(51, c("weights", "singletons"))
d$y[4] <- NA
m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w)
used <- fe_rows(m)$used
l <- lm(y ~ x1 + x2 + factor(unit) + factor(time), d[used, ], weights = w)
at <- c("x1", "x2")

test_that("estimates and their tests equal lm's under iid", {
  t <- tidy(m, vcov = "iid", conf.int = TRUE, conf.level = 0.9)
  s <- coef(summary(l))[at, ]
  expect_identical(names(t), c("term", "estimate", "std.error", "statistic", "p.value", "conf.low",
                               "conf.high"))
  expect_identical(t$term, at)
  expect_equal(as.matrix(t[2:5]), s, tolerance = 1e-9, ignore_attr = TRUE)
  expect_equal(as.matrix(t[6:7]), confint(l, at, 0.9), tolerance = 1e-9, ignore_attr = TRUE)
  expect_equal(confint(m, level = 0.9, vcov = "iid"), confint(l, at, 0.9), tolerance = 1e-9)
})

test_that("confint takes names and numbers, and follows the variance's own degrees of freedom", {
  expect_equal(confint(m, "x2"), confint(m)[2, , drop = FALSE])
  expect_equal(confint(m, 2), confint(m, "x2"))
  se <- sqrt(diag(vcov(m, ~cluster)))
  expect_equal(confint(m, vcov = ~cluster)[, 2], coef(m) + qt(0.975, 5) * se, ignore_attr = TRUE)
})

test_that("residuals, fitted values and weights equal lm's", {
  expect_equal(residuals(m), unname(residuals(l)), tolerance = 1e-10)
  expect_equal(residuals(m, "pearson"), unname(residuals(l, "pearson")), tolerance = 1e-10)
  expect_equal(fitted(m), unname(fitted(l)), tolerance = 1e-10)
  expect_equal(weights(m), weights(l))
  expect_equal(hatvalues(m), hatvalues(l), tolerance = 1e-9, ignore_attr = TRUE)
})

test_that("sizes and criteria equal lm's", {
  expect_equal(nobs(m), nobs(l))
  expect_equal(df.residual(m), df.residual(l))
  expect_equal(deviance(m), deviance(l), tolerance = 1e-12)
  expect_equal(sigma(m), sigma(l), tolerance = 1e-12)
  expect_equal(as.numeric(logLik(m)), as.numeric(logLik(l)), tolerance = 1e-12)
  expect_equal(attr(logLik(m), "df"), attr(logLik(l), "df"))
  expect_equal(AIC(m), AIC(l), tolerance = 1e-12)
  expect_equal(BIC(m), BIC(l), tolerance = 1e-12)
})

test_that("glance is one row of what lm states, and more", {
  g <- glance(summary(m, "iid"))
  s <- summary(l)
  expect_equal(nrow(g), 1L)
  expect_equal(c(g$r.squared, g$adj.r.squared, g$sigma), c(s$r.squared, s$adj.r.squared, s$sigma),
               tolerance = 1e-10)
  expect_equal(c(g$AIC, g$BIC, g$logLik), c(AIC(l), BIC(l), logLik(l)), tolerance = 1e-12)
  small <- lm(y ~ factor(unit) + factor(time), d[used, ], weights = w)
  expect_equal(c(g$statistic, g$p.value), unlist(anova(small, l)[2, 5:6]), tolerance = 1e-8,
               ignore_attr = TRUE)
  expect_match(glance(m)$vcov.type, "HC1")
})

test_that("the Wald test of clustered slopes uses their variance and G - 1", {
  g <- glance(summary(m, ~cluster))
  V <- vcov(m, ~cluster)
  f <- drop(coef(m) %*% solve(V) %*% coef(m)) / 2
  expect_equal(g$statistic, f, tolerance = 1e-10)
  expect_equal(g$p.value, pf(f, 2, 5, lower.tail = FALSE), tolerance = 1e-10)
})

test_that("anova compares nested models as lm's does", {
  small <- fe_lm(y ~ x1 | unit + time, d, weights = w)
  theirs <- anova(update(l, . ~ . - x2), l)
  ours <- anova(small, m)
  expect_s3_class(ours, "anova")
  expect_equal(as.matrix(ours[2, c("RSS", "Df", "F", "Pr(>F)")]),
               as.matrix(theirs[2, c("RSS", "Df", "F", "Pr(>F)")]),
               tolerance = 1e-8, ignore_attr = TRUE)
  expect_output(print(ours), "Analysis of Variance")
  reversed <- anova(m, small)
  expect_equal(reversed$F[2], ours$F[2])
})

test_that("augment keeps every row, NA where a row was not used", {
  a <- augment(m)
  expect_equal(nrow(a), nrow(d))
  expect_identical(is.na(a$.resid), !used)
  expect_equal(a$.fitted[used], fitted(m))
  expect_equal(augment(m, data = d), a)
  expect_equal(augment(m, data = d[used, ])$.resid, residuals(m))
})

test_that("model.matrix gives the regressors, raw and within", {
  expect_equal(model.matrix(m), as.matrix(d[used, at]), ignore_attr = TRUE)
  within <- fe_demean(as.matrix(d[used, at]), d[used, c("unit", "time")], d$w[used])
  expect_equal(model.matrix(m, "within"), within, ignore_attr = TRUE, tolerance = 1e-10)
  rich <- fe_lm(y ~ poly(x1, 2) * group + log(x2) | unit, d)
  wide <- model.matrix(~ poly(x1, 2) * group + log(x2),
                       model.frame(rich) |> transform(group = droplevels(group)))
  expect_equal(dim(model.matrix(rich)), dim(wide) - c(0, 1))
  expect_setequal(colnames(model.matrix(rich)), colnames(wide)[-1])
})

test_that("model.frame, case.names, formula and terms describe the model", {
  expect_equal(nrow(model.frame(m)), nobs(m))
  expect_identical(case.names(m), as.character(which(used)))
  expect_equal(formula(m), y ~ x1 + x2 | unit + time, ignore_attr = TRUE)
  expect_identical(attr(terms(m), "term.labels"), at)
})

test_that("summary restates the model under another variance and leaves it as it was", {
  s <- summary(m, ~cluster)
  expect_s3_class(s, "fe_lm")
  expect_equal(vcov(s), vcov(m, ~cluster))
  expect_equal(vcov(m), vcov(m, "HC1"))
  expect_equal(vcov(s, ssc = "areg"), vcov(m, ~cluster, ssc = "areg"))
})

test_that("printing states estimator, variance, factor, degrees of freedom, sample", {
  expect_output(print(m), "y ~ x1 \\+ x2 \\| unit \\+ time")
  expect_output(print(m), "HC1.*factor.*t\\(")
  expect_output(print(m), "unit \\(1[0-9]\\), time \\(")
  expect_output(print(m), "1 NA in `y`.*singleton")
  expect_output(print(summary(m, ~cluster)), "CR1.*cluster \\(6\\).*fepanel.*t\\(5\\)")
  expect_output(print(fe_lm(y ~ x1 | unit, d)), "x1 +[-0-9.]+ +[0-9.]+")
  expect_output(print(fe_lm(y ~ x1 | unit, d, intercept = "lsdv")),
                "\\(Intercept\\).*lsdv constant")
})

test_that("lists of models tidy, glance and print", {
  many <- fe_lm(y ~ csw(x1, x2) | unit, d)
  expect_identical(tidy(many)$term, c("x1", "x1", "x2"))
  expect_identical(unique(tidy(many)$model), names(many))
  expect_equal(nrow(glance(many)), 2L)
  expect_equal(nobs(many), c(83, 83) * 0 + nobs(many[[1]]), ignore_attr = TRUE)
  expect_equal(vcov(many)[[2]], vcov(many[[2]]))
  expect_equal(coef(many)[[1]], coef(many[[1]]))
  expect_s3_class(many[2], "fe_lm_list")
  expect_type(as.list(many), "list")
  expect_equal(vcov(summary(many, ~cluster)[[1]]), vcov(many[[1]], ~cluster))
  expect_equal(tidy(many, vcov = "iid")$std.error[1], sqrt(vcov(many[[1]], "iid")[1, 1]))
})

test_that("a model without coefficients has empty tables with all their columns", {
  none <- fe_lm(y ~ 1 | unit, d)
  expect_identical(names(tidy(none, conf.int = TRUE)), names(tidy(m, conf.int = TRUE)))
  expect_equal(nrow(tidy(none)), 0L)
  expect_equal(dim(vcov(none, ~unit)), c(0L, 0L))
  expect_equal(dim(confint(none)), c(0L, 2L))
  expect_equal(nrow(glance(none)), 1L)
})

test_that("a lean model keeps what it says, and is small", {
  big <- data.frame(y = rnorm(5000), x = rnorm(5000), g = rep(1:50, 100))
  lean <- fe_lm(y ~ x | g, big, lean = TRUE, vcov = ~g)
  full <- fe_lm(y ~ x | g, big, vcov = ~g)
  expect_equal(tidy(lean), tidy(full))
  expect_equal(confint(lean), confint(full))
  expect_equal(glance(lean)$r.squared, glance(full)$r.squared)
  expect_output(print(lean), "CR1")
  expect_lt(length(serialize(lean, NULL)), 30000)
})

test_that("a model survives saving and loading", {
  file <- withr::local_tempfile()
  saveRDS(m, file)
  again <- readRDS(file)
  expect_equal(vcov(again, "HC3"), vcov(m, "HC3"))
  expect_equal(fitted(again), fitted(m))
})

# ---- sandwich, lmtest, car -----------------------------------------------------------------------

test_that("sandwich's functions agree with our variances", {
  skip_if_not_installed("sandwich")
  for (constant in c("none", "lsdv", "within", "mean")) {
    for (weighted in c(FALSE, TRUE)) {
      e <- if (weighted) d else transform(d, w = 1)
      model <- fe_lm(y ~ x1 + x2 | unit + time, e, weights = w, intercept = constant)
      if (!weighted) model <- fe_lm(y ~ x1 + x2 | unit + time, e, intercept = constant)
      rows <- fe_rows(model)$used
      expect_equal(dim(sandwich::estfun(model)), c(nobs(model), length(coef(model))))
      expect_lt(max(abs(colSums(sandwich::estfun(model)))), 1e-7)
      expect_lt(worst(sandwich::sandwich(model), vcov(model, "HC0")), 1e-9)
      for (type in c("HC0", "HC1", "HC2", "HC3")) {
        expect_lt(worst(sandwich::vcovHC(model, type = type), vcov(model, type)), 1e-9)
      }
      clustered <- function(...) suppressWarnings(vcov(model, ...), classes = "fe_warning")
      expect_lt(worst(sandwich::vcovCL(model, d$cluster[rows], type = "HC0", cadjust = FALSE),
                      clustered(CR0 ~ cluster)), 1e-9)
      expect_lt(worst(sandwich::vcovCL(model, d$cluster[rows], type = "HC0"),
                      clustered(~cluster, ssc = "sandwich")), 1e-9)
    }
  }
})

test_that("sandwich's functions take clusters as a formula where no row was left out", {
  skip_if_not_installed("sandwich")
  whole <- random_panel(52)
  model <- fe_lm(y ~ x1 + x2 | unit + time, whole)
  expect_equal(nobs(model), nrow(whole))
  expect_lt(worst(sandwich::vcovCL(model, ~cluster, type = "HC0", cadjust = FALSE),
                  vcov(model, CR0 ~ cluster)),
            1e-9)
})

test_that("bread is n times the inverse of the cross-products, with the constant", {
  skip_if_not_installed("sandwich")
  model <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, intercept = "lsdv")
  expect_equal(sandwich::bread(model) * sigma(model)^2 / nobs(model), vcov(model, "iid"),
               tolerance = 1e-10)
  expect_equal(sandwich::bread(m) * sigma(m)^2 / nobs(m), vcov(m, "iid"), tolerance = 1e-10)
})

test_that("lmtest's coeftest and waldtest agree", {
  skip_if_not_installed("lmtest")
  s <- summary(m, ~cluster)
  test <- lmtest::coeftest(s)
  expect_equal(unclass(test)[, 1:4], as.matrix(tidy(s)[2:5]), ignore_attr = TRUE, tolerance = 1e-12)
  given <- lmtest::coeftest(m, vcov. = vcov(m, "HC3"))
  expect_equal(given[, 4], tidy(m, vcov = "HC3")$p.value, ignore_attr = TRUE, tolerance = 1e-10)
  wald <- lmtest::waldtest(fe_lm(y ~ x1 | unit + time, d, weights = w), m, test = "Chisq")
  expect_equal(abs(wald$Df[2]), 1)
  expect_equal(wald$Chisq[2], tidy(m)$statistic[2]^2, tolerance = 1e-8)
})

test_that("car's linearHypothesis agrees", {
  skip_if_not_installed("car")
  h <- car::linearHypothesis(m, "x1 = x2", test = "F")
  V <- vcov(m)
  f <- (coef(m)[[1]] - coef(m)[[2]])^2 / (V[1, 1] + V[2, 2] - 2 * V[1, 2])
  expect_equal(h$F[2], f, tolerance = 1e-10)
})
