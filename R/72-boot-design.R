# What a bootstrap draws, and the columns that it needs: boot_cluster() -> boot_design().

boot_cluster <- function(m, cluster) {
  G <- m$vcov_info$G
  if (is.null(cluster) && length(G)) {
    if (length(G) > 1L) {
      stop_arg("cluster", sprintf(paste("is missing, and the model's variance clusters by %s; one",
                                        "is drawn at a time"), quote_list(names(G))),
               sprintf("Give one cluster variable, for instance cluster = ~%s", names(G)[1L]))
    }
    coded <- cluster_factors(request_cluster(m$vcov_request), m, 1L)
  } else if (is.null(cluster)) {
    return(rows_as_clusters(m))
  } else {
    coded <- cluster_factors(cluster, m, 1L)
  }
  one_cluster(coded)
}

# The clusters of the model's own variance.
request_cluster <- function(asked) {
  if (is.null(asked$cluster) && inherits(asked$vcov, "formula")) {
    return(stats::as.formula(call("~", asked$vcov[[length(asked$vcov)]]),
                             env = environment(asked$vcov)))
  }
  asked$cluster
}

rows_as_clusters <- function(m) {
  if (!is.null(row_counts(m))) {
    stop_arg("cluster", paste("is missing, and rows with frequency weights cannot be drawn: each",
                              "stands for several observations"),
             "Give the clusters, or write each row as often as it counts")
  }
  list(code = seq_len(m$n_rows), n_levels = m$n_rows, name = "row")
}

one_cluster <- function(coded) {
  if (length(coded) > 1L) {
    stop_arg("cluster", sprintf("names %d variables; one is drawn at a time", length(coded)),
             "Give one cluster variable, for instance cluster = ~country")
  }
  if (coded[[1L]]$n_levels < 2L) stop_arg("cluster", "has a single value in the sample")
  c(coded[[1L]][c("code", "n_levels")], name = names(coded)[1L])
}

# ---- columns and system --------------------------------------------------------------------------

# Variables of all models once, as columns, and the equations as indices into them. The columns are
# residuals from all fixed effects: whatever weights a replicate has, it projects out what these
# took away, so its estimates are those of the raw columns. Of a model with instruments `first` of
# the system has the exogenous regressors and the instruments, projected on anew in a replicate.
boot_design <- function(models, cluster, fits = blocks_fit) {
  first <- models[[1L]]
  columns <- list()
  add <- function(key, value) {
    if (is.null(columns[[key]])) columns[[key]] <<- value
    match(key, names(columns))
  }
  add_all <- function(prefix, x) {
    list(as.integer(unlist(Map(add, sprintf("%s:%s", prefix, names(x)), x))))
  }
  system <- list(lhs = integer(), rhs = list(), first = list())
  for (m in models) {
    x <- structural_columns(m)
    system$rhs <- c(system$rhs, add_all("x", x))
    y <- paste0("y:", deparse_one(m$formula[[2L]]), digest_offset(m))
    system$lhs <- c(system$lhs, add(y, m$residuals + sum_of(x, m$coefficients[names(x)])))
    own <- if (is_iv(m)) c(add_all("x", x[m$iv$exogenous]), add_all("z", m$iv$z))
    system$first <- c(system$first, list(as.integer(unlist(own))))
  }
  v <- matrix(unlist(columns, use.names = FALSE), nrow = first$n_rows)
  c(list(system = system, cluster = cluster, w = first$weights),
    block_columns(first, v, cluster, fits))
}

# Regressors of the equation itself, endogenous ones as they are, in the order of coefficients.
structural_columns <- function(m) {
  x <- m$x[setdiff_constant(m)]
  if (is_iv(m)) x[m$iv$endogenous] <- m$iv$e
  x
}

digest_offset <- function(m) if (is.null(m$offset)) "" else paste0(":", sum(m$offset))

# Small effects that cut across clusters become dummies, less what those within clusters explain.
# fits(n, p, G): may there be p columns of n rows for G clusters?
block_columns <- function(m, v, cluster, fits = blocks_fit) {
  nested <- are_nested(m$factors, cluster)
  z <- m$factors[!nested]
  p <- sum(vapply(z, `[[`, 0L, "n_levels")[list_terms(z)$factor]) + ncol(v)
  if (!fits(as.double(m$n_rows), as.double(p), as.double(cluster$n_levels))) {
    if (has_slopes(m$factors)) {
      stop_arg("cluster",
               "cuts across fixed effects with varying slopes that are too many to resample",
               "Cluster by a variable that these fixed effects are nested in")
    }
    codes <- c(code_list(m$factors), list(control = core_control(m$control)))
    return(list(path = "rows", x = v, n_z = 0L, codes = codes))
  }
  z <- dummy_columns(z)
  if (has_constant(m$factors) && !has_constant(m$factors[nested])) {
    z <- c(list(rep(1, m$n_rows)), z)
  }
  if (!length(z)) return(list(path = "blocks", x = v, n_z = 0L))
  absorber <- new_absorber(m$factors[nested], m$weights, m$control, m$threads)
  x <- do.call(cbind, c(absorb(absorber, z, m$threads)$x, list(v)))
  list(path = "blocks", x = x, n_z = ncol(x) - ncol(v))
}

# Cross-products of every cluster are held, and solved in every replicate.
blocks_fit <- function(n, p, G) p <= most_columns && max(G * p * (p + 1) / 2, n * p) <= 6e7

# ---- influences ----------------------------------------------------------------------------------

# What a unit of weighted residual of each row adds to each coefficient (n x k, or factors of it).
coefficient_influences <- function(m) {
  design <- influence_design(m, list(x0 = NULL, x0_slopes = NULL))
  list(X = design$X, bread = design$bread[, setdiff_constant(m), drop = FALSE])
}

# What each cluster's residuals add to the coefficients of all models: G x coefficients. Its
# cross-product is the CR0 variance, estimates less its rows the infinitesimal jackknife.
influence_table <- function(models, cluster) {
  parts <- lapply(models, function(m) {
    design <- coefficient_influences(m)
    .Call(C_score_sums, design$X, weighted_residuals(m), cluster$code, cluster$n_levels,
          m$threads) %*% design$bread
  })
  unname(do.call(cbind, parts))
}
