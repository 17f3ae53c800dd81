test_that("bootstrap variances are the covariances of the replicates", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade)
  V <- vcov(m, pairs(R = 99, seed = 3) ~ country)
  expect_equal(V, vcov(fe_boot(m, R = 99, seed = 3, cluster = ~country)), tolerance = 1e-12)
  V <- vcov(m, wild(99, "webb", seed = 3) ~ year)
  b <- fe_boot(m, R = 99, seed = 3, type = "wild", weights = "webb", cluster = ~year)
  expect_equal(V, vcov(b), tolerance = 1e-10)
  expect_equal(vcov(m, "pairs(R = 99, seed = 3)", cluster = "country"),
               vcov(m, pairs(99, 3) ~ country))
})

test_that("the wild variance tends to CR0", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade)
  V <- vcov(m, wild(R = 50000, seed = 1) ~ country)
  expect_equal(V, vcov(m, "CR0", cluster = ~country), tolerance = 0.02)
})

test_that("a model keeps its seed, so that everything computed from it is of the same replicates", {
  set.seed(4)
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = pairs(R = 99) ~ country)
  info <- m$vcov_info
  expect_identical(info$R, 99)
  expect_identical(vcov(m, pairs(99, seed = info$seed) ~ country), vcov(m))
  expect_identical(summary(m, ssc = "plm")$vcov, vcov(m))
  set.seed(4)
  again <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade,
                 vcov = pairs(R = 99) ~ country)
  expect_identical(vcov(again), vcov(m))
})

test_that("a print says type, replicates, clusters and degrees of freedom", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade, vcov = wild(R = 99) ~ country)
  expect_output(print(m), "wild bootstrap (rademacher, R = 99) by country (63)", fixed = TRUE)
  expect_output(print(m), "t(62)", fixed = TRUE)
  set.seed(2)
  d <- data.frame(g = rep(1:4, each = 5), y = rnorm(20))
  d$x <- ifelse(d$g == 1, seq_len(20), 0)
  expect_warning(m <- fe_lm(y ~ x | g, d, vcov = pairs(R = 100, seed = 1) ~ g), "is zero")
  gone <- sum(fe_boot_weights(4, 1:100, 1)[1, ] == 0)
  expect_identical(m$vcov_info$failed, gone)
  expect_output(print(m), sprintf("R = 100, %d failed", gone))
})

test_that("without clusters the first fixed effect is drawn, or rows if there is none", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  expect_identical(vcov(m, "pairs(99, 1)"), vcov(m, pairs(99, 1) ~ country))
  m <- fe_lm(mpg ~ wt + hp, mtcars, vcov = "wild(seed = 2)")
  expect_equal(vcov(m), vcov(fe_boot(m, R = 999, type = "wild", seed = 2, cluster = "row")),
               tolerance = 1e-10)
  expect_identical(m$vcov_info$df, 29)
})

test_that("constants and predictions have a wild variance: that of refitted predictions", {
  d <- boot_panel()
  m <- fe_lm(y ~ x + z | unit + year, d, vcov = wild(60, seed = 5) ~ cl, intercept = "lsdv",
             weights = ~w)
  v <- fe_boot_weights(9, 1:60, 5, "wild")
  fits <- apply(v, 2, function(v) {
    d$new <- fitted(m) + v[d$cl] * residuals(m)
    long <- lm(new ~ x + z + factor(unit) + factor(year), d, weights = w)
    c(coef(long)[1], fitted(long))
  })
  expect_equal(sqrt(vcov(m)[1, 1]), sd(fits[1, ]), tolerance = 1e-8)
  expect_equal(unname(predict(m, se.fit = TRUE)$se.fit), unname(apply(fits[-1, ], 1, sd)),
               tolerance = 1e-8)
})

test_that("what a bootstrap variance cannot say is refused", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade, intercept = "lsdv")
  expect_error(vcov(m, pairs(R = 9) ~ country), "constant beside fixed", class = "fe_error")
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  expect_error(vcov(m, pairs(R = 9) ~ country + year), "one is drawn at a time",
               class = "fe_error")
  expect_error(vcov(m, pairs(B = 9) ~ country), "cannot be matched", class = "fe_error")
  expect_error(vcov(m, wild(R = 9, weights = "six") ~ country), "`weights`", class = "fe_error")
})
