# Heterogeneity: one focal coefficient by group, segment, quantile of a moderator and period.

#' Heterogeneity of a coefficient
#'
#' Estimates a focal coefficient in the groups of one or several variables, in bins of a moderator,
#' in periods, and for segments of the focal regressor, tests whether it is equal across them, and
#' adjusts the p-values for their number.
#'
#' @section Groups:
#' Each of `by`, `moderator`, `periods` and `segments` is a dimension; several may be given at once,
#' as in a table with columns for groups of countries and columns for kinds of services.
#' \itemize{
#' \item `by = ~a + b`: the values of a, and then those of b; `~a^b`: every combination.
#' \item `moderator = "z"`: bins of z cut at its quantiles \eqn{j/quantiles}{j / quantiles} (type 7)
#'   over the rows of the pooled model in which z is known; a bin holds the values above its lower
#'   end, up to and with its upper end, so that equal values are in one bin.
#' \item `periods = c(2012, 2016)` with `time = "year"`: a period begins at each of these values.
#' \item `segments = c("x1", "x2")`: the focal regressor is replaced by each of these columns. Their
#'   coefficients are compared as they are: they must be in the same unit.
#' }
#'
#' @section Methods:
#' \describe{
#' \item{`"split"`}{a regression for each group. Coefficients of controls and fixed effects differ
#'   freely, and so does the residual variance.}
#' \item{`"interact"`}{one regression in which every regressor and every fixed effect is interacted
#'   with the group: the same estimates, but one small-sample factor and one number of degrees of
#'   freedom for all.}
#' \item{`"focal"`}{one regression in which the focal coefficient alone differs between groups;
#'   groups have constants of their own, and controls and fixed effects are shared. More precise,
#'   and biased if those differ too.}
#' }
#' Segments are always regressions of their own.
#'
#' With instruments, `y ~ controls | fixed effects | x ~ z`, every regression is two-stage least
#' squares. Where a coefficient of an endogenous regressor differs between groups in one regression,
#' the instruments are interacted with the group too; a segment takes the place of the regressor and
#' keeps its instruments.
#'
#' @section Tests:
#' Differences within a dimension are tested with the joint variance of all estimates, from the
#' stacked influences of the models, or under `"CR2"`, `"CR3"` and bootstraps what a cluster does to
#' all of them (see [fe_equal()]): clusters that are in several groups link them. With k groups the
#' test of equality is F with k - 1 restrictions, under CR2 with Satterthwaite degrees of freedom
#' HTZ (see [fe_wald()]); pairs have t tests, whose p-values are adjusted (Holm) within the dimension.
#'
#' @param formula `y ~ x + controls | fixed effects`, one model; also with instruments.
#' @param data a data frame.
#' @param treat the focal regressor as it is written in the formula. Default: the first one, with
#'   instruments the first endogenous one.
#' @param by `NULL`, or the groups: a one-sided formula or names of columns.
#' @param segments `NULL`, or names of numeric columns.
#' @param moderator `NULL`, or the name of a numeric column.
#' @param quantiles number of its bins, default 4.
#' @param time,periods the name of a numeric column, and the values at which a new period begins.
#' @param method `"split"` (default), `"interact"` or `"focal"`.
#' @param adjust a method of [fe_adjust()] (default `"holm"`), or a list of its arguments such as
#'   `list(method = "romano-wolf", cluster = ~country, B = 999)`. The family is all coefficients of
#'   the call.
#' @param level confidence level, default 0.95.
#' @param min_n groups with fewer observations are not estimated, default 10.
#' @param vcov,ssc,weights,weights_type,subset,intercept,singletons,control,threads,panel.id as in
#'   [fe_lm()].
#' @return an object of class `fe_heterogeneity`: `table`, a data frame with a row for each estimate
#'   (`dimension`, `group`, `term`, `estimate`, `std.error`, `statistic`, `p.value`, `p.adjusted`,
#'   `conf.low`, `conf.high`, `band.low`, `band.high` (simultaneous, see [fe_bands()]), `nobs`,
#'   `units`: levels of the first fixed effect); `equality` (`dimension`, `groups`, `statistic`,
#'   `df1`, `df2`, `p.value`); `pairs` (`dimension`, `group1`, `group2`, `difference`, second less
#'   first, `std.error`, `statistic`, `df`, `p.value`, `p.adjusted`, `conf.low`, `conf.high`);
#'   `failed` (`dimension`, `group`, `nobs`, `cause`): groups without an estimate, which are warned
#'   of; `pooled`, the model without groups; `models`; `vcov`, the joint variance of the estimates;
#'   `joint`, what it is, or why there is none; `adjusted`, the [fe_adjust()] object.
#'   [fe_table()] of it has a column for each group.
#' @examples
#' h <- fe_heterogeneity(ln_upmf ~ ln_imdig + pgdp + fdi | country + year, digitrade,
#'                       by = ~developed, segments = c("ln_insur", "ln_finan", "ln_ict"),
#'                       vcov = ~country)
#' h
#' fe_table(h)
#' @export
fe_heterogeneity <- function(formula, data, treat = NULL, by = NULL, segments = NULL,
                             moderator = NULL, quantiles = 4, time = NULL, periods = NULL,
                             method = c("split", "interact", "focal"), adjust = "holm",
                             level = 0.95, min_n = 10, vcov = "HC1", ssc = fe_ssc(),
                             weights = NULL, subset = NULL,
                             intercept = c("none", "lsdv", "mean", "within"),
                             singletons = c("drop", "keep"), control = fe_control(), threads = NULL,
                             weights_type = c("analytic", "frequency"), panel.id = NULL) {
  call <- match.call()
  method <- check_first(method, c("split", "interact", "focal"), "method")
  check_level(level)
  check_count(quantiles, "quantiles", 2)
  settings <- model_settings(vcov, ssc, intercept, FALSE, singletons, control, threads,
                             FALSE, lm_call(call))
  env <- parent.frame()
  written <- list(weights = substitute(weights), subset = substitute(subset))
  setup_on <- function(data) {
    model_setup(formula, data, settings, env, weights = written$weights, subset = written$subset,
                weights_type = weights_type, panel.id = panel.id)
  }
  setup <- setup_on(data)
  focal <- focal_plan(setup, treat)
  pooled <- check_focal(run_plan(setup, list(focal$plan))[[1L]], focal$name)
  dims <- c(by_dimensions(substitute(by), setup, env),
            moderator_dimension(setup, pooled, moderator, quantiles),
            period_dimension(setup, time, periods))
  segments <- check_segments(segments, setup, focal)
  if (!length(dims) && !length(segments)) {
    stop_arg("by", "is missing, and so are `segments`, `moderator` and `periods`",
             "Give at least one of them, for instance by = ~group")
  }
  job <- list(focal = focal, method = method, settings = settings, level = level,
              min_n = check_count(min_n, "min_n", 1), adjust = adjust)
  marked <- mark_groups(setup, dims)
  if (method != "split" && length(marked$columns)) setup <- setup_on(marked$data)
  parts <- c(Map(fit_dimension, dims, names(dims), marked$terms,
                 MoreArgs = list(setup = setup, job = job)),
             if (length(segments)) list(fit_segments(segments, setup, job)))
  new_heterogeneity(parts, pooled, job, call)
}

# The call of fe_lm() that stands for it, for update().
lm_call <- function(call) {
  own <- setdiff(names(formals(fe_heterogeneity)), names(formals(fe_lm)))
  call <- call[!names(call) %in% own]
  call[[1L]] <- quote(fe_lm)
  call
}

# treat: the argument `arg`. -> list(plan (of the pooled model), terms (expressions, endogenous ones
# first), endogenous (which they are), at (of the focal one), name)
focal_plan <- function(setup, treat, arg = "treat") {
  plan <- plan_models(parse_formula(setup$formula))
  if (length(plan) != 1L) stop_arg("formula", "must be a single model: no c(), sw() or csw()")
  first <- split_sum(plan[[1L]]$instrumented$endogenous)
  terms <- split_sum(plan[[1L]]$regressors)
  if (length(first)) terms <- c(first, Filter(function(term) !identical(term, 1), terms))
  names <- vapply(terms, deparse_one, "")
  if (is.null(treat)) treat <- names[1L]
  if (!is.character(treat) || length(treat) != 1L || !treat %in% names) {
    given <- if (is.character(treat)) quote_list(treat) else describe_value(treat)
    stop_arg(arg, sprintf("is %s, which is no regressor of the formula", given[1L]),
             paste("Its regressors are", quote_list(names)))
  }
  list(plan = plan[[1L]], terms = terms, endogenous = seq_along(terms) <= length(first),
       at = match(treat, names),
       name = if (treat %in% all.vars(terms[[match(treat, names)]])) coef_name(treat) else treat)
}

# The plan with other terms in the places of its own.
plan_with_terms <- function(focal, terms) {
  plan <- focal$plan
  exogenous <- terms[!focal$endogenous]
  plan$regressors <- if (length(exogenous)) join_sum(exogenous) else 1
  if (any(focal$endogenous)) plan$instrumented$endogenous <- join_sum(terms[focal$endogenous])
  plan
}

# The focal term is one coefficient.
check_focal <- function(pooled, name, arg = "treat") {
  if (name %in% names(pooled$coefficients)) return(pooled)
  stop_arg(arg, sprintf("is `%s`, which %s", name, if (name %in% pooled$collinear) {
    "is collinear with the fixed effects or other regressors"
  } else "has no single coefficient of this name"),
  "It must be one numeric regressor")
}

# ---- dimensions ----------------------------------------------------------------------------------

# A factor over the rows of the data for each dimension, by name.
by_dimensions <- function(by, setup, env) {
  groups <- split_groups(by, setup$frame$data, env, "by")
  if (is.null(groups)) return(NULL)
  names(groups) <- make.unique(vapply(groups, function(g) {
    paste(sub(" = .*", "", strsplit(levels(g)[1L], ", ", fixed = TRUE)[[1L]]), collapse = "^")
  }, ""))
  groups
}

moderator_dimension <- function(setup, pooled, moderator, quantiles) {
  if (is.null(moderator)) return(NULL)
  data <- setup$frame$data
  check_numeric_columns(moderator, data, "moderator")
  if (length(moderator) != 1L) stop_arg("moderator", "must name one column")
  k <- check_count(quantiles, "quantiles", 2, 100)
  z <- as.double(data[[moderator]])
  used <- data_rows(pooled, seq_len(pooled$n_rows))
  z[!is.finite(z) | !seq_along(z) %in% used] <- NA
  seen <- z[used]
  if (!is.null(row_counts(pooled))) seen <- rep(seen, row_counts(pooled))
  cuts <- unname(stats::quantile(seen, seq_len(k - 1) / k, na.rm = TRUE, type = 7L))
  bin <- findInterval(z, cuts, left.open = TRUE) + 1L
  if (length(unique(bin[!is.na(bin)])) < k) {
    stop_arg("moderator", sprintf("is `%s`, which has too many equal values for %d bins", moderator,
                                  as.integer(k)), "Ask for fewer `quantiles`")
  }
  ends <- c(min(z, na.rm = TRUE), cuts, max(z, na.rm = TRUE))
  ends <- trimws(formatC(ends, digits = 3L, format = "fg"))
  labels <- sprintf("%s Q%d %s%s, %s]", moderator, seq_len(k), ifelse(seq_len(k) == 1, "[", "("),
                    ends[-length(ends)], ends[-1L])
  stats::setNames(list(factor(bin, seq_len(k), labels)), moderator)
}

period_dimension <- function(setup, time, periods) {
  if (is.null(periods) && is.null(time)) return(NULL)
  if (is.null(periods) || is.null(time)) {
    stop_arg(if (is.null(time)) "time" else "periods", "is missing",
             "Give both, for instance time = \"year\", periods = c(2012, 2016)")
  }
  data <- setup$frame$data
  check_numeric_columns(time, data, "time")
  if (length(time) != 1L) stop_arg("time", "must name one column")
  t <- as.double(data[[time]])
  if (!is.numeric(periods) || !length(periods) || anyNA(periods) ||
      is.unsorted(periods, strictly = TRUE)) {
    stop_arg("periods", paste("must hold increasing numbers, not", describe_value(periods)),
             "Write the values at which a period begins, such as periods = c(2012, 2016)")
  }
  at <- findInterval(t, periods)
  found <- sort(unique(at[!is.na(at)]))
  if (length(found) < length(periods) + 1L) {
    stop_arg("periods", sprintf("makes a period without a row: `%s` goes from %g to %g", time,
                                min(t, na.rm = TRUE), max(t, na.rm = TRUE)))
  }
  labels <- vapply(found, function(p) {
    ends <- range(t[which(at == p)])
    sprintf("%s %s", time, paste(unique(format(ends, trim = TRUE)), collapse = "-"))
  }, "")
  stats::setNames(list(factor(at, found, labels)), time)
}

check_segments <- function(segments, setup, focal) {
  if (is.null(segments)) return(NULL)
  segments <- unname(check_numeric_columns(segments, setup$frame$data, "segments"))
  taken <- intersect(segments, vapply(focal$terms[-focal$at], deparse_one, ""))
  if (length(taken)) {
    stop_arg("segments", paste("names", quote_list(taken), "which stands in the formula already"))
  }
  segments
}

# Columns of codes for the groups of pooled models -> list(data, columns, terms (names of the
# columns as expressions, one a dimension))
mark_groups <- function(setup, dims) {
  data <- setup$frame$data
  names <- utils::tail(make.unique(c(names(data), sprintf("group_%s", names(dims)))), length(dims))
  names <- make.names(names, unique = TRUE)
  for (d in seq_along(dims)) {
    data[[names[d]]] <- dims[[d]]
    short <- sub(paste0(names(dims)[d], " = "), "", levels(dims[[d]]), fixed = TRUE)
    if (!anyDuplicated(short)) levels(data[[names[d]]]) <- short
  }
  list(data = data, columns = names, terms = lapply(names, as.name))
}

# ---- fits ----------------------------------------------------------------------------------------

# -> new_part(): list(dimension, rows (list(model, term, group, nobs, units) of each group with an
# estimate), failed (data frame))
fit_dimension <- function(groups, name, column, setup, job) {
  if (job$method == "split") return(fit_split(groups, name, setup, job))
  fit_pooled(groups, name, column, setup, job)
}

new_part <- function(dimension, rows, failed) {
  list(dimension = dimension, rows = Filter(Negate(is.null), rows),
       failed = do.call(rbind, Filter(Negate(is.null), failed)))
}

failure <- function(dimension, group, n, cause) {
  data.frame(dimension = dimension, group = group, nobs = n, cause = cause)
}

# One model; an error or a focal coefficient left out becomes the cause of its absence.
try_fit <- function(setup, plan, sample, settings, term) {
  m <- tryCatch(withCallingHandlers(
    fit_sample(setup$frame, list(plan), sample, settings)[[1L]],
    fe_warning = function(w) { # it becomes the cause
      text <- conditionMessage(w)
      about <- grepl("collinear", text) && grepl(dQuote(term, FALSE), text, fixed = TRUE)
      if (about) invokeRestart("muffleWarning")
    }), fe_error = unless_memory(conditionMessage))
  if (is.character(m)) return(list(cause = m))
  if (!term %in% names(m$coefficients)) {
    return(list(cause = sprintf("`%s` is collinear with the fixed effects or other regressors",
                                term)))
  }
  list(model = m)
}

fit_split <- function(groups, name, setup, job) {
  sample <- setup$samples[[1L]]
  all <- if (is.null(sample$subset)) rep(TRUE, length(groups)) else sample$subset
  term <- job$focal$name
  failed <- rows <- list()
  for (level in levels(groups)) {
    in_group <- all & !is.na(groups) & groups == level
    got <- if (sum(in_group) < job$min_n) list(cause = "fewer observations than `min_n`") else
      try_fit(setup, job$focal$plan, list(candidates = in_group, subset = all, split = level),
              job$settings, term)
    if (is.null(got$model)) {
      failed[[level]] <- failure(name, level, sum(in_group), got$cause)
    } else {
      rows[[level]] <- whole_model(got$model, term, level)
    }
  }
  new_part(name, unname(rows), failed)
}

# A group that a model is of as a whole.
whole_model <- function(m, term, group) {
  list(model = m, term = term, group = group, nobs = m$nobs, units = count_units(m, TRUE))
}

count_units <- function(m, rows) {
  if (!length(m$factors)) return(NA_integer_)
  length(unique(m$factors[[1L]]$code[rows]))
}

fit_segments <- function(segments, setup, job) {
  failed <- rows <- list()
  for (segment in segments) {
    terms <- job$focal$terms
    terms[[job$focal$at]] <- as.name(segment)
    plan <- plan_with_terms(job$focal, terms)
    got <- try_fit(setup, plan, setup$samples[[1L]], job$settings, coef_name(segment))
    if (is.null(got$model)) {
      failed[[segment]] <- failure("segment", segment, NA_real_, got$cause)
    } else {
      rows[[segment]] <- whole_model(got$model, coef_name(segment), segment)
    }
  }
  new_part("segment", unname(rows), failed)
}

# One model for all groups: i(group, x), with the other terms by group too ("interact") or not.
fit_pooled <- function(groups, name, column, setup, job) {
  plan <- pooled_plan(job$focal, column, job$method)
  sample <- setup$samples[[1L]]
  all <- if (is.null(sample$subset)) rep(TRUE, length(groups)) else sample$subset
  counts <- table(groups[all])
  small <- names(counts)[counts < job$min_n]
  known <- all & !is.na(groups) & !groups %in% small
  failed <- lapply(small, function(level) {
    failure(name, level, counts[[level]], "fewer observations than `min_n`")
  })
  short <- levels(setup$frame$data[[as.character(column)]])
  terms <- sprintf("%s::%s:%s", deparse_one(column), short,
                   deparse_one(job$focal$terms[[job$focal$at]]))
  m <- fit_sample(setup$frame, list(plan), list(candidates = known, subset = all, split = NULL),
                  job$settings)[[1L]]
  used <- groups[data_rows(m, seq_len(m$n_rows))]
  rows <- Map(function(level, term) {
    if (level %in% small) return(NULL)
    if (!term %in% names(m$coefficients)) {
      failed[[length(failed) + 1L]] <<-
        failure(name, level, sum(used == level), "the coefficient is collinear")
      return(NULL)
    }
    n <- if (is.null(row_counts(m))) sum(used == level) else sum(m$weights[used == level])
    list(model = m, term = term, group = level, nobs = n, units = count_units(m, used == level))
  }, levels(groups), terms)
  new_part(name, unname(rows), failed)
}

pooled_plan <- function(focal, column, method) {
  terms <- focal$terms
  by_group <- function(term) { # a term may be a factor, a product or several columns
    if (is_call_of(term, "offset")) term else call(":", column, call("(", term))
  }
  if (method == "interact") terms <- lapply(terms, by_group)
  terms[[focal$at]] <- call("i", column, focal$terms[[focal$at]])
  plan <- plan_with_terms(focal, terms)
  if (any(focal$endogenous) && (method == "interact" || focal$endogenous[focal$at])) {
    instruments <- lapply(split_sum(plan$instrumented$instruments), by_group)
    plan$instrumented$instruments <- join_sum(instruments)
  }
  plan$effects <- if (method == "focal" || !length(plan$effects)) c(plan$effects, list(column)) else
    lapply(plan$effects, effect_by_group, column = column)
  plan
}

# a[x] -> column^a[x]
effect_by_group <- function(effect, column) {
  effect <- open_parentheses(effect)
  if (is_bracket(effect)) {
    effect[[2L]] <- call("^", open_parentheses(effect[[2L]]), column)
    return(effect)
  }
  parts <- split_power(effect)
  if (is_bracket(parts[[length(parts)]])) return(call("^", column, effect))
  call("^", effect, column)
}
