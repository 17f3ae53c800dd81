# A balance table in print and as a table.

#' @export
format.fe_balance <- function(x, digits = attr(x, "digits"), ...) {
  check_dots(...)
  digits <- check_count(digits, "digits", 0, 15)
  show <- function(v) format_fixed(v, digits)
  text <- plain_frame(x)
  several <- length(unique(text$group)) > 1L
  spec <- attr(x, "spec")
  marks <- if (is.null(attr(x, "stars"))) "" else significance_stars(text$p.value, attr(x, "stars"))
  out <- data.frame(Variable = rep_len(attr(x, "labels"), nrow(text)), stringsAsFactors = FALSE)
  if (several) out$Group <- text$group
  group <- if (several) "group" else text$group[1L]
  out[[sprintf("Mean (%s)", spec$reference)]] <- show(text$mean_reference)
  out[["SD "]] <- show(text$sd_reference)
  out[[sprintf("Mean (%s)", group)]] <- show(text$mean)
  out[["SD"]] <- show(text$sd)
  out$Difference <- paste0(show(text$difference), marks)
  out[["Std. error"]] <- show(text$std.error)
  out$p <- show(text$p.value)
  out[["Norm. diff."]] <- show(text$norm_diff)
  structure(out, notes = balance_notes(x))
}

balance_notes <- function(x) {
  spec <- attr(x, "spec")
  n <- function(v) {
    v <- as.integer(range(v))
    if (v[1L] == v[2L]) as.character(v[1L]) else sprintf("%d to %d", v[1L], v[2L])
  }
  sizes <- vapply(split(x$n, factor(x$group, unique(x$group))), n, "")
  stars <- attr(x, "stars")
  joint <- attr(x, "joint")
  c(sprintf("%s: %s %s, %s.", spec$group, spec$reference, n(x$n_reference),
            paste(names(sizes), sizes, collapse = ", ")),
    if (attr(x, "left") > 0) sprintf("%d rows without a group left out.", attr(x, "left")),
    sprintf("Difference from %s%s; std. errors: %s.", spec$reference, if (length(spec$fixef))
      paste(" within", paste(spec$fixef, collapse = ", ")) else "", attr(x, "errors")),
    if (!is.null(joint)) {
      sprintf("Joint test: F(%d, %s) = %s, p %s (n = %s).", as.integer(joint$df1),
              format(joint$df2, digits = 4L), format_fixed(joint$statistic, 3),
              p_text(joint$p.value), format(joint$nobs))
    },
    if (!is.null(stars)) stars_legend(stars))
}

stars_legend <- function(stars) {
  paste0(paste(names(stars), "p <", vapply(stars, format, ""), collapse = ", "), ".")
}

#' @export
print.fe_balance <- function(x, digits = attr(x, "digits"), ...) {
  text <- format(x, digits = digits, ...)
  cat(text_columns(text, names(text) %in% c("Variable", "Group")), sep = "\n")
  cat(attr(text, "notes"), sep = "\n")
  invisible(x)
}

#' @export
tidy.fe_balance <- function(x, ...) {
  x <- plain_frame(x)
  names(x)[names(x) == "variable"] <- "term"
  names(x)[names(x) == "difference"] <- "estimate"
  x
}

#' @export
glance.fe_balance <- function(x, ...) {
  joint <- attr(x, "joint")
  if (is.null(joint)) {
    joint <- list(statistic = NA_real_, df1 = NA_real_, df2 = NA_real_, p.value = NA_real_,
                  nobs = NA_real_)
  }
  as.data.frame(joint)
}

#' @exportS3Method knitr::knit_print
knit_print.fe_balance <- function(x, ...) knit_text(format(x), c("Variable", "Group"))
