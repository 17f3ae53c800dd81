# Slopes of a moderation: combinations of the coefficients.

# A column as the names of coefficients write it: in backticks where it needs them.
term_label <- function(name) deparse(as.name(name), backtick = TRUE)

contrast_names <- function(f) {
  names <- colnames(stats::contrasts(f))
  if (is.null(names)) seq_len(nlevels(f) - 1L) else names
}

# Columns that a variable has in the design, at `values`: a row each; named like coefficients.
# v: the variable in the rows of the model.
basis_columns <- function(name, v, center, values) {
  if (!is.factor(v)) return(matrix(values - center, dimnames = list(NULL, term_label(name))))
  x <- stats::contrasts(v)[match(values, levels(v)), , drop = FALSE]
  dimnames(x) <- list(NULL, paste0(term_label(name), contrast_names(v)))
  x
}

# Products of each column of a with each of b.
multiply_columns <- function(a, b) {
  out <- a[, rep(seq_len(ncol(a)), ncol(b)), drop = FALSE] *
    b[, rep(seq_len(ncol(b)), each = ncol(a)), drop = FALSE]
  colnames(out) <- as.vector(outer(colnames(a), colnames(b), paste, sep = ":"))
  out
}

# Directions in which treat changes, over its columns: a slope, or each level less the first one.
treat_directions <- function(object) {
  v <- object$treated
  if (object$treat_kind == "numeric") {
    return(matrix(1, 1L, 1L, dimnames = list(object$treat, term_label(object$treat))))
  }
  x <- basis_columns(object$treat, v, 0, levels(v))
  out <- x[-1L, , drop = FALSE] - x[rep(1L, nrow(x) - 1L), , drop = FALSE]
  rownames(out) <- paste(levels(v)[-1L], "-", levels(v)[1L])
  out
}

# Names of the coefficients of treat times each set of moderators.
product_names <- function(object, sets = moderator_sets(length(object$moderator),
                                                        object$three_way)[-1L]) {
  seen <- lapply(moderator_rows(object), function(v) v[1L])
  combination <- slope_combination(object, seen, treat_directions(object)[1L, ], sets)
  colnames(combination)
}

# Slopes at values of the moderators (a list of vectors of one length) as combinations of the
# coefficients: a row each. direction: that of treat.
slope_combination <- function(object, at, direction = treat_directions(object)[1L, ],
                              sets = moderator_sets(length(at), object$three_way)) {
  seen <- moderator_rows(object)
  basis <- lapply(object$moderator, function(name) {
    basis_columns(name, seen[[name]], object$center[[name]], at[[name]])
  })
  n <- nrow(basis[[1L]])
  treat <- matrix(direction, n, length(direction), byrow = TRUE,
                  dimnames = list(NULL, colnames(treat_directions(object))))
  do.call(cbind, lapply(sets, function(set) Reduce(multiply_columns, basis[set], treat)))
}

combine_slopes <- function(m, combination) {
  at <- colnames(combination)
  list(estimate = as.vector(combination %*% m$coefficients[at]),
       std.error = sqrt(rowSums((combination %*% m$vcov[at, at]) * combination)))
}

# Estimates, t and intervals of combinations of coefficients, a row each.
combination_table <- function(m, combination, level) {
  s <- combine_slopes(m, combination)
  df <- functional_df(m, combination)
  t <- s$estimate / s$std.error
  margin <- stats::qt(1 - (1 - level) / 2, df) * s$std.error
  data.frame(estimate = s$estimate, std.error = s$std.error, statistic = t,
             df = as.double(df), p.value = 2 * stats::pt(-abs(t), df),
             conf.low = s$estimate - margin, conf.high = s$estimate + margin)
}

slope_table <- function(object, level = object$level) {
  data.frame(object$points, combination_table(object$model, object$combination, level))
}

# The mean slope over the rows, for each direction of treat.
average_table <- function(object, level = object$level) {
  w <- row_weights(object$model)
  directions <- treat_directions(object)
  combination <- do.call(rbind, lapply(seq_len(nrow(directions)), function(r) {
    rows <- slope_combination(object, moderator_rows(object), directions[r, ])
    t(colSums(w * rows) / sum(w))
  }))
  out <- data.frame(label = "average over rows",
                    combination_table(object$model, combination, level))
  if (object$treat_kind == "factor") data.frame(contrast = rownames(directions), out) else out
}

# Differences of all pairs of slopes, the later less the earlier; of a factor treat those of the
# same contrast. p-values are adjusted over the table.
contrast_table <- function(object, level = object$level, adjust = "none") {
  adjust <- check_choice(adjust, c("none", setdiff(adjustment_methods, "romano-wolf")), "adjust")
  contrast <- object$points$contrast
  pairs <- which(lower.tri(diag(nrow(object$points))), arr.ind = TRUE)
  if (!is.null(contrast)) {
    pairs <- pairs[contrast[pairs[, 1L]] == contrast[pairs[, 2L]], , drop = FALSE]
  }
  if (!nrow(pairs)) {
    stop_arg("what", "is \"contrasts\", but there is a single slope", "Give more `values`")
  }
  label <- object$points$label
  table <- combination_table(object$model, object$combination[pairs[, 1L], , drop = FALSE] -
                               object$combination[pairs[, 2L], , drop = FALSE], level)
  table$p.value <- stats::p.adjust(table$p.value, adjust)
  out <- data.frame(term = sprintf("(%s) - (%s)", label[pairs[, 1L]], label[pairs[, 2L]]), table)
  if (is.null(contrast)) out else data.frame(contrast = contrast[pairs[, 1L]], out)
}

# Wald F of products with treat, over the smallest of their degrees of freedom: of all, and with
# several moderators of each.
interaction_tests <- function(object) {
  sets <- moderator_sets(length(object$moderator), object$three_way)[-1L]
  families <- c(list(sets), if (length(sets) > 1L) lapply(sets, list))
  names <- vapply(sets, function(set) {
    paste(c(object$treat, object$moderator[set]), collapse = ":")
  }, "")
  tests <- lapply(families, function(sets) {
    products_test(object$model, product_names(object, sets))
  })
  term <- if (length(sets) > 1L) c("all products", names) else names
  data.frame(term = term, do.call(rbind, tests))
}

# Wald F of coefficients being zero.
products_test <- function(m, at) {
  b <- m$coefficients[at]
  V <- m$vcov[at, at, drop = FALSE]
  f <- tryCatch(sum(b * solve_scaled(V, b)) / length(at), error = function(e) NA_real_)
  df <- as.double(least_df(m, at))
  data.frame(statistic = f, df1 = length(at), df2 = df,
             p.value = stats::pf(f, length(at), df, lower.tail = FALSE))
}

# All that follows from the model and its variance.
restate_moderation <- function(object) {
  object$slopes <- slope_table(object)
  object$average <- average_table(object)
  object$interaction <- interaction_tests(object)
  object["jn"] <- list(all_regions(object))
  object
}

# ---- can the slope be told? ---------------------------------------------------------------------

# The slope is a function of the data only if no column it needs was left out of the model.
check_slope_estimable <- function(object) {
  m <- object$model
  need_ols(m, "fe_moderate()", "formula")
  treat <- colnames(treat_directions(object))
  if (any(treat %in% m$collinear)) {
    stop_arg("treat", sprintf("is `%s`, which was left out as collinear with the %s", object$treat,
                              if (has_constant(m$factors)) "fixed effects" else "constant"),
             "Its slope cannot be estimated; the treatment must vary within the fixed effects")
  }
  gone <- intersect(product_names(object), m$collinear)
  if (length(gone)) {
    levels <- object$treat_kind == "factor" || any(object$kind == "factor")
    stop_arg("moderator", sprintf("gives the product %s, which was left out as collinear",
                                  quote_list(gone)),
             paste("Within the fixed effects `treat` must vary", if (levels) {
               "in every level; leave the other levels out by `subset`"
             } else "in rows of different values of the moderator"))
  }
  check_moderator_apart(object, c(treat, product_names(object)))
}

# A main effect of the moderator that was left out must not be a combination of treat and the
# products (the columns `at`): then their coefficients would be mixtures. Its regression on the
# kept columns tells.
check_moderator_apart <- function(object, at) {
  m <- object$model
  columns <- moderator_design(object)
  columns <- columns[, colnames(columns) %in% m$collinear, drop = FALSE]
  if (!ncol(columns)) return(invisible())
  if (any(loads_on(m, columns, at))) {
    stop_arg("moderator", sprintf("is `%s`, which is collinear with `%s` or with their product",
                                  paste(object$moderator, collapse = "`, `"), object$treat),
             "The slope cannot be told from the moderator's effect; use another moderator")
  }
}

# Which of the regressors `at` of a model make up columns that were left out of it as collinear? A
# row for each column.
loads_on <- function(m, columns, at) {
  absorber <- new_absorber(m$factors, m$weights, m$control)
  within <- absorb(absorber, columns, m$threads)$x
  w <- if (is.null(m$weights)) 1 else m$weights
  x <- residual_design(m)
  share <- m$bread %*% crossprod(x, w * within)
  part <- abs(share[at, , drop = FALSE]) * sqrt(colSums(w * x[, at, drop = FALSE]^2))
  size <- sqrt(colSums(w * scale(columns, scale = FALSE)^2))
  t(part) > 1e-6 * size
}

# Columns of the moderators without treat, by the names that the model gives them.
moderator_design <- function(object) {
  seen <- moderator_rows(object)
  basis <- lapply(names(seen), function(name) {
    basis_columns(name, seen[[name]], object$center[[name]], seen[[name]])
  })
  do.call(cbind, c(basis, if (object$three_way) list(multiply_columns(basis[[1L]], basis[[2L]]))))
}
