# Columns and groups that the user names.

# The plain columns of a data frame that hold numbers.
numeric_columns <- function(data) {
  names(data)[vapply(data, is_plain_number, NA)]
}

# A character vector as it is; the columns of a one-sided formula such as ~ a + b or ~ . (every
# numeric column). Anything but names joined by + is refused.
as_columns <- function(vars, data, arg) {
  if (!inherits(vars, "formula")) return(vars)
  if (length(vars) != 2L) {
    stop_arg(arg, paste("is the two-sided formula", deparse_one(vars)),
             "Write a one-sided one, such as ~ a + b")
  }
  walk <- function(e) {
    if (identical(e, quote(.))) return(numeric_columns(data))
    if (is.name(e)) return(as.character(e))
    if (is.call(e) && as.character(e[[1L]])[1L] %in% c("+", "(")) {
      return(unlist(lapply(as.list(e)[-1L], walk)))
    }
    stop_arg(arg, paste0("holds ", deparse_one(e), ", which is not the name of a column"),
             "Add it to `data` as a column first, and join names by +")
  }
  walk(vars[[2L]])
}

# Groups of rows by one or more columns, in sorted order, missing values as a group of their own.
# Returns keys (data frame, one row a group), label, code (group of each row) and rows (list).
group_rows <- function(data, by) {
  code <- numeric(nrow(data))
  for (v in by) {
    if (!is.atomic(data[[v]]) || !is.null(dim(data[[v]]))) {
      stop_arg("by", paste0("names ", dQuote(v, FALSE), ", which is not a plain column"),
               "Give a factor, character, logical or numeric column")
    }
    values <- sort(unique(data[[v]]), na.last = TRUE)
    code <- code * length(values) + match(data[[v]], values) - 1
  }
  found <- sort(unique(code))
  keys <- data[match(found, code), by, drop = FALSE]
  rownames(keys) <- NULL
  parts <- lapply(keys, function(k) ifelse(is.na(k), "(missing)", as.character(k)))
  code <- match(code, found)
  list(keys = keys, label = do.call(paste, c(unname(parts), sep = ", ")), code = code,
       rows = unname(split(seq_along(code), factor(code, seq_along(found)))))
}

# Columns that identify: `by`, `id`, `time`.
check_key <- function(x, data, arg, one = FALSE) {
  if (is.null(x)) return(NULL)
  x <- check_columns(as_columns(x, data, arg), data, arg)
  if (one && length(x) != 1L) {
    stop_arg(arg, paste("must name one column, not", quote_list(x)),
             "Join several with interaction() first")
  }
  x
}
