# Lags, leads and differences in a panel, inside formulas and for data frames.
#
# A panel is list(unit, time: names for messages; rule: how times become periods; index: what
# C_lag_rows() needs); its rows are those of the data, so lags do not depend on any subset of them.

#' Lags, leads and differences that know panel time
#'
#' `l(x, k)`, `f(x, k)` and `d(x, k)` inside a formula of [fe_lm()] with `panel.id = ~unit + time`
#' are the value of x of the same unit k periods before, k periods after, and
#' \eqn{x_t - x_{t-k}}{x(t) - x(t-k)}. `fe_lag()` is the same for vectors and columns of data
#' frames; a negative k is a lead.
#'
#' @section Time:
#' Gaps count: a period that a unit does not have gives `NA`, it is never skipped. So do rows in
#' which unit or time is missing. A period is the smallest difference between two times of the data
#' if all differences are its multiples, else, for whole numbers, their greatest common divisor
#' (years 2000, 2002, 2004 are one period apart). Dates that all are of one day of the month, or all
#' ends of months, are months; others are days. Times that all are of one time of day are dates,
#' whatever clocks are put forward or back; others are seconds. Factors and texts that hold numbers
#' are these numbers; the levels of an ordered factor are consecutive periods, whether they occur or
#' not; other texts are refused. Two rows of one unit and time are an error.
#'
#' @section In formulas:
#' `l(x)` is `l(x, 1)`; several lags give several terms: `l(x, 1:2)` stands for
#' `l(x, 1) + l(x, 2)`, `f(y, 0:3)` on the left side for `c(y, f(y, 1), f(y, 2), f(y, 3))`,
#' `l(x, -1)` for `f(x, 1)`, `l(x, 0)` for `x`. k is evaluated where the formula was written. They
#' may stand wherever a variable may, also inside other functions, and with a single k in the
#' arguments that name variables: `weights = ~l(w)`, `vcov = ~l(group)`, `subset = l(x) > 0`. Values
#' come from all rows of `data`, before `subset`, `split` and missing values leave any out.
#' `predict()` on new data needs the columns of `panel.id` there and the earlier rows too; the length
#' of a period is that of the fit. Without `panel.id`, a function `l`, `f` or `d` of your own is used
#' as such.
#'
#' @param x a vector, factor or matrix with a value (row) for each row of the panel.
#' @param k whole numbers; for `fe_lag()` default 1, negative ones are leads.
#' @param id a vector that identifies the units, or a list of several that do together.
#' @param time a vector of times: numbers, dates, or an ordered factor.
#' @return a vector (factor, matrix) like `x`, `NA` where there is no such row; for several `k` a
#'   data frame with a column for each, named `lag1`, `lag0`, `lead1`.
#' @examples
#' d <- data.frame(id = c(1, 1, 1, 2, 2), year = c(2001, 2002, 2004, 2001, 2002), x = 1:5)
#' d$before <- fe_lag(d$x, 1, d$id, d$year)
#' d
#' fe_lm(ln_upmf ~ l(ln_imdig, 1:2) + pgdp | country + year, digitrade,
#'       panel.id = ~country + year)
#' @export
fe_lag <- function(x, k = 1, id, time) {
  k <- check_lags(k, "k")
  n <- NROW(check_not_long(x, "x"))
  if (missing(id)) stop_arg("id", "is missing", "Give the unit of each value of `x`")
  if (missing(time)) stop_arg("time", "is missing", "Give the period of each value of `x`")
  ids <- if (is.list(id)) unname(as.list(id)) else list(id)
  if (!length(ids)) stop_arg("id", "is an empty list", "Give the unit of each value of `x`")
  for (v in ids) check_panel_vector(v, n, "id")
  check_panel_vector(time, n, "time")
  panel <- panel_index(ids, time, c(id = "id", time = "time"), arg = "time")
  if (length(k) == 1L) return(shift_rows(x, panel, k))
  names <- paste0(ifelse(k < 0, "lead", "lag"), abs(k))
  as.data.frame(stats::setNames(lapply(k, shift_rows, x = x, panel = panel), names))
}

check_panel_vector <- function(v, n, arg) {
  check_not_long(v, arg)
  if (is.atomic(v) && is.null(dim(v)) && length(v) == n) return(invisible())
  stop_arg(arg, sprintf("must be a vector with a value for each of the %d values of `x`, not %s", n,
                        describe_value(v)))
}

check_lags <- function(k, arg, where = "") {
  ok <- is.numeric(k) && length(k) && all(is.finite(k)) && all(k == round(k)) &&
    all(abs(k) < 2^31)
  if (!ok) {
    stop_arg(arg, sprintf("must be whole numbers of periods%s, not %s", where, describe_value(k)))
  }
  as.double(k)
}

# ---- the panel -----------------------------------------------------------------------------------

# ids: vectors that identify a unit together; names: of unit and time; rule: NULL, or that of
# another panel. -> list(n, rows (of the data that have unit and time; NULL: all), unit, time,
# order, position, rule)
panel_index <- function(ids, time, names, rule = NULL, threads = fe_threads(), arg = "panel.id") {
  known <- !Reduce(`|`, lapply(c(ids, list(time)), is_missing))
  if (!any(known)) stop_arg(arg, "has no row in which unit and time are known")
  ordered <- is.ordered(time)
  rows <- if (!all(known)) which(known)
  coded <- code_factor(lapply(ids, take_rows, rows), rep(names[[1L]], length(ids)), arg, threads)
  if (is.null(rule)) {
    times <- if (is.null(rows)) time else time[!is_missing(time)]
    rule <- time_rule(code_ids(times, names[[2L]], arg, threads), names[[2L]], ordered, arg)
  }
  time <- code_ids(take_rows(time, rows), names[[2L]], arg, threads)
  position <- time_positions(time, rule)
  if (anyNA(position)) position[is.na(position)] <- -1e15 + which(is.na(position)) / 4
  order <- .Call(C_panel_order, coded$code, coded$n_levels, time$code, time$n_levels)
  stop_duplicate(order$duplicate, rows, coded, time, names, arg)
  list(n = length(known), rows = rows, unit = coded$code, time = time$code, order = order$order,
       position = as.double(position), rule = rule)
}

stop_duplicate <- function(twice, rows, unit, time, names, arg) {
  if (is.null(twice)) return(invisible())
  at <- twice[1L]
  stop_arg(arg, sprintf("has %s twice, in %s",
                        paste0(names[[1L]], " = ", level_labels(unit)[unit$code[at]], ", ",
                               names[[2L]], " = ", level_labels(time)[time$code[at]]),
                        quote_rows(if (is.null(rows)) twice else rows[twice])),
           "A lag needs one row for each unit and period: name other variables, or remove rows")
}

# Values k periods before.
shift_rows <- function(x, panel, k) {
  from <- .Call(C_lag_rows, panel$unit, panel$time, panel$order, panel$position, as.double(k))
  if (!is.null(panel$rows)) {
    all <- rep(NA_integer_, panel$n)
    all[panel$rows] <- panel$rows[from]
    from <- all
  }
  if (is.null(dim(x))) x[from] else x[from, , drop = FALSE]
}

# ---- the time axis -------------------------------------------------------------------------------

# How the levels of a coded time become periods -> list(kind, day, origin, step)
time_rule <- function(time, name, ordered, arg) {
  rule <- time_kind(time, ordered)
  if (is.null(rule)) {
    stop_arg(arg, sprintf("has the time `%s`, which is text without an order in time", name),
             "Use numbers, dates, or an ordered factor whose levels are the periods")
  }
  value <- time_numbers(time, rule)
  rule$origin <- value[1L]
  rule$step <- if (rule$kind == "level") 1 else common_period(value)
  if (is.null(rule$step)) {
    stop_arg(arg, sprintf(paste("has the time `%s`, whose distances are no multiples of the",
                                "smallest one, %g"), name, min(diff(value))),
             "Number the periods")
  }
  rule
}

# The length of a period, given increasing times: their smallest difference if all are its
# multiples, else, for whole numbers, the greatest common divisor; NULL if there is none.
common_period <- function(value, whole = all(value == round(value))) {
  gaps <- unique(diff(value))
  if (!length(gaps)) return(1)
  step <- min(gaps)
  if (all(is_whole((value - value[1L]) / step))) return(step)
  if (whole) Reduce(greatest_divisor, gaps)
}

is_whole <- function(x) abs(x - round(x)) < 1e-6

greatest_divisor <- function(a, b) {
  while (b > 0) {
    rest <- a %% b
    a <- b
    b <- rest
  }
  a
}

# kind: "number", "level" (which are in the order of time if they are `ordered`), "month" (of which
# day; 0: the last one) or "date"; NULL if it is text.
time_kind <- function(time, ordered) {
  if (inherits_any(time$like, c("Date", "POSIXct"))) {
    date <- as_dates(time)
    if (is.null(date)) return(list(kind = "number"))
    day <- unique(as.POSIXlt(date)$mday)
    if (length(day) == 1L) return(list(kind = "month", day = day))
    last <- all(as.POSIXlt(date + 1)$mday == 1L)
    return(if (last) list(kind = "month", day = 0) else list(kind = "date"))
  }
  if (!is_time_text(time)) return(list(kind = "number"))
  value <- suppressWarnings(as.double(level_labels(time)))
  if (!anyNA(value) && !is.unsorted(value, strictly = TRUE)) return(list(kind = "number"))
  if (ordered) list(kind = "level", levels = time$like$levels)
}

inherits_any <- function(like, classes) any(classes %in% like$class)

# Are the levels to be read as text?
is_time_text <- function(time) {
  is.character(time$level) || !is.null(time$like$levels) || inherits_any(time$like, "integer64")
}

# The levels of a date or time as dates; NULL if they are of several times of day.
as_dates <- function(time) {
  level <- time$level
  attributes(level) <- time$like
  day <- as.POSIXlt(level)
  clock <- 3600 * day$hour + 60 * day$min + day$sec
  if (all(abs(clock - clock[1L]) < 1e-3)) as.Date(day)
}

# A number for each level; NA for one that does not fit the rule.
time_numbers <- function(time, rule) {
  if (rule$kind == "level") return(match(level_labels(time), rule$levels) + 0)
  if (rule$kind %in% c("month", "date") && inherits_any(time$like, c("Date", "POSIXct"))) {
    date <- as_dates(time)
    if (is.null(date)) return(rep(NA_real_, time$n_levels))
    if (rule$kind == "date") return(as.double(date))
    day <- as.POSIXlt(date)
    fits <- if (rule$day == 0) as.POSIXlt(date + 1)$mday == 1L else day$mday == rule$day
    return(ifelse(fits, 12 * day$year + day$mon, NA))
  }
  if (is_time_text(time)) suppressWarnings(as.double(level_labels(time))) else as.double(time$level)
}

# Periods from the first one of the rule.
time_positions <- function(time, rule) {
  place <- (time_numbers(time, rule) - rule$origin) / rule$step
  ifelse(is_whole(place), round(place), place)
}

# ---- formulas ------------------------------------------------------------------------------------

lag_calls <- c("l", "f", "d")

# ~unit + time or c("unit", "time") -> list(unit = expressions, time = expression); NULL without.
check_panel_id <- function(panel.id, data) {
  if (is.null(panel.id)) return(NULL)
  if (is.character(panel.id)) {
    check_columns(panel.id, data, "panel.id", 2L)
    terms <- lapply(panel.id, as.name)
  } else if (inherits(panel.id, "formula") && length(panel.id) == 2L) {
    terms <- check_joined(split_sum(panel.id[[2L]]), "panel.id", "variables")
  } else {
    stop_arg("panel.id", paste("must be a one-sided formula, not", describe_value(panel.id)),
             "Write panel.id = ~country + year")
  }
  if (length(terms) != 2L) {
    stop_arg("panel.id", sprintf("names %d variables in place of unit and time", length(terms)),
             "Write panel.id = ~country + year; two variables that are a unit together are a^b")
  }
  if (identical(terms[[1L]], terms[[2L]])) {
    stop_arg("panel.id", sprintf("has `%s` as unit and as time", deparse_one(terms[[1L]])),
             "Write panel.id = ~country + year")
  }
  list(unit = split_power(terms[[1L]]), time = terms[[2L]],
       names = vapply(terms, deparse_one, ""))
}

# Which of l(), f() and d() an expression calls: all.names() has functions and variables.
called_lags <- function(expr) {
  times <- function(functions) {
    tabulate(match(all.names(expr, functions = functions), lag_calls), length(lag_calls))
  }
  lag_calls[times(TRUE) > times(FALSE)]
}

# rule: NULL, or a function that gives that of the fit. -> list(spec, index: a function that gives
# the index of the panel, functions: l(), f() and d() of the rows of the frame)
frame_panel <- function(frame, spec, rule) {
  index <- NULL
  panel <- function() {
    if (is.null(index)) {
      value <- function(e) frame_variable(frame, e, "panel identifier", "panel.id")$value
      index <<- panel_index(lapply(spec$unit, value), value(spec$time), spec$names,
                            if (!is.null(rule)) rule(), frame$threads)
    }
    index
  }
  shift <- function(x, k) {
    if (NROW(x) != frame$n) {
      stop_arg("x", sprintf("of a lag has %d values for the %d rows of data", NROW(x), frame$n))
    }
    k <- check_lags(k, "k")
    if (length(k) > 1L) {
      stop_arg("k", sprintf("of a lag holds %d numbers, and one variable is asked for", length(k)),
               "Several lags stand among the terms of a formula")
    }
    shift_rows(x, panel(), k)
  }
  functions <- list(l = function(x, k = 1) shift(x, k), f = function(x, k = 1) shift(x, -k),
                    d = function(x, k = 1) x - shift(x, k))
  list(spec = spec, index = panel,
       functions = lapply(functions, structure, class = "fe_lag_function"))
}

# The panel of data frames outside of a model.
data_panel <- function(panel.id, data, env) {
  new_frame(data, env, spec = check_panel_id(panel.id, data))$panel
}

# Gives the scope of a frame those of l(), f() and d() that an expression calls, no others: the
# scope is the formula's environment too, where other packages look for data that may be called d.
offer_lags <- function(expr, frame) {
  list2env(as.list(frame$panel$functions[called_lags(expr)]), frame$scope)
}

# env, with those of l(), f() and d() in it that an expression calls. arg: what holds it.
lag_scope <- function(expr, env, panel, arg) {
  called <- called_lags(expr)
  if (!length(called)) return(env)
  if (!is.null(panel)) return(list2env(panel$functions[called], parent = env))
  if (any(vapply(called, is_own_lag, NA, env = env))) stop_no_panel(arg)
  env
}

stop_no_panel <- function(arg) {
  stop_arg("panel.id", sprintf("is missing, and `%s` has a lag, lead or difference", arg),
           "Say which columns are unit and time: panel.id = ~country + year")
}

# Does the name stand for a lag of this package, and not for a function of the user?
is_own_lag <- function(name, env) {
  found <- get0(name, envir = env, mode = "function")
  is.null(found) || inherits(found, "fe_lag_function") ||
    identical(environmentName(environment(found)), "fixest")
}

# The formula with every l(x, 1:2) written out as l(x, 1) + l(x, 2).
expand_lags <- function(formula, spec) {
  env <- environment(formula)
  own <- Filter(function(name) !is.null(spec) || is_own_lag(name, env), called_lags(formula))
  if (!length(own)) return(formula)
  if (is.null(spec)) stop_no_panel("formula")
  stats::as.formula(expand_lag_part(formula, own, env, left = TRUE), env = env)
}

formula_operators <- c("+", "-", "*", ":", "^", "/", "%in%", "(", "|", "~", stepwise_calls)

expand_lag_part <- function(expr, own, env, left = FALSE) {
  if (!is.call(expr)) return(expr)
  head <- deparse_one(expr[[1L]])
  if (!head %in% formula_operators) {
    found <- spread_lags(expr, own, env)
    return(if (length(found) > 1L) call("(", join_sum(found)) else found[[1L]])
  }
  for (j in seq_along(expr)[-1L]) {
    if (is.null(expr[[j]])) next # assigning a NULL would take the argument out
    first <- left && head == "~" && j == 2L
    expr[[j]] <- if (first && !is_call_of(expr[[2L]], "~")) {
      spread_outcomes(expr[[j]], own, env)
    } else expand_lag_part(expr[[j]], own, env, left && first)
  }
  expr
}

spread_outcomes <- function(expr, own, env) {
  parts <- if (is_call_of(expr, "c")) as.list(expr)[-1L] else list(expr)
  all <- unlist(lapply(parts, spread_lags, own = own, env = env), recursive = FALSE)
  if (length(all) > 1L) as.call(c(quote(c), all)) else if (length(all)) all[[1L]] else expr
}

# The calls that a call with vectors of lags stands for: a list of expressions.
spread_lags <- function(expr, own, env) {
  if (!is.call(expr)) return(list(expr))
  head <- if (is.name(expr[[1L]])) as.character(expr[[1L]]) else ""
  if (head %in% own) return(spread_lag_call(expr, head, own, env))
  calls <- list(expr)
  for (j in seq_along(expr)[-1L]) {
    if (identical(expr[[j]], quote(expr = ))) next
    found <- spread_lags(expr[[j]], own, env)
    calls <- unlist(lapply(calls, function(one) {
      lapply(found, function(value) `[[<-`(one, j, value))
    }), recursive = FALSE)
  }
  calls
}

spread_lag_call <- function(expr, head, own, env) {
  given <- tryCatch(match.call(function(x, k) NULL, expr), error = function(e) NULL)
  if (is.null(given) || is.null(given$x)) {
    stop_arg("formula", sprintf("has the lag `%s`, which has other arguments than x and k",
                                deparse_one(expr)), "Write l(x, 1:2)")
  }
  k <- if (is.null(given$k)) 1 else tryCatch(eval(given$k, env), error = function(e) {
    stop_arg("formula", sprintf("has the lag `%s`, whose k cannot be evaluated: %s",
                                deparse_one(expr), conditionMessage(e)))
  })
  k <- check_lags(k, "formula", sprintf(" in the lag `%s`", deparse_one(expr)))
  calls <- lapply(spread_lags(given$x, own, env), function(x) {
    lapply(k, plain_lag, x = x, head = head)
  })
  unlist(calls, recursive = FALSE)
}

plain_lag <- function(x, k, head) {
  if (head == "d") return(call("d", x, k))
  if (head == "f") k <- -k
  if (k == 0) x else if (k > 0) call("l", x, k) else call("f", x, -k)
}
