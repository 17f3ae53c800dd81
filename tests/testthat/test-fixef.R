# Random rows with factors a, b and c; b and c fall into two blocks that share no row if asked for.
factor_rows <- function(seed, blocks = FALSE, n = 150L) {
  set.seed(seed)
  block <- if (blocks) rep(0:1, length.out = n) else 0L
  d <- data.frame(a = sample(5L, n, TRUE) + 5L * block, b = sample(4L, n, TRUE) + 4L * block,
                  c = letters[sample(3L, n, TRUE)], x = rnorm(n), z = 50 + 10 * rexp(n))
  d$w <- runif(n, 0.5, 2)
  d$y <- d$x - 0.1 * d$z + d$a / 2 - d$b / 3 + (1 + abs(d$x)) * rnorm(n)
  d$x <- d$x + d$a / 4
  d
}

# The effects that lm() with 0 + first factor + other factors has: what base = "first" gives.
lm_effects <- function(l, V = vcov(l), factors = c("a", "b", "c")) {
  at <- grep(sprintf("^factor\\((%s)\\)", paste(factors, collapse = "|")), names(coef(l)))
  list(estimate = unname(coef(l)[at]), std.error = unname(sqrt(diag(V)[at])))
}

free_effects <- function(f) {
  table <- tidy(f)
  as.list(table[!(table$std.error %in% 0), c("estimate", "std.error")])
}

test_that("effects and their errors are those of lm() with dummies, for one to three factors", {
  d <- factor_rows(1)
  expect_equal(free_effects(fixef(fe_lm(y ~ x + z | a, d, vcov = "iid"), se = TRUE)),
               lm_effects(lm(y ~ 0 + factor(a) + x + z, d)), tolerance = 1e-9)
  expect_equal(free_effects(fixef(fe_lm(y ~ x + z | a + b, d, vcov = "iid"), se = TRUE)),
               lm_effects(lm(y ~ 0 + factor(a) + factor(b) + x + z, d)), tolerance = 1e-9)
  m <- fe_lm(y ~ x + z | a + b + c, d, vcov = "iid", weights = ~w)
  l <- lm(y ~ 0 + factor(a) + factor(b) + factor(c) + x + z, d, weights = w)
  expect_equal(free_effects(fixef(m, se = TRUE)), lm_effects(l), tolerance = 1e-9)
  expect_equal(unname(fixef(m)$b[["1"]]), 0)
})

test_that("the errors follow the variance: HC and clusters against sandwich", {
  skip_if_not_installed("sandwich")
  d <- factor_rows(2)
  m <- fe_lm(y ~ x + z | a + b, d, weights = ~w)
  l <- lm(y ~ 0 + factor(a) + factor(b) + x + z, d, weights = w)
  for (type in c("HC0", "HC1", "HC2", "HC3")) {
    expect_equal(free_effects(fixef(m, se = TRUE, vcov = type)),
                 lm_effects(l, sandwich::vcovHC(l, type)), tolerance = 1e-9, label = type)
  }
  expect_equal(free_effects(fixef(m, se = TRUE, vcov = ~c, ssc = "sandwich.HC1")),
               lm_effects(l, sandwich::vcovCL(l, d$c, type = "HC1")), tolerance = 1e-9)
  one <- fe_lm(y ~ x + z | a, d, vcov = ~b, ssc = "sandwich.HC1")
  l <- lm(y ~ 0 + factor(a) + x + z, d)
  expect_equal(free_effects(fixef(one, se = TRUE)),
               lm_effects(l, sandwich::vcovCL(l, d$b, type = "HC1")), tolerance = 1e-9)
})

test_that("effects equal those of fixest, which chooses the reference level itself", {
  skip_if_not_installed("fixest")
  d <- factor_rows(3)
  theirs <- fixest::fixef(fixest::feols(y ~ x + z | a + b, d, weights = ~w, fixef.tol = 1e-10))
  ours <- fixef(fe_lm(y ~ x + z | a + b, d, weights = ~w))
  expect_equal(ours$a, theirs$a + theirs$b[["1"]], tolerance = 1e-6)
  expect_equal(ours$b, theirs$b - theirs$b[["1"]], tolerance = 1e-6)
})

test_that("each component has its own reference", {
  d <- factor_rows(4, blocks = TRUE)
  m <- fe_lm(y ~ x + z | a + b, d, vcov = "HC1")
  f <- fixef(m, se = TRUE)
  expect_identical(unname(which(f$b == 0)), c(1L, 5L))
  expect_identical(tidy(f)$component, rep(c(1L, 2L, 1L, 2L), c(5L, 5L, 4L, 4L)))
  # one regression whose dummies of b leave out the first level of either block
  D <- cbind(full_dummies(d$a), full_dummies(d$b)[, -c(1L, 5L)], d$x, d$z)
  l <- lm(d$y ~ 0 + D)
  expect_equal(free_effects(f)$estimate, unname(coef(l)[1:16]), tolerance = 1e-9)
  u <- residuals(l) * D
  V <- nrow(d) / (nrow(d) - 18) * solve(crossprod(D), crossprod(u)) %*% solve(crossprod(D))
  expect_equal(free_effects(f)$std.error, sqrt(diag(V)[1:16]), tolerance = 1e-9)
})

test_that("effects of a row add up to its fitted value under both normalisations", {
  for (blocks in c(FALSE, TRUE)) {
    d <- factor_rows(5, blocks)
    m <- fe_lm(y ~ x + z + offset(z / 7) | a + b, d, weights = ~w)
    rest <- fitted(m) - d$z / 7 - as.vector(as.matrix(d[c("x", "z")]) %*% coef(m))
    for (base in c("first", "mean")) {
      f <- fixef(m, base = base)
      expect_equal(unname(f$a[as.character(d$a)] + f$b[as.character(d$b)]), rest,
                   tolerance = 1e-10)
    }
    block <- (d$a - 1) %/% 5
    expect_equal(as.vector(tapply(d$w * f$b[as.character(d$b)], block, sum)),
                 numeric(1L + blocks), tolerance = 1e-10)
  }
})

test_that("errors of effects measured from their mean are those of centred dummies", {
  d <- factor_rows(6)
  f <- tidy(fixef(fe_lm(y ~ x | a + b, d, vcov = "iid", weights = ~w), "b", se = TRUE,
                  base = "mean"))
  l <- lm(y ~ 0 + factor(a) + factor(b) + x, d, weights = w)
  L <- diag(4) - rep(1, 4) %o% as.vector(tapply(d$w, d$b, sum) / sum(d$w))
  at <- grep("factor\\(b\\)", names(coef(l)))
  V <- rbind(0, cbind(0, vcov(l)[at, at]))
  expect_equal(f$estimate, as.vector(L %*% c(0, coef(l)[at])), tolerance = 1e-9)
  expect_equal(f$std.error, sqrt(diag(L %*% V %*% t(L))), tolerance = 1e-9)
})

test_that("a difference of two levels has the error of the contrast", {
  d <- factor_rows(7)
  m <- fe_lm(y ~ x + z | a + b, d, vcov = "iid")
  l <- lm(y ~ relevel(factor(a), "4") + factor(b) + x + z, d)
  ours <- tidy(fixef(m, "a", levels = c(2, 5), against = 4, se = TRUE))
  theirs <- summary(l)$coefficients[c(3L, 5L), ]
  expect_identical(ours$level, c("2", "5"))
  expect_equal(unname(as.matrix(ours[c("estimate", "std.error", "statistic", "p.value")])),
               unname(theirs), tolerance = 1e-9)
  expect_equal(unname(as.matrix(ours[c("conf.low", "conf.high")])),
               unname(confint(l)[rownames(theirs), ]), tolerance = 1e-9)
  same <- tidy(fixef(m, "a", levels = 4, against = 4, se = TRUE))
  expect_identical(c(same$estimate, same$std.error), c(0, 0))
})

# Is d0 in the row space of the dummies?
oracle_estimable <- function(D, d0) qr(rbind(D, d0))$rank == qr(D)$rank

test_that("effects are marked estimable exactly where the rank of the dummies says so", {
  d <- factor_rows(8)
  d$c <- d$a %% 3L + 1L # nested in a
  d$b[d$c == 1L] <- d$b[d$c == 1L] + 4L
  m <- fe_lm(y ~ x | a + b + c, d)
  expect_warning(f <- tidy(fixef(m, se = TRUE)), "are not estimable", class = "fe_warning")
  D <- do.call(cbind, lapply(d[c("a", "b", "c")], full_dummies))
  norm <- normalisation(m, "first")
  oracle <- vapply(seq_len(nrow(f)), function(l) {
    oracle_estimable(D, normal_functional(norm, l))
  }, NA)
  expect_identical(f$estimable, oracle)
  expect_true(any(oracle) && !all(oracle))
  expect_identical(is.na(f$estimate), !oracle)
  expect_identical(is.na(f$std.error), !oracle)
})

test_that("varying slopes are effects like others", {
  d <- factor_rows(17)
  m <- fe_lm(y ~ x | a[z] + b, d, vcov = "iid", weights = ~w)
  l <- lm(y ~ 0 + factor(a) + factor(a):z + factor(b) + x, d, weights = w)
  L <- summary(l)$coefficients
  at <- c(grep("^factor\\(a\\).$", rownames(L)), grep(":z", rownames(L)),
          grep("^factor\\(b\\)", rownames(L)))
  f <- fixef(m, se = TRUE)
  expect_identical(names(f), c("a", "a[[z]]", "b"))
  expect_equal(free_effects(f)$estimate, unname(L[at, 1L]), tolerance = 1e-9)
  expect_equal(free_effects(f)$std.error, unname(L[at, 2L]), tolerance = 1e-9)
})

test_that("slopes of two factors on one variable are normalised among themselves", {
  d <- factor_rows(18)
  f <- fixef(fe_lm(y ~ x | a[[z]] + b[z], d), base = "mean")
  expect_identical(names(f), c("a[[z]]", "b", "b[[z]]"))
  expect_equal(sum(f[["b[[z]]"]][as.character(d$b)]), 0, tolerance = 1e-10)
  expect_true(all(attr(f, "table")$estimable))
  expect_gt(abs(sum(f$b[as.character(d$b)])), 1) # b carries the level
})

test_that("the unit of a slope variable changes nothing but the unit of its effects", {
  d <- factor_rows(19)
  d$v <- rnorm(nrow(d))
  f <- tidy(fixef(fe_lm(y ~ x | a[v] + b[v] + c, d, vcov = "iid"), se = TRUE))
  for (unit in c(1e10, 1e-10)) {
    d$u <- unit * d$v
    g <- tidy(fixef(fe_lm(y ~ x | a[u] + b[u] + c, d, vcov = "iid"), se = TRUE))
    expect_identical(g$estimable, f$estimable)
    scale <- ifelse(grepl("[[", f$fe, fixed = TRUE), unit, 1)
    expect_equal(g$estimate * scale, f$estimate, tolerance = 1e-7)
    expect_equal(g$std.error * scale, f$std.error, tolerance = 1e-7)
  }
})

test_that("levels of different components cannot be compared", {
  m <- fe_lm(y ~ x | a + b, factor_rows(9, blocks = TRUE))
  expect_warning(f <- fixef(m, "a", levels = c(2, 7), against = 1, se = TRUE), "not estimable")
  expect_identical(tidy(f)$estimable, c(TRUE, FALSE))
  expect_identical(is.na(tidy(f)$std.error), c(FALSE, TRUE))
})

test_that("components are those of the graph, however long its chains", {
  set.seed(10)
  n <- 400L
  a <- sample(n)
  b <- sample(n)
  chain <- list(list(code = a[rep(seq_len(n), 2L)], n_levels = n),
                list(code = b[c(seq_len(n), seq_len(n - 2L) + 1L, 1L, n)], n_levels = n))
  found <- level_components(chain)
  expect_identical(length(unique(found)), 2L)
  expect_identical(found[chain[[1L]]$code], found[n + chain[[2L]]$code])
  expect_identical(unname(sort(tabulate(found[seq_len(n)]))), c(1L, n - 1L))
})

test_that("the closed form of one factor agrees with the general way", {
  d <- factor_rows(11)
  m <- fe_lm(y ~ x + z | a, d, vcov = "iid", weights = ~w)
  norm <- normalisation(m, "first")
  fast <- one_factor_moments(m, norm, 1:5)
  slow <- functional_moments(m, model_absorber(m),
                             function(j) normal_functional(norm, j), 5L)
  expect_equal(fast, slow[names(fast)], tolerance = 1e-10, ignore_attr = TRUE)
})

test_that("what cannot be answered is refused with the remedy", {
  d <- factor_rows(12)
  m <- fe_lm(y ~ x | a + b, d)
  expect_error(fixef(m, "aa"), "\"a\" and \"b\"", class = "fe_error")
  expect_error(fixef(m, "a", levels = 99), "\"99\"", class = "fe_error")
  expect_error(fixef(m, levels = 1), "Name one of them", class = "fe_error")
  expect_error(fixef(m, vcov = "iid"), "se = TRUE", class = "fe_error")
  expect_error(fixef(summary(m, vcov = vcov(m)), se = TRUE), "variance type", class = "fe_error")
  expect_error(fixef(fe_lm(y ~ x, d)), "no fixed effects", class = "fe_error")
  many <- data.frame(i = rep(1:1100, 2), y = rnorm(2200), x = rnorm(2200))
  expect_error(fixef(fe_lm(y ~ x | i, many), se = TRUE), "1100 levels", class = "fe_error")
  expect_identical(nrow(tidy(fixef(fe_lm(y ~ x | i, many, vcov = "iid"), se = TRUE))), 1100L)
})

test_that("printing states the normalisation, and figures are drawn", {
  m <- fe_lm(y ~ x | a + b, factor_rows(13, blocks = TRUE), vcov = "iid")
  f <- fixef(m, se = TRUE, base = "mean")
  expect_output(print(f), "each of 2 connected components.*\"b\" average\\s+zero")
  expect_identical(summary(f)$levels, c(10L, 8L))
  two <- fixef(fe_lm(c(y, z) ~ x | a, factor_rows(1)))
  expect_identical(names(two), c("y ~ x | a", "z ~ x | a"))
  skip_if_not_installed("ggplot2")
  expect_s3_class(plot(f, "b"), "ggplot")
})

test_that("clusters that enclose whole levels are said to tell nothing of their effects", {
  m <- fe_lm(y ~ x + z | a + b, factor_rows(14), vcov = ~a)
  expect_warning(fixef(m, "a", se = TRUE), "\"a\" lie within the clusters", class = "fe_warning")
  expect_no_warning(fixef(m, "b", se = TRUE))
  expect_warning(predict(m, se.fit = TRUE), "\"a\" lie within the clusters", class = "fe_warning")
})

test_that("a model without slopes has effects too: group means and their errors", {
  d <- factor_rows(15)
  f <- tidy(fixef(fe_lm(y ~ 1 | a, d, vcov = "iid"), se = TRUE))
  l <- summary(lm(y ~ 0 + factor(a), d))$coefficients
  expect_equal(unname(as.matrix(f[c("estimate", "std.error")])), unname(l[, 1:2]),
               tolerance = 1e-9)
  expect_equal(predict(fe_lm(y ~ 1 | a, d, vcov = "iid"), d[1:9, ], se.fit = TRUE)$se.fit,
               unname(l[d$a[1:9], 2L]), tolerance = 1e-9)
  expect_equal(tidy(fixef(fe_lm(y ~ 1 | a, d, vcov = "HC0"), se = TRUE))$std.error,
               as.vector(tapply(d$y, d$a, function(v) sqrt(sum((v - mean(v))^2)) / length(v))),
               tolerance = 1e-9)
})

test_that("moderations and mediations give the effects of their models", {
  d <- factor_rows(16)
  one <- fe_moderate(y ~ x + z | a, d, "x", "z")
  expect_equal(fixef(one), fixef(one$model))
})
