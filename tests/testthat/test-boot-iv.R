# The pairs bootstrap of models with instruments: each replicate against two-stage least squares on
# its rows, by base R and by fixest and AER under the same weights.

iv_panel <- function(seed = 1, units = 15, years = 7) {
  d <- boot_panel(seed, units, years)
  u <- rnorm(nrow(d))
  d$z1 <- rnorm(nrow(d))
  d$z2 <- rnorm(nrow(d)) + d$unit / 9
  d$e <- d$z1 - 0.7 * d$z2 + 0.5 * d$x + u + rnorm(nrow(d))
  d$y <- d$y + d$e + u
  d
}

# Both stages on dummies, rows weighted.
two_stages <- function(d, weight, dummies = ~factor(unit) + factor(year), f = y ~ e + x + z) {
  D <- model.matrix(dummies, d)
  fit <- function(x, y) {
    out <- lm.wfit(x, y, weight)
    drop(x[, !is.na(out$coefficients)] %*% out$coefficients[!is.na(out$coefficients)])
  }
  d$e <- fit(cbind(D, d$x, d$z, d$z1, d$z2), d$e)
  lm.wfit(cbind(as.matrix(d[all.vars(f)[-1]]), D), d$y, weight)$coefficients[1:3]
}

test_that("replicates are two-stage least squares under the weights of the clusters", {
  d <- iv_panel()
  m <- fe_lm(y ~ x + z | unit + year | e ~ z1 + z2, d, vcov = ~unit, weights = ~w)
  for (type in c("pairs", "bayesian")) {
    b <- fe_boot(m, R = 12, type = type, seed = 5)
    v <- fe_boot_weights(15, 1:12, 5, type)
    slow <- t(apply(v, 2, function(v) two_stages(d, d$w * v[d$unit])))
    expect_equal(unname(b$t), unname(slow), tolerance = 1e-8)
    expect_identical(b$path, "blocks")
  }
  expect_identical(colnames(b$t), names(coef(m)))
})

test_that("replicates are those of feols under the same weights", {
  skip_if_not_installed("fixest")
  d <- iv_panel(2)
  m <- fe_lm(y ~ x + z | unit + year | e ~ z1 + z2, d, vcov = ~unit)
  b <- fe_boot(m, R = 5, seed = 6)
  v <- fe_boot_weights(15, 1:5, 6)
  slow <- sapply(1:5, function(r) {
    d$v <- v[d$unit, r]
    drawn <- d[d$v > 0, ]
    coef(fixest::feols(y ~ x + z | unit + year | e ~ z1 + z2, drawn, weights = ~v,
                       notes = FALSE))[c("fit_e", "x", "z")]
  })
  expect_equal(unname(b$t), unname(t(slow)), tolerance = 1e-7)
})

test_that("rows are drawn without effects, and copied rows give the estimates of ivreg", {
  skip_if_not_installed("AER")
  d <- iv_panel(3)
  m <- fe_lm(y ~ x + z | e ~ z1 + z2, d)
  b <- fe_boot(m, R = 5, seed = 7)
  v <- fe_boot_weights(nrow(d), 1:5, 7)
  slow <- sapply(1:5, function(r) {
    drawn <- d[rep(seq_len(nrow(d)), v[, r]), ]
    coef(AER::ivreg(y ~ e + x + z | x + z + z1 + z2, data = drawn))
  })
  expect_equal(unname(b$t), unname(t(slow)), tolerance = 1e-8)
})

test_that("where effects cut across clusters each replicate absorbs them anew", {
  d <- iv_panel(4)
  m <- fe_lm(y ~ x + z | unit + year | e ~ z1 + z2, d)
  coded <- fepanel:::boot_cluster(m, ~cl)
  design <- fepanel:::boot_design(list(m), coded, function(n, p, G) FALSE)
  expect_identical(design$path, "rows")
  draws <- list(kind = "multinomial", seed = c(8, 0), first = 1, n = 6)
  rows <- .Call(fepanel:::C_boot_rows, design$x, design$codes, design$w, coded, design$system,
                draws, 2L)$coef
  v <- fe_boot_weights(9, 1:6, 8)
  slow <- apply(v, 2, function(v) two_stages(d, v[d$cl]))
  expect_equal(unname(rows), unname(slow), tolerance = 1e-7)
  expect_equal(fe_boot(m, R = 6, seed = 8, cluster = ~cl)$t, t(rows), tolerance = 1e-7,
               ignore_attr = TRUE)
})

test_that("an instrument lost in a replicate is left out, a regressor without one is missing", {
  d <- iv_panel(5)
  d$z2 <- ifelse(d$unit == 4, d$z2, 0)
  m <- fe_lm(y ~ x + z | unit + year | e ~ z1 + z2, d, vcov = ~unit)
  v <- fe_boot_weights(15, 1:40, 9)
  gone <- which(v[4, ] == 0)
  b <- fe_boot(m, R = 40, seed = 9)
  slow <- two_stages(d, v[d$unit, gone[1]])
  expect_equal(b$t[gone[1], ], slow, tolerance = 1e-8, ignore_attr = TRUE)
  lone <- fe_lm(y ~ x + z | unit + year | e ~ z2, d, vcov = ~unit)
  expect_identical(which(is.na(fe_boot(lone, R = 40, seed = 9)$t[, 1])), gone)
})

test_that("standard errors of replicates are the model's own on the rows drawn", {
  d <- iv_panel(6)
  f <- y ~ x + z | unit + year | e ~ z1 + z2
  m <- fe_lm(f, d, vcov = ~unit)
  b <- fe_boot(m, R = 3, seed = 10, studentise = TRUE)
  expect_equal(b$se0, sqrt(diag(vcov(m, CR0 ~ unit))), tolerance = 1e-8)
  v <- fe_boot_weights(15, 1:3, 10)
  for (r in 1:3) {
    drawn <- copied_rows(d, d$unit, v[, r])
    again <- fe_lm(y ~ x + z | copy + year | e ~ z1 + z2, drawn, vcov = CR0 ~ copy)
    expect_equal(b$t[r, ], coef(again), tolerance = 1e-8)
    expect_equal(b$se[r, ], sqrt(diag(vcov(again))), tolerance = 1e-7)
  }
})

test_that("the jackknife behind bca drops a cluster from both stages", {
  d <- iv_panel(7)
  f <- y ~ x + z | unit + year | e ~ z1 + z2
  b <- fe_boot(fe_lm(f, d, vcov = ~unit), R = 50, seed = 1)
  expect_equal(b$jack[3, ], coef(fe_lm(f, d[d$unit != 3, ])), tolerance = 1e-8)
  expect_true(all(is.finite(confint(b, level = 0.8, type = "bca"))))
})

test_that("equations with and without instruments are drawn together", {
  d <- iv_panel(8)
  iv <- fe_lm(y ~ x + z | unit + year | e ~ z1 + z2, d, vcov = ~unit)
  ols <- fe_lm(y ~ x + z + e | unit + year, d, vcov = ~unit)
  joint <- fe_boot(list(iv, ols), R = 30, seed = 11,
                   statistic = function(b) c(gap = b[["e (1)"]] - b[["e (2)"]]))
  apart <- fe_boot(iv, R = 30, seed = 11)$t[, "e"] - fe_boot(ols, R = 30, seed = 11)$t[, "e"]
  expect_equal(unname(joint$t[, "gap"]), unname(apart), tolerance = 1e-10)
})

test_that("pairs() is a variance of models with instruments, with the tests of its clusters", {
  d <- iv_panel(9)
  f <- y ~ x + z | unit + year | e ~ z1 + z2
  m <- fe_lm(f, d, vcov = pairs(R = 60, seed = 2) ~ unit)
  expect_equal(vcov(m), cov(fe_boot(m, R = 60, seed = 2)$t), tolerance = 1e-12)
  expect_equal(fe_iv_tests(m)$first, fe_iv_tests(fe_lm(f, d, vcov = ~unit))$first)
  expect_output(print(m), "pairs bootstrap (R = 60) by unit (15)", fixed = TRUE)
  expect_identical(fe_boot(m, R = 200, seed = 3, threads = 1)$t,
                   fe_boot(m, R = 200, seed = 3, threads = 2)$t)
})
