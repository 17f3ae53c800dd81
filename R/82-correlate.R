# Correlation matrix: pairs of variables, over rows, within units or between units.

#' Correlation matrix with tests
#'
#' Correlations of every pair of variables with their p-values, over the rows as they are, within
#' the units of a panel (deviations from unit means), or between units (of unit means).
#'
#' With \eqn{z_x, z_y} the two variables standardised over the rows of the pair (divisor \eqn{N}),
#' \eqn{r = \sum z_x z_y / N}{r = sum z_x z_y / N}; "within" takes the deviations of both variables
#' from the means of their unit over the rows of the pair, "between" those means, each unit
#' counted once. Spearman's coefficient is that of the (mid)ranks. The test of \eqn{r = 0} is
#' \eqn{t = r \sqrt{\nu / (1 - r^2)}}{t = r sqrt(df / (1 - r^2))} with \eqn{\nu = N - 2}{df = N - 2}
#' degrees of freedom, \eqn{N - n - 1} within \eqn{n} units and \eqn{n - 2} between them; it takes
#' rows (units) for independent, which rows of a panel seldom are.
#'
#' With `cluster` it is \eqn{r} over its clustered standard error by the delta method,
#' \deqn{se^2 = \frac{G}{G-1} \frac{1}{N^2} \sum_g \Big(\sum_{i \in g} \psi_i\Big)^2, \quad
#'   \psi_i = z_{xi} z_{yi} - \frac{r}{2} (z_{xi}^2 + z_{yi}^2),}{se^2 = G/(G-1) sum_g (sum_{i in g}
#'   psi_i)^2 / N^2, psi_i = z_xi z_yi - r/2 (z_xi^2 + z_yi^2),}
#' against \eqn{t(G - 1)}; \eqn{\psi} is the influence of a row on \eqn{r} (Hampel 1974).
#'
#' @param data A data frame, one row an observation.
#' @param vars At least two numeric or logical columns: a character vector, a one-sided formula, or
#'   `NULL` (default): all but `id` and `cluster`.
#' @param type "overall" (default), "within" or "between"; the last two need `id`.
#' @param method "pearson" (default) or "spearman" (not "within", not with `cluster`).
#' @param id The column of the unit, or `NULL`. Rows without one are left out, unless type is
#'   "overall".
#' @param use "pairwise" (default): each pair over the rows that have both; "complete": every pair
#'   over the rows that have all variables. Infinite values count as missing.
#' @param cluster A column of clusters for the standard errors, or `NULL`. It may not vary within a
#'   unit, for "within" and "between".
#' @param stars Named p-value bounds, as in [fe_table()]; `FALSE`: none.
#' @param labels A dictionary `c(column = "label")`; else the attribute `label`, else the name.
#' @param digits Decimals in print, 0 to 15.
#' @return A data frame of class `fe_correlate`, one row a pair: `x`, `y`, `estimate`, `std.error`
#'   (with `cluster`), `statistic`, `df`, `p.value`, `nobs` (rows, or units between). A pair without
#'   three rows or with a constant has `NA`. Methods: `print` and `format` (the lower triangle with
#'   stars), `as.matrix` (`what = "estimate"`, `"p.value"` or `"nobs"`), `tidy`, `plot` (a ggplot),
#'   and [fe_table()] shows it.
#' @references Hampel, F. R. (1974). The influence curve and its role in robust estimation. *Journal
#'   of the American Statistical Association* 69, 383-393. \doi{10.1080/01621459.1974.10482962}
#' @examples
#' vars <- c("ln_upmf", "ln_imdig", "pgdp", "fdi")
#' fe_correlate(digitrade, vars)
#' fe_correlate(digitrade, vars, type = "within", id = "country", cluster = "country")
#' @export
fe_correlate <- function(data, vars = NULL, type = "overall", method = "pearson", id = NULL,
                         use = "pairwise", cluster = NULL,
                         stars = c("***" = 0.01, "**" = 0.05, "*" = 0.1), labels = NULL,
                         digits = 3) {
  data <- check_data(data)
  type <- check_choice(type, c("overall", "within", "between"), "type")
  spec <- list(type = type, method = check_choice(method, c("pearson", "spearman"), "method"),
               id = check_key(id, data, "id", one = TRUE),
               cluster = check_key(cluster, data, "cluster", one = TRUE),
               use = check_choice(use, c("pairwise", "complete"), "use"))
  check_correlate(spec)
  vars <- if (is.null(vars)) describe_vars(NULL, data, c(spec$id, spec$cluster)) else
    as_columns(vars, data, "vars")
  vars <- check_numeric_columns(vars, data, "vars", 2L)
  labels <- describe_labels(labels, data, vars)
  if (is.null(labels)) labels <- vars
  x <- lapply(data[vars], function(v) replace(as.double(v), !is.finite(v), NA))
  codes <- correlate_codes(data, spec, x)
  pairs <- utils::combn(length(vars), 2L)
  rows <- lapply(seq_len(ncol(pairs)), function(k) {
    correlate_pair(x[[pairs[1L, k]]], x[[pairs[2L, k]]], codes, spec)
  })
  table <- data.frame(x = vars[pairs[1L, ]], y = vars[pairs[2L, ]], do.call(rbind, rows))
  if (is.null(spec$cluster)) table$std.error <- NULL
  structure(table, class = c("fe_correlate", "fe_describe", "data.frame"), vars = vars,
            labels = labels, spec = spec, stars = check_stars(stars), rows = nrow(data),
            digits = check_count(digits, "digits", 0, 15))
}

check_correlate <- function(spec) {
  if (spec$type != "overall" && is.null(spec$id)) {
    stop_arg("type", paste0("is \"", spec$type, "\", which needs the unit of the panel"),
             "Name it in `id`")
  }
  if (spec$method == "spearman" && (spec$type == "within" || !is.null(spec$cluster))) {
    stop_arg("method", paste("is \"spearman\", which has no test", if (spec$type == "within")
      "within units" else "with clusters"), "Use method = \"pearson\"")
  }
}

# Codes of units and clusters, and the rows that any pair may use.
correlate_codes <- function(data, spec, x) {
  code <- function(v) if (!is.null(v)) match(data[[v]], unique(stats::na.omit(data[[v]])))
  unit <- if (spec$type != "overall") code(spec$id)
  cluster <- code(spec$cluster)
  keep <- rep(TRUE, nrow(data))
  if (!is.null(unit)) keep <- keep & !is.na(unit)
  if (!is.null(cluster)) keep <- keep & !is.na(cluster)
  if (!is.null(unit) && !is.null(cluster)) check_unit_cluster(unit, cluster, keep, spec)
  if (spec$use == "complete") keep <- keep & stats::complete.cases(as.data.frame(x))
  list(unit = unit, cluster = cluster, keep = keep)
}

check_unit_cluster <- function(unit, cluster, keep, spec) {
  first <- cluster[keep][match(unit[keep], unit[keep])]
  stray <- which(keep)[first != cluster[keep]]
  if (length(stray)) {
    stop_arg("cluster", sprintf("names %s, which varies within %s, in %s",
                                dQuote(spec$cluster, FALSE), spec$id, quote_rows(stray)),
             "Cluster by the unit, or by groups of units")
  }
}

# One pair -> estimate, std.error, statistic, df, p.value, nobs.
correlate_pair <- function(x, y, codes, spec) {
  use <- which(codes$keep & !is.na(x) & !is.na(y))
  x <- x[use]
  y <- y[use]
  cluster <- codes$cluster[use]
  lost <- 2
  if (spec$type != "overall") {
    unit <- match(codes$unit[use], unique(codes$unit[use]))
    means <- rowsum(cbind(x, y), unit, reorder = FALSE) / tabulate(unit)
    if (spec$type == "within") {
      x <- within_values(x, means[unit, 1L])
      y <- within_values(y, means[unit, 2L])
      lost <- nrow(means) + 1
    } else {
      x <- means[, 1L]
      y <- means[, 2L]
      cluster <- cluster[match(seq_len(nrow(means)), unit)]
    }
  }
  if (spec$method == "spearman") {
    x <- rank(x)
    y <- rank(y)
  }
  correlate_test(x, y, length(x) - lost, cluster)
}

# Deviations from means; those within rounding of nothing are nothing.
within_values <- function(x, mean) {
  d <- x - mean
  if (all(abs(d) <= 1e-13 * pmax(abs(x), abs(mean)))) d[] <- 0
  d
}

correlate_test <- function(x, y, df, cluster) {
  n <- length(x)
  out <- c(estimate = NA_real_, std.error = NA, statistic = NA, df = NA, p.value = NA, nobs = n)
  scale_of <- function(v) if (n) sqrt(mean((v - mean(v))^2)) else 0
  flat <- function(v) !n || scale_of(v) <= 1e-13 * max(abs(v))
  if (n < 3L || df < 1 || flat(x) || flat(y)) return(out)
  zx <- (x - mean(x)) / scale_of(x)
  zy <- (y - mean(y)) / scale_of(y)
  r <- max(-1, min(1, mean(zx * zy)))
  se <- sqrt((1 - r^2) / df)
  if (!is.null(cluster)) {
    sums <- rowsum(zx * zy - r / 2 * (zx^2 + zy^2), cluster)
    df <- length(sums) - 1
    if (df < 1) return(out)
    se <- sqrt(sum(sums^2) * length(sums) / df) / n
  }
  statistic <- r / se
  out[] <- c(r, se, statistic, df, 2 * stats::pt(-abs(statistic), df), n)
  out
}
