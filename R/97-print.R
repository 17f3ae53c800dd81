# A model in print.

#' @rdname fe_lm-methods
#' @export
summary.fe_lm <- function(object, vcov = NULL, cluster = NULL, ssc = NULL, ...) {
  check_dots(...)
  restated(object, vcov, cluster, ssc)
}

#' @rdname fe_lm-methods
#' @export
print.fe_lm <- function(x, digits = 5L, ...) {
  check_digits(digits)
  cat(model_heading(x), sep = "\n")
  if (length(x$coefficients)) {
    table <- coef_table(x)
    p <- format.pval(table$p.value, digits = 3L, eps = 1e-4)
    shown <- cbind(format(table$estimate, digits = digits),
                   format(table$std.error, digits = digits),
                   format(round(table$statistic, 3L)), p, significance_stars(table$p.value))
    shown <- matrix(shown, nrow(table))
    dimnames(shown) <- list(table$term, c("Estimate", "Std. error", "t", "p", ""))
    if (df_varies(x$vcov_info$df)) shown <- with_df(shown, coef_df(x))
    print(shown, quote = FALSE, right = TRUE)
  } else {
    cat("(no slopes)\n")
  }
  cat(model_footer(x), sep = "\n")
  invisible(x)
}

# Degrees of freedom beside t.
with_df <- function(shown, df) {
  cbind(shown[, 1:3, drop = FALSE], df = format(unname(df), digits = 3L),
        shown[, 4:5, drop = FALSE])
}

model_heading <- function(x) {
  sample <- if (is.null(x$split)) "" else sprintf("   [%s]", x$split)
  effects <- x$fixef_sizes
  c(sprintf("%s: %s%s", if (is_iv(x)) "2SLS" else "OLS", deparse_one(x$formula), sample),
    iv_heading(x),
    if (length(effects)) {
      paste("Fixed effects:", paste(sprintf("%s (%d)", names(effects), effects), collapse = ", "))
    },
    paste("Std. errors:", describe_vcov(x)), "")
}

# The number of observations, and of rows where it is another.
describe_count <- function(m) {
  n <- format(m$nobs, scientific = FALSE)
  if (!identical(m$weighting, "frequency")) return(n)
  sprintf("%s (frequency weights of %d rows)", n, m$n_rows)
}

model_footer <- function(x) {
  fit <- fit_statistics(x)
  counts <- count_dropped(x$dropped)
  c("---", "*** p < .01, ** p < .05, * p < .1",
    sprintf("n = %s, K = %d, sigma = %.5g, R2 = %.5g, adj. R2 = %.5g%s", describe_count(x),
            as.integer(x$rank), fit$sigma, fit$r.squared, fit$adj.r.squared,
            if (is.na(x$tss_within)) "" else sprintf(", within R2 = %.5g", fit$within.r.squared)),
    if (nrow(counts)) paste("Rows left out:", describe_dropped(counts)),
    iv_footer(x),
    if (length(x$collinear)) paste("Left out as collinear:", quote_list(x$collinear, 12L)),
    if (isFALSE(x$absorption$exact_rank)) {
      paste0("K is an upper bound", if (has_slopes(x$factors)) " or in doubt by rounding",
             ": the rank of so many fixed effects was not found exactly")
    },
    if (x$intercept != "none") sprintf("(Intercept): %s constant", x$intercept),
    cluster_note(x))
}

iv_heading <- function(x) {
  if (!is_iv(x)) return(NULL)
  c(paste("Endogenous:", paste(x$iv$endogenous, collapse = ", ")),
    paste("Instruments:", paste(x$iv$instruments, collapse = ", ")))
}

iv_footer <- function(x) {
  if (!is_iv(x)) return(NULL)
  tests <- first_stage_tests(x)
  lost <- x$iv$collinear
  c(sprintf("First-stage F(%d, %s): %s", tests$df1[1L], format(tests$df2[1L], digits = 6L),
            paste(sprintf("%s %.5g", tests$endogenous, tests$statistic), collapse = ", ")),
    if (length(lost)) paste("Instruments left out as collinear:", quote_list(lost, 12L)))
}
