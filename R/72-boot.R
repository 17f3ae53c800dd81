# Bootstrap stage: replicates of the coefficients over reweighted clusters.

#' Bootstrap of the coefficients
#'
#' Pairs and pairs-cluster bootstrap of one model, or of several estimated on the same rows. A drawn
#' cluster enters as often as it was drawn; since a fixed effect that lies within clusters sees only
#' a common weight, a replicate is a multinomial reweighting of the clusters' cross-products, and no
#' row is ever copied: \eqn{A(m) = \sum_g m_g A_g}{A(m) = sum_g m_g A_g}. Effects that cut across
#' clusters are kept as explicit dummies in these blocks when they have few levels, and absorbed
#' anew in every replicate otherwise.
#'
#' The numbers depend on [set.seed()] and on nothing else: replicate r is a function of one seed
#' drawn from R's generator and of r (Philox, Salmon et al. 2011), on any number of threads.
#'
#' @section Intervals:
#' With \eqn{\hat\theta}{theta} the estimate, \eqn{q_\alpha}{q(a)} the quantile of the replicates
#' (type 6, as in package boot up to interpolation): `"percentile"`
#' \eqn{[q_{\alpha/2}, q_{1-\alpha/2}]}{[q(a/2), q(1-a/2)]}; `"basic"`
#' \eqn{[2\hat\theta - q_{1-\alpha/2}, 2\hat\theta - q_{\alpha/2}]}{[2 theta - q(1-a/2), 2 theta - q(a/2)]}; `"bc"` and `"bca"`, bias-corrected with \eqn{z_0 = \Phi^{-1}(\#\{\theta^* < \hat\theta\}/R)}{z0 = qnorm(share of replicates below theta)}
#' and, for `"bca"`, the acceleration from leaving out one cluster at a time,
#' \eqn{a = \sum d_g^3 / (6 (\sum d_g^2)^{3/2})}{a = sum d_g^3 / (6 (sum d_g^2)^1.5)} (Efron 1987).
#'
#' @param m a model of class `fe_lm`, an `fe_lm_list` whose models use the same rows, fixed effects
#'   and weights, or an `fe_mediate` object (then the statistics are its indirect effects).
#' @param R number of replicates, default 1999.
#' @param type `"pairs"`: whole clusters (or rows) are drawn with replacement.
#' @param cluster what is drawn: `NULL` for the clusters of the model's variance or, if it has none,
#'   rows; a one-sided formula, a column name, or a vector as in [vcov.fe_lm()]. Models with
#'   frequency weights need clusters: a row of theirs is more than one draw.
#' @param statistic `NULL` for the coefficients, or a function of their named vector that returns a
#'   numeric vector of fixed length.
#' @param weights `NULL`, or a G x R matrix of cluster weights to use in place of random ones.
#' @param threads number of threads, see [fe_threads()].
#' @param progress show a progress bar? Default: in interactive sessions, for runs of several
#'   seconds.
#' @param ... must be empty.
#' @return an object of class `fe_boot`: `t0` (estimates), `t` (R x statistics matrix of
#'   replicates), `jack` (G x statistics, leaving one cluster out), `R`, `failed` (replicates
#'   without a solution, whose rows are `NA`), `cluster` (name), `G`, `path` ("blocks" or "rows"),
#'   `seed`. Methods: print, [generics::tidy()], `confint`, `vcov`, `coef`, `plot`.
#' @references Efron (1987) \doi{10.1080/01621459.1987.10478410}; Cameron, Gelbach and Miller (2008)
#'   \doi{10.1162/rest.90.3.414}; Salmon, Moraes, Dror and Shaw (2011)
#'   \doi{10.1145/2063384.2063405}.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
#' set.seed(1)
#' b <- fe_boot(m, R = 999)
#' confint(b, type = "bca")
#' @export
fe_boot <- function(m, R = 1999, type = "pairs", cluster = NULL, statistic = NULL, weights = NULL,
                    threads = NULL, progress = interactive(), ...) {
  check_dots(...)
  check_choice(type, "pairs", "type")
  if (inherits(m, "fe_moderate")) m <- m$model
  if (inherits(m, "fe_mediate")) return(boot_mediate(m, R, cluster, weights, threads, progress))
  models <- if (inherits(m, "fe_lm")) list(m) else as.list(m)
  if (!length(models) || !all(vapply(models, inherits, NA, "fe_lm"))) {
    stop_arg("m", paste("must be a model of class fe_lm or a list of them, not", describe_value(m)))
  }
  labels <- boot_names(models)
  if (is.null(statistic)) statistic <- identity
  boot_models(models, labels, statistic, R, cluster, weights, threads, progress)
}

boot_names <- function(models) {
  names <- lapply(models, function(m) setdiff_constant(m))
  if (length(models) == 1L) return(names[[1L]])
  unlist(Map(function(n, at) paste0(n, " (", at, ")"), names, seq_along(models)), use.names = FALSE)
}

# Coefficients that a replicate gives: all but a constant beside fixed effects.
setdiff_constant <- function(m) {
  names <- names(m$coefficients)
  if (has_constant(m$factors)) setdiff(names, "(Intercept)") else names
}

# The engine behind fe_boot() and fe_mediate().
boot_models <- function(models, labels, statistic, R, cluster, weights, threads, progress) {
  R <- check_count(R, "R", 2, 1e7)
  check_flag(progress, "progress")
  check_same_rows(models)
  coded <- boot_cluster(models[[1L]], cluster)
  design <- boot_design(models, coded)
  threads <- check_threads(threads)
  seed <- draw_seed()
  draws <- if (is.null(weights)) list(kind = "multinomial", seed = seed) else
    given_weights(weights, coded$n_levels, R)
  if (!is.null(weights)) R <- ncol(weights)
  coefs <- run_replicates(design, draws, R, threads, progress)
  jack <- run_replicates(design, list(kind = "leave-out"), coded$n_levels, threads, FALSE)
  b <- unlist(lapply(models, function(m) m$coefficients[setdiff_constant(m)]), use.names = FALSE)
  t0 <- apply_statistic(matrix(b, 1L), labels, statistic)[1L, , drop = TRUE]
  structure(list(t0 = t0, t = apply_statistic(coefs, labels, statistic, length(t0)),
                 jack = apply_statistic(jack, labels, statistic, length(t0)), R = R,
                 failed = sum(is.na(rowSums(coefs))), cluster = coded$name, G = coded$n_levels,
                 nobs = models[[1L]]$nobs, path = design$path, seed = seed),
            class = "fe_boot")
}

check_same_rows <- function(models) {
  for (m in models) {
    need_full(m, "a bootstrap")
    same <- identical(m$rows, models[[1L]]$rows) && identical(m$weights, models[[1L]]$weights) &&
      identical(names(m$factors), names(models[[1L]]$factors)) && m$nobs == models[[1L]]$nobs
    if (!same) {
      stop_arg("m", "holds models with different rows, weights or fixed effects",
               "Estimate them in one call with common_sample = TRUE")
    }
  }
}

boot_cluster <- function(m, cluster) {
  if (is.null(cluster) && length(m$vcov_info$G)) {
    cluster <- if (is.null(m$vcov_request$cluster) && inherits(m$vcov_request$vcov, "formula")) {
      stats::as.formula(call("~", m$vcov_request$vcov[[length(m$vcov_request$vcov)]]),
                        env = environment(m$vcov_request$vcov))
    } else m$vcov_request$cluster
    coded <- cluster_factors(cluster, m, 1L)
  } else if (is.null(cluster)) {
    if (!is.null(row_counts(m))) {
      stop_arg("cluster", paste("is missing, and rows with frequency weights cannot be drawn: each",
                                "stands for several observations"),
               "Give the clusters, or write each row as often as it counts")
    }
    return(list(code = seq_len(m$n_rows), n_levels = m$n_rows, name = "row"))
  } else if (inherits(cluster, "fe_coded")) {
    coded <- cluster$factor
  } else {
    coded <- cluster_factors(cluster, m, 1L)
  }
  if (length(coded) > 1L) {
    stop_arg("cluster", sprintf("names %d variables; one is drawn at a time", length(coded)),
             "Give one cluster variable, for instance cluster = ~country")
  }
  if (coded[[1L]]$n_levels < 2L) stop_arg("cluster", "has a single value in the sample")
  c(coded[[1L]][c("code", "n_levels")], name = names(coded)[1L])
}

# A seed of 64 bits in two halves, from R's generator.
draw_seed <- function() floor(stats::runif(2L) * 4294967296)

given_weights <- function(weights, G, R) {
  if (!is.matrix(weights) || !is.numeric(weights) || nrow(weights) != G || anyNA(weights) ||
      any(weights < 0)) {
    stop_arg("weights", sprintf("must be a non-negative matrix with %d rows, one a cluster",
                                G))
  }
  list(kind = "given", given = as.double(weights))
}

#' Weights of the pairs bootstrap
#'
#' How often each of G clusters is drawn in given replicates: what [fe_boot()] uses for a seed.
#'
#' @param G number of clusters.
#' @param replicates numbers of the replicates, from 1.
#' @param seed two numbers, the halves of a 64-bit seed, as in the element `seed` of an `fe_boot`
#'   object.
#' @return a G x length(replicates) matrix of counts; every column adds up to G.
#' @examples
#' fe_boot_weights(5, 1:3, seed = c(1, 2))
#' @export
fe_boot_weights <- function(G, replicates, seed) {
  check_count(G, "G")
  if (!is.numeric(replicates) || anyNA(replicates) || any(replicates < 1)) {
    stop_arg("replicates", "must be whole numbers from 1")
  }
  if (!is.numeric(seed) || length(seed) != 2L || anyNA(seed) || any(seed < 0 | seed >= 2^32)) {
    stop_arg("seed", "must be two numbers between 0 and 2^32 - 1")
  }
  .Call(C_multinomial, as.double(seed), as.double(replicates), as.integer(G))
}

# ---- design: columns and system ------------------------------------------------------------------

# Variables of all models once, as columns, and the equations as indices into them.
boot_design <- function(models, cluster) {
  first <- models[[1L]]
  columns <- list()
  add <- function(key, value) {
    if (is.null(columns[[key]])) columns[[key]] <<- value
    match(key, names(columns))
  }
  lhs <- integer()
  rhs <- list()
  for (m in models) {
    terms <- setdiff_constant(m)
    x <- raw_design(m, model.frame(m))
    rhs <- c(rhs, list(vapply(terms, function(t) add(paste0("x:", t), x[, t]), 0L)))
    lhs <- c(lhs, add(paste0("y:", deparse_one(m$formula[[2L]]), digest_offset(m)), m$y))
  }
  v <- matrix(unlist(columns, use.names = FALSE), nrow = first$n_rows)
  system <- list(lhs = lhs, rhs = lapply(rhs, as.integer))
  c(list(system = system, cluster = cluster, w = first$weights),
    block_columns(first, v, cluster))
}

digest_offset <- function(m) if (is.null(m$offset)) "" else paste0(":", sum(m$offset))

# Small effects that cut across clusters become dummies; those within clusters are absorbed once.
block_columns <- function(m, v, cluster) {
  nested <- vapply(m$factors, is_nested, NA, outer = cluster)
  z <- m$factors[!nested]
  p <- sum(vapply(z, `[[`, 0L, "n_levels")[list_terms(z)$factor]) + ncol(v)
  doubles <- max(as.double(cluster$n_levels) * p * (p + 1) / 2, as.double(m$n_rows) * p)
  if (p > 400 || doubles > 6e7) {
    if (has_slopes(m$factors)) {
      stop_arg("cluster",
               "cuts across fixed effects with varying slopes that are too many to resample",
               "Cluster by a variable that these fixed effects are nested in")
    }
    codes <- c(code_list(m$factors), list(control = core_control(m$control)))
    return(list(path = "rows", x = v, n_z = 0L, codes = codes))
  }
  z <- explicit_terms(z)
  if (has_constant(m$factors) && !has_constant(m$factors[nested])) {
    z <- c(list(rep(1, m$n_rows)), z)
    v <- sweep(v, 2L, colMeans(v)) # any shift is in the span of the constant; this one keeps digits
  }
  x <- cbind(do.call(cbind, unname(z)), v)
  absorber <- new_absorber(m$factors[nested], m$weights, m$control)
  list(path = "blocks", x = absorb(absorber, x, m$threads)$x, n_z = ncol(x) - ncol(v))
}

# ---- replicates ----------------------------------------------------------------------------------

# Replicates in batches, so that progress can be shown -> matrix, a row each.
run_replicates <- function(design, draws, R, threads, progress) {
  batch <- if (design$path == "blocks") 50000 else max(50, ceiling(R / 50))
  starts <- seq(1, R, by = batch)
  bar <- if (progress && length(starts) > 1L) utils::txtProgressBar(max = R, style = 3)
  if (!is.null(bar)) on.exit(close(bar))
  parts <- lapply(starts, function(first) {
    n <- min(batch, R - first + 1)
    out <- one_batch(design, draws, first, n, threads)
    if (!is.null(bar)) utils::setTxtProgressBar(bar, first + n - 1)
    out
  })
  t(do.call(cbind, parts))
}

one_batch <- function(design, draws, first, n, threads) {
  draws$first <- first
  draws$n <- n
  if (draws$kind == "given") {
    G <- design$cluster$n_levels
    draws$given <- draws$given[(first - 1) * G + seq_len(n * G)]
  }
  if (design$path == "blocks") {
    return(.Call(C_boot_blocks, design$x, design$n_z, design$w, design$cluster, design$system,
                 draws, threads))
  }
  .Call(C_boot_rows, design$x, design$codes, design$w, design$cluster, design$system, draws,
        threads)
}

# Values of a statistic for each row of coefficients. A statistic of class "fe_rowwise" takes the
# whole matrix, others one named vector at a time.
apply_statistic <- function(coefs, labels, statistic, length = NULL) {
  colnames(coefs) <- labels
  if (identical(statistic, identity)) return(coefs)
  if (inherits(statistic, "fe_rowwise")) return(statistic(coefs))
  rows <- lapply(seq_len(nrow(coefs)), function(r) statistic(coefs[r, ]))
  size <- if (is.null(length)) lengths(rows[1L]) else length
  if (!size || !all(vapply(rows, is.numeric, NA)) || any(lengths(rows) != size)) {
    stop_arg("statistic", "must return a numeric vector of the same length for every replicate",
             paste("It returned", describe_value(rows[[1L]])))
  }
  out <- matrix(as.double(unlist(rows)), ncol = size, byrow = TRUE)
  colnames(out) <- if (is.null(names(rows[[1L]]))) paste0("t", seq_len(size)) else names(rows[[1L]])
  out
}

# ---- intervals -----------------------------------------------------------------------------------

boot_intervals <- c("percentile", "basic", "bc", "bca")

# t0: one estimate, t: its replicates, jack: leave-one-out values -> c(low, high)
boot_interval <- function(t0, t, jack, type, level) {
  t <- t[is.finite(t)]
  alpha <- c((1 - level) / 2, 1 - (1 - level) / 2)
  if (length(t) < 2L) return(c(NA_real_, NA_real_))
  at <- function(p) {
    if (min(p, 1 - p) * (length(t) + 1) < 1) {
      signalCondition(structure(class = c("fe_extreme", "condition"),
                                list(message = "an end lies beyond the replicates", call = NULL)))
    }
    unname(stats::quantile(t, p, type = 6L))
  }
  switch(type,
    percentile = at(alpha),
    basic = 2 * t0 - rev(at(alpha)),
    bc = at(corrected_levels(t0, t, 0, alpha)),
    bca = at(corrected_levels(t0, t, acceleration(jack), alpha)))
}

corrected_levels <- function(t0, t, a, alpha) {
  z0 <- stats::qnorm((sum(t < t0) + sum(t == t0) / 2) / length(t))
  z <- z0 + stats::qnorm(alpha)
  p <- stats::pnorm(z0 + z / (1 - a * z))
  if (anyNA(p) || !is.finite(z0)) {
    stop_arg("type", "cannot be corrected for bias: the estimate lies outside all replicates",
             "Use \"percentile\", or more replicates")
  }
  p
}

acceleration <- function(jack) {
  d <- mean(jack, na.rm = TRUE) - jack[is.finite(jack)]
  if (all(d == 0)) return(0)
  sum(d^3) / (6 * sum(d^2)^1.5)
}

interval_table <- function(b, type, level) {
  extreme <- FALSE
  out <- withCallingHandlers(t(vapply(seq_along(b$t0), function(j) {
    boot_interval(b$t0[j], b$t[, j], b$jack[, j], type, level)
  }, numeric(2L))), fe_extreme = function(c) extreme <<- TRUE)
  if (extreme) {
    warn_user("an end of an interval lies beyond the replicates, and the most extreme of them is ",
              "given: take more replicates")
  }
  dimnames(out) <- list(names(b$t0), level_names(level))
  out
}

#' Methods for bootstrap results
#'
#' @param object,x an object of class `fe_boot`.
#' @param parm names or numbers of statistics.
#' @param level,conf.level confidence level, default 0.95.
#' @param type,conf.type `"percentile"`, `"basic"`, `"bc"` or `"bca"`; see [fe_boot()].
#' @param which for `plot`: the statistics to show.
#' @param conf.int should `tidy` give the intervals?
#' @param ... must be empty.
#' @return `confint`: a matrix with a row per statistic; `tidy`: a data frame with `term`,
#'   `estimate`, `bias`, `std.error`, `conf.low`, `conf.high`; `vcov`: covariance matrix of the
#'   replicates.
#' @name fe_boot-methods
NULL

#' @rdname fe_boot-methods
#' @export
confint.fe_boot <- function(object, parm, level = 0.95, type = "percentile", ...) {
  check_dots(...)
  out <- interval_table(object, check_choice(type, boot_intervals, "type"), check_level(level))
  if (missing(parm)) out else out[check_terms(parm, names(object$t0), "parm"), , drop = FALSE]
}

#' @rdname fe_boot-methods
#' @export
coef.fe_boot <- function(object, ...) object$t0

#' @rdname fe_boot-methods
#' @export
vcov.fe_boot <- function(object, ...) {
  check_dots(...)
  stats::cov(object$t, use = "complete.obs")
}

#' @rdname fe_boot-methods
#' @export
tidy.fe_boot <- function(x, conf.int = TRUE, conf.level = 0.95, conf.type = "percentile", ...) {
  check_dots(...)
  ci <- confint.fe_boot(x, level = conf.level, type = conf.type)
  out <- data.frame(term = names(x$t0), estimate = unname(x$t0),
             bias = unname(colMeans(x$t, na.rm = TRUE) - x$t0),
             std.error = unname(apply(x$t, 2L, stats::sd, na.rm = TRUE)),
             conf.low = unname(ci[, 1L]), conf.high = unname(ci[, 2L]))
  if (check_flag(conf.int, "conf.int")) out else out[1:4]
}

#' @rdname fe_boot-methods
#' @export
print.fe_boot <- function(x, ...) {
  cat(describe_boot(x), "\n\n", sep = "")
  table <- tidy.fe_boot(x)
  rownames(table) <- table$term
  print(format(table[-1L], digits = 4L), quote = FALSE)
  cat("\nIntervals: percentile, 95%; confint(x, type = ) gives basic, bc and bca\n")
  invisible(x)
}

describe_boot <- function(x) {
  unit <- if (x$cluster == "row") "rows" else sprintf("clusters of `%s`", x$cluster)
  unit <- sprintf("%s (%d)", unit, x$G)
  failed <- if (x$failed) {
    sprintf("; %d replicates had no solution and are left out", x$failed)
  } else ""
  sprintf("Pairs bootstrap over %s, R = %d%s", unit, as.integer(x$R), failed)
}
