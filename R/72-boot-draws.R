# Where replicates come from: a source of each type, list(run, path, jack, table), with
# run(draws, with_var) -> list(coef = coefficients x replicates, var = packed variances or NULL) for
# the consecutive replicates of `draws` (first, n), jack() = estimates without each cluster (a row
# each) and table = influences of the clusters.

boot_types <- c("pairs", "wild", "residual", "bayesian")
boot_multipliers <- c("rademacher", "mammen", "webb", "norm", "gamma")

boot_source <- function(models, coded, request) {
  source <- switch(request$type,
    pairs = , bayesian = reweighting_source(models, coded, request),
    wild = wild_source(models, coded, request),
    residual = residual_source(models, coded, request))
  source$table <- influence_table(models, coded)
  b <- boot_estimates(models)
  jack <- source$jack
  source$jack <- function() {
    if (is.null(jack)) matrix(b, nrow(source$table), length(b), byrow = TRUE) - source$table else
      jack()
  }
  source
}

boot_estimates <- function(models) {
  unlist(lapply(models, function(m) m$coefficients[setdiff_constant(m)]), use.names = FALSE)
}

# ---- weights of clusters: pairs, bayesian --------------------------------------------------------

reweighting_source <- function(models, coded, request) {
  design <- boot_design(models, coded)
  threads <- request$threads
  if (design$path == "rows") {
    refuse_studentise(request, paste("absorbs the effects that cut across the clusters anew in",
                                     "every replicate"))
    return(list(path = "rows", run = function(draws, with_var) {
      .Call(C_boot_rows, design$x, design$codes, design$w, coded, design$system, draws, threads)
    }))
  }
  blocks <- new_blocks(design, coded, threads)
  system <- design$system
  design <- NULL # the rows are not needed any more
  run <- function(draws, with_var) .Call(C_boot_blocks, blocks, system, draws, with_var, threads)
  list(path = "blocks", run = run, jack = function() {
    t(run(list(kind = "leave-out", first = 1, n = coded$n_levels), FALSE)$coef)
  })
}

new_blocks <- function(design, coded, threads) {
  .Call(C_blocks, design$x, design$n_z, design$w, coded, threads)
}

refuse_studentise <- function(request, why) {
  if (!request$studentise) return(invisible())
  stop_arg("studentise", paste("cannot be TRUE here: the bootstrap", why),
           "Use type = \"bca\" intervals, or another type of bootstrap")
}

# ---- residuals times weights: wild ---------------------------------------------------------------

wild_source <- function(models, coded, request) {
  b <- boot_estimates(models)
  parts <- list(table = t(influence_table(models, coded)), k = coefficient_counts(models))
  if (request$studentise) parts <- c(parts, wild_variance_parts(models, coded, request))
  threads <- request$threads
  run <- function(draws, with_var) add_estimates(.Call(C_boot_wild, parts, draws, threads), b)
  list(path = "influences", run = run)
}

# Replicates from what they add to the estimates.
add_estimates <- function(out, b) {
  out$coef <- b + out$coef
  out
}

coefficient_counts <- function(models) {
  vapply(models, function(m) length(setdiff_constant(m)), 0L)
}

# For the variance of a replicate, by equation e: the columns of M_e at its slopes, and
# M_e U_g'W u_g of every cluster, as rows of all columns of the blocks.
wild_variance_parts <- function(models, coded, request) {
  design <- boot_design(models, coded)
  if (design$path == "rows") {
    refuse_studentise(request, paste("would have to project its residuals on the effects that cut",
                                     "across the clusters in every replicate"))
  }
  parts <- lapply(seq_along(models), function(e) equation_parts(models[[e]], design, e))
  list(blocks = new_blocks(design, coded, request$threads),
       direction = do.call(cbind, lapply(parts, `[[`, "direction")),
       fitted = do.call(rbind, lapply(parts, `[[`, "fitted")))
}

equation_parts <- function(m, design, e) {
  at <- c(seq_len(design$n_z), design$n_z + design$system$rhs[[e]])
  U <- design$x[, at, drop = FALSE]
  y <- design$x[, design$n_z + design$system$lhs[e]]
  factor <- .Call(C_qr, cbind(U, y), m$weights, NULL, m$threads)
  fit <- .Call(C_lsq, factor, seq_along(at), length(at) + 1L, numeric(length(at)),
               m$control$collin_tol)
  M <- tcrossprod(fit$root)
  u <- as.vector(y - U %*% fit$coef)
  if (!is.null(m$weights)) u <- m$weights * u
  sums <- .Call(C_score_sums, U, as.double(u), design$cluster$code, design$cluster$n_levels,
                m$threads)
  slopes <- design$n_z + seq_along(design$system$rhs[[e]])
  place <- function(values) {
    out <- matrix(0, ncol(design$x), ncol(values))
    out[at, ] <- values
    out
  }
  list(direction = place(M[, slopes, drop = FALSE]), fitted = place(tcrossprod(M, sums)))
}

# ---- residuals drawn: residual -------------------------------------------------------------------

residual_source <- function(models, coded, request) {
  refuse_studentise(request, "of residuals gives no variance of a replicate")
  size <- tabulate(coded$code, coded$n_levels)
  if (length(unique(size)) > 1L) {
    stop_arg("cluster", sprintf(paste("has values with %d to %d rows; whole vectors of residuals",
                                      "can be drawn only if all have one length"),
                                min(size), max(size)),
             "Use type = \"wild\" or \"pairs\", or draw rows: cluster = \"row\"")
  }
  b <- boot_estimates(models)
  order <- order(coded$code)
  parts <- list(influence = do.call(rbind, lapply(models, scaled_influences, order = order)),
                residual = do.call(rbind, lapply(models, scaled_residuals, order = order)),
                k = coefficient_counts(models), clusters = coded$n_levels)
  threads <- request$threads
  run <- function(draws, with_var) add_estimates(.Call(C_boot_residual, parts, draws, threads), b)
  list(path = "influences", run = run)
}

# sqrt(w) B x: k x n
scaled_influences <- function(m, order) {
  out <- influences(m, coefficient_influences(m))
  if (!is.null(m$weights)) out <- sqrt(m$weights) * out
  t(unname(out[order, , drop = FALSE]))
}

# Residuals of unit variance weight, sqrt(w) e / sqrt(1 - h), less their mean.
scaled_residuals <- function(m, order) {
  h <- tryCatch(checked_leverage(m), fe_error = unless_memory(function(e) {
    stop_arg("type", paste("is \"residual\", which", sub("^`vcov` ", "", conditionMessage(e))))
  }))
  r <- m$residuals / sqrt(1 - h)
  if (!is.null(m$weights)) r <- sqrt(m$weights) * r
  (r - mean(r))[order]
}

# ---- the weights themselves ----------------------------------------------------------------------

#' Random weights of the bootstrap
#'
#' What [fe_boot()] uses in given replicates under a seed: how often each of G clusters is drawn
#' (pairs), their Dirichlet weights times G (bayesian), the multipliers of their residuals (wild),
#' or which cluster's residuals each one gets (residual).
#'
#' Multinomial counts and indices are exactly uniform draws with replacement. Dirichlet(1, ..., 1)
#' weights are standard exponentials over their mean (Rubin 1981). All of them are functions of
#' (seed, type, replicate) alone: Philox4x32-10 (Salmon et al. 2011) on counters.
#'
#' @param G number of clusters (or rows).
#' @param replicates numbers of the replicates, from 1.
#' @param seed two numbers, the halves of a 64-bit seed, as in the element `seed` of an `fe_boot`
#'   object, or one whole number.
#' @param type,weights as in [fe_boot()]; `weights` is the distribution for `type = "wild"`.
#' @return a G x length(replicates) matrix. Columns of pairs and of bayesian weights add up to G.
#' @references Rubin (1981) \doi{10.1214/aos/1176345338}; Salmon, Moraes, Dror and Shaw (2011)
#'   \doi{10.1145/2063384.2063405}.
#' @examples
#' fe_boot_weights(5, 1:3, seed = 1)
#' fe_boot_weights(5, 1:3, seed = 1, type = "wild")
#' @export
fe_boot_weights <- function(G, replicates, seed, type = c("pairs", "wild", "residual", "bayesian"),
                            weights = c("rademacher", "mammen", "webb", "norm", "gamma")) {
  if (missing(G)) stop_arg("G", "is missing", "Give the number of clusters")
  if (missing(replicates)) stop_arg("replicates", "is missing", "For instance replicates = 1:5000")
  if (missing(seed)) stop_arg("seed", "is missing", "Give that of the bootstrap, its `seed`")
  G <- check_count(G, "G")
  replicates <- check_replicates(replicates)
  seed <- check_seed(seed)
  type <- check_first(type, boot_types, "type")
  weights <- check_first(weights, boot_multipliers, "weights")
  if (type == "residual") return(.Call(C_boot_indices, seed, replicates, as.integer(G)))
  kind <- switch(type, pairs = "multinomial", bayesian = "dirichlet",
                 wild = weights)
  .Call(C_boot_weights, kind, seed, replicates, as.integer(G))
}

# A seed of 64 bits in two halves, from R's generator.
draw_seed <- function() floor(stats::runif(2L) * 4294967296)

# NULL: drawn; one whole number, or the two halves of an object's `seed`.
check_seed <- function(seed) {
  if (is.null(seed)) return(draw_seed())
  ok <- is.numeric(seed) && length(seed) %in% 1:2 && all(is.finite(seed)) && all(seed >= 0) &&
    all(seed == floor(seed)) && all(seed < if (length(seed) == 1L) 2^53 else 2^32)
  if (!ok) {
    stop_arg("seed", paste("must be a whole number from 0, or two between 0 and 2^32 - 1, not",
                           describe_value(seed)))
  }
  if (length(seed) == 2L) return(as.double(seed))
  c(seed %% 2^32, seed %/% 2^32)
}

check_replicates <- function(replicates) {
  ok <- is.numeric(replicates) && length(replicates) && all(is.finite(replicates)) &&
    all(replicates >= 1) && all(replicates == floor(replicates)) && all(replicates <= 2^52)
  if (!ok) {
    stop_arg("replicates", "must be whole numbers from 1", "For instance replicates = 1:5000")
  }
  if (anyDuplicated(replicates)) stop_arg("replicates", "holds a number more than once")
  as.double(replicates)
}
