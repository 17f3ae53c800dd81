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

# The stacked regression as one model of all dummies, for oracle_cr2(): o$slopes name the slopes.
stacked_oracle <- function(parts) {
  s <- stack_parts(parts)
  kept <- qr(sqrt(s$w) * s$Z, tol = 1e-9)
  # dummies that others explain go, slopes come last in each block and stay
  Z <- s$Z[, sort(kept$pivot[seq_len(kept$rank)]), drop = FALSE]
  q <- qr(sqrt(s$w) * Z, tol = 0)
  e <- as.vector(s$y - Z %*% qr.coef(q, sqrt(s$w) * s$y))
  list(Z = Z, w = s$w, e = e, n = length(s$y), inverse = chol2inv(qr.R(q)), slopes = slopes,
       data = s$data, b = qr.coef(q, sqrt(s$w) * s$y)[slopes])
}

differences <- cbind(-diag(2), diag(2))

test_that("CR2 is that of the stacked regression, with its t and HTZ", {
  for (seed in 1:4) for (weighted in c(FALSE, TRUE)) {
    h <- halves(seed)
    if (!weighted) h$parts <- lapply(h$parts, transform, w = 1)
    models <- if (weighted) {
      fe_lm(y ~ x1 + x2 | unit + time, h$d, weights = w, split = ~late)
    } else fe_lm(y ~ x1 + x2 | unit + time, h$d, split = ~late)
    o <- stacked_oracle(h$parts)
    cr2 <- oracle_cr2(o, o$data$unit)
    ours <- fe_equal(models, vcov = CR2 ~ unit)
    expect_lt(worst(unname(vcov(ours)), unname(cr2$V)), 1e-9)
    d <- differences %*% o$b
    S <- differences %*% cr2$V %*% t(differences)
    expect_equal(ours$estimates$df, c(cr2$eta(differences[1, , drop = FALSE]),
                                      cr2$eta(differences[2, , drop = FALSE])), tolerance = 1e-7)
    eta <- cr2$eta(differences)
    expect_equal(unname(ours$parameter), c(2, eta - 1), tolerance = 1e-7)
    expect_equal(unname(ours$statistic), (eta - 1) / (2 * eta) * drop(t(d) %*% solve(S, d)),
                 tolerance = 1e-7)
    one <- fe_wald(ours, "x1[2] = 2*x1[1]")
    expect_equal(one$df, cr2$eta(rbind(c(-2, 0, 1, 0))), tolerance = 1e-7)
    plain <- fe_equal(models, vcov = CR1S ~ unit, ssc = fe_ssc(t.df = "satterthwaite"))
    expect_equal(plain$estimates$df[1],
                 oracle_cr2(o, o$data$unit, power = 0)$eta(differences[1, , drop = FALSE]),
                 tolerance = 1e-7)
  }
})

test_that("CR2 of the stacked regression is that of clubSandwich", {
  skip_if_not_installed("clubSandwich")
  h <- halves(5)
  h$parts <- lapply(h$parts, transform, w = 1)
  o <- stacked_oracle(h$parts)
  fit <- lm(unlist(lapply(h$parts, `[[`, "y")) ~ 0 + o$Z)
  V <- clubSandwich::vcovCR(fit, o$data$unit, "CR2")
  C <- matrix(0, 2, ncol(o$Z))
  C[, match(slopes, colnames(o$Z))] <- differences
  htz <- clubSandwich::Wald_test(fit, C, V, test = "HTZ")
  ours <- fe_equal(fe_lm(y ~ x1 + x2 | unit + time, h$d, split = ~late), vcov = CR2 ~ unit)
  expect_equal(unname(ours$statistic), htz$Fstat, tolerance = 1e-7)
  expect_equal(unname(ours$parameter[2]), htz$df_denom, tolerance = 1e-6)
})

test_that("CR3 is the joint jackknife, all models estimated without each cluster", {
  h <- halves(3)
  h$d <- h$d[!(h$d$late & h$d$unit == 4), ] # a cluster that one sample does not have
  fit <- function(d) fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, split = ~late)
  models <- fit(h$d)
  units <- sort(unique(h$d$unit))
  b <- unlist(lapply(models, coef))
  without <- t(vapply(units, function(g) {
    unlist(lapply(fit(h$d[h$d$unit != g, ]), coef))
  }, b))
  change <- sweep(without, 2L, b)
  of <- rep(vapply(models, function(m) length(unique(h$d$unit[m$rows])), 0L), each = 2L)
  scale <- sqrt((of - 1) / of)
  V <- outer(scale, scale) * crossprod(change)
  ours <- fe_equal(models, vcov = CR3 ~ unit)
  expect_equal(unname(vcov(ours)), unname(V), tolerance = 1e-8)
  for (j in 1:2) for (type in c("CR3", "CR3J")) {
    at <- 2L * j - 1:0
    joint <- vcov(fe_equal(models, vcov = type, cluster = "unit"))
    expect_equal(unname(joint[at, at]), unname(vcov(models[[j]], type, cluster = "unit")),
                 tolerance = 1e-9)
  }
})

test_that("CR1S has the factors of each model", {
  d <- random_panel(5, "weights", n_units = 60L, n_times = 10L)
  d$late <- d$time > 2005
  d$area <- (d$unit * 7 + d$time) %% 23
  models <- fe_lm(y ~ x1 + x2 | unit + time, d, split = ~late)
  for (ssc in list(NULL, fe_ssc(G.df = "conventional"))) {
    joint <- vcov(fe_equal(models, vcov = CR1S ~ unit + area, ssc = ssc))
    for (j in 1:2) {
      at <- 2L * j - 1:0
      expect_equal(unname(joint[at, at]), unname(vcov(models[[j]], CR1S ~ unit + area,
                                                      ssc = ssc)), tolerance = 1e-9)
    }
    root <- sqrt(vapply(models, function(m) summary(m, CR1S ~ unit)$vcov_info$factor, 0))
    expect_equal(vcov(fe_equal(models, vcov = CR1S ~ unit, ssc = ssc))[1, 3],
                 vcov(fe_equal(models, vcov = CR0 ~ unit))[1, 3] * prod(root), tolerance = 1e-9)
  }
})

test_that("pairs draw the same clusters in every model", {
  h <- halves(4)
  d <- transform(h$d, z = y + x3)
  outcomes <- fe_lm(c(y, z) ~ x1 + x2 | unit + time, d, weights = w)
  boot <- fe_boot(outcomes, R = 60, seed = 3, cluster = ~unit)
  ours <- fe_equal(outcomes, vcov = pairs(R = 60, seed = 3) ~ unit)
  expect_equal(unname(vcov(ours)), unname(vcov(boot)), tolerance = 1e-9)

  models <- fe_lm(y ~ x1 + x2 | unit, h$d, weights = w, split = ~late)
  split <- fe_equal(models, vcov = pairs(R = 5, seed = 8) ~ unit)
  times <- fe_boot_weights(16L, 1:5, 8)[match(h$d$unit, sort(unique(h$d$unit))), ]
  again <- t(vapply(1:5, function(r) {
    unlist(lapply(c(FALSE, TRUE), function(late) {
      keep <- h$d$late == late & times[, r] > 0
      long <- h$d[rep(which(keep), times[keep, r]), ]
      coef(fe_lm(y ~ x1 + x2 | unit, long, weights = w, singletons = "keep"))
    }))
  }, numeric(4)))
  expect_equal(unname(vcov(split)), unname(cov(again)), tolerance = 1e-8)
  expect_match(split$label, "pairs bootstrap (R = 5)", fixed = TRUE)
})

test_that("wild gives a cluster the same weight in every model", {
  h <- halves(4)
  d <- transform(h$d, z = y + x3)
  outcomes <- fe_lm(c(y, z) ~ x1 + x2 | unit + time, d, weights = w)
  boot <- fe_boot(outcomes, R = 60, seed = 3, cluster = ~unit, type = "wild")
  ours <- fe_equal(outcomes, vcov = wild(R = 60, seed = 3) ~ unit)
  expect_equal(unname(vcov(ours)), unname(vcov(boot)), tolerance = 1e-9)
  kept <- fe_lm(c(y, z) ~ x1 + x2 | unit + time, d, weights = w, vcov = wild(R = 60) ~ unit)
  expect_identical(vcov(fe_equal(kept)), vcov(fe_equal(kept)))
  models <- fe_lm(y ~ x1 + x2 | unit, h$d, split = ~late)
  many <- fe_equal(models, vcov = wild(R = 2e4, seed = 1) ~ unit)
  expect_equal(vcov(many), vcov(fe_equal(models, vcov = CR0 ~ unit)), tolerance = 0.05)
})

test_that("a repaired joint variance does not depend on the terms compared", {
  h <- halves(9)
  h$d$trio <- h$d$unit %% 3
  h$d$duo <- h$d$time %% 2
  models <- suppressWarnings(fe_lm(y ~ x1 + x2 + x3 | unit, h$d, split = ~late, intercept = "mean",
                                   vcov = CR0 ~ trio + duo))
  expect_warning(all <- fe_equal(models), "joint variance was not positive", class = "fe_warning")
  one <- suppressWarnings(fe_equal(models, terms = c("(Intercept)", "x2")))
  expect_equal(vcov(one)[c(2, 4), c(2, 4)], vcov(all)[c(2, 5), c(2, 5)], tolerance = 1e-10)
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
  models <- suppressWarnings(fe_lm(y ~ x1 | unit, h$d, split = ~late, intercept = "mean",
                                   vcov = ~unit), classes = "fe_warning")
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
  expect_error(fe_equal(a, b, vcov = "iid"), "errors of one row.*HC1", class = "fe_error")
  expect_error(fe_equal(a, b, vcov = ~unit, test = "HTZ"), "needs CR2", class = "fe_error")
  with_constant <- fe_lm(c(y, x3) ~ x1 | unit, d, intercept = "mean")
  expect_error(fe_equal(with_constant, terms = "(Intercept)", vcov = pairs(R = 9) ~ unit),
               "wild\\(\\)", class = "fe_error")
  expect_no_error(fe_equal(with_constant, terms = "(Intercept)", vcov = wild(R = 9) ~ unit))
  expect_error(fe_equal(a, fe_lm(y ~ x1 | unit, d, lean = TRUE)), "lean", class = "fe_error")
  expect_error(fe_equal(a, b, vcov = ~zz), "zz", class = "fe_error")
})

test_that("a model whose clustered variance is zero by construction is refused", {
  set.seed(34)
  d <- expand.grid(unit = 1:8, time = 1:6)
  d[c("x", "y")] <- rnorm(96)
  d$pair <- d$unit < 3 # two units beside effects of time: their scores cancel
  models <- suppressWarnings(fe_lm(y ~ x | unit + time, d, split = ~pair, vcov = ~unit),
                             classes = "fe_warning")
  expect_error(fe_equal(models), "`x` .*variance of zero", class = "fe_error")
  expect_no_error(fe_equal(models, vcov = "HC1"))
})
