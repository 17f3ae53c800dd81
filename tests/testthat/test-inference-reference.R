# Standard errors printed by other programs, in books and in articles, to the printed digits.
se <- function(m, ...) unname(sqrt(diag(vcov(m, ...))))

test_that("MortalityRates: clubSandwich's CR1, without and with population weights", {
  skip_if_not_installed("clubSandwich")
  data("MortalityRates", package = "clubSandwich", envir = environment())
  d <- subset(MortalityRates, cause == "Motor Vehicle" & year <= 1983 & !is.na(beertaxa))
  plain <- fe_lm(mrate ~ legal + beertaxa | state + year, d, vcov = ~state, ssc = "clubSandwich")
  expect_printed(coef(plain), c(7.59, 3.82), 2)
  expect_printed(se(plain), c(2.44, 5.14), 2)
  expect_printed(tidy(plain)$statistic, c(3.108, .743), 3)
  expect_printed(tidy(plain)$p.value, c(.00313, .46128), 5)
  expect_equal(vcov_df(plain), 49)
  weighted <- fe_lm(mrate ~ legal + beertaxa | state + year, d, weights = pop, vcov = ~state,
                    ssc = "clubSandwich")
  expect_printed(coef(weighted), c(7.78, 11.16), 2)
  expect_printed(se(weighted), c(2.01, 4.20), 2)
  expect_printed(tidy(weighted)$statistic, c(3.87, 2.66), 2)
  expect_printed(tidy(weighted)$p.value[2], .0106, 4)
})

test_that("Fatalities: Stock and Watson, table 10.1, column 4", {
  skip_if_not_installed("AER")
  data("Fatalities", package = "AER", envir = environment())
  d <- transform(Fatalities, rate = fatal / pop * 10000, miles = miles / 1000,
                 age18 = drinkage < 19, age19 = drinkage >= 19 & drinkage < 20,
                 age20 = drinkage >= 20 & drinkage < 21, punish = jail == "yes" | service == "yes")
  m <- fe_lm(rate ~ beertax + age18 + age19 + age20 + punish + miles + unemp + log(income) |
               state + year, d, vcov = ~state)
  expect_printed(coef(m)[["beertax"]], -.445344, 6)
  expect_printed(se(m)[1], .297212, 6)
  expect_printed(coef(m)[-c(1, 8)], c(.028, -.018, .032, .038, .008, -.063), 3)
  expect_printed(se(m)[-c(1, 3, 8)], c(.070, .051, .103, .007, .013), 3)
  expect_printed(c(coef(m)[[8]], se(m)[8]), c(1.82, .64), 2)
})

test_that("Petersen's test data: Fama-MacBeth, from a model for each year", {
  skip_if_not_installed("sandwich")
  data("PetersenCL", package = "sandwich", envir = environment())
  by_year <- t(vapply(fe_lm(y ~ x, PetersenCL, split = ~year), coef, numeric(2)))
  expect_printed(colMeans(by_year), c(.0313, 1.0356), 4)
  expect_printed(apply(by_year, 2, sd) / sqrt(nrow(by_year)), c(.0234, .0333), 4)
})

test_that("Grunfeld: between estimates, and the within R squared adjusted", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  means <- aggregate(cbind(inv, value, capital) ~ firm, Grunfeld, mean)
  expect_printed(coef(fe_lm(inv ~ value + capital, means))[-1], c(.1346461, .0320315), 7)
  m <- fe_lm(inv ~ value + capital | firm + year, Grunfeld)
  expect_printed(glance(m)$within.adj.r.squared, .716833, 6)
})

# Stata held these data in single precision, which shows in the last printed digits.
single <- function(x) readBin(writeBin(x, raw(), size = 4L), "double", length(x), size = 4L)
mtcars_single <- function() {
  transform(mtcars, mpg = single(mpg), weight = single(single(drat) / 5))
}

# V of hp, V of the constant (if there is one) and F.
expect_stata <- function(m, printed, digits) {
  V <- diag(vcov(m))
  expect_printed(c(V[["hp"]], if ("(Intercept)" %in% names(V)) V[["(Intercept)"]],
                   glance(m)$statistic), printed, digits)
}

test_that("mtcars: Stata's regress, every variance and F", {
  m <- fe_lm(mpg ~ hp, mtcars_single(), vcov = "iid")
  expect_stata(m, c(.0001024, 2.669698, 45.459797), c(7, 6, 6))
  expect_stata(summary(m, "HC1"), c(.00018388, 4.3123302, 25.315348), c(8, 7, 6))
  expect_stata(summary(m, "HC2"), c(.00021652, 4.8093019, 21.499286), c(8, 7, 6))
  expect_stata(summary(m, "HC3"), c(.00027562, 5.8084222, 16.889294), c(8, 7, 6))
  expect_stata(summary(m, ~cyl), c(.00034882, 14.922475, 13.345142), c(8, 6, 6))
})

test_that("mtcars: Stata's regress with analytic weights", {
  m <- fe_lm(mpg ~ hp, mtcars_single(), weights = weight, vcov = "iid")
  expect_stata(m, c(.00009984, 2.4918295, 48.196413), c(8, 7, 6))
  expect_stata(summary(m, "HC1"), c(.00017632, 4.0902569, 27.29069), c(8, 7, 5))
  expect_stata(summary(m, ~cyl), c(.00031337, 13.155473, 15.355597), c(8, 6, 6))
})

# Stata's leverages are those of a row of average weight, ours (as lm's) those of the row itself.
test_that("mtcars: Stata's weighted HC2 and HC3 follow from the leverages of an average weight", {
  d <- mtcars_single()
  m <- fe_lm(mpg ~ hp, d, weights = weight)
  h <- hatvalues(m) / d$weight * mean(d$weight)
  V <- function(power) {
    S <- model.matrix(m) * d$weight * residuals(m) / (1 - h)^power
    diag(m$bread %*% crossprod(S) %*% m$bread)
  }
  expect_printed(V(1 / 2), c(4.5180983, .00020717), c(7, 8))
  expect_printed(V(1), c(5.4069309, .00026334), c(7, 8))
})

test_that("mtcars: Stata's areg, with and without analytic weights", {
  fit <- function(...) {
    fe_lm(mpg ~ hp | carb, mtcars_single(), vcov = "iid", singletons = "keep", ssc = "areg", ...)
  }
  m <- fit()
  expect_stata(m, c(.00024844, 20.439199), c(8, 6))
  expect_stata(summary(m, "HC1"), c(.00018026, 28.169159), c(8, 6))
  expect_stata(summary(m, ~cyl), c(.00021845, 23.24499), c(8, 5))
  weighted <- fit(weights = weight)
  expect_stata(weighted, c(.00023978, 20.31818), c(8, 5))
  expect_stata(summary(weighted, "HC1"), c(.00019399, 25.11446), c(8, 5))
  expect_stata(summary(weighted, ~cyl), c(.00018777, 25.946624), c(8, 6))
})
