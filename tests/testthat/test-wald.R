# Tests of hypotheses against textbook formulas with dummies, and against car, lmtest, fixest, plm.

# Q = (Rb - r)'(R V R')^-1 (Rb - r) with the oracle's estimates and variance.
oracle_wald <- function(o, V, R, r = numeric(nrow(R))) {
  d <- R %*% o$coef[colnames(V)] - r
  as.vector(t(d) %*% solve(R %*% V %*% t(R), d))
}

quiet <- function(expr) suppressWarnings(expr, classes = "fe_warning")

d <- random_panel(21, "weights", n_units = 20L)
m <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d, weights = w)
o <- oracle_panel(d, c("unit", "time"), w = "w")

test_that("joint statistics are the quadratic form of the dummy regression, on random panels", {
  R <- rbind(c(1, 0, 0), c(0, 10, -1))
  for (seed in 1:10) {
    d <- random_panel(seed, c("weights", "missing", "singletons"))
    m <- quiet(fe_lm(y ~ x1 + x2 + x3 | unit + time, d, weights = w))
    o <- oracle_panel(d, c("unit", "time"), w = "w")
    for (v in c("iid", "HC1", "HC3", "CR1")) {
      V <- oracle_vcov(o, v, if (v == "CR1") list(o$data$cluster))
      Q <- oracle_wald(o, V, R, c(0.5, 1))
      f <- fe_wald(m, c("x1 = 0.5", "10*x2 = 1 + x3"), vcov = v,
                   cluster = if (v == "CR1") ~cluster)
      df <- if (v == "CR1") length(unique(o$data$cluster)) - 1 else o$n - o$rank
      expect_lt(worst(f$statistic, Q / 2), 1e-9)
      expect_equal(unname(f$parameter), c(2, df))
      expect_equal(f$p.value, pf(Q / 2, 2, df, lower.tail = FALSE), tolerance = 1e-8)
      chi <- fe_wald(m, R, rhs = c(0.5, 1), vcov = v, test = "chisq",
                     cluster = if (v == "CR1") ~cluster)
      expect_lt(worst(chi$statistic, Q), 1e-9)
      expect_equal(chi$p.value, pchisq(Q, 2, lower.tail = FALSE), tolerance = 1e-8)
    }
  }
})

test_that("all ways to write a hypothesis give the same test", {
  one <- fe_wald(m, c("x1", "x3"))
  for (same in list(fe_wald(m, c("x1 = 0", "0 = x3")), fe_wald(m, c("x1 == 0", "-2 * x3 = 0")),
                    fe_wald(m, rbind(c(x1 = 1, x3 = 0), c(0, 1))), fe_wald(m, ~ x1 + x3),
                    fe_wald(m, keep = "^x[13]$"), fe_wald(m, function(b) b[c("x1", "x3")]),
                    fe_wald(m, c("(x1 + x3) / 2", "x1 - x3")))) {
    expect_equal(same$statistic, one$statistic, tolerance = 1e-9)
    expect_equal(same$p.value, one$p.value, tolerance = 1e-9)
  }
  expect_equal(fe_wald(m)$statistic, fe_wald(m, c("x1", "x2", "x3"))$statistic)
  expect_equal(unname(fe_wald(m)$statistic), glance(m)$statistic)
  expect_equal(fe_wald(m, "x1 = x2 = x3")$statistic,
               fe_wald(m, c("x1 - x2", "x2 - x3"))$statistic)
  expect_identical(fe_wald(m, "x1 = x2 = 2*x3")$hypotheses, c("x1 = x2", "x2 = 2 * x3"))
  expect_identical(fe_wald(m, c(x2 = -1, x1 = 2), rhs = 1)$hypotheses, "2*x1 - x2 = 1")
  expect_equal(fe_wald(m, c("x1", "x2"), rhs = c(1, 2))$statistic,
               fe_wald(m, c("x1 = 1", "x2 = 2"))$statistic)
})

test_that("a single restriction is a t test with its interval", {
  f <- fe_wald(m, "x1 - 2*x2 = 0.3", level = 0.9)
  a <- c(1, -2, 0)
  se <- sqrt(as.vector(a %*% oracle_vcov(o, "HC1") %*% a))
  estimate <- sum(a * o$coef[c("x1", "x2", "x3")])
  row <- tidy(f)
  expect_equal(row$estimate, estimate, tolerance = 1e-9)
  expect_equal(row$std.error, se, tolerance = 1e-9)
  expect_equal(row$null.value, 0.3)
  expect_equal(row$p.value, f$p.value, tolerance = 1e-9)
  expect_equal(row$statistic^2, unname(f$statistic), tolerance = 1e-9)
  expect_equal(c(row$conf.low, row$conf.high),
               estimate + c(-1, 1) * qt(0.95, o$n - o$rank) * se, tolerance = 1e-9)
  expect_equal(tidy(fe_wald(m, c("x1", "x2", "x3")))[c("estimate", "std.error", "p.value")],
               tidy(m)[c("estimate", "std.error", "p.value")])
})

test_that("nonlinear hypotheses follow the delta method", {
  b <- o$coef
  V <- oracle_vcov(o, "HC1")
  cases <- list(list("x1 * x2 = 1", b["x1"] * b["x2"], c(b["x2"], b["x1"], 0), 1),
                list("exp(x1)/x3 = 3", exp(b["x1"]) / b["x3"],
                     c(exp(b["x1"]) / b["x3"], 0, -exp(b["x1"]) / b["x3"]^2), 3),
                list("x1^2 = pnorm(x2)", b["x1"]^2 - pnorm(b["x2"]),
                     c(2 * b["x1"], -dnorm(b["x2"]), 0), 0))
  for (case in cases) {
    f <- fe_wald(m, case[[1]])
    se <- sqrt(as.vector(case[[3]] %*% V %*% case[[3]]))
    expect_equal(unname(f$estimate), unname(case[[2]]), tolerance = 1e-9)
    expect_equal(f$std.error, se, tolerance = 1e-9)
    expect_equal(unname(f$statistic), unname((case[[2]] - case[[4]]) / se)^2, tolerance = 1e-8)
  }
})

test_that("numeric derivatives of a function agree with the analytic ones", {
  text <- fe_wald(m, c("exp(x1)/x3 = 3", "x1*x2 = 3"), test = "chisq")
  values <- function(b) c(ratio = exp(b[["x1"]]) / b[["x3"]], product = b[["x1"]] * b[["x2"]])
  f <- fe_wald(m, values, rhs = 3, test = "chisq")
  expect_equal(f$statistic, text$statistic, tolerance = 1e-8)
  expect_equal(f$std.error, text$std.error, tolerance = 1e-9)
  expect_identical(f$hypotheses, c("ratio = 3", "product = 3"))
})

test_that("coefficients are found whatever characters their names have", {
  d <- random_panel(5, n_units = 30L)
  d$region <- c("North East", "a - b", "x1")[1 + d$other %% 3]
  d$`my var` <- d$x3
  m <- fe_lm(y ~ x1 * x2 + region + `my var` + poly(x3, 3)[, 2:3] + i(time) + log(x2), d)
  b <- coef(m)
  V <- vcov(m)
  expect_gt(length(b), 12)
  for (name in names(b)) {
    f <- fe_wald(m, name)
    expect_equal(unname(f$estimate), unname(b[name]))
    twice <- fe_wald(m, sprintf("2*%s = (Intercept)", name))
    if (name == "(Intercept)") next
    expect_equal(unname(twice$estimate), unname(2 * b[name] - b["(Intercept)"]))
    a <- ifelse(names(b) == name, 2, -(names(b) == "(Intercept)"))
    expect_equal(twice$std.error, sqrt(as.vector(a %*% V %*% a)), tolerance = 1e-9)
  }
  expect_equal(unname(fe_wald(m, "`x1:x2` - x1:x2 + x1")$estimate), unname(b["x1"]))
  expect_equal(unname(fe_wald(m, "log(x2)")$estimate), unname(b["log(x2)"]))
  times <- grep("^time::", names(b), value = TRUE)
  expect_equal(fe_wald(m, ~ i(time))$statistic, fe_wald(m, times)$statistic)
  expect_equal(fe_wald(m, keep = "^time::")$statistic, fe_wald(m, times)$statistic)
  expect_equal(fe_wald(m, ~ region + x1:x2)$statistic,
               fe_wald(m, c(grep("^region", names(b), value = TRUE), "x1:x2"))$statistic)
})

test_that("nothing but arithmetic on coefficients is evaluated", {
  touched <- FALSE
  x9 <- 4
  for (bad in c("touched <<- TRUE", "(function() touched <<- TRUE)()", "x1 = x9", "x1 + max(x2, 1)",
                "base::exp(x1)", "x1[1]", "x1$a", "if (x1) x2", "'x1'", "exp(x = x1)", "log(x1, 2)",
                "x1; x2", "x1 +", "", "~ x1", "x1 %*% x2", "TRUE", "1i * x1", "x1 = 1 = x2 <- 3")) {
    expect_error(fe_wald(m, bad), "hypothesis", class = "fe_error")
  }
  expect_false(touched)
  exp <- function(...) stop("masked")
  expect_equal(unname(fe_wald(m, "exp(x1)")$estimate), base::exp(unname(coef(m)["x1"])))
})

test_that("restrictions that follow from others are left out, contradictions refused", {
  f <- fe_wald(m, c("x1 = x2", "x2 = x3", "x1 = x3"))
  expect_identical(f$dropped, "x1 = x3")
  expect_equal(f$statistic, fe_wald(m, c("x1 = x2", "x2 = x3"))$statistic)
  expect_output(print(f), "Left out, as they follow from these: \"x1 = x3\"")
  expect_error(fe_wald(m, c("x1 = 1", "2*x1 = 3")), "contradicts", class = "fe_error")
  expect_error(fe_wald(m, "x1 - x1"), "no coefficient moves", class = "fe_error")
  expect_error(fe_wald(m, "1 = 1"), "names no coefficient", class = "fe_error")
  expect_error(fe_wald(m, "log(x2 - x2) = 1"), "not finite", class = "fe_error")
})

test_that("more restrictions than the clusters carry are an error that says so", {
  d$pair <- ifelse(d$unit < 5, 1, ifelse(d$unit < 12, 2, 3))
  expect_error(fe_wald(m, cluster = d$pair), "3 restrictions.*3 clusters.*rank 2",
               class = "fe_error")
  expect_no_error(fe_wald(m, c("x1", "x2"), cluster = d$pair))
})

test_that("that limit is of one-way clusters: two-way variances can have a higher rank", {
  d <- random_panel(16, n_units = 20L)
  d$half <- d$x3 > 0
  m <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d)
  o <- oracle_panel(d, c("unit", "time"))
  V <- oracle_vcov(o, "CR1", list(o$data$unit, o$data$half))
  f <- fe_wald(m, cluster = ~unit + half)
  expect_equal(unname(f$statistic), oracle_wald(o, V, diag(3)) / 3, tolerance = 1e-7)
  expect_equal(unname(f$parameter), c(3, 1))
})

test_that("the units of regressors do not matter", {
  plain <- fe_wald(m, c("x1 + x2", "x1 - x3 = 1"))
  d$x2 <- d$x2 * 1e12
  d$x3 <- d$x3 * 1e-9
  big <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d, weights = w)
  scaled <- fe_wald(big, c("x1 + 1e12*x2", "x1 - 1e-9*x3 = 1"))
  expect_equal(scaled$statistic, plain$statistic, tolerance = 1e-7)
  expect_length(scaled$dropped, 0L)
  expect_error(fe_wald(big, c("x1", "x1 + x2")), "only the rank 1", class = "fe_error")
})

test_that("bad arguments are named", {
  expect_error(fe_wald(m, "x7"), "no coefficient", class = "fe_error")
  expect_error(fe_wald(m, "x1 = 2", rhs = 1), "right side of its own", class = "fe_error")
  expect_error(fe_wald(m, c("x1", "x2"), rhs = 1:3), "rhs", class = "fe_error")
  expect_error(fe_wald(m, "x1", keep = "x"), "keep", class = "fe_error")
  expect_error(fe_wald(m, keep = "zz"), "matches no slope", class = "fe_error")
  expect_error(fe_wald(m, diag(2)), "2 columns for 3", class = "fe_error")
  expect_error(fe_wald(m, rbind(c(x1 = 1, z = 2))), "no coefficients", class = "fe_error")
  expect_error(fe_wald(m, matrix(0, 1, 3)), "not zero in every row", class = "fe_error")
  expect_error(fe_wald(m, ~ x1 + zz), "no term", class = "fe_error")
  expect_error(fe_wald(m, y ~ x1), "two-sided", class = "fe_error")
  expect_error(fe_wald(m, function(b) NULL), "hypothesis", class = "fe_error")
  expect_error(fe_wald(m, "x1", test = "HTZ"), "CR2", class = "fe_error")
  expect_error(fe_wald(m, "x1", tset = "F"), "tset", class = "fe_error")
  expect_error(fe_wald(lm(y ~ x1, d)), "class fe_lm", class = "fe_error")
})

test_that("the joint test agrees with car, lmtest and fixest", {
  skip_if_not_installed("car")
  skip_if_not_installed("lmtest")
  skip_if_not_installed("fixest")
  V <- vcov(m, ~unit)
  theirs <- car::linearHypothesis(m, c("x1 = 2*x2", "x3 = 1"), vcov. = V, test = "Chisq")
  ours <- fe_wald(m, c("x1 = 2*x2", "x3 = 1"), cluster = "unit", test = "chisq")
  expect_equal(unname(ours$statistic), theirs$Chisq[2], tolerance = 1e-9)
  expect_equal(ours$p.value, theirs$`Pr(>Chisq)`[2], tolerance = 1e-9)
  delta <- car::deltaMethod(m, "x1/x2", vcov. = V)
  expect_equal(fe_wald(m, "x1/x2", cluster = "unit")$std.error, delta$SE, tolerance = 1e-9)
  them <- fixest::feols(y ~ x1 + x2 + x3 | unit + time, d, weights = ~w, vcov = ~unit)
  theirs <- fixest::wald(them, "x[12]", print = FALSE)
  ours <- fe_wald(m, keep = "x[12]", vcov = ~unit, ssc = "fixest")
  expect_equal(unname(ours$statistic), theirs$stat, tolerance = 1e-6)
  expect_equal(ours$p.value, theirs$p, tolerance = 1e-5)
  pooled <- lm(y ~ x1 + x2 + x3 + factor(other), d)
  ours <- fe_wald(fe_lm(y ~ x1 + x2 + x3 + factor(other), d, vcov = "iid"), ~ factor(other))
  theirs <- lmtest::waldtest(pooled, "factor(other)")
  expect_equal(unname(ours$statistic), theirs$F[2], tolerance = 1e-9)
  expect_equal(ours$p.value, theirs$`Pr(>F)`[2], tolerance = 1e-9)
})

test_that("HTZ tests with CR2 equal clubSandwich's on dummies", {
  skip_if_not("CR2" %in% names(vcov_registry))
  skip_if_not_installed("clubSandwich")
  m <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d, vcov = CR2 ~ cluster)
  dummies <- lm(y ~ x1 + x2 + x3 + factor(unit) + factor(time), d)
  V <- clubSandwich::vcovCR(dummies, d$cluster, "CR2")
  for (names in list("x1", c("x1", "x3"), c("x1", "x2", "x3"))) {
    theirs <- clubSandwich::Wald_test(dummies, clubSandwich::constrain_zero(names), V)
    ours <- fe_wald(m, names)
    expect_identical(ours$test, "HTZ")
    expect_equal(unname(ours$statistic), theirs$Fstat, tolerance = 1e-7)
    expect_equal(unname(ours$parameter[["df2"]]), theirs$df_denom, tolerance = 1e-7)
    expect_equal(ours$p.value, theirs$p_val, tolerance = 1e-7)
  }
  C <- matrix(c(0, 1, -2, rep(0, length(coef(dummies)) - 3)), 1)
  theirs <- clubSandwich::Wald_test(dummies, C, V)
  expect_equal(tidy(fe_wald(m, "x1 = 2*x2", test = "F"))$df, theirs$df_denom, tolerance = 1e-7)
})

# ---- fixed effects -------------------------------------------------------------------------------

oracle_rss <- function(o, drop) {
  keep <- setdiff(names(o$factors), drop)
  oracle_fit(o$y, o$Z[, o$slopes, drop = FALSE], o$factors[keep], o$w)
}

test_that("the F test of effects compares residual sums of squares, ranks exact", {
  for (seed in 1:5) {
    d <- random_panel(seed, c("weights", "missing", "singletons"))
    m <- quiet(fe_lm(y ~ x1 + x2 + x3 | unit + time + group, d, weights = w, vcov = ~cluster))
    o <- oracle_panel(d, c("unit", "time", "group"), w = "w")
    names(o$factors) <- c("unit", "time", "group")
    for (drop in list("unit", c("time", "group"), c("unit", "time", "group"))) {
      small <- oracle_rss(o, drop)
      q <- o$rank - small$rank
      f <- (small$rss - o$rss) / q / (o$rss / (o$n - o$rank))
      ours <- fe_wald(m, fixef = if (length(drop) == 3L) TRUE else drop)
      expect_equal(unname(ours$statistic), f, tolerance = 1e-8)
      expect_equal(unname(ours$parameter), c(q, o$n - o$rank))
    }
  }
})

test_that("the F test of varying slopes compares with a common constant", {
  d <- random_panel(3)
  m <- fe_lm(y ~ x1 | unit[x2] + time, d)
  full <- lm(y ~ x1 + factor(unit) * x2 + factor(time), d)
  small <- lm(y ~ x1 + factor(time), d)
  theirs <- anova(small, full)
  ours <- fe_wald(m, fixef = "unit")
  expect_equal(unname(ours$statistic), theirs$F[2], tolerance = 1e-8)
  expect_equal(unname(ours$parameter[["df1"]]), theirs$Df[2])
  only <- fe_lm(y ~ x1 | unit[[x2]], d)
  theirs <- anova(lm(y ~ x1, d), lm(y ~ x1 + factor(unit):x2, d))
  expect_equal(unname(fe_wald(only, fixef = TRUE)$statistic), theirs$F[2], tolerance = 1e-8)
})

test_that("the F test of effects equals plm's", {
  skip_if_not_installed("plm")
  data("Grunfeld", package = "plm", envir = environment())
  within <- function(effect) plm::plm(inv ~ value + capital, Grunfeld, effect = effect)
  pool <- plm::plm(inv ~ value + capital, Grunfeld, model = "pooling")
  m <- fe_lm(inv ~ value + capital | firm + year, Grunfeld)
  theirs <- plm::pFtest(within("twoways"), pool)
  ours <- fe_wald(m, fixef = TRUE)
  expect_equal(unname(ours$statistic), unname(theirs$statistic), tolerance = 1e-9)
  expect_equal(ours$p.value, unname(theirs$p.value), tolerance = 1e-8)
  expect_equal(unname(ours$parameter), unname(theirs$parameter))
  theirs <- plm::pFtest(within("twoways"), within("individual"))
  expect_equal(unname(fe_wald(m, fixef = "year")$statistic), unname(theirs$statistic),
               tolerance = 1e-9)
})

test_that("under a clustered variance it is the Wald test of the dummies", {
  d <- random_panel(4, "weights", n_units = 30L)
  m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w)
  o <- oracle_panel(d, c("unit", "time"), c("x1", "x2"), "w")
  dummies <- setdiff(colnames(o$Z), c("(Intercept)", o$slopes))
  years <- utils::tail(dummies, 6L)
  V <- oracle_cluster(o, list(o$data$unit))
  dimnames(V) <- list(colnames(o$Z), colnames(o$Z))
  Q <- sum(o$coef[years] * solve(V[years, years], o$coef[years]))
  ours <- fe_wald(m, fixef = "time", cluster = "unit")
  expect_equal(unname(ours$statistic), Q / 6, tolerance = 1e-8)
  expect_equal(unname(ours$parameter), c(6, 29))
  expect_equal(fe_wald(m, fixef = "time", vcov = "cluster")$statistic, ours$statistic)
  expect_error(fe_wald(m, fixef = "time", vcov = DK(1) ~ time), "clustered variances and HC",
               class = "fe_error")
  d$half <- d$unit %% 2
  few <- fe_lm(y ~ x1 + x2 | half, d)
  for (what in c("statistic", "p.value")) {
    expect_equal(fe_wald(few, fixef = "half", vcov = "HC3")[[what]],
                 fe_wald(fe_lm(y ~ x1 + x2 + half, d), "half", vcov = "HC3")[[what]])
  }
  expect_error(fe_wald(m, fixef = "unit", cluster = "unit"), "lie within the clusters",
               class = "fe_error")
  expect_error(fe_wald(m, fixef = "unit", vcov = "HC1"), "rows a level", class = "fe_error")
  expect_error(fe_wald(m, fixef = "zz"), "unit", class = "fe_error")
  expect_error(fe_wald(m, fixef = "time", vcov = vcov(m)), "matrix or function", class = "fe_error")
  expect_error(fe_wald(m, fixef = "time", ssc = "areg"), "ssc", class = "fe_error")
  expect_error(fe_wald(m, fixef = "time", vcov = "iid", cluster = "unit"), "does not cluster",
               class = "fe_error")
  expect_error(fe_wald(fe_lm(y ~ x1, d), fixef = TRUE), "no fixed effects", class = "fe_error")
})

# ---- objects that hold models, print -------------------------------------------------------------

test_that("lists, moderations and mediations are tested as their models", {
  both <- fe_lm(y ~ x1 + csw(x2, x3) | unit, d)
  expect_identical(fe_wald(both, "x1")[[2]]$p.value, fe_wald(both[[2]], "x1")$p.value)
  med <- fe_mediate(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, treat = "ln_imdig",
                    mediators = "ln_innov")
  expect_equal(fe_wald(med, "ln_imdig")$total$p.value,
               fe_wald(fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade),
                       "ln_imdig", vcov = vcov(med$models$total))$p.value)
  mod <- fe_moderate(ln_upmf ~ pgdp | country + year, digitrade, treat = "ln_imdig",
                     moderator = "ln_insti")
  expect_equal(fe_wald(mod, vcov = ~country)$statistic,
               fe_wald(mod$model, vcov = ~country)$statistic)
})

test_that("a lean model is tested under its own variance", {
  lean <- fe_lm(y ~ x1 + x2 + x3 | unit + time, d, weights = w, lean = TRUE)
  expect_equal(fe_wald(lean, "x1 = x2")$p.value, fe_wald(m, "x1 = x2")$p.value)
  expect_error(fe_wald(lean, "x1", vcov = "HC3"), "lean", class = "fe_error")
  expect_error(fe_wald(lean, fixef = "unit"), "lean", class = "fe_error")
})

test_that("a print states hypotheses, variance, statistic and degrees of freedom", {
  f <- fe_wald(m, c("x1", "x2 = 3*x3"), vcov = ~unit)
  expect_output(print(f), "clustered \\(CR1\\) by unit \\(20\\)")
  expect_output(print(f), "x2 = 3\\*x3")
  expect_output(print(f), "F\\(2, 19\\) = ")
  expect_output(print(fe_wald(m, fixef = "unit")), "all effects of \"unit\" are zero")
  expect_identical(nrow(tidy(f)), 2L)
  expect_equal(glance(f)$df.residual, 19)
  expect_equal(glance(f)$p.value, f$p.value)
})

test_that("an F test under own degrees of freedom has the smallest of what it tests", {
  own <- fe_ssc(t.df = "satterthwaite")
  m <- fe_lm(y ~ x1 + x2 + x3 | unit, random_panel(3), vcov = "HC2", ssc = own)
  df <- m$vcov_info$df
  two <- names(df)[order(df)][2:3] # the smallest of all is not tested
  expect_equal(fe_wald(m, two)$parameter[["df2"]], min(df[two]), tolerance = 1e-12)
  expect_equal(fe_wald(m)$parameter[["df2"]], min(df), tolerance = 1e-12)
})

test_that("a function's value is not labelled with the name of a coefficient that it is not", {
  m <- fe_lm(y ~ x1 + x2 | unit, random_panel(3))
  ratio <- fe_wald(m, function(b) b[1] / b[2])
  expect_identical(ratio$hypotheses, "f(b)[1] = 0")
  expect_identical(fe_wald(m, function(b) c(ratio = b[[1]] / b[[2]]))$hypotheses, "ratio = 0")
  expect_identical(fe_wald(m, function(b) b)$hypotheses, c("x1 = 0", "x2 = 0"))
})

test_that("a coefficient without a variance is refused, and no obstacle to tests of others", {
  set.seed(33)
  pair <- expand.grid(unit = 1:2, time = 1:6)
  pair[c("x", "y")] <- rnorm(24)
  zero <- suppressWarnings(fe_lm(y ~ x | unit + time, pair, vcov = ~unit), classes = "fe_warning")
  expect_error(fe_wald(zero), "variance that is zero or not known", class = "fe_error")
  expect_error(fe_wald(zero, function(b) b^2), "zero or not known", class = "fe_error")
  m <- fe_lm(y ~ x1 + x2 | unit, random_panel(3))
  truth <- fe_wald(m, "x2")
  m$vcov["x1", ] <- m$vcov[, "x1"] <- NA # as a repaired two-way variance has it
  expect_error(fe_wald(m, "x1 = x2"), "zero or not known", class = "fe_error")
  expect_equal(fe_wald(m, "x2"), truth)
})
