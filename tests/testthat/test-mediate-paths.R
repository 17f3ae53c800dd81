f <- ln_upmf ~ ln_imdig + pgdp + fdi | country + year
two <- c("ln_innov", "ln_inter")
slopes <- function(outcome, terms, data = digitrade) {
  coef(lm(reformulate(c(terms, "pgdp", "fdi", "country", "factor(year)"), outcome), data))
}

test_that("the effects of a chain are products of the dummy regressions' slopes", {
  x <- fe_mediate(f, digitrade, mediators = two, type = "serial", ci = "delta")
  m2 <- slopes("ln_inter", c("ln_imdig", "ln_innov"))
  y <- slopes("ln_upmf", c("ln_imdig", two))
  a <- slopes("ln_innov", "ln_imdig")[["ln_imdig"]]
  want <- c(a * y[["ln_innov"]], m2[["ln_imdig"]] * y[["ln_inter"]],
            a * m2[["ln_innov"]] * y[["ln_inter"]])
  got <- coef(x)[c("indirect:ln_innov", "indirect:ln_inter", "indirect:ln_innov->ln_inter")]
  expect_equal(unname(got), want, tolerance = 1e-9)
  expect_equal(coef(x)[["indirect:all"]], sum(want), tolerance = 1e-9)
  expect_equal(slopes("ln_upmf", "ln_imdig")[["ln_imdig"]], y[["ln_imdig"]] + sum(want),
               tolerance = 1e-9)
  expect_lt(x$identity, 1e-12)
})

test_that("lavaan agrees on a chain, its errors up to the divisors n and n - k", {
  skip_if_not_installed("lavaan")
  set.seed(2)
  d <- data.frame(t = rnorm(80))
  d$m1 <- 0.5 * d$t + rnorm(80)
  d$m2 <- 0.4 * d$m1 + 0.2 * d$t + rnorm(80)
  d$y <- 0.3 * d$m1 + 0.4 * d$m2 + d$t + rnorm(80)
  fit <- lavaan::sem("m1 ~ a1*t\nm2 ~ a2*t + d*m1\ny ~ c*t + b1*m1 + b2*m2\ni := a1*d*b2", d)
  x <- fe_mediate(y ~ t, d, mediators = c("m1", "m2"), type = "serial", ci = "delta", vcov = "iid")
  p <- lavaan::parameterEstimates(fit)
  expect_equal(coef(x)[["indirect:m1->m2"]], p$est[p$label == "i"], tolerance = 1e-5)
  se <- sapply(c("a1", "d", "b2"), function(l) p$se[p$label == l]) * sqrt(80 / c(78, 77, 76))
  b <- sapply(c("a1", "d", "b2"), function(l) p$est[p$label == l])
  row <- subset(tidy(x), term == "indirect:m1->m2")
  expect_equal(row$std.error, sqrt(sum(se^2 * (prod(b) / b)^2)), tolerance = 1e-4)
})

test_that("the joint variance has each equation's own block, and sandwich's across equations", {
  x <- fe_mediate(f, digitrade, mediators = two, joint = TRUE, ci = "delta", vcov = CR0 ~ country)
  at <- c("b:ln_innov", "b:ln_inter", "direct")
  own <- vcov(x$models$b[[1]])[c(two, "ln_imdig"), c(two, "ln_imdig")]
  expect_equal(unname(x$variance$V[at, at]), unname(own), tolerance = 1e-9)
  psi <- function(outcome, terms, term) {
    m <- lm(reformulate(c(terms, "pgdp", "fdi", "country", "factor(year)"), outcome), digitrade)
    X <- model.matrix(m)
    rowsum((X %*% solve(crossprod(X)))[, term] * resid(m), digitrade$country)
  }
  across <- sum(psi("ln_innov", "ln_imdig", "ln_imdig") *
                  psi("ln_upmf", c("ln_imdig", two), "ln_innov"))
  expect_equal(x$variance$V["a:ln_innov", "b:ln_innov"], across, tolerance = 1e-7)
})

test_that("gradients are those of finite differences", {
  runs <- list(
    fe_mediate(f, digitrade, mediators = two, type = "serial", ci = "delta"),
    fe_mediate(f, digitrade, mediators = two, moderator = "ln_insti", joint = TRUE, ci = "delta"),
    fe_mediate(f, digitrade, mediators = two, interaction = TRUE, joint = TRUE, ci = "delta"))
  for (x in runs) for (e in x$definitions) {
    value <- function(b) effect_values(list(e), as_draw(b))[1, 1]
    slow <- vapply(seq_along(x$coefficients), function(j) {
      h <- 1e-5 * (seq_along(x$coefficients) == j)
      (value(x$coefficients + h) - value(x$coefficients - h)) / 2e-5
    }, 0)
    expect_equal(unname(effect_gradient(e, x$coefficients)), slow, tolerance = 1e-5)
  }
})

test_that("conditional effects and the index are those of the dummy regressions", {
  x <- fe_mediate(f, digitrade, mediators = "ln_innov", moderator = "ln_insti", paths = "a",
                  values = c(low = 1, high = 3), ci = "delta", vcov = ~country)
  d <- digitrade
  d$p <- d$ln_imdig * d$ln_insti
  a <- slopes("ln_innov", c("ln_imdig", "ln_insti", "p"), d)
  b <- slopes("ln_upmf", c("ln_imdig", "ln_insti", "ln_innov"), d)[["ln_innov"]]
  expect_equal(coef(x)[["indirect:ln_innov|ln_insti=high"]], (a[["ln_imdig"]] + 3 * a[["p"]]) * b,
               tolerance = 1e-8)
  expect_equal(coef(x)[["index:ln_innov"]], a[["p"]] * b, tolerance = 1e-8)
  raw <- fe_mediate(f, digitrade, mediators = "ln_innov", moderator = "ln_insti", paths = "a",
                    values = c(low = 1, high = 3), ci = "delta", vcov = ~country, center = FALSE)
  expect_equal(vcov(raw), vcov(x), tolerance = 1e-6)
  both <- fe_mediate(f, digitrade, mediators = "ln_innov", moderator = "ln_insti",
                     paths = c("a", "direct"), ci = "delta")
  expect_lt(both$identity, 1e-10)
})

test_that("natural effects average what the equations predict, row by row", {
  x <- fe_mediate(f, digitrade, mediators = "ln_innov", interaction = TRUE, ci = "delta",
                  control.value = 2, treat.value = 5)
  m <- lm(ln_innov ~ ln_imdig + pgdp + fdi + country + factor(year), digitrade)
  y <- lm(ln_upmf ~ ln_imdig * ln_innov + pgdp + fdi + country + factor(year), digitrade)
  mean_y <- function(t, tm) {
    d <- transform(digitrade, ln_imdig = tm)
    d$ln_innov <- predict(m, d)
    d$ln_imdig <- t
    mean(predict(y, d))
  }
  want <- c(mean_y(5, 2) - mean_y(2, 2), mean_y(5, 5) - mean_y(2, 5), mean_y(2, 5) - mean_y(2, 2),
            mean_y(5, 5) - mean_y(5, 2), mean_y(5, 5) - mean_y(2, 2))
  names <- c("nde.pure:ln_innov", "nde.total:ln_innov", "nie.pure:ln_innov", "nie.total:ln_innov",
             "te:ln_innov")
  expect_equal(unname(coef(x)[names]), want, tolerance = 1e-8)
  parts <- coef(x)[c("cde:ln_innov", "int.ref:ln_innov", "int.med:ln_innov", "nie.pure:ln_innov")]
  expect_equal(sum(parts), want[5], tolerance = 1e-8)
})

test_that("mediate() of mediation 4.5.1 gives these natural effects", {
  # lm(wt ~ hp + cyl), lm(mpg ~ hp * wt + cyl) on d[rep(1:32, 200), ] (the estimates are those of
  # mtcars, the simulation errors smaller), d = transform(mtcars, cyl = factor(cyl)), set.seed(1),
  # control.value = 100, treat.value = 200, sims = 2000: d0, d1, z0, z1, tau and the standard
  # deviations of their draws over sqrt(2000)
  names <- paste0(c("nie.pure", "nie.total", "nde.pure", "nde.total", "te"), ":wt")
  peer <- c(-0.144852938948, -0.074182859157, -2.659109143941, -2.588439064150, -2.733292003098)
  error <- c(0.002330526627, 0.001192012140, 0.001724461511, 0.001726852674, 0.002391092443)
  x <- fe_mediate(mpg ~ hp + factor(cyl), mtcars, mediators = "wt", interaction = TRUE,
                  control.value = 100, treat.value = 200, R = 0)
  expect_lt(max(abs(coef(x)[names] - peer) / error), 4)
})

# Truths are named by the term; standard errors are so small that a wrong one is seen.
expect_truths <- function(x, truth) {
  e <- tidy(x)
  e <- e[match(names(truth), e$term), ]
  expect_lt(max(abs(e$estimate - truth) / e$std.error), 3.5)
  expect_lt(max(e$std.error), 0.05)
}

test_that("the truth of simulated chains, moderated paths and interactions is found", {
  set.seed(8)
  d <- expand.grid(id = 1:2000, time = 1:10)
  level <- rnorm(2000)[d$id]
  noise <- function() rnorm(nrow(d))
  d$t <- level + noise()
  d$w <- noise()
  d$m <- 0.5 * d$t + level + noise()
  d$m2 <- 0.3 * d$t + 0.4 * d$m - level + noise()
  d$y <- 0.2 * d$t + 0.3 * d$m + 0.6 * d$m2 + level + noise()
  fit <- function(...) fe_mediate(y ~ t | id + time, d, R = 0, vcov = ~id, ...)
  expect_truths(fit(mediators = c("m", "m2"), type = "serial"),
                c(total = 0.65, direct = 0.2, "indirect:m" = 0.15, "indirect:m2" = 0.18,
                  "indirect:m->m2" = 0.12, "indirect:all" = 0.45))
  d$y <- 0.2 * d$t + 0.3 * d$m + 0.25 * d$t * d$m + level + noise()
  expect_truths(fit(mediators = "m", interaction = TRUE, treat.value = 2),
                c("nde.pure:m" = 0.4, "nde.total:m" = 0.9, "nie.pure:m" = 0.3, "nie.total:m" = 0.8,
                  "te:m" = 1.2))
  d$m <- (0.5 + 0.2 * d$w) * d$t + level + noise()
  d$y <- 0.2 * d$t + (0.3 + 0.1 * d$w) * d$m + level + noise()
  expect_truths(fit(mediators = "m", moderator = "w", values = c(low = -1, high = 1),
                    paths = c("a", "b")),
                c("indirect:m|w=low" = 0.06, "indirect:m|w=high" = 0.28))
})

test_that("Monte Carlo draws are the same on any number of threads, with the right spread", {
  run <- function(threads) {
    fe_mediate(f, digitrade, mediators = "ln_innov", ci = "montecarlo", seed = 4, vcov = ~country,
               threads = threads)
  }
  x <- run(1)
  expect_identical(run(2)$intervals, x$intervals)
  exact <- subset(tidy(x, "aroian"), effect == "indirect")$std.error
  draws <- monte_carlo(x)[, "indirect:ln_innov"]
  expect_equal(sd(draws), exact, tolerance = 0.05)
})

test_that("products' errors follow Aroian and Goodman, and joint significance the larger p", {
  x <- fe_mediate(f, digitrade, mediators = "ln_innov", ci = "delta")
  a <- tidy(x$models$a[[1]])[1, ]
  b <- subset(tidy(x$models$b[[1]]), term == "ln_innov")
  first <- a$estimate^2 * b$std.error^2 + b$estimate^2 * a$std.error^2
  both <- a$std.error^2 * b$std.error^2
  row <- function(m) subset(tidy(x, m), effect == "indirect")
  expect_equal(row("aroian")$std.error, sqrt(first + both), tolerance = 1e-10)
  expect_equal(row("goodman")$std.error, sqrt(first - both), tolerance = 1e-10)
  expect_equal(row("delta")$p.joint, 2 * pnorm(-min(abs(c(a$statistic, b$statistic)))))
})

test_that("wild replicates keep the null out and vary with the seed alone", {
  run <- function(seed) fe_mediate(f, digitrade, mediators = "ln_innov", R = 499, boot = "wild",
                                   seed = seed, vcov = ~country)
  x <- run(2)
  expect_identical(run(2)$boot$t, x$boot$t)
  expect_false(identical(run(3)$boot$t, x$boot$t))
  a <- x$boot$t[, "a:ln_innov"]
  expect_lt(abs(mean(a) - x$coefficients[["a:ln_innov"]]), 3 * sd(a) / sqrt(499))
  expect_gt(abs(mean(a)), 3 * sd(a) / sqrt(499))
})

test_that("what is not the case is refused by name", {
  run <- function(...) fe_mediate(f, digitrade, mediators = two, ci = "delta", ...)
  expect_error(run(type = "serial", joint = TRUE), "`joint`", class = "fe_error")
  expect_error(run(type = "serial", interaction = TRUE), "`interaction`", class = "fe_error")
  expect_error(run(moderator = "country"), "`moderator`", class = "fe_error")
  expect_error(run(moderator = "ln_insti", paths = "x"), "`paths`", class = "fe_error")
  expect_error(run(covariates = list(z = ~gfcf)), "`covariates`", class = "fe_error")
  expect_error(fe_mediate(ln_upmf ~ ln_imdig | country | pgdp ~ fdi, digitrade,
                          mediators = "ln_innov", R = 0), class = "fe_error")
})

test_that("covariates of one equation break the identity, which is said", {
  x <- fe_mediate(f, digitrade, mediators = "ln_innov", covariates = list(m = ~gfcf), ci = "delta")
  expect_output(print(x), "no identity here, since the equations have different covariates")
  same <- fe_mediate(f, digitrade, mediators = "ln_innov", ci = "delta",
                     covariates = list(m = ~gfcf, y = "gfcf"))
  expect_lt(same$identity, 1e-12)
})

test_that("figures are drawn for chains, moderation and draws", {
  skip_if_not_installed("ggplot2")
  x <- fe_mediate(f, digitrade, mediators = two, type = "serial", ci = "montecarlo", seed = 1)
  m <- fe_mediate(f, digitrade, mediators = two, moderator = "ln_insti", ci = "delta")
  for (p in list(plot(x), plot(x, "draws"), plot(m), plot(m, "path"))) {
    expect_s3_class(ggplot2::ggplot_build(p), "ggplot_built")
  }
  panel <- path_panel(two, x, 4L)
  arrow <- panel$arrows[startsWith(panel$arrows$text, "d ="), ]
  boxes <- panel$nodes$x[match(two, panel$nodes$label)]
  expect_equal(c(arrow$x, arrow$xend), boxes + c(0.22, -0.22))
})

test_that("frequency weights are so many rows, in averages and values of a moderator too", {
  set.seed(4)
  d <- data.frame(id = rep(1:20, 10), t = rnorm(200), w = rnorm(200), n = sample(3, 200, TRUE))
  d$m <- 0.5 * d$t + rnorm(200)
  d$y <- d$t + d$m + 0.3 * d$t * d$m + rnorm(200)
  long <- d[rep(1:200, d$n), ]
  same <- function(...) {
    fit <- function(...) {
      fe_mediate(y ~ t | id, ..., mediators = "m", ci = "delta")$effects[c("estimate", "std.error")]
    }
    expect_equal(fit(d, weights = d$n, weights_type = "frequency", ...), fit(long, ...),
                 tolerance = 1e-7)
  }
  for (type in c("HC1", "HC3", "iid")) same(vcov = type, interaction = TRUE)
  same(moderator = "w")
  same(moderator = "w", values = "quantiles")
})

test_that("a treatment or equation that is not named is refused", {
  d <- data.frame(y = rnorm(9), t = rnorm(9), m = rnorm(9))
  for (treat in list(character(), c("t", "m"), 1, NA)) {
    expect_error(fe_mediate(y ~ t, d, treat = treat, mediators = "m", R = 0), "`treat`",
                 class = "fe_error")
  }
  expect_error(fe_mediate(y ~ t, d, mediators = "m", covariates = list(q = ~t), R = 0),
               "among \"y\" and \"m\"", class = "fe_error")
})

test_that("effects are those of the change of the treatment that is asked for", {
  fit <- function(..., R = 49) {
    fe_mediate(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country, R = R,
               mediators = c("ln_innov", "ln_inter"), seed = 3, ...)
  }
  for (type in c("parallel", "serial")) {
    one <- fit(type = type)
    three <- fit(type = type, control.value = 5, treat.value = 2)
    kinds <- c("total", "direct", "indirect", "contrast")
    factor <- ifelse(one$effects$effect %in% kinds, -3, 1)
    expect_equal(three$effects$estimate, factor * one$effects$estimate)
    expect_equal(three$effects$std.error, abs(factor) * one$effects$std.error)
    expect_equal(three$effects$p.value, one$effects$p.value)
    low <- ifelse(factor < 0, factor * one$effects$conf.high, one$effects$conf.low)
    expect_equal(three$effects$conf.low, low)
    expect_equal(three$identity, one$identity)
  }
  expect_output(print(three), "indirect effects: ln_imdig changes from 5 to 2", fixed = TRUE)
  expect_match(paste(fe_table(three)$notes, collapse = " "), "ln_imdig (5 to 2)", fixed = TRUE)
  moderated <- function(...) fit(moderator = "ln_insti", paths = "a", R = 0, ci = "sobel", ...)
  one <- moderated()$effects
  two <- moderated(treat.value = 2)$effects
  factor <- ifelse(one$effect %in% c("total", "direct", "indirect", "index"), 2, 1)
  expect_equal(two$std.error, factor * one$std.error)
  expect_equal(two$estimate, factor * one$estimate)
})

test_that("labels of a long chain cover neither each other nor nodes", {
  skip_if_not_installed("ggplot2")
  x <- fe_mediate(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, type = "serial",
                  mediators = c("ln_innov", "ln_inter", "fdi", "rd"), ci = "delta")
  panel <- fepanel:::path_panel(x$mediators, x, 4L)
  at <- panel$arrows
  size <- c(2.6, max(panel$nodes$y) + 0.65)
  covered <- function(x, y, half) {
    across <- abs(outer(at$at_x, x, `-`)) < half[1] * size[1]
    across & abs(outer(at$at_y, y, `-`)) < half[2] * size[2]
  }
  each <- covered(at$at_x, at$at_y, c(0.12, 0.08))
  expect_equal(sum(each), nrow(at))
  expect_false(any(covered(panel$nodes$x, panel$nodes$y, c(0.13, 0.08))))
  free <- at$free
  slope <- (at$yend - at$y) / (at$xend - at$x)
  expect_equal((at$at_y - at$y)[free], (slope * (at$at_x - at$x))[free])
})
