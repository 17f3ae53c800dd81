# Every solver against dense dummies and QR, on graphs of every awkward kind.
solvers <- c("auto", "schur", "cg", "sparse")
graph_kinds <- c("random", "disconnected", "stayers", "nested", "identical", "one level",
                 "a level a row", "as many levels as rows")
four_factors <- c("a", "b", "c", "e")

random_graph <- function(kind, seed, n = 120L) {
  set.seed(seed)
  d <- data.frame(a = sample(25L, n, TRUE), b = sample(12L, n, TRUE), c = sample(6L, n, TRUE),
                  e = sample(4L, n, TRUE), g = sample(9L, n, TRUE))
  block <- 100L * sample(3L, n, TRUE)
  home <- sample(12L, 25L, TRUE)
  d <- switch(kind, random = d,
              disconnected = transform(d, a = a + block, b = b + block, c = c + block),
              stayers = transform(d, b = ifelse(a %% 4L == 0L, b, home[a])),
              nested = transform(d, b = a %/% 3L, c = a %/% 6L),
              identical = transform(d, b = paste0("k", a), e = 7L - c),
              `one level` = transform(d, b = "only", e = TRUE),
              `a level a row` = transform(d, a = sample(n)),
              transform(d, a = rep(seq_len(n / 2L), each = 2L),
                        b = c(rep(seq_len(n / 2L), each = 2L)[-1L], 1L)))
  transform(d, x1 = rnorm(n, 3), x2 = rexp(n), y = rnorm(n, 10))
}

graph_weights <- function(n) {
  list(equal = rep(1, n), unequal = exp(rnorm(n)), wide = 10^runif(n, -6, 6))
}

# ---- the oracle ----------------------------------------------------------------------------------

# Columns that span D, found without the weights.
independent_columns <- function(D) {
  q <- qr(D, tol = 1e-9)
  D[, sort(q$pivot[seq_len(q$rank)]), drop = FALSE]
}

# Residuals of x from D. Householder QR keeps rows of small weight accurate if rows come in falling
# order of weight and columns are pivoted (Cox and Higham 1998, doi:10.1137/S0895479896302190).
dense_residuals <- function(x, D, w) {
  heavy_first <- order(w, decreasing = TRUE)
  q <- qr((sqrt(w) * D)[heavy_first, , drop = FALSE], LAPACK = TRUE)
  for (refinement in 1:2) {
    x <- x - D %*% qr.coef(q, (sqrt(w) * x)[heavy_first, , drop = FALSE])
  }
  x
}

# D: independent columns. K: parameters that the cluster convention counts.
dense_fit <- function(d, D, w, K = ncol(D) + 2L, x = c("x1", "x2")) {
  xt <- dense_residuals(as.matrix(d[c("y", x)]), D, w)
  X <- xt[, x]
  inverse <- solve(crossprod(sqrt(w) * X))
  coef <- drop(inverse %*% crossprod(w * X, xt[, "y"]))
  e <- drop(xt[, "y"] - X %*% coef)
  n <- nrow(d)
  rank <- ncol(D) + ncol(X)
  G <- length(unique(d$g))
  sandwich <- function(meat) inverse %*% meat %*% inverse
  list(coef = coef, e = e, rank = rank, df = n - rank,
       vcov = list(iid = sum(w * e^2) / (n - rank) * inverse,
                   HC1 = n / (n - rank) * sandwich(crossprod(w * e * X)),
                   CR1 = G / (G - 1) * (n - 1) / (n - K) *
                     sandwich(crossprod(rowsum(w * e * X, d$g)))))
}

# In the metric in which the residuals are least squares, relative to a scale.
weighted_error <- function(ours, oracle, scale, w) {
  sqrt(sum(w * (as.vector(ours) - as.vector(oracle))^2) / sum(w * as.matrix(scale)^2))
}

# Robust standard errors suffer most where the residuals are a small part of y.
expect_dense_fit <- function(m, o, y, w, tolerance, se_tolerance) {
  expect_identical(as.double(c(m$rank, m$df.residual)), as.double(c(o$rank, o$df)))
  expect_lt(worst(coef(m), o$coef), tolerance)
  expect_lt(weighted_error(residuals(m), o$e, y, w), 10 * tolerance)
  for (type in names(o$vcov)) {
    V <- vcov(m, if (type == "CR1") ~g else type)
    expect_lt(worst(sqrt(diag(V)), sqrt(diag(o$vcov[[type]]))), se_tolerance)
  }
}

effects_formula <- function(names) {
  as.formula(paste("y ~ x1 + x2 |", paste(names, collapse = " + ")), globalenv())
}

# ---- random graphs -------------------------------------------------------------------------------

test_that("residuals are those of the dummies on every graph, by every solver", {
  for (kind in graph_kinds) for (q in 2:4) {
    d <- random_graph(kind, q)
    fe <- d[four_factors[seq_len(q)]]
    x <- as.matrix(d[c("x1", "y")])
    D <- independent_columns(do.call(cbind, lapply(fe, full_dummies)))
    weights <- graph_weights(nrow(d))
    for (type in names(weights)) {
      w <- weights[[type]]
      oracle <- dense_residuals(x, D, w)
      for (solver in solvers) {
        ours <- fe_demean(x, fe, w, fe_control(solver = solver))
        expect_lt(weighted_error(ours, oracle, x, w), if (type == "wide") 1e-9 else 1e-11)
      }
    }
  }
})

test_that("slopes, standard errors and rank are those of the dummies, by every solver", {
  for (kind in setdiff(graph_kinds, c("a level a row", "as many levels as rows"))) for (q in 2:4) {
    d <- random_graph(kind, 10L + q)
    factors <- four_factors[seq_len(q)]
    D <- independent_columns(do.call(cbind, lapply(d[factors], full_dummies)))
    K <- oracle_K(list(slopes = c("x1", "x2"), rank = ncol(D) + 2L, factors = d[factors]),
                  list(d$g))
    weights <- graph_weights(nrow(d))
    for (type in names(weights)) {
      o <- dense_fit(d, D, weights[[type]], K)
      for (solver in solvers) {
        m <- fe_lm(effects_formula(factors), d, weights = weights[[type]], singletons = "keep",
                   control = fe_control(solver = solver))
        wide <- type == "wide"
        expect_dense_fit(m, o, d$y, weights[[type]], if (wide) 1e-9 else 1e-12,
                         if (wide) 1e-6 else 1e-11)
      }
    }
  }
})

test_that("every solver reaches the tolerance on small graphs under weights of any size", {
  for (seed in 1:40) {
    d <- random_graph(sample(graph_kinds[1:5], 1L), 100L + seed, sample(c(12L, 30L, 60L), 1L))
    fe <- d[four_factors[seq_len(2L + seed %% 3L)]]
    w <- 10^runif(nrow(d), -6, 6)
    x <- as.matrix(d[c("x1", "y")])
    D <- independent_columns(do.call(cbind, lapply(fe, full_dummies)))
    oracle <- dense_residuals(x, D, w)
    for (solver in solvers) {
      ours <- fe_demean(x, fe, w, fe_control(solver = solver))
      expect_lt(attr(ours, "residual"), 4e-11)
      expect_lt(weighted_error(ours, oracle, x, w), 1e-9)
    }
  }
})

test_that("effects that leave no degree of freedom leave no residual, and are refused", {
  for (kind in c("a level a row", "as many levels as rows")) {
    d <- random_graph(kind, 20L)
    for (solver in solvers) {
      control <- fe_control(solver = solver)
      left <- fe_demean(d$y, d[four_factors], control = control)
      expect_lt(max(abs(left)) / max(abs(d$y)), 1e-10)
      expect_error(fe_lm(effects_formula(four_factors), d, singletons = "keep", control = control),
                   class = "fe_error")
    }
  }
})

test_that("one factor is absorbed by its means, whichever solver is asked for", {
  for (kind in c("random", "one level", "a level a row")) {
    d <- random_graph(kind, 30L)
    f <- if (kind == "one level") d$b else d$a
    for (w in graph_weights(nrow(d))) for (solver in solvers) {
      ours <- fe_demean(d$y, f, w, fe_control(solver = solver))
      means <- tapply(w * d$y, f, sum) / tapply(w, f, sum)
      expect_identical(attr(ours, "solver"), "means")
      expect_lt(weighted_error(ours, d$y - means[as.character(f)], d$y, w), 1e-14)
    }
  }
})

test_that("a balanced pair and weights of rank one are absorbed in closed form", {
  set.seed(40)
  d <- expand.grid(a = 1:14, b = 1:9)
  d <- d[sample(nrow(d)), ]
  y <- rnorm(nrow(d), 5)
  margins <- list(list(rep(1, 14), rep(1, 9)), list(rexp(14), rexp(9)),
                  list(10^runif(14, -3, 3), 10^runif(9, -3, 3)))
  D <- independent_columns(cbind(full_dummies(d$a), full_dummies(d$b)))
  for (m in margins) {
    w <- m[[1L]][d$a] * m[[2L]][d$b]
    oracle <- dense_residuals(matrix(y), D, w)
    for (solver in solvers) {
      ours <- fe_demean(y, d, w, fe_control(solver = solver))
      expect_lt(weighted_error(ours, oracle, y, w), 1e-12)
      if (solver == "auto") expect_identical(attr(ours, "solver"), "balanced")
    }
  }
  w[1L] <- 2 * w[1L]
  expect_false(attr(fe_demean(y, d, w), "solver") == "balanced")
})

test_that("slopes that are collinear with effects cost what qr() finds, by every solver", {
  d <- random_graph("random", 50L, 200L)
  d$year <- 2000 + d$b
  d$part <- d$a %/% 5L
  d$x <- rnorm(200)
  d$flat <- ifelse(d$a <= 8L, d$a, d$x) # constant in some levels
  d$gone <- ifelse(d$a <= 8L, 0, d$x)
  d$line <- 4 - 3 * d$x
  a <- full_dummies(d$a)
  designs <- list(
    list(y ~ x1 + x2 | a[year] + b, list(a, a * d$year, full_dummies(d$b))),
    list(y ~ x1 + x2 | a[flat] + c, list(a, a * d$flat, full_dummies(d$c))),
    list(y ~ x1 + x2 | a[[gone]] + b, list(a * d$gone, full_dummies(d$b))),
    list(y ~ x1 + x2 | a[x] + part[line], list(a, a * d$x)),
    list(y ~ x1 + x2 | a[x, line] + c, list(a, a * d$x, full_dummies(d$c))))
  weights <- graph_weights(nrow(d))
  for (design in designs) {
    D <- independent_columns(do.call(cbind, design[[2L]]))
    for (type in names(weights)) {
      o <- dense_fit(d, D, weights[[type]])
      for (solver in setdiff(solvers, "sparse")) { # which slopes do not have
        m <- fe_lm(design[[1L]], d, weights = weights[[type]], singletons = "keep",
                   control = fe_control(solver = solver))
        wide <- type == "wide"
        expect_dense_fit(m, o, d$y, weights[[type]], if (wide) 1e-9 else 1e-12,
                         if (wide) 1e-6 else 1e-11)
      }
    }
  }
})

# ---- larger graphs -------------------------------------------------------------------------------

# Workers who hardly move between firms that sort them; places of firms, and years.
sparse_mobility <- function(seed, n = 6000L, movers = 0.05) {
  set.seed(seed)
  worker <- rep(seq_len(n / 6L), each = 6L)
  firm <- worker %/% 8L + rbinom(n, 1L, movers) * sample(-3:3, n, TRUE)
  d <- data.frame(worker, firm, year = rep(1:6, n / 6L), place = firm %/% 9L + sample(0:1, n, TRUE))
  d$x1 <- rnorm(n) + d$firm %% 7
  d$x2 <- rexp(n) * d$year
  d$y <- d$x1 - d$x2 / 2 + sqrt(abs(d$firm)) + rnorm(n)
  d
}

test_that("all solvers agree on a hard graph and on an easy one", {
  hard <- sparse_mobility(60)
  easy <- transform(hard, firm = sample(60L, nrow(hard), TRUE),
                    place = sample(9L, nrow(hard), TRUE))
  for (case in list(list(hard, 1e-9), list(easy, 1e-12))) {
    for (effects in list(c("worker", "firm"), c("worker", "firm", "year"),
                         c("worker", "firm", "year", "place"))) {
      fits <- lapply(solvers, function(solver) {
        fe_lm(effects_formula(effects), case[[1L]], control = fe_control(solver = solver))
      })
      for (m in fits[-1L]) {
        expect_lt(worst(coef(m), coef(fits[[1L]])), case[[2L]])
        expect_lt(worst(sqrt(diag(vcov(m))), sqrt(diag(vcov(fits[[1L]])))), case[[2L]])
        expect_identical(m$rank, fits[[1L]]$rank)
      }
    }
  }
})

test_that("the degrees of freedom of a disconnected graph are those of the rank that qr() finds", {
  for (seed in 70:73) {
    d <- sparse_mobility(seed, 600L, movers = 0.02 * (seed - 70))
    D <- cbind(full_dummies(d$worker), full_dummies(d$firm))
    for (solver in solvers) {
      control <- fe_control(solver = solver)
      m <- fe_lm(y ~ x1 + x2 | worker + firm, d, singletons = "keep", control = control)
      expect_equal(m$df.residual, nrow(d) - qr(cbind(D, d$x1, d$x2), tol = 1e-9)$rank)
      m <- fe_lm(y ~ x1 + x2 | worker + firm + place, d, singletons = "keep", control = control)
      expect_equal(m$df.residual,
                   nrow(d) - qr(cbind(D, full_dummies(d$place), d$x1, d$x2), tol = 1e-9)$rank)
    }
  }
})

# A grid of firms, each two neighbours joined by a worker with a row in both. A circulation on the
# edges, + in one row of a worker and - in the other, sums to zero in every worker and firm: it is
# the residual of whatever effects are added to it. Here it is the curl of a potential on the faces.
firm_grid <- function(rows, columns) {
  firm <- matrix(seq_len(rows * columns), rows)
  potential <- matrix(0, rows + 1L, columns + 1L)
  potential[2:rows, 2:columns] <- rnorm((rows - 1) * (columns - 1))
  along <- potential[-1L, 2:columns] - potential[-(rows + 1L), 2:columns]
  down <- potential[2:rows, -(columns + 1L)] - potential[2:rows, -1L]
  from <- c(firm[, -columns], firm[-rows, ])
  to <- c(firm[, -1L], firm[-1L, ])
  data.frame(worker = rep(seq_along(from), 2L), firm = c(from, to),
             e = c(along, down, -along, -down))
}

test_that("graphs on which iterations crawl are left to the sparse factor, and solved exactly", {
  set.seed(80)
  n <- 12000L
  worker <- rep(seq_len(n), each = 2L)
  ring <- data.frame(worker, firm = c(worker[-1L], 1L), e = c(1, -1))
  for (d in list(ring, firm_grid(4L, 1500L), firm_grid(70L, 60L))) {
    expect_lt(max(abs(rowsum(d$e, d$firm)), abs(rowsum(d$e, d$worker))), 1e-12)
    x <- rnorm(max(d$worker))[d$worker] + rnorm(max(d$firm))[d$firm] + d$e
    crawl <- fe_demean(x, d[1:2], control = fe_control(solver = "cg", max_iter = 1e6))
    ours <- fe_demean(x, d[1:2])
    expect_gt(attr(crawl, "iterations"), if (max(d$firm) == 4200) 100 else 1000)
    expect_identical(attr(ours, "solver"), "sparse")
    expect_lt(attr(ours, "iterations"), 50)
    expect_lt(attr(ours, "residual"), 1e-11)
    expect_lt(max(abs(ours - d$e)), 1e-9)
  }
})

test_that("a long path is absorbed down to the means of its cells", {
  set.seed(81)
  n <- 15000L
  worker <- rep(seq_len(n), each = 4L)
  firm <- worker + rep(c(0L, 0L, 1L, 1L), n)
  x <- rnorm(4L * n) + cumsum(rnorm(n))[worker]
  ours <- fe_demean(x, list(worker, firm))
  expect_identical(attr(ours, "solver"), "sparse")
  expect_lt(attr(ours, "residual"), 1e-11)
  within <- x - rep(colMeans(matrix(x, 2L)), each = 2L) # a tree explains every cell
  expect_lt(max(abs(ours - within)), 1e-9)
})

# ---- threads and stopping ------------------------------------------------------------------------

test_that("every solver gives the same bits on 1, 2 and 4 threads", {
  d <- sparse_mobility(90, 120000L)
  x <- as.matrix(cbind(d[c("x1", "x2", "y")], d$x1^2))
  w <- rexp(nrow(d))
  some <- list(place = d$place %% 200L, firm = d$firm %% 300L, year = d$year)
  cases <- list(list(d[c("worker", "firm")], "auto"), list(d[c("worker", "firm")], "cg"),
                list(d[c("worker", "firm", "place")], "sparse"), list(some, "schur"),
                list(d[c("worker", "year")], "auto"), list(d["firm"], "auto"))
  expected <- c("sparse", "cg", "sparse", "schur", "balanced", "means")
  for (weights in list(NULL, w)) for (at in seq_along(cases)) {
    run <- function(threads) {
      fe_demean(x, cases[[at]][[1L]], weights,
                fe_control(solver = cases[[at]][[2L]], max_iter = 1e5), threads)
    }
    one <- run(1)
    if (is.null(weights)) expect_identical(attr(one, "solver"), expected[[at]])
    expect_identical(run(2), one)
    expect_identical(run(4), one)
  }
})

# Few degrees of freedom, three large factors, weights over twelve orders of magnitude: the least
# singular value of the scaled dummies is about 1e-7.
near_singular <- function(seed, n = 150L) {
  set.seed(seed)
  d <- data.frame(a = sample(75L, n, TRUE), b = sample(50L, n, TRUE), c = sample(50L, n, TRUE),
                  g = seq_len(n), x1 = rnorm(n), x2 = rnorm(n), y = rnorm(n))
  transform(d, w = 10^runif(n, -6, 6))
}

test_that("no solver is silently wrong where the dummies are nearly singular", {
  refused <- 0L
  for (seed in c(3, 75, 88)) {
    d <- near_singular(seed)
    o <- dense_fit(d, independent_columns(do.call(cbind, lapply(d[c("a", "b", "c")],
                                                                full_dummies))), d$w)
    for (solver in solvers) {
      m <- tryCatch(fe_lm(y ~ x1 + x2 | a + b + c, d, weights = w, singletons = "keep",
                          control = fe_control(solver = solver)), fe_error = identity)
      if (inherits(m, "error")) {
        refused <- refused + 1L
        expect_identical(solver, "cg")
        expect_match(conditionMessage(m), "moved it by .*: weights are too unequal for it")
      } else {
        expect_lt(worst(coef(m), o$coef), 1e-9)
        expect_lt(worst(sqrt(diag(vcov(m, "iid"))), sqrt(diag(o$vcov$iid))), 1e-9)
      }
    }
  }
  expect_lte(refused, 2L)
})

test_that("where conjugate gradients fail, the default goes over to the dense factor", {
  d <- sparse_mobility(91)
  fe <- d[c("worker", "firm", "place")]
  done <- fe_demean(d$y, fe, control = fe_control(max_iter = 1))
  expect_identical(attr(done, "solver"), "schur")
  expect_equal(done, fe_demean(d$y, fe), tolerance = 1e-10, ignore_attr = TRUE)
  m <- fe_lm(y ~ x1 | worker + firm + place, d, vcov = "HC1", control = fe_control(max_iter = 1))
  exact <- fe_lm(y ~ x1 | worker + firm + place, d, vcov = "HC1",
                 control = fe_control(solver = "schur"))
  expect_equal(coef(m), coef(exact), tolerance = 1e-10)
  expect_equal(vcov(m), vcov(exact), tolerance = 1e-9)
  expect_equal(fitted(m), fitted(exact), tolerance = 1e-10)
})

test_that("effects that explain every row are refused as such by a solver that stops short", {
  d <- random_graph("as many levels as rows", 92)
  expect_error(fe_lm(effects_formula(four_factors), d, singletons = "keep",
                     control = fe_control(solver = "cg", max_iter = 1)),
               "explain all of 120 usable rows .*no degree of freedom", class = "fe_error")
})

test_that("not reaching the tolerance is an error with the figure", {
  d <- sparse_mobility(91)
  short <- function(solver) fe_control(solver = solver, max_iter = 1)
  says <- "relative residual of [0-9.]+(e-[0-9]+)? after 1 iterations.*`max_iter`.*`tol`"
  for (solver in c("cg", "sparse")) {
    expect_error(fe_demean(d$y, d[c("worker", "firm", "place")], control = short(solver)), says,
                 class = "fe_error")
    expect_error(fe_lm(y ~ x1 + x2 | worker + firm + place, d, control = short(solver)), says,
                 class = "fe_error")
  }
  expect_error(fe_lm(y ~ x1 | worker[x2] + firm, d, control = short("cg")), says,
               class = "fe_error")
})
