# Equality of coefficients across models, against stacked regressions on dummies.

# The stacked regression of several samples, each with its own coefficients and dummies.
# parts: list of data frames with y, x1, x2, unit, time, w -> matrix Z, y, w, rows of each part
stack_parts <- function(parts, x = c("x1", "x2")) {
  blocks <- lapply(parts, function(p) {
    oracle_fit(p$y, as.matrix(p[x]), list(p$unit, p$time), p$w)
  })
  sizes <- vapply(blocks, function(b) ncol(b$Z), 0L)
  ends <- cumsum(sizes)
  Z <- do.call(rbind, lapply(seq_along(blocks), function(j) {
    out <- matrix(0, nrow(blocks[[j]]$Z), sum(sizes))
    out[, ends[j] - sizes[j] + seq_len(sizes[j])] <- blocks[[j]]$Z
    out
  }))
  colnames(Z) <- unlist(lapply(seq_along(blocks), function(j) {
    paste0("m", j, ".", make.names(colnames(blocks[[j]]$Z), unique = TRUE))
  }))
  list(Z = Z, y = unlist(lapply(parts, `[[`, "y")), w = unlist(lapply(parts, `[[`, "w")),
       data = do.call(rbind, parts))
}

# Its joint CR0 (or HC0) variance of the slopes by sandwich, no factors.
stacked_vcov <- function(s, cluster, terms) {
  fit <- lm(s$y ~ 0 + s$Z, weights = s$w)
  V <- sandwich::vcovCL(fit, cluster = cluster, type = "HC0", cadjust = FALSE)
  dimnames(V) <- list(colnames(s$Z), colnames(s$Z))
  list(b = stats::setNames(coef(fit), colnames(s$Z))[terms], V = V[terms, terms],
       df = df.residual(fit))
}

slopes <- c("m1.x1", "m1.x2", "m2.x1", "m2.x2")

# A panel whose units are in both halves, singletons gone from each half.
halves <- function(seed, by = "late") {
  d <- random_panel(seed, "weights", n_units = 16L, n_times = 10L)
  d$late <- d$time > 2005
  d$big <- d$unit > 8
  parts <- lapply(split(d, d[[by]]), function(p) p[oracle_singletons(p[c("unit", "time")]), ])
  list(d = d, parts = unname(parts))
}

test_that("clusters common to both samples: the stacked regression, on random panels", {
  skip_if_not_installed("sandwich")
  for (seed in 1:8) {
    h <- halves(seed)
    models <- fe_lm(y ~ x1 + x2 | unit + time, h$d, weights = w, split = ~late)
    for (cluster in c("unit", "cluster")) {
      ours <- fe_equal(models, vcov = "CR0", cluster = cluster)
      s <- stack_parts(h$parts)
      o <- stacked_vcov(s, s$data[[cluster]], slopes)
      expect_lt(worst(coef(ours), o$b), 1e-9)
      expect_lt(worst(vcov(ours), o$V), 1e-9)
      d <- o$b[3:4] - o$b[1:2]
      R <- cbind(-diag(2), diag(2))
      S <- R %*% o$V %*% t(R)
      expect_equal(ours$estimates$difference, unname(d), tolerance = 1e-8)
      expect_equal(ours$estimates$std.error, unname(sqrt(diag(S))), tolerance = 1e-9)
      expect_equal(unname(ours$statistic), sum(d * solve(S, d)) / 2, tolerance = 1e-8)
      G <- length(unique(s$data[[cluster]]))
      expect_equal(unname(ours$parameter), c(2, G - 1))
      expect_equal(ours$estimates$p.value, unname(2 * pt(-abs(d / sqrt(diag(S))), G - 1)),
                   tolerance = 1e-8)
    }
  }
})

test_that("two-way clusters: the stacked regression", {
  skip_if_not_installed("sandwich")
  h <- halves(9)
  models <- fe_lm(y ~ x1 + x2 | unit + time, h$d, weights = w, split = ~late)
  s <- stack_parts(h$parts)
  o <- stacked_vcov(s, s$data[c("unit", "other")], slopes)
  ours <- fe_equal(models, vcov = CR0 ~ unit + other)
  expect_lt(worst(vcov(ours), o$V), 1e-9)
  expect_equal(ours$df, 4)
})

test_that("disjoint samples with robust variances: the test of independent samples", {
  h <- halves(3, "big")
  models <- fe_lm(y ~ x1 + x2 | unit + time, h$d, weights = w, split = ~big)
  for (v in c("HC0", "HC1", "HC2", "HC3")) {
    ours <- fe_equal(models, vcov = v, test = "chisq")
    V <- lapply(as.list(models), vcov, v)
    z <- (coef(models[[2]]) - coef(models[[1]])) / sqrt(diag(V[[1]]) + diag(V[[2]]))
    expect_equal(ours$estimates$statistic, unname(z), tolerance = 1e-9)
    expect_equal(ours$estimates$p.value, unname(2 * pnorm(-abs(z))), tolerance = 1e-9)
    expect_equal(unname(ours$vcov[1:2, 3:4]), matrix(0, 2, 2))
  }
  expect_equal(fe_equal(models)$vcov, fe_equal(models, vcov = "HC1")$vcov)
})

test_that("overlapping rows: outcomes stacked, rows linked", {
  skip_if_not_installed("sandwich")
  h <- halves(4)
  d <- h$d
  d$id <- seq_len(nrow(d))
  d$z <- d$y + d$x3
  d$y[d$late & d$other == 1] <- NA
  models <- fe_lm(c(y, z) ~ x1 + x2 | unit + time, d, weights = w)
  first <- d[!is.na(d$y), ]
  first <- first[oracle_singletons(first[c("unit", "time")]), ]
  second <- d[oracle_singletons(d[c("unit", "time")]), ]
  second$y <- second$z
  s <- stack_parts(list(first, second))
  by_row <- fe_equal(models, vcov = "HC0")
  o <- stacked_vcov(s, s$data$id, slopes)
  expect_lt(worst(vcov(by_row), o$V), 1e-9)
  expect_identical(by_row$shared, nrow(first))
  expect_gt(max(abs(o$V[1:2, 3:4])), 0)
  by_unit <- fe_equal(models, vcov = CR0 ~ unit)
  expect_lt(worst(vcov(by_unit), stacked_vcov(s, s$data$unit, slopes)$V), 1e-9)
})

test_that("the parts of the joint variance are the models' own", {
  d <- random_panel(5, "weights", n_units = 60L, n_times = 10L)
  d$late <- d$time > 2005
  d$area <- (d$unit * 7 + d$time) %% 23
  models <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, split = ~late)
  k <- 2L
  for (v in list("HC1", "HC3", ~unit, DK(1) ~ time, ~unit + area)) {
    for (ssc in list(NULL, fe_ssc(G.df = "conventional"), "areg")) {
      joint <- vcov(fe_equal(models, vcov = v, ssc = ssc))
      for (j in 1:2) {
        at <- (j - 1) * k + seq_len(k)
        own <- vcov(models[[j]], v, ssc = ssc)
        expect_lt(worst(unname(joint[at, at]), unname(own)), 1e-9)
      }
    }
  }
})

test_that("Stata's suest: one factor G/(G-1), or n/(n-1)", {
  h <- halves(6)
  models <- fe_lm(y ~ x1 + x2 | unit + time, h$d, split = ~late)
  plain <- vcov(fe_equal(models, vcov = CR0 ~ unit))
  expect_equal(vcov(fe_equal(models, vcov = ~unit, ssc = "suest")), plain * 16 / 15)
  n <- sum(nobs(models))
  expect_equal(vcov(fe_equal(models, vcov = "HC1", ssc = "suest")),
               vcov(fe_equal(models, vcov = "HC0")) * n / (n - 1))
  expect_error(fe_equal(models, vcov = "HC3", ssc = "suest"), "no factor for HC3",
               class = "fe_error")
})

test_that("three models: an F test for each term, and of all", {
  h <- halves(7)
  d <- h$d
  d$third <- 1 + d$time %% 3
  models <- fe_lm(y ~ x1 + x2 | unit, d, split = "third", vcov = ~unit)
  e <- fe_equal(models)
  b <- coef(e)
  V <- vcov(e)
  R <- rbind(c(-1, 0, 1, 0, 0, 0), c(0, 0, -1, 0, 1, 0))
  f <- sum((R %*% b) * solve(R %*% V %*% t(R), R %*% b)) / 2
  expect_equal(e$estimates$statistic[1], f, tolerance = 1e-9)
  expect_equal(e$estimates$p.value[1], pf(f, 2, 15, lower.tail = FALSE), tolerance = 1e-9)
  expect_equal(unname(e$parameter), c(4, 15))
  same <- fe_wald(e, c("x1[1] = x1[2] = x1[3]", "x2[1] = x2[2]", "x2[3] = x2[1]"))
  expect_equal(same$statistic, e$statistic, tolerance = 1e-9)
  expect_equal(fe_equal(models[[1]], models[[2]], models[[3]])$p.value, e$p.value)
})

test_that("any hypothesis on the joint coefficients can be tested", {
  h <- halves(8)
  early <- fe_lm(y ~ x1 + x2 | unit, h$d, subset = !late, vcov = ~unit)
  late <- fe_lm(y ~ x1 + x2 + x3 | unit, h$d, subset = late, vcov = ~unit)
  e <- fe_equal(early, late)
  a <- c(-2, 0, 1, 0)
  t <- sum(a * coef(e)) / sqrt(as.vector(a %*% vcov(e) %*% a))
  f <- fe_wald(e, "x1[2] = 2*x1[1]")
  expect_equal(unname(f$statistic), t^2, tolerance = 1e-9)
  expect_equal(f$p.value, 2 * pt(-abs(t), 15), tolerance = 1e-9)
  named <- fe_equal(second = late, first = early)
  expect_identical(named$estimates$difference, -e$estimates$difference)
  expect_output(print(named), "\\(1\\) second: y ~ x1 \\+ x2 \\+ x3 \\| unit")
  expect_output(print(e), "\\(1\\) early: y ~ x1 \\+ x2 \\| unit")
  expect_output(print(e), "clustered \\(CR1\\) by unit \\(16\\)")
})

test_that("with frequency weights it is the test of the rows written out", {
  h <- halves(2)
  d <- h$d
  d$f <- 1 + d$other
  long <- d[rep(seq_len(nrow(d)), d$f), ]
  long$w <- 1
  short <- fe_lm(y ~ x1 + x2 | unit, d, weights = f, weights_type = "frequency", split = ~late)
  full <- fe_lm(y ~ x1 + x2 | unit, long, split = ~late)
  for (v in list("HC1", ~cluster)) for (ssc in list(NULL, "suest")) {
    expect_equal(vcov(fe_equal(short, vcov = v, ssc = ssc)),
                 vcov(fe_equal(full, vcov = v, ssc = ssc)), tolerance = 1e-9)
  }
})

test_that("constants are compared with their own variances", {
  h <- halves(2)
  models <- fe_lm(y ~ x1 | unit, h$d, split = ~late, intercept = "mean", vcov = ~unit)
  e <- fe_equal(models, terms = c("(Intercept)", "x1"))
  for (j in 1:2) expect_equal(unname(vcov(e)[2 * j - 1:0, 2 * j - 1:0]), unname(vcov(models[[j]])))
})

test_that("as many restrictions as clusters: no joint test, and that is said", {
  h <- halves(10)
  d <- h$d
  d$trio <- d$unit %% 3
  models <- fe_lm(y ~ x1 + x2 + x3 | unit, d, split = ~late)
  e <- fe_equal(models, cluster = "trio")
  expect_true(is.na(e$p.value))
  expect_output(print(e), "No joint test: 3 restrictions exceed the rank.*\\(3 clusters\\)")
  expect_false(anyNA(e$estimates$p.value))
})

test_that("a model's default clusters mean the same for all", {
  h <- halves(1)
  models <- fe_lm(y ~ x1 + x2 | unit + time, h$d, split = ~late, vcov = "cluster")
  expect_equal(vcov(fe_equal(models)), vcov(fe_equal(models, vcov = ~unit)))
  by_vector <- fe_equal(models, cluster = h$d$unit)
  expect_equal(vcov(by_vector), vcov(fe_equal(models, vcov = ~unit)))
})

test_that("a sample within one cluster has no clustered variance", {
  h <- halves(1)
  h$d$all <- ifelse(h$d$big, "one", h$d$unit)
  models <- fe_lm(y ~ x1 | unit, h$d, split = ~big)
  expect_error(fe_equal(models, cluster = "all"), "single value", class = "fe_error")
})

test_that("what cannot be compared is refused with the reason", {
  h <- halves(1)
  d <- h$d
  a <- fe_lm(y ~ x1 + x2 | unit, d)
  expect_error(fe_equal(a), "single model", class = "fe_error")
  expect_error(fe_equal(), "no model", class = "fe_error")
  expect_error(fe_equal(a, fe_lm(y ~ x1 | unit, d[d$late, ])), "same data", class = "fe_error")
  e <- d
  e$x1 <- rev(e$x1)
  expect_error(fe_equal(a, fe_lm(y ~ x1 | unit, e)), "same data", class = "fe_error")
  e <- d
  e$extra <- 1
  expect_no_error(fe_equal(a, fe_lm(y ~ x1 | unit, e), terms = "x1"))
  expect_error(fe_equal(a, lm(y ~ x1, d)), "class fe_lm", class = "fe_error")
  expect_error(fe_equal(a, fe_lm(y ~ x3 | unit, d)), "share no slope", class = "fe_error")
  expect_error(fe_equal(a, fe_lm(y ~ x1 | time, d), terms = "x2"), "terms", class = "fe_error")
  expect_error(fe_equal(a, a), "same by construction", class = "fe_error")
  b <- fe_lm(y ~ x1 + x2 | time, d, vcov = ~unit)
  expect_error(fe_equal(a, b), "estimated with different ones", class = "fe_error")
  expect_error(fe_equal(a, b, vcov = "iid"), "no joint variance", class = "fe_error")
  expect_error(fe_equal(a, fe_lm(y ~ x1 | unit, d, lean = TRUE)), "lean", class = "fe_error")
  expect_error(fe_equal(a, b, vcov = ~zz), "zz", class = "fe_error")
})
