# Linear regressions of the NIST's Statistical Reference Datasets (www.itl.nist.gov/div898/strd).
correct_digits <- function(ours, certified) {
  error <- abs(unname(ours) - certified) / abs(certified)
  -log10(pmin(pmax(error, 1e-16), 1))
}

# Digits of the worst coefficient and of the worst standard error. A perfect fit has no standard
# errors to speak of.
digits_of <- function(m, V, certified) {
  c(coefficients = min(correct_digits(coef(m), certified$b)),
    errors = if (!is.null(certified$se)) min(correct_digits(sqrt(diag(V)), certified$se)))
}

# The constant may be a regressor or absorbed. Certified values have 15 digits, so that those of two
# methods beyond 12.5, and tenths of a digit, are a matter of luck.
expect_digits <- function(formula, d, certified) {
  d$one <- 1
  l <- lm(formula, d, tol = 1e-10)
  theirs <- pmin(digits_of(l, suppressWarnings(vcov(l)), certified), 12.5) - 0.1
  plain <- suppressWarnings(fe_lm(formula, d, vcov = "iid"), classes = "fe_warning")
  absorbed <- suppressWarnings(fe_lm(update_effects(formula), d, vcov = "iid", intercept = "mean"),
                               classes = "fe_warning")
  ours <- digits_of(absorbed, vcov(absorbed), certified)
  expect_true(all(ours >= theirs), info = paste(format(c(ours, theirs)), collapse = ", "))
  ours <- digits_of(plain, vcov(plain), certified)
  expect_true(all(ours >= theirs), info = paste(format(c(ours, theirs)), collapse = ", "))
}

update_effects <- function(formula) {
  formula[[3L]] <- call("|", formula[[3L]], quote(one))
  formula
}

wampler <- function() {
  delta <- c(759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048)
  d <- data.frame(x = 0:20, delta = c(delta, rev(delta)[-1L]))
  d$y1 <- rowSums(outer(d$x, 0:5, `^`))
  d$y2 <- as.vector(outer(d$x, 0:5, `^`) %*% 10^-(0:5))
  d
}
quintic <- function(y) {
  as.formula(paste(y, "~ x + I(x^2) + I(x^3) + I(x^4) + I(x^5)"), globalenv())
}

test_that("Longley: at least as many digits as lm", {
  d <- with(longley, data.frame(y = Employed * 1000, x1 = GNP.deflator, x2 = GNP * 1000,
                                x3 = Unemployed * 10, x4 = Armed.Forces * 10,
                                x5 = Population * 1000, x6 = Year))
  certified <- list(
    b = c(-3482258.63459582, 15.0618722713733, -0.0358191792925910, -2.02022980381683,
          -1.03322686717359, -0.0511041056535807, 1829.15146461355),
    se = c(890420.383607373, 84.9149257747669, 0.0334910077722432, 0.488399681651699,
           0.214274163161675, 0.226073200069370, 455.478499142212))
  expect_digits(y ~ x1 + x2 + x3 + x4 + x5 + x6, d, certified)
})

test_that("Wampler 1 and 2, which fit perfectly: at least as many digits as lm", {
  d <- wampler()
  expect_digits(quintic("y1"), d, list(b = rep(1, 6)))
  expect_digits(quintic("y2"), d, list(b = 10^-(0:5)))
})

test_that("Wampler 3 to 5, noise of growing size: at least as many digits as lm", {
  d <- wampler()
  # the noise is orthogonal to the polynomials, exactly: every coefficient is 1
  expect_identical(as.vector(crossprod(outer(d$x, 0:5, `^`), d$delta)), numeric(6))
  se <- c(2152.32624678170, 2363.55173469681, 779.343524331583, 101.475507550350,
          5.64566512170752, 0.112324854679312)
  for (size in c(1, 100, 1e4)) {
    d$y <- d$y1 + size * d$delta
    expect_digits(quintic("y"), d, list(b = rep(1, 6), se = size * se))
  }
})

# Filippelli's data, as y and -x.
filip <- function() {
  v <- scan(quiet = TRUE, text = "
    .8116 6.860120914 .9072 4.324130045 .9052 4.358625055 .9039 4.358426747 .8053 6.955852379
    .8377 6.661145254 .8667 6.355462942 .8809 6.118102026 .7975 7.115148017 .8162 6.815308569
    .8515 6.519993057 .8766 6.204119983 .8885 5.853871964 .8859 6.109523091 .8959 5.79832982
    .8913 5.482672118 .8959 5.171791386 .8971 4.851705903 .9021 4.517126416 .909 4.143573228
    .9139 3.709075441 .9199 3.499489089 .8692 6.300769497 .8872 5.953504836 .89 5.642065153
    .891 5.031376979 .8977 4.680685696 .9035 4.329846955 .9078 3.928486195 .7675 8.56735134
    .7705 8.363211311 .7713 8.107682739 .7736 7.823908741 .7775 7.522878745 .7841 7.218819279
    .7971 6.920818754 .8329 6.628932138 .8641 6.323946875 .8804 5.991399828 .7668 8.781464495
    .7633 8.663140179 .7678 8.473531488 .7697 8.247337057 .77 7.971428747 .7749 7.676129393
    .7796 7.352812702 .7897 7.072065318 .8131 6.774174009 .8498 6.478861916 .8741 6.159517513
    .8061 6.835647144 .846 6.53165267 .8751 6.224098421 .8856 5.910094889 .8919 5.598599459
    .8934 5.290645224 .894 4.974284616 .8957 4.64454848 .9047 4.290560426 .9129 3.885055584
    .9209 3.408378962 .9219 3.13200249 .7739 8.726767166 .7681 8.66695597 .7665 8.511026475
    .7703 8.165388579 .7702 7.886056648 .7761 7.588043762 .7809 7.283412422 .7961 6.995678626
    .8253 6.691862621 .8602 6.392544977 .8809 6.067374056 .8301 6.684029655 .8664 6.378719832
    .8834 6.065855188 .8898 5.752272167 .8964 5.132414673 .8963 4.811352704 .9074 4.098269308
    .9119 3.66174277 .9228 3.2644011")
  data.frame(y = v[c(TRUE, FALSE)], x = -v[c(FALSE, TRUE)])
}

test_that("Filippelli, a polynomial of degree ten: at least as many digits as lm", {
  certified <- list(
    b = c(-1467.48961422980, -2772.17959193342, -2316.37108160893, -1127.97394098372,
          -354.478233703349, -75.1242017393757, -10.8753180355343, -1.06221498588947,
          -0.0670191154593408, -0.00246781078275479, -0.402962525080404e-4),
    se = c(298.084530995537, 559.779865474950, 466.477572127796, 227.204274477751,
           71.6478660875927, 15.2897178747400, 2.23691159816033, 0.221624321934227,
           0.0142363763154724, 0.535617408889821e-3, 0.896632837373868e-5))
  formula <- y ~ x + I(x^2) + I(x^3) + I(x^4) + I(x^5) + I(x^6) + I(x^7) + I(x^8) + I(x^9) + I(x^10)
  expect_digits(formula, filip(), certified)
})
