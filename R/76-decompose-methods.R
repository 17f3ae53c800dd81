# Methods of a decomposition: its table.

decomposition_table <- function(x) {
  own <- function(m, term, kind) {
    row <- coef_table(m, x$level)
    row <- row[row$term == x$focal, -1L]
    data.frame(term = term, kind = kind, row)
  }
  d <- x$coefficients
  groups <- decomposition_rows(c(d, explained = sum(d)),
                               c(diag(x$vcov), sum(x$vcov)), x$df, x$level)
  groups$kind <- rep(c("group", "explained"), c(length(d), 1L))
  out <- rbind(own(x$base, "base", "base"), groups, own(x$full, "full", "full"))
  out$share <- out$estimate / out$estimate[1L]
  rownames(out) <- NULL
  out
}

decomposition_rows <- function(estimate, variance, df, level) {
  se <- sqrt(variance)
  margin <- stats::qt(1 - (1 - level) / 2, df) * se
  data.frame(term = names(estimate), kind = "group", estimate = unname(estimate), std.error = se,
             statistic = unname(estimate / se),
             p.value = unname(2 * stats::pt(-abs(estimate / se), df)),
             conf.low = unname(estimate - margin), conf.high = unname(estimate + margin))
}

#' @rdname fe_decompose
#' @export
print.fe_decompose <- function(x, digits = 4L, ...) {
  check_digits(digits)
  check_dots(...)
  cat(sprintf("Decomposition of the change of %s in %s\n", x$focal, x$outcome))
  cat(sprintf("Base: %s\nFull: %s\n", deparse_one(x$base$formula), deparse_one(x$full$formula)))
  cat(sprintf("One sample of %s observations; std. errors: %s, t(%s)\n\n",
              describe_count(x$full), x$label, format(x$df, digits = 6L)))
  e <- x$effects
  number <- function(v) formatC(v, digits = digits, format = "f")
  shown <- cbind(number(e$estimate), number(e$std.error), format(round(e$statistic, 3L)),
                 format.pval(e$p.value, digits = 3L, eps = 1e-4), significance_stars(e$p.value),
                 sprintf("[%s, %s]", number(e$conf.low), number(e$conf.high)),
                 sprintf("%.1f %%", 100 * e$share))
  name <- ifelse(e$kind == "group", paste0("  ", e$term), e$term)
  dimnames(shown) <- list(format(name), c("Estimate", "Std. error", "t", "p", "",
                                          sprintf("%g%% interval", 100 * x$level), "Share"))
  print(shown, quote = FALSE, right = TRUE)
  cat("---\n*** p < .01, ** p < .05, * p < .1; explained: the sum of the groups\n")
  cat(sprintf("Identity base - full = explained holds to %.1e\n", x$identity))
  if (!is.null(x$boot)) cat(describe_boot(x$boot), ": see confint()\n", sep = "")
  invisible(x)
}

#' @rdname fe_decompose
#' @export
tidy.fe_decompose <- function(x, conf.int = TRUE, conf.level = x$level, ...) {
  check_dots(...)
  x$level <- check_level(conf.level, "conf.level")
  x$effects <- decomposition_table(x)
  hidden <- if (!check_flag(conf.int, "conf.int")) c("conf.low", "conf.high")
  x$effects[setdiff(names(x$effects), hidden)]
}

#' @rdname fe_decompose
#' @export
glance.fe_decompose <- function(x, ...) {
  check_dots(...)
  data.frame(nobs = x$full$nobs, groups = length(x$coefficients), identity = x$identity,
             clusters = if (length(x$G)) min(x$G) else NA_integer_, df = x$df,
             R = if (is.null(x$boot)) 0 else x$boot$R, vcov.type = x$label)
}

#' @rdname fe_decompose
#' @export
coef.fe_decompose <- function(object, ...) object$coefficients

#' @rdname fe_decompose
#' @export
vcov.fe_decompose <- function(object, ...) object$vcov

#' @rdname fe_decompose
#' @param parm names of rows of `effects`; default all.
#' @param type of a bootstrap interval, see [fe_boot()]; without a bootstrap intervals are those of
#'   `effects`.
#' @export
confint.fe_decompose <- function(object, parm, level = object$level, type = "percentile", ...) {
  check_dots(...)
  check_level(level)
  out <- if (!is.null(object$boot)) confint.fe_boot(object$boot, level = level, type = type) else {
    object$level <- level
    e <- decomposition_table(object)
    matrix(c(e$conf.low, e$conf.high), ncol = 2L, dimnames = list(e$term, level_names(level)))
  }
  if (missing(parm)) out else out[check_terms(parm, rownames(out), "parm"), , drop = FALSE]
}

#' @rdname fe_decompose
#' @export
nobs.fe_decompose <- function(object, ...) object$full$nobs

#' @export
formula.fe_decompose <- function(x, ...) x$full$formula
