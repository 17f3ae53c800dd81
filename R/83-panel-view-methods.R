# A panel view in print and as tables.

#' @rdname fe_panel_view
#' @param x An object of class `fe_panel_view`.
#' @param patterns How many patterns to print.
#' @export
print.fe_panel_view <- function(x, patterns = 8, ...) {
  check_dots(...)
  patterns <- check_count(patterns, "patterns", 0)
  n <- c(nrow(x$units), nrow(x$periods))
  cat(sprintf("Panel: %d rows, %d units (%s), %d periods (%s: %s to %s), %s\n", nrow(x$cells),
              n[1L], x$id, n[2L], x$time, format(x$periods$time[1L]),
              format(x$periods$time[n[2L]]), if (x$balanced) "balanced" else "unbalanced"))
  if (x$left > 0) cat(sprintf("%d rows without %s or %s left out\n", x$left, x$id, x$time))
  cat(view_counts(x), sep = "\n")
  spread <- stats::quantile(x$units$n, c(0, 0.05, 0.25, 0.5, 0.75, 0.95, 1), type = 2,
                            names = FALSE)
  cat("\nRows a unit\n")
  line <- as.data.frame(t(format(spread, trim = TRUE)))
  names(line) <- c("min", "p5", "p25", "median", "p75", "p95", "max")
  cat(text_columns(line, rep(FALSE, 7L)), sep = "\n")
  if (!is.null(x$patterns) && patterns > 0 && n[2L] <= 60L) {
    cat("\nPatterns (1: a row, .: none)\n")
    top <- utils::head(x$patterns, patterns)
    text <- data.frame(Units = format(top$units), Share = sprintf("%.1f%%", 100 * top$share),
                       Pattern = top$pattern)
    cat(text_columns(text, c(FALSE, FALSE, TRUE)), sep = "\n")
    if (nrow(x$patterns) > nrow(top)) {
      rest <- nrow(x$patterns) - nrow(top)
      cat(sprintf("and %d other pattern%s\n", rest, if (rest == 1L) "" else "s"))
    }
  }
  invisible(x)
}

view_counts <- function(x) {
  u <- x$units
  c(sprintf("Cells without a row inside a unit's span (gaps): %d, in %d units", sum(u$gaps),
            sum(u$gaps > 0)),
    sprintf("Units that enter after the first period: %d; that leave before the last: %d",
            nrow(u) - x$periods$entry[1L], nrow(u) - x$periods$exit[nrow(x$periods)]),
    if (length(x$vars)) sprintf("Rows that lack a value of %s: %d", quote_list(x$vars),
                                sum(u$incomplete)))
}

#' @rdname fe_panel_view
#' @param what `tidy`: `"units"` (default), `"periods"` or `"patterns"`.
#' @export
tidy.fe_panel_view <- function(x, what = "units", ...) {
  check_dots(...)
  x[[check_choice(what, c("units", "periods", "patterns"), "what")]]
}

#' @rdname fe_panel_view
#' @export
glance.fe_panel_view <- function(x, ...) {
  data.frame(nobs = nrow(x$cells), units = nrow(x$units), periods = nrow(x$periods),
             balanced = x$balanced, gaps = sum(x$units$gaps), incomplete = sum(x$units$incomplete),
             t.min = min(x$units$n), t.bar = mean(x$units$n), t.max = max(x$units$n))
}

#' @export
format.fe_panel_view <- function(x, ...) {
  check_dots(...)
  p <- x$periods
  counts <- lapply(p[-1L], function(v) format(v, trim = TRUE, big.mark = ""))
  names(counts) <- c("Rows", "Incomplete", "Gaps", "Entry", "Exit")
  if (!length(x$vars)) counts$Incomplete <- NULL
  out <- data.frame(as.character(p$time), counts, stringsAsFactors = FALSE)
  names(out)[1L] <- x$time
  structure(out, notes = sprintf("%d units (%s), %s.", nrow(x$units), x$id,
                                 if (x$balanced) "balanced" else "unbalanced"))
}

#' @export
as.data.frame.fe_panel_view <- function(x, row.names = NULL, optional = FALSE, ...) x$periods

#' @exportS3Method knitr::knit_print
knit_print.fe_panel_view <- function(x, ...) knit_text(format(x), x$time)
