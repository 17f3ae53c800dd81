# Descriptive statistics: one row a variable (and group), with Stata's xtsum decomposition.

describe_counts <- c("n", "missing", "infinite", "units")
describe_panel_stats <- c("sd_between", "sd_within", "min_between", "max_between",
                          "min_within", "max_within", "units", "t_bar")
describe_plain_stats <- c("n", "mean", "sd", "min", "max", "median", "missing", "infinite")

#' Descriptive statistics of a panel (Table 1)
#'
#' One row a variable: count, mean, standard deviation, minimum, maximum, or what else `stats`
#' asks for; by groups; and, when `id` names the unit of a panel, the standard deviation between
#' and within units as Stata's `xtsum` defines it.
#'
#' Each variable is described over its own finite values. Missing (`NA`, `NaN`) and infinite values
#' are left out of the statistics and counted: when there are any, the columns `missing` and
#' `infinite` appear by themselves.
#'
#' Write \eqn{\bar x_i}{xbar_i} for the mean of unit \eqn{i} over its \eqn{T_i} values,
#' \eqn{\bar x}{xbar} for the mean over all \eqn{N = \sum T_i}{N = sum T_i} values, \eqn{n} for the
#' number of units with a value. Then
#' \itemize{
#'   \item `sd` is the square root of
#'     \eqn{\sum_{it} (x_{it} - \bar x)^2 / (N - 1)}{sum (x_it - xbar)^2 / (N - 1)};
#'   \item `sd_between` is the standard deviation of the \eqn{n} unit means, each counted once,
#'     with divisor \eqn{n - 1};
#'   \item `sd_within` is the standard deviation of
#'     \eqn{x_{it} - \bar x_i + \bar x}{x_it - xbar_i + xbar}, with divisor \eqn{N - 1} (not
#'     \eqn{N - n});
#'   \item `t_bar` is \eqn{N / n}.
#' }
#' `min_between`, `max_between`, `min_within` and `max_within` are the extremes of the same two
#' variables. In the unbalanced case the squares of `sd_between` and `sd_within` do not add up to
#' that of `sd`. Percentiles are those of [stats::quantile()], type 7; Stata's differ a little.
#'
#' @param data A data frame, one row an observation.
#' @param vars Columns to describe: a character vector, or a one-sided formula such as `~ a + b`.
#'   Numeric or logical (described as 0 and 1). Default: every numeric or logical column that
#'   `by`, `id` and `time` do not name.
#' @param by Columns that form groups (character vector or one-sided formula), or `NULL`. Rows with
#'   a missing value in them are a group of their own.
#' @param id The column that names the unit of the panel, or `NULL`. With it `sd_between`,
#'   `sd_within`, `units` and `t_bar` are added. Rows without an id are left out of these four,
#'   and the print says how many.
#' @param time The column of the period, or `NULL`; needs `id`. With it the number of periods and
#'   whether the panel is balanced are stated; a repeated pair of id and time gives a warning.
#' @param stats The statistics, in the order of the columns: any of "n", "mean", "sd", "min",
#'   "max", "median", "missing", "infinite", a percentile from "p0" to "p100" such as "p25" or
#'   "p97.5", and with `id` also "sd_between", "sd_within", "min_between", "max_between",
#'   "min_within", "max_within", "units" and "t_bar".
#' @param labels Labels of variables: a named character vector, `c(column = "label")`. A variable
#'   not in it is shown by its attribute `label`, if it has one, else by its name.
#' @param digits Decimals in print, 0 to 15. Counts are printed without decimals; values that
#'   `digits` decimals would round to zero in scientific form, unless they are rounding error (1e-13
#'   of the largest statistic in their row), which prints as zero.
#'
#' @return A data frame of class `fe_describe`: the columns of `by`, `variable`, `label` (when there
#'   is one) and one column for each statistic, unrounded; `NA` where a statistic does not exist,
#'   such as the standard deviation of one value. Attributes: `digits`, `by`, `rows` (rows of
#'   `data` in each group), `panel` (a list: id, time, units, periods, balanced, no_id; or
#'   `NULL`). Methods: `print`, `format` (a data frame of text as printed), `as.data.frame` (without
#'   the class), `tidy` (the column `variable` is `term`), and knitr's `knit_print` (a
#'   markdown or LaTeX table by the format of the document).
#'
#'   Errors name the argument: columns that do not exist or are not numeric, `time` without `id`,
#'   panel statistics without `id`, unknown statistics, `by` that clashes with the name of a
#'   statistic.
#' @references StataCorp (2023). *Longitudinal-Data/Panel-Data Reference Manual*, entry `xtsum`.
#' @examples
#' panel <- data.frame(firm = rep(1:20, each = 5), year = rep(2001:2005, 20))
#' panel$size <- panel$firm + sin(1:100)
#' panel$debt <- cos(1:100)
#' panel$debt[7] <- NA
#' fe_describe(panel, ~ size + debt)
#' fe_describe(panel, c("size", "debt"), id = "firm", time = "year",
#'             labels = c(size = "Size of the firm"))
#' fe_describe(panel, "debt", by = "year", stats = c("n", "median", "p25", "p75"))
#' @export
fe_describe <- function(data, vars = NULL, by = NULL, id = NULL, time = NULL,
                        stats = c("n", "mean", "sd", "min", "max"), labels = NULL, digits = 3) {
  data <- check_data(data)
  by <- check_key(by, data, "by")
  id <- check_key(id, data, "id", one = TRUE)
  time <- check_key(time, data, "time", one = TRUE)
  if (!is.null(time) && is.null(id)) {
    stop_arg("time", "is given without `id`", "Name the unit of the panel in `id`")
  }
  vars <- describe_vars(vars, data, c(by, id, time))
  stats <- describe_stats(stats, data[vars], id, by, !missing(stats))
  digits <- check_count(digits, "digits", 0, 15)
  labels <- describe_labels(labels, data, vars)
  groups <- if (is.null(by)) NULL else group_rows(data, by)
  unit <- if (is.null(id)) NULL else match(data[[id]], unique(stats::na.omit(data[[id]])))
  rows <- if (is.null(by)) list(seq_len(nrow(data))) else groups$rows
  blocks <- lapply(seq_along(rows), function(g) {
    keys <- if (!is.null(by)) groups$keys[rep(g, length(vars)), , drop = FALSE]
    describe_block(data[rows[[g]], vars, drop = FALSE], unit[rows[[g]]], stats, keys, labels)
  })
  table <- do.call(rbind, blocks)
  rownames(table) <- NULL
  structure(table, class = c("fe_describe", "data.frame"), digits = digits, by = by,
            rows = lengths(rows), panel = describe_panel(data, id, time))
}

# The rows of one group: its keys, then variable, label and the statistics.
describe_block <- function(data, unit, stats, keys, labels) {
  cells <- data.frame(variable = names(data), stringsAsFactors = FALSE)
  if (!is.null(labels)) cells$label <- labels
  values <- lapply(data, describe_one, unit = unit, stats = stats)
  cells[stats] <- do.call(rbind, values)
  if (is.null(keys)) cells else cbind(keys, cells, row.names = NULL)
}

describe_vars <- function(vars, data, keys) {
  if (!is.null(vars)) return(check_numeric_columns(as_columns(vars, data, "vars"), data, "vars"))
  vars <- setdiff(numeric_columns(data), keys)
  if (!length(vars)) {
    stop_arg("vars", "is not given and `data` has no numeric column to describe",
             "Convert columns with as.numeric()")
  }
  vars
}

# Adds the panel statistics to the default ones, and the counts of what the statistics left out.
describe_stats <- function(stats, data, id, by, chosen) {
  known <- c(describe_plain_stats, describe_panel_stats)
  if (!is.character(stats) || !length(stats) || anyNA(stats) || anyDuplicated(stats)) {
    stop_arg("stats", paste("must be distinct names of statistics, not", describe_value(stats)),
             paste("Choose from", quote_list(known, 20L), "and percentiles such as \"p25\""))
  }
  unknown <- stats[!stats %in% known & is.na(percentile(stats))]
  if (length(unknown)) {
    stop_arg("stats", paste("has the unknown", quote_list(unknown)),
             paste("Choose from", quote_list(known, 20L), "and percentiles such as \"p25\""))
  }
  if (is.null(id) && any(stats %in% describe_panel_stats)) {
    stop_arg("stats", paste("asks for", quote_list(intersect(stats, describe_panel_stats)),
                            "which need the unit of the panel"), "Name it in `id`")
  }
  if (!is.null(id) && !chosen) stats <- c(stats, "sd_between", "sd_within", "units", "t_bar")
  if (any(vapply(data, anyNA, NA))) stats <- union(stats, "missing")
  if (any(vapply(data, function(x) any(is.infinite(x)), NA))) stats <- union(stats, "infinite")
  clash <- intersect(by, c(stats, "variable", "label"))
  if (length(clash)) {
    stop_arg("by", paste("names", quote_list(clash), "which is also a column of the result"),
             "Rename the column in `data`")
  }
  stats
}

# "p25" is 0.25; NA for what is no percentile.
percentile <- function(stats) {
  is_p <- grepl("^p[0-9]+(\\.[0-9]+)?$", stats)
  value <- rep(NA_real_, length(stats))
  value[is_p] <- as.numeric(substring(stats[is_p], 2L)) / 100
  value[is_p & value > 1] <- NA
  value
}

describe_labels <- function(labels, data, vars) {
  if (!is.null(labels)) {
    if (!is.character(labels) || is.null(names(labels)) || anyNA(labels)) {
      stop_arg("labels", "must be a named character vector", "Write c(column = \"label\")")
    }
    stray <- setdiff(names(labels), names(data))
    if (length(stray)) {
      stop_arg("labels", paste("has names that are not columns of `data`:", quote_list(stray)),
               "Write c(column = \"label\")")
    }
  }
  own <- vapply(vars, function(v) {
    label <- if (v %in% names(labels)) labels[[v]] else attr(data[[v]], "label", exact = TRUE)
    if (is.character(label) && length(label) == 1L && !is.na(label)) label else NA_character_
  }, "", USE.NAMES = FALSE)
  if (all(is.na(own))) NULL else ifelse(is.na(own), vars, own)
}

# The statistics of one variable in one group; `unit` holds codes of units or is NULL.
describe_one <- function(x, unit, stats) {
  x <- as.double(x)
  kept <- is.finite(x)
  counts <- c(n = sum(kept), missing = sum(is.na(x)), infinite = sum(is.infinite(x)))
  panel <- if (!is.null(unit) && any(stats %in% describe_panel_stats)) {
    use <- kept & !is.na(unit)
    panel_split(x[use], unit[use])
  }
  x <- x[kept]
  vapply(stats, function(s) {
    if (s %in% names(counts)) return(as.double(counts[[s]]))
    if (s %in% names(panel)) return(panel[[s]])
    if (!length(x)) return(NA_real_)
    switch(s, mean = mean(x), sd = stats::sd(x), min = min(x), max = max(x),
           median = stats::median(x), stats::quantile(x, percentile(s), names = FALSE))
  }, 0)
}

# Between: the unit means. Within: x_it - xbar_i + xbar.
panel_split <- function(x, unit) {
  out <- c(sd_between = NA, sd_within = NA, min_between = NA, max_between = NA,
           min_within = NA, max_within = NA, units = 0, t_bar = NA)
  if (!length(x)) return(out)
  code <- match(unit, unique(unit))
  between <- as.vector(rowsum(x, code, reorder = FALSE)) / tabulate(code)
  within <- x - between[code] + mean(x)
  out[] <- c(stats::sd(between), stats::sd(within), range(between), range(within),
             length(between), length(x) / length(between))
  out
}

# What is said of the panel as a whole. Balanced: every unit in every period, once.
describe_panel <- function(data, id, time) {
  if (is.null(id)) return(NULL)
  has <- !is.na(data[[id]])
  panel <- list(id = id, time = time, units = length(unique(data[[id]][has])),
                no_id = sum(!has))
  if (is.null(time)) return(panel)
  has <- has & !is.na(data[[time]])
  pairs <- data.frame(id = data[[id]], time = data[[time]])
  twice <- which(has & duplicated(pairs))
  if (length(twice)) {
    warn_user("`id` and `time` do not identify rows: ", length(twice), " repeat an earlier pair (",
              quote_rows(twice), "). The statistics count every row.")
  }
  panel$periods <- length(unique(data[[time]][has]))
  panel$balanced <- !length(twice) && sum(has) == panel$units * panel$periods && all(has)
  panel
}
