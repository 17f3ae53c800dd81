# Forty-two inputs that other packages for fixed effects answer in ways of their own, and what this
# one answers: what it says is a snapshot, what it computes is held against lm().

test_that("missing and infinite values are left out, and the ledger tells which", {
  d <- bad()
  d$x1[4] <- NaN
  d$x2[6] <- Inf
  d$y[9] <- -Inf
  d$unit[12] <- NA
  expect_answers(
    "NaN in a regressor" = fe_lm(y ~ x1 | time, d[-9, ]),
    "Inf in a regressor" = fe_lm(y ~ x2 | time, d[-9, ]),
    "-Inf in the outcome" = fe_lm(y ~ x3 | time, d),
    "NA in a fixed effect" = fe_lm(y ~ x3 | unit, d[-9, ]),
    "a regressor that is all NA" = fe_lm(y ~ na | unit, d),
    "an outcome that is all NA" = fe_lm(na ~ x1 | unit, d),
    "logarithms of negative numbers" = suppressWarnings(fe_lm(y ~ log(x1) | time, d)))
})

test_that("what carries no information is refused or left out by name", {
  d <- bad()
  d$twin <- 2 * d$x1
  d$within <- d$unit^2
  d$mixed <- ifelse(d$unit <= 2, d$unit, 0)
  expect_answers(
    "a constant outcome" = fe_lm(cy ~ x1 | unit, d),
    "a regressor that is twice another" = fe_lm(y ~ x1 + twin | unit, d),
    "a regressor constant within the effects" = fe_lm(y ~ within | unit, d),
    "the outcome among the regressors" = fe_lm(y ~ y + x1 | unit, d),
    "an outcome that the effects explain" = fe_lm(time ~ x1 | time, d),
    "a factor with unused levels" = fe_lm(y ~ group | unit, d),
    "more parameters than rows" = fe_lm(y ~ x1 + x2, d[1:3, ]),
    "more effects than rows" = fe_lm(y ~ x1 | unit, d[c(1, 8, 15), ]),
    "an effect with a level a row" = fe_lm(y ~ x1 | unit^time, d))
})

test_that("identifiers are told apart, or refused", {
  d <- bad()
  d$half <- d$unit / 2
  d$empty <- ifelse(d$unit == 1, "", as.character(d$unit))
  d$empty[5] <- NA
  d$lone <- replace(d$unit, 3, 99L)
  twice <- rbind(d, d[2, ])
  expect_answers(
    "a singleton" = fe_lm(y ~ x1 | lone, d),
    "a unit and period twice" = fe_lm(y ~ x1 | unit + time, twice),
    "a unit and period twice, with lags" = fe_lm(y ~ l(x1) | unit, twice, panel.id = ~unit + time),
    "whole numbers beyond 2^53" = fe_lm(y ~ x1 | big, d),
    "numbers that are not whole" = fe_lm(y ~ x1 | half, d),
    "text with NA and an empty string" = fe_lm(y ~ x1 | empty, d),
    "a single cluster" = fe_lm(y ~ x1 | unit, d, vcov = ~cy))
  expect_equal(coef(fe_lm(y ~ x1 | half, d)), coef(fe_lm(y ~ x1 | unit, d)))
  expect_equal(coef(fe_lm(y ~ x1 | empty, d)), coef(fe_lm(y ~ x1 | unit, d[-5, ])))
})

test_that("weights are what they say, or refused", {
  d <- bad()
  expect_answers(
    "a weight of zero" = fe_lm(y ~ x1 | unit, d, weights = replace(w, 3, 0)),
    "a negative weight" = fe_lm(y ~ x1 | unit, d, weights = replace(w, 3, -1)),
    "a weight that is NA" = fe_lm(y ~ x1 | unit, d, weights = replace(w, 3, NA)),
    "an infinite weight" = fe_lm(y ~ x1 | unit, d, weights = replace(w, 3, Inf)),
    "weights of zero alone" = fe_lm(y ~ x1 | unit, d, weights = 0 * w),
    "weights that are text" = fe_lm(y ~ x1 | unit, d, weights = cluster))
})

test_that("data of every make are data, or refused", {
  d <- bad()
  d$list <- as.list(d$x1)
  twice <- d
  names(twice)[names(twice) == "x2"] <- "x1"
  expect_answers(
    "no rows" = fe_lm(y ~ x1 | unit, d[0, ]),
    "a list column among the regressors" = fe_lm(y ~ list | unit, d),
    "a list column as a fixed effect" = fe_lm(y ~ x1 | list, d),
    "two columns of one name" = fe_lm(y ~ x1 | unit, twice),
    "a matrix" = fe_lm(y ~ x1 | unit, as.matrix(d[c("y", "x1", "unit")])),
    "NULL" = fe_lm(y ~ x1 | unit, NULL),
    "text among the regressors" = fe_lm(y ~ cluster | time, d),
    "an outcome that is text" = fe_lm(cluster ~ x1 | unit, d),
    "an outcome that is a factor" = fe_lm(group ~ x1 | unit, d),
    "an outcome that is logical" = fe_lm(x1 > 0 ~ x2 | unit, d))
})

test_that("formulas say what they lack", {
  d <- bad()
  d[["my var"]] <- d$x1
  expect_answers(
    "a regressor that is no column" = fe_lm(y ~ nope | unit, d),
    "a fixed effect that is no column" = fe_lm(y ~ x1 | untt, d),
    "no outcome" = fe_lm(~x1 | unit, d),
    "a string that is no formula" = fe_lm(42, d),
    "a fourth part" = fe_lm(y ~ x1 | unit | 0 | unit, d),
    "a name that is not syntactic" = fe_lm(y ~ `my var` | unit, d),
    "an offset in the formula" = fe_lm(y ~ x1 + offset(x2) | unit, d),
    "a dot" = fe_lm(y ~ . | unit, d))
  expect_equal(coef(fe_lm(y ~ x1 + offset(x2) | unit, d)), coef(fe_lm(I(y - x2) ~ x1 | unit, d)))
})

test_that("variances say what they lack", {
  d <- bad()
  d$gap <- replace(d$cluster, 3, NA)
  d$a <- rep(1:2, length.out = nrow(d))
  d$b <- rep(1:2, each = nrow(d) / 2)
  m <- fe_lm(y ~ x1 | unit, d)
  expect_answers(
    "NA in a cluster" = fe_lm(y ~ x1 | unit, d, vcov = ~gap),
    "NA in a cluster, afterwards" = vcov(m, ~gap),
    "a cluster that is no column" = vcov(m, ~nope),
    "clusters of another length" = vcov(m, cluster = 1:3),
    "a type that is not known" = vcov(m, "HC9"),
    "two clusters of two levels" = fe_lm(y ~ x1 + x2 | unit, d, vcov = ~a + b))
})

test_that("splits, predictions, scales, labels and graphs have their answers", {
  d <- bad()
  d$part <- ifelse(seq_len(nrow(d)) <= 2, "tiny", "rest")
  d$grp <- as.character(d$group)
  m <- fe_lm(y ~ x1 | unit, d)
  with_factor <- fe_lm(y ~ grp | unit, d)
  new <- d[1:3, ]
  new$unit[2] <- 99
  newer <- d[1:3, ]
  newer$grp[1] <- "zz"
  d$island <- ifelse(d$unit <= 7, d$time, d$time + 100L)
  expect_answers(
    "a split by no column" = fe_lm(y ~ x1 | unit, d, split = "nope"),
    "a part that is too small" = fe_lm(y ~ x1 | unit, d, split = ~part),
    "a new level of a fixed effect" = predict(m, new),
    "a new level of a factor" = predict(with_factor, newer),
    "an outcome a billion away" = fe_lm(I(y + 1e9) ~ x1 | unit, d),
    "effects in two unconnected parts" = fe_lm(y ~ x1 | unit + island, d))
  expect_equal(coef(fe_lm(y ~ I(x1 + 1e8) | unit, d)), coef(m), tolerance = 1e-6,
               ignore_attr = TRUE)
  islands <- fe_lm(y ~ x1 | unit + island, d)
  oracle <- lm(y ~ x1 + factor(unit) + factor(island), d)
  expect_equal(df.residual(islands), oracle$df.residual - sum(!fe_rows(islands)$used))
  skip_if_not_installed("haven")
  d$labelled <- haven::labelled(d$unit, c(first = 1))
  expect_equal(coef(fe_lm(y ~ x1 | labelled, d)), coef(m))
})
