# Inference stage: coefficients + variance -> t, p, intervals, fit statistics.

std_errors <- function(m) sqrt(diag(m$vcov))

coef_table <- function(m, level = 0.95) {
  b <- m$coefficients
  se <- std_errors(m)
  t <- b / se
  df <- m$vcov_info$df
  margin <- stats::qt(1 - (1 - level) / 2, df) * se
  data.frame(term = as.character(names(b)), estimate = unname(b), std.error = unname(se),
             statistic = unname(t), p.value = unname(2 * stats::pt(-abs(t), df)),
             conf.low = unname(b - margin), conf.high = unname(b + margin))
}

# R^2 and its relatives. Overall: 1 - RSS/TSS, adjusted with all K parameters; within: of the
# residuals from the fixed effects, adjusted with the slopes counted against n - (rank of the
# effects).
fit_statistics <- function(m) {
  constant <- as.numeric(m$has_constant)
  r2 <- 1 - m$rss / m$tss
  within <- 1 - m$rss / m$tss_within
  list(r.squared = r2,
       adj.r.squared = 1 - (1 - r2) * (m$nobs - constant) / m$df.residual,
       within.r.squared = within,
       within.adj.r.squared = 1 - (1 - within) * (m$nobs - m$effects_rank) / m$df.residual,
       sigma = sqrt(m$rss / m$df.residual))
}

# Wald F of all slopes under the model's variance.
slope_test <- function(m) {
  at <- setdiff(names(m$coefficients), "(Intercept)")
  if (!length(at)) return(list(statistic = NA_real_, p.value = NA_real_, df = 0L))
  b <- m$coefficients[at]
  V <- m$vcov[at, at, drop = FALSE]
  f <- tryCatch(sum(b * solve(V, b)) / length(at), error = function(e) NA_real_)
  list(statistic = f, df = length(at),
       p.value = stats::pf(f, length(at), m$vcov_info$df, lower.tail = FALSE))
}

# One line that says all there is to say about the standard errors.
describe_vcov <- function(m) {
  info <- m$vcov_info
  by <- if (length(info$G)) {
    sprintf(" by %s", paste(sprintf("%s (%d)", names(info$G), info$G), collapse = " and "))
  }
  factor <- if (is.na(info$factor)) "" else sprintf(", factor %.5g", info$factor)
  ssc <- if (length(info$G)) sprintf(" (%s)", info$ssc) else ""
  sprintf("%s%s%s%s, t(%s)", info$label, if (is.null(by)) "" else by, factor, ssc,
          format(info$df, digits = 6L))
}

significance_stars <- function(p, cuts = c("***" = 0.01, "**" = 0.05, "*" = 0.1)) {
  cuts <- sort(cuts)
  out <- rep("", length(p))
  for (s in rev(seq_along(cuts))) out[!is.na(p) & p < cuts[[s]]] <- names(cuts)[s]
  out
}
