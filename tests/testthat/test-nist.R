# Linear regressions of the NIST's Statistical Reference Datasets: beside the digits that
# test-reference.R requires, those of lm() on the same machine.
nist <- reference_groups("reference")$nist

# Digits of the worst coefficient and of the worst standard error. Certified values have 15 digits,
# so that those of two methods beyond 12.5, and tenths of a digit, are a matter of luck; with Norris,
# whose constant is some thousandth of the outcomes, those beyond 11.5.
worst_digits <- function(set, numbers) {
  found <- nist$table(set, numbers, 0, "")
  found <- found[grepl(" (b|se)[0-9]+$", found$quantity), ]
  tapply(found$digits, sub("^.* (b|se)[0-9]+$", "\\1", found$quantity), min)
}

test_that("coefficients and standard errors have at least as many digits as lm's", {
  for (set in nist$sets) {
    enough <- if (set == "Norris") 11.5 else 12.5
    theirs <- pmin(worst_digits(set, nist$by_lm(set)), enough) - 0.1
    ours <- list(worst_digits(set, nist$by_fepanel(set)))
    if (!startsWith(set, "NoInt")) {
      ours <- c(ours, list(worst_digits(set, nist$by_fepanel(set, absorbed = TRUE))))
    }
    for (digits in ours) {
      expect_true(all(digits >= theirs),
                  info = paste(set, paste(format(c(digits, theirs)), collapse = ", ")))
    }
  }
})

test_that("the noise of Wampler's sets is orthogonal to the polynomials, exactly", {
  d <- nist$data("Wampler3")
  powers <- outer(d$x1, 0:5, `^`)
  expect_identical(as.vector(crossprod(powers, d$y - rowSums(powers))), numeric(6))
})
