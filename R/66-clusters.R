# What the clusters of a model are like: sizes, leverage, influence, and how many equal ones they
# are worth.

#' Cluster diagnostics
#'
#' How many clusters there are, how unequal they are, and what each of them does to the estimates.
#' Cluster-robust inference rests on the number of clusters that matter, not on the number of rows;
#' few treated clusters or one large one leave fewer than G says.
#'
#' @section Formulas:
#' With \eqn{d_i}{d_i} the influence of row i on a coefficient,
#' \eqn{\hat b = \sum_i w_i d_i y_i}{b = sum w_i d_i y_i} (the regressor's residual from all other
#' regressors and the fixed effects, over its sum of squares):
#' \itemize{
#' \item *partial leverage* of cluster g: \eqn{q_g / \sum_h q_h}{q_g / sum_h q_h} with
#'   \eqn{q_g = \sum_{i\in g} w_i d_i^2}{q_g = sum_{i in g} w_i d_i^2}; equal clusters have 1/G;
#' \item *leverage*: \eqn{\mathrm{tr}(\tilde X_g'W_g\tilde X_g(\tilde X'W\tilde X)^{-1})}{
#'   tr(X~_g'W_g X~_g (X~'WX~)^-1)} of the regressors net of the fixed effects, which adds up to
#'   their number k (what summclust reports after absorbing); *full leverage*: the trace of
#'   \eqn{H_{gg}}{H_gg} of the whole model, effects included, which adds up to its rank K;
#' \item *without it*: the coefficient when the cluster is left out, the fixed effects estimated
#'   anew; *change*: that less the estimate, in standard errors of the model;
#' \item *effective clusters* \eqn{G^*(\rho) = (\sum_g\gamma_g)^2 / \sum_g\gamma_g^2}{
#'   G*(rho) = (sum gamma_g)^2 / sum gamma_g^2}, the same as \eqn{G/(1+\Gamma)}{G/(1 + Gamma)} of
#'   Carter, Schnepel and Steigerwald (2017), from the variance that cluster g adds to that of the
#'   coefficient when an error is a draw for its cluster, of variance \eqn{\rho}{rho}, and one for
#'   its row, of variance \eqn{(1-\rho)/w_i}{(1 - rho)/w_i}:
#'   \eqn{\gamma_g(\rho) = \rho (\sum_{i\in g} w_i d_i)^2 + (1-\rho) q_g}{
#'   gamma_g(rho) = rho (sum_{i in g} w_i d_i)^2 + (1 - rho) q_g}.
#' }
#' Where the effects absorb the level of every cluster,
#' \eqn{\sum_{i\in g} w_i d_i = 0}{sum_{i in g} w_i d_i = 0}: then \eqn{G^*}{G*} is the same for all
#' \eqn{\rho < 1}{rho < 1}, and for \eqn{\rho = 1}{rho = 1} it is 0/0 and `NA`. Errors may be
#' correlated in other ways, by a shock to a cluster in a year for instance. The *worst case* takes
#' \eqn{\gamma_g = (\sum_{i\in g} w_i |d_i|)^2}{gamma_g = (sum_{i in g} w_i |d_i|)^2}, the largest
#' variance that a cluster can add, over all correlations of errors of equal variance: in it a
#' cluster counts by the square of its size.
#'
#' @param m a model of class `fe_lm`, not estimated with `lean = TRUE`.
#' @param cluster `NULL` for the clusters of the model's variance, or one cluster variable: a
#'   one-sided formula, a column name, or a vector; see [vcov.fe_lm()].
#' @param rho correlations within clusters for the effective number, distinct and between 0 and 1;
#'   default 0 and 1.
#' @param ... must be empty.
#' @return a list of class `fe_clusters`: `G`; `cluster` (name); `labels`; `size` (observations of
#'   each cluster); `leverage`; `leverage_full` (`NA` where [hatvalues()] has no exact leverages);
#'   `partial` (G x k matrix of partial leverages); `coefficients`, `std.error`, `conf.low`,
#'   `conf.high` (95 %, of the model under its variance); `without` (G x k matrix of the
#'   coefficients without each cluster, `NA` where they cannot be estimated then); `effective`
#'   (k x (length(rho) + 1) matrix, the last column the worst case); `vcov` (the variance in words).
#'   A constant beside fixed effects is left out.
#' @references Carter, Schnepel and Steigerwald (2017) \doi{10.1162/REST_a_00639}; MacKinnon,
#'   Nielsen and Webb (2023) \doi{10.1177/1536867X231212433}.
#' @seealso [few_clusters] for the note that a print gives when clusters are few or unequal.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
#' d <- fe_clusters(m)
#' d
#' head(as.data.frame(d))
#' @export
fe_clusters <- function(m, cluster = NULL, rho = c(0, 1), ...) {
  check_dots(...)
  if (inherits(m, "fe_moderate")) m <- m$model
  check_one_model(m, "m")
  need_full(m, "cluster diagnostics")
  need_ols(m, "fe_clusters()", "m")
  terms <- setdiff_constant(m)
  if (!length(terms)) stop_arg("m", "has no slope", "Diagnostics are about coefficients")
  check_rho(rho)
  coded <- diagnosed_cluster(m, cluster)
  labels <- level_labels(coded)
  named <- function(x) matrix(x, coded$n_levels, dimnames = list(labels, terms))
  sums <- influence_sums(m, coded)
  effective <- effective_clusters(sums, rho)
  rownames(effective) <- terms
  table <- coef_table(m)
  table <- table[match(terms, table$term), ]
  structure(list(
    G = coded$n_levels, cluster = coded$name, labels = labels, size = cluster_sizes(m, coded),
    leverage = cluster_leverage(m, coded), leverage_full = full_leverage(m, coded),
    partial = named(sweep(sums$square, 2L, colSums(sums$square), "/")),
    coefficients = stats::setNames(table$estimate, terms), std.error = table$std.error,
    conf.low = table$conf.low, conf.high = table$conf.high,
    without = named(leave_out_coefs(m, coded)$coef), effective = effective,
    vcov = describe_vcov(m)), class = "fe_clusters")
}

# What is for one model at a time.
check_one_model <- function(m, arg) {
  if (inherits(m, "fe_lm")) return(invisible())
  if (inherits(m, "fe_lm_list")) {
    stop_arg(arg, sprintf("is a list of %d models, and this is for one at a time", length(m)),
             paste0("Give one of them, such as ", arg, "[[1]]; or go through them with lapply()"))
  }
  stop_arg(arg, paste("must be a model of class fe_lm, not", describe_value(m)))
}

check_rho <- function(rho) {
  ok <- is.numeric(rho) && length(rho) && !anyNA(rho) && all(rho >= 0 & rho <= 1) &&
    !anyDuplicated(rho)
  if (!ok) {
    stop_arg("rho", paste("must hold distinct numbers between 0 and 1, not", describe_value(rho)))
  }
}

# The one cluster variable asked for, coded, with its name.
diagnosed_cluster <- function(m, cluster) {
  if (is.null(cluster)) {
    coded <- model_clusters(m)
    if (!length(coded)) {
      stop_arg("cluster", "is missing, and the model's variance is not clustered",
               "Name the clusters, for instance cluster = ~country")
    }
  } else {
    coded <- cluster_factors(cluster, m, 1L)
  }
  if (length(coded) > 1L) {
    stop_arg("cluster", sprintf("names %d variables; diagnostics are for one at a time",
                                length(coded)),
             "Give one of them, for instance cluster = ~country")
  }
  if (coded[[1L]]$n_levels < 2L) stop_arg("cluster", "has a single value in the sample")
  c(coded[[1L]], name = names(coded)[1L])
}

cluster_sizes <- function(m, coded) {
  if (is.null(row_counts(m))) return(as.double(tabulate(coded$code, coded$n_levels)))
  sums_by_cluster(m, matrix(1, m$n_rows), coded)[, 1L]
}

# sum of w_i x_i in each cluster, for each column of x: G x columns.
sums_by_cluster <- function(m, x, coded) {
  .Call(C_score_sums, x, row_weights(m), coded$code, coded$n_levels, m$threads)
}

# Of the influences d (a column a coefficient), each G x k: level = sum w d; square = sum w d^2;
# size = sum w |d|; noise: the square of the level that rounding leaves where the effects absorb it.
influence_sums <- function(m, coded) {
  d <- influences(m, influence_design(m, functional = list()))
  square <- sums_by_cluster(m, d^2, coded)
  ones <- sums_by_cluster(m, matrix(1, m$n_rows), coded)[, 1L]
  list(level = sums_by_cluster(m, d, coded), square = square, noise = 1e-12 * ones * square,
       size = sums_by_cluster(m, abs(d), coded))
}

# G*(rho) of each coefficient, and the worst case -> k x (length(rho) + 1); 0/0, where the effects
# absorb the level, is NA.
effective_clusters <- function(sums, rho) {
  level <- sums$level^2 * (sums$level^2 > sums$noise)
  gamma <- lapply(rho, function(r) r * level + (1 - r) * sums$square)
  out <- vapply(c(gamma, list(sums$size^2)), apply, numeric(ncol(level)), 2L, participation)
  matrix(out, ncol(level), length(rho) + 1L, dimnames = list(NULL, c(format_number(rho), "worst")))
}

participation <- function(gamma) if (any(gamma > 0)) sum(gamma)^2 / sum(gamma^2) else NA_real_

# tr(X_g'W_g X_g B), the regressors net of the fixed effects.
cluster_leverage <- function(m, coded) {
  rowSums(sums_by_cluster(m, (residual_design(m) %*% m$root)^2, coded))
}

# tr(H_gg) of the whole model. leverage() refuses more effects than it can take exactly, and gives
# the leverage of one of the observations of a row.
full_leverage <- function(m, coded) {
  h <- tryCatch(leverage(m), fe_error = unless_memory(function(e) NULL))
  if (is.null(h)) return(rep(NA_real_, coded$n_levels))
  times <- if (is.null(row_counts(m))) rep(1, m$n_rows) else as.double(row_counts(m))
  .Call(C_score_sums, matrix(h), times, coded$code, coded$n_levels, m$threads)[, 1L]
}

# ---- methods -------------------------------------------------------------------------------------

#' Methods for cluster diagnostics
#'
#' @param x an object of class `fe_clusters`.
#' @param term the coefficient to show, a name or number; default the first slope.
#' @param most how many clusters `print` names.
#' @param row.names,optional not used.
#' @param ... must be empty.
#' @return `as.data.frame`: a row for each cluster with `cluster`, `size`, `leverage`,
#'   `leverage_full`, `partial`, `estimate` (without the cluster) and `change` (that less the
#'   estimate, in standard errors); see [fe_clusters()]. `tidy`: a row for each coefficient with
#'   `term`, `estimate`, `n_clusters`, a column `effective.<rho>` for each rho and
#'   `effective.worst`, the largest partial leverage `partial.max`, and the range without one
#'   cluster, `without.low` and `without.high`.
#'   `print` returns x.
#' @name fe_clusters-methods
NULL

#' @rdname fe_clusters-methods
#' @export
as.data.frame.fe_clusters <- function(x, row.names = NULL, optional = FALSE, term = NULL,
                                      ...) {
  check_dots(...)
  j <- match(one_term(x, term), names(x$coefficients))
  without <- unname(x$without[, j])
  data.frame(cluster = x$labels, size = x$size, leverage = x$leverage,
             leverage_full = x$leverage_full, partial = unname(x$partial[, j]), estimate = without,
             change = (without - x$coefficients[[j]]) / x$std.error[j])
}

one_term <- function(x, term) {
  known <- names(x$coefficients)
  if (is.null(term)) return(c(setdiff(known, "(Intercept)"), known)[1L])
  if (length(term) != 1L) stop_arg("term", "must name one coefficient")
  check_terms(term, known, "term")
}

#' @rdname fe_clusters-methods
#' @export
tidy.fe_clusters <- function(x, ...) {
  check_dots(...)
  ends <- apply(x$without, 2L, function(b) if (all(is.na(b))) c(NA, NA) else range(b, na.rm = TRUE))
  effective <- x$effective
  colnames(effective) <- paste0("effective.", colnames(effective))
  data.frame(term = names(x$coefficients), estimate = unname(x$coefficients), n_clusters = x$G,
             effective, partial.max = unname(apply(x$partial, 2L, max)),
             without.low = unname(ends[1L, ]), without.high = unname(ends[2L, ]),
             row.names = NULL)
}

#' @rdname fe_clusters-methods
#' @export
print.fe_clusters <- function(x, term = NULL, most = 6L, ...) {
  check_dots(...)
  most <- check_count(most, "most", 0)
  term <- one_term(x, term)
  clusters <- as.data.frame(x, term = term)
  cat(sprintf("Clusters of `%s`: %d\n\n", x$cluster, x$G))
  print(distribution_table(clusters, term), quote = FALSE, right = TRUE)
  cat("\nWorth as many equal clusters (G* of Carter, Schnepel and Steigerwald 2017):\n")
  shown <- formatC(x$effective, digits = 1L, format = "f")
  rho <- colnames(x$effective)
  dimnames(shown) <- list(names(x$coefficients),
                          ifelse(rho == "worst", "worst case", paste("rho =", rho)))
  print(shown, quote = FALSE, right = TRUE)
  if (anyNA(x$effective)) {
    cat("NA: the fixed effects absorb the level of every cluster, and rho = 1 leaves nothing;\n",
        "for every smaller rho the number is the same\n", sep = "")
  }
  cat(sprintf("\nClusters that move `%s` most (estimate %.5g, std. error %.4g):\n", term,
              x$coefficients[[term]], x$std.error[match(term, names(x$coefficients))]))
  print(outlying_table(clusters, most), quote = FALSE, right = TRUE)
  cat("Std. errors:", x$vcov, "\n")
  invisible(x)
}

distribution_table <- function(clusters, term) {
  rows <- list(observations = clusters$size, `leverage, net of effects` = clusters$leverage,
               `leverage, effects included` = clusters$leverage_full, clusters$partial,
               clusters$estimate)
  names(rows)[4:5] <- paste(c("partial leverage of", "without it:"), term)
  rows <- Filter(function(v) !all(is.na(v)), rows)
  out <- t(vapply(rows, function(v) {
    lost <- if (anyNA(v)) sprintf("  (%d not estimable)", sum(is.na(v))) else ""
    v <- v[!is.na(v)]
    c(formatC(c(min(v), stats::median(v), mean(v), max(v)), digits = 4L, format = "g"),
      paste0(formatC(stats::sd(v) / abs(mean(v)), digits = 2L, format = "f"), lost))
  }, character(5L)))
  dimnames(out) <- list(names(rows), c("Min", "Median", "Mean", "Max", "CV"))
  out
}

# Clusters that cannot be left out come first.
outlying_table <- function(clusters, most) {
  size <- ifelse(is.na(clusters$change), Inf, abs(clusters$change))
  shown <- clusters[utils::head(order(-size, -clusters$partial), most), ]
  out <- cbind(formatC(shown$size, digits = 6L, format = "g"),
               formatC(shown$partial, digits = 3L, format = "g"),
               ifelse(is.na(shown$estimate), "not estimable",
                      formatC(shown$estimate, digits = 5L, format = "g")),
               ifelse(is.na(shown$change), "",
                      sprintf("%+.2f", shown$change)))
  dimnames(out) <- list(shown$cluster, c("Observations", "Partial leverage", "Without it",
                                         "Change in std. errors"))
  out
}
