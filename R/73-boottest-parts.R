# What a replicate of the wild bootstrap is made of: vectors a cluster.
#
# Columns are orthonormal in the metric of the weights, those of the hypotheses last: then M =
# (U'U)^- is the identity, and leaving cluster g out means solving with I - A_g.

# m: model; hypothesis: from boottest_hypothesis(); plan: list(clusters (coded variables of the
# variance), boot (the coded variable that weights are drawn by), type, impose_null, ssc, poly (are
# several null values asked for?), threads, progress) -> list(wild (for C_wild), estimate, delta, V,
# factor, root, G)
boottest_parts <- function(m, hypothesis, plan) {
  d <- boottest_design(m, hypothesis, plan)
  sets <- variance_sets(m, plan)
  if (d$path == "rows") {
    parts <- rows_parts(d, sets, plan)
  } else if (own_clusters(sets, plan$boot)) {
    parts <- own_parts(d, sets, plan)
  } else {
    parts <- crossed_parts(d, sets, plan)
  }
  c(list(wild = wild_parts(parts, d$q), V = parts$V, factor = sets$factor, G = sets$G),
    d[c("estimate", "delta", "block", "q")])
}

# Weights are drawn by the cluster variable itself.
own_clusters <- function(sets, boot) {
  length(sets$sets) == 1L && identical(sets$sets[[1L]]$code, boot$code)
}

# ---- design --------------------------------------------------------------------------------------

# -> list(x (columns), root (columns -> orthonormal ones), u (residuals), directions (a list: the
# orthonormal columns of the hypotheses), delta (their coefficients less those under the null))
boottest_design <- function(m, hypothesis, plan) {
  large <- large_design(m, hypothesis, plan)
  if (!is.null(large)) return(large)
  design <- boot_design(list(m), plan$boot, if (plan$type == "11") blocks_fit else leave_out_fits)
  x <- design$x
  absorber <- NULL
  if (design$path == "rows") {
    if (plan$type != "11") {
      stop_arg("bootstrap_type", sprintf(paste("is %s, which leaves clusters out, and the dummies",
                                               "of the fixed effects that cut across them exceed",
                                               "what is solved for: p columns of n rows with n p",
                                               "up to %.0e and n p^2 + G p^3 up to %.0e"),
                                         dQuote(plan$type, FALSE), most_held, most_operations),
               "Use \"11\", or cluster by a variable that the large fixed effects are nested in")
    }
    absorber <- new_absorber(m$factors, m$weights, m$control, plan$threads)
    x <- absorb(absorber, x, plan$threads)$x
  }
  slopes <- design$n_z + design$system$rhs[[1L]]
  y <- design$n_z + design$system$lhs
  if (!hypothesis$plain) x[, slopes] <- combine_columns(x[, slopes, drop = FALSE], hypothesis)
  order <- c(seq_len(design$n_z), slopes[-hypothesis$at], slopes[hypothesis$at])
  fit <- .Call(C_lsq, .Call(C_qr, x, m$weights, NULL, plan$threads), order, y,
               numeric(length(order)), m$control$collin_tol)
  c(list(path = design$path, absorber = absorber, x = x, w = row_weights(m)),
    orthonormal(x, y, order, fit, hypothesis),
    list(poly = plan$poly && plan$impose_null && length(hypothesis$at) == 1L))
}

# Numbers that the columns may have, and operations, where each cluster is left out of them: some
# minutes at most.
most_held <- 6e7
most_operations <- 2e11

leave_out_fits <- function(n, p, G) n * p <= most_held && n * p^2 + G * p^3 <= most_operations

# The least squares fit in terms of orthonormal columns x root.
orthonormal <- function(x, y, order, fit, hypothesis) {
  q <- length(hypothesis$at)
  kept <- seq_along(order)[fit$kept]
  if (!identical(utils::tail(kept, q), utils::tail(seq_along(order), q))) {
    stop_arg("param", "cannot be tested: it is a combination of the other regressors")
  }
  last <- length(order) - q + seq_len(q)
  block <- fit$root[last, last, drop = FALSE]
  sign <- replace(rep(1, length(order)), last, sign(diag(block)))
  root <- matrix(0, ncol(x), length(kept))
  root[order, ] <- sweep(fit$root, 2L, sign, `*`)[, kept, drop = FALSE]
  residual <- replace(numeric(ncol(x)), order, -fit$coef)
  residual[y] <- 1
  block <- sweep(block, 2L, sign[last], `*`)
  theta <- fit$coef[last]
  columns <- length(kept) - q + seq_len(q)
  list(root = root, q = q, u = as.vector(x %*% residual),
       directions = lapply(columns, function(j) as.vector(x %*% root[, j])),
       estimate = theta, block = block, delta = backsolve(block, theta - hypothesis$null))
}

# Score sums x root of a vector by the clusters: p x G.
wild_scores <- function(d, u, clusters, threads) {
  sums <- .Call(C_score_sums, d$x, d$w * u, clusters$code, clusters$n_levels, threads)
  out <- t(sums %*% d$root)
  if (is.null(d$z)) return(out)
  rbind(crossprod(d$z$root, level_sums(d$w * u, clusters, d$z, threads)), out)
}

# Residuals of the bootstrap world: under the null hypothesis where it is imposed, and the column by
# which they change with the null value.
world_residuals <- function(d, plan) {
  u <- d$u
  if (plan$impose_null) u <- u + Reduce(`+`, Map(`*`, d$directions, d$delta))
  c(list(u), if (d$poly) d$directions)
}

# ---- variance ------------------------------------------------------------------------------------

# The sets of clusters whose sums of squares make the variance, each with its sign and own factor
# -> list(sets, factor (of all), G)
variance_sets <- function(m, plan) {
  clusters <- plan$clusters
  G <- vapply(clusters, `[[`, 0L, "n_levels")
  if (substr(plan$type, 2L, 2L) == "3") {
    sets <- list(c(clusters[[1L]][c("code", "n_levels")], weight = 1))
    return(list(sets = sets, factor = (G[[1L]] - 1) / G[[1L]], G = G))
  }
  own <- length(clusters) > 1L && plan$ssc$G.df == "conventional"
  sets <- lapply(cluster_sets(clusters), function(set) {
    coded <- Reduce(function(a, b) cross_codes(a, b, plan$threads), set$clusters)
    size <- if (own) cluster_factor(m, plan$ssc, coded$n_levels, clusters) else 1
    c(coded[c("code", "n_levels")], weight = set$sign * size)
  })
  factor <- parameter_factor(m, plan$ssc, clusters) *
    if (own) 1 else cluster_factor(m, plan$ssc, min(G), clusters)
  list(sets = sets, factor = factor, G = G)
}

# ---- parts: weights by the clusters of the variance ----------------------------------------------

# -> list(S (of each power of the null value, or one: p x H scores), sets (list(weight, n, alpha (of
# each hypothesis: p x G), g, h, value (parts x entries))), V)
own_parts <- function(d, sets, plan) {
  coded <- plan$boot
  plain <- wild_scores(d, d$u, coded, plan$threads)
  own <- lapply(d$directions, wild_scores, d = d, clusters = coded, threads = plan$threads)
  S <- list(plain)
  if (plan$impose_null) S[[1L]] <- plain + Reduce(`+`, Map(`*`, own, d$delta))
  if (d$poly) S[[2L]] <- own[[1L]]
  p <- nrow(plain)
  last <- p - d$q + seq_len(d$q)
  unit <- lapply(last, unit_columns, p = p, G = coded$n_levels)
  ahead <- unit
  if (plan$type != "11") {
    leave <- leave_one_out(d$x %*% d$root, d$w, coded, plan$threads)
    if (substr(plan$type, 1L, 1L) == "3") S <- jackknife_scores(S, leave, own, plan)
    if (substr(plan$type, 2L, 2L) == "3") {
      ahead <- leave(unit, estimable = TRUE)
      own <- Map(`-`, ahead, unit)
    }
  }
  each <- function(S) vapply(ahead, function(a) colSums(a * S), numeric(coded$n_levels))
  value <- if (d$q == 1L) t(vapply(S, function(s) each(s)[, 1L], numeric(coded$n_levels))) else
    t(each(S[[1L]]))
  g <- seq_len(coded$n_levels)
  list(S = S, V = crossprod(each(plain)),
       sets = list(list(weight = 1, n = coded$n_levels, alpha = own, g = g, h = g, value = value)))
}

# The unit vector j of p, G times.
unit_columns <- function(j, p, G) replace(matrix(0, p, G), cbind(j, seq_len(G)), 1)

# Scores of residuals from fits without the own cluster, U_g'(I - H_gg)^-1 u_g: with the null
# hypothesis imposed, fits that satisfy it, whose regressors are all columns but the last.
jackknife_scores <- function(S, leave, own, plan) {
  if (!plan$impose_null) return(leave(S))
  free <- seq_len(nrow(S[[1L]]) - length(own))
  fits <- leave(lapply(S, function(S) S[free, , drop = FALSE]), columns = free)
  Map(function(S, y) {
    rbind(y, do.call(rbind, lapply(seq_along(own), function(j) {
      S[length(free) + j, ] + colSums(own[[j]][free, , drop = FALSE] * y)
    })))
  }, S, fits)
}

# A function of right-hand sides (matrices with a column for each cluster) and of the columns of Q
# that they are for, which solves (I - A_g) x = b, A_g = Q_g'W_gQ_g. Directions that only cluster g
# has are left out; with `estimable`, it is an error if x depends on them.
leave_one_out <- function(Q, w, coded, threads) {
  function(b, columns = seq_len(ncol(Q)), estimable = FALSE) {
    if (!length(columns)) return(b)
    x <- Q[, columns, drop = FALSE]
    for (b_k in if (estimable) b) {
      lost <- which(is.nan(.Call(C_leave_out, x, w, coded, b_k, b_k[, 1L, drop = FALSE], threads)))
      if (length(lost)) stop_not_estimable(lost[1L])
    }
    .Call(C_wild_leave_out, x, w, coded, b, threads)
  }
}

stop_not_estimable <- function(g) {
  stop_arg("bootstrap_type",
           sprintf(paste("leaves out one cluster at a time, and without cluster number %d (in the",
                         "order of its codes) there is no estimate"), g),
           "Use \"11\"")
}

# ---- parts: weights by other clusters ------------------------------------------------------------

crossed_parts <- function(d, sets, plan) {
  if (substr(plan$type, 1L, 1L) == "3") {
    stop_arg("bootstrap_type", sprintf(paste("is %s, which transforms the residuals of the",
                                             "clusters and so draws weights by them"),
                                       dQuote(plan$type, FALSE)),
             "Use \"11\", or leave `bootcluster` alone")
  }
  u <- world_residuals(d, plan)
  out <- lapply(sets$sets, one_crossed_set, d = d, u = u, plan = plan)
  list(S = lapply(u, wild_scores, d = d, clusters = plan$boot, threads = plan$threads),
       V = Reduce(`+`, lapply(out, `[[`, "V")), sets = out)
}

one_crossed_set <- function(set, d, u, plan) {
  threads <- plan$threads
  if (substr(plan$type, 2L, 2L) == "3") {
    Q <- d$x %*% d$root
    p <- ncol(Q)
    unit <- lapply(p - d$q + seq_len(d$q), unit_columns, p = p, G = set$n_levels)
    ahead <- leave_one_out(Q, d$w, set, threads)(unit, estimable = TRUE)
    alpha <- Map(`-`, ahead, unit)
    ahead <- lapply(ahead, function(a) rowSums(Q * t(a)[set$code, , drop = FALSE]))
  } else {
    ahead <- d$directions
    alpha <- lapply(ahead, wild_scores, d = d, clusters = set, threads = threads)
  }
  pair <- cross_codes(set, plan$boot, threads)
  sums <- function(u, code, n) .Call(C_score_sums, do.call(cbind, ahead), d$w * u, code, n, threads)
  value <- if (d$q > 1L) t(sums(u[[1L]], pair$code, pair$n_levels)) else
    do.call(rbind, lapply(u, function(u) t(sums(u, pair$code, pair$n_levels))))
  list(weight = set$weight, n = set$n_levels, alpha = alpha, g = pair$level$a, h = pair$level$b,
       value = value,
       V = set$weight * crossprod(sums(d$u, set$code, set$n_levels)))
}

# ---- parts: fixed effects that cut across the clusters -------------------------------------------

# The projected scores of the residuals of one bootstrap cluster at a time, absorbed anew.
rows_parts <- function(d, sets, plan) {
  size <- sum(vapply(sets$sets, `[[`, 0, "n_levels")) * as.double(plan$boot$n_levels)
  if (size > 3e7) {
    stop_arg("cluster", paste("cuts across fixed effects with many levels, in too many sets of",
                              "clusters to hold"),
             "Cluster by fewer variables, or by ones that the large fixed effects are nested in")
  }
  u <- world_residuals(d, plan)
  S <- lapply(u, wild_scores, d = d, clusters = plan$boot, threads = plan$threads)
  sums <- absorbed_sums(d, u, sets, plan)
  V <- 0
  out <- lapply(seq_along(sets$sets), function(k) {
    set <- sets$sets[[k]]
    alpha <- lapply(d$directions, wild_scores, d = d, clusters = set, threads = plan$threads)
    own <- .Call(C_score_sums, do.call(cbind, d$directions), d$w * d$u, set$code, set$n_levels,
                 plan$threads)
    V <<- V + set$weight * crossprod(own)
    K <- Map(function(T, i) T - crossprod(alpha[[if (d$q == 1L) 1L else i]],
                                          S[[if (d$q == 1L) i else 1L]]),
             sums[[k]], seq_along(sums[[k]]))
    list(weight = set$weight, K = K, size = vapply(sums[[k]], function(T) sum(T^2), 0))
  })
  list(S = S, V = V, direct = out)
}

# -> for each set, for each part: G x H
absorbed_sums <- function(d, u, sets, plan) {
  boot <- plan$boot
  n <- length(boot$code)
  batch <- max(1, min(boot$n_levels, floor(2e7 / n)))
  starts <- seq(1, boot$n_levels, by = batch)
  parts <- if (d$q == 1L) length(u) else d$q
  out <- lapply(sets$sets, function(set) {
    rep(list(matrix(0, set$n_levels, boot$n_levels)), parts)
  })
  bar <- if (plan$progress && length(starts) > 1L) {
    utils::txtProgressBar(max = boot$n_levels * length(u), style = 3)
  }
  if (!is.null(bar)) on.exit(close(bar))
  for (s in seq_along(u)) for (first in starts) {
    at <- first:min(first + batch - 1, boot$n_levels)
    columns <- absorb(d$absorber, outer(boot$code, at, `==`) * u[[s]], plan$threads)$x
    for (k in seq_along(out)) for (j in seq_len(d$q)) {
      set <- sets$sets[[k]]
      out[[k]][[max(s, j)]][, at] <- .Call(C_score_sums, columns, d$w * d$directions[[j]], set$code,
                                           set$n_levels, plan$threads)
    }
    if (!is.null(bar)) utils::setTxtProgressBar(bar, (s - 1) * boot$n_levels + max(at))
  }
  out
}
