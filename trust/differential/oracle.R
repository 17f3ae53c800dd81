# What a spec must give, computed once more from dense dummies and Householder's QR. Nothing of the
# package is used. Sources tests/testthat/helper-oracle.R for oracle_singletons(), full_dummies().

# An answer may also be a refusal (the call must be an error of that kind), or undecidable: a
# quantity lies so near a threshold that rounding decides.
refuse <- function(kind) {
  stop(structure(class = c("refusal", "error", "condition"),
                 list(message = kind, call = NULL, kind = kind)))
}
undecidable <- function(why) {
  stop(structure(class = c("undecidable", "error", "condition"),
                 list(message = why, call = NULL)))
}

# ---- the models of a call ------------------------------------------------------------------------

expand_steps <- function(kind, items) {
  alone <- startsWith(kind, "sw")
  out <- lapply(seq_along(items), function(j) items[if (alone) j else seq_len(j)])
  if (endsWith(kind, "0")) c(list(items[0L]), out) else out
}

# -> list of list(outcome, terms, effects), the regressors varying fastest
plan_of <- function(spec) {
  regressors <- if (is.null(spec$step)) list(spec$terms) else
    lapply(expand_steps(spec$step$kind, spec$step$items), function(s) c(spec$terms, s))
  effects <- if (is.null(spec$step_fe)) list(spec$effects) else
    expand_steps(spec$step_fe, spec$effects)
  out <- list()
  for (y in spec$outcome) for (e in effects) for (x in regressors) {
    out[[length(out) + 1L]] <- list(outcome = y, effects = e, terms = x, iv = spec$iv)
  }
  out
}

# -> list of logical masks: the rows among which a model may choose
samples_of <- function(spec) {
  n <- nrow(spec$data)
  base <- rep(TRUE, n)
  if (!is.null(spec$options$subset)) {
    s <- in_data(sub("^~", "", spec$options$subset), spec$data)
    base <- if (is.numeric(s)) seq_len(n) %in% seq_len(n)[s] else s %in% TRUE
  }
  text <- c(spec$options$split, spec$options$fsplit)
  if (is.null(text)) return(list(base))
  values <- lapply(strsplit(sub("^~", "", text), " + ", fixed = TRUE)[[1L]], in_data, spec$data)
  parts <- unlist(lapply(values, function(v) {
    known <- if (is.factor(v)) levels(droplevels(v)) else sort(unique(v))
    rows <- lapply(known, function(k) base & v %in% k)
    rows[vapply(rows, any, NA)]
  }), recursive = FALSE)
  if (!is.null(spec$options$fsplit)) {
    known <- Reduce(`&`, lapply(values, function(v) !is.na(v)))
    parts <- c(list(base & known), parts)
  }
  parts
}

in_data <- function(text, d) eval(str2lang(text), d, oracle_scope)

# i() as documented: 0/1 columns of the levels but the reference, times x.
oracle_scope <- new.env(parent = baseenv())
parent.env(oracle_scope) <- asNamespace("stats")
oracle_scope$i <- function(f, x = NULL, ref = NULL) {
  label <- deparse(substitute(f))
  tail <- if (is.null(x)) "" else paste0(":", deparse(substitute(x)))
  known <- if (is.factor(f)) levels(droplevels(f)) else sort(unique(f))
  if (is.null(ref) && is.null(x)) ref <- known[1L]
  known <- setdiff(known, ref)
  out <- sapply(known, function(k) (as.character(f) == k) * if (is.null(x)) 1 else x)
  structure(matrix(out, length(f)), dimnames = list(NULL, paste0(label, "::", known, tail)))
}

# ---- variables and rows --------------------------------------------------------------------------

term_frame <- function(terms, d) {
  tt <- stats::terms(stats::as.formula(paste("~", paste(c("1", terms), collapse = " + "))))
  text <- vapply(as.list(attr(tt, "variables"))[-1L], function(v) deparse(v, 500L), "")
  values <- lapply(sub("^offset\\((.*)\\)$", "\\1", text), in_data, d)
  values <- lapply(values, function(v) if (inherits(v, "Date")) as.double(v) else v)
  list(tt = tt, values = stats::setNames(values, text))
}

parts_of <- function(text) strsplit(text, "^", fixed = TRUE)[[1L]]

vcov_variables <- function(vcov) {
  if (!grepl("~", vcov)) return(character())
  unlist(lapply(strsplit(trimws(sub(".*~", "", vcov)), " + ", fixed = TRUE)[[1L]], parts_of))
}

# The variables of a model in the order in which the ledger looks at them.
ledger_variables <- function(model, spec) {
  d <- spec$data
  take <- function(text) stats::setNames(lapply(text, in_data, d), text)
  offsets <- list(weights = spec$options$weights, offset = spec$options$offset)
  last <- lapply(Filter(Negate(is.null), offsets), function(a) in_data(sub("^~", "", a), d))
  names(last) <- sprintf("(%s)", names(last))
  alone <- unlist(lapply(model$effects, function(e) parts_of(e$factor)))
  slopes <- unique(unlist(lapply(model$effects, `[[`, "slopes")))
  c(take(model$outcome), term_frame(c(model$terms, model$iv$e), d)$values,
    if (!is.null(model$iv)) term_frame(c(model$terms, model$iv$z), d)$values,
    take(alone), take(slopes), take(vcov_variables(spec$options$vcov)), last)
}

any_row <- function(bad) if (is.matrix(bad)) rowSums(bad) > 0 else bad

# -> cause of each row: "" used, "outside", "NA", "infinite", "zero weight"
ledger_of <- function(variables, candidates) {
  cause <- ifelse(candidates, "", "outside")
  note <- function(mask, what) cause[cause == "" & mask] <<- what
  for (name in names(variables)) {
    v <- variables[[name]]
    note(any_row(is.na(v)), "NA")
    if (is.numeric(v)) note(any_row(is.infinite(v)), "infinite")
    if (name == "(weights)") note(v %in% 0, "zero weight")
  }
  cause
}

effect_values <- function(e, d) {
  do.call(paste, c(lapply(parts_of(e$factor), function(v) as.character(d[[v]])), sep = "\r"))
}

# Levels in the order of their values (those of a factor in the order of levels).
effect_factor <- function(e, d, rows) {
  values <- lapply(parts_of(e$factor), function(v) {
    x <- d[[v]][rows]
    if (is.factor(x)) droplevels(x) else factor(x, sort(unique(x), method = "radix"))
  })
  if (length(values) == 1L) return(values[[1L]])
  droplevels(interaction(values, lex.order = TRUE, sep = "\r"))
}

# ---- design --------------------------------------------------------------------------------------

# -> list(x (all data rows of the frame x regressors), offset), as model.matrix() has it in `rows`
regressor_columns <- function(terms, d, rows, constant_is_effect) {
  f <- term_frame(terms, d)
  values <- lapply(f$values, function(v) {
    v <- if (is.matrix(v)) v[rows, , drop = FALSE] else v[rows]
    if (is.character(v)) v <- factor(v)
    if (is.factor(v)) droplevels(v) else v
  })
  single <- vapply(values, function(v) is.factor(v) && nlevels(v) < 2L, NA)
  if (any(single)) refuse("single level")
  frame <- structure(values, class = "data.frame", row.names = seq_along(rows))
  attr(frame, "terms") <- f$tt
  x <- stats::model.matrix(f$tt, frame)
  colnames(x) <- sub("^i\\([^)]*\\)", "", colnames(x))
  if (constant_is_effect) x <- x[, colnames(x) != "(Intercept)", drop = FALSE]
  offset <- attr(f$tt, "offset")
  list(x = x, offset = if (length(offset)) Reduce(`+`, values[offset]))
}

# Columns of one effect: dummies, and dummies times slopes, named by term and level.
effect_columns <- function(e, d, rows) {
  f <- effect_factor(e, d, rows)
  D <- full_dummies(f)
  colnames(D) <- levels(f)
  own <- if (e$only) list() else stats::setNames(list(D), e$factor)
  c(own,
    stats::setNames(lapply(e$slopes, function(s) D * as.double(d[[s]][rows])),
                    sprintf("%s[[%s]]", rep(e$factor, length(e$slopes)), e$slopes)))
}

# Which columns are no combination of those before them.
independent <- function(Z, tol = 1e-8) {
  if (!ncol(Z)) return(integer())
  Z <- sweep(Z, 2L, pmax(sqrt(colSums(Z^2)), 1e-300), `/`)
  q <- qr(Z, tol = tol)
  sort(q$pivot[seq_len(q$rank)])
}

# Regressors that are no combination of the effects D and of the regressors before, each measured
# by what is left of its variation.
kept_regressors <- function(X, D, about_mean) {
  kept <- integer()
  Q <- if (ncol(D)) qr.Q(qr(D)) else matrix(0, nrow(X), 0L)
  for (j in seq_len(ncol(X))) {
    x <- X[, j]
    size <- sqrt(sum((if (about_mean) x - mean(x) else x)^2))
    rounding <- 1e-13 * sqrt(sum(x^2))
    for (again in 1:2) x <- x - Q %*% crossprod(Q, x)
    left <- sqrt(sum(x^2))
    if (left <= max(1e-10 * size, rounding)) next
    if (left <= max(1e-7 * size, 1e3 * rounding)) undecidable("nearly collinear")
    kept <- c(kept, j)
    Q <- cbind(Q, x / left)
  }
  kept
}

# Weighted least squares with unit columns, heavy rows first, refined twice with residuals that
# rowSums() adds up in long doubles. -> list(b, e, inverse (Z'WZ)^-1, influence (p x n), kappa)
careful_fit <- function(Z, y, w) {
  size <- sqrt(colSums(w * Z^2))
  order <- order(-w)
  root <- sqrt(w)
  A <- sweep(root * Z, 2L, size, `/`)
  q <- qr(A[order, , drop = FALSE], tol = 0)
  if (q$rank < ncol(Z)) undecidable("rank")
  solve_it <- function(v) qr.coef(q, (root * v)[order]) / size
  b <- solve_it(y)
  for (again in 1:2) b <- b + solve_it(y - rowSums(sweep(Z, 2L, b, `*`)))
  R <- qr.R(q)[, order(q$pivot), drop = FALSE]
  d <- svd(R, 0L, 0L)$d
  inverse <- chol2inv(qr.R(q))
  inverse <- inverse[order(q$pivot), order(q$pivot), drop = FALSE] / outer(size, size)
  list(b = b, e = as.vector(y - rowSums(sweep(Z, 2L, b, `*`))), inverse = inverse,
       kappa = max(d) / min(d), size = size)
}

# ---- one model -----------------------------------------------------------------------------------

# Rows of the models of a sample -> list of list(rows, cause)
sample_rows <- function(models, spec, candidates) {
  variables <- lapply(models, ledger_variables, spec = spec)
  common <- identical(spec$options$common_sample, "TRUE")
  if (common) variables <- rep(list(do.call(c, variables)), length(models))
  alone <- lapply(models, function(m) Filter(function(e) !e$only, m$effects))
  if (common) {
    alone <- rep(list(unique(do.call(c, alone))), length(models))
  }
  Map(function(v, e) drop_alone(ledger_of(v, candidates), e, spec), variables, alone)
}

drop_alone <- function(cause, effects, spec) {
  rows <- which(cause == "")
  if (!length(rows)) refuse("no row")
  if (identical(spec$options$singletons, "\"keep\"") || !length(effects)) return(list(rows, cause))
  times <- if (is_frequency(spec)) spec$data$k[rows] else rep(1L, length(rows))
  long <- rep(rows, times)
  stay <- oracle_singletons(lapply(effects, function(e) effect_values(e, spec$data)[long]))
  gone <- setdiff(rows, long[stay])
  cause[gone] <- "singleton"
  rows <- setdiff(rows, gone)
  if (!length(rows)) refuse("no row")
  list(rows, cause)
}

is_frequency <- function(spec) identical(spec$options$weights_type, "\"frequency\"")

# The equation of a model on its rows (frequency weights: every observation a row of its own).
oracle_model <- function(model, rows, cause, spec) {
  d <- spec$data
  own <- !vapply(model$effects, `[[`, NA, "only")
  long <- if (is_frequency(spec)) rep(rows, d$k[rows]) else rows
  w <- if (is.null(spec$options$weights) || is_frequency(spec)) rep(1, length(long)) else d$w[long]
  x <- regressor_columns(c(model$iv$e, model$terms), d, long, any(own))
  offset <- rep(0, length(long))
  if (!is.null(x$offset)) offset <- offset + x$offset
  if (!is.null(spec$options$offset)) offset <- offset + d$off[long]
  o <- list(d = d, model = model, rows = rows, cause = cause, long = long, w = w, n = length(long),
            offset = offset, y = d[[model$outcome]][long] - offset, X = x$x,
            weighted = !is.null(spec$options$weights) && !is_frequency(spec),
            terms = unlist(lapply(model$effects, effect_columns, d, long), recursive = FALSE),
            nested_in = function(j, g) nests(effect_factor(model$effects[[j]], d, long), g))
  o$full <- do.call(cbind, c(list(matrix(0, o$n, 0L)), unname(o$terms)))
  o$D_at <- independent(o$full)
  o$has_own <- any(own)
  if (max(o$y) == min(o$y)) refuse("outcome constant")
  solve_model(o, spec)
}

nests <- function(f, g) all(tapply(as.character(g), f, function(v) length(unique(v))) == 1L)

solve_model <- function(o, spec) {
  D <- o$full[, o$D_at, drop = FALSE]
  check_explained(o, D)
  keep_all <- function(X) kept_regressors(X, D, o$has_own)
  if (is.null(o$model$iv)) {
    o$kept <- keep_all(o$X)
    if (!length(o$kept) && ncol(o$X)) refuse("no regressor")
  } else o <- choose_instruments(o, spec, keep_all)
  if (!length(o$kept) && !ncol(D)) refuse("nothing")
  X <- o$X[, o$kept, drop = FALSE]
  o$slopes <- colnames(X)
  o$basis <- cbind(D, X)
  o$fitted_basis <- if (is.null(o$first)) o$basis else cbind(D, project(o, X))
  o$has_constant <- o$has_own || "(Intercept)" %in% o$slopes
  o$rank <- ncol(o$basis)
  o$df <- o$n - o$rank
  if (o$df <= 0) refuse("no degree of freedom")
  o <- c(o, careful_fit(o$fitted_basis, o$y, o$w))
  if (!is.null(o$first)) {
    o$e <- as.vector(o$y - rowSums(sweep(o$basis, 2L, o$b, `*`)))
    o$kappa <- max(o$kappa, careful_fit(cbind(D, o$first), o$y, o$w)$kappa)
  }
  o$slope_at <- ncol(D) + seq_along(o$slopes)
  names(o$b) <- c(rep("", ncol(D)), o$slopes)
  o$rss <- sum(o$w * o$e^2)
  o$influence <- o$inverse %*% t(o$fitted_basis)
  add_tolerance(fit_numbers(o, D))
}

check_explained <- function(o, D) {
  if (!ncol(D)) return(invisible())
  left <- sqrt(sum(qr.resid(qr(D), o$y)^2))
  sd <- sqrt(sum((o$y - mean(o$y))^2))
  floor <- max(1e-9 * sd, 1.4e-14 * sqrt(sum(o$y^2)))
  if (left <= 0.01 * floor) refuse("outcome explained")
  if (left <= 100 * floor) undecidable("outcome nearly explained")
}

choose_instruments <- function(o, spec, keep_all) {
  z <- regressor_columns(c(o$model$terms, o$model$iv$z), spec$data, o$long, o$has_own)$x
  z_own <- setdiff(colnames(z), setdiff(colnames(o$X), o$model$iv$e))
  ex <- o$X[, setdiff(colnames(o$X), o$model$iv$e), drop = FALSE]
  both <- cbind(ex, z[, z_own, drop = FALSE])
  first <- keep_all(both)
  o$first <- both[, first, drop = FALSE]
  ex <- ex[, first[first <= ncol(ex)], drop = FALSE]
  with_e <- cbind(ex, o$X[, o$model$iv$e, drop = FALSE])
  e <- keep_all(with_e)
  e <- setdiff(e, seq_len(ncol(ex)))
  if (!length(e) || ncol(o$first) - ncol(ex) < length(e)) refuse("instruments")
  o$kept <- sort(match(c(colnames(with_e)[e], colnames(ex)), colnames(o$X)))
  o$endogenous <- colnames(with_e)[e]
  D <- o$full[, o$D_at, drop = FALSE]
  hat <- project(o, o$X[, o$kept, drop = FALSE])
  if (length(kept_regressors(hat, D, o$has_own)) < ncol(hat)) refuse("not identified")
  o
}

# Of the endogenous columns what the first stage fits.
project <- function(o, X) {
  A <- sqrt(o$w) * cbind(o$full[, o$D_at, drop = FALSE], o$first)
  A <- sweep(A, 2L, sqrt(colSums(A^2)), `/`)
  for (v in intersect(o$endogenous, colnames(X))) {
    X[, v] <- qr.fitted(qr(A, tol = 0), sqrt(o$w) * X[, v]) / sqrt(o$w)
  }
  X
}

fit_numbers <- function(o, D) {
  total <- sum(o$w)
  about <- if (o$has_constant) sum(o$w * o$y) / total else 0
  o$tss <- sum(o$w * (o$y - about)^2)
  o$tss_within <- if (ncol(D)) {
    sum(qr.resid(qr(sqrt(o$w) * D), sqrt(o$w) * o$y)^2)
  } else NA_real_
  r2 <- 1 - o$rss / o$tss
  within <- 1 - o$rss / o$tss_within
  log_lik <- if (is.null(o$first)) {
    0.5 * (sum(log(o$w)) - o$n * (log(2 * pi) + 1 - log(o$n) + log(o$rss)))
  } else NA_real_
  o$fit <- c(r.squared = r2, adj.r.squared = 1 - (1 - r2) * (o$n - o$has_constant) / o$df,
             within.r.squared = within,
             within.adj.r.squared = 1 - (1 - within) * (o$n - ncol(D)) / o$df,
             sigma = sqrt(o$rss / o$df), logLik = log_lik,
             AIC = 2 * (o$rank + 1) - 2 * log_lik, BIC = log(o$n) * (o$rank + 1) - 2 * log_lik,
             deviance = o$rss, df.residual = o$df, nobs = o$n)
  o
}

# Bounds of the rounding errors of a backward stable method, with unit columns (Higham 2002,
# Accuracy and Stability of Numerical Algorithms, ch. 20): of b, of residuals, of influences.
add_tolerance <- function(o) {
  eps <- .Machine$double.eps
  norm <- function(v) sqrt(sum(o$w * v^2))
  factor <- 200 * eps
  wanted <- 1e-11 # control$tol, that of the absorption
  raw <- norm(o$y + o$offset) + norm(o$offset)
  relative <- factor * o$kappa + wanted
  o$tol <- relative
  o$tol_b <- (relative * sqrt(sum((o$b * o$size)^2)) + o$kappa * (factor * raw +
    relative * sqrt(o$rss))) / o$size
  within <- sqrt(if (is.na(o$tss_within)) o$tss else o$tss_within)
  o$tol_e <- factor * raw + relative * (sqrt(o$rss) + o$kappa * factor * raw) + wanted * within
  o$tol_u <- relative + o$tol_e / sqrt(o$rss) # of u relative to its norm
  o
}

# ---- functionals ---------------------------------------------------------------------------------

# A functional of all columns (effects, then kept regressors) in terms of the basis; NULL if it is
# not estimable.
on_basis <- function(o, functional) {
  D <- o$full[, o$D_at, drop = FALSE]
  k <- ncol(o$full)
  d <- functional[seq_len(k)]
  if (k) {
    if (is.null(o$T)) o$T <- qr.coef(qr(D), o$full)
    if (max(abs(d - d[o$D_at] %*% o$T)) > 1e-6 * max(1, abs(d))) return(NULL)
  }
  c(d[o$D_at], functional[k + seq_along(o$slopes)])
}

with_map <- function(o) {
  if (ncol(o$full)) o$T <- qr.coef(qr(o$full[, o$D_at, drop = FALSE]), o$full)
  o
}

# The constant that `intercept` asks for.
constant_functional_of <- function(o, flavour) {
  if (flavour == "mean") {
    return(c(colSums(o$w * o$basis[, seq_along(o$D_at), drop = FALSE]) / sum(o$w),
             numeric(length(o$slopes))))
  }
  parts <- lapply(o$terms, function(D) as.double(seq_len(ncol(D)) == 1L))
  if (flavour == "within") parts[[1L]] <- colSums(o$w * o$terms[[1L]]) / sum(o$w)
  out <- on_basis(o, c(unlist(parts), numeric(length(o$slopes))))
  if (is.null(out)) refuse("constant")
  out
}
