# Intervals from replicates.

boot_intervals <- c("percentile", "basic", "bc", "bca")
all_boot_intervals <- c(boot_intervals, "studentised")

# t0: one estimate, t: its replicates, jack: leave-one-out values -> c(low, high)
boot_interval <- function(t0, t, jack, type, level) {
  t <- t[is.finite(t)]
  alpha <- c((1 - level) / 2, 1 - (1 - level) / 2)
  if (length(t) < 2L) return(c(NA_real_, NA_real_))
  switch(type,
    percentile = ordered_at(t, alpha),
    basic = 2 * t0 - rev(ordered_at(t, alpha)),
    bc = ordered_at(t, corrected_levels(t0, t, 0, alpha)),
    bca = ordered_at(t, corrected_levels(t0, t, acceleration(jack), alpha)))
}

# se0, se: standard errors of the estimate and of its replicates
studentised_interval <- function(t0, t, se0, se, level) {
  z <- (t - t0) / se
  z <- z[is.finite(z)]
  if (length(z) < 2L) return(c(NA_real_, NA_real_))
  t0 - se0 * rev(ordered_at(z, c((1 - level) / 2, 1 - (1 - level) / 2)))
}

# Quantiles; that one lies beyond the replicates is signalled.
ordered_at <- function(t, p) {
  if (min(p, 1 - p) * (length(t) + 1) < 1 - 1e-8) {
    signalCondition(structure(class = c("fe_extreme", "condition"),
                              list(message = "an end lies beyond the replicates", call = NULL)))
  }
  unname(stats::quantile(t, p, type = 6L))
}

corrected_levels <- function(t0, t, a, alpha) {
  z0 <- stats::qnorm((sum(t < t0) + sum(t == t0) / 2) / length(t))
  z <- z0 + stats::qnorm(alpha)
  p <- stats::pnorm(z0 + z / (1 - a * z))
  if (anyNA(p) || !is.finite(z0)) {
    stop_arg("type", "cannot be corrected for bias: the estimate lies outside all replicates",
             "Use \"percentile\", or more replicates")
  }
  p
}

acceleration <- function(jack) {
  d <- mean(jack, na.rm = TRUE) - jack[is.finite(jack)]
  if (all(d == 0)) return(0)
  sum(d^3) / (6 * sum(d^2)^1.5)
}

interval_table <- function(b, type, level) {
  if (type == "studentised" && is.null(b$se)) {
    stop_arg("type", "is \"studentised\", and the bootstrap has no standard errors",
             "Make it with fe_boot(studentise = TRUE)")
  }
  extreme <- FALSE
  out <- withCallingHandlers(t(vapply(seq_along(b$t0), function(j) {
    if (type == "studentised") {
      studentised_interval(b$t0[[j]], b$t[, j], b$se0[[j]], b$se[, j], level)
    } else boot_interval(b$t0[[j]], b$t[, j], b$jack[, j], type, level)
  }, numeric(2L))), fe_extreme = function(c) extreme <<- TRUE)
  if (extreme) {
    warn_user("an end of an interval lies beyond the replicates, and the most extreme of them is ",
              "given: take more replicates")
  }
  dimnames(out) <- list(names(b$t0), level_names(level))
  out
}
