# The Johnson-Neyman region: where a slope differs from zero, along the first moderator.
#
# A panel is a line in the space of the moderators along which it is looked for: list(direction (of
# treat), others (values of the other moderators), label, seen (the first moderator in the rows
# that the panel is about, as often as they were observed)).

# NULL where the first moderator has no line of values.
jn_panels <- function(object, places) {
  if (object$kind[1L] != "continuous") return(NULL)
  others <- places$at[-1L]
  labels <- places$labels[-1L]
  first <- if (length(others)) {
    which(!duplicated(do.call(paste, c(unname(labels), sep = "\r"))))
  } else 1L
  panels <- lapply(seq_len(nrow(places$directions)), function(r) lapply(first, function(k) {
    values <- lapply(others, `[`, k)
    label <- c(if (object$treat_kind == "factor") rownames(places$directions)[r],
               sprintf("%s: %s", names(others), vapply(labels, `[`, "", k)))
    list(direction = places$directions[r, ], others = values,
         label = paste(label, collapse = ", "), seen = panel_rows(object, values))
  }))
  panels <- unlist(panels, recursive = FALSE)
  stats::setNames(panels, vapply(panels, `[[`, "", "label"))
}

# Rows that have the values of the moderators that are factors or have two values.
panel_rows <- function(object, others) {
  rows <- moderator_rows(object)
  keep <- rep(TRUE, object$model$n_rows)
  for (k in which(object$kind[-1L] != "continuous") + 1L) {
    same <- rows[[k]] == others[[object$moderator[k]]]
    if (any(same)) keep <- keep & same
  }
  if (!any(keep)) keep[] <- TRUE
  each_observation(rows[[1L]], object$model)[each_observation(keep, object$model)]
}

# One region as it is, several as a named list.
all_regions <- function(object) {
  if (is.null(object$panels)) return(NULL)
  rule <- df_rule(object$model)
  regions <- lapply(object$panels, johnson_neyman, object = object, rule = rule)
  if (has_panels(object)) regions else regions[[1L]]
}

has_panels <- function(object) length(object$moderator) > 1L || object$treat_kind == "factor"

# The regions as a list, whatever their number.
region_list <- function(object) {
  if (is.null(object$jn) || has_panels(object)) object$jn else list(object$jn)
}

# Slopes of a panel at values of the first moderator, as combinations of coefficients.
panel_combination <- function(object, panel, values) {
  at <- c(list(values), lapply(panel$others, rep, length(values)))
  slope_combination(object, stats::setNames(at, object$moderator), panel$direction)
}

# The slope is c0'b + d c1'b, with d = value - center: the combinations c0 and c1, as two rows.
panel_line <- function(object, panel) {
  ends <- panel_combination(object, panel, object$center[[object$moderator[1L]]] + 0:1)
  ends[2L, ] <- ends[2L, ] - ends[1L, ]
  ends
}

johnson_neyman <- function(panel, object, rule) {
  model <- object$model
  line <- panel_line(object, panel)
  at <- colnames(line)
  b <- as.vector(line %*% model$coefficients[at])
  V <- line %*% model$vcov[at, at] %*% t(line)
  alpha <- test_level(object, panel, rule)
  root <- if (is_shared_df(model$vcov_info$df)) {
    slope_roots(b, V, stats::qt(1 - alpha / 2, rule(line)[1L]))
  } else varying_roots(model, line, b, V, alpha, rule)
  bounds <- root$d + object$center[[object$moderator[1L]]]
  combination <- panel_combination(object, panel, panel$seen)
  critical <- stats::qt(1 - alpha / 2, rule(combination))
  s <- combine_slopes(model, combination)
  regions <- significant_regions(object, panel, bounds, alpha, rule)
  regions$share <- vapply(seq_len(nrow(regions)), function(r) {
    mean(panel$seen >= regions$from[r] & panel$seen <= regions$to[r])
  }, 0)
  list(bounds = bounds, pattern = root$pattern, regions = regions,
       share = mean(abs(s$estimate) > critical * s$std.error), range = range(panel$seen),
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
# d = scale tan(a). The signs of |t| - critical on a grid, to which the roots for the critical
# values of its ends are added, bracket the roots.
varying_roots <- function(model, line, b, V, alpha, rule) {
  scale <- sqrt(V[1L, 1L] / V[2L, 2L])
  excess <- function(a) {
    C <- cbind(cos(a), scale * sin(a)) %*% line
    s <- combine_slopes(model, C)
    abs(s$estimate) / s$std.error - stats::qt(1 - alpha / 2, rule(C))
  }
  ends <- lapply(stats::qt(1 - alpha / 2, rule(line)), function(t) slope_roots(b, V, t)$d)
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
significant_regions <- function(object, panel, bounds, alpha, rule) {
  range <- range(panel$seen)
  cut <- c(range[1L], bounds[bounds > range[1L] & bounds < range[2L]], range[2L])
  from <- cut[-length(cut)]
  to <- cut[-1L]
  combination <- panel_combination(object, panel, (from + to) / 2)
  s <- combine_slopes(object$model, combination)
  keep <- abs(s$estimate) > stats::qt(1 - alpha / 2, rule(combination)) * s$std.error
  data.frame(from = from[keep], to = to[keep],
             slope = ifelse(s$estimate[keep] > 0, "positive", "negative"))
}

# Level of each test: without control of false discoveries a = 1 - level. With it i a / k, where i
# is the largest with p_(i) <= i a / k among the k distinct observed values, or 1 if there is none.
test_level <- function(object, panel, rule) {
  alpha <- 1 - object$level
  if (!object$fdr) return(alpha)
  combination <- panel_combination(object, panel, unique(panel$seen))
  s <- combine_slopes(object$model, combination)
  p <- sort(2 * stats::pt(-abs(s$estimate / s$std.error), rule(combination)))
  passed <- which(p <= seq_along(p) * alpha / length(p))
  max(passed, 1L) * alpha / length(p)
}
