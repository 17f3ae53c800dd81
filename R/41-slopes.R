# Slopes stage: fixed effects with varying slopes, id[x], laid out by factor and absorbed.
#
# A coded factor (see 30-codes) may carry `slopes`, a named list of variables as long as its code,
# whose slopes vary over its levels, and `constant`, FALSE if its levels have slopes only. The
# design of the fixed effects is then a sum of terms: the dummies of a factor, times a slope
# variable or one. id[x] stands for the terms `id` and `id[[x]]`, id[[x]] for the second alone.

# effects: expressions of the fixed-effects part -> named list with list(factor, slopes, constant)
# for each distinct factor; factor and slopes are expressions, those of slopes named.
effect_layout <- function(effects) {
  layout <- list()
  for (effect in lapply(effects, parse_effect)) {
    name <- deparse_one(effect$factor)
    known <- layout[[name]]
    slopes <- stats::setNames(effect$slopes, vapply(effect$slopes, deparse_one, ""))
    slopes <- c(known$slopes, slopes)
    layout[[name]] <- list(factor = effect$factor, slopes = slopes[!duplicated(names(slopes))],
                           constant = isTRUE(known$constant) || !effect$only)
  }
  layout
}

# The slope variables of a layout as variables of the frame, by name; their values are doubles.
slope_variables <- function(frame, layout) {
  exprs <- unlist(lapply(unname(layout), `[[`, "slopes"), recursive = FALSE)
  lapply(exprs[!duplicated(names(exprs))], function(expr) {
    v <- frame_variable(frame, expr, "slope variable")
    v$value <- as_slope(v$value, v$name)
    v
  })
}

# Dates and times count in their own unit.
as_slope <- function(x, name) {
  if (inherits(x, "integer64")) {
    if (!requireNamespace("bit64", quietly = TRUE)) {
      stop_arg("formula",
               sprintf("has the integer64 slope variable `%s`, which needs the package bit64",
                       name),
               "Install bit64, or convert the variable with as.double()")
    }
    return(bit64::as.double.integer64(x))
  }
  if (inherits(x, c("Date", "POSIXct", "difftime"))) x <- as.vector(unclass(x))
  if (!is_plain_number(x)) {
    stop_arg("formula", sprintf("has the slope variable `%s`, which is %s", name,
                                describe_value(x)),
             "In id[x], x must be a numeric or logical vector; write id^x for a combination")
  }
  as.double(x)
}

# factors: coded, named as the layout; values: named list of slope variables on the same rows.
attach_slopes <- function(factors, layout, values) {
  check_slopes_vary(values)
  for (name in names(factors)) {
    factors[[name]]$slopes <- values[names(layout[[name]]$slopes)]
    factors[[name]]$constant <- layout[[name]]$constant
  }
  factors
}

check_slopes_vary <- function(values) {
  for (name in names(values)) {
    spread <- range(values[[name]])
    if (spread[1L] == spread[2L]) {
      stop_arg("formula", sprintf(paste("has the slope variable `%s`, which is constant (%s) in",
                                        "the sample"), name, format(spread[1L])),
               "Leave it out of the brackets")
    }
  }
}

# Whether some factor of a layout, or coded, has effects beside slopes: only then is a constant
# among what is absorbed.
has_constant <- function(factors) any(vapply(factors, has_own_constant, NA))

has_own_constant <- function(factor) !isFALSE(factor$constant)

has_slopes <- function(factors) any(lengths(lapply(factors, `[[`, "slopes")) > 0L)

# -> list(name, factor, slope, value), each with one element a term: its name, the number of its
# factor, the name of its slope variable (NA: none) and the values of it (NULL: none).
list_terms <- function(factors) {
  slopes <- lapply(factors, `[[`, "slopes")
  constant <- vapply(factors, has_own_constant, NA)
  factor <- rep(seq_along(factors), lengths(slopes) + constant)
  slope <- unlist(Map(function(s, one) c(if (one) NA_character_, names(s)), slopes, constant))
  value <- Map(function(s, one) c(if (one) list(NULL), unname(s)), slopes, constant)
  name <- names(factors)[factor]
  list(name = unname(ifelse(is.na(slope), name, sprintf("%s[[%s]]", name, slope))), factor = factor,
       slope = unname(slope), value = unlist(unname(value), recursive = FALSE))
}

# Numbers of levels of the terms, by their names.
term_sizes <- function(factors) {
  terms <- list_terms(factors)
  levels <- vapply(factors, `[[`, 0L, "n_levels")
  stats::setNames(as.integer(levels[terms$factor]), terms$name)
}

# -> list(pointer, rank, exact, solver, doubted (levels, one number a term), sloped). The pointer
# lives as long as the session.
new_slopes <- function(factors, w, control, threads = 1L) {
  if (control$solver == "sparse") {
    stop_arg("control", "asks for the solver \"sparse\", which absorbs no varying slopes",
             "Use \"auto\", \"schur\" or \"cg\" in fe_control()")
  }
  codes <- code_list(factors)
  terms <- list_terms(factors)
  out <- .Call(C_slopes_new, codes$code, codes$n_levels, terms$factor, terms$value, w,
               core_control(control), threads)
  c(out, sloped = TRUE)
}

# Slopes that a level is not given, although its variable varies there by more than rounding can
# explain for certain.
warn_doubted <- function(absorber, factors) {
  doubted <- which(absorber$doubted > 0L)
  if (!length(doubted)) return(invisible())
  count <- absorber$doubted[doubted]
  where <- sprintf("%d level%s of `%s`", count, ifelse(count == 1L, "", "s"),
                   list_terms(factors)$name[doubted])
  warn_user("no slope for ", paste(where, collapse = ", "),
            ": next to rounding errors, the variable varies too little there, given the terms ",
            "before it. Measure it from another origin, or leave these levels out")
}

# What is asked of an absorber of either kind: residuals of columns, effects of a column, the
# representer of a functional of the effects, leverages.
ask_residuals <- function(absorber, x, threads) {
  if (isTRUE(absorber$sloped)) return(.Call(C_slopes_absorb, absorber$pointer, x, threads))
  .Call(C_absorb, absorber$pointer, x, threads)
}

ask_effects <- function(absorber, x) {
  if (isTRUE(absorber$sloped)) return(.Call(C_slopes_effects, absorber$pointer, x))
  .Call(C_effects, absorber$pointer, x)
}

ask_functional <- function(absorber, d0) {
  if (isTRUE(absorber$sloped)) return(.Call(C_slopes_functional, absorber$pointer, d0))
  .Call(C_functional, absorber$pointer, d0)
}

ask_leverage <- function(absorber) {
  if (isTRUE(absorber$sloped)) return(.Call(C_slopes_leverage, absorber$pointer))
  .Call(C_leverage, absorber$pointer)
}

# What remains of the factors for a count of parameters that leaves out the effects of `nested`
# ones: fixest keeps their slopes, and one constant for all.
without_nested <- function(factors, nested) {
  for (f in which(nested)) factors[[f]]["constant"] <- FALSE
  factors[!nested | lengths(lapply(factors, `[[`, "slopes")) > 0L]
}

# Dummies beyond which effects are not written out as columns.
most_columns <- 400

# The terms of small factors as a list of columns. The first level of a factor's effects is left
# out: it stands for the constant.
dummy_columns <- function(factors) {
  terms <- list_terms(factors)
  unlist(Map(function(f, value) {
    level <- seq_len(factors[[f]]$n_levels)
    if (is.null(value)) level <- level[-1L]
    code <- factors[[f]]$code
    lapply(level, function(l) as.double(if (is.null(value)) code == l else (code == l) * value))
  }, terms$factor, terms$value), recursive = FALSE)
}
