# Accuracy of the least-squares kernel: certified problems, ranks, scales.

# Common digits of an estimate and a certified value.
digits <- function(ours, certified) -log10(pmax(abs(unname(ours) - certified) / abs(certified),
                                                1e-16))

test_that("Longley's data: certified values of the NIST", {
  d <- with(longley, data.frame(y = Employed * 1000, x1 = GNP.deflator, x2 = GNP * 1000,
                                x3 = Unemployed * 10,
                                x4 = Armed.Forces * 10, x5 = Population * 1000, x6 = Year))
  m <- fe_lm(y ~ x1 + x2 + x3 + x4 + x5 + x6, d, vcov = "iid")
  b <- c(-3482258.63459582, 15.0618722713733, -0.358191792925910e-01, -2.02022980381683,
         -1.03322686717359,
         -0.511041056535807e-01, 1829.15146461355)
  s <- c(890420.383607373, 84.9149257747669, 0.334910077722432e-01, 0.488399681651699,
         0.214274163161675,
         0.226073200069370, 455.478499142212)
  expect_gt(min(digits(coef(m), b)), 9)
  expect_gt(min(digits(sqrt(diag(vcov(m))), s)), 9)
  g <- glance(m)
  expect_equal(g$r.squared, 0.995479004577296, tolerance = 1e-12)
  expect_equal(g$sigma, 304.854073561965, tolerance = 1e-10)
  expect_equal(g$statistic, 330.285339234588, tolerance = 1e-8)
})

test_that("Longley's data with an absorbed constant", {
  d <- transform(longley, one = 1)
  m <- fe_lm(Employed ~ GNP.deflator + GNP + Unemployed + Armed.Forces + Population + Year | one, d,
             vcov = "iid", intercept = "mean")
  l <- lm(Employed ~ ., longley)
  expect_equal(coef(m), coef(l), tolerance = 1e-9)
  expect_equal(vcov(m), vcov(l), tolerance = 1e-8)
})

test_that("Wampler's polynomials of degree five", {
  d <- data.frame(x = 0:20)
  d$y1 <- with(d, 1 + x + x^2 + x^3 + x^4 + x^5)
  d$y2 <- with(d, 1 + .1 * x + .01 * x^2 + .001 * x^3 + .0001 * x^4 + .00001 * x^5)
  f <- c(y1, y2) ~ x + I(x^2) + I(x^3) + I(x^4) + I(x^5)
  m <- suppressWarnings(fe_lm(f, d), classes = "fe_warning")
  expect_gt(min(digits(coef(m[[1]]), rep(1, 6))), 8)
  expect_gt(min(digits(coef(m[[2]]), 10^-(0:5))), 9)
  expect_equal(glance(m[[1]])$r.squared, 1, tolerance = 1e-12)
})

test_that("a regressor's unit is no reason to leave it out", {
  d <- random_panel(1)
  m <- fe_lm(y ~ x1 + x3 | unit + time, d)
  for (s in 10^c(-90, -30, -12, 12, 30, 90)) {
    d$z <- d$x3 * s
    again <- fe_lm(y ~ x1 + z | unit + time, d)
    expect_equal(unname(coef(again)) * c(1, s), unname(coef(m)), tolerance = 1e-9)
    plain <- fe_lm(y ~ x1 + z, d)
    expect_equal(coef(plain)[["z"]] * s, coef(lm(y ~ x1 + x3, d))[["x3"]], tolerance = 1e-9)
  }
})

test_that("a regressor far from zero keeps its slope and its standard errors", {
  d <- random_panel(2)
  for (f in list(y ~ z, y ~ z | unit)) {
    d$z <- d$x1
    m <- fe_lm(f, d)
    for (shift in c(1e4, 1e6, 1e8)) {
      d$z <- d$x1 + shift
      again <- fe_lm(f, d)
      accuracy <- 1e-13 * shift + 1e-10
      expect_lt(abs(coef(again)[["z"]] / coef(m)[["z"]] - 1), accuracy)
      for (type in list("iid", "HC1", "HC3", ~cluster)) {
        expect_lt(abs(vcov(again, type)["z", "z"] / vcov(m, type)["z", "z"] - 1), 10 * accuracy)
      }
    }
  }
})

test_that("a large constant in the outcome does no harm", {
  d <- random_panel(3)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d)
  again <- fe_lm(I(y + 1e9) ~ x1 + x2 | unit + time, d)
  expect_equal(coef(again), coef(m), tolerance = 1e-6)
})

test_that("which regressors are left out is lm's choice", {
  for (seed in 1:12) {
    set.seed(seed)
    x <- matrix(rnorm(240), 40)
    x[, sample(6, 1)] <- x[, sample(6, 1)] * 1e5
    dup <- sample(6, 3)
    x[, dup[1]] <- x[, dup[2]] - 3 * x[, dup[3]]
    d <- data.frame(y = rnorm(40), x, g = rep(1:8, 5))
    l <- coef(lm(y ~ factor(g) + ., d))
    expected <- setdiff(names(l)[is.na(l)], "g")
    run <- function(f) suppressWarnings(fe_lm(f, d), classes = "fe_warning")
    expect_identical(run(y ~ X1 + X2 + X3 + X4 + X5 + X6 | g)$collinear, expected)
    plain <- coef(lm(y ~ . - g, d))
    expect_identical(run(y ~ X1 + X2 + X3 + X4 + X5 + X6)$collinear, names(plain)[is.na(plain)])
  }
})

test_that("nearly collinear regressors stay, those closer than the tolerance go", {
  d <- random_panel(4)
  d$near <- d$x1 + 1e-6 * d$x3
  m <- fe_lm(y ~ x1 + near | unit, d)
  expect_equal(coef(m)[["near"]] * 1e-6, coef(fe_lm(y ~ x1 + x3 | unit, d))[["x3"]],
               tolerance = 1e-7)
  d$twin <- d$x1 + 1e-14 * d$x3
  expect_warning(fe_lm(y ~ x1 + twin | unit, d), "\"twin\"", class = "fe_warning")
  expect_warning(fe_lm(y ~ x1 + near | unit, d, control = fe_control(collin_tol = 1e-4)),
                 "\"near\"",
                 class = "fe_warning")
})

test_that("variation within that is tiny beside the variation between is kept", {
  d <- random_panel(5)
  d$z <- 1e6 * d$unit + d$x3
  expect_equal(coef(fe_lm(y ~ z | unit, d))[["z"]], coef(fe_lm(y ~ x3 | unit, d))[["x3"]],
               tolerance = 1e-8)
})

test_that("many regressors and more rows than a chunk of the kernel", {
  set.seed(6)
  n <- 40000L
  X <- matrix(rnorm(n * 12), n, dimnames = list(NULL, paste0("v", 1:12)))
  d <- data.frame(y = rnorm(n) + X[, 1], X, w = runif(n))
  m <- fe_lm(y ~ v1 + v2 + v3 + v4 + v5 + v6 + v7 + v8 + v9 + v10 + v11 + v12, d, weights = w,
             vcov = "iid")
  l <- lm(y ~ . - w, d, weights = w)
  expect_equal(coef(m), coef(l), tolerance = 1e-10)
  expect_equal(vcov(m), vcov(l), tolerance = 1e-10)
})

test_that("a perfect fit has coefficients, and says that the residuals are rounding", {
  d <- random_panel(7)
  d$exact <- 2 * d$x1 - d$x2 + d$unit
  expect_warning(m <- fe_lm(exact ~ x1 + x2 | unit, d, vcov = "iid"), "perfect",
                 class = "fe_warning")
  expect_equal(unname(coef(m)), c(2, -1), tolerance = 1e-10)
  expect_lt(max(sqrt(diag(vcov(m)))), 1e-10)
})

test_that("sizes at and around the blocks of the kernel", {
  for (n in c(5L, 127L, 128L, 129L, 16383L, 16384L, 16385L)) {
    set.seed(n)
    d <- data.frame(x = rnorm(n), z = rexp(n))
    d$y <- d$x - d$z + rnorm(n)
    m <- fe_lm(y ~ x + z, d, vcov = "iid")
    l <- lm(y ~ x + z, d)
    expect_equal(coef(m), coef(l), tolerance = 1e-11)
    expect_equal(vcov(m), vcov(l), tolerance = 1e-10)
  }
})

test_that("more regressors than rows of a block", {
  set.seed(8)
  X <- matrix(rnorm(400 * 180), 400)
  d <- data.frame(y = rnorm(400), g = rep(1:20, 20), X)
  rhs <- paste(names(d)[-(1:2)], collapse = " + ")
  m <- fe_lm(paste("y ~", rhs, "| g"), d, vcov = "iid")
  l <- lm(paste("y ~", rhs, "+ factor(g)"), d)
  expect_equal(coef(m), coef(l)[names(coef(m))], tolerance = 1e-9)
  expect_lt(worst(vcov(m), vcov(l)[names(coef(m)), names(coef(m))]), 1e-9)
})

test_that("hundreds of dummies as regressors are those of lm()", {
  set.seed(7)
  n <- 960
  d <- data.frame(g = rep(1:6, length.out = n), f = sample(410, n, TRUE), x = rnorm(n))
  d$y <- 0.2 * d$x + rnorm(n) + rnorm(6)[d$g] * d$x
  m <- fe_lm(y ~ factor(f) + x | g, d, singletons = "keep")
  o <- lm(y ~ factor(f) + x + factor(g), d)
  expect_equal(coef(m), coef(o)[names(coef(m))], tolerance = 1e-10)
  expect_equal(vcov(m, "iid"), vcov(o)[names(coef(m)), names(coef(m))], tolerance = 1e-9)
})
