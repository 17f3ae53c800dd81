# Small-sample conventions, and the packages that follow them; their printed numbers are in
# reference/grunfeld.R. Grunfeld, inv ~ value + capital | firm + year, by firm.
grunfeld <- function(...) {
  data("Grunfeld", package = "plm", envir = environment())
  fe_lm(inv ~ value + capital | firm + year, Grunfeld, vcov = ~firm, ...)
}
se_value <- function(m, ...) sqrt(vcov(m, ...)["value", "value"])

test_that("degrees of freedom follow the convention", {
  skip_if_not_installed("plm")
  m <- grunfeld()
  expect_equal(vcov_df(m), 9)
  expect_equal(vcov_df(m, ssc = "plm"), 169)
  expect_equal(vcov_df(m, vcov = "HC1"), 169)
  expect_equal(vcov_df(m, vcov = ~firm + year), 9)
})

test_that("degrees of freedom and the factor of the jackknife can be set", {
  skip_if_not_installed("plm")
  m <- grunfeld()
  df <- function(vcov, ...) unname(vcov_df(m, vcov = vcov, ssc = fe_ssc(...)))
  expect_equal(df(CR2 ~ firm, t.df = "clusters"), 9)
  expect_equal(df(CR2 ~ firm, t.df = "residual"), 169)
  expect_identical(df(CR2 ~ firm, t.df = "satterthwaite"), df(CR2 ~ firm))
  expect_equal(df(CR3 ~ firm), 9)
  expect_true(all(df(CR1 ~ firm, t.df = "satterthwaite") < 9))
  expect_equal(df(~firm + year, t.df = "satterthwaite"), 9)
  whole <- vcov(m, CR3 ~ firm, ssc = fe_ssc(jackknife.adj = FALSE))
  expect_equal(whole, vcov(m, CR3 ~ firm) * 10 / 9)
  expect_equal(vcov(m, CR1S ~ firm, ssc = "plm"), vcov(m, ~firm, ssc = "areg"))
  expect_error(fe_ssc(t.df = "none"), "t.df", class = "fe_error")
  expect_error(fe_ssc(jackknife.adj = NA), "jackknife.adj", class = "fe_error")
})

test_that("heteroskedasticity-robust variances do not depend on the convention", {
  skip_if_not_installed("plm")
  m <- grunfeld()
  for (type in c("iid", "HC0", "HC1", "HC2", "HC3")) {
    expect_identical(vcov(m, type, ssc = "plm"), vcov(m, type))
  }
})

test_that("the model states the factor, the clusters and the degrees of freedom", {
  skip_if_not_installed("plm")
  m <- grunfeld(ssc = "areg")
  expect_equal(m$vcov_info$factor, 199 / 169 * 10 / 9)
  expect_output(print(m), "CR1.*firm \\(10\\).*1\\.3083.*areg.*t\\(9\\)")
  expect_output(print(fe_ssc("areg")), "K.fixef = full")
})

test_that("disconnected fixed effects are counted exactly, or by fixest's rule on request", {
  d <- random_panel(4)
  d$time <- d$time + 100 * (d$unit > 7)
  m <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d, vcov = ~other)
  o <- oracle_panel(d, c("unit", "time"))
  expect_equal(m$rank, o$rank)
  cluster <- list(o$data$other)
  expect_lt(worst(vcov(m), oracle_vcov(o, "CR1", cluster)), 1e-9)
  by_count <- vcov(m, ssc = "fixest")
  expect_equal(by_count / vcov(m), matrix((o$n - o$rank) / (o$n - o$rank - 1), 3, 3),
               ignore_attr = TRUE)
  skip_if_not_installed("fixest")
  f <- fixest::feols(y ~ x1 + x2 + x3 | unit + time, d, fixef.tol = 1e-11, nthreads = 1)
  expect_lt(worst(by_count, vcov(f, ~other)), 1e-9)
})

# ---- the packages themselves ---------------------------------------------------------------------

test_that("fixest's ssc() and fe_ssc() with the same arguments agree", {
  skip_if_not_installed("fixest")
  d <- random_panel(41, c("weights", "singletons"))
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w)
  f <- fixest::feols(y ~ x1 + x2 | unit + time, d, weights = ~w, fixef.tol = 1e-11, nthreads = 1,
                     notes = FALSE)
  grid <- expand.grid(K.adj = c(TRUE, FALSE), K.fixef = c("nonnested", "full", "none"),
                      G.adj = c(TRUE, FALSE), G.df = c("min",
                                                       "conventional"), stringsAsFactors = FALSE)
  for (g in seq_len(nrow(grid))) {
    ours <- do.call(fe_ssc, c(list("fixest"), grid[g, ]))
    theirs <- do.call(fixest::ssc, as.list(grid[g, ]))
    for (clusters in list(~cluster, ~unit, ~other, ~cluster + other)) {
      expect_lt(worst(vcov(m, clusters, ssc = ours), vcov(f, clusters, ssc = theirs)), 1e-9)
    }
  }
})

test_that("sandwich's vcovCL on the dummies agrees, every type and multiway flavour", {
  skip_if_not_installed("sandwich")
  d <- random_panel(42, n_units = 30L, n_times = 12L)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d)
  l <- lm(y ~ x1 + x2 + factor(unit) + factor(time), d)
  at <- c("x1", "x2")
  for (clusters in list(~cluster, ~other, ~unit + time)) {
    expect_lt(worst(vcov(m, clusters, ssc = "sandwich"),
                    sandwich::vcovCL(l, clusters, type = "HC0")[at, at]), 1e-9)
    expect_lt(worst(vcov(m, clusters, ssc = "sandwich.HC1"),
                    sandwich::vcovCL(l, clusters, type = "HC1")[at, at]), 1e-9)
  }
  expect_lt(worst(vcov(m, CR0 ~ unit + time),
                  sandwich::vcovCL(l, ~unit + time, type = "HC0", cadjust = FALSE)[at, at]), 1e-9)
})

test_that("plm's vcovHC agrees", {
  skip_if_not_installed("plm")
  m <- grunfeld()
  data("Grunfeld", package = "plm", envir = environment())
  p <- plm::plm(inv ~ value + capital, Grunfeld, effect = "twoways", model = "within")
  types <- c(plm = "HC0", plm.HC1 = "HC1", plm.sss = "sss")
  for (preset in names(types)) {
    expect_lt(worst(vcov(m, ssc = preset), unclass(plm::vcovHC(p, type = types[[preset]]))), 1e-9)
  }
})

test_that("estimatr agrees, standard errors and degrees of freedom", {
  skip_if_not_installed("estimatr")
  d <- random_panel(43)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, vcov = ~cluster)
  for (type in c("stata", "CR0")) {
    e <- estimatr::lm_robust(y ~ x1 + x2, d, fixed_effects = ~unit + time, clusters = cluster,
                             se_type = type)
    t <- tidy(m, ssc = c(stata = "estimatr", CR0 = "estimatr.CR0")[[type]])
    expect_equal(t$std.error, unname(e$std.error), tolerance = 1e-9)
    expect_equal(t$p.value, unname(e$p.value), tolerance = 1e-7)
  }
})

test_that("clubSandwich's CR0, CR1, CR1S and CR1p on the dummies agree", {
  skip_if_not_installed("clubSandwich")
  d <- random_panel(44)
  m <- fe_lm(y ~ x1 + x2 | time, d)
  l <- lm(y ~ x1 + x2 + factor(time), d)
  types <- c(clubSandwich = "CR1", clubSandwich.CR1S = "CR1S", clubSandwich.CR1p = "CR1p",
             estimatr.CR0 = "CR0")
  for (preset in names(types)) {
    theirs <- as.matrix(clubSandwich::vcovCR(l, d$unit,
                                             types[[preset]]))[c("x1", "x2"), c("x1", "x2")]
    expect_lt(worst(vcov(m, ~unit, ssc = preset), theirs), 1e-9)
  }
})
