# Brute force: every sign vector, restricted residuals from lm() with an offset, a new lm() and
# textbook CR1 each.
brute_force <- function(d, r = 0) {
  t_stat <- function(l, r) {
    x <- model.matrix(l)
    bread <- solve(crossprod(x))
    s <- rowsum(x * residuals(l), d$g)
    v <- bread %*% crossprod(s) %*% bread
    (coef(l)[["x"]] - r) / sqrt(v[2, 2])
  }
  full <- lm(y ~ x + z + factor(g) + factor(t), d)
  null <- lm(y ~ z + factor(g) + factor(t), d, offset = r * x)
  signs <- as.matrix(expand.grid(rep(list(c(1, -1)), length(unique(d$g)))))
  boot <- apply(signs, 1, function(v) {
    e <- d
    e$y <- fitted(null) + residuals(null) * v[d$g]
    t_stat(lm(y ~ x + z + factor(g) + factor(t), e), r)
  })
  list(t = t_stat(full, r), boot = boot)
}

small_panel <- function() {
  set.seed(8)
  d <- expand.grid(g = 1:6, t = 1:5)[-c(3, 17), ]
  d$x <- rnorm(nrow(d)) + d$g / 3
  d$z <- rnorm(nrow(d))
  d$y <- 0.4 * d$x + d$g + rnorm(nrow(d))
  d
}

test_that("full enumeration equals brute force over every sign vector", {
  d <- small_panel()
  m <- fe_lm(y ~ x + z | g + t, d, vcov = ~g)
  none <- fe_ssc(K.adj = FALSE, G.adj = FALSE)
  for (r in c(0, 0.3)) {
    slow <- brute_force(d, r)
    fast <- fe_boottest(m, "x", B = 100, r = r, ssc = none)
    expect_true(fast$enumerated)
    expect_identical(fast$B, 64L)
    expect_equal(fast$statistic[["t"]], slow$t, tolerance = 1e-9)
    expect_equal(sort(fast$t_boot), sort(unname(slow$boot)), tolerance = 1e-8)
    expect_equal(fast$p.value, mean(abs(slow$boot) > abs(slow$t) * (1 + 1e-10)))
  }
})

test_that("the confidence set holds the null values that are not rejected", {
  d <- small_panel()
  m <- fe_lm(y ~ x + z | g + t, d, vcov = ~g)
  b <- fe_boottest(m, "x", B = 100, conf_level = 0.8)
  p_at <- function(r) fe_boottest(m, "x", B = 100, r = r, conf_int = FALSE)$p.value
  for (edge in b$conf.set[is.finite(b$conf.set)]) {
    values <- c(p_at(edge - 1e-6), p_at(edge + 1e-6))
    expect_true(min(values) < 0.2 && max(values) >= 0.2)
  }
  expect_gte(p_at(mean(b$conf.set[1, ])), 0.2)
})

test_that("the seed governs, threads do not, and the weights have their moments", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
  run <- function(threads, weights = "webb") {
    set.seed(5)
    fe_boottest(m, "ln_imdig", B = 500, weights = weights, threads = threads,
                conf_int = FALSE)$t_boot
  }
  expect_identical(run(2), run(1))
  expect_identical(run(4), run(1))
  for (kind in c("rademacher", "mammen", "norm")) {
    expect_true(all(is.finite(run(2, kind))))
    expect_false(identical(run(1, kind), run(1)))
  }
})

test_that("p-values are near those of fwildclusterboot's convention: uniform under the null", {
  set.seed(21)
  p <- replicate(120, {
    d <- data.frame(g = rep(1:12, each = 6), x = rep(rnorm(12), each = 6) + rnorm(72),
                    y = rep(rnorm(12), each = 6) + rnorm(72))
    fe_boottest(fe_lm(y ~ x, d, vcov = ~g), "x", B = 199, conf_int = FALSE)$p.value
  })
  expect_gt(suppressWarnings(ks.test(p, "punif"))$p.value, 0.001)
})

test_that("bad requests are refused, and results print and tidy", {
  m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
  expect_error(fe_boottest(m, "ln_imdig"), "`cluster` is missing", class = "fe_error")
  expect_error(fe_boottest(m, "nope", cluster = ~country), "nope", class = "fe_error")
  expect_error(fe_boottest(m, cluster = ~country), "`param` is missing", class = "fe_error")
  expect_error(fe_boottest(m, "ln_imdig", B = 1, cluster = ~country), "`B`", class = "fe_error")
  expect_error(fe_boottest(lm(1 ~ 1), "x"), "fe_lm", class = "fe_error")
  b <- fe_boottest(m, "ln_imdig", B = 99, cluster = ~country, impose_null = FALSE)
  expect_output(print(b), "WCU-11")
  expect_identical(nrow(tidy(b)), 1L)
  expect_identical(glance(b)$G, 63L)
})

# ---- brute force: explicit samples, dummies, leave-one-out refits --------------------------------

dummy_design <- function(d) model.matrix(~ x + z + factor(g) + factor(t), d)

none <- fe_ssc(K.adj = FALSE, G.adj = FALSE)

test_that("WCR and WCU, 11, 13, 31 and 33 equal samples and refits one by one", {
  d <- small_panel()
  X <- dummy_design(d)
  m <- fe_lm(y ~ x + z | g + t, d, vcov = ~g)
  C <- replace(numeric(ncol(X)), 2L, 1)
  for (type in c("11", "13", "31", "33")) for (impose in c(TRUE, FALSE)) {
    slow <- brute_boot(d$y, X, C, 0.2, list(d$g), d$g, all_signs(6), type, impose)
    fast <- fe_boottest(m, "x", B = 100, r = 0.2, ssc = none, bootstrap_type = type,
                        impose_null = impose)
    expect_true(fast$enumerated)
    expect_equal(fast$statistic[["t"]], slow$stat, tolerance = 1e-9)
    expect_equal(sort(fast$t_boot), sort(slow$boot), tolerance = 1e-8)
    expect_equal(fast$p.value, mean(abs(slow$boot) > abs(slow$stat) * (1 + 1e-10)))
  }
})

test_that("other null values are judged as if they had been asked for", {
  d <- small_panel()
  m <- fe_lm(y ~ x + z | g + t, d, vcov = ~g)
  values <- c(-0.7, 0, 0.31, 2)
  for (type in c("11", "13", "31", "33")) for (impose in c(TRUE, FALSE)) {
    for (tail in c("two-tailed", "equal-tailed", ">", "<")) {
      test <- function(r) fe_boottest(m, "x", B = 100, r = r, bootstrap_type = type,
                                      impose_null = impose, p_val_type = tail)
      expect_equal(fe_p_values(test(0.1), values)$p.value,
                   vapply(values, function(r) test(r)$p.value, 0))
    }
  }
})

test_that("joint hypotheses and linear combinations equal brute force", {
  d <- small_panel()
  X <- dummy_design(d)
  m <- fe_lm(y ~ x + z | g + t, d, vcov = ~g)
  C <- matrix(0, 2, ncol(X))
  C[1, 2] <- C[2, 3] <- 1
  for (type in c("11", "13", "31", "33")) for (impose in c(TRUE, FALSE)) {
    slow <- brute_boot(d$y, X, C, c(0.1, 0), list(d$g), d$g, all_signs(6), type, impose)
    fast <- fe_boottest(m, c("x", "z"), B = 100, r = c(0.1, 0), ssc = none,
                        bootstrap_type = type, impose_null = impose)
    expect_equal(fast$statistic[["F"]], slow$stat, tolerance = 1e-8)
    expect_equal(sort(fast$t_boot), sort(slow$boot), tolerance = 1e-7)
    expect_equal(fast$p.value, mean(slow$boot > slow$stat * (1 + 1e-8)))
    # one combination, as coefficients of other regressors
    slow <- brute_boot(d$y, X, C[1, ] - 2 * C[2, ], 0.1, list(d$g), d$g, all_signs(6), type, impose)
    fast <- fe_boottest(m, c("x", "z"), R = c(1, -2), B = 100, r = 0.1, ssc = none,
                        bootstrap_type = type, impose_null = impose)
    expect_equal(fast$statistic[["t"]], slow$stat, tolerance = 1e-8)
    expect_equal(sort(fast$t_boot), sort(slow$boot), tolerance = 1e-7)
  }
  expect_identical(names(fast$estimate), "x - 2*z")
  R <- rbind(c(1, 1), c(1, -1))
  expect_equal(fe_boottest(m, R = R, B = 100)$t_boot,
               fe_boottest(m, c("x", "z"), B = 100)$t_boot, tolerance = 1e-8)
})

crossed_panel <- function(seed) {
  set.seed(seed)
  d <- data.frame(a = sample(1:5, 60, TRUE), b = sample(1:4, 60, TRUE), c = sample(1:7, 60, TRUE))
  d$x <- rnorm(60) + d$a / 2 + rnorm(4)[d$b]
  d$z <- rnorm(60)
  d$y <- 0.3 * d$x + rnorm(5)[d$a] + rnorm(4)[d$b] + rnorm(60)
  d
}

test_that("multi-way variances and weights by other clusters equal brute force", {
  d <- crossed_panel(1)
  X <- model.matrix(~ x + z + factor(c), d)
  C <- replace(numeric(ncol(X)), 2L, 1)
  m <- fe_lm(y ~ x + z | c, d)
  for (boot in c("a", "b")) for (impose in c(TRUE, FALSE)) {
    slow <- brute_boot(d$y, X, C, 0.1, list(d$a, d$b), d[[boot]], all_signs(max(d[[boot]])), "11",
                       impose)
    fast <- fe_boottest(m, "x", B = 100, r = 0.1, cluster = ~ a + b, ssc = none,
                        bootcluster = if (boot == "a") "max" else "min", impose_null = impose)
    expect_identical(fast$bootcluster, boot)
    expect_equal(fast$statistic[["t"]], slow$stat, tolerance = 1e-9)
    expect_identical(fast$failed, sum(is.na(slow$boot)))
    expect_equal(sort(fast$t_boot), sort(slow$boot), tolerance = 1e-7)
  }
  both <- fe_boottest(m, c("x", "z"), B = 100, cluster = ~ a + b, ssc = none)
  C <- rbind(C, replace(0 * C, 3L, 1))
  slow <- brute_boot(d$y, X, C, c(0, 0), list(d$a, d$b), d$a, all_signs(5))
  expect_equal(both$statistic[["F"]], slow$stat, tolerance = 1e-8)
  positive <- is.finite(both$t_boot)
  expect_true(all(vapply(both$t_boot[positive], function(t) {
    min(abs(slow$boot / t - 1)) < 1e-6
  }, NA)))
})

test_that("sub-cluster weights equal brute force, with and without many clusters", {
  d <- crossed_panel(5)
  d$sub <- paste(d$a, d$b %% 2)
  sub <- match(d$sub, sort(unique(d$sub)))
  X <- model.matrix(~ x + z, d)
  C <- c(0, 1, 0)
  m <- fe_lm(y ~ x + z, d, vcov = ~a)
  for (type in c("11", "13")) {
    slow <- brute_boot(d$y, X, C, 0, list(d$a), sub, all_signs(max(sub)), type)
    fast <- fe_boottest(m, "x", bootcluster = ~sub, ssc = none, bootstrap_type = type)
    expect_true(fast$enumerated)
    expect_identical(fast$B, as.integer(2^max(sub)))
    expect_equal(fast$statistic[["t"]], slow$stat, tolerance = 1e-9)
    expect_equal(sort(fast$t_boot), sort(slow$boot), tolerance = 1e-7)
  }
  expect_error(fe_boottest(m, "x", bootcluster = ~sub, bootstrap_type = "33"), "bootstrap_type",
               class = "fe_error")
})

# The weights of a seed: functionals that are the weights themselves.
drawn_weights <- function(kind, H, B, seed) {
  F <- diag(H)
  func <- rbind(F, matrix(0, -H %% 8L, H))
  parts <- list(func = func, n_parts = H, term = integer(), term_scale = numeric(), diag = NULL,
                scale = numeric(H), rows = NULL)
  draws <- list(kind = kind, enumerate = FALSE, seed = seed, first = 1, n = B)
  t(.Call(fepanel:::C_wild, parts, draws, 1L)[, seq_len(H)])
}

test_that("every kind of weights gives the statistics of explicit samples, few clusters or many", {
  set.seed(12)
  d <- data.frame(g = rep(1:40, each = 4), x = rnorm(160), z = rnorm(160))
  d$y <- d$x / 5 + rnorm(40)[d$g] + rnorm(160)
  few <- subset(d, g <= 7)
  for (kind in c("rademacher", "webb", "mammen", "norm", "gamma")) for (e in list(d, few)) {
    m <- fe_lm(y ~ x + z, e, vcov = ~g)
    set.seed(4)
    fast <- fe_boottest(m, "x", B = 60, weights = kind, ssc = none)
    set.seed(4)
    v <- drawn_weights(kind, max(e$g), 60, floor(runif(2) * 2^32))
    slow <- brute_boot(e$y, model.matrix(~ x + z, e), c(0, 1, 0), 0, list(e$g), e$g, v)
    expect_equal(fast$t_boot, slow$boot, tolerance = 1e-8)
    both <- {
      set.seed(4)
      fe_boottest(m, c("x", "z"), B = 60, weights = kind, ssc = none)
    }
    slow <- brute_boot(e$y, model.matrix(~ x + z, e), rbind(c(0, 1, 0), c(0, 0, 1)), c(0, 0),
                       list(e$g), e$g, v)
    expect_equal(both$t_boot, slow$boot, tolerance = 1e-8)
  }
})

test_that("large effects that cut across the clusters give what dummies give", {
  set.seed(31)
  d <- data.frame(i = rep(1:60, each = 6), t = rep(1:6, 60))
  d$g <- (d$i + d$t %/% 3) %% 8
  d$x <- rnorm(360) + d$g / 5
  d$z <- rnorm(360)
  d$y <- 0.2 * d$x + rnorm(60)[d$i] + rnorm(360)
  m <- fe_lm(y ~ x + z | i + t, d, vcov = ~g)
  test <- function(...) {
    set.seed(2)
    fe_boottest(m, ..., progress = FALSE)
  }
  # the same model, as if its effects were too many for dummies
  limited <- function(...) {
    space <- asNamespace("fepanel")
    own <- get("block_columns", space)
    change <- function(f) {
      unlockBinding("block_columns", space)
      assign("block_columns", f, space)
    }
    on.exit(change(own))
    change(function(m, v, cluster, fits) list(path = "rows", x = v, n_z = 0L))
    test(...)
  }
  for (request in list(list("x"), list("x", impose_null = FALSE), list(c("x", "z")),
                       list("x", cluster = ~ g + t, B = 99),
                       list("x", r = 0.4, weights = "norm", B = 99))) {
    dense <- do.call(test, request)
    rows <- do.call(limited, request)
    expect_equal(rows$t_boot, dense$t_boot, tolerance = 1e-7)
    expect_equal(rows$statistic, dense$statistic, tolerance = 1e-8)
    expect_equal(rows$conf.int, dense$conf.int, tolerance = 1e-6)
  }
  expect_error(limited("x", bootstrap_type = "13"), "bootstrap_type", class = "fe_error")
})

test_that("a coefficient that one cluster alone identifies is refused where it is left out", {
  d <- small_panel()
  d$alone <- (d$g == 2) * d$x
  m <- fe_lm(y ~ alone + z | t, d, vcov = ~g)
  for (type in c("13", "33")) {
    expect_error(fe_boottest(m, "alone", bootstrap_type = type), "without cluster number 2",
                 class = "fe_error")
  }
  X <- model.matrix(~ alone + z + factor(t), d)
  C <- replace(numeric(ncol(X)), 2L, 1)
  slow <- brute_boot(d$y, X, C, 0, list(d$g), d$g, all_signs(6), "31")
  fast <- fe_boottest(m, "alone", bootstrap_type = "31", ssc = none)
  expect_equal(sort(fast$t_boot), sort(slow$boot), tolerance = 1e-7)
})

test_that("p-values of all kinds are shares of the replicates", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
  test <- function(tail) {
    set.seed(9)
    fe_boottest(m, "ln_imdig", B = 999, r = 0.1, p_val_type = tail, weights = "mammen")
  }
  two <- test("two-tailed")
  t <- two$statistic[["t"]]
  above <- mean(two$t_boot > t)
  below <- mean(two$t_boot < t)
  expect_equal(two$p.value, mean(abs(two$t_boot) > abs(t)))
  expect_equal(test(">")$p.value, above)
  expect_equal(test("<")$p.value, below)
  expect_equal(test("equal-tailed")$p.value, 2 * min(above, below))
  # half-lines
  expect_identical(test(">")$conf.int[2L], Inf)
  expect_identical(test("<")$conf.int[1L], -Inf)
  expect_gte(fe_p_values(test(">"), test(">")$conf.int[1L] + 1e-6)$p.value, 0.05)
  expect_lt(fe_p_values(test(">"), test(">")$conf.int[1L] - 1e-6)$p.value, 0.05)
})

test_that("sets that are not connected are given in parts, whose ends are where p changes", {
  d <- crossed_panel(8)
  b <- fe_boottest(fe_lm(y ~ x + z | c, d), "x", B = 100, cluster = ~ a + b)
  expect_gt(nrow(b$conf.set), 1L)
  expect_output(print(b), "not connected")
  expect_output(print(b), "without a positive variance are left out")
  p <- function(r) fe_p_values(b, r)$p.value
  for (k in seq_len(nrow(b$conf.set))) {
    expect_true(all(p(b$conf.set[k, ] + c(1e-6, -1e-6)) >= 0.05))
    expect_true(all(p(b$conf.set[k, ] + c(-1e-6, 1e-6)) < 0.05))
  }
})

test_that("the default number of replicates depends on sizes alone, and is enumerated if it can", {
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
  expect_identical(fe_boottest(m, "ln_imdig", conf_int = FALSE)$B, 99999L)
  few <- fe_lm(ln_upmf ~ ln_imdig | country, digitrade, vcov = ~year)
  expect_identical(fe_boottest(few, "ln_imdig", conf_int = FALSE)$B, as.integer(2^13))
  large <- list(func = matrix(0, 400, 1000))
  for (kind in fepanel:::wild_weights) {
    expect_identical(fepanel:::boottest_draws(kind, 1000, NULL, large)$n, 9999)
  }
})

test_that("requests that make no sense are refused by name", {
  d <- crossed_panel(1)
  m <- fe_lm(y ~ x + z | c, d, vcov = ~ a + b)
  test <- function(...) fe_boottest(m, ...)
  expect_error(test("x", bootstrap_type = "33"), "bootstrap_type", class = "fe_error")
  expect_error(test("x", bootstrap_type = "12"), "bootstrap_type", class = "fe_error")
  expect_error(test("x", p_val_type = "both"), "p_val_type", class = "fe_error")
  expect_error(test(c("x", "z"), p_val_type = ">"), "p_val_type", class = "fe_error")
  expect_error(test(c("x", "x")), "more than once", class = "fe_error")
  expect_error(test(c("x", "z"), R = 1), "`R`", class = "fe_error")
  expect_error(test(c("x", "z"), R = rbind(c(1, 1), c(2, 2))), "combinations", class = "fe_error")
  expect_error(test("x", r = c(1, 2)), "`r`", class = "fe_error")
  expect_error(test("x", bootcluster = NULL), "bootcluster", class = "fe_error")
  expect_error(test("x", bootcluster = ~nothing), "nothing", class = "fe_error")
  expect_error(test("x", weights = "cauchy"), "weights", class = "fe_error")
  joint <- test(c("x", "z"), B = 99)
  expect_null(joint$conf.int)
  expect_error(fe_p_values(joint), "no p-values for other null values", class = "fe_error")
  expect_error(confint(joint), "no confidence set", class = "fe_error")
  single <- fe_boottest(m, "x", B = 99, cluster = ~a)
  expect_error(confint(single, level = 0.9), "level", class = "fe_error")
  expect_equal(as.vector(confint(single)), as.vector(single$conf.int))
  expect_identical(nrow(tidy(joint)), 2L)
})

test_that("figures show the replicates and the p-values", {
  skip_if_not_installed("ggplot2")
  m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
  b <- fe_boottest(m, "ln_imdig", B = 199)
  expect_s3_class(plot(b), "ggplot")
  curve <- plot(b, type = "p")
  expect_equal(curve$data, fe_p_values(b))
  expect_s3_class(plot(fe_boottest(m, c("ln_imdig", "pgdp"), B = 199)), "ggplot")
})

test_that("large samples, whose dummies are never formed, give what small ones are computed by", {
  set.seed(1)
  d <- data.frame(g = sample(25L, 21000, TRUE), t = sample(9L, 21000, TRUE),
                  w = runif(21000) + 0.2)
  d$f <- d$g * 100L + sample(0:19, 21000, TRUE)
  d$x <- rnorm(21000) + d$g / 9
  d$z <- rnorm(21000) + d$x
  d$y <- d$x / 100 + rnorm(25)[d$g] + rnorm(21000)
  space <- asNamespace("fepanel")
  own <- get("large_design", space)
  unlockBinding("large_design", space)
  on.exit(assign("large_design", own, space))
  run <- function(m, f, param) {
    assign("large_design", f, space)
    set.seed(3)
    fe_boottest(m, param, B = 200, weights = "webb")
  }
  models <- list(fe_lm(y ~ x + z | f + t, d, vcov = ~g), fe_lm(y ~ z + x | f, d, vcov = ~g),
                 fe_lm(y ~ x | t + f, d, vcov = ~g, weights = ~w),
                 fe_lm(y ~ x + z | f + t, d, vcov = ~g, weights = ~w))
  for (m in models) for (param in list("x", setdiff(names(coef(m)), "(Intercept)"))) {
    fast <- run(m, own, param)
    slow <- run(m, function(...) NULL, param)
    expect_equal(fast$t_boot, slow$t_boot, tolerance = 1e-7)
    expect_equal(fast$statistic, slow$statistic, tolerance = 1e-9)
    expect_equal(fast$conf.int, slow$conf.int, tolerance = 1e-7)
    expect_equal(fast$estimate, slow$estimate, tolerance = 1e-9)
  }
  expect_null(own(models[[1L]], list(plain = FALSE), list()))
})

test_that("the unit of the outcome, of a regressor and of the null value do not matter", {
  set.seed(1)
  d <- data.frame(g = rep(1:12, each = 10), t = rep(1:10, 12), x = rnorm(120), x2 = rnorm(120))
  d$y <- rnorm(120) + rnorm(12)[d$g] * d$x
  run <- function(m, ...) {
    set.seed(1)
    fe_boottest(m, ..., B = 199)
  }
  base <- fe_lm(y ~ x + x2 | g + t, d, vcov = ~g)
  for (unit in 10^c(-100, -80, -40, -8, 8, 40, 80, 99)) for (type in c("11", "33")) {
    d$large <- d$y * unit
    m <- fe_lm(large ~ x + x2 | g + t, d, vcov = ~g)
    b <- run(m, "x", r = 0.1 * unit, bootstrap_type = type)
    expected <- run(base, "x", r = 0.1, bootstrap_type = type)
    expect_equal(b$t_boot, expected$t_boot, tolerance = 1e-8)
    expect_equal(c(b$statistic, b$p.value), c(expected$statistic, expected$p.value),
                 tolerance = 1e-9)
    expect_equal(c(b$conf.int, b$estimate, b$std.error) / unit,
                 c(expected$conf.int, expected$estimate, expected$std.error), tolerance = 1e-7)
    joint <- run(m, c("x", "x2"), bootstrap_type = type)
    expect_equal(joint$p.value, run(base, c("x", "x2"), bootstrap_type = type)$p.value)
    expect_equal(fe_p_values(b, 0.3 * unit)$p.value, fe_p_values(expected, 0.3)$p.value)
  }
  for (unit in 10^c(-90, 90)) {
    d$long <- d$x * unit
    b <- run(fe_lm(y ~ long + x2 | g + t, d, vcov = ~g), "long")
    expect_equal(b$p.value, run(base, "x")$p.value)
    expect_equal(c(b$conf.int) * unit, c(run(base, "x")$conf.int), tolerance = 1e-7)
  }
})

test_that("hundreds of effects that cut across the clusters: explicit refits with dummies", {
  set.seed(7)
  n <- 960
  d <- data.frame(g = rep(1:6, length.out = n), f = sample(410, n, TRUE), x = rnorm(n))
  d$y <- 0.2 * d$x + rnorm(n) + rnorm(6)[d$g] * d$x
  m <- fe_lm(y ~ x | g + f, d, vcov = ~g, singletons = "keep")
  X <- cbind(x = d$x, full_dummies(d$g), full_dummies(d$f)[, -1L])
  signs <- all_signs(6)[, c(1, 7, 22, 40)]
  plain <- fe_ssc(K.adj = FALSE, G.adj = FALSE)
  for (type in c("31", "33")) {
    ours <- fe_boottest(m, "x", B = 64, bootstrap_type = type, ssc = plain, conf_int = FALSE)
    o <- brute_boot(d$y, X, c(1, numeric(ncol(X) - 1L)), 0, list(d$g), d$g, signs, type)
    expect_equal(unname(ours$statistic), o$stat, tolerance = 1e-7)
    for (t in o$boot) expect_lt(min(abs(ours$t_boot - t)), 1e-6)
  }
})

test_that("messages name the argument that was given", {
  d <- random_panel(2)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, vcov = ~unit)
  expect_error(fe_boottest(m, "x1", cluster = ~zz), "^`cluster` .*no column \"zz\"",
               class = "fe_error")
  expect_error(fe_boottest(m, "x1", bootcluster = "foo"), "^`bootcluster` names \"foo\"",
               class = "fe_error")
  expect_error(fe_boottest(m, "x1", bootcluster = ~foo), "^`bootcluster` ", class = "fe_error")
})

test_that("a variance that is zero because the scores of every cluster cancel is refused", {
  set.seed(32)
  pair <- expand.grid(unit = 1:2, time = 1:6)
  pair$x <- rnorm(12)
  pair$y <- rnorm(12)
  pair$w <- runif(12)
  m <- suppressWarnings(fe_lm(y ~ x | unit + time, pair, vcov = ~unit), classes = "fe_warning")
  expect_error(fe_boottest(m, "x"), "variance of zero", class = "fe_error")
  expect_error(fe_boottest(m, "x", bootcluster = ~time, B = 9), "variance of zero")
  m <- fe_lm(y ~ x | unit + time, pair, weights = ~w, vcov = ~unit)
  expect_gt(abs(fe_boottest(m, "x")$statistic), 0)
})

test_that("with few clusters far null values are rejected: rounding does not part a tie", {
  far <- c(-1e6, 1e6, 1e9)
  for (seed in 1:12) {
    set.seed(seed)
    d <- data.frame(g = rep(1:5, each = 6), x = rnorm(30), y = rnorm(30))
    d$x <- d$x + d$g / 2
    b <- fe_boottest(fe_lm(y ~ x, d, vcov = ~g), "x", B = 32)
    # equal signs, two of 32 vectors, give the t of the data: a tie at every null value
    expect_equal(fe_p_values(b, b$estimate + far * b$std.error)$p.value, c(0, 0, 0))
  }
})
