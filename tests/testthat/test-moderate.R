# Oracles: lm() on dummies with sandwich, re-centred regressions.

hand_slope <- function(fit, V, at, x = "x", xm = "x:m") {
  b <- coef(fit)
  c(estimate = b[[x]] + b[[xm]] * at,
    std.error = sqrt(V[x, x] + 2 * at * V[x, xm] + at^2 * V[xm, xm]))
}

test_that("slopes are the linear combinations of lm() under sandwich's HC1 and HC3", {
  skip_if_not_installed("sandwich")
  d <- sim_panel()
  fit <- lm_dummies(d, "x * m + z")
  for (type in c("HC1", "HC3")) {
    m <- fe_moderate(y ~ x + m + z | id + t, d, "x", "m", vcov = type, values = c(7, 10, 14))
    V <- sandwich::vcovHC(fit, type = type)
    for (r in 1:3) {
      expect_equal(unlist(m$slopes[r, c("estimate", "std.error")]),
                   hand_slope(fit, V, m$slopes$value[r]), tolerance = 1e-9)
    }
    expect_equal(m$slopes$p.value, 2 * pt(-abs(m$slopes$statistic), fit$df.residual))
  }
})

test_that("the slope at a value is the coefficient of the model centred there", {
  d <- sim_panel(2)
  m <- fe_moderate(y ~ z | id + t, d, "x", "m", vcov = ~id)
  for (r in 1:3) {
    d$m0 <- d$m - m$slopes$value[r]
    there <- fe_lm(y ~ x + m0 + x:m0 + z | id + t, d, vcov = ~id)
    expect_equal(m$slopes$estimate[r], coef(there)[["x"]], tolerance = 1e-9)
    expect_equal(m$slopes$std.error[r], sqrt(vcov(there)["x", "x"]), tolerance = 1e-9)
  }
  expect_equal(unique(m$slopes$df), 24)
  expect_equal(m$slopes$conf.high, m$slopes$estimate + qt(0.975, 24) * m$slopes$std.error)
})

test_that("slopes and region do not depend on the centring, the coefficients do", {
  d <- sim_panel(3)
  kinds <- list(TRUE, FALSE, c(x = 3, m = 0), c(m = 12))
  fits <- lapply(kinds, function(k) fe_moderate(y ~ z | id + t, d, "x", "m", center = k))
  for (f in fits[-1]) {
    expect_equal(f$slopes, fits[[1]]$slopes, tolerance = 1e-8)
    expect_equal(f$jn, fits[[1]]$jn, tolerance = 1e-8)
  }
  expect_equal(fits[[1]]$center, c(x = mean(d$x), m = mean(d$m)))
  expect_equal(fits[[3]]$center, c(x = 3, m = 0))
  expect_equal(fits[[4]]$center, c(x = 0, m = 12))
  expect_equal(coef(fits[[2]])[["x"]] + 12 * coef(fits[[2]])[["x:m"]], coef(fits[[4]])[["x"]])
})

test_that("the product is added where it is missing, and main effects too", {
  d <- sim_panel(4)
  ways <- list(y ~ x + m + z | id, y ~ x * m + z | id, y ~ z | id, y ~ m:x + z | id,
               y ~ z + m | id, "y ~ z + m * x | id")
  fits <- lapply(ways, function(way) fe_moderate(way, d, "x", "m"))
  for (f in fits) {
    expect_identical(names(coef(f)), c("x", "m", "z", "x:m"))
    expect_equal(coef(f), coef(fits[[1]]))
  }
  pooled <- fe_moderate(y ~ z, d, "x", "m")
  expect_identical(names(coef(pooled)), c("(Intercept)", "x", "m", "z", "x:m"))
})

test_that("centres are weighted means over exactly the rows of the model", {
  d <- sim_panel(5)
  d$z[c(3, 40)] <- NA
  d$m[77] <- NA
  d$w[9] <- 0
  d <- rbind(d, transform(d[1, ], id = 999, x = 1e6, m = 1e6))
  m <- fe_moderate(y ~ x + m + z | id + t, d, "x", "m", weights = w, subset = t > 1 | m > 9)
  used <- fe_rows(m)$used
  kept <- (d$t > 1 | d$m > 9) & complete.cases(d) & d$w > 0 & d$id < 999
  expect_identical(used, kept %in% TRUE)
  expect_equal(m$center, c(x = weighted.mean(d$x[used], d$w[used]),
                           m = weighted.mean(d$m[used], d$w[used])))
  expect_equal(m$observed, d$m[used])
  d$xc <- d$x - m$center[["x"]]
  d$mc <- d$m - m$center[["m"]]
  fit <- lm_dummies(d[used, ], "xc * mc + z", d$w[used])
  expect_equal(unname(coef(m)), unname(coef(fit)[c("xc", "mc", "z", "xc:mc")]), tolerance = 1e-9)
  v <- m$observed
  w <- d$w[used]
  spread <- sqrt(sum(w * (v - weighted.mean(v, w))^2) / sum(w) * length(v) / (length(v) - 1))
  expect_equal(m$slopes$value, weighted.mean(v, w) + c(-1, 0, 1) * spread)
})

test_that("a subset that names the moderator is taken in its own units", {
  d <- sim_panel(6)
  m <- fe_moderate(y ~ z | id + t, d, "x", "m", subset = m > 9)
  expect_identical(fe_rows(m)$used, d$m > 9)
  d$b <- d$m > 10
  expect_identical(fe_rows(fe_moderate(y ~ z, d, "x", "m", subset = b))$used, d$b)
})

test_that("summary() restates slopes and region under another variance", {
  d <- sim_panel(9)
  m <- fe_moderate(y ~ z | id + t, d, "x", "m")
  again <- summary(m, vcov = ~id)
  direct <- fe_moderate(y ~ z | id + t, d, "x", "m", vcov = ~id)
  expect_equal(again$slopes, direct$slopes)
  expect_equal(again$jn, direct$jn)
  expect_equal(again$interaction, direct$interaction)
  expect_false(isTRUE(all.equal(m$slopes$std.error, again$slopes$std.error)))
})

test_that("columns whose names need backticks work", {
  d <- sim_panel(4)
  m <- fe_moderate(y ~ z | id + t, d, "x", "m")
  f <- fe_moderate(y ~ z | id + t, d, "x", "g")
  names(d)[match(c("x", "m", "g"), names(d))] <- c("x 1", "m 1", "g 1")
  odd <- fe_moderate(y ~ `x 1` + z | id + t, d, "x 1", "m 1")
  expect_equal(odd[c("slopes", "jn")], m[c("slopes", "jn")])
  expect_equal(fe_moderate(y ~ z | id + t, d, "x 1", "g 1")$slopes, f$slopes)
})

test_that("a factor moderator gives the slopes of lm() in each level, whatever its contrasts", {
  skip_if_not_installed("sandwich")
  d <- sim_panel(10)
  fit <- lm_dummies(d, "g + g:x + z")
  V <- sandwich::vcovHC(fit, type = "HC1")
  at <- paste0("g", levels(d$g), ":x")
  m <- fe_moderate(y ~ x + g + z | id + t, d, "x", "g")
  expect_identical(m$slopes$label, levels(d$g))
  expect_equal(m$slopes$estimate, unname(coef(fit)[at]), tolerance = 1e-9)
  expect_equal(m$slopes$std.error, unname(sqrt(diag(V)[at])), tolerance = 1e-9)
  expect_null(m$jn)
  helmert <- d
  contrasts(helmert$g) <- contr.helmert(3)
  expect_equal(fe_moderate(y ~ z | id + t, helmert, "x", "g")$slopes, m$slopes, tolerance = 1e-9)
  helmert$g <- as.character(d$g)
  expect_equal(fe_moderate(y ~ z | id + t, helmert, "x", "g")$slopes, m$slopes, tolerance = 1e-9)
  same <- anova(lm_dummies(d, "g + x + z"), fit)
  iid <- summary(m, vcov = "iid")$interaction
  expect_equal(c(iid$statistic, iid$p.value), c(same$F[2], same$`Pr(>F)`[2]), tolerance = 1e-9)
})

test_that("a fully interacted factor gives the slopes of separate samples", {
  d <- sim_panel(11)
  m <- fe_moderate(y ~ x + g + g:z | id^g, d, "x", "g") |> suppressWarnings()
  for (l in levels(d$g)) {
    apart <- fe_lm(y ~ x + z | id, d, subset = d$g == l)
    expect_equal(m$slopes$estimate[m$slopes$value == l], coef(apart)[["x"]], tolerance = 1e-9)
  }
})

test_that("two-valued moderators give the slope in each value", {
  d <- sim_panel(12)
  d$b <- d$m > 10
  m <- fe_moderate(y ~ z | id + t, d, "x", "b")
  fit <- lm_dummies(d, "x * b + z")
  expect_identical(m$slopes$label, c("FALSE", "TRUE"))
  expect_equal(m$slopes$estimate, coef(fit)[["x"]] + c(0, coef(fit)[["x:bTRUE"]]), tolerance = 1e-9)
  expect_identical(names(coef(m)), c("x", "b", "z", "x:b"))
  expect_null(m$jn)
  d$b <- ifelse(d$b, 2, 1)
  coded <- fe_moderate(y ~ z | id + t, d, "x", "b")
  expect_equal(coded$slopes$value, c(1, 2))
  expect_equal(coded$slopes$estimate, m$slopes$estimate, tolerance = 1e-9)
})

test_that("a moderator that the fixed effects absorb only loses its main effect", {
  d <- sim_panel(13)
  d$m <- d$id %% 7
  d$y <- d$y + d$x * d$m
  expect_warning(m <- fe_moderate(y ~ z | id + t, d, "x", "m", vcov = "iid"), "collinear")
  expect_identical(names(coef(m)), c("x", "z", "x:m"))
  fit <- lm_dummies(d, "x + z + x:m")
  V <- vcov(fit)
  for (r in 1:3) {
    expect_equal(unlist(m$slopes[r, c("estimate", "std.error")]),
                 hand_slope(fit, V, m$slopes$value[r]), tolerance = 1e-9)
  }
})

test_that("printing states the variance, the interaction, the slopes and what was left out", {
  d <- sim_panel(14)
  d$z[5] <- NA
  m <- fe_moderate(y ~ z | id + t, d, "x", "m", vcov = ~id)
  expect_output(print(m), "clustered (CR1) by id (25)", fixed = TRUE)
  expect_output(print(m), "t(24)", fixed = TRUE)
  expect_output(print(m), "x:m: ", fixed = TRUE)
  expect_output(print(m), "mean + sd", fixed = TRUE)
  expect_output(print(m), "Rows left out: 1 NA in `z`", fixed = TRUE)
  by_group <- fe_moderate(y ~ z | id + t, d, "x", "g")
  expect_output(print(by_group), "Equal slopes: F(2, ", fixed = TRUE)
  far <- fe_moderate(y ~ z | id + t, d, "x", "m", values = c(far = 99))
  expect_output(print(far), "Outside the observed range of m: far")
})

test_that("methods speak for the interaction model", {
  d <- sim_panel(14)
  m <- fe_moderate(y ~ z | id + t, d, "x", "m", level = 0.9)
  expect_s3_class(m$model, "fe_lm")
  expect_identical(coef(m), coef(m$model))
  expect_identical(vcov(m, vcov = ~id), vcov(m$model, vcov = ~id))
  expect_identical(confint(m, "x"), confint(m$model, "x", level = 0.9))
  expect_identical(nobs(m), 200L)
  expect_identical(names(tidy(m)), names(tidy(m$model)))
  slopes <- tidy(m, "slopes", conf.int = TRUE, conf.level = 0.99)
  margin <- qt(0.995, df.residual(m$model)) * slopes$std.error
  expect_equal(slopes$conf.low, slopes$estimate - margin)
  expect_identical(tidy(m, "slopes", vcov = ~id)$std.error, summary(m, ~id)$slopes$std.error)
  expect_error(tidy(m, "slopes", vcv = ~id), "`vcv` is no argument", class = "fe_error")
  g <- glance(m)
  expect_equal(g$interaction.statistic, (coef(m)[["x:m"]]^2 / vcov(m)["x:m", "x:m"]))
  expect_identical(table_models(m), list(m$model))
  bare <- fe_moderate(y ~ x | id + t, d, "x", "m")
  expect_equal(update(m, . ~ . - z, level = 0.95)$slopes, bare$slopes)
})

test_that("plot() gives a ggplot whose data are the band and the bounds", {
  skip_if_not_installed("ggplot2")
  d <- sim_panel(15)
  m <- fe_moderate(y ~ z | id + t, d, "x", "m", vcov = ~id)
  p <- plot(m)
  expect_s3_class(p, "ggplot")
  band <- ggplot2::layer_data(p, 2)
  k <- which.min(abs(band$x - 10))
  ratio <- (band$ymin[k] + band$ymax[k]) / (band$ymax[k] - band$ymin[k])
  expect_equal(t_at(m, band$x[k]), ratio * m$jn$critical)
  bars <- ggplot2::layer_data(p, 1)
  expect_equal(nrow(bars), 30)
  expect_lt(max(bars$ymax), min(band$ymin))
  levels <- ggplot2::layer_data(plot(fe_moderate(y ~ z | id, d, "x", "g")), 2)
  expect_equal(levels$y, fe_moderate(y ~ z | id, d, "x", "g")$slopes$estimate)
})

test_that("values may be quantiles, named numbers or levels", {
  d <- sim_panel(16)
  f <- function(...) fe_moderate(y ~ z | id, d, "x", ...)$slopes
  expect_equal(f("m", values = "quantiles")$value, unname(quantile(d$m, 1:3 / 4)))
  expect_identical(f("m", values = c(low = 8, 12))$label, c("low", "12"))
  expect_identical(f("g", values = c("c", "a"))$estimate, f("g")$estimate[c(3, 1)])
  expect_error(f("m", values = "mean"), "`values` must be NULL", class = "fe_error")
  expect_error(f("g", values = "d"), "no level of the moderator", class = "fe_error")
})

test_that("bad columns are named", {
  d <- sim_panel(17)
  d$one <- 1
  f <- function(treat = "x", moderator = "m", formula = y ~ z | id + t, ...) {
    suppressWarnings(fe_moderate(formula, d, treat, moderator, ...))
  }
  expect_error(f("nope"), "`treat` names \"nope\"", class = "fe_error")
  expect_error(f(c("x", "z")), "`treat` must be the name of one column", class = "fe_error")
  expect_error(f(moderator = "x"), "`moderator` is \"x\", and so is `treat`", class = "fe_error")
  expect_error(f(moderator = "one"), "names \"one\", which is constant (1)", fixed = TRUE)
  expect_error(f("one"), "`treat` names \"one\", which is constant", class = "fe_error")
  d$fixed <- d$id^2
  expect_error(f("fixed"), "`treat` is `fixed`, which was left out", class = "fe_error")
  d$twice <- 2 * d$x + 1
  expect_error(f(moderator = "twice"), "collinear with `x`", class = "fe_error")
  d$some <- ifelse(d$x > 4, 0, d$m)
  expect_error(f(moderator = "some", subset = d$x > 4), "left out as collinear", class = "fe_error")
  d$still <- ifelse(d$g == "a", 2, d$x)
  expect_error(f("still", "g", y ~ z | id^g), "in every level", class = "fe_error")
  d$when <- as.Date("2020-01-01") + d$t
  expect_error(f(moderator = "when"), "is a value of class \"Date\"", class = "fe_error")
})

test_that("what would change the meaning of slope or centre is refused", {
  d <- sim_panel(18)
  f <- function(formula, ...) fe_moderate(formula, d, "x", "m", ...)
  expect_error(f(y ~ I(x^2) | id), "has the term `I\\(x\\^2\\)`", class = "fe_error")
  expect_error(f(y ~ x * m * z | id), "has the term `x:z`", class = "fe_error")
  expect_error(f(y ~ log(m) | id), "moves `m`, which is also used in `log(m)`", fixed = TRUE)
  logs <- f(y ~ log(m) | id, center = FALSE)
  fit <- lm(y ~ x * m + log(m) + factor(id), d)
  by_hand <- coef(fit)[["x"]] + mean(d$m) * coef(fit)[["x:m"]]
  expect_equal(logs$slopes$estimate[2], by_hand, tolerance = 1e-8)
  expect_error(f(I(y / m) ~ z | id), "also used in `I\\(y/m\\)`", class = "fe_error")
  expect_error(f(y ~ z | id, vcov = ~cut(m, 3)), "also used in `cut\\(m, 3\\)`", class = "fe_error")
  expect_error(summary(f(y ~ z | id), vcov = ~cut(m, 3)), "also used in", class = "fe_error")
  expect_error(f(y ~ 0 + z), "needs a constant", class = "fe_error")
  expect_error(f(c(y, z) ~ x | id), "describes 2 models", class = "fe_error")
  expect_error(f(y ~ csw(z, w) | id), "describes 2 models", class = "fe_error")
  expect_error(f(y ~ z | id, split = ~g), "holds `split`", class = "fe_error")
  expect_error(f(y ~ z | id, center = c(z = 1)), "`center` must be TRUE, FALSE", class = "fe_error")
  expect_error(f(y ~ z | id, center = 3), "`center` must be TRUE, FALSE", class = "fe_error")
  expect_error(f(y ~ z | id, level = 95), "`level` must be", class = "fe_error")
})

test_that("center = \"median\" centres at the medians of the rows used, as often as they count", {
  d <- sim_panel(19)
  d$z[4] <- NA
  m <- fe_moderate(y ~ z | id + t, d, "x", "m", center = "median")
  expect_equal(m$center, c(x = median(d$x[-4]), m = median(d$m[-4])))
  mean <- fe_moderate(y ~ z | id + t, d, "x", "m")
  expect_equal(m[c("slopes", "jn")], mean[c("slopes", "jn")], tolerance = 1e-8)
  at <- m$center[["m"]]
  expect_equal(coef(m)[["x"]], coef(mean)[["x"]] +
                 (at - mean$center[["m"]]) * coef(mean)[["x:m"]], tolerance = 1e-8)
  d$n <- 1 + d$t %% 3
  twice <- fe_moderate(y ~ z | id, d, "x", "m", center = "median", weights = n,
                       weights_type = "frequency")
  expect_equal(twice$center, c(x = median(rep(d$x, d$n)[rep(seq_len(200), d$n) != 4]),
                               m = median(rep(d$m, d$n)[rep(seq_len(200), d$n) != 4])))
})

test_that("center = \"within\" multiplies deviations from the means of units", {
  d <- sim_panel(2)
  within <- fe_moderate(y ~ z | id + t, d, "x", "m", center = "within")
  d$xm <- (d$x - ave(d$x, d$id)) * (d$m - ave(d$m, d$id))
  fit <- lm_dummies(d, "x + m + z + xm")
  expect_equal(coef(within)[["x:m"]], coef(fit)[["xm"]], tolerance = 1e-8)
  expect_equal(predict(within, d[1:9, ]), unname(fitted(fit)[1:9]), tolerance = 1e-8)
  expect_error(fe_moderate(y ~ z, d, "x", "m", center = "within"), "no fixed effects of units")
})

test_that("augment() under center = \"within\" has the fits of the deviations", {
  d <- sim_panel(22)
  d$z[7] <- NA
  m <- fe_moderate(y ~ z | id + t, d, "x", "m", center = "within")
  used <- d[-7, ]
  used$dx <- used$x - ave(used$x, used$id)
  used$dm <- used$m - ave(used$m, used$id)
  fit <- lm_dummies(used, "dx * dm + z")
  a <- augment(m)
  expect_equal(a$.fitted[-7], unname(fitted(fit)), tolerance = 1e-8)
  expect_equal(a$.resid, ifelse(seq_len(200) == 7, NA, d$y - a$.fitted), tolerance = 1e-8)
})

test_that("lags go by panel.id, which centring may not touch; sample parts are refused", {
  d <- sim_panel(23)
  d$lz <- ave(d$z, d$id, FUN = function(v) c(NA, v[-8]))
  by_hand <- fe_moderate(y ~ lz | id, d, "x", "m")
  m <- fe_moderate(y ~ l(z) | id, d, "x", "m", panel.id = ~id + t)
  expect_equal(m$slopes, by_hand$slopes, tolerance = 1e-9)
  expect_error(fe_moderate(y ~ l(z) | id, d, "x", "t", panel.id = ~id + t), "moves `t`, which is",
               class = "fe_error")
  expect_error(fe_moderate(y ~ l(z) | id, d, "x", "t", panel.id = c("id", "t")), "moves `t`",
               class = "fe_error")
  expect_error(fe_moderate(y ~ z | id, d, "x", "m", fsplit = ~g), "holds `fsplit`",
               class = "fe_error")
  expect_error(tidy(m, "contrasts", adjust = "romano-wolf"), "`adjust`", class = "fe_error")
  two <- tidy(m, "contrasts")
  expect_equal(tidy(m, "contrasts", adjust = "bonferroni")$p.value, pmin(1, 3 * two$p.value))
})
