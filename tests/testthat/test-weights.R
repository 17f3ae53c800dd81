# The oracle of frequency weights is the data with every row written as often as it counts: lm()
# with dummies, or the dense oracle, on those rows.

# A panel with counts w; some rows count zero times. Of its last rows the first is all there is of a
# unit, the others are a chain of two units and years that nothing else connects (add_singletons()).
counted_panel <- function(seed, last = c(3, 1, 1, 1, 1)) {
  d <- random_panel(seed, c("missing", "singletons"))
  d$w <- sample(0:4, nrow(d), replace = TRUE, prob = c(1, 3, 2, 1, 1))
  d$w[tail(seq_len(nrow(d)), 5L)] <- last
  d
}

written_out <- function(d) d[rep(seq_len(nrow(d)), d$w), ]

formulas <- c(list(y ~ x1 + x2 + x3), fe_formulas)
effects <- c("unit", "time", "group")

counted_fit <- function(q, d, ...) {
  fe_lm(formulas[[q + 1L]], d, weights = ~w, weights_type = "frequency", ...)
}

counted_oracle <- function(q, d, ...) oracle_panel(written_out(d), effects[seq_len(q)], ...)

dummies_fit <- function(q, o) {
  terms <- c("x1", "x2", "x3", sprintf("factor(%s)", effects[seq_len(q)]))
  lm(reformulate(terms, "y"), o$data)
}

test_that("frequency weights give the fit of the data written out, without and with effects", {
  for (q in 0:3) {
    d <- counted_panel(50 + q)
    m <- counted_fit(q, d)
    l <- dummies_fit(q, counted_oracle(q, d))
    slopes <- c("x1", "x2", "x3")
    expect_equal(coef(m)[slopes], coef(l)[slopes], tolerance = 1e-9)
    expect_equal(c(nobs(m), df.residual(m), sigma(m), deviance(m)),
                 c(nobs(l), df.residual(l), sigma(l), deviance(l)), tolerance = 1e-9)
    expect_equal(c(logLik(m), AIC(m), BIC(m)), c(logLik(l), AIC(l), BIC(l)), tolerance = 1e-9)
    expect_equal(attributes(logLik(m))[c("df", "nobs")], attributes(logLik(l))[c("df", "nobs")])
    g <- glance(m)
    s <- summary(l)
    expect_equal(c(g$r.squared, g$adj.r.squared, g$AIC, g$BIC, g$nobs),
                 c(s$r.squared, s$adj.r.squared, AIC(l), BIC(l), nobs(l)), tolerance = 1e-9)
    same <- c("within.r.squared", "within.adj.r.squared", "statistic", "p.value")
    expect_equal(g[same], glance(fe_lm(formulas[[q + 1L]], written_out(d)))[same], tolerance = 1e-9)
    expect_lt(m$n_rows, nobs(m))
    expect_length(residuals(m), m$n_rows)
  }
})

test_that("variances, constants included, are those of the data written out", {
  for (q in 0:3) {
    d <- counted_panel(60 + q)
    for (constant in if (q) c("lsdv", "mean", "within") else "lsdv") {
      m <- counted_fit(q, d, intercept = if (q) constant else "none")
      o <- counted_oracle(q, d, constant = constant)
      inverse <- `dimnames<-`(o$inverse, list(colnames(o$Z), colnames(o$Z)))
      for (type in c("iid", "HC0", "HC1", "HC2", "HC3")) {
        expect_lt(worst(vcov(m, type), oracle_vcov(o, type, constant = TRUE)), 1e-9)
      }
      for (by in list("cluster", "other", c("cluster", "other"))) {
        ask <- reformulate(by)
        g <- o$data[by]
        for (type in c("CR0", "CR1")) {
          V <- oracle_vcov(o, type, g, TRUE)
          if (length(by) > 1L) V <- oracle_repaired_slopes(V, inverse)
          ours <- suppressWarnings(vcov(m, type, ask), classes = "fe_warning")
          expect_equal(ours[rownames(V), colnames(V)], V, tolerance = 1e-9)
        }
      }
    }
  }
})

test_that("small-sample conventions count the observations, as sandwich does in lm()", {
  skip_if_not_installed("sandwich")
  d <- counted_panel(70)
  d$many <- seq_len(nrow(d)) %% 40
  m <- counted_fit(2, d)
  o <- counted_oracle(2, d)
  l <- dummies_fit(2, o)
  x <- c("x1", "x2", "x3")
  expect_lt(worst(vcov(m, ~cluster, ssc = "sandwich.HC1"),
                  sandwich::vcovCL(l, o$data$cluster, type = "HC1")[x, x]), 1e-9)
  e <- fe_lm(formulas[[3L]], written_out(d))
  for (preset in names(fepanel:::ssc_presets)) {
    expect_equal(vcov(m, ~many, ssc = preset), vcov(e, ~many, ssc = preset), tolerance = 1e-9)
    expect_identical(vcov_df(m, cluster = ~many, ssc = preset),
                     as.double(vcov_df(e, cluster = ~many, ssc = preset)))
  }
  expect_lt(worst(sandwich::sandwich(m), vcov(m, "HC0")), 1e-10)
  expect_lt(worst(sandwich::vcovCL(m, o$data$cluster, type = "HC1"),
                  sandwich::vcovCL(e, o$data$cluster, type = "HC1")), 1e-9)
})

test_that("leverages, fitted values and predictions are those of one of the copies", {
  for (q in 0:3) {
    d <- counted_panel(80 + q)
    m <- counted_fit(q, d, vcov = "iid")
    l <- dummies_fit(q, counted_oracle(q, d))
    copies <- rep(seq_len(m$n_rows), weights(m))
    expect_equal(hatvalues(m)[copies], unname(hatvalues(l)), tolerance = 1e-9)
    expect_equal(fitted(m)[copies], unname(fitted(l)), tolerance = 1e-9)
    expect_equal(residuals(m, "pearson")[copies], unname(residuals(l, "pearson")), tolerance = 1e-7)
    first <- !duplicated(copies)
    new <- model.frame(m)
    ours <- predict(m, new, se.fit = TRUE, interval = "prediction")
    theirs <- predict(l, new, se.fit = TRUE, interval = "prediction")
    expect_equal(unname(ours$fit), unname(theirs$fit), tolerance = 1e-9)
    expect_equal(ours$se.fit, unname(theirs$se.fit), tolerance = 1e-9)
    expect_equal(predict(m, se.fit = TRUE)$se.fit, ours$se.fit, tolerance = 1e-9)
    expect_equal(predict(summary(m, "HC1"), new[1:5, ], se.fit = TRUE)$se.fit,
                 predict(fe_lm(formulas[[q + 1L]], written_out(d)), new[1:5, ],
                         se.fit = TRUE)$se.fit, tolerance = 1e-9)
  }
})

test_that("effects, their errors and their numbers of observations are those written out", {
  for (q in 1:3) {
    d <- counted_panel(90 + q)
    for (base in c("first", "mean")) for (type in c("iid", "HC1")) {
      ours <- fixef(counted_fit(q, d, vcov = type), se = TRUE, base = base)
      e <- fe_lm(formulas[[q + 1L]], written_out(d), vcov = type)
      theirs <- fixef(e, se = TRUE, base = base)
      expect_equal(tidy(ours), tidy(theirs), tolerance = 1e-8)
    }
  }
  d <- counted_panel(94)
  l <- lm(y ~ 0 + factor(unit) + x1 + x2 + x3, counted_oracle(1, d)$data)
  ours <- tidy(fixef(counted_fit(1, d, vcov = "iid"), se = TRUE))
  expect_equal(ours$std.error, unname(summary(l)$coefficients[seq_len(nrow(ours)), 2L]),
               tolerance = 1e-8)
})

test_that("varying slopes under frequency weights are those of the data written out", {
  d <- counted_panel(95)
  m <- fe_lm(y ~ x1 | time[x2], d, weights = ~w, weights_type = "frequency")
  e <- fe_lm(y ~ x1 | time[x2], written_out(d))
  expect_equal(glance(m), glance(e), tolerance = 1e-9)
  expect_equal(vcov(m, ~unit), vcov(e, ~unit), tolerance = 1e-9)
})

test_that("a row that counts twice is no singleton", {
  d <- data.frame(y = c(1, 3, 2, 5, 4, 7), x = c(1, 2, 4, 3, 7, 5), g = c(1, 1, 2, 2, 3, 4),
                  w = c(1, 2, 1, 1, 2, 1))
  m <- fe_lm(y ~ x | g, d, weights = w, weights_type = "frequency")
  expect_identical(m$rows, 1:5)
  expect_identical(m$dropped$cause, "singleton")
  expect_equal(nobs(m), nobs(fe_lm(y ~ x | g, written_out(d))))
  expect_identical(fe_lm(y ~ x | g, d, weights = w)$rows, 1:4)
  for (last in list(c(1, 2, 1, 1, 1), c(2, 1, 1, 1, 2))) for (q in 2:3) {
    p <- counted_panel(100 + q, last)
    p$row <- seq_len(nrow(p))
    o <- oracle_panel(written_out(p), effects[seq_len(q)])
    expect_identical(counted_fit(q, p)$rows, unique(o$data$row))
  }
})

test_that("weights of one change nothing, and analytic weights count rows", {
  d <- random_panel(110, "missing")
  plain <- fe_lm(y ~ x1 + x2 | unit + time, d, vcov = "HC3")
  ones <- fe_lm(y ~ x1 + x2 | unit + time, d, vcov = "HC3", weights = rep(1, nrow(d)),
                weights_type = "frequency")
  expect_equal(tidy(ones), tidy(plain), tolerance = 1e-10)
  expect_equal(glance(ones), glance(plain), tolerance = 1e-10)
  d$w <- 1 + seq_len(nrow(d)) %% 3
  a <- fe_lm(y ~ x1 + x2 + group, d, weights = w, weights_type = "analytic", vcov = "iid")
  l <- lm(y ~ x1 + x2 + group, d, weights = w, subset = is.finite(x2))
  f <- update(a, weights_type = "frequency")
  expect_equal(sqrt(diag(vcov(a))), sqrt(diag(vcov(l))), tolerance = 1e-9)
  expect_equal(c(nobs(a), df.residual(a)), c(nobs(l), df.residual(l)))
  expect_equal(coef(f), coef(a))
  expect_gt(df.residual(f), df.residual(a))
})

test_that("what cannot count observations is refused, with the row and the value", {
  d <- data.frame(y = c(1, 4, 2, 8, 5), x = 1:5, w = c(1, 2, 1, 3, 1))
  fit <- function(counts) fe_lm(y ~ x, d, weights = counts, weights_type = "frequency")
  expect_error(fit(c(1, 2, 2.5, 1, 0.1)), "`weights` holds 2.5 in rows 3, 5.*whole numbers",
               class = "fe_error")
  expect_error(fit(c(1, 2, Inf, 1, 1)), "Inf in row 3", class = "fe_error")
  expect_error(fit(c(1, 2, -1, 1, 1)), "negative in row 3", class = "fe_error")
  expect_error(fit(NULL), "`weights_type`.*no weights", class = "fe_error")
  expect_error(fe_lm(y ~ x, d, weights = w, weights_type = "sampling"), "\"analytic\"",
               class = "fe_error")
  expect_identical(fe_rows(fit(c(1, NA, 0, 2, 2)))$cause[2:3], c("NA", "zero weight"))
  expect_error(fe_boot(fit(d$w)), "`cluster` is missing.*frequency", class = "fe_error")
})

test_that("the type of weights stays under another variance, in updates, splits and lean models", {
  d <- counted_panel(120)
  e <- written_out(d)
  m <- counted_fit(2, d)
  expect_equal(tidy(summary(m, ~cluster)), tidy(fe_lm(formulas[[3L]], e, vcov = ~cluster)),
               tolerance = 1e-9)
  expect_equal(glance(update(m, . ~ . - x3)), glance(fe_lm(y ~ x1 + x2 | unit + time, e)),
               tolerance = 1e-9)
  lean <- counted_fit(2, d, lean = TRUE)
  expect_identical(lean[c("nobs", "n_rows")], m[c("nobs", "n_rows")])
  expect_identical(tail(capture.output(print(lean)), 4L), tail(capture.output(print(m)), 4L))
  parts <- fe_lm(y ~ x1 | unit, d, weights = w, weights_type = "frequency", split = ~time > 2003)
  expect_equal(glance(parts), glance(fe_lm(y ~ x1 | unit, e, split = ~time > 2003)),
               tolerance = 1e-9)
  expect_error(anova(m, fe_lm(formulas[[3L]], d, weights = w)), "different", class = "fe_error")
})

test_that("print, tables and augment say and know what a row is", {
  d <- counted_panel(121)
  m <- counted_fit(1, d)
  footer <- sprintf("n = %d (frequency weights of %d rows), K = %d", as.integer(nobs(m)),
                    m$n_rows, as.integer(m$rank))
  expect_match(capture.output(print(m)), footer, fixed = TRUE, all = FALSE)
  expect_output(print(fe_table(m)), format(nobs(m)), fixed = TRUE)
  expect_output(print(fe_table(m)), "frequency weights", fixed = TRUE)
  expect_identical(sum(!is.na(augment(m)$.fitted)), m$n_rows)
  expect_identical(nrow(augment(m, data = model.frame(m))), m$n_rows)
})

test_that("bootstraps over clusters draw what they draw from the data written out", {
  d <- counted_panel(130)
  e <- written_out(d)
  run <- function(f, d, ...) {
    set.seed(3)
    f(fe_lm(y ~ x1 + x2 | unit + time, d, vcov = ~cluster, ...))
  }
  boot <- function(m) fe_boot(m, R = 60)
  ours <- run(boot, d, weights = ~w, weights_type = "frequency")
  theirs <- run(boot, e)
  expect_equal(ours$t, theirs$t, tolerance = 1e-8)
  expect_equal(ours$jack, theirs$jack, tolerance = 1e-8)
  expect_equal(nobs(ours), nobs(theirs))
  wild <- function(m) fe_boottest(m, "x1", B = 200, weights = "webb")
  ours <- run(wild, d, weights = ~w, weights_type = "frequency")
  theirs <- run(wild, e)
  expect_equal(tidy(ours), tidy(theirs), tolerance = 1e-7)
})

test_that("mediation and moderation are those of the data written out", {
  d <- counted_panel(140)
  e <- written_out(d)
  mediate <- function(d, ...) {
    set.seed(4)
    fe_mediate(y ~ x1 + x3 | unit, d, "x1", "x2", R = 40, vcov = ~cluster, ...)
  }
  ours <- mediate(d, weights = ~w, weights_type = "frequency")
  expect_equal(ours$effects, mediate(e)$effects, tolerance = 1e-7)
  expect_equal(nobs(ours), nobs(mediate(e)))
  for (values in c("sd", "quantiles")) {
    a <- fe_moderate(y ~ x3 | unit, d, "x1", "x2", values = values, weights = ~w,
                     weights_type = "frequency")
    b <- fe_moderate(y ~ x3 | unit, e, "x1", "x2", values = values)
    expect_equal(a$slopes, b$slopes, tolerance = 1e-8)
    expect_equal(a$jn, b$jn, tolerance = 1e-8)
    expect_equal(a$center, b$center, tolerance = 1e-10)
  }
})

test_that("what averages over the data averages over observations", {
  skip_if_not_installed("emmeans")
  skip_if_not_installed("insight")
  d <- counted_panel(150)
  m <- fe_lm(y ~ x1 + group | unit, d, weights = w, weights_type = "frequency")
  e <- fe_lm(y ~ x1 + group | unit, written_out(d))
  means <- function(m) as.data.frame(emmeans::emmeans(m, ~group))
  expect_equal(means(m), means(e), tolerance = 1e-8)
  expect_equal(nrow(insight::get_data(m)), insight::n_obs(e))
})
