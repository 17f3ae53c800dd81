# Lags by hand: merge() on unit and time.
merged_lag <- function(d, k) {
  past <- data.frame(id = d$id, t = d$t + k, past = d$x)
  past$past[match(paste(d$id, d$t), paste(past$id, past$t))]
}

gappy_panel <- function(seed = 1) {
  set.seed(seed)
  d <- expand.grid(id = 1:20, t = 2000:2012)
  d <- d[sample(nrow(d), 180), ]
  d$x <- rnorm(nrow(d))
  d$z <- rnorm(nrow(d))
  d$y <- d$x + rnorm(nrow(d))
  rownames(d) <- NULL
  d
}

test_that("fe_lag() is a merge on unit and time, gaps included", {
  d <- gappy_panel()
  for (k in c(-3, -1, 0, 1, 2, 5)) expect_identical(fe_lag(d$x, k, d$id, d$t), merged_lag(d, k))
  expect_named(fe_lag(d$x, c(-1, 2), d$id, d$t), c("lead1", "lag2"))
  expect_identical(fe_lag(factor(d$id), 1, d$id, d$t), factor(d$id)[merged_lag(
    transform(d, x = seq_along(x)), 1)])
})

test_that("fe_lag() equals plm's lags by time and fixest's", {
  d <- gappy_panel(2)
  skip_if_not_installed("plm")
  p <- plm::pdata.frame(d, index = c("id", "t"))
  key <- paste(p$id, p$t)
  theirs <- as.vector(plm::lag(p$x, 2, shift = "time"))
  expect_identical(fe_lag(d$x, 2, d$id, d$t), theirs[match(paste(d$id, d$t), key)])
  skip_if_not_installed("fixest")
  a <- fixest::feols(y ~ l(x, 1:2) + d(z, 1) + f(x) | id + t, d, panel.id = ~id + t, notes = FALSE)
  b <- fe_lm(y ~ l(x, 1:2) + d(z, 1) + f(x) | id + t, d, panel.id = ~id + t, vcov = ~id)
  expect_named(coef(b), c("l(x, 1)", "l(x, 2)", "d(z, 1)", "f(x, 1)"))
  expect_equal(unname(coef(b)), unname(coef(a)), tolerance = 1e-9)
  expect_equal(unname(sqrt(diag(vcov(b)))),
               as.vector(fixest::se(a, vcov = ~id)), tolerance = 1e-6)
})

test_that("a period is what the times have in common", {
  lag_of <- function(time) fe_lag(1:3, 1, c(1, 1, 1), time)
  expect_identical(lag_of(c(2000, 2002, 2006)), c(NA, 1L, NA))
  expect_identical(lag_of(c(4, 10, 25)), c(NA, NA, NA_integer_))
  expect_identical(lag_of(as.Date(c("2020-01-01", "2020-02-01", "2020-04-01"))), c(NA, 1L, NA))
  expect_identical(lag_of(as.Date(c("2020-01-31", "2020-02-29", "2020-03-31"))), c(NA, 1L, 2L))
  expect_identical(lag_of(as.Date(c("2020-01-01", "2020-01-08", "2020-01-22"))), c(NA, 1L, NA))
  expect_identical(lag_of(c(2000.25, 2000.5, 2001)), c(NA, 1L, NA))
  expect_identical(lag_of(factor(c("a", "b", "d"), letters[1:4], ordered = TRUE)), c(NA, 1L, NA))
  expect_identical(lag_of(factor(c(2000, 2001, 2003))), c(NA, 1L, NA))
  at <- function(day, clock) as.POSIXct(paste(day, clock), tz = "America/New_York")
  spring <- c("2020-03-07", "2020-03-08", "2020-03-10")
  expect_identical(lag_of(at(spring, "12:00")), c(NA, 1L, NA)) # the clock goes forward on the 8th
  expect_identical(lag_of(at(spring, c("12:00", "12:00", "18:00"))), c(NA, NA, NA_integer_))
  expect_identical(lag_of(at(c("2020-01-31", "2020-02-29", "2020-04-30"), "16:30")), c(NA, 1L, NA))
  expect_error(lag_of(c("a", "b", "c")), "text without an order", class = "fe_error")
  expect_error(lag_of(c(0, 0.5, 1.3)), "no multiples", class = "fe_error")
  expect_identical(fe_lag(1:3, 1, c(1, NA, 1), 1:3), rep(NA_integer_, 3))
})

test_that("duplicates and other bad input are refused", {
  expect_error(fe_lag(1:3, 1, c("u", "v", "u"), c(2, 2, 2)),
               "id = u, time = 2 twice, in rows 1, 3", class = "fe_error")
  expect_error(fe_lag(1:3, 1.5, 1:3, 1:3), "whole numbers", class = "fe_error")
  expect_error(fe_lag(1:3, 1, 1:2, 1:3), "3 values", class = "fe_error")
  d <- gappy_panel()
  expect_error(fe_lm(y ~ l(x) | id, d), "panel.id", class = "fe_error")
  expect_error(fe_lm(y ~ l(x) | id, d, panel.id = ~id), "names 1 variables", class = "fe_error")
  expect_error(fe_lm(y ~ l(x) | id, d, panel.id = ~id + nope), "nope", class = "fe_error")
  expect_error(fe_lm(y ~ l(x, 0.5) | id, d, panel.id = ~id + t), "whole", class = "fe_error")
  expect_error(fe_lm(y ~ l(x, q = 2) | id, d, panel.id = ~id + t), "other arguments",
               class = "fe_error")
  expect_error(fe_lm(y ~ l(x) | id, rbind(d, d[3, ]), panel.id = ~id + t), "rows 3, 181",
               class = "fe_error")
})

test_that("l, f and d stand wherever a variable may", {
  d <- gappy_panel(3)
  d$lx <- merged_lag(d, 1)
  d$fx <- merged_lag(d, -1)
  same <- function(a, b, panel.id = ~id + t, ...) {
    a <- fe_lm(a, d, panel.id = panel.id, ...)
    b <- fe_lm(b, d, ...)
    expect_equal(unname(coef(a)), unname(coef(b)), tolerance = 1e-10)
    expect_identical(a$rows, b$rows)
  }
  same(y ~ l(x):z + exp(l(x)) | id, y ~ lx:z + exp(lx) | id)
  same(f(x) ~ z | id + t, fx ~ z | id + t, c("id", "t"))
  same(y ~ z | t[l(x)], y ~ z | t[lx])
  same(y ~ z | id | x ~ l(x) + f(x), y ~ z | id | x ~ lx + fx)
  same(y ~ l(x) + z | id, y ~ lx + z | id, subset = t > 2005)
  many <- fe_lm(f(y, 0:2) ~ csw(x, l(x, 1:2)) | id, d, panel.id = ~id + t)
  expect_length(many, 6L)
  expect_named(coef(many[[2]]), c("x", "l(x, 1)", "l(x, 2)"))
  l <- function(x, k = 1) x^2
  expect_equal(unname(coef(fe_lm(y ~ l(x) | id, d))), unname(coef(fe_lm(y ~ I(x^2) | id, d))))
})

test_that("predictions and designs of a model with lags look beyond the sample", {
  d <- gappy_panel(4)
  m <- fe_lm(y ~ l(x, 1:2) + z | id, d, panel.id = ~id + t, subset = t > 2006)
  x <- model.matrix(m)
  expect_equal(unname(x[, 1]), merged_lag(d, 1)[m$rows])
  expect_equal(predict(m), fitted(m), tolerance = 1e-10)
  expect_equal(predict(m, d, new_levels = "NA")[m$rows], fitted(m), tolerance = 1e-10)
  expect_error(predict(m, d[c("x", "z", "id")]), "t", class = "fe_error")
  again <- update(m, . ~ . + f(z))
  expect_named(coef(again), c("l(x, 1)", "l(x, 2)", "z", "f(z, 1)"))
  biennial <- d[d$t %% 2 == 0, ]
  b <- fe_lm(y ~ l(x) | id, biennial, panel.id = ~id + t)
  two <- rbind(biennial, transform(biennial[1, ], t = 2013))
  again <- predict(b, two, new_levels = "NA")[seq_len(nrow(biennial))]
  expect_equal(again[b$rows], fitted(b), tolerance = 1e-10)
})

test_that("lags within i(), in products, under split and on times of day", {
  d <- gappy_panel(5)
  d$g <- factor(d$id %% 3)
  d$l1 <- merged_lag(d, 1)
  d$l2 <- merged_lag(d, 2)
  d$half <- d$t > 2006
  same <- function(a, b, id = ~id + t, ...) {
    a <- fe_lm(a, d, panel.id = id, ...)
    b <- fe_lm(b, d, ...)
    expect_equal(unname(lapply(list(a), coef)), unname(lapply(list(b), coef)),
                 tolerance = 1e-10, ignore_attr = TRUE)
  }
  same(y ~ i(g, l(x)) | id, y ~ i(g, l1) | id)
  same(y ~ z * l(x, 1:2) | id, y ~ z * (l1 + l2) | id)
  d$hour <- as.POSIXct("2020-03-07 12:00", tz = "America/New_York") + 3600 * d$t
  same(y ~ l(x) | id, y ~ l1 | id, ~id + hour)
  a <- fe_lm(y ~ l(x) | id, d, panel.id = ~id + t, split = ~half)
  b <- fe_lm(y ~ l1 | id, d, split = ~half)
  expect_equal(unname(vapply(a, coef, 0)), unname(vapply(b, coef, 0)), tolerance = 1e-10)
  expect_error(fe_lag(1:2, 1, c(1, 1), c("a", "b")), "`time`", class = "fe_error")
})

test_that("arguments that name variables may lag them", {
  d <- gappy_panel(6)
  d$w <- 1 + d$id %% 4 + d$t %% 3
  d$g <- (d$id + d$t) %% 7
  for (v in c("x", "w", "g")) d[[paste0("l", v)]] <- merged_lag(transform(d, x = d[[v]]), 1)
  same <- function(a, b) {
    expect_equal(c(a$coefficients, a$vcov), c(b$coefficients, b$vcov), tolerance = 1e-12)
    expect_identical(a$rows, b$rows)
  }
  fit <- function(...) fe_lm(y ~ z | id, d, ..., panel.id = ~id + t)
  same(fit(weights = ~l(w)), fe_lm(y ~ z | id, d, weights = ~lw))
  elsewhere <- ~l(w)
  same(fit(weights = elsewhere), fe_lm(y ~ z | id, d, weights = ~lw))
  same(fit(subset = l(x) > 0, vcov = ~l(g)), fe_lm(y ~ z | id, d, subset = lx > 0, vcov = ~lg))
  shifted <- fe_lm(y ~ z | id, d, offset = l(x), panel.id = ~id + t)
  same(shifted, fe_lm(y ~ z | id, d, offset = lx))
  again <- predict(shifted, d, new_levels = "NA")
  expect_equal(again[shifted$rows], fitted(shifted), tolerance = 1e-10)
  same(fit(split = ~(l(g) > 2))[[2L]], fe_lm(y ~ z | id, d, split = ~(lg > 2))[[2L]])
  known <- !is.na(d$lg)
  expect_equal(vcov(fit(subset = known), ~l(g)), vcov(fe_lm(y ~ z | id, d, subset = known), ~lg))
  moderated <- fe_moderate(y ~ x * z | id, d, "x", "z", weights = ~l(w), panel.id = ~id + t)
  same(moderated$model, fe_moderate(y ~ x * z | id, d, "x", "z", weights = ~lw)$model)
  mediate <- function(...) coef(fe_mediate(y ~ x | id, d, mediators = "z", R = 0, ...))
  expect_equal(mediate(subset = l(x) > 0, panel.id = ~id + t), mediate(subset = lx > 0))
})

test_that("lags in arguments without a panel, or several at once, are refused", {
  d <- gappy_panel(7)
  expect_error(fe_lm(y ~ z | id, d, weights = ~l(z)), "`panel.id` is missing, and `weights` has",
               class = "fe_error")
  expect_error(fe_lm(y ~ z | id, d, vcov = ~l(t)), "`panel.id` is missing, and `vcov` has",
               class = "fe_error")
  m <- fe_lm(y ~ z | id, d)
  expect_error(vcov(m, ~l(t)), "`panel.id` is missing", class = "fe_error")
  expect_error(fe_lm(y ~ z | id, d, weights = ~l(t, 1:2), panel.id = ~id + t), "2 numbers",
               class = "fe_error")
  f <- function(x) abs(x)
  expect_equal(coef(fe_lm(y ~ x | id, d, weights = ~f(z))),
               coef(fe_lm(y ~ x | id, d, weights = ~abs(z))))
})

test_that("an empty part beside a lag is refused in words", {
  d <- data.frame(y = c(1, 3, 2, 5), x = c(2, 1, 4, 3), id = c(1, 1, 2, 2), t = c(1, 2, 1, 2))
  expect_error(fe_lm(y ~ l(x) | NULL, d, panel.id = ~id + t), "empty part", class = "fe_error")
})
