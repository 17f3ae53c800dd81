# Frame stage: formula + data -> variables, row masks and the ledger of rows.
#
# A frame evaluates every variable once, however many models use it. Each variable knows in which
# rows it is NA or infinite; the rows of a model are those in which none of its variables is.

# ---- frames --------------------------------------------------------------------------------------

# env: where names that are no columns are looked for; spec: what check_panel_id() gives; rule:
# NULL, or a function that gives the time rule of another frame; formula: what may call l(), f() and
# d(). -> list(data, n, scope, cache, threads, panel (see frame_panel(); absent without spec))
new_frame <- function(data, env, threads = fe_threads(), spec = NULL, rule = NULL,
                      formula = NULL) {
  scope <- new.env(parent = env)
  assign("i", i, envir = scope)
  frame <- list(data = data, n = nrow(data), scope = scope, cache = new.env(parent = emptyenv()),
                threads = threads)
  if (!is.null(spec)) frame$panel <- frame_panel(frame, spec, rule)
  offer_lags(formula, frame)
  frame
}

# New data for a model: lags are those within the new data, in the periods of the fit.
new_data_frame <- function(m, data) {
  new_frame(data, m$env, m$threads, m$panel$spec,
            if (!is.null(m$panel)) function() m$panel$index()$rule, m$formula)
}

# The data of a model, for expressions of another place (env).
own_data_frame <- function(m, env) {
  frame <- new_frame(m$data, env, m$threads)
  frame$panel <- m$panel
  frame
}

# ---- variables -----------------------------------------------------------------------------------

# Evaluates an expression of a role ("outcome", "regressor", ...) -> list(name, value, na,
# infinite, scan); see bad_rows().
frame_variable <- function(frame, expr, role, arg = "formula") {
  name <- deparse_one(expr)
  known <- frame$cache[[name]]
  if (!is.null(known)) return(known)
  check_names_known(expr, frame, role, arg)
  scope <- lag_scope(expr, frame$scope, frame$panel, arg)
  value <- tryCatch(eval(expr, frame$data, scope), error = unless_memory(function(e) {
    stop_arg(arg, sprintf("has the %s `%s`, which cannot be evaluated: %s", role, name,
                          conditionMessage(e)))
  }))
  value <- plain_value(value, role)
  variable <- check_variable(value, name, role, frame, arg)
  assign(name, variable, envir = frame$cache)
  variable
}

check_names_known <- function(expr, frame, role, arg) {
  used <- all.vars(expr)
  known <- used %in% names(frame$data) | vapply(used, is_value, NA, scope = frame$scope)
  if (all(known)) return(invisible())
  stop_arg(arg, sprintf("has the %s `%s`, but `data` has no column %s", role, deparse_one(expr),
                        quote_list(used[!known])),
           suggest_columns(used[!known], names(frame$data)))
}

plain_value <- function(value, role) {
  if (inherits(value, "haven_labelled_spss")) value <- without_user_missing(value)
  if (inherits(value, "POSIXlt")) return(as.POSIXct(value))
  if (length(dim(value)) == 1L) return(as.vector(value))
  if (inherits(value, "integer64") && role %in% c("outcome", "regressor") &&
      requireNamespace("bit64", quietly = TRUE)) {
    return(as.double(value))
  }
  value
}

# SPSS declares values missing, one by one or as a range: they become NA, whether or not haven is
# there to say so.
without_user_missing <- function(value) {
  range <- attr(value, "na_range", exact = TRUE)
  out <- unclass(value)
  missing <- out %in% attr(value, "na_values", exact = TRUE)
  if (length(range) == 2L) missing <- missing | (out >= range[1L] & out <= range[2L]) %in% TRUE
  out[missing] <- NA
  attr(out, "na_values") <- attr(out, "na_range") <- NULL
  structure(out, class = setdiff(class(value), "haven_labelled_spss"))
}

# A name that stands for something else than a function.
is_value <- function(name, scope) {
  value <- get0(name, envir = scope)
  !is.null(value) && !is.function(value)
}

check_variable <- function(value, name, role, frame, arg) {
  n <- frame$n
  label <- sprintf("has the %s `%s`, which ", role, name)
  if (!is.atomic(value) || is.null(value) || is.raw(value) || is.complex(value)) {
    stop_arg(arg, paste0(label, "is ", describe_value(value)),
             "Use a numeric, logical, character or factor column")
  }
  if (is.null(dim(value)) && length(value) > 2147483647) {
    stop_arg(arg, sprintf("%shas %.0f values for the %d rows of `data`", label, length(value), n))
  }
  rows <- if (is.null(dim(value))) length(value) else nrow(value)
  if (rows == 1L && n > 1L) {
    value <- rep(value, n)
    rows <- n
  }
  if (rows != n) {
    stop_arg(arg, sprintf("%shas %d values for the %d rows of `data`", label, rows, n))
  }
  moments <- role %in% c("outcome", "regressor")
  c(list(name = name, value = value), bad_rows(value, frame$threads, moments))
}

# Logical masks of missing and infinite rows, NULL where there are none; and for a vector of numbers
# the scan that tells so: list(n_na, n_inf, n, min, max, mean, ss), the last four over its n finite
# values, ss being the sum of squares about the mean. NULL for matrices and text, and for whole
# numbers whose moments are not asked for.
bad_rows <- function(value, threads = fe_threads(), moments = TRUE) {
  scan <- if (moments || !is.integer(value)) scan_value(value, threads)
  numeric <- is.numeric(value) && !is.factor(value)
  any_na <- if (is.null(scan)) anyNA(value) else scan$n_na > 0
  any_infinite <- numeric && !is.integer(value) && (is.null(scan) || scan$n_inf > 0)
  na <- if (any_na) row_mask(is_missing(value))
  infinite <- if (any_infinite) row_mask(is.infinite(value))
  list(na = na, infinite = infinite, scan = if (is.null(dim(value))) scan)
}

# Mask of the rows that are missing or infinite; a single FALSE if there are none.
unusable <- function(bad) {
  Reduce(`|`, Filter(Negate(is.null), bad[c("na", "infinite")]), FALSE)
}

# NULL for values that are not stored as numbers, or of a class that may know other missing ones.
scan_value <- function(value, threads) {
  known <- c("factor", "Date", "POSIXct", "difftime", "haven_labelled", "integer64")
  if (is.object(value) && !inherits(value, known)) return(NULL)
  if (typeof(value) %in% c("double", "integer", "logical")) .Call(C_scan, value, threads)
}

# bit64 need not be there to tell a missing integer64.
is_missing <- function(value) {
  if (inherits(value, "integer64")) .Call(C_na64, value) else is.na(value)
}

# Rows with any TRUE; NULL if there are none.
row_mask <- function(bad) {
  if (!is.null(dim(bad))) bad <- rowSums(bad) > 0
  if (any(bad)) as.vector(bad)
}

outcome_variable <- function(frame, expr) {
  v <- frame_variable(frame, expr, "outcome")
  if (!is_plain_number(v$value)) {
    stop_arg("formula", sprintf("has the outcome `%s`, which is %s", v$name,
                                describe_value(v$value)),
             "The outcome must be a numeric or logical vector")
  }
  if (!is.null(v$na) && all(v$na)) {
    stop_arg("formula", sprintf("has the outcome `%s`, which is all NA", v$name),
             "Give an outcome that is known, or fill it in")
  }
  v
}

effect_variables <- function(frame, expr) {
  lapply(split_power(expr), function(part) frame_variable(frame, part, "fixed effect"))
}

# Value of a function argument that may be written as a column name, a one-sided formula or a
# vector. `expr` comes from substitute(); NULL stays NULL. panel: that of the frame of the data.
resolve_argument <- function(expr, data, env, arg, panel = NULL) {
  if (is.null(expr)) return(NULL)
  env <- lag_scope(expr, env, panel, arg)
  value <- tryCatch(eval(expr, data, env), error = unless_memory(function(e) {
    stop_arg(arg, sprintf("is `%s`, which cannot be evaluated: %s", deparse_one(expr),
                          conditionMessage(e)),
             "Give a one-sided formula, a column of `data`, or a vector with one value a row")
  }))
  if (inherits(value, "formula")) {
    if (length(value) != 2L) stop_arg(arg, "must be a one-sided formula, for instance ~w")
    return(resolve_argument(value[[2L]], data, environment(value), arg, panel))
  }
  if (is.function(value)) {
    stop_arg(arg, sprintf("is `%s`, which is a function and no column of `data`",
                          deparse_one(expr)))
  }
  check_not_long(value, arg)
}

check_weights <- function(w, n, arg = "weights") {
  if (is.null(w)) return(NULL)
  if (!is.numeric(w) || is.factor(w) || !is.null(dim(w))) {
    stop_arg(arg, paste("must be numeric, not", describe_value(w)),
             "Give a column as ~w, or a vector with one number a row")
  }
  if (length(w) != n) {
    stop_arg(arg, sprintf("has %d values for %d rows", length(w), n),
             "Give a column as ~w, or one weight a row")
  }
  w <- as.double(w)
  scan <- .Call(C_scan, w, fe_threads())
  if (scan$min < 0 || (scan$n_inf > 0 && any(w < 0, na.rm = TRUE))) {
    stop_arg(arg, sprintf("is negative in %s", quote_rows(which(w < 0))),
             "Weights must be zero or more")
  }
  size <- scan$max
  if (size <= 0) stop_arg(arg, "has no positive value", "Give some rows a weight above zero")
  if (size > 1e100 || size < 1e-100) {
    stop_arg(arg, sprintf("has values of size %.3g, whose sums cannot be represented", size),
             "Rescale the weights")
  }
  w
}

# Frequency weights count identical observations. w: checked weights.
check_frequencies <- function(w) {
  if (is.null(w)) {
    stop_arg("weights_type", "is \"frequency\", but there are no weights",
             "Give `weights`, or leave `weights_type` out")
  }
  bad <- which(is.infinite(w) | w != round(w))
  if (!length(bad)) return(invisible())
  stop_arg("weights", sprintf("holds %s in %s, which cannot count observations",
                              format(w[bad[1L]], digits = 15L), quote_rows(bad)),
           "Frequency weights are whole numbers; others are weights_type = \"analytic\"")
}

check_offset <- function(offset, n) {
  if (is.null(offset)) return(NULL)
  if (!is.numeric(offset) || !is.null(dim(offset)) || length(offset) != n) {
    stop_arg("offset", sprintf("must be numeric with %d values, not %s", n, describe_value(offset)))
  }
  as.double(offset)
}

# Logical mask of the rows that `subset` asks for. empty: may it leave no row?
check_subset <- function(subset, n, arg = "subset", empty = FALSE) {
  if (is.null(subset)) return(NULL)
  if (is.numeric(subset)) {
    bad <- !is.finite(subset) | subset != trunc(subset) | abs(subset) > n | subset == 0
    if (any(bad) || (any(subset > 0) && any(subset < 0))) {
      stop_arg(arg, sprintf("must hold row numbers between 1 and %d; value %s does not fit", n,
                            format(subset[which(bad)[1L]])))
    }
    if (anyDuplicated(subset)) {
      stop_arg(arg, sprintf("names row %s more than once",
                            format(subset[duplicated(subset)][1L], scientific = FALSE)),
               "Name each row once; rows that count more than once have weights")
    }
    if (!length(subset) && !empty) stop_arg(arg, "leaves no row", "Look at its condition")
    return(seq_len(n) %in% seq_len(n)[subset])
  }
  if (!is.logical(subset) || length(subset) != n) {
    stop_arg(arg, sprintf("must be logical with %d values, or row numbers, not %s", n,
                          describe_value(subset)))
  }
  if (!empty && !any(subset, na.rm = TRUE)) {
    stop_arg(arg, "leaves no row", "Look at its condition")
  }
  !is.na(subset) & subset
}

# ---- the ledger ---------------------------------------------------------------------------------

# Which of the candidate rows (logical mask; NULL: all) a model can use, given its variables; the
# first cause in the order of the variables is the one recorded. -> list(keep (a mask; NULL: all),
# dropped)
apply_masks <- function(candidates, variables) {
  dropped <- list()
  keep <- candidates
  note <- function(mask, cause, name) {
    hit <- which(if (is.null(keep)) mask else keep & mask)
    if (!length(hit)) return(invisible())
    dropped[[length(dropped) + 1L]] <<- data.frame(row = hit, cause = cause, variable = name)
    if (is.null(keep)) keep <<- rep(TRUE, length(mask))
    keep[hit] <<- FALSE
  }
  for (v in variables) {
    if (!is.null(v$na)) note(v$na, "NA", v$name)
    if (!is.null(v$infinite)) note(v$infinite, "infinite", v$name)
    if (!is.null(v$zero)) note(v$zero, "zero weight", v$name)
  }
  list(keep = keep, dropped = bind_dropped(dropped))
}

bind_dropped <- function(parts) {
  if (!length(parts)) return(no_dropped)
  do.call(rbind, parts)
}

no_dropped <- data.frame(row = integer(), cause = character(), variable = character())

stop_no_rows <- function(dropped, what) {
  counts <- count_dropped(dropped)
  stop_arg("data", sprintf("leaves no row for %s: %s", what,
                           if (nrow(counts)) describe_dropped(counts) else "the sample is empty"),
           "Look at these variables, or at the sample that was asked for")
}

count_dropped <- function(dropped) {
  if (!nrow(dropped)) {
    return(data.frame(cause = character(), variable = character(), rows = integer()))
  }
  key <- interaction(dropped$cause, dropped$variable, drop = TRUE, lex.order = TRUE, sep = "\r")
  first <- !duplicated(key)
  data.frame(cause = dropped$cause[first], variable = dropped$variable[first],
             rows = as.integer(table(factor(key, levels = unique(key)))))
}

# "3 NA in `x`, 2 singletons"
describe_dropped <- function(counts) {
  text <- ifelse(counts$cause == "singleton",
                 sprintf("%d singleton%s", counts$rows, ifelse(counts$rows == 1L, "", "s")),
                 sprintf("%d %s in `%s`", counts$rows, counts$cause, counts$variable))
  paste(text, collapse = ", ")
}

#' The ledger of rows
#'
#' Which rows of `data` a model used, and why the others were left out.
#'
#' @param object a fitted model of class `fe_lm` (or `fe_mediate`, `fe_moderate`, whose equations
#'   share one sample).
#' @param ... unused.
#' @return a data frame of class `fe_rows` with one row per row of `data`: `row` (its number),
#'   `used` (logical), `cause` (`NA` for used rows, else `"outside"` the subset or split, `"NA"`,
#'   `"infinite"`, `"zero weight"` or `"singleton"`) and `variable` (the variable, weight or factor
#'   that caused it). Printing shows the counts by cause; the data frame lists the rows.
#' @examples
#' d <- data.frame(y = c(1, 3, NA, 2, 5), x = c(1, 2, 3, Inf, 2.5), g = c(1, 1, 1, 1, 1))
#' fe_rows(fe_lm(y ~ x, d))
#' @export
fe_rows <- function(object, ...) UseMethod("fe_rows")

#' @export
fe_rows.default <- function(object, ...) {
  stop_arg("object", paste("must be a model of class fe_lm, not", describe_value(object)))
}

#' @export
fe_rows.fe_lm <- function(object, ...) {
  check_dots(...)
  need_full(object, "its ledger of rows")
  n <- object$n_data
  out <- data.frame(row = seq_len(n), used = FALSE, cause = "outside", variable = NA_character_)
  used <- if (is.null(object$rows)) seq_len(n) else object$rows
  out$used[used] <- TRUE
  out$cause[used] <- NA
  d <- object$dropped
  out$cause[d$row] <- d$cause
  out$variable[d$row] <- d$variable
  structure(out, class = c("fe_rows", "data.frame"))
}

#' @export
print.fe_rows <- function(x, ...) {
  cat(sprintf("%d rows: %d used", nrow(x), sum(x$used)))
  outside <- sum(x$cause %in% "outside")
  if (outside) cat(sprintf(", %d outside the sample", outside))
  dropped <- x[!x$used & x$cause != "outside", , drop = FALSE]
  cat(sprintf(", %d dropped\n", nrow(dropped)))
  if (nrow(dropped)) {
    counts <- count_dropped(as.data.frame(dropped))
    shown <- vapply(seq_len(nrow(counts)), function(j) {
      same <- dropped$cause == counts$cause[j] & dropped$variable == counts$variable[j]
      quote_rows(dropped$row[same])
    }, "")
    print(data.frame(counts, which = shown), row.names = FALSE, right = FALSE)
  }
  invisible(x)
}
