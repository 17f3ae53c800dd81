# The oracle copies rows: weights per cluster are turned into a data set in which a cluster drawn
# twice stands twice, and lm() with dummies is run on it.

test_that("replicates equal lm() on copied rows, clusters being units", {
  d <- boot_panel()
  m <- fe_lm(y ~ x + z | unit + year, d, vcov = ~unit)
  set.seed(7)
  b <- fe_boot(m, R = 25)
  W <- fe_boot_weights(12, 1:25, b$seed)
  slow <- t(apply(W, 2, function(w) {
    coef(lm(y ~ x + z + factor(unit) + factor(year), copied_rows(d, d$unit, w)))[2:3]
  }))
  expect_identical(b$path, "blocks")
  expect_equal(unname(b$t), unname(slow), tolerance = 1e-10)
  expect_equal(colSums(W), rep(12, 25))
})

test_that("replicates equal lm() when the clusters cut across every fixed effect, with weights", {
  d <- boot_panel()
  d$cl <- (seq_len(nrow(d)) * 7) %% 9 + 1
  m <- fe_lm(y ~ x + z | unit + year, d, weights = ~w)
  set.seed(3)
  b <- fe_boot(m, R = 12, cluster = ~cl)
  W <- fe_boot_weights(9, 1:12, b$seed)
  slow <- t(apply(W, 2, function(w) {
    coef(lm(y ~ x + z + factor(unit) + factor(year), copied_rows(d, d$cl, w), weights = w))[2:3]
  }))
  expect_equal(unname(b$t), unname(slow), tolerance = 1e-8)
})

test_that("the path that absorbs anew gives the same replicates as the blocks", {
  set.seed(5)
  d <- data.frame(firm = rep(1:420, each = 3), worker = sample(200, 1260, TRUE), x = rnorm(1260))
  d$region <- (d$firm * 13) %% 10
  d$y <- d$x + d$firm / 100 + rnorm(1260)
  m <- fe_lm(y ~ x | firm + worker, d)
  set.seed(1)
  rows <- fe_boot(m, R = 6, cluster = d$worker %% 7)
  expect_identical(rows$path, "rows")
  W <- fe_boot_weights(7, 1:6, rows$seed)
  used <- fe_rows(m)$used
  slow <- apply(W, 2, function(w) {
    v <- w[(d$worker %% 7)[used] + 1]
    e <- d[used, ][v > 0, ]
    e$v <- v[v > 0]
    coef(fe_lm(y ~ x | firm + worker, e, weights = ~v, singletons = "keep"))
  })
  expect_equal(unname(rows$t[, 1]), unname(slow), tolerance = 1e-8)
})

test_that("a seed gives the same bits on 1, 2 and 4 threads, and set.seed() governs it", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
  run <- function(threads, seed = 42) {
    set.seed(seed)
    fe_boot(m, R = 500, threads = threads)$t
  }
  one <- run(1)
  expect_identical(run(2), one)
  expect_identical(run(4), one)
  expect_false(identical(run(1, seed = 43), one))
})

test_that("rows are drawn when neither model nor call names clusters", {
  m <- fe_lm(mpg ~ wt + hp, mtcars)
  set.seed(1)
  b <- fe_boot(m, R = 40)
  W <- fe_boot_weights(32, 1:40, b$seed)
  slow <- t(apply(W, 2, function(w) coef(lm(mpg ~ wt + hp, mtcars, weights = w))))
  expect_equal(unname(b$t), unname(slow), tolerance = 1e-8)
  expect_identical(b$cluster, "row")
})

test_that("the values without a cluster are those of the infinitesimal jackknife otherwise", {
  set.seed(5)
  d <- data.frame(firm = rep(1:420, each = 3), worker = sample(200, 1260, TRUE), x = rnorm(1260))
  d$y <- d$x + d$firm / 100 + rnorm(1260)
  m <- fe_lm(y ~ x | firm + worker, d, singletons = "keep")
  b <- fe_boot(m, R = 2, cluster = d$worker %% 7)
  expect_identical(b$path, "rows")
  V <- vcov(m, "CR0", cluster = d$worker %% 7)
  expect_equal(sum((b$jack - coef(m))^2), V[1, 1], tolerance = 1e-10)
})

test_that("given weights are used as they are, and jackknife values leave one cluster out", {
  d <- boot_panel()
  m <- fe_lm(y ~ x | unit + year, d, vcov = ~unit)
  W <- cbind(rep(1, 12), rep(2, 12), c(0, rep(1, 11)))
  b <- fe_boot(m, weights = W)
  expect_equal(b$t[1:2, 1], rep(coef(m)[["x"]], 2), tolerance = 1e-12)
  expect_equal(b$t[3, 1], b$jack[1, 1], tolerance = 1e-12)
  left <- vapply(1:12, function(g) {
    coef(lm(y ~ x + factor(unit) + factor(year), d[d$unit != g, ]))[["x"]]
  }, 0)
  expect_equal(unname(b$jack[, 1]), left, tolerance = 1e-10)
})

test_that("replicates without a solution are NA, counted and left out", {
  d <- data.frame(g = rep(1:4, each = 5), y = rnorm(20))
  d$x <- ifelse(d$g == 1, seq_len(20), 0)
  expect_warning(m <- fe_lm(y ~ x | g, d, vcov = ~g), "is zero", class = "fe_warning")
  b <- fe_boot(m, weights = cbind(c(1, 1, 1, 1), c(0, 2, 1, 1)))
  expect_identical(is.na(b$t[, 1]), c(FALSE, TRUE))
  expect_identical(b$failed, 1L)
  expect_output(print(b), "1 replicates had no solution")
})

test_that("intervals follow their formulas, BCa that of package boot", {
  skip_if_not_installed("boot")
  d <- boot_panel()
  m <- fe_lm(y ~ x | unit + year, d, vcov = ~unit)
  set.seed(2)
  b <- fe_boot(m, R = 1999)
  t <- b$t[, 1]
  expect_equal(unname(confint(b)[1, ]), unname(quantile(t, c(.025, .975), type = 6)))
  expect_equal(unname(confint(b, type = "basic")[1, ]),
               unname(2 * b$t0 - quantile(t, c(.975, .025), type = 6)))
  fake <- list(t0 = b$t0, t = b$t, R = 1999, data = seq_len(12), stype = "i", sim = "ordinary",
               call = quote(boot(data = seq_len(12), statistic = f, R = 1999)), strata = rep(1, 12))
  class(fake) <- "boot"
  influence <- (mean(b$jack) - b$jack[, 1]) * 11
  reference <- boot::boot.ci(fake, type = "bca", L = influence)$bca[4:5]
  expect_equal(unname(confint(b, type = "bca")[1, ]), reference, tolerance = 2e-3)
})

test_that("statistics of the coefficients and lists of models are taken", {
  models <- fe_lm(c(ln_upmf, ln_innov) ~ ln_imdig | country + year, digitrade, vcov = ~country,
                  common_sample = TRUE)
  set.seed(1)
  b <- fe_boot(models, R = 99, statistic = function(b) c(ratio = unname(b[1] / b[2])))
  set.seed(1)
  raw <- fe_boot(models, R = 99)
  expect_equal(unname(b$t[, "ratio"]), unname(raw$t[, 1] / raw$t[, 2]))
  expect_identical(names(tidy(b)),
                   c("term", "estimate", "bias", "std.error", "conf.low", "conf.high"))
})

test_that("bad requests are refused", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  expect_error(fe_boot(1), "`m` must be a model", class = "fe_error")
  expect_error(fe_boot(m, R = 0), "`R`", class = "fe_error")
  expect_error(fe_boot(m, R = 10, cluster = ~country + year), "names 2 variables",
               class = "fe_error")
  expect_error(fe_boot(m, weights = matrix(1, 2, 2)), "819 rows", class = "fe_error")
  expect_error(fe_boot(m, R = 10, statistic = function(b) "a"), "numeric", class = "fe_error")
  mixed <- structure(list(m, fe_lm(ln_upmf ~ ln_imdig | country, digitrade[-1, ])),
                     class = "fe_lm_list")
  expect_error(fe_boot(mixed, R = 10), "different rows", class = "fe_error")
})

test_that("an interval end beyond the replicates is said, once", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
  b <- fe_boot(m, R = 10)
  expect_warning(confint(b, level = 0.99), "beyond the replicates", class = "fe_warning")
  expect_silent(confint(b, level = 0.5))
})

test_that("a variance clustered by several variables says that one is drawn", {
  d <- random_panel(3, n_units = 40L)
  m <- suppressWarnings(fe_lm(y ~ x1 | unit + time, d, vcov = "twoway"))
  expect_error(fe_boot(m, R = 9), "clusters by \"unit\" and \"time\".*cluster = ~unit",
               class = "fe_error")
  expect_identical(fe_boot(m, R = 9, cluster = ~unit)$cluster, "unit")
})
