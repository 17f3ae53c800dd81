# Methods of adjusted p-values.

#' @rdname fe_adjust
#' @param x a result of class `fe_adjust`.
#' @param digits significant digits to print.
#' @export
print.fe_adjust <- function(x, digits = 4L, ...) {
  check_digits(digits)
  check_dots(...)
  t <- x$table
  cat(sprintf("Adjusted p-values of %d hypotheses\n", nrow(t)))
  if (!is.null(x$boot)) cat(describe_family_boot(x$boot), "\n", sep = "")
  cat("\n")
  p <- grep("^p\\.", names(t))
  shown <- t[setdiff(names(t), c("conf.low", "conf.high"))]
  if (length(x$models)) {
    cat(sprintf("  (%d) %s\n", seq_along(x$models), names(x$models)), sep = "")
    cat("\n")
    shown$model <- sprintf("(%d)", match(t$model, names(x$models)))
  }
  for (name in names(t)[p]) shown[[name]] <- format.pval(t[[name]], digits = 3L, eps = 1e-4)
  print(format(shown, digits = digits), quote = FALSE, row.names = FALSE)
  invisible(x)
}

describe_family_boot <- function(b) {
  what <- if (b$type == "pairs") "Pairs bootstrap" else {
    sprintf("Wild bootstrap (%s weights, null hypothesis %simposed)", b$weights,
            if (b$impose_null) "" else "not ")
  }
  unit <- if (b$cluster == "row") "rows" else sprintf("clusters of `%s`", b$cluster)
  sprintf("%s over %s (%d), B = %d%s%s", what, unit, as.integer(b$G), as.integer(b$B),
          if (b$enumerated) ", all sign vectors enumerated" else "",
          if (b$failed) {
            sprintf("; %d replicates without all statistics left out", b$failed)
          } else "")
}

#' @rdname fe_adjust
#' @export
tidy.fe_adjust <- function(x, ...) {
  check_dots(...)
  x$table
}

#' @rdname fe_adjust
#' @export
glance.fe_adjust <- function(x, ...) {
  check_dots(...)
  b <- x$boot
  data.frame(hypotheses = nrow(x$table), models = length(x$models),
             methods = paste(x$methods, collapse = ", "), B = if (is.null(b)) 0 else b$B,
             failed = if (is.null(b)) 0L else b$failed,
             G = if (is.null(b)) NA_integer_ else b$G)
}

#' @exportS3Method
table_models.fe_adjust <- function(x, ...) x$models
