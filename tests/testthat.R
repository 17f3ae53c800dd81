# testthat is only suggested: a check without suggested packages has no tests to run.
if (requireNamespace("testthat", quietly = TRUE)) {
  library(testthat)
  library(fepanel)
  test_check("fepanel")
}
