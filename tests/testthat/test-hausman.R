# Fixed against random effects, against plm and the textbook regressions.

test_that("the classic statistic and the auxiliary regression equal plm's, and Baltagi's", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  data("Gasoline", package = "plm", envir = environment())
  g <- fe_lm(inv ~ value + capital | firm, Grunfeld)
  h <- fe_hausman(g, method = "hausman")
  expect_printed(h$statistic, 2.33, 2)
  p <- plm::pdata.frame(Grunfeld, c("firm", "year"))
  re <- plm::plm(inv ~ value + capital, p, model = "random")
  expect_equal(h$estimates$random, unname(coef(re)[-1]), tolerance = 1e-9)
  theirs <- plm::phtest(plm::plm(inv ~ value + capital, p), re)
  expect_equal(unname(h$statistic), unname(theirs$statistic), tolerance = 1e-7)
  expect_equal(h$p.value, unname(theirs$p.value), tolerance = 1e-7)
  expect_printed(fe_hausman(g, method = "aux", vcov = "iid", test = "chisq")$statistic, 2.131, 3)
  expect_equal(unname(fe_hausman(g, method = "aux", vcov = "iid")$parameter), c(2, 200 - 5))
  gas <- fe_lm(lgaspcar ~ lincomep + lrpmg + lcarpcap | country, Gasoline)
  expect_warning(h <- fe_hausman(gas, method = "hausman"), "not positive definite",
                 class = "fe_warning")
  expect_printed(h$statistic, 302.8, 1)
  aux <- fe_hausman(gas, method = "aux", vcov = "iid", test = "chisq")
  expect_printed(aux$statistic, 26.495054, 6)
})

# Unit means of columns, weighted, spread over the rows.
unit_means <- function(x, unit, w) {
  apply(x, 2L, function(v) ave(w * v, unit, FUN = sum) / ave(w, unit, FUN = sum))
}

# A column less theta times its unit mean.
quasi_demean <- function(v, unit, theta) v - theta[as.character(unit)] * ave(v, unit)

# Q of the unit means in a regression of transformed columns, clustered (CR0) by unit.
aux_oracle <- function(d, theta, constant) {
  x <- as.matrix(d[c("x1", "x2", "x3")])
  m <- unit_means(x, d$unit, rep(1, nrow(d)))
  colnames(m) <- paste0("mean.", colnames(x))
  star <- apply(cbind(y = d$y, x, m), 2L, quasi_demean, d$unit, theta)
  Z <- cbind(constant, star[, -1L])
  B <- solve(crossprod(Z))
  b <- as.vector(B %*% crossprod(Z, star[, "y"]))
  V <- B %*% crossprod(rowsum(as.vector(star[, "y"] - Z %*% b) * Z, d$unit)) %*% B
  sum(b[5:7] * solve(V[5:7, 5:7], b[5:7]))
}

test_that("unbalanced panels: components and random effects are plm's, the test is the GLS one", {
  skip_if_not_installed("plm")
  for (seed in 1:5) {
    d <- random_panel(seed, n_units = 25L)
    d <- d[oracle_singletons(d["unit"]), ]
    d$y <- d$y + 3 * rnorm(28)[d$unit]
    p <- plm::pdata.frame(d, c("unit", "time"))
    f <- y ~ x1 + x2 + x3
    m <- fe_lm(y ~ x1 + x2 + x3 | unit, d)
    re <- plm::plm(f, p, model = "random")
    ours <- random_effects(m, panel_parts(m, 1L))
    expect_gt(ours$components[["sigma2_a"]], 1)
    expect_equal(unname(ours$components), unname(re$ercomp$sigma2)[1:2], tolerance = 1e-8)
    random <- coef(random_model(m, panel_parts(m, 1L), ours))
    expect_equal(unname(random), unname(coef(re)), tolerance = 1e-8)
    within <- plm::plm(f, p)
    d_b <- coef(within) - coef(re)[-1]
    Q <- sum(d_b * solve(vcov(within) - vcov(re)[-1, -1], d_b))
    if (Q > 0) {
      classic <- suppressWarnings(fe_hausman(m, method = "hausman"), classes = "fe_warning")
      expect_equal(unname(classic$statistic), Q, tolerance = 1e-6)
    } else {
      expect_error(fe_hausman(m, method = "hausman"), "does not exist", class = "fe_error")
    }
    theta <- ours$theta
    ours <- fe_hausman(m, method = "aux", vcov = CR0 ~ unit, test = "chisq")
    constant <- 1 - theta[as.character(d$unit)]
    expect_equal(unname(ours$statistic), aux_oracle(d, theta, constant), tolerance = 1e-7)
    plain <- plm::phtest(f, data = p, method = "aux", vcov = function(x) plm::vcovHC(x))
    expect_equal(unname(plain$statistic), aux_oracle(d, theta, 1), tolerance = 1e-6)
  }
})

test_that("balanced panels: the clustered auxiliary test is plm's", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  f <- inv ~ value + capital
  theirs <- plm::phtest(f, data = Grunfeld, method = "aux", vcov = function(x) plm::vcovHC(x))
  m <- fe_lm(inv ~ value + capital | firm, Grunfeld)
  for (method in c("aux", "mundlak")) {
    ours <- fe_hausman(m, method = method, vcov = CR0 ~ firm, test = "chisq")
    expect_equal(unname(ours$statistic), unname(theirs$statistic), tolerance = 1e-8)
    expect_equal(ours$p.value, unname(theirs$p.value), tolerance = 1e-8)
  }
})

test_that("Mundlak's test is the regression on unit means and dummies, weighted and unbalanced", {
  for (seed in 1:8) {
    d <- random_panel(seed, c("weights", "missing"), n_units = 25L)
    m <- suppressWarnings(fe_lm(y ~ x1 + x2 + x3 | unit + time, d, weights = w),
                          classes = "fe_warning")
    o <- oracle_panel(d, c("unit", "time"), w = "w")
    X <- o$Z[, o$slopes]
    M <- unit_means(X, o$data$unit, o$w)
    colnames(M) <- paste0("mean.", o$slopes)
    D <- full_dummies(o$data$time)[, -1L]
    big <- oracle_fit(o$y, cbind(D, unit_means(D, o$data$unit, o$w), X, M), list(), o$w)
    V <- oracle_meat(big, o$data$unit)
    V <- big$inverse %*% V %*% big$inverse
    dimnames(V) <- list(colnames(big$Z), colnames(big$Z))
    b <- big$coef[colnames(M)]
    G <- length(unique(o$data$unit))
    Q <- sum(b * solve(V[colnames(M), colnames(M)], b))
    ours <- fe_hausman(m, vcov = CR0 ~ unit, test = "chisq")
    expect_equal(unname(ours$statistic), Q, tolerance = 1e-7)
    expect_equal(ours$estimates$difference, unname(b), tolerance = 1e-7)
    expect_equal(ours$estimates$within, unname(coef(m)), tolerance = 1e-8)
    expect_equal(unname(big$coef[o$slopes]), unname(coef(m)), tolerance = 1e-8)
    f <- fe_hausman(m)
    K <- big$rank
    expect_equal(unname(f$statistic), Q / 3 * (G - 1) / G * (o$n - K) / (o$n - 1),
                 tolerance = 1e-7)
    expect_equal(unname(f$parameter), c(3, G - 1))
  }
})

test_that("with frequency weights it is the test of the rows written out", {
  d <- random_panel(2, n_units = 25L)
  d$f <- 1 + d$other
  long <- d[rep(seq_len(nrow(d)), d$f), ]
  short <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = f, weights_type = "frequency")
  ours <- fe_hausman(short)
  theirs <- fe_hausman(fe_lm(y ~ x1 + x2 | unit + time, long))
  expect_equal(ours$statistic, theirs$statistic, tolerance = 1e-9)
  expect_equal(tidy(ours), tidy(theirs), tolerance = 1e-9)
})

test_that("in balanced panels Mundlak's and the auxiliary test are one", {
  d <- expand.grid(unit = 1:15, time = 1:6)
  set.seed(3)
  d$x1 <- rnorm(90) + rnorm(15)[d$unit]
  d$x2 <- rexp(90)
  d$y <- d$x1 + rnorm(15)[d$unit] + rnorm(90)
  m <- fe_lm(y ~ x1 + x2 | unit, d, vcov = ~unit)
  a <- fe_hausman(m)
  b <- fe_hausman(m, method = "aux")
  expect_equal(a$statistic, b$statistic, tolerance = 1e-9)
  expect_equal(a$estimates, b$estimates, tolerance = 1e-9)
  means <- aggregate(d[c("y", "x1", "x2")], d["unit"], mean)
  expect_equal(a$estimates$between, unname(coef(lm(y ~ x1 + x2, means))[-1]), tolerance = 1e-9)
})

test_that("classic test beside years: the dummies of years stay in both models", {
  skip_if_not_installed("plm")
  d <- random_panel(12, n_units = 25L)
  d <- d[oracle_singletons(d[c("unit", "time")]), ]
  d$year <- factor(d$time)
  p <- plm::pdata.frame(d, c("unit", "time"))
  f <- y ~ x1 + x2 + year
  re <- plm::plm(f, p, model = "random")
  fe <- plm::plm(f, p)
  x <- c("x1", "x2")
  difference <- coef(re)[x] - coef(fe)[x]
  Q <- sum(difference * solve(vcov(fe)[x, x] - vcov(re)[x, x], difference))
  m <- fe_lm(y ~ x1 + x2 | unit + time, d)
  ours <- fe_hausman(m, method = "hausman")
  expect_equal(ours$estimates$random, unname(coef(re)[x]), tolerance = 1e-8)
  expect_equal(unname(ours$statistic), Q, tolerance = 1e-6)
})

test_that("regressors constant within units are controls and not compared", {
  d <- random_panel(13, n_units = 25L)
  d$fixed <- d$unit %% 4
  with_it <- suppressWarnings(fe_lm(y ~ x1 + fixed | unit, d), classes = "fe_warning")
  h <- fe_hausman(with_it)
  expect_identical(h$estimates$term, "x1")
  o <- oracle_fit(d$y, cbind(fixed = d$fixed, x1 = d$x1, mean = ave(d$x1, d$unit)))
  expect_equal(h$estimates$difference, unname(o$coef["mean"]), tolerance = 1e-8)
})

test_that("the variance clusters the units unless the model's does", {
  d <- random_panel(14, n_units = 25L)
  m <- fe_lm(y ~ x1 | unit + time, d)
  expect_equal(fe_hausman(m)$p.value, fe_hausman(m, vcov = ~unit)$p.value)
  by_cluster <- fe_lm(y ~ x1 | unit + time, d, vcov = ~cluster)
  expect_equal(fe_hausman(by_cluster)$p.value, fe_hausman(m, cluster = "cluster")$p.value)
  first <- fe_lm(y ~ x1 | unit + time, d, vcov = "cluster")
  expect_equal(fe_hausman(first)$p.value, fe_hausman(m)$p.value)
  expect_equal(fe_hausman(fe_lm(y ~ x1 | time + unit, d), unit = ~unit)$p.value,
               fe_hausman(m)$p.value)
  expect_error(fe_hausman(m, vcov = "HC1"), "independent errors within", class = "fe_error")
  expect_error(fe_hausman(m, vcov = ~time), "independent errors within", class = "fe_error")
})

test_that("what the tests are not defined for is refused", {
  d <- random_panel(15, "weights", n_units = 25L)
  m <- fe_lm(y ~ x1 | unit + time, d, weights = w)
  expect_error(fe_hausman(m, method = "hausman"), "weights", class = "fe_error")
  expect_error(fe_hausman(m, unit = "zz"), "unit", class = "fe_error")
  expect_error(fe_hausman(fe_lm(y ~ x1, d)), "no fixed effects", class = "fe_error")
  expect_error(fe_hausman(fe_lm(y ~ x1 | unit[x2], d)), "varying slopes", class = "fe_error")
  expect_error(fe_hausman(fe_lm(y ~ x1 | unit, d), method = "hausman", vcov = "HC1"),
               "efficient", class = "fe_error")
  expect_error(fe_hausman(lm(y ~ x1, d)), "class fe_lm", class = "fe_error")
  d$trend <- d$time
  balanced <- expand.grid(unit = 1:8, time = 1:5)
  set.seed(1)
  balanced$y <- rnorm(40)
  balanced$trend <- balanced$time^2
  expect_error(fe_hausman(fe_lm(y ~ trend | unit, balanced)), "nothing to compare",
               class = "fe_error")
})

test_that("a negative variance of the effects is set to zero with a warning", {
  d <- expand.grid(unit = 1:20, time = 1:5)
  set.seed(4)
  d$x <- rnorm(100)
  e <- rnorm(100)
  d$y <- d$x + e - ave(e, d$unit)
  m <- fe_lm(y ~ x | unit, d)
  expect_warning(h <- fe_hausman(m, method = "aux"), "set to zero", class = "fe_warning")
  expect_equal(h$components[["sigma2_a"]], 0)
  expect_equal(unname(h$theta), rep(0, 20))
})

test_that("a print says what was tested, under which variance", {
  d <- random_panel(16, n_units = 25L)
  h <- fe_hausman(fe_lm(y ~ x1 + x2 | unit + time, d))
  expect_output(print(h), "Mundlak test")
  expect_output(print(h), "clustered \\(CR1\\) by unit \\(25\\)")
  expect_output(print(h), "F\\(2, 24\\)")
  expect_output(print(fe_hausman(fe_lm(y ~ x1 | unit, d), method = "aux")), "sigma2_a")
  expect_identical(tidy(h)$term, c("x1", "x2"))
  expect_equal(glance(h)$df.residual, 24)
})
