# Certified and published numbers. The facts, and the calls that compute ours, are in reference/.
for (group in reference_groups("reference")) {
  test_that(paste("the numbers are those of", group$title), {
    found <- run_group(group)
    skip_if(is.character(found), found)
    for (i in seq_len(nrow(found))) {
      x <- found[i, ]
      expect_true(x$ok, info = sprintf("%s, %s: %s, ours %s, %s digits of %s", x$source, x$quantity,
                                       x$published, x$ours, x$digits, x$required))
    }
  })
}

test_that("digits of agreement are counted as printed", {
  expect_identical(printed_digits(c("-.0451", "1.0348", "0.25E-03", "49", "23.50")),
                   c(3L, 5L, 2L, 2L, 4L))
  expect_equal(printed_unit(c("-.0451", "49", "0.25E-03")), c(1e-4, 1, 1e-5))
  expect_identical(agreement(c(.04514, .04516), c(".0451", ".0451")), c(3, 2.8))
  expect_identical(agreement(c(1, 1 + 1e-6, 2, NA), c(1, 1, 1, 1)), c(15, 6, 0, 0))
  expect_identical(agreement(2e-12, 0, 1), 11.6)
})

test_that("a group whose data are not at hand says so", {
  group <- list(needs = "no.such.package", run = function() stop("must not run"))
  expect_match(run_group(group), "no.such.package")
  group <- list(needs = character(), run = function() data_of("no_such_data", "datasets"))
  expect_match(run_group(group), "no_such_data")
})
