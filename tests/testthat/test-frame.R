# The ledger of rows: every row of the data is accounted for once.
used_rows <- function(m) fe_rows(m)$row[fe_rows(m)$used]

test_that("each cause is recorded with its row and variable", {
  d <- random_panel(1)
  d$y[3] <- NA
  d$x1[5] <- Inf
  d$w[7] <- 0
  d$w[8] <- NA
  d$unit[c(9, 10)] <- c(500, NA)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, subset = seq_len(nrow(d)) > 1)
  r <- fe_rows(m)
  expect_s3_class(r, "data.frame")
  expect_identical(names(r), c("row", "used", "cause", "variable"))
  expect_identical(r$row, seq_len(nrow(d)))
  gone <- r[!r$used, ]
  expect_identical(gone$row, c(1L, 3L, 5L, 7L, 8L, 9L, 10L))
  expect_identical(gone$cause, c("outside", "NA", "infinite", "zero weight", "NA", "singleton",
                                 "NA"))
  expect_identical(gone$variable[-c(1, 6)], c("y", "x1", "(weights)", "(weights)", "unit"))
  expect_match(gone$variable[6], "unit")
  expect_true(all(is.na(r$cause[r$used])))
})

test_that("used rows are those that the model holds, in order", {
  for (seed in 1:6) {
    d <- random_panel(seed, c("missing", "singletons", "weights", "zero"))
    m <- fe_lm(y ~ x1 + x2 | unit + time + group, d, weights = w)
    expect_length(used_rows(m), nobs(m))
    expect_identical(as.character(used_rows(m)), case.names(m))
    expect_equal(fitted(m) + residuals(m), d$y[used_rows(m)], tolerance = 1e-12, ignore_attr = TRUE)
    expect_equal(nrow(oracle_panel(d, c("unit", "time", "group"), c("x1", "x2"), "w")$data),
                 nobs(m))
  }
})

test_that("a row bad in two ways is counted once", {
  d <- random_panel(2)
  d$y[4] <- NA
  d$x1[4] <- Inf
  m <- fe_lm(y ~ x1 | unit, d)
  expect_equal(sum(!fe_rows(m)$used), 1L)
  expect_identical(fe_rows(m)$cause[4], "NA")
})

test_that("rows outside subset or split are outside, NA in either included", {
  d <- random_panel(3)
  d$part <- rep(c("a", "b", NA), length.out = nrow(d))
  fits <- fe_lm(y ~ x1 | time, d, split = ~part, subset = ifelse(unit == 1, NA, unit > 2))
  for (m in as.list(fits)) {
    r <- fe_rows(m)
    asked <- d$unit > 2 & d$part %in% m$data$part[r$used][1]
    expect_identical(r$cause[!asked], rep("outside", sum(!asked)))
    expect_true(all(asked[r$used]))
  }
})

test_that("printing counts by cause and lists rows", {
  d <- random_panel(1)
  d$y[c(3, 9)] <- NA
  d$x1[5] <- -Inf
  expect_output(print(fe_rows(fe_lm(y ~ x1 | unit, d))),
                "78 rows: 75 used, 3 dropped.*rows 3, 9.*row 5")
  expect_output(print(fe_lm(y ~ x1 | unit, d)), "2 NA in `y`.*1 infinite in `x1`")
  expect_output(print(fe_rows(fe_lm(y ~ x1 | unit, d, subset = 11:78))), "10 outside")
})

test_that("NA in an expression is charged to the expression", {
  d <- random_panel(1)
  d$x2[6] <- -1
  m <- suppressWarnings(fe_lm(y ~ log(x2) | unit, d))
  expect_identical(fe_rows(m)$variable[6], "log(x2)")
  expect_identical(fe_rows(m)$cause[6], "NA")
  d$x2[6] <- 0
  expect_identical(fe_rows(fe_lm(y ~ log(x2) | unit, d))$cause[6], "infinite")
})

test_that("a data frame's own row names are kept", {
  d <- random_panel(1)
  row.names(d) <- paste0("r", seq_len(nrow(d)))
  d$y[1] <- NA
  expect_identical(case.names(fe_lm(y ~ x1 | unit, d)), paste0("r", 2:78))
})

test_that("lists of models have the ledger of each", {
  d <- random_panel(1)
  d$x2[1:4] <- NA
  fits <- fe_lm(y ~ csw(x1, x2) | unit, d)
  expect_equal(vapply(as.list(fits), function(m) sum(fe_rows(m)$used), 0L), c(78L, 74L),
               ignore_attr = TRUE)
})

test_that("a variable is evaluated once, in the data first, then where the formula was written", {
  d <- random_panel(1)
  x1 <- rnorm(nrow(d))
  elsewhere <- rnorm(nrow(d))
  expect_equal(coef(fe_lm(y ~ x1 | unit, d)), coef(lm(y ~ x1 + factor(unit), d))["x1"])
  expect_equal(coef(fe_lm(y ~ elsewhere | unit, d)),
               coef(lm(y ~ elsewhere + factor(unit), d))["elsewhere"])
})

test_that("the data of the caller are not changed", {
  d <- random_panel(5, c("missing", "singletons"))
  before <- serialize(d, NULL)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, vcov = ~cluster)
  vcov(m, "HC3")
  expect_identical(serialize(d, NULL), before)
})

test_that("one scan tells of missing and infinite values, extremes, mean and spread", {
  set.seed(4)
  x <- rnorm(100000L, 50)
  clean <- fepanel:::bad_rows(x)
  expect_null(clean$na)
  expect_null(clean$infinite)
  expect_equal(clean$scan[c("min", "max", "mean")],
               list(min = min(x), max = max(x), mean = mean(x)))
  expect_equal(clean$scan$ss, sum((x - mean(x))^2))
  expect_identical(fepanel:::bad_rows(x, 1L), fepanel:::bad_rows(x, 3L))
  x[c(3, 70000)] <- NA
  x[c(5, 80000)] <- c(Inf, -Inf)
  dirty <- fepanel:::bad_rows(x)
  expect_identical(dirty$na, is.na(x))
  expect_identical(dirty$infinite, is.infinite(x))
  ok <- is.finite(x)
  expect_equal(unlist(dirty$scan), c(n_na = 2, n_inf = 2, n = 99996, min = min(x[ok]),
                                     max = max(x[ok]), mean = mean(x[ok]),
                                     ss = sum((x[ok] - mean(x[ok]))^2)))
})

test_that("every kind of column tells its missing values", {
  columns <- list(c(1L, NA, 3L), c(TRUE, NA, FALSE), factor(c("a", NA, "b")), c("a", NA, "b"),
                  as.Date("2020-01-01") + c(0, NA, 1), as.POSIXct("2020-01-01") + c(0, NA, 1),
                  cbind(1:3, c(4, NA, 6)))
  if (requireNamespace("bit64", quietly = TRUE)) {
    columns <- c(columns, list(bit64::as.integer64(c("-1", NA, "9218868437227405312"))))
  }
  for (column in columns) {
    bad <- fepanel:::bad_rows(column)
    expect_identical(bad$na, c(FALSE, TRUE, FALSE))
    expect_null(bad$infinite)
    clean <- if (is.matrix(column)) column[-2, ] else column[-2]
    expect_null(fepanel:::bad_rows(clean)$na)
  }
  expect_identical(fepanel:::bad_rows(cbind(1:3, c(4, -Inf, 6)))$infinite, c(FALSE, TRUE, FALSE))
})

test_that("weights are looked at as a whole", {
  expect_error(fepanel:::check_weights(c(1, -1, NA), 3L), "row 2", class = "fe_error")
  expect_error(fepanel:::check_weights(c(1, -Inf), 2L), "row 2", class = "fe_error")
  expect_error(fepanel:::check_weights(c(0, NA), 2L), "no positive", class = "fe_error")
  expect_error(fepanel:::check_weights(c(1e-120, 0), 2L), "Rescale", class = "fe_error")
  expect_identical(fepanel:::check_weights(c(0L, 2L, NA), 3L), c(0, 2, NA))
})

test_that("values that SPSS declares missing are NA, and counted, wherever they stand", {
  skip_if_not_installed("haven")
  d <- random_panel(31)
  declared <- function(x, ...) haven::labelled_spss(x, c(refused = 99), ...)
  e <- d
  e$y <- declared(ifelse(seq_along(d$y) %in% 4:5, 99, d$y), na_values = c(98, 99))
  e$x1 <- declared(ifelse(seq_along(d$y) %in% 8:10, 97, d$x1), na_range = c(95, Inf))
  e$unit <- declared(as.double(d$unit), na_values = 3)
  m <- fe_lm(y ~ x1 | unit, e)
  plain <- as.data.frame(lapply(e[c("y", "x1", "unit")], function(v) {
    ifelse(is.na(v), NA, as.double(v))
  }))
  expect_equal(coef(m), coef(fe_lm(y ~ x1 | unit, plain)), tolerance = 1e-12)
  rows <- fe_rows(m)
  bad <- rowSums(is.na(plain)) > 0
  expect_identical(rows$row[rows$cause %in% "NA"], which(bad))
  expect_setequal(rows$variable[rows$cause %in% "NA"], c("y", "x1", "unit"))
})
