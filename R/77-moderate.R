# Moderation: the slope of the outcome in `treat`, as it depends on `moderator`.

#' Moderation: interaction model, simple slopes, Johnson-Neyman region
#'
#' Estimates \eqn{y = b_1 x + b_2 m + b_3 x m + \dots}{y = b1 x + b2 m + b3 x m + ...} by
#' [fe_lm()] and shows how the slope in the treatment x depends on the moderator m: at chosen
#' values, and where on the observed range of m it differs from zero. All of it uses one variance
#' and one number of degrees of freedom, those of the model.
#'
#' @section Slopes:
#' With centres \eqn{\bar x, \bar m}{cx, cm} the regressors are \eqn{x-\bar x}{x-cx}, 
#' \eqn{m-\bar m}{m-cm} and their product, and the slope at m, with d = m - cm, is
#' \deqn{s(m) = b_1 + b_3 d, \quad Var\, s(m) = V_{11} + 2 d V_{13} + d^2 V_{33}}{
#'   s(m) = b1 + b3 d,  Var s(m) = V11 + 2 d V13 + d^2 V33}
#' (Aiken and West 1991; Brambor, Clark and Golder 2006). Centring moves the coefficients of
#' `treat` and `moderator`, but neither the product's nor any slope. For a factor the slope in a
#' level is the same kind of linear combination, with the contrasts of the factor.
#'
#' @section Johnson-Neyman region:
#' The values of m where \eqn{s(m)^2 > t^2 Var\, s(m)}{s(m)^2 > t^2 Var s(m)}, a quadratic
#' inequality with at most two bounds (Johnson and Fay 1950; Bauer and Curran 2005); t is the
#' quantile of Student's distribution at `level`. Whether one value of m or many are looked at
#' makes a difference: with `fdr = TRUE`, t is raised so that the rate of false discoveries among
#' the distinct observed values of m stays below 1 - `level` (Benjamini and Hochberg 1995, as
#' Esarey and Sumner 2018 apply it to interactions).
#'
#' @section What centring may not touch:
#' Columns are centred in a copy of `data`, so a centred variable may stand in the formula by
#' itself, in the product and as a fixed effect, but not inside another expression such as
#' `log(m)`: that is an error. So is `treat` in any further term: its slope would depend on more
#' than the moderator.
#'
#' @param formula `y ~ treat + moderator + controls | fixed effects`, as in [fe_lm()], of one model.
#'   Main effects and product are added where they are not written.
#' @param data a data frame with one row an observation.
#' @param treat name of a numeric or logical column: the regressor whose slope is studied.
#' @param moderator name of another column: numeric, logical, factor or character. Logical values
#'   count as 0 and 1, character values as levels of a factor.
#' @param center `TRUE` (default): `treat` and a numeric moderator are centred at their means
#'   (weighted by `weights`) over the rows that the model uses; variables with no values but 0 and
#'   1, and factors, stay as they are. `FALSE`: nothing is centred. Or centres of your own, in the
#'   units of the data: `c(x = 3, m = 0)`; what is not named has centre 0.
#' @param values where slopes are computed, in the units of the data: `NULL` or `"sd"` (the mean
#'   and one standard deviation to each side), `"quantiles"` (the quartiles over the rows used),
#'   or numbers, whose names become labels. For a moderator of two values, or a factor, `NULL`
#'   means all of them; for a factor give levels.
#' @param level confidence level between 0 and 1, default 0.95; the region uses 1 - `level`.
#' @param fdr `TRUE`: the region controls the false discovery rate. Default `FALSE`.
#' @param ... further arguments of [fe_lm()]: `vcov`, `weights`, `weights_type`, `subset`,
#'   `intercept`, `ssc`, `offset`, `singletons`, `control`, `threads`.
#' @return an object of class `fe_moderate`, a list with
#'   \item{model}{the interaction model of class `fe_lm`; its `data` are the centred ones, its
#'     coefficients are called `treat`, `moderator` and `treat:moderator` after the columns.}
#'   \item{slopes}{a data frame with a row per value: `value` (units of the data; the level of a
#'     factor), `label`, `estimate`, `std.error`, `statistic`, `df`, `p.value`, `conf.low`,
#'     `conf.high`.}
#'   \item{interaction}{a data frame of one row: Wald F `statistic` of all products, `df1`, `df2`,
#'     `p.value`.}
#'   \item{jn}{for a numeric moderator of more than two values: `bounds` (zero to two roots, units
#'     of the data; where degrees of freedom differ from slope to slope there may be more),
#'     `pattern` over the whole line (`"between"`, `"outside"`, `"one side"`, `"nowhere"`,
#'     `"several"` beyond two roots), `regions` (data frame: `from`, `to` within the observed
#'     range, `slope` `"positive"` or `"negative"`, `share` of the rows used), `share` (of the
#'     rows, all regions), `range`, `critical` (t; its range over the rows if degrees of
#'     freedom differ), `alpha` (level of each test), `level`, `fdr`; else `NULL`.}
#'   \item{center}{named numbers: the centres, 0 where there is none.}
#'   and `formula`, `call`, `treat`, `moderator`, `kind` (`"continuous"`, `"binary"` or `"factor"`),
#'   `level`, `points`, `combination` (rows: slopes, columns: coefficients), `observed` (the
#'   moderator in the rows used).
#' @section Errors:
#' Columns that `data` does not have, of a wrong kind, or constant; `treat` or the product without
#' variation within the fixed effects; formulas of several models; values that are no levels. A
#' moderator that the fixed effects absorb is no error: only its main effect is left out.
#' @references
#' Aiken, L. S. and West, S. G. (1991). *Multiple Regression: Testing and Interpreting
#' Interactions*. Sage.
#'
#' Bauer, D. J. and Curran, P. J. (2005). Probing interactions in fixed and multilevel regression.
#' *Multivariate Behavioral Research* 40, 373-400. \doi{10.1207/s15327906mbr4003_5}
#'
#' Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. *Journal of the
#' Royal Statistical Society B* 57, 289-300. \doi{10.1111/j.2517-6161.1995.tb02031.x}
#'
#' Brambor, T., Clark, W. R. and Golder, M. (2006). Understanding interaction models. *Political
#' Analysis* 14, 63-82. \doi{10.1093/pan/mpi014}
#'
#' Esarey, J. and Sumner, J. L. (2018). Marginal effects in interaction models: determining and
#' controlling the false positive rate. *Comparative Political Studies* 51, 1144-1176.
#' \doi{10.1177/0010414017730080}
#'
#' Johnson, P. O. and Fay, L. C. (1950). The Johnson-Neyman technique, its theory and application.
#' *Psychometrika* 15, 349-367. \doi{10.1007/BF02288864}
#' @seealso [fe_moderate-methods]
#' @examples
#' m <- fe_moderate(ln_upmf ~ ln_imdig + ln_insti + pgdp + fdi | country + year, digitrade,
#'                  treat = "ln_imdig", moderator = "ln_insti")
#' m
#' summary(m, vcov = ~country)$jn$regions
#' fe_moderate(ln_upmf ~ pgdp | country + year, digitrade, "ln_imdig", "developed")$slopes
#' @export
fe_moderate <- function(formula, data, treat, moderator, center = TRUE, values = NULL, level = 0.95,
                        fdr = FALSE, ...) {
  env <- parent.frame()
  formula <- as_formula(formula, env)
  data <- check_data(data)
  check_treat(treat, data)
  check_moderator(moderator, data, treat)
  plan <- plan_moderation(formula, treat, moderator)
  args <- moderation_arguments(as.list(substitute(list(...)))[-1L], data, env)
  args$formula <- plan$formula
  if (is.null(values) && is.logical(data[[moderator]])) values <- c(`FALSE` = 0, `TRUE` = 1)
  data[[treat]] <- as.double(data[[treat]])
  data[[moderator]] <- moderator_column(data[[moderator]])
  center <- find_centers(center, data, treat, moderator, args)
  check_center_uses(center, plan, args$vcov)
  args$data <- center_columns(data, center)
  object <- list(call = match.call(), formula = formula, treat = treat, moderator = moderator,
                 kind = moderator_kind(data[[moderator]]), center = center,
                 level = check_level(level), fdr = check_flag(fdr, "fdr"))
  object$model <- do.call("fe_lm", args)
  object$observed <- droplevels_if(take_rows(data[[moderator]], object$model$rows))
  check_slope_estimable(object)
  object$points <- moderator_points(object, values)
  object$combination <- slope_combination(object, object$points$value)
  structure(restate_moderation(object), class = "fe_moderate")
}

# ---- arguments ----------------------------------------------------------------------------------

check_one_column <- function(name, data, arg) {
  if (missing(name) || length(name) != 1L) {
    stop_arg(arg, "must be the name of one column of `data`, in quotes")
  }
  check_columns(name, data, arg)
}

check_treat <- function(treat, data) {
  check_one_column(treat, data, "treat")
  check_numeric_columns(treat, data, "treat")
  check_varies(data[[treat]], treat, "treat")
}

check_moderator <- function(moderator, data, treat) {
  check_one_column(moderator, data, "moderator")
  if (moderator == treat) {
    stop_arg("moderator", sprintf("is %s, and so is `treat`", dQuote(treat, FALSE)),
             "Name another column")
  }
  v <- data[[moderator]]
  if (!is.null(dim(v)) || !(is.numeric(v) || is.logical(v) || is.factor(v) || is.character(v))) {
    stop_arg("moderator", sprintf("names %s, which is %s", dQuote(moderator, FALSE),
                                  describe_value(v)),
             "Use a numeric, logical, character or factor column")
  }
  check_varies(v, moderator, "moderator")
}

check_varies <- function(v, name, arg) {
  distinct <- unique(v[!is.na(v)])
  if (length(distinct) > 1L) return(invisible())
  stop_arg(arg, sprintf("names %s, which is %s", dQuote(name, FALSE), if (length(distinct)) {
    sprintf("constant (%s)", format(distinct))
  } else "NA in every row"), "A column that varies is needed")
}

moderator_column <- function(v) {
  if (is.character(v)) return(factor(v, levels = sort(unique(v), method = "radix")))
  if (is.factor(v)) v else as.double(v)
}

moderator_kind <- function(v) {
  if (is.factor(v)) return("factor")
  if (length(unique(v[!is.na(v)])) == 2L) "binary" else "continuous"
}

droplevels_if <- function(v) if (is.factor(v)) droplevels(v) else v

is_zero_one <- function(v) all(v %in% c(0, 1, NA))

# Arguments for fe_lm(). Those that may name columns are evaluated in the data before any centring.
moderation_arguments <- function(exprs, data, env) {
  known <- setdiff(names(formals(fe_lm)), c("formula", "data", "split", "common_sample", "lean"))
  given <- if (is.null(names(exprs))) rep("", length(exprs)) else names(exprs)
  bad <- which(!given %in% known)
  if (length(bad)) {
    what <- if (nzchar(given[bad[1L]])) given[bad[1L]] else deparse_one(exprs[[bad[1L]]])
    stop_arg("...", sprintf("holds `%s`, which fe_moderate() does not take", what),
             paste("It takes, by name,", quote_list(known, 12L)))
  }
  in_data <- c("weights", "subset", "offset")
  Map(function(expr, name) {
    if (name %in% in_data) resolve_argument(expr, data, env, name) else eval(expr, env)
  }, exprs, given)
}

# -> list(formula, constant, others): the formula written out, treat and moderator first and their
# product last; has it a constant, or fixed effects; `others` are all further expressions in it.
plan_moderation <- function(formula, treat, moderator) {
  parsed <- parse_formula(formula)
  counts <- lengths(parsed)
  if (prod(counts) > 1L) {
    stop_arg("formula", sprintf("describes %d models; moderation takes one", prod(counts)),
             "Write one outcome and no sw(), sw0(), csw(), csw0()")
  }
  tt <- design_terms(parsed$regressors[[1L]], environment(formula), FALSE)
  symbols <- list(as.name(treat), as.name(moderator))
  main <- function(term) any(vapply(symbols, identical, NA, term))
  product <- function(term) {
    is.call(term) && identical(term[[1L]], quote(`:`)) && main(term[[2L]]) && main(term[[3L]])
  }
  terms <- lapply(attr(tt, "term.labels"), str2lang)
  offsets <- as.list(attr(tt, "variables"))[-1L][attr(tt, "offset")]
  controls <- c(Filter(function(term) !main(term) && !product(term), terms), offsets)
  check_treat_terms(controls, treat)
  effects <- parsed$effects[[1L]]
  constant <- attr(tt, "intercept") == 1L || length(effects) > 0L
  regressors <- join_sum(c(symbols, controls, if (!constant) 0,
                           call(":", symbols[[1L]], symbols[[2L]])))
  plan <- list(outcome = parsed$outcomes[[1L]], regressors = regressors, effects = effects)
  parts <- unlist(lapply(effects, split_power), recursive = FALSE)
  list(formula = model_formula(plan, environment(formula)), constant = constant,
       others = c(plan$outcome, controls, Filter(Negate(is.symbol), parts)))
}

check_treat_terms <- function(terms, treat) {
  more <- Filter(function(term) treat %in% all.vars(term), terms)
  if (!length(more)) return(invisible())
  stop_arg("formula",
           sprintf("has the term `%s`: the slope in `%s` would depend on more than the moderator",
                   deparse_one(more[[1L]]), treat),
           "Leave it out, or look at the slope of an fe_lm() model")
}

# ---- centring -----------------------------------------------------------------------------------

# -> c(treat = , moderator = ), the names those of the columns.
find_centers <- function(center, data, treat, moderator, args) {
  vars <- c(treat, moderator)
  out <- stats::setNames(c(0, 0), vars)
  if (is.logical(center)) {
    if (!check_flag(center, "center")) return(out)
    free <- vars[!vapply(data[vars], function(v) is.factor(v) || is_zero_one(v), NA)]
    if (length(free)) out[free] <- sample_means(data, free, args)
    return(out)
  }
  numeric <- vars[vapply(data[vars], is.numeric, NA)]
  if (!is.numeric(center) || !length(center) || !all(is.finite(center)) ||
      is.null(names(center)) || anyDuplicated(names(center)) || !all(names(center) %in% numeric)) {
    stop_arg("center", paste("must be TRUE, FALSE or finite numbers named after",
                             quote_list(numeric), "and not", describe_value(center)),
             sprintf("For instance center = c(%s = 0)", numeric[length(numeric)]))
  }
  out[names(center)] <- center
  out
}

# Means over the estimation sample, which the model without centring tells: it has the same rows.
sample_means <- function(data, vars, args) {
  args$data <- data
  args$intercept <- NULL
  if (!inherits(args$vcov, "formula")) args$vcov <- "iid"
  m <- withCallingHandlers(do.call("fe_lm", args),
                           fe_warning = function(w) invokeRestart("muffleWarning"))
  w <- if (is.null(m$weights)) rep(1, m$n_rows) else m$weights
  vapply(data[vars], function(v) stats::weighted.mean(take_rows(v, m$rows), w), 0)
}

center_columns <- function(data, center) {
  for (name in names(center)[center != 0]) data[[name]] <- data[[name]] - center[[name]]
  data
}

# A centred column inside another expression would mean something else there.
check_center_uses <- function(center, plan, vcov) {
  if (any(center != 0) && !plan$constant) {
    stop_arg("center", "needs a constant or fixed effects in the model, which `formula` excludes",
             "Use center = FALSE")
  }
  check_other_uses(c(plan$others, cluster_parts(vcov)), center)
}

check_other_uses <- function(exprs, center) {
  moved <- names(center)[center != 0]
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
