# The fit of an index: scaling, weights, components and their adequacy, score.

# One group. `x` holds the rows that are used: complete ones, unless na = "available".
fit_index <- function(x, spec, anchor, where) {
  if (nrow(x) < 2L) {
    what <- if (spec$na == "available") "usable" else "complete"
    stop_arg("vars", sprintf("leaves %d %s row%s%s; an index needs at least 2", nrow(x), what,
                             if (nrow(x) == 1L) "" else "s", where),
             "Leave out the indicators with most missing values")
  }
  fit <- index_scaling(x, spec, where)
  z <- index_z(x, fit)
  detail <- switch(spec$method, pca = index_pca(z, spec, anchor, where),
                   entropy = index_entropy(z), list(weights = spec$indicator_weights))
  c(fit, detail, list(n = nrow(x)))
}

# Center, scale and direction; constant indicators stop.
index_scaling <- function(x, spec, where) {
  some <- apply(!is.na(x), 2L, any)
  over <- function(f) {
    value <- rep(NA_real_, ncol(x))
    value[some] <- apply(x[, some, drop = FALSE], 2L, f, na.rm = TRUE)
    stats::setNames(value, colnames(x))
  }
  low <- over(min)
  high <- over(max)
  sd <- over(stats::sd)
  flat <- !is.finite(sd) | sd <= 1e-13 * pmax(abs(low), abs(high))
  if (any(flat)) {
    stop_arg("vars", paste0("names ", quote_list(spec$vars[flat]),
                            ", which does not vary over the rows used", where),
             "Leave it out")
  }
  by_range <- spec$method %in% c("entropy", "minmax")
  center <- if (by_range) ifelse(spec$direction > 0, low, high) else colMeans(x, na.rm = TRUE)
  scale <- if (by_range) high - low else sd
  if (spec$matrix == "covariance") scale[] <- 1
  list(center = center, scale = scale, direction = spec$direction)
}

index_z <- function(x, fit) t((t(x) - fit$center) * (fit$direction / fit$scale))

index_entropy <- function(z) {
  p <- t(t(z) / colSums(z))
  e <- -colSums(ifelse(p > 0, p * log(p), 0)) / log(nrow(z))
  list(weights = (1 - e) / sum(1 - e), entropy = e)
}

index_pca <- function(z, spec, anchor, where) {
  r <- crossprod(z) / (nrow(z) - 1)
  e <- eigen(r, symmetric = TRUE)
  lambda <- pmax(e$values, 0)
  used <- seq_len(spec$components)
  signs <- component_signs(e$vectors, z, anchor, spec$anchor, where)
  loadings <- e$vectors * rep(signs$sign, each = nrow(r))
  dimnames(loadings) <- list(spec$vars, paste0("comp", seq_along(lambda)))
  share <- lambda / sum(lambda)
  weights <- drop(loadings[, used, drop = FALSE] %*% (share[used] / sum(share[used])))
  counts <- lambda[used] > 1e-8 * lambda[1L]
  tied <- diff(-lambda)[used] < 1e-8 * lambda[1L]
  notes <- c(if (nrow(z) <= ncol(z)) "few", if (any(tied & counts, na.rm = TRUE)) "tied",
             if (any(signs$open[used] & counts)) "sign")
  c(list(weights = weights, loadings = loadings, notes = notes,
         eigen = data.frame(component = seq_along(lambda), eigenvalue = lambda, share = share,
                            cumulative = cumsum(share))),
    index_adequacy(stats::cov2cor(r), nrow(z)))
}

# 1 or -1 for each eigenvector; `open` where the rule does not decide.
component_signs <- function(v, z, anchor, anchor_name, where) {
  if (is.null(anchor)) {
    value <- colSums(v)
  } else {
    known <- is.finite(anchor)
    if (sum(known) < 2L || max(anchor[known]) == min(anchor[known])) {
      stop_arg("anchor", paste0("names ", dQuote(anchor_name, FALSE),
                                ", which does not vary over the complete rows", where),
               "Choose another column")
    }
    comp <- z[known, , drop = FALSE] %*% v
    a <- anchor[known] - mean(anchor[known])
    comp <- sweep(comp, 2L, colMeans(comp))
    value <- drop(crossprod(comp, a)) / sqrt(pmax(colSums(comp^2), 1e-300) * sum(a^2))
  }
  open <- abs(value) < 1e-8
  largest <- apply(v, 2L, function(l) l[which(abs(l) >= max(abs(l)) * (1 - 1e-8))[1L]])
  list(sign = ifelse(open, sign(largest), sign(value)), open = open)
}

# Kaiser-Meyer-Olkin measure and Bartlett's test, from the correlation matrix.
index_adequacy <- function(r, n) {
  p <- ncol(r)
  df <- p * (p - 1) / 2
  if (rcond(r) < 1e-13 || n <= p) {
    each <- stats::setNames(rep(NA_real_, p), colnames(r))
    return(list(kmo = list(overall = NA_real_, variable = each),
                bartlett = list(statistic = NA_real_, df = df, p.value = NA_real_)))
  }
  q <- stats::cov2cor(solve(r))
  r2 <- r^2 - diag(p)
  q2 <- q^2 - diag(p)
  log_det <- as.numeric(determinant(r)$modulus)
  statistic <- -(n - 1 - (2 * p + 5) / 6) * log_det
  list(kmo = list(overall = sum(r2) / (sum(r2) + sum(q2)),
                  variable = colSums(r2) / (colSums(r2) + colSums(q2))),
       bartlett = list(statistic = statistic, df = df,
                       p.value = stats::pchisq(statistic, df, lower.tail = FALSE)))
}

warn_index <- function(fits, where) {
  text <- c(few = "there are no more complete rows than indicators, so the correlation matrix is
                   singular and the components describe these rows alone",
            tied = "two leading eigenvalues are equal, so the component is not determined",
            sign = "the sign rule does not decide (the sum of loadings, or the correlation with
                    `anchor`, is zero); the first of the largest loadings is made positive.
                    Give another `anchor`")
  for (note in names(text)) {
    at <- vapply(fits, function(f) note %in% f$notes, NA)
    if (any(at)) {
      place <- if (nzchar(where[1L])) paste0(" [", sum(at), " of ", length(at), " groups, first",
                                             where[at][1L], "]") else ""
      warn_user("fe_index: ", gsub("\\s+", " ", text[[note]]), place, ".")
    }
  }
}

# The untransformed score: NA where the row has no group or is not scored. What a row lacks, under
# "available", is left out of its weighted mean.
index_score <- function(x, code, fits) {
  score <- rep(NA_real_, nrow(x))
  for (g in seq_along(fits)) {
    rows <- which(code == g)
    z <- index_z(x[rows, , drop = FALSE], fits[[g]])
    score[rows] <- drop(z %*% fits[[g]]$weights)
    part <- which(is.na(score[rows]))
    if (!length(part)) next
    score[rows[part]] <- apply(z[part, , drop = FALSE], 1L, stats::weighted.mean,
                               fits[[g]]$weights, na.rm = TRUE)
  }
  score
}

# What is added before the logarithm; NULL without one.
index_shift <- function(score, shift, transform) {
  if (transform == "none") return(NULL)
  low <- min(score, na.rm = TRUE)
  if (identical(shift, "min1")) return(1 - low)
  if (low + shift <= 0) {
    stop_arg("shift", sprintf("is %g, but the smallest score is %g: no logarithm", shift, low),
             sprintf("Give a number above %g, or \"min1\"", -low))
  }
  as.double(shift)
}

index_log <- function(score, shift) if (is.null(shift)) score else log(score + shift)

new_index <- function(spec, score, fits, groups, dropped, missing, call) {
  part <- function(what) {
    if (is.null(spec$by)) return(fits[[1L]][[what]])
    if (is.null(fits[[1L]][[what]])) return(NULL)
    stats::setNames(lapply(fits, `[[`, what), groups$label)
  }
  eigen <- part("eigen")
  if (!is.null(spec$by) && !is.null(eigen)) {
    times <- vapply(eigen, nrow, 0L)
    keys <- groups$keys[rep(seq_along(fits), times), , drop = FALSE]
    eigen <- cbind(keys, do.call(rbind, eigen), row.names = NULL)
  }
  parts <- lapply(c(weights = "weights", loadings = "loadings", entropy = "entropy",
                    center = "center", scale = "scale", kmo = "kmo", bartlett = "bartlett"), part)
  sign_rule <- if (spec$method == "pca") {
    if (is.null(spec$anchor)) "sum of loadings positive" else
      paste("correlation with", spec$anchor, "positive")
  }
  names(fits) <- groups$label
  known <- c("vars", "method", "matrix", "components", "anchor", "by", "transform", "name",
             "direction", "shift", "na", "min_available", "partial")
  structure(c(list(score = score), parts, list(eigen = eigen, sign_rule = sign_rule,
              n = sum(vapply(fits, `[[`, 0L, "n")), dropped = dropped,
              missing = missing[missing > 0], groups = groups[c("keys", "label")], fits = fits),
              spec[intersect(known, names(spec))], list(call = call)), class = "fe_index")
}
