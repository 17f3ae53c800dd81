d <- random_panel(21, "weights", n_units = 20L, n_times = 12L)
m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w)
o <- oracle_panel(d, c("unit", "time"), c("x1", "x2"), "w")

test_that("both equal the sum over all pairs on 30 random panels with weights and gaps", {
  effects <- list("unit", c("unit", "time"), c("unit", "time", "group"))
  for (seed in 1:30) {
    fe <- effects[[seed %% 3L + 1L]]
    d <- random_panel(seed, c("weights", "missing", "singletons"), n_times = 9L)
    d$time[d$time >= 2005] <- d$time[d$time >= 2005] + 2L # two periods that nobody has
    o <- oracle_panel(d, fe, w = "w")
    m <- fe_lm(reformulate(sprintf("x1 + x2 + x3 | %s", paste(fe, collapse = " + ")), "y"), d,
               weights = w)
    lag <- seed %% 5L
    factor <- oracle_period_factor(o, o$data$time)
    expect_lt(worst(vcov(m, NW(lag) ~ unit + time),
                    oracle_nw(o, lag, o$data$unit, o$data$time, factor)), 1e-9)
    expect_lt(worst(vcov(m, DK(lag) ~ time), oracle_dk(o, lag, o$data$time, factor)), 1e-9)
  }
})

test_that("lag 0 is no correlation over time", {
  plain <- fe_ssc("plm")
  expect_equal(vcov(m, NW(0) ~ unit + time, ssc = plain), vcov(m, "HC0"), tolerance = 1e-10)
  expect_equal(vcov(m, DK(0) ~ time, ssc = plain), vcov(m, CR0 ~ time), tolerance = 1e-10)
})

test_that("without a lag it is the fourth root of the number of periods", {
  expect_equal(vcov(m, NW ~ unit + time), vcov(m, NW(1) ~ unit + time))
  long <- expand.grid(id = 1:5, t = 1:81)
  set.seed(1)
  long[c("x", "y")] <- rnorm(2 * nrow(long))
  model <- fe_lm(y ~ x | id, long)
  expect_identical(vcov(model, DK ~ t), vcov(model, DK(3) ~ t))
  expect_output(print(summary(model, DK ~ t)),
                "Driscoll-Kraay (t, 81 periods; lag 3), factor 1.0252, t(80)", fixed = TRUE)
})

test_that("types without variables take the first two fixed effects", {
  expect_identical(vcov(m, "NW"), vcov(m, NW ~ unit + time))
  expect_identical(vcov(m, "DK(2)"), vcov(m, DK(2) ~ time))
  expect_identical(vcov(m, "driscoll_kraay"), vcov(m, DK ~ time))
  expect_error(vcov(fe_lm(y ~ x1 | unit, d), "NW"), "no second fixed effect.*NW\\(2\\) ~ unit",
               class = "fe_error")
  expect_error(vcov(fe_lm(y ~ x1 | unit + cluster, d), "DK"),
               "fixed effect, `cluster`, holds neither numbers nor dates", class = "fe_error")
})

test_that("a request at estimation, by vcov(), summary() and update() gives the same", {
  lag <- 2
  at_once <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, vcov = NW(lag) ~ unit + time)
  expect_identical(vcov(at_once), vcov(m, NW(2) ~ unit + time))
  expect_identical(vcov(summary(m, NW(lag = lag) ~ unit + time)), vcov(at_once))
  expect_identical(vcov(update(m, vcov = DK(lag) ~ time)), vcov(m, DK(2) ~ time))
})

test_that("rows in any order, and periods and units under any names, give the same", {
  V <- vcov(m, NW(2) ~ unit + time)
  e <- d[sample(nrow(d)), ]
  e$name <- paste("unit", e$unit)
  e$day <- as.Date(sprintf("%d-12-31", e$time))
  e$at <- as.POSIXct(e$day)
  e$month_end <- as.Date(sprintf("2001-%02d-01", e$time - 2000L)) - 1
  e$text <- as.character(e$time)
  e$wave <- factor(letters[e$time - 2000L])
  e$quarter <- 2000 + (e$time - 2000) / 4
  e$biennial <- 2 * e$time
  shuffled <- fe_lm(y ~ x1 + x2 | unit + time, e, weights = w)
  for (time in c("time", "day", "at", "month_end", "text", "wave", "quarter", "biennial")) {
    request <- as.formula(sprintf("NW(2) ~ name + %s", time))
    expect_lt(worst(vcov(shuffled, request), V), 1e-11, label = time)
  }
})

test_that("years 2001, 2003, 2006 are on an axis of years, whatever is missing", {
  e <- d[d$time %in% c(2001, 2003, 2006, 2010), ]
  model <- fe_lm(y ~ x1 | unit, e)
  o <- oracle_panel(e, "unit", "x1")
  factor <- oracle_period_factor(o, o$data$time)
  expect_lt(worst(vcov(model, NW(3) ~ unit + time),
                  oracle_nw(o, 3, o$data$unit, o$data$time, factor)), 1e-9)
  expect_output(print(summary(model, NW(3) ~ unit + time)), "4 of 10 periods; lag 3", fixed = TRUE)
})

test_that("frequency weights are rows written several times", {
  e <- d
  e$w <- rep(1:3, length.out = nrow(e))
  model <- fe_lm(y ~ x1 + x2 | unit + time, e, weights = w, weights_type = "frequency")
  long <- oracle_panel(e[rep(seq_len(nrow(e)), e$w), ], c("unit", "time"), c("x1", "x2"))
  at <- long$data
  factor <- oracle_period_factor(long, at$time)
  expect_lt(worst(vcov(model, NW(2) ~ unit + time), oracle_nw(long, 2, at$unit, at$time, factor)),
            1e-9)
  expect_lt(worst(vcov(model, DK(2) ~ time), oracle_dk(long, 2, at$time, factor)), 1e-9)
})

test_that("factors and degrees of freedom follow the convention", {
  periods <- length(unique(d$time))
  raw <- oracle_dk(o, 2, o$data$time)
  expect_lt(worst(vcov(m, DK(2) ~ time, ssc = "plm"), raw), 1e-9)
  k <- length(o$slopes)
  expect_lt(worst(vcov(m, DK(2) ~ time, ssc = "plm.HC1"), o$n / (o$n - k) * raw), 1e-9)
  expect_lt(worst(vcov(m, DK(2) ~ time, ssc = fe_ssc(K.adj = FALSE)),
                  periods / (periods - 1) * raw), 1e-9)
  expect_equal(vcov_df(m, DK(2) ~ time), periods - 1)
  expect_equal(vcov_df(m, NW(2) ~ unit + time, ssc = "plm"), o$n - o$rank)
})

test_that("any number of threads gives the same bits", {
  some <- lapply(c(1, 2, 4), function(t) {
    vcov(fe_lm(y ~ x1 + x2 | unit + time, d, threads = t), NW(2) ~ unit + time)
  })
  expect_identical(some[[1L]], some[[2L]])
  expect_identical(some[[1L]], some[[3L]])
})

test_that("the constant and predictions have these variances too", {
  with_constant <- fe_lm(y ~ x1 + x2 | unit, d, intercept = "lsdv", vcov = DK(2) ~ time)
  dummies <- fe_lm(y ~ x1 + x2 + factor(unit), d)
  expect_lt(worst(vcov(with_constant)["(Intercept)", "(Intercept)"],
                  vcov(dummies, DK(2) ~ time)["(Intercept)", "(Intercept)"]), 1e-9)
  plain <- fe_lm(y ~ x1 + x2 | unit, d, vcov = NW(1) ~ unit + time)
  dummies <- fe_lm(y ~ x1 + x2 + factor(unit), d, vcov = NW(1) ~ unit + time)
  at <- d[c(3, 50), ]
  expect_equal(predict(plain, at, se.fit = TRUE)$se.fit, predict(dummies, at, se.fit = TRUE)$se.fit,
               tolerance = 1e-9, ignore_attr = TRUE)
})

test_that("missing identifiers are dropped and counted at estimation, refused later", {
  e <- d
  e$time[4] <- NA
  e$unit[9] <- NA
  at_once <- fe_lm(y ~ x1, e, vcov = NW(1) ~ unit + time)
  rows <- fe_rows(at_once)
  expect_identical(rows$variable[c(4, 9)], c("time", "unit"))
  expect_identical(rows$cause[c(4, 9)], c("NA", "NA"))
  expect_lt(worst(vcov(at_once), vcov(fe_lm(y ~ x1, e[-c(4, 9), ]), NW(1) ~ unit + time)), 1e-12)
  expect_error(vcov(fe_lm(y ~ x1, e), DK ~ time), "`time`, which is NA or infinite in row 4",
               class = "fe_error")
})

test_that("what cannot be done is refused by name and value", {
  refuses <- function(vcov, message, model = m) {
    expect_error(vcov(model, vcov), message, class = "fe_error")
  }
  twice <- rbind(d, d[5, ])
  names <- sprintf("rows 5, %d are both of unit = %s, time = %s", nrow(twice), d$unit[5], d$time[5])
  refuses(NW(1) ~ unit + time, names, fe_lm(y ~ x1, twice))
  refuses(NW(1) ~ time, "one row for each period, but rows .* Name the unit too")
  refuses(NW(12) ~ unit + time, "`lag` is 12, but `time` spans 12 periods")
  refuses(NW(-1) ~ unit + time, "`lag` must be one finite number")
  refuses(DK(1.5) ~ time, "`lag` must be a whole number, not 1.5")
  refuses(DK(width = 1) ~ time, "DK\\(width = 1\\).*cannot be matched.*\"lag\"")
  refuses(DK(nowhere) ~ time, "argument lag = nowhere of DK, which cannot be evaluated")
  refuses(DK ~ unit + time, "must name the time for DK, not 2 variables")
  refuses(NW ~ unit + time + group, "must name unit and time for NW, not 3")
  refuses(DK ~ cluster, "time `cluster`, which is text without an order in time")
  refuses(DK ~ tme, "panel variable `tme`, but `data` has no column \"tme\"")
  refuses("NWW", "no known type.*\"NW\", \"DK\", \"conley\"")
  refuses(CR1(2) ~ unit, "gives arguments to CR1, which takes none")
  refuses(DK ~ time, "a single value in the sample", fe_lm(y ~ x1, d, subset = time == 2001))
  expect_error(vcov(m, "NW", cluster = ~unit), "`cluster` is given, but NW does not cluster",
               class = "fe_error")
  expect_error(fe_lm(y ~ x1 | unit, d, vcov = NW ~ id + time), "panel variable `id`",
               class = "fe_error")
})

test_that("variances equal fixest's", {
  skip_if_not_installed("fixest")
  NW <- fixest::NW
  DK <- fixest::DK
  for (effects in c("1", "1 | unit", "1 | unit + time")) {
    f <- as.formula(sprintf("y ~ x1 + x2 + %s", effects))
    theirs <- fixest::feols(f, d, weights = ~w, notes = FALSE)
    ours <- fe_lm(f, d, weights = w)
    for (request in list(NW(2) ~ unit + time, NW ~ unit + time, DK(3) ~ time, DK ~ time)) {
      expect_lt(worst(vcov(ours, request, ssc = "fixest"), vcov(theirs, request)), 1e-8)
      expect_lt(worst(vcov(ours, request), vcov(theirs, request)), 1e-8)
      expect_equal(vcov_df(ours, request), fixest::degrees_freedom(summary(theirs, request), "t"))
    }
  }
})

test_that("variances equal plm's vcovNW and vcovSCC on a balanced panel and on an unbalanced one", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  for (data in list(Grunfeld, Grunfeld[-c(8, 31, 77), ])) {
    theirs <- plm::plm(inv ~ value + capital, data, model = "within", index = c("firm", "year"))
    ours <- fe_lm(inv ~ value + capital | firm, data, ssc = "plm")
    for (lag in 1:3) {
      expect_lt(worst(vcov(ours, DK(lag) ~ year),
                      plm::vcovSCC(theirs, maxlag = lag, type = "HC0")), 1e-9)
    }
  }
  theirs <- plm::plm(inv ~ value + capital, Grunfeld, model = "within", index = c("firm", "year"))
  ours <- fe_lm(inv ~ value + capital | firm, Grunfeld, ssc = "plm")
  expect_lt(worst(vcov(ours, NW(2) ~ firm + year), plm::vcovNW(theirs, maxlag = 2, type = "HC0")),
            1e-9)
  expect_lt(worst(vcov(ours, DK ~ year, ssc = "plm.HC1"), plm::vcovSCC(theirs, type = "HC1")), 1e-9)
})

test_that("variances equal sandwich's vcovPL and NeweyWest", {
  skip_if_not_installed("sandwich")
  data("PetersenCL", package = "sandwich", envir = environment())
  l <- lm(y ~ x, PetersenCL)
  model <- fe_lm(y ~ x, PetersenCL, ssc = "plm")
  for (lag in 1:3) {
    expect_lt(worst(vcov(model, NW(lag) ~ firm + year),
                    sandwich::vcovPL(l, ~firm + year, lag = lag, aggregate = FALSE,
                                     adjust = FALSE)), 1e-9)
    expect_lt(worst(vcov(model, DK(lag) ~ year),
                    sandwich::vcovPL(l, ~firm + year, lag = lag, adjust = FALSE)), 1e-9)
  }
  series <- data.frame(y = as.vector(lh), x = sin(1:48), t = 1:48)
  expect_lt(worst(vcov(fe_lm(y ~ x, series, ssc = "plm"), NW(4) ~ t),
                  sandwich::NeweyWest(lm(y ~ x, series), lag = 4, prewhite = FALSE)), 1e-9)
})

test_that("effects of periods that Driscoll and Kraay's scores sum over are warned of", {
  set.seed(1)
  d <- expand.grid(id = 1:10, t = 1:8)
  d$x <- rnorm(80)
  d$y <- rnorm(80)
  expect_warning(fixef(fe_lm(y ~ x | id + t, d, vcov = DK(0) ~ t), "t", se = TRUE),
                 "lie within", class = "fe_warning")
})

test_that("times at one hour of the day are dates, whatever the clocks do", {
  set.seed(8)
  d <- expand.grid(unit = 1:6, day = as.Date("2020-03-05") + c(0:4, 7))
  d$x <- rnorm(nrow(d))
  d$y <- d$x + rnorm(nrow(d))
  d$noon <- as.POSIXct(paste(d$day, "12:00"), tz = "America/New_York")
  m <- fe_lm(y ~ x | unit, d)
  expect_equal(vcov(m, NW(2) ~ unit + noon), vcov(m, NW(2) ~ unit + day), tolerance = 1e-12)
})
