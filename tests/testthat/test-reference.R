# Numbers printed by Stata, in books and by the authors of data sets, to the printed digits.
se <- function(m, ...) unname(sqrt(diag(vcov(m, ...))))

test_that("Grunfeld: one-way within estimates of Baltagi and the constant of xtreg, fe", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  m <- fe_lm(inv ~ value + capital | firm, Grunfeld, vcov = "iid", intercept = "within")
  expect_printed(coef(m)[c("value", "capital")], c(.1101238, .3100653), 7)
  expect_printed(se(m)[-1], c(.0118567, .0173545), 7)
  expect_printed(coef(m)[1], -58.743939, 6)
  expect_printed(se(m)[1], 12.453692, 6)
  expect_printed(se(m, "HC1")[1], 23.374219, 6)
  expect_printed(se(m, ~firm, ssc = "xtreg")[1], 27.602865, 6)
  expect_printed(se(m, ~firm, ssc = "areg")[1], 28.255848, 6)
})

test_that("Grunfeld: the constants of two-way models, four ways", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  fit <- function(constant) {
    fe_lm(inv ~ value + capital | firm + year, Grunfeld, vcov = "iid", intercept = constant)
  }
  within <- fit("within")
  expect_printed(c(coef(within)[1], se(within)[1], se(within, "HC1")[1]),
                 c(-32.836317, 18.875328, 22.591067), 6)
  expect_printed(c(se(within, ~firm)[1], se(within, ~firm, ssc = "areg")[1]),
                 c(19.782595, 20.302519), 6)
  mean <- fit("mean")
  expect_printed(c(coef(mean)[1], se(mean)[1], se(mean, "HC1")[1]),
                 c(-80.163795, 14.844022, 25.391962), 6)
  expect_printed(se(mean, ~firm, ssc = "reghdfe")[1], 22.1916, 4)
  expect_printed(se(mean, ~firm, ssc = "areg")[1], 22.774837, 6)
  lsdv <- fit("lsdv")
  expect_printed(c(coef(lsdv)[1], se(lsdv)[1], se(lsdv, "HC1")[1]),
                 c(-86.900230, 56.046633, 75.436007), 6)
})

test_that("Grunfeld: R squared, its adjustments and Stata's clustered standard error", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  m <- fe_lm(inv ~ value + capital | firm + year, Grunfeld)
  expect_printed(glance(m)$adj.r.squared, .943118, 6)
  expect_printed(glance(m)$within.r.squared, .720145, 6)
  capital <- fe_lm(inv ~ capital | firm + year, Grunfeld, vcov = ~firm)
  expect_printed(se(capital), .06328129, 8)
})

test_that("Cigar: Stata's regress, areg and reghdfe", {
  skip_if_not_installed("plm")
  data("Cigar", package = "plm", envir = environment())
  pooled <- fe_lm(sales ~ price, Cigar, vcov = "iid")
  expect_printed(se(pooled), c(1.521269, .0188963), c(6, 7))
  expect_printed(se(pooled, "HC1"), c(1.686791, .0167042), c(6, 7))
  expect_printed(se(pooled, ~state)[2], .0379228, 7)
  expect_printed(se(pooled, ~state + year), c(6.196362, .0403469), c(6, 7))
  areg <- fe_lm(sales ~ price | state, Cigar, vcov = "iid")
  expect_printed(se(areg), .0098003, 7)
  expect_printed(se(areg, "HC1"), .0110005, 7)
  expect_printed(se(areg, ~year, ssc = "areg"), .0220563, 7)
  expect_printed(se(areg, ~year, ssc = "reghdfe"), .0220563, 7)
  expect_printed(se(areg, ~state, ssc = "reghdfe"), .0357498, 7)
  expect_printed(se(areg, ~state + year, ssc = "reghdfe"), .0405335, 7)
  expect_printed(glance(pooled)$statistic, 147.82425, 5)
  expect_printed(glance(areg)$statistic, 458.45825, 5)
  two <- glance(fe_lm(sales ~ price + pimin | state, Cigar))
  expect_printed(c(two$r.squared, two$adj.r.squared), c(.77472, .766768), c(5, 6))
})

test_that("Fatalities: Stock and Watson, chapter 10", {
  skip_if_not_installed("AER")
  data("Fatalities", package = "AER", envir = environment())
  d <- transform(Fatalities, rate = fatal / pop * 10000)
  pooled <- fe_lm(rate ~ beertax, d)
  expect_printed(coef(pooled)[2], .36, 2)
  for (at in c("1982", "1988")) {
    one <- fe_lm(rate ~ beertax, d, subset = year == at)
    book <- list(`1982` = c(2.01, .15, .15, .13), `1988` = c(1.86, .44, .11, .13))[[at]]
    expect_printed(c(coef(one), se(one)), book, 2)
  }
  state <- fe_lm(rate ~ beertax | state, d)
  expect_printed(c(coef(state), se(state), se(state, ~state)), c(-.655874, .2033, .2919),
                 c(6, 4, 4))
  both <- fe_lm(rate ~ beertax | state + year, d)
  expect_printed(c(coef(both), se(both), se(both, ~state)), c(-.639980, .254715, .357078), 6)
  expect_printed(coef(both) / c(se(both), se(both, ~state)), c(-2.5125, -1.7923), 4)
})

test_that("Petersen's test data: White, one-way and two-way clustered standard errors", {
  skip_if_not_installed("sandwich")
  data("PetersenCL", package = "sandwich", envir = environment())
  m <- fe_lm(y ~ x, PetersenCL, vcov = "iid")
  expect_printed(coef(m), c(.0297, 1.0348), 4)
  expect_printed(se(m), c(.0284, .0286), 4)
  expect_printed(se(m, "HC1"), c(.0284, .0284), 4)
  expect_printed(se(m, ~firm), c(.0670, .0506), 4)
  expect_printed(se(m, ~year), c(.0234, .0334), 4)
  expect_printed(se(m, ~firm + year, ssc = fe_ssc(G.df = "conventional")), c(.0651, .0536), 4)
  expect_printed(se(m, ~firm + year), c(.0681, .0553), 4)
  expect_printed(glance(m)$r.squared, .2078, 4)
})

test_that("mtcars: variances of Stata's regress and areg, with and without weights", {
  V <- function(m, ...) unname(vcov(m, ...)["hp", "hp"])
  reg <- fe_lm(mpg ~ hp, mtcars, vcov = "iid")
  expect_printed(V(reg), .0001024, 7)
  expect_printed(vcov(reg)[1, 1], 2.669698, 6)
  expect_printed(c(V(reg, "HC1"), V(reg, "HC2"), V(reg, "HC3")), c(.00018388, .00021652, .00027562),
                 8)
  expect_printed(V(reg, ~cyl), .00034882, 8)
  expect_equal(vcov_df(reg, ~cyl), 2)
  areg <- fe_lm(mpg ~ hp | carb, mtcars, vcov = "iid", singletons = "keep")
  expect_printed(c(V(areg), V(areg, "HC1")), c(.00024844, .00018026), 8)
  expect_printed(V(areg, ~cyl, ssc = "areg"), .00021845, 8)
  weighted <- fe_lm(mpg ~ hp | carb, mtcars, vcov = "iid", weights = drat / 5, singletons = "keep")
  expect_printed(c(V(weighted), V(weighted, "HC1")), c(.00023978, .00019399), 8)
  expect_printed(V(weighted, ~cyl, ssc = "areg"), .00018777, 8)
})
