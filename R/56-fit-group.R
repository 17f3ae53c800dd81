# The models of one sample: rows, then groups that share rows and fixed effects, and so the
# absorption of their columns.

# Models that share rows and fixed effects share the absorption of their columns.
fit_sample <- function(frame, plan, sample, settings) {
  models <- lapply(plan, prepare_model, frame = frame, settings = settings)
  if (settings$common) models <- pool_samples(models)
  models <- lapply(models, function(model) {
    sampled <- apply_masks(sample$candidates, model$variables)
    if (!any(sampled$keep)) stop_no_rows(sampled$dropped, deparse_one(model$formula))
    c(model, sampled)
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
  effects <- unlist(lapply(models, `[[`, "effects"), recursive = FALSE)
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
  has_effects <- length(plan$effects) > 0L
  tt <- design_terms(plan$regressors, frame$scope, has_effects)
  outcome <- outcome_variable(frame, plan$outcome)
  regressors <- design_variables(frame, tt)
  if (outcome$name %in% vapply(regressors, `[[`, "", "name")) {
    stop_arg("formula", sprintf("has the outcome `%s` among the regressors too", outcome$name))
  }
  effects <- lapply(plan$effects, function(expr) effect_variables(frame, expr))
  names(effects) <- vapply(plan$effects, deparse_one, "")
  clusters <- lapply(cluster_expressions(settings$vcov), function(expr) {
    frame_variable(frame, expr, "cluster", "vcov")
  })
  list(plan = plan, terms = tt, outcome = outcome, regressors = regressors, effects = effects,
       alone = effects, # the factors whose singletons are dropped
       formula = model_formula(plan, frame$scope),
       variables = c(list(outcome), regressors,
                     unlist(effects, recursive = FALSE, use.names = FALSE), clusters,
                     list_masks(frame)))
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

fit_group <- function(frame, models, sample, settings) {
  shared <- shared_rows(frame, models[[1L]], settings)
  columns <- group_columns(frame, models, shared)
  absorber <- new_absorber(shared$factors, shared$w, settings$control)
  done <- absorb(absorber, columns$raw, settings$threads)
  shared$absorbed <- !is.null(absorber)
  rank <- effects_rank(absorber, shared$factors, settings$control)
  shared$effects_rank <- rank$rank
  shared$absorption <- if (shared$absorbed) {
    list(solver = absorber$solver, exact_rank = rank$exact, iterations = done$iterations,
         residual = done$residual)
  }
  shared$absorber <- absorber
  lapply(seq_along(models), function(m) {
    fit_one(frame, models[[m]], columns$index[[m]], columns$designs[[m]], columns$raw, done$x,
            columns$floor, shared, sample, settings)
  })
}

# Rows, weights and codes after singletons are gone.
shared_rows <- function(frame, model, settings) {
  keep <- model$keep
  rows <- if (all(keep)) NULL else which(keep)
  take <- function(v) if (is.null(rows)) v else v[rows]
  factors <- Map(function(parts, name) {
    code_factor(lapply(parts, function(v) take(v$value)), vapply(parts, `[[`, "", "name"))
  }, model$alone, names(model$alone))
  singles <- no_dropped
  if (settings$singletons == "drop" && length(factors)) {
    stay <- drop_singletons(factors, length(factors[[1L]]$code))
    if (!all(stay)) {
      all_rows <- if (is.null(rows)) seq_len(frame$n) else rows
      singles <- data.frame(row = all_rows[!stay], cause = "singleton",
                            variable = paste(names(factors), collapse = " + "))
      rows <- all_rows[stay]
      if (!length(rows)) stop_no_rows(rbind(model$dropped, singles), deparse_one(model$formula))
      factors <- lapply(factors, recode, keep = stay)
    }
  }
  factors <- factors[names(model$effects)]
  list(rows = rows, factors = factors, singletons = singles, w = take_rows(frame$weights, rows),
       offset = take_rows(frame$offset, rows), n = if (is.null(rows)) frame$n else length(rows))
}

take_rows <- function(v, rows) if (is.null(rows) || is.null(v)) v else v[rows]

# All distinct columns of a group in one matrix: outcomes (less their offsets), then regressors.
group_columns <- function(frame, models, shared) {
  has_effects <- length(shared$factors) > 0L
  columns <- list()
  designs <- index <- vector("list", length(models))
  for (m in seq_along(models)) {
    model <- models[[m]]
    design <- design_matrix(frame, model$terms, model$regressors, shared$rows, has_effects)
    offset <- c(list(shared$offset), list(design$offset))
    offset <- Reduce(`+`, Filter(Negate(is.null), offset))
    y <- as.double(take_rows(model$outcome$value, shared$rows))
    y_key <- paste0("y:", model$outcome$name, ":",
                    if (length(design$offset)) deparse_one(model$plan$regressors))
    if (is.null(columns[[y_key]])) columns[[y_key]] <- if (is.null(offset)) y else y - offset
    x_keys <- paste0("x:", names(design$columns), recycle0 = TRUE)
    for (j in seq_along(x_keys)) {
      while (!is.null(columns[[x_keys[j]]]) &&
               !identical(columns[[x_keys[j]]], design$columns[[j]])) {
        x_keys[j] <- paste0(x_keys[j], "'") # the same name, another column
      }
      columns[[x_keys[j]]] <- design$columns[[j]]
    }
    design$names <- as.character(names(design$columns))
    design$columns <- NULL
    design$offset <- offset
    designs[[m]] <- design
    index[[m]] <- list(y = y_key, x = x_keys)
  }
  check_magnitude(columns)
  index <- lapply(index, function(at) lapply(at, match, names(columns)))
  floor <- if (length(shared$factors)) vapply(columns, floor_norm, 0, w = shared$w) else
    numeric(length(columns))
  raw <- unlist(columns, use.names = FALSE)
  dim(raw) <- c(shared$n, length(columns))
  list(raw = raw, floor = floor, designs = designs, index = index)
}

# Sums of squares must neither overflow nor vanish.
check_magnitude <- function(columns) {
  for (name in names(columns)) {
    size <- max(abs(range(columns[[name]])))
    if (size == 0 || (size > 1e-100 && size < 1e100)) next
    stop_arg("data",
             sprintf("has values of size %.3g in `%s`, whose squares cannot be represented", size,
                     sub("^[xy]:(.*?):*$", "\\1", name)),
             "Rescale the variable")
  }
}

# Positions, among the rows that `subset` leaves, of those that were not used: what stats and
# sandwich read as na.action.
omitted_rows <- function(subset, rows) {
  if (is.null(rows)) return(NULL)
  omitted <- which(!which(subset) %in% rows)
  if (length(omitted)) structure(omitted, class = "omit")
}
