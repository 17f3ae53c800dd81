# Wild cluster bootstrap test of one coefficient.

#' Wild cluster bootstrap test
#'
#' Tests a coefficient with few or unbalanced clusters: the distribution of the clustered t
#' statistic is taken from samples in which the residuals of whole clusters are multiplied by random
#' weights \eqn{v_g}{v_g}. With `impose_null = TRUE` the residuals are those of the model that
#' satisfies the null hypothesis (WCR), otherwise the unrestricted ones (WCU); scores and variance
#' are the plain ones of the sample (variant 11 of MacKinnon, Nielsen and Webb 2023). Replicates are
#' computed from one vector a cluster, never from rows, for any number of fixed effects; effects
#' that cut across the clusters must be few.
#'
#' \deqn{t^* = \frac{\sum_g v_g q_g}{\sqrt{c\,\sum_g (v_g q_g - \alpha_g'\mu)^2}}}{
#'   t* = sum v_g q_g / sqrt(c sum (v_g q_g - alpha_g'mu)^2)}
#' with \eqn{q_g = a'U_g'u_g}{q_g = a'U_g'u_g}, \eqn{\alpha_g = U_g'U_ga}{alpha_g = U_g'U_g a},
#' \eqn{\mu = \sum_h v_h M U_h'u_h}{mu = sum v_h M U_h'u_h}, \eqn{M = (U'U)^-}{M = (U'U)^-}, a = Mc,
#' and the small-sample factor c of the model. The two-sided p-value is the share of replicates with
#' \eqn{|t^*| > |t|}{|t*| > |t|}. The confidence set holds the null values with a p-value of at
#' least `1 - conf_level`; when it is not connected, all its parts are given. If the Rademacher
#' weights have at most `B` distinct values, `2^G <= B`, all of them are used instead of a sample,
#' and that is said.
#'
#' @param object a model of class `fe_lm`.
#' @param param name of the coefficient.
#' @param B number of replicates, default 9999.
#' @param cluster the clusters: `NULL` (those of the model's variance), a one-sided formula with one
#'   variable, a column name, or a vector; see [vcov.fe_lm()].
#' @param weights distribution of the weights: `"rademacher"` (-1, 1), `"webb"` (six points),
#'   `"mammen"` (two points, third moment one) or `"norm"`.
#' @param impose_null `TRUE` (WCR, default) or `FALSE` (WCU).
#' @param r the value under the null hypothesis, default 0.
#' @param conf_int compute the confidence set?
#' @param conf_level its level, default 0.95.
#' @param ssc small-sample convention, default that of the model.
#' @param threads number of threads, see [fe_threads()]. The result does not depend on it.
#' @return a list of class `c("fe_boottest", "htest")`: `statistic` (t), `p.value`, `conf.int`
#'   (range of the confidence set), `conf.set` (matrix, a row for each connected part), `estimate`,
#'   `null.value`, `B` (replicates used), `enumerated`, `G`, `cluster`, `weights`, `t_boot`
#'   (replicates of t under the null).
#' @references Cameron, Gelbach and Miller (2008) \doi{10.1162/rest.90.3.414}; Roodman, MacKinnon,
#'   Nielsen and Webb (2019) \doi{10.1177/1536867X19830877}; MacKinnon, Nielsen and Webb (2023)
#'   \doi{10.1002/jae.2969}.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
#' set.seed(1)
#' fe_boottest(m, "ln_imdig", B = 999)
#' @export
fe_boottest <- function(object, param, B = 9999, cluster = NULL,
                        weights = c("rademacher", "webb", "mammen", "norm"), impose_null = TRUE,
                        r = 0, conf_int = TRUE, conf_level = 0.95, ssc = NULL, threads = NULL) {
  if (!inherits(object, "fe_lm")) {
    stop_arg("object", paste("must be a model of class fe_lm, not", describe_value(object)))
  }
  need_full(object, "a bootstrap test")
  if (missing(param)) stop_arg("param", "is missing", "Name a coefficient")
  if (length(param) != 1L) stop_arg("param", "must name one coefficient")
  param <- check_terms(param, setdiff_constant(object), "param")
  kind <- check_choice(weights[1L], c("rademacher", "webb", "mammen", "norm"), "weights")
  B <- check_count(B, "B", 2, 1e8)
  check_number(r, "r")
  check_level(conf_level, "conf_level")
  coded <- boottest_cluster(object, cluster)
  ssc <- if (is.null(ssc)) object$ssc else check_ssc(ssc)
  parts <- wild_parts(object, param, coded, ssc, check_flag(impose_null, "impose_null"))
  enumerated <- kind == "rademacher" && coded$n_levels < 60 && 2^coded$n_levels <= B
  draws <- list(kind = kind, enumerate = enumerated, seed = draw_seed(), first = 1,
                n = if (enumerated) 2^coded$n_levels else B)
  out <- .Call(C_wild, parts$wild, draws, check_threads(threads))
  new_boottest(out, parts, param, kind, enumerated, coded, r, check_flag(conf_int, "conf_int"),
               conf_level)
}

boottest_cluster <- function(m, cluster) {
  if (is.null(cluster) && !length(m$vcov_info$G)) {
    stop_arg("cluster", "is missing, and the model's variance is not clustered",
             "Give the clusters, for instance cluster = ~country")
  }
  boot_cluster(m, cluster)
}

# The vectors a cluster that the core needs, and the unrestricted estimate with its variance.
wild_parts <- function(m, param, cluster, ssc, impose_null) {
  design <- boot_design(list(m), cluster)
  if (design$path != "blocks") {
    stop_arg("cluster", "cuts across fixed effects with many levels, which this test does not take",
             "Cluster by a variable that the large fixed effects are nested in")
  }
  at <- design$n_z + design$system$rhs[[1L]]
  U <- design$x[, c(seq_len(design$n_z), at), drop = FALSE]
  y <- design$x[, design$n_z + design$system$lhs]
  factor <- .Call(C_qr, cbind(U, y), m$weights, NULL, m$threads)
  fit <- .Call(C_lsq, factor, seq_len(ncol(U)), ncol(U) + 1L, numeric(ncol(U)),
               m$control$collin_tol)
  M <- tcrossprod(fit$root)
  j <- design$n_z + match(param, setdiff_constant(m))
  a <- M[, j]
  w <- if (is.null(m$weights)) rep(1, m$n_rows) else m$weights
  sums <- function(u) {
    .Call(C_score_sums, U, as.double(w * u), cluster$code, cluster$n_levels, m$threads)
  }
  direction <- as.vector(U %*% a)
  h0 <- sums(as.vector(y - U %*% fit$coef))
  alpha <- sums(direction)
  h1 <- if (impose_null) alpha else 0 * alpha
  G <- cluster$n_levels
  factor <- parameter_factor(m, ssc, list(cluster)) * cluster_factor(m, ssc, G, list(cluster))
  list(estimate = fit$coef[j], M_jj = M[j, j], factor = factor, G = G,
       se = sqrt(factor * sum((h0 %*% a)^2)), impose_null = impose_null,
       wild = list(q0 = as.vector(h0 %*% a), q1 = as.vector(h1 %*% a), m0 = M %*% t(h0),
                   m1 = M %*% t(h1), alpha = t(alpha)))
}

# t* of all replicates under the null value r: numerator and variance are polynomials in d.
wild_t <- function(out, parts, r) {
  d <- (parts$estimate - r) / parts$M_jj
  if (!parts$impose_null) d <- 0
  square <- out[3L, ] + 2 * d * out[4L, ] + d^2 * out[5L, ]
  (out[1L, ] + d * out[2L, ]) / sqrt(parts$factor * square)
}

# Ties up to rounding do not count as larger.
wild_p <- function(out, parts, r) {
  t <- (parts$estimate - r) / parts$se
  boot <- wild_t(out, parts, r)
  mean(abs(boot) > abs(t) * (1 + 1e-10), na.rm = TRUE)
}

new_boottest <- function(out, parts, param, kind, enumerated, cluster, r, conf_int, level) {
  set <- if (conf_int) wild_set(out, parts, 1 - level)
  structure(list(
    statistic = c(t = (parts$estimate - r) / parts$se), p.value = wild_p(out, parts, r),
    conf.int = if (conf_int) structure(range(set), conf.level = level), conf.set = set,
    estimate = stats::setNames(parts$estimate, param), null.value = stats::setNames(r, param),
    std.error = parts$se, alternative = "two.sided", B = ncol(out), enumerated = enumerated,
    G = parts$G, cluster = cluster$name, weights = kind, impose_null = parts$impose_null,
    t_boot = wild_t(out, parts, r),
    method = sprintf("Wild cluster bootstrap-t (%s-11, %s weights)",
                     if (parts$impose_null) "WCR" else "WCU", kind),
    data.name = sprintf("%d clusters of `%s`, B = %d%s", parts$G, cluster$name, ncol(out),
                        if (enumerated) ", all sign vectors enumerated" else "")),
    class = c("fe_boottest", "htest"))
}

# ---- the confidence set --------------------------------------------------------------------------

# All null values with p >= alpha -> matrix(low, high), a row for each connected part. The p-value
# is looked at on a grid that widens until both ends are rejected, then the changes are located by
# bisection.
wild_set <- function(out, parts, alpha) {
  accepted <- function(r) wild_p(out, parts, r) >= alpha
  reach <- 8
  repeat {
    grid <- parts$estimate + parts$se * seq(-reach, reach, length.out = 161)
    inside <- vapply(grid, accepted, NA)
    if ((!inside[1L] && !inside[161L]) || reach > 500) break
    reach <- reach * 2
  }
  if (!any(inside)) return(cbind(low = parts$estimate, high = parts$estimate))
  changes <- which(diff(inside) != 0)
  edges <- vapply(changes, function(k) locate_edge(accepted, grid[k], grid[k + 1L]), 0)
  if (inside[1L]) edges <- c(-Inf, edges)
  if (inside[161L]) edges <- c(edges, Inf)
  matrix(edges, ncol = 2L, byrow = TRUE, dimnames = list(NULL, c("low", "high")))
}

locate_edge <- function(accepted, from, to) {
  at_from <- accepted(from)
  while (abs(to - from) > 1e-10 * max(abs(from), abs(to))) {
    mid <- (from + to) / 2
    if (mid == from || mid == to) break
    if (accepted(mid) == at_from) from <- mid else to <- mid
  }
  (from + to) / 2
}

# ---- methods -------------------------------------------------------------------------------------

#' @rdname fe_boottest
#' @param x a result of class `fe_boottest`.
#' @param conf.int should `tidy` give the range of the confidence set?
#' @param conf.level for `tidy`: the level of the set; another one is an error.
#' @param ... unused.
#' @export
print.fe_boottest <- function(x, ...) {
  cat(x$method, "\n", x$data.name, "\n\n", sep = "")
  cat(sprintf("%s = %.6g (null value %g), t = %.5g, p = %.5g\n", names(x$estimate), x$estimate,
              x$null.value, x$statistic, x$p.value))
  if (!is.null(x$conf.set)) {
    sets <- sprintf("[%.6g, %.6g]", x$conf.set[, 1L], x$conf.set[, 2L])
    cat(sprintf("%g%% confidence set: %s\n", 100 * attr(x$conf.int, "conf.level"),
                paste(sets, collapse = " and ")))
  }
  invisible(x)
}

#' @rdname fe_boottest
#' @export
tidy.fe_boottest <- function(x, conf.int = TRUE, conf.level = attr(x$conf.int, "conf.level"), ...) {
  check_dots(...)
  if (!is.null(x$conf.int) && conf.level != attr(x$conf.int, "conf.level")) {
    stop_arg("conf.level", "differs from the level of the confidence set",
             "Ask for it in fe_boottest(conf_level = )")
  }
  ci <- if (is.null(x$conf.int)) c(NA_real_, NA_real_) else as.vector(x$conf.int)
  out <- data.frame(term = names(x$estimate), estimate = unname(x$estimate),
                    std.error = x$std.error, statistic = unname(x$statistic), p.value = x$p.value)
  if (check_flag(conf.int, "conf.int")) {
    out$conf.low <- ci[1L]
    out$conf.high <- ci[2L]
  }
  out
}

#' @rdname fe_boottest
#' @export
glance.fe_boottest <- function(x, ...) {
  data.frame(B = x$B, enumerated = x$enumerated, G = x$G, weights = x$weights,
             impose_null = x$impose_null)
}

#' @rdname fe_boottest
#' @export
plot.fe_boottest <- function(x, ...) {
  need_ggplot()
  draws <- data.frame(t = x$t_boot[is.finite(x$t_boot)])
  ggplot2::ggplot(draws, name_aes(x = "t")) +
    ggplot2::geom_histogram(bins = 60, fill = "grey80", colour = "grey55", linewidth = 0.2) +
    ggplot2::geom_vline(xintercept = c(-1, 1) * abs(x$statistic), linetype = "dashed") +
    ggplot2::labs(x = sprintf("bootstrap t of %s under the null value %g", names(x$estimate),
                              x$null.value),
                  y = "replicates", caption = sprintf("%s; p = %.4g", x$data.name, x$p.value)) +
    theme_fepanel()
}
