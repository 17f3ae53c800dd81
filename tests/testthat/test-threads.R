test_that("a model is the same, bit for bit, on 1, 2 and 4 threads", {
  set.seed(1)
  n <- 60000L
  d <- data.frame(x = rnorm(n), z = rexp(n), id = sample(900L, n, TRUE),
                  year = sample(30L, n, TRUE), w = runif(n))
  d$y <- d$x * rnorm(900)[d$id] + d$year + rnorm(n)
  fit <- function(threads, solver) {
    m <- fe_lm(y ~ x + z + x:z | id + year, d, weights = w, vcov = ~id + year, threads = threads,
               control = fe_control(solver = solver))
    constant <- fe_lm(y ~ x + z | id + year, d, weights = w, threads = threads, intercept = "lsdv")
    list(coef(m), vcov(m), m$rss, residuals(m), vcov(m, "HC3"), vcov(m, "iid"), coef(constant),
         vcov(constant, ~id))
  }
  for (solver in c("schur", "cg")) {
    one <- fit(1, solver)
    expect_identical(fit(2, solver), one)
    expect_identical(fit(4, solver), one)
  }
})

test_that("a model without fixed effects is the same on any number of threads", {
  set.seed(2)
  d <- data.frame(x = rnorm(50000), z = rexp(50000), g = sample(40L, 50000, TRUE))
  d$y <- d$x + rnorm(50000)
  fit <- function(threads) {
    m <- fe_lm(y ~ x + z, d, vcov = ~g, threads = threads)
    list(coef(m), vcov(m), vcov(m, "HC2"))
  }
  expect_identical(fit(2), fit(1))
  expect_identical(fit(4), fit(1))
})

test_that("the default number of threads is an option, and can be asked for", {
  old <- options(fepanel.threads = NULL)
  on.exit(options(old))
  expect_lte(fe_threads(), 2L)
  fe_threads(3)
  expect_equal(fe_threads(), 3)
  expect_equal(getOption("fepanel.threads"), 3)
})

test_that("more threads than columns or rows do no harm", {
  d <- random_panel(3)
  expect_identical(coef(fe_lm(y ~ x1 | unit, d, threads = 64)),
                   coef(fe_lm(y ~ x1 | unit, d, threads = 1)))
})
