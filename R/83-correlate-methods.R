# A correlation matrix in print and as a table.

#' @export
as.matrix.fe_correlate <- function(x, what = "estimate", ...) {
  check_dots(...)
  what <- check_choice(what, intersect(names(x), c("estimate", "std.error", "statistic", "df",
                                                   "p.value", "nobs")), "what")
  vars <- attr(x, "vars")
  out <- matrix(NA_real_, length(vars), length(vars), dimnames = list(vars, vars))
  if (what == "estimate") diag(out) <- 1
  at <- cbind(match(x$x, vars), match(x$y, vars))
  out[at] <- out[at[, 2:1, drop = FALSE]] <- x[[what]]
  out
}

#' @export
format.fe_correlate <- function(x, digits = attr(x, "digits"), ...) {
  check_dots(...)
  correlate_text(x, digits, "")
}

# The lower triangle; `pad` follows what is shorter than the longest stars.
correlate_text <- function(x, digits, pad) {
  digits <- check_count(digits, "digits", 0, 15)
  r <- as.matrix(x)
  p <- as.matrix(x, "p.value")
  marks <- if (!is.null(attr(x, "stars"))) significance_stars(p, attr(x, "stars")) else ""
  marks <- paste0(marks, strrep(pad, max(nchar(marks)) - nchar(marks)))
  text <- matrix(paste0(format_fixed(r, digits), marks), nrow(r))
  text[upper.tri(text)] <- ""
  number <- sprintf("(%d)", seq_len(nrow(text)))
  colnames(text) <- number
  out <- data.frame(Variable = paste(number, attr(x, "labels")), text, check.names = FALSE)
  structure(out, notes = correlate_notes(x))
}

correlate_notes <- function(x) {
  spec <- attr(x, "spec")
  name <- if (spec$method == "pearson") "Correlations" else "Rank correlations (Spearman)"
  where <- switch(spec$type, overall = "", within = paste(" within", spec$id),
                  between = paste(" between means of", spec$id))
  n <- range(x$nobs)
  what <- if (spec$type == "between") "units" else "rows"
  size <- if (n[1L] == n[2L]) sprintf("%d %s", as.integer(n[1L]), what) else
    sprintf("%d to %d %s a pair", as.integer(n[1L]), as.integer(n[2L]), what)
  stars <- attr(x, "stars")
  errors <- if (is.null(spec$cluster)) "p-values take these for independent" else
    paste("standard errors clustered by", spec$cluster)
  c(paste0(name, where, ": ", size, "; ", errors, "."),
    if (!is.null(stars)) stars_legend(stars))
}

#' @export
print.fe_correlate <- function(x, digits = attr(x, "digits"), ...) {
  check_dots(...)
  text <- correlate_text(x, digits, " ")
  cat(text_columns(text, names(text) == "Variable"), sep = "\n")
  cat(attr(text, "notes"), sep = "\n")
  invisible(x)
}

#' @export
tidy.fe_correlate <- function(x, ...) plain_frame(x)

#' @exportS3Method knitr::knit_print
knit_print.fe_correlate <- function(x, ...) knit_text(format(x))

# A data frame without class and attributes of its own.
plain_frame <- function(x, row.names = NULL) {
  attributes(x) <- list(names = names(x), row.names = attr(x, "row.names"), class = "data.frame")
  if (!is.null(row.names)) rownames(x) <- row.names
  x
}

# A table of text for a document, its notes below.
knit_text <- function(text, left = "Variable") {
  is_text <- names(text) %in% left
  table <- knitr::kable(text, align = ifelse(is_text, "l", "r"), row.names = FALSE)
  knitr::asis_output(paste(c("", table, "", attr(text, "notes"), ""), collapse = "\n"))
}
