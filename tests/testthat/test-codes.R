# Identifiers of any kind make the same groups.
d <- random_panel(6)
slope <- function(id, data = d) {
  data$id <- id
  unname(coef(fe_lm(y ~ x1 | id, data)))
}
truth <- slope(d$unit)

test_that("integers, doubles, characters and factors make the same groups", {
  expect_equal(slope(as.double(d$unit)), truth)
  expect_equal(slope(d$unit * 0.1), truth)
  expect_equal(slope(-d$unit), truth)
  expect_equal(slope(paste("unit", d$unit)), truth)
  expect_equal(slope(factor(d$unit, levels = 40:1)), truth)
  expect_equal(slope(factor(letters[d$unit], levels = c(letters, LETTERS))), truth)
})

test_that("dates and times make the same groups", {
  expect_equal(slope(as.Date("2020-02-27") + d$unit), truth)
  expect_equal(slope(as.POSIXct("2020-02-27", tz = "UTC") + 0.25 * d$unit), truth)
  expect_equal(slope(as.POSIXlt(as.Date("2020-02-27") + d$unit)), truth)
  expect_equal(slope(as.difftime(d$unit, units = "days")), truth)
})

test_that("logical identifiers make two groups", {
  expect_equal(slope(d$unit > 5), slope(as.integer(d$unit > 5)))
})

test_that("integer64 identifiers beyond 2^53 stay distinct", {
  skip_if_not_installed("bit64")
  base <- bit64::as.integer64("9007199254740992")
  expect_equal(slope(base + bit64::as.integer64(d$unit)), truth)
})

test_that("labelled identifiers of haven make the same groups", {
  skip_if_not_installed("haven")
  expect_equal(slope(haven::labelled(d$unit, c(first = 1L))), truth)
  expect_equal(slope(haven::labelled(as.double(d$unit), c(first = 1))), truth)
  expect_equal(slope(haven::labelled(letters[d$unit], c(first = "a"))), truth)
})

test_that("large gaps, negative numbers and extremes of integer do no harm", {
  ids <- c(-.Machine$integer.max, -5L, 0L, 7L, .Machine$integer.max, sample.int(1e9L, 9L))
  expect_equal(slope(ids[d$unit]), truth)
  expect_equal(slope(as.double(ids[d$unit]) * 2^20), truth)
  expect_equal(slope(2^53 - d$unit), truth)
})

test_that("doubles that differ in the last bit are different, zero and minus zero are not", {
  expect_equal(slope(1 + d$unit * .Machine$double.eps), truth)
  half <- ifelse(d$unit > 5, 1, ifelse(seq_len(nrow(d)) %% 2 == 0, 0, -0))
  expect_equal(slope(half), slope(d$unit > 5))
})

test_that("empty strings and strings in other encodings are levels", {
  latin <- "caf\xe9"
  Encoding(latin) <- "latin1"
  name <- c("", latin, enc2utf8(latin), letters)[d$unit]
  merged <- ifelse(d$unit == 3, 2, d$unit)
  expect_equal(slope(name), slope(merged))
})

test_that("identifiers that cannot be grouped are refused", {
  expect_error(slope(complex(real = d$unit)), "`id`", class = "fe_error")
  expect_error(slope(I(as.list(d$unit))), "`id`", class = "fe_error")
  expect_error(slope(d$unit + 2^53), "2\\^53.*integer64", class = "fe_error")
})

test_that("levels come in increasing order, so that the base of the lsdv constant is the first", {
  base <- function(id) {
    d$id <- id
    unname(coef(fe_lm(y ~ x1 | id, d, intercept = "lsdv"))[1])
  }
  by_level <- function(f) unname(coef(lm(y ~ x1 + f, d))[1])
  expect_equal(base(d$unit), by_level(factor(d$unit)), tolerance = 1e-10)
  expect_equal(base(-d$unit), by_level(factor(-d$unit)), tolerance = 1e-10)
  expect_equal(base(d$unit + 0.5), by_level(factor(d$unit)), tolerance = 1e-10)
  reversed <- factor(d$unit, levels = rev(unique(d$unit)))
  expect_equal(base(reversed), by_level(reversed), tolerance = 1e-10)
  as_text <- as.character(d$unit)
  expect_equal(base(as_text), by_level(factor(as_text,
                                              levels = sort(unique(as_text), method = "radix"))),
               tolerance = 1e-10)
})

test_that("singletons go as a slow loop makes them go", {
  for (seed in 1:30) {
    set.seed(seed)
    n <- 120L
    e <- data.frame(y = rnorm(n), x = rnorm(n), a = sample(60L, n, TRUE), b = sample(50L, n, TRUE),
                    c = sample(40L, n, TRUE))
    stay <- oracle_singletons(e[c("a", "b", "c")])
    m <- tryCatch(fe_lm(y ~ x | a + b + c, e), fe_error = function(err) NULL)
    if (is.null(m)) next
    expect_identical(fe_rows(m)$used, stay)
  }
  expect_gt(sum(!stay), 10L)
})

test_that("a long chain of singletons is followed to its end", {
  n <- 5000L
  chain <- data.frame(a = rep(seq_len(n), each = 2L)[-1L],
                      b = rep(seq_len(n), each = 2L)[-(2L * n)])
  block <- data.frame(a = n + rep(1:3, each = 3L), b = n + rep(1:3, 3L))
  set.seed(1)
  e <- rbind(chain, block)
  e$y <- rnorm(nrow(e))
  e$x <- rnorm(nrow(e))
  m <- fe_lm(y ~ x | a + b, e)
  expect_equal(nobs(m), 9)
  expect_equal(sum(fe_rows(m)$cause %in% "singleton"), nrow(chain))
})

test_that("NA rows go before singletons are counted", {
  e <- data.frame(y = c(1, NA, 3, 4, 6, 9), x = c(2, 5, 1, 7, 3, 1), g = c(1, 1, 2, 2, 2, 2))
  r <- fe_rows(fe_lm(y ~ x | g, e))
  expect_identical(r$cause[1:2], c("singleton", "NA"))
})

test_that("a model without fixed effects drops no singleton", {
  expect_equal(nobs(fe_lm(y ~ x1, d)), nrow(d))
})

test_that("a factor whose NA is a level keeps it", {
  f <- addNA(factor(ifelse(d$unit == 3, NA, d$unit)))
  expect_equal(slope(f), truth)
})

test_that("predictions find the level by its value, not by a rounded or ambiguous label", {
  e <- d
  e$id <- 1 + e$unit * .Machine$double.eps
  m <- fe_lm(y ~ x1 | id, e)
  expect_equal(predict(m, e), fitted(fe_lm(y ~ x1 | unit, e)), tolerance = 1e-10)
  e$left <- ifelse(e$unit <= 7, "a^b", "a")
  e$right <- ifelse(e$unit <= 7, "c", "b^c")
  pair <- fe_lm(y ~ x1 | left^right, e)
  expect_equal(predict(pair, e), fitted(pair), tolerance = 1e-10)
})
