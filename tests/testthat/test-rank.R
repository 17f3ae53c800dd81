# Three and four factors of so many levels that their dummies are not factorised: the rank is found
# from the cycles of the graph.
large_panel <- function(seed, kind) {
  set.seed(seed)
  n <- 700L
  d <- data.frame(a = sample(150L, n, TRUE), b = sample(125L, n, TRUE), c = sample(120L, n, TRUE),
                  e = sample(6L, n, TRUE), x = rnorm(n), y = rnorm(n))
  if (kind == "nested") d$c <- d$b %% 118L
  if (kind == "parts") d[c("a", "b", "c")] <- lapply(d[c("a", "b", "c")], function(f) {
    f - f %% 3L + d$e %% 3L
  })
  if (kind == "trend") { # numbers of b, c and e that are tied by a sum
    d$c <- (d$b + d$e) %% 120L
    d$e <- paste(d$e, d$b > 60L)
  }
  d
}

fit_factors <- function(d, factors, ...) {
  fe_lm(stats::as.formula(paste("y ~ x |", paste(factors, collapse = " + "))), d,
        singletons = "keep", ...)
}

rank_of_dummies <- function(d, factors) {
  qr(do.call(cbind, lapply(d[factors], full_dummies)))$rank
}

test_that("the rank of large factors equals that of their dummies", {
  for (kind in c("crossed", "nested", "parts", "trend")) {
    for (factors in list(c("a", "b", "c"), c("a", "b", "c", "e"))) {
      d <- large_panel(91, kind)
      m <- fit_factors(d, factors)
      expect_true(m$absorption$exact_rank)
      expect_false(m$absorption$solver == "schur")
      expect_equal(m$effects_rank, rank_of_dummies(d, factors))
    }
  }
})

test_that("rows of weight zero and singletons do not count in the rank", {
  d <- large_panel(92, "parts")
  d$w <- ifelse(d$a %% 5L == 0L | runif(nrow(d)) < 0.2, 0, 1)
  m <- fe_lm(y ~ x | a + b + c, d, weights = w)
  left <- d[d$w > 0, ]
  left <- left[oracle_singletons(left[c("a", "b", "c")]), ]
  expect_equal(m$nobs, nrow(left))
  expect_true(m$absorption$exact_rank)
  expect_equal(m$effects_rank, rank_of_dummies(left, c("a", "b", "c")))
  expect_equal(m$df.residual, nrow(left) - rank_of_dummies(left, c("a", "b", "c")) - 1)
})

test_that("beyond what any dense factorisation bears, factors of known structure have their rank", {
  set.seed(93)
  n <- 60000L
  d <- data.frame(firm = sample(6000L, n, TRUE), town = sample(3000L, n, TRUE), x = rnorm(n),
                  y = rnorm(n))
  d$region <- d$town %% 500L
  d$week <- sample(150L, n, TRUE)
  m <- fit_factors(d, c("firm", "town", "region", "week"))
  expect_true(m$absorption$exact_rank)
  levels <- vapply(d[c("firm", "town", "week")], function(f) length(unique(f)), 0L)
  expect_equal(m$effects_rank, sum(levels) - 2)
})

# Flows between n countries over some years: pairs, and years of either side.
gravity_panel <- function(countries, years) {
  d <- expand.grid(year = seq_len(years), from = seq_len(countries), to = seq_len(countries))
  d <- d[d$from != d$to, ]
  d$pair <- paste(d$from, d$to)
  d$from_year <- paste(d$from, d$year)
  d$to_year <- paste(d$to, d$year)
  set.seed(94)
  d$x <- rnorm(nrow(d))
  d$y <- rnorm(nrow(d))
  d
}
gravity_factors <- c("pair", "from_year", "to_year")

test_that("a gravity model has the rank of its dummies", {
  d <- gravity_panel(10, 5)
  m <- fit_factors(d, gravity_factors, control = fe_control(solver = "cg"))
  expect_true(m$absorption$exact_rank)
  expect_equal(m$effects_rank, rank_of_dummies(d, gravity_factors))
  expect_equal(m$effects_rank, 90 + 2 * (50 - 10) - (5 - 1))
})

test_that("a rank that would cost too much to find is a bound, and is said to be one", {
  set.seed(95)
  n <- 40000L
  d <- data.frame(a = sample(10000L, n, TRUE), b = sample(2000L, n, TRUE),
                  c = sample(2000L, n, TRUE), x = rnorm(n), y = rnorm(n))
  factors <- c("a", "b", "c")
  m <- fit_factors(d, factors)
  expect_false(m$absorption$exact_rank)
  expect_equal(m$effects_rank, sum(vapply(d[factors], function(f) length(unique(f)), 0L)) - 2)
  expect_output(print(m), "upper bound")
})
