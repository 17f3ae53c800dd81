# Balance of covariates between groups.

#' Balance of variables between groups
#'
#' Means and standard deviations of variables in two (or more) groups, their difference with its
#' standard error, and the normalised difference; with a joint test for two groups.
#'
#' The difference and its standard error are those of the regression of the variable on an
#' indicator of the group (and on the fixed effects in `fixef`, which makes it a difference within
#' them), by [fe_lm()] over the rows of the two groups. `vcov = "HC2"` without fixed effects is
#' \eqn{\sqrt{s_0^2/n_0 + s_1^2/n_1}}{sqrt(s0^2/n0 + s1^2/n1)}, that of Welch's t statistic, here
#' referred to t with \eqn{n_0 + n_1 - 2} degrees of freedom. Two measures do not grow with the
#' sample (Imbens and Rubin 2015, ch. 14): the normalised difference
#' \deqn{(\bar x_1 - \bar x_0) / \sqrt{(s_0^2 + s_1^2)/2}}{(xbar1 - xbar0) / sqrt((s0^2 + s1^2)/2)}
#' and the log ratio of standard deviations \eqn{\log s_1 - \log s_0}{log s1 - log s0}. Both are
#' of the raw values, whatever `fixef` is.
#'
#' The joint test, of two groups: all slopes are zero in the regression of the indicator on all
#' variables (and `fixef`) over the rows that have all of them, under the same variance.
#'
#' @param data A data frame, one row an observation.
#' @param group The column that forms the groups, with at least two values.
#' @param vars Numeric or logical columns: a character vector, a one-sided formula, or `NULL`
#'   (default): all but `group` and those of `cluster` and `fixef`.
#' @param reference The value of `group` that the others are compared with; `NULL`: the first in
#'   sorted order (of the levels, for a factor).
#' @param vcov The variance of the difference, as in [fe_lm()]; default `"HC2"`.
#' @param cluster Columns of clusters (character vector or one-sided formula) in place of `vcov`.
#' @param fixef Columns of fixed effects (character vector or one-sided formula), or `NULL`.
#' @param joint Compute the joint test? For two groups.
#' @param stars,labels,digits As in [fe_correlate()].
#' @return A data frame of class `fe_balance`, one row a variable and group other than the
#'   reference: `variable`, `group`, `n_reference`, `mean_reference`, `sd_reference`, `n`, `mean`,
#'   `sd`, `difference`, `std.error`, `statistic`, `df`, `p.value`, `norm_diff`, `log_sd_ratio`.
#'   What does not exist (a constant within both groups, a group without values) is `NA`. Missing
#'   and infinite values are left out, variable by variable. Attribute `joint`: `NULL`, or a list of
#'   `statistic`, `df1`, `df2`, `p.value`, `nobs`. Methods: `print`, `format`, `tidy` (`term`,
#'   `estimate`, ...), `glance` (the joint test), `plot` (normalised differences), and [fe_table()]
#'   shows it.
#' @references Imbens, G. W. and Rubin, D. B. (2015). *Causal Inference for Statistics, Social, and
#'   Biomedical Sciences*. Cambridge University Press. \doi{10.1017/CBO9781139025751}
#' @examples
#' vars <- c("ln_imdig", "pgdp", "fdi", "rd", "urban")
#' fe_balance(digitrade, "developed", vars, cluster = ~country)
#' @export
fe_balance <- function(data, group, vars = NULL, reference = NULL, vcov = NULL, cluster = NULL,
                       fixef = NULL, joint = TRUE,
                       stars = c("***" = 0.01, "**" = 0.05, "*" = 0.1), labels = NULL,
                       digits = 3) {
  data <- check_data(data)
  if (missing(group)) stop_arg("group", "is missing", "Name the column of the groups")
  group <- check_key(group, data, "group", one = TRUE)
  cluster <- check_key(cluster, data, "cluster")
  fixef <- check_key(fixef, data, "fixef")
  vars <- describe_vars(vars, data, c(group, fixef, cluster))
  if (group %in% vars) stop_arg("vars", paste("names the group,", dQuote(group, FALSE)))
  labels <- describe_labels(labels, data, vars)
  if (is.null(labels)) labels <- vars
  groups <- balance_groups(data[[group]], reference, group)
  spec <- list(group = group, reference = groups$levels[1L], fixef = fixef,
               vcov = balance_vcov(vcov, cluster))
  rows <- lapply(seq_along(groups$levels)[-1L], function(g) {
    keep <- groups$code %in% c(1L, g)
    balance_block(data[keep, , drop = FALSE], as.double(groups$code[keep] == g), vars, spec,
                  groups$levels[g])
  })
  table <- do.call(rbind, rows)
  rownames(table) <- NULL
  two <- check_flag(joint, "joint") && length(groups$levels) == 2L
  structure(table, class = c("fe_balance", "fe_describe", "data.frame"), labels = labels,
            spec = spec, joint = if (two) balance_joint(data, groups$code == 2L, vars, spec),
            errors = balance_errors(data, groups, table, spec), left = sum(is.na(groups$code)),
            stars = check_stars(stars), digits = check_count(digits, "digits", 0, 15))
}

balance_vcov <- function(vcov, cluster) {
  if (is.null(cluster)) return(if (is.null(vcov)) "HC2" else vcov)
  if (!is.null(vcov)) {
    stop_arg("cluster", "is given beside `vcov`", "Write the clusters into `vcov`, or leave it out")
  }
  stats::as.formula(call("~", join_sum(lapply(cluster, as.name))), globalenv())
}

# Codes of the groups, the reference first; rows without a group have none.
balance_groups <- function(v, reference, group) {
  levels <- if (is.factor(v)) levels(droplevels(v)) else as.character(sort(unique(v)))
  if (length(levels) < 2L) {
    stop_arg("group", sprintf("names %s, which has %s", dQuote(group, FALSE), if (length(levels))
      "one value only" else "only missing values"), "Choose a column with two values or more")
  }
  if (length(levels) > 20L) {
    stop_arg("group", sprintf("names %s, which has %d values", dQuote(group, FALSE),
                              length(levels)), "Cut it into groups first")
  }
  if (!is.null(reference)) {
    if (is.factor(reference) || is.numeric(reference) || is.logical(reference)) {
      reference <- as.character(reference)
    }
    reference <- check_choice(reference, levels, "reference")
    levels <- c(reference, setdiff(levels, reference))
  }
  list(levels = levels, code = match(as.character(v), levels))
}

balance_block <- function(data, d, vars, spec, level) {
  rows <- lapply(vars, function(v) balance_row(as.double(data[[v]]), d, data, spec))
  data.frame(variable = vars, group = level, do.call(rbind, rows), stringsAsFactors = FALSE)
}

balance_row <- function(x, d, data, spec) {
  x[!is.finite(x)] <- NA
  at <- !is.na(x)
  side <- function(v) c(length(v), if (length(v)) mean(v) else NA, stats::sd(v))
  low <- side(x[at & d == 0])
  high <- side(x[at & d == 1])
  gap <- high[2L] - low[2L]
  spread <- sqrt((low[3L]^2 + high[3L]^2) / 2)
  test <- c(difference = gap, std.error = NA_real_, statistic = NA, df = NA, p.value = NA)
  if (isTRUE(spread > 1e-13 * max(abs(c(low[2L], high[2L]))))) {
    test[] <- balance_test(x, d, data, spec)
  }
  known <- isTRUE(spread > 0)
  c(n_reference = low[1L], mean_reference = low[2L], sd_reference = low[3L], n = high[1L],
    mean = high[2L], sd = high[3L], test, norm_diff = if (known) gap / spread else NA,
    log_sd_ratio = if (known) log(high[3L]) - log(low[3L]) else NA)
}

# Difference, standard error, t, df, p from the regression on the indicator.
balance_test <- function(x, d, data, spec) {
  m <- balance_fit(list(.x = x, .d = d), ".d", ".x", data, spec)
  if (!".d" %in% names(m$coefficients)) return(rep(NA_real_, 5L))
  row <- coef_table(m)
  row <- row[row$term == ".d", ]
  c(row$estimate, row$std.error, row$statistic, coef_df(m)[[".d"]], row$p.value)
}

balance_fit <- function(own, right, left, data, spec) {
  effects <- join_sum(lapply(spec$fixef, as.name))
  right <- join_sum(lapply(right, as.name))
  if (!is.null(effects)) right <- call("|", right, effects)
  data[names(own)] <- own
  fe_lm(stats::as.formula(call("~", as.name(left), right), globalenv()), data, vcov = spec$vcov)
}

# All slopes in the regression of the indicator on the variables, over complete rows.
balance_joint <- function(data, d, vars, spec) {
  own <- lapply(data[vars], function(v) replace(as.double(v), !is.finite(v), NA))
  names(own) <- sprintf(".v%d", seq_along(own))
  m <- balance_fit(c(own, list(.d = as.double(d))), names(own), ".d", data, spec)
  test <- slope_test(m)
  slopes <- intersect(names(own), names(m$coefficients))
  list(statistic = test$statistic, df1 = test$df, df2 = least_df(m, slopes), p.value = test$p.value,
       nobs = m$nobs)
}

# The variance in words, from a variable that has a standard error; without the degrees of freedom,
# which depend on the variable.
balance_errors <- function(data, groups, table, spec) {
  v <- table$variable[!is.na(table$std.error)][1L]
  if (is.na(v)) return("none")
  x <- replace(as.double(data[[v]]), !is.finite(data[[v]]), NA)
  own <- list(.x = x, .d = as.double(groups$code > 1L))
  sub(", t\\([^)]*\\)$", "", describe_vcov(balance_fit(own, ".d", ".x", data, spec)))
}
