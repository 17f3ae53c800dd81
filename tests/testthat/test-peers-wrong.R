# Cases in which a package in use gives a wrong number without a word. Here: the right number, or an
# error that says why there is none.
grunfeld <- function() {
  data("Grunfeld", package = "plm", envir = environment())
  transform(Grunfeld, w = 1 + firm %% 3 + year %% 2, text = as.character(inv))
}
dummies <- function(g, ...) lm(inv ~ value + capital + factor(firm) + factor(year), g, ...)
slopes <- c("value", "capital")

test_that("plm ignores weights in the within transformation", {
  skip_if_not_installed("plm")
  g <- grunfeld()
  for (effects in c("firm", "firm + year")) {
    ours <- fe_lm(as.formula(paste("inv ~ value + capital |", effects)), g, weights = w,
                  vcov = "iid")
    l <- lm(as.formula(paste("inv ~ value + capital +",
                             if (effects == "firm") "factor(firm)" else
                               "factor(firm) + factor(year)")), g, weights = w)
    expect_lt(worst(coef(ours), coef(l)[slopes]), 1e-9)
    expect_lt(worst(vcov(ours), vcov(l)[slopes, slopes]), 1e-9)
  }
})

test_that("clubSandwich takes the slopes of a model with absorbed effects for the whole design", {
  skip_if_not_installed("clubSandwich")
  skip_if_not_installed("plm")
  g <- grunfeld()
  m <- fe_lm(inv ~ value + capital | firm + year, g)
  for (type in c("CR0", "CR2", "CR3")) {
    expect_error(clubSandwich::vcovCR(m, cluster = g$firm, type = type), "absorbed fixed effects",
                 class = "fe_error")
  }
  expect_error(clubSandwich::coef_test(m, "CR2", cluster = g$firm), "clubSandwich works with",
               class = "fe_error")
  plain <- fe_lm(inv ~ value + capital, g, weights = w)
  l <- lm(inv ~ value + capital, g, weights = w)
  expect_lt(worst(clubSandwich::vcovCR(plain, cluster = g$firm, type = "CR2"),
                  clubSandwich::vcovCR(l, cluster = g$firm, type = "CR2")), 1e-9)
})

test_that("sandwich's clustered HC2 and HC3 do the same, and so does vcovPC", {
  skip_if_not_installed("sandwich")
  skip_if_not_installed("plm")
  g <- grunfeld()
  m <- fe_lm(inv ~ value + capital | firm + year, g)
  for (type in c("HC2", "HC3")) {
    expect_error(suppressWarnings(sandwich::vcovCL(m, ~firm, type = type)), "sandwich works with",
                 class = "fe_error")
  }
  expect_error(sandwich::vcovPC(m, ~ firm + year), "absorbed fixed effects", class = "fe_error")
  l <- dummies(g)
  expect_lt(worst(sandwich::vcovCL(m, ~firm, type = "HC0"),
                  sandwich::vcovCL(l, ~firm, type = "HC0")[slopes, slopes]), 1e-9)
  expect_lt(worst(sandwich::vcovHC(m, "HC3"), sandwich::vcovHC(l, "HC3")[slopes, slopes]), 1e-9)
  expect_lt(worst(sandwich::vcovPC(fe_lm(inv ~ value + capital, g), ~ firm + year),
                  sandwich::vcovPC(lm(inv ~ value + capital, g), ~ firm + year)), 1e-9)
})

test_that("estimatr gives a standard error for one cluster, and NA for an infinite regressor", {
  skip_if_not_installed("plm")
  g <- transform(grunfeld(), one = 1)
  m <- fe_lm(inv ~ value | firm, g)
  for (type in list(~one, CR0 ~ one)) {
    expect_error(vcov(m, type), "clusters by `one`, which has a single value", class = "fe_error")
  }
  g$value[7] <- Inf
  infinite <- fe_lm(inv ~ value | firm, g)
  expect_equal(coef(infinite), coef(lm(inv ~ value + factor(firm), g[-7, ]))["value"],
               tolerance = 1e-10)
  expect_identical(fe_rows(infinite)$cause[7], "infinite")
})

test_that("estimatr takes an outcome that is text", {
  skip_if_not_installed("plm")
  expect_error(fe_lm(text ~ value | firm, grunfeld()), "outcome `text`, which is .* \"character\"",
               class = "fe_error")
})

test_that("plm and estimatr ignore an offset", {
  skip_if_not_installed("plm")
  g <- grunfeld()
  l <- lm(inv ~ value + offset(0.3 * capital) + factor(firm) + factor(year), g, weights = w)
  ours <- fe_lm(inv ~ value + offset(0.3 * capital) | firm + year, g, weights = w, vcov = "iid")
  expect_lt(worst(coef(ours), coef(l)["value"]), 1e-9)
  expect_lt(worst(vcov(ours), vcov(l)["value", "value"]), 1e-9)
})

test_that("fixest leaves out a regressor for its unit, and has NaN for tiny outcomes", {
  skip_if_not_installed("plm")
  g <- transform(grunfeld(), tiny = capital * 1e-12, small = inv * 1e-100, smaller = inv * 1e-200)
  m <- fe_lm(inv ~ value + tiny | firm + year, g, vcov = ~firm)
  plain <- fe_lm(inv ~ value + capital | firm + year, g, vcov = ~firm)
  expect_lt(worst(coef(m) * c(1, 1e-12), coef(plain)), 1e-9)
  expect_lt(worst(tidy(m)$statistic, tidy(plain)$statistic), 1e-9)
  small <- fe_lm(small ~ value + capital | firm + year, g, vcov = ~firm)
  expect_lt(worst(tidy(small)$statistic, tidy(plain)$statistic), 1e-9)
  expect_lt(worst(coef(small) * 1e100, coef(plain)), 1e-9)
  expect_error(fe_lm(smaller ~ value | firm, g), "`smaller`, whose squares cannot be represented",
               class = "fe_error")
})

test_that("fixest calls rows without a group infinite", {
  skip_if_not_installed("plm")
  g <- grunfeld()
  g$part <- ifelse(g$firm > 5, "large", "small")
  g$part[c(3, 150)] <- NA
  parts <- fe_lm(inv ~ value | firm, g, split = ~part)
  expect_identical(vapply(parts, nobs, 0), c(99, 99), ignore_attr = TRUE)
  rows <- fe_rows(parts[[1L]])
  expect_identical(rows$cause[c(3, 150)], c("outside", "outside"))
  expect_identical(sum(rows$used), 99L)
})

test_that("emmeans of fixest has neither the mean nor its standard error", {
  skip_if_not_installed("emmeans")
  skip_if_not_installed("plm")
  g <- grunfeld()
  ours <- as.data.frame(emmeans::emmeans(fe_lm(inv ~ value + capital | firm + year, g,
                                               vcov = "iid"), ~1))
  theirs <- as.data.frame(emmeans::emmeans(dummies(g), ~1, weights = "proportional"))
  expect_equal(ours$emmean, mean(g$inv), tolerance = 1e-10)
  expect_equal(ours$SE, theirs$SE, tolerance = 1e-9)
})

test_that("augment of fixest stops at data with a missing value", {
  skip_if_not_installed("plm")
  g <- grunfeld()
  g$value[5] <- NA
  a <- augment(fe_lm(inv ~ value + capital | firm + year, g), data = g)
  expect_identical(nrow(a), nrow(g))
  l <- lm(inv ~ value + capital + factor(firm) + factor(year), g, na.action = na.exclude)
  expect_equal(a$.resid, unname(residuals(l)), tolerance = 1e-8)
  expect_equal(a$.fitted, unname(fitted(l)), tolerance = 1e-8)
})

test_that("lm calls a regressor far from zero collinear", {
  skip_if_not_installed("plm")
  g <- transform(grunfeld(), near = value / 1000, far = value / 1000 + 1e8)
  t_values <- function(formula) tail(tidy(fe_lm(formula, g))$statistic, 2L)
  expect_lt(worst(t_values(inv ~ far + capital), t_values(inv ~ near + capital)), 1e-5)
  expect_lt(worst(t_values(inv ~ far + capital | firm + year),
                  t_values(inv ~ near + capital | firm + year)), 1e-5)
})

test_that("fixest's Conley overlooks neighbours whose longitudes are far apart", {
  d <- data.frame(lat = c(75, 80, 85, 85, 80, 75, 60, 50),
                  lon = c(0, 170, 90, -80, 10, -170, 60, 0))
  set.seed(3)
  d <- d[rep(seq_len(nrow(d)), 6), ]
  d$x <- rnorm(nrow(d))
  d$y <- d$x + rnorm(nrow(d))
  o <- oracle_fit(d$y, cbind(x = d$x))
  for (cutoff in c(1200, 2500, 4000)) {
    V <- oracle_kernel(o, oracle_distance(d$lat, d$lon) <= cutoff, o$n / (o$n - o$rank),
                       colnames(o$Z))
    ours <- suppressWarnings(vcov(fe_lm(y ~ x, d), conley(cutoff) ~ lat + lon),
                             classes = "fe_warning")
    inverse <- `dimnames<-`(o$inverse, list(colnames(o$Z), colnames(o$Z)))
    expect_equal(ours, oracle_repaired_slopes(V, inverse), tolerance = 1e-9)
  }
})
