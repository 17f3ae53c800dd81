unbalanced <- function() {
  set.seed(4)
  d <- expand.grid(unit = 1:9, year = 1:7)
  d <- d[-sample(nrow(d), 12), ]
  d$x <- rnorm(nrow(d)) + d$unit / 4
  d$y <- d$x + d$unit + d$year / 3 + rnorm(nrow(d))
  d$w <- runif(nrow(d), 0.5, 2)
  d
}

test_that("predictions and their errors equal those of lm() with dummies", {
  d <- unbalanced()
  m <- fe_lm(y ~ poly(x, 2) | unit + year, d, vcov = "iid", weights = ~w)
  l <- lm(y ~ poly(x, 2) + factor(unit) + factor(year), d, weights = w)
  new <- data.frame(unit = c(1, 3, 9), year = c(7, 2, 2), x = c(-1, 0.5, 2))
  ours <- predict(m, new, se.fit = TRUE)
  theirs <- predict(l, new, se.fit = TRUE)
  expect_equal(ours$fit, unname(theirs$fit), tolerance = 1e-9)
  expect_equal(ours$se.fit, unname(theirs$se.fit), tolerance = 1e-9)
  expect_equal(unname(predict(m, new, interval = "confidence")),
               unname(predict(l, new, interval = "confidence")), tolerance = 1e-9)
  expect_equal(unname(predict(m, new, interval = "prediction")),
               unname(suppressWarnings(predict(l, new, interval = "prediction"))), tolerance = 1e-9)
})

test_that("the error of a prediction follows the model's own variance", {
  skip_if_not_installed("sandwich")
  d <- unbalanced()
  m <- fe_lm(y ~ x | unit + year, d, vcov = "HC1")
  l <- lm(y ~ x + factor(unit) + factor(year), d)
  new <- data.frame(unit = 2, year = 3, x = 1)
  g <- model.matrix(delete.response(terms(l)), new,
                    xlev = list(`factor(unit)` = 1:9, `factor(year)` = 1:7))
  expect_equal(predict(m, new, se.fit = TRUE)$se.fit,
               sqrt(drop(g %*% sandwich::vcovHC(l, "HC1") %*% t(g))), tolerance = 1e-9)
})

test_that("without new data the fitted values come back, offset included", {
  d <- unbalanced()
  m <- fe_lm(y ~ x + offset(year / 2) | unit, d)
  expect_equal(predict(m), fitted(m), tolerance = 1e-10)
  expect_equal(predict(m, d), fitted(m), tolerance = 1e-10)
  plain <- fe_lm(mpg ~ wt + factor(cyl), mtcars)
  expect_equal(predict(plain, mtcars[1:4, ]),
               unname(predict(lm(mpg ~ wt + factor(cyl), mtcars), mtcars[1:4, ])),
               tolerance = 1e-10)
})

test_that("unknown levels are an error, or NA on request", {
  m <- fe_lm(y ~ x | unit + year, unbalanced())
  new <- data.frame(unit = c(1, 99), year = 1, x = 0)
  expect_error(predict(m, new), "\"99\", in row 2", class = "fe_error")
  expect_identical(is.na(predict(m, new, new_levels = "NA")), c(FALSE, TRUE))
  expect_error(predict(m, data.frame(unit = 1, year = 1)), "\"x\"", class = "fe_error")
})

test_that("sums of effects that no observations connect are not made up", {
  d <- data.frame(a = c(1, 1, 2, 2, 3, 3, 4, 4), b = c(1, 2, 1, 2, 3, 4, 3, 4),
                  x = c(1, 3, 2, 5, 1, 2, 4, 4))
  d$y <- d$x + d$a + c(.1, -.2, 0, .1, .3, -.1, 0, 0)
  m <- fe_lm(y ~ x | a + b, d)
  expect_warning(p <- predict(m, data.frame(a = c(1, 1), b = c(2, 4), x = 0)), "row 2")
  expect_identical(is.na(p), c(FALSE, TRUE))
})

test_that("augment() aligns with data that have missing rows", {
  d <- unbalanced()
  d$x[5] <- NA
  m <- fe_lm(y ~ x | unit, d)
  a <- augment(m)
  expect_identical(nrow(a), nrow(d))
  expect_identical(which(is.na(a$.fitted)), 5L)
  expect_equal(a$.fitted[-5] + a$.resid[-5], d$y[-5], tolerance = 1e-12)
})
