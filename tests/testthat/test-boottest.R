grunfeld <- function() {
  skip_if_not_installed("plm")
  e <- new.env()
  utils::data("Grunfeld", package = "plm", envir = e)
  e$Grunfeld
}

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

test_that("Grunfeld's enumerated bootstrap has the published t, p and limits", {
  g <- grunfeld()
  m <- fe_lm(inv ~ value + capital | firm + year, g, vcov = ~firm)
  capital <- fe_boottest(m, "capital", ssc = "areg")
  expect_equal(capital$statistic[["t"]], 7.288655, tolerance = 1e-7)
  expect_identical(capital$p.value, 50 / 1024)
  # published limits stem from a search with tolerance; the p-value is a step function, whose edge
  # ours is
  expect_lt(max(abs(capital$conf.int - c(.007572546, .5714724))), 5e-6)
  value <- fe_boottest(m, "value", ssc = "areg")
  expect_equal(value$statistic[["t"]], 10.59652, tolerance = 1e-6)
  expect_identical(value$p.value, 0)
  expect_lt(max(abs(value$conf.int - c(.05894049, .1292848))), 5e-6)
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
