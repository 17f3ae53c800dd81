# Is the slope linear in its moderator? Bins: the interaction model with lines of its own in each.

#' Is an interaction linear? Bins and kernel
#'
#' An interaction model lets the slope of the outcome in the treatment change with the moderator
#' along a straight line. This confronts the line with estimates that do not assume it: slopes in
#' bins of the moderator, with a Wald test, and a kernel-weighted curve (Hainmueller, Mummolo and Xu
#' 2019). The figure shows all of them over a histogram of the moderator, which tells where there is
#' no support for any.
#'
#' @section Bins:
#' The moderator m is cut at its quantiles, intervals closed on the right; G_j is 1 in bin j, whose
#' median is \eqn{m_j}{m_j}. With treatment x, controls z and the fixed effects
#' \eqn{\alpha_i}{alpha_i} of the model,
#' \deqn{y = \sum_j \{\mu_j + \alpha_j x + \eta_j (m - m_j) + \beta_j (m - m_j) x\} G_j + z'\gamma +
#'   \alpha_i + e.}{y = sum_j (mu_j + a_j x + eta_j (m - m_j) + b_j (m - m_j) x) G_j + z'c +
#'   alpha_i + e.}
#' The estimate of a bin is \eqn{\alpha_j}{a_j}, the slope in x at the median of the bin, to be
#' compared with the slope of the linear interaction model there. Where a bin does not identify it
#' (no variation of x within the fixed effects, or none beside m), it is `NA`.
#'
#' The test is of the 4 (bins - 1) restrictions by which this model becomes the linear one: the
#' coefficients of \eqn{G_j}{G_j}, \eqn{G_j m}{G_j m}, \eqn{G_j x}{G_j x} and
#' \eqn{G_j m x}{G_j m x}, j = 2, 3, ..., beside m, x and m x, are zero; fewer where some of these
#' columns are collinear, as the first two are with effects of units if m does not change within
#' units. It is the test of [fe_wald()] under the variance of the model: F, or with `CR2` HTZ. A
#' variance clustered by G clusters has at most the rank G - 1; if that is less than the number of
#' restrictions there is no test, and it is said. The test sees any departure, that of the main
#' effect of m from a line too.
#'
#' Under `CR1` it rejects too often, the more so the more bins there are; under `CR2` it does not.
#' With a linear slope, in 60 clusters of 13 rows, whose effects are in the model and within which
#' treatment, moderator and errors are autocorrelated (0.7), it rejected at the level of 5% in 9.6%,
#' 16.2% and 24.2% of 2,000 samples under `CR1` with 2, 3 and 4 bins, and under `CR2` with 3 bins in
#' 5.7% of 300. With clusters, use `vcov = CR2 ~ cluster` for the test.
#'
#' @section Kernel:
#' At a value \eqn{m_0}{m0}, the model \eqn{y = \alpha x + \eta (m - m_0) + \beta (m - m_0) x +
#' z'\gamma + \alpha_i + e}{y = a x + eta (m - m0) + b (m - m0) x + z'c + alpha_i + e} is estimated
#' with the weights \eqn{w_i \exp\{-\frac{1}{2}((m_i - m_0)/h)^2\}}{w_i exp(-((m_i - m0)/h)^2 / 2)};
#' \eqn{\alpha}{a} is the slope there. No weight is less than 1e-10 of the largest one, so that all
#' points share rows and effects. The standard error is that of the weighted regression: `"HC1"` if
#' the variance of the model is `"iid"`, `"HC2"` or `"HC3"`, or a bootstrap over rows, and `"CR1"`
#' with the same clusters in place of `"CR2"`, `"CR3"`, `"CR3J"` and bootstraps over clusters; other
#' variances stay. It takes the bandwidth as given and does not contain the bias of smoothing, and
#' the intervals are pointwise. `n.effective`, \eqn{(\sum k_i)^2 / \sum k_i^2}{(sum k)^2 / sum k^2}
#' of the kernel's weights k, tells how many rows a point rests on.
#'
#' The bandwidth h is in the units of m. If it is not given, it is the one of ten values that
#' predicts best; they go in equal ratios from a 15th of the distance between the 5th and the 95th
#' percentile of m to its whole range. Whole clusters (of the
#' model's first cluster variable; else the levels of its first fixed effect; else rows) are sorted
#' by their mean of m and dealt into five folds in turn. Each fold is predicted from the others: the
#' model above at ten quantiles \eqn{m_k}{m_k} of m (the 0.05, 0.15, ..., 0.95 ones) gives the
#' prediction, x being taken less its mean,
#' \deqn{p_k(m) = g_k + \eta_k (m - m_k) + \{\alpha_k + \beta_k (m - m_k)\} x + z'\bar\gamma,
#'   \quad g_{k+1} = g_k + (m_{k+1} - m_k)(\eta_k + \eta_{k+1})/2,}{p_k(m) = g_k + eta_k (m - m_k) +
#'   (a_k + b_k (m - m_k)) x + z'c, g_(k+1) = g_k + (m_(k+1) - m_k) (eta_k + eta_(k+1)) / 2,}
#' and p(m) between two of them is their average, weighted by nearness. The score is
#' \deqn{CV(h) = \sum_f \sum_{i \in f} w_i (\ddot y_i - \ddot p_i)^2 / \sum_i w_i,}{CV(h) = sum over
#'   folds f and rows i in f of w_i (y.._i - p.._i)^2 / sum of w_i,}
#' the dots being deviations from fixed effects that are estimated within the fold: effects of
#' units that are left out cannot be predicted, and are no part of the slope. No random number is
#' involved.
#'
#' @param x an [fe_moderate()] object with one moderator, numeric of more than two values. The
#'   treatment may be numeric, of two values, or a factor.
#' @param bins number of bins, at least 2; default 3. A bin that ties leave empty is an error.
#' @param method one or both of `"binning"` (default) and `"kernel"`.
#' @param cutoffs `NULL`, or where the bins end: increasing numbers within the observed range, in
#'   the units of the data, in place of `bins`.
#' @param bandwidth `NULL`: by cross-validation; or a positive number, in units of the moderator.
#' @param points number of values of the moderator, equally spaced over its observed range, at which
#'   the kernel slope is estimated; at least 2, default 50.
#' @param vcov,cluster,ssc `NULL`, or another variance, as in [vcov.fe_lm()].
#' @return a list of class `fe_linearity`:
#'   \item{bins}{`NULL` or a data frame, a row a bin (and `contrast`, of a factor treatment): `bin`
#'     (label), `from`, `to`, `value` (median of the moderator), `n` (observations), `estimate`,
#'     `std.error`, `statistic`, `df`, `p.value`, `conf.low`, `conf.high`, and `linear`, the slope
#'     of the linear model at `value`.}
#'   \item{test}{`NULL` or a data frame of a row: `statistic`, `df1`, `df2`, `p.value`,
#'     `restrictions` and `note` (why there is no test, else empty).}
#'   \item{kernel}{`NULL` or a data frame, a row a point: `contrast`, `value`, `n.effective`,
#'     `estimate` to `conf.high`.}
#'   \item{bandwidth,cv}{`NULL`, or the bandwidth, and a data frame with the `bandwidth` values
#'     tried and their `score` (`NULL` if the bandwidth was given).}
#'   and `moderation` (the [fe_moderate()] object), `model` (the model with bins, class `fe_lm`),
#'   `kernel_vcov` (what the standard errors of the kernel are), `unit` (what folds are made of),
#'   `method`, `level`.
#'
#' `tidy(x, what)` gives `"bins"`, `"kernel"` or `"test"`; `glance(x)` one row: `nobs`, `bins`,
#' `statistic`, `df1`, `df2`, `p.value`, `bandwidth`. [fe_table()] shows the linear model beside the
#' one with bins.
#' @section Errors:
#' Several moderators, or one of two values or a factor; a model that excludes the constant; a
#' variance given as a matrix or a function, which belongs to the linear model alone; frequency
#' weights with the kernel.
#' @references Hainmueller, J., Mummolo, J. and Xu, Y. (2019). How much should we trust estimates
#'   from multiplicative interaction models? Simple tools to improve empirical practice. *Political
#'   Analysis* 27, 163-192. \doi{10.1017/pan.2018.46}
#' @seealso [fe_moderate()]
#' @examples
#' m <- fe_moderate(ln_upmf ~ pgdp + fdi | country + year, digitrade, "ln_imdig", "ln_insti",
#'                  vcov = ~country)
#' fe_linearity(m)
#' fe_linearity(m, method = c("binning", "kernel"), bandwidth = 1, points = 10)
#' @order 1
#' @export
fe_linearity <- function(x, bins = 3, method = "binning", cutoffs = NULL, bandwidth = NULL,
                         points = 50, vcov = NULL, cluster = NULL, ssc = NULL) {
  check_linearity(x)
  method <- check_linearity_methods(method, x$model)
  bins <- check_count(bins, "bins", 2)
  points <- check_count(points, "points", 2)
  if (!is.null(bandwidth)) check_number(bandwidth, "bandwidth", 0, open = TRUE)
  if (!"binning" %in% method) stop_unused(cutoffs, "cutoffs", "`method` has no \"binning\"")
  x <- summary(x, vcov, cluster, ssc)
  check_own_variance(x$model)
  parts <- linearity_parts(x)
  object <- list(moderation = x, method = method, level = x$level)
  object[c("bins", "test", "model", "kernel", "bandwidth", "cv", "kernel_vcov", "unit")] <-
    list(NULL)
  if ("binning" %in% method) {
    found <- binned_slopes(x, parts, bin_edges(x, bins, cutoffs))
    object[names(found)] <- found
  }
  if ("kernel" %in% method) {
    found <- kernel_slopes(x, parts, bandwidth, points)
    object[names(found)] <- found
  }
  structure(object, class = "fe_linearity")
}

# ---- arguments ----------------------------------------------------------------------------------

check_linearity <- function(x) {
  if (!inherits(x, "fe_moderate")) {
    stop_arg("x", paste("must be made by fe_moderate(), not", describe_value(x)))
  }
  if (length(x$moderator) > 1L) {
    stop_arg("x", sprintf("has %d moderators; linearity is looked at in one", length(x$moderator)),
             "Fit fe_moderate() with one of them, the others among the controls")
  }
  if (x$kind != "continuous") {
    stop_arg("x", sprintf("has the moderator `%s`, which is %s: its slopes lie on no line",
                          x$moderator, if (x$kind == "factor") "a factor" else "of two values"),
             "The slopes in its levels are in x$slopes")
  }
  if (!x$model$has_constant) {
    stop_arg("x", "has a model that excludes the constant", "Leave `0 +` out of its formula")
  }
}

check_linearity_methods <- function(method, m) {
  known <- c("binning", "kernel")
  if (!is.character(method) || !length(method) || !all(method %in% known)) {
    stop_arg("method", paste("must hold \"binning\", \"kernel\" or both, not",
                             describe_value(method)))
  }
  if ("kernel" %in% method && !is.null(row_counts(m))) {
    stop_arg("method", "holds \"kernel\", and the model has frequency weights",
             "Write each row as often as it counts, without weights")
  }
  unique(method)
}

check_own_variance <- function(m) {
  if (m$vcov_info$type != "given") return(invisible())
  stop_arg("vcov", "is a matrix or a function, which belongs to the linear model alone",
           "Name a type, such as vcov = ~country")
}

# ---- the design ---------------------------------------------------------------------------------

# What all models are made of: v, the moderator in the rows used; treat, the columns of the
# treatment less their means, whatever the centre of the model; others, those of all other
# regressors, and of the constant where no effect has it.
linearity_parts <- function(x) {
  m <- x$model
  v <- x$observed
  seen <- x$treated
  treat <- basis_columns(x$treat, seen, 0, seen)
  w <- row_weights(m)
  treat <- sweep(treat, 2L, colSums(w * treat) / sum(w))
  others <- raw_design(m)
  own <- c(colnames(treat), term_label(x$moderator), product_names(x), "(Intercept)")
  others <- others[, setdiff(colnames(others), own), drop = FALSE]
  if (!has_constant(m$factors)) others <- cbind("(Intercept)" = 1, others)
  list(v = v, treat = treat, others = others)
}

# The regression of the outcome on other columns, with its variance unless that is not asked for.
refit_columns <- function(m, columns, request = m$vcov_request) {
  out <- refit(m, columns, m$factors)
  out$has_constant <- TRUE
  if (is.null(request)) return(out)
  set_vcov(out, request$vcov, m$ssc, request$cluster)
}

# ---- bins ---------------------------------------------------------------------------------------

# -> bounds of the bins, from the smallest to the largest value.
bin_edges <- function(x, bins, cutoffs) {
  seen <- each_observation(x$observed, x$model)
  if (is.null(cutoffs)) {
    inner <- stats::quantile(seen, seq_len(bins - 1L) / bins, names = FALSE)
  } else inner <- check_cutoffs(cutoffs, range(seen))
  edges <- c(min(seen), inner, max(seen))
  if (!all(tabulate(bin_codes(seen, edges), length(inner) + 1L)) || anyDuplicated(inner)) {
    stop_arg(if (is.null(cutoffs)) "bins" else "cutoffs",
             sprintf("cut `%s`%s at %s, which leaves a bin without observations", x$moderator,
                     if (is.null(cutoffs)) sprintf(" for %d bins", bins) else "",
                     paste(point_labels(inner), collapse = ", ")),
             "Ask for fewer bins, or give `cutoffs` that lie between observed values")
  }
  edges
}

check_cutoffs <- function(cutoffs, range) {
  if (!is.numeric(cutoffs) || !length(cutoffs) || !all(is.finite(cutoffs)) ||
      is.unsorted(cutoffs, strictly = TRUE) || cutoffs[1L] < range[1L] ||
      cutoffs[length(cutoffs)] >= range[2L]) {
    stop_arg("cutoffs", sprintf("must be increasing numbers from %s to below %s, not %s",
                                point_labels(range[1L]), point_labels(range[2L]),
                                describe_value(cutoffs)))
  }
  as.double(cutoffs)
}

# Intervals are closed on the right.
bin_codes <- function(v, edges) {
  findInterval(v, edges[-c(1L, length(edges))], left.open = TRUE) + 1L
}

bin_labels <- function(edges) {
  ends <- point_labels(edges)
  sprintf("%s%s, %s]", c("[", rep("(", length(ends) - 2L)), ends[-length(ends)], ends[-1L])
}

binned_slopes <- function(x, parts, edges) {
  code <- bin_codes(parts$v, edges)
  J <- length(edges) - 1L
  seen <- split(each_observation(parts$v, x$model), each_observation(code, x$model))
  median <- vapply(seen, stats::median, 0, USE.NAMES = FALSE)
  design <- binned_design(parts, code, median)
  fit <- refit_columns(x$model, design)
  place <- data.frame(bin = factor(bin_labels(edges), bin_labels(edges)), from = edges[-(J + 1L)],
                      to = edges[-1L], value = median, n = unname(lengths(seen)))
  list(bins = bin_table(x, fit, design, place), test = linearity_test(x, parts, code, J),
       model = fit)
}

# Indicators of the bins, as a matrix.
bin_indicators <- function(code, J) {
  out <- outer(code, seq_len(J), `==`) + 0
  colnames(out) <- paste("bin", seq_len(J))
  out
}

# Columns of slopes of treat at the medians come after those without treat, so that what does not
# vary within a bin beside the moderator is left out of the former. The first bin's indicator is
# the constant.
binned_design <- function(parts, code, median) {
  G <- bin_indicators(code, length(median))
  d <- parts$v - median[code]
  inside <- G * d
  colnames(inside) <- paste0(colnames(G), ":(m)")
  cbind(parts$others, G[, -1L, drop = FALSE], inside, multiply_columns(parts$treat, G),
        multiply_columns(parts$treat, inside))
}

bin_table <- function(x, fit, design, place) {
  directions <- treat_directions(x)
  rows <- lapply(rownames(directions), function(r) {
    direction <- directions[r, ]
    linear <- slope_combination(x, stats::setNames(list(place$value), x$moderator), direction)
    at <- outer(colnames(directions), paste("bin", seq_len(nrow(place))), paste, sep = ":")
    slopes <- combination_or_na(fit, at, direction, lost_slopes(fit, design, at, direction),
                                x$level)
    out <- data.frame(place, slopes,
                      linear = as.vector(linear %*% x$model$coefficients[colnames(linear)]))
    if (x$treat_kind == "factor") data.frame(contrast = contrast_of(r, x), out) else out
  })
  do.call(rbind, rows)
}

# In the order of the levels, which figures keep.
contrast_of <- function(r, x) factor(r, rownames(treat_directions(x)))

# Which bins do not identify the slope in a direction. at: names of coefficients, a column a bin.
lost_slopes <- function(fit, design, at, direction) {
  gone <- setdiff(colnames(design), names(fit$coefficients))
  if (!length(gone)) return(rep(FALSE, ncol(at)))
  kept <- intersect(as.vector(at), names(fit$coefficients))
  mixed <- kept[colSums(loads_on(fit, design[, gone, drop = FALSE], kept)) > 0]
  at <- at[direction != 0, , drop = FALSE]
  colSums(matrix(at %in% c(gone, mixed), nrow(at))) > 0
}

# Slopes direction'b of the coefficients in each column of `at`; NA where lost.
combination_or_na <- function(fit, at, direction, lost, level) {
  columns <- c("estimate", "std.error", "statistic", "df", "p.value", "conf.low", "conf.high")
  out <- as.data.frame(matrix(NA_real_, ncol(at), 7L, dimnames = list(NULL, columns)))
  if (all(lost)) return(out)
  used <- at[direction != 0, !lost, drop = FALSE]
  C <- matrix(0, ncol(used), length(used), dimnames = list(NULL, as.vector(used)))
  for (j in seq_len(ncol(used))) C[j, used[, j]] <- direction[direction != 0]
  out[!lost, ] <- combination_table(fit, C, level)
  out
}

# The same model as lines common to all bins and departures from them.
linearity_test <- function(x, parts, code, J) {
  m <- cbind("(m)" = parts$v - mean(parts$v))
  G <- bin_indicators(code, J)[, -1L, drop = FALSE]
  lines <- cbind(m, parts$treat, multiply_columns(parts$treat, m))
  departures <- cbind(G, multiply_columns(m, G), multiply_columns(parts$treat, G),
                      multiply_columns(multiply_columns(parts$treat, m), G))
  fit <- refit_columns(x$model, cbind(parts$others, lines, departures))
  tested <- intersect(colnames(departures), names(fit$coefficients))
  w <- if (!length(tested)) "The bins add nothing to the model." else {
    tryCatch(fe_wald(fit, quote_name(tested)), fe_error = unless_memory(conditionMessage))
  }
  if (is.character(w)) {
    return(data.frame(statistic = NA_real_, df1 = NA_real_, df2 = NA_real_, p.value = NA_real_,
                      restrictions = length(tested), note = w))
  }
  data.frame(statistic = unname(w$statistic), df1 = w$parameter[["df1"]],
             df2 = w$parameter[["df2"]], p.value = w$p.value, restrictions = length(tested),
             note = "")
}
