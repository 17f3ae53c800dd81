# Stata's regress and areg on mtcars, as the tests of estimatr store them. Stata held these data in
# single precision, which shows in the last printed digits.
single <- function(x) readBin(writeBin(x, raw(), size = 4L), "double", length(x), size = 4L)

mtcars_single <- function() {
  transform(mtcars, mpg = single(mpg), weight = single(single(drat) / 5))
}

# Variances of hp and of the constant (if there is one), and F. variances: by the words for them.
stata_rows <- function(source, m, variances, printed) {
  ours <- lapply(variances, function(v) {
    s <- summary(m, v)
    V <- diag(vcov(s))
    c(V[["hp"]], if ("(Intercept)" %in% names(V)) V[["(Intercept)"]], glance(s)$statistic)
  })
  parts <- if (length(ours[[1L]]) == 3L) c("V hp", "V _cons", "F") else c("V hp", "F")
  compare(source, paste0(rep(parts, length(ours)), ", ", rep(names(variances), lengths(ours))),
          printed, unlist(ours))
}

variances <- list(classical = "iid", robust = "HC1", HC2 = "HC2", HC3 = "HC3", `by cyl` = ~cyl)

stata_regress <- function(d) {
  plain <- fe_lm(mpg ~ hp, d)
  weighted <- fe_lm(mpg ~ hp, d, weights = weight)
  rbind(
    stata_rows("Stata: regress", plain, variances, c(
      ".0001024", "2.669698", "45.459797", ".00018388", "4.3123302", "25.315348", ".00021652",
      "4.8093019", "21.499286", ".00027562", "5.8084222", "16.889294", ".00034882", "14.922475",
      "13.345142")),
    compare("Stata: regress", "df of t, by cyl", "2", summary(plain, ~cyl)$vcov_info$df),
    stata_rows("Stata: regress with aweights", weighted, variances[c(1, 2, 5)], c(
      ".00009984", "2.4918295", "48.196413", ".00017632", "4.0902569", "27.29069", ".00031337",
      "13.155473", "15.355597")),
    average_weight(weighted, d))
}

# Stata's leverages are those of a row of average weight, ours, as lm's, those of the row itself.
average_weight <- function(m, d) {
  h <- hatvalues(m) / d$weight * mean(d$weight)
  V <- function(power) {
    S <- stats::model.matrix(m) * d$weight * residuals(m) / (1 - h)^power
    diag(m$bread %*% crossprod(S) %*% m$bread)
  }
  compare("Stata: regress with aweights", paste("V", c("_cons, HC2", "hp, HC2", "_cons, HC3",
                                                       "hp, HC3")),
          c("4.5180983", ".00020717", "5.4069309", ".00026334"), c(V(1 / 2), V(1)),
          note = "with its leverages, those of an average weight, put in by hand")
}

stata_areg <- function(d) {
  fit <- function(...) fe_lm(mpg ~ hp | carb, d, singletons = "keep", ssc = "areg", ...)
  rbind(
    stata_rows("Stata: areg, absorb(carb)", fit(), variances[c(1, 2, 5)], c(
      ".00024844", "20.439199", ".00018026", "28.169159", ".00021845", "23.24499")),
    stata_rows("Stata: areg with aweights", fit(weights = weight), variances[c(1, 2, 5)], c(
      ".00023978", "20.31818", ".00019399", "25.11446", ".00018777", "25.946624")))
}

group <- list(
  title = "mtcars: Stata's regress and areg, with and without weights",
  needs = character(),
  run = function() {
    d <- mtcars_single()
    rbind(stata_regress(d), stata_areg(d))
  })
