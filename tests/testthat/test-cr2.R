# Variances that correct for the leverage of clusters, against matrices of all dummies, and against
# clubSandwich and estimatr.

df_of <- function(m, ...) unname(summary(m, ...)$vcov_info$df)

# The difference relative to each number itself.
apart <- function(ours, oracle) max(abs(ours - oracle) / abs(oracle))

effects_of <- list("unit", c("unit", "time"), c("unit", "time", "group"), "time",
                   c("cluster", "time"))

fit_panel <- function(d, fe, weights, ...) {
  f <- stats::as.formula(paste("y ~ x1 + x2 + x3 |", paste(fe, collapse = " + ")))
  if (weights) fe_lm(f, d, weights = ~w, ...) else fe_lm(f, d, ...)
}

test_that("CR2, its degrees of freedom and those of HTZ equal the textbook on random panels", {
  for (seed in 1:30) {
    d <- random_panel(seed, "weights", n_units = 12L, n_times = 6L)
    fe <- effects_of[[seed %% 5L + 1L]]
    weights <- seed %% 3L > 0L
    m <- fit_panel(d, fe, weights)
    o <- oracle_panel(d, fe, w = if (weights) "w")
    for (by in c("unit", "cluster", "other")) {
      truth <- oracle_cr2(o, o$data[[by]])
      expect_lt(worst(vcov(m, "CR2", by), truth$V), 1e-9)
      expect_lt(apart(df_of(m, vcov = "CR2", cluster = by), oracle_df(truth, 3L)), 1e-9)
      C <- rbind(c(1, 0, -1), c(0, 1, 0))
      expect_lt(apart(cr2_htz(m, by, m$ssc, C), truth$eta(C)), 1e-9)
    }
  }
})

test_that("weights that count observations give what the rows written out give", {
  d <- random_panel(7)
  d$w <- 1 + seq_len(nrow(d)) %% 3
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, weights_type = "frequency")
  long <- fe_lm(y ~ x1 + x2 | unit + time, d[rep(seq_len(nrow(d)), d$w), ])
  for (type in c("CR1S", "CR2")) {
    expect_lt(worst(vcov(m, type, "cluster"), vcov(long, type, "cluster")), 1e-9)
  }
  expect_lt(apart(df_of(m, vcov = "CR2", cluster = "cluster"),
                  df_of(long, vcov = "CR2", cluster = "cluster")), 1e-9)
  satt <- fe_ssc(t.df = "satterthwaite")
  expect_lt(apart(df_of(m, vcov = "HC2", ssc = satt), df_of(long, vcov = "HC2", ssc = satt)), 1e-9)
})

test_that("the cost of large clusters and of many columns takes other ways to the same numbers", {
  d <- random_panel(8, "weights", n_units = 30L, n_times = 12L)
  d$half <- d$unit %% 2L
  m <- fe_lm(y ~ x1 + x2 | time, d, weights = w) # 2 (p + m) < n_g: a basis of the span
  o <- oracle_panel(d, "time", c("x1", "x2"), w = "w")
  truth <- oracle_cr2(o, o$data$half)
  expect_lt(worst(vcov(m, "CR2", "half"), truth$V), 1e-9)
  expect_lt(apart(df_of(m, vcov = "CR2", cluster = "half"), oracle_df(truth, 2L)), 1e-9)
  d$pair <- d$unit %/% 2L + 100L * (d$time %/% 2L)
  n <- fe_lm(y ~ x1 + x2 | unit + half, d) # n_g < p: the rows of a cluster
  o <- oracle_panel(d, c("unit", "half"), c("x1", "x2"))
  truth <- oracle_cr2(o, d$pair)
  expect_lt(worst(vcov(n, "CR2", "pair"), truth$V), 1e-9)
  expect_lt(apart(df_of(n, vcov = "CR2", cluster = "pair"), oracle_df(truth, 2L)), 1e-9)
})

test_that("several nested effects and slopes of their own drop out as dummies do, weighted too", {
  d <- random_panel(9, "weights", n_units = 12L, n_times = 9L)
  d$t <- d$time - 2000
  for (weights in c(FALSE, TRUE)) {
    arguments <- list(y ~ x1 + x2 | unit[t] + time, d, weights = if (weights) ~w)
    m <- do.call(fe_lm, arguments)
    D <- full_dummies(d$unit)
    w <- if (weights) d$w else rep(1, nrow(d))
    o <- oracle_fit(d$y, cbind(D * d$t, x1 = d$x1, x2 = d$x2), list(d$unit, d$time), w)
    o$slopes <- c("x1", "x2")
    for (by in c("unit", "cluster")) {
      truth <- oracle_cr2(o, d[[by]])
      expect_lt(worst(vcov(m, "CR2", by), truth$V), 1e-9)
      expect_lt(apart(df_of(m, vcov = "CR2", cluster = by), oracle_df(truth, 2L)), 1e-9)
    }
  }
})

test_that("HC2 has Satterthwaite degrees of freedom on request", {
  satt <- fe_ssc(t.df = "satterthwaite")
  for (fe in list("unit", c("unit", "time"), c("time", "group"))) {
    d <- random_panel(10)
    m <- fit_panel(d, fe, FALSE)
    o <- oracle_panel(d, fe)
    truth <- oracle_df(oracle_cr2(o, seq_len(o$n)), 3L)
    expect_lt(apart(df_of(m, vcov = "HC2", ssc = satt), truth), 1e-9)
    expect_equal(df_of(m, vcov = "HC2"), m$df.residual)
  }
})

test_that("HC2 has them without effects, or with slopes alone, too", {
  d <- random_panel(10, "weights")
  d$z <- d$x3
  v <- d$w
  truth <- function(Z, at) { # clusters of one row, errors of variance 1 / w
    H <- sqrt(v) * Z %*% solve(crossprod(sqrt(v) * Z), t(sqrt(v) * Z))
    p <- solve(crossprod(sqrt(v) * Z), t(sqrt(v) * Z))[at, ] / sqrt(1 - diag(H))
    P <- outer(p, p) * (diag(nrow(Z)) - H)
    sum(diag(P))^2 / sum(P^2)
  }
  satt <- function(f) df_of(fe_lm(f, d, weights = ~w), vcov = "HC2",
                            ssc = fe_ssc(t.df = "satterthwaite"))
  expect_equal(satt(y ~ x1)[2L], truth(cbind(1, d$x1), 2L), tolerance = 1e-10)
  expect_equal(satt(y ~ x1 | group[[z]])[2L],
               truth(cbind(1, d$x1, full_dummies(d$group) * d$z), 2L), tolerance = 1e-10)
})

test_that("the constant has its CR2 and its degrees of freedom", {
  skip_if_not_installed("clubSandwich")
  d <- random_panel(11)
  m <- fe_lm(y ~ x1 | unit + time, d, intercept = "lsdv")
  l <- lm(y ~ x1 + factor(unit) + factor(time), d)
  V <- clubSandwich::vcovCR(l, d$cluster, "CR2")
  at <- c("(Intercept)", "x1")
  expect_warning(ours <- summary(m, CR2 ~ cluster), "\"unit\" lie within", class = "fe_warning")
  expect_lt(worst(vcov(ours), as.matrix(V)[at, at]), 1e-8)
  test <- clubSandwich::coef_test(l, V, coefs = at)
  expect_lt(apart(df_of(ours), test$df_Satt), 1e-6)
})

test_that("threads change no bit", {
  d <- random_panel(12, "weights", n_units = 60L, n_times = 12L)
  fit <- function(threads, ...) fe_lm(y ~ x1 + x2 | unit + time, d, threads = threads, ...)
  one <- vcov(fit(1L), "CR2", "unit")
  weighted <- vcov(fit(1L, weights = ~w), "CR2", "unit")
  for (threads in c(2L, 4L)) {
    expect_identical(vcov(fit(threads), "CR2", "unit"), one)
    expect_identical(vcov(fit(threads, weights = ~w), "CR2", "unit"), weighted)
  }
})

# ---- peers ---------------------------------------------------------------------------------------

test_that("CR2 clusters by the first effect unless told, and a print says what it is", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  m <- fe_lm(inv ~ value + capital | firm + year, Grunfeld, vcov = CR2 ~ firm)
  expect_equal(vcov(fe_lm(inv ~ value + capital | firm + year, Grunfeld), "CR2"), vcov(m))
  expect_output(print(m), "CR2.*firm \\(10\\).*Satterthwaite")
})

test_that("clubSandwich on the dummies agrees, weights and crossing clusters too", {
  skip_if_not_installed("clubSandwich")
  d <- random_panel(13, "weights")
  at <- c("x1", "x2")
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w)
  l <- lm(y ~ x1 + x2 + factor(unit) + factor(time), d, weights = w)
  for (by in c("unit", "cluster", "other")) {
    for (type in c("CR1S", "CR2")) {
      V <- clubSandwich::vcovCR(l, d[[by]], type)
      expect_lt(worst(vcov(m, type, by), as.matrix(V)[at, at]), 1e-9)
      ours <- df_of(m, vcov = type, cluster = by,
                    ssc = fe_ssc("clubSandwich", t.df = "satterthwaite"))
      expect_lt(apart(ours, clubSandwich::coef_test(l, V, coefs = at)$df_Satt), 1e-8)
    }
    test <- clubSandwich::Wald_test(l, clubSandwich::constrain_zero(at), V, "HTZ")
    expect_equal(cr2_htz(m, by, m$ssc, diag(2L)), test$df_denom + 1, tolerance = 1e-8)
  }
})

test_that("estimatr's CR2 agrees", {
  skip_if_not_installed("estimatr")
  d <- random_panel(14)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, ssc = "estimatr", vcov = CR2 ~ cluster)
  e <- estimatr::lm_robust(y ~ x1 + x2, d, fixed_effects = ~unit + time, clusters = cluster,
                           se_type = "CR2")
  expect_equal(tidy(m)$std.error, unname(e$std.error), tolerance = 1e-9)
  expect_equal(unname(m$vcov_info$df), unname(e$df), tolerance = 1e-8)
  expect_equal(tidy(m)$p.value, unname(e$p.value), tolerance = 1e-7)
})

# ---- refusals ------------------------------------------------------------------------------------

test_that("what is not defined is refused", {
  d <- random_panel(15)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d)
  expect_error(vcov(m, CR2 ~ unit + other), "open problem", class = "fe_error")
  expect_error(vcov(fe_lm(y ~ x1 | unit, d), "CR2", cluster = rep(1, nrow(d))),
               "at least two clusters", class = "fe_error")
  d$only <- d$x1 * (d$cluster == "cl2")
  s <- fe_lm(y ~ x2 + only | unit + time, d)
  expect_gt(vcov(s, CR2 ~ cluster)["only", "only"], 0)
})

test_that("hundreds of effects that cut across the clusters are those of the dummies", {
  set.seed(16)
  n <- 1100
  d <- data.frame(unit = rep(1:6, length.out = n), f = sample(450, n, TRUE), x1 = rnorm(n))
  d$y <- d$x1 + rnorm(n)
  m <- fe_lm(y ~ x1 | unit + f, d, singletons = "keep")
  o <- oracle_panel(d, c("unit", "f"), "x1", singletons = "keep")
  cr2 <- oracle_cr2(o, o$data$unit)
  ours <- summary(m, CR2 ~ unit)
  expect_equal(vcov(ours)[[1]], cr2$V[[1]], tolerance = 1e-9)
  expect_equal(unname(ours$vcov_info$df), cr2$eta(diag(1)), tolerance = 1e-7)
})

test_that("crossing effects beyond the limit are refused, with the limit and what to do", {
  set.seed(16)
  n <- 30000
  d <- data.frame(g = rep(1:8, length.out = n), f = sample(12000, n, TRUE),
                  h = sample(12000, n, TRUE))
  d$x <- rnorm(n)
  d$y <- d$x + rnorm(n)
  m <- fe_lm(y ~ x | f + h, d)
  expect_error(vcov(m, CR2 ~ g), "limits are 3e\\+08 numbers", class = "fe_error")
  expect_error(vcov(m, ~g, ssc = fe_ssc(t.df = "satterthwaite")), "CR3", class = "fe_error")
  expect_error(fepanel:::hc2_df(list(m = m)), "n - K", class = "fe_error")
})

test_that("clusters that meet few of the crossing effects have CR2 too", {
  set.seed(1)
  d <- data.frame(c = sample(15, 3000, TRUE), x = rnorm(3000), y = rnorm(3000))
  d$ind <- (d$c * 5 + sample(8, 3000, TRUE)) %% 80
  m <- fe_lm(y ~ x | c + ind, d)
  by_rows <- fe_lm(y ~ x | c + ind, d, weights = rep(1, 3000)) # another path
  expect_equal(vcov(m, CR2 ~ c), vcov(by_rows, CR2 ~ c), tolerance = 1e-9)
  expect_equal(vcov_df(m, CR2 ~ c), vcov_df(by_rows, CR2 ~ c), tolerance = 1e-8)
})

test_that("predictions and effects have the CR2 variance of the dummies", {
  skip_if_not_installed("clubSandwich")
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade, vcov = CR2 ~ country)
  l <- lm(ln_upmf ~ ln_imdig + country + factor(year), digitrade)
  V <- as.matrix(clubSandwich::vcovCR(l, digitrade$country, "CR2"))
  x <- model.matrix(l)[1:3, ]
  ours <- suppressWarnings(predict(m, digitrade[1:3, ], se.fit = TRUE), classes = "fe_warning")
  expect_equal(unname(ours$se.fit), unname(sqrt(diag(x %*% V %*% t(x)))), tolerance = 1e-8)
  effects <- tidy(fixef(m, "year", se = TRUE))
  years <- grep("year", colnames(V))
  expect_equal(effects$std.error[-1], unname(sqrt(diag(V)[years])), tolerance = 1e-8)
})

test_that("the HTZ test does not depend on units", {
  set.seed(1)
  d <- data.frame(g = rep(1:12, each = 10), t = rep(1:10, 12), x = rnorm(120), z = rnorm(120),
                  y = rnorm(120))
  d$large <- 1e8 * d$x
  one <- fe_wald(fe_lm(y ~ x + z | g + t, d, vcov = CR2 ~ g))
  other <- fe_wald(fe_lm(y ~ large + z | g + t, d, vcov = CR2 ~ g))
  expect_equal(other$p.value, one$p.value, tolerance = 1e-8)
  expect_equal(other$parameter, one$parameter, tolerance = 1e-8)
})
