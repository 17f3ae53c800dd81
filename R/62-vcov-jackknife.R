# Cluster jackknife: estimates without one cluster at a time, from cross-products by cluster.

#' @section Cluster jackknife:
#' `"CR3"` and `"CR3J"` are made of the estimates \eqn{b_{(g)}}{b_(g)} without each cluster, fixed
#' effects estimated anew. `"CR3"` is
#' \eqn{\frac{G-1}{G}\sum_g (b_{(g)}-b)(b_{(g)}-b)'}{(G-1)/G sum_g (b_(g) - b)(b_(g) - b)'} (Bell
#' and McCaffrey 2002; the CV3 of MacKinnon, Nielsen and Webb 2023), `"CR3J"` the same about the
#' mean of the \eqn{b_{(g)}}{b_(g)} in place of b, as Stata's `vce(jackknife)` has it. Under
#' `fe_ssc(jackknife.adj = FALSE)` the factor is one. t has G-1 degrees of freedom, or
#' n-K where [fe_ssc()] says so.
#'
#' The estimates are exact: with C the regressors and the dummies of effects that cut across
#' clusters, less what the effects within clusters explain of them, \eqn{A = C'WC}, and e the
#' residuals of the full sample,
#' \deqn{b_{(g)} - b = -R'(A - A_g)^- C_g'W_g e_g,}{b_(g) - b = -R'(A - A_g)^- C_g'W_g e_g,}
#' R picking the coefficients. Where those dummies are too many, the effects are absorbed again for
#' every cluster.
#'
#' One cluster variable only. A coefficient that cannot be estimated without some cluster (a
#' treatment of that cluster alone) has no jackknife variance: an error names both. A constant
#' beside fixed effects, or a prediction, is left out as a given combination of effects, which has a
#' jackknife variance only if these do not lie within clusters.
#'
#' `"CR1S"` is `"CR1"` with the factor G(n-1)/((G-1)(n-K)), K all parameters, under any convention.
#'
#' @references Bell and McCaffrey (2002), Survey Methodology 28(2), 169-181; MacKinnon, Nielsen and
#'   Webb (2023) \doi{10.1002/jae.2969}.
#' @examples
#' vcov(m, CR3 ~ country)
#' @rdname vcov.fe_lm
#' @name cluster-jackknife
#' @aliases CR3 CR3J
NULL

jackknife_factor <- function(s) {
  if (length(s$G) > 1L) {
    stop_arg("vcov", sprintf("is a cluster jackknife by %d variables, %s, and it leaves out one",
                             length(s$G), quote_list(names(s$G))),
             "Name one of them, or use \"CR1\", which clusters by several")
  }
  if (s$ssc$jackknife.adj) (s$G[[1L]] - 1) / s$G[[1L]] else 1
}

jackknife_df <- function(s) if (s$ssc$t.df == "residual") s$m$df.residual else min(s$G) - 1

# sum_g d_g d_g'
jackknife_meat <- function(s, centred) crossprod(jackknife_changes(s, centred))

# d_g, a row for each cluster: the change of X'W y^ without cluster g, y^ the fitted values.
jackknife_changes <- function(s, centred) {
  m <- s$m
  if (centred) need_ols(m, "\"CR3J\", the mean of estimates without a cluster,", "vcov")
  change <- if (identical(s$X, m$x)) {
    slope_changes(m, s$clusters[[1L]], backsolve(m$root, diag(nrow(m$root))))
  } else leave_out_changes(m, s$clusters[[1L]], s$X)
  check_left_out(change, s)
  if (centred) sweep(change, 2L, colMeans(change)) else change
}

check_left_out <- function(change, s) {
  if (!anyNA(change)) return(invisible())
  known <- leave_out_coefs(s$m, s$clusters[[1L]])
  g <- which(is.na(rowSums(known$coef)))[1L]
  if (is.na(g)) {
    stop_arg("vcov", sprintf(paste("is a cluster jackknife, which here has no variance of a",
                                   "constant or a prediction: it rests on fixed effects that",
                                   "cannot be estimated without some cluster of `%s`"),
                             names(s$clusters)),
             "Use \"CR1\", or intercept = \"none\"")
  }
  slopes <- quote_list(colnames(known$coef)[is.na(known$coef[g, ])])
  stop_arg("vcov", sprintf(paste("is a cluster jackknife, but %s cannot be estimated without the",
                                 "cluster %s of `%s`"), slopes, dQuote(known$labels[g], FALSE),
                           names(s$clusters)),
           "Use \"CR1\" or fe_boottest(), or leave the regressor out")
}

# Coefficients without each cluster, those of a regression without its rows. cluster: one coded
# variable -> list(coef = G x slopes, NA where one cannot be estimated; G; labels of the clusters).
leave_out_coefs <- function(m, cluster) {
  need_full(m, "estimates without a cluster")
  terms <- colnames(m$bread)
  coef <- slope_changes(m, cluster, t(m$root)) + rep(m$coefficients[terms], each = cluster$n_levels)
  coef[is.nan(coef)] <- NA
  labels <- level_labels(cluster)
  list(coef = `dimnames<-`(coef, list(labels, terms)), G = cluster$n_levels, labels = labels)
}

# ---- changes -------------------------------------------------------------------------------------

# Changes of combinations of the slopes of the rotated regressors V = X~ root: columns of `slopes`
# -> G x columns.
slope_changes <- function(m, cluster, slopes) {
  z <- plain_dummies(m, cluster)
  if (is.null(z)) return(leave_out_changes(m, cluster, residual_design(m) %*% m$root %*% slopes))
  design <- list(x = lapply(unname(m$x), as.double), root = m$root, e = as.double(m$residuals),
                 own = z$own$code, n_own = z$own$n_levels)
  r <- rbind(matrix(0, z$n_z, ncol(slopes)), slopes)
  -t(.Call(C_leave_out_dummies, z, design, m$weights, cluster, r, m$threads))
}

# The effects that cut across clusters as dummies without columns, for core/dummy_blocks.h, the
# first level of each standing for the constant -> list(code, base, first, n_z, own: the factor
# within clusters or NULL). NULL where block_columns() is needed: slopes that vary, several factors
# within clusters, many dummies.
plain_dummies <- function(m, cluster) {
  nested <- are_nested(m$factors, cluster)
  if (has_slopes(m$factors) || sum(nested) > 1L) return(NULL)
  z <- code_list(m$factors[!nested])
  own <- if (any(nested)) m$factors[[which(nested)]]
  first <- as.integer(cumsum(c(0L, z$n_levels - 1L)))
  constant <- length(z$code) > 0L && is.null(own)
  p <- first[length(first)] + constant
  if (p > most_columns || as.double(cluster$n_levels) * (p + length(m$x))^2 > 1.2e8) return(NULL)
  base <- first[seq_along(z$code)] - 1L
  if (constant) {
    z$code <- c(list(rep(1L, m$n_rows)), z$code)
    base <- c(0L, base + 1L)
  }
  drops <- rep(1L, length(base))
  if (constant) drops[1L] <- 0L
  list(code = z$code, base = base, first = base + drops, n_z = p, own = own)
}

# X (columns in the span of regressors and effects, as a list or a matrix) -> G x columns: X'W times
# the fitted values without each cluster, extrapolated to all rows, less the same with all clusters.
# NaN where they cannot be. The outcome is e, whose change it is too, and the regressors are
# rotated, so that V'WV = I.
leave_out_changes <- function(m, cluster, X) {
  X <- matrix(as.double(unlist(X, use.names = FALSE)), m$n_rows)
  w <- row_weights(m)
  V <- residual_design(m) %*% m$root
  slopes <- crossprod(V, w * X)
  rest <- X - V %*% slopes
  on_effects <- colSums(w * rest^2) > 1e-16 * colSums(w * X^2)
  design <- block_columns(m, V, cluster)
  if (design$path == "rows") {
    out <- changes_by_rows(m, cluster, V, design$codes, slopes)
    out[, on_effects] <- NaN
    return(out)
  }
  effects <- crossprod(design$x[, seq_len(design$n_z), drop = FALSE], w * rest)
  effects[, !on_effects] <- 0
  scores <- .Call(C_score_sums, design$x, weighted_residuals(m), cluster$code, cluster$n_levels,
                  m$threads)
  out <- -t(.Call(C_leave_out, design$x, m$weights, cluster, t(scores), rbind(effects, slopes),
                  m$threads))
  at <- which(on_effects)
  out[, at[touches_nested(m, cluster, rest[, at, drop = FALSE])]] <- NaN
  out
}

# Which columns have a part in the effects within clusters?
touches_nested <- function(m, cluster, rest) {
  nested <- are_nested(m$factors, cluster)
  if (!ncol(rest) || !any(nested)) return(rep(FALSE, ncol(rest)))
  absorber <- new_absorber(m$factors[nested], m$weights, m$control, m$threads)
  part <- rest - absorb(absorber, rest, m$threads)$x
  w <- row_weights(m)
  colSums(w * part^2) > 1e-14 * colSums(w * rest^2)
}

# The same with the effects absorbed again for each cluster.
changes_by_rows <- function(m, cluster, V, codes, slopes) {
  k <- ncol(V)
  system <- list(lhs = k + 1L, rhs = list(seq_len(k)))
  draws <- list(kind = "leave-out", first = 1, n = cluster$n_levels)
  theta <- .Call(C_boot_rows, cbind(V, m$residuals), codes, m$weights, cluster, system, draws,
                 m$threads)$coef
  out <- crossprod(theta, slopes)
  for (g in which(is.na(colSums(theta)))) out[g, ] <- change_alone(m, cluster$code != g, V, slopes)
  out
}

# Of the rows `keep`, in which not every slope can be estimated: a slope can if it is orthogonal to
# the directions in which the regressors do not vary.
change_alone <- function(m, keep, V, slopes) {
  w <- row_weights(m)
  absorber <- new_absorber(lapply(m$factors, recode, keep = keep), w[keep], m$control, m$threads)
  x <- absorb(absorber, cbind(V, m$residuals)[keep, , drop = FALSE], m$threads)$x
  at <- seq_len(ncol(V))
  e <- eigen(crossprod(x[, at], w[keep] * x[, at]), symmetric = TRUE)
  lost <- e$values < 1e-10
  found <- e$vectors[, !lost, drop = FALSE]
  moment <- crossprod(x[, at, drop = FALSE], w[keep] * x[, length(at) + 1L])
  out <- crossprod(slopes, found %*% (crossprod(found, moment) / e$values[!lost]))
  part <- crossprod(e$vectors[, lost, drop = FALSE], slopes)
  out[colSums(part^2) > 1e-14 * colSums(slopes^2)] <- NaN
  out
}
