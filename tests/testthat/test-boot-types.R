# The oracle refits with lm() and dummies: weights of clusters as weights of rows, or new outcomes.

multipliers <- c("rademacher", "mammen", "webb", "norm", "gamma")

test_that("Bayesian replicates equal weighted lm(), on both paths", {
  d <- boot_panel()
  m <- fe_lm(y ~ x + z | unit + year, d, vcov = ~unit, weights = ~w)
  for (cluster in c("unit", "cl")) {
    b <- fe_boot(m, R = 12, type = "bayesian", cluster = cluster, seed = 3)
    W <- fe_boot_weights(max(d[[cluster]]), 1:12, b$seed, "bayesian")
    slow <- t(apply(W, 2, function(v) dummy_slopes(d, w = d$w * v[d[[cluster]]])))
    expect_equal(unname(b$t), unname(slow), tolerance = 1e-9)
    expect_equal(colSums(W), rep(max(d[[cluster]]), 12))
  }
})

test_that("Bayesian weights are Dirichlet(1, ..., 1)", {
  W <- fe_boot_weights(5, 1:20000, seed = 11, type = "bayesian") / 5
  expect_gt(min(W), 0)
  expect_equal(rowMeans(W), rep(1 / 5, 5), tolerance = 0.02)
  expect_equal(unname(var(W[1, ])), 4 / (25 * 6), tolerance = 0.05)
  p <- ks.test(W[2, ], "pbeta", 1, 4)$p.value
  expect_gt(p, 1e-4)
})

test_that("wild replicates are the fits of fitted values and multiplied residuals", {
  d <- boot_panel()
  m <- fe_lm(y ~ x + z | unit + year, d, vcov = ~unit, weights = ~w)
  for (cluster in c("unit", "cl")) for (kind in multipliers) {
    b <- fe_boot(m, R = 4, type = "wild", cluster = cluster, weights = kind, seed = 8)
    V <- fe_boot_weights(max(d[[cluster]]), 1:4, b$seed, "wild", kind)
    slow <- t(apply(V, 2, function(v) {
      dummy_slopes(d, fitted(m) + v[d[[cluster]]] * residuals(m), d$w)
    }))
    expect_equal(unname(b$t), unname(slow), tolerance = 1e-9)
  }
})

test_that("multipliers have mean 0, variance 1 and the third moments of their kinds", {
  third <- c(rademacher = 0, mammen = 1, webb = 0, norm = 0, gamma = 1)
  for (kind in multipliers) {
    v <- fe_boot_weights(10, 1:20000, seed = 5, type = "wild", weights = kind)
    expect_lt(abs(mean(v)), 0.01)
    expect_equal(mean(v^2), 1, tolerance = 0.02)
    expect_lt(abs(mean(v^3) - third[[kind]]), 0.06)
  }
})

test_that("all sign vectors together give the CR0 variance exactly, for every effect and weight", {
  d <- boot_panel()
  d$g <- d$unit %% 6
  signs <- t(as.matrix(expand.grid(rep(list(c(-1, 1)), 6))))
  for (m in list(fe_lm(y ~ x + z | unit + year, d, weights = ~w), fe_lm(y ~ x + z | year, d),
                 fe_lm(y ~ x + z, d))) {
    b <- fe_boot(m, type = "wild", weights = signs, cluster = ~g)
    deviation <- sweep(b$t, 2, b$t0)
    expect_equal(colMeans(b$t), b$t0, tolerance = 1e-10)
    expect_equal(crossprod(deviation) / 64, vcov(m, "CR0", cluster = ~g), tolerance = 1e-10)
  }
})

test_that("the wild bootstrap takes large effects that cut across the clusters, and rows", {
  set.seed(5)
  d <- data.frame(firm = rep(1:420, each = 3), worker = sample(200, 1260, TRUE), x = rnorm(1260))
  d$y <- d$x + d$firm / 100 + rnorm(1260)
  m <- fe_lm(y ~ x | firm + worker, d, singletons = "keep")
  for (cluster in list(d$worker %% 7 + 1, "row")) {
    b <- fe_boot(m, R = 3, type = "wild", cluster = cluster, seed = 1)
    code <- if (identical(cluster, "row")) seq_len(1260) else cluster
    V <- fe_boot_weights(max(code), 1:3, b$seed, "wild")
    slow <- apply(V, 2, function(v) {
      d$y <- fitted(m) + v[code] * residuals(m)
      coef(fe_lm(y ~ x | firm + worker, d, singletons = "keep"))
    })
    expect_equal(b$t[, 1], unname(slow), tolerance = 1e-8)
  }
  expect_error(fe_boot(m, R = 3, type = "wild", cluster = d$worker %% 7, studentise = TRUE),
               "cut across", class = "fe_error")
})

test_that("residual replicates give rows the scaled, centred residuals of other rows", {
  d <- boot_panel()
  for (w in list(rep(1, nrow(d)), d$w)) {
    d$v <- w
    m <- fe_lm(y ~ x + z | unit + year, d, weights = ~v)
    b <- fe_boot(m, R = 6, type = "residual", seed = 2)
    from <- fe_boot_weights(nrow(d), 1:6, b$seed, "residual")
    long <- lm(y ~ x + z + factor(unit) + factor(year), d, weights = v)
    r <- sqrt(w) * residuals(long) / sqrt(1 - hatvalues(long))
    r <- r - mean(r)
    slow <- t(apply(from, 2, function(i) dummy_slopes(d, fitted(long) + r[i] / sqrt(w), w)))
    expect_equal(unname(b$t), unname(slow), tolerance = 1e-9)
  }
})

test_that("whole clusters of residuals are drawn only if all have one length", {
  d <- expand.grid(year = 1:5, unit = 1:8)
  set.seed(4)
  d$x <- rnorm(40)
  d$y <- d$x + d$unit + rnorm(40)
  d <- d[sample(40), ]
  m <- fe_lm(y ~ x | unit, d, vcov = ~unit)
  b <- fe_boot(m, R = 5, type = "residual", seed = 2)
  from <- fe_boot_weights(8, 1:5, b$seed, "residual")
  long <- lm(y ~ x + factor(unit), d)
  r <- residuals(long) / sqrt(1 - hatvalues(long))
  r <- r - mean(r)
  rows <- split(1:40, d$unit)
  slow <- apply(from, 2, function(i) {
    y <- fitted(long)
    for (g in 1:8) y[rows[[g]]] <- y[rows[[g]]] + r[rows[[i[g]]]]
    coef(lm(y ~ d$x + factor(d$unit)))[2]
  })
  expect_equal(b$t[, 1], unname(slow), tolerance = 1e-10)
  expect_error(fe_boot(m, R = 5, type = "residual", studentise = TRUE), "no variance",
               class = "fe_error")
  m <- fe_lm(y ~ x | unit, d[-1, ], vcov = ~unit)
  expect_error(fe_boot(m, R = 5, type = "residual"), "4 to 5 rows", class = "fe_error")
})

test_that("several models get the same draws", {
  models <- fe_lm(c(ln_upmf, ln_innov) ~ ln_imdig | country + year, digitrade, vcov = ~country,
                  common_sample = TRUE)
  for (type in c("pairs", "wild", "residual", "bayesian")) {
    both <- fe_boot(models, R = 9, type = type, seed = 3)$t
    alone <- cbind(fe_boot(models[[1]], R = 9, type = type, seed = 3)$t,
                   fe_boot(models[[2]], R = 9, type = type, seed = 3)$t)
    expect_equal(unname(both), unname(alone), tolerance = 1e-10)
  }
})

test_that("a mediation may be bootstrapped by any type", {
  set.seed(1)
  x <- fe_mediate(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, treat = "ln_imdig",
                  mediators = "ln_innov", R = 0, vcov = ~country)
  wild <- fe_boot(x, R = 49, type = "wild", seed = 1, studentise = TRUE)
  raw <- fe_boot(c(list(x$models$total), x$models$a, x$models$b), R = 49, type = "wild", seed = 1)
  a <- raw$t[, "ln_imdig (2)"]
  b <- raw$t[, "ln_innov (3)"]
  expect_equal(wild$t[, "indirect:ln_innov"], a * b, tolerance = 1e-10)
  expect_true(all(is.finite(confint(wild, type = "studentised", level = 0.5))))
})

# ---- standard errors of replicates ---------------------------------------------------------------

test_that("standard errors of pairs replicates are those of the copied rows", {
  d <- boot_panel()
  m <- fe_lm(y ~ x + z | unit + year, d, weights = ~w)
  for (cluster in c("unit", "cl")) {
    b <- fe_boot(m, R = 8, cluster = cluster, seed = 4, studentise = TRUE)
    W <- fe_boot_weights(max(d[[cluster]]), 1:8, b$seed)
    slow <- t(apply(W, 2, function(v) {
      e <- copied_rows(d, d[[cluster]], v)
      dummy_errors(e, e$copy, w = e$w)
    }))
    expect_equal(unname(b$se), unname(slow), tolerance = 1e-8)
    expect_equal(unname(b$se0), unname(dummy_errors(d, d[[cluster]], w = d$w)), tolerance = 1e-10)
  }
})

test_that("standard errors of wild replicates are those of the new outcomes", {
  d <- boot_panel()
  m <- fe_lm(y ~ x + z | unit + year, d, weights = ~w)
  for (cluster in c("unit", "cl")) {
    b <- fe_boot(m, R = 8, cluster = cluster, type = "wild", seed = 4, studentise = TRUE)
    V <- fe_boot_weights(max(d[[cluster]]), 1:8, b$seed, "wild")
    slow <- t(apply(V, 2, function(v) {
      dummy_errors(d, d[[cluster]], fitted(m) + v[d[[cluster]]] * residuals(m), d$w)
    }))
    expect_equal(unname(b$se), unname(slow), tolerance = 1e-8)
  }
})

test_that("replicates depend neither on threads nor on whether standard errors are asked for", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
  for (type in c("pairs", "wild")) {
    one <- fe_boot(m, R = 200, type = type, seed = 1, studentise = TRUE, threads = 1)
    three <- fe_boot(m, R = 200, type = type, seed = 1, studentise = TRUE, threads = 3)
    expect_identical(one, three)
    expect_identical(fe_boot(m, R = 200, type = type, seed = 1)$t, one$t)
  }
  residual <- function(threads) fe_boot(m, R = 50, type = "residual", seed = 1, threads = threads)
  expect_identical(residual(1), residual(3))
})

test_that("statistics have standard errors by the delta method", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
  f <- function(b) c(a = b[[1]], b = b[[2]], sum = b[[1]] + b[[2]], gap = b[[1]] - b[[2]],
                     ratio = b[[1]] / b[[2]])
  run <- fe_boot(m, R = 20, seed = 1, statistic = f, studentise = TRUE)
  s <- run$se
  expect_equal(s[, "sum"]^2 + s[, "gap"]^2, 2 * (s[, "a"]^2 + s[, "b"]^2), tolerance = 1e-6)
  covariance <- (s[, "sum"]^2 - s[, "gap"]^2) / 4
  a <- run$t[, "a"]
  b <- run$t[, "b"]
  ratio <- s[, "a"]^2 / b^2 + a^2 / b^4 * s[, "b"]^2 - 2 * a / b^3 * covariance
  expect_equal(s[, "ratio"], sqrt(ratio), tolerance = 1e-6)
  expect_equal(s[, "a"], fe_boot(m, R = 20, seed = 1, studentise = TRUE)$se[, 1], tolerance = 1e-8)
})

test_that("percentile, basic and studentised intervals are those of package boot", {
  skip_if_not_installed("boot")
  d <- boot_panel()
  m <- fe_lm(y ~ x + z | unit + year, d, vcov = ~unit)
  for (type in c("pairs", "wild")) {
    b <- fe_boot(m, R = 1999, type = type, seed = 2, studentise = TRUE)
    fake <- structure(list(t0 = b$t0, t = b$t, R = 1999), class = "boot")
    ci <- boot::boot.ci(fake, type = c("perc", "basic", "stud"), t0 = b$t0[[1]], t = b$t[, 1],
                        var.t0 = b$se0[[1]]^2, var.t = b$se[, 1]^2)
    expect_equal(unname(confint(b)["x", ]), ci$percent[4:5], tolerance = 1e-10)
    expect_equal(unname(confint(b, type = "basic")["x", ]), ci$basic[4:5], tolerance = 1e-10)
    expect_equal(unname(confint(b, type = "studentised")["x", ]), ci$student[4:5],
                 tolerance = 1e-10)
  }
  expect_error(confint(fe_boot(m, R = 9), type = "studentised"), "studentise = TRUE",
               class = "fe_error")
})

# ---- statistics ----------------------------------------------------------------------------------

test_that("a vectorised statistic gives what it gives row by row", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
  one <- fe_boot(m, R = 30, seed = 1, studentise = TRUE,
                 statistic = function(b) c(p = b[["ln_imdig"]] * b[["pgdp"]]))
  all <- fe_boot(m, R = 30, seed = 1, studentise = TRUE, vectorised = TRUE,
                 statistic = function(b) cbind(p = b[, "ln_imdig"] * b[, "pgdp"]))
  expect_identical(one, all)
  expect_error(fe_boot(m, R = 9, vectorised = TRUE, statistic = function(b) 1:2), "1 rows",
               class = "fe_error")
})

test_that("replicates in which a statistic fails are counted, and the first message is shown", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
  raw <- fe_boot(m, R = 50, seed = 1)$t[, 1]
  limit <- sort(raw)[45]
  f <- function(b) if (b[[1]] > limit) stop("too large") else c(v = b[[1]])
  b <- fe_boot(m, R = 50, seed = 1, statistic = f)
  expect_identical(which(is.na(b$t[, 1])), which(raw > limit))
  expect_identical(b$problem, list(count = 5L, replicate = as.double(which(raw > limit)[1]),
                                   message = "too large"))
  expect_output(print(b), "failed in 5 replicates.*too large")
  expect_true(all(is.finite(confint(b, level = 0.5))))
  b <- fe_boot(m, R = 50, seed = 1, statistic = function(b) ifelse(b[[1]] > limit, NA, b[[1]]))
  expect_match(b$problem$message, "NA")
  expect_error(fe_boot(m, R = 9, statistic = function(b) NA_real_), "at the estimates",
               class = "fe_error")
  expect_error(fe_boot(m, R = 9, statistic = 1), "must be a function", class = "fe_error")
})

test_that("what a type does not take is refused", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade, vcov = ~country)
  expect_error(fe_boot(m, R = 9, weights = "webb"), "type = \"wild\"", class = "fe_error")
  expect_error(fe_boot(m, R = 9, type = "wild", weights = "six"), "`weights`", class = "fe_error")
  expect_error(fe_boot(m, type = "residual", weights = diag(63)), "no weights", class = "fe_error")
  expect_error(fe_boot(m, weights = -diag(63)), "non-negative", class = "fe_error")
  expect_error(fe_boot(m, R = 9, type = "bayesian", studentise = TRUE), "no sample",
               class = "fe_error")
  expect_error(fe_boot(m, R = 9, type = "jack"), "`type`", class = "fe_error")
  expect_error(fe_boot(m, R = 9, seed = -1), "`seed`", class = "fe_error")
  expect_error(fe_boot_weights(5, 0, seed = 1), "from 1", class = "fe_error")
})
