# Two-stage least squares against AER::ivreg, with dummies in place of the absorbed effects.

cigar_panel <- function() {
  data("Cigar", package = "plm", envir = environment())
  Cigar
}

on_dummies <- function(d) {
  AER::ivreg(sales ~ price + ndi + factor(state) + factor(year) | ndi + pimin + pop +
               factor(state) + factor(year), data = d)
}

test_that("coefficients and variances are those of ivreg with dummies", {
  skip_if_not_installed("AER")
  skip_if_not_installed("plm")
  skip_if_not_installed("sandwich")
  d <- subset(cigar_panel(), state <= 15)
  m <- fe_lm(sales ~ ndi | state + year | price ~ pimin + pop, d, vcov = "iid")
  a <- on_dummies(d)
  at <- c("price", "ndi")
  expect_equal(coef(m)[at], coef(a)[at], tolerance = 1e-9)
  expect_equal(vcov(m)[at, at], vcov(a)[at, at], tolerance = 1e-8)
  expect_equal(unname(residuals(m)), unname(residuals(a)), tolerance = 1e-8)
  expect_equal(vcov(m, "HC1")[at, at], sandwich::vcovHC(a, "HC1")[at, at], tolerance = 1e-8)
  cl <- vcov(m, CR0 ~ state)[at, at]
  expect_equal(cl, sandwich::vcovCL(a, ~state, type = "HC0", cadjust = FALSE)[at, at],
               tolerance = 1e-8)
  expect_equal(glance(m)$r.squared, summary(a)$r.squared, tolerance = 1e-9)
})

test_that("CR2 and CR3 are clubSandwich's, on the projected regressors", {
  skip_if_not_installed("AER")
  skip_if_not_installed("plm")
  skip_if_not_installed("clubSandwich")
  d <- subset(cigar_panel(), state <= 15 & year < 75)
  m <- fe_lm(sales ~ ndi | state | price ~ pimin + pop, d)
  a <- AER::ivreg(sales ~ price + ndi + factor(state) | ndi + pimin + pop + factor(state), data = d)
  at <- c("price", "ndi")
  for (type in c("CR2", "CR3")) {
    theirs <- as.matrix(clubSandwich::vcovCR(a, d$year, type))[at, at]
    expect_equal(vcov(m, type, ~year, fe_ssc("clubSandwich"))[at, at], theirs, tolerance = 1e-6)
  }
})

test_that("diagnostics under iid are ivreg's", {
  skip_if_not_installed("AER")
  data("CigarettesSW", package = "AER", envir = environment())
  d <- transform(subset(CigarettesSW, year == "1995"), rprice = price / cpi, rtax = tax / cpi,
                 rincome = income / population / cpi, tdiff = (taxs - tax) / cpi)
  m <- fe_lm(log(packs) ~ log(rincome) | log(rprice) ~ tdiff + rtax, d, vcov = "iid")
  a <- AER::ivreg(log(packs) ~ log(rprice) + log(rincome) | log(rincome) + tdiff + rtax, data = d)
  theirs <- summary(a, diagnostics = TRUE)$diagnostics
  ours <- tidy(fe_iv_tests(m))
  ours <- ours[match(c("First-stage F", "Wu-Hausman", "Sargan"), ours$test), ]
  expect_equal(ours$statistic, unname(theirs[, "statistic"]), tolerance = 1e-9)
  expect_equal(ours$p.value, unname(theirs[, "p-value"]), tolerance = 1e-8)
})

# The rk statistic written out from Kleibergen and Paap (2006), equations 13 to 21.
slow_rk <- function(E, Z, v) {
  pi <- solve(crossprod(Z), crossprod(Z, E))
  G <- chol(crossprod(Z))
  F <- solve(chol(crossprod(E)))
  theta <- G %*% pi %*% F
  s <- svd(theta, nu = ncol(Z), nv = ncol(E))
  k <- ncol(E)
  l <- ncol(Z)
  u22 <- s$u[k:l, k:l, drop = FALSE]
  e <- eigen(u22 %*% t(u22), symmetric = TRUE)
  a <- s$u[, k:l, drop = FALSE] %*% solve(u22) %*%
    (e$vectors %*% (sqrt(pmax(e$values, 0)) * t(e$vectors)))
  b <- s$v[, k] * sign(s$v[k, k])
  scores <- do.call(cbind, lapply(seq_len(k), function(j) Z * v[, j]))
  middle <- kronecker(t(F), solve(t(G)))
  W <- middle %*% crossprod(scores) %*% t(middle)
  by <- kronecker(t(b), t(a))
  lambda <- by %*% as.vector(theta)
  drop(t(lambda) %*% solve(by %*% W %*% t(by), lambda))
}

test_that("two endogenous regressors: rk, Sanderson-Windmeijer and Hansen from their formulas", {
  skip_if_not_installed("plm")
  d <- cigar_panel()
  m <- fe_lm(sales ~ 1 | state | price + ndi ~ pimin + cpi + pop, d)
  ours <- fe_iv_tests(m)
  within <- function(f) residuals(lm(as.formula(paste(f, "~ factor(state)")), d))
  E <- sapply(c("price", "ndi"), within)
  Z <- sapply(c("pimin", "cpi", "pop"), within)
  v <- residuals(lm(E ~ 0 + Z))
  n <- nrow(d)
  K <- 46 + 3
  pick <- function(test) ours$tests$statistic[ours$tests$test == test]
  expect_equal(pick("Kleibergen-Paap LM"), slow_rk(E, Z, E), tolerance = 1e-6)
  expect_equal(pick("Kleibergen-Paap Wald F"), slow_rk(E, Z, v) * (n - K) / n / 3,
               tolerance = 1e-6)
  u <- residuals(m)
  S <- crossprod(Z * u)
  A <- crossprod(Z, E)
  g <- crossprod(Z, within("sales"))
  b <- solve(t(A) %*% solve(S, A), t(A) %*% solve(S, g))
  expect_equal(pick("Hansen J"), drop(t(g - A %*% b) %*% solve(S, g - A %*% b)), tolerance = 1e-6)
  delta <- coef(lm(E[, 1] ~ 0 + fitted(lm(E[, 2] ~ 0 + Z))))
  r <- lm(E[, 1] - E[, 2] * delta ~ 0 + Z)
  V <- solve(crossprod(Z)) %*% crossprod(Z * residuals(r)) %*% solve(crossprod(Z)) * n / (n - K)
  expect_equal(ours$first$conditional[1], drop(coef(r) %*% solve(V, coef(r))) / 2, tolerance = 1e-6)
})

test_that("the Anderson-Rubin set holds what its test does not reject", {
  set.seed(3)
  n <- 200
  d <- data.frame(g = rep(1:40, 5), z1 = rnorm(n), z2 = rnorm(n), e = rnorm(n))
  d$x <- 0.3 * d$z1 + 0.2 * d$z2 + d$e + rnorm(n)
  d$y <- d$x + d$e + rnorm(n)
  m <- fe_lm(y ~ 1 | g | x ~ z1 + z2, d, vcov = ~g)
  p <- function(b) {
    t <- fe_iv_tests(m, beta0 = b)$tests
    t$p.value[t$test == "Anderson-Rubin"]
  }
  set <- fe_iv_tests(m)$set
  expect_equal(vapply(set[is.finite(set)], p, 0), rep(0.05, sum(is.finite(set))), tolerance = 1e-6)
  # the textbook test at one value
  w <- fe_lm(I(y - 0.4 * x) ~ z1 + z2 | g, d, vcov = ~g)
  b <- coef(w)
  expect_equal(p(0.4), pf(drop(b %*% solve(vcov(w), b)) / 2, 2, 39, lower.tail = FALSE))
  weak <- fe_iv_tests(fe_lm(y ~ 1 | x ~ z3, transform(d, z3 = sin(g * z2 * 50)), vcov = "HC1"))
  expect_true(any(is.infinite(weak$set)))
})

test_that("critical values of the effective F are those of Montiel Olea and Pflueger", {
  set.seed(1)
  d <- data.frame(z = rnorm(50), e = rnorm(50))
  d$x <- d$z + d$e
  d$y <- d$x + d$e + rnorm(50)
  found <- fe_iv_tests(fe_lm(y ~ 1 | x ~ z, d))
  expect_equal(found$effective$critical$critical, c(37.42, 23.11, 15.06, 12.04), tolerance = 1e-3)
  expect_equal(found$effective$statistic, found$first$statistic)
})

test_that("predictions, first stages, update and stepwise models of instruments", {
  skip_if_not_installed("AER")
  skip_if_not_installed("plm")
  d <- cigar_panel()
  d <- d[d$state <= 15, ]
  m <- fe_lm(sales ~ ndi | state + year | price ~ pimin + pop, d, vcov = "iid")
  a <- on_dummies(d)
  at <- predict(m, d[1:4, ], se.fit = TRUE)
  X <- model.matrix(a, component = "regressors")[1:4, ]
  expect_equal(at$fit, unname(predict(a, d[1:4, ])), tolerance = 1e-8)
  expect_equal(at$se.fit, unname(sqrt(diag(X %*% vcov(a) %*% t(X)))), tolerance = 1e-6)
  expect_equal(predict(m, se.fit = TRUE)$se.fit[1:4], at$se.fit, tolerance = 1e-8)
  first <- lm(price ~ ndi + pimin + pop + factor(state) + factor(year), d)
  expect_equal(coef(fe_first_stage(m)), coef(first)[2:4], tolerance = 1e-8)
  more <- update(m, . ~ . + I(ndi^2) | . ~ . - pop)
  expect_equal(more$iv$instruments, "pimin")
  many <- fe_lm(c(sales, log(sales)) ~ sw0(ndi) | state | price ~ sw(pimin, pimin + pop), d)
  expect_length(many, 8L)
  alone <- fe_lm(log(sales) ~ ndi | state | price ~ pimin + pop, d)
  expect_equal(coef(many[[8]]), coef(alone), tolerance = 1e-10)
  expect_equal(sandwich::sandwich(alone), vcov(alone, "HC0"), ignore_attr = TRUE)
})

test_that("weights and lean models", {
  skip_if_not_installed("AER")
  skip_if_not_installed("plm")
  d <- cigar_panel()
  m <- fe_lm(sales ~ ndi | price ~ pimin + cpi, d, weights = ~pop, vcov = "iid", lean = TRUE)
  a <- AER::ivreg(sales ~ price + ndi | ndi + pimin + cpi, data = d, weights = pop)
  expect_equal(vcov(m)[names(coef(a)), names(coef(a))], vcov(a), tolerance = 1e-8)
  expect_equal(glance(m)$first.stage.F,
               summary(a, diagnostics = TRUE)$diagnostics[1, "statistic"], tolerance = 1e-8)
})

test_that("what cannot be identified is refused by name", {
  d <- data.frame(y = c(1, 4, 2, 8, 5, 7, 3), x = 1:7, e = c(2, 1, 4, 3, 6, 5, 9), f = 7:1,
                  z = c(1, 1, 2, 3, 3, 5, 4), g = c(1, 1, 2, 2, 3, 3, 3))
  expect_error(fe_lm(y ~ 1 | e + x ~ z, d), "1 usable instrument .*2 endogenous")
  expect_error(fe_lm(y ~ 1 | g | I(g * 2) ~ z, d), "no endogenous regressor left")
  expect_error(fe_lm(y ~ 1 | g | e ~ I(g * 2), d), "0 usable instruments")
  expect_error(fe_lm(y ~ e | e ~ z, d), "among the exogenous")
  expect_error(fe_lm(y ~ 1 | e ~ e + z, d), "both sides")
  expect_error(fe_lm(y ~ x ~ z, d), "more than one tilde")
  expect_error(fe_lm(y ~ 1 | (e ~ z), d), "tilde inside")
  expect_warning(m <- fe_lm(y ~ 1 | e ~ z + I(2 * z), d), "left out as collinear")
  expect_equal(m$iv$collinear, "I(2 * z)")
  expect_error(logLik(m), "least squares only")
  expect_error(fe_boot(m, 9, type = "wild"), "of residuals, .*least squares only")
  expect_error(fe_boot(m, 9, type = "residual"), "of residuals, .*least squares only")
  expect_error(fe_boottest(m, "e", cluster = "g"), "least squares only")
  expect_error(vcov(m, CR3J ~ g), "least squares only")
  expect_error(fe_clusters(m, ~g), "least squares only")
  expect_error(fe_iv_tests(fe_lm(y ~ x, d)), "no instruments")
})

test_that("frequency weights and varying slopes", {
  skip_if_not_installed("AER")
  set.seed(1)
  d <- data.frame(id = rep(1:30, 10), h = rep(1:2, 150), z1 = rnorm(300), z2 = rnorm(300),
                  e = rnorm(300), w = rnorm(300), n = sample(4, 300, TRUE))
  d$x <- d$z1 + d$z2 + d$e + rnorm(300)
  d$y <- d$x + d$w + d$e + rnorm(300)
  a <- fe_lm(y ~ w | id | x ~ z1 + z2, d, weights = ~n, weights_type = "frequency")
  b <- fe_lm(y ~ w | id | x ~ z1 + z2, d[rep(1:300, d$n), ])
  for (v in list("iid", "HC1", ~id)) {
    expect_equal(vcov(a, v), vcov(b, v), tolerance = 1e-8)
    expect_equal(tidy(fe_iv_tests(a, v)), tidy(fe_iv_tests(b, v)), tolerance = 1e-6)
  }
  s <- fe_lm(y ~ 1 | id[w] | x ~ z1 + z2, d, vcov = "iid")
  o <- AER::ivreg(y ~ x + factor(id) * w | z1 + z2 + factor(id) * w, data = d)
  expect_equal(coef(s), coef(o)["x"], tolerance = 1e-8)
  expect_equal(vcov(s)["x", "x"], vcov(o)["x", "x"], tolerance = 1e-8)
})

test_that("coefficients of parts are equal by the joint variance of their scores", {
  skip_if_not_installed("plm")
  d <- cigar_panel()
  d$late <- d$year > 77
  m <- fe_lm(sales ~ 1 | state | price ~ pimin + pop, d, split = ~late, vcov = CR0 ~ state)
  influence <- function(m) { # sums of a state's influences on the coefficient
    part <- d[m$rows, ]
    z <- residuals(lm(cbind(price, pimin, pop) ~ factor(state), part))
    fitted <- fitted(lm(z[, 1] ~ 0 + z[, -1]))
    tapply(fitted * residuals(m), part$state, sum) / sum(fitted^2)
  }
  ours <- fe_equal(m)
  difference <- diff(unname(vapply(m, coef, 0)))
  expect_equal(unname(ours$statistic),
               difference^2 / sum((influence(m[[1]]) - influence(m[[2]]))^2), tolerance = 1e-8)
})

test_that("HC2 and HC3 take the leverages of the second stage", {
  skip_if_not_installed("AER")
  skip_if_not_installed("plm")
  d <- subset(cigar_panel(), state <= 15)
  m <- fe_lm(sales ~ ndi | state + year | price ~ pimin + pop, d)
  a <- on_dummies(d)
  x <- model.matrix(a, component = "projected")
  bread <- solve(crossprod(x))
  h <- rowSums((x %*% bread) * x)
  at <- c("price", "ndi")
  for (power in 1:2) {
    V <- bread %*% crossprod(x * residuals(a) / (1 - h)^(power / 2)) %*% bread
    expect_equal(vcov(m, c("HC2", "HC3")[power])[at, at], V[at, at], tolerance = 1e-7)
  }
})

test_that("a print of the tests is no wider than 80 columns", {
  skip_if_not_installed("plm")
  d <- cigar_panel()
  m <- fe_lm(sales ~ 1 | state | price + ndi ~ pimin + cpi + pop, d)
  for (v in c("iid", "HC1")) expect_lte(max(nchar(capture.output(fe_iv_tests(m, v)))), 80L)
  shown <- capture.output(fe_iv_tests(m, "iid", beta0 = c(0.25, -12.5)))
  expect_match(grep("^Anderson-Rubin", shown, value = TRUE), "coefficients 0.25, -12.50$")
  expect_length(grep("^Durbin", shown), 1L)
})

test_that("first stages of names that are no R names; too few rows for the tests", {
  d <- stats::setNames(data.frame(y = sin(1:30), x = cos((1:30)^2), z = sin(1:30) + cos((1:30)^2)),
                       c("y", "my x", "my z"))
  first <- fe_first_stage(fe_lm(y ~ 1 | `my x` ~ `my z`, d))
  expect_equal(coef(update(first)), coef(first))
  expect_error(fe_iv_tests(fe_lm(y ~ 1 | `my x` ~ `my z`, d[1:3, ])), "3 observations",
               class = "fe_error")
})
