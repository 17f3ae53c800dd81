# Bootstrap variances: the covariance of replicates as a type of variance.

#' @section Bootstrap:
#' `pairs(R = 999) ~ country` and `wild(R = 999, weights = "rademacher") ~ country`: the covariance
#' of R replicates of the pairs and of the wild bootstrap, see [fe_boot()]. The variables are the
#' clusters that are drawn; without them the first fixed effect, or rows in a model without fixed
#' effects. No small-sample factor is applied; t has the degrees of freedom of clusters, or n-K for
#' rows. `seed`, a further argument of both, is drawn from R's generator if it is not given, once
#' for a model: what is computed from the model later uses the same replicates. It is in
#' `object$vcov_info$seed`. `"wild"` estimates the CR0 variance (with instruments too: it takes the
#' first stage as given, where `"pairs"` draws both stages), and `"pairs"` has no variance of a
#' constant beside fixed effects, nor of predictions.
#'
#' @examples
#' vcov(m, pairs(R = 199, seed = 1) ~ country)
#' @rdname vcov.fe_lm
#' @name pairs-bootstrap
#' @aliases wild-bootstrap
NULL

# Requests run the replicates of pairs, which may fail: how many is part of the label. For the rows
# of several models they say what is to be drawn.
pairs_request <- function(asked, m, clusters) {
  args <- request_arguments(asked, list(R = 999, seed = NULL))
  request <- boot_request(args$R, seed = kept_seed(args$seed, m, "pairs"))
  if (!inherits(m, "fe_lm")) return(drawn_spec("pairs bootstrap", request, clusters, m))
  b <- boot_models(list(m), boot_names(list(m)), identity, vcov_cluster(clusters, m), request)
  boot_spec("pairs bootstrap", b, V = vcov.fe_boot(b))
}

# The multipliers of the wild bootstrap are drawn for the design at hand.
wild_request <- function(asked, m, clusters) {
  args <- request_arguments(asked, list(R = 999, weights = "rademacher", seed = NULL))
  request <- boot_request(args$R, "wild", args$weights, seed = kept_seed(args$seed, m, "wild"))
  drawn_spec("wild bootstrap", request, clusters, m)
}

# What has not been drawn yet.
drawn_spec <- function(name, request, clusters, m) {
  boot_spec(name, list(R = length(request$replicates), failed = 0L, seed = request$seed,
                       weights = if (request$type == "wild") request$kind),
            draw = request, cluster = vcov_cluster(clusters, m)$coded)
}

boot_spec <- function(name, b, ...) {
  parts <- c(if (!is.null(b$weights)) b$weights, sprintf("R = %.0f", b$R),
             if (b$failed) sprintf("%d failed", b$failed))
  list(label = sprintf("%s (%s)", name, paste(parts, collapse = ", ")),
       info = list(seed = b$seed, R = b$R, failed = b$failed), ...)
}

# A model whose variance is of this type keeps its seed.
kept_seed <- function(seed, m, type) {
  if (is.null(seed) && identical(m$vcov_info$type, type)) m$vcov_info$seed else seed
}

vcov_cluster <- function(clusters, m) {
  coded <- if (length(clusters)) one_cluster(clusters) else rows_as_clusters(m)
  structure(list(coded = coded), class = "fe_coded")
}

pairs_variance <- function(s, design) {
  if (identical(colnames(design$bread), colnames(s$spec$V))) s$spec$V else refuse_pairs()
}

refuse_pairs <- function() {
  stop_arg("vcov", paste("is a pairs bootstrap, which has no variance of a constant beside fixed",
                         "effects, nor of predictions or of fixed effects"),
           "Use wild() in its place; or intercept = \"none\"")
}

# Covariance of the sums of v_g s_g over the replicates, s_g the sums of scores.
wild_meat <- function(s) {
  coded <- s$spec$cluster
  draw <- s$spec$draw
  sums <- .Call(C_score_sums, s$X, as.double(s$u), coded$code, coded$n_levels, s$m$threads)
  parts <- list(table = t(sums), k = ncol(sums))
  draws <- list(kind = draw$kind, seed = draw$seed, first = 1, n = length(draw$replicates))
  stats::cov(t(.Call(C_boot_wild, parts, draws, draw$threads)$coef))
}

boot_vcov_df <- function(s) if (length(s$G)) cluster_df(s) else s$m$df.residual
