d <- random_panel(11, "weights", n_units = 20L)
m <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w)
o <- oracle_panel(d, c("unit", "time"), c("x1", "x2"), "w")

test_that("a variance is the same asked for at estimation, by vcov(), summary() or update()", {
  for (v in list("iid", "HC0", "HC1", "HC2", "HC3", ~cluster, ~cluster + time, CR0 ~ unit)) {
    at_once <- suppressWarnings(fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, vcov = v),
                                classes = "fe_warning")
    later <- suppressWarnings(vcov(m, v), classes = "fe_warning")
    expect_identical(vcov(at_once), later)
    expect_identical(suppressWarnings(vcov(summary(m, v)), classes = "fe_warning"), later)
  }
})

test_that("clusters may be a formula, names, a vector over the data or over the sample", {
  by_formula <- vcov(m, ~cluster)
  expect_equal(vcov(m, cluster = ~cluster), by_formula)
  expect_equal(vcov(m, cluster = "cluster"), by_formula)
  expect_equal(vcov(m, "CR1", cluster = "cluster"), by_formula)
  expect_equal(vcov(m, cluster = factor(d$cluster)), by_formula)
  expect_equal(vcov(m, cluster = d$cluster), by_formula)
  expect_equal(vcov(m, ~unit + time), vcov(m, cluster = c("unit", "time")))
  e <- d
  e$y[3] <- NA
  short <- fe_lm(y ~ x1 + x2 | unit + time, e, weights = w)
  expect_equal(vcov(short, cluster = factor(e$cluster)), vcov(short, ~cluster))
  expect_equal(vcov(short, cluster = factor(e$cluster[-3])), vcov(short, ~cluster))
})

test_that("words for variances mean what they say", {
  expect_identical(vcov(m, "hetero"), vcov(m, "HC1"))
  expect_identical(vcov(m, "cluster"), vcov(m, ~unit))
  expect_equal(vcov(m, "twoway"), vcov(m, ~unit + time))
  expect_identical(vcov(m), vcov(m, "HC1"))
  expect_identical(vcov(fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, vcov = "iid")),
                   vcov(m, "iid"))
})

test_that("three-way clustering follows inclusion and exclusion", {
  clusters <- list(o$data$cluster, o$data$time, o$data$other)
  for (G.df in c("min", "conventional")) {
    V <- oracle_vcov(o, "CR1", clusters, G.df = G.df)
    ours <- suppressWarnings(vcov(m, ~cluster + time + other, ssc = fe_ssc(G.df = G.df)),
                             classes = "fe_warning")
    e <- eigen(V)
    fixed <- e$vectors %*% (pmax(e$values, 0) * t(e$vectors))
    expect_lt(worst(ours, fixed), 1e-9)
  }
})

test_that("a negative eigenvalue is set to zero with a warning, and only then", {
  d <- random_panel(8)
  d$a <- rep(1:2, length.out = nrow(d))
  d$b <- rep(1:2, each = nrow(d) / 2)
  model <- fe_lm(y ~ x1 + x2 | unit + time, d)
  raw <- oracle_vcov(oracle_panel(d, c("unit", "time"), c("x1", "x2")), "CR1", list(d$a, d$b))
  expect_lt(min(eigen(raw)$values), 0)
  expect_warning(V <- vcov(model, ~a + b), "positive semi-definite", class = "fe_warning")
  expect_gt(min(eigen(V)$values), -1e-12 * max(eigen(V)$values))
  expect_no_warning(vcov(model, ~cluster), class = "fe_warning")
})

test_that("clustering by row is HC0 without a factor", {
  d$row <- seq_len(nrow(d))
  model <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w)
  expect_equal(vcov(model, CR0 ~ row), vcov(model, "HC0"), tolerance = 1e-12)
})

test_that("combined clusters a^b are the pairs", {
  expect_equal(vcov(m, CR0 ~ group^other),
               oracle_vcov(o, "CR0", list(paste(o$data$group, o$data$other))), tolerance = 1e-9)
})

test_that("a matrix or a function may give the variance", {
  V <- vcov(m, "HC3")
  given <- summary(m, V)
  expect_equal(tidy(given)$std.error, unname(sqrt(diag(V))))
  turned <- V[2:1, 2:1]
  expect_equal(vcov(summary(m, turned)), V)
  expect_equal(vcov(m, function(model) vcov(model, "HC3")), V)
  expect_output(print(given), "matrix given by the user")
})

test_that("sandwich's own functions may be given", {
  skip_if_not_installed("sandwich")
  plain <- fe_lm(y ~ x1 + x2 | unit + time, d)
  expect_equal(vcov(plain, sandwich::vcovHC), vcov(plain, "HC3"), tolerance = 1e-10)
  expect_equal(vcov(plain, sandwich::sandwich), vcov(plain, "HC0"), tolerance = 1e-10)
  by_unit <- function(model) sandwich::vcovCL(model, d$unit, type = "HC0", cadjust = FALSE)
  expect_equal(vcov(plain, by_unit), vcov(plain, CR0 ~ unit), tolerance = 1e-10)
})

test_that("degrees of freedom of t are n - K or the smallest G less one", {
  for (v in list("iid", "HC0", "HC1", "HC2", "HC3")) expect_equal(vcov_df(m, v), o$n - o$rank)
  expect_equal(vcov_df(m, ~cluster), 5)
  expect_equal(vcov_df(m, ~unit), 19)
  expect_equal(vcov_df(m, CR0 ~ time), 6)
  expect_equal(suppressWarnings(vcov_df(m, ~unit + other), classes = "fe_warning"), 4)
})

test_that("leverages include the fixed effects and sum to the rank", {
  expect_equal(hatvalues(m), o$h, tolerance = 1e-10, ignore_attr = TRUE)
  expect_equal(sum(hatvalues(m)), m$rank, tolerance = 1e-10)
  three <- fe_lm(y ~ x1 | unit + time + group, d, weights = w)
  expect_equal(hatvalues(three), oracle_panel(d, c("unit", "time", "group"), "x1", "w")$h,
               tolerance = 1e-10,
               ignore_attr = TRUE)
  none <- fe_lm(y ~ x1 + x2, d, weights = w)
  expect_equal(hatvalues(none), hatvalues(lm(y ~ x1 + x2, d, weights = w)), tolerance = 1e-10,
               ignore_attr = TRUE)
})

test_that("leverages do not depend on the solver, and hold for disconnected effects", {
  d$far <- d$time + 100 * (d$unit > 10)
  for (solver in c("schur", "cg")) {
    model <- fe_lm(y ~ x1 | unit + far, d, control = fe_control(solver = solver))
    expect_equal(hatvalues(model), oracle_panel(d |> transform(time = far), c("unit", "time"),
                                                "x1")$h,
                 tolerance = 1e-9, ignore_attr = TRUE)
  }
})

test_that("one- and two-way variances of Petersen's data equal lm's with sandwich", {
  skip_if_not_installed("sandwich")
  data("PetersenCL", package = "sandwich", envir = environment())
  model <- fe_lm(y ~ x, PetersenCL)
  l <- lm(y ~ x, PetersenCL)
  for (type in c("HC0", "HC1", "HC2", "HC3")) {
    expect_lt(worst(vcov(model, type), sandwich::vcovHC(l, type)), 1e-9)
  }
  expect_lt(worst(vcov(model, ~firm + year, ssc = "sandwich.HC1"),
                  sandwich::vcovCL(l, ~firm + year)), 1e-9)
})

test_that("weighted variances equal those of weighted lm with sandwich", {
  skip_if_not_installed("sandwich")
  l <- lm(y ~ x1 + x2 + factor(unit) + factor(time), d, weights = w)
  for (type in c("HC0", "HC1", "HC2", "HC3")) {
    expect_lt(worst(vcov(m, type), sandwich::vcovHC(l, type)[c("x1", "x2"), c("x1", "x2")]), 1e-9)
  }
  expect_lt(worst(vcov(m, ~cluster, ssc = "sandwich.HC1"),
                  sandwich::vcovCL(l, ~cluster)[c("x1", "x2"), c("x1", "x2")]), 1e-9)
})

test_that("the variance of a model estimated on a split or subset uses its rows only", {
  part <- fe_lm(y ~ x1 + x2 | unit, d, subset = other > 1, vcov = ~cluster)
  alone <- fe_lm(y ~ x1 + x2 | unit, d[d$other > 1, ], vcov = ~cluster)
  expect_equal(vcov(part), vcov(alone))
  expect_equal(vcov(part, "HC3"), vcov(alone, "HC3"))
  expect_equal(vcov(part, cluster = factor(d$group)), vcov(alone, ~group))
})

test_that("a model without slopes has an empty variance, clustered or not", {
  expect_identical(dim(vcov(fe_lm(ln_upmf ~ 1 | country, digitrade), ~country + year)), c(0L, 0L))
})

test_that("clusters that are infinite are refused by row", {
  m <- fe_lm(ln_upmf ~ pgdp | country, digitrade)
  expect_error(vcov(m, cluster = replace(numeric(nobs(m)), 3, Inf)), "infinite in row 3",
               class = "fe_error")
})

test_that("where several-way clustering leaves no variance the standard error is NA, not zero", {
  set.seed(9)
  d <- expand.grid(i = 1:6, t = 1:6)
  d$x <- rnorm(36)
  d$y <- rnorm(36)
  raw <- oracle_vcov(oracle_panel(d, c("i", "t"), "x"), "CR1", list(d$i, d$t))
  expect_lt(raw, 0)
  expect_warning(expect_warning(model <- fe_lm(y ~ x | i + t, d, vcov = ~ i + t),
                                "eigenvalues", class = "fe_warning"),
                 "negative for", class = "fe_warning")
  expect_true(is.na(tidy(model)$p.value))
})

test_that("a type alone goes with the clusters of the model's variance", {
  model <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w, vcov = ~cluster)
  expect_identical(vcov(model, "CR3"), vcov(model, CR3 ~ cluster))
  expect_identical(names(summary(model, "CR2")$vcov_info$G), "cluster")
  expect_identical(vcov(model, "cluster"), vcov(model, ~unit))
  expect_identical(vcov(model, "wild(R = 19, seed = 1)"), vcov(model, wild(19, seed = 1) ~ cluster))
  expect_identical(vcov(summary(model, "twoway"), "CR0"), vcov(model, CR0 ~ unit + time))
})

test_that("a constant whose effects the clusters enclose is warned of, once for a call", {
  said <- character()
  withCallingHandlers(
    models <- fe_lm(c(y, x2) ~ x1 | unit + time, d, vcov = ~unit, intercept = "lsdv"),
    fe_warning = function(w) {
      said <<- c(said, conditionMessage(w))
      invokeRestart("muffleWarning")
    })
  expect_match(said, "\"unit\" lie within the clusters.*error of the constant")
  expect_length(said, 1L)
  expect_no_warning(robust <- summary(models[[1L]], "HC1"))
  expect_warning(vcov(robust, ~time), "\"time\" lie within", class = "fe_warning")
  expect_no_warning(vcov(robust, vcov(robust)))
  expect_no_warning(fe_lm(y ~ x1 | unit + time, d, vcov = ~unit))
})

# Panels whose two-way clustered variance has negative eigenvalues for most of the seeds used.
indefinite_panel <- function(seed) {
  set.seed(seed)
  d <- expand.grid(i = 1:8, t = 1:6)
  d[c("x", "z", "y")] <- rnorm(3 * 48)
  d
}

# The rule once more, of the regression on dummies: for a functional c'beta, its weights on the
# slopes are those of the part of it that is uncorrelated with them.
repaired_functional <- function(d, functional) {
  o <- oracle_fit(d$y, as.matrix(d[c("x", "z")]), list(d$i, d$t))
  V <- oracle_cluster(o, list(d$i, d$t))
  at <- match(c("x", "z"), colnames(o$Z))
  e <- eigen(V[at, at])
  more <- e$vectors %*% (pmax(-e$values, 0) * t(e$vectors))
  v <- solve(o$inverse[at, at], o$inverse[at, ] %*% functional(o$Z))
  list(slopes = V[at, at] + more, negative = min(e$values) < 0,
       functional = drop(t(functional(o$Z)) %*% V %*% functional(o$Z) + t(v) %*% more %*% v))
}

test_that("a repaired variance of slopes is the same beside any constant", {
  seen <- 0
  for (seed in c(1, 7, 26, 30, 31, 34, 37, 80)) {
    d <- indefinite_panel(seed)
    o <- repaired_functional(d, function(Z) replace(numeric(ncol(Z)), 1L, 1))
    seen <- seen + o$negative
    for (constant in c("none", "lsdv", "mean", "within")) {
      m <- suppressWarnings(fe_lm(y ~ x + z | i + t, d, vcov = ~i + t, intercept = constant))
      V <- vcov(m)
      expect_equal(unname(V[c("x", "z"), c("x", "z")]), unname(o$slopes), tolerance = 1e-9)
      if (constant == "lsdv" && o$functional > 0) {
        expect_equal(V["(Intercept)", "(Intercept)"], o$functional, tolerance = 1e-9)
      }
    }
  }
  expect_identical(seen, 7)
})

test_that("predictions and effects have the variance that the slopes have", {
  for (seed in c(1, 7, 26, 30, 31, 34)) {
    d <- indefinite_panel(seed)
    m <- suppressWarnings(fe_lm(y ~ x + z | i + t, d, vcov = ~i + t))
    o <- repaired_functional(d, function(Z) Z[11L, ])
    p <- suppressWarnings(predict(m, d[11L, ], se.fit = TRUE))
    expect_equal(p$se.fit, if (o$functional > 0) sqrt(o$functional) else NA_real_, tolerance = 1e-8)
    level <- suppressWarnings(tidy(fixef(m, "t", se = TRUE)))
    last <- repaired_functional(d, function(Z) replace(numeric(ncol(Z)), 13L, 1)) # the sixth of t
    if (last$functional > 0) {
      expect_equal(level$std.error[6L], sqrt(last$functional), tolerance = 1e-8)
    }
  }
})

test_that("a constant that is a regressor is repaired as one that is a fixed effect", {
  seen <- 0
  for (seed in 1:10) {
    d <- indefinite_panel(seed)
    d$one <- 1
    plain <- suppressWarnings(fe_lm(y ~ x + z, d, vcov = ~i + t))
    effect <- suppressWarnings(fe_lm(y ~ x + z | one, d, vcov = ~i + t, intercept = "mean"))
    expect_equal(vcov(plain), vcov(effect)[names(coef(plain)), names(coef(plain))],
                 tolerance = 1e-9)
    raw <- oracle_cluster(oracle_fit(d$y, as.matrix(d[c("x", "z")])), list(d$i, d$t))
    seen <- seen + (min(eigen(raw[2:3, 2:3])$values) < 0)
  }
  expect_gt(seen, 0)
})

test_that("messages name the argument that was given, and what was meant", {
  d$gap <- replace(d$other, 5, NA)
  d$one <- 1
  model <- fe_lm(y ~ x1 + x2 | unit + time, d, weights = w)
  refuses <- function(call, pattern) expect_error(call, pattern, class = "fe_error")
  refuses(vcov(model, "CR2", cluster = ~zz), "^`cluster` .*no column \"zz\"")
  refuses(vcov(model, cluster = "zz"), "^`cluster` names \"zz\"")
  refuses(vcov(model, cluster = ~gap), "^`cluster` names `gap`, which is NA")
  refuses(vcov(model, cluster = ~one), "^`cluster` names `one`, which has a single value")
  refuses(vcov(model, ~zz), "^`vcov` .*no column \"zz\"")
  refuses(vcov(model, ~gap), "^`vcov` clusters by `gap`, which is NA")
  refuses(vcov(model, "cr2"), "Did you mean \"CR2\"")
  refuses(vcov(model, Hc3 ~ unit), "Did you mean \"HC3\"")
  refuses(vcov(model, wild(foo = 1) ~ unit), "wild\\(foo = 1\\).*\"R\", \"weights\" and \"seed\"")
})

test_that("a variance that is zero because the scores of every cluster cancel is NA, and said", {
  set.seed(31)
  pair <- expand.grid(unit = 1:2, time = 1:6) # one treated unit, one control
  pair$treated <- pair$unit == 1 & pair$time > 3
  pair$x <- rnorm(12)
  pair$y <- rnorm(12)
  for (f in list(y ~ treated | unit + time, y ~ x | unit + time, y ~ factor(unit))) {
    m <- fe_lm(f, pair)
    for (type in c("CR0", "CR1", "CR2", "wild")) {
      expect_warning(V <- vcov(m, type, ~unit), "zero.*standard error is NA", class = "fe_warning")
      expect_true(all(is.na(V)))
    }
    expect_no_warning(V <- vcov(m, "HC1"))
    expect_true(all(diag(V) > 1e-4))
  }
  m <- suppressWarnings(fe_lm(y ~ x | unit + time, pair, vcov = CR2 ~ unit), classes = "fe_warning")
  expect_output(print(m), "NA")
  expect_warning(m <- fe_lm(y ~ 0 + x, transform(pair, y = 2 * x), vcov = ~unit), "perfect")
  expect_false(anyNA(vcov(m)))
})

test_that("a constant alone may have a multi-way variance that is negative", {
  d <- data.frame(y = c(0.6, -0.3, 1.5, 0.4), g = c(1, 1, 2, 1), t = c(1, 2, 2, 2))
  expect_warning(m <- fe_lm(y ~ 1, d, vcov = ~g + t), "negative for \"\\(Intercept\\)\"")
  expect_identical(vcov(m)[[1L]], NA_real_)
})

test_that("sandwiches of nearly collinear regressors are those of their difference", {
  set.seed(31)
  n <- 400L
  d <- data.frame(id = sample(20L, n, TRUE), year = sample(10L, n, TRUE), y = rnorm(n), p = rnorm(n))
  d$q <- d$p + 1e-6 * rnorm(n)
  d$change <- d$q - d$p
  back <- matrix(c(1, 0, -1, 1), 2)
  for (type in list("iid", "HC1", "HC3", CR1 ~ id, CR2 ~ id, CR3 ~ id, CR1 ~ id + year)) {
    near <- fe_lm(y ~ p + q | id + year, d, vcov = type)
    apart <- fe_lm(y ~ p + change | id + year, d, vcov = type)
    expect_equal(vcov(near), back %*% vcov(apart) %*% t(back), tolerance = 1e-8, ignore_attr = TRUE)
  }
})
