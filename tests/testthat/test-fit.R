# 36 random panels: one to three factors, with every awkward thing in every combination of three.
panels <- expand.grid(q = 1:3, weights = c(FALSE, TRUE), collinear = c(FALSE, TRUE), rest = 1:3)
panel_options <- function(p) {
  c(if (p$weights) c("weights", "zero"), if (p$collinear) "collinear",
    list("missing", "singletons", c("missing", "singletons"))[[p$rest]])
}
factors <- c("unit", "time", "group")
fit_panel <- function(p, d, ...) {
  fit <- function() fe_lm(fe_formulas[[p$q]], d, weights = if (p$weights) ~w, ...)
  if (p$collinear) suppressWarnings(fit(), classes = "fe_warning") else fit()
}

test_that("coefficients and rank equal those of the regression on dummies", {
  for (r in seq_len(nrow(panels))) {
    p <- panels[r, ]
    d <- random_panel(r, panel_options(p))
    m <- fit_panel(p, d)
    o <- oracle_panel(d, factors[seq_len(p$q)], w = if (p$weights) "w")
    expect_identical(names(coef(m)), o$slopes)
    expect_lt(worst(coef(m), o$coef[o$slopes]), 1e-9)
    expect_equal(c(m$nobs, m$rank, m$df.residual), c(o$n, o$rank, o$n - o$rank))
    expect_lt(worst(residuals(m), o$e), 1e-9)
    expect_equal(m$rss, o$rss, tolerance = 1e-11)
    expect_equal(m$tss, o$tss, tolerance = 1e-11)
    expect_identical(m$collinear, setdiff(c("x1", "x2", "x3"), o$slopes))
  }
})

test_that("every heteroskedasticity-robust variance equals the sandwich on dummies", {
  perfect <- 0L
  for (r in seq_len(nrow(panels))) {
    p <- panels[r, ]
    d <- random_panel(r, panel_options(p))
    m <- fit_panel(p, d)
    o <- oracle_panel(d, factors[seq_len(p$q)], w = if (p$weights) "w")
    for (type in c("iid", "HC0", "HC1")) {
      expect_lt(worst(vcov(m, type), oracle_vcov(o, type)), 1e-9)
    }
    if (max(o$h) > 1 - 1e-8) {
      perfect <- perfect + 1L
      expect_error(vcov(m, "HC2"), "leverage", class = "fe_error")
    } else {
      expect_lt(max(abs(hatvalues(m) - o$h)), 1e-10)
      expect_lt(worst(vcov(m, "HC2"), oracle_vcov(o, "HC2")), 1e-9)
      expect_lt(worst(vcov(m, "HC3"), oracle_vcov(o, "HC3")), 1e-9)
    }
  }
  expect_lt(perfect, 10L)
})

test_that("every cluster-robust variance equals the sandwich on dummies", {
  for (r in seq_len(nrow(panels))) {
    p <- panels[r, ]
    d <- random_panel(r, panel_options(p))
    m <- fit_panel(p, d)
    o <- oracle_panel(d, factors[seq_len(p$q)], w = if (p$weights) "w")
    one <- list(o$data$cluster)
    two <- list(o$data$cluster, o$data$other)
    expect_lt(worst(vcov(m, CR0 ~ cluster), oracle_vcov(o, "CR0", one)), 1e-9)
    expect_lt(worst(vcov(m, ~cluster), oracle_vcov(o, "CR1", one)), 1e-9)
    expect_lt(worst(vcov(m, ~other, ssc = "areg"),
                    oracle_vcov(o, "CR1", list(o$data$other), K.fixef = "full")), 1e-9)
    for (G.df in c("min", "conventional")) {
      V <- oracle_vcov(o, "CR1", two, G.df = G.df)
      if (min(eigen(V)$values) > 0) {
        expect_lt(worst(vcov(m, ~cluster + other, ssc = fe_ssc(G.df = G.df)), V), 1e-9)
      }
    }
  }
})

test_that("each constant beside fixed effects has the dummies' estimate and variance", {
  for (r in seq(1L, nrow(panels), by = 2L)) {
    p <- panels[r, ]
    d <- random_panel(r, panel_options(p))
    for (constant in c("lsdv", "within", "mean")) {
      o <- oracle_panel(d, factors[seq_len(p$q)], w = if (p$weights) "w", constant = constant)
      m <- fit_panel(p, d, intercept = constant)
      at <- c("(Intercept)", o$slopes)
      expect_lt(worst(coef(m), o$coef[at]), 1e-9)
      for (type in c("iid", "HC0", "HC1")) {
        expect_lt(worst(vcov(m, type), oracle_vcov(o, type, constant = TRUE)), 1e-9)
      }
      expect_lt(worst(vcov(m, ~cluster), oracle_vcov(o, "CR1", list(o$data$cluster), TRUE)), 1e-9)
    }
  }
})

test_that("constants carry HC2 and HC3 too", {
  d <- random_panel(5)
  for (constant in c("lsdv", "within", "mean")) {
    o <- oracle_panel(d, c("unit", "time"), constant = constant)
    m <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d, intercept = constant)
    for (type in c("HC2", "HC3")) {
      expect_lt(worst(vcov(m, type), oracle_vcov(o, type, constant = TRUE)), 1e-9)
    }
  }
})

test_that("without fixed effects the model is lm's", {
  d <- random_panel(8, c("missing", "weights"))
  d$x2[!is.finite(d$x2)] <- NA
  m <- fe_lm(y ~ x1 * x2 + group, d, weights = w)
  l <- lm(y ~ x1 * x2 + group, d, weights = w)
  expect_equal(coef(m), coef(l), tolerance = 1e-10)
  expect_equal(vcov(m, "iid"), vcov(l), tolerance = 1e-9)
  none <- fe_lm(y ~ 0 + x1 + x2, d)
  expect_equal(glance(none)$r.squared, summary(lm(y ~ 0 + x1 + x2, d))$r.squared, tolerance = 1e-12)
  expect_equal(glance(none)$adj.r.squared, summary(lm(y ~ 0 + x1 + x2, d))$adj.r.squared,
               tolerance = 1e-12)
})

test_that("R squared, overall and within, plain and adjusted, are those of the dummies", {
  for (q in 1:3) {
    d <- random_panel(20 + q, "weights")
    m <- fe_lm(fe_formulas[[q]], d, weights = w)
    o <- oracle_panel(d, factors[seq_len(q)], w = "w")
    none <- oracle_fit(o$y, matrix(0, o$n, 0L), o$factors, o$w)
    g <- glance(m)
    expect_equal(g$r.squared, 1 - o$rss / o$tss, tolerance = 1e-10)
    expect_equal(g$adj.r.squared, 1 - (o$rss / (o$n - o$rank)) / (o$tss / (o$n - 1)),
                 tolerance = 1e-10)
    expect_equal(g$within.r.squared, 1 - o$rss / none$rss, tolerance = 1e-10)
    expect_equal(g$sigma, sqrt(o$rss / (o$n - o$rank)), tolerance = 1e-10)
  }
})

test_that("fixest agrees on the random panels", {
  skip_if_not_installed("fixest")
  for (r in seq_len(nrow(panels))) {
    p <- panels[r, ]
    d <- random_panel(r, panel_options(p))
    m <- fit_panel(p, d)
    d$w <- if (p$weights) d$w else 1
    f <- fixest::feols(fe_formulas[[p$q]], d, weights = ~w, notes = FALSE, fixef.tol = 1e-11,
                       nthreads = 1)
    expect_equal(m$nobs, f$nobs)
    expect_lt(worst(coef(m), coef(f)[names(coef(m))]), 1e-9)
    expect_lt(worst(vcov(m, ~cluster, ssc = "fixest"),
                    vcov(f, ~cluster, ssc = fixest::ssc())[names(coef(m)), names(coef(m))]), 1e-9)
    exact <- fixest::ssc(K.exact = TRUE)
    expect_lt(worst(vcov(m, "iid"), vcov(f, "iid", ssc = exact)), 1e-9)
    expect_lt(worst(vcov(m, "HC1"), vcov(f, "HC1", ssc = exact)), 1e-9)
  }
})

test_that("the order of rows, of regressors and the names of levels do not matter", {
  d <- random_panel(31, c("weights", "singletons"))
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, vcov = ~cluster)
  mixed <- d[sample(nrow(d)), ]
  mixed$unit <- factor(paste0("u", 97 - mixed$unit))
  again <- fe_lm(y ~ x2 + x1 | time + unit, mixed, weights = w, vcov = ~cluster)
  at <- names(coef(m))
  expect_equal(coef(again)[at], coef(m), tolerance = 1e-11)
  expect_equal(vcov(again)[at, at], vcov(m), tolerance = 1e-11)
})

test_that("coefficients and standard errors scale with the units of measurement", {
  d <- random_panel(32)
  m <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d)
  for (s in c(1e-12, 1e-6, 1e7, 1e12)) {
    scaled <- fe_lm(y ~ I(x1 * s) + x2 + x3 | unit + time, d)
    expect_equal(unname(coef(scaled)) * c(s, 1, 1), unname(coef(m)), tolerance = 1e-9)
    outcome <- fe_lm(I(y * s) ~ x1 + x2 + x3 | unit + time, d)
    expect_equal(coef(outcome) / s, coef(m), tolerance = 1e-9)
    expect_equal(tidy(outcome)$p.value, tidy(m)$p.value, tolerance = 1e-8)
  }
})

test_that("a whole weight is so many copies of a row", {
  d <- random_panel(33)
  d$k <- sample(1:3, nrow(d), replace = TRUE)
  copies <- d[rep(seq_len(nrow(d)), d$k), ]
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = k, singletons = "keep")
  again <- fe_lm(y ~ x1 + x2 | unit + time, copies, singletons = "keep")
  expect_equal(coef(again), coef(m), tolerance = 1e-10)
  expect_equal(vcov(again, CR0 ~ unit), vcov(m, CR0 ~ unit), tolerance = 1e-10)
})

test_that("singletons may be kept: slopes stay, degrees of freedom too, rows grow", {
  d <- random_panel(34, "singletons")
  gone <- fe_lm(y ~ x1 + x2 | unit + time, d)
  kept <- fe_lm(y ~ x1 + x2 | unit + time, d, singletons = "keep")
  expect_equal(coef(kept), coef(gone), tolerance = 1e-10)
  expect_equal(kept$df.residual, gone$df.residual)
  expect_gt(kept$nobs, gone$nobs)
  o <- oracle_panel(d, c("unit", "time"), x = c("x1", "x2"), singletons = "keep")
  expect_lt(worst(vcov(kept, "HC1"), oracle_vcov(o, "HC1")), 1e-9)
})
