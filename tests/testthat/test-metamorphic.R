# Data written down differently give the same results, or results in the other units. The long form
# is trust/metamorphic.R of the repository.

panel <- local({
  d <- random_panel(11, "weights", n_units = 14L, n_times = 7L)
  d$times <- 1 + seq_len(nrow(d)) %% 3
  d$half <- d$unit %% 2L
  d$med <- 0.4 * d$x1 + rnorm(nrow(d))
  d
})

all_types <- list("iid", "HC1", "HC2", "HC3", CR0 ~ cluster, ~cluster, CR2 ~ cluster, CR3 ~ cluster,
                  ~ cluster + other, NW(1) ~ unit + time, DK(1) ~ time)
effects_last <- y ~ x1 + x2 + group | unit + time

# Coefficients and their errors and p-values under all types of variance, in the order of terms.
numbers <- function(d, formula = effects_last, types = all_types, ...) {
  m <- suppressWarnings(fe_lm(formula, d, ...))
  parts <- lapply(types, function(v) {
    t <- suppressWarnings(tidy(m, vcov = v))
    t <- t[order(t$term), ]
    data.frame(v = deparse(v), t[c("term", "estimate", "std.error", "p.value")])
  })
  do.call(rbind, parts)
}

expect_same <- function(ours, reference, tolerance = 1e-9) {
  rownames(ours) <- rownames(reference) <- NULL
  expect_equal(ours, reference, tolerance = tolerance)
}

reference <- numbers(panel)

test_that("the order of rows, regressors and fixed effects does not matter", {
  set.seed(3)
  expect_same(numbers(panel[sample(nrow(panel)), ]), reference)
  expect_same(numbers(panel, y ~ group + x2 + x1 | time + unit), reference)
})

test_that("names and storage of identifiers do not matter", {
  d <- panel
  d$unit <- factor(paste("U", (5 * d$unit) %% 17), levels = paste("U", sample(0:20)))
  d$cluster <- factor(chartr("0123456", "qzbaxfc", d$cluster))
  d$other <- as.double(d$other)
  d$group <- as.character(d$group)
  d$time <- as.double(d$time)
  expect_same(numbers(d), reference)
})

test_that("coefficients and errors have the units of their variables", {
  d <- panel
  for (size in c(2^20, 1e-6, 1e6)) {
    d$x2 <- size * panel$x2
    d$y <- size^2 * panel$y
    expected <- reference
    power <- size^(2 - (expected$term == "x2"))
    # the repair of a two-way variance goes by the units of the slopes
    expected[c("estimate", "std.error")] <- power * expected[c("estimate", "std.error")]
    two_way <- expected$v == "~cluster + other"
    expect_same(numbers(d)[!two_way, ], expected[!two_way, ])
  }
})

test_that("constants added to the outcome and the regressors change no slope", {
  d <- panel
  d$y <- d$y + 1e4
  d$x1 <- d$x1 - 50
  expect_same(numbers(d), reference, 1e-7)
})

test_that("a regressor that the effects explain, and rows that are dropped, change nothing", {
  d <- panel
  d$trait <- 3 * d$unit - 1
  expect_same(numbers(d, y ~ trait + x1 + x2 + group | unit + time), reference)
  extra <- panel[c(3, 9, 11, 20), ]
  extra$y[1:2] <- c(NA, Inf)
  extra$unit[3:4] <- c(98L, 99L)
  expect_same(numbers(rbind(extra, panel)), reference)
})

test_that("frequency weights are rows written out, under every type of variance", {
  types <- Filter(function(v) !grepl("NW", deparse(v)), all_types)
  expect_same(numbers(panel, types = types, weights = ~times, weights_type = "frequency"),
              numbers(panel[rep(seq_len(nrow(panel)), panel$times), ], types = types))
})

test_that("rows whose weight is shared out leave what clusters say as it is", {
  d <- rbind(panel, panel[panel$cluster == "cl2", ])
  share <- ifelse(seq_len(nrow(d)) > nrow(panel), 0.3, 1 - 0.3 * (d$cluster == "cl2"))
  d$w <- share * d$w
  types <- list(CR0 ~ cluster, CR3 ~ cluster)
  keep <- c("v", "term", "estimate", "std.error", "p.value")
  expect_same(numbers(d, types = types, weights = ~w)[keep],
              numbers(panel, types = types, weights = ~w)[keep])
})

test_that("tests by all sign changes do not depend on rows, units or names of clusters", {
  p <- function(d, param = "x1") {
    m <- fe_lm(effects_last, d, vcov = ~cluster)
    b <- fe_boottest(m, param, B = 999)
    expect_true(b$enumerated)
    c(b$p.value, b$statistic, b$conf.int)
  }
  whole <- p(panel)
  d <- panel[rev(seq_len(nrow(panel))), ]
  d$cluster <- chartr("012345", "503142", d$cluster)
  expect_equal(p(d), whole, tolerance = 1e-9)
  d$x1 <- 1e-6 * d$x1
  expect_equal(p(d), whole * c(1, 1, 1e6, 1e6), tolerance = 1e-9)
})

test_that("mediation, moderation, decomposition and equality follow the units and the order too", {
  all_of <- function(d) {
    f <- y ~ x1 + x2 | unit + time
    two <- fe_lm(f, d, vcov = ~cluster, split = ~half)
    list(b = tidy(fe_mediate(f, d, treat = "x1", mediators = "med", ci = "delta",
                             vcov = ~cluster), "delta")[c("estimate", "std.error")][5L, ],
         slope = tidy(fe_moderate(f, d, "x1", "x2", vcov = ~cluster),
                      "slopes")[c("estimate", "std.error")],
         parts = tidy(fe_decompose(y ~ x1 | time, d, added = ~ x2 + med,
                                   vcov = ~cluster))[c("estimate", "std.error")],
         equal = tidy(fe_equal(two))[1L, c("difference", "std.error")])
  }
  whole <- all_of(panel)
  d <- panel[order(panel$x2), ]
  d$x1 <- d$x1 * 1e3
  expect_equal(lapply(all_of(d), `*`, 1e3), whole, tolerance = 1e-8)
})

test_that("a tibble, a data.table and one thread or two give the same bits", {
  expect_identical(numbers(panel, threads = 2L), numbers(panel, threads = 1L))
  skip_if_not_installed("tibble")
  skip_if_not_installed("data.table")
  expect_identical(numbers(tibble::as_tibble(panel)), reference)
  expect_identical(numbers(data.table::as.data.table(panel)), reference)
})

test_that("regressors in very unlike units stop no variance", {
  d <- panel
  d$x2 <- 1e-11 * panel$x2
  d$x1 <- 1e6 * panel$x1
  power <- c(x1 = 1e6, x2 = 1e-11)
  for (f in list(y ~ x1 + x2, y ~ x1 + x2 | unit)) {
    for (v in list(CR3 ~ other, CR2 ~ other, "HC3",
                   conley(3, "cartesian", "bartlett") ~ unit + time)) {
      plain <- suppressWarnings(fe_lm(f, panel, vcov = v))
      scaled <- suppressWarnings(fe_lm(f, d, vcov = v))
      expect_equal(sqrt(diag(vcov(scaled)))[names(power)] * power,
                   sqrt(diag(vcov(plain)))[names(power)], tolerance = 1e-8)
    }
  }
  m <- suppressWarnings(fe_moderate(y ~ x3 | unit, d, "x1", "x2"))
  plain <- suppressWarnings(fe_moderate(y ~ x3 | unit, panel, "x1", "x2"))
  expect_false(anyNA(m$interaction$statistic))
  expect_equal(m$interaction$statistic, plain$interaction$statistic, tolerance = 1e-6)
  skip_if_not_installed("sandwich")
  constant <- fe_lm(y ~ x1 + x2 | unit, d, intercept = "mean")
  expect_equal(sandwich::estfun(constant)[, "x1"] / 1e6,
               sandwich::estfun(fe_lm(y ~ x1 + x2 | unit, panel, intercept = "mean"))[, "x1"],
               tolerance = 1e-8)
})
