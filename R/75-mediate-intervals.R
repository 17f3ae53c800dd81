# Standard errors and intervals of effects: analytic, Monte Carlo, bootstrap.

analytic_methods <- c("delta", "sobel", "aroian", "goodman")
mediation_intervals_known <- c(boot_intervals, analytic_methods, "montecarlo")

method_labels <- c(delta = "delta", sobel = "Sobel", aroian = "Aroian", goodman = "Goodman",
                   montecarlo = "Monte Carlo")

# A single product of several paths, which the product formulas are for.
is_path_product <- function(effect) {
  length(effect$products) == 1L && length(effect$products[[1L]]$forms) > 1L && is.null(effect$over)
}

# A single coefficient, or a form in those of one equation.
is_single_path <- function(effect) {
  length(effect$products) == 1L && length(effect$products[[1L]]$forms) == 1L && is.null(effect$over)
}

# Estimates and standard errors of the paths that a product is made of.
product_parts <- function(x, effect) {
  forms <- effect$products[[1L]]$forms
  V <- x$variance$V
  list(b = vapply(forms, form_values, 0, as_draw(x$coefficients)),
       se = vapply(forms, function(f) {
         sqrt(sum(f * (V[names(f), names(f), drop = FALSE] %*% f)))
       }, 0),
       scale = effect$products[[1L]]$scale)
}

# Variance of a product of independent estimates: first order (Sobel), exact (Aroian), unbiased
# (Goodman, NA where it is negative).
product_error <- function(parts, method) {
  b2 <- parts$b^2
  s2 <- parts$se^2
  v <- switch(method,
    sobel = sum(vapply(seq_along(b2), function(k) s2[k] * prod(b2[-k]), 0)),
    aroian = prod(b2 + s2) - prod(b2),
    goodman = prod(b2) - prod(b2 - s2))
  if (v < 0) NA_real_ else abs(parts$scale) * sqrt(v)
}

delta_error <- function(x, effect) {
  g <- effect_gradient(effect, x$coefficients)
  sqrt(max(0, sum(g * (x$variance$V %*% g))))
}

# All paths of the product differ from zero: the largest of their p-values.
joint_significance <- function(x, effect) {
  if (!is_path_product(effect)) return(NA_real_)
  parts <- product_parts(x, effect)
  max(2 * stats::pnorm(-abs(parts$b / parts$se)))
}

# Draws of the effects from the normal distribution of the paths' coefficients.
monte_carlo <- function(x) {
  V <- x$variance$V
  e <- eigen(V, symmetric = TRUE)
  root <- e$vectors %*% (sqrt(pmax(e$values, 0)) * t(e$vectors))
  seed <- if (is.null(x$seed)) draw_seed() else x$seed
  z <- fe_boot_weights(ncol(V), seq_len(x$draws), seed, "wild", "norm")
  theta <- t(x$coefficients[colnames(V)] + root %*% z)
  colnames(theta) <- colnames(V)
  effect_values(x$definitions, theta)
}

# One interval a row, of the effects named.
effect_intervals <- function(x, type, level, names = effect_names(x)) {
  out <- if (type == "montecarlo") {
    alpha <- (1 - level) / 2
    draws <- monte_carlo(x)[, names, drop = FALSE]
    t(apply(draws, 2L, stats::quantile, c(alpha, 1 - alpha), type = 6L, names = FALSE))
  } else if (type %in% analytic_methods) {
    analytic_intervals(x, type, level)[names, , drop = FALSE]
  } else {
    if (is.null(x$boot)) {
      stop_arg("type", sprintf("is %s, and there is no bootstrap", dQuote(type, FALSE)),
               "Give R in fe_mediate(), or ask for \"delta\" or \"montecarlo\"")
    }
    confint.fe_boot(x$boot, parm = names, level = level, type = type)
  }
  dimnames(out) <- list(names, level_names(level))
  out
}

effect_names <- function(x) vapply(x$definitions, `[[`, "", "name")

analytic_intervals <- function(x, type, level) {
  x$level <- level
  rows <- do.call(rbind, lapply(x$definitions, analytic_row, x = x, method = type))
  `rownames<-`(as.matrix(rows[c("conf.low", "conf.high")]), effect_names(x))
}

# Every type of interval from resampling: those not asked for are NA where the replicates do not
# give them.
mediation_intervals <- function(x) {
  types <- c(if (!is.null(x$boot)) boot_intervals, if (x$ci == "montecarlo") "montecarlo")
  shown <- effect_names(x)
  rows <- lapply(types, function(type) {
    ci <- if (type == x$ci) effect_intervals(x, type, x$level) else quiet_interval(x, shown, type)
    data.frame(statistic = shown, type = type, conf.low = ci[, 1L], conf.high = ci[, 2L],
               row.names = NULL)
  })
  if (length(rows)) do.call(rbind, rows)
}

# An interval that was not asked for says nothing when the replicates do not give it: it is NA.
quiet_interval <- function(x, shown, type) {
  suppressWarnings(tryCatch(
    confint.fe_boot(x$boot, parm = shown, level = x$level, type = type),
    fe_error = unless_memory(function(e) matrix(NA_real_, length(shown), 2L))
  ), classes = "fe_warning")
}

# ---- the table of effects ------------------------------------------------------------------------

mediation_effects <- function(x) {
  edges <- shown_edges(x)
  rows <- c(lapply(edges, analytic_row, x = x, method = "delta"),
            lapply(x$definitions, effect_rows, x = x))
  out <- do.call(rbind, rows)
  out <- out[order(effect_order(x, out)), ]
  rownames(out) <- NULL
  if (is.null(x$moderator)) out$at <- NULL
  out
}

# Paths that are no effects of their own.
shown_edges <- function(x) {
  if (!is.null(x$moderator)) return(list())
  edges <- x$edges[x$edges$kind %in% c("a", "d", "b", if (x$interaction) "direct"), ]
  out <- lapply(seq_len(nrow(edges)), function(r) {
    new_effect(edges$kind[r], edges$mediator[r],
               list(new_product(list(edge_form(x, edges$name[r])))))
  })
  if (!x$interaction) return(out)
  c(out, lapply(x$mediators, function(m) {
    form <- stats::setNames(1, paste0("interaction:", m))
    new_effect("interaction", m, list(new_product(list(form))))
  }))
}

# Separate mediators one after the other; else by kind.
effect_order <- function(x, table) {
  kind <- match(table$effect, names(effect_labels))
  if (x$type != "separate" || !is.null(x$moderator)) return(kind)
  place <- match(table$mediator, x$mediators)
  place[is.na(place)] <- 0
  100 * place + kind
}

analytic_row <- function(effect, x, method) {
  if (is_single_path(effect)) return(path_row(x, effect))
  row <- as_draw(x$coefficients)
  estimate <- unname(effect_values(list(effect), row)[1L, 1L])
  if (effect$effect == "share") return(effect_row(effect, estimate, method = ""))
  method <- if (is_path_product(effect)) method else "delta"
  se <- if (method == "delta") delta_error(x, effect) else
    product_error(product_parts(x, effect), method)
  z <- stats::qnorm(1 - (1 - x$level) / 2)
  effect_row(effect, estimate, se, 2 * stats::pnorm(-abs(estimate / se)), estimate - z * se,
             estimate + z * se, joint_significance(x, effect), method_labels[[method]])
}

effect_row <- function(effect, estimate, se = NA_real_, p = NA_real_, low = NA_real_,
                       high = NA_real_, joint = NA_real_, method) {
  data.frame(effect = effect$effect, mediator = effect$mediator, at = effect$at,
             estimate = estimate, std.error = se, statistic = estimate / se, p.value = p,
             conf.low = low, conf.high = high, p.joint = joint, method = method,
             term = effect$name, row.names = NULL)
}

# A form in the coefficients of one equation, under that equation's own variance and degrees of
# freedom.
path_row <- function(x, effect) {
  form <- effect$products[[1L]]$forms[[1L]]
  at <- match(names(form), x$theta$name)
  m <- all_equations(x)[[x$theta$equation[at[1L]]]]
  C <- matrix(form, 1L, dimnames = list(NULL, x$theta$term[at]))
  estimate <- sum(C * m$coefficients[colnames(C)])
  se <- sqrt(sum(C * (m$vcov[colnames(C), colnames(C), drop = FALSE] %*% t(C))[, 1L]))
  df <- functional_df(m, C)
  margin <- stats::qt(1 - (1 - x$level) / 2, df) * se
  effect_row(effect, estimate, se, 2 * stats::pt(-abs(estimate / se), df), estimate - margin,
             estimate + margin, method = m$vcov_info$type)
}

# Rows of one effect: by the chosen method, by Sobel's, and with the interval asked for.
effect_rows <- function(effect, x) {
  methods <- if (is_path_product(effect)) {
    unique(c(x$method, "sobel", intersect(x$ci, analytic_methods)))
  } else x$method
  rows <- lapply(methods, analytic_row, effect = effect, x = x)
  if (!is_single_path(effect) && !x$ci %in% analytic_methods) {
    rows <- c(if (effect$effect != "share") rows, list(resampled_row(x, effect, rows[[1L]])))
  }
  do.call(rbind, rows)
}

resampled_row <- function(x, effect, row) {
  ci <- x$intervals[x$intervals$statistic == effect$name & x$intervals$type == x$ci, ]
  booted <- x$ci != "montecarlo"
  # a ratio has no moments, so its replicates have a spread but no standard error to report
  row$std.error <- if (effect$effect == "share" || !booted) NA_real_ else
    stats::sd(x$boot$t[, effect$name], na.rm = TRUE)
  row$statistic <- row$p.value <- row$p.joint <- NA_real_
  row$conf.low <- ci$conf.low
  row$conf.high <- ci$conf.high
  row$method <- if (booted) paste("boot", x$ci) else method_labels[["montecarlo"]]
  row
}
