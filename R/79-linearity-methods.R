# What one asks of the diagnostics of linearity.

#' @rdname fe_linearity
#' @param digits significant digits to print.
#' @export
print.fe_linearity <- function(x, digits = 4L, ...) {
  check_digits(digits)
  check_dots(...)
  m <- x$moderation
  cat(sprintf("Is the slope of %s in %s linear in %s?\n", m$model$outcome, m$treat, m$moderator))
  cat(utils::head(model_heading(m$model), -1L), sep = "\n")
  cat(sprintf("n = %s\n", describe_count(m$model)))
  notes <- c(if (!is.null(x$bins)) print_bins(x, digits),
             if (!is.null(x$kernel)) describe_kernel(x, digits))
  writeLines(strwrap(notes, 90L, exdent = 2L))
  invisible(x)
}

print_bins <- function(x, digits) {
  b <- x$bins
  rows <- if (is.null(b$contrast)) as.character(b$bin) else paste0(b$contrast, " | ", b$bin)
  shown <- cbind(Median = format(b$value, digits = digits), n = b$n,
                 slope_cells(b, digits, x$level), Linear = format(b$linear, digits = digits))
  rownames(shown) <- rows
  cat(sprintf("\nSlopes at the medians of bins of %s, and those of the linear model there\n",
              x$moderation$moderator))
  print(shown, quote = FALSE, right = TRUE)
  cat("---\n*** p < .01, ** p < .05, * p < .1\n")
  c(describe_linearity_test(x$test), if (anyNA(b$estimate)) {
    "NA: the bin does not identify the slope."
  })
}

describe_linearity_test <- function(t) {
  if (nzchar(t$note)) return(paste("No test of linearity:", t$note))
  sprintf("Wald test of linearity: F(%s, %s) = %s, %s (%d restrictions)", format(t$df1),
          format(t$df2, digits = 6L), short(t$statistic, 4L), format_p(t$p.value), t$restrictions)
}

describe_kernel <- function(x, digits) {
  k <- x$kernel
  how <- if (is.null(x$cv)) "given" else {
    sprintf("by cross-validation, folds of whole %s%s", if (x$unit == "rows") "" else "levels of ",
            x$unit)
  }
  c(sprintf(paste("Kernel (Gaussian, bandwidth %s, %s): slopes from %s to %s at %d values of %s,",
                  "which rest on %.0f to %.0f rows; standard errors: %s."),
            short(x$bandwidth, digits), how, short(min(k$estimate, na.rm = TRUE), digits),
            short(max(k$estimate, na.rm = TRUE), digits), length(unique(k$value)),
            x$moderation$moderator, min(k$n.effective), max(k$n.effective), x$kernel_vcov),
    describe_bandwidth(x$cv))
}

describe_bandwidth <- function(cv) {
  if (is.null(cv)) return(character())
  best <- which.min(cv$score)
  c(if (best == nrow(cv)) {
    "The widest bandwidth tried predicts best: leaving the line gains nothing."
  },
    if (best == 1L) "The narrowest bandwidth tried predicts best; a narrower one may be better.")
}

#' @rdname fe_linearity
#' @param what `"bins"`, `"kernel"` or `"test"`; default the first that there is.
#' @param ... unused.
#' @export
tidy.fe_linearity <- function(x, what = NULL, ...) {
  check_dots(...)
  if (is.null(what)) what <- if (is.null(x$bins)) "kernel" else "bins"
  out <- x[[check_choice(what, c("bins", "kernel", "test"), "what")]]
  if (is.null(out)) {
    stop_arg("what", sprintf("is \"%s\", which was not asked for", what),
             sprintf("Run fe_linearity() with method = \"%s\"",
                     if (what == "kernel") "kernel" else "binning"))
  }
  out
}

#' @rdname fe_linearity
#' @export
glance.fe_linearity <- function(x, ...) {
  check_dots(...)
  na <- function(v) if (is.null(v)) NA_real_ else v
  data.frame(nobs = nobs(x$moderation), bins = length(unique(x$bins$bin)),
             statistic = na(x$test$statistic), df1 = na(x$test$df1), df2 = na(x$test$df2),
             p.value = na(x$test$p.value), bandwidth = na(x$bandwidth))
}

#' @export
table_models.fe_linearity <- function(x) Filter(Negate(is.null), list(x$moderation$model, x$model))
