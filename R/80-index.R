# Composite indices. Every method is linear in the oriented, standardised indicators:
#   z_j = d_j (x_j - center_j) / scale_j,   d_j = -1 for a negative indicator, else 1
#   score = sum_j w_j z_j
# so one record (center, scale, direction, weights) a group is the whole fit, and prediction on
# new data is the same two lines for every method.

index_methods <- c("pca", "entropy", "zmean", "minmax")

#' Composite index of several indicators
#'
#' Joins numeric columns of a data frame into one score: by principal components (sign anchored,
#' eigenvalue table, sampling adequacy), by entropy weights, or by the mean of standardised or of
#' min-max normalised indicators.
#'
#' All methods are linear in oriented, standardised indicators
#' \eqn{z_j = d_j (x_j - c_j) / s_j}{z_j = d_j (x_j - c_j) / s_j}, with \eqn{d_j = -1} for
#' the indicators in `negative` and 1 for the others; the score is
#' \eqn{\sum_j w_j z_j}{sum_j w_j z_j}. They are computed from the complete rows, those without a
#' missing indicator, unless `na = "available"`.
#' \describe{
#'   \item{`"pca"`}{\eqn{c_j} is the mean, \eqn{s_j} the standard deviation with divisor
#'     \eqn{n - 1} (1 for `matrix = "covariance"`), \eqn{v_1} the unit-norm eigenvector of the
#'     correlation (covariance) matrix that belongs to its largest eigenvalue
#'     \eqn{\lambda_1}{lambda_1}, and \eqn{w = v_1}: the score is the first principal component
#'     (Hotelling 1933), with variance \eqn{\lambda_1}{lambda_1}. With `components = k`,
#'     \eqn{w = \sum_{m \le k} v_m \lambda_m / \sum_{m \le k} \lambda_m}{w = sum_m v_m lambda_m /
#'     sum_m lambda_m, m = 1..k}: the components weighted by their share of variance among those
#'     retained.}
#'   \item{`"entropy"`}{\eqn{z} runs from 0 to 1 (min-max); \eqn{p_{ij} = z_{ij} / \sum_i
#'     z_{ij}}{p_ij = z_ij / sum_i z_ij}, \eqn{e_j = -\sum_i p_{ij} \log p_{ij} / \log n}{e_j =
#'     -sum_i p_ij log p_ij / log n} with \eqn{0 \log 0 = 0}{0 log 0 = 0}, and \eqn{w_j = (1 -
#'     e_j) / \sum_j (1 - e_j)}{w_j = (1 - e_j) / sum (1 - e_j)} (Hwang and Yoon 1981).}
#'   \item{`"zmean"`}{\eqn{z} are z scores (divisor \eqn{n - 1}), \eqn{w_j = 1/p} or
#'     `indicator_weights`.}
#'   \item{`"minmax"`}{\eqn{z} runs from 0 to 1, \eqn{w_j = 1/p} or `indicator_weights` (OECD
#'     2008).}
#' }
#'
#' **Sign.** An eigenvector is determined up to its sign. Here each component has a positive sum of
#' loadings; or, with `anchor`, a positive correlation with that column. If that sum (or
#' correlation) is zero to 1e-8, the first of the largest loadings is made positive, with a
#' warning. If an eigenvalue equals the next to 1e-8 of the largest, the component itself is not
#' determined, and a warning says so.
#'
#' **Logarithm.** A score has no natural zero and takes negative values. `transform = "log"` gives
#' \eqn{\log(score + a)}{log(score + a)}, where `shift = "min1"` sets \eqn{a = 1 - \min score}{a =
#' 1 - min(score)}, so that the smallest score becomes 0; or \eqn{a} is the number given in
#' `shift`. The print states \eqn{a}. Any \eqn{a} is a choice: the logarithm is not invariant to
#' it. With `by`, one \eqn{a} serves all groups.
#'
#' **Missing indicators.** With `na = "exclude"` a row without one of its indicators has no score.
#' With `na = "available"` ("zmean" and "minmax" only) \eqn{c_j} and \eqn{s_j} are those of the
#' indicator's values in the rows that have a score, and the score is the mean over the set
#' \eqn{A_i} of indicators that row \eqn{i} has, \eqn{\sum_{j \in A_i} w_j z_{ij} /
#' \sum_{j \in A_i} w_j}{sum_{j in A_i} w_j z_ij / sum_{j in A_i} w_j}, where these hold at least
#' `min_available` of the weight, else `NA`. Scores of rows with different sets are means of
#' different things: a missing indicator counts as if it were like the row's others. Components
#' and entropy weights have no such rule.
#'
#' **Adequacy.** For `"pca"`, with \eqn{r_{ij}}{r_ij} the correlations, \eqn{S} the inverse of
#' their matrix \eqn{R} and \eqn{q_{ij} = -S_{ij} / \sqrt{S_{ii} S_{jj}}}{q_ij = -S_ij / sqrt(S_ii
#' S_jj)} the partial correlations, the Kaiser-Meyer-Olkin measure is \eqn{\sum_{i \ne j} r_{ij}^2 /
#' (\sum_{i \ne j} r_{ij}^2 + \sum_{i \ne j} q_{ij}^2)}{sum r_ij^2 / (sum r_ij^2 + sum q_ij^2), i !=
#' j}, for one indicator with the sums over \eqn{j} alone (Kaiser 1974). Bartlett's (1950) test of
#' \eqn{R = I} is \eqn{-(n - 1 - (2p + 5)/6) \log |R|}{-(n - 1 - (2p + 5)/6) log|R|}, chi-squared
#' with \eqn{p(p-1)/2} degrees of freedom. Both are `NA` when \eqn{R} is singular.
#'
#' @param data A data frame, one row an observation.
#' @param vars The indicators, at least two numeric (or logical) columns: a character vector or a
#'   one-sided formula such as `~ a + b`.
#' @param method "pca" (default), "entropy", "zmean" or "minmax".
#' @param components How many principal components the score joins, from 1 to the number of
#'   indicators. Only for "pca".
#' @param matrix "correlation" (default) or "covariance". Only for "pca".
#' @param anchor A numeric column of `data`, an indicator or not, with which each component is to
#'   correlate positively; `NULL`: the sum of its loadings is positive. Only for "pca".
#' @param by Columns that form groups, such as the year (character vector or one-sided formula);
#'   the index is then computed in each group by itself, sign anchored in each. `NULL`
#'   (default): pooled over all rows, the choice that keeps scores comparable between groups.
#' @param transform "none" (default) or "log".
#' @param shift What is added before the logarithm: "min1" (1 minus the smallest score) or a number.
#' @param negative Names of indicators of which less is better; they are reversed.
#' @param indicator_weights For "zmean" and "minmax": non-negative weights of the indicators, in
#'   the order of `vars` or named; scaled to sum to one. `NULL`: equal.
#' @param na Rows with a missing indicator, or a missing value in `by`: "exclude" gives them the
#'   score `NA` and takes no account of them in the fit; "fail" stops; "available", only for "zmean"
#'   and "minmax", averages the indicators that a row has. Infinite values always stop.
#' @param min_available With `na = "available"`: the share of the indicators (of their weights, if
#'   these differ) that a row must have, above 0 and at most 1.
#' @param name The name of the index in print.
#'
#' @return An object of class `fe_index`, a list:
#'   \item{score}{numeric vector, one value a row of `data`, in their order, after the
#'     transformation; `NA` in `dropped`.}
#'   \item{weights}{named vector: \eqn{w}.}
#'   \item{loadings}{"pca": matrix of unit-norm eigenvectors, indicators by components (all of
#'     them); else `NULL`.}
#'   \item{eigen}{"pca": data frame with `component`, `eigenvalue`, `share`, `cumulative`, after
#'     the columns of `by`; else `NULL`.}
#'   \item{entropy}{"entropy": named vector of \eqn{e_j}; else `NULL`.}
#'   \item{center, scale}{named vectors: \eqn{c} and \eqn{s}.}
#'   \item{kmo}{"pca": list of `overall` and `variable`; else `NULL`.}
#'   \item{bartlett}{"pca": list of `statistic`, `df`, `p.value`; else `NULL`.}
#'   \item{direction, sign_rule, shift}{named vector of 1 and -1; the rule in words; \eqn{a} or
#'     `NULL`.}
#'   \item{n, dropped, missing}{number of rows used; row numbers of those without a score;
#'     counts of missing values by indicator (and column of `by`).}
#'   \item{partial}{number of rows scored from some of the indicators only.}
#'   \item{vars, method, matrix, components, anchor, by, transform, na, min_available, name, groups,
#'     fits, call}{the specification, the groups, and the fit of each.}
#'   With `by`, the entries weights, loadings, entropy, center, scale, kmo and bartlett are lists of
#'   these, one for each group.
#'
#'   Methods: `print`, `summary`, `as.numeric` (the score), `predict` (with `newdata`: the same
#'   center, scale, weights and shift applied to new rows, missing indicators by the rule of the
#'   fit), `tidy` (one row an indicator and component), `glance` (one row, or one a group), `plot`
#'   (a ggplot: `type = "scree"` or `"weights"`).
#'
#'   Errors name the argument, the column and the rows: columns that do not exist, are not numeric,
#'   are constant, are all missing, hold infinite values; fewer than 2 complete rows. As many
#'   complete rows as indicators, or fewer, give a warning: the correlation matrix is singular.
#' @references
#' Bartlett, M. S. (1950). Tests of significance in factor analysis. *British Journal of
#' Statistical Psychology* 3, 77-85. \doi{10.1111/j.2044-8317.1950.tb00285.x}
#'
#' Hotelling, H. (1933). Analysis of a complex of statistical variables into principal components.
#' *Journal of Educational Psychology* 24, 417-441. \doi{10.1037/h0071325}
#'
#' Hwang, C.-L. and Yoon, K. (1981). *Multiple Attribute Decision Making*. Springer.
#' \doi{10.1007/978-3-642-48318-9}
#'
#' Kaiser, H. F. (1974). An index of factorial simplicity. *Psychometrika* 39, 31-36.
#' \doi{10.1007/BF02291575}
#'
#' OECD (2008). *Handbook on Constructing Composite Indicators*. \doi{10.1787/9789264043466-en}
#' @examples
#' index <- fe_index(mtcars, ~ mpg + disp + hp + wt, negative = "mpg", name = "size")
#' index
#' head(as.numeric(index))
#' predict(index, mtcars[1:2, ])
#'
#' fe_index(mtcars, c("hp", "wt", "qsec"), method = "entropy", negative = "qsec")
#' fe_index(mtcars, c("disp", "hp", "wt"), transform = "log")
#' @export
fe_index <- function(data, vars, method = "pca", components = 1, matrix = "correlation",
                     anchor = NULL, by = NULL, transform = "none", shift = "min1",
                     negative = NULL, indicator_weights = NULL, na = "exclude",
                     min_available = 0.5, name = "index") {
  call <- match.call()
  data <- check_data(data)
  if (missing(vars)) stop_arg("vars", "is missing", "Name at least two numeric columns")
  vars <- check_numeric_columns(as_columns(vars, data, "vars"), data, "vars", 2L)
  spec <- list(vars = vars, method = check_choice(method, index_methods, "method"),
               matrix = check_choice(matrix, c("correlation", "covariance"), "matrix"),
               components = check_count(components, "components", 1, length(vars)),
               anchor = check_anchor(anchor, data), by = check_key(by, data, "by"),
               transform = check_choice(transform, c("none", "log"), "transform"),
               na = check_choice(na, c("exclude", "fail", "available"), "na"),
               min_available = check_share(min_available), name = check_index_name(name))
  check_index_method(spec, indicator_weights)
  check_shift(shift, spec$transform)
  spec$direction <- check_negative(negative, vars)
  spec$indicator_weights <- check_indicator_weights(indicator_weights, vars)
  x <- index_matrix(data, vars)
  keep <- index_rows(x, data, spec)
  groups <- index_groups(data, spec$by, keep)
  fits <- lapply(seq_along(groups$rows), function(g) {
    rows <- groups$rows[[g]]
    anchor <- if (!is.null(spec$anchor)) as.double(data[[spec$anchor]][rows])
    fit_index(x[rows, , drop = FALSE], spec, anchor, groups$where[g])
  })
  warn_index(fits, groups$where)
  score <- index_score(x, groups$code, fits)
  spec$partial <- sum(keep & !stats::complete.cases(x))
  spec$shift <- index_shift(score, shift, spec$transform)
  missing <- colSums(is.na(data[c(vars, spec$by)]))
  new_index(spec, index_log(score, spec$shift), fits, groups, which(!keep), missing, call)
}

# ---- arguments -----------------------------------------------------------------------------

check_index_name <- function(name) {
  if (!is.character(name) || length(name) != 1L || is.na(name)) {
    stop_arg("name", paste("must be one string, not", describe_value(name)))
  }
  name
}

check_share <- function(x) {
  x <- check_number(x, "min_available", 0, 1)
  if (x == 0) stop_arg("min_available", "is 0, and a mean needs a value", "Give a share above 0")
  x
}

check_anchor <- function(anchor, data) {
  if (is.null(anchor)) return(NULL)
  anchor <- check_key(anchor, data, "anchor", one = TRUE)
  check_numeric_columns(anchor, data, "anchor")
}

# Arguments that the chosen method does not use are errors rather than ignored.
check_index_method <- function(spec, indicator_weights) {
  clash <- intersect(spec$by, c("term", "component", "eigenvalue", "share", "cumulative", "nobs"))
  if (length(clash)) {
    stop_arg("by", paste("names", quote_list(clash), "which is also a column of the result"),
             "Rename the column in `data`")
  }
  if (spec$method != "pca") {
    unused <- c(components = spec$components != 1, matrix = spec$matrix != "correlation",
                anchor = !is.null(spec$anchor))
    if (any(unused)) {
      stop_arg(names(which(unused))[1L], paste0("has no meaning for method = \"", spec$method,
                                                "\""), "Leave it out, or use method = \"pca\"")
    }
  }
  averaged <- spec$method %in% c("zmean", "minmax")
  if (spec$na == "available" && !averaged) {
    stop_arg("na", paste0("is \"available\", but method = \"", spec$method, "\" needs all"),
             "Use na = \"exclude\", or method = \"zmean\" or \"minmax\"")
  }
  if (!is.null(indicator_weights) && !averaged) {
    stop_arg("indicator_weights", paste0("is given, but method = \"", spec$method,
                                         "\" computes its own weights"),
             "Leave it out, or use method = \"zmean\" or \"minmax\"")
  }
}

check_shift <- function(shift, transform) {
  if (identical(shift, "min1")) return(invisible())
  if (transform != "log") {
    stop_arg("shift", "is given, but nothing is shifted without transform = \"log\"",
             "Set transform = \"log\" or leave `shift` out")
  }
  if (!is.numeric(shift) || length(shift) != 1L || !is.finite(shift)) {
    stop_arg("shift", paste("must be \"min1\" or one finite number, not", describe_value(shift)))
  }
}

check_negative <- function(negative, vars) {
  direction <- stats::setNames(rep(1, length(vars)), vars)
  if (is.null(negative)) return(direction)
  if (inherits(negative, "formula")) negative <- all.vars(negative)
  if (!is.character(negative) || anyNA(negative) || !all(negative %in% vars)) {
    stray <- if (is.character(negative)) quote_list(setdiff(negative, vars)) else
      describe_value(negative)
    stop_arg("negative", paste("must name indicators in `vars`;", stray, "is not among them"),
             paste("The indicators are", quote_list(vars, 20L)))
  }
  direction[negative] <- -1
  direction
}

check_indicator_weights <- function(w, vars) {
  if (is.null(w)) return(stats::setNames(rep(1 / length(vars), length(vars)), vars))
  if (!is.numeric(w) || length(w) != length(vars) || !all(is.finite(w)) || any(w < 0) ||
      sum(w) == 0) {
    stop_arg("indicator_weights", sprintf(paste("must be %d finite non-negative numbers, not all",
                                                "zero, one for each indicator"), length(vars)))
  }
  if (!is.null(names(w))) {
    if (!setequal(names(w), vars)) {
      stop_arg("indicator_weights", paste("has the names", quote_list(names(w), 20L),
                                          "which are not those of the indicators"),
               paste("Use", quote_list(vars, 20L), "or no names"))
    }
    w <- w[vars]
  }
  stats::setNames(as.double(w) / sum(w), vars)
}

# ---- rows ----------------------------------------------------------------------------------

# Indicators as a numeric matrix; infinite values stop.
index_matrix <- function(data, vars, arg = "vars") {
  x <- do.call(cbind, lapply(data[vars], as.double))
  dimnames(x) <- list(NULL, vars)
  for (v in vars) {
    rows <- which(is.infinite(x[, v]))
    if (length(rows)) {
      stop_arg(arg, paste0("names ", dQuote(v, FALSE), ", which is infinite in ",
                           quote_rows(rows)), "Set these values to NA or correct them")
    }
  }
  x
}

# Which rows have a group and the indicators that the rule asks for.
index_rows <- function(x, data, spec) {
  empty <- colnames(x)[colSums(!is.na(x)) == 0]
  if (length(empty)) {
    stop_arg("vars", paste("names", quote_list(empty), "which has only missing values"),
             "Leave it out")
  }
  keep <- index_known(x, spec$na, spec$min_available, spec$indicator_weights)
  for (v in spec$by) keep <- keep & !is.na(data[[v]])
  if (!all(keep) && spec$na == "fail") {
    stop_arg("na", paste0("is \"fail\", and an indicator or group is missing in ",
                          quote_rows(which(!keep))), "Use na = \"exclude\" or fill the values")
  }
  keep
}

# Which rows have all indicators; or, under "available", enough of the weight (rounding aside).
index_known <- function(x, na, share, weights) {
  if (!identical(na, "available")) return(stats::complete.cases(x))
  drop((!is.na(x)) %*% weights) >= share * (1 - 1e-12)
}

# Rows that are used, by group. `where` completes a message ("" when pooled).
index_groups <- function(data, by, keep) {
  if (is.null(by)) {
    return(list(keys = NULL, label = "all", where = "", rows = list(which(keep)),
                code = ifelse(keep, 1L, NA_integer_)))
  }
  if (!any(keep)) {
    stop_arg("vars", "leaves no usable row", "Leave out the indicators with most missing values")
  }
  groups <- group_rows(data[keep, , drop = FALSE], by)
  groups$rows <- lapply(groups$rows, function(r) which(keep)[r])
  code <- rep(NA_integer_, length(keep))
  code[keep] <- groups$code
  groups$code <- code
  groups$where <- paste0(" in the group ", paste(by, collapse = ", "), " = ", groups$label)
  groups
}
