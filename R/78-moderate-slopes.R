# Slopes of a moderation and the region in which they differ from zero.

product_names <- function(object) {
  suffix <- if (object$kind == "factor") contrast_names(object$observed) else ""
  paste0(term_label(object$treat), ":", term_label(object$moderator), suffix)
}

# A column as the names of coefficients write it: in backticks where it needs them.
term_label <- function(name) deparse(as.name(name), backtick = TRUE)

contrast_names <- function(f) {
  names <- colnames(stats::contrasts(f))
  if (is.null(names)) seq_len(nlevels(f) - 1L) else names
}

# The slope is a function of the data only if no column it needs was left out of the model.
check_slope_estimable <- function(object) {
  m <- object$model
  if (term_label(object$treat) %in% m$collinear) {
    stop_arg("treat", sprintf("is `%s`, which was left out as collinear with the %s", object$treat,
                              if (has_constant(m$factors)) "fixed effects" else "constant"),
             "Its slope cannot be estimated; the treatment must vary within the fixed effects")
  }
  gone <- intersect(product_names(object), m$collinear)
  if (length(gone)) {
    stop_arg("moderator", sprintf("gives the product %s, which was left out as collinear",
                                  quote_list(gone)),
             paste("Within the fixed effects `treat` must vary", if (object$kind == "factor") {
               "in every level; leave the other levels out by `subset`"
             } else "in rows of different values of the moderator"))
  }
  check_moderator_apart(object)
}

# A main effect of the moderator that was left out must not be a combination of treat and the
# products: then their coefficients would be mixtures. Its regression on the kept columns tells.
check_moderator_apart <- function(object) {
  m <- object$model
  columns <- moderator_design(object)
  columns <- columns[, colnames(columns) %in% m$collinear, drop = FALSE]
  if (!ncol(columns)) return(invisible())
  absorber <- new_absorber(m$factors, m$weights, m$control)
  within <- absorb(absorber, columns, m$threads)$x
  w <- if (is.null(m$weights)) 1 else m$weights
  x <- residual_design(m)
  share <- m$bread %*% crossprod(x, w * within)
  at <- c(term_label(object$treat), product_names(object))
  part <- abs(share[at, , drop = FALSE]) * sqrt(colSums(w * x[, at, drop = FALSE]^2))
  size <- sqrt(colSums(w * scale(columns, scale = FALSE)^2))
  if (any(t(part) > 1e-6 * size)) {
    stop_arg("moderator", sprintf("is `%s`, which is collinear with `%s` or with their product",
                                  object$moderator, object$treat),
             "The slope cannot be told from the moderator's effect; use another moderator")
  }
}

# Main-effect columns of the moderator, by the names that the model gives them.
moderator_design <- function(object) {
  v <- object$observed
  if (object$kind != "factor") {
    return(matrix(v, dimnames = list(NULL, term_label(object$moderator))))
  }
  x <- stats::contrasts(v)[as.integer(v), , drop = FALSE]
  dimnames(x) <- list(NULL, paste0(term_label(object$moderator), contrast_names(v)))
  x
}

# -> data frame (value, label)
moderator_points <- function(object, values) {
  v <- object$observed
  if (object$kind == "factor") return(level_points(v, values))
  if (is.null(values)) values <- if (object$kind == "binary") sort(unique(v)) else "sd"
  if (identical(values, "sd")) return(spread_points(v, object$model$weights, object$model$nobs))
  if (identical(values, "quantiles")) {
    share <- c(0.25, 0.5, 0.75)
    return(data.frame(value = stats::quantile(each_observation(object), share, names = FALSE),
                      label = c("25th percentile", "median", "75th percentile")))
  }
  if (!is.numeric(values) || !length(values) || !all(is.finite(values))) {
    stop_arg("values", paste("must be NULL, \"sd\", \"quantiles\" or finite numbers, not",
                             describe_value(values)))
  }
  named <- if (is.null(names(values))) FALSE else nzchar(names(values))
  data.frame(value = as.double(values), label = ifelse(named, names(values), point_labels(values)))
}

point_labels <- function(values) vapply(values, format, "", digits = 5L)

level_points <- function(v, values) {
  if (is.null(values)) values <- levels(v)
  values <- as.character(values)
  bad <- setdiff(values, levels(v))
  if (length(bad) || !length(values)) {
    stop_arg("values", paste("names", quote_list(bad), "which is no level of the moderator"),
             paste("Its levels in the sample are", quote_list(levels(v), 12L)))
  }
  data.frame(value = values, label = values)
}

# The moderator's values, as often as they were observed.
each_observation <- function(object) {
  times <- row_counts(object$model)
  if (is.null(times)) object$observed else rep(object$observed, times)
}

# Weighted moments of n observations; with equal weights those of mean() and sd().
spread_points <- function(v, w, n) {
  if (is.null(w)) w <- rep(1, length(v))
  mean <- stats::weighted.mean(v, w)
  sd <- sqrt(stats::weighted.mean((v - mean)^2, w) * n / (n - 1))
  data.frame(value = mean + c(-1, 0, 1) * sd, label = c("mean - sd", "mean", "mean + sd"))
}

# Slopes at `values` as combinations of the coefficients: a row each; columns treat, products.
slope_combination <- function(object, values) {
  weight <- if (object$kind == "factor") {
    stats::contrasts(object$observed)[match(values, levels(object$observed)), , drop = FALSE]
  } else {
    values - object$center[[object$moderator]]
  }
  out <- cbind(1, weight)
  dimnames(out) <- list(NULL, c(term_label(object$treat), product_names(object)))
  out
}

combine_slopes <- function(m, combination) {
  at <- colnames(combination)
  list(estimate = as.vector(combination %*% m$coefficients[at]),
       std.error = sqrt(rowSums((combination %*% m$vcov[at, at]) * combination)))
}

slope_table <- function(object, level = object$level) {
  s <- combine_slopes(object$model, object$combination)
  df <- functional_df(object$model, object$combination)
  t <- s$estimate / s$std.error
  margin <- stats::qt(1 - (1 - level) / 2, df) * s$std.error
  data.frame(object$points, estimate = s$estimate, std.error = s$std.error, statistic = t,
             df = as.double(df), p.value = 2 * stats::pt(-abs(t), df),
             conf.low = s$estimate - margin, conf.high = s$estimate + margin)
}

# Wald F of all products, over the smallest of their degrees of freedom.
interaction_test <- function(object) {
  m <- object$model
  at <- product_names(object)
  b <- m$coefficients[at]
  f <- tryCatch(sum(b * solve(m$vcov[at, at], b)) / length(at), error = function(e) NA_real_)
  df <- as.double(least_df(m, at))
  data.frame(statistic = f, df1 = length(at), df2 = df,
             p.value = stats::pf(f, length(at), df, lower.tail = FALSE))
}

# All that follows from the model and its variance.
restate_moderation <- function(object) {
  object$slopes <- slope_table(object)
  object$interaction <- interaction_test(object)
  object["jn"] <- list(if (object$kind == "continuous") johnson_neyman(object))
  object
}

# ---- Johnson-Neyman -----------------------------------------------------------------------------

johnson_neyman <- function(object) {
  at <- c(term_label(object$treat), product_names(object))
  b <- unname(object$model$coefficients[at])
  V <- unname(object$model$vcov[at, at])
  m <- each_observation(object)
  rule <- df_rule(object$model)
  alpha <- test_level(object, rule)
  root <- if (is_shared_df(object$model$vcov_info$df)) {
    slope_roots(b, V, critical_t(object, object$observed[1L], alpha, rule))
  } else varying_roots(object, alpha, rule)
  bounds <- root$d + object$center[[object$moderator]]
  critical <- critical_t(object, m, alpha, rule)
  s <- combine_slopes(object$model, slope_combination(object, m))
  regions <- significant_regions(object, bounds, alpha, rule)
  regions$share <- vapply(seq_len(nrow(regions)), function(r) {
    mean(m >= regions$from[r] & m <= regions$to[r])
  }, 0)
  list(bounds = bounds, pattern = root$pattern, regions = regions,
       share = mean(abs(s$estimate) > critical * s$std.error), range = range(m),
       critical = unique(range(critical)), alpha = alpha, level = object$level, fdr = object$fdr)
}

# Roots d of (b1 + b3 d)^2 = t^2 (V11 + 2 d V13 + d^2 V33), that is A d^2 + 2 B d + C = 0. The
# discriminant is written so that b1^2 b3^2 cancels on paper and not in the computer. It is not
# positive where b'V^-1 b <= t^2; then A <= 0, and the slope is significant nowhere. It cannot be
# significant everywhere, since it crosses zero at d = -b1 / b3.
slope_roots <- function(b, V, t) {
  A <- b[2L]^2 - t^2 * V[2L, 2L]
  B <- b[1L] * b[2L] - t^2 * V[1L, 2L]
  C <- b[1L]^2 - t^2 * V[1L, 1L]
  D <- t^2 * (b[1L]^2 * V[2L, 2L] + b[2L]^2 * V[1L, 1L] - 2 * b[1L] * b[2L] * V[1L, 2L] -
                t^2 * (V[1L, 1L] * V[2L, 2L] - V[1L, 2L]^2))
  if (!isTRUE(D > 0)) return(list(d = numeric(), pattern = "nowhere"))
  q <- -(B + if (B < 0) -sqrt(D) else sqrt(D))
  d <- c(q / A, C / q)
  d <- sort(d[is.finite(d)])
  list(d = d, pattern = if (length(d) < 2L) "one side" else if (A > 0) "outside" else "between")
}

# Roots where the critical value depends on d too. Multiples of a combination have the same t and
# degrees of freedom, so all slopes, for d from -Inf to Inf, lie on the half circle (cos a, sin a),
# d = scale tan(a). The signs of |t| - critical on a grid, to which the roots for the least and the
# largest critical value are added, bracket the roots.
varying_roots <- function(object, alpha, rule) {
  at <- c(term_label(object$treat), product_names(object))
  b <- unname(object$model$coefficients[at])
  V <- unname(object$model$vcov[at, at])
  scale <- sqrt(V[1L, 1L] / V[2L, 2L])
  excess <- function(a) {
    C <- cbind(cos(a), scale * sin(a))
    colnames(C) <- at
    s <- combine_slopes(object$model, C)
    abs(s$estimate) / s$std.error - stats::qt(1 - alpha / 2, rule(C))
  }
  df <- object$model$vcov_info$df[at]
  ends <- lapply(stats::qt(1 - alpha / 2, df), function(t) slope_roots(b, V, t)$d)
  zero <- -b[1L] / b[2L]
  inner <- seq(-pi / 2, pi / 2, length.out = 400L) # without d = 0
  a <- sort(unique(c(inner, atan(c(unlist(ends), zero[is.finite(zero)]) / scale))))
  f <- excess(a)
  change <- which(f[-1L] > 0 & f[-length(f)] <= 0 | f[-1L] <= 0 & f[-length(f)] > 0)
  d <- vapply(change, function(k) {
    stats::uniroot(excess, a[k + 0:1], tol = 1e-12)$root
  }, 0)
  list(d = scale * tan(d), pattern = root_pattern(length(d), f[1L] > 0))
}

# far: is the slope significant far out?
root_pattern <- function(n, far) {
  if (n > 2L) return("several")
  c("nowhere", "one side", if (far) "outside" else "between")[n + 1L]
}

# The observed range cut at the bounds: the pieces in whose middle the slope is significant.
significant_regions <- function(object, bounds, alpha, rule) {
  range <- range(object$observed)
  cut <- c(range[1L], bounds[bounds > range[1L] & bounds < range[2L]], range[2L])
  from <- cut[-length(cut)]
  to <- cut[-1L]
  middle <- (from + to) / 2
  s <- combine_slopes(object$model, slope_combination(object, middle))
  keep <- abs(s$estimate) > critical_t(object, middle, alpha, rule) * s$std.error
  data.frame(from = from[keep], to = to[keep],
             slope = ifelse(s$estimate[keep] > 0, "positive", "negative"))
}

# Level of each test: without control of false discoveries a = 1 - level. With it i a / k, where i
# is the largest with p_(i) <= i a / k among the k distinct observed values, or 1 if there is none.
test_level <- function(object, rule) {
  alpha <- 1 - object$level
  if (!object$fdr) return(alpha)
  combination <- slope_combination(object, unique(object$observed))
  s <- combine_slopes(object$model, combination)
  p <- sort(2 * stats::pt(-abs(s$estimate / s$std.error), rule(combination)))
  passed <- which(p <= seq_along(p) * alpha / length(p))
  max(passed, 1L) * alpha / length(p)
}

# The quantile of t for the slope at each of the moderator's values.
critical_t <- function(object, values, alpha, rule = df_rule(object$model)) {
  stats::qt(1 - alpha / 2, rule(slope_combination(object, values)))
}
