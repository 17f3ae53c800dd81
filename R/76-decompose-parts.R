# The parts of a coefficient's change, their influences and their joint variance.

# -> delta (a number a group), covariates (data frame), phi (influences of the focal coefficient of
# the base model), r (n x groups: residuals from the base model of what a group adds to the fit), a
# (n x groups: influences of Gamma_g'beta_g on the full model's residuals)
decomposition_parts <- function(base, full, focal, groups) {
  phi <- influences(base)[, focal]
  wphi <- row_weights(base) * phi
  x <- raw_design(full)
  gamma <- as.vector(crossprod(x, wphi))
  names(gamma) <- colnames(x)
  beta <- full$coefficients[colnames(x)]
  parts <- lapply(groups, function(g) {
    list(delta = sum(gamma[g$columns] * beta[g$columns]),
         fit = as.vector(x[, g$columns, drop = FALSE] %*% beta[g$columns]),
         gamma = ifelse(names(gamma) %in% g$columns, gamma, 0), x0 = NULL)
  })
  with_effects <- lengths(lapply(groups, `[[`, "factors")) > 0L
  if (any(with_effects)) {
    parts[with_effects] <- effect_parts(full, groups[with_effects], parts[with_effects], wphi, x)
  }
  slopes <- influences(full)[, colnames(x), drop = FALSE]
  a <- vapply(parts, function(p) {
    out <- as.vector(slopes %*% p$gamma)
    if (is.null(p$x0)) out else out + p$x0 - as.vector(slopes %*% p$x0_slopes)
  }, numeric(full$n_rows))
  owner <- rep(names(groups), lengths(lapply(groups, `[[`, "columns")))
  at <- as.character(unlist(lapply(groups, `[[`, "columns")))
  list(delta = vapply(parts, `[[`, 0, "delta"), phi = phi,
       r = base_residuals(base, vapply(parts, `[[`, numeric(full$n_rows), "fit")), a = a,
       covariates = data.frame(term = at, group = owner, gamma = unname(gamma[at]),
                               beta = unname(beta[at]), product = unname(gamma[at] * beta[at])))
}

# Adds what the effects of the groups' factors contribute. The functional d0 has for each level the
# coefficient of the focal regressor in the regression of its dummy on the base model.
effect_parts <- function(full, groups, parts, wphi, x) {
  absorber <- model_absorber(full)
  terms <- effect_terms(full$factors)
  level <- rep(seq_along(terms$factor), terms$counts)
  effects <- level_effects(absorber, full$factors, effects_sum(full))
  gamma <- unlist(Map(function(f, value) {
    factor <- full$factors[[f]]
    code <- c(factor$code, seq_len(factor$n_levels))
    as.vector(rowsum(c(if (is.null(value)) wphi else wphi * value, numeric(factor$n_levels)), code))
  }, terms$factor, terms$value))
  rest <- full$y - as.vector(x %*% full$coefficients[colnames(x)])
  w <- row_weights(full)
  Map(function(g, p, name) {
    own <- terms$factor[level] %in% g$factors
    d0 <- ifelse(own, gamma, 0)
    size <- max(abs(d0), 1e-300)
    found <- ask_functional(absorber, d0 / size)
    if (found$defect > 1e-6) stop_inseparable(name, full)
    p$x0 <- size * found$x0
    p$x0_slopes <- as.vector(crossprod(x, w * p$x0))
    p$delta <- p$delta + sum(w * p$x0 * rest)
    p$fit <- p$fit + sum_effects(ifelse(own, effects, 0), full$factors)
    p
  }, groups, parts, names(groups))
}

stop_inseparable <- function(name, full) {
  stop_arg("groups", sprintf(paste("has a group \"%s\" of fixed effects that the data cannot tell",
                                   "from the other ones (%s)"), name,
                             quote_list(names(full$factors))),
           "Put the added fixed effects in one group")
}

# Residuals of columns (a matrix) from the regressors and fixed effects of a model.
base_residuals <- function(m, columns) {
  out <- absorb(new_absorber(m$factors, m$weights, m$control, m$threads), columns, m$threads)$x
  x <- residual_design(m)
  w <- row_weights(m)
  for (pass in 1:2) { # the second pass takes away the rounding errors of the first
    out <- out - x %*% (m$root %*% crossprod(m$root, crossprod(x, w * out)))
  }
  out
}

# ---- variance ------------------------------------------------------------------------------------

# -> list(V, df, label, G)
decomposition_variance <- function(base, full, parts, request, ssc, b1x2) {
  names <- names(parts$delta)
  out <- if (identical(request$vcov, "iid")) iid_decomposition(base, full, parts, b1x2) else
    joint_decomposition(base, full, parts, request, ssc, b1x2)
  dimnames(out$V) <- list(names, names)
  out
}

iid_decomposition <- function(base, full, parts, b1x2) {
  w <- row_weights(full)
  df <- if (b1x2) full$df.residual else base$df.residual
  of <- function(u) crossprod(u, w * u)
  list(V = of(parts$r) / df * sum(w * parts$phi^2) +
         of(parts$a) * full$rss / full$df.residual,
       df = full$df.residual, label = "iid", G = integer())
}

joint_decomposition <- function(base, full, parts, request, ssc, b1x2) {
  rows <- if (is.null(full$rows)) seq_len(full$n_data) else full$rows
  pool <- pooled_rows(full, rows)
  spec <- joint_spec(request, pool)
  k <- length(parts$delta)
  at <- rep(list(seq_len(full$n_rows)), 2L * k)
  states <- decomposition_states(list(base, full), spec, ssc, pool, request, parts)
  psi <- do.call(cbind, Map(function(s, rows) term_influences(s, rows, "part", pool$n_rows),
                            states, at))
  entry <- vcov_registry[[spec$type]]
  factor <- vapply(states, entry$scale, 0)
  root <- outer(sqrt(factor), sqrt(factor))
  meat <- function(suest) joint_meat(psi, states, at, spec, pool, suest, 1L)
  M <- root * meat(FALSE)
  if (b1x2) {
    last <- seq_len(2L * k) > k
    plain <- suest_factor(spec, list(full), list(at[[1L]])) * meat(TRUE)
    M[!outer(last, last, `&`)] <- plain[!outer(last, last, `&`)]
  }
  sum_of <- cbind(diag(k), diag(k))
  V <- sum_of %*% M %*% t(sum_of)
  if (is_repaired(entry, spec$clusters)) V <- repair_psd(V, "joint")
  list(V = (V + t(V)) / 2, df = joint_member_df(states, spec),
       label = describe_joint_variance(spec, entry, factor, if (b1x2) "b1x2" else
         if (is.null(ssc)) full$ssc$preset else ssc$preset),
       G = vapply(spec$clusters, `[[`, 0L, "n_levels"))
}

# A state of variance for each of the two terms of each group's influence: those of the base model
# with residuals r_g, then those of the full one.
decomposition_states <- function(models, spec, ssc, pool, request, parts) {
  of <- lapply(models, function(m) {
    s <- member_state(m, seq_len(pool$n_rows), spec, ssc, pool, request)
    if (spec$type %in% c("HC2", "HC3")) {
      h <- s$h()
      s$h <- function() h
    }
    s
  })
  single <- function(s, influence, u) {
    s$u <- u
    s$r <- if (is.null(row_counts(s$m))) u else u / sqrt(row_counts(s$m))
    s$design <- list(X = matrix(influence, dimnames = list(NULL, "part")),
                     bread = identity_bread("part"))
    s
  }
  w <- row_weights(models[[1L]])
  groups <- seq_along(parts$delta)
  c(lapply(groups, function(g) single(of[[1L]], parts$phi, w * parts$r[, g])),
    lapply(groups, function(g) single(of[[2L]], parts$a[, g], of[[2L]]$u)))
}

# ---- bootstrap -----------------------------------------------------------------------------------

# Replicates of all groups: the base and the full equation, and one for each added covariate.
boot_decomposition <- function(base, full, focal, parts, R, cluster, request) {
  if (!identical(names(base$factors), names(full$factors))) {
    stop_arg("R", "asks for a bootstrap, which is not available with added fixed effects",
             "Leave R at 0: the analytic errors hold for them")
  }
  first <- explicit_request(full, request$vcov, request$cluster)
  base <- set_vcov(base, first$vcov, base$ssc, first$cluster)
  models <- c(list(base, full), covariate_equations(base, full, parts$covariates$term))
  names <- lapply(models, setdiff_constant)
  boot_models(models, unlist(names, use.names = FALSE),
              by_rows(decomposition_statistic(names, focal, parts)), cluster,
              boot_request(R, threads = full$threads))
}

# The regression of each added covariate on the base model.
covariate_equations <- function(base, full, terms) {
  x <- raw_design(full)
  own <- raw_design(base)
  lapply(terms, function(term) {
    m <- refit(base, own, base$factors, x[, term])
    m$formula[[2L]] <- as.name(term)
    m["offset"] <- list(NULL)
    m
  })
}

# -> function of a matrix of coefficients (a row a replicate) that gives the rows of `effects`.
# names: of the coefficients of the base model, the full one, and each covariate's equation.
decomposition_statistic <- function(names, focal, parts) {
  covariates <- parts$covariates
  start <- cumsum(c(0L, lengths(names)))
  place <- function(model, term) start[model] + match(term, names[[model]])
  gamma <- vapply(seq_len(nrow(covariates)), function(k) place(2L + k, focal), 0)
  beta <- vapply(covariates$term, function(term) place(2L, term), 0)
  sums <- outer(covariates$group, names(parts$delta), `==`) + 0
  function(coefs) {
    delta <- (coefs[, gamma, drop = FALSE] * coefs[, beta, drop = FALSE]) %*% sums
    out <- cbind(coefs[, place(1L, focal)], delta, rowSums(delta), coefs[, place(2L, focal)])
    colnames(out) <- c("base", names(parts$delta), "explained", "full")
    out
  }
}
