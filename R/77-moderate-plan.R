# What a moderation regresses on what: the formula written out, and the centres of its columns.

# Arguments for fe_lm(). Those that may name columns are evaluated in the data before any centring.
moderation_arguments <- function(exprs, data, env) {
  none <- c("formula", "data", "split", "fsplit", "common_sample", "lean")
  known <- setdiff(names(formals(fe_lm)), none)
  given <- if (is.null(names(exprs))) rep("", length(exprs)) else names(exprs)
  bad <- which(!given %in% known)
  if (length(bad)) {
    what <- if (nzchar(given[bad[1L]])) given[bad[1L]] else deparse_one(exprs[[bad[1L]]])
    stop_arg("...", sprintf("holds `%s`, which fe_moderate() does not take", what),
             paste("It takes, by name,", quote_list(known, 12L)))
  }
  in_data <- c("weights", "subset", "offset")
  panel <- data_panel(eval(exprs$panel.id, env), data, env)
  Map(function(expr, name) {
    if (name %in% in_data) resolve_argument(expr, data, env, name, panel) else eval(expr, env)
  }, exprs, given)
}

# Sets of moderators (their numbers) that treat is multiplied with; the empty one is treat itself.
moderator_sets <- function(k, three_way) {
  c(list(integer()), as.list(seq_len(k)), if (three_way) list(1:2))
}

# -> list(formula, constant, others, unit): the formula written out, treat and moderators first and
# their products last; has it a constant, or fixed effects; all further expressions in it that hold
# more than moderators; the first fixed effect, or NULL.
plan_moderation <- function(formula, treat, moderator, three_way) {
  parsed <- parse_formula(formula)
  need_no_instruments(parsed, "fe_moderate()")
  check_one_formula(parsed)
  tt <- design_terms(parsed$regressors[[1L]], environment(formula), FALSE)
  sets <- lapply(moderator_sets(length(moderator), three_way), function(set) moderator[set])
  products <- c(lapply(sets[-1L], function(set) c(treat, set)), sets[lengths(sets) > 1L])
  own <- vapply(c(as.list(c(treat, moderator)), products), set_key, "")
  terms <- lapply(attr(tt, "term.labels"), str2lang)
  offsets <- as.list(attr(tt, "variables"))[-1L][attr(tt, "offset")]
  keys <- vapply(terms, function(term) set_key(factor_names(term)), "")
  controls <- c(terms[!keys %in% own], offsets)
  check_treat_terms(controls, treat, moderator)
  effects <- parsed$effects[[1L]]
  constant <- attr(tt, "intercept") == 1L || length(effects) > 0L
  products <- lapply(products, function(set) {
    Reduce(function(a, b) call(":", a, b), lapply(set, as.name))
  })
  regressors <- join_sum(c(lapply(c(treat, moderator), as.name), controls, if (!constant) 0,
                           products))
  plan <- list(outcome = parsed$outcomes[[1L]], regressors = regressors, effects = effects)
  parts <- unlist(lapply(effects, split_power), recursive = FALSE)
  inert <- vapply(controls, function(term) {
    names <- factor_names(term)
    length(names) > 0L && all(names %in% moderator)
  }, NA)
  list(formula = model_formula(plan, environment(formula)), constant = constant,
       others = c(plan$outcome, controls[!inert], Filter(Negate(is.symbol), parts)),
       unit = if (length(parts)) effects[[1L]])
}

check_one_formula <- function(parsed) {
  counts <- lengths(parsed[c("outcomes", "regressors", "effects")])
  if (prod(counts) > 1L) {
    stop_arg("formula", sprintf("describes %d models; moderation takes one", prod(counts)),
             "Write one outcome and no sw(), sw0(), csw(), csw0()")
  }
}

# The names that a term multiplies: c("a", "b") of a:b; none if it holds anything else.
factor_names <- function(term) {
  if (is.symbol(term)) return(as.character(term))
  if (!is_call_of(term, ":")) return(character())
  parts <- lapply(as.list(term)[-1L], factor_names)
  if (all(lengths(parts) > 0L)) unlist(parts) else character()
}

set_key <- function(names) paste(sort(names, method = "radix"), collapse = "\r")

check_treat_terms <- function(terms, treat, moderator) {
  more <- Filter(function(term) treat %in% all.vars(term), terms)
  if (!length(more)) return(invisible())
  remedy <- if (all(all.vars(more[[1L]]) %in% c(treat, moderator))) {
    "Set three.way = TRUE for the product of all three, or leave it out"
  } else "Leave it out, name the variable in `moderator`, or look at the slope of an fe_lm() model"
  stop_arg("formula",
           sprintf("has the term `%s`: the slope in `%s` would depend on more than the moderator",
                   deparse_one(more[[1L]]), treat), remedy)
}

# ---- centring -----------------------------------------------------------------------------------

# -> list(center = c(treat = , moderator = ), within): the names are those of the columns; within
# is NULL, or the means of units (see unit_means()).
find_centers <- function(center, data, vars, args, unit) {
  none <- stats::setNames(numeric(length(vars)), vars)
  if (is.logical(center)) center <- if (check_flag(center, "center")) "mean" else "none"
  if (is.character(center)) {
    check_choice(center, c("mean", "median", "within", "none"), "center")
    return(switch(center, none = list(center = none),
                  within = list(center = none, within = unit_means(data, vars, args, unit)),
                  list(center = sample_centers(none, data, args, center))))
  }
  numeric <- vars[vapply(data[vars], is.numeric, NA)]
  if (!is.numeric(center) || !length(center) || !all(is.finite(center)) ||
      is.null(names(center)) || anyDuplicated(names(center)) || !all(names(center) %in% numeric)) {
    stop_arg("center", paste("must be TRUE, FALSE, \"mean\", \"median\", \"within\" or finite",
                             "numbers named after", quote_list(numeric), "and not",
                             describe_value(center)),
             if (length(numeric)) {
               sprintf("For instance center = c(%s = 0)", numeric[length(numeric)])
             })
  }
  none[names(center)] <- center
  list(center = none)
}

# Means or medians of the variables that have more values than 0 and 1.
sample_centers <- function(out, data, args, what) {
  vars <- names(out)
  free <- vars[!vapply(data[vars], function(v) is.factor(v) || is_zero_one(v), NA)]
  if (!length(free)) return(out)
  m <- uncentred_model(data, args)
  middle <- if (what == "mean") function(v) stats::weighted.mean(v, row_weights(m)) else {
    function(v) stats::median(each_observation(v, m))
  }
  out[free] <- vapply(data[free], function(v) middle(take_rows(v, m$rows)), 0)
  out
}

# The model without centring, which has the same rows.
uncentred_model <- function(data, args) {
  args$data <- data
  args$intercept <- NULL
  if (!inherits(args$vcov, "formula")) args$vcov <- "iid"
  withCallingHandlers(do.call("fe_lm", args),
                      fe_warning = function(w) invokeRestart("muffleWarning"))
}

# Means of the variables in each unit, the levels of the first fixed effect, over the rows of the
# model -> list(unit (its expression), key (of each unit), means (a row each))
unit_means <- function(data, vars, args, unit) {
  if (is.null(unit) || is_bracket(unit)) {
    stop_arg("center", "is \"within\", but the formula has no fixed effects of units",
             "Write them first after the bar, as in y ~ x + m | country + year")
  }
  factors <- vars[vapply(data[vars], is.factor, NA)]
  if (length(factors)) {
    stop_arg("center", sprintf("is \"within\", but `%s` is a factor", factors[1L]),
             "Deviations from unit means are taken of numbers only")
  }
  m <- uncentred_model(data, args)
  key <- take_rows(unit_keys(data, unit, m$env), m$rows)
  v <- do.call(cbind, lapply(data[vars], take_rows, m$rows))
  w <- row_weights(m)
  sums <- rowsum(cbind(w, w * v), key, reorder = FALSE)
  means <- sums[, -1L, drop = FALSE] / sums[, 1L]
  rownames(means) <- NULL
  within <- list(unit = deparse_one(unit), expr = unit, key = unique(key), means = means)
  check_within_variation(v, key, within)
  within
}

# The unit of each row as text.
unit_keys <- function(data, unit, env) {
  parts <- lapply(split_power(unit), eval, data, env)
  do.call(paste, c(lapply(unname(parts), as.character), sep = "\r"))
}

check_within_variation <- function(v, key, within) {
  at <- match(key, within$key)
  for (name in colnames(v)) {
    if (max(abs(v[, name] - within$means[at, name])) <= 1e-10 * max(abs(v[, name]))) {
      stop_arg("center", sprintf("is \"within\", but `%s` does not vary within `%s`", name,
                                 within$unit),
               "The product of deviations would be zero; use center = TRUE")
    }
  }
}

# What is subtracted from a column in each row of data: a number, or the mean of its unit; zero for
# units that are not known.
shift_of <- function(name, data, centers, env) {
  if (is.null(centers$within)) return(centers$center[[name]])
  at <- match(unit_keys(data, centers$within$expr, env), centers$within$key)
  ifelse(is.na(at), 0, centers$within$means[at, name])
}

# centers: anything with elements center and within.
center_columns <- function(data, centers, env) {
  for (name in moved_names(centers)) {
    if (!name %in% names(data)) {
      stop_arg("newdata", sprintf("has no column \"%s\"", name),
               suggest_columns(name, names(data)))
    }
    data[[name]] <- as.double(data[[name]]) - shift_of(name, data, centers, env)
  }
  data
}

moved_names <- function(centers) {
  names(centers$center)[!is.null(centers$within) | centers$center != 0]
}

# A centred column inside another expression would mean something else there.
check_center_uses <- function(centers, plan, args) {
  if (length(moved_names(centers)) && !plan$constant) {
    stop_arg("center", "needs a constant or fixed effects in the model, which `formula` excludes",
             "Use center = FALSE")
  }
  check_other_uses(c(plan$others, cluster_parts(args$vcov), panel_uses(args$panel.id)), centers)
}

# The expression that `panel.id` is, or that its names of columns stand for.
panel_uses <- function(id) {
  if (is.character(id)) id <- c(NA, join_sum(lapply(id, as.name)))
  if (length(id)) list(id[[2L]])
}

check_other_uses <- function(exprs, centers) {
  moved <- moved_names(centers)
  for (expr in exprs) {
    inside <- intersect(moved, all.vars(expr))
    if (length(inside)) {
      stop_arg("center", sprintf("moves `%s`, which is also used in `%s`", inside[1L],
                                 deparse_one(expr)),
               "Use center = FALSE, or put that expression into a column of `data`")
    }
  }
}

# Cluster variables that are more than the name of a column.
cluster_parts <- function(vcov) Filter(Negate(is.symbol), cluster_expressions(vcov))
