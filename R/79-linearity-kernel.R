# The slope as a smooth function of the moderator: kernel-weighted interaction models.

kernel_slopes <- function(x, parts, bandwidth, points) {
  unit <- fold_units(x$model)
  cv <- if (is.null(bandwidth)) cross_validate(x, parts, unit$code)
  if (!is.null(cv)) bandwidth <- cv$bandwidth[which.min(cv$score)]
  request <- kernel_request(x$model)
  at <- seq(min(parts$v), max(parts$v), length.out = points)
  fits <- lapply(at, function(v0) {
    k <- kernel_weights(parts$v, v0, bandwidth)
    fit <- refit_columns(weighted_by(x$model, k), local_design(parts, v0), request)
    list(slopes = local_table(x, parts, fit), n = sum(k)^2 / sum(k^2),
         vcov = if (is.null(fit$vcov_info$label)) "" else fit$vcov_info$label)
  })
  slopes <- do.call(rbind, lapply(seq_along(fits), function(p) {
    data.frame(value = at[p], n.effective = fits[[p]]$n, fits[[p]]$slopes)
  }))
  if (x$treat_kind == "factor") {
    slopes <- slopes[order(slopes$contrast), c("contrast", setdiff(names(slopes), "contrast"))]
  }
  rownames(slopes) <- NULL
  list(kernel = slopes, bandwidth = bandwidth, cv = cv, kernel_vcov = fits[[1L]]$vcov,
       unit = unit$name)
}

# The weight of rows far away or left out, beside 1: not 0, so that all fits share rows and effects.
least_weight <- 1e-10

# Gaussian, at most 1.
kernel_weights <- function(v, v0, h) pmax(exp(-((v - v0) / h)^2 / 2), least_weight)

# m: a model, whose rows get the weights w k.
weighted_by <- function(m, k) {
  m$weights <- row_weights(m) * k
  m$weighting <- "analytic"
  m
}

local_design <- function(parts, v0) {
  d <- cbind("(m)" = parts$v - v0)
  cbind(parts$others, d, parts$treat, multiply_columns(parts$treat, d))
}

local_table <- function(x, parts, fit) {
  directions <- treat_directions(x)
  rows <- lapply(rownames(directions), function(r) {
    at <- cbind(colnames(directions))
    lost <- !all(at[directions[r, ] != 0] %in% names(fit$coefficients))
    out <- combination_or_na(fit, at, directions[r, ], lost, x$level)
    if (x$treat_kind == "factor") data.frame(contrast = contrast_of(r, x), out) else out
  })
  do.call(rbind, rows)
}

# The model's own request where it holds for weights that fall with distance; leverages, jackknives
# and bootstraps at every point would cost more than they tell.
kernel_request <- function(m) {
  type <- m$vcov_info$type
  request <- m$vcov_request
  if (!type %in% c("iid", "HC2", "HC3", "CR2", "CR3", "CR3J", "pairs", "wild")) return(request)
  if (!length(m$vcov_info$G)) return(list(vcov = "HC1", cluster = NULL))
  if (!is.null(request$cluster)) return(list(vcov = "CR1", cluster = request$cluster))
  explicit <- explicit_request(m, request$vcov, NULL)$vcov
  list(vcov = stats::as.formula(call("~", quote(CR1), explicit[[length(explicit)]]), env = m$env),
       cluster = NULL)
}

# ---- bandwidth ----------------------------------------------------------------------------------

# What is left out as a whole -> list(name, code (of each row))
fold_units <- function(m) {
  clusters <- model_clusters(m)
  plain <- Filter(function(f) !is.null(f$code) && f$n_levels > 1L, c(clusters[1L], m$factors[1L]))
  if (length(plain)) return(list(name = names(plain)[1L], code = plain[[1L]]$code))
  list(name = "rows", code = seq_len(m$n_rows))
}

# Units in the order of their mean of v, dealt in turn.
deal_folds <- function(v, code, folds = 5L) {
  mean <- rowsum(v, code) / as.vector(rowsum(rep(1, length(v)), code))
  fold <- integer(length(mean))
  fold[order(mean)] <- rep_len(seq_len(min(folds, length(mean))), length(mean))
  fold[match(code, as.integer(rownames(mean)))]
}

# -> data frame(bandwidth, score)
cross_validate <- function(x, parts, code, tried = 10L, places = 10L) {
  v <- parts$v
  middle <- diff(stats::quantile(v, c(0.05, 0.95), names = FALSE))
  range <- diff(range(v))
  if (middle <= 0) middle <- range
  h <- exp(seq(log(middle / 15), log(range), length.out = tried))
  at <- unique(stats::quantile(v, (seq_len(places) - 0.5) / places, names = FALSE))
  if (length(at) == 1L) at <- range(v)
  fold <- deal_folds(v, code)
  score <- vapply(h, function(one) {
    sum(vapply(unique(fold), function(f) fold_error(x$model, parts, fold == f, at, one), 0))
  }, 0)
  data.frame(bandwidth = h, score = score / sum(row_weights(x$model)))
}

# Squared error of predicting the rows left out, up to their own fixed effects.
fold_error <- function(m, parts, left, at, h) {
  lines <- t(vapply(at, function(v0) {
    k <- kernel_weights(parts$v, v0, h)
    k[left] <- least_weight
    columns <- local_design(parts, v0)
    b <- refit_columns(weighted_by(m, k), columns, NULL)$coefficients
    out <- stats::setNames(numeric(ncol(columns)), colnames(columns))
    out[names(b)] <- b
    out
  }, numeric(ncol(local_design(parts, 0)))))
  e <- m$y - blended_lines(parts, at, lines)
  w <- row_weights(m) * ifelse(left, 1, least_weight)
  absorber <- new_absorber(with_constant(m$factors, m$n_rows), w, m$control, m$threads)
  sum(w[left] * absorb(absorber, cbind(e), m$threads)$x[left]^2)
}

# Predictions, up to a constant: those of the lines at the two places around each row, in proportion
# to its nearness. b: coefficients at each place. What the moderator does by itself has the slopes
# b[, "(m)"], which are added up from place to place.
blended_lines <- function(parts, at, b) {
  v <- parts$v
  own <- b[, "(m)"]
  level <- cumsum(c(0, diff(at) * (own[-1L] + own[-length(own)]) / 2))
  treat <- colnames(parts$treat)
  line <- function(k) {
    d <- v - at[k]
    slopes <- b[k, treat, drop = FALSE] + d * b[k, paste0(treat, ":(m)"), drop = FALSE]
    level[k] + own[k] * d + rowSums(parts$treat * slopes)
  }
  k <- findInterval(v, at, all.inside = TRUE)
  near <- pmin(pmax((v - at[k]) / (at[k + 1L] - at[k]), 0), 1)
  others <- setdiff(colnames(parts$others), "(Intercept)")
  (1 - near) * line(k) + near * line(k + 1L) +
    as.vector(parts$others[, others, drop = FALSE] %*% colMeans(b[, others, drop = FALSE]))
}
