d <- random_panel(1)
d$fx <- factor(sample(1:3, nrow(d), TRUE))
slopes <- function(m) unname(coef(m))
# Slopes of lm() with dummies of unit.
lm_slopes <- function(formula, data = d) {
  l <- lm(update(formula, . ~ . + factor(unit)), data)
  b <- coef(l)[!grepl("Intercept|factor\\(unit\\)", names(coef(l)))]
  b[!is.na(b)]
}

test_that("whatever lm() takes on the right is taken beside fixed effects", {
  rhs <- list(y ~ poly(x1, 2), y ~ log(x2) + I(x1^2), y ~ x1 * x2, y ~ (x1 + x2 + fx)^2 - x1:x2,
              y ~ x1:fx, y ~ x1 - 1,
              y ~ fx * x1, y ~ factor(other), y ~ scale(x1) + exp(x3 / 1000), y ~ I(x1 > 0) + x2,
              y ~ cluster:x1, y ~ ordered(other), y ~ x1 %in% x2, y ~ splines::ns(x1, 3))
  for (f in rhs) {
    both <- stats::as.formula(call("~", f[[2L]], call("|", f[[3L]], quote(unit))))
    expect_equal(coef(fe_lm(both, d)), lm_slopes(f), tolerance = 1e-8)
  }
})

test_that("columns with the same name stay apart", {
  d$fx2 <- rnorm(nrow(d))
  m <- fe_lm(y ~ fx2 + fx | unit, d)
  l <- lm(y ~ fx2 + fx + factor(unit), d)
  expect_equal(slopes(m), unname(coef(l)[2:4]), tolerance = 1e-9)
  both <- fe_lm(y ~ sw(fx2, fx) | unit, d)
  expect_equal(slopes(both[[1]]), unname(lm_slopes(y ~ fx2, d)), tolerance = 1e-9)
  expect_equal(slopes(both[[2]]), unname(lm_slopes(y ~ fx, d)), tolerance = 1e-9)
})

test_that("a formula may be a string, a variable, or built inside a function", {
  m <- fe_lm(y ~ x1 + x2 | unit, d)
  expect_identical(coef(fe_lm("y ~ x1 + x2 | unit", d)), coef(m))
  held <- y ~ x1 + x2 | unit
  expect_identical(coef(fe_lm(held, d)), coef(m))
  inside <- function(x, effect, clusters) {
    data <- d
    fe_lm(stats::as.formula(sprintf("y ~ %s | %s", x, effect)), data, vcov = clusters)
  }
  expect_equal(coef(inside("x1 + x2", "unit", ~time)), coef(m))
  expect_equal(vcov(inside("x1 + x2", "unit", ~time)), vcov(m, ~time))
})

test_that("stepwise calls plan their models in order", {
  labels <- function(f) vapply(as.list(fe_lm(f, d)), function(m) format(formula(m)), "")
  expect_identical(unname(labels(y ~ sw(x1, x2) | unit)), c("y ~ x1 | unit", "y ~ x2 | unit"))
  expect_identical(unname(labels(y ~ x3 + csw(x1, x2) | unit)),
                   c("y ~ x3 + x1 | unit", "y ~ x3 + x1 + x2 | unit"))
  expect_identical(unname(labels(y ~ x3 + csw0(x1, x2) | unit)),
                   c("y ~ x3 | unit", "y ~ x3 + x1 | unit", "y ~ x3 + x1 + x2 | unit"))
  expect_identical(unname(labels(y ~ csw(x1 + x2, x3) | unit)),
                   c("y ~ x1 + x2 | unit", "y ~ x1 + x2 + x3 | unit"))
  expect_identical(unname(labels(c(y, x3) ~ x1 | sw0(unit))),
                   c("y ~ x1", "y ~ x1 | unit", "x3 ~ x1", "x3 ~ x1 | unit"))
})

test_that("each model of a stepwise call is the model fitted alone", {
  quietly <- function(...) suppressWarnings(fe_lm(...), classes = "fe_warning")
  many <- quietly(c(y, log(x2)) ~ x3 + csw0(x1, poly(x1, 2)) | sw(unit, unit + time), d,
                  vcov = ~cluster)
  expect_length(many, 12L)
  for (m in as.list(many)) {
    alone <- quietly(formula(m), d, vcov = ~cluster)
    expect_equal(coef(m), coef(alone), tolerance = 1e-12)
    expect_equal(vcov(m), vcov(alone), tolerance = 1e-12)
  }
})

test_that("a stepwise call may begin with no regressor", {
  many <- fe_lm(y ~ csw0(x1, x2) | unit, d)
  expect_length(many, 3L)
  expect_length(coef(many[[1]]), 0L)
  expect_equal(many[[1]]$rss, deviance(lm(y ~ factor(unit), d)), tolerance = 1e-12)
  expect_output(print(many[[1]]), "no slopes")
  constant <- fe_lm(y ~ 1 | unit + time, d, intercept = "mean")
  expect_equal(slopes(constant), mean(d$y), tolerance = 1e-12)
  expect_s3_class(fe_lm(y ~ offset(x2) | unit, d), "fe_lm")
})

test_that("fixest plans the same models", {
  skip_if_not_installed("fixest")
  f <- c(y, x3) ~ sw(x1, x2) | csw(unit, time)
  ours <- fe_lm(f, d)
  theirs <- fixest::feols(f, d, notes = FALSE, fixef.tol = 1e-11)
  key <- function(m, y, effects) paste(y, paste(names(coef(m)), collapse = "+"),
                                       paste(effects, collapse = "+"))
  a <- vapply(as.list(ours), function(m) unname(coef(m)[1]), 0)
  names(a) <- vapply(as.list(ours), function(m) key(m, m$outcome, names(m$factors)), "")
  b <- vapply(as.list(theirs), function(m) unname(coef(m)[1]), 0)
  names(b) <- vapply(as.list(theirs), function(m) key(m, all.vars(formula(m))[1], m$fixef_vars), "")
  expect_setequal(names(a), names(b))
  expect_equal(a[names(b)], b, tolerance = 1e-9)
})

test_that("a^b is the combination of two identifiers", {
  expect_equal(coef(fe_lm(y ~ x1 | cluster^time, d)),
               coef(fe_lm(y ~ x1 | interaction(cluster, time, drop = TRUE), d)), tolerance = 1e-12)
  o <- oracle_fit(d$y, as.matrix(d["x1"]), list(paste(d$group, d$other)))
  m <- fe_lm(y ~ x1 | group^other, d, singletons = "keep")
  expect_equal(coef(m), o$coef["x1"], tolerance = 1e-10)
  expect_equal(vcov(m, ~group^other, ssc = "estimatr.CR0"), oracle_vcov(o, "CR0", o$factors),
               tolerance = 1e-10)
})

test_that("fixed effects may be expressions", {
  expect_equal(coef(fe_lm(y ~ x1 | factor(unit) + floor(time / 2), d)),
               coef(fe_lm(y ~ x1 | unit + I(time %/% 2), d)))
  expect_equal(coef(fe_lm(y ~ x1 | 0, d)), coef(lm(y ~ x1, d)), tolerance = 1e-12)
})

test_that("fixed effects joined by an operator of arithmetic are refused", {
  expect_error(fe_lm(y ~ x1 | unit * time, d), "a\\^b|unit\\^time", class = "fe_error")
  expect_error(suppressWarnings(fe_lm(y ~ x1 | unit:time, d)), "a\\^b|unit\\^time",
               class = "fe_error")
  expect_error(fe_lm(y ~ x1 | unit - time, d), class = "fe_error")
})

test_that("i() makes indicators of all levels but the reference", {
  m <- fe_lm(y ~ i(group) | unit, d)
  expect_identical(names(coef(m)), paste0("group::", c("b", "c", "d")))
  expect_equal(slopes(m), unname(lm_slopes(y ~ droplevels(group))), tolerance = 1e-9)
  other <- fe_lm(y ~ i(group, ref = "c") | unit, d)
  expect_identical(names(coef(other)), paste0("group::", c("a", "b", "d")))
  expect_equal(other$rss, m$rss, tolerance = 1e-12)
  times <- fe_lm(y ~ i(time, ref = 2003) | unit, d)
  expect_equal(slopes(times), unname(lm_slopes(y ~ relevel(factor(time), "2003"))),
               tolerance = 1e-9)
})

test_that("i() multiplies indicators with a number", {
  m <- fe_lm(y ~ i(group, x1) | unit, d)
  expect_identical(names(coef(m)), sprintf("group::%s:x1", c("a", "b", "c", "d")))
  expect_equal(slopes(m), unname(lm_slopes(y ~ x1:droplevels(group))), tolerance = 1e-9)
  skip_if_not_installed("fixest")
  f <- fixest::feols(y ~ i(group, x1, ref = "b") | unit, d)
  expect_equal(coef(fe_lm(y ~ i(group, x1, ref = "b") | unit, d)), coef(f), tolerance = 1e-9)
})

test_that("names that are no R names work everywhere", {
  d$`my var` <- d$x1
  d$`my id` <- d$unit
  m <- fe_lm(y ~ `my var` | `my id`, d, vcov = ~`my id`)
  expect_equal(slopes(m), slopes(fe_lm(y ~ x1 | unit, d)))
  expect_equal(as.vector(vcov(m)), as.vector(vcov(fe_lm(y ~ x1 | unit, d), ~unit)))
})

test_that("an offset is taken off the outcome, written either way", {
  known <- fe_lm(I(y - 0.5 * x2) ~ x1 | unit, d)
  expect_equal(coef(fe_lm(y ~ x1 + offset(0.5 * x2) | unit, d)), coef(known), tolerance = 1e-12)
  m <- fe_lm(y ~ x1 | unit, d, offset = 0.5 * x2)
  expect_equal(coef(m), coef(known), tolerance = 1e-12)
  expect_equal(fitted(m) + residuals(m), d$y, tolerance = 1e-12, ignore_attr = TRUE)
  twice <- fe_lm(y ~ x1 + offset(x2) + offset(x3) | unit, d)
  expect_equal(coef(twice), coef(fe_lm(I(y - x2 - x3) ~ x1 | unit, d)), tolerance = 1e-12)
  l <- lm(y ~ x1 + offset(x2) + factor(unit), d)
  inside <- fe_lm(y ~ x1 + offset(x2) | unit, d)
  expect_equal(deviance(inside), deviance(l), tolerance = 1e-10)
  expect_equal(glance(inside)$r.squared, glance(fe_lm(I(y - x2) ~ x1 | unit, d))$r.squared,
               tolerance = 1e-10)
})

test_that("split fits each part alone, whatever form it is given in", {
  by_name <- fe_lm(y ~ x1 | unit, d, split = "fx")
  expect_length(by_name, 3L)
  for (l in levels(d$fx)) {
    alone <- fe_lm(y ~ x1 | unit, d[d$fx == l, ])
    expect_equal(coef(by_name[[match(l, levels(d$fx))]]), coef(alone), tolerance = 1e-12)
  }
  expect_equal(lapply(as.list(fe_lm(y ~ x1 | unit, d, split = ~fx)), slopes),
               lapply(as.list(by_name), slopes),
               ignore_attr = TRUE)
  expect_match(names(fe_lm(y ~ x1 | unit, d, split = ~fx))[1], "fx = 1", fixed = TRUE)
  expect_length(fe_lm(y ~ x1 | unit, d, split = x1 > 0), 2L)
})

test_that("subset takes conditions, formulas, row numbers", {
  m <- fe_lm(y ~ x1 | unit, d[d$other > 2, ])
  expect_equal(coef(fe_lm(y ~ x1 | unit, d, subset = other > 2)), coef(m))
  expect_equal(coef(fe_lm(y ~ x1 | unit, d, subset = ~other > 2)), coef(m))
  expect_equal(coef(fe_lm(y ~ x1 | unit, d, subset = which(d$other > 2))), coef(m))
  expect_equal(coef(fe_lm(y ~ x1 | unit, d, subset = -which(d$other <= 2))), coef(m))
})

test_that("common_sample gives all columns the rows of the shortest", {
  d$x2[1:9] <- NA
  many <- fe_lm(c(y, x3) ~ x1 + csw0(x2) | unit, d, common_sample = TRUE)
  expect_identical(unname(vapply(many, nobs, 0)), rep(as.double(nobs(many[[2]])), 4))
  expect_equal(coef(many[[1]]), coef(fe_lm(y ~ x1 | unit, d[-(1:9), ])), tolerance = 1e-12)
  expect_gt(nobs(fe_lm(y ~ x1 + csw0(x2) | unit, d)[[1]]), nobs(many[[1]]))
})

test_that("common_sample counts singletons of every model's fixed effects", {
  d$pair <- rep(seq_len(nrow(d)), each = 2, length.out = nrow(d))
  d$pair[1] <- 1e6
  many <- fe_lm(y ~ x1 | csw0(unit, pair), d, common_sample = TRUE)
  expect_length(unique(vapply(many, nobs, 0)), 1L)
})

test_that("weights are found in the data, by formula, and in the calling function", {
  set.seed(2)
  d$k <- runif(nrow(d))
  m <- fe_lm(y ~ x1 | unit, d, weights = k)
  outer_weights <- d$k
  call_it <- function(local_weights) fe_lm(y ~ x1 | unit, d, weights = local_weights)
  expect_equal(coef(fe_lm(y ~ x1 | unit, d, weights = ~k)), coef(m))
  expect_equal(coef(fe_lm(y ~ x1 | unit, d, weights = outer_weights)), coef(m))
  expect_equal(coef(call_it(d$k)), coef(m))
  expect_equal(coef(do.call(fe_lm, list(y ~ x1 | unit, d, weights = d$k))), coef(m))
})

test_that("update() changes formula, data and arguments", {
  m <- fe_lm(y ~ x1 | unit, d)
  expect_equal(coef(update(m, . ~ . + x2)), coef(fe_lm(y ~ x1 + x2 | unit, d)))
  expect_equal(coef(update(m, . ~ . | . + time)), coef(fe_lm(y ~ x1 | unit + time, d)))
  expect_equal(coef(update(m, . ~ . | time)), coef(fe_lm(y ~ x1 | time, d)))
  expect_equal(coef(update(m, log(x2) ~ .)), coef(fe_lm(log(x2) ~ x1 | unit, d)))
  expect_equal(vcov(update(m, vcov = ~cluster)), vcov(m, ~cluster))
  expect_equal(nobs(update(m, data = d[1:60, ])), 60)
})

test_that("update() works on models from functions and from lists", {
  make <- function() {
    hidden <- y ~ x1 | unit
    fe_lm(hidden, d)
  }
  expect_equal(vcov(update(make(), vcov = "iid")), vcov(make(), "iid"))
  second <- fe_lm(y ~ csw(x1, x2) | unit, d)[[2]]
  again <- update(second, vcov = "iid")
  expect_s3_class(again, "fe_lm")
  expect_equal(coef(again), coef(second))
})

test_that("i() is NA where its factor is, and unused levels make no column", {
  d$group[2:3] <- NA
  m <- fe_lm(y ~ i(group) | unit, d)
  expect_identical(fe_rows(m)$cause[2:3], c("NA", "NA"))
  expect_identical(names(coef(m)), paste0("group::", c("b", "c", "d")))
})

test_that("levels that the sample lacks make no column", {
  m <- fe_lm(y ~ group | unit, d, subset = group != "b")
  expect_identical(names(coef(m)), c("groupc", "groupd"))
  some <- suppressWarnings(fe_lm(y ~ i(group) | unit, d, subset = group != "b"),
                           classes = "fe_warning")
  expect_identical(names(coef(some)), c("group::c", "group::d"))
})

test_that("columns named like functions of the formula language are columns", {
  d$i <- d$unit
  d$sw <- d$x1
  d$c <- d$time
  d$offset <- d$x2
  expect_equal(slopes(fe_lm(y ~ sw + offset | i + c, d, vcov = ~i)),
               slopes(fe_lm(y ~ x1 + x2 | unit + time, d)))
  expect_length(coef(fe_lm(y ~ i(i) | c, d)), 13L)
})

test_that("texts and matrices of text are no terms, logical matrices are", {
  expect_error(fe_lm(y ~ "x1" | unit, d), "no formula", class = "fe_error")
  expect_error(fe_lm(y ~ x1:"x2", d), "no formula", class = "fe_error")
  expect_error(fe_lm(y ~ x1 | "unit", d), "is a text and no variable", class = "fe_error")
  expect_error(fe_lm(y ~ matrix(letters[1:2], nrow(d), 2), d), "matrix of character",
               class = "fe_error")
  expect_equal(slopes(fe_lm(y ~ cbind(x1 > 0, x3 > median(x3)) | unit, d)),
               slopes(fe_lm(y ~ I(x1 > 0) + I(x3 > median(x3)) | unit, d)))
})

test_that("i() names its columns whatever the encoding of the levels", {
  skip_if_not(l10n_info()[["UTF-8"]], "in a locale that has no such letter")
  level <- c("f\xe4r", "b", "c")
  Encoding(level) <- "latin1"
  d$text <- rep_len(level, nrow(d))
  m <- fe_lm(y ~ i(text) | unit, d)
  expect_identical(names(coef(m)), c("text::c", "text::f\u00e4r"))
  expect_length(predict(m), nrow(d))
})
