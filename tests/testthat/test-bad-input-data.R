# Data of every make: what R calls a vector or a data frame is many things. Each is either the same
# as its plain kind, or refused by name.

plain_panel <- function() random_panel(1)[c("y", "x1", "x2", "unit", "time", "cluster")]

expect_same_fit <- function(m, n) {
  expect_equal(coef(m), coef(n), tolerance = 1e-12)
  expect_equal(unname(sqrt(diag(vcov(m)))), unname(sqrt(diag(vcov(n)))), tolerance = 1e-10)
}

# ---- frames --------------------------------------------------------------------------------------

test_that("tibbles, grouped data, data.tables and data frames give the same", {
  d <- plain_panel()
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, vcov = ~cluster)
  fit <- function(d) fe_lm(y ~ x1 + x2 | unit + time, d, vcov = ~cluster)
  d$unit <- as.integer(d$unit)
  expect_same_fit(fit(structure(d, class = c("odd", "data.frame"))), m)
  row.names(d) <- rev(paste0("r", seq_len(nrow(d))))
  expect_same_fit(fit(d), m)
  skip_if_not_installed("dplyr")
  expect_same_fit(fit(dplyr::as_tibble(d)), m)
  expect_same_fit(fit(dplyr::group_by(d, unit)), m)
  expect_same_fit(fit(dplyr::rowwise(d)), m)
  expect_identical(nrow(fe_describe(dplyr::group_by(d, unit), c("x1", "x2"))), 2L)
  skip_if_not_installed("data.table")
  t <- data.table::as.data.table(d)
  data.table::setkeyv(t, "time")
  expect_same_fit(fit(t), m)
  expect_identical(names(t), names(d))
})

test_that("what is no data frame is refused by every function that takes one", {
  d <- plain_panel()
  odd <- list(null = NULL, list = as.list(d), vector = d$y, text = "d", environment = new.env(),
              matrix = matrix(0, 2, 2), call = quote(d), "function" = mean)
  calls <- list(
    function(d) fe_lm(y ~ x1 | unit, d), function(d) fe_describe(d, "x1"),
    function(d) fe_correlate(d, c("x1", "x2")), function(d) fe_balance(d, "unit", "x1"),
    function(d) fe_index(d, c("x1", "x2")), function(d) fe_panel_view(d, "unit", "time"),
    function(d) fe_mediate(y ~ x1 | unit, d, mediators = "x2", R = 0),
    function(d) fe_moderate(y ~ x1 | unit, d, "x1", "x2"), function(d) fe_robust(y ~ x1 | unit, d),
    function(d) fe_heterogeneity(y ~ x1 | unit, d, by = "time"),
    function(d) fe_decompose(y ~ x1 | unit, d, added = ~x2))
  for (call in calls) for (x in odd) expect_refusal(call(x), "^`data`")
  for (call in calls) expect_refusal(call(d[0, ]), "^`data` has no rows")
  names(d)[3] <- "x1"
  for (call in calls) expect_refusal(call(d), "^`data` has more than one column named \"x1\"")
})

test_that("one row, one group and one column are refused with the reason", {
  d <- plain_panel()
  d$one <- "only"
  expect_answers(
    "one row" = fe_lm(y ~ x1, d[1, ]),
    "one row and an effect" = fe_lm(y ~ x1 | unit, d[1, ]),
    "one group" = fe_balance(d, "one", "x1"),
    "one cluster" = fe_lm(y ~ x1 | unit, d, vcov = ~one),
    "one cluster to draw" = fe_boot(fe_lm(y ~ x1 | unit, d), R = 9, cluster = ~one),
    "one part of a split" = fe_lm(y ~ x1 | unit, d, split = ~one),
    "one indicator" = fe_index(d, "x1"),
    "one variable" = fe_correlate(d, "x1"),
    "one period" = fe_lm(d(y) ~ x1, d[d$time == 2001, ], panel.id = ~unit + time),
    "one column" = fe_lm(y ~ x1, d["y"]))
})

# ---- names ---------------------------------------------------------------------------------------

test_that("columns may have any name", {
  d <- plain_panel()
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, vcov = ~cluster)
  names(d) <- c("my y", "if", "\u03b2eta \u7ecf\u6d4e", "un`it", "TRUE", "a\\b\"c'")
  text <- "`my y` ~ `if` + `\u03b2eta \u7ecf\u6d4e` | `un\\`it` + `TRUE`"
  n <- fe_lm(text, d, vcov = "HC1")
  expect_equal(unname(coef(n)), unname(coef(m)))
  expect_identical(names(n$factors), c("un`it", "TRUE"))
  clustered <- vcov(n, cluster = "a\\b\"c'")
  expect_equal(unname(clustered), unname(vcov(m)))
  expect_equal(unname(predict(n, d)), unname(predict(m, plain_panel())))
  expect_identical(fe_describe(d, c("my y", "if"))$variable, c("my y", "if"))
  b <- fe_balance(cbind(d, g = plain_panel()$unit > 7), "g", c("my y", "if"),
                  cluster = "a\\b\"c'", fixef = "TRUE")
  expect_identical(nrow(b), 2L)
  for (format in c("txt", "md", "csv", "tex")) expect_silent(format(fe_table(n), format))
})

test_that("the bytes of an encoding do not make a level", {
  utf8 <- "\u00e9t\u00e9"
  latin1 <- iconv(utf8, "UTF-8", "latin1")
  d <- plain_panel()
  d$season <- ifelse(d$unit %% 2 == 0, utf8, "hiver")
  mixed <- d
  mixed$season[mixed$season == utf8][1:7] <- latin1
  expect_identical(sum(!validUTF8(mixed$season)), 7L)
  m <- fe_lm(y ~ x1 | season, d, vcov = ~season)
  n <- fe_lm(y ~ x1 | season, mixed, vcov = ~season)
  expect_same_fit(n, m)
  expect_identical(unname(n$fixef_sizes), 2L)
  expect_equal(coef(fe_lm(y ~ season + x1, mixed)), coef(fe_lm(y ~ season + x1, d)))
  names(mixed)[2] <- iconv("\u00e9", "UTF-8", "latin1")
  m <- fe_lm(y ~ x1 | unit, d)
  expect_equal(unname(coef(fe_lm("y ~ \u00e9 | unit", mixed))), unname(coef(m)))
})

test_that("bytes that are no text are levels of their own, and messages stay readable", {
  d <- plain_panel()
  d$raw <- ifelse(d$unit %% 2 == 0, "\xff\xfe", "a")
  m <- fe_lm(y ~ x1 | raw, d)
  expect_equal(unname(coef(m)["x1"]), unname(coef(lm(y ~ x1 + I(unit %% 2 == 0), d))["x1"]))
  expect_refusal(fe_lm(y ~ x1 | unit, d, vcov = "\xfd"), "^`vcov` is \"<fd>\"")
})

# ---- kinds of columns ----------------------------------------------------------------------------

test_that("columns that are no vectors are refused by name", {
  d <- plain_panel()
  n <- nrow(d)
  d$list <- as.list(d$x1)
  d$frame <- data.frame(a = d$x1, b = d$x2)
  d$matrix <- cbind(d$x1, d$x2)
  d$complex <- d$x1 + 1i
  d$raw <- as.raw(seq_len(n) %% 256)
  d$surv <- structure(cbind(time = abs(d$x1), status = 1), class = "Surv")
  expect_answers(
    "a list as outcome" = fe_lm(list ~ x1 | unit, d),
    "a list as regressor" = fe_lm(y ~ list | unit, d),
    "a list as fixed effect" = fe_lm(y ~ x1 | list, d),
    "a list as cluster" = fe_lm(y ~ x1 | unit, d, vcov = ~list),
    "a list as weights" = fe_lm(y ~ x1 | unit, d, weights = list),
    "a data frame as regressor" = fe_lm(y ~ frame | unit, d),
    "a matrix as outcome" = fe_lm(matrix ~ x1 | unit, d),
    "a matrix as regressor" = fe_lm(y ~ matrix | unit, d),
    "a matrix as fixed effect" = fe_lm(y ~ x1 | matrix, d),
    "a matrix as cluster" = fe_lm(y ~ x1 | unit, d, vcov = ~matrix),
    "a matrix as weights" = fe_lm(y ~ x1 | unit, d, weights = matrix),
    "complex numbers as outcome" = fe_lm(complex ~ x1 | unit, d),
    "complex numbers as regressor" = fe_lm(y ~ complex | unit, d),
    "complex numbers as fixed effect" = fe_lm(y ~ x1 | complex, d),
    "raw bytes as outcome" = fe_lm(raw ~ x1 | unit, d),
    "raw bytes as regressor" = fe_lm(y ~ raw | unit, d),
    "raw bytes as fixed effect" = fe_lm(y ~ x1 | raw, d),
    "a survival time as outcome" = fe_lm(surv ~ x1 | unit, d),
    "a function as regressor" = fe_lm(y ~ sum | unit, d),
    "a list to describe" = fe_describe(d, "list"),
    "a matrix to describe" = fe_describe(d, "matrix"),
    "text to correlate" = fe_correlate(d, c("x1", "cluster")),
    "a list in an index" = fe_index(d, c("x1", "list")),
    "a list to group by" = fe_describe(d, "x1", by = "list"),
    "a matrix as period" = fe_panel_view(d, "unit", "matrix"))
  m <- fe_lm(y ~ x1 + x2 | unit, d)
  expect_equal(unname(coef(fe_lm(y ~ matrix | unit, d))), unname(coef(m)))
})

test_that("S4 objects and environments are refused as columns", {
  holder <- methods::setClass("fe_test_holder", slots = c(x = "numeric"), where = environment())
  d <- plain_panel()
  s4 <- holder(x = d$x1)
  expect_refusal(fe_lm(y ~ s4 | unit, d), "`s4`")
  expect_refusal(fe_lm(y ~ x1 | s4, d), "`s4`")
  env <- new.env()
  expect_refusal(fe_lm(y ~ env | unit, d), "`env`")
  expect_refusal(fe_lm(y ~ x1 | env, d), "`env`")
})

test_that("dates, times and durations are numbers and identifiers", {
  d <- plain_panel()
  d$day <- as.Date("2020-01-01") + d$time
  d$stamp <- as.POSIXct(d$day, tz = "UTC")
  d$lt <- as.POSIXlt(d$stamp)
  d$gap <- as.difftime(d$time, units = "days")
  m <- fe_lm(y ~ x1 | unit + time, d)
  for (v in c("day", "stamp", "lt", "gap")) {
    expect_same_fit(fe_lm(sprintf("y ~ x1 | unit + %s", v), d), m)
    expect_same_fit(fe_lm("y ~ x1 | unit", d, vcov = stats::as.formula(paste("~", v))),
                    fe_lm(y ~ x1 | unit, d, vcov = ~time))
  }
  trend <- coef(fe_lm(y ~ x1 + time | unit, d))
  for (v in c("day", "gap")) {
    expect_equal(unname(coef(fe_lm(sprintf("y ~ x1 + as.numeric(%s) | unit", v), d))),
                 unname(trend))
  }
  expect_refusal(fe_lm(day ~ x1 | unit, d), "outcome `day`", "numeric or logical")
})

test_that("integer64 and labelled identifiers keep their values", {
  skip_if_not_installed("bit64")
  d <- plain_panel()
  d$big <- bit64::as.integer64("9007199254740992") + d$unit
  expect_same_fit(fe_lm(y ~ x1 | big, d), fe_lm(y ~ x1 | unit, d))
  d$x64 <- bit64::as.integer64(d$time)
  expect_equal(unname(coef(fe_lm(y ~ x64 | unit, d))), unname(coef(fe_lm(y ~ time | unit, d))))
  d$big[3] <- NA
  expect_identical(fe_rows(fe_lm(y ~ x1 | big, d))$variable[3], "big")
  expect_refusal(fe_lm(y ~ x1 | unit, d, threads = bit64::as.integer64(1)), "^`threads`")
  skip_if_not_installed("haven")
  d$code <- haven::labelled(as.double(d$unit), c(one = 1), "Unit")
  expect_same_fit(fe_lm(y ~ x1 | code, d), fe_lm(y ~ x1 | unit, d))
})

test_that("ordered factors, factors with NA levels and unused levels are factors", {
  d <- plain_panel()
  d$ordered <- factor(d$time, ordered = TRUE)
  d$unused <- factor(d$unit, levels = c(99, unique(d$unit), 100))
  d$nalevel <- addNA(factor(replace(d$unit, 3, NA)))
  expect_same_fit(fe_lm(y ~ x1 | unit + ordered, d), fe_lm(y ~ x1 | unit + time, d))
  expect_same_fit(fe_lm(y ~ x1 | unused, d), fe_lm(y ~ x1 | unit, d))
  expect_equal(coef(fe_lm(y ~ x1 | nalevel, d))[["x1"]],
               coef(lm(y ~ x1 + nalevel, d))[["x1"]], tolerance = 1e-9)
})

test_that("factors of a million levels are coded", {
  skip_on_cran()
  n <- 2e6
  id <- factor(rep(seq_len(n / 2), 2))
  x <- rep(c(0, 1), each = n / 2) * (seq_len(n) %% 7)
  y <- 2 * x + as.integer(id) + sin(seq_len(n))
  m <- fe_lm(y ~ x | id, data.frame(y, x, id))
  gap <- n / 2
  dx <- x[gap + seq_len(gap)] - x[seq_len(gap)]
  dy <- y[gap + seq_len(gap)] - y[seq_len(gap)]
  expect_equal(coef(m)[["x"]], sum(dx * dy) / sum(dx^2), tolerance = 1e-9)
  expect_identical(unname(m$fixef_sizes), as.integer(gap))
})

# ---- ALTREP and length ---------------------------------------------------------------------------

test_that("compact sequences and deferred strings are vectors like others", {
  n <- 60L
  d <- data.frame(row = seq_len(n))
  d$y <- sin(d$row)
  d$x <- seq.int(n)
  d$id <- as.character(rep(1:6, 10L))
  m <- fe_lm(y ~ x | id, d)
  expect_equal(coef(m)[["x"]], coef(lm(y ~ x + id, d))[["x"]])
  expect_equal(nrow(fe_rows(fe_lm(y ~ x | id, d, subset = 1:30))), n)
  expect_equal(coef(fe_lm(y ~ x, d, weights = 1:60)), coef(lm(y ~ x, d, weights = 1:60)))
})

test_that("long vectors are refused before they are read", {
  skip_if(.Machine$sizeof.pointer < 8L, "a 32-bit R has no long vectors")
  long <- seq_len(2^31) # compact: takes no memory
  d <- plain_panel()
  expect_answers(
    "to demean" = fe_demean(long, long),
    "as weights" = fe_lm(y ~ x1 | unit, d, weights = long),
    "as a regressor" = fe_lm(y ~ long | unit, d),
    "as a fixed effect" = fe_lm(y ~ x1 | long, d),
    "as a cluster" = vcov(fe_lm(y ~ x1 | unit, d), cluster = long),
    "as data" = fe_lm(y ~ x1, structure(list(y = long, x1 = long), class = "data.frame",
                                        row.names = .set_row_names(1L))))
})
