# Multiple testing: the algorithm of Romano and Wolf in a slow loop, on draws made by refits.

adjust_models <- function(seed = 1) {
  d <- boot_panel(seed, units = 14, years = 6)
  d$v <- d$x * 0.3 + sin(seq_len(nrow(d)))
  d$half <- d$unit > 7
  list(d = d, sw = fe_lm(y ~ sw(x, m, v) + z | unit + year, d, vcov = ~unit),
       split = fe_lm(y ~ x + z | unit + year, d, vcov = ~unit, split = ~half))
}

# Step by step, a hypothesis at a time, from the definition.
slow_romano_wolf <- function(t, boot) {
  left <- seq_along(t)
  out <- numeric(length(t))
  before <- 0
  while (length(left)) {
    top <- left[which.max(abs(t[left]))]
    count <- 0
    for (b in seq_len(nrow(boot))) if (max(abs(boot[b, left])) >= abs(t[top])) count <- count + 1
    before <- max(before, (count + 1) / (nrow(boot) + 1))
    out[top] <- before
    left <- setdiff(left, top)
  }
  out
}

# CR0 t of one term from dummies.
slow_t <- function(d, y, terms, term, null = 0, rows = rep(TRUE, nrow(d))) {
  d <- d[rows, ]
  o <- oracle_fit(y[rows], as.matrix(d[terms]), list(d$unit, d$year), rep(1, nrow(d)))
  at <- match(term, colnames(o$Z))
  V <- o$inverse %*% oracle_meat(o, d$unit) %*% o$inverse
  (o$coef[[at]] - null) / sqrt(V[at, at])
}

test_that("Romano-Wolf p-values are those of the loop on the same draws", {
  s <- adjust_models()
  for (type in c("wild", "pairs")) {
    a <- fe_adjust(s$sw, s$split, terms = c("x", "m", "v"), method = "romano-wolf", type = type,
                   B = 199, seed = 4, weights = "webb")
    slow <- slow_romano_wolf(a$boot$t, a$boot$t_boot)
    expect_equal(a$table$p.romano.wolf, slow, tolerance = 1e-12)
    expect_true(all(a$table$p.romano.wolf >= a$table$p.boot))
    order <- order(abs(a$boot$t), decreasing = TRUE)
    expect_false(is.unsorted(a$table$p.romano.wolf[order]))
  }
})

test_that("wild draws are those of refits with one weight a cluster in all models", {
  s <- adjust_models(2)
  d <- s$d
  units <- sort(unique(d$unit))
  a <- fe_adjust(s$sw, s$split, terms = c("x", "m", "v"), method = "romano-wolf", B = 3, seed = 9,
                 weights = "mammen")
  free <- fe_adjust(s$sw, s$split, terms = c("x", "m", "v"), method = "romano-wolf", B = 3,
                    seed = 9, weights = "mammen", impose_null = FALSE)
  v <- fe_boot_weights(length(units), 1:3, seed = 9, "wild", "mammen")
  cases <- list(list("x", TRUE), list("m", TRUE), list("v", TRUE), list("x", !d$half),
                list("x", d$half))
  factor <- vapply(c(as.list(s$sw), as.list(s$split)), function(m) m$vcov_info$factor, 0)
  for (k in seq_along(cases)) {
    term <- cases[[k]][[1L]]
    rows <- rep_len(cases[[k]][[2L]], nrow(d))
    r <- d[rows, ]
    zero <- lm(y ~ z + factor(unit) + factor(year), r)
    full <- lm(stats::reformulate(c(term, "z", "factor(unit)", "factor(year)"), "y"), r)
    weight <- v[match(r$unit, units), ]
    star <- vapply(1:3, function(b) {
      slow_t(r, fitted(zero) + resid(zero) * weight[, b], c(term, "z"), term)
    }, 0)
    expect_equal(a$boot$t_boot[, k], star / sqrt(factor[[k]]), tolerance = 1e-8)
    star <- vapply(1:3, function(b) {
      slow_t(r, fitted(full) + resid(full) * weight[, b], c(term, "z"), term, coef(full)[[term]])
    }, 0)
    expect_equal(free$boot$t_boot[, k], star / sqrt(factor[[k]]), tolerance = 1e-8)
  }
  expect_equal(a$boot$t, a$table$statistic, tolerance = 1e-8)
})

test_that("pairs draws are those of samples in which a cluster drawn twice stands twice", {
  s <- adjust_models(3)
  d <- s$d
  a <- fe_adjust(s$sw[1], s$split, terms = "x", method = "romano-wolf", type = "pairs", B = 3,
                 seed = 5)
  units <- sort(unique(d$unit))
  m <- fe_boot_weights(length(units), 1:3, seed = 5)
  cases <- list(rep(TRUE, nrow(d)), !d$half, d$half)
  models <- c(as.list(s$sw[1]), as.list(s$split))
  for (k in seq_along(cases)) for (b in 1:3) {
    r <- d[cases[[k]], ]
    r <- copied_rows(r, match(r$unit, units), m[, b])
    r$unit <- r$copy
    t <- slow_t(r, r$y, c("x", "z"), "x", coef(models[[k]])[["x"]])
    expect_equal(a$boot$t_boot[b, k], t / sqrt(models[[k]]$vcov_info$factor), tolerance = 1e-8)
  }
})

test_that("a wild p-value without adjustment is that of fe_boottest(), on any number of threads", {
  s <- adjust_models()
  set.seed(3)
  p <- fe_boottest(s$sw[[1]], "x", B = 499, weights = "webb", conf_int = FALSE)$p.value
  set.seed(3)
  a <- fe_adjust(s$sw[1:2], terms = c("x", "m"), method = "romano-wolf", B = 499,
                 weights = "webb", threads = 1)
  expect_equal(a$table$p.boot[1L], (p * 499 + 1) / 500, tolerance = 1e-12)
  set.seed(3)
  two <- fe_adjust(s$sw[1:2], terms = c("x", "m"), method = "romano-wolf", B = 499,
                   weights = "webb", threads = 2)
  expect_identical(a$boot$t_boot, two$boot$t_boot)
  for (threads in 1:2) {
    p <- fe_adjust(s$split, terms = "x", method = "romano-wolf", type = "pairs", B = 99, seed = 1,
                   threads = threads)
    if (threads == 1L) first <- p
  }
  expect_identical(first$boot$t_boot, p$boot$t_boot)
})

test_that("all sign vectors are enumerated where they are few, and the p-value is exact", {
  s <- adjust_models()
  d <- s$d[s$d$unit <= 8, ]
  m <- fe_lm(y ~ x + z | unit + year, d, vcov = ~unit)
  a <- fe_adjust(m, terms = c("x", "z"), method = "romano-wolf", B = 999)
  expect_true(a$boot$enumerated)
  expect_equal(a$boot$B, 256)
  single <- colMeans(abs(a$boot$t_boot) >= rep(abs(a$boot$t) * (1 - 1e-10), each = 256))
  expect_equal(a$table$p.boot, single)
  expect_gte(min(a$table$p.boot), 2 / 256)
})

test_that("other methods are those of stats::p.adjust()", {
  s <- adjust_models()
  methods <- c("bonferroni", "holm", "hochberg", "BH", "BY")
  a <- fe_adjust(s$split, terms = c("x", "z"), method = methods)
  expect_equal(nrow(a$table), 4L)
  for (m in methods) {
    expect_equal(a$table[[paste0("p.", m)]], p.adjust(a$table$p.value, m))
  }
  v <- fe_adjust(c(a = 0.01, b = 0.04, c = 0.03), method = "holm")
  expect_equal(v$table$p.holm, c(0.03, 0.06, 0.06))
  expect_equal(tidy(v)$term, c("a", "b", "c"))
  restated <- fe_adjust(s$split, terms = "x", vcov = "HC1")
  expect_equal(restated$table$std.error,
               unname(vapply(as.list(s$split), function(m) sqrt(vcov(m, "HC1")["x", "x"]), 0)))
})

test_that("bad families are named", {
  s <- adjust_models()
  expect_error(fe_adjust(s$split), "`terms` is missing, and a model has 2 slopes")
  expect_error(fe_adjust(s$split, terms = "nope"), "`terms` must name coefficients")
  expect_error(fe_adjust(c(0.1, 1.2)), "not between 0 and 1, at place 2")
  expect_error(fe_adjust(c(0.1, 0.2), method = "romano-wolf"), "needs the models")
  expect_error(fe_adjust(s$split, terms = "x", method = "fdrx"), "`method` must hold names")
  plain <- fe_lm(y ~ x + z | unit + year, s$d)
  expect_error(fe_adjust(plain, terms = "x", method = "romano-wolf"), "`cluster` is missing")
  other <- fe_lm(y ~ x + z | unit + year, s$d[-1, ], vcov = ~unit)
  expect_error(fe_adjust(s$sw[[1]], other, terms = "x", method = "romano-wolf"),
               "were not estimated from the same")
})

# ---- bands ---------------------------------------------------------------------------------------

test_that("critical values are the known ones of independent, equal and single coefficients", {
  level <- 0.9
  one <- sup_t(matrix(4), 7, level, 1e4, 1)
  expect_equal(one, qt(0.95, 7), tolerance = 0.02)
  independent <- sup_t(diag(c(1, 9, 2)), Inf, level, 2e5, 1)
  expect_equal(independent, qnorm((1 + level^(1 / 3)) / 2), tolerance = 0.005)
  equal <- sup_t(matrix(2, 3, 3), Inf, level, 2e5, 1)
  expect_equal(equal, qnorm(0.95), tolerance = 0.005)
})

test_that("critical values of dependent coefficients are those of mvtnorm", {
  skip_if_not_installed("mvtnorm")
  R <- outer(1:4, 1:4, function(i, j) 0.7^abs(i - j))
  for (df in c(5, 40)) {
    set.seed(1)
    q <- mvtnorm::qmvt(0.95, tail = "both.tails", df = df, corr = R)$quantile
    expect_equal(sup_t(R, df, 0.95, 2e5, 1), q, tolerance = 0.01)
  }
})

test_that("bands lie between the pointwise and Bonferroni's, and the same call gives the same", {
  m <- fe_lm(ln_upmf ~ i(year, ln_imdig) + pgdp | country + year, digitrade, vcov = ~country)
  terms <- grep("::", names(coef(m)), value = TRUE)
  b <- fe_bands(m, terms = terms)
  c <- vapply(c("pointwise", "sidak", "bonferroni"), function(type) {
    attr(fe_bands(m, terms = terms, type = type), "critical")
  }, 0)
  sup <- attr(b, "critical")
  expect_true(c[["pointwise"]] < sup && sup < c[["sidak"]] && c[["sidak"]] < c[["bonferroni"]])
  expect_equal(c[["bonferroni"]], qt(1 - 0.025 / length(terms), 62))
  expect_identical(b, fe_bands(m, terms = terms))
  expect_equal(b$band.high - b$estimate, sup * b$std.error)
  expect_equal(unname(as.matrix(b[c("conf.low", "conf.high")])),
               unname(confint(m)[terms, ]))
  w <- fe_bands(m, terms = terms, from = "wild", R = 999)
  free <- fe_adjust(m, terms = terms, method = "romano-wolf", B = 999, seed = 1,
                    impose_null = FALSE)$boot
  expect_equal(attr(w, "critical"), sort(apply(abs(free$t_boot), 1L, max))[950L])
})

test_that("the joint variance of a family is that of fe_equal(), its own errors on the diagonal", {
  s <- adjust_models()
  family <- new_family(list(s$split), list(NULL), "x")
  equal <- fe_equal(s$split, terms = "x")
  expect_equal(family_variance(family)$V, unname(vcov(equal)))
  family <- new_family(list(s$sw), list(NULL), c("x", "m", "v"))
  V <- family_variance(family)$V
  own <- Map(function(m, t) sqrt(vcov(m)[t, t]), as.list(s$sw), c("x", "m", "v"))
  expect_equal(sqrt(diag(V)), unname(unlist(own)))
})
