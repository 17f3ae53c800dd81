groups_data <- function() {
  set.seed(8)
  d <- data.frame(unit = rep(1:20, each = 4), year = rep(1:4, 20))
  d$treated <- d$unit > 12
  d$a <- rnorm(80) + 0.4 * d$treated
  d$b <- rexp(80)
  d$b[c(2, 70)] <- c(NA, Inf)
  d$size <- ifelse(d$unit < 8, "small", ifelse(d$unit < 15, "mid", "large"))
  d
}

test_that("the difference is Welch's, the measures those of the raw values", {
  d <- groups_data()
  table <- fe_balance(d, "treated", c("a", "b"))
  d$b[is.infinite(d$b)] <- NA
  for (k in 1:2) {
    x <- split(d[[table$variable[k]]], d$treated)
    welch <- t.test(x[["TRUE"]], x[["FALSE"]])
    s <- vapply(x, sd, 0, na.rm = TRUE)
    gap <- -diff(rev(vapply(x, mean, 0, na.rm = TRUE)))
    expect_equal(table$difference[k], unname(gap), tolerance = 1e-10)
    expect_equal(table$std.error[k], welch$stderr, tolerance = 1e-10)
    expect_equal(table$norm_diff[k], unname(gap) / sqrt(mean(s^2)), tolerance = 1e-10)
    expect_equal(table$log_sd_ratio[k], unname(log(s[2] / s[1])))
    expect_equal(table$sd_reference[k], s[["FALSE"]])
  }
  expect_equal(table$n_reference, c(48, 47))
  expect_equal(table$df, c(78, 76))
})

test_that("clusters and fixed effects are those of the regression on the indicator", {
  skip_if_not_installed("sandwich")
  d <- groups_data()
  table <- fe_balance(d, "treated", "a", cluster = "unit", fixef = "year")
  oracle <- lm(a ~ treated + factor(year), d)
  V <- sandwich::vcovCL(oracle, ~unit, type = "HC1")
  expect_equal(table$difference, coef(oracle)[["treatedTRUE"]], tolerance = 1e-10)
  expect_equal(table$std.error, sqrt(V["treatedTRUE", "treatedTRUE"]), tolerance = 1e-10)
  expect_equal(table$df, 19)
})

test_that("the joint test is the F test of the indicator on all variables", {
  d <- groups_data()
  table <- fe_balance(d, "treated", c("a", "b"), vcov = "iid")
  d$b[is.infinite(d$b)] <- NA
  f <- summary(lm(treated ~ a + b, d))$fstatistic
  joint <- glance(table)
  expect_equal(c(joint$statistic, joint$df1, joint$df2), unname(f), tolerance = 1e-10)
  expect_equal(joint$p.value, pf(f[[1]], 2, f[[3]], lower.tail = FALSE), tolerance = 1e-10)
  expect_equal(joint$nobs, 78)
  expect_output(print(table), "Joint test: F\\(2, 75\\)")
})

test_that("several groups are compared with the reference", {
  d <- groups_data()
  d$size[1] <- NA
  table <- fe_balance(d, ~size, "a", reference = "small")
  expect_identical(table$group, c("large", "mid"))
  x <- split(d$a, d$size)
  expect_equal(table$difference, c(mean(x$large), mean(x$mid)) - mean(x$small))
  expect_true(is.na(glance(table)$statistic))
  expect_output(print(table), "1 rows without a group")
})

test_that("what does not vary has no test", {
  d <- groups_data()
  d$k <- 3
  d$same <- as.numeric(d$treated)
  table <- fe_balance(d, "treated", c("k", "same"), joint = FALSE)
  expect_equal(table$difference, c(0, 1))
  expect_identical(table$std.error, c(NA_real_, NA_real_))
  expect_identical(table$norm_diff, c(NA_real_, NA_real_))
})

test_that("text, tidy and figure", {
  d <- groups_data()
  table <- fe_balance(d, "treated", c("a", "b"), labels = c(a = "First"), digits = 2)
  expect_identical(format(table)$Variable, c("First", "b"))
  expect_identical(names(tidy(table))[c(1, 9)], c("term", "estimate"))
  skip_if_not_installed("ggplot2")
  expect_setequal(ggplot2::layer_data(plot(table), 3L)$x, table$norm_diff)
})

test_that("bad input is refused with the argument and the remedy", {
  d <- groups_data()
  expect_error(fe_balance(d), "`group` is missing", class = "fe_error")
  expect_error(fe_balance(d[d$treated, ], "treated", "a"), "`group`.*one value", class = "fe_error")
  d$many <- seq_len(nrow(d))
  expect_error(fe_balance(d, "many", "a"), "`group`.*80 values", class = "fe_error")
  expect_error(fe_balance(d, "size", "a", reference = "tiny"), "`reference`", class = "fe_error")
  expect_error(fe_balance(d, "size", "a", vcov = "HC1", cluster = "unit"), "`cluster`",
               class = "fe_error")
  expect_error(fe_balance(d, "treated", "size"), "`vars`.*\"size\"", class = "fe_error")
  expect_error(fe_balance(d, "treated", c("a", "treated")), "`vars`.*group", class = "fe_error")
})
