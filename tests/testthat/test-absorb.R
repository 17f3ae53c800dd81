# The within transformation against residuals of lm() on dummies.
lm_within <- function(x, fe, w = rep(1, NROW(x))) {
  D <- cbind(1, do.call(cbind, lapply(fe, full_dummies)))
  x - D %*% qr.coef_zero(qr(sqrt(w) * D, tol = 1e-10), sqrt(w) * as.matrix(x))
}
qr.coef_zero <- function(q, y) {
  b <- as.matrix(qr.coef(q, y))
  b[is.na(b)] <- 0
  b
}
panel_columns <- function(seed, q, n = 300L, levels = c(30L, 20L, 8L, 5L)) {
  set.seed(seed)
  list(x = matrix(rnorm(2L * n, 10, 3), n), w = exp(rnorm(n)),
       fe = lapply(levels[seq_len(q)], function(l) sample(l, n, replace = TRUE)))
}

test_that("residuals equal those of the regression on dummies of one to four factors", {
  for (q in 1:4) {
    p <- panel_columns(q, q)
    expect_equal(fe_demean(p$x, p$fe), lm_within(p$x, p$fe), tolerance = 1e-10, ignore_attr = TRUE)
    expect_equal(fe_demean(p$x, p$fe, p$w), lm_within(p$x, p$fe, p$w), tolerance = 1e-10,
                 ignore_attr = TRUE)
  }
})

test_that("the solvers agree, and say which they were", {
  for (q in 2:4) {
    p <- panel_columns(10 + q, q)
    schur <- fe_demean(p$x, p$fe, p$w, fe_control(solver = "schur"))
    cg <- fe_demean(p$x, p$fe, p$w, fe_control(solver = "cg"))
    expect_equal(cg, schur, tolerance = 1e-9, ignore_attr = TRUE)
    expect_identical(c(attr(schur, "solver"), attr(cg, "solver")), c("schur", "cg"))
    expect_lt(attr(cg, "residual"), 1e-11)
  }
})

test_that("the stated residual is that of the normal equations", {
  p <- panel_columns(21, 3)
  x <- p$x[, 1]
  r <- fe_demean(x, p$fe, p$w, fe_control(solver = "cg", tol = 1e-4))
  D <- do.call(cbind, lapply(p$fe, full_dummies))
  equations <- colSums(p$w * D * as.vector(r)) / sqrt(colSums(p$w * D))
  size <- sqrt(sum(p$w * as.vector(r)^2))
  expect_lt(sqrt(sum(equations^2)) / size, 1e-4)
  expect_lt(abs(attr(r, "residual") - sqrt(sum(equations^2)) / size), 1e-6)
})

test_that("projections are idempotent and orthogonal to every dummy", {
  p <- panel_columns(22, 3)
  r <- fe_demean(p$x, p$fe, p$w)
  expect_equal(fe_demean(r, p$fe, p$w), r, tolerance = 1e-10, ignore_attr = TRUE)
  for (f in p$fe) expect_lt(max(abs(rowsum(p$w * r, f))), 1e-9)
})

test_that("disconnected graphs are absorbed, and their rank counted", {
  set.seed(23)
  n <- 240L
  block <- rep(1:3, each = 80L)
  fe <- list(10L * block + sample(7L, n, TRUE), 100L * block + sample(5L, n, TRUE))
  x <- rnorm(n)
  y <- rnorm(n)
  d <- data.frame(y, x, a = fe[[1]], b = fe[[2]])
  for (solver in c("schur", "cg")) {
    expect_equal(fe_demean(x, fe, control = fe_control(solver = solver)),
                 as.vector(lm_within(x, fe)),
                 tolerance = 1e-10, ignore_attr = TRUE)
    m <- fe_lm(y ~ x | a + b, d, control = fe_control(solver = solver))
    expect_equal(m$rank, qr(cbind(1, full_dummies(d$a), full_dummies(d$b), x))$rank)
  }
})

test_that("identical and nested factors change nothing but names", {
  d <- random_panel(24)
  d$copy <- paste0("u", d$unit)
  d$super <- d$unit %% 4L
  one <- fe_lm(y ~ x1 + x2 | unit + time, d, vcov = "iid")
  for (solver in c("schur", "cg")) {
    control <- fe_control(solver = solver)
    for (f in c(y ~ x1 + x2 | unit + copy + time, y ~ x1 + x2 | super + unit + time,
                y ~ x1 + x2 | unit + time + super + copy)) {
      m <- fe_lm(f, d, vcov = "iid", control = control)
      expect_equal(coef(m), coef(one), tolerance = 1e-9)
      expect_equal(m$df.residual, one$df.residual)
      expect_equal(vcov(m), vcov(one), tolerance = 1e-9)
    }
  }
})

test_that("a factor with one level is a constant", {
  d <- random_panel(25)
  d$one <- "only"
  expect_equal(fe_demean(d$x1, d$one), d$x1 - mean(d$x1), tolerance = 1e-12, ignore_attr = TRUE)
  m <- fe_lm(y ~ x1 | one, d, vcov = "iid")
  l <- lm(y ~ x1, d)
  expect_equal(coef(m), coef(l)["x1"], tolerance = 1e-12)
  expect_equal(as.vector(vcov(m)), vcov(l)["x1", "x1"], tolerance = 1e-10)
  expect_equal(coef(fe_lm(y ~ x1 | one + unit, d)), coef(fe_lm(y ~ x1 | unit, d)),
               tolerance = 1e-12)
})

test_that("weights over twelve orders of magnitude are absorbed to the tolerance", {
  for (q in 1:3) {
    p <- panel_columns(30 + q, q)
    w <- 10^runif(nrow(p$x), -6, 6)
    for (solver in c("schur", "cg")) {
      r <- fe_demean(p$x, p$fe, w, fe_control(solver = solver))
      oracle <- lm_within(p$x, p$fe, w)
      expect_lt(max(abs(sqrt(w) * (r - oracle))) / max(abs(sqrt(w) * oracle)), 1e-9)
      for (f in p$fe) {
        sums <- rowsum(w * unclass(r), f) / as.vector(sqrt(rowsum(w, f)))
        expect_lt(max(abs(sums)) / sqrt(max(colSums(w * r^2))), 1e-10)
      }
    }
  }
})

test_that("the number of threads does not change a bit of the result", {
  p <- panel_columns(40, 3, n = 5000L, levels = c(400L, 90L, 20L))
  x <- cbind(p$x, p$x^2, p$w)
  for (solver in c("schur", "cg")) {
    one <- fe_demean(x, p$fe, p$w, fe_control(solver = solver), threads = 1)
    for (threads in c(2, 4)) {
      expect_identical(fe_demean(x, p$fe, p$w, fe_control(solver = solver), threads = threads), one)
    }
  }
})

test_that("the result has the shape of the input", {
  p <- panel_columns(41, 2)
  frame <- data.frame(a = p$x[, 1], b = p$x[, 2])
  expect_named(fe_demean(frame, p$fe), c("a", "b"))
  expect_s3_class(fe_demean(frame, p$fe), "data.frame")
  expect_equal(dim(fe_demean(p$x, p$fe)), dim(p$x))
  expect_null(dim(fe_demean(p$x[, 1], p$fe[[1]])))
  as_frame <- as.data.frame(p$fe, col.names = c("a", "b"))
  expect_identical(fe_demean(p$x[, 1], p$fe), fe_demean(p$x[, 1], as_frame))
})

test_that("a chain, the hardest graph for iterations, is absorbed exactly", {
  n <- 400L
  a <- rep(seq_len(n), each = 2L)
  b <- c(a[-1L], n + 1L)
  a <- c(a, 1L, n)
  b <- c(b, n + 1L, 1L)
  set.seed(42)
  x <- rnorm(length(a))
  expect_equal(fe_demean(x, list(a, b), control = fe_control(solver = "cg")),
               as.vector(lm_within(x, list(a, b))),
               tolerance = 1e-8, ignore_attr = TRUE)
})

test_that("fixest's demean() agrees", {
  skip_if_not_installed("fixest")
  p <- panel_columns(43, 3)
  f <- fixest::demean(p$x, as.data.frame(p$fe, col.names = c("a", "b", "c")), weights = p$w,
                      tol = 1e-11)
  expect_equal(fe_demean(p$x, p$fe, p$w), f, tolerance = 1e-9, ignore_attr = TRUE)
})

# Small panels of four factors, some nested in or cut off from others.
tangled_panel <- function(seed, orders) {
  set.seed(seed)
  n <- sample(25:80, 1L)
  levels <- sample(2:12, 3L, TRUE)
  d <- data.frame(a = sample(levels[1L], n, TRUE), b = sample(levels[2L], n, TRUE),
                  c = sample(levels[3L], n, TRUE))
  d$e <- if (seed %% 3L == 0L) d$a %/% 2L else sample(6L, n, TRUE)
  if (seed %% 4L == 0L) d$b <- d$b + 100L * (d$a > 3L)
  d$w <- 10^runif(n, -orders / 2, orders / 2)
  d$x <- rnorm(n)
  d$y <- rnorm(n)
  d[oracle_singletons(d[c("a", "b", "c", "e")]), ]
}
tangled_fit <- function(d, ...) fe_lm(y ~ x | a + b + c + e, d, weights = w, ...)
tangled_oracle <- function(d) oracle_fit(d$y, as.matrix(d["x"]), d[c("a", "b", "c", "e")], d$w)

test_that("the rank of the dummies is exact for every solver", {
  for (seed in c(1:3, 12, 36, 52, 84, 156)) {
    d <- tangled_panel(seed, orders = 1)
    rank <- qr(cbind(1, do.call(cbind, lapply(d[c("a", "b", "c", "e")], full_dummies))))$rank
    for (solver in c("schur", "cg")) {
      expect_equal(tangled_fit(d, control = fe_control(solver = solver))$effects_rank, rank)
    }
  }
})

test_that("the rank of the dummies does not depend on weights over ten orders of magnitude", {
  for (seed in c(12, 36, 56, 364)) {
    d <- tangled_panel(seed, orders = 10)
    rank <- qr(cbind(1, do.call(cbind, lapply(d[c("a", "b", "c", "e")], full_dummies))))$rank
    expect_equal(tangled_fit(d)$effects_rank, rank)
  }
})

test_that("the effects that a cluster convention counts are counted exactly for every solver", {
  for (seed in c(1, 2, 36, 84, 132, 156, 300)) {
    d <- tangled_panel(seed, orders = 1)
    V <- oracle_vcov(tangled_oracle(d), "CR1", list(d$a))
    for (solver in c("schur", "cg")) {
      expect_lt(worst(vcov(tangled_fit(d, vcov = ~a, control = fe_control(solver = solver))), V),
                1e-8)
    }
  }
})

test_that("four factors with weights over ten orders of magnitude are estimated by default", {
  for (seed in c(1, 2, 44, 80, 89, 106)) {
    d <- tangled_panel(seed, orders = 10)
    expect_equal(coef(tangled_fit(d)), tangled_oracle(d)$coef["x"], tolerance = 1e-7)
  }
})
