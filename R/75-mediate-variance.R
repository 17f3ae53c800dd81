# The joint variance of the coefficients of all paths: from the influences of the rows on them,
# stacked over equations, so that covariances across equations are the clustered ones.

# -> list(V, joint: are covariances across equations known?)
path_variance <- function(x) {
  models <- all_equations(x)
  first <- models[[1L]]
  request <- first$vcov_request
  if (first$vcov_info$type == "iid") return(list(V = classical_paths(x, models), joint = TRUE))
  pool <- pooled_rows(first, if (is.null(first$rows)) seq_len(first$n_data) else first$rows)
  spec <- tryCatch(joint_spec(request, pool), fe_error = unless_memory(function(e) NULL))
  if (is.null(spec)) return(list(V = separate_paths(x, models), joint = FALSE))
  list(V = sandwich_paths(x, models, spec, pool, request), joint = TRUE)
}

sandwich_paths <- function(x, models, spec, pool, request) {
  n <- pool$n_rows
  rows <- seq_len(n)
  states <- lapply(models, function(m) member_state(m, rows, spec, NULL, pool, request))
  theta <- x$theta
  psi <- matrix(0, n, nrow(theta), dimnames = list(NULL, theta$name))
  for (e in unique(theta$equation)) {
    at <- theta$equation == e
    psi[, at] <- term_influences(states[[e]], rows, theta$term[at], n)
  }
  equation <- c(theta$equation, rep(1L, length(x$means)))
  if (length(x$means)) {
    means <- mean_influences(x)
    if (startsWith(spec$type, "HC") && !is.null(row_counts(models[[1L]]))) {
      means <- means / sqrt(row_weights(models[[1L]]))
    }
    psi <- cbind(psi, means)
  }
  entry <- vcov_registry[[spec$type]]
  root <- sqrt(vapply(states, entry$scale, 0))[equation]
  # one member a coefficient
  meat <- joint_meat(psi, states[equation], rep(list(rows), length(equation)), spec, pool, FALSE,
                     1L)
  V <- outer(root, root) * meat
  V <- (V + t(V)) / 2
  if (is_repaired(entry, spec$clusters)) V <- repair_psd(V, "joint")
  dimnames(V) <- list(colnames(psi), colnames(psi))
  V
}

# Independent errors of one variance within an equation, correlated across equations in a row.
classical_paths <- function(x, models) {
  w <- row_weights(models[[1L]])
  theta <- x$theta
  P <- E <- matrix(0, models[[1L]]$n_rows, nrow(theta))
  for (r in seq_len(nrow(theta))) {
    m <- models[[theta$equation[r]]]
    P[, r] <- influences(m)[, theta$term[r]]
    E[, r] <- m$residuals / sqrt(m$df.residual)
  }
  V <- crossprod(E, w * E) * crossprod(P, w * P)
  dimnames(V) <- list(theta$name, theta$name)
  if (!length(x$means)) return(V)
  n <- models[[1L]]$nobs
  influence <- mean_influences(x) / sqrt(w)
  names <- c(theta$name, names(x$means))
  `dimnames<-`(block_diagonal(list(V, sum(w) / n * crossprod(influence))), list(names, names))
}

# Each equation's own variance: nothing known across equations.
separate_paths <- function(x, models) {
  if (length(x$means)) {
    stop_arg("vcov", paste("has no joint variance with the averages that natural effects need:",
                           models[[1L]]$vcov_info$label),
             "Ask for \"HC1\", or clusters such as vcov = ~country")
  }
  theta <- x$theta
  V <- matrix(0, nrow(theta), nrow(theta), dimnames = list(theta$name, theta$name))
  for (e in unique(theta$equation)) {
    at <- theta$equation == e
    V[at, at] <- models[[e]]$vcov[theta$term[at], theta$term[at]]
  }
  V
}
