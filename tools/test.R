# Runs the test suite on the installed package. The last line is "N passed, N failed, N skipped",
# counted in expectations; the status is not zero if one failed or none ran. Tests that are too long
# for CRAN run too. FEPANEL_TEST_FILTER, a regular expression, runs only the files that it matches.

# Packages that keep settings in the home directory keep them in the session's.
Sys.setenv(NOT_CRAN = "true", R_USER_CONFIG_DIR = file.path(tempdir(), "config"))
# Plots of the tests go nowhere, rather than into a file of the tree.
options(device = function(...) grDevices::pdf(NULL))
filter <- Sys.getenv("FEPANEL_TEST_FILTER")
results <- as.data.frame(testthat::test_dir(
  "tests/testthat",
  filter = if (nzchar(filter)) filter,
  package = "fepanel", load_package = "installed", stop_on_failure = FALSE,
  reporter = testthat::ProgressReporter$new(
    show_praise = FALSE, max_failures = Inf, update_interval = Inf
  )
))
unlink("tests/testthat/testthat-problems.rds")
passed <- sum(results$passed)
failed <- sum(results$failed) + sum(results$error)
cat(sprintf("%d passed, %d failed, %d skipped\n", passed, failed, sum(results$skipped)))
quit(status = as.integer(failed > 0 || passed == 0))
