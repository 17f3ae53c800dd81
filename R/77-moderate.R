# Moderation: the slope of the outcome in `treat`, as it depends on moderators.

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
#' (Aiken and West 1991; Brambor, Clark and Golder 2006). Centring at a number moves the
#' coefficients of `treat` and `moderator`, but neither the product's nor any slope. For a factor
#' the slope in a level is the same kind of linear combination, with the contrasts of the factor.
#'
#' A factor as `treat` has, in place of a slope, the difference of each level from the first one (a
#' simple effect); a variable of 0 and 1 needs nothing special, its slope is that difference.
#'
#' The average slope is the mean of the slopes of the rows used (weighted by `weights`), the values
#' of the moderators taken as fixed: also a combination of the coefficients.
#'
#' @section Several moderators:
#' With moderators m and z each has its product with x (additive: `treat x m + treat x z`); with
#' `three.way = TRUE` and two of them, \eqn{m z}{m z} and \eqn{x m z}{x m z} are added, and
#' \deqn{s(m, z) = b_1 + b_3 d_m + b_4 d_z + b_5 d_m d_z.}{
#'   s(m, z) = b1 + b3 d_m + b4 d_z + b5 d_m d_z.}
#' Slopes are given at every combination of the `values` of the moderators, and the Johnson-Neyman
#' region in the first moderator at each combination of the values of the others. Differences
#' between slopes are tested by \eqn{t = (c_1 - c_2)'b / \sqrt{(c_1 - c_2)'V(c_1 - c_2)}}{
#' t = (c1 - c2)'b / sqrt((c1 - c2)'V(c1 - c2))} with the combinations c of the coefficients; with
#' values one standard deviation to each side of the mean these are the six tests of Dawson and
#' Richter (2006) for a three-way interaction.
#'
#' @section Johnson-Neyman region:
#' The values of m where \eqn{s(m)^2 > t^2 Var\, s(m)}{s(m)^2 > t^2 Var s(m)}, a quadratic
#' inequality with at most two bounds (Johnson and Fay 1950; Bauer and Curran 2005); t is the
#' quantile of Student's distribution at `level`. Whether one value of m or many are looked at
#' makes a difference: with `fdr = TRUE`, t is raised so that the rate of false discoveries among
#' the distinct observed values of m stays below 1 - `level` (Benjamini and Hochberg 1995, as
#' Esarey and Sumner 2018 apply it to interactions); of several regions each by itself.
#'
#' @section Within-unit interactions:
#' Fixed effects take unit means out of the product as a whole, not out of its parts. With
#' deviations \eqn{\dot x_{it} = x_{it} - \bar x_i}{dx = x - mean_i(x)} (and so for m),
#' \deqn{x_{it}m_{it} = \dot x_{it}\dot m_{it} + \bar m_i \dot x_{it} + \bar x_i \dot m_{it} +
#' \bar x_i \bar m_i.}{x m = dx dm + mean_i(m) dx + mean_i(x) dm + mean_i(x) mean_i(m).}
#' Only the last summand is absorbed. So the product's coefficient answers two questions at once:
#' does the slope in x change when m changes within a unit (first summand), and do units whose m is
#' high on average have other slopes (second and third)? The second comparison is between units,
#' and whatever else differs between them enters: it is what fixed effects were meant to exclude.
#' `center = "within"` replaces x and m by their deviations from the means of the units, the levels
#' of the first fixed effect, before they are multiplied: the double-demeaned estimator of
#' Giesselmann and Schmidt-Catran (2022). It uses the first summand only, needs variation over time
#' in both variables, and has the larger standard error. `values`, slopes and region are then in
#' deviations of m from the mean of its unit. Unlike the other centres it changes the product's
#' coefficient.
#'
#' @section What centring may not touch:
#' Columns are centred in a copy of `data`, so a centred variable may stand in the formula by
#' itself, in the product and as a fixed effect, but not inside another expression such as
#' `log(m)`: that is an error. So is `treat` in any further term: its slope would depend on more
#' than the moderators.
#'
#' @param formula `y ~ treat + moderator + controls | fixed effects`, as in [fe_lm()], of one model
#'   without instruments. Main effects and products are added where they are not written.
#' @param data a data frame with one row an observation.
#' @param treat name of a column, the regressor whose slope is studied: numeric or logical, or a
#'   factor or character, whose levels are compared with the first one.
#' @param moderator name of another column, or of several: numeric, logical, factor or character.
#'   Logical values count as 0 and 1, character values as levels of a factor.
#' @param center `TRUE` or `"mean"` (default): `treat` and numeric moderators are centred at their
#'   means (weighted by `weights`) over the rows that the model uses; `"median"`: at their medians
#'   over these rows. Variables with no values but 0 and 1, and factors, stay as they are. `FALSE`
#'   or `"none"`: nothing is centred. `"within"`: at the means of units, see below. Or centres of
#'   your own, in the units of the data: `c(x = 3, m = 0)`; what is not named has centre 0.
#' @param values where slopes are computed, in the units of the data: `NULL`, `"sd"` (the mean
#'   and one standard deviation to each side), `"plus-minus"` (the latter two), `"quantiles"` (the
#'   quartiles over the rows used), or numbers, whose names become labels. `NULL` means `"sd"`, with
#'   several moderators `"plus-minus"`. For a moderator of two values, or a factor, `NULL` means all
#'   of them; for a factor give levels. For several moderators a list by their names:
#'   `list(m = "sd", z = c(0, 1))`; what is not named has `NULL`.
#' @param level confidence level between 0 and 1, default 0.95; the region uses 1 - `level`.
#' @param fdr `TRUE`: the region controls the false discovery rate. Default `FALSE`.
#' @param three.way `TRUE`: of two moderators the product, and its product with `treat`, are in the
#'   model too. Default `FALSE`.
#' @param ... further arguments of [fe_lm()]: `vcov`, `weights`, `weights_type`, `subset`,
#'   `intercept`, `ssc`, `offset`, `singletons`, `control`, `threads`, `panel.id`. Parts of a sample
#'   (`split`, `fsplit`) are what [fe_heterogeneity()] is for.
#' @return an object of class `fe_moderate`, a list with
#'   \item{model}{the interaction model of class `fe_lm`; its `data` are the centred ones, its
#'     coefficients are called `treat`, `moderator` and `treat:moderator` after the columns.}
#'   \item{slopes}{a data frame with a row per value, or combination of values: for a factor `treat`
#'     the `contrast`; `value` (units of the data; the level of a factor), of further moderators
#'     `value2`, `value3`; `label`, `estimate`, `std.error`, `statistic`, `df`, `p.value`,
#'     `conf.low`, `conf.high`.}
#'   \item{average}{the average slope: a data frame with a row, or a row per `contrast`, and the
#'     columns of `slopes` from `label`.}
#'   \item{interaction}{a data frame: Wald F `statistic` of all products with `treat`, `df1`, `df2`,
#'     `p.value`; with several moderators further rows, one for the products of each `term`.}
#'   \item{jn}{for a first moderator that is numeric with more than two values: `bounds` (zero to
#'     two roots, units of the data; where degrees of freedom differ from slope to slope there may
#'     be more), `pattern` over the whole line (`"between"`, `"outside"`, `"one side"`,
#'     `"nowhere"`, `"several"` beyond two roots), `regions` (data frame: `from`, `to` within the
#'     observed range, `slope` `"positive"` or `"negative"`, `share` of the rows), `share` (of the
#'     rows, all regions), `range`, `critical` (t; its range over the rows if degrees of freedom
#'     differ), `alpha` (level of each test), `level`, `fdr`; else `NULL`. With several moderators,
#'     or a factor `treat`, a list of such, named after the values of the others and the contrasts;
#'     at a value of a factor or of a variable of two values, the rows are those that have it.}
#'   \item{center}{named numbers: the centres, 0 where there is none.}
#'   and `formula`, `call`, `treat`, `treat_kind` (`"numeric"` or `"factor"`), `moderator`, `kind`
#'   (of each moderator: `"continuous"`, `"binary"` or `"factor"`), `three_way`, `level`, `points`,
#'   `combination` (rows: slopes, columns: coefficients), `observed` (the moderator in the rows
#'   used; of several a data frame), `treated` (so for `treat`), `within` (`NULL`, or the means of
#'   the units).
#' @section Errors:
#' Columns that `data` does not have, of a wrong kind, or constant; `treat` or a product without
#' variation within the fixed effects; formulas of several models or with instruments; values that
#' are no levels; `three.way` without two moderators. A moderator that the fixed effects absorb is
#' no error: only its main effect is left out.
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
#' Dawson, J. F. and Richter, A. W. (2006). Probing three-way interactions in moderated multiple
#' regression. *Journal of Applied Psychology* 91, 917-926. \doi{10.1037/0021-9010.91.4.917}
#'
#' Esarey, J. and Sumner, J. L. (2018). Marginal effects in interaction models: determining and
#' controlling the false positive rate. *Comparative Political Studies* 51, 1144-1176.
#' \doi{10.1177/0010414017730080}
#'
#' Giesselmann, M. and Schmidt-Catran, A. W. (2022). Interactions in fixed effects regression
#' models. *Sociological Methods & Research* 51, 1100-1127. \doi{10.1177/0049124120914934}
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
#'
#' both <- fe_moderate(ln_upmf ~ fdi | country + year, digitrade, "ln_imdig",
#'                     c("ln_insti", "pgdp"), three.way = TRUE, vcov = ~country)
#' tidy(both, "contrasts", adjust = "holm")
#' @export
fe_moderate <- function(formula, data, treat, moderator, center = TRUE, values = NULL, level = 0.95,
                        fdr = FALSE, three.way = FALSE, ...) {
  env <- parent.frame()
  formula <- as_formula(formula, env)
  data <- check_data(data)
  check_treat(treat, data)
  check_moderators(moderator, data, treat, check_flag(three.way, "three.way"))
  plan <- plan_moderation(formula, treat, moderator, three.way)
  args <- moderation_arguments(as.list(substitute(list(...)))[-1L], data, env)
  args$formula <- plan$formula
  values <- check_values(values, moderator, data)
  vars <- c(treat, moderator)
  data[vars] <- lapply(data[vars], model_column)
  check_factor_treat(data[[treat]], treat, plan$constant)
  centers <- find_centers(center, data, vars, args, plan$unit)
  check_center_uses(centers, plan, args)
  args$data <- center_columns(data, centers, environment(formula))
  object <- list(call = match.call(), formula = formula, treat = treat, moderator = moderator,
                 kind = vapply(moderator, function(name) {
                   if (is.null(centers$within)) moderator_kind(data[[name]]) else "continuous"
                 }, "", USE.NAMES = FALSE), three_way = three.way, center = centers$center,
                 level = check_level(level), fdr = check_flag(fdr, "fdr"))
  object["within"] <- list(centers$within)
  object$model <- do.call("fe_lm", args)
  new_moderation(object, if (is.null(centers$within)) data else args$data, values)
}

# data: in the units in which slopes are given.
new_moderation <- function(object, data, values) {
  rows <- object$model$rows
  seen <- lapply(data[object$moderator], function(v) droplevels_if(take_rows(v, rows)))
  object$observed <- if (length(seen) == 1L) seen[[1L]] else list2DF(seen)
  object$treated <- droplevels_if(take_rows(data[[object$treat]], rows))
  object$treat_kind <- if (is.factor(object$treated)) "factor" else "numeric"
  check_slope_estimable(object)
  places <- slope_places(object, values)
  object[c("points", "combination")] <- places[c("points", "combination")]
  object$panels <- jn_panels(object, places)
  structure(restate_moderation(object), class = "fe_moderate")
}

# ---- arguments ----------------------------------------------------------------------------------

check_treat <- function(treat, data) {
  if (missing(treat) || length(treat) != 1L) {
    stop_arg("treat", "must be the name of one column of `data`, in quotes")
  }
  check_columns(treat, data, "treat")
  check_usable(data[[treat]], treat, "treat")
}

check_moderators <- function(moderator, data, treat, three_way) {
  if (missing(moderator)) stop_arg("moderator", "is missing", "Name a column of `data`")
  check_columns(moderator, data, "moderator")
  if (treat %in% moderator) {
    stop_arg("moderator", sprintf("is %s, and so is `treat`", dQuote(treat, FALSE)),
             "Name another column")
  }
  if (three_way && length(moderator) != 2L) {
    stop_arg("three.way", sprintf("is TRUE, but there %s", if (length(moderator) == 1L) {
      "is one moderator"
    } else sprintf("are %d moderators", length(moderator))), "Name two in `moderator`")
  }
  for (name in moderator) check_usable(data[[name]], name, "moderator")
}

check_usable <- function(v, name, arg) {
  if (!is.null(dim(v)) || inherits(v, c("Date", "POSIXct", "difftime")) ||
      !(is.numeric(v) || is.logical(v) || is.factor(v) || is.character(v))) {
    stop_arg(arg, sprintf("names %s, which is %s", dQuote(name, FALSE), describe_value(v)),
             "Use a numeric, logical, character or factor column")
  }
  check_varies(v, name, arg)
}

check_varies <- function(v, name, arg) {
  distinct <- unique(v[!is.na(v)])
  if (length(distinct) > 1L) return(invisible())
  stop_arg(arg, sprintf("names %s, which is %s", dQuote(name, FALSE), if (length(distinct)) {
    sprintf("constant (%s)", format(distinct))
  } else "NA in every row"), "A column that varies is needed")
}

# Its slope in a level is a difference from the first one only beside a constant.
check_factor_treat <- function(v, treat, constant) {
  if (!is.factor(v) || constant) return(invisible())
  stop_arg("treat", sprintf("is the factor `%s`, and the formula excludes the constant", treat),
           "Leave `0 +` out of the formula")
}

model_column <- function(v) {
  if (is.character(v)) return(factor(v, levels = sort(unique(v), method = "radix")))
  if (is.factor(v)) v else as.double(v)
}

moderator_kind <- function(v) {
  if (is.factor(v)) return("factor")
  if (length(unique(v[!is.na(v)])) == 2L) "binary" else "continuous"
}

droplevels_if <- function(v) if (is.factor(v)) droplevels(v) else v

is_zero_one <- function(v) all(v %in% c(0, 1, NA))
