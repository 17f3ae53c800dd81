# A panel with a common unit part, gaps and missing values.
correlated <- function() {
  set.seed(21)
  d <- data.frame(unit = rep(1:12, each = 6))
  common <- rnorm(12)[d$unit]
  d$a <- common + rnorm(72)
  d$b <- 0.5 * d$a - common + rnorm(72)
  d$c <- rexp(72)
  d$region <- (d$unit - 1) %/% 3
  d$b[c(3, 20)] <- NA
  d$c[5] <- Inf
  d[-c(10, 44), ]
}
abc <- c("a", "b", "c")

test_that("correlations and their tests equal cor.test, pair by pair", {
  d <- correlated()
  table <- fe_correlate(d, abc)
  d$c[is.infinite(d$c)] <- NA
  for (k in 1:3) {
    oracle <- cor.test(d[[table$x[k]]], d[[table$y[k]]])
    expect_equal(table$estimate[k], unname(oracle$estimate), tolerance = 1e-12)
    expect_equal(table$statistic[k], unname(oracle$statistic), tolerance = 1e-10)
    expect_equal(c(table$df[k], table$p.value[k]), c(oracle$parameter[[1]], oracle$p.value))
  }
  expect_equal(as.matrix(table), cor(d[abc], use = "pairwise"), tolerance = 1e-12)
  expect_equal(table$nobs, c(68, 69, 67))
})

test_that("complete rows and ranks", {
  d <- correlated()
  d$c[is.infinite(d$c)] <- NA
  expect_equal(as.matrix(fe_correlate(d, abc, use = "complete")), cor(na.omit(d[abc])),
               tolerance = 1e-12)
  rank <- fe_correlate(d, ~ a + c, method = "spearman")
  both <- d[!is.na(d$c), ]
  oracle <- cor.test(rank(both$a), rank(both$c))
  expect_equal(c(rank$estimate, rank$p.value), c(oracle$estimate[[1]], oracle$p.value))
})

test_that("within and between follow regressions on dummies and on means", {
  d <- correlated()
  within <- fe_correlate(d, c("a", "b"), type = "within", id = "unit")
  slope <- summary(lm(b ~ a + factor(unit), d))
  expect_equal(within$statistic, slope$coefficients["a", "t value"], tolerance = 1e-10)
  expect_equal(within$df, slope$df[2])
  both <- d[!is.na(d$b), ]
  means <- aggregate(both[c("a", "b")], both["unit"], mean)
  between <- fe_correlate(d, c("a", "b"), type = "between", id = ~unit)
  oracle <- cor.test(means$a, means$b)
  expect_equal(c(between$estimate, between$p.value), c(oracle$estimate[[1]], oracle$p.value),
               tolerance = 1e-12)
  expect_equal(between$nobs, 12)
})

test_that("the clustered standard error is the delta method on the moments", {
  d <- na.omit(correlated()[c("unit", "a", "b")])
  table <- fe_correlate(d, c("a", "b"), cluster = "unit")
  moments <- function(d) cbind(d$a, d$b, d$a^2, d$b^2, d$a * d$b)
  r_of <- function(m) {
    (m[5] - m[1] * m[2]) / sqrt((m[3] - m[1]^2) * (m[4] - m[2]^2))
  }
  at <- colMeans(moments(d))
  gradient <- vapply(1:5, function(j) {
    h <- replace(numeric(5), j, 1e-6)
    (r_of(at + h) - r_of(at - h)) / 2e-6
  }, 0)
  sums <- rowsum(sweep(moments(d), 2, at) %*% gradient, d$unit)
  expect_equal(table$std.error, sqrt(sum(sums^2) * 12 / 11) / nrow(d), tolerance = 1e-6)
  expect_equal(table$df, 11)
  within <- fe_correlate(d, c("a", "b"), type = "within", id = "unit", cluster = "unit")
  d[c("a", "b")] <- lapply(d[c("a", "b")], function(v) v - ave(v, d$unit))
  expect_equal(within$std.error, fe_correlate(d, c("a", "b"), cluster = "unit")$std.error)
})

test_that("constants, few rows and variables without variation within units give NA", {
  d <- data.frame(unit = rep(1:3, each = 2), a = c(1, 2, 4, 3, 5, 9), k = 1,
                  between = rep(0.1 * 1:3, each = 2), few = c(1, NA, NA, NA, NA, 2))
  table <- fe_correlate(d, c("a", "k", "few"))
  expect_identical(table$p.value[table$x == "k" | table$y == "k"], c(NA_real_, NA_real_))
  expect_true(all(is.na(table$estimate)))
  within <- fe_correlate(d, c("a", "between"), type = "within", id = "unit")
  expect_identical(within$estimate, NA_real_)
  expect_output(print(within), "within unit")
})

test_that("the lower triangle is printed with stars, and becomes a table", {
  d <- correlated()
  d$copy <- d$a + 1e-3 * d$c
  table <- fe_correlate(d, c("a", "copy", "c"), labels = c(copy = "Copy of a"), digits = 2)
  text <- format(table)
  expect_identical(text$Variable, c("(1) a", "(2) Copy of a", "(3) c"))
  expect_identical(text[["(1)"]][1:2], c("1.00", "1.00***"))
  expect_identical(text[["(3)"]][1:2], c("", ""))
  expect_output(print(table), "Correlations: 69 rows; p-values.*p < 0.01")
  expect_false(any(grepl("*", format(fe_correlate(d, abc, stars = FALSE))[["(1)"]], fixed = TRUE)))
  expect_identical(names(tidy(table)), c("x", "y", "estimate", "statistic", "df", "p.value",
                                         "nobs"))
})

test_that("bad input is refused with the argument and the remedy", {
  d <- correlated()
  expect_error(fe_correlate(d, "a"), "`vars`.*at least 2", class = "fe_error")
  expect_error(fe_correlate(d, abc, type = "within"), "`type`.*unit.*`id`", class = "fe_error")
  expect_error(fe_correlate(d, abc, method = "kendall"), "`method`", class = "fe_error")
  expect_error(fe_correlate(d, abc, method = "spearman", cluster = "unit"), "`method`.*clusters",
               class = "fe_error")
  expect_error(fe_correlate(d, abc, use = "all"), "`use`", class = "fe_error")
  expect_error(fe_correlate(d, abc, "between", id = "region", cluster = "unit"),
               "`cluster`.*varies within region", class = "fe_error")
  expect_error(fe_correlate(d, abc, cluster = "nope"), "`cluster`.*\"nope\"", class = "fe_error")
})
