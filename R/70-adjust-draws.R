# t statistics of a family in bootstrap replicates that draw the same clusters in every model.

# asked: list(type, B, cluster, kind, impose_null, seed, threads, progress) -> list(t, t_boot (B x
# hypotheses, complete rows), B, failed, enumerated, ...)
family_replicates <- function(family, asked) {
  models <- family$models
  for (m in models) {
    need_full(m, "a bootstrap")
    if (asked$type == "wild") need_ols(m, "the wild bootstrap of a family (type = \"wild\")", "...")
  }
  if (length(models) > 1L) check_same_data(models)
  union <- union_rows(models)
  drawn <- family_clusters(models, asked$cluster, union$pool)
  seed <- check_seed(asked$seed)
  enumerated <- asked$type == "wild" && asked$kind == "rademacher" && drawn$n_levels < 60 &&
    2^drawn$n_levels <= asked$B
  draws <- list(kind = asked$kind, enumerate = enumerated, seed = seed, first = 1,
                n = if (enumerated) 2^drawn$n_levels else asked$B)
  parts <- lapply(unique(family$at$model), function(j) {
    coded <- drawn
    coded$code <- drawn$code[union$rows[[j]]]
    terms <- family$at$term[family$at$model == j]
    if (asked$type == "wild") wild_statistics(models[[j]], terms, coded, draws, asked) else
      pairs_statistics(models[[j]], terms, coded, seed, asked)
  })
  boot <- do.call(cbind, lapply(parts, `[[`, "boot"))
  whole <- is.finite(rowSums(boot))
  if (!any(whole)) {
    stop_arg("cluster", "gives no replicate in which all statistics exist",
             "Use type = \"wild\", or leave the smallest groups out")
  }
  list(t = unlist(lapply(parts, `[[`, "t")), t_boot = boot[whole, , drop = FALSE],
       B = nrow(boot), failed = sum(!whole), enumerated = enumerated, type = asked$type,
       weights = if (asked$type == "wild") asked$kind, cluster = drawn$name, G = drawn$n_levels,
       impose_null = if (asked$type == "wild") asked$impose_null, seed = seed)
}

# Clusters over the rows of all models -> list(code, n_levels, name)
family_clusters <- function(models, cluster, pool) {
  if (identical(cluster, "row") && !"row" %in% names(pool$data)) {
    for (m in models) rows_as_clusters(m) # refuses frequency weights
    return(rows_as_clusters(pool))
  }
  if (is.null(cluster)) {
    if (!all(vapply(models, function(m) length(m$vcov_info$G) > 0L, NA))) {
      stop_arg("cluster", "is missing, and the variance of the models is not clustered",
               "Give what is drawn, for instance cluster = ~country, or cluster = \"row\"")
    }
    cluster <- request_cluster(common_request(models))
  }
  one_cluster(cluster_factors(cluster, pool, 1L))
}

# Small-sample factor of a model's own clustered variance; coded may have levels that it lacks.
own_factor <- function(m, coded) {
  clusters <- list(recode(c(coded[c("code", "n_levels")], level = list(seq_len(coded$n_levels))),
                          rep(TRUE, m$n_rows)))
  parameter_factor(m, m$ssc, clusters) *
    cluster_factor(m, m$ssc, clusters[[1L]]$n_levels, clusters)
}

# -> list(t, boot (B x terms))
wild_statistics <- function(m, terms, coded, draws, asked) {
  plan <- list(clusters = stats::setNames(list(coded), coded$name), boot = coded, type = "11",
               impose_null = asked$impose_null, ssc = m$ssc, threads = asked$threads, poly = FALSE,
               progress = FALSE)
  factor <- own_factor(m, coded)
  each <- lapply(terms, function(term) {
    hypothesis <- boottest_hypothesis(m, term, NULL, 0)
    parts <- boottest_parts(m, hypothesis, plan)
    check_variance(parts, m, hypothesis)
    rep <- .Call(C_wild, parts$wild, draws, asked$threads)
    variance <- rep[, 2L]
    variance[variance <= 0] <- NA
    scale <- as.vector(parts$block)
    list(t = parts$estimate / (scale * sqrt(factor * as.vector(parts$V))),
         boot = rep[, 1L] / sqrt(factor * variance))
  })
  list(t = vapply(each, `[[`, 0, "t"), boot = do.call(cbind, lapply(each, `[[`, "boot")))
}

pairs_statistics <- function(m, terms, coded, seed, asked) {
  request <- boot_request(asked$B, "pairs", seed = seed, studentise = TRUE,
                          threads = asked$threads, progress = asked$progress)
  source <- withCallingHandlers(boot_source(list(m), coded, request), fe_error = function(e) {
    if (identical(e$arg, "studentise")) stop_arg("type", paste(
      "is \"pairs\", and a model has large fixed effects that cut across the clusters, under which",
      "replicates have no standard error"), "Use type = \"wild\"")
  })
  at <- match(terms, setdiff_constant(m))
  k <- length(setdiff_constant(m))
  b <- boot_estimates(list(m))[at]
  diagonal <- cumsum(c(1, k:1))[at]
  factor <- own_factor(m, coded)
  batch <- function(from, n) {
    out <- source$run(list(kind = "multinomial", seed = seed, first = from, n = n), TRUE)
    variance <- factor * out$var[diagonal, , drop = FALSE]
    variance[variance <= 0] <- NA
    t((out$coef[at, , drop = FALSE] - b) / sqrt(variance))
  }
  most <- max(1, min(50000, 2^25 / k^2))
  boot <- do.call(rbind, run_batches(request$replicates, batch, most, asked$progress))
  list(t = b / sqrt(factor * colSums(source$table^2)[at]), boot = boot)
}
