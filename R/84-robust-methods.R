# Methods of a robustness table.

#' Methods for robustness results
#'
#' @param x,object an object of class `fe_robust`.
#' @param digits significant digits to print.
#' @param alpha what counts as significant, default 0.05.
#' @param most how many specifications `print` lists one by one; of more it shows the counts of
#'   `summary`.
#' @param part `"specs"` (default) or `"leave_out"`.
#' @param row.names,optional not used.
#' @param ... must be empty.
#' @return `summary`: an object of class `fe_robust_summary`, a data frame with a row for all
#'   specifications, one for each choice of each dimension that varies and one for each variable
#'   left out: `dimension`, `choice`, `specs`, `failed`, `positive`, `significant` (p < alpha and
#'   the sign of the baseline), `opposite` (p < alpha and the other sign), `min`, `median`, `max`.
#'   Counts of sign and range are over estimated specifications with the outcome of the baseline,
#'   those of choices of `outcome` over their own. `tidy` and `as.data.frame`: the data frame of
#'   specifications, or of what is left out; `glance`: one row (`specs`, `failed`, `estimate` and
#'   `p.value` of the baseline, `positive`, `significant`, `opposite`, `min`, `median`, `max`,
#'   `leave_out.min`, `leave_out.max`); `coef`: estimates by label; `nobs`: observations by label.
#' @name fe_robust-methods
NULL

#' @rdname fe_robust-methods
#' @export
print.fe_robust <- function(x, digits = 4L, alpha = 0.05, most = 60L, ...) {
  check_digits(digits)
  check_count(most, "most", 0)
  check_dots(...)
  s <- summary(x, alpha = alpha)
  cat(sprintf("Robustness of %s on %s: %d specification%s, %d without an estimate\n", x$focal,
              x$baseline$outcome, nrow(x$specs), if (nrow(x$specs) == 1L) "" else "s",
              sum(is.na(x$specs$estimate))))
  base <- x$specs[1L, ]
  cat(sprintf("Baseline: %s (%s), p = %s, n = %s; std. errors: %s\n",
              format(base$estimate, digits = digits), format(base$std.error, digits = digits),
              format.pval(base$p.value, digits = 3L, eps = 1e-4), format(base$nobs, big.mark = ","),
              describe_vcov(x$baseline)))
  print_counts(s[1L, ], alpha, digits)
  if (nrow(x$specs) <= most) print_specs(x, digits) else print_choices(s, digits)
  print_left_out(x, digits)
  print_failures(x)
  invisible(x)
}

print_counts <- function(s, alpha, digits) {
  known <- s$specs - s$failed
  cat(sprintf("Of %d comparable estimates %d are positive; %d are significant at %g, ", known,
              s$positive, s$significant + s$opposite, alpha))
  cat(sprintf("%d of them with the other sign\n", s$opposite))
  cat(sprintf("Range %s to %s, median %s\n\n", format(s$min, digits = digits),
              format(s$max, digits = digits), format(s$median, digits = digits)))
}

print_specs <- function(x, digits) {
  t <- x$specs
  for (group in unique(t$group)) {
    part <- t[t$group == group, ]
    cat(group, "\n", sep = "")
    shown <- cbind(format(part$estimate, digits = digits), format(part$std.error, digits = digits),
                   format.pval(part$p.value, digits = 3L, eps = 1e-4),
                   sprintf("[%s, %s]", format(part$conf.low, digits = digits),
                           format(part$conf.high, digits = digits)),
                   format(part$nobs, big.mark = ","))
    shown[is.na(part$estimate), ] <- ""
    shown[is.na(part$estimate), 1L] <- "none"
    mark <- ifelse(is.na(part$note), "", " *")
    dimnames(shown) <- list(paste0("  ", part$label, mark),
                            c("Estimate", "Std. error", "p",
                              sprintf("%g%% interval", 100 * x$level), "n"))
    print(shown, quote = FALSE, right = TRUE)
  }
  if (any(!is.na(t$note))) cat("* with a warning, see the column `note` of tidy()\n")
}

print_choices <- function(s, digits) {
  s <- s[-1L, ]
  s <- s[s$dimension != "leave_out", ]
  numbers <- vapply(s[c("min", "median", "max")], format, character(nrow(s)), digits = digits)
  counts <- vapply(s[c("specs", "failed", "positive", "significant", "opposite")], format,
                   character(nrow(s)))
  shown <- cbind(matrix(counts, nrow(s)), matrix(numbers, nrow(s)))
  dimnames(shown) <- list(paste0(s$dimension, ": ", s$choice),
                          c("specs", "failed", "positive", "signif.", "opposite", "min", "median",
                            "max"))
  print(shown, quote = FALSE, right = TRUE)
}

print_left_out <- function(x, digits) {
  for (name in unique(x$leave_out$variable)) {
    part <- x$leave_out[x$leave_out$variable == name, ]
    ends <- c(which.min(part$estimate), which.max(part$estimate))
    if (!length(ends)) next
    cat(sprintf("\nWithout one %s: from %s (without %s) to %s (without %s)%s\n", name,
                format(part$estimate[ends[1L]], digits = digits), part$value[ends[1L]],
                format(part$estimate[ends[2L]], digits = digits), part$value[ends[2L]],
                if (all(is.na(part$std.error))) "; no standard errors" else ""))
  }
}

# One line a cause, with what it concerns.
print_failures <- function(x) {
  out <- x$leave_out
  t <- data.frame(label = c(x$specs$label, paste("without", out$value, recycle0 = TRUE)),
                  problem = c(x$specs$problem, out$problem))
  t <- t[!is.na(t$problem), ]
  if (!nrow(t)) return(invisible())
  cat("\nNo estimate:\n")
  for (cause in unique(t$problem)) {
    labels <- t$label[t$problem == cause]
    more <- if (length(labels) > 4L) sprintf(" and %d more", length(labels) - 4L) else ""
    text <- sprintf("%s%s: %s", paste(utils::head(labels, 4L), collapse = ", "), more, cause)
    cat(strwrap(text, 98L, indent = 2L, exdent = 4L), sep = "\n")
  }
}

#' @rdname fe_robust-methods
#' @export
summary.fe_robust <- function(object, alpha = 0.05, ...) {
  check_dots(...)
  check_number(alpha, "alpha", 0, 1, open = TRUE)
  t <- object$specs
  varying <- names(object$choices)[lengths(object$choices) > 1L]
  parts <- list(count_specs(t[t$comparable, ], "all", "", t$estimate[1L], alpha))
  for (name in varying) {
    for (choice in object$choices[[name]]) {
      rows <- t[[name]] == choice & (name == "outcome" | t$comparable)
      parts[[length(parts) + 1L]] <- count_specs(t[rows, ], name, choice, t$estimate[1L], alpha)
    }
  }
  for (name in unique(object$leave_out$variable)) {
    rows <- object$leave_out[object$leave_out$variable == name, ]
    parts[[length(parts) + 1L]] <- count_specs(rows, "leave_out", name, t$estimate[1L], alpha)
  }
  structure(do.call(rbind, parts), class = c("fe_robust_summary", "data.frame"), alpha = alpha,
            focal = object$focal)
}

count_specs <- function(t, dimension, choice, baseline, alpha) {
  b <- t$estimate[!is.na(t$estimate)]
  small <- t$p.value < alpha & !is.na(t$p.value)
  same <- sign(t$estimate) == sign(baseline)
  range <- if (length(b)) c(min(b), stats::median(b), max(b)) else rep(NA_real_, 3L)
  data.frame(dimension = dimension, choice = choice, specs = nrow(t),
             failed = nrow(t) - length(b), positive = sum(b > 0),
             significant = sum(small & same, na.rm = TRUE),
             opposite = sum(small & !same, na.rm = TRUE), min = range[1L], median = range[2L],
             max = range[3L])
}

#' @rdname fe_robust-methods
#' @export
print.fe_robust_summary <- function(x, digits = 4L, ...) {
  check_digits(digits)
  check_dots(...)
  cat(sprintf("Robustness of %s\n", attr(x, "focal")))
  print_counts(x[1L, ], attr(x, "alpha"), digits)
  if (nrow(x) > 1L) print_choices(x, digits)
  invisible(x)
}

#' @rdname fe_robust-methods
#' @export
tidy.fe_robust <- function(x, part = c("specs", "leave_out"), ...) {
  check_dots(...)
  part <- check_first(part, c("specs", "leave_out"), "part")
  if (is.null(x[[part]])) {
    stop_arg("part", "is \"leave_out\", and nothing was left out",
             "Call fe_robust() with leave_out = ~unit")
  }
  x[[part]]
}

#' @rdname fe_robust-methods
#' @export
as.data.frame.fe_robust <- function(x, row.names = NULL, optional = FALSE, ...) tidy(x, ...)

#' @rdname fe_robust-methods
#' @export
glance.fe_robust <- function(x, ...) {
  check_dots(...)
  s <- summary(x)[1L, ]
  t <- x$specs
  without <- x$leave_out$estimate
  out <- if (all(is.na(without))) c(NA_real_, NA_real_) else range(without, na.rm = TRUE)
  counts <- c("positive", "significant", "opposite", "min", "median", "max")
  data.frame(specs = nrow(t), failed = sum(is.na(t$estimate)), estimate = t$estimate[1L],
             p.value = t$p.value[1L], unclass(s)[counts], leave_out.min = out[1L],
             leave_out.max = out[2L])
}

#' @rdname fe_robust-methods
#' @export
coef.fe_robust <- function(object, ...) {
  stats::setNames(object$specs$estimate, object$specs$label)
}

#' @rdname fe_robust-methods
#' @export
nobs.fe_robust <- function(object, ...) stats::setNames(object$specs$nobs, object$specs$label)

# A column for each model that could be estimated.
#' @exportS3Method
table_models.fe_robust <- function(x, ...) Filter(Negate(is.null), x$models)
