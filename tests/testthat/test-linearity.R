# Oracles: lm() with dummies and sandwich; numbers that interflex 1.4.1 gives.

by_bins <- function(d, J, effects = "") {
  d$G <- cut(d$m, quantile(d$m, 0:J / J), include.lowest = TRUE)
  d$c <- d$m - ave(d$m, d$G, FUN = median)
  lm(as.formula(paste("y ~ G + G:c + G:x + G:c:x + z", effects)), d)
}

test_that("slopes of bins are those of lm() with a line in each bin, under sandwich's variances", {
  skip_if_not_installed("sandwich")
  d <- curved_panel()
  fit <- by_bins(d, 4, "+ factor(id)")
  at <- grep("^G[^:]*:x$", names(coef(fit)))
  V <- list(HC1 = sandwich::vcovHC(fit, "HC1"), CR1 = sandwich::vcovCL(fit, ~id, cadjust = TRUE))
  for (type in names(V)) {
    m <- fe_moderate(y ~ z | id, d, "x", "m", vcov = if (type == "CR1") ~id else "HC1")
    b <- fe_linearity(m, bins = 4)$bins
    expect_equal(b$estimate, unname(coef(fit)[at]), tolerance = 1e-9)
    ratio <- b$std.error / sqrt(diag(V[[type]])[at])
    expect_equal(unname(ratio), rep(ratio[[1]], 4), tolerance = 1e-9)
    if (type == "HC1") expect_equal(ratio[[1]], 1, tolerance = 1e-9)
  }
  expect_equal(unique(b$df), 19)
  expect_equal(sum(b$n), 200)
  expect_equal(b$linear, coef(m)[["x"]] + coef(m)[["x:m"]] * (b$value - m$center[["m"]]))
})

test_that("slopes of bins and the test are interflex's", {
  d <- curved_panel() # interflex(): est.bin; tests$p.wald, of chi-squared, to three digits
  errors <- list(iid = c(0.124774285444, 0.126934972350, 0.128963521884),
                 HC1 = c(0.115264775563, 0.125469374124, 0.135179753920),
                 c(0.0809797012508, 0.0876398087238, 0.0893334340278))
  for (k in 1:3) {
    m <- fe_moderate(y ~ z, d, "x", "m", vcov = list("iid", "HC1", ~id)[[k]])
    b <- fe_linearity(m)$bins
    expect_equal(b$value, c(1.66701821775, 4.99925299287, 8.31865962970), tolerance = 1e-11)
    expect_equal(b$estimate, c(0.320996678894, 0.466386830073, 2.869055688484), tolerance = 1e-11)
    expect_equal(b$std.error, errors[[k]], tolerance = 1e-11)
  }
  b <- fe_linearity(fe_moderate(y ~ z | id, d, "x", "m"))$bins
  expect_equal(b$estimate, c(0.394931786425, 0.486824621859, 2.774086039234), tolerance = 1e-11)
  expect_equal(b$std.error, c(0.114337110335, 0.128229355188, 0.134896001623), tolerance = 1e-11)
  d$y <- d$x * d$m / 5 + d$x * (d$m - 5)^2 / 60 + d$m + d$z + 2 * cos(d$i * 5.1)
  t <- vapply(c("iid", "HC1"), function(v) {
    fe_linearity(fe_moderate(y ~ z, d, "x", "m", vcov = v))$test$statistic
  }, 0)
  expect_equal(unname(round(pchisq(8 * t, 8, lower.tail = FALSE), 3)), c(0.198, 0.210))
})

test_that("under iid the test is the F test of lm() against the linear model", {
  d <- curved_panel()
  d$y <- d$y - d$x * (d$m - 3)^2 / 11
  m <- fe_moderate(y ~ z | id, d, "x", "m", vcov = "iid")
  same <- anova(lm(y ~ x * m + z + factor(id), d), by_bins(d, 3, "+ factor(id)"))
  l <- fe_linearity(m)
  expect_equal(c(l$test$statistic, l$test$p.value), c(same$F[2], same$`Pr(>F)`[2]),
               tolerance = 1e-8)
  expect_equal(c(l$test$df1, l$test$df2), c(same$Df[2], same$Res.Df[2]))
  expect_equal(glance(l)$p.value, l$test$p.value)
  many <- fe_linearity(m, bins = 7, vcov = ~id)
  expect_true(is.na(many$test$statistic))
  expect_output(print(many), "No test of linearity: .*24 restrictions")
})

test_that("a moderator that does not vary within units loses its own columns, no slope", {
  d <- curved_panel()
  d$m <- (d$id * 7) %% 20
  m <- suppressWarnings(fe_moderate(y ~ z | id, d, "x", "m", vcov = "iid"))
  l <- fe_linearity(m, cutoffs = c(6, 13))
  d$G <- findInterval(d$m, c(6, 13), left.open = TRUE)
  d$c <- d$m - ave(d$m, d$G, FUN = median)
  fit <- lm(y ~ factor(id) + z + factor(G):x + factor(G):c:x, d)
  expect_equal(l$bins$estimate, unname(coef(fit)[grep("\\)[0-2]:x$", names(coef(fit)))]),
               tolerance = 1e-9)
  expect_equal(l$test$restrictions, 4)
})

test_that("a bin that does not identify the slope has NA", {
  d <- curved_panel()
  d$b <- as.numeric(d$x > 0.8)
  d$b[d$m > quantile(d$m, 2 / 3)] <- 1
  m <- fe_moderate(y ~ z, d, "b", "m", vcov = "iid")
  l <- fe_linearity(m)
  expect_identical(is.na(l$bins$estimate), c(FALSE, FALSE, TRUE))
  expect_output(print(l), "does not identify the slope")
})

test_that("kernel slopes are those of weighted lm()", {
  skip_if_not_installed("sandwich")
  d <- curved_panel()
  m <- fe_moderate(y ~ z | id, d, "x", "m", vcov = "HC3")
  k <- fe_linearity(m, method = "kernel", bandwidth = 1.5, points = 4)$kernel
  expect_equal(k$value, seq(min(d$m), max(d$m), length.out = 4))
  for (r in 1:4) {
    d$c <- d$m - k$value[r]
    d$k <- dnorm(d$c / 1.5)
    fit <- lm(y ~ x * c + z + factor(id), d, weights = k)
    se <- sqrt(sandwich::vcovHC(fit, "HC1")["x", "x"])
    expect_equal(c(k$estimate[r], k$std.error[r]), c(coef(fit)[["x"]], se), tolerance = 1e-6)
    expect_equal(k$n.effective[r], sum(d$k)^2 / sum(d$k^2), tolerance = 1e-6)
  }
})

test_that("a wide bandwidth gives the slopes of the linear model, factors and weights included", {
  d <- curved_panel()
  d$f <- cut(d$x, c(-9, 0, 1.5, 9), c("lo", "mid", "hi"))
  d$w <- 1 + d$i %% 3
  m <- fe_moderate(y ~ z | id, d, "f", "m", vcov = CR2 ~ id, weights = w)
  l <- fe_linearity(m, method = "kernel", bandwidth = 1e7, points = 3)
  line <- fe_moderate(y ~ z | id, d, "f", "m", vcov = ~id, weights = w,
                      values = l$kernel$value[1:3])$slopes
  expect_identical(as.character(l$kernel$contrast), line$contrast)
  expect_equal(l$kernel$estimate, line$estimate, tolerance = 1e-7)
  expect_equal(l$kernel$std.error, line$std.error, tolerance = 1e-7)
  expect_identical(l$kernel_vcov, "clustered (CR1)")
})

test_that("the score of a bandwidth is the error of predicting the folds left out", {
  d <- curved_panel()
  m <- fe_moderate(y ~ z, d, "x", "m")
  l <- fe_linearity(m, method = "kernel", points = 2)
  expect_identical(l$unit, "rows")
  expect_identical(l$bandwidth, l$cv$bandwidth[which.min(l$cv$score)])
  fold <- integer(200)
  fold[order(d$m)] <- rep_len(1:5, 200)
  at <- quantile(d$m, (1:10 - 0.5) / 10, names = FALSE)
  h <- l$cv$bandwidth[4]
  d$x <- d$x - mean(d$x)
  total <- 0
  for (f in 1:5) {
    fits <- lapply(at, function(v0) {
      coef(lm(y ~ x * I(m - v0) + z, d[fold != f, ], weights = dnorm((m - v0) / h)))
    })
    b <- do.call(rbind, fits)
    left <- d[fold == f, ]
    level <- c(0, cumsum(diff(at) * (b[-1, 3] + b[-10, 3]) / 2))
    p <- vapply(seq_len(nrow(left)), function(r) {
      k <- max(1, min(9, sum(left$m[r] >= at)))
      near <- max(0, min(1, (left$m[r] - at[k]) / (at[k + 1] - at[k])))
      two <- vapply(k + 0:1, function(k) {
        level[k] + b[k, 3] * (left$m[r] - at[k]) +
          left$x[r] * (b[k, 2] + b[k, 5] * (left$m[r] - at[k]))
      }, 0)
      sum(two * c(1 - near, near)) + left$z[r] * mean(b[, 4])
    }, 0)
    e <- left$y - p
    total <- total + sum((e - mean(e))^2)
  }
  expect_equal(l$cv$score[4], total / 200, tolerance = 1e-5)
  shifted <- fe_moderate(y ~ z, d, "x", "m", center = FALSE)
  expect_equal(fe_linearity(shifted, method = "kernel", points = 2)$cv, l$cv, tolerance = 1e-8)
  line <- transform(d, y = x * m + z + cos(i * 5.1))
  wide <- fe_linearity(fe_moderate(y ~ z, line, "x", "m"), method = "kernel", points = 2)
  expect_gt(wide$bandwidth, l$bandwidth)
})

test_that("folds hold whole clusters", {
  d <- curved_panel()
  fold <- deal_folds(d$m, d$id + 1L)
  expect_identical(unname(tapply(fold, d$id, function(f) length(unique(f)))), array(1L, 20))
  expect_identical(as.vector(table(fold)), rep(40L, 5))
})

test_that("frequency weights in bins are rows written out", {
  d <- curved_panel()
  d$n <- 1 + d$i %% 3
  m <- fe_moderate(y ~ z | id, d, "x", "m", weights = n, weights_type = "frequency")
  out <- fe_moderate(y ~ z | id, d[rep(1:200, d$n), ], "x", "m")
  a <- fe_linearity(m)
  b <- fe_linearity(out)
  expect_equal(a[c("bins", "test")], b[c("bins", "test")], tolerance = 1e-8)
  expect_error(fe_linearity(m, method = "kernel"), "has frequency weights", class = "fe_error")
})

test_that("methods give the parts; the figure shows line, bins and curve", {
  d <- curved_panel()
  l <- fe_linearity(fe_moderate(y ~ z | id, d, "x", "m"), method = c("kernel", "binning"),
                    bandwidth = 1, points = 12)
  expect_identical(tidy(l), l$bins)
  expect_identical(tidy(l, "kernel"), l$kernel)
  expect_identical(tidy(l, "test"), l$test)
  expect_equal(glance(l)$bandwidth, 1)
  expect_error(tidy(fe_linearity(l$moderation), "kernel"), "was not asked for", class = "fe_error")
  skip_if_not_installed("ggplot2")
  layers <- lapply(1:8, function(k) ggplot2::layer_data(plot(l), k))
  expect_equal(nrow(layers[[1]]), 30)
  expect_equal(layers[[6]]$y, l$kernel$estimate)
  expect_equal(layers[[7]]$xintercept, l$bins$from[-1])
  expect_equal(layers[[8]]$ymax, l$bins$conf.high)
  d$b <- d$x > 0.8
  bars <- ggplot2::layer_data(plot(fe_linearity(fe_moderate(y ~ z, d, "b", "m"))), 1)
  expect_length(unique(bars$fill), 2)
  heights <- tapply(bars$ymax - bars$ymin, bars$fill, sum)
  expect_equal(sort(unname(c(heights / sum(heights)))), sort(c(mean(d$b), 1 - mean(d$b))))
})

test_that("what has no line of slopes, or another variance, is refused", {
  d <- curved_panel()
  d$g <- factor(d$i %% 3)
  m <- fe_moderate(y ~ z | id, d, "x", "m")
  f <- function(...) fe_linearity(...)
  expect_error(f(m$model), "must be made by fe_moderate", class = "fe_error")
  expect_error(f(fe_moderate(y ~ z, d, "x", "g")), "which is a factor", class = "fe_error")
  expect_error(f(fe_moderate(y ~ 1, d, "x", c("m", "z"))), "has 2 moderators", class = "fe_error")
  expect_error(f(m, method = "spline"), "`method` must hold", class = "fe_error")
  expect_error(f(m, bins = 1), "`bins` must be", class = "fe_error")
  expect_error(f(m, cutoffs = c(5, 3)), "`cutoffs` must be increasing", class = "fe_error")
  expect_error(f(m, vcov = diag(4)), "is a matrix or a function", class = "fe_error")
  d$m <- pmin(d$i %% 9, 2)
  expect_error(f(fe_moderate(y ~ z, d, "x", "m"), bins = 5), "5 bins.*leaves a bin without",
               class = "fe_error")
})
