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
#' @param ... further arguments of [fe_lm()]: `vcov`, `weights`, `subset`, `intercept`, `ssc`,
#'   `offset`, `singletons`, `control`, `threads`.
#' @return an object of class `fe_moderate`, a list with
#'   \item{model}{the interaction model of class `fe_lm`; its `data` are the centred ones, its
#'     coefficients are called `treat`, `moderator` and `treat:moderator` after the columns.}
#'   \item{slopes}{a data frame with a row per value: `value` (units of the data; the level of a
#'     factor), `label`, `estimate`, `std.error`, `statistic`, `df`, `p.value`, `conf.low`,
#'     `conf.high`.}
#'   \item{interaction}{a data frame of one row: Wald F `statistic` of all products, `df1`, `df2`,
#'     `p.value`.}
#'   \item{jn}{for a numeric moderator of more than two values: `bounds` (zero to two roots, units
#'     of the data), `pattern` over the whole line (`"between"`, `"outside"`, `"one side"`,
#'     `"nowhere"`), `regions` (data frame: `from`, `to` within the observed
#'     range, `slope` `"positive"` or `"negative"`, `share` of the rows used), `share` (of the
#'     rows, all regions), `range`, `critical` (t), `level`, `fdr`; else `NULL`.}
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
  w <- if (is.null(m$weights)) rep(1, m$nobs) else m$weights
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

# ---- slopes -------------------------------------------------------------------------------------

product_names <- function(object) {
  suffix <- if (object$kind == "factor") contrast_names(object$observed) else ""
  paste0(term_label(object$treat), ":", term_label(object$moderator), suffix)
}

# A column as the names of coefficients write it: in backticks where it needs them.
term_label <- function(name) deparse(as.name(name), backtick = TRUE)

contrast_names <- function(f) {
  names <- colnames(stats::contrasts(f))
  if (is.null(names)) seq_len(nlevels(f) - 1L) else names
}

# The slope is a function of the data only if no column it needs was left out of the model.
check_slope_estimable <- function(object) {
  m <- object$model
  if (term_label(object$treat) %in% m$collinear) {
    stop_arg("treat", sprintf("is `%s`, which was left out as collinear with the %s", object$treat,
                              if (length(m$factors)) "fixed effects" else "constant"),
             "Its slope cannot be estimated; the treatment must vary within the fixed effects")
  }
  gone <- intersect(product_names(object), m$collinear)
  if (length(gone)) {
    stop_arg("moderator", sprintf("gives the product %s, which was left out as collinear",
                                  quote_list(gone)),
             paste("Within the fixed effects `treat` must vary", if (object$kind == "factor") {
               "in every level; leave the other levels out by `subset`"
             } else "in rows of different values of the moderator"))
  }
  check_moderator_apart(object)
}

# A main effect of the moderator that was left out must not be a combination of treat and the
# products: then their coefficients would be mixtures. Its regression on the kept columns tells.
check_moderator_apart <- function(object) {
  m <- object$model
  columns <- moderator_design(object)
  columns <- columns[, colnames(columns) %in% m$collinear, drop = FALSE]
  if (!ncol(columns)) return(invisible())
  absorber <- new_absorber(m$factors, m$weights, m$control)
  within <- absorb(absorber, columns, m$threads)$x
  w <- if (is.null(m$weights)) 1 else m$weights
  share <- m$bread %*% crossprod(m$x, w * within)
  at <- c(term_label(object$treat), product_names(object))
  part <- abs(share[at, , drop = FALSE]) * sqrt(colSums(w * m$x[, at, drop = FALSE]^2))
  size <- sqrt(colSums(w * scale(columns, scale = FALSE)^2))
  if (any(t(part) > 1e-6 * size)) {
    stop_arg("moderator", sprintf("is `%s`, which is collinear with `%s` or with their product",
                                  object$moderator, object$treat),
             "The slope cannot be told from the moderator's effect; use another moderator")
  }
}

# Main-effect columns of the moderator, by the names that the model gives them.
moderator_design <- function(object) {
  v <- object$observed
  if (object$kind != "factor") {
    return(matrix(v, dimnames = list(NULL, term_label(object$moderator))))
  }
  x <- stats::contrasts(v)[as.integer(v), , drop = FALSE]
  dimnames(x) <- list(NULL, paste0(term_label(object$moderator), contrast_names(v)))
  x
}

# -> data frame (value, label)
moderator_points <- function(object, values) {
  v <- object$observed
  if (object$kind == "factor") return(level_points(v, values))
  if (is.null(values)) values <- if (object$kind == "binary") sort(unique(v)) else "sd"
  if (identical(values, "sd")) return(spread_points(v, object$model$weights))
  if (identical(values, "quantiles")) {
    share <- c(0.25, 0.5, 0.75)
    return(data.frame(value = stats::quantile(v, share, names = FALSE),
                      label = c("25th percentile", "median", "75th percentile")))
  }
  if (!is.numeric(values) || !length(values) || !all(is.finite(values))) {
    stop_arg("values", paste("must be NULL, \"sd\", \"quantiles\" or finite numbers, not",
                             describe_value(values)))
  }
  named <- if (is.null(names(values))) FALSE else nzchar(names(values))
  data.frame(value = as.double(values), label = ifelse(named, names(values), point_labels(values)))
}

point_labels <- function(values) vapply(values, format, "", digits = 5L)

level_points <- function(v, values) {
  if (is.null(values)) values <- levels(v)
  values <- as.character(values)
  bad <- setdiff(values, levels(v))
  if (length(bad) || !length(values)) {
    stop_arg("values", paste("names", quote_list(bad), "which is no level of the moderator"),
             paste("Its levels in the sample are", quote_list(levels(v), 12L)))
  }
  data.frame(value = values, label = values)
}

# Weighted moments; with equal weights those of mean() and sd().
spread_points <- function(v, w) {
  if (is.null(w)) w <- rep(1, length(v))
  mean <- stats::weighted.mean(v, w)
  sd <- sqrt(stats::weighted.mean((v - mean)^2, w) * length(v) / (length(v) - 1))
  data.frame(value = mean + c(-1, 0, 1) * sd, label = c("mean - sd", "mean", "mean + sd"))
}

# Slopes at `values` as combinations of the coefficients: a row each; columns treat, products.
slope_combination <- function(object, values) {
  weight <- if (object$kind == "factor") {
    stats::contrasts(object$observed)[match(values, levels(object$observed)), , drop = FALSE]
  } else {
    values - object$center[[object$moderator]]
  }
  out <- cbind(1, weight)
  dimnames(out) <- list(NULL, c(term_label(object$treat), product_names(object)))
  out
}

combine_slopes <- function(m, combination) {
  at <- colnames(combination)
  list(estimate = as.vector(combination %*% m$coefficients[at]),
       std.error = sqrt(rowSums((combination %*% m$vcov[at, at]) * combination)))
}

slope_table <- function(object, level = object$level) {
  s <- combine_slopes(object$model, object$combination)
  df <- object$model$vcov_info$df
  t <- s$estimate / s$std.error
  margin <- stats::qt(1 - (1 - level) / 2, df) * s$std.error
  data.frame(object$points, estimate = s$estimate, std.error = s$std.error, statistic = t,
             df = as.double(df), p.value = 2 * stats::pt(-abs(t), df),
             conf.low = s$estimate - margin, conf.high = s$estimate + margin)
}

# Wald F of all products.
interaction_test <- function(object) {
  m <- object$model
  at <- product_names(object)
  b <- m$coefficients[at]
  f <- tryCatch(sum(b * solve(m$vcov[at, at], b)) / length(at), error = function(e) NA_real_)
  df <- as.double(m$vcov_info$df)
  data.frame(statistic = f, df1 = length(at), df2 = df,
             p.value = stats::pf(f, length(at), df, lower.tail = FALSE))
}

# All that follows from the model and its variance.
restate_moderation <- function(object) {
  object$slopes <- slope_table(object)
  object$interaction <- interaction_test(object)
  object["jn"] <- list(if (object$kind == "continuous") johnson_neyman(object))
  object
}

# ---- Johnson-Neyman -----------------------------------------------------------------------------

johnson_neyman <- function(object) {
  at <- c(term_label(object$treat), product_names(object))
  b <- unname(object$model$coefficients[at])
  V <- unname(object$model$vcov[at, at])
  m <- object$observed
  critical <- critical_t(object)
  root <- slope_roots(b, V, critical)
  bounds <- root$d + object$center[[object$moderator]]
  s <- combine_slopes(object$model, slope_combination(object, m))
  regions <- significant_regions(object, bounds, critical)
  regions$share <- vapply(seq_len(nrow(regions)), function(r) {
    mean(m >= regions$from[r] & m <= regions$to[r])
  }, 0)
  list(bounds = bounds, pattern = root$pattern, regions = regions,
       share = mean(abs(s$estimate) > critical * s$std.error), range = range(m),
       critical = critical, level = object$level, fdr = object$fdr)
}

# Roots d of (b1 + b3 d)^2 = t^2 (V11 + 2 d V13 + d^2 V33), that is A d^2 + 2 B d + C = 0. The
# discriminant is written so that b1^2 b3^2 cancels on paper and not in the computer. It is not
# positive where b'V^-1 b <= t^2; then A <= 0, and the slope is significant nowhere. It cannot be
# significant everywhere, since it crosses zero at d = -b1 / b3.
slope_roots <- function(b, V, t) {
  A <- b[2L]^2 - t^2 * V[2L, 2L]
  B <- b[1L] * b[2L] - t^2 * V[1L, 2L]
  C <- b[1L]^2 - t^2 * V[1L, 1L]
  D <- t^2 * (b[1L]^2 * V[2L, 2L] + b[2L]^2 * V[1L, 1L] - 2 * b[1L] * b[2L] * V[1L, 2L] -
                t^2 * (V[1L, 1L] * V[2L, 2L] - V[1L, 2L]^2))
  if (!isTRUE(D > 0)) return(list(d = numeric(), pattern = "nowhere"))
  q <- -(B + if (B < 0) -sqrt(D) else sqrt(D))
  d <- c(q / A, C / q)
  d <- sort(d[is.finite(d)])
  list(d = d, pattern = if (length(d) < 2L) "one side" else if (A > 0) "outside" else "between")
}

# The observed range cut at the bounds: the pieces in whose middle the slope is significant.
significant_regions <- function(object, bounds, critical) {
  range <- range(object$observed)
  cut <- c(range[1L], bounds[bounds > range[1L] & bounds < range[2L]], range[2L])
  from <- cut[-length(cut)]
  to <- cut[-1L]
  s <- combine_slopes(object$model, slope_combination(object, (from + to) / 2))
  keep <- abs(s$estimate) > critical * s$std.error
  data.frame(from = from[keep], to = to[keep],
             slope = ifelse(s$estimate[keep] > 0, "positive", "negative"))
}

# Without control of false discoveries the quantile of t at a. With it that at i a / k, where i is
# the largest with p_(i) <= i a / k among the k distinct observed values, or 1 if there is none.
critical_t <- function(object) {
  alpha <- 1 - object$level
  df <- object$model$vcov_info$df
  if (object$fdr) {
    s <- combine_slopes(object$model, slope_combination(object, unique(object$observed)))
    p <- sort(2 * stats::pt(-abs(s$estimate / s$std.error), df))
    passed <- which(p <= seq_along(p) * alpha / length(p))
    alpha <- max(passed, 1L) * alpha / length(p)
  }
  stats::qt(1 - alpha / 2, df)
}

# ---- methods ------------------------------------------------------------------------------------

#' Methods for moderation
#'
#' What belongs to the interaction model (`coef`, `vcov`, `nobs`, `formula`, `confint`, `glance`,
#' `fe_rows`) comes from it; `summary()` states slopes and region anew under another variance.
#'
#' @param object,x an object of class `fe_moderate`, made by [fe_moderate()].
#' @param vcov,cluster,ssc as in [vcov.fe_lm()]; `NULL`: as estimated.
#' @param level,conf.level confidence level between 0 and 1; default that of the object.
#' @param parm names or numbers of coefficients; default all.
#' @param what `"terms"` (coefficients of the model) or `"slopes"`.
#' @param conf.int should `conf.low` and `conf.high` be given?
#' @param formula changes to the formula, as in [stats::update()].
#' @param evaluate `FALSE`: give the new call only.
#' @param digits significant digits to print.
#' @param ... for `update()`, arguments of [fe_moderate()] to change; for `tidy()`, `confint()`,
#'   `vcov()` passed on, so that they take `vcov`, `cluster` and `ssc` too.
#' @return `summary`, `update`: an object of class `fe_moderate`. `tidy`: a data frame with a row
#'   per coefficient, or per slope (`term` is its label, `value` that of the moderator). `glance`:
#'   the row of the model, with the F test of the products (`interaction.statistic`,
#'   `interaction.df`, `interaction.p.value`). The others as for `fe_lm`.
#' @name fe_moderate-methods
NULL

#' @rdname fe_moderate-methods
#' @export
summary.fe_moderate <- function(object, vcov = NULL, cluster = NULL, ssc = NULL, ...) {
  check_dots(...)
  check_other_uses(c(cluster_parts(vcov), cluster_parts(cluster)), object$center)
  object$model <- restated(object$model, vcov, cluster, ssc)
  restate_moderation(object)
}

#' @rdname fe_moderate-methods
#' @export
coef.fe_moderate <- function(object, ...) coef(object$model, ...)

#' @rdname fe_moderate-methods
#' @export
vcov.fe_moderate <- function(object, ...) vcov(object$model, ...)

#' @rdname fe_moderate-methods
#' @export
confint.fe_moderate <- function(object, parm, level = object$level, ...) {
  confint(object$model, parm, level, ...)
}

#' @rdname fe_moderate-methods
#' @export
nobs.fe_moderate <- function(object, ...) nobs(object$model)

#' @rdname fe_moderate-methods
#' @export
formula.fe_moderate <- function(x, ...) formula(x$model)

#' @rdname fe_moderate-methods
#' @export
update.fe_moderate <- function(object, formula, ..., evaluate = TRUE) {
  call <- match.call()
  call[[1L]] <- update.fe_lm
  eval(call, parent.frame())
}

#' @export
fe_rows.fe_moderate <- function(object, ...) fe_rows(object$model)

#' @rdname fe_moderate-methods
#' @export
tidy.fe_moderate <- function(x, what = c("terms", "slopes"), conf.int = FALSE, conf.level = x$level,
                             ...) {
  if (check_choice(what[1L], c("terms", "slopes"), "what") == "terms") {
    return(tidy(x$model, conf.int = conf.int, conf.level = conf.level, ...))
  }
  table <- slope_table(summary(x, ...), check_level(conf.level, "conf.level"))
  names(table)[names(table) == "label"] <- "term"
  last <- if (check_flag(conf.int, "conf.int")) c("conf.low", "conf.high")
  table[c("term", "value", "estimate", "std.error", "statistic", "df", "p.value", last)]
}

#' @rdname fe_moderate-methods
#' @export
glance.fe_moderate <- function(x, ...) {
  test <- x$interaction
  data.frame(glance(x$model), interaction.statistic = test$statistic, interaction.df = test$df1,
             interaction.p.value = test$p.value)
}

#' @export
table_models.fe_moderate <- function(x) list(x$model)

#' @rdname fe_moderate-methods
#' @export
print.fe_moderate <- function(x, digits = 4L, ...) {
  cat(sprintf("Slope of %s in %s, moderated by %s\n", x$model$outcome, x$treat, x$moderator))
  cat(utils::head(model_heading(x$model), -1L), sep = "\n")
  cat(describe_centers(x, digits), "\n", sep = "")
  cat(describe_interaction(x, digits), "\n\n", sep = "")
  print_slopes(x, digits)
  cat("---\n*** p < .01, ** p < .05, * p < .1\n")
  notes <- c(describe_points(x), if (!is.null(x$jn)) describe_regions(x, digits),
             describe_rows(x$model))
  writeLines(strwrap(notes, 90L, exdent = 2L))
  invisible(x)
}

print_slopes <- function(x, digits) {
  s <- x$slopes
  named <- is.numeric(s$value) && any(s$label != point_labels(s$value))
  shown <- data.frame(s$value, format(s$estimate, digits = digits),
                      format(s$std.error, digits = digits), format(round(s$statistic, 3L)),
                      format.pval(s$p.value, digits = 3L, eps = 1e-4),
                      significance_stars(s$p.value),
                      format(s$conf.low, digits = digits), format(s$conf.high, digits = digits))
  if (named) shown[[1L]] <- format(s$value, digits = digits)
  shown <- as.matrix(shown)
  interval <- paste0(format(100 * x$level), "% ", c("low", "high"))
  dimnames(shown) <- list(s$label, c(x$moderator, "Slope", "Std. error", "t", "p", "", interval))
  print(if (named) shown else shown[, -1L, drop = FALSE], quote = FALSE, right = TRUE)
}

short <- function(v, digits) vapply(v, function(one) format(signif(one, digits)), "")

describe_centers <- function(x, digits) {
  moved <- x$center[x$center != 0]
  rows <- sprintf(" (n = %d, K = %d)", x$model$nobs, as.integer(x$model$rank))
  if (!length(moved)) return(paste0("Not centred", rows))
  paste0("Centred: ", paste(names(moved), "at", short(moved, digits), collapse = ", "), rows)
}

describe_interaction <- function(x, digits) {
  test <- x$interaction
  p <- format.pval(test$p.value, digits = 3L, eps = 1e-4)
  p <- if (startsWith(p, "<")) paste("p", p) else paste("p =", p)
  if (test$df1 > 1L || x$kind == "factor") {
    return(sprintf("Equal slopes: F(%d, %s) = %s, %s", test$df1, format(test$df2, digits = 6L),
                   short(test$statistic, 4L), p))
  }
  name <- product_names(x)
  b <- x$model$coefficients[[name]]
  se <- sqrt(x$model$vcov[name, name])
  sprintf("%s: %s (std. error %s), t = %s, %s", name, short(b, digits), short(se, digits),
          short(b / se, 4L), p)
}

describe_rows <- function(m) {
  counts <- count_dropped(m$dropped)
  c(if (nrow(counts)) paste("Rows left out:", describe_dropped(counts)),
    if (length(m$collinear)) paste("Left out as collinear:", quote_list(m$collinear, 12L)))
}

describe_points <- function(x) {
  if (x$kind == "factor") return(character())
  range <- range(x$observed)
  outside <- x$points$value < range[1L] | x$points$value > range[2L]
  if (!any(outside)) return(character())
  sprintf("Outside the observed range of %s: %s", x$moderator,
          paste(x$points$label[outside], collapse = ", "))
}

describe_regions <- function(x, digits) {
  jn <- x$jn
  observed <- sprintf("%s is observed from %s to %s", x$moderator, short(jn$range[1L], digits),
                      short(jn$range[2L], digits))
  rule <- sprintf("Johnson-Neyman (%s%%%s, |t| > %s): the slope", format(100 * (1 - jn$level)),
                  if (jn$fdr) " false discovery rate" else "", short(jn$critical, 5L))
  r <- jn$regions
  if (!nrow(r)) return(sprintf("%s differs from zero nowhere; %s.", rule, observed))
  low <- r$from == jn$range[1L]
  high <- r$to == jn$range[2L]
  where <- ifelse(low & high, "everywhere", ifelse(low, paste("below", short(r$to, digits)),
                  ifelse(high, paste("above", short(r$from, digits)),
                         paste("from", short(r$from, digits), "to", short(r$to, digits)))))
  share <- format(round(100 * r$share, 1L), trim = TRUE)
  what <- sprintf("%s (%s, %s%% of rows)", where, r$slope, share)
  sprintf("%s differs from zero %s; %s.", rule, paste(what, collapse = " and "), observed)
}
