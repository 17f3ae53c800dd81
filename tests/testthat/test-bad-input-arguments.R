# Every argument of every public function, against values of every kind: an answer, or an error of
# class fe_error that names an argument, never an error or a warning of R's own. The first refusal
# of each argument is a snapshot. FEPANEL_SOAK=1 tries three times as many values.

test_that("every argument of every exported function is checked", {
  skip_on_cran()
  exported <- getNamespaceExports("fepanel")
  tested <- unique(sub("[:.].*$", "", names(argument_calls)))
  expect_setequal(setdiff(exported, tested), c("tidy", "glance", "augment", "fixef", "fe_rows"))
  methods <- grepl(".", names(argument_calls), fixed = TRUE)
  expect_all_arguments(argument_calls, argument_world(), methods)
})

test_that("every argument of every method is checked", {
  skip_on_cran()
  expect_all_arguments(argument_methods, argument_world(), TRUE)
})

test_that("every argument of every figure is checked", {
  skip_on_cran()
  skip_if_not_installed("ggplot2")
  expect_all_arguments(argument_figures, argument_world(), TRUE)
})

test_that("what has no method for an object says so", {
  expect_answers(
    "fe_wald" = fe_wald(3), "fe_rows" = fe_rows(3), "fe_sensitivity" = fe_sensitivity(3),
    "fe_decompose" = fe_decompose(3), "fe_first_stage" = fe_first_stage(3),
    "fe_iv_tests" = fe_iv_tests(NULL), "fe_boot" = fe_boot("m"), "fe_clusters" = fe_clusters(lm),
    "fe_equal" = fe_equal(1, 2), "fe_adjust" = fe_adjust("p"), "fe_bands" = fe_bands(),
    "fe_table" = fe_table(), "fe_table of numbers" = fe_table(1:3), "fe_p_values" = fe_p_values(1),
    "fe_linearity" = fe_linearity(1), "fe_hausman" = fe_hausman(1), "fe_boottest" = fe_boottest(1))
})

test_that("what must be given says so", {
  d <- bad()
  m <- fe_lm(y ~ x1 | unit, d)
  expect_answers(
    "formula" = fe_lm(data = d), "data" = fe_lm(y ~ x1), "id" = fe_lag(1:3, 1, time = 1:3),
    "time" = fe_lag(1:3, 1, c(1, 1, 2)), "group" = fe_balance(d), "unit" = fe_panel_view(d),
    "period" = fe_panel_view(d, "unit"), "vars" = fe_index(d), "param" = fe_boottest(m),
    "treat" = fe_moderate(y ~ x1 | unit, d), "moderator" = fe_moderate(y ~ x1 | unit, d, "x1"),
    "mediators" = fe_mediate(y ~ x1 | unit, d), "added" = fe_decompose(y ~ x1 | unit, d),
    "full" = fe_decompose(m), "replicates" = fe_boot_weights(3), "G" = fe_boot_weights(),
    "x" = fe_demean(), "fe" = fe_demean(1:3), "file" = fe_table_write(fe_table(m)), "f" = i())
})
