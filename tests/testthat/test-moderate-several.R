# Several moderators, factor treatments. Oracles: lm() on dummies, clubSandwich.

test_that("three-way slopes, their differences and regions are those of lm()", {
  d <- sim_panel(1)
  d$v <- rnorm(200) + d$m / 4
  m <- fe_moderate(y ~ z | id + t, d, "x", c("m", "v"), three.way = TRUE, vcov = "iid")
  fit <- lm_dummies(d, "x * m * v + z")
  at <- c("x", "x:m", "x:v", "x:m:v")
  b <- coef(fit)[at]
  V <- vcov(fit)[at, at]
  C <- with(m$slopes, cbind(1, value, value2, value * value2))
  expect_equal(m$slopes$estimate, as.vector(C %*% b), tolerance = 1e-8)
  expect_equal(m$slopes$std.error, sqrt(rowSums((C %*% V) * C)), tolerance = 1e-8)
  pairs <- tidy(m, "contrasts", adjust = "holm")
  D <- C[c(2, 3, 4, 3, 4, 4), ] - C[c(1, 1, 1, 2, 2, 3), ]
  t <- as.vector(D %*% b) / sqrt(rowSums((D %*% V) * D))
  expect_equal(pairs$statistic, t, tolerance = 1e-8)
  expect_equal(pairs$p.value, p.adjust(2 * pt(-abs(t), fit$df.residual), "holm"))
  mean_row <- c(1, mean(d$m), mean(d$v), mean(d$m * d$v))
  expect_equal(m$average$estimate, sum(mean_row * b), tolerance = 1e-8)
  high <- m$jn[[2]]$bounds
  expect_length(high, 2)
  H <- cbind(1, high, m$slopes$value2[3], high * m$slopes$value2[3])
  expect_equal(abs(as.vector(H %*% b)) / sqrt(rowSums((H %*% V) * H)), rep(m$jn[[2]]$critical, 2),
               tolerance = 1e-7)
})

test_that("a factor treatment has the differences of its levels from the first", {
  d <- sim_panel(2)
  d$k <- factor(rep(c("lo", "mid", "hi", "mid", "lo"), 40), c("lo", "mid", "hi"))
  m <- fe_moderate(y ~ z | id + t, d, "k", "m", vcov = "iid", values = c(8, 11))
  b <- coef(lm_dummies(d, "k * m + z"))
  expect_equal(m$slopes$estimate, c(b[["kmid"]] + c(8, 11) * b[["kmid:m"]],
                                    b[["khi"]] + c(8, 11) * b[["khi:m"]]), tolerance = 1e-8)
  expect_identical(m$slopes$label, c("8", "11", "8", "11"))
})

test_that("frequency weights with several moderators are rows written out", {
  d <- sim_panel(20)
  d$n <- 1 + d$t %% 3
  f <- function(data, ...) {
    fe_moderate(y ~ z | id, data, "x", c("m", "g"), values = list(m = "quantiles"), ...)
  }
  counted <- f(d, weights = n, weights_type = "frequency")
  written <- f(d[rep(seq_len(nrow(d)), d$n), ])
  same <- c("slopes", "average", "interaction", "jn")
  expect_equal(counted[same], written[same], tolerance = 1e-8)
})

test_that("Satterthwaite degrees of freedom of three-way slopes are clubSandwich's", {
  skip_if_not_installed("clubSandwich")
  d <- sim_panel(21, 12, 6)
  d$v <- rnorm(72) + d$m / 4
  m <- fe_moderate(y ~ z | id, d, "x", c("m", "v"), three.way = TRUE, vcov = CR2 ~ id,
                   center = FALSE)
  fit <- lm(y ~ x + m + v + z + x:m + x:v + m:v + x:m:v + factor(id), d)
  V <- clubSandwich::vcovCR(fit, d$id, "CR2")
  C <- matrix(0, nrow(m$slopes), length(coef(fit)), dimnames = list(NULL, names(coef(fit))))
  C[, c("x", "x:m", "x:v", "x:m:v")] <- with(m$slopes, cbind(1, value, value2, value * value2))
  for (r in seq_len(nrow(C))) {
    one <- clubSandwich::linear_contrast(fit, V, C[r, , drop = FALSE], test = "Satterthwaite")
    expect_equal(unlist(m$slopes[r, c("estimate", "std.error", "df")]),
                 c(estimate = one$Est, std.error = one$SE, df = one$df), tolerance = 1e-6)
  }
  expect_gt(diff(range(m$slopes$df)), 0.01)
})
