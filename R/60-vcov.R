# Variance stage. A type is an entry of the registry: two short functions, `meat` (the middle of the
# sandwich) and `df` (degrees of freedom of t), and a third, `scale`, for its small-sample factor.
#
# They get a list s: m (model), ssc, X (design), u (weight times residual), r (u; with frequency
# weights its square is the sum of squares of the observations that a row stands for), w (weights),
# h() (leverages, fixed effects included), clusters (coded variables), G (their numbers), spec.
#
# A type with arguments also has `request`, which reads them into s$spec, `usage` (how it is
# written) and `role` (what its variables are called); `repair`: it may have negative eigenvalues.
# `variance(s, design)`, if there is one, gives the variance of the coefficients in place of the
# sandwich; `rows`: in a model without fixed effects, rows are what it clusters by unless told.

jackknife_type <- function(name, centred) {
  list(label = sprintf("clustered (%s, cluster jackknife)", name), clustered = TRUE,
       meat = function(s) jackknife_meat(s, centred),
       scale = function(s) jackknife_factor(s),
       df = function(s) jackknife_df(s))
}

panel_type <- function(label, usage, request, meat) {
  list(label = label, clustered = FALSE, usage = usage, role = "panel variable", request = request,
       meat = meat,
       scale = function(s) hac_factor(s),
       df = function(s) hac_df(s))
}

vcov_registry <- list(
  iid = list(
    label = "iid", clustered = FALSE,
    meat = function(s) s$m$rss / (s$m$nobs - s$m$rank) * weighted_gram(s),
    variance = function(s, design) bread_variance(s, design),
    scale = function(s) 1,
    df = function(s) s$m$df.residual),
  HC0 = list(
    label = "heteroskedasticity-robust (HC0)", clustered = FALSE,
    meat = function(s) row_meat(s, s$r),
    scale = function(s) 1,
    df = function(s) s$m$df.residual),
  HC1 = list(
    label = "heteroskedasticity-robust (HC1)", clustered = FALSE,
    meat = function(s) row_meat(s, s$r),
    scale = function(s) s$m$nobs / (s$m$nobs - s$m$rank),
    df = function(s) s$m$df.residual),
  HC2 = list(
    label = "heteroskedasticity-robust (HC2)", clustered = FALSE,
    meat = function(s) row_meat(s, s$r / sqrt(1 - s$h())),
    scale = function(s) 1,
    df = function(s) if (s$ssc$t.df == "satterthwaite") hc2_df(s) else s$m$df.residual),
  HC3 = list(
    label = "heteroskedasticity-robust (HC3)", clustered = FALSE,
    meat = function(s) row_meat(s, s$r / (1 - s$h())),
    scale = function(s) 1,
    df = function(s) s$m$df.residual),
  CR0 = list(
    label = "clustered (CR0)", clustered = TRUE,
    meat = function(s) cluster_meat(s, function(G) 1),
    scale = function(s) 1,
    df = function(s) cluster_df(s)),
  CR1 = list(
    label = "clustered (CR1)", clustered = TRUE,
    meat = function(s) {
      cluster_meat(s, if (s$ssc$G.df == "conventional") {
        function(G) cluster_factor(s$m, s$ssc, G, s$clusters)
      } else function(G) 1)
    },
    scale = function(s) {
      parameter_factor(s$m, s$ssc, s$clusters) *
        if (s$ssc$G.df == "min") cluster_factor(s$m, s$ssc, min(s$G), s$clusters) else 1
    },
    df = function(s) cluster_df(s)),
  CR1S = list(
    label = "clustered (CR1S)", clustered = TRUE,
    meat = function(s) vcov_registry$CR1$meat(full_count(s)),
    scale = function(s) vcov_registry$CR1$scale(full_count(s)),
    df = function(s) cluster_df(s)),
  CR2 = list(
    label = "clustered (CR2)", clustered = TRUE,
    variance = function(s, design) crossprod(cr2_parts(s)$score),
    scale = function(s) 1,
    df = function(s) cr2_df(s)),
  CR3 = jackknife_type("CR3", centred = FALSE),
  CR3J = jackknife_type("CR3J", centred = TRUE),
  NW = panel_type("Newey-West", "NW(2) ~ unit + time or NW(2) ~ time",
                  request = function(asked, m) nw_request(asked, m),
                  meat = function(s) nw_meat(s)),
  DK = panel_type("Driscoll-Kraay", "DK(2) ~ time",
                  request = function(asked, m) dk_request(asked, m),
                  meat = function(s) dk_meat(s)),
  conley = list(
    label = "Conley", clustered = FALSE, repair = TRUE, usage = "conley(100) ~ lat + lon",
    role = "coordinate",
    request = function(asked, m) conley_request(asked, m),
    meat = function(s) conley_meat(s),
    scale = function(s) conley_factor(s),
    df = function(s) s$m$df.residual),
  pairs = list(
    label = "pairs bootstrap", clustered = TRUE, rows = TRUE, usage = "pairs(R = 999) ~ country",
    request = function(asked, m, clusters) pairs_request(asked, m, clusters),
    variance = function(s, design) pairs_variance(s, design),
    meat = function(s) refuse_pairs(),
    scale = function(s) 1,
    df = function(s) boot_vcov_df(s)),
  wild = list(
    label = "wild bootstrap", clustered = TRUE, rows = TRUE, usage = "wild(R = 999) ~ country",
    request = function(asked, m, clusters) wild_request(asked, m, clusters),
    meat = function(s) wild_meat(s),
    scale = function(s) 1,
    df = function(s) boot_vcov_df(s))
)

vcov_aliases <- c(hetero = "HC1", robust = "HC1", white = "HC0", cluster = "CR1", twoway = "CR1",
                  standard = "iid", newey_west = "NW", driscoll_kraay = "DK")

row_meat <- function(s, u) .Call(C_row_meat, s$X, as.double(u), s$m$threads)

# X'WX. Of residual columns it is known: their factor is there.
weighted_gram <- function(s) {
  if (!is.null(s$gram)) return(s$gram)
  row_meat(s, if (is.null(s$w)) rep(1, s$m$n_rows) else sqrt(s$w))
}

# The variance is s^2 (X'WX)^-1, from its root: as a sandwich of X'WX it would lose twice the digits
# where regressors are nearly collinear.
bread_variance <- function(s, design) {
  if (identical(design$bread, s$m$bread)) return(s$m$rss / (s$m$nobs - s$m$rank) * s$m$bread)
  design$bread %*% vcov_registry$iid$meat(s) %*% design$bread
}

# The convention of CR1S, whatever else is asked for: n - K with K all parameters.
full_count <- function(s) {
  s$ssc[c("K.adj", "K.fixef", "K.exact", "K.form", "G.adj")] <- list(TRUE, "full", TRUE, "n-1",
                                                                    TRUE)
  s
}

# All non-empty sets of cluster variables, each with its sign (-1)^(size + 1): inclusion and
# exclusion.
cluster_sets <- function(clusters) {
  q <- length(clusters)
  lapply(seq_len(2^q - 1), function(set) {
    members <- which(bitwAnd(set, 2^(seq_len(q) - 1)) > 0)
    list(clusters = clusters[members], sign = (-1)^(length(members) + 1))
  })
}

# Cameron, Gelbach and Miller (2011): the meats of all sets of cluster variables, with their signs,
# each times factor(number of its clusters).
cluster_meat <- function(s, factor) {
  meat <- 0
  for (set in cluster_sets(s$clusters)) {
    part <- set_meat(s, set$clusters)
    meat <- meat + set$sign * factor(part$G) * part$meat
  }
  meat
}

# Meat of the clusters that a set of variables forms together -> list(meat, G)
set_meat <- function(s, clusters) {
  last <- clusters[[length(clusters)]]
  if (length(clusters) == 1L) {
    sums <- .Call(C_score_sums, s$X, s$u, last$code, last$n_levels, s$m$threads)
    return(list(meat = crossprod(sums), G = last$n_levels))
  }
  first <- Reduce(function(a, b) cross_codes(a, b, s$m$threads), clusters[-length(clusters)])
  pair <- .Call(C_pair_meat, s$X, s$u, first$code, first$n_levels, last$code, last$n_levels,
                s$m$threads)
  list(meat = pair$meat, G = pair$n_pairs)
}

# ---- the sandwich --------------------------------------------------------------------------------

# Design (columns, as a list or a matrix) and bread such that V = bread meat(X) bread. A functional
# (x0, x0_slopes) of the fixed effects adds a first coefficient, of which row i has the influence
# x0_i - x_i' B x0_slopes: then X holds the influences of all coefficients, and the bread is the
# identity. So it does for regressors that are not residuals from a constant, or nearly collinear:
# their cross-products would cancel. Without a functional the influences' own X'WX is known, `gram`.
influence_design <- function(m, functional = m[c("x0", "x0_slopes")]) {
  centred <- has_constant(m$factors) || !m$has_constant
  names <- colnames(m$bread)
  gram <- gram_of_root(m$root)
  if (is.null(functional$x0) && centred && !is_nearly_collinear(m$bread, gram)) {
    return(list(X = m$x, bread = m$bread, gram = gram))
  }
  slopes <- tcrossprod(residual_design(m) %*% m$root, m$root)
  colnames(slopes) <- names
  if (is.null(functional$x0)) {
    return(list(X = slopes, bread = identity_bread(names), gram = m$bread))
  }
  first <- functional$x0 - as.vector(slopes %*% functional$x0_slopes)
  names <- c("(Intercept)", names)
  list(X = `dimnames<-`(cbind(first, slopes), list(NULL, names)), bread = identity_bread(names))
}

# A column for each coefficient: what a unit of weighted residual of each row adds to it.
influences <- function(m, design = influence_design(m)) {
  X <- if (is.list(design$X)) residual_design(m) else design$X
  X %*% design$bread
}

# X'WX from the triangular root of its inverse.
gram_of_root <- function(root) {
  if (!length(root)) return(root)
  tcrossprod(backsolve(root, diag(nrow(root)), transpose = TRUE))
}

# A sandwich of X'WX loses as many digits as the largest variance inflation factor has.
is_nearly_collinear <- function(bread, gram) {
  length(bread) > 0L && isTRUE(max(diag(bread) * diag(gram)) > 1e4)
}

identity_bread <- function(names) `dimnames<-`(diag(length(names)), list(names, names))

variance_state <- function(m, spec, ssc, design) {
  w <- m$weights
  u <- weighted_residuals(m)
  times <- row_counts(m)
  list(m = m, ssc = ssc, X = design$X, gram = design$gram, w = w, u = u,
       r = if (is.null(times)) u else u / sqrt(times), h = function() checked_leverage(m),
       spec = spec, design = design, cache = new.env(parent = emptyenv()),
       clusters = spec$clusters, G = vapply(spec$clusters, `[[`, 0L, "n_levels"))
}

# -> list(V, info)
compute_vcov <- function(m, vcov, cluster = NULL, ssc = m$ssc, design = influence_design(m)) {
  need_full(m, "another variance")
  if (is.matrix(vcov)) return(given_vcov(m, vcov, "matrix given by the user"))
  if (is.function(vcov)) return(given_vcov(m, call_vcov(m, vcov), "function given by the user"))
  spec <- parse_vcov(vcov, cluster, m)
  s <- variance_state(m, spec, ssc, design)
  check_clusters(s)
  entry <- vcov_registry[[spec$type]]
  factor <- entry$scale(s)
  V <- if (!length(design$bread)) {
    design$bread
  } else if (is.null(entry$variance)) {
    factor * (design$bread %*% entry$meat(s) %*% design$bread)
  } else entry$variance(s, design)
  V <- (V + t(V)) / 2
  dimnames(V) <- dimnames(design$bread)
  if (is_repaired(entry, s$G)) V <- repair_slopes(V, constant_weights(m, V), repair_label(entry))
  V <- forget_zero(V, m, entry$label, length(s$G) == 1L)
  label <- if (is.null(spec$label)) entry$label else spec$label
  list(V = V, info = c(list(type = spec$type, label = label, factor = factor, df = entry$df(s),
                            G = s$G, ssc = ssc$preset), spec$info))
}

check_clusters <- function(s) {
  one <- which(s$G < 2L)
  if (!length(one)) return(invisible())
  arg <- if (is.null(s$spec$arg)) "vcov" else s$spec$arg
  stop_arg(arg, sprintf("%s `%s`, which has a single value in the sample",
                        if (arg == "vcov") "clusters by" else "names", names(s$clusters)[one[1L]]),
           "Clustered standard errors need at least two clusters")
}

call_vcov <- function(m, vcov) {
  tryCatch(vcov(m), error = unless_memory(function(e) {
    stop_arg("vcov", paste("is a function that failed on the model:", conditionMessage(e)))
  }))
}

given_vcov <- function(m, V, label) {
  names <- names(m$coefficients)
  k <- length(names)
  if (!is.matrix(V) || !is.numeric(V) || any(dim(V) != k)) {
    stop_arg("vcov", sprintf("must give a numeric %d x %d matrix, not %s", k, k, describe_value(V)),
             paste("The coefficients are", quote_list(names, 12L)))
  }
  if (anyNA(V) || !isSymmetric(unname(V)) || any(diag(V) < 0)) {
    stop_arg("vcov", "must give a symmetric matrix without NA and with a non-negative diagonal")
  }
  if (!is.null(colnames(V)) && !identical(colnames(V), names)) {
    if (!setequal(colnames(V), names)) {
      stop_arg("vcov", paste("names the columns", quote_list(colnames(V), 12L)),
               paste("The coefficients are", quote_list(names, 12L)))
    }
    V <- V[names, names]
  }
  dimnames(V) <- list(names, names)
  list(V = V, info = list(type = "given", label = label, factor = NA_real_, df = m$df.residual,
                          G = integer(), ssc = "given"))
}

set_vcov <- function(m, vcov, ssc, cluster = NULL) {
  got <- compute_vcov(m, vcov, cluster, ssc)
  m$vcov <- got$V
  m$vcov_info <- got$info
  m$vcov_request <- list(vcov = vcov, cluster = cluster)
  m$ssc <- ssc
  if (!is.null(m$x0)) warn_constant(m)
  m
}

#' Variance of the estimates
#'
#' The sandwich \eqn{V = c\,B M B}{V = c B M B} with bread
#' \eqn{B = (\tilde X'W\tilde X)^{-1}}{B = (X~'WX~)^-1}; with \eqn{u_i = w_i e_i}{u_i = w_i e_i} the
#' meat M is
#' \itemize{
#' \item `"iid"`: \eqn{\hat\sigma^2 \tilde X'W\tilde X}{s^2 X~'WX~},
#'   \eqn{\hat\sigma^2 = RSS/(n-K)}{s^2 = RSS/(n-K)};
#' \item `"HC0"`: \eqn{\sum u_i^2 \tilde x_i\tilde x_i'}{sum u_i^2 x~_i x~_i'} (White 1980); `"HC1"`
#'   times n/(n-K); `"HC2"`, `"HC3"` with \eqn{u_i^2/(1-h_i)}{u_i^2/(1-h_i)} and
#'   \eqn{u_i^2/(1-h_i)^2}{u_i^2/(1-h_i)^2} (MacKinnon and White 1985), h the leverages of the whole
#'   model, fixed effects included; with frequency weights a row adds
#'   \eqn{w_i e_i^2}{w_i e_i^2} in place of \eqn{u_i^2}{u_i^2}, see [fe_lm()];
#' \item clustered, `"CR0"`: \eqn{\sum_g s_g s_g'}{sum_g s_g s_g'} with the score sums
#'   \eqn{s_g = \sum_{i\in g} u_i\tilde x_i}{s_g = sum_{i in g} u_i x~_i} (Liang and Zeger 1986);
#'   `"CR1"` (what a formula means) times the factor of [fe_ssc()]; several cluster variables by
#'   inclusion and exclusion (Cameron, Gelbach and Miller 2011), see below; `"CR1S"` is CR1 with
#'   (n-1)/(n-K) G/(G-1), K all parameters, whatever [fe_ssc()] says.
#' }
#'
#' @section Variances that are not positive:
#' Inclusion and exclusion, and the kernels of Conley's variance, can give a matrix V of the slopes
#' with negative eigenvalues. They are set to zero (Cameron, Gelbach and Miller 2011, section 2.3),
#' with a warning; a coefficient of which nothing is left has `NA`. The slopes alone decide on it,
#' so their standard errors do not depend on the argument `intercept`, nor on writing a constant as
#' a fixed effect. (Software that repairs the matrix of all coefficients has other standard errors
#' of slopes then.) A constant, a prediction or an effect is \eqn{e + v'b}{e + v'b}, with b the
#' slopes and e what is uncorrelated with them under independent errors of equal variance; its
#' variance is \eqn{V_{ee} + 2v'V_{be} + v'V_+v}{V_ee + 2 v'V_be + v'V+ v} with the repaired V+,
#' `NA` where that is negative.
#'
#' Where the scores of every cluster sum to zero, as for one treated and one control unit beside
#' effects of unit and time, a clustered variance is zero whatever the errors are. It is `NA` then,
#' with a warning.
#'
#' @section Leverage of clusters:
#' Residuals of a cluster that pulls the fit towards itself are too small. `"CR2"` (Bell and
#' McCaffrey 2002, as extended by Pustejovsky and Tipton 2018) corrects for it with the hat matrix H
#' of the whole model, fixed effects included: it equals that of the regression on dummies,
#' whichever effects are absorbed. It takes one cluster variable.
#' \deqn{V = \sum_g M \tilde X_g'W_gA_ge_ge_g'A_g'W_g\tilde X_gM,\quad A_g = B_g^{+1/2},\quad
#' B_g = [(I-H)(I-H)']_{gg},}{V = sum_g M X~_g'W_g A_g e_g e_g'A_g'W_g X~_g M, with
#' A_g = B_g^(+1/2) and B_g = [(I-H)(I-H)']_gg,}
#' the root being that of the pseudo-inverse (eigenvalues up to 1e-11 count as zero). So V is
#' unbiased if errors are independent and of equal variance, with analytic weights too
#' (clubSandwich's default for `lm` objects); frequency weights give the numbers of the rows written
#' out. Its t has Satterthwaite degrees of freedom, one number a coefficient: for a combination c'b,
#' with \eqn{p_g = (I-H)_g'A_g'W_g\tilde X_gMc}{p_g = (I-H)_g'A_g'W_g X~_g M c},
#' \deqn{\nu = \frac{(\sum_g p_g'p_g)^2}{\sum_g\sum_h (p_g'p_h)^2}.}{
#' nu = (sum_g p_g'p_g)^2 / sum_gh (p_g'p_h)^2.}
#' They can be far below G - 1 where few clusters carry the coefficient.
#'
#' No G x G matrix is formed, and none of \eqn{n_g}{n_g} rows by as many columns unless it is the
#' smaller one: the cost is \eqn{O(np^2 + \sum_g\min(n_g, p)^3)}{
#' O(n p^2 + sum_g min(n_g, p)^3)}, p the slopes and the dummies that cut across clusters. The
#' limits are \eqn{np^2 \le 2 \cdot 10^{11}}{n p^2 <= 2e11} operations and 3e8 numbers, np or, if
#' that is more, pkG for k slopes (1,400 such dummies for 1e5 rows); `"CR3"` has no such limit. With
#' analytic weights the cluster's own effects count too: the lesser of \eqn{n_g}{n_g} and twice the
#' columns takes the place of the minimum, and may be 3000.
#'
#' `"HC2"` has n - K degrees of freedom, or with `ssc = fe_ssc(t.df = "satterthwaite")` those of the
#' formula above with rows as clusters, the working variance being 1/w under analytic weights, for
#' which HC2 is unbiased. So have `"CR0"`, `"CR1"` and `"CR1S"` with one cluster variable, with
#' \eqn{A_g = I}{A_g = I}.
#'
#' @param object a model of class `fe_lm`.
#' @param vcov `NULL` (as estimated), or what `vcov` in [fe_lm()] may be. A type alone, such as
#'   `"CR2"` or `"wild(R = 99)"`, goes with the clusters of the model's own variance, if it has
#'   any.
#' @param cluster `NULL`, or the clusters: a one-sided formula, names of columns, or a vector with a
#'   value for each row of the data or of the sample. Alone it means `"CR1"`.
#' @param ssc small-sample convention, by default that of the fit.
#' @param ... must be empty: an argument that is not known is an error.
#' @return a symmetric matrix with a row and column per coefficient.
#' @references White (1980) \doi{10.2307/1912934}; MacKinnon and White (1985)
#'   \doi{10.1016/0304-4076(85)90158-7}; Liang and Zeger (1986) \doi{10.1093/biomet/73.1.13};
#'   Cameron, Gelbach and Miller (2011) \doi{10.1198/jbes.2010.07136}; Bell and McCaffrey (2002),
#'   Survey Methodology 28(2), 169-181; Pustejovsky and Tipton (2018)
#'   \doi{10.1080/07350015.2016.1247004}.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
#' vcov(m, ~country)
#' vcov(m, "CR0", cluster = "country")
#' vcov(m, CR2 ~ country)
#' @export
vcov.fe_lm <- function(object, vcov = NULL, cluster = NULL, ssc = NULL, ...) {
  check_dots(...)
  if (is.null(vcov) && is.null(cluster) && is.null(ssc)) return(object$vcov)
  restated(object, vcov, cluster, ssc)$vcov
}

# The model under another variance; what is not given stays. So a type alone, such as "CR2", goes
# with the clusters of the model's variance; "cluster" and "twoway" mean the fixed effects.
restated <- function(m, vcov = NULL, cluster = NULL, ssc = NULL) {
  if (is.null(vcov) && is.null(cluster) && is.null(ssc)) return(m)
  ssc <- if (is.null(ssc)) m$ssc else check_ssc(ssc)
  as_before <- is.null(vcov) && is.null(cluster)
  if (is_bare_type(m, vcov, cluster)) cluster <- own_cluster(m)
  asked <- if (as_before) m$vcov_request else list(vcov = vcov, cluster = cluster)
  set_vcov(m, asked$vcov, ssc, asked$cluster)
}

# Is it a clustered type alone, such as "CR2" or "wild(R = 99)", for a model whose variance is
# clustered?
is_bare_type <- function(m, vcov, cluster) {
  is.character(vcov) && length(vcov) == 1L && is.null(cluster) && length(m$vcov_info$G) &&
    isTRUE(vcov_registry[[trimws(sub("[(].*", "", vcov))]]$clustered)
}

# The clusters of the model's variance as they were asked for; NULL: the first fixed effect.
own_cluster <- function(m) {
  cluster <- request_cluster(m$vcov_request)
  G <- m$vcov_info$G
  if (!is.null(cluster) || length(G) < 2L) return(cluster)
  stats::as.formula(call("~", join_sum(lapply(names(G), read_written, names(m$data)))), env = m$env)
}
