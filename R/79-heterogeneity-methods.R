# Methods of a heterogeneity.

#' Methods for heterogeneity results
#'
#' @param x,object an object of class `fe_heterogeneity`.
#' @param simultaneous give the simultaneous intervals? Default `FALSE`, the pointwise ones.
#' @param digits significant digits to print.
#' @param parm names or numbers of groups.
#' @param level the level of the call; another one is an error.
#' @param ... must be empty.
#' @return `tidy`: the table of estimates; `glance`: one row (`estimates`, `failed`, `models`,
#'   `method`, `adjust`, `critical`, `nobs` of the pooled model, `vcov.type`); `coef`: named vector
#'   of the estimates by group; `vcov`: their joint variance; `confint`: a matrix; `nobs`:
#'   observations by group.
#' @name fe_heterogeneity-methods
NULL

#' @rdname fe_heterogeneity-methods
#' @export
print.fe_heterogeneity <- function(x, digits = 4L, ...) {
  check_digits(digits)
  check_dots(...)
  how <- c(split = "one model a group", interact = "all terms interacted with the group",
           focal = "the focal regressor interacted with the group")[[x$method]]
  cat(sprintf("Heterogeneity of %s on %s (%s)\n", x$treat, x$pooled$outcome, how))
  cat("Std. errors: ", describe_vcov(x$pooled), " (pooled model)\n", sep = "")
  pooled <- coef_table(x$pooled)
  pooled <- pooled[pooled$term == x$treat, ]
  cat(sprintf("Pooled: %s (%s), n = %s\n\n", format(pooled$estimate, digits = digits),
              format(pooled$std.error, digits = digits), describe_count(x$pooled)))
  t <- x$table
  shown <- cbind(format(t$estimate, digits = digits), format(t$std.error, digits = digits),
                 format.pval(t$p.value, digits = 3L, eps = 1e-4),
                 format.pval(t$p.adjusted, digits = 3L, eps = 1e-4),
                 sprintf("[%s, %s]", format(t$conf.low, digits = digits),
                         format(t$conf.high, digits = digits)),
                 format(t$nobs), format(t$units))
  dimnames(shown) <- list(t$group, c("Estimate", "Std. error", "p", "p adj.",
                                     sprintf("%g%% interval", 100 * x$level), "n", "units"))
  print(shown, quote = FALSE, right = TRUE)
  cat(sprintf("---\np adj.: %s over the %d estimates\n", x$adjusted$methods, nrow(t)))
  print_equality(x)
  if (!is.null(x$failed)) {
    cat(sprintf("No estimate: %s (%s)\n", x$failed$group, x$failed$cause), sep = "")
  }
  invisible(x)
}

print_equality <- function(x) {
  if (!is.null(x$joint$problem)) {
    cat("No test of equality:", x$joint$problem, "\n")
  } else if (!is.null(x$equality)) {
    e <- x$equality
    cat(sprintf("Equal across %s: F(%g, %g) = %s, p = %s\n", e$dimension, e$df1, e$df2,
                format(e$statistic, digits = 4L, trim = TRUE),
                format.pval(e$p.value, digits = 3L, eps = 1e-4)), sep = "")
    cat("Joint variance: ", x$joint$label, if (x$joint$test == "HTZ") "; HTZ tests", "\n",
        sep = "")
  }
}

#' @rdname fe_heterogeneity-methods
#' @export
tidy.fe_heterogeneity <- function(x, ...) {
  check_dots(...)
  x$table
}

#' @rdname fe_heterogeneity-methods
#' @export
glance.fe_heterogeneity <- function(x, ...) {
  check_dots(...)
  data.frame(estimates = nrow(x$table), failed = if (is.null(x$failed)) 0L else nrow(x$failed),
             models = length(x$models), method = x$method, adjust = x$adjusted$methods,
             critical = if (is.null(x$critical)) NA_real_ else x$critical, nobs = x$pooled$nobs,
             vcov.type = x$pooled$vcov_info$label)
}

#' @rdname fe_heterogeneity-methods
#' @export
coef.fe_heterogeneity <- function(object, ...) {
  stats::setNames(object$table$estimate, object$table$group)
}

#' @rdname fe_heterogeneity-methods
#' @export
vcov.fe_heterogeneity <- function(object, ...) {
  check_dots(...)
  if (is.null(object$vcov)) {
    stop_arg("object", paste("has no joint variance:", object$joint$problem))
  }
  object$vcov
}

#' @rdname fe_heterogeneity-methods
#' @export
confint.fe_heterogeneity <- function(object, parm, level = object$level, simultaneous = FALSE,
                                     ...) {
  check_dots(...)
  if (!isTRUE(all.equal(level, object$level))) {
    stop_arg("level", "differs from that of the call", "Give `level` to fe_heterogeneity()")
  }
  ends <- if (check_flag(simultaneous, "simultaneous")) c("band.low", "band.high") else
    c("conf.low", "conf.high")
  out <- as.matrix(object$table[ends])
  dimnames(out) <- list(object$table$group, level_names(level))
  if (missing(parm)) out else out[check_terms(parm, rownames(out), "parm"), , drop = FALSE]
}

#' @rdname fe_heterogeneity-methods
#' @export
nobs.fe_heterogeneity <- function(object, ...) {
  stats::setNames(object$table$nobs, object$table$group)
}

# A column for each model, under its group.
#' @exportS3Method
table_models.fe_heterogeneity <- function(x, ...) {
  models <- x$models
  if (x$method != "split") {
    several <- tabulate(x$family$model, length(models)) > 1L
    names(models)[several] <- x$table$dimension[match(which(several), x$family$model)]
  }
  models
}
