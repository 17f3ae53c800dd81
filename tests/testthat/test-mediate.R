controls <- c("pgdp", "fdi", "gfcf", "rd", "urban")
base_formula <- ln_upmf ~ ln_imdig + pgdp + fdi + gfcf + rd + urban | country + year

dummies <- function(outcome, extra = NULL, data = digitrade, weights = NULL) {
  data$w_ <- if (is.null(weights)) 1 else weights
  f <- reformulate(c("ln_imdig", extra, controls, "country", "factor(year)"), outcome)
  lm(f, data, weights = w_)
}

test_that("paths equal the separate regressions, and c = c' + a b", {
  x <- fe_mediate(base_formula, digitrade, mediators = c("ln_innov", "ln_inter"), R = 0)
  a <- coef(dummies("ln_innov"))[["ln_imdig"]]
  out <- coef(dummies("ln_upmf", "ln_innov"))
  expect_equal(coef(x$models$a$ln_innov)[["ln_imdig"]], a, tolerance = 1e-10)
  expect_equal(coef(x)[["direct:ln_innov"]], out[["ln_imdig"]], tolerance = 1e-10)
  expect_equal(coef(x)[["indirect:ln_innov"]], a * out[["ln_innov"]], tolerance = 1e-9)
  expect_lt(x$identity, 1e-12)
})

test_that("jointly entered mediators share one outcome equation", {
  x <- fe_mediate(base_formula, digitrade, mediators = c("ln_innov", "ln_inter"), joint = TRUE,
                  R = 0)
  out <- coef(dummies("ln_upmf", c("ln_innov", "ln_inter")))
  expect_length(x$models$b, 1)
  expect_equal(coef(x$models$b[[1]])[["ln_inter"]], out[["ln_inter"]], tolerance = 1e-9)
  expect_equal(coef(x)[["total"]] - out[["ln_imdig"]],
               sum(coef(x)[c("indirect:ln_innov", "indirect:ln_inter")]), tolerance = 1e-9)
})

test_that("the Sobel error follows its formula under the chosen variance", {
  x <- fe_mediate(base_formula, digitrade, mediators = "ln_innov", R = 0, vcov = ~country)
  a <- tidy(x$models$a$ln_innov)[1, ]
  b <- subset(tidy(x$models$b$ln_innov), term == "ln_innov")
  row <- subset(x$effects, method == "Sobel")
  expect_equal(row$std.error, sqrt(a$estimate^2 * b$std.error^2 + b$estimate^2 * a$std.error^2))
  restated <- subset(summary(x, vcov = "HC1")$effects, method == "Sobel")
  expect_false(isTRUE(all.equal(row$std.error, restated$std.error)))
})

test_that("bootstrap replicates equal a slow loop that copies rows", {
  set.seed(11)
  x <- suppressWarnings(fe_mediate(base_formula, digitrade, R = 8,
                                   mediators = c("ln_innov", "ln_inter")))
  W <- fe_boot_weights(63, 1:8, x$boot$seed)
  slow <- apply(W, 2, function(w) {
    rows <- lapply(1:63, function(g) rep(which(as.integer(digitrade$country) == g), w[g]))
    d <- digitrade[unlist(rows), ]
    vapply(c("ln_innov", "ln_inter"), function(m) {
      coef(dummies(m, data = d))[["ln_imdig"]] * coef(dummies("ln_upmf", m, data = d))[[m]]
    }, 0)
  })
  expect_equal(unname(x$boot$t[, c("indirect:ln_innov", "indirect:ln_inter")]), unname(t(slow)),
               tolerance = 1e-10)
  expect_identical(x$boot$cluster, "country")
})

test_that("the bootstrap is the same on 1, 2 and 4 threads", {
  run <- function(threads) {
    set.seed(3)
    fe_mediate(base_formula, digitrade, mediators = "ln_innov", R = 1000, threads = threads)$boot$t
  }
  one <- run(1)
  expect_identical(run(2), one)
  expect_identical(run(4), one)
})

test_that("every equation has the same rows when a mediator is missing somewhere", {
  d <- digitrade
  d$ln_inter[c(3, 50)] <- NA
  x <- fe_mediate(base_formula, d, mediators = c("ln_innov", "ln_inter"), R = 0)
  n <- vapply(c(list(x$models$total), x$models$a, x$models$b), nobs, 0)
  expect_true(all(n == 817))
  expect_lt(x$identity, 1e-12)
  expect_identical(subset(as.data.frame(fe_rows(x)), !used)$row, c(3L, 50L))
})

test_that("tidy has one row an effect and glance one row", {
  set.seed(1)
  x <- fe_mediate(base_formula, digitrade, mediators = "ln_innov", R = 199, ci = "basic")
  t <- tidy(x)
  expect_identical(t$effect, c("total", "a", "b", "direct", "indirect", "share"))
  expect_equal(t$conf.low[5], confint(x, parm = "indirect:ln_innov", type = "basic")[1, 1])
  s <- tidy(x, "sobel")
  expect_equal(s$conf.low[5], s$estimate[5] - qnorm(.975) * s$std.error[5])
  expect_identical(subset(tidy(x, "all"), effect == "indirect")$method,
                   c("delta", "Sobel", "boot basic"))
  expect_identical(nrow(glance(x)), 1L)
  expect_identical(sort(unique(x$intervals$type)), c("basic", "bc", "bca", "percentile"))
  expect_output(print(x), "Identity c = c'")
})

test_that("bad requests are refused by name", {
  run <- function(...) fe_mediate(base_formula, digitrade, R = 0, ...)
  expect_error(run(), "`mediators` is missing", class = "fe_error")
  expect_error(run(mediators = "nope"), "\"nope\"", class = "fe_error")
  expect_error(run(mediators = "pgdp"), "stands in the formula", class = "fe_error")
  expect_error(run(mediators = "country"), "country", class = "fe_error")
  expect_error(run(mediators = "ln_innov", treat = "ln_inter"), "no regressor", class = "fe_error")
  d <- digitrade
  d$fixed <- as.integer(d$country)
  expect_error(fe_mediate(base_formula, d, mediators = "fixed", R = 0), "fixed", class = "fe_error")
  expect_error(fe_mediate(ln_upmf ~ csw(ln_imdig, pgdp) | country, d, mediators = "ln_innov",
                          R = 0), "single model", class = "fe_error")
})

test_that("bootstraps and levels that cannot be are refused under the argument's own name", {
  run <- function(...) fe_mediate(base_formula, digitrade, mediators = "ln_innov", ...)
  expect_error(run(boot = "x"), "`boot`", class = "fe_error")
  expect_error(run(boot = "residual", interaction = TRUE), "`boot`", class = "fe_error")
  expect_error(fe_boot(run(interaction = TRUE, R = 0), type = "residual"), "`type`",
               class = "fe_error")
  expect_error(run(interaction = TRUE, control.value = 2, treat.value = 2), "`treat.value` is 2",
               class = "fe_error")
  expect_error(run(level = 95), "`level`", class = "fe_error")
})

test_that("a logical treatment counts as 0 and 1, and names may need backticks", {
  d <- digitrade
  d$city <- d$urban > 70
  names(d)[names(d) == "ln_innov"] <- "ln innov"
  x <- fe_mediate(ln_upmf ~ city + pgdp | country + year, d, mediators = "ln innov", R = 0)
  a <- coef(lm(`ln innov` ~ city + pgdp + country + factor(year), d))[["cityTRUE"]]
  expect_equal(coef(x$models$a[[1]])[["city"]], a, tolerance = 1e-8)
  expect_lt(x$identity, 1e-12)
})

test_that("an offset belongs to the outcome alone", {
  d <- digitrade
  d$o <- sin(seq_len(819))
  x <- fe_mediate(ln_upmf ~ ln_imdig + offset(o) | country, d, mediators = "ln_innov", R = 0)
  expect_equal(coef(x$models$a$ln_innov)[["ln_imdig"]],
               coef(fe_lm(ln_innov ~ ln_imdig | country, d))[["ln_imdig"]], tolerance = 1e-12)
  expect_lt(x$identity, 1e-12)
})

test_that("a logical treatment inside an interaction is refused, not recoded", {
  d <- digitrade
  d$city <- d$urban > 70
  expect_error(fe_mediate(ln_upmf ~ city + city:fdi | country, d, mediators = "ln_innov", R = 0),
               "logical", class = "fe_error")
})
