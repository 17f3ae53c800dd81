# Parts of a sample against fits of their rows.

split_data <- function() {
  d <- random_panel(5)
  d$late <- d$time > 2003
  d$g <- c(3, 1, NA, 2)[d$unit %% 4L + 1L]
  d
}

test_that("fsplit puts the model of all known rows first, as fixest does", {
  d <- split_data()
  m <- fe_lm(y ~ x1 | time, d, fsplit = ~g)
  expect_equal(unname(vapply(as.list(m), function(m) m$split, "")),
               c("Full sample", "g = 1", "g = 2", "g = 3"))
  expect_equal(coef(m[[1]])[["x1"]], coef(fe_lm(y ~ x1 | time, d[!is.na(d$g), ]))[["x1"]])
  expect_equal(coef(m[[3]])[["x1"]], coef(fe_lm(y ~ x1 | time, d, subset = g == 2))[["x1"]])
  skip_if_not_installed("fixest")
  peer <- fixest::feols(y ~ x1 | time, d, fsplit = ~g, notes = FALSE)
  expect_equal(vapply(as.list(m), function(m) coef(m)[["x1"]], 0, USE.NAMES = FALSE),
               vapply(seq_along(as.list(m)), function(j) coef(peer[[j]])[["x1"]], 0),
               tolerance = 1e-7)
})

test_that("several variables give the parts of each, a power their combinations", {
  d <- split_data()
  apart <- fe_lm(y ~ x1 | time, d, split = ~late + g)
  expect_equal(unname(vapply(as.list(apart), `[[`, "", "split")),
               c("late = FALSE", "late = TRUE", "g = 1", "g = 2", "g = 3"))
  both <- fe_lm(y ~ x1 | time, d, split = ~late^g)
  expect_equal(both[[6]]$split, "late = TRUE, g = 3")
  expect_equal(coef(both[[6]])[["x1"]],
               coef(fe_lm(y ~ x1 | time, d, subset = late & g %in% 3))[["x1"]])
  expect_equal(names(fe_lm(y ~ x1 | time, d, split = c("late", "g"))), names(apart))
})

test_that("expressions, vectors, factors and subsets", {
  d <- split_data()
  m <- fe_lm(y ~ x1 | time, d, split = ~(x2 > 120))
  expect_equal(m[[2]]$split, "x2 > 120 = TRUE")
  f <- factor(d$late, c(TRUE, FALSE), c("late", "early"))
  expect_equal(fe_lm(y ~ x1 | unit, d, split = f)[[1]]$split, "f = late")
  one <- fe_lm(y ~ x1 | unit, d, split = ~late, subset = late)
  expect_equal(one$split, "late = TRUE")
  kept <- update(fe_lm(y ~ x1 | unit, d, fsplit = ~late)[[2]], . ~ . + x2)
  expect_equal(coef(kept), coef(fe_lm(y ~ x1 + x2 | unit, d, subset = !late)))
})

test_that("what is no split is refused", {
  d <- split_data()
  expect_error(fe_lm(y ~ x1, d, split = ~late, fsplit = ~g), "beside `split`")
  expect_error(fe_lm(y ~ x1, d, split = ~late:g), "joins variables by `:`")
  expect_error(fe_lm(y ~ x1, d, split = 1:3), "one value for each")
  expect_error(fe_lm(y ~ x1, d, fsplit = "nope"), "`fsplit` names")
  expect_error(fe_lm(y ~ x1, d, split = ~nope), "cannot be evaluated")
})

test_that("raw bytes are no parts of a sample", {
  d <- data.frame(y = c(1, 3, 2, 5), x = c(2, 1, 4, 3), r = as.raw(c(1, 1, 2, 2)))
  expect_error(fe_lm(y ~ x, d, split = ~r), "one value for each", class = "fe_error")
})
