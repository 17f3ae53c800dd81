# The joint variance of coefficients of several models: from their stacked influences, or from what
# each cluster does to them.

# Types that are a meat between influences, and those that fe_equal() knows beside them.
influence_types <- c("HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "CR1S", "NW", "DK", "conley")
joint_types <- c(influence_types, "CR2", "CR3", "CR3J", "pairs", "wild")

# -> list(b, V (of all terms of the first model, then of the second, ...), df (one number, NULL
# where each restriction has its own), eta (a function of restrictions, then), adjusted (is it
# CR2?), G, label, rows (of each model), shared)
joint_variance <- function(models, terms, request, ssc) {
  union <- union_rows(models)
  pool <- union$pool
  rows <- union$rows
  spec <- joint_spec(request, pool, joint_types)
  if (!is.null(spec$draw) && !length(spec$clusters)) rows_as_clusters(models[[1L]])
  suest <- identical(ssc, "suest")
  if (!is.null(ssc)) ssc <- if (suest) fe_ssc(K.adj = FALSE) else check_ssc(ssc)
  states <- Map(function(m, rows) member_state(m, rows, spec, ssc, pool, request), models, rows)
  entry <- vcov_registry[[spec$type]]
  scale <- if (suest) rep(suest_factor(spec, models, rows), length(models)) else
    vapply(states, entry$scale, 0)
  each <- rep(list(terms), length(models))
  made <- stacked_variance(states, rows, spec, pool, each, scale, suest)
  names <- sprintf("%s[%d]", terms, rep(seq_along(models), each = length(terms)))
  b <- unlist(lapply(models, function(m) m$coefficients[terms]), use.names = FALSE)
  spec$label <- if (is.null(made$label)) spec$label else made$label
  c(list(b = stats::setNames(b, names), V = `dimnames<-`(made$V, list(names, names)),
         type = spec$type, G = vapply(spec$clusters, `[[`, 0L, "n_levels"), rows = lengths(rows),
         label = describe_joint_variance(spec, entry, scale, if (suest) "suest" else ssc$preset),
         shared = sum(tabulate(unlist(rows), pool$n_rows) > 1L)),
    joint_df(states, rows, spec, each))
}

# terms: of each model. -> list(V, label: where it is known only after the work)
stacked_variance <- function(states, rows, spec, pool, terms, scale, suest = FALSE) {
  if (spec$type == "pairs") return(joint_pairs(states, rows, spec, terms))
  if (spec$type %in% c("CR2", "CR3", "CR3J")) {
    parts <- Map(function(s, terms, scale) sqrt(scale) * cluster_changes(s)[, terms, drop = FALSE],
                 states, terms, scale)
    return(list(V = crossprod(do.call(cbind, Map(in_pool, parts, states, rows,
                                                 spec$clusters[1L])))))
  }
  repaired <- is_repaired(vcov_registry[[spec$type]], spec$clusters)
  of <- if (repaired) lapply(states, function(s) colnames(s$design$bread)) else terms
  psi <- do.call(cbind, Map(term_influences, states, rows, of, pool$n_rows))
  root <- rep(sqrt(scale), lengths(of))
  V <- outer(root, root) * joint_meat(psi, states, rows, spec, pool, suest, lengths(of))
  V <- (V + t(V)) / 2
  list(V = if (repaired) repair_joint(V, states, of, terms) else V)
}

# Negative eigenvalues are judged by all slopes of all models, whichever are compared.
repair_joint <- function(V, states, of, terms) {
  label <- function(j, names) paste(j, names)
  each <- seq_along(states)
  dimnames(V) <- rep(list(unlist(Map(label, each, of))), 2L)
  v <- lapply(each, function(j) {
    names <- of[[j]]
    own <- constant_weights(states[[j]]$m, matrix(0, length(names), length(names),
                                                  dimnames = list(names, names)))
    if (!is.null(own)) stats::setNames(own, label(j, names(own)))
  })
  names(v) <- label(each, "(Intercept)")
  V <- repair_slopes(V, Filter(Negate(is.null), v), "joint")
  asked <- unlist(Map(label, each, terms))
  V[asked, asked, drop = FALSE]
}

# Rows of all models together -> list(pool, rows (of each model, as places among them))
union_rows <- function(models) {
  rows <- lapply(models, function(m) if (is.null(m$rows)) seq_len(m$n_data) else m$rows)
  union <- sort(unique(unlist(rows)))
  list(pool = pooled_rows(models[[1L]], union), rows = lapply(rows, match, union))
}

# Rows of all models, as far as a variance asks: a model without effects.
pooled_rows <- function(m, union) {
  pool <- m[c("data", "n_data", "env", "threads", "ssc", "control", "vcov_info")]
  pool$rows <- if (length(union) < m$n_data) union
  pool$n_rows <- pool$nobs <- length(union)
  pool$factors <- list()
  pool
}

joint_spec <- function(request, pool, known = influence_types) {
  remedy <- "Ask for \"HC1\", or clusters such as vcov = ~country"
  if (is.matrix(request$vcov) || is.function(request$vcov)) {
    stop_arg("vcov", "is a matrix or function, which says nothing of the covariance of models",
             remedy)
  }
  spec <- parse_vcov(request$vcov, request$cluster, pool)
  if (!spec$type %in% known) {
    stop_arg("vcov", sprintf("is %s, %s", dQuote(spec$type, FALSE), if (spec$type == "iid") {
      "which says nothing of how the errors of one row in two models are related"
    } else "which is not offered here"), remedy)
  }
  check_clusters(list(clusters = spec$clusters, G = vapply(spec$clusters, `[[`, 0L, "n_levels")))
  spec
}

# State of a model's own variance; its clusters are those of the pool in its rows.
member_state <- function(m, rows, spec, ssc, pool, request) {
  keep <- seq_len(pool$n_rows) %in% rows
  spec$clusters <- lapply(spec$clusters, recode, keep = keep)
  entry <- vcov_registry[[spec$type]]
  if (!is.null(entry$request) && !entry$clustered) {
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

# Sums over clusters of products of psi (k columns for each model); per set of cluster variables
# G/(G-1) of each model, where the convention has it so.
joint_meat <- function(psi, states, rows, spec, pool, suest, k) {
  one <- rep(1, pool$n_rows)
  entry <- vcov_registry[[spec$type]]
  if (!is.null(entry$request)) {
    return(entry$meat(list(m = pool, X = psi, u = one, r = one, w = NULL, spec = spec,
                           ssc = pool$ssc, clusters = list(), G = integer())))
  }
  if (!entry$clustered) return(crossprod(psi))
  conventional <- spec$type %in% c("CR1", "CR1S") && !suest
  meat <- 0
  for (set in cluster_sets(spec$clusters)) {
    coded <- Reduce(function(a, b) cross_codes(a, b, pool$threads), set$clusters)
    factor <- vapply(seq_along(states), function(j) {
      s <- if (spec$type == "CR1S") full_count(states[[j]]) else states[[j]]
      if (!conventional || s$ssc$G.df != "conventional") return(1)
      cluster_factor(s$m, s$ssc, length(unique(coded$code[rows[[j]]])), s$clusters)
    }, 0)
    root <- rep(sqrt(factor), rep_len(k, length(factor)))
    sums <- .Call(C_score_sums, psi, one, coded$code, coded$n_levels, pool$threads)
    meat <- meat + set$sign * outer(root, root) * crossprod(sums)
  }
  meat
}

# ---- what each cluster does ----------------------------------------------------------------------

# A row for each cluster: under CR2 its score with adjusted residuals, under CR3 the change of the
# estimates without it. Stacked over the models, the first are those of one regression of all
# models, each with coefficients and effects of its own (rows that two models share in it twice):
# there H is block-diagonal in the models, hence so are the B_g of Pustejovsky and Tipton (2018) and
# their roots. The second are those of all models estimated anew without the cluster.
cluster_changes <- function(s) {
  out <- if (s$spec$type == "CR2") cr2_parts(s)$score else
    jackknife_changes(s, s$spec$type == "CR3J") %*% s$design$bread
  `colnames<-`(out, colnames(s$design$bread))
}

# Rows for the clusters of a model -> rows for those of all models; zero where it has none.
in_pool <- function(x, s, rows, cluster) {
  out <- matrix(0, cluster$n_levels, ncol(x))
  out[pool_levels(s$clusters[[1L]], rows, cluster), ] <- x
  out
}

# Which clusters of all models those of one are, in the order of its codes.
pool_levels <- function(own, rows, cluster) {
  cluster$code[rows[match(seq_len(own$n_levels), own$code)]]
}

# Covariance of the replicates of all models, in which the same clusters are drawn.
joint_pairs <- function(states, rows, spec, terms) {
  cluster <- spec$cluster
  known <- unlist(Map(function(s, terms) terms %in% setdiff_constant(s$m), states, terms))
  if (!all(known)) refuse_pairs()
  numbers <- spec$draw$replicates
  batch <- ceiling(seq_along(numbers) / max(1, floor(2e7 / cluster$n_levels)))
  t <- do.call(rbind, lapply(split(numbers, batch), function(at) {
    W <- fe_boot_weights(cluster$n_levels, at, spec$draw$seed)
    do.call(cbind, Map(member_replicates, states, rows, list(W), list(cluster), terms))
  }))
  made <- stats::complete.cases(t)
  if (sum(made) < 2L) {
    stop_arg("vcov", paste("is a pairs bootstrap, of which no two replicates have a solution in",
                           "all models"), "Use wild() in its place")
  }
  spec <- boot_spec("pairs bootstrap", list(R = nrow(t), failed = sum(!made),
                                            seed = spec$draw$seed))
  list(V = stats::cov(t[made, , drop = FALSE]), label = spec$label)
}

# Replicates of a model, given how often each cluster of all models is drawn.
member_replicates <- function(s, rows, W, cluster, terms) {
  own <- recode(cluster, seq_along(cluster$code) %in% rows)
  request <- boot_request(weights = W[pool_levels(own, rows, cluster), , drop = FALSE],
                          threads = s$m$threads)
  coded <- structure(list(coded = c(own[c("code", "n_levels")], cluster["name"])),
                     class = "fe_coded")
  b <- boot_models(list(s$m), boot_names(list(s$m)), identity, coded, request)
  b$t[, terms, drop = FALSE]
}

# ---- factors and degrees of freedom --------------------------------------------------------------

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

# terms: of each model. -> list(df), or with Satterthwaite degrees of freedom list(eta, adjusted)
joint_df <- function(states, rows, spec, terms) {
  rule <- unique(vapply(states, function(s) s$ssc$t.df, ""))
  adjusted <- spec$type == "CR2" && !any(c("residual", "clusters") %in% rule)
  plain <- spec$type %in% c("CR0", "CR1", "CR1S") && identical(rule, "satterthwaite") &&
    length(spec$clusters) == 1L
  if (!adjusted && !plain) return(list(df = joint_member_df(states, spec)))
  list(eta = joint_eta(states, rows, spec$clusters[[1L]], terms, if (adjusted) -0.5 else 0),
       adjusted = adjusted)
}

# A function of restrictions (a row each on the terms of all models): eta of the stacked regression
# whose errors are independent, those of one row in two models included. p_g'p_h is then the sum of
# those of the models, so that their t and y go below each other.
joint_eta <- function(states, rows, cluster, terms, power) {
  parts <- Map(function(s, terms) {
    pick_functionals(cr2_parts(s, power), match(terms, colnames(s$design$bread)))
  }, states, terms)
  at <- Map(function(s, rows) pool_levels(s$clusters[[1L]], rows, cluster), states, rows)
  last <- cumsum(lengths(terms))
  G <- cluster$n_levels
  function(R) {
    each <- lapply(seq_along(parts), function(j) {
      of <- t(R[, last[j] - rev(seq_along(terms[[j]])) + 1L, drop = FALSE])
      spread_clusters(combine_functionals(parts[[j]], of), at[[j]], G)
    })
    htz_eta(stack_functionals(each))
  }
}

# The clusters of a model among the G of all.
spread_clusters <- function(parts, at, G) {
  spread <- function(x) {
    out <- array(0, c(dim(x)[1:2], G))
    out[, , at] <- x
    out
  }
  parts[c("own", "t")] <- lapply(parts[c("own", "t")], spread)
  if (!is.null(parts$y)) parts$y <- spread(parts$y)
  parts
}

# One set of functionals whose p_g are those of several models below each other.
stack_functionals <- function(each) {
  bind <- function(name) {
    flat <- lapply(each, function(p) matrix(p[[name]], dim(p[[name]])[1L]))
    array(do.call(rbind, flat), c(sum(vapply(flat, nrow, 0L)), dim(each[[1L]][[name]])[2:3]))
  }
  out <- list(own = Reduce(`+`, lapply(each, `[[`, "own")), t = bind("t"))
  if (all(vapply(each, function(p) is.null(p$y), NA))) return(out)
  each <- lapply(each, function(p) {
    if (is.null(p$y)) p[c("y", "u")] <- list(p$t, diag(dim(p$t)[1L]))
    p
  })
  c(out, list(y = bind("y"), u = block_diagonal(lapply(each, `[[`, "u"))))
}

block_diagonal <- function(blocks) {
  ends <- cumsum(vapply(blocks, nrow, 0L))
  out <- matrix(0, max(ends), max(ends))
  for (j in seq_along(blocks)) {
    at <- ends[j] - nrow(blocks[[j]]) + seq_len(nrow(blocks[[j]]))
    out[at, at] <- blocks[[j]]
  }
  out
}

joint_member_df <- function(states, spec) {
  residual <- min(vapply(states, function(s) s$m$df.residual, 0))
  entry <- vcov_registry[[spec$type]]
  if (!is.null(entry$request) && !entry$clustered) return(min(vapply(states, entry$df, 0)))
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
