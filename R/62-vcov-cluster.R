# CR2, the cluster variance that corrects for the leverage of a cluster, and the Satterthwaite
# degrees of freedom of a clustered variance and of HC2.
#
# The design of a model is [N | Z]: effects nested in the clusters, and all the rest. Q is an
# orthonormal basis, Q'WQ = I, of what N leaves of Z: of the dummies that cut across clusters (z),
# then of the regressors, whose residuals from all effects are orthogonal to z.

cluster_df <- function(s) {
  if (s$ssc$t.df == "residual") return(s$m$df.residual)
  if (s$ssc$t.df == "satterthwaite" && length(s$G) == 1L) {
    return(satterthwaite(cr2_parts(s, power = 0)))
  }
  min(s$G) - 1
}

cr2_df <- function(s) {
  switch(s$ssc$t.df, residual = s$m$df.residual, clusters = min(s$G) - 1,
         satterthwaite(cr2_parts(s)))
}

# ---- basis ---------------------------------------------------------------------------------------

# Numbers and operations beyond which bases of crossing effects are not formed: some GB, and
# minutes.
most_numbers <- 3e8
basis_operations <- 2e11

# absorbed: which factors of the model are N -> list(q (n x p), n_z (columns of z among them),
# nested (factors)). NULL where the other effects are too many.
effect_basis <- function(m, absorbed) {
  z <- m$factors[!absorbed]
  if (!basis_fits(m, !absorbed)) return(NULL)
  nested <- m$factors[absorbed]
  z <- dummy_columns(z)
  if (has_constant(m$factors) && !has_constant(nested)) z <- c(list(rep(1, m$n_rows)), z)
  z <- residual_basis(z, m, nested)
  root <- matrix(0, length(z$columns) + length(m$x), ncol(z$root) + ncol(m$root))
  root[seq_len(nrow(z$root)), seq_len(ncol(z$root))] <- z$root
  root[length(z$columns) + seq_along(m$x), ncol(z$root) + seq_len(ncol(m$root))] <- m$root
  x <- c(z$columns, lapply(unname(m$x), as.double))
  list(q = if (length(x)) .Call(C_rotate, x, root, m$threads) else matrix(0, m$n_rows, 0L),
       n_z = ncol(z$root), nested = nested)
}

# Columns of z and regressors. With n rows and k slopes, p columns take n p^2 operations and hold
# p max(n, k G) numbers for G clusters.
crossing_columns <- function(m, crossing) {
  z <- m$factors[crossing]
  sum(vapply(z, `[[`, 0L, "n_levels")[list_terms(z)$factor]) + length(m$x)
}

basis_fits <- function(m, crossing, G = 0) {
  p <- as.double(crossing_columns(m, crossing))
  n <- as.double(m$n_rows)
  p * max(n, length(m$x) * G) <= most_numbers && n * p^2 <= basis_operations
}

# What N leaves of columns (a list) -> list(columns, root), columns times root an orthonormal basis.
# Columns that N explains leave nothing but rounding errors.
residual_basis <- function(z, m, nested) {
  if (!length(z)) return(list(columns = list(), root = matrix(0, 0L, 0L)))
  w <- m$weights
  raw <- sqrt(vapply(z, function(x) drop(if (is.null(w)) crossprod(x) else crossprod(x, w * x)), 0))
  z <- absorb(new_absorber(nested, w, m$control, m$threads), z, m$threads)$x
  factor <- .Call(C_qr, c(z, list(as.double(m$residuals))), w, NULL, m$threads)
  fit <- .Call(C_lsq, factor, seq_along(z), length(z) + 1L, 1e-8 * raw, m$control$collin_tol)
  list(columns = z, root = fit$root[, fit$kept, drop = FALSE])
}

cluster_basis <- function(m, coded) {
  nested <- are_nested(m$factors, coded)
  if (basis_fits(m, !nested, coded$n_levels)) effect_basis(m, nested)
}

# crossing: which factors cut across the clusters.
needed_basis <- function(basis, m, crossing, what, remedy) {
  if (!is.null(basis)) return(basis)
  p <- as.double(crossing_columns(m, crossing))
  stop_arg("vcov", sprintf(paste("needs %s of fixed effects that cut across the clusters, with the",
                                 "slopes %.0f columns of %.0f rows; the limits are %.0e numbers",
                                 "(rows x columns, or slopes x clusters x columns) and %.0e",
                                 "operations (rows x columns^2)"),
                           what, p, as.double(m$n_rows), most_numbers, basis_operations), remedy)
}

# The functionals whose variance is wanted: columns of influences (n x c) and their components r in
# Q (p x c).
functional_parts <- function(s, basis) {
  design <- s$design
  slopes_only <- !is.null(design$gram) && identical(design$X, s$m$x)
  psi <- influences(s$m, design)
  r <- if (slopes_only) {
    rbind(matrix(0, basis$n_z, ncol(psi)), t(s$m$root))
  } else crossprod(basis$q, if (is.null(s$w)) psi else s$w * psi)
  list(psi = unname(psi), r = unname(r))
}

check_one_way <- function(s, type) {
  if (length(s$clusters) == 1L) return(s$clusters[[1L]])
  stop_arg("vcov", sprintf("is %s by %s, which is not defined: how to adjust for leverage in %s",
                           type, quote_list(names(s$clusters)),
                           "several directions at once is an open problem"),
           "Give one cluster variable, or use \"CR1\"")
}

# ---- bias-reduced linearisation ------------------------------------------------------------------

# Scores with the residuals of cluster g times B_g^power, and what their degrees of freedom need
# -> list(score, own, t, y, u); see core/cr2.h.
cr2_parts <- function(s, power = -0.5) {
  key <- format(power)
  if (!is.null(s$cache[[key]])) return(s$cache[[key]])
  coded <- check_one_way(s, if (power == 0) "a variance with Satterthwaite degrees of freedom" else
    "\"CR2\"")
  basis <- needed_basis(cluster_basis(s$m, coded), s$m, !are_nested(s$m$factors, coded),
                        "the leverages",
                        "Use \"CR3\" or \"CR1\", or cluster by a variable that they are nested in")
  functional <- functional_parts(s, basis)
  weighted <- if (!is.null(s$w) && is.null(row_counts(s$m))) {
    weighted_parts(s, basis, coded, functional)
  }
  parts <- .Call(C_cr2, list(q = basis$q, w = s$w, e = s$m$residuals, r = functional$r),
                 coded[c("code", "n_levels")], weighted, power, TRUE, s$m$threads)
  parts["u"] <- list(weighted$u)
  colnames(parts$score) <- colnames(s$design$bread)
  s$cache[[key]] <- parts
  parts
}

# With analytic weights the working variance is the identity, and the effects of a cluster stay.
weighted_parts <- function(s, basis, coded, functional) {
  terms <- list_terms(basis$nested)
  levels <- as.integer(vapply(basis$nested, `[[`, 0L, "n_levels")[terms$factor])
  check_local_size(coded, basis, terms, ncol(basis$q))
  list(nested = list(code = lapply(terms$factor, function(f) basis$nested[[f]]$code),
                     n_levels = levels, value = lapply(terms$value, function(v) v)),
       psi = functional$psi, u = crossprod(s$w * basis$q))
}

# A cluster costs s^3, s = min(rows, 2 (columns of Q + own effects)).
check_local_size <- function(coded, basis, terms, p) {
  own <- numeric(coded$n_levels)
  for (f in terms$factor) {
    owner <- integer(basis$nested[[f]]$n_levels)
    owner[basis$nested[[f]]$code] <- coded$code
    own <- own + tabulate(owner, coded$n_levels)
  }
  rows <- tabulate(coded$code, coded$n_levels)
  size <- pmin(rows, 2 * (p + own))
  if (max(size) <= 3000 && sum(size^3) <= 1e12) return(invisible())
  stop_arg("vcov", sprintf(paste("needs, with weights, a spectral decomposition of order %.0f for",
                                 "the largest cluster and %.1e operations in all; the limits are",
                                 "3000 and 1e12"), max(size), sum(size^3)),
           "Use \"CR3\" or \"CR1\", or smaller clusters")
}

# ---- degrees of freedom --------------------------------------------------------------------------

# Satterthwaite's, one for each functional (Pustejovsky and Tipton 2018, equation 11).
satterthwaite <- function(parts) {
  names <- colnames(parts$score)
  out <- vapply(seq_along(names), function(j) htz_eta(pick_functionals(parts, j)), 0)
  stats::setNames(out, names)
}

# Combinations of the functionals: the columns of `by`, or some of them.
pick_functionals <- function(parts, at) {
  take <- function(x) x[, at, , drop = FALSE]
  list(own = parts$own[at, at, , drop = FALSE], t = take(parts$t),
       y = if (!is.null(parts$y)) take(parts$y), u = parts$u)
}

combine_functionals <- function(parts, by) {
  mix <- function(x) {
    d <- dim(x)
    out <- matrix(aperm(x, c(1L, 3L, 2L)), ncol = d[2L]) %*% by
    aperm(array(out, c(d[1L], d[3L], ncol(by))), c(1L, 3L, 2L))
  }
  own <- aperm(mix(aperm(mix(parts$own), c(2L, 1L, 3L))), c(2L, 1L, 3L))
  list(own = own, t = mix(parts$t), y = if (!is.null(parts$y)) mix(parts$y), u = parts$u)
}

# eta of the Hotelling approximation for q functionals (q = 1: Satterthwaite's nu). With
# P_gh[i, j] = p_gi'p_hj of functionals that are uncorrelated and of unit variance,
#   eta = q (q + 1) / sum_gh (tr(P_gh)^2 + tr(P_gh P_gh)).
# Off the diagonal P_gh[i, j] = -(t_gi'k_hj + k_gi't_hj) with k = y - U t / 2, so that the double
# sum is one of products of Gram matrices of order p q.
htz_eta <- function(parts) {
  q <- dim(parts$own)[1L]
  total <- apply(parts$own, 1:2, sum)
  if (q > 1L && all(diag(total) > 0)) { # eta does not depend on the functionals' units
    unit <- 1 / sqrt(diag(total))
    parts <- combine_functionals(parts, diag(unit))
    total <- total * outer(unit, unit)
  }
  e <- eigen(total, symmetric = TRUE)
  if (!all(e$values > 1e-12 * max(e$values, 0))) return(NA_real_)
  if (q > 1L) parts <- combine_functionals(parts, e$vectors %*% diag(1 / sqrt(e$values)))
  if (q == 1L && is.null(parts$y)) return(e$values^2 / single_sums(parts))
  k <- if (is.null(parts$y)) parts$t / 2 else {
    parts$y - array(parts$u %*% matrix(parts$t, nrow(parts$u)), dim(parts$t)) / 2
  }
  unit <- if (q > 1L) 1 else e$values^2 # one functional need not be scaled before
  unit * q * (q + 1) /
    (pair_sums(parts$t, k) + own_sums(parts$own) - own_sums(low_rank_own(parts$t, k)))
}

# sum_gh P_gh^2 of one functional: P_gh = -t_g't_h off the diagonal.
single_sums <- function(parts) {
  t <- matrix(parts$t, dim(parts$t)[1L])
  sum(tcrossprod(t)^2) + sum(parts$own^2) - sum(colSums(t^2)^2)
}

# sum_g (tr(P_g)^2 + tr(P_g P_g))
own_sums <- function(own) {
  q <- dim(own)[1L]
  trace <- Reduce(`+`, lapply(seq_len(q), function(i) own[i, i, ]))
  sum(trace^2) + sum(own * aperm(own, c(2L, 1L, 3L)))
}

low_rank_own <- function(t, k) {
  q <- dim(t)[2L]
  out <- array(0, c(q, q, dim(t)[3L]))
  one <- function(x, i) matrix(x[, i, ], dim(x)[1L])
  for (i in seq_len(q)) {
    for (j in seq_len(q)) {
      out[i, j, ] <- -colSums(one(t, i) * one(k, j) + one(k, i) * one(t, j))
    }
  }
  out
}

# The sum over all pairs of clusters of what low_rank_own() gives for g = h.
pair_sums <- function(t, k) {
  p <- dim(t)[1L]
  q <- dim(t)[2L]
  if (p == 0L) return(0)
  flat <- function(x) matrix(x, p * q)
  tt <- tcrossprod(flat(t))
  kk <- tcrossprod(flat(k))
  tk <- tcrossprod(flat(t), flat(k))
  at <- function(i) (i - 1L) * p + seq_len(p)
  crossed <- 0
  for (i in seq_len(q)) {
    for (j in seq_len(q)) {
      crossed <- crossed + sum(tt[at(i), at(j)] * kk[at(j), at(i)]) +
        sum(tk[at(i), at(j)] * t(tk[at(i), at(j)]))
    }
  }
  2 * (sum(tt * kk) + sum(tk * t(tk)) + crossed)
}

# Degrees of freedom eta of the Hotelling approximation for C b under CR2 (Pustejovsky and Tipton
# 2018, section 3). cluster: one coded variable, or what vcov() takes; C: a row for each constraint,
# a column for each coefficient.
cr2_htz <- function(m, cluster, ssc, C) {
  need_full(m, "degrees of freedom of CR2")
  if (!is.list(cluster)) cluster <- cluster_factors(cluster, m, 1L)[[1L]]
  s <- variance_state(m, list(type = "CR2", clusters = list(cluster = cluster)), ssc,
                      influence_design(m))
  htz_eta(combine_functionals(cr2_parts(s), t(matrix(C, ncol = length(m$coefficients)))))
}

# Degrees of freedom of HC2, rows being clusters: sum_i P_ii^2 over pairs, with
# P_ij = a_i a_j (delta_ij - h_ij) and a_i^2 = psi_i^2 / (1 - h_ii). The effects of the largest
# factor have h_ij = 1 / W_l within a level; q holds the rest.
hc2_df <- function(s) {
  m <- s$m
  plain <- lengths(lapply(m$factors, `[[`, "slopes")) == 0L
  size <- vapply(m$factors, `[[`, 0L, "n_levels") * plain
  absorbed <- seq_along(size) == which.max(size) & plain
  basis <- needed_basis(effect_basis(m, absorbed), m, !absorbed, "the products of rows",
                        "Use ssc = fe_ssc(t.df = \"min\"), that is n - K")
  times <- if (is.null(row_counts(m))) 1 else row_counts(m)
  root <- if (is.null(s$w) || !is.null(row_counts(m))) rep(1, m$n_rows) else sqrt(s$w)
  h <- s$h()
  psi <- functional_parts(s, basis)$psi
  level <- basis$nested
  out <- apply(psi, 2L, function(x) {
    a <- (root * x)^2 / (1 - h)
    sum(times * a * (1 - h))^2 /
      (sum(times * a^2 * (1 - 2 * h)) + hat_products(times * a, root, basis$q, level, s$w))
  })
  stats::setNames(out, colnames(s$design$bread))
}

# sum_ij a_i a_j h_ij^2
hat_products <- function(a, root, q, level, w) {
  f <- root * q
  within <- 0
  if (length(level)) {
    code <- level[[1L]]$code
    mass <- as.vector(rowsum(if (is.null(w)) rep(1, length(code)) else w, code))
    within <- sum((as.vector(rowsum(a * root^2, code)) / mass)^2) +
      2 * sum(rowsum(a * root * f, code)^2 / mass)
  }
  within + sum(crossprod(f, a * f)^2)
}
