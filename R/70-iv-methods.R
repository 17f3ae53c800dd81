# Tests of instruments in print and as data frames.

#' Methods for tests of instruments
#'
#' @param x an object of class `fe_iv_tests`.
#' @param digits significant digits to print.
#' @param ... must be empty.
#' @return `tidy`: a data frame with a row for each test: `test`, `term` (the endogenous regressor,
#'   or `NA`), `statistic`, `distribution` ("F" or "chisq"), `df1`, `df2`, `p.value` (`NA` for the
#'   effective F, which has critical values). `glance`: one row with the smallest first-stage F, the
#'   effective F, the Kleibergen-Paap F, and the p-values of the tests. `plot`: a ggplot of the
#'   p-value of the Anderson-Rubin test for each value of the coefficient, the set shaded, and of
#'   the t test of two-stage least squares (dashed). `print` returns x.
#' @name fe_iv_tests-methods
NULL

#' @rdname fe_iv_tests-methods
#' @export
print.fe_iv_tests <- function(x, digits = 5L, ...) {
  check_digits(digits)
  cat("Tests of instruments: ", deparse_one(x$formula), "\n", sep = "")
  cat("Endogenous: ", paste(x$endogenous, collapse = ", "), "; instruments: ",
      paste(x$instruments, collapse = ", "), "; n = ", format(x$nobs, scientific = FALSE), "\n",
      "Variance: ", x$vcov, "\n\nFirst stages:\n", sep = "")
  print(first_table(x$first, digits), quote = FALSE, right = TRUE)
  if (!is.null(x$effective)) print_effective(x$effective, digits)
  tests <- x$tests
  shown <- cbind(format(tests$statistic, digits = digits),
                 ifelse(is.na(tests$df2), sprintf("chi2(%d)", as.integer(tests$df1)),
                        sprintf("F(%d, %.6g)", as.integer(tests$df1), tests$df2)),
                 format.pval(tests$p.value, digits = 3L, eps = 1e-4), tests$hypothesis)
  dimnames(shown) <- list(tests$test, c("Statistic", "Distribution", "p", "H0"))
  scaled <- grepl("Cragg|Wald F", tests$test) # q times the statistic has the distribution
  shown[scaled, 2L] <- sprintf("q F: chi2(%d)", as.integer(tests$df1[scaled]))
  cat("\n")
  print(shown, quote = FALSE, right = FALSE)
  if (length(x$endogenous) == 1L) {
    cat(sprintf("\n%s%% Anderson-Rubin set of `%s`: %s\n", format(100 * x$level), x$endogenous,
                describe_set(x$set, digits)))
    cat(sprintf("     2SLS: %s, [%s, %s]\n", format(x$wald[1L], digits = digits),
                format(x$wald[2L], digits = digits), format(x$wald[3L], digits = digits)))
  }
  invisible(x)
}

first_table <- function(first, digits) {
  shown <- cbind(format(first$statistic, digits = digits),
                 sprintf("F(%d, %.6g)", as.integer(first$df1), first$df2),
                 format.pval(first$p.value, digits = 3L, eps = 1e-4),
                 format(first$partial.r2, digits = 4L))
  dimnames(shown) <- list(first$endogenous, c("F", "Distribution", "p", "Partial R2"))
  if (is.null(first$conditional)) return(shown)
  cbind(shown, `Conditional F` = format(first$conditional, digits = digits),
        p = format.pval(first$conditional.p, digits = 3L, eps = 1e-4))
}

print_effective <- function(e, digits) {
  cat(sprintf("\nEffective F: %s\n", format(e$statistic, digits = digits)))
  shown <- t(round(as.matrix(e$critical[c("critical", "simplified")]), 2L))
  dimnames(shown) <- list(c("  critical value", "  simplified"),
                          sprintf("tau = %g%%", 100 * e$critical$tau))
  print(shown)
}

# "[0.1, 2.3]", "(-Inf, -1] and [0.5, Inf)", "(-Inf, Inf), unbounded", "empty"
describe_set <- function(set, digits = 5L) {
  if (is.null(set)) return("not available: the variance is singular")
  if (!nrow(set)) return("empty: no value fits the overidentifying restrictions")
  ends <- function(v) trimws(vapply(v, format, "", digits = digits))
  text <- paste0(ifelse(is.finite(set[, "low"]), "[", "("), ends(set[, "low"]), ", ",
                 ends(set[, "high"]), ifelse(is.finite(set[, "high"]), "]", ")"))
  paste0(paste(text, collapse = " and "), if (any(!is.finite(set))) ", unbounded")
}

#' @rdname fe_iv_tests-methods
#' @export
tidy.fe_iv_tests <- function(x, ...) {
  check_dots(...)
  row <- function(test, term, statistic, df1, df2, p.value, distribution = "F") {
    data.frame(test = test, term = term, statistic = statistic, distribution = distribution,
               df1 = df1, df2 = df2, p.value = p.value)
  }
  f <- x$first
  conditional <- if (!is.null(f$conditional)) {
    row("Conditional F", f$endogenous, f$conditional,
        length(x$instruments) - length(x$endogenous) + 1, f$df2, f$conditional.p)
  }
  effective <- if (!is.null(x$effective)) {
    row("Effective F", x$endogenous, x$effective$statistic, NA_real_, NA_real_, NA_real_)
  }
  t <- x$tests
  rbind(row("First-stage F", f$endogenous, f$statistic, f$df1, f$df2, f$p.value), conditional,
        effective, row(t$test, NA_character_, t$statistic, t$df1, t$df2, t$p.value, t$distribution))
}

#' @rdname fe_iv_tests-methods
#' @export
glance.fe_iv_tests <- function(x, ...) {
  check_dots(...)
  pick <- function(pattern, what) c(x$tests[[what]][grepl(pattern, x$tests$test)], NA_real_)[1L]
  data.frame(first.stage.F = min(x$first$statistic),
             effective.F = if (is.null(x$effective)) NA_real_ else x$effective$statistic,
             kp.F = pick("Wald F", "statistic"), kp.p.value = pick("LM", "p.value"),
             overid = pick("Sargan|Hansen", "statistic"),
             overid.p.value = pick("Sargan|Hansen", "p.value"),
             wu.hausman.p.value = pick("Wu", "p.value"),
             ar.p.value = pick("Anderson", "p.value"), nobs = x$nobs, vcov.type = x$vcov)
}
