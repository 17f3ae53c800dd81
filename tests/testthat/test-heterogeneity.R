# Heterogeneity against loops of lm() with dummies and fe_equal().

segments <- c("ln_insur", "ln_finan", "ln_intelpro", "ln_ict", "ln_other", "ln_audio")
equation <- ln_upmf ~ ln_imdig + pgdp + fdi + gfcf + rd + urban | country + year

lm_slope <- function(data, x = "ln_imdig") {
  f <- reformulate(c(x, "pgdp", "fdi", "gfcf", "rd", "urban", "factor(country)", "factor(year)"),
                   "ln_upmf")
  coef(lm(f, data))[[x]]
}

test_that("one call gives the columns of Table 4: groups and segments", {
  h <- fe_heterogeneity(equation, digitrade, by = ~developed, segments = segments,
                        intercept = "lsdv")
  groups <- split(digitrade, digitrade$developed)
  expected <- c(vapply(groups, lm_slope, 0), vapply(segments, lm_slope, 0, data = digitrade))
  expect_equal(unname(coef(h)), unname(expected), tolerance = 1e-8)
  printed <- subset(digitrade_published, table == 4 & column %in% 1:8 &
                      grepl("^ln_", term) & !is.na(estimate))
  at <- c("2", "1", 3:8)
  for (k in seq_along(at)) {
    cell <- printed[printed$column == at[k] & printed$term == h$table$term[k], ]
    if (nrow(cell)) expect_equal(round(h$table$estimate[k], 4), cell$estimate[1L])
  }
  expect_gte(nrow(printed), 6L)
  table <- fe_table(h, style = "paper", controls = c("pgdp", "fdi", "gfcf", "rd", "urban"))
  expect_equal(max(table$cells$column), 8L)
  expect_equal(unname(nobs(h)[1:2]), c(416, 403))
  expect_equal(h$table$units[1:2], c(32L, 31L))
})

test_that("equality of the parts is the test of fe_equal(), pairs are its differences", {
  h <- fe_heterogeneity(equation, digitrade, by = ~developed, time = "year",
                        periods = c(2012, 2016), vcov = ~country)
  parts <- fe_lm(equation, digitrade, split = ~developed, vcov = ~country)
  equal <- fe_equal(parts, terms = "ln_imdig")
  expect_equal(h$equality$statistic[1L], unname(equal$statistic))
  expect_equal(h$equality$p.value[1L], equal$p.value)
  expect_equal(h$pairs$difference[1L], equal$estimates$difference)
  expect_equal(h$pairs$conf.low[1L], equal$estimates$conf.low)
  d <- digitrade
  d$period <- cut(d$year, c(0, 2011, 2015, 3000))
  three <- fe_equal(fe_lm(equation, d, split = ~period, vcov = ~country), terms = "ln_imdig")
  expect_equal(h$equality$statistic[2L], unname(three$statistic))
  expect_equal(h$pairs$p.adjusted[2:4], p.adjust(h$pairs$p.value[2:4], "holm"))
})

test_that("a sample that is a group of two dimensions has its own variance in both", {
  d <- digitrade
  half <- as.integer(factor(d$country)) %% 2 == 0
  d$region <- factor(ifelse(!d$developed, "z", ifelse(half, "b", "c")), c("b", "z", "c"))
  h <- fe_heterogeneity(equation, d, by = ~ developed + region, vcov = ~country)
  expect_equal(unname(sqrt(diag(vcov(h)))), h$table$std.error)
  expect_equal(vcov(h)[[1L, 4L]], vcov(h)[[1L, 1L]]) # "developed = FALSE" is "region = z"
  three <- fe_equal(fe_lm(equation, d, split = ~region, vcov = ~country), terms = "ln_imdig")
  expect_equal(h$equality$statistic[2L], unname(three$statistic))
})

test_that("interactions of everything give the split estimates, of the focal one lm()'s", {
  split <- fe_heterogeneity(equation, digitrade, by = ~developed, vcov = ~country)
  all <- fe_heterogeneity(equation, digitrade, by = ~developed, vcov = ~country,
                          method = "interact")
  expect_equal(unname(coef(all)), unname(coef(split)), tolerance = 1e-8)
  # one factor for both groups, two for the split ones
  ratio <- all$table$std.error / split$table$std.error
  own <- vapply(split$models, function(m) m$vcov_info$factor, 0)
  expect_equal(ratio, unname(sqrt(all$models[[1]]$vcov_info$factor / own)), tolerance = 1e-8)
  one <- fe_heterogeneity(equation, digitrade, by = ~developed, vcov = ~country, method = "focal")
  slow <- lm(ln_upmf ~ developed:ln_imdig + pgdp + fdi + gfcf + rd + urban + factor(country) +
               factor(year), digitrade)
  expect_equal(unname(coef(one)),
               unname(coef(slow)[c("developedFALSE:ln_imdig", "developedTRUE:ln_imdig")]),
               tolerance = 1e-8)
})

test_that("bins of a moderator are cut at quantiles of the estimation sample", {
  d <- digitrade
  d$ln_insti[5:30] <- NA
  d$ln_upmf[100:120] <- NA
  h <- fe_heterogeneity(equation, d, moderator = "ln_insti", quantiles = 3)
  used <- complete.cases(d[all.vars(equation)]) & !is.na(d$ln_insti)
  cuts <- quantile(d$ln_insti[used], c(1, 2) / 3)
  bin <- cut(d$ln_insti, c(-Inf, cuts, Inf))
  for (k in 1:3) {
    rows <- used & bin == levels(bin)[k]
    m <- fe_lm(equation, d, subset = rows)
    expect_equal(h$table$estimate[k], coef(m)[["ln_imdig"]], tolerance = 1e-10)
    expect_equal(h$table$nobs[k], nobs(m))
  }
})

test_that("p-values are adjusted over the family, also by Romano and Wolf", {
  h <- fe_heterogeneity(equation, digitrade, by = ~developed, segments = segments[1:2],
                        vcov = ~country, adjust = "BH")
  expect_equal(h$table$p.adjusted, p.adjust(h$table$p.value, "BH"))
  r <- fe_heterogeneity(equation, digitrade, by = ~developed, segments = segments[1:2],
                        vcov = ~country, adjust = list(method = "romano-wolf", B = 199, seed = 1))
  a <- fe_adjust(h, method = "romano-wolf", B = 199, seed = 1)
  expect_equal(r$table$p.adjusted, a$table$p.romano.wolf)
  band <- fe_bands(h)
  expect_equal(h$table$band.low, band$band.low)
  expect_equal(unname(confint(h, simultaneous = TRUE)[, 2L]), band$band.high)
})

test_that("groups without an estimate are warned of, with the cause", {
  d <- digitrade
  d$g <- ifelse(d$country %in% c("c01", "c02"), "flat", ifelse(d$year == 2020 & d$country == "c03",
                                                              "tiny", "rest"))
  d$ln_imdig[d$g == "flat"] <- 2
  expect_warning(h <- fe_heterogeneity(equation, d, by = ~g), "no estimate for")
  expect_setequal(h$failed$group, c("g = flat", "g = tiny"))
  expect_match(h$failed$cause[h$failed$group == "g = flat"], "collinear")
  expect_match(h$failed$cause[h$failed$group == "g = tiny"], "min_n")
  expect_equal(h$table$group, "g = rest")
  expect_null(h$equality)
  expect_output(print(h), "No estimate: g = tiny")
})

test_that("a variance that has no joint form leaves the tests out and says so", {
  h <- fe_heterogeneity(equation, digitrade, by = ~developed, vcov = "iid")
  expect_null(h$equality)
  expect_output(print(h), "No test of equality")
  expect_error(vcov(h), "has no joint variance")
})

test_that("bad requests are named", {
  expect_error(fe_heterogeneity(equation, digitrade), "`by` is missing")
  expect_error(fe_heterogeneity(equation, digitrade, treat = "nope", by = ~developed),
               "no regressor of the formula")
  expect_error(fe_heterogeneity(equation, digitrade, segments = "pgdp"), "stands in the formula")
  expect_error(fe_heterogeneity(equation, digitrade, moderator = "developed", quantiles = 4),
               "too many equal values")
  expect_error(fe_heterogeneity(equation, digitrade, periods = 2012), "`time` is missing")
  expect_error(fe_heterogeneity(equation, digitrade, time = "year", periods = numeric()),
               "`periods` must hold increasing numbers", class = "fe_error")
  expect_error(fe_heterogeneity(equation, digitrade, time = "year", periods = c(2012, 2050)),
               "period without a row")
  expect_error(fe_heterogeneity(update(equation, . ~ sw(ln_imdig, pgdp) | .), digitrade,
                                by = ~developed), "single model|formula")
  expect_error(fe_heterogeneity(equation, digitrade, by = ~developed, adjust = c("holm", "BH")),
               "one method")
})

test_that("the forest plot holds the estimates and both intervals", {
  skip_if_not_installed("ggplot2")
  h <- fe_heterogeneity(equation, digitrade, by = ~developed, segments = segments, vcov = ~country)
  p <- plot(h, labels = c(ln_ict = "ICT"))
  expect_s3_class(p, "ggplot")
  expect_equal(p$data$estimate, h$table$estimate)
  expect_true(any(grepl("^ICT", levels(p$data$label))))
  expect_silent(ggplot2::ggplot_build(p))
})

test_that("interacted products, factors, polynomials and offsets are those of the split sample", {
  set.seed(7)
  d <- data.frame(id = rep(1:40, 10), x = rnorm(400), z = rnorm(400), w = rnorm(400))
  d$f <- factor(sample(3, 400, TRUE))
  d$g <- d$id %% 2
  d$y <- d$x + d$z * d$w + rnorm(400)
  for (controls in c("z * w", "f", "poly(z, 2)", "x:z", "offset(z)", "z:f")) {
    f <- as.formula(paste("y ~ x +", controls, "| id"))
    estimates <- function(method) {
      suppressWarnings(fe_heterogeneity(f, d, by = ~g, method = method)$table$estimate)
    }
    expect_equal(estimates("interact"), estimates("split"), tolerance = 1e-8, info = controls)
  }
})

test_that("a focal regressor may have a name that is no R name", {
  set.seed(8)
  d <- data.frame(id = rep(1:20, 10), x = rnorm(200), y = rnorm(200), g = rep(1:2, 100))
  e <- stats::setNames(d, c("id", "my x", "y", "the g"))
  for (method in c("split", "interact", "focal")) {
    a <- fe_heterogeneity(y ~ `my x` | id, e, by = ~`the g`, method = method)
    b <- fe_heterogeneity(y ~ x | id, d, by = ~g, method = method)
    expect_equal(a$table$estimate, b$table$estimate)
  }
})

test_that("frequency weights cut a moderator as so many rows do", {
  set.seed(9)
  d <- data.frame(id = rep(1:20, 10), x = rnorm(200), y = rnorm(200), z = rnorm(200))
  d$n <- sample(3, 200, TRUE)
  a <- fe_heterogeneity(y ~ x | id, d, moderator = "z", weights = ~n, weights_type = "frequency")
  b <- fe_heterogeneity(y ~ x | id, d[rep(1:200, d$n), ], moderator = "z")
  columns <- c("group", "estimate", "std.error", "nobs")
  expect_equal(a$table[columns], b$table[columns], tolerance = 1e-8)
})

iv_split <- function() {
  set.seed(5)
  d <- expand.grid(id = 1:30, t = 1:8)
  n <- nrow(d)
  d$g <- c("a", "b", "c")[d$id %% 3 + 1]
  u <- rnorm(n)
  for (name in c("z1", "z2", "w")) d[[name]] <- rnorm(n)
  d$x <- d$z1 + 0.5 * d$z2 + 0.3 * d$w + u + rnorm(n)
  d$s <- d$z1 - d$z2 + u + rnorm(n)
  d$y <- d$x + d$w + u + rnorm(n) + d$id / 9
  d
}

test_that("with instruments groups and segments are two-stage fits of their own", {
  skip_if_not_installed("AER")
  d <- iv_split()
  h <- fe_heterogeneity(y ~ w | id + t | x ~ z1 + z2, d, by = ~g, segments = "s", vcov = ~id)
  slope <- function(data, x = "x") {
    f <- sprintf("y ~ %s + w + factor(id) + factor(t) | . - %s + z1 + z2", x, x)
    coef(AER::ivreg(as.formula(f), data = data))[[x]]
  }
  theirs <- c(vapply(split(d, d$g), slope, 0), slope(d, "s"))
  expect_equal(unname(coef(h)), unname(theirs), tolerance = 1e-8)
  parts <- fe_lm(y ~ w | id + t | x ~ z1 + z2, d, split = ~g, vcov = ~id)
  equal <- fe_equal(parts, terms = "x")
  expect_equal(h$equality$statistic, unname(equal$statistic))
  expect_equal(h$equality$p.value, equal$p.value)
})

test_that("one regression with instruments by group: the split's estimates, or a common rest", {
  skip_if_not_installed("AER")
  d <- iv_split()
  f <- y ~ w | id + t | x ~ z1 + z2
  split <- fe_heterogeneity(f, d, by = ~g, vcov = "iid")
  expect_equal(coef(fe_heterogeneity(f, d, by = ~g, method = "interact")), coef(split),
               tolerance = 1e-8)
  focal <- fe_heterogeneity(f, d, by = ~g, method = "focal", vcov = "iid")
  m <- AER::ivreg(y ~ g:x + w + factor(id) + factor(t) |
                    g:z1 + g:z2 + w + factor(id) + factor(t), data = d)
  at <- paste0("g", c("a", "b", "c"), ":x")
  expect_equal(unname(coef(focal)), unname(coef(m)[at]), tolerance = 1e-8)
  expect_equal(unname(vcov(focal)), unname(vcov(m)[at, at]), tolerance = 1e-7)
  own <- fe_heterogeneity(f, d, treat = "w", by = ~g, method = "focal", vcov = "iid")
  m <- AER::ivreg(y ~ x + g:w + factor(id) + factor(t) |
                    z1 + z2 + g:w + factor(id) + factor(t), data = d)
  expect_equal(unname(coef(own)), unname(coef(m)[paste0("g", c("a", "b", "c"), ":w")]),
               tolerance = 1e-8)
})

test_that("Romano-Wolf of models with instruments draws pairs", {
  d <- iv_split()
  h <- fe_heterogeneity(y ~ w | id + t | x ~ z1 + z2, d, by = ~g, vcov = ~id,
                        adjust = list(method = "romano-wolf", type = "pairs", B = 199, seed = 1))
  W <- fe_boot_weights(30, 1:199, 1)
  t <- vapply(c("a", "b", "c"), function(g) {
    part <- d[d$g == g, ]
    m <- fe_lm(y ~ w | id + t | x ~ z1 + z2, part, vcov = ~id)
    b <- fe_boot(m, studentise = TRUE, weights = W[sort(unique(part$id)), ])
    (b$t[, "x"] - coef(m)[["x"]]) / b$se[, "x"] * b$se0[["x"]] / sqrt(vcov(m)["x", "x"])
  }, numeric(199))
  own <- h$table$estimate / h$table$std.error
  first <- which.max(abs(own))
  largest <- apply(abs(t), 1, max)
  expect_equal(h$table$p.adjusted[first],
               (sum(largest >= abs(own[first])) + 1) / (sum(!is.na(largest)) + 1))
  expect_error(fe_heterogeneity(y ~ w | id + t | x ~ z1 + z2, d, by = ~g, vcov = ~id,
                                adjust = list(method = "romano-wolf")), "least squares only")
})

test_that("under CR2 equality is the HTZ test of one regression with everything by group", {
  skip_if_not_installed("clubSandwich")
  set.seed(6)
  d <- expand.grid(id = 1:14, t = 1:9)
  d <- d[-sample(nrow(d), 9), ]
  d$g <- factor(findInterval(d$t, c(4, 7)))
  d$x <- rnorm(nrow(d)) + d$id / 5
  d$y <- d$x * (1 + (d$g == 1)) + rnorm(nrow(d)) * (1 + d$id %% 3)
  long <- lm(y ~ 0 + g:factor(id) + g:x, d)
  V <- clubSandwich::vcovCR(long, d$id, "CR2")
  at <- paste0("g", 0:2, ":x")
  C <- matrix(0, 2, length(coef(long)), dimnames = list(NULL, names(coef(long))))
  C[, at] <- rbind(c(-1, 1, 0), c(-1, 0, 1))
  theirs <- clubSandwich::Wald_test(long, C[, !is.na(coef(long))], V, test = "HTZ")
  for (method in c("split", "interact")) {
    h <- fe_heterogeneity(y ~ x | id, d, by = ~g, method = method, vcov = CR2 ~ id)
    expect_equal(h$equality$statistic, theirs$Fstat, tolerance = 1e-6)
    expect_equal(h$equality$df2, theirs$df_denom, tolerance = 1e-6)
    expect_equal(h$equality$p.value, theirs$p_val, tolerance = 1e-6)
    pair <- clubSandwich::linear_contrast(long, V, C[1, !is.na(coef(long)), drop = FALSE])
    expect_equal(h$pairs$df[1], pair$df, tolerance = 1e-6)
    expect_equal(h$pairs$std.error[1], pair$SE, tolerance = 1e-6)
  }
  expect_output(print(h), "HTZ tests")
})

test_that("under CR3 the joint variance is what leaving a cluster out does to all estimates", {
  d <- transform(digitrade, period = findInterval(year, c(2012, 2016)))
  h <- fe_heterogeneity(ln_upmf ~ ln_imdig | country, d, by = ~period, vcov = CR3 ~ country)
  out <- vapply(unique(d$country), function(left) {
    vapply(0:2, function(p) {
      part <- d[d$period == p & d$country != left, ]
      x <- part$ln_imdig - ave(part$ln_imdig, part$country)
      sum(x * part$ln_upmf) / sum(x^2)
    }, 0)
  }, numeric(3))
  V <- tcrossprod(out - unname(coef(h))) * 62 / 63
  expect_equal(unname(vcov(h)), V, tolerance = 1e-8)
  R <- rbind(c(-1, 1, 0), c(-1, 0, 1))
  F <- drop(t(R %*% coef(h)) %*% solve(R %*% V %*% t(R), R %*% coef(h))) / 2
  expect_equal(h$equality$statistic, F, tolerance = 1e-8)
  expect_equal(h$equality$df2, 62)
})

test_that("under pairs() the same clusters are drawn in all groups", {
  h <- fe_heterogeneity(ln_upmf ~ ln_imdig | country + year, digitrade, by = ~developed,
                        vcov = pairs(R = 60, seed = 4) ~ country)
  parts <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade, split = ~developed,
                 vcov = pairs(R = 60, seed = 4) ~ country)
  equal <- fe_equal(parts, terms = "ln_imdig")
  expect_equal(unname(vcov(h)), unname(vcov(equal)), tolerance = 1e-10)
  expect_equal(h$equality$p.value, equal$p.value)
})
