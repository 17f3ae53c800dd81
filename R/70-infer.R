# Inference stage: coefficients + variance -> t, p, intervals, fit statistics.
#
# m$vcov_info$df, the degrees of freedom of t, is one number, or one for each coefficient, named
# like them (Satterthwaite). What reads it goes through coef_df(), functional_df() or least_df().

std_errors <- function(m) sqrt(diag(m$vcov))

coef_table <- function(m, level = 0.95) {
  b <- m$coefficients
  se <- std_errors(m)
  t <- b / se
  df <- coef_df(m)
  margin <- stats::qt(1 - (1 - level) / 2, df) * se
  data.frame(term = as.character(names(b)), estimate = unname(b), std.error = unname(se),
             statistic = unname(t), p.value = unname(2 * stats::pt(-abs(t), df)),
             conf.low = unname(b - margin), conf.high = unname(b + margin))
}

# ---- degrees of freedom --------------------------------------------------------------------------

# Of t of each coefficient, by name.
coef_df <- function(m) {
  df <- m$vcov_info$df
  names <- names(m$coefficients)
  if (!is_shared_df(df)) return(df[names])
  stats::setNames(rep(unname(df), length(names)), names)
}

is_shared_df <- function(df) length(df) == 1L

# Do they differ, so that one number would not tell them?
df_varies <- function(df) length(unique(unname(df))) > 1L

# Of the linear combinations C b, a row each, with columns named after coefficients.
functional_df <- function(m, C) df_rule(m)(C)

# A function that gives them for a C. Satterthwaite's are defined for combinations as they are for
# coefficients. Where they cannot be computed, for a model without its data, the smallest of the
# coefficients that the combination holds; of a variance not of the registry as well.
df_rule <- function(m) {
  df <- m$vcov_info$df
  if (is_shared_df(df)) return(function(C) rep(unname(df), nrow(C)))
  type <- m$vcov_info$type
  if (!isTRUE(m$lean) && type %in% c("CR0", "CR1", "CR1S", "CR2", "HC2")) {
    return(satterthwaite_rule(m, type))
  }
  function(C) {
    vapply(seq_len(nrow(C)), function(r) least_df(m, colnames(C)[C[r, ] != 0]), 0)
  }
}

satterthwaite_rule <- function(m, type) {
  s <- variance_state(m, own_spec(m), m$ssc, influence_design(m))
  of <- if (type == "HC2") hc2_rule(s) else {
    parts <- cr2_parts(s, if (type == "CR2") -0.5 else 0)
    function(by) htz_eta(combine_functionals(parts, by))
  }
  names <- colnames(s$design$bread)
  function(C) {
    key <- do.call(paste, as.data.frame(C))
    first <- which(!duplicated(key))
    found <- vapply(first, function(r) {
      by <- matrix(0, length(names), 1L, dimnames = list(names, NULL))
      by[colnames(C), ] <- C[r, ]
      unname(of(by))
    }, 0)
    found[match(key, key[first])]
  }
}

# Of the combination that takes the place of the coefficients.
hc2_rule <- function(s) {
  bread <- s$design$bread
  s$design["gram"] <- list(NULL)
  function(by) {
    s$design$bread <- bread %*% by
    hc2_df(s)
  }
}

# The smallest of the named coefficients, of all if there is no name. A model without coefficients
# has those of its clusters, or of its residuals.
least_df <- function(m, names = character()) {
  df <- m$vcov_info$df
  if (is_shared_df(df)) return(unname(df))
  if (length(df)) return(min(if (length(names)) df[names] else df))
  if (length(m$vcov_info$G)) min(m$vcov_info$G) - 1 else m$df.residual
}

# "62", or "Satterthwaite: 2.4 to 8.1"
describe_df <- function(df) {
  if (!df_varies(df)) return(format(unname(df[1L]), digits = 6L))
  ends <- vapply(range(df), format, "", digits = 3L)
  paste("Satterthwaite:", paste(unique(ends), collapse = " to "))
}

# ---- fit -----------------------------------------------------------------------------------------

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

# Wald F of all slopes under the model's variance. Where coefficients have their own degrees of
# freedom, the denominator has the smallest, which is conservative.
slope_test <- function(m) {
  at <- setdiff(names(m$coefficients), "(Intercept)")
  if (!length(at)) return(list(statistic = NA_real_, p.value = NA_real_, df = 0L))
  f <- slope_form(m, at) / length(at)
  list(statistic = f, df = length(at),
       p.value = stats::pf(f, length(at), least_df(m, at), lower.tail = FALSE))
}

# b'V^-1 b, NA if V is singular. Under "iid" from the triangular root of V / s^2, in which the
# constant, if there is one, stands first; otherwise in units that make every variance one.
slope_form <- function(m, at) {
  b <- m$coefficients[at]
  if (m$vcov_info$type == "iid") {
    kept <- seq(to = nrow(m$root), length.out = length(at))
    z <- backsolve(m$root[kept, kept, drop = FALSE], b)
    return(sum(z^2) * m$df.residual / m$rss)
  }
  V <- m$vcov[at, at, drop = FALSE]
  size <- sqrt(diag(V))
  tryCatch(sum(b / size * solve(V / outer(size, size), b / size)), error = function(e) NA_real_)
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
          describe_df(if (length(info$df)) info$df else least_df(m)))
}

significance_stars <- function(p, cuts = c("***" = 0.01, "**" = 0.05, "*" = 0.1)) {
  cuts <- sort(cuts)
  out <- rep("", length(p))
  for (s in rev(seq_along(cuts))) out[!is.na(p) & p < cuts[[s]]] <- names(cuts)[s]
  out
}
