# Formula stage: y ~ x | a + b  ->  a list of models to estimate. No data are touched here.

stepwise_calls <- c("sw", "sw0", "csw", "csw0")

# A formula given as such, as a string, or in a variable.
as_formula <- function(formula, env, arg = "formula") {
  if (missing(formula) || is.null(formula)) {
    stop_arg(arg, "is missing", "Write for instance y ~ x | country + year")
  }
  if (is.character(formula) && length(formula) == 1L) {
    formula <- tryCatch(read_formula(formula, env), error = function(e) {
      stop_arg(arg, paste("is not a formula:", conditionMessage(e)))
    })
  }
  if (!inherits(formula, "formula")) {
    stop_arg(arg, paste("must be a formula, not", describe_value(formula)),
             "Write for instance y ~ x | country + year")
  }
  formula
}

# Text is read, not run: as.formula() would evaluate whatever it spells.
read_formula <- function(text, env) {
  expr <- str2lang(text)
  if (!is_call_of(expr, "~")) stop("it has no tilde outside of parentheses")
  stats::as.formula(expr, env)
}

# -> list(outcomes, regressors, effects, instrumented): alternatives of each, as expressions;
# effects are lists of factor expressions, instrumented lists of (endogenous, instruments), NULL
# without.
parse_formula <- function(formula) {
  whole <- split_instruments(formula)
  parts <- Formula::as.Formula(whole$formula)
  lhs <- attr(parts, "lhs")
  rhs <- attr(parts, "rhs")
  if (length(lhs) != 1L) {
    stop_arg("formula", if (length(lhs)) "has several parts on its left side" else
      "has no outcome on its left side",
      "Write y ~ x | country + year, or c(y1, y2) ~ x for two outcomes")
  }
  if (is_call_of(whole$formula[[3L]], "|") && length(rhs) < 2L) {
    stop_arg("formula", "has an empty part beside the bar",
             "Write y ~ 1 | country for no regressors")
  }
  if (length(rhs) > 2L) {
    stop_arg("formula", sprintf(paste("has %d parts on the right side; only regressors | fixed",
                                      "effects | endogenous ~ instruments are known"),
                                length(rhs) + !is.null(whole$endogenous)),
             "Give the clusters in `vcov`, for instance vcov = ~country")
  }
  check_bars(c(lhs, rhs, whole$endogenous, whole$instruments))
  names_used <- all.vars(formula)
  if ("." %in% names_used) {
    stop_arg("formula", "contains `.`, which is ambiguous beside fixed effects",
             "Write the regressors out")
  }
  effects <- if (length(rhs) == 2L) expand_stepwise(rhs[[2L]]) else list(NULL)
  list(outcomes = split_outcomes(lhs[[1L]]), regressors = expand_stepwise(rhs[[1L]]),
       effects = lapply(effects, split_effects), instrumented = expand_instrumented(whole))
}

# y ~ x | a | e ~ z, which R reads as (y ~ x | a | e) ~ z -> list(formula = y ~ x | a,
# endogenous = e, instruments = z), the last two NULL in a formula without instruments.
split_instruments <- function(formula) {
  inner <- if (length(formula) == 3L) formula[[2L]]
  if (!is_call_of(inner, "~")) return(list(formula = formula))
  sides <- if (length(inner) == 3L) inner[[3L]]
  if (is_call_of(inner[[2L]], "~") || is_call_of(formula[[3L]], "|") || !is_call_of(sides, "|")) {
    stop_arg("formula", sprintf("has more than one tilde, and not in its last part: %s",
                                deparse_one(formula)),
             "Write y ~ x | country | endogenous ~ instrument, or y ~ x | endogenous ~ instrument")
  }
  list(formula = stats::as.formula(call("~", inner[[2L]], sides[[2L]]), env = environment(formula)),
       endogenous = sides[[3L]], instruments = formula[[3L]])
}

# The converse: the formula with the two sums written behind the last bar.
join_instruments <- function(formula, endogenous, instruments) {
  if (is.null(endogenous)) return(formula)
  inner <- call("~", formula[[2L]], call("|", formula[[3L]], endogenous))
  stats::as.formula(call("~", inner, instruments), env = environment(formula))
}

# Alternatives of (endogenous, instruments), the instruments varying fastest.
expand_instrumented <- function(whole) {
  if (is.null(whole$endogenous)) return(list(NULL))
  out <- list()
  for (endogenous in expand_stepwise(whole$endogenous)) {
    for (instruments in expand_stepwise(whole$instruments)) {
      pair <- list(endogenous = endogenous, instruments = instruments)
      empty <- vapply(pair, is.numeric, NA)
      if (any(empty)) {
        role <- c("endogenous regressor", "instrument")[empty][1L]
        stop_arg("formula", paste("has no", role),
                 "Write y ~ x | country | endogenous ~ instrument1 + instrument2")
      }
      out[[length(out) + 1L]] <- pair
    }
  }
  out
}

# A bar within parentheses would be a logical OR of numbers: update() of a formula makes such a
# thing.
check_bars <- function(parts) {
  for (term in unlist(lapply(parts, split_sum), recursive = FALSE)) {
    if (is_call_of(term, "~")) {
      stop_arg("formula", sprintf("has the tilde inside parentheses: %s", deparse_one(term)),
               "Write y ~ x | country | endogenous ~ instrument")
    }
    if (is_call_of(term, "|")) {
      stop_arg("formula", sprintf("has the bar inside parentheses: %s", deparse_one(term)),
               "Write y ~ x | a + b; change the formula of a model with update(model, . ~ . + z)")
    }
  }
}

is_call_of <- function(expr, name) is.call(expr) && identical(expr[[1L]], as.name(name))

split_outcomes <- function(expr) {
  outcomes <- if (is_call_of(expr, "c")) as.list(expr)[-1L] else list(expr)
  if (!length(outcomes)) stop_arg("formula", "has no outcome in c()")
  outcomes
}

# Terms joined by `+`; parentheses around a whole are opened.
split_sum <- function(expr) {
  if (is.null(expr)) return(list())
  if (is_call_of(expr, "+") && length(expr) == 3L) {
    return(c(split_sum(expr[[2L]]), split_sum(expr[[3L]])))
  }
  if (is_call_of(expr, "(")) return(split_sum(expr[[2L]]))
  list(expr)
}

join_sum <- function(terms) {
  if (!length(terms)) return(NULL)
  Reduce(function(a, b) call("+", a, b), terms)
}

is_stepwise <- function(expr) {
  is.call(expr) && is.symbol(expr[[1L]]) && as.character(expr[[1L]]) %in% stepwise_calls
}

# sw() and its kin inside another call would be looked for as functions.
check_stepwise_place <- function(term) {
  inner <- intersect(setdiff(all.names(term), all.vars(term)), stepwise_calls)
  if (length(inner) && !is_stepwise(term)) {
    stop_arg("formula", sprintf("has %s() inside `%s`", inner[1L], deparse_one(term)),
             "It must be a whole term of the sum: x + csw(a, b)")
  }
  term
}

# The alternatives of one stepwise call, each a list of terms.
stepwise_choices <- function(expr) {
  kind <- as.character(expr[[1L]])
  steps <- lapply(as.list(expr)[-1L], split_sum)
  nested <- Filter(is_stepwise, unlist(steps, recursive = FALSE))
  if (length(nested)) stop_arg("formula", sprintf("has a stepwise call inside %s()", kind))
  if (!length(steps)) stop_arg("formula", sprintf("has an empty %s()", kind))
  if (startsWith(kind, "c")) {
    steps <- lapply(seq_along(steps), function(s) do.call(c, steps[seq_len(s)]))
  }
  if (endsWith(kind, "0")) c(list(list()), steps) else steps
}

# Expressions in which every sw(), sw0(), csw(), csw0() has been replaced by one of its choices; the
# last call varies fastest. An empty sum is 1.
expand_stepwise <- function(expr) {
  pieces <- lapply(split_sum(expr), function(term) {
    if (is_stepwise(check_stepwise_place(term))) stepwise_choices(term) else list(list(term))
  })
  sums <- list(list())
  for (choices in pieces) {
    sums <- unlist(lapply(sums, function(done) lapply(choices, function(one) c(done, one))),
                   recursive = FALSE)
  }
  lapply(sums, function(terms) if (length(terms)) join_sum(terms) else 1)
}

# Fixed-effects part -> list of expressions; 0 and 1 mean none.
split_effects <- function(expr) {
  terms <- Filter(function(term) !is.numeric(term), split_sum(expr))
  text <- Filter(is.character, terms)
  if (length(text)) {
    stop_arg("formula", sprintf("has the fixed effect %s, which is a text and no variable",
                                dQuote(text[[1L]], FALSE)),
             "Write its name without quotation marks")
  }
  factors <- unique(lapply(terms, function(term) parse_effect(term)$factor)) # id + id[x] share one
  check_joined(factors, "formula", "fixed effects")
  terms
}

is_bracket <- function(expr) is_call_of(expr, "[") || is_call_of(expr, "[[")

open_parentheses <- function(expr) {
  while (is_call_of(expr, "(")) expr <- expr[[2L]]
  expr
}

# a^b[x1, x2] -> list(factor = a^b, slopes = list(x1, x2), only = FALSE): effects of a^b and slopes
# by it; with double brackets only = TRUE, no effects. The bracket binds tighter than `^`, so that
# it is found on the last part.
parse_effect <- function(expr) {
  expr <- open_parentheses(expr)
  parts <- split_power(expr)
  last <- parts[[length(parts)]]
  if (any(vapply(parts[-length(parts)], is_bracket, NA))) {
    stop_arg("formula", sprintf("has varying slopes inside `%s`", deparse_one(expr)),
             "The brackets come last: write a^b[x]")
  }
  if (!is_bracket(last)) return(list(factor = expr, slopes = list(), only = FALSE))
  parts[[length(parts)]] <- open_parentheses(last[[2L]])
  if (is_bracket(parts[[length(parts)]])) {
    stop_arg("formula", sprintf("has two pairs of brackets in `%s`", deparse_one(expr)),
             "Write id[x, z] for the slopes of two variables")
  }
  list(factor = Reduce(function(a, b) call("^", a, b), parts, right = TRUE),
       slopes = check_slopes(as.list(last)[-(1:2)], expr), only = is_call_of(last, "[["))
}

check_slopes <- function(slopes, expr) {
  named <- !is.null(names(slopes)) && any(nzchar(names(slopes)))
  empty <- !length(slopes) || any(vapply(slopes, identical, NA, quote(expr = )))
  if (named || empty) {
    stop_arg("formula", sprintf("has the varying slopes `%s`, with %s brackets", deparse_one(expr),
                                if (named) "a name inside the" else "nothing in the"),
             "Write id[x] or id[x, z]")
  }
  for (slope in slopes) {
    if (!length(all.vars(slope))) {
      stop_arg("formula", sprintf("has the slope `%s` in `%s`, which is no variable",
                                  deparse_one(slope), deparse_one(expr)),
               "In id[x], x must be a numeric column; the effects of id alone are written id")
    }
  }
  unname(slopes)
}

# Identifiers are joined by + and ^ only: other operators would be arithmetic on their numbers.
check_joined <- function(terms, arg, what) {
  for (term in terms) {
    head <- if (is.call(term)) deparse_one(term[[1L]]) else ""
    if (head %in% c("*", ":", "-", "/", "%in%")) {
      stop_arg(arg, sprintf("joins %s by `%s`: %s", what, head, deparse_one(term)),
               "Write a + b for two variables, a^b for their combination")
    }
  }
  names <- vapply(terms, deparse_one, "")
  if (anyDuplicated(names)) {
    stop_arg(arg, sprintf("names `%s` more than once", names[duplicated(names)][1L]))
  }
  terms
}

# a^b^c -> list(a, b, c)
split_power <- function(expr) {
  if (is_call_of(expr, "^")) {
    return(c(split_power(expr[[2L]]), split_power(expr[[3L]])))
  }
  list(expr)
}

# What deparse_one() wrote, read again. The name of a column, written without backticks, is that
# column, whatever code it spells.
read_written <- function(text, columns) {
  if (text %in% columns) return(as.name(text))
  tryCatch(str2lang(text), error = function(e) as.name(text))
}

deparse_one <- function(expr) paste(deparse(expr, width.cutoff = 500L), collapse = " ")

# One row of the plan: what a single model regresses on what.
plan_models <- function(parsed) {
  plan <- list()
  for (outcome in parsed$outcomes) {
    for (effects in parsed$effects) {
      for (instrumented in parsed$instrumented) {
        for (regressors in parsed$regressors) {
          plan[[length(plan) + 1L]] <- list(outcome = outcome, regressors = regressors,
                                            effects = effects, instrumented = instrumented)
        }
      }
    }
  }
  plan
}

# The formula of one planned model, written back.
model_formula <- function(plan, env) {
  rhs <- plan$regressors
  if (length(plan$effects)) rhs <- call("|", rhs, join_sum(plan$effects))
  formula <- stats::as.formula(call("~", plan$outcome, rhs), env = env)
  join_instruments(formula, plan$instrumented$endogenous, plan$instrumented$instruments)
}

# A formula changed as update() does; a part that `new` does not write (fixed effects, instruments)
# stays. `y ~ x | e ~ z` has no fixed effects, so that `. ~ . | . ~ . + z2` changes instruments.
change_formula <- function(old, new) {
  old <- split_instruments(old)
  new <- split_instruments(new)
  a <- Formula::as.Formula(old$formula)
  b <- Formula::as.Formula(new$formula)
  if (length(attr(a, "rhs")) == 2L && length(attr(b, "rhs")) == 1L) {
    barred <- new$formula
    barred[[length(barred)]] <- call("|", barred[[length(barred)]], quote(.))
    b <- Formula::as.Formula(barred)
  }
  out <- stats::formula(stats::update(a, b))
  if (is.null(new$endogenous)) return(join_instruments(out, old$endogenous, old$instruments))
  pair <- call("~", new$endogenous, new$instruments)
  if (!is.null(old$endogenous)) {
    pair <- stats::update(stats::as.formula(call("~", old$endogenous, old$instruments)), pair)
  }
  join_instruments(out, pair[[2L]], pair[[3L]])
}

#' Indicators of a factor, and their interactions, inside a formula
#'
#' `i(f)` makes one 0/1 column for every level of `f` but the reference; `i(f, x)` multiplies them
#' with the numeric `x` (then no level is left out unless `ref` names one). Columns are called
#' `f::level` and `f::level:x`.
#'
#' @param f a factor, character, logical or numeric vector: its distinct values are the levels.
#' @param x `NULL`, or a numeric vector as long as `f`.
#' @param ref the level or levels left out. Default: the first one, or none when `x` is given. An
#'   unknown level is an error.
#' @param levels the levels to make columns for; used by `predict()` to remember those of the fit.
#' @return a numeric matrix with one row per element of `f` and one named column per kept level;
#'   rows are `NA` where `f` is.
#' @examples
#' i(c("a", "b", "c"), ref = "b")
#' @export
i <- function(f, x = NULL, ref = NULL, levels = NULL) {
  if (missing(f)) stop_arg("f", "of i() is missing", "Give a vector or factor")
  label <- deparse_one(substitute(f))
  suffix <- if (is.null(x)) "" else paste0(":", deparse_one(substitute(x)))
  if (!is.atomic(f) || is.null(f) || !is.null(dim(f))) {
    stop_arg("f", paste("of i() must be a vector or factor, not", describe_value(f)))
  }
  if (!is.null(x) && (!(is.numeric(x) || is.logical(x)) || length(x) != length(f))) {
    stop_arg("x", sprintf("of i() must be numeric with %d values, not %s", length(f),
                          describe_value(x)))
  }
  f <- as.factor(f)
  given <- !is.null(levels)
  levels <- if (given) check_i_levels(levels, "levels") else levels(droplevels(f))
  if (length(ref) || !is.null(ref) && !is.atomic(ref)) ref <- check_i_levels(ref, "ref")
  unknown <- setdiff(as.character(ref), levels)
  if (length(unknown) && !given) {
    stop_arg("ref", paste("names", quote_list(unknown), "which", label, "does not have"),
             paste("Its levels are", quote_list(levels, 12L)))
  }
  keep <- if (given) levels else if (is.null(ref) && is.null(x)) levels[-1L] else
    setdiff(levels, as.character(ref))
  if (!length(keep)) {
    stop_arg("f", sprintf("of i() is %s, of which no level is left", label),
             "Leave it out, or choose another `ref`")
  }
  out <- outer(as.character(f), keep, `==`) + 0
  if (!is.null(x)) out <- out * as.double(x)
  colnames(out) <- enc2utf8(paste0(label, "::", keep, suffix))
  structure(out, class = c("fe_i", "matrix"), levels = keep)
}

check_i_levels <- function(x, arg) {
  if (!is.atomic(x) || is.raw(x) || !is.null(dim(x)) || anyNA(x) || !length(x)) {
    stop_arg(arg, paste("of i() must hold levels of `f`, not", describe_value(x)))
  }
  as.character(x)
}

#' @exportS3Method stats::makepredictcall fe_i
makepredictcall.fe_i <- function(var, call) {
  call$levels <- attr(var, "levels")
  call
}

#' @export
`[.fe_i` <- function(x, rows, ...) {
  levels <- attr(x, "levels")
  out <- NextMethod()
  if (is.matrix(out)) structure(out, class = c("fe_i", "matrix"), levels = levels) else out
}
