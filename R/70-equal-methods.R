# Methods of the comparison of models.

#' @rdname fe_equal
#' @param x a result of class `fe_equal`.
#' @param digits significant digits to print.
#' @export
print.fe_equal <- function(x, digits = 5L, ...) {
  check_digits(digits)
  check_dots(...)
  cat(x$method, "\n")
  cat(sprintf("  (%d) %s, n = %s\n", seq_along(x$models), x$models, format(x$nobs, trim = TRUE)),
      sep = "")
  cat(sprintf("%s of the rows are in more than one model\n",
              if (x$shared) format(x$shared) else "None"))
  cat("Joint variance: ", x$label, ", ", if (x$test == "chisq") "normal" else
    sprintf("t(%s)", describe_df(if (is.null(x$df)) equality_df(x) else x$df)), "\n\n", sep = "")
  e <- x$estimates
  own <- grep("^estimate", names(e))
  shown <- matrix(format_plain(unlist(e[own]), digits), nrow(e))
  two <- length(own) == 2L
  if (two) {
    shown <- cbind(shown, format_plain(e$difference, digits), format_plain(e$std.error, digits))
  }
  shown <- cbind(shown, format(round(e$statistic, 3L)),
                 format.pval(e$p.value, digits = 3L, eps = 1e-4), significance_stars(e$p.value))
  letter <- if (two) c("t", "z") else c("F", "chi-sq.")
  dimnames(shown) <- list(e$term, c(sprintf("(%d)", seq_along(own)),
                                    if (two) c("Difference", "Std. error"),
                                    letter[1L + (x$test == "chisq")], "p", ""))
  print(shown, quote = FALSE, right = TRUE)
  cat("---\n", if (is.na(x$p.value)) no_joint_test(x) else
    paste("All terms equal:", describe_joint(x)), "\n", sep = "")
  invisible(x)
}

# Satterthwaite degrees of freedom of the terms.
equality_df <- function(x) if (is.null(x$estimates$df)) x$estimates$df2 else x$estimates$df

no_joint_test <- function(x) {
  q <- as.integer(x$parameter[[1L]])
  if (x$test == "HTZ") {
    return(sprintf(paste("No joint test: HTZ of %d restrictions has no degrees of freedom left;",
                         "choose fewer `terms`"), q))
  }
  sprintf("No joint test: %d restrictions exceed the rank of their variance%s", q,
          if (length(x$G)) sprintf(" (%d clusters)", as.integer(min(x$G))) else "")
}

#' @rdname fe_equal
#' @export
coef.fe_equal <- function(object, ...) object$coefficients

#' @rdname fe_equal
#' @export
vcov.fe_equal <- function(object, ...) object$vcov

#' @rdname fe_equal
#' @export
tidy.fe_equal <- function(x, ...) {
  check_dots(...)
  x$estimates
}

#' @rdname fe_equal
#' @export
glance.fe_equal <- function(x, ...) {
  check_dots(...)
  glance_test(x, models = length(x$models), shared = x$shared, vcov.type = x$label)
}

#' @rdname fe_wald
#' @export
fe_wald.fe_equal <- function(object, hypothesis, rhs = NULL, test = NULL, level = 0.95, ...) {
  check_dots(...)
  check_level(level)
  if (missing(hypothesis)) {
    stop_arg("hypothesis", "is missing",
             paste("Name coefficients, such as", quote_list(names(object$coefficients))))
  }
  test <- if (is.null(test)) object$test else equality_test(object, test)
  b <- object$coefficients
  r <- restrictions(hypothesis, rhs, b, sqrt(diag(object$vcov)), function(f) {
    stop_arg("hypothesis", "is a formula, whose terms belong to one model", "Name the coefficients")
  })
  r <- check_restrictions(r, sqrt(diag(object$vcov)), object$G)
  df <- if (test == "chisq") Inf else joint_test_df(object, r$jacobian, test)
  new_wald(r, object$vcov, df, each_df(object, r$jacobian, test), test, level,
           list(data.name = paste(length(object$models), "models"), vcov = object$label,
                nobs = sum(object$nobs), type = object$label))
}
