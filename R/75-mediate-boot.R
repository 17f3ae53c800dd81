# Bootstrap replicates of the effects of a mediation.

boot_mediate <- function(x, cluster, request) {
  if (length(x$means)) {
    need_averages(request$type, "type")
    if (request$studentise) {
      stop_arg("studentise", "has no replicates of the averages that natural effects need",
               "Use other intervals")
    }
  }
  models <- all_equations(x)
  names <- lapply(models, setdiff_constant)
  first <- cumsum(c(0L, lengths(names)))
  at <- vapply(seq_len(nrow(x$theta)), function(r) {
    e <- x$theta$equation[r]
    first[e] + match(x$theta$term[r], names[[e]])
  }, 0L)
  statistic <- function(coefs) {
    theta <- coefs[, at, drop = FALSE]
    colnames(theta) <- x$theta$name
    draws_and_effects(x, with_means(theta, x$means))
  }
  if (is.null(cluster) && !length(x$models$total$vcov_info$G) && length(x$models$total$factors)) {
    cluster <- factor_as_cluster(x$models$total)
  }
  b <- boot_models(models, unlist(names, use.names = FALSE), by_rows(statistic), cluster, request)
  if (length(x$means) && request$type != "wild") resample_means(b, x, cluster, request) else b
}

need_averages <- function(type, arg) {
  if (type != "residual") return(invisible())
  stop_arg(arg, "is \"residual\", whose replicates hold no averages, which natural effects need",
           "Use \"pairs\"")
}

# Effects, then the paths' coefficients that are none.
draws_and_effects <- function(x, theta) {
  effects <- effect_values(x$definitions, theta)
  paths <- setdiff(x$theta$name, colnames(effects))
  cbind(effects, theta[, paths, drop = FALSE])
}

# means: one for all draws, or a row a draw.
with_means <- function(theta, means) {
  if (!length(means)) return(theta)
  if (is.null(dim(means))) {
    means <- matrix(means, nrow(theta), length(means), byrow = TRUE,
                    dimnames = list(NULL, names(means)))
  }
  cbind(theta, means)
}

# The averages of each replicate's rows: sums of clusters by their weights.
resample_means <- function(b, x, cluster, request) {
  m <- x$models$total
  coded <- drawn_clusters(m, cluster)
  w <- row_weights(m)
  vars <- sub("^mean:", "", names(x$means))
  values <- vapply(vars, function(v) as.double(take_rows(m$data[[v]], m$rows)), numeric(m$n_rows))
  sums <- rowsum(cbind(w, w * values), coded$code)
  averages <- function(total) {
    out <- total[, -1L, drop = FALSE] / total[, 1L]
    `dimnames<-`(out, list(NULL, names(x$means)))
  }
  drawn <- if (request$kind == "given") request$given[, b$replicates, drop = FALSE] else
    fe_boot_weights(b$G, b$replicates, b$seed, b$type)
  again <- function(t, means) {
    draws_and_effects(x, with_means(t[, x$theta$name, drop = FALSE], means))
  }
  b$t <- again(b$t, averages(crossprod(drawn, sums)))
  all <- matrix(colSums(sums), nrow(sums), ncol(sums), byrow = TRUE)
  b$jack <- again(b$jack, averages(all - sums))
  b
}

factor_as_cluster <- function(m) {
  structure(list(coded = one_cluster(m$factors[1L])), class = "fe_coded")
}
