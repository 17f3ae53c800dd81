# Bootstrap stage: replicates of the coefficients, of any function of them, and their joining.

#' Bootstrap of the coefficients
#'
#' Pairs, wild, residual and Bayesian bootstrap, over clusters or rows, of one model or of several
#' estimated on the same rows, and of any function of their coefficients. No replicate copies or
#' reads a row where it need not.
#'
#' @section Types:
#' \describe{
#' \item{`"pairs"`}{Whole clusters (or rows) are drawn with replacement. A fixed effect that lies
#'   within clusters sees only a common weight, so a replicate is a multinomial reweighting of the
#'   clusters' cross-products, \eqn{A(m) = \sum_g m_g A_g}{A(m) = sum_g m_g A_g}. Effects that cut
#'   across clusters are kept as explicit dummies in these blocks when they have few levels (path
#'   `"blocks"`), and absorbed anew in every replicate otherwise (`"rows"`).}
#' \item{`"bayesian"`}{The same with real weights, G times a draw of Dirichlet(1, ..., 1): the
#'   posterior of Rubin (1981) under his uninformative prior.}
#' \item{`"wild"`}{The unrestricted residuals of each cluster (or row) times a random \eqn{v_g}{v_g}
#'   of mean 0 and variance 1, the regressors as they are (Wu 1986; Cameron, Gelbach and Miller
#'   2008). Coefficients are linear in \eqn{v}{v},
#'   \deqn{\beta^* = \hat\beta + \sum_g v_g q_g,\quad q_g = (\tilde X'W\tilde X)^{-1}
#'     \tilde X_g'W_g\hat u_g,}{beta* = b + sum_g v_g q_g, q_g = (X~'WX~)^-1 X~_g'W_g u_g,}
#'   for any fixed effects; with all sign vectors their covariance is the CR0 variance exactly.}
#' \item{`"residual"`}{The residuals of rows, scaled to
#'   \eqn{\sqrt{w_i}\,\hat u_i/\sqrt{1-h_i}}{sqrt(w_i) u_i / sqrt(1 - h_i)}, h the leverages with
#'   the fixed effects included, and centred, are drawn with replacement and given to the rows
#'   (Davison and Hinkley 1997, section 6.2.3): for independent errors of one distribution. With
#'   clusters, whole vectors of residuals are drawn, which needs clusters of one length (and rows in
#'   one order within them).}
#' }
#' Of models with instruments there are `"pairs"` and `"bayesian"`: both stages are computed anew in
#' every replicate, \eqn{b = (X'PX)^{-1}X'Py}{b = (X'PX)^-1 X'Py} from the cross-products of
#' regressors, instruments and outcome. Instruments that are dependent in a replicate add nothing to
#' P; one that leaves a regressor without instruments has no estimates. Standard errors of
#' replicates, and \eqn{q_g}{q_g}, are those of [vcov.fe_lm()], the first stage taken as given.
#' Replicates of two-stage least squares have heavy tails where instruments are weak.
#'
#' Several models get the same draws, so that their coefficients vary together as they do in the
#' sample. The numbers depend on the seed and on nothing else: replicate r is a function of seed,
#' type and r ([fe_boot_weights()]), on any number of threads, in any order, on any machine.
#'
#' @section Intervals:
#' With \eqn{\hat\theta}{theta} the estimate, \eqn{q_\alpha}{q(a)} the quantile of the replicates
#' (type 6, as in package boot up to interpolation): `"percentile"`
#' \eqn{[q_{\alpha/2}, q_{1-\alpha/2}]}{[q(a/2), q(1-a/2)]}; `"basic"`
#' \eqn{[2\hat\theta - q_{1-\alpha/2}, 2\hat\theta - q_{\alpha/2}]}{[2 theta - q(1-a/2), 2 theta - q(a/2)]}; `"bc"` and `"bca"`, bias-corrected with \eqn{z_0 = \Phi^{-1}(\#\{\theta^* < \hat\theta\}/R)}{z0 = qnorm(share of replicates below theta)}
#' and, for `"bca"`, the acceleration
#' \eqn{a = \sum d_g^3 / (6 (\sum d_g^2)^{3/2})}{a = sum d_g^3 / (6 (sum d_g^2)^1.5)} (Efron 1987) of
#' the values without one cluster, \eqn{d_g}{d_g} their mean less each: exact ones on the path
#' `"blocks"`, otherwise those of the infinitesimal jackknife,
#' \eqn{\hat\beta - q_g}{b - q_g} (Efron 1982). `"studentised"`, of a run with `studentise = TRUE`:
#' \eqn{[\hat\theta - \tau_{1-\alpha/2}\,s, \hat\theta - \tau_{\alpha/2}\,s]}{[theta - q(1-a/2) s, theta - q(a/2) s]},
#' \eqn{\tau}{q} the quantiles of \eqn{(\theta^* - \hat\theta)/s^*}{(theta* - theta)/s*} (Hall
#' 1988), where s and \eqn{s^*}{s*} are clustered standard errors (CR0) of the sample and of the
#' replicate, through the numerical gradient of `statistic`. A constant small-sample factor would
#' cancel.
#'
#' @section Parts of a run:
#' `replicates = 1:5000` here and `5001:10000` elsewhere, under the same `seed`, joined by `c()`,
#' are the run of 10,000 replicates, bit for bit; `c(b, fe_boot(m, replicates = 2000:4000, seed =
#' b$seed))` resumes. `map` does this over the processes of any backend whose function works like
#' [lapply()] and returns a list in the order of its argument:
#' `map = future.apply::future_lapply` after `future::plan()`;
#' `map = function(x, f) parallel::parLapply(cluster, x, f)`;
#' `map = function(x, f) mirai::mirai_map(x, f)[]`. The processes need this package and memory for
#' the model with its data.
#'
#' @param m a model of class `fe_lm`, an `fe_lm_list` whose models use the same rows, fixed effects
#'   and weights, or an `fe_mediate` object (then the statistics are its indirect effects).
#' @param R number of replicates, default 1999.
#' @param type `"pairs"` (default), `"wild"`, `"residual"` or `"bayesian"`; see below.
#' @param cluster what is drawn: `NULL` for the clusters of the model's variance (of one variable;
#'   with several, name one) or, if it has none, rows; a one-sided formula, a column name, or a
#'   vector as in [vcov.fe_lm()]; `"row"` for rows, unless that is the name of a column. Models with
#'   frequency weights need clusters: a row of theirs is more than one draw.
#' @param statistic `NULL` for the coefficients, or a function of their named vector that returns a
#'   numeric vector of fixed length. Replicates in which it fails or gives `NA` are counted and left
#'   out.
#' @param weights for `type = "wild"`: the distribution of \eqn{v_g}{v_g}, `"rademacher"` (-1, 1;
#'   default), `"mammen"` (two points, third moment 1), `"webb"` (six points), `"norm"` or
#'   `"gamma"`, as in [fe_boottest()]. Otherwise `NULL`. Or a G x R matrix of weights to use in
#'   place of random ones: multipliers of the residuals for `"wild"`, else non-negative weights of
#'   the clusters.
#' @param threads number of threads, see [fe_threads()]; of each process, by default 1, with `map`.
#' @param progress show a progress bar (of package cli, if installed)? Default: in interactive
#'   sessions. It appears in runs of several seconds. Any run can be interrupted.
#' @param replicates `NULL` for `1:R`, or the numbers of the replicates to make, which need not
#'   begin at 1; `R` is then not used.
#' @param seed `NULL`: drawn from R's generator, hence governed by [set.seed()]; a whole number; or
#'   the element `seed` of an `fe_boot` object.
#' @param studentise compute the standard error of every replicate, for `"studentised"` intervals?
#'   Not for `"residual"` and `"bayesian"`, nor on the path `"rows"`.
#' @param vectorised `TRUE` if `statistic` takes the matrix of all replicates, a column per
#'   coefficient, and returns a matrix with as many rows or a vector with a number for each.
#' @param map `NULL`, or a function `map(x, f)` that works like [lapply()], over which the
#'   replicates are distributed.
#' @param pieces number of pieces for `map`, default 8. The result does not depend on it.
#' @param ... must be empty.
#' @return an object of class `fe_boot`: `t0` (estimates), `t` (R x statistics matrix of
#'   replicates), `se0`, `se` (their standard errors, if studentised), `jack` (G x statistics,
#'   leaving one cluster out), `R`, `replicates` (numbers), `failed` (replicates without a solution,
#'   whose rows are `NA`), `problem` (`NULL`, or a list: `count` of replicates in which `statistic`
#'   failed, `replicate` and `message` of the first), `type`, `weights`, `cluster` (name), `G`,
#'   `nobs`, `path` ("blocks", "rows" or "influences"), `seed`, `fingerprint` (what `c()` compares).
#'   Methods: print, [generics::tidy()], `confint`, `vcov`, `coef`, `plot`, `c`.
#' @references Efron (1982) \doi{10.1137/1.9781611970319}; Efron (1987)
#'   \doi{10.1080/01621459.1987.10478410}; Rubin (1981) \doi{10.1214/aos/1176345338}; Wu (1986)
#'   \doi{10.1214/aos/1176350142}; Hall (1988) \doi{10.1214/aos/1176350933}; Davison and Hinkley
#'   (1997) \doi{10.1017/CBO9780511802843}; Cameron, Gelbach and Miller (2008)
#'   \doi{10.1162/rest.90.3.414}; Salmon, Moraes, Dror and Shaw (2011)
#'   \doi{10.1145/2063384.2063405}.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig + pgdp | country + year, digitrade, vcov = ~country)
#' set.seed(1)
#' b <- fe_boot(m, R = 999)
#' confint(b, type = "bca")
#'
#' # a function of the coefficients, with studentised intervals
#' ratio <- function(b) c(ratio = b[["ln_imdig"]] / b[["pgdp"]])
#' confint(fe_boot(m, R = 999, statistic = ratio, studentise = TRUE), type = "studentised")
#'
#' # in two parts
#' one <- fe_boot(m, type = "wild", replicates = 1:500, seed = 7)
#' two <- fe_boot(m, type = "wild", replicates = 501:999, seed = 7)
#' c(one, two)
#' @export
fe_boot <- function(m, R = 1999, type = c("pairs", "wild", "residual", "bayesian"), cluster = NULL,
                    statistic = NULL, weights = NULL, threads = NULL, progress = interactive(),
                    replicates = NULL, seed = NULL, studentise = FALSE, vectorised = FALSE,
                    map = NULL, pieces = 8, ...) {
  check_dots(...)
  request <- boot_request(R, type, weights, replicates, seed, studentise, threads, progress)
  check_count(pieces, "pieces")
  if (!is.null(map)) {
    return(boot_pieces(list(m = m, type = request$type, cluster = cluster, statistic = statistic,
                            weights = weights, vectorised = vectorised, studentise = studentise,
                            threads = if (is.null(threads)) 1L else request$threads,
                            progress = FALSE, seed = request$seed),
                       request$replicates, map, pieces))
  }
  if (inherits(m, "fe_moderate")) m <- m$model
  if (inherits(m, "fe_mediate")) {
    if (!is.null(statistic)) {
      stop_arg("statistic", "is given for a mediation, whose statistics are its effects",
               "Give the list of its equations as `m`")
    }
    return(boot_mediate(m, cluster, request))
  }
  models <- if (inherits(m, "fe_lm")) list(m) else as.list(m)
  if (!length(models) || !all(vapply(models, inherits, NA, "fe_lm"))) {
    stop_arg("m", paste("must be a model of class fe_lm or a list of them, not", describe_value(m)))
  }
  boot_models(models, boot_names(models), check_statistic(statistic, vectorised), cluster, request)
}

check_statistic <- function(statistic, vectorised) {
  check_flag(vectorised, "vectorised")
  if (is.null(statistic)) return(identity)
  if (!is.function(statistic)) {
    stop_arg("statistic", paste("must be a function or NULL, not", describe_value(statistic)))
  }
  if (vectorised) by_rows(statistic) else statistic
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

# ---- what is asked for ---------------------------------------------------------------------------

# -> list(type, kind (of weights), given, replicates, seed, studentise, threads, progress)
boot_request <- function(R, type = "pairs", weights = NULL, replicates = NULL, seed = NULL,
                         studentise = FALSE, threads = NULL, progress = FALSE) {
  type <- check_first(type, boot_types, "type")
  check_flag(progress, "progress")
  if (check_flag(studentise, "studentise") && type == "bayesian") {
    stop_arg("studentise", "has no meaning for the Bayesian bootstrap, whose weights are no sample",
             "Use \"percentile\" intervals")
  }
  kind <- boot_kind(type, weights)
  given <- if (kind == "given") weights
  if (is.null(replicates)) {
    R <- if (is.null(given)) check_count(R, "R", 2, 1e7) else ncol(given)
    replicates <- as.double(seq_len(R))
  }
  replicates <- sort(check_replicates(replicates))
  if (!is.null(given) && max(replicates) > ncol(given)) {
    stop_arg("replicates", sprintf("goes up to %.0f, but `weights` has %d columns", max(replicates),
                                   ncol(given)))
  }
  list(type = type, kind = kind, given = given, replicates = replicates,
       seed = if (is.null(given)) check_seed(seed), studentise = studentise,
       threads = check_threads(threads), progress = progress)
}

boot_kind <- function(type, weights) {
  if (is.matrix(weights)) {
    if (type == "residual") {
      stop_arg("weights", "is a matrix, and type = \"residual\" has no weights")
    }
    if (!is.numeric(weights) || !all(is.finite(weights)) || (type != "wild" && any(weights < 0))) {
      stop_arg("weights", sprintf("must hold finite%s numbers",
                                  if (type == "wild") "" else ", non-negative"))
    }
    return("given")
  }
  if (type == "wild") {
    if (is.null(weights)) return("rademacher")
    return(check_first(weights, boot_multipliers, "weights"))
  }
  if (!is.null(weights)) {
    stop_arg("weights",
             paste("must be NULL or a matrix for this type, not", describe_value(weights)),
             "Names of distributions are for type = \"wild\"")
  }
  switch(type, pairs = "multinomial", bayesian = "dirichlet", residual = "index")
}

# ---- the engine ----------------------------------------------------------------------------------

# The engine behind fe_boot() and fe_mediate().
boot_models <- function(models, labels, statistic, cluster, request) {
  check_boot_type(models, request$type)
  check_same_rows(models)
  if (!length(labels)) stop_arg("m", "has no coefficient to resample")
  coded <- drawn_clusters(models[[1L]], cluster)
  check_given(request, coded$n_levels)
  source <- boot_source(models, coded, request)
  b <- boot_estimates(models)
  V <- crossprod(source$table)
  at <- statistic_setup(b, sqrt(diag(V)), labels, statistic)
  runs <- run_replicates(source, request, coded$n_levels, at)
  values <- statistic_values(runs$coef, at, request$replicates)
  se0 <- if (request$studentise) stats::setNames(
    as.vector(delta_errors(matrix(b, 1L), matrix(V[lower.tri(V, TRUE)], 1L), at)), names(at$t0))
  new_boot(list(
    t0 = at$t0, t = values$t, se0 = se0, se = runs$se,
    jack = statistic_values(source$jack(), at)$t, R = as.double(length(request$replicates)),
    replicates = request$replicates, failed = sum(is.na(rowSums(runs$coef))),
    problem = values$problem, type = request$type,
    weights = if (request$type == "wild" || request$kind == "given") request$kind,
    cluster = coded$name, G = coded$n_levels, nobs = models[[1L]]$nobs, path = source$path,
    seed = request$seed, fingerprint = boot_fingerprint(models, b, labels, coded)))
}

# Of residuals the first stages have their own, which would have to be drawn along.
check_boot_type <- function(models, type) {
  if (type %in% c("pairs", "bayesian")) return(invisible())
  for (m in models) need_ols(m, sprintf("the bootstrap of residuals, type = \"%s\",", type), "m")
}

new_boot <- function(fields) structure(fields, class = "fe_boot")

# boot_cluster(), for those that are coded already and for "row" too.
drawn_clusters <- function(m, cluster) {
  if (inherits(cluster, "fe_coded")) return(cluster$coded)
  if (identical(cluster, "row") && !"row" %in% names(m$data)) return(rows_as_clusters(m))
  boot_cluster(m, cluster)
}

check_given <- function(request, G) {
  if (is.null(request$given) || nrow(request$given) == G) return(invisible())
  stop_arg("weights", sprintf("must be a matrix with %d rows, one a cluster; it has %d", G,
                              nrow(request$given)))
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
