# The models of one sample: rows, then groups that share rows and fixed effects, and so the
# absorption of their columns.

# Models that share rows and fixed effects share the absorption of their columns.
fit_sample <- function(frame, plan, sample, settings) {
  models <- lapply(plan, prepare_model, frame = frame, settings = settings)
  if (settings$common) models <- pool_samples(models)
  models <- lapply(models, function(model) {
    sampled <- apply_masks(sample$candidates, model$variables)
    if (!is.null(sampled$keep) && !any(sampled$keep)) {
      stop_no_rows(sampled$dropped, deparse_one(model$formula))
    }
    c(model, list(keep = sampled$keep, dropped = sampled$dropped))
  })
  group <- group_models(models)
  fits <- vector("list", length(models))
  for (g in unique(group)) {
    members <- which(group == g)
    fits[members] <- fit_group(frame, models[members], sample, settings)
  }
  fits
}

# With a common sample, every model looks at the variables and at the singletons of all of them.
pool_samples <- function(models) {
  variables <- unlist(lapply(models, `[[`, "variables"), recursive = FALSE)
  effects <- unlist(lapply(models, `[[`, "alone"), recursive = FALSE)
  effects <- effects[!duplicated(names(effects))]
  lapply(models, function(model) {
    model$variables <- variables
    model$alone <- effects
    model
  })
}

group_models <- function(models) {
  group <- integer(length(models))
  for (m in seq_along(models)) {
    same <- Find(function(o) {
      identical(models[[o]]$plan$effects, models[[m]]$plan$effects) &&
        identical(models[[o]]$keep, models[[m]]$keep)
    }, seq_len(m - 1L))
    group[m] <- if (is.null(same)) m else group[same]
  }
  group
}

prepare_model <- function(plan, frame, settings) {
  layout <- effect_layout(plan$effects)
  design <- plan_terms(plan, frame, has_constant(layout))
  outcome <- outcome_variable(frame, plan$outcome)
  regressors <- design_variables(frame, design$terms)
  if (!is.null(design$first)) design$first$variables <- design_variables(frame, design$first$terms)
  if (outcome$name %in% vapply(c(regressors, design$first$variables), `[[`, "", "name")) {
    stop_arg("formula", sprintf("has the outcome `%s` among the regressors too", outcome$name),
             "Leave it out there")
  }
  effects <- lapply(layout, function(effect) effect_variables(frame, effect$factor))
  slopes <- slope_variables(frame, layout)
  clusters <- lapply(cluster_expressions(settings$vcov), function(expr) {
    frame_variable(frame, expr, variance_role(settings$vcov), "vcov")
  })
  c(design, list(plan = plan, outcome = outcome, regressors = regressors, effects = effects,
                 layout = layout, slopes = slopes,
                 alone = effects[vapply(layout, has_own_constant, NA)], # singletons are dropped
                 formula = model_formula(plan, frame$scope),
                 variables = c(list(outcome), regressors, design$first$variables,
                               unlist(effects, recursive = FALSE, use.names = FALSE),
                               unname(slopes), clusters, list_masks(frame))))
}

# -> list(terms); with instruments also endogenous (labels), first (list(terms, labels)).
plan_terms <- function(plan, frame, has_effects) {
  if (is.null(plan$instrumented)) {
    return(list(terms = design_terms(plan$regressors, frame$scope, has_effects)))
  }
  instrumented_terms(plan$regressors, plan$instrumented, frame$scope, has_effects)
}

list_masks <- function(frame) {
  out <- list()
  if (!is.null(frame$weights)) {
    zero <- frame$weights == 0
    out$weights <- c(list(name = "(weights)", zero = if (any(zero, na.rm = TRUE)) zero %in% TRUE),
                     bad_rows(frame$weights))
  }
  if (!is.null(frame$offset)) out$offset <- c(list(name = "(offset)"), bad_rows(frame$offset))
  out
}

# ---- one group: same rows, same fixed effects ----------------------------------------------------

# settings$shared: NULL, or a function told that what so many models share is done.

fit_group <- function(frame, models, sample, settings) {
  shared <- shared_rows(frame, models[[1L]], settings)
  columns <- group_columns(frame, models, shared)
  absorber <- new_absorber(shared$factors, shared$w, settings$control, settings$threads)
  done <- absorb(absorber, columns$raw, settings$threads)
  shared$absorbed <- !is.null(absorber)
  rank <- effects_rank(absorber, shared$factors, settings$control, settings$threads)
  shared$effects_rank <- rank$rank
  shared$absorber <- absorber
  if (shared$absorbed) {
    shared$absorption <- c(done[c("solver", "iterations", "residual")], list(plan = done$plan),
                           exact_rank = rank$exact)
    if (settings$control$verbose) message(describe_absorption(done, shared$factors))
  }
  columns$residual <- done$x
  columns$factor <- factor_columns(columns, shared, settings$threads)
  if (!is.null(settings$shared)) settings$shared(length(models))
  lapply(seq_along(models), function(m) {
    fit_one(frame, models[[m]], columns, m, shared, sample, settings)
  })
}

# Rows, weights and codes after singletons are gone. rows NULL: all of them.
shared_rows <- function(frame, model, settings) {
  keep <- model$keep
  rows <- if (is.null(keep) || all(keep)) NULL else which(keep)
  parts <- c(model$effects, model$alone[setdiff(names(model$alone), names(model$effects))])
  factors <- Map(function(parts, name) {
    code_factor(lapply(parts, function(v) take_rows(v$value, rows)),
                vapply(parts, `[[`, "", "name"), threads = settings$threads)
  }, parts, names(parts))
  singles <- no_dropped
  counts <- frame$weighting == "frequency"
  stay <- if (settings$singletons == "drop") {
    drop_singletons(factors[names(model$alone)], settings$threads,
                    if (counts) take_rows(frame$weights, rows))
  }
  if (!is.null(stay)) {
    split <- .Call(C_split_rows, stay)
    among <- function(at) if (is.null(rows)) at else rows[at]
    singles <- data.frame(row = among(split$gone), cause = "singleton",
                          variable = paste(names(model$alone), collapse = " + "))
    rows <- among(split$stay)
    if (!length(rows)) stop_no_rows(rbind(model$dropped, singles), deparse_one(model$formula))
    factors <- lapply(factors, recode, keep = stay)
  }
  values <- lapply(model$slopes, function(v) take_rows(v$value, rows))
  factors <- attach_slopes(factors[names(model$effects)], model$layout, values)
  w <- take_rows(frame$weights, rows)
  n <- if (is.null(rows)) frame$n else length(rows)
  list(rows = rows, factors = factors, singletons = singles, w = w,
       weighting = if (!is.null(w)) frame$weighting,
       offset = take_rows(frame$offset, rows), n = n, nobs = if (counts) sum(w) else n)
}

# Elements of a vector or rows of a matrix; rows NULL: all.
take_rows <- function(v, rows) {
  if (is.null(rows) || is.null(v)) return(v)
  plain <- is.null(attributes(v)) && typeof(v) %in% c("double", "integer") && is.integer(rows)
  if (plain) return(.Call(C_take, v, rows))
  if (inherits(v, "integer64")) { # whose class `[` drops where bit64 is not loaded
    return(structure(unclass(v)[rows], class = "integer64"))
  }
  if (length(dim(v)) == 2L) v[rows, , drop = FALSE] else v[rows]
}

# All distinct columns of a group: outcomes (less their offsets), regressors, instruments. ->
# list(raw (columns), moments (their scale), floor, designs (one a model), index (one a model: the
# positions of its outcome y, regressors x and instruments z))
group_columns <- function(frame, models, shared) {
  has_effects <- length(shared$factors) > 0L
  columns <- scans <- list()
  designs <- index <- vector("list", length(models))
  for (m in seq_along(models)) {
    model <- models[[m]]
    design <- model_design(frame, model, shared)
    offset <- c(list(shared$offset), list(design$offset))
    offset <- Reduce(`+`, Filter(Negate(is.null), offset))
    y_key <- paste0("y:", model$outcome$name, ":",
                    if (length(design$offset)) deparse_one(model$plan$regressors))
    if (is.null(columns[[y_key]])) {
      y <- as.double(take_rows(model$outcome$value, shared$rows))
      columns[[y_key]] <- if (is.null(offset)) y else y - offset
      scans[[y_key]] <- if (is.null(shared$rows) && is.null(offset)) model$outcome$scan
    }
    x_keys <- character(length(design$columns))
    for (j in seq_along(x_keys)) {
      name <- names(design$columns)[j]
      x_keys[j] <- column_key(name, design$columns[[j]], columns)
      columns[[x_keys[j]]] <- design$columns[[j]]
      scans[[x_keys[j]]] <- design$scans[[name]]
    }
    z <- if (is.null(design$role)) logical(length(x_keys)) else design$role == "instrument"
    design$names <- as.character(names(design$columns))[!z]
    design$instruments <- names(design$columns)[z]
    design[c("columns", "scans")] <- NULL
    design$offset <- offset
    designs[[m]] <- design
    index[[m]] <- list(y = y_key, x = x_keys[!z], z = x_keys[z])
  }
  scans <- lapply(stats::setNames(nm = names(columns)), function(name) {
    if (is.null(scans[[name]])) .Call(C_scan, columns[[name]], frame$threads) else scans[[name]]
  })
  check_magnitude(scans)
  moments <- Map(column_moments, columns, list(shared$w), scans)
  floor <- if (has_effects) vapply(moments, floor_norm, 0) else numeric(length(columns))
  list(raw = columns, scans = scans, moments = moments, floor = unname(floor), designs = designs,
       index = lapply(index, function(at) lapply(at, match, names(columns))))
}

# Where a regressor stands among the columns: primes tell apart others of the same name.
column_key <- function(name, column, columns) {
  key <- paste0("x:", name)
  while (!is.null(columns[[key]]) && !identical(columns[[key]], column)) key <- paste0(key, "'")
  key
}

# Sums of squares must neither overflow nor vanish.
check_magnitude <- function(scans) {
  for (name in names(scans)) {
    size <- max(abs(c(scans[[name]]$min, scans[[name]]$max)))
    if (size == 0 || (size > 1e-100 && size < 1e100)) next
    stop_arg("data",
             sprintf("has values of size %.3g in `%s`, whose squares cannot be represented", size,
                     sub("^[xy]:(.*?):*$", "\\1", name)),
             "Rescale the variable")
  }
}

# Positions, among the rows that `subset` leaves, of those that were not used: what stats and
# sandwich read as na.action.
omitted_rows <- function(subset, rows, dropped, n) {
  if (is.null(rows)) return(NULL)
  omitted <- if (is.null(subset)) sort(dropped$row) else {
    used <- logical(n)
    used[rows] <- TRUE
    which(!used[subset])
  }
  if (length(omitted)) structure(omitted, class = "omit")
}
