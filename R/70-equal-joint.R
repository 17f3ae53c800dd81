# The joint variance of coefficients of several models, from their stacked influences.

# -> list(b, V (of all terms of the first model, then of the second, ...), df, G, label, rows (of
# each model), shared)
joint_variance <- function(models, terms, request, ssc) {
  rows <- lapply(models, function(m) if (is.null(m$rows)) seq_len(m$n_data) else m$rows)
  union <- sort(unique(unlist(rows)))
  rows <- lapply(rows, match, union)
  pool <- pooled_rows(models[[1L]], union)
  spec <- joint_spec(request, pool)
  suest <- identical(ssc, "suest")
  if (!is.null(ssc)) ssc <- if (suest) fe_ssc(K.adj = FALSE) else check_ssc(ssc)
  states <- Map(function(m, rows) member_state(m, rows, spec, ssc, pool, request), models, rows)
  psi <- Map(function(s, at) term_influences(s, at, terms, pool$n_rows), states, rows)
  psi <- do.call(cbind, psi)
  entry <- vcov_registry[[spec$type]]
  scale <- if (suest) rep(suest_factor(spec, models, rows), length(models)) else
    vapply(states, entry$scale, 0)
  root <- rep(sqrt(scale), each = length(terms))
  V <- outer(root, root) * joint_meat(psi, states, rows, spec, pool, suest, length(terms))
  V <- (V + t(V)) / 2
  names <- sprintf("%s[%d]", terms, rep(seq_along(models), each = length(terms)))
  if (length(spec$clusters) > 1L || isTRUE(entry$repair)) V <- repair_psd(V, "joint")
  dimnames(V) <- list(names, names)
  b <- unlist(lapply(models, function(m) m$coefficients[terms]), use.names = FALSE)
  list(b = stats::setNames(b, names), V = V, df = joint_member_df(states, spec),
       G = vapply(spec$clusters, `[[`, 0L, "n_levels"), type = spec$type,
       label = describe_joint_variance(spec, entry, scale, if (suest) "suest" else ssc$preset),
       rows = lengths(rows), shared = sum(tabulate(unlist(rows), pool$n_rows) > 1L))
}

# Rows of all models, as far as a variance asks: a model without effects.
pooled_rows <- function(m, union) {
  pool <- m[c("data", "n_data", "env", "threads", "ssc", "control")]
  pool$rows <- if (length(union) < m$n_data) union
  pool$n_rows <- pool$nobs <- length(union)
  pool$factors <- list()
  pool
}

joint_spec <- function(request, pool) {
  remedy <- "Ask for \"HC1\", or clusters such as vcov = ~country"
  if (is.matrix(request$vcov) || is.function(request$vcov)) {
    stop_arg("vcov", "is a matrix or function, which says nothing of the covariance of models",
             remedy)
  }
  spec <- parse_vcov(request$vcov, request$cluster, pool)
  known <- c("HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "NW", "DK", "conley")
  if (!spec$type %in% known) {
    stop_arg("vcov", sprintf("is %s, for which no joint variance of models is known",
                             dQuote(spec$type, FALSE)), remedy)
  }
  check_clusters(list(clusters = spec$clusters, G = vapply(spec$clusters, `[[`, 0L, "n_levels")))
  spec
}

# State of a model's own variance; its clusters are those of the pool in its rows.
member_state <- function(m, rows, spec, ssc, pool, request) {
  keep <- seq_len(pool$n_rows) %in% rows
  spec$clusters <- lapply(spec$clusters, recode, keep = keep)
  if (!is.null(vcov_registry[[spec$type]]$request)) {
    spec <- parse_vcov(request$vcov, request$cluster, m)
  }
  s <- variance_state(m, spec, if (is.null(ssc)) m$ssc else ssc, influence_design(m))
  check_clusters(s)
  s
}

# psi: a row for each row of the pool, a column for each term.
term_influences <- function(s, rows, terms, n) {
  u <- switch(s$spec$type, HC0 = , HC1 = s$r, HC2 = s$r / sqrt(1 - s$h()), HC3 = s$r / (1 - s$h()),
              s$u)
  out <- matrix(0, n, length(terms))
  out[rows, ] <- u * influences(s$m, s$design)[, terms, drop = FALSE]
  out
}

# Sums over clusters of products of psi; per set of cluster variables G/(G-1) of each model, where
# the convention has it so.
joint_meat <- function(psi, states, rows, spec, pool, suest, k) {
  one <- rep(1, pool$n_rows)
  entry <- vcov_registry[[spec$type]]
  if (!is.null(entry$request)) {
    return(entry$meat(list(m = pool, X = psi, u = one, r = one, w = NULL, spec = spec,
                           ssc = pool$ssc, clusters = list(), G = integer())))
  }
  if (!entry$clustered) return(crossprod(psi))
  conventional <- spec$type == "CR1" && !suest
  meat <- 0
  for (set in cluster_sets(spec$clusters)) {
    coded <- Reduce(function(a, b) cross_codes(a, b, pool$threads), set$clusters)
    factor <- vapply(seq_along(states), function(j) {
      s <- states[[j]]
      if (!conventional || s$ssc$G.df != "conventional") return(1)
      cluster_factor(s$m, s$ssc, length(unique(coded$code[rows[[j]]])), s$clusters)
    }, 0)
    root <- rep(sqrt(factor), each = k)
    sums <- .Call(C_score_sums, psi, one, coded$code, coded$n_levels, pool$threads)
    meat <- meat + set$sign * outer(root, root) * crossprod(sums)
  }
  meat
}

# One factor for all models; "HC0" and "CR0" have none. rows: of each model among those of all.
suest_factor <- function(spec, models, rows) {
  if (spec$type %in% c("HC0", "CR0")) return(1)
  if (!spec$type %in% c("HC1", "CR1")) {
    stop_arg("ssc", sprintf("is \"suest\", which has no factor for %s", spec$type),
             "Use it with \"HC1\" or clusters")
  }
  G <- vapply(spec$clusters, `[[`, 0L, "n_levels")
  counts <- rep(1, max(unlist(rows)))
  for (j in seq_along(models)) {
    times <- row_counts(models[[j]])
    if (!is.null(times)) counts[rows[[j]]] <- times
  }
  n <- if (length(G)) min(G) else sum(counts)
  n / (n - 1)
}

joint_member_df <- function(states, spec) {
  residual <- min(vapply(states, function(s) s$m$df.residual, 0))
  if (!is.null(vcov_registry[[spec$type]]$request)) {
    return(min(vapply(states, vcov_registry[[spec$type]]$df, 0)))
  }
  by_clusters <- all(vapply(states, function(s) s$ssc$t.df != "residual", NA))
  if (!length(spec$clusters) || !by_clusters) return(residual)
  min(vapply(spec$clusters, `[[`, 0L, "n_levels")) - 1
}

describe_joint_variance <- function(spec, entry, scale, ssc) {
  G <- vapply(spec$clusters, `[[`, 0L, "n_levels")
  sprintf("%s%s, factors %s (%s)", if (is.null(spec$label)) entry$label else spec$label,
          if (length(G)) {
            paste(" by", paste(sprintf("%s (%d)", names(G), G), collapse = " and "))
          } else "",
          paste(format_plain(unique(scale), 5L), collapse = ", "),
          if (is.null(ssc)) "of each model" else ssc)
}
