# Varying slopes against dense designs: dummies times variables, and qr().
slopes_panel <- function(seed, n = 400L) {
  set.seed(seed)
  d <- data.frame(id = sample(25L, n, replace = TRUE), year = 2000L + sample(8L, n, replace = TRUE),
                  firm = sample(letters[1:6], n, replace = TRUE))
  d$x <- rnorm(n, 3)
  d$v <- 1e5 * (rexp(n) + d$id %% 3)
  d$z <- rnorm(n) + 0.3 * d$x * (d$id %% 4)
  d$w <- runif(n, 0.2, 3)
  d$y <- d$z - 2 * d$x * sin(d$id) + d$id %% 7 + 0.1 * (d$year - 2000) * (d$id %% 5) + rnorm(n)
  d
}

# The factors of some effects, coded and with their slopes.
coded_slopes <- function(effects, d) {
  layout <- effect_layout(effects)
  frame <- new_frame(d, globalenv())
  factors <- lapply(layout, function(l) {
    v <- lapply(split_power(l$factor), function(part) frame_variable(frame, part, "fixed effect"))
    code_factor(lapply(v, `[[`, "value"), vapply(v, `[[`, "", "name"))
  })
  attach_slopes(factors, layout, lapply(slope_variables(frame, layout), `[[`, "value"))
}

# D of the same effects, from their text and model.matrix().
dense_slopes <- function(text, d) {
  d <- transform(d, id = factor(id), year_f = factor(year), firm = factor(firm))
  do.call(cbind, lapply(text, function(term) {
    model.matrix(as.formula(paste("~ 0 +", term)), d)
  }))
}

slope_designs <- list(
  list(alist(id[x]), c("id", "id:x")),
  list(alist(id[[x]]), "id:x"),
  list(alist(id[x, v]), c("id", "id:x", "id:v")),
  list(alist(id[x], year), c("id", "id:x", "year_f")),
  list(alist(year, id[[x]], firm), c("year_f", "id:x", "firm")),
  list(alist(id[year], year), c("id", "id:year", "year_f")),
  list(alist(id[x], firm[x, v], year), c("id", "id:x", "firm", "firm:x", "firm:v", "year_f")),
  list(alist(id^firm[[x]], id), c("id:firm:x", "id")),
  list(alist(id, id[[log(abs(x))]], firm[x + v]), c("id", "id:log(abs(x))", "firm",
                                                    "firm:I(x + v)")))

absorb_with <- function(factors, x, w = NULL, solver = "auto", threads = 1L) {
  a <- new_slopes(factors, w, fe_control(solver = solver), threads)
  c(a, .Call(C_slopes_absorb, a$pointer, x, threads)[c("x", "residual", "converged")])
}

test_that("residuals and rank are those of the dense design, weighted or not, by every solver", {
  for (s in seq_along(slope_designs)) {
    d <- slopes_panel(s)
    factors <- coded_slopes(slope_designs[[s]][[1L]], d)
    D <- dense_slopes(slope_designs[[s]][[2L]], d)
    x <- as.matrix(d[c("y", "z")])
    for (w in list(NULL, d$w)) {
      root <- sqrt(if (is.null(w)) rep(1, nrow(d)) else w)
      oracle <- qr(root * D, tol = 1e-9)
      for (solver in c("auto", "schur", "cg")) {
        ours <- absorb_with(factors, x, w, solver)
        expect_true(ours$converged)
        expect_equal(root * ours$x, qr.resid(oracle, root * x), tolerance = 1e-9,
                     ignore_attr = TRUE)
        expect_identical(c(ours$rank, ours$exact), c(oracle$rank, 1))
      }
    }
  }
})

test_that("a slope variable that is constant in some levels costs no degree of freedom there", {
  d <- slopes_panel(20)
  d$x[d$id <= 4] <- d$id[d$id <= 4]
  d$x[d$id == 5] <- 0
  for (effects in list(alist(id[x], year), alist(id[[x]], year))) {
    terms <- c(if (is_call_of(effects[[1]], "[")) "id", "id:x", "year_f")
    ours <- absorb_with(coded_slopes(effects, d), d$y)
    oracle <- qr(dense_slopes(terms, d), tol = 1e-9)
    expect_identical(ours$rank, as.double(oracle$rank))
    expect_equal(ours$x, qr.resid(oracle, d$y), tolerance = 1e-9)
  }
})

test_that("weights over twelve orders of magnitude change neither rank nor accuracy", {
  d <- slopes_panel(21)
  w <- 10^runif(nrow(d), -6, 6)
  for (effects in list(alist(id[year], year), alist(id[x], firm[x], year))) {
    factors <- coded_slopes(effects, d)
    for (solver in c("schur", "cg")) {
      ours <- absorb_with(factors, d$y, w, solver)
      expect_identical(ours$rank, absorb_with(factors, d$y)$rank)
      for (f in factors) {
        for (v in c(list(1), f$slopes)) {
          sums <- rowsum(w * v * ours$x, f$code) / sqrt(rowsum(w * v^2 + 0 * f$code, f$code))
          expect_lt(sqrt(sum(sums^2)) / sqrt(sum(w * ours$x^2)), 1e-9)
        }
      }
    }
  }
})

test_that("the number of threads does not change a bit of the result", {
  d <- slopes_panel(22, 40000L)
  factors <- coded_slopes(alist(id[x], year, firm[v]), d)
  x <- as.matrix(d[c("y", "z", "v")])
  for (solver in c("schur", "cg")) {
    one <- absorb_with(factors, x, d$w, solver, 1L)
    for (threads in c(2L, 4L)) {
      expect_identical(absorb_with(factors, x, d$w, solver, threads)$x, one$x)
    }
  }
})

test_that("units of a slope variable do not matter", {
  d <- slopes_panel(23)
  one <- absorb_with(coded_slopes(alist(id[x], year), d), d$y)
  for (unit in c(1e-150, 1e150)) {
    d$scaled <- unit * d$x
    other <- absorb_with(coded_slopes(alist(id[scaled], year), d), d$y)
    expect_equal(other$x, one$x, tolerance = 1e-12)
    expect_identical(other$rank, one$rank)
  }
})

# The numbers of an absorber's effects -> a named list with one vector for each term.
split_terms <- function(effects, factors) {
  terms <- list_terms(factors)
  levels <- vapply(factors, `[[`, 0L, "n_levels")[terms$factor]
  stats::setNames(split(effects, rep(seq_along(levels), levels)), terms$name)
}

# The sum of the effects in rows. codes: matrix with one column a factor; values: named list of the
# slope variables in these rows.
expand_terms <- function(effects, factors, codes, values = list()) {
  terms <- list_terms(factors)
  parts <- Map(function(effect, f, slope) {
    part <- effect[codes[, f]]
    if (is.na(slope)) part else part * values[[slope]]
  }, unname(effects), terms$factor, terms$slope)
  Reduce(`+`, parts)
}

# The linear functional of the effects that gives their sum in one row. code: its level of each
# factor; values: named list of the slope variables' values.
row_functional <- function(factors, code, values = list()) {
  terms <- list_terms(factors)
  parts <- Map(function(f, slope) {
    out <- numeric(factors[[f]]$n_levels)
    out[code[f]] <- if (is.na(slope)) 1 else values[[slope]]
    out
  }, terms$factor, terms$slope)
  unlist(parts, use.names = FALSE)
}

test_that("effects add up to what was absorbed, and functionals give the fitted row", {
  d <- slopes_panel(24)
  values <- list(x = d$x, v = d$v, year = d$year)
  for (solver in c("schur", "cg")) {
    factors <- coded_slopes(alist(id[x, year], year, firm[[v]]), d)
    a <- new_slopes(factors, d$w, fe_control(solver = solver))
    fitted <- d$y - .Call(C_slopes_absorb, a$pointer, d$y, 1L)$x
    effects <- split_terms(.Call(C_slopes_effects, a$pointer, d$y), factors)
    expect_named(effects, c("id", "id[[x]]", "id[[year]]", "year", "firm[[v]]"))
    codes <- vapply(factors, `[[`, integer(nrow(d)), "code")
    expect_equal(expand_terms(effects, factors, codes, values), fitted, tolerance = 1e-8)
    for (i in c(1L, 77L)) {
      d0 <- row_functional(factors, codes[i, ], lapply(values, `[`, i))
      out <- .Call(C_slopes_functional, a$pointer, d0)
      expect_lt(out$defect, 1e-8)
      expect_equal(sum(d$w * out$x0 * d$y), fitted[i], tolerance = 1e-8)
    }
    expect_gt(.Call(C_slopes_functional, a$pointer, replace(0 * d0, 1L, 1))$defect, 1e-3)
  }
})

test_that("factors too large to be factored together have the rank of the dense complement", {
  set.seed(28)
  n <- 16000L
  d <- data.frame(id = sample(1400L, n, replace = TRUE), year = sample(12L, n, replace = TRUE),
                  y = rnorm(n))
  d$firm <- (d$id %% 2L) * 1100L + sample(550L, n, replace = TRUE) # two components
  for (effects in list(alist(id[year], firm), alist(id[[year]], id, firm, year))) {
    factors <- coded_slopes(effects, d)
    sparse <- absorb_with(factors, d$y)
    dense <- absorb_with(factors, d$y, solver = "schur")
    expect_identical(c(sparse$solver, dense$solver), c("cg", "schur"))
    expect_identical(c(sparse$exact, dense$exact), c(TRUE, TRUE))
    expect_identical(sparse$rank, dense$rank)
    expect_equal(sparse$x, dense$x, tolerance = 1e-8)
  }
})

# Parts without a link, of levels with few rows: as much rank as rows, nearly.
parted_panel <- function(seed, n = 1200L, parts = 20L) {
  set.seed(seed)
  part <- sample(parts, n, TRUE)
  data.frame(part, a = parts * sample(32L, n, TRUE) + part, b = parts * sample(26L, n, TRUE) + part,
             z = sample(3L, n, TRUE), x = rnorm(n), y = rnorm(n))
}

test_that("the rank of slopes in many parts is that of the parts' dummies, and refuses no model", {
  designs <- list(list(y ~ x | a[[z]] + b, function(a, b, z) cbind(a * z, b)),
                  list(y ~ x | a[z] + b, function(a, b, z) cbind(a, a * z, b)),
                  list(y ~ x | a[z] + b[[z]], function(a, b, z) cbind(a, a * z, b * z)))
  for (seed in 1:2) for (design in designs) {
    d <- parted_panel(seed)
    rank <- sum(vapply(split(d, d$part), function(p) {
      qr(design[[2L]](full_dummies(p$a), full_dummies(p$b), p$z))$rank
    }, 0L))
    expect_gt(length(unique(d$a)) + length(unique(d$b)), rank / 2)
    for (solver in c("auto", "cg", "schur")) {
      m <- fe_lm(design[[1L]], d, singletons = "keep", control = fe_control(solver = solver))
      expect_true(m$absorption$exact_rank)
      expect_equal(m$effects_rank, rank)
      expect_equal(m$df.residual, nrow(d) - rank - 1)
    }
  }
})

test_that("a slope variable may be measured from any origin", {
  d <- slopes_panel(61)
  d$far <- 1e9 + d$x
  d$x <- d$far - 1e9 # as the sum was rounded
  l <- lm(y ~ z + factor(id) * x + factor(year), d)
  q <- predict(l, se.fit = TRUE)
  for (solver in c("schur", "cg")) {
    m <- fe_lm(y ~ z | id[far] + year, d, vcov = "iid", control = fe_control(solver = solver))
    expect_equal(coef(m)[["z"]], coef(l)[["z"]], tolerance = 1e-9)
    expect_equal(m$df.residual, l$df.residual)
    expect_equal(vcov(m)[1, 1], vcov(l)["z", "z"], tolerance = 1e-9)
    p <- predict(m, d, se.fit = TRUE)
    expect_equal(p$fit, unname(q$fit), tolerance = 1e-6)
    expect_equal(p$se.fit, unname(q$se.fit), tolerance = 1e-6)
  }
})

# Slopes on a variable of very unequal values, under weights over twelve orders of magnitude.
unequal_panel <- function(seed, n) {
  set.seed(seed)
  d <- data.frame(y = rnorm(n), x = rnorm(n), z = rexp(n)^3, a = sample(n %/% 2, n, TRUE),
                  b = sample(8L, n, TRUE), c = sample(n %/% 4, n, TRUE))
  transform(d, w = 10^runif(n, -6, 6))
}

# The coefficient of x by Householder's reflections of rows in the order of their weights.
sorted_slope <- function(d) {
  D <- cbind(full_dummies(d$a) * d$z, full_dummies(d$b) * d$z, full_dummies(d$c))
  known <- qr(t(t(D) / sqrt(colSums(D^2))), tol = 1e-9)
  D <- cbind(D[, known$pivot[seq_len(known$rank)]], d$x)
  heavy <- order(-d$w)
  q <- qr((sqrt(d$w) * D)[heavy, ], LAPACK = TRUE)
  b <- 0
  e <- d$y
  for (round in 1:3) {
    step <- qr.coef(q, (sqrt(d$w) * e)[heavy])
    b <- b + step[[length(step)]]
    e <- e - drop(D %*% step)
  }
  b
}

test_that("slopes that unequal weights make too alike are refused, never silently mixed up", {
  refused <- 0
  for (case in list(c(45, 300), c(84, 300), c(1, 300), c(1323, 60), c(1003, 60))) {
    d <- unequal_panel(case[1L], case[2L])
    for (solver in c("auto", "schur", "cg")) {
      b <- tryCatch(coef(fe_lm(y ~ x | a[[z]] + b[[z]] + c, d, weights = w, singletons = "keep",
                               control = fe_control(solver = solver)))[["x"]],
                    fe_error = function(e) expect_match(conditionMessage(e), "too unequal"))
      if (is.numeric(b)) expect_equal(b, sorted_slope(d), tolerance = 1e-7)
      refused <- refused + !is.numeric(b)
    }
  }
  expect_lt(refused, 12)
})

test_that("conjugate gradients that rounding leads astray end where they were nearest", {
  b <- lapply(c(79, 82, 83), function(seed) {
    d <- unequal_panel(seed, 300)
    m <- tryCatch(fe_lm(y ~ x | a[[z]] + b[[z]] + c, d, weights = w, singletons = "keep",
                        control = fe_control(solver = "cg")), fe_error = function(e) NULL)
    if (!is.null(m)) c(coef(m)[["x"]], sorted_slope(d))
  })
  b <- do.call(rbind, b[lengths(b) == 2L])
  expect_gte(NROW(b), 2L)
  expect_equal(b[, 1L], b[, 2L], tolerance = 1e-7)
})

test_that("slopes without levels have the rank of their columns far from the origin", {
  set.seed(3)
  n <- 200L
  d <- data.frame(id = sample(12L, n, TRUE), t = sample(6L, n, TRUE), u = rnorm(n), v = rnorm(n),
                  x = rnorm(n), y = rnorm(n))
  for (far in c(0, 1e3, 1e5, 1e7)) {
    m <- fe_lm(y ~ x | id[[u, v]] + t, transform(d, u = u + far, v = v + far))
    expect_equal(m$df.residual, n - 2 * 12 - 6 - 1)
    expect_true(m$absorption$exact_rank)
  }
})

test_that("levels in which a variable varies by rounding only get no slope, and that is said", {
  d <- slopes_panel(62)
  d$v <- ifelse(d$id == 1, 1e6 * (1 + (seq_along(d$x) %% 3L) * .Machine$double.eps), 1e6 + d$x)
  expect_warning(m <- fe_lm(y ~ z | id[v], d), "no slope for 1 level of `id\\[\\[v\\]\\]`")
  d$v[d$id == 1] <- 1e6
  expect_silent(even <- fe_lm(y ~ z | id[v], d))
  expect_equal(coef(m), coef(even), tolerance = 1e-9)
  expect_equal(m$df.residual, even$df.residual)
})

test_that("curves about a far origin are predicted, with errors, by every solver", {
  set.seed(63)
  n <- 300L
  d <- data.frame(y = rnorm(n), z = rnorm(n), id = sample(15L, n, TRUE),
                  year = sample(2000:2011, n, TRUE))
  d$square <- d$year^2
  l <- lm(y ~ z + factor(id) * poly(year, 2) + factor(year), d)
  q <- suppressWarnings(predict(l, se.fit = TRUE))
  for (solver in c("schur", "cg")) {
    m <- fe_lm(y ~ z | id[year, square] + year, d, vcov = "iid", singletons = "keep",
               control = fe_control(solver = solver))
    p <- predict(m, d, se.fit = TRUE)
    expect_equal(p$fit, unname(q$fit), tolerance = 1e-8)
    expect_equal(p$se.fit, unname(q$se.fit), tolerance = 1e-8)
  }
  alone <- transform(d, id = replace(id, 1L, 99L))
  m <- fe_lm(y ~ z | id[year] + year, alone, singletons = "keep", vcov = "iid")
  new <- transform(alone[1L, ], year = 2000L + (year + 3L) %% 12L)
  expect_warning(gone <- predict(m, new, se.fit = TRUE), "do not connect")
  expect_identical(c(gone$fit, gone$se.fit), c(NA_real_, NA_real_))
})

test_that("the plan of slopes is kept and told, and a solver that they do not have is refused", {
  d <- slopes_panel(64)
  expect_message(m <- fe_lm(y ~ z | id[x] + year, d, control = fe_control(verbose = TRUE)),
                 "id\\[\\[x\\]\\].*lead `id` \\([0-9]+ columns\\).*dense.*entries.*residual")
  plan <- m$absorption$plan
  expect_identical(plan$n_lead, 2L * length(unique(d$id)))
  expect_identical(plan$others, length(unique(d$year)))
  expect_equal(plan$factor, choose(length(unique(d$year)), 2))
  expect_message(fe_lm(y ~ z | id[x], d, control = fe_control(verbose = TRUE)),
                 "regression in each")
  for (f in list(y ~ z | id[x] + year, y ~ z | id[[x]])) {
    expect_error(fe_lm(f, d, control = fe_control(solver = "sparse")), "no varying slopes.*\"cg\"",
                 class = "fe_error")
  }
})

test_that("leverages are those of lm", {
  d <- slopes_panel(25)
  a <- new_slopes(coded_slopes(alist(id[x], year), d), d$w, fe_control())
  l <- lm(y ~ factor(id) * x + factor(year), d, weights = w)
  expect_equal(.Call(C_slopes_leverage, a$pointer), unname(hatvalues(l)), tolerance = 1e-9)
  cg <- new_slopes(coded_slopes(alist(id[x], year), d), NULL, fe_control(solver = "cg"))
  expect_null(.Call(C_slopes_leverage, cg$pointer))
})

test_that("the coefficients of other regressors are those of lm with dummies and of fixest", {
  d <- slopes_panel(26)
  ours <- absorb_with(coded_slopes(alist(id[x], year), d), as.matrix(d[c("y", "z")]))$x
  b <- sum(ours[, 1] * ours[, 2]) / sum(ours[, 2]^2)
  expect_equal(b, coef(lm(y ~ z + factor(id) * x + factor(year), d))[["z"]], tolerance = 1e-10)
  skip_if_not_installed("fixest")
  f <- fixest::feols(y ~ z | id[x] + year, d, fixef.tol = 1e-11, notes = FALSE)
  expect_equal(b, coef(f)[["z"]], tolerance = 1e-8)
})

test_that("the brackets of the formula are read as effects and slopes", {
  expect_identical(parse_effect(quote(id)), list(factor = quote(id), slopes = list(), only = FALSE))
  expect_identical(parse_effect(quote(a^b[x, log(z)])),
                   list(factor = quote(a^b), slopes = alist(x, log(z)), only = FALSE))
  expect_identical(parse_effect(quote((a^b)[[x]])),
                   list(factor = quote(a^b), slopes = alist(x), only = TRUE))
  expect_identical(deparse_one(parse_effect(quote(a^b^c[x]))$factor), "a^b^c")
  layout <- effect_layout(alist(id[[x]], year, id, id[x, z]))
  expect_named(layout, c("id", "year"))
  expect_identical(layout$id$slopes, alist(x = x, z = z))
  expect_true(layout$id$constant)
  expect_false(effect_layout(alist(id[[x]]))$id$constant)
  many <- parse_formula(y ~ z | csw0(id[x], year))$effects
  expect_identical(many, list(list(), alist(id[x]), alist(id[x], year)))
})

test_that("brackets that mean nothing are refused by name", {
  refused <- function(f, text) expect_error(parse_formula(f), text, class = "fe_error")
  refused(y ~ z | id[x]^year, "inside `id\\[x\\]\\^year`")
  refused(y ~ z | id[x][v], "two pairs of brackets")
  refused(y ~ z | id[], "nothing in the brackets")
  refused(y ~ z | id[x, ], "nothing in the brackets")
  refused(y ~ z | id[x, drop = v], "a name inside")
  refused(y ~ z | id[1], "slope `1` in `id\\[1\\]`")
  refused(y ~ z | (a:b)[x], "joins fixed effects by `:`")
  refused(y ~ z | id[sw(x, v)], "sw\\(\\) inside")
})

test_that("slope variables must be numbers that vary", {
  d <- slopes_panel(27)
  d$firm_f <- factor(d$firm)
  d$one <- 7
  variables <- function(effects) coded_slopes(effects, d)
  expect_error(variables(alist(id[firm])), "slope variable `firm`", class = "fe_error")
  expect_error(variables(alist(id[firm_f])), "`firm_f`.*factor", class = "fe_error")
  expect_error(variables(alist(id[one])), "`one`, which is constant \\(7\\)", class = "fe_error")
  expect_error(variables(alist(id[nobody])), "no column \"nobody\"", class = "fe_error")
  d$day <- as.Date("2020-01-01") + seq_len(nrow(d))
  expect_identical(coded_slopes(alist(id[day]), d)$id$slopes$day, as.double(d$day))
})

# ---- fe_lm() -------------------------------------------------------------------------------------

slopes_models <- list(
  list(y ~ z | id[x] + year, y ~ z + factor(id) * x + factor(year)),
  list(y ~ z | id[[x]] + year, y ~ z + factor(id):x + factor(year)),
  list(y ~ z | id[[x]], y ~ z + factor(id):x),
  list(y ~ z | id[x, v], y ~ z + factor(id) * (x + v)),
  list(y ~ z | year[x] + firm[v], y ~ z + factor(year) * x + firm * v))

test_that("estimates, residuals and degrees of freedom are those of lm on dummies", {
  for (s in seq_along(slopes_models)) {
    d <- slopes_panel(40 + s)
    for (weights in list(NULL, d$w)) {
      m <- fe_lm(slopes_models[[s]][[1L]], d, vcov = "iid", weights = weights)
      l <- eval(call("lm", slopes_models[[s]][[2L]], quote(d), weights = weights))
      expect_equal(coef(m)[["z"]], coef(l)[["z"]], tolerance = 1e-9)
      expect_equal(unname(residuals(m)), unname(residuals(l)), tolerance = 1e-8)
      expect_equal(m$df.residual, l$df.residual)
      expect_equal(vcov(m)["z", "z"], vcov(l)["z", "z"], tolerance = 1e-8)
      expect_equal(unname(predict(m)), unname(fitted(l)), tolerance = 1e-8)
      expect_equal(fit_statistics(m)$r.squared, summary(l)$r.squared, tolerance = 1e-8)
    }
  }
})

test_that("slopes alone leave the constant in the model", {
  d <- slopes_panel(50)
  m <- fe_lm(y ~ z | id[[x]], d)
  l <- lm(y ~ z + factor(id):x, d)
  expect_equal(coef(m), coef(l)[c("(Intercept)", "z")], tolerance = 1e-9)
})

test_that("robust variances follow from the dense design", {
  d <- slopes_panel(51)
  m <- fe_lm(y ~ z | id[x] + year, d)
  l <- lm(y ~ z + factor(id) * x + factor(year), d)
  zt <- resid(lm(z ~ factor(id) * x + factor(year), d))
  n <- nrow(d)
  sandwich <- function(e) sum(zt^2 * e^2) / sum(zt^2)^2
  expect_equal(vcov(m)[1, 1], sandwich(resid(l)) * n / l$df.residual, tolerance = 1e-8)
  h <- hatvalues(l)
  expect_equal(vcov(m, vcov = "HC2")[1, 1], sandwich(resid(l) / sqrt(1 - h)), tolerance = 1e-8)
  expect_equal(vcov(m, vcov = "HC3")[1, 1], sandwich(resid(l) / (1 - h)), tolerance = 1e-8)
  score <- rowsum(zt * resid(l), d$firm)
  G <- length(score)
  K <- l$rank # no factor is nested in firm
  expect_equal(vcov(m, vcov = ~firm)[1, 1],
               sum(score^2) / sum(zt^2)^2 * G / (G - 1) * (n - 1) / (n - K), tolerance = 1e-8)
})

test_that("coefficients and variances are those of fixest", {
  skip_if_not_installed("fixest")
  d <- slopes_panel(52)
  d$g <- d$id %% 9
  for (f in list(y ~ z | id[x] + year, y ~ z | id[[x]] + year, y ~ z | id[x], y ~ z | id[[x]],
                 y ~ z | id[x, v] + year, y ~ z | id + year[x])) {
    for (vcov in list("HC1", ~id, ~g, ~year)) {
      ours <- fe_lm(f, d, vcov = vcov)
      theirs <- fixest::feols(f, d, vcov = if (is.character(vcov)) "hetero" else vcov,
                              fixef.tol = 1e-11, notes = FALSE)
      expect_equal(coef(ours), coef(theirs), tolerance = 1e-7, ignore_attr = TRUE)
      expect_equal(vcov(ours), vcov(theirs), tolerance = 1e-6, ignore_attr = TRUE)
    }
  }
})

test_that("trends beside year effects count the rank that qr finds", {
  d <- slopes_panel(53)
  m <- fe_lm(y ~ z | id[year] + year, d)
  D <- dense_slopes(c("id", "id:year", "year_f"), d)
  expect_equal(m$rank, qr(cbind(D, d$z))$rank)
  expect_equal(unname(residuals(m)), qr.resid(qr(cbind(D, d$z)), d$y), tolerance = 1e-8)
})

test_that("rows without a value of the slope variable are left out and told", {
  d <- slopes_panel(54)
  d$x[c(3, 17)] <- NA
  d$x[20] <- Inf
  m <- fe_lm(y ~ z | id[x] + year, d)
  expect_equal(coef(m), coef(fe_lm(y ~ z | id[x] + year, d[-c(3, 17, 20), ])), tolerance = 1e-12)
  told <- fe_rows(m)
  expect_identical(told$row[told$variable %in% "x"], c(3L, 17L, 20L))
})

test_that("a row alone in a level that has slopes only is no singleton", {
  d <- slopes_panel(55)
  d$id[1] <- 99L
  expect_equal(nobs(fe_lm(y ~ z | id[[x]] + year, d)), nrow(d))
  expect_equal(nobs(fe_lm(y ~ z | id[x] + year, d)), nrow(d) - 1)
})

test_that("stepwise effects may have slopes", {
  d <- slopes_panel(56)
  many <- fe_lm(y ~ z | csw(id, year, id[x]), d)
  alone <- list(y ~ z | id, y ~ z | id + year, y ~ z | id[x] + year)
  for (k in 1:3) expect_equal(coef(many[[k]]), coef(fe_lm(alone[[k]], d)), tolerance = 1e-10)
})

test_that("predictions for new rows, with their errors, are those of lm", {
  d <- slopes_panel(57)
  m <- fe_lm(y ~ z | id[x] + year, d, vcov = "iid")
  l <- lm(y ~ z + factor(id) * x + factor(year), d)
  new <- transform(d[c(1, 50, 51, 200), ], x = x + 1, z = 0)
  ours <- predict(m, new, se.fit = TRUE)
  theirs <- predict(l, new, se.fit = TRUE)
  expect_equal(unname(ours$fit), unname(theirs$fit), tolerance = 1e-8)
  expect_equal(unname(ours$se.fit), unname(theirs$se.fit), tolerance = 1e-8)
  new$x[2] <- NA
  expect_identical(is.na(unname(predict(m, new))), c(FALSE, TRUE, FALSE, FALSE))
})

test_that("cluster bootstraps see slopes that cut across clusters", {
  d <- slopes_panel(59)
  d <- cbind(d, Q = model.matrix(~ 0 + factor(year) + factor(year):x, d))
  names(d) <- make.names(names(d))
  columns <- grep("^Q", names(d), value = TRUE)
  dense <- fe_lm(reformulate(c("0", "z", columns), "y"), d)
  test <- function(m) {
    set.seed(1)
    out <- fe_boottest(m, "z", cluster = ~id, B = 999)
    unlist(unclass(out)[vapply(out, is.numeric, NA)])
  }
  ours <- test(fe_lm(y ~ z | year[x], d))
  expect_gt(length(ours), 3L)
  expect_equal(ours, test(dense), tolerance = 1e-6)
})

test_that("fe_lm names what is wrong with a slope variable", {
  d <- slopes_panel(58)
  d$one <- 2
  expect_error(fe_lm(y ~ z | id[one], d), "`one`, which is constant", class = "fe_error")
  expect_error(fe_lm(y ~ z | id[firm], d), "slope variable `firm`", class = "fe_error")
  expect_error(fe_lm(y ~ z | id[xx], d), "no column \"xx\"", class = "fe_error")
})
