# Decompositions, by dummies and lm(). The numbers of Stata's b1x2 are in reference/gelbach.R.

test_that("fixed effects are a group: the parts are those of dummies", {
  x <- fe_decompose(ln_upmf ~ ln_imdig | year, digitrade, vcov = CR0 ~ country,
                    added = list(policy = ~ fdi + rd, country = ~ 1 | country))
  full <- lm(ln_upmf ~ ln_imdig + fdi + rd + factor(country) + factor(year), digitrade)
  b <- coef(full)
  d <- model.matrix(~ factor(country) - 1, digitrade)
  effect <- d[, -1] %*% b[grep("country", names(b))]
  part <- function(v) coef(lm(v ~ ln_imdig + factor(year), digitrade))[["ln_imdig"]]
  expect_equal(coef(x)[["country"]], part(effect), tolerance = 1e-8)
  expect_equal(coef(x)[["policy"]], part(digitrade$fdi * b[["fdi"]] + digitrade$rd * b[["rd"]]),
               tolerance = 1e-8)
  expect_lt(x$identity, 1e-10)
})

test_that("the variance of the sum is that of the difference of two coefficients", {
  x <- fe_decompose(ln_upmf ~ ln_imdig, digitrade, vcov = CR0 ~ country,
                    added = list(a = ~ pgdp, b = ~ 1 | country, c = ~ rd | year))
  joint <- fe_equal(x$base, x$full, terms = "ln_imdig", vcov = CR0 ~ country, ssc = "suest")
  expect_equal(sqrt(sum(vcov(x))), joint$estimates$std.error, tolerance = 1e-9)
})

test_that("the variance of a group of effects is the delta method on all dummies", {
  d <- subset(digitrade, as.integer(factor(country)) <= 8)
  x <- fe_decompose(ln_upmf ~ ln_imdig, d, vcov = "HC0",
                    added = list(pgdp = ~ pgdp, country = ~ 1 | country))
  D <- model.matrix(~ factor(country), d)[, -1]
  X0 <- cbind(1, d$ln_imdig)
  X <- cbind(X0, d$pgdp, D)
  B0 <- solve(crossprod(X0))
  B <- solve(crossprod(X))
  beta <- drop(B %*% crossprod(X, d$ln_upmf))
  e <- d$ln_upmf - drop(X %*% beta)
  at <- 4:ncol(X)
  G <- (B0 %*% crossprod(X0, X[, at]))
  w <- X[, at] - X0 %*% G
  psi <- drop(X0 %*% B0[, 2]) * drop(w %*% beta[at]) + drop(X %*% B[, at] %*% G[2, ]) * e
  expect_equal(vcov(x)["country", "country"], sum(psi^2), tolerance = 1e-8)
})

test_that("joint mediators are groups, and what cannot be told apart is refused", {
  m <- fe_mediate(ln_upmf ~ ln_imdig | country + year, digitrade, joint = TRUE, R = 0,
                  mediators = c("ln_innov", "ln_inter"))
  expect_equal(coef(fe_decompose(m))[["ln_innov"]], coef(m)[["indirect:ln_innov"]],
               tolerance = 1e-9)
  expect_error(fe_decompose(ln_upmf ~ ln_imdig, digitrade,
                            list(a = ~ 1 | country, b = ~ 1 | country^developed)),
               "cannot tell")
  expect_error(fe_decompose(ln_upmf ~ ln_imdig | country, digitrade, ~ pgdp | year, R = 99),
               "bootstrap")
})

test_that("lags of panel time are those of columns made by hand, in groups of fitted models too", {
  d <- digitrade
  d$x1 <- fe_lag(d$ln_imdig, 1, d$country, d$year)
  d[c("p1", "p2")] <- fe_lag(d$pgdp, 1:2, d$country, d$year)
  lagged <- fe_decompose(ln_upmf ~ l(ln_imdig) | country + year, digitrade, vcov = ~country,
                         added = list(income = ~ l(pgdp, 1:2), rd = ~ rd),
                         panel.id = ~country + year)
  plain <- fe_decompose(ln_upmf ~ x1 | country + year, d, vcov = ~country,
                        added = list(income = ~ p1 + p2, rd = ~ rd))
  expect_equal(coef(lagged), coef(plain), tolerance = 1e-9)
  expect_equal(vcov(lagged), vcov(plain), tolerance = 1e-9)
  expect_identical(nobs(lagged), 63L * 11L)
  fitted <- fe_decompose(lagged$base, lagged$full, groups = list(income = ~ l(pgdp, 1:2)))
  expect_equal(coef(fitted)[["income"]], coef(lagged)[["income"]], tolerance = 1e-9)
  apart <- fe_decompose(ln_upmf ~ l(ln_imdig) | country + year, digitrade, ~ l(pgdp, 1:2),
                        panel.id = c("country", "year"), R = 19)
  expect_named(coef(apart), c("l(pgdp, 1)", "l(pgdp, 2)"))
  expect_equal(apart$boot$t0, stats::setNames(apart$effects$estimate, apart$effects$term),
               tolerance = 1e-8)
})

test_that("a table of a decomposition says what it is and which errors it has", {
  x <- fe_decompose(ln_upmf ~ ln_imdig | year, digitrade, ~ pgdp | country, vcov = ~country)
  text <- paste(capture.output(print(fe_table(x))), collapse = " ")
  expect_match(text, "Gelbach 2016")
  expect_match(text, "clustered \\(CR1\\) by country\\s+\\(63\\)")
  expect_match(text, sprintf("%.4f", coef(x)[["pgdp"]]), fixed = TRUE)
})

test_that("what cannot be decomposed is refused by name", {
  f <- ln_upmf ~ ln_imdig | country + year
  bad <- function(...) fe_decompose(f, digitrade, ...)
  expect_error(bad(), "`added` is missing")
  expect_error(bad(list(~ pgdp)), "`added`")
  expect_error(bad(list(base = ~ pgdp)), "`added` .*base")
  expect_error(bad(list(a = y ~ pgdp)), "`added`")
  expect_error(bad(list(a = ~ 1)), "`added`")
  expect_error(bad(list(a = ~ pgdp, b = ~ pgdp)), "more than one group")
  expect_error(bad(~ l(pgdp)), "`panel.id`")
  expect_error(bad(~ pgdp, panel.id = ~country), "`panel.id`")
  expect_error(bad(~ pgdp, focal = "rd"), "`focal`")
  expect_error(bad(~ pgdp, level = 95), "level")
  expect_error(bad(~ pgdp, R = -1), "`R`")
  expect_error(bad(~ ln_imdig), "adds no regressor")
  expect_error(fe_decompose(ln_upmf ~ sw(ln_imdig, rd) | year, digitrade, ~ pgdp), "single model")
  expect_error(fe_decompose(ln_upmf ~ pgdp | year | ln_imdig ~ fdi, digitrade, ~ rd),
               "instrument")
  base <- fe_lm(f, digitrade)
  expect_error(fe_decompose(base, 1), "`full`")
  expect_error(fe_decompose(base, fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year,
                                        subset(digitrade, year > 2012))), "other rows")
  expect_error(fe_decompose(base, fe_lm(ln_upmf ~ ln_imdig + pgdp | year, digitrade)),
               "does not contain the base")
  expect_error(fe_decompose(base, fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade),
                            groups = list(a = ~ fdi)), "`groups`")
})
