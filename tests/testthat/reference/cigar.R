# Cigarette sales in 46 states: Stata's regress, areg, reghdfe and ivreg2, as the tests of
# FixedEffectModels.jl store them.
cigar_se <- function(d) {
  pooled <- fe_lm(sales ~ price, d, vcov = "iid")
  areg <- fe_lm(sales ~ price | state, d, vcov = "iid")
  rbind(
    compare("Stata: regress", paste("SE", c("_cons", "price", "_cons, robust", "price, robust",
                                            "price, by state")),
            c("1.521269", ".0188963", "1.686791", ".0167042", ".0379228"),
            c(se_of(pooled), se_of(pooled, "HC1"), se_of(pooled, ~state)[2L])),
    compare("Stata: ivreg2, two-way", paste("SE", c("_cons", "price"), "by state and year"),
            c("6.196362", ".0403469"), se_of(pooled, ~state + year)),
    compare("Stata: areg", paste("SE price", c("", "robust", "by year")),
            c(".0098003", ".0110005", ".0220563"),
            c(se_of(areg), se_of(areg, "HC1"), se_of(areg, ~year, ssc = "areg"))),
    compare("Stata: reghdfe", paste("SE price", c("by year", "by state", "by state and year")),
            c(".0220563", ".0357498", ".0405335"),
            c(se_of(areg, ~year, ssc = "reghdfe"), se_of(areg, ~state, ssc = "reghdfe"),
              se_of(areg, ~state + year, ssc = "reghdfe"))))
}

cigar_fit <- function(d) {
  pooled <- fe_lm(sales ~ price, d, vcov = "iid")
  areg <- fe_lm(sales ~ price | state, d, vcov = "iid")
  two <- glance(fe_lm(sales ~ price + pimin | state, d))
  rbind(
    compare("Stata: regress", c("F", "F by state"), c("147.82425", "36.70275"),
            c(glance(pooled)$statistic, fe_wald(pooled, vcov = ~state)$statistic)),
    compare("Stata: areg", c("F", "R2", "adjusted R2"), c("458.45825", ".77472", ".766768"),
            c(glance(areg)$statistic, two$r.squared, two$adj.r.squared)))
}

first_stages <- function(d) {
  F <- function(formula) {
    found <- tidy(fe_iv_tests(fe_lm(formula, d)))
    found$statistic[found$test == "Kleibergen-Paap Wald F"]
  }
  source <- "Stata: ivreg2, Kleibergen-Paap F"
  last <- "the last digit is cut off there, not rounded"
  rbind(
    compare(source, c("price ~ pimin", "price ~ pimin, within states", "price ~ pimin, given cpi"),
            c("23160.06350", "37662.82808", "2093.46609"),
            c(F(sales ~ 1 | price ~ pimin), F(sales ~ 1 | state | price ~ pimin),
              F(sales ~ cpi | price ~ pimin)), c(9, 9, 8), note = last),
    compare(source, "price ~ pimin + cpi", "16418.21196",
            F(sales ~ 1 | price ~ pimin + cpi) * 1378 / 1377,
            note = "times 1378/1377: there K counts one instrument, here both"))
}

group <- list(
  title = "Cigar: Stata's regress, areg, reghdfe, ivreg2",
  needs = "plm",
  run = function() {
    d <- data_of("Cigar", "plm")
    rbind(cigar_se(d), cigar_fit(d), first_stages(d))
  })
