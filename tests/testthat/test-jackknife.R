# Cluster jackknife: brute-force refits by lm() with dummies, and printed numbers of other packages.

# Coefficients `terms` without each value of `by`, one row each. f: formula of lm(), with dummies.
refits <- function(f, d, by, terms, w = rep(1, nrow(d))) {
  d$.w <- w
  environment(f) <- environment()
  do.call(rbind, lapply(sort(unique(by)), function(g) {
    coef(lm(f, d[by != g, ], weights = .w))[terms]
  }))
}

jackknife <- function(without, centre) {
  G <- nrow(without)
  (G - 1) / G * crossprod(sweep(without, 2L, centre))
}

coded <- function(m, cluster) fepanel:::cluster_factors(cluster, m, 1L)[[1L]]

leave_out <- function(m, cluster) fepanel:::leave_out_coefs(m, coded(m, cluster))

test_that("estimates without a cluster equal lm() on the other rows in random weighted panels", {
  for (seed in 1:10) {
    d <- random_panel(seed, "weights", n_units = 15L)
    m <- fe_lm(y ~ x1 + x2 + x3 | unit + time + group, d, weights = ~w, threads = 1 + seed %% 2)
    f <- y ~ x1 + x2 + x3 + factor(unit) + factor(time) + group
    terms <- c("x1", "x2", "x3")
    for (by in c("unit", "cluster", "other", "time")) {
      slow <- refits(f, d, d[[by]], terms, d$w)
      fast <- leave_out(m, by)
      expect_lt(max(abs(fast$coef - slow) / abs(coef(m))[col(slow)]), 1e-9)
      expect_identical(fast$labels, as.character(sort(unique(d[[by]]))))
      V <- jackknife(slow, coef(m))
      expect_lt(worst(vcov(m, "CR3", cluster = by), V), 1e-9)
    }
    expect_lt(worst(vcov(m, CR3J ~ cluster),
                    jackknife(leave_out(m, ~cluster)$coef, colMeans(leave_out(m, ~cluster)$coef))),
              1e-12)
  }
})

test_that("frequency weights count as rows written out", {
  d <- random_panel(3)
  d$times <- 1 + seq_len(nrow(d)) %% 4
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = ~times, weights_type = "frequency")
  long <- fe_lm(y ~ x1 + x2 | unit + time, d[rep(seq_len(nrow(d)), d$times), ])
  for (vcov in list(CR3 ~ cluster, CR3J ~ other, CR1S ~ unit)) {
    expect_lt(worst(vcov(m, vcov), vcov(long, vcov)), 1e-9)
  }
})

test_that("models without fixed effects, with one, and with varying slopes are left out exactly", {
  d <- random_panel(8, n_times = 9L)
  cases <- list(
    list(fe = y ~ x1 + x2, lm = y ~ x1 + x2, terms = c("(Intercept)", "x1", "x2")),
    list(fe = y ~ 0 + x1 + x2, lm = y ~ 0 + x1 + x2, terms = c("x1", "x2")),
    list(fe = y ~ x1 + x2 | group, lm = y ~ x1 + x2 + group, terms = c("x1", "x2")),
    list(fe = y ~ x1 + x2 | unit[time] + group,
         lm = y ~ x1 + x2 + factor(unit) + factor(unit):time + group, terms = c("x1", "x2")),
    list(fe = y ~ x1 | unit + group[x2], lm = y ~ x1 + factor(unit) + group + group:x2,
         terms = "x1"))
  d$time <- d$time - 2005
  for (case in cases) {
    m <- fe_lm(case$fe, d)
    for (by in c("cluster", "other")) {
      slow <- refits(case$lm, d, d[[by]], case$terms)
      expect_lt(worst(leave_out(m, by)$coef, slow), 1e-8)
      expect_lt(worst(vcov(m, "CR3", cluster = by), jackknife(slow, coef(m)[case$terms])), 1e-8)
    }
  }
})

test_that("effects that are too many for dummies are absorbed again for every cluster", {
  set.seed(5)
  d <- data.frame(firm = rep(1:420, each = 3), worker = sample(200, 1260, TRUE), x = rnorm(1260),
                  z = rnorm(1260))
  d$by <- d$worker %% 7
  d$y <- d$x + d$firm / 100 + rnorm(1260)
  m <- fe_lm(y ~ x + z | firm + worker, d)
  d <- d[fe_rows(m)$used, ]
  slow <- t(sapply(0:6, function(g) {
    coef(fe_lm(y ~ x + z | firm + worker, d[d$by != g, ], singletons = "keep"))
  }))
  expect_identical(fepanel:::block_columns(m, cbind(m$x$x), coded(m, ~by))$path, "rows")
  expect_equal(leave_out(m, ~by)$coef, slow, tolerance = 1e-9, ignore_attr = TRUE)
  expect_equal(vcov(m, CR3 ~ by), jackknife(slow, coef(m)), tolerance = 1e-8)
  d$t <- d$z * (d$by == 2)
  m <- fe_lm(y ~ x + t | firm + worker, d, singletons = "keep")
  without <- leave_out(m, ~by)$coef
  expect_identical(which(is.na(without)), 10L)
  slow <- fe_lm(y ~ x | firm + worker, d[d$by != 2, ], singletons = "keep")
  expect_equal(without[3, 1], coef(slow)[["x"]], tolerance = 1e-9)
})

test_that("a constant of effects that are not within clusters has its jackknife variance", {
  d <- random_panel(6)
  terms <- c("(Intercept)", "x1", "x2")
  b <- coef(lm(y ~ x1 + x2 + factor(time) + group, d))[terms]
  slow <- refits(y ~ x1 + x2 + factor(time) + group, d, d$unit, terms)
  m <- fe_lm(y ~ x1 + x2 | time + group, d, intercept = "lsdv", vcov = CR3 ~ unit)
  expect_lt(worst(vcov(m), jackknife(slow, b)), 1e-9)
  l <- lm(y ~ x1 + x2 + factor(time), d)
  at <- d[c(1, 20), ]
  slow <- t(sapply(unique(d$unit), function(u) predict(update(l, data = d[d$unit != u, ]), at)))
  m <- fe_lm(y ~ x1 + x2 | time, d, vcov = CR3 ~ unit)
  se <- predict(m, at, se.fit = TRUE)$se.fit
  expect_equal(unname(se^2), unname(diag(jackknife(slow, predict(l, at)))), tolerance = 1e-8)
})

test_that("what rests on effects within the clusters is refused", {
  d <- random_panel(6)
  for (flavour in c("lsdv", "mean", "within")) {
    expect_error(fe_lm(y ~ x1 | unit + time, d, intercept = flavour, vcov = CR3 ~ cluster),
                 "no variance of a constant or a prediction.*`cluster`", class = "fe_error")
  }
  m <- fe_lm(y ~ x1 | unit + time, d, vcov = CR3 ~ cluster)
  expect_warning(expect_error(predict(m, se.fit = TRUE), "no variance of .* a prediction"),
                 "lie within the clusters")
})

test_that("a slope that one cluster alone identifies is named with the cluster", {
  d <- random_panel(2)
  d$treated <- as.numeric(d$cluster == "cl4" & d$time > 2004)
  m <- fe_lm(y ~ x1 + treated | unit + time, d)
  expect_error(vcov(m, CR3 ~ cluster), "\"treated\".*without the cluster \"cl4\" of `cluster`",
               class = "fe_error")
  got <- leave_out(m, ~cluster)$coef
  slow <- refits(y ~ x1 + treated + factor(unit) + factor(time), d, d$cluster, c("x1", "treated"))
  expect_identical(which(is.na(got)), which(is.na(slow)))
  expect_equal(unname(got), unname(slow), tolerance = 1e-9)
})

test_that("several cluster variables are refused", {
  m <- fe_lm(y ~ x1 | unit + time, random_panel(2))
  expect_error(vcov(m, CR3 ~ unit + time), "by 2 variables, \"unit\" and \"time\"",
               class = "fe_error")
})

test_that("any number of threads gives the same bits", {
  d <- random_panel(7, "weights", n_units = 40L)
  run <- function(threads) {
    m <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d, weights = ~w, threads = threads)
    list(vcov(m, CR3 ~ unit), leave_out(m, ~other))
  }
  one <- run(1)
  for (threads in c(2, 4)) expect_identical(run(threads), one)
})

# ---- conventions ---------------------------------------------------------------------------------

test_that("the jackknife states its factor and degrees of freedom, and follows the convention", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  m <- fe_lm(inv ~ value + capital | firm + year, Grunfeld, vcov = CR3 ~ firm)
  se <- function(...) unname(sqrt(diag(vcov(m, ...))))
  expect_equal(m$vcov_info[c("factor", "df")], list(factor = .9, df = 9))
  expect_output(print(m), "CR3, cluster jackknife.*firm \\(10\\), factor 0.9 .*t\\(9\\)")
  expect_identical(se(ssc = "clubSandwich"), se(ssc = fe_ssc(jackknife.adj = FALSE)))
})

test_that("CR1S counts all parameters whatever the convention, as clubSandwich's", {
  skip_if_not_installed("clubSandwich")
  d <- random_panel(44)
  m <- fe_lm(y ~ x1 + x2 | time, d)
  l <- lm(y ~ x1 + x2 + factor(time), d)
  theirs <- as.matrix(clubSandwich::vcovCR(l, d$unit, "CR1S"))[c("x1", "x2"), c("x1", "x2")]
  for (ssc in c("fepanel", "plm", "lfe")) {
    expect_lt(worst(vcov(m, CR1S ~ unit, ssc = ssc), theirs), 1e-9)
  }
  theirs <- as.matrix(clubSandwich::vcovCR(l, d$unit, "CR3"))[c("x1", "x2"), c("x1", "x2")]
  expect_lt(worst(vcov(m, CR3 ~ unit, ssc = "clubSandwich"), theirs), 1e-9)
})

test_that("dummies that have no columns give the changes that columns give", {
  for (seed in 1:4) {
    d <- random_panel(seed, "weights", n_units = 12L)
    for (f in c(y ~ x1 + x2 | unit + time, y ~ x1 + x2 | time + group, y ~ x1 + x2 | time)) {
      m <- fe_lm(f, d, weights = if (seed %% 2) ~w)
      for (by in c("unit", "other", "time")) {
        cluster <- coded(m, by)
        expect_false(is.null(fepanel:::plain_dummies(m, cluster)))
        slopes <- solve(m$root)
        fast <- fepanel:::slope_changes(m, cluster, slopes)
        slow <- fepanel:::leave_out_changes(m, cluster, m$x)
        expect_equal(fast, slow, tolerance = 1e-9, ignore_attr = TRUE)
        expect_identical(is.nan(fast), is.nan(slow), ignore_attr = TRUE)
      }
    }
  }
})
