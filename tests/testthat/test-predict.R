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

test_that("poly(), scale() and splines keep the basis of the fit where rows are left out", {
  d <- unbalanced()
  d$y[c(2, 5)] <- NA
  d$w[7] <- 0
  for (term in c("poly(x, 2)", "scale(x)", "splines::ns(x, 3)", "poly(x, 2):year")) {
    for (effects in c("", " | unit")) {
      m <- fe_lm(paste0("y ~ ", term, effects), d, vcov = "iid", weights = ~w, subset = year > 1)
      expect_equal(predict(m), fitted(m), tolerance = 1e-10)
      expect_equal(predict(m, d[20:22, ]), fitted(m)[fe_rows(m)$row[fe_rows(m)$used] %in% 20:22],
                   tolerance = 1e-10)
      l <- lm(paste0("y ~ ", term, if (nzchar(effects)) " + factor(unit)"), d, weights = w,
              subset = year > 1)
      new <- data.frame(unit = c(1, 3, 9), year = 2, x = c(-1, 0.5, 2))
      ours <- predict(m, new, se.fit = TRUE)
      theirs <- predict(l, new, se.fit = TRUE)
      expect_equal(ours$fit, unname(theirs$fit), tolerance = 1e-8)
      expect_equal(ours$se.fit, unname(theirs$se.fit), tolerance = 1e-8)
    }
  }
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

test_that("errors of predictions are those of lm() for rows of the fit, of one to three factors", {
  d <- unbalanced()
  d$g <- rep_len(letters[1:3], nrow(d))
  formulas <- list(y ~ x | unit, y ~ x | unit + year, y ~ x | unit + year + g)
  dummies <- list(y ~ x + factor(unit), y ~ x + factor(unit) + factor(year),
                  y ~ x + factor(unit) + factor(year) + g)
  for (f in 1:3) {
    theirs <- unname(predict(lm(dummies[[f]], d, weights = w), se.fit = TRUE)$se.fit)
    m <- fe_lm(formulas[[f]], d, vcov = "iid", weights = ~w)
    expect_equal(predict(m, se.fit = TRUE)$se.fit, theirs, tolerance = 1e-9)
    expect_equal(predict(m, d, se.fit = TRUE)$se.fit, theirs, tolerance = 1e-9)
  }
})

test_that("rows that share their levels share a solve and keep their own regressors", {
  d <- unbalanced()
  m <- fe_lm(y ~ poly(x, 2) | unit, d, vcov = ~year, ssc = "sandwich.HC1")
  l <- lm(y ~ poly(x, 2) + factor(unit), d)
  skip_if_not_installed("sandwich")
  X <- model.matrix(l)
  V <- sandwich::vcovCL(l, d$year, type = "HC1")
  expect_equal(predict(m, se.fit = TRUE)$se.fit, unname(sqrt(rowSums((X %*% V) * X))),
               tolerance = 1e-9)
})

test_that("unknown levels of a factor regressor are named, or NA on request", {
  d <- unbalanced()
  d$g <- rep_len(letters[1:3], nrow(d))
  new <- d[1:3, ]
  new$g[2] <- "zz"
  new$year[3] <- 1999
  for (m in list(fe_lm(y ~ x + g + factor(year) | unit, d),
                 fe_lm(y ~ x + g + i(year, ref = 2) | unit, d))) {
    expect_error(predict(m, new), "`g` not seen in the fit, \"zz\", in row 2", class = "fe_error")
    expect_error(predict(m, new[-2, ]), "year.*\"1999\", in row 2", class = "fe_error")
    expect_identical(is.na(predict(m, new, new_levels = "NA")), c(FALSE, TRUE, TRUE))
    expect_equal(predict(m, new, new_levels = "NA")[1L], fitted(m)[1L], tolerance = 1e-10)
  }
})

test_that("a regressor that has become text is refused by name", {
  m <- fe_lm(y ~ x | unit, unbalanced())
  expect_error(predict(m, data.frame(unit = 1, x = "1")), "`x` as \"1\"", class = "fe_error")
})

test_that("no new rows give no predictions", {
  d <- unbalanced()
  m <- fe_lm(y ~ x | unit, d)
  expect_identical(predict(m, d[0, ]), numeric())
  expect_identical(dim(predict(m, d[0, ], interval = "confidence")), c(0L, 3L))
  expect_identical(predict(m, d[0, ], se.fit = TRUE)$se.fit, numeric())
})

test_that("predictions with varying slopes are those of lm(), errors included", {
  d <- unbalanced()
  d$z <- d$x^2 + d$year
  m <- fe_lm(y ~ x | unit[z] + year, d, vcov = "iid", weights = ~w)
  l <- lm(y ~ x + factor(unit) * z + factor(year), d, weights = w)
  new <- d[c(1, 20, 40), ]
  new$z <- new$z / 2
  for (rows in list(NULL, new)) {
    theirs <- predict(l, if (is.null(rows)) d else rows, se.fit = TRUE)
    ours <- predict(m, rows, se.fit = TRUE)
    expect_equal(ours$fit, unname(theirs$fit), tolerance = 1e-9)
    expect_equal(ours$se.fit, unname(theirs$se.fit), tolerance = 1e-9)
  }
  new$z[2] <- NA
  expect_identical(is.na(predict(m, new, se.fit = TRUE)$se.fit), c(FALSE, TRUE, FALSE))
})

test_that("times and durations are matched by their value, whatever they are printed in", {
  set.seed(8)
  d <- data.frame(g = sample(9, 120, TRUE), x = rnorm(120))
  d$y <- d$x + d$g / 3 + rnorm(120)
  by <- function(id) fe_lm(y ~ x | id, transform(d, id = id))
  expect_same <- function(id, other) {
    m <- by(id)
    new <- d[1:20, ]
    new$id <- other[1:20]
    expect_equal(predict(m, new), predict(fe_lm(y ~ x | g, d), d[1:20, ]), tolerance = 1e-12)
    expect_equal(anyDuplicated(names(fixef(m)[[1L]])), 0L)
  }
  for (step in c(3600, 0.01)) {
    time <- as.POSIXct("2020-01-01", tz = "UTC") + step * d$g
    expect_same(time, structure(time, tzone = "Asia/Tokyo"))
  }
  days <- as.difftime(d$g, units = "days")
  hours <- days
  units(hours) <- "hours"
  expect_same(days, hours)
  new <- data.frame(x = 0, id = as.difftime(5, units = "hours"))
  expect_true(is.na(predict(by(days), new, new_levels = "NA")))
  m <- fe_lm(y ~ x | g, transform(d, g = g + 0))
  expect_true(is.na(predict(m, data.frame(x = 1, g = Inf), new_levels = "NA")))
  thirds <- by(d$g / 3)
  new <- transform(d[1:20, ], id = as.character(d$g[1:20] / 3))
  expect_equal(predict(thirds, new), predict(thirds)[1:20], tolerance = 1e-12)
})

test_that("an offset that was an argument of columns is found in the new data", {
  d <- random_panel(41)
  d$o <- rexp(nrow(d))
  l <- lm(y ~ x1 + factor(unit), d, offset = o)
  new <- transform(d[3:9, ], o = o + 1)
  for (m in list(fe_lm(y ~ x1 | unit, d, offset = ~o, singletons = "keep"),
                 fe_lm(y ~ x1 | unit, d, offset = o, singletons = "keep"))) {
    expect_equal(predict(m, new), unname(predict(l, new)), tolerance = 1e-9)
  }
  both <- fe_lm(y ~ x1 + offset(2 * o) | unit, d, offset = ~o, singletons = "keep")
  l <- lm(y ~ x1 + offset(2 * o) + factor(unit), d, offset = o)
  expect_equal(predict(both, new), unname(predict(l, new)), tolerance = 1e-9)
  given <- fe_lm(y ~ x1 | unit, d, offset = d$o)
  expect_error(predict(given, new), "offset was an argument", class = "fe_error")
  expect_error(predict(fe_lm(y ~ x1 | unit, d, offset = ~o), new[names(new) != "o"]),
               "offset was an argument", class = "fe_error")
})

test_that("a prediction has no name that the data do not have", {
  d <- random_panel(42)
  m <- fe_lm(y ~ x1 | unit + time, d)
  expect_null(names(predict(m, d[1L, ])))
  expect_null(names(predict(m, d[1L, ], se.fit = TRUE)$fit))
})

test_that("predictions for the rows of the fit are the fit, whatever its regressors were made of", {
  d <- random_panel(43)
  d$x1[3:9] <- NA
  d$y[1:5] <- NA
  d$stamp <- as.POSIXlt(as.Date("2021-05-05") + seq_len(nrow(d)))
  d$flag <- cbind(d$x2 > 1, d$x3 > 0)
  k <- 2
  formulas <- list(y ~ x1 + I(x2 - mean(x2)) * x3 | unit, y ~ x1 + stamp, y ~ exp(x1) * k + pi,
                   y ~ cut(x2, 3) + x1 | unit, y ~ flag + x1 | unit)
  for (f in formulas) {
    m <- suppressWarnings(fe_lm(f, d), classes = "fe_warning")
    expect_equal(unname(predict(m)), unname(m$y - m$residuals), tolerance = 1e-8)
  }
})
