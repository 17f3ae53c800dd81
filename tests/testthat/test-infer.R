# Degrees of freedom that differ from coefficient to coefficient are set by hand: what reads them
# is checked against t of each.

with_df_of <- function(m, df) {
  m$vcov_info$df <- stats::setNames(df, names(m$coefficients))
  m$vcov_info$type <- "by hand"
  m
}

panel_model <- function(df = c(3.5, 8.25, 12)) {
  with_df_of(fe_lm(y ~ x1 + x2 + x3 | unit, random_panel(1), vcov = ~cluster), df)
}

df3 <- c(x1 = 3.5, x2 = 8.25, x3 = 12)

test_that("each coefficient has p and interval of its own degrees of freedom", {
  m <- panel_model()
  table <- tidy(m, conf.int = TRUE, conf.level = 0.9)
  se <- sqrt(diag(vcov(m)))
  expect_equal(table$p.value, unname(2 * pt(-abs(coef(m) / se), df3)))
  expect_equal(table$conf.low, unname(coef(m) - qt(0.95, df3) * se))
  expect_equal(table$conf.high, unname(coef(m) + qt(0.95, df3) * se))
  expect_identical(table$df, unname(df3))
})

test_that("degrees of freedom go by name, not by place", {
  m <- panel_model()
  turned <- m
  turned$vcov_info$df <- rev(m$vcov_info$df)
  expect_identical(tidy(turned), tidy(m))
})

test_that("confint keeps the order of parm", {
  ci <- confint(panel_model(), parm = c("x3", "x1"))
  expect_identical(rownames(ci), c("x3", "x1"))
  se <- sqrt(diag(vcov(panel_model())))
  expect_equal(ci[, 2] - ci[, 1], (2 * qt(0.975, df3) * se)[c("x3", "x1")])
})

test_that("tidy has no column df when the coefficients share it", {
  m <- fe_lm(y ~ x1 + x2 | unit, random_panel(1), vcov = ~cluster)
  expect_identical(names(tidy(m)), c("term", "estimate", "std.error", "statistic", "p.value"))
})

test_that("a print tells the range and the degrees of freedom of each", {
  expect_output(print(panel_model()), "t(Satterthwaite: 3.5 to 12)", fixed = TRUE)
  expect_output(print(panel_model()), "8.25", fixed = TRUE)
  expect_output(print(panel_model(c(7, 7, 7))), ", t(7)", fixed = TRUE)
  shared <- fe_lm(y ~ x1 | unit, random_panel(1))
  expect_output(print(shared), sprintf("t(%d)", df.residual(shared)), fixed = TRUE)
})

test_that("F of all slopes is over the smallest degrees of freedom", {
  m <- panel_model()
  g <- glance(m)
  expect_equal(g$statistic, drop(coef(m) %*% solve(vcov(m), coef(m))) / 3)
  expect_equal(g$p.value, pf(g$statistic, 3, 3.5, lower.tail = FALSE))
})

test_that("F of all slopes does not depend on the units of the regressors", {
  d <- transform(mtcars, small = hp * 1e-9, large = wt * 1e9)
  for (v in c("iid", "HC1", "HC3")) {
    for (effects in c("", " | carb")) {
      f <- function(x) {
        glance(fe_lm(as.formula(paste0("mpg ~ qsec + ", x, effects)), d, vcov = v))$statistic
      }
      expect_equal(f("small + large"), f("hp + wt"), tolerance = 1e-10)
    }
  }
})

test_that("F of all slopes under iid is lm's where powers are nearly collinear", {
  d <- transform(cars, near = speed + 1000)
  formula <- dist ~ near + I(near^2) + I(near^3)
  expect_equal(glance(fe_lm(formula, d, vcov = "iid"))$statistic,
               summary(lm(formula, d, tol = 1e-14))$fstatistic[["value"]], tolerance = 1e-5)
})

test_that("a combination has the smallest of what it holds, and one coefficient its own", {
  m <- panel_model()
  C <- rbind(c(1, 0, 0), c(0, -2, 1), c(0, 0, 3), c(1, 0, 1))
  colnames(C) <- names(coef(m))
  expect_identical(functional_df(m, C), c(3.5, 8.25, 12, 3.5))
  expect_identical(functional_df(m, C[, c("x2", "x3")]), c(3.5, 8.25, 12, 12))
})

test_that("predictions without fixed effects have the degrees of freedom of their row", {
  m <- with_df_of(fe_lm(y ~ x1 + x2, random_panel(1), vcov = "HC1"), c(9, 4, 6))
  new <- data.frame(x1 = c(0, 1, NA), x2 = c(0, 0, 1))
  p <- predict(m, new, se.fit = TRUE, interval = "confidence")
  expect_identical(p$df, c(9, 4, NA))
  expect_equal(p$fit[1:2, "upr"] - p$fit[1:2, "fit"], qt(0.975, c(9, 4)) * p$se.fit[1:2],
               ignore_attr = TRUE)
  expect_identical(predict(m, new[0, ], se.fit = TRUE)$df, 4)
})

test_that("effects, and predictions with them, have the smallest degrees of freedom", {
  m <- with_df_of(fe_lm(y ~ x1 + x2 | time, random_panel(1), vcov = "HC1"), c(9, 4))
  p <- predict(m, se.fit = TRUE, interval = "confidence")
  expect_identical(p$df, 4)
  expect_equal(unname(p$fit[, "upr"] - p$fit[, "fit"]), qt(0.975, 4) * p$se.fit)
  effects <- tidy(fixef(m, se = TRUE))[-1, ]
  expect_equal(effects$p.value, 2 * pt(-abs(effects$statistic), 4))
})

moderated <- function(df, ...) {
  d <- random_panel(2)
  m <- fe_moderate(y ~ x1 + x2 | unit, d, treat = "x1", moderator = "x2", vcov = ~cluster, ...)
  m$model$vcov_info$df <- stats::setNames(df, names(coef(m$model)))
  m$model$vcov_info$type <- "by hand"
  restate_moderation(m)
}

test_that("simple slopes and the test of the products have degrees of freedom of their own", {
  m <- moderated(c(5, 30, 3))
  expect_identical(names(coef(m$model)), c("x1", "x2", "x1:x2"))
  s <- m$slopes
  expect_identical(s$df[c(1, 3)], c(3, 3))
  expect_equal(s$p.value, 2 * pt(-abs(s$statistic), s$df))
  expect_equal(s$conf.high - s$estimate, qt(0.975, s$df) * s$std.error)
  expect_identical(m$interaction$df2, 3)
  expect_output(print(m), "t(Satterthwaite: 3 to 30)", fixed = TRUE)
})

test_that("the region for equal degrees of freedom is that of one number", {
  for (df in c(2, 10, 1000)) {
    one <- moderated(rep(df, 3))$jn
    closed <- moderated(rep(df, 3))
    closed$model$vcov_info$df <- df
    expect_equal(one, restate_moderation(closed)$jn, tolerance = 1e-7)
  }
})

test_that("the bounds of a region are where t is critical under their own degrees of freedom", {
  m <- moderated(c(5, 30, 300))
  expect_gt(length(m$jn$bounds), 0)
  C <- slope_combination(m, list(x2 = m$jn$bounds))
  s <- combine_slopes(m$model, C)
  expect_equal(abs(s$estimate / s$std.error), qt(0.975, functional_df(m$model, C)))
  s <- combine_slopes(m$model, slope_combination(m, list(x2 = m$observed)))
  expect_equal(m$jn$share, mean(abs(s$estimate) > qt(0.975, 5) * s$std.error))
})

test_that("roots are found for degrees of freedom that change along the moderator", {
  m <- moderated(c(5, 30, 300))
  smooth <- function(C) 2 + 40 * C[, 1]^2 / (C[, 1]^2 + (C[, 2] * 10)^2)
  line <- panel_line(m, m$panels[[1L]])
  b <- as.vector(line %*% coef(m$model)[colnames(line)])
  V <- line %*% vcov(m$model)[colnames(line), colnames(line)] %*% t(line)
  root <- varying_roots(m$model, line, b, V, 0.05, smooth)
  expect_gt(length(root$d), 0)
  gap <- function(d) {
    s <- combine_slopes(m$model, `colnames<-`(cbind(1, d), c("x1", "x1:x2")))
    abs(s$estimate / s$std.error) - qt(0.975, 2 + 40 / (1 + 100 * d^2))
  }
  expect_equal(gap(root$d), numeric(length(root$d)), tolerance = 1e-6)
  fine <- tan(seq(-pi / 2, pi / 2, length.out = 1e5 + 2L)[-c(1, 1e5 + 2L)])
  expect_length(root$d, sum(diff(gap(fine) > 0) != 0))
})

test_that("tables tell Satterthwaite's degrees of freedom", {
  text <- paste(format(fe_table(panel_model())), collapse = " ")
  expect_match(gsub("\\s+", " ", text), "t(Satterthwaite: 3.5 to 12)", fixed = TRUE)
})

test_that("lmtest and insight get them", {
  skip_if_not_installed("lmtest")
  m <- panel_model()
  test <- lmtest::coeftest(m)
  expect_equal(unname(test[, 4]), tidy(m)$p.value)
  se <- sqrt(diag(vcov(m)))
  expect_equal(confint(test)[, 2], coef(m) + qt(0.975, 3.5) * se)
  skip_if_not_installed("insight")
  expect_identical(insight::get_df(m, type = "wald"), unname(df3))
})

test_that("emmeans asks for those of each combination", {
  skip_if_not_installed("emmeans")
  m <- fe_lm(y ~ x1 + group, random_panel(3), vcov = "HC1")
  m <- with_df_of(m, 2 + seq_along(coef(m)))
  means <- as.data.frame(emmeans::emmeans(m, "group", at = list(x1 = 0)))
  expect_equal(means$df, rep(3, 4))
  expect_equal(as.data.frame(emmeans::emtrends(m, ~1, var = "x1"))$df, 4)
})

test_that("a model without coefficients has the degrees of freedom of its clusters", {
  m <- fe_lm(y ~ 1 | unit, random_panel(1), vcov = ~cluster)
  m$vcov_info$df <- stats::setNames(numeric(), character())
  expect_identical(least_df(m), 5)
  expect_output(print(m), "t(5)", fixed = TRUE)
})

# ---- Satterthwaite -------------------------------------------------------------------------------

# A combination is a coefficient of the model in other regressors: with x1 = a, x2 = b + 2 a, the
# coefficient of a is b1 + 2 b2.
test_that("a combination has the degrees of freedom of the coefficient that it can be made", {
  d <- random_panel(4)
  d$turned <- d$x2 - 2 * d$x1
  for (vcov in list(CR2 ~ cluster, "HC2")) {
    ssc <- fe_ssc(t.df = "satterthwaite")
    m <- fe_lm(y ~ x1 + x2 + x3 | time, d, vcov = vcov, ssc = ssc)
    turned <- fe_lm(y ~ x1 + turned + x3 | time, d, vcov = vcov, ssc = ssc)
    C <- cbind(x1 = c(1, 0, 1), x2 = c(2, 1, 2))
    df <- functional_df(m, C)
    expect_equal(df[1:2], unname(turned$vcov_info$df[c("x1", "turned")]), tolerance = 1e-6)
    expect_identical(df[3], df[1])
    expect_equal(functional_df(m, `colnames<-`(diag(3), names(coef(m)))),
                 unname(m$vcov_info$df))
  }
})

test_that("slopes of a moderation under CR2 are those of the model centred there", {
  d <- random_panel(5)
  m <- fe_moderate(y ~ x1 + x2 | time, d, treat = "x1", moderator = "x2", vcov = CR2 ~ cluster,
                   values = 112)
  d$x2 <- d$x2 - 112
  at <- fe_lm(y ~ x1 * x2 | time, d, vcov = CR2 ~ cluster)
  expect_equal(m$slopes$df, at$vcov_info$df[["x1"]], tolerance = 1e-6)
  expect_equal(m$slopes$p.value, tidy(at)$p.value[1], tolerance = 1e-6)
  for (bound in m$jn$bounds) {
    C <- slope_combination(m, list(x2 = bound))
    s <- combine_slopes(m$model, C)
    df <- functional_df(m$model, C)
    expect_equal(abs(s$estimate / s$std.error), qt(0.975, df), tolerance = 1e-6)
  }
})

test_that("combinations and predictions have clubSandwich's degrees of freedom", {
  skip_if_not_installed("clubSandwich")
  d <- random_panel(4)
  m <- fe_lm(y ~ x1 + x2 + x3, d, vcov = CR2 ~ cluster)
  peer <- lm(y ~ x1 + x2 + x3, d)
  C <- rbind(c(0, 1, 2, 0), c(1, 1, 100, 0.5))
  V <- clubSandwich::vcovCR(peer, d$cluster, "CR2")
  theirs <- clubSandwich::linear_contrast(peer, V, C)
  colnames(C) <- names(coef(m))
  expect_equal(functional_df(m, C), theirs$df)
  p <- predict(m, data.frame(x1 = 1, x2 = 100, x3 = 0.5), interval = "confidence")
  expect_equal(unname(p[1, c("lwr", "upr")]), c(theirs$CI_L[2], theirs$CI_U[2]))
})

test_that("contrasts of emmeans are the coefficients of the dummies", {
  skip_if_not_installed("emmeans")
  m <- fe_lm(y ~ x1 + group | unit + time, random_panel(4), vcov = CR2 ~ cluster)
  expect_warning(means <- emmeans::emmeans(m, "group"), "\"unit\" lie within the clusters",
                 class = "fe_warning")
  pairs <- as.data.frame(emmeans::contrast(means, "trt.vs.ctrl", adjust = "none"))
  expect_equal(pairs$df, tidy(m)$df[-1], tolerance = 1e-6)
  expect_equal(pairs$p.value, tidy(m)$p.value[-1], tolerance = 1e-6)
})
