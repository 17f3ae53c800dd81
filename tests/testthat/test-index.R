# A small panel of correlated indicators: units differ, years shift, nothing is constant.
indicators <- function(n = 60L, p = 5L, seed = 11L) {
  set.seed(seed)
  common <- rnorm(n)
  x <- vapply(seq_len(p), function(j) {
    10 * j + j * (common * (0.5 + j / p) + rnorm(n))
  }, numeric(n))
  colnames(x) <- paste0("v", seq_len(p))
  data.frame(x, year = rep(2001:2003, length.out = n))
}
five <- paste0("v", 1:5)

test_that("the default is the first principal component of the correlation matrix", {
  d <- indicators()
  index <- fe_index(d, five)
  oracle <- prcomp(d[five], scale. = TRUE)
  turn <- sign(colSums(oracle$rotation))
  expect_equal(index$loadings, oracle$rotation %*% diag(turn), tolerance = 1e-10,
               ignore_attr = TRUE)
  expect_equal(index$score, unname(oracle$x[, 1L]) * turn[1L], tolerance = 1e-10)
  expect_equal(index$eigen$eigenvalue, oracle$sdev^2, tolerance = 1e-10)
  expect_equal(index$eigen$cumulative, cumsum(oracle$sdev^2) / 5, tolerance = 1e-10)
  expect_equal(sum(index$weights^2), 1)
  expect_equal(var(index$score), index$eigen$eigenvalue[1L])
})

test_that("the covariance matrix leaves the scales of the indicators alone", {
  d <- indicators()
  index <- fe_index(d, five, matrix = "covariance")
  oracle <- prcomp(d[five])
  turn <- sign(sum(oracle$rotation[, 1L]))
  expect_equal(index$score, unname(oracle$x[, 1L]) * turn, tolerance = 1e-10)
  expect_gt(abs(cor(index$score, d$v5)), abs(cor(fe_index(d, five)$score, d$v5)))
})

test_that("several components are weighted by their share of variance", {
  d <- indicators()
  index <- fe_index(d, five, components = 3)
  oracle <- prcomp(d[five], scale. = TRUE)
  lambda <- oracle$sdev^2
  turn <- sign(colSums(oracle$rotation))
  by_hand <- 0
  for (m in 1:3) by_hand <- by_hand + turn[m] * oracle$x[, m] * lambda[m] / sum(lambda[1:3])
  expect_equal(index$score, unname(by_hand), tolerance = 1e-10)
})

test_that("scores, KMO and Bartlett's test agree with psych", {
  skip_if_not_installed("psych")
  d <- indicators()
  index <- fe_index(d, five)
  kmo <- psych::KMO(d[five])
  expect_equal(index$kmo$overall, kmo$MSA, tolerance = 1e-10)
  expect_equal(index$kmo$variable, kmo$MSAi, tolerance = 1e-10)
  bartlett <- psych::cortest.bartlett(cor(d[five]), n = nrow(d))
  expect_equal(index$bartlett$statistic, bartlett$chisq, tolerance = 1e-10)
  expect_equal(index$bartlett$p.value, bartlett$p.value, tolerance = 1e-8)
  expect_equal(index$bartlett$df, bartlett$df)
  principal <- psych::principal(d[five], nfactors = 1, rotate = "none")
  turn <- sign(sum(principal$loadings))
  expect_equal(index$score / sqrt(index$eigen$eigenvalue[1L]),
               unname(principal$scores[, 1L]) * turn, tolerance = 1e-8)
})

test_that("the sign does not depend on the order of rows or columns, nor on LAPACK's choice", {
  d <- indicators()
  index <- fe_index(d, five)
  set.seed(3)
  shuffle <- sample(nrow(d))
  expect_equal(fe_index(d[shuffle, ], five)$score, index$score[shuffle], tolerance = 1e-10)
  expect_equal(fe_index(d, rev(five))$score, index$score, tolerance = 1e-10)
  minus <- d
  minus[five] <- -minus[five]
  expect_equal(fe_index(minus, five)$weights, index$weights, tolerance = 1e-10)
  expect_equal(fe_index(minus, five)$score, -index$score, tolerance = 1e-10)
  expect_equal(fe_index(minus, five, negative = five)$score, index$score, tolerance = 1e-10)
})

test_that("an anchor decides the sign, whether it is an indicator or not", {
  d <- indicators()
  d$bad <- -d$v2 + rnorm(nrow(d), sd = 0.1)
  d$bad[4] <- NA
  expect_equal(fe_index(d, five, anchor = "v3")$score, fe_index(d, five)$score)
  expect_equal(fe_index(d, five, anchor = "bad")$score, -fe_index(d, five)$score)
  expect_match(fe_index(d, five, anchor = "bad")$sign_rule, "bad")
  d$flat <- 1
  expect_error(fe_index(d, five, anchor = "flat"), "`anchor`.*\"flat\".*does not vary")
})

test_that("two indicators with a negative correlation leave the sum rule open, with a warning", {
  d <- data.frame(a = c(1, 2, 3, 4, 5), b = c(5, 3, 4, 2, 1))
  expect_warning(index <- fe_index(d, c("a", "b")), "sign rule does not decide")
  expect_equal(index$weights, c(a = 1, b = -1) / sqrt(2))
  expect_silent(index <- fe_index(d, c("a", "b"), anchor = "b"))
  expect_equal(index$weights, c(a = -1, b = 1) / sqrt(2))
})

test_that("equal eigenvalues and few rows are said", {
  d <- data.frame(a = c(1, 1, -1, -1), b = c(1, -1, 1, -1))
  expect_warning(fe_index(d, c("a", "b")), "not determined")
  few <- indicators(n = 4L)
  expect_warning(index <- fe_index(few, five), "no more complete rows than indicators")
  expect_true(is.na(index$kmo$overall))
  expect_equal(index$eigen$eigenvalue[4:5], c(0, 0), tolerance = 1e-8)
  expect_output(print(index), "singular")
  d <- indicators()
  d$copy <- 2 * d$v1 + 1
  expect_silent(index <- fe_index(d, c("v1", "v2", "copy"), components = 3))
  expect_equal(index$loadings["v1", ], index$loadings["copy", ] * c(1, 1, -1), tolerance = 1e-8)
  expect_identical(index$bartlett$statistic, NA_real_)
})

test_that("entropy weights equal the definition written as loops", {
  d <- data.frame(a = c(2, 4, 9, 7), b = c(1, 0, 3, 8), c = c(5, 6, 1, 2))
  index <- fe_index(d, c("a", "b", "c"), method = "entropy", negative = "c")
  n <- nrow(d)
  z <- matrix(0, n, 3)
  e <- numeric(3)
  for (j in 1:3) {
    x <- d[[j]]
    for (i in 1:n) {
      z[i, j] <- if (j == 3) (max(x) - x[i]) / (max(x) - min(x)) else
        (x[i] - min(x)) / (max(x) - min(x))
    }
    for (i in 1:n) {
      p <- z[i, j] / sum(z[, j])
      if (p > 0) e[j] <- e[j] - p * log(p) / log(n)
    }
  }
  w <- (1 - e) / sum(1 - e)
  expect_equal(unname(index$entropy), e, tolerance = 1e-12)
  expect_equal(unname(index$weights), w, tolerance = 1e-12)
  expect_equal(index$score, drop(z %*% w), tolerance = 1e-12)
})

test_that("z-score and min-max means equal base R", {
  d <- indicators()
  z <- fe_index(d, five, method = "zmean", negative = "v2")
  signs <- rep(c(1, -1, 1, 1, 1), each = nrow(d))
  expect_equal(z$score, rowMeans(scale(d[five]) * signs), tolerance = 1e-12)
  unit <- vapply(d[five], function(x) (x - min(x)) / (max(x) - min(x)), numeric(nrow(d)))
  expect_equal(fe_index(d, five, method = "minmax")$score, rowMeans(unit), tolerance = 1e-12)
  w <- c(v5 = 3, v1 = 1, v2 = 0, v3 = 2, v4 = 2)
  weighted <- fe_index(d, five, method = "minmax", indicator_weights = w)
  expect_equal(weighted$score, drop(unit %*% w[five]) / 8, tolerance = 1e-12)
})

test_that("the shift before a logarithm is applied, kept and printed", {
  d <- indicators()
  plain <- fe_index(d, five)$score
  index <- fe_index(d, five, transform = "log")
  expect_equal(index$score, log(plain - min(plain) + 1), tolerance = 1e-12)
  expect_equal(index$shift, 1 - min(plain))
  expect_output(print(index), "log\\(score \\+ [0-9.]+\\) \\(smallest score becomes 0\\)")
  fixed <- fe_index(d, five, transform = "log", shift = 20)
  expect_equal(fixed$score, log(plain + 20))
  expect_error(fe_index(d, five, transform = "log", shift = 0), "`shift`.*smallest score.*above")
  expect_error(fe_index(d, five, shift = 20), "`shift`.*transform")
})

test_that("a row with a missing indicator gets NA and does not enter the fit", {
  d <- indicators()
  d$v2[7] <- NA
  d$v4[c(7, 9)] <- NaN
  index <- fe_index(d, five)
  expect_identical(index$dropped, c(7L, 9L))
  expect_identical(which(is.na(index$score)), c(7L, 9L))
  expect_equal(index$missing, c(v2 = 1, v4 = 2))
  expect_equal(index$score[-c(7, 9)], fe_index(d[-c(7, 9), ], five)$score)
  expect_output(print(index), "60, of which 58 scored; 2 with score NA \\(missing: v2 1, v4 2\\)")
  expect_error(fe_index(d, five, na = "fail"), "`na`.*rows 7, 9")
})

test_that("groups are fitted one by one, each sign anchored", {
  d <- indicators(n = 90L)
  d[d$year == 2002, five] <- -d[d$year == 2002, five]
  index <- fe_index(d, five, by = ~year)
  for (y in 2001:2003) {
    at <- d$year == y
    alone <- fe_index(d[at, ], five)
    expect_equal(index$score[at], alone$score)
    expect_equal(index$loadings[[as.character(y)]], alone$loadings)
  }
  expect_identical(unique(index$eigen$year), 2001:2003)
  expect_identical(dim(glance(index)), c(3L, 12L))
  expect_identical(nrow(tidy(index)), 75L)
  d$year[5] <- NA
  expect_identical(fe_index(d, five, by = "year")$dropped, 5L)
})

test_that("predict reproduces the score, carries the fit to new rows, and refuses strange ones", {
  d <- indicators()
  d$v1[3] <- NA
  for (method in c("pca", "entropy", "zmean", "minmax")) {
    index <- fe_index(d, five, method = method, negative = "v4", transform = "log")
    expect_identical(predict(index, d), index$score)
    expect_identical(predict(index), as.numeric(index))
  }
  grouped <- fe_index(d, five, by = "year")
  expect_identical(predict(grouped, d), grouped$score)
  expect_error(predict(grouped, transform(d[1:2, ], year = 1990)), "`newdata`.*rows 1, 2")
  half <- fe_index(d[1:30, ], five)
  train <- prcomp(d[c(1:2, 4:30), five], scale. = TRUE)
  turn <- sign(sum(train$rotation[, 1L]))
  expect_equal(predict(half, d[31:60, ]), unname(predict(train, d[31:60, five])[, 1L]) * turn,
               tolerance = 1e-10)
  logged <- fe_index(d[1:30, ], five, transform = "log")
  low <- d[31, ]
  low[five] <- -1000
  expect_warning(value <- predict(logged, low), "not positive in row 1")
  expect_identical(value, NA_real_)
  expect_error(predict(half, d["v1"]), "`newdata`.*\"v2\"")
})

test_that("bad input is refused with the argument, the column and the remedy", {
  d <- indicators()
  d$flat <- 0.1 * 3
  d$text <- "a"
  d$none <- NA_real_
  d$inf <- replace(d$v1, 8, -Inf)
  expect_error(fe_index(d), "`vars` is missing")
  expect_error(fe_index(d, "v1"), "`vars`.*at least 2")
  expect_error(fe_index(d, c("v1", "v9")), "`vars`.*\"v9\"")
  expect_error(fe_index(d, c("v1", "text")), "`vars`.*\"text\".*character")
  expect_error(fe_index(d, c("v1", "flat")), "`vars`.*\"flat\".*does not vary")
  expect_error(fe_index(d, c("v1", "none")), "`vars`.*\"none\".*only missing")
  expect_error(fe_index(d, c("v1", "inf")), "\"inf\".*infinite in row 8")
  expect_error(fe_index(d, ~ v1 + log(v2)), "`vars`.*log\\(v2\\)")
  expect_error(fe_index(d, y ~ v1 + v2), "two-sided")
  expect_error(fe_index(d, five, method = "fa"), "`method`.*\"pca\"")
  expect_error(fe_index(d, five, components = 6), "`components`")
  expect_error(fe_index(d, five, method = "zmean", components = 2), "`components` has no meaning")
  expect_error(fe_index(d, five, method = "zmean", anchor = "v1"), "`anchor` has no meaning")
  expect_error(fe_index(d, five, indicator_weights = 1:5), "`indicator_weights`.*pca")
  expect_error(fe_index(d, five, "minmax", indicator_weights = c(-1, 1, 1, 1, 1)),
               "`indicator_weights`.*non-negative")
  expect_error(fe_index(d, five, negative = "text"), "`negative`.*\"text\"")
  expect_error(fe_index(d, five, na = "omit"), "`na`")
  expect_error(fe_index(d[1, ], five), "1 complete row;")
  expect_error(fe_index(replace(d, "year", c(1, rep(2, 59))), five, by = "year"),
               "group year = 1")
})

test_that("an indicator that varies little around a large value is still standardised", {
  d <- indicators()
  shifted <- d
  shifted$v1 <- d$v1 * 1e-12
  shifted$v2 <- d$v2 * 1e12
  expect_equal(fe_index(shifted, five)$score, fe_index(d, five)$score, tolerance = 1e-10)
})

test_that("the printed output holds eigenvalues, loadings and adequacy", {
  d <- indicators()
  expect_output(print(fe_index(d, five, name = "quality")), "Index \"quality\".*Eigenvalues")
  expect_output(print(summary(fe_index(d, five))), "Loadings.*KMO 0\\..*median")
  expect_output(print(fe_index(d, five, "entropy")), "Weights")
  expect_output(print(fe_index(d, five, by = "year")), "within each of 3 groups")
  table <- tidy(fe_index(d, five, components = 2))
  expect_identical(names(table), c("term", "component", "estimate", "weight"))
  expect_identical(dim(table), c(25L, 4L))
})

test_that("plot gives a scree or a weights figure", {
  skip_if_not_installed("ggplot2")
  d <- indicators()
  p <- plot(fe_index(d, five))
  expect_s3_class(p, "ggplot")
  expect_equal(ggplot2::layer_data(p, 2L)$y, fe_index(d, five)$eigen$eigenvalue)
  faceted <- plot(fe_index(d, five, by = "year"), type = "weights")
  expect_identical(nrow(ggplot2::layer_data(faceted)), 15L)
  expect_error(plot(fe_index(d, five, "minmax"), type = "scree"), "`type`.*no eigenvalues")
})

test_that("available indicators are averaged, by the weight that a row has", {
  d <- indicators()
  d$v2[7] <- NA
  d[9, five[1:3]] <- NA
  d[11, five[1:2]] <- NA
  w <- c(v1 = 1, v2 = 1, v3 = 2, v4 = 1, v5 = 1)
  index <- fe_index(d, five, "zmean", na = "available", indicator_weights = w)
  used <- d[-9, five]
  z <- t((t(d[five]) - colMeans(used, na.rm = TRUE)) / vapply(used, sd, 0, na.rm = TRUE))
  by_hand <- vapply(seq_len(nrow(d)), function(i) {
    has <- !is.na(z[i, ])
    if (sum(w[has]) < 3) NA else sum(w[has] * z[i, has]) / sum(w[has])
  }, 0)
  expect_equal(index$score, by_hand, tolerance = 1e-12)
  expect_identical(index$dropped, 9L)
  expect_identical(index$partial, 2L)
  expect_identical(predict(index, d), index$score)
  expect_output(print(index), "at least 50% of the weight; 2 rows so")
  all_of_it <- fe_index(d, five, "zmean", na = "available", min_available = 1)
  expect_identical(all_of_it$dropped, c(7L, 9L, 11L))
})

test_that("min-max means over available indicators hold within groups and on new rows", {
  d <- indicators()
  d$v3[c(1, 5)] <- NA
  index <- fe_index(d, five, "minmax", by = "year", na = "available", negative = "v1")
  at <- d$year == 2002
  unit <- vapply(d[at, five], function(x) {
    (x - min(x, na.rm = TRUE)) / diff(range(x, na.rm = TRUE))
  }, numeric(sum(at)))
  unit[, "v1"] <- 1 - unit[, "v1"]
  expect_equal(index$score[at], rowMeans(unit, na.rm = TRUE), tolerance = 1e-12)
  new <- d[at, ][1:2, ]
  new$v5[1] <- NA
  expect_equal(predict(index, new)[1], mean(unit[1, 1:4]), tolerance = 1e-12)
})

test_that("the rule for missing indicators is refused where it has no meaning", {
  d <- indicators()
  expect_error(fe_index(d, five, na = "available"), "`na`.*\"pca\" needs all")
  expect_error(fe_index(d, five, "entropy", na = "available"), "`na`.*\"entropy\" needs all")
  expect_error(fe_index(d, five, "zmean", na = "available", min_available = 0),
               "`min_available`.*above 0")
  expect_error(fe_index(d, five, "zmean", na = "available", min_available = 2), "`min_available`")
})
