boot_model <- function() {
  fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
}

test_that("parts joined in any order are one run, bit for bit, for every type", {
  m <- boot_model()
  for (type in c("pairs", "wild", "residual", "bayesian")) {
    run <- function(replicates) {
      fe_boot(m, type = type, replicates = replicates, seed = 9,
              studentise = type %in% c("pairs", "wild"))
    }
    whole <- run(1:300)
    expect_identical(c(run(101:300), run(1:100)), whole)
    expect_identical(c(run(c(1:7, 20:300)), run(8:19)), whole)
    expect_identical(fe_boot(m, R = 300, type = type, seed = 9)$t, whole$t)
  }
})

test_that("a run is resumed with its seed, which set.seed() governs", {
  m <- boot_model()
  set.seed(3)
  first <- fe_boot(m, R = 40)
  more <- fe_boot(m, replicates = 41:60, seed = first$seed)
  set.seed(3)
  expect_identical(c(first, more), fe_boot(m, R = 60))
  expect_identical(fe_boot(m, R = 5, seed = 7), fe_boot(m, R = 5, seed = c(7, 0)))
  expect_identical(fe_boot(m, R = 5, seed = 2^32 + 1)$seed, c(1, 1))
})

test_that("counts of failures are joined", {
  m <- boot_model()
  f <- function(b) if (b[[1]] > 0.15) stop("above ", signif(b[[1]], 2)) else c(v = b[[1]])
  run <- function(replicates) fe_boot(m, replicates = replicates, seed = 1, statistic = f)
  whole <- run(1:90)
  expect_gt(whole$problem$count, 3)
  expect_identical(c(run(61:90), run(1:30), run(31:60)), whole)
})

test_that("what does not belong together is not joined", {
  m <- boot_model()
  b <- fe_boot(m, R = 10, seed = 1)
  expect_error(c(b, fe_boot(m, replicates = 10:12, seed = 1)), "replicate 10 more than once",
               class = "fe_error")
  expect_error(c(b, fe_boot(m, replicates = 11:12, seed = 2)), "different seeds",
               class = "fe_error")
  expect_error(c(b, fe_boot(m, replicates = 11:12, seed = 1, type = "bayesian")),
               "different types", class = "fe_error")
  other <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade[-5, ], vcov = ~country)
  expect_error(c(b, fe_boot(other, replicates = 11:12, seed = 1)), "different models",
               class = "fe_error")
  expect_error(c(b, fe_boot(m, replicates = 11:12, seed = 1, statistic = sum)),
               "different statistics", class = "fe_error")
  expect_error(c(b, 1), "made by fe_boot", class = "fe_error")
  given <- fe_boot(m, weights = matrix(1, 63, 2))
  expect_error(c(given, given), "given by the user", class = "fe_error")
  expect_error(fe_boot(m, replicates = c(1, 1)), "more than once", class = "fe_error")
})

test_that("clusters coded in another order are another bootstrap", {
  d <- boot_panel()
  m <- fe_lm(y ~ x | unit + year, d)
  one <- fe_boot(m, R = 3, seed = 1, cluster = d$unit)
  two <- fe_boot(m, replicates = 4:5, seed = 1, cluster = 13 - d$unit)
  expect_error(c(one, two), "different models", class = "fe_error")
})

test_that("pieces over lapply() are one run, whatever their number", {
  m <- boot_model()
  whole <- fe_boot(m, R = 50, seed = 4, type = "wild")
  for (pieces in c(1, 3, 50, 80)) {
    expect_identical(fe_boot(m, R = 50, seed = 4, type = "wild", map = lapply, pieces = pieces),
                     whole)
  }
  expect_error(fe_boot(m, R = 50, map = "lapply"), "like lapply", class = "fe_error")
  expect_error(fe_boot(m, R = 50, map = function(x, f) list()), "in place of a list",
               class = "fe_error")
})

test_that("processes of package parallel give the same run", {
  skip_on_cran()
  skip_if_not_installed("parallel")
  cluster <- parallel::makePSOCKcluster(2L)
  on.exit(parallel::stopCluster(cluster))
  parallel::clusterCall(cluster, .libPaths, .libPaths())
  found <- unlist(parallel::clusterEvalQ(cluster, exists("C_boot_wild", asNamespace("fepanel"))))
  skip_if_not(all(found), "the package is not installed for other processes")
  m <- boot_model()
  over <- function(x, f) parallel::parLapply(cluster, x, f)
  for (type in c("pairs", "wild")) {
    expect_identical(fe_boot(m, R = 200, seed = 5, type = type, map = over),
                     fe_boot(m, R = 200, seed = 5, type = type))
  }
})

test_that("processes of package future give the same run, without touching R's generator", {
  skip_on_cran()
  skip_if_not_installed("future.apply")
  old <- future::plan("multisession", workers = 2L)
  on.exit(future::plan(old))
  libs <- .libPaths()
  ready <- future::value(future::future({
    .libPaths(libs)
    exists("C_boot_wild", asNamespace("fepanel"))
  }))
  skip_if_not(ready, "the package is not installed for other processes")
  m <- boot_model()
  set.seed(1)
  here <- fe_boot(m, R = 100)
  set.seed(1)
  expect_silent(there <- fe_boot(m, R = 100, map = future.apply::future_lapply))
  expect_identical(there, here)
})
