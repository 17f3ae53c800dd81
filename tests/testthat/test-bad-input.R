# What goes wrong in practice. Each case: an error of class "fe_error" that names the argument and
# the offence, or a ledger entry or warning that does.
causes <- function(m) {
  r <- fe_rows(m)
  r <- r[!r$used, ]
  paste(r$row, r$cause, r$variable)
}

# ---- missing and infinite values -----------------------------------------------------------------

test_that("NaN and infinite values are left out, and the ledger names row and variable", {
  d <- bad()
  d$x1[4] <- NaN
  d$y[9] <- -Inf
  d$unit[12] <- NA
  d$x2[4] <- Inf
  m <- fe_lm(y ~ x1 + x2 | unit, d)
  expect_identical(causes(m), c("4 NA x1", "9 infinite y", "12 NA unit"))
  expect_output(print(m), "1 infinite in `y`")
})

test_that("NA and Inf in weights, offset and cluster have ledger entries", {
  d <- bad()
  d$w[2] <- NA
  d$w[3] <- Inf
  d$w[5] <- 0
  d$off <- replace(d$x1, 7, NA)
  d$cluster[8] <- NA
  m <- fe_lm(y ~ x1 | unit, d, weights = w, offset = off, vcov = ~cluster)
  expect_identical(causes(m), c("2 NA (weights)", "3 infinite (weights)", "5 zero weight (weights)",
                                "7 NA (offset)", "8 NA cluster"))
})

test_that("a variable without a single value is named", {
  expect_refusal(fe_lm(y ~ na | unit, bad()), "^`data`", "78 NA in `na`")
  expect_refusal(fe_lm(na ~ x1 | unit, bad()), "^`formula`", "`na`", "all NA")
  expect_refusal(fe_lm(y ~ x1 | na, bad()), "78 NA in `na`")
  expect_refusal(fe_lm(y ~ x1 | unit, bad(), split = ~na), "^`split`", "NA in every row")
})

test_that("logarithms of negative numbers are said and listed", {
  d <- bad()
  expect_warning(m <- fe_lm(y ~ log(x1) | unit, d), "NaN")
  expect_identical(sum(fe_rows(m)$variable %in% "log(x1)"), sum(d$x1 < 0))
})

test_that("clusters missing in the sample are refused after estimation, with remedies", {
  d <- bad()
  d$cluster[c(3, 5)] <- NA
  m <- fe_lm(y ~ x1 | unit, d)
  expect_refusal(vcov(m, ~cluster), "^`vcov`", "`cluster`", "rows 3, 5", "subset")
})

# ---- outcomes and regressors that cannot work ----------------------------------------------------

test_that("outcomes that carry no information are refused", {
  expect_refusal(fe_lm(cy ~ x1 | unit, bad()), "`cy`", "constant \\(3\\)")
  expect_refusal(fe_lm(time ~ x1 | time, bad()), "`time`", "fixed effects explain")
  expect_refusal(fe_lm(cluster ~ x1 | unit, bad()), "`cluster`", "character", "numeric or logical")
  expect_refusal(fe_lm(group ~ x1 | unit, bad()), "`group`", "factor", "numeric or logical")
  expect_refusal(fe_lm(cbind(y, x1) ~ x2 | unit, bad()), "matrix", "numeric or logical vector")
  expect_refusal(fe_lm(y ~ y + x1 | unit, bad()), "outcome `y`", "among the regressors")
})

test_that("regressors of a kind that cannot be used are refused", {
  d <- bad()
  d$list <- as.list(d$x1)
  d$complex <- d$x1 + 1i
  d$one <- factor("only")
  d$array <- array(d$x1, nrow(d))
  expect_equal(coef(fe_lm(y ~ array | unit, d)), coef(fe_lm(y ~ x1 | unit, d)), ignore_attr = TRUE)
  expect_refusal(fe_lm(y ~ list | unit, d), "`list`", "class \"list\"", "numeric")
  expect_refusal(fe_lm(y ~ complex | unit, d), "`complex`")
  expect_refusal(fe_lm(y ~ x1 + one | unit, d), "`one`", "single level \"only\"", "Leave it out")
  expect_refusal(fe_lm(y ~ x1 | list, d), "fixed effect `list`")
})

test_that("collinear regressors are left out with a warning that names them", {
  d <- bad()
  d$twin <- 2 * d$x1 - d$x2 * 1e-3 + d$unit
  expect_warning(m <- fe_lm(y ~ x1 + x2 + twin | unit, d), "collinear.*\"twin\"",
                 class = "fe_warning")
  expect_identical(m$collinear, "twin")
  expect_refusal(fe_lm(y ~ I(unit^2) | unit, d), "I\\(unit\\^2\\)", "fixed effects", "vary within")
})

test_that("too few rows are counted out", {
  d <- bad()
  expect_refusal(fe_lm(y ~ x1 + x2, d[1:3, ]), "3 usable rows for 3 parameters", "more rows")
  expect_refusal(fe_lm(y ~ x1 | unit^time, d), "78 singletons")
  expect_refusal(fe_lm(y ~ x1 | unit^time, d, singletons = "keep"), "fixed effects explain")
})

test_that("numbers too large or small for sums of squares are refused, never misjudged", {
  d <- bad()
  expect_refusal(fe_lm(y ~ I(x1 * 1e-200) | unit, d), "I\\(x1 \\* 1e-200\\)", "[Rr]escale")
  expect_refusal(fe_lm(y ~ I(x1 * 1e200) | unit, d), "I\\(x1 \\* 1e\\+?200\\)", "[Rr]escale")
  expect_refusal(fe_lm(I(y * 1e200) ~ x1 | unit, d), "I\\(y \\* 1e\\+?200\\)", "[Rr]escale")
})

test_that("weights too large or small for sums of squares do not change standard errors", {
  d <- bad()
  expected <- vcov(fe_lm(y ~ x1 | unit, d))
  for (s in c(1e-300, 1e300)) {
    V <- tryCatch(vcov(fe_lm(y ~ x1 | unit, d, weights = s * w)), fe_error = function(e) expected)
    expect_equal(V, expected)
  }
})

# ---- identifiers ---------------------------------------------------------------------------------

test_that("identifiers beyond 2^53 are refused wherever they are used", {
  remedy <- "character or integer64"
  expect_refusal(fe_lm(y ~ x1 | big, bad()), "`big`", "2\\^53", remedy)
  expect_refusal(fe_lm(y ~ x1 | big^time, bad()), "`big`", remedy)
  expect_refusal(fe_lm(y ~ x1 | unit, bad(), vcov = ~big), "`big`", remedy)
})

test_that("a single cluster is refused and named", {
  expect_refusal(fe_lm(y ~ x1 | unit, bad(), vcov = ~cy), "`cy`", "single value",
                 "at least two clusters")
  expect_refusal(fe_lm(y ~ x1 | unit, bad(), vcov = ~unit + cy), "`cy`", "single value")
})

test_that("clusters joined by arithmetic are refused", {
  expect_refusal(fe_lm(y ~ x1 | unit, bad(), vcov = ~unit * time), "\\^")
  expect_refusal(suppressWarnings(fe_lm(y ~ x1 | unit, bad(), vcov = ~unit:time)), "\\^")
})

test_that("a convention that divides by a negative number is refused", {
  expect_refusal(fe_lm(y ~ x1 | unit, bad(), vcov = ~cluster, ssc = "clubSandwich.CR1p"), "6", "15")
})

test_that("infinite clusters after estimation are named as infinite", {
  d <- bad()
  d$ci <- replace(d$unit + 0, 2, Inf)
  expect_refusal(vcov(fe_lm(y ~ x1 | unit, d), ~ci), "^`vcov`", "`ci`", "[Ii]nf", "row 2")
})

test_that("a two-way variance that had to be repaired warns", {
  d <- bad()
  d$a <- rep(1:2, length.out = nrow(d))
  d$b <- rep(1:2, each = nrow(d) / 2)
  expect_warning(fe_lm(y ~ x1 + x2 | unit, d, vcov = ~a + b), "positive semi-definite",
                 class = "fe_warning")
})

# ---- the formula ---------------------------------------------------------------------------------

test_that("variables that do not exist are named, with the columns that do", {
  expect_refusal(fe_lm(y ~ nope | unit, bad()), "^`formula`", "regressor `nope`", "no column")
  expect_refusal(fe_lm(y ~ x1 | untt, bad()), "fixed effect `untt`", "Did you mean \"unit\"")
  expect_refusal(fe_lm(why ~ x1 | unit, bad()), "outcome `why`")
  expect_refusal(fe_lm(y ~ x1 | unit, bad(), vcov = ~nope), "^`vcov`", "`nope`")
  expect_refusal(fe_lm(y ~ log(nope) | unit, bad()), "regressor `log\\(nope\\)`", "\"nope\"")
})

test_that("a function of the name of an absent column is no column", {
  expect_refusal(fe_lm(y ~ median | unit, bad()), "`median`", "no column")
})

test_that("formulas that are none are refused", {
  expect_refusal(fe_lm(~x1 | unit, bad()), "^`formula`", "no outcome", "Write y ~ x")
  expect_refusal(fe_lm("y ~ x1 +", bad()), "^`formula`", "not a formula")
  expect_refusal(fe_lm(c() ~ x1 | unit, bad()), "^`formula`", "outcome")
  expect_refusal(fe_lm(y | x2 ~ x1 | unit, bad()), "^`formula`", "left")
  expect_refusal(fe_lm(3, bad()), "^`formula`", "must be a formula, not 3")
  expect_refusal(fe_lm(data = bad()), "^`formula` is missing")
  expect_refusal(fe_lm(y ~ . | unit, bad()), "`\\.`", "Write the regressors out")
  expect_refusal(fe_lm(y ~ x1 | unit | 0 | unit, bad()), "4 parts", "`vcov`")
  expect_refusal(fe_lm(y ~ x1 | unit[], bad()), "varying slopes `unit\\[\\]`", "nothing")
  expect_refusal(fe_lm(y ~ sw() | unit, bad()), "empty sw\\(\\)")
  expect_refusal(fe_lm(y ~ log(sw(x1, x2)) | unit, bad()), "sw\\(")
  expect_refusal(fe_lm(y ~ NULL | unit, bad()), "NULL|no regressor")
  expect_refusal(fe_lm(y ~ 0, bad()), "^`formula`", "no regressor")
  expect_refusal(fe_lm(y ~ sin() | unit, bad()), "`sin\\(\\)`", "cannot be evaluated")
})

test_that("i() checks its arguments", {
  expect_refusal(fe_lm(y ~ i(group, ref = "zz") | unit, bad()), "\"zz\"", "levels are")
  expect_refusal(fe_lm(y ~ i(group, 1:3) | unit, bad()), "`x`|1:3")
  expect_refusal(fe_lm(y ~ i(group, cluster) | unit, bad()), "`x`|cluster", "numeric")
  expect_refusal(i(list(1)), "`f`")
})

# ---- data ----------------------------------------------------------------------------------------

test_that("data that are no data frame are refused", {
  d <- bad()
  expect_refusal(fe_lm(y ~ x1 | unit, d[0, ]), "^`data` has no rows")
  expect_refusal(fe_lm(y ~ x1 | unit, NULL), "^`data` is missing")
  expect_refusal(fe_lm(y ~ x1 | unit), "^`data` is missing")
  expect_refusal(fe_lm(y ~ x1 | unit, as.list(d)), "^`data`", "list", "as.data.frame")
  expect_refusal(fe_lm(y ~ x1 | unit, matrix(1:4, 2)), "^`data`", "data frame")
  names(d)[names(d) == "x2"] <- "y"
  expect_refusal(fe_lm(y ~ x1 | unit, d), "more than one column named \"y\"", "make.unique")
})

test_that("matrices with column names, tibbles and data.tables are data", {
  d <- bad()
  m <- coef(fe_lm(y ~ x1 | unit, d))
  expect_equal(coef(fe_lm(y ~ x1 | unit, as.matrix(d[c("y", "x1", "unit")]))), m)
  skip_if_not_installed("tibble")
  expect_equal(coef(fe_lm(y ~ x1 | unit, tibble::as_tibble(d))), m)
  skip_if_not_installed("data.table")
  expect_equal(coef(fe_lm(y ~ x1 | unit, data.table::as.data.table(d))), m)
})

# ---- weights, offset, subset, split --------------------------------------------------------------

test_that("weights that are none are refused", {
  d <- bad()
  expect_refusal(fe_lm(y ~ x1 | unit, d, weights = replace(w, c(3, 6), -1)), "^`weights`",
                 "rows 3, 6",
                 "zero or more")
  expect_refusal(fe_lm(y ~ x1 | unit, d, weights = 0 * w), "^`weights`", "no positive value")
  expect_refusal(fe_lm(y ~ x1 | unit, d, weights = 1:3), "^`weights`", "3 values for 78 rows")
  expect_refusal(fe_lm(y ~ x1 | unit, d, weights = cluster), "^`weights`", "numeric.*character")
  expect_refusal(fe_lm(y ~ x1 | unit, d, weights = ~nope), "^`weights`", "`nope`")
  expect_refusal(fe_lm(y ~ x1 | unit, d, weights = y ~ w), "^`weights`", "one-sided")
  expect_refusal(fe_lm(y ~ x1 | unit, d, weights = sum), "^`weights`", "`sum`.*function")
  expect_refusal(fe_lm(y ~ x1 | unit, d, weights = "w"), "^`weights`", "~w|one-sided formula")
})

test_that("offsets that are none are refused", {
  expect_refusal(fe_lm(y ~ x1 | unit, bad(), offset = 1:3), "^`offset`", "78 values")
  expect_refusal(fe_lm(y ~ x1 | unit, bad(), offset = ~cluster), "^`offset`", "numeric")
  expect_refusal(fe_lm(y ~ x1 + offset(cluster) | unit, bad()), "offset\\(cluster\\)|`cluster`",
                 "numeric")
})

test_that("subsets that are none are refused", {
  d <- bad()
  expect_refusal(fe_lm(y ~ x1 | unit, d, subset = x1 > 1e9), "^`subset` leaves no row")
  expect_refusal(fe_lm(y ~ x1 | unit, d, subset = c(1, 1, 2)), "^`subset`", "more than once")
  expect_refusal(fe_lm(y ~ x1 | unit, d, subset = 1:79), "^`subset`", "between 1 and 78", "79")
  expect_refusal(fe_lm(y ~ x1 | unit, d, subset = c(2, NA)), "^`subset`", "NA")
  expect_refusal(fe_lm(y ~ x1 | unit, d, subset = c(-1, 2)), "^`subset`")
  expect_refusal(fe_lm(y ~ x1 | unit, d, subset = c(TRUE, FALSE)), "^`subset`", "78 values")
  expect_refusal(fe_lm(y ~ x1 | unit, d, subset = "x1 > 0"), "^`subset`", "logical")
  expect_refusal(fe_lm(y ~ x1 | unit, d, subset = nope > 0), "^`subset`", "nope")
})

test_that("splits that are none are refused, and a part that fails is named", {
  d <- bad()
  expect_refusal(fe_lm(y ~ x1 | unit, d, split = "nope"), "^`split`", "\"nope\"", "columns are")
  expect_refusal(fe_lm(y ~ x1 | unit, d, split = ~nope), "^`split`", "nope")
  expect_refusal(fe_lm(y ~ x1 | unit, d, split = 1:3), "^`split`", "78 rows")
  d$part <- ifelse(seq_len(nrow(d)) <= 2, "tiny", "rest")
  expect_refusal(fe_lm(y ~ x1 | unit, d, split = ~part), "tiny")
})

# ---- variance ------------------------------------------------------------------------------------

test_that("unknown variances are refused with the list of the known ones", {
  d <- bad()
  expect_refusal(fe_lm(y ~ x1 | unit, d, vcov = "HC9"), "^`vcov`", "\"HC9\"", "\"HC1\"", "~country")
  expect_refusal(fe_lm(y ~ x1 | unit, d, vcov = CR9 ~ unit), "^`vcov`", "\"CR9\"")
  expect_refusal(fe_lm(y ~ x1 | unit, d, vcov = 3), "^`vcov`", "not 3")
  expect_refusal(fe_lm(y ~ x1 | unit, d, vcov = "twoway"), "^`vcov`", "2 cluster variables")
  expect_refusal(fe_lm(y ~ x1, d, vcov = "cluster"), "^`vcov`", "0 fixed effects", "~country")
  m <- fe_lm(y ~ x1 | unit, d)
  expect_refusal(vcov(m, cluster = "nope"), "^`cluster`", "\"nope\"")
  expect_refusal(vcov(m, cluster = 1:3), "^`cluster`", "78")
  expect_refusal(vcov(m, ~unit, cluster = ~time), "^`cluster`", "one of them")
})

test_that("clusters beside a variance that has none are refused", {
  m <- fe_lm(y ~ x1 | unit, bad())
  expect_refusal(vcov(m, "HC1", cluster = ~time), "cluster", "HC1")
  expect_refusal(vcov(m, iid ~ unit), "iid")
})

test_that("arguments that a method does not know are refused", {
  m <- fe_lm(y ~ x1 | unit, bad())
  expect_refusal(vcov(m, type = "HC0"), "`type`")
  expect_refusal(summary(m, clusters = ~unit), "`clusters`")
  expect_refusal(confint(m, lvl = 0.9), "`lvl`")
  expect_refusal(tidy(m, conf.lvl = 0.9), "`conf.lvl`")
})

test_that("matrices and functions that give no variance are refused", {
  d <- bad()
  expect_refusal(fe_lm(y ~ x1 | unit, d, vcov = diag(2)), "^`vcov`", "1 x 1", "\"x1\"")
  expect_refusal(fe_lm(y ~ x1 | unit, d, vcov = matrix(NA_real_, 1, 1)), "^`vcov`", "NA")
  expect_refusal(fe_lm(y ~ x1 | unit, d, vcov = matrix(-1, 1, 1)), "^`vcov`", "negative")
  expect_refusal(fe_lm(y ~ x1 + x2 | unit, d, vcov = matrix(1:4 + 0, 2)), "^`vcov`", "symmetric")
  named <- matrix(1, 1, 1, dimnames = list("a", "a"))
  expect_refusal(fe_lm(y ~ x1 | unit, d, vcov = named), "^`vcov`", "\"a\"", "\"x1\"")
  expect_refusal(fe_lm(y ~ x1 | unit, d, vcov = function(m) stop("boo")), "^`vcov`", "failed",
                 "boo")
})

test_that("leverage one is refused by HC2 and HC3 with the row", {
  d <- bad()
  d$lone <- replace(numeric(nrow(d)), 7, 1)
  m <- fe_lm(y ~ x1 + lone | unit, d)
  expect_refusal(vcov(m, "HC3"), "^`vcov`", "row 7", "leverage 1", "HC1")
})

# ---- settings ------------------------------------------------------------------------------------

test_that("settings are checked", {
  d <- bad()
  expect_refusal(fe_lm(y ~ x1 | unit, d, intercept = "LSDV"), "^`intercept`", "\"lsdv\"",
                 "\"LSDV\"")
  expect_refusal(fe_lm(y ~ x1, d, intercept = "lsdv"), "^`intercept`", "no fixed effects", "none")
  expect_refusal(fe_lm(y ~ x1 | unit, d, ssc = "stata"), "\"areg\"", "\"stata\"")
  expect_refusal(fe_lm(y ~ x1 | unit, d, ssc = list()), "^`ssc`", "fe_ssc")
  expect_refusal(fe_lm(y ~ x1 | unit, d, threads = 0), "^`threads`", "not 0")
  expect_refusal(fe_lm(y ~ x1 | unit, d, lean = NA), "^`lean`", "TRUE or FALSE")
  expect_refusal(fe_lm(y ~ x1 | unit, d, common_sample = "yes"), "^`common_sample`",
                 "TRUE or FALSE")
  expect_refusal(fe_lm(y ~ x1 | unit, d, singletons = "remove"), "^`singletons`", "\"drop\"")
  expect_refusal(fe_lm(y ~ x1 | unit, d, control = list()), "^`control`", "fe_control")
  expect_refusal(fe_control(tol = 0), "^`tol`", "not 0")
  expect_refusal(fe_control(solver = "lsmr"), "^`solver`", "\"schur\"")
  expect_refusal(fe_control(max_iter = 1.5), "^`max_iter`", "whole number")
  expect_refusal(fe_threads("two"), "^`n`")
  expect_refusal(fe_ssc(K.fixef = "some"), "^`K.fixef`", "\"nonnested\"")
  expect_refusal(fe_ssc(G.adj = 1), "^`G.adj`")
})

test_that("an absorption that does not converge is an error, not a number", {
  d <- random_panel(3, n_units = 60L, n_times = 40L)
  set.seed(3)
  d$chain <- d$unit + sample(0:1, nrow(d), replace = TRUE)
  d$drift <- d$time + sample(0:1, nrow(d), replace = TRUE)
  expect_error(fe_lm(y ~ x1 | chain + unit + drift, d,
                     control = fe_control(solver = "cg", max_iter = 1)),
               "max_iter", class = "fe_error")
})

test_that("what a lean model no longer has, it says", {
  d <- bad()
  d$y[1:3] <- NA
  m <- fe_lm(y ~ x1 | unit, d, lean = TRUE)
  for (f in list(residuals, fitted, hatvalues, model.matrix, augment, logLik, case.names)) {
    expect_refusal(f(m), "lean = TRUE", "lean = FALSE")
  }
  expect_refusal(vcov(m, "HC0"), "lean = TRUE")
})

test_that("a lean model's ledger does not claim rows that were left out", {
  d <- bad()
  d$y[1:3] <- NA
  m <- fe_lm(y ~ x1 | unit, d, lean = TRUE)
  used <- tryCatch(sum(fe_rows(m)$used), fe_error = function(e) nobs(m))
  expect_equal(used, nobs(m))
})

test_that("methods check their arguments", {
  d <- bad()
  m <- fe_lm(y ~ x1 | unit, d)
  expect_refusal(confint(m, "zz"), "^`parm`", "\"zz\"", "\"x1\"")
  expect_refusal(confint(m, 2), "^`parm`", "\"2\"")
  expect_refusal(confint(m, level = 95), "^`level`", "between 0 and 1", "95")
  expect_refusal(tidy(m, conf.level = 2), "^`conf.level`")
  expect_refusal(augment(m, d[1:5, ]), "^`data`", "5 rows", "78")
  expect_refusal(residuals(m, "student"), "^`type`", "\"student\"")
  expect_refusal(anova(m), "^`object`", "at least one more")
  expect_refusal(anova(m, fe_lm(y ~ x1 | unit, d[-1, ])), "different numbers of rows",
                 "common_sample")
  expect_refusal(model.matrix(m, "centred"), "^`type`", "\"within\"")
})

test_that("fe_demean() checks its arguments", {
  d <- bad()
  expect_refusal(fe_demean(d$cluster, d$unit), "^`x`", "numeric")
  expect_refusal(fe_demean(replace(d$x1, 3, NA), d$unit), "^`x`", "row 3")
  expect_refusal(fe_demean(d$x1, d$unit[-1]), "^`fe`", "77 values")
  expect_refusal(fe_demean(d$x1, replace(d$unit, 2, NA)), "^`fe`", "row 2")
  expect_refusal(fe_demean(d$x1, list()), "^`fe`", "empty")
  expect_refusal(fe_demean(d$x1, d$unit, weights = replace(d$w, 4, 0)), "^`weights`", "row 4")
  expect_refusal(fe_demean(d$x1, d$unit, weights = replace(d$w, 4, NA)), "^`weights`", "row 4")
  expect_refusal(fe_demean(d$x1, d$unit, weights = replace(d$w, 4, Inf)), "^`weights`", "row 4")
})
