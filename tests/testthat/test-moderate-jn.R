# Oracles: uniroot() on the t statistic, p.adjust(); numbers that interactions 1.2.0 gives.

test_that("Johnson-Neyman bounds are the roots that uniroot() finds", {
  found <- 0
  for (seed in 1:8) {
    m <- fe_moderate(y ~ z | id + t, sim_panel(seed), "x", "m", vcov = ~id)
    crit <- qt(0.975, 24)
    expect_equal(m$jn$critical, crit)
    f <- function(at) abs(t_at(m, at)) - crit
    grid <- seq(min(m$observed), max(m$observed), length.out = 4001)
    change <- which(diff(sign(f(grid))) != 0)
    roots <- vapply(change, function(k) uniroot(f, grid[k + 0:1], tol = 1e-12)$root, 0)
    inside <- m$jn$bounds[m$jn$bounds > grid[1] & m$jn$bounds < grid[4001]]
    expect_equal(inside, roots, tolerance = 1e-7)
    expect_equal(m$jn$share, mean(f(m$observed) > 0))
    expect_equal(sum(m$jn$regions$share), m$jn$share)
    found <- found + length(roots)
  }
  expect_gt(found, 4)
})

test_that("the shapes of the region are told apart", {
  V <- diag(c(1, 1)) * 0.01
  outside <- slope_roots(c(0, 1), V, 2)
  expect_identical(outside$pattern, "outside")
  expect_equal(outside$d, c(-1, 1) * sqrt(0.04 / 0.96))
  between <- slope_roots(c(1, 0.1), V, 2)
  expect_identical(between$pattern, "between")
  q <- function(d) (1 + 0.1 * d)^2 - 4 * (0.01 + d^2 * 0.01)
  expect_equal(q(between$d), c(0, 0), tolerance = 1e-12)
  expect_identical(slope_roots(c(0, 0.01), V, 2), list(d = numeric(), pattern = "nowhere"))
  expect_identical(slope_roots(c(4, 1), diag(2) / 4, 2), list(d = -15 / 8, pattern = "one side"))
})

test_that("a region over all of the range and none at all are said so", {
  d <- sim_panel(7)
  d$y <- 5 * d$x + 0.01 * d$x * d$m + d$id + rnorm(nrow(d))
  all <- fe_moderate(y ~ z | id + t, d, "x", "m")
  expect_equal(all$jn$share, 1)
  expect_identical(unlist(all$jn$regions[c("from", "to")], use.names = FALSE), range(d$m))
  expect_output(print(all), "differs from zero everywhere (positive", fixed = TRUE)
  set.seed(41)
  d$y <- d$id + rnorm(nrow(d))
  none <- fe_moderate(y ~ z | id + t, d, "x", "m", level = 0.9999)
  expect_identical(none$jn$share, 0)
  expect_identical(nrow(none$jn$regions), 0L)
  expect_output(print(none), "differs from zero nowhere")
})

test_that("false-discovery control is Benjamini and Hochberg's over the observed values", {
  d <- sim_panel(1)
  plain <- fe_moderate(y ~ z | id + t, d, "x", "m", vcov = ~id)
  m <- fe_moderate(y ~ z | id + t, d, "x", "m", vcov = ~id, fdr = TRUE)
  p <- 2 * pt(-abs(t_at(m, unique(m$observed))), 24)
  found <- mean(p.adjust(p, "BH") <= 0.05)
  expect_equal(m$jn$share, found)
  expect_gt(m$jn$critical, plain$jn$critical)
  expect_true(found > 0 && found < 1)
})

test_that("Johnson-Neyman bounds are those of interactions", {
  d <- curved_panel() # johnson_neyman(lm(y ~ x * m + z), vmat = vcovHC(, "HC3")) in the second
  d$y <- d$x * (d$m - 6) / 8 + d$m + d$z + 2 * cos(d$i * 5.1)
  f <- function(v) fe_moderate(y ~ z, d, "x", "m", vcov = v)$jn$bounds
  expect_equal(f("iid"), c(4.91256168358, 8.94941523793), tolerance = 1e-11)
  expect_equal(f("HC3"), c(4.87731621592, 9.57636355147), tolerance = 1e-11)
  # control.fdr = TRUE, whose tests are on a grid of 1001 values, which here are the observed ones
  e <- data.frame(m = seq(0, 10, 0.01), i = 1:1001)
  e$x <- cos(e$i * 1.7) * 2 + e$m / 5
  e$y <- e$x * (e$m - 6) / 20 + e$m + 2 * cos(e$i * 5.1)
  jn <- fe_moderate(y ~ x, e, "x", "m", vcov = "iid", fdr = TRUE)$jn
  expect_equal(jn$bounds, c(4.65219215498, 7.75265624362), tolerance = 1e-11)
  expect_equal(jn$critical, 2.11690037611, tolerance = 1e-11)
})
