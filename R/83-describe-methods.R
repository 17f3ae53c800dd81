# Descriptive statistics in print and as tables.

# Text of numbers: counts without decimals, the rest with `digits`, or in scientific form when
# fixed decimals would show none of the value or a row of digits too long to read.
format_stat <- function(x, stat, digits) {
  count <- stat %in% describe_counts || (stat == "t_bar" && all(x == round(x), na.rm = TRUE))
  if (count) digits <- 0
  text <- formatC(x, digits = digits, format = "f")
  odd <- is.finite(x) & x != 0 & (abs(x) < 0.5 * 10^-digits | abs(x) >= 1e10)
  if (!count) text[odd] <- formatC(x[odd], digits = max(digits - 1L, 1L), format = "e")
  text[is.na(x)] <- "NA"
  text
}

describe_heading <- function(stats) {
  known <- c(n = "N", mean = "Mean", sd = "SD", min = "Min", max = "Max", median = "Median",
             missing = "Missing", infinite = "Infinite", sd_between = "SD between",
             sd_within = "SD within", min_between = "Min between", max_between = "Max between",
             min_within = "Min within", max_within = "Max within", units = "Units",
             t_bar = "T-bar")
  ifelse(stats %in% names(known), known[stats], sub("^p", "P", stats))
}

#' @export
format.fe_describe <- function(x, digits = attr(x, "digits"), ...) {
  if (is.null(digits)) digits <- 3
  digits <- check_count(digits, "digits", 0, 15)
  by <- intersect(attr(x, "by"), names(x))
  x <- as.data.frame(x)
  if (all(c("variable", "label") %in% names(x))) x$variable <- x$label
  x$label <- NULL
  stats <- setdiff(names(x)[vapply(x, is.numeric, NA)], by)
  measured <- setdiff(stats, c(describe_counts, "t_bar"))
  noise <- 1e-13 * do.call(pmax, c(list(0), lapply(x[measured], abs), na.rm = TRUE))
  for (s in measured) x[[s]][which(abs(x[[s]]) <= noise)] <- 0
  for (s in stats) x[[s]] <- format_stat(x[[s]], s, digits)
  for (v in by) x[[v]] <- ifelse(is.na(x[[v]]), "(missing)", as.character(x[[v]]))
  is_stat <- names(x) %in% stats
  names(x)[is_stat] <- describe_heading(names(x)[is_stat])
  names(x)[names(x) == "variable"] <- "Variable"
  x
}

#' @export
print.fe_describe <- function(x, digits = attr(x, "digits"), ...) {
  text <- format(x, digits = digits)
  by <- intersect(attr(x, "by"), names(text))
  cat("Descriptive statistics", describe_note(x), "\n", sep = "")
  if (!nrow(text)) return(invisible(x))
  block <- if (length(by)) do.call(paste, c(unname(Map(paste, by, text[by], sep = " = ")),
                                            sep = ", ")) else rep("", nrow(text))
  shown <- text[setdiff(names(text), by)]
  lines <- text_columns(shown, names(shown) == "Variable")
  for (b in unique(block)) {
    if (length(by)) cat("\n", b, "\n", sep = "")
    cat(lines[1L], lines[-1L][block == b], sep = "\n")
  }
  left <- c("missing", "infinite")
  left <- left[vapply(left, function(s) s %in% names(x) && any(x[[s]] > 0), NA)]
  if (length(left)) {
    cat("Left out of a variable's statistics:", paste(left, collapse = " and "), "values.\n")
  }
  invisible(x)
}

# Lines of a table: a heading line and one for each row; `left` columns flush left.
text_columns <- function(table, left) {
  cells <- rbind(names(table), as.matrix(table))
  for (j in seq_len(ncol(cells))) {
    width <- max(nchar(cells[, j], "width"))
    pad <- strrep(" ", width - nchar(cells[, j], "width"))
    cells[, j] <- if (left[j]) paste0(cells[, j], pad) else paste0(pad, cells[, j])
  }
  unname(apply(cells, 1L, paste, collapse = "  "))
}

describe_note <- function(x) {
  panel <- attr(x, "panel")
  rows <- attr(x, "rows")
  if (is.null(rows)) return("")
  parts <- sprintf("%d rows", sum(rows))
  if (!is.null(panel)) parts <- c(parts, sprintf("%d units (%s)", panel$units, panel$id))
  if (!is.null(panel$time)) {
    parts <- c(parts, sprintf("%d periods (%s)", panel$periods, panel$time),
               if (panel$balanced) "balanced" else "unbalanced")
  }
  if (!is.null(panel) && panel$no_id > 0L) {
    parts <- c(parts, sprintf("%d without %s left out of the panel statistics",
                              panel$no_id, panel$id))
  }
  paste0(": ", paste(parts, collapse = ", "))
}

#' @export
as.data.frame.fe_describe <- function(x, row.names = NULL, optional = FALSE, ...) {
  plain_frame(x, row.names)
}

#' @importFrom generics tidy
#' @export
tidy.fe_describe <- function(x, ...) {
  x <- as.data.frame(x)
  names(x)[names(x) == "variable"] <- "term"
  x
}

#' @exportS3Method knitr::knit_print
knit_print.fe_describe <- function(x, ...) {
  knit_text(format(x), c("Variable", attr(x, "by")))
}
