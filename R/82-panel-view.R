# Who is observed when: units, periods, gaps, entry and exit.

#' Panel view: who is observed when
#'
#' The shape of a panel: rows by unit and period, entry and exit of units, gaps between them, rows
#' that lack a value, and the most frequent patterns of participation; with figures.
#'
#' The periods are the distinct values of `time` in the data, in sorted order, so a year in which
#' nobody is observed is no period. A cell (unit, period) is "observed" when a row holds all of
#' `vars`, "incomplete" when it lacks some, "gap" when there is no row but rows of the unit before
#' and after, and "absent" before the first and after the last row of the unit.
#'
#' @param data A data frame, one row an observation.
#' @param id,time The columns of the unit and of the period (names or one-sided formulas). Rows
#'   without one of them are left out and counted; a repeated pair is an error.
#' @param vars Columns that a complete row must have (character vector or one-sided formula);
#'   `NULL`: none, and no cell is incomplete. Infinite values count as missing.
#' @return An object of class `fe_panel_view`, a list:
#'   \item{units}{data frame, one row a unit in sorted order: `unit`, `first`, `last` (periods),
#'     `n` (its rows), `incomplete`, `gaps` (periods without a row between first and last).}
#'   \item{periods}{data frame, one row a period: `time`, `n` (rows), `incomplete`, `gaps`, `entry`
#'     (units seen first), `exit` (units seen last).}
#'   \item{patterns}{data frame of `pattern` (a sign a period: `1` row, `.` none), `units`,
#'     `share`, the most frequent first; `NULL` when units times periods exceed 2e7.}
#'   \item{cells}{data frame, one row a row: `unit` and `period` (places in the two tables),
#'     `incomplete`.}
#'   \item{balanced, id, time, vars, left}{is there a row for each unit and period; names; number
#'     of rows left out.}
#'   Methods: `print`, `tidy` (`what = "units"`, `"periods"` or `"patterns"`), `glance`, `plot`,
#'   and [fe_table()] shows the periods.
#' @seealso [fe_describe()] for the statistics.
#' @examples
#' firms <- expand.grid(year = 2001:2008, firm = 1:30)
#' firms$debt <- sin(seq_len(nrow(firms)))
#' firms$debt[c(11, 40)] <- NA
#' firms <- firms[-c(1:3, 20, 64:70, 100:101), ]
#' view <- fe_panel_view(firms, "firm", "year", "debt")
#' view
#' if (requireNamespace("ggplot2", quietly = TRUE)) plot(view)
#' @export
fe_panel_view <- function(data, id, time, vars = NULL) {
  data <- check_data(data)
  if (missing(id)) stop_arg("id", "is missing", "Name the column of the unit")
  if (missing(time)) stop_arg("time", "is missing", "Name the column of the period")
  id <- check_key(id, data, "id", one = TRUE)
  time <- check_key(time, data, "time", one = TRUE)
  vars <- check_key(vars, data, "vars")
  keep <- which(!is.na(data[[id]]) & !is.na(data[[time]]))
  if (!length(keep)) stop_arg("id", "and `time` are nowhere both known", "Check the two columns")
  unit <- view_codes(data[[id]][keep], id, "id")
  period <- view_codes(data[[time]][keep], time, "time")
  n <- c(unit = length(unit$levels), period = length(period$levels))
  check_view_pairs(unit$code, period$code, n, keep, c(id, time))
  lacks <- rep(FALSE, length(keep))
  for (v in vars) {
    x <- data[[v]][keep]
    lacks <- lacks | is.na(x) | (is.numeric(x) & is.infinite(x))
  }
  cells <- data.frame(unit = unit$code, period = period$code, incomplete = lacks)
  ends <- view_ends(cells, n)
  structure(list(units = view_units(cells, unit$levels, period$levels, ends),
                 periods = view_periods(cells, period$levels, ends),
                 patterns = view_patterns(cells, n), cells = cells,
                 balanced = nrow(cells) == prod(n), id = id, time = time, vars = vars,
                 left = nrow(data) - length(keep)), class = "fe_panel_view")
}

view_codes <- function(v, name, arg) {
  if (!is.atomic(v) || !is.null(dim(v))) {
    stop_arg(arg, paste0("names ", dQuote(name, FALSE), ", which is not a plain column"),
             "Give a factor, character or numeric column")
  }
  levels <- sort(unique(v))
  list(levels = levels, code = match(v, levels))
}

check_view_pairs <- function(unit, period, n, keep, names) {
  twice <- which(duplicated((unit - 1) * n[["period"]] + period))
  if (!length(twice)) return(invisible())
  stop_arg("id", sprintf("and `time` (%s) do not identify rows: %d repeat an earlier pair, in %s",
                         paste(names, collapse = ", "), length(twice), quote_rows(keep[twice])),
           "Add the column that tells them apart to `id` with interaction(), or aggregate")
}

# First and last period of each unit.
view_ends <- function(cells, n) {
  in_order <- order(cells$unit, cells$period)
  unit <- cells$unit[in_order]
  starts <- which(!duplicated(unit))
  list(first = cells$period[in_order][starts],
       last = cells$period[in_order][c(starts[-1L] - 1L, length(unit))])
}

view_units <- function(cells, units, periods, ends) {
  rows <- tabulate(cells$unit, length(units))
  data.frame(unit = units, first = periods[ends$first], last = periods[ends$last], n = rows,
             incomplete = tabulate(cells$unit[cells$incomplete], length(units)),
             gaps = ends$last - ends$first + 1L - rows, stringsAsFactors = FALSE)
}

view_periods <- function(cells, periods, ends) {
  size <- length(periods)
  count <- function(at) tabulate(at, size)
  rows <- count(cells$period)
  out <- data.frame(time = periods, n = rows, incomplete = count(cells$period[cells$incomplete]))
  out$gaps <- alive_units(ends$first, ends$last, size) - rows
  out$entry <- count(ends$first)
  out$exit <- count(ends$last)
  out
}

# How many units have entered and not yet left, by period.
alive_units <- function(first, last, size) {
  cumsum(tabulate(first, size)) - cumsum(c(0L, tabulate(last, size))[seq_len(size)])
}

view_patterns <- function(cells, n) {
  if (prod(n) > 2e7) return(NULL)
  seen <- matrix(".", n[["unit"]], n[["period"]])
  seen[cbind(cells$unit, cells$period)] <- "1"
  pattern <- do.call(paste0, lapply(seq_len(ncol(seen)), function(t) seen[, t]))
  count <- sort(table(pattern), decreasing = TRUE)
  data.frame(pattern = names(count), units = as.integer(count),
             share = as.integer(count) / n[["unit"]], stringsAsFactors = FALSE)
}
