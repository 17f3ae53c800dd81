# Wild cluster bootstrap tests.

wild_weights <- c("rademacher", "webb", "mammen", "norm", "gamma")
wild_types <- c("11", "13", "31", "33")
wild_tails <- c("two-tailed", "equal-tailed", ">", "<")

#' Wild cluster bootstrap test
#'
#' Tests one or several linear hypotheses with few or unbalanced clusters: the distribution of the
#' clustered t (or Wald) statistic is taken from samples in which the residuals of whole clusters
#' are multiplied by random weights \eqn{v_g}{v_g}. Replicates are computed from vectors a cluster,
#' never from rows, for any number of fixed effects.
#'
#' @section Statistic:
#' With orthonormal regressors U (the hypothesis on the last one, a its unit vector), the score
#' \eqn{s_g = U_g'u_g}{s_g = U_g'u_g} of cluster g, and its cross-products
#' \eqn{A_g = U_g'U_g}{A_g = U_g'U_g}, a replicate has
#' \deqn{t^* = \frac{\sum_g v_g a's_g}{\sqrt{c\,\sum_g k_g^2}},\qquad
#'   k_g = v_g a_g's_g - (A_g a_g)'\sum_h v_h s_h}{
#'   t* = sum v_g a's_g / sqrt(c sum k_g^2), k_g = v_g a_g's_g - (A_g a_g)' sum_h v_h s_h}
#' The two digits of `bootstrap_type` are those of MacKinnon, Nielsen and Webb (2023).
#' \itemize{
#' \item First digit, the residuals u that the weights multiply: `1`, those of the fit; `3`, those
#'   of fits that leave out the own cluster,
#'   \eqn{U_g'(I - H_{gg})^{-1}u_g}{U_g'(I - H_gg)^-1 u_g}, H the projection on the regressors of
#'   that fit.
#' \item Second digit, the variance in t and in t*: `1`, CV1, \eqn{a_g = a}{a_g = a} and c the
#'   small-sample factor of the model; `3`, CV3, the cluster jackknife,
#'   \eqn{a_g = (I - A_g)^{-1}a}{a_g = (I - A_g)^-1 a} and c = (G-1)/G.
#' }
#' With `impose_null = TRUE` (WCR) the fit satisfies the null hypothesis, otherwise (WCU) it does
#' not and t* is centred at the estimate. Several cluster variables: t and t* use the multi-way
#' variance of [vcov.fe_lm()], negative eigenvalues left as they are; replicates whose variance is
#' not positive are left out and counted.
#'
#' @section P-values and confidence sets:
#' `"two-tailed"`: the share of replicates with \eqn{|t^*| > |t|}{|t*| > |t|}; `">"`: with t* > t,
#' small when the estimate is large (alternative: larger than `r`); `"<"`: with t* < t;
#' `"equal-tailed"`: twice the smaller one of the last two. Ties, up to rounding, do not count as
#' larger. The confidence set holds the null values with a p-value of at least `1 - conf_level`; for
#' a one-sided p-value it is a half-line. All null values are judged by the same draws. When the set
#' is not connected, all its parts are given (parts narrower than a tenth of a standard error can be
#' missed); a side that is accepted up to a million standard errors counts as unbounded.
#'
#' If the Rademacher weights have at most `B` distinct values, `2^H <= B` with H bootstrap clusters,
#' all of them are used instead of a sample, and that is said.
#'
#' @section Number of replicates:
#' By default `B` is 99,999 where that takes well under a second, else 9,999. The rule depends on
#' the sizes alone: with H bootstrap clusters and L vectors of them that a replicate needs (about
#' 4p, p the regressors and small fixed effects, or 2G if that is less; 3 times as many for each
#' further hypothesis), 99,999 if H L is at most 20,000 (100,000 for Rademacher and Mammen weights).
#'
#' @section Fixed effects:
#' Effects nested in the clusters that weights are drawn by are absorbed once, small ones that cut
#' across them become dummies. Where large effects cut across them, the residuals of each cluster
#' are absorbed anew: exact and slower, for `bootstrap_type = "11"`. The other types leave clusters
#' out, with p dummies and regressors in memory: np up to 6e7 numbers, and np^2 + Gp^3 up to 2e11
#' operations (1,000 dummies that cut across 50 clusters, 60,000 rows in all, for instance); beyond,
#' an error says so.
#'
#' @param object a model of class `fe_lm`.
#' @param param names of coefficients. Without `R`, one is tested, or several jointly, against `r`.
#'   (In fwildclusterboot several names without `R` mean their sum.)
#' @param B number of replicates, or `NULL` for the rule of the section on their number.
#' @param cluster the clusters of the variance: `NULL` (those of the model's variance), a one-sided
#'   formula with one or several variables, column names, or a vector; see [vcov.fe_lm()].
#' @param bootcluster what weights are drawn by: `"max"` (default; the cluster variable with most
#'   clusters) or `"min"`, or a formula, a column name or a vector: with a variable finer than the
#'   clusters, the sub-cluster bootstrap of MacKinnon and Webb (2018). A formula with several
#'   variables means their intersections.
#' @param weights distribution of the weights: `"rademacher"` (-1, 1), `"webb"` (six points),
#'   `"mammen"` (two points, third moment one), `"norm"`, or `"gamma"` (shape 4, scale 1/2, less its
#'   mean; third moment one).
#' @param bootstrap_type `"11"` (default), `"13"`, `"31"` or `"33"`; those with a 3 need one cluster
#'   variable.
#' @param impose_null `TRUE` (WCR, default) or `FALSE` (WCU).
#' @param R `NULL`, a vector with a number for each of `param` (one linear combination), or a matrix
#'   with a row for each hypothesis and a column for each of `param`, or of all coefficients if
#'   `param` is not given.
#' @param r the value under the null hypothesis, default 0; one for each hypothesis or for all.
#' @param p_val_type `"two-tailed"` (default), `"equal-tailed"`, `">"` or `"<"`; joint tests have
#'   the first only.
#' @param conf_int compute the confidence set? Joint tests have none.
#' @param conf_level its level, default 0.95.
#' @param ssc small-sample convention, default that of the model.
#' @param threads number of threads, see [fe_threads()]. The result does not depend on it: the
#'   weights are a function of the seed, the replicate and the cluster.
#' @param progress show a progress bar? Default: in interactive sessions, where fixed effects are
#'   absorbed anew.
#' @return a list of class `c("fe_boottest", "htest")`: `statistic` (t; for joint tests F, Wald's
#'   statistic divided by the number of hypotheses), `p.value`, `conf.int` (range of the confidence
#'   set), `conf.set` (matrix, a row for each connected part), `estimate`, `null.value`,
#'   `std.error`, `factor` and `ssc` (small-sample factor of the variance, the convention's name),
#'   `B` (replicates drawn), `failed` (those left out), `enumerated`, `G` (clusters of
#'   each variable), `cluster`, `bootcluster`, `n_bootclusters`, `weights`, `bootstrap_type`,
#'   `impose_null`, `p_val_type`, `t_boot` (replicates of the statistic under the null).
#' @references Cameron, Gelbach and Miller (2008) \doi{10.1162/rest.90.3.414}; Roodman, MacKinnon,
#'   Nielsen and Webb (2019) \doi{10.1177/1536867X19830877}; MacKinnon, Nielsen and Webb (2023)
#'   \doi{10.1002/jae.2969}; MacKinnon and Webb (2018) \doi{10.1111/ectj.12107}; Webb (2023)
#'   \doi{10.1111/caje.12661}; Mammen (1993) \doi{10.1214/aos/1176349025}; Cameron, Gelbach and
#'   Miller (2011) \doi{10.1198/jbes.2010.07136}.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
#' set.seed(1)
#' fe_boottest(m, "ln_imdig", B = 999)
#' fe_boottest(m, "ln_imdig", B = 999, bootstrap_type = "33", weights = "webb")
#' fe_boottest(m, c("ln_imdig", "pgdp"), B = 999)
#' fe_boottest(m, c("ln_imdig", "pgdp"), R = c(1, -1), B = 999)
#' @order 1
#' @export
fe_boottest <- function(object, param, B = NULL, cluster = NULL, bootcluster = "max",
                        weights = c("rademacher", "webb", "mammen", "norm", "gamma"),
                        bootstrap_type = "11", impose_null = TRUE, R = NULL, r = 0,
                        p_val_type = "two-tailed", conf_int = TRUE, conf_level = 0.95, ssc = NULL,
                        threads = NULL, progress = interactive()) {
  check_one_model(object, "object")
  need_full(object, "a bootstrap test")
  need_ols(object, "fe_boottest()")
  if (missing(param) && is.null(R)) stop_arg("param", "is missing", "Name a coefficient")
  hypothesis <- boottest_hypothesis(object, if (!missing(param)) param, R, r)
  if (!is.null(B)) check_count(B, "B", 2, 1e8)
  asked <- list(kind = check_first(weights, wild_weights, "weights"),
                tail = check_choice(p_val_type, wild_tails, "p_val_type"),
                conf_int = check_flag(conf_int, "conf_int"),
                level = check_level(conf_level, "conf_level"))
  q <- nrow(hypothesis$R)
  if (q > 1L && asked$tail != "two-tailed") {
    stop_arg("p_val_type", sprintf("is %s, and a joint test has no direction",
                                   dQuote(asked$tail, FALSE)), "Use \"two-tailed\"")
  }
  plan <- boottest_plan(object, cluster, bootcluster, bootstrap_type, impose_null, ssc, threads)
  plan$poly <- asked$conf_int
  plan$progress <- check_flag(progress, "progress")
  parts <- scaled_parts(object, hypothesis, plan)
  check_variance(parts, object, hypothesis)
  draws <- boottest_draws(asked$kind, plan$boot$n_levels, B, parts$wild)
  rep <- settle(.Call(C_wild, parts$wild, draws, plan$threads))
  new_boottest(rep, parts, hypothesis, plan, draws, asked)
}

# Replicates whose variance does not depend on the null value but for rounding errors, which a null
# value far away would multiply: that of equal weights, whose outcome is that of the sample.
settle <- function(rep) {
  if (ncol(rep) < 5L) return(rep)
  size <- abs(rep[, 5L])
  still <- which(size <= 1e-24 * max(size))
  if (length(still)) rep[still, 4:5] <- 0
  rep
}

# The parts in units of the outcome in which residuals are of the order of one, a power of two,
# since a replicate holds products of four of them; the estimates are in its own units again.
scaled_parts <- function(m, hypothesis, plan) {
  largest <- max(abs(m$residuals))
  unit <- if (largest > 0) 2^floor(log2(largest)) else 1
  m$residuals <- m$residuals / unit
  m$coefficients <- m$coefficients / unit
  hypothesis$null <- hypothesis$null / unit
  parts <- boottest_parts(m, hypothesis, plan)
  parts$estimate <- parts$estimate * unit
  parts$block <- parts$block * unit
  parts
}

# What is done how: clusters, weights' clusters, type -> list
boottest_plan <- function(m, cluster, bootcluster, type, impose_null, ssc, threads) {
  clusters <- boottest_clusters(m, cluster)
  if (is.numeric(type)) type <- format(type)
  type <- check_choice(type, wild_types, "bootstrap_type")
  if (type != "11" && length(clusters) > 1L) {
    stop_arg("bootstrap_type", sprintf("is %s, which is defined for one cluster variable, not %d",
                                       dQuote(type, FALSE), length(clusters)), "Use \"11\"")
  }
  list(clusters = clusters, boot = boottest_bootcluster(m, bootcluster, clusters), type = type,
       impose_null = check_flag(impose_null, "impose_null"),
       ssc = if (is.null(ssc)) m$ssc else check_ssc(ssc), threads = check_threads(threads))
}

boottest_clusters <- function(m, cluster) {
  if (is.null(cluster) && !length(m$vcov_info$G)) {
    stop_arg("cluster", "is missing, and the model's variance is not clustered",
             "Give the clusters, for instance cluster = ~country")
  }
  clusters <- if (is.null(cluster)) {
    model_clusters(m)
  } else cluster_factors(cluster, m, 1L)
  single <- names(clusters)[vapply(clusters, `[[`, 0L, "n_levels") < 2L]
  if (length(single)) {
    stop_arg("cluster", sprintf("`%s` has a single value in the sample", single[1L]))
  }
  clusters
}

# -> list(code, n_levels, name)
boottest_bootcluster <- function(m, bootcluster, clusters) {
  G <- vapply(clusters, `[[`, 0L, "n_levels")
  if (identical(bootcluster, "max") || identical(bootcluster, "min")) {
    at <- if (bootcluster == "max") which.max(G) else which.min(G)
    return(c(clusters[[at]][c("code", "n_levels")], name = names(clusters)[at]))
  }
  if (is.null(bootcluster)) stop_arg("bootcluster", "is NULL", "Use \"max\", \"min\" or a formula")
  coded <- cluster_factors(bootcluster, m, 1L, "bootcluster")
  all <- Reduce(function(a, b) cross_codes(a, b, m$threads), coded)
  if (all$n_levels < 2L) stop_arg("bootcluster", "has a single value in the sample")
  c(all[c("code", "n_levels")], name = paste(names(coded), collapse = "^"))
}

check_variance <- function(parts, m, hypothesis) {
  V <- parts$V
  if (inherits(try(chol(V), silent = TRUE), "try-error")) {
    stop_arg("cluster", "gives a variance that is not positive",
             "Use other clusters: there are too few, or their multi-way variance is negative")
  }
  R <- hypothesis$R
  bread <- m$bread[colnames(R), colnames(R), drop = FALSE]
  ours <- diag(parts$block %*% V %*% t(parts$block))
  if (any(ours < 1e-18 * m$rss / m$nobs * diag(R %*% bread %*% t(R)))) {
    stop_arg("cluster", "gives a variance of zero: the scores of every cluster sum to zero",
             "Use other clusters, of which there are more")
  }
}

# The draws: kind, how many, whether all of them.
boottest_draws <- function(kind, H, B, wild) {
  if (is.null(B)) {
    work <- as.double(H) * nrow(wild$func)
    B <- if (work <= (if (kind %in% c("rademacher", "mammen")) 1e5 else 2e4)) 99999 else 9999
  }
  enumerate <- kind == "rademacher" && H < 60 && 2^H <= B
  list(kind = kind, enumerate = enumerate, seed = draw_seed(), first = 1,
       n = if (enumerate) 2^H else B)
}

# ---- hypotheses ----------------------------------------------------------------------------------

# -> list(R (a row for each hypothesis, a column for each slope), null, plain (coefficients
# themselves?), at (columns that stand for them), label)
boottest_hypothesis <- function(m, param, R, r) {
  known <- setdiff_constant(m)
  if (is.null(param)) param <- if (is.null(colnames(R))) known else colnames(R)
  param <- check_terms(param, known, "param")
  if (anyDuplicated(param)) {
    stop_arg("param", paste("names", quote_list(param[duplicated(param)]), "more than once"))
  }
  if (is.null(R)) R <- diag(length(param))
  if (is.numeric(R) && !is.matrix(R)) R <- matrix(R, 1L)
  if (!is.numeric(R) || ncol(R) != length(param) || !nrow(R) || !all(is.finite(R))) {
    stop_arg("R", sprintf(paste("must hold finite numbers, %d for each hypothesis (one a",
                                "coefficient), not %s"), length(param), describe_value(R)))
  }
  full <- matrix(0, nrow(R), length(known), dimnames = list(NULL, known))
  full[, param] <- R
  se <- sqrt(diag(m$bread))[match(known, colnames(m$bread))]
  pivot <- qr(sweep(full, 2L, se, `*`), LAPACK = TRUE)
  size <- abs(diag(pivot$qr[, seq_len(min(dim(full))), drop = FALSE]))
  if (nrow(full) > ncol(full) || any(size < 1e-10 * max(size)) || max(size) == 0) {
    stop_arg("R", "has rows that are zero, or combinations of the others", "Leave them out")
  }
  if (!is.numeric(r) || !length(r) %in% c(1L, nrow(R)) || !all(is.finite(r))) {
    stop_arg("r", sprintf("must hold one finite number, or one for each of %d hypotheses, not %s",
                          nrow(R), describe_value(r)))
  }
  unit <- rowSums(full != 0) == 1 & rowSums(full) == 1 # qr() above: no two are the same
  list(R = full, null = rep(as.double(r), length.out = nrow(R)), plain = all(unit),
       at = if (all(unit)) max.col(full, "first") else pivot$pivot[seq_len(nrow(full))],
       label = apply(full, 1L, describe_row))
}

# Regressors of which those at `at` have the hypotheses as coefficients: with J = at,
# b_J = R_J^-1 (theta - R_rest b_rest).
combine_columns <- function(x, hypothesis) {
  at <- hypothesis$at
  block <- hypothesis$R[, at, drop = FALSE]
  pivots <- x[, at, drop = FALSE] %*% solve(block)
  x[, -at] <- x[, -at, drop = FALSE] - pivots %*% hypothesis$R[, -at, drop = FALSE]
  x[, at] <- pivots
  x
}

# ---- result --------------------------------------------------------------------------------------

new_boottest <- function(rep, parts, hypothesis, plan, draws, asked) {
  q <- parts$q
  out <- if (q == 1L) single_test(rep, parts, hypothesis, plan, asked) else
    joint_test(rep, parts, plan)
  by <- names(plan$clusters)
  names <- if (q == 1L) hypothesis$label else make.unique(hypothesis$label)
  structure(c(out, list(
    estimate = stats::setNames(parts$estimate, names),
    null.value = stats::setNames(hypothesis$null, names),
    alternative = c("two-tailed" = "two.sided", "equal-tailed" = "two.sided", ">" = "greater",
                    "<" = "less")[[asked$tail]],
    B = nrow(rep), failed = sum(is.na(out$t_boot)), enumerated = draws$enumerate,
    factor = parts$factor, ssc = plan$ssc$preset, G = parts$G, cluster = by,
    bootcluster = plan$boot$name, n_bootclusters = plan$boot$n_levels,
    weights = draws$kind, bootstrap_type = plan$type, impose_null = plan$impose_null,
    p_val_type = asked$tail,
    method = sprintf("Wild cluster bootstrap-%s (%s-%s, %s weights)", if (q == 1L) "t" else "Wald",
                     if (plan$impose_null) "WCR" else "WCU", plan$type, draws$kind),
    data.name = describe_draws(parts, plan, draws, nrow(rep)))),
    class = c("fe_boottest", "htest"))
}

describe_draws <- function(parts, plan, draws, B) {
  by <- paste(sprintf("%d clusters of `%s`", parts$G, names(plan$clusters)), collapse = " and ")
  other <- length(plan$clusters) > 1L || plan$boot$name != names(plan$clusters)[1L]
  sprintf("%s%s, B = %d%s", by,
          if (other) sprintf(", weights by `%s` (%d)", plan$boot$name, plan$boot$n_levels) else "",
          as.integer(B), if (draws$enumerate) ", all sign vectors enumerated" else "")
}

# t*, t, p and the confidence set of one hypothesis.
single_test <- function(rep, parts, hypothesis, plan, asked) {
  scale <- as.vector(parts$block)
  se <- scale * sqrt(parts$factor * as.vector(parts$V))
  curve <- list(rep = rep, V = as.vector(parts$V), estimate = parts$estimate, scale = scale,
                null = hypothesis$null, se = se, tail = asked$tail, threads = plan$threads)
  set <- if (asked$conf_int) confidence_set(curve, 1 - asked$level)
  variance <- rep[, if (ncol(rep) == 2L) 2L else 3L]
  variance[variance <= 0] <- NA
  list(statistic = c(t = (parts$estimate - hypothesis$null) / se),
       p.value = curve_p(curve, hypothesis$null),
       conf.int = if (asked$conf_int) structure(range(set), conf.level = asked$level),
       conf.set = set, std.error = se, t_boot = rep[, 1L] / sqrt(parts$factor * variance),
       curve = if (asked$conf_int) curve)
}

joint_test <- function(rep, parts, plan) {
  q <- parts$q
  wald <- function(x) sum(backsolve(chol(parts$V), x, transpose = TRUE)^2)
  f <- wald(parts$delta) / (parts$factor * q)
  f_boot <- .Call(C_wild_wald, rep, q, plan$threads) / (parts$factor * q)
  f_boot[is.nan(f_boot)] <- NA
  list(statistic = c(F = f), parameter = c(df = q),
       p.value = mean(f_boot > f * (1 + 2e-10), na.rm = TRUE),
       conf.int = NULL, conf.set = NULL,
       std.error = sqrt(parts$factor * diag(parts$block %*% parts$V %*% t(parts$block))),
       t_boot = f_boot)
}
