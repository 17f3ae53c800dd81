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
#' missing indicator.
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
#'   score `NA` and takes no account of them in the fit; "fail" stops. Infinite values always stop.
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
#'   \item{vars, method, matrix, components, anchor, by, transform, name, groups, fits, call}{the
#'     specification, the groups, and the fit of each.}
#'   With `by`, the entries weights, loadings, entropy, center, scale, kmo and bartlett are lists of
#'   these, one for each group.
#'
#'   Methods: `print`, `summary`, `as.numeric` (the score), `predict` (with `newdata`: the same
#'   center, scale, weights and shift applied to new rows; a row with a missing indicator gets
#'   `NA`), `tidy` (one row an indicator and component), `glance` (one row, or one a group), `plot`
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
                     negative = NULL, indicator_weights = NULL, na = "exclude", name = "index") {
  call <- match.call()
  data <- check_data(data)
  if (missing(vars)) stop_arg("vars", "is missing", "Name at least two numeric columns")
  vars <- check_numeric_columns(as_columns(vars, data, "vars"), data, "vars", 2L)
  spec <- list(vars = vars, method = check_choice(method, index_methods, "method"),
               matrix = check_choice(matrix, c("correlation", "covariance"), "matrix"),
               components = check_count(components, "components", 1, length(vars)),
               anchor = check_anchor(anchor, data), by = check_key(by, data, "by"),
               transform = check_choice(transform, c("none", "log"), "transform"),
               name = check_index_name(name))
  check_index_method(spec, indicator_weights)
  check_shift(shift, spec$transform)
  check_choice(na, c("exclude", "fail"), "na")
  spec$direction <- check_negative(negative, vars)
  spec$indicator_weights <- check_indicator_weights(indicator_weights, vars)
  x <- index_matrix(data, vars)
  keep <- index_complete(x, data, spec$by, na)
  groups <- index_groups(data, spec$by, keep)
  fits <- lapply(seq_along(groups$rows), function(g) {
    rows <- groups$rows[[g]]
    anchor <- if (!is.null(spec$anchor)) as.double(data[[spec$anchor]][rows])
    fit_index(x[rows, , drop = FALSE], spec, anchor, groups$where[g])
  })
  warn_index(fits, groups$where)
  score <- index_score(x, groups$code, fits)
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
  if (!is.null(indicator_weights) && !spec$method %in% c("zmean", "minmax")) {
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

# Which rows have every indicator and a group.
index_complete <- function(x, data, by, na) {
  keep <- stats::complete.cases(x)
  for (v in by) keep <- keep & !is.na(data[[v]])
  if (all(keep)) return(keep)
  if (na == "fail") {
    stop_arg("na", paste0("is \"fail\", and an indicator or group is missing in ",
                          quote_rows(which(!keep))), "Use na = \"exclude\" or fill the values")
  }
  empty <- colnames(x)[colSums(!is.na(x)) == 0]
  if (length(empty)) {
    stop_arg("vars", paste("names", quote_list(empty), "which has only missing values"),
             "Leave it out")
  }
  keep
}

# Complete rows by group. `where` completes a message ("" when pooled).
index_groups <- function(data, by, keep) {
  if (is.null(by)) {
    return(list(keys = NULL, label = "all", where = "", rows = list(which(keep)),
                code = ifelse(keep, 1L, NA_integer_)))
  }
  if (!any(keep)) {
    stop_arg("vars", "leaves no complete row", "Leave out the indicators with most missing values")
  }
  groups <- group_rows(data[keep, , drop = FALSE], by)
  groups$rows <- lapply(groups$rows, function(r) which(keep)[r])
  code <- rep(NA_integer_, length(keep))
  code[keep] <- groups$code
  groups$code <- code
  groups$where <- paste0(" in the group ", paste(by, collapse = ", "), " = ", groups$label)
  groups
}

# ---- the fit -------------------------------------------------------------------------------

# One group. `x` holds complete rows only.
fit_index <- function(x, spec, anchor, where) {
  if (nrow(x) < 2L) {
    stop_arg("vars", sprintf("leaves %d complete row%s%s; an index needs at least 2", nrow(x),
                             if (nrow(x) == 1L) "" else "s", where),
             "Leave out the indicators with most missing values")
  }
  fit <- index_scaling(x, spec, where)
  z <- index_z(x, fit)
  detail <- switch(spec$method, pca = index_pca(z, spec, anchor, where),
                   entropy = index_entropy(z), list(weights = spec$indicator_weights))
  c(fit, detail, list(n = nrow(x)))
}

# Center, scale and direction; constant indicators stop.
index_scaling <- function(x, spec, where) {
  low <- apply(x, 2L, min)
  high <- apply(x, 2L, max)
  sd <- apply(x, 2L, stats::sd)
  flat <- !is.finite(sd) | sd <= 1e-13 * pmax(abs(low), abs(high))
  if (any(flat)) {
    stop_arg("vars", paste0("names ", quote_list(spec$vars[flat]),
                            ", which does not vary over the complete rows", where),
             "Leave it out")
  }
  by_range <- spec$method %in% c("entropy", "minmax")
  center <- if (by_range) ifelse(spec$direction > 0, low, high) else colMeans(x)
  scale <- if (by_range) high - low else sd
  if (spec$matrix == "covariance") scale[] <- 1
  list(center = center, scale = scale, direction = spec$direction)
}

index_z <- function(x, fit) t((t(x) - fit$center) * (fit$direction / fit$scale))

index_entropy <- function(z) {
  p <- t(t(z) / colSums(z))
  e <- -colSums(ifelse(p > 0, p * log(p), 0)) / log(nrow(z))
  list(weights = (1 - e) / sum(1 - e), entropy = e)
}

index_pca <- function(z, spec, anchor, where) {
  r <- crossprod(z) / (nrow(z) - 1)
  e <- eigen(r, symmetric = TRUE)
  lambda <- pmax(e$values, 0)
  used <- seq_len(spec$components)
  signs <- component_signs(e$vectors, z, anchor, spec$anchor, where)
  loadings <- e$vectors * rep(signs$sign, each = nrow(r))
  dimnames(loadings) <- list(spec$vars, paste0("comp", seq_along(lambda)))
  share <- lambda / sum(lambda)
  weights <- drop(loadings[, used, drop = FALSE] %*% (share[used] / sum(share[used])))
  counts <- lambda[used] > 1e-8 * lambda[1L]
  tied <- diff(-lambda)[used] < 1e-8 * lambda[1L]
  notes <- c(if (nrow(z) <= ncol(z)) "few", if (any(tied & counts, na.rm = TRUE)) "tied",
             if (any(signs$open[used] & counts)) "sign")
  c(list(weights = weights, loadings = loadings, notes = notes,
         eigen = data.frame(component = seq_along(lambda), eigenvalue = lambda, share = share,
                            cumulative = cumsum(share))),
    index_adequacy(stats::cov2cor(r), nrow(z)))
}

# 1 or -1 for each eigenvector; `open` where the rule does not decide.
component_signs <- function(v, z, anchor, anchor_name, where) {
  if (is.null(anchor)) {
    value <- colSums(v)
  } else {
    known <- is.finite(anchor)
    if (sum(known) < 2L || max(anchor[known]) == min(anchor[known])) {
      stop_arg("anchor", paste0("names ", dQuote(anchor_name, FALSE),
                                ", which does not vary over the complete rows", where),
               "Choose another column")
    }
    comp <- z[known, , drop = FALSE] %*% v
    a <- anchor[known] - mean(anchor[known])
    comp <- sweep(comp, 2L, colMeans(comp))
    value <- drop(crossprod(comp, a)) / sqrt(pmax(colSums(comp^2), 1e-300) * sum(a^2))
  }
  open <- abs(value) < 1e-8
  largest <- apply(v, 2L, function(l) l[which(abs(l) >= max(abs(l)) * (1 - 1e-8))[1L]])
  list(sign = ifelse(open, sign(largest), sign(value)), open = open)
}

# Kaiser-Meyer-Olkin measure and Bartlett's test, from the correlation matrix.
index_adequacy <- function(r, n) {
  p <- ncol(r)
  df <- p * (p - 1) / 2
  if (rcond(r) < 1e-13 || n <= p) {
    each <- stats::setNames(rep(NA_real_, p), colnames(r))
    return(list(kmo = list(overall = NA_real_, variable = each),
                bartlett = list(statistic = NA_real_, df = df, p.value = NA_real_)))
  }
  q <- stats::cov2cor(solve(r))
  r2 <- r^2 - diag(p)
  q2 <- q^2 - diag(p)
  log_det <- as.numeric(determinant(r)$modulus)
  statistic <- -(n - 1 - (2 * p + 5) / 6) * log_det
  list(kmo = list(overall = sum(r2) / (sum(r2) + sum(q2)),
                  variable = colSums(r2) / (colSums(r2) + colSums(q2))),
       bartlett = list(statistic = statistic, df = df,
                       p.value = stats::pchisq(statistic, df, lower.tail = FALSE)))
}

warn_index <- function(fits, where) {
  text <- c(few = "there are no more complete rows than indicators, so the correlation matrix is
                   singular and the components describe these rows alone",
            tied = "two leading eigenvalues are equal, so the component is not determined",
            sign = "the sign rule does not decide (the sum of loadings, or the correlation with
                    `anchor`, is zero); the first of the largest loadings is made positive.
                    Give another `anchor`")
  for (note in names(text)) {
    at <- vapply(fits, function(f) note %in% f$notes, NA)
    if (any(at)) {
      place <- if (nzchar(where[1L])) paste0(" [", sum(at), " of ", length(at), " groups, first",
                                             where[at][1L], "]") else ""
      warn_user("fe_index: ", gsub("\\s+", " ", text[[note]]), place, ".")
    }
  }
}

# The untransformed score: NA where the row is incomplete or has no group.
index_score <- function(x, code, fits) {
  score <- rep(NA_real_, nrow(x))
  for (g in seq_along(fits)) {
    rows <- which(code == g)
    z <- index_z(x[rows, , drop = FALSE], fits[[g]])
    score[rows] <- drop(z %*% fits[[g]]$weights)
  }
  score
}

# What is added before the logarithm; NULL without one.
index_shift <- function(score, shift, transform) {
  if (transform == "none") return(NULL)
  low <- min(score, na.rm = TRUE)
  if (identical(shift, "min1")) return(1 - low)
  if (low + shift <= 0) {
    stop_arg("shift", sprintf("is %g, but the smallest score is %g: no logarithm", shift, low),
             sprintf("Give a number above %g, or \"min1\"", -low))
  }
  as.double(shift)
}

index_log <- function(score, shift) if (is.null(shift)) score else log(score + shift)

new_index <- function(spec, score, fits, groups, dropped, missing, call) {
  part <- function(what) {
    if (is.null(spec$by)) return(fits[[1L]][[what]])
    if (is.null(fits[[1L]][[what]])) return(NULL)
    stats::setNames(lapply(fits, `[[`, what), groups$label)
  }
  eigen <- part("eigen")
  if (!is.null(spec$by) && !is.null(eigen)) {
    times <- vapply(eigen, nrow, 0L)
    keys <- groups$keys[rep(seq_along(fits), times), , drop = FALSE]
    eigen <- cbind(keys, do.call(rbind, eigen), row.names = NULL)
  }
  parts <- lapply(c(weights = "weights", loadings = "loadings", entropy = "entropy",
                    center = "center", scale = "scale", kmo = "kmo", bartlett = "bartlett"), part)
  sign_rule <- if (spec$method == "pca") {
    if (is.null(spec$anchor)) "sum of loadings positive" else
      paste("correlation with", spec$anchor, "positive")
  }
  names(fits) <- groups$label
  known <- c("vars", "method", "matrix", "components", "anchor", "by", "transform", "name",
             "direction", "shift")
  structure(c(list(score = score), parts, list(eigen = eigen, sign_rule = sign_rule,
              n = sum(vapply(fits, `[[`, 0L, "n")), dropped = dropped,
              missing = missing[missing > 0], groups = groups[c("keys", "label")], fits = fits),
              spec[intersect(known, names(spec))], list(call = call)), class = "fe_index")
}

# ---- methods -------------------------------------------------------------------------------

#' @export
as.double.fe_index <- function(x, ...) x$score

#' @export
predict.fe_index <- function(object, newdata = NULL, ...) {
  if (is.null(newdata)) return(object$score)
  newdata <- check_data(newdata, "newdata")
  check_numeric_columns(object$vars, newdata, "newdata")
  x <- index_matrix(newdata, object$vars, "newdata")
  code <- rep(1L, nrow(x))
  if (!is.null(object$by)) code <- match_groups(object, newdata)
  code[!stats::complete.cases(x)] <- NA
  score <- index_score(x, code, object$fits)
  low <- if (!is.null(object$shift)) which(score + object$shift <= 0)
  if (length(low)) {
    warn_user("predict: the score plus the shift is not positive in ", quote_rows(low),
              " of `newdata`: the logarithm does not exist and is set to NA.")
    score[low] <- NA
  }
  index_log(score, object$shift)
}

# The group of each new row; NA where the key is missing, an error where it is unknown.
match_groups <- function(object, newdata) {
  check_columns(object$by, newdata, "newdata")
  paste_keys <- function(d) do.call(paste, c(lapply(d[object$by], as.character), sep = "\r"))
  code <- match(paste_keys(newdata), paste_keys(object$groups$keys))
  absent <- !stats::complete.cases(newdata[object$by])
  unknown <- which(is.na(code) & !absent)
  if (length(unknown)) {
    stop_arg("newdata", paste0("holds groups (", paste(object$by, collapse = ", "),
                               ") that the fit does not have, in ", quote_rows(unknown)),
             "Leave these rows out, or fit a pooled index")
  }
  code[absent] <- NA
  code
}

index_title <- function(x) {
  what <- switch(x$method,
    pca = if (x$components == 1) paste("first principal component of the", x$matrix, "matrix") else
      sprintf("first %d principal components of the %s matrix, weighted by share of variance",
              as.integer(x$components), x$matrix),
    entropy = "entropy weights of min-max normalised indicators",
    zmean = "weighted mean of z scores", minmax = "weighted mean of min-max normalised indicators")
  equal <- x$method %in% c("zmean", "minmax") && diff(range(x$fits[[1L]]$weights)) == 0
  if (equal) what <- sub("weighted mean", "mean", what)
  paste0("Index ", dQuote(x$name, FALSE), ": ", what)
}

# Title, rows, sign and transformation: what a reader must know of any index.
print_index_head <- function(x) {
  cat(index_title(x), "\n", sep = "")
  cat("Rows: ", length(x$score), ", of which ", x$n, " scored", sep = "")
  if (length(x$dropped)) {
    cat("; ", length(x$dropped), " with score NA (missing: ",
        paste(names(x$missing), x$missing, collapse = ", "), ")", sep = "")
  }
  cat("\n")
  if (!is.null(x$by)) {
    cat("Computed within each of ", length(x$fits), " groups (", paste(x$by, collapse = ", "),
        "); scores of different groups are not on one scale\n", sep = "")
  }
  if (!is.null(x$sign_rule)) cat("Sign: ", x$sign_rule, "\n", sep = "")
  reversed <- names(x$direction)[x$direction < 0]
  if (length(reversed)) cat("Reversed indicators:", paste(reversed, collapse = ", "), "\n")
  if (!is.null(x$shift)) {
    rule <- if (isTRUE(all.equal(min(x$score, na.rm = TRUE), 0))) " (smallest score becomes 0)"
    cat("Transformation: log(score + ", format(x$shift, digits = 6), ")", rule, "\n", sep = "")
  }
}

#' @export
print.fe_index <- function(x, digits = 4, ...) {
  print_index_head(x)
  if (!is.null(x$by)) {
    cat("\nGroups\n")
    print_rounded(glance(x)[index_group_columns(x)], digits)
    cat("\nWeights of the standardised indicators, by group\n")
    weights <- do.call(rbind, x$weights)
    print_rounded(data.frame(group = rownames(weights), weights, check.names = FALSE), digits)
    return(invisible(x))
  }
  if (x$method == "pca") {
    cat("\nEigenvalues\n")
    print_rounded(x$eigen, digits)
    cat("\nLoadings (unit norm)\n")
    shown <- seq_len(min(ncol(x$loadings), max(3, x$components)))
    table <- data.frame(variable = x$vars, x$loadings[, shown, drop = FALSE])
    if (x$components > 1) table$weight <- x$weights
    table$kmo <- x$kmo$variable
    print_rounded(table, digits)
    cat("\n", adequacy_text(x, digits), "\n", sep = "")
  } else {
    cat("\nWeights\n")
    table <- data.frame(variable = x$vars, weight = x$weights)
    if (!is.null(x$entropy)) table$entropy <- x$entropy
    print_rounded(table, digits)
  }
  invisible(x)
}

index_group_columns <- function(x) {
  c(x$by, "nobs", if (x$method == "pca") c("eigenvalue", "share", "kmo", "bartlett.p.value"))
}

# Doubles with `digits` decimals, no minus before a zero, small p-values as "<0.0001".
print_rounded <- function(table, digits) {
  double <- vapply(table, function(v) is.double(v) && any(v != round(v), na.rm = TRUE), NA)
  p_value <- grepl("p.value", names(table), fixed = TRUE)
  table[double] <- Map(function(v, p) {
    text <- sub("^-(0\\.0*)$", "\\1", formatC(v, digits = digits, format = "f"))
    least <- 10^-digits
    if (p) ifelse(!is.na(v) & v < least, paste0("<", format(least, scientific = FALSE)), text)
    else text
  }, table[double], p_value[double])
  print(table, row.names = FALSE)
}

adequacy_text <- function(x, digits) {
  if (is.na(x$kmo$overall)) {
    return("KMO and Bartlett: not defined, the correlation matrix is singular")
  }
  sprintf("KMO %.*f; Bartlett's sphericity: chi2(%d) = %.2f, p %s", digits, x$kmo$overall,
          as.integer(x$bartlett$df), x$bartlett$statistic,
          if (x$bartlett$p.value < 1e-4) "< 0.0001" else sprintf("= %.4f", x$bartlett$p.value))
}

#' @export
summary.fe_index <- function(object, ...) {
  score <- object$score
  structure(list(index = object, quantiles = stats::quantile(score, na.rm = TRUE),
                 mean = mean(score, na.rm = TRUE), sd = stats::sd(score, na.rm = TRUE)),
            class = "summary.fe_index")
}

#' @export
print.summary.fe_index <- function(x, digits = 4, ...) {
  print(x$index, digits = digits, ...)
  cat("\nScore", if (!is.null(x$index$shift)) " after the transformation", "\n", sep = "")
  values <- c(x$mean, x$sd, x$quantiles)
  names(values) <- c("mean", "sd", "min", "p25", "median", "p75", "max")
  print_rounded(as.data.frame(as.list(values)), digits)
  invisible(x)
}

#' @importFrom generics tidy
#' @export
tidy.fe_index <- function(x, ...) {
  tables <- lapply(x$fits, function(f) {
    value <- if (is.null(f$loadings)) cbind(f$weights) else f$loadings
    data.frame(term = rep(x$vars, ncol(value)), component = rep(seq_len(ncol(value)),
               each = nrow(value)), estimate = as.vector(value),
               weight = rep(unname(f$weights), ncol(value)), stringsAsFactors = FALSE)
  })
  index_stack(x, tables)
}

#' @importFrom generics glance
#' @export
glance.fe_index <- function(x, ...) {
  tables <- lapply(x$fits, function(f) {
    row <- data.frame(method = x$method, n.vars = length(x$vars), nobs = f$n,
                      stringsAsFactors = FALSE)
    if (x$method != "pca") return(row)
    used <- seq_len(x$components)
    data.frame(row, matrix = x$matrix, components = x$components,
               eigenvalue = f$eigen$eigenvalue[1L], share = sum(f$eigen$share[used]),
               kmo = f$kmo$overall, bartlett.statistic = f$bartlett$statistic,
               bartlett.df = f$bartlett$df, bartlett.p.value = f$bartlett$p.value)
  })
  index_stack(x, tables)
}

# One table a group below the other, with the group's keys in front.
index_stack <- function(x, tables) {
  out <- do.call(rbind, unname(tables))
  if (!is.null(x$by)) {
    times <- vapply(tables, nrow, 0L)
    out <- cbind(x$groups$keys[rep(seq_along(tables), times), , drop = FALSE], out,
                 row.names = NULL)
  }
  rownames(out) <- NULL
  out
}

#' @export
plot.fe_index <- function(x, type = if (x$method == "pca") "scree" else "weights", ...) {
  if (!requireNamespace("ggplot2", quietly = TRUE)) {
    stop_arg("x", "cannot be plotted, since the package ggplot2 is not installed",
             "Run install.packages(\"ggplot2\")")
  }
  check_choice(type, c("scree", "weights"), "type")
  if (type == "scree" && x$method != "pca") {
    stop_arg("type", paste0("is \"scree\", but method = \"", x$method, "\" has no eigenvalues"),
             "Use type = \"weights\"")
  }
  p <- if (type == "scree") plot_scree(x) else plot_weights(x)
  if (!is.null(x$by)) p <- p + ggplot2::facet_wrap(x$by)
  p + ggplot2::labs(title = x$name) + ggplot2::theme_bw() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank())
}

# The dashed line is the average eigenvalue, 1 for a correlation matrix (Kaiser's rule).
plot_scree <- function(x) {
  average <- index_stack(x, lapply(x$fits, function(f) {
    data.frame(average = mean(f$eigen$eigenvalue))
  }))
  ggplot2::ggplot(x$eigen, ggplot2::aes(!!as.name("component"), !!as.name("eigenvalue"))) +
    ggplot2::geom_hline(ggplot2::aes(yintercept = !!as.name("average")), average,
                        linetype = "dashed", colour = "grey40") +
    ggplot2::geom_line() + ggplot2::geom_point(size = 2) +
    ggplot2::scale_x_continuous(breaks = seq_along(x$vars)) +
    ggplot2::labs(x = "Component", y = "Eigenvalue")
}

plot_weights <- function(x) {
  table <- tidy(x)
  table <- table[table$component == 1L, ]
  table$term <- factor(table$term, rev(x$vars))
  ggplot2::ggplot(table, ggplot2::aes(!!as.name("weight"), !!as.name("term"))) +
    ggplot2::geom_col(width = 0.6, fill = "grey40") +
    ggplot2::labs(x = "Weight of the standardised indicator", y = NULL)
}
