# Fits of a robustness table: specifications that see the same data are estimated at once.

# A list with a row (data frame of one row) and a model (or NULL) for each row of the grid.
run_specifications <- function(grid, choices, base, level) {
  by <- c("outliers", "sample")
  trims <- vapply(choices$outliers, function(one) identical(one$value$kind, "trim"), NA)
  own <- ifelse(trims[grid[, "outliers"]], key_of(grid[, base$tails, drop = FALSE]), "")
  job <- paste(key_of(grid[, by, drop = FALSE]), own)
  frames <- lapply(choices$outliers, function(one) {
    if (!identical(one$value$kind, "winsor")) return(base$frame)
    winsor_frame(base, choices, one$value$p)
  })
  out <- vector("list", nrow(grid))
  for (members in split(seq_along(job), factor(job, unique(job)))) {
    first <- grid[members[1L], ]
    sample <- base$sample
    rows <- choices$sample[[first[["sample"]]]]$value
    if (trims[first[["outliers"]]]) rows <- and_mask(rows, trim_mask(base, choices, first))
    sample$candidates <- and_mask(sample$candidates, rows)
    out[members] <- run_job(frames[[first[["outliers"]]]], sample, grid[members, , drop = FALSE],
                            choices, base, level)
  }
  out
}

key_of <- function(x) do.call(paste, c(as.data.frame(x), sep = "."))

# Masks, of which NULL is all rows.
and_mask <- function(a, b) if (is.null(a)) b else if (is.null(b)) a else a & b

# The plan of one specification: x replaced wherever it stands, controls, effects.
robust_plan <- function(at, choices, base) {
  value <- function(name) choices[[name]][[at[[name]]]]$value
  x <- value("focal")
  controls <- value("controls")
  if (at[["focal"]] != 1L) controls <- lapply(controls, replace_expr, from = base$focal, to = x)
  plan <- list(outcome = value("outcome"), effects = value("effects"), focal = deparse_one(x))
  instruments <- if (length(base$instruments)) value("instruments")
  if (!length(instruments)) {
    plan$regressors <- join_sum(c(list(x), base$endogenous, controls))
    return(plan)
  }
  k <- choices$focal[[at[["focal"]]]]$lag
  if (base$instrumented && !is.null(k)) {
    instruments <- lapply(instruments, plain_lag, k = k, head = "l")
    for (term in instruments) offer_lags(term, base$frame)
  }
  exogenous <- c(if (!base$instrumented) list(x), controls)
  plan$regressors <- if (length(exogenous)) join_sum(exogenous) else 1
  plan$instrumented <- list(
    endogenous = join_sum(c(if (base$instrumented) list(x), base$endogenous)),
    instruments = join_sum(instruments))
  plan
}

replace_expr <- function(expr, from, to) {
  if (identical(expr, from)) return(to)
  if (!is.call(expr)) return(expr)
  for (j in seq_along(expr)[-1L]) expr[[j]] <- replace_expr(expr[[j]], from, to)
  expr
}

# Specifications of one sample: a plan for all those that differ by their variance only.
run_job <- function(frame, sample, grid, choices, base, level) {
  same <- setdiff(colnames(grid), c("outliers", "sample", "vcov"))
  key <- key_of(grid[, same, drop = FALSE])
  distinct <- which(!duplicated(key))
  plans <- lapply(distinct, function(s) {
    plan <- robust_plan(grid[s, ], choices, base)
    plan$wanted <- unique(grid[key == key[s], "vcov"])
    plan
  })
  vcovs <- lapply(choices$vcov, `[[`, "value")
  fits <- fit_plans(frame, sample, plans, base$settings, vcovs, level)
  Map(function(at, v) {
    robust_row(fits[[at]], v, plans[[at]]$focal)
  }, match(key, key[distinct]), grid[, "vcov"])
}

# What fit_plans() gives of one plan -> list(row, model (or NULL)) under variance v.
robust_row <- function(fit, v, term) {
  got <- if (is.null(fit$problem)) fit$by[[as.character(v)]] else fit
  row <- if (is.null(got$row)) missing_row(term) else got$row
  row$problem <- if (is.null(got$problem)) NA_character_ else got$problem
  row$note <- if (length(fit$note)) paste(unique(fit$note), collapse = "; ") else NA_character_
  list(row = row, model = got$model)
}

missing_row <- function(term) {
  data.frame(term = term, estimate = NA_real_, std.error = NA_real_, statistic = NA_real_,
             p.value = NA_real_, conf.low = NA_real_, conf.high = NA_real_, df = NA_real_,
             nobs = NA_real_)
}

# All plans at once; if one of them fails, halves, until the one that fails is alone. -> a list of
# list(by (list(row, model) or list(problem), for each variance wanted), note) or list(problem)
fit_plans <- function(frame, sample, plans, settings, vcovs, level) {
  notes <- common <- character()
  place <- vapply(plans, function(plan) deparse_one(model_formula(plan, frame$scope)), "")
  settings$vcov <- vcovs[[1L]]$vcov
  settings$shared <- function(models) { # the warnings so far are of all of them
    common <<- notes
    notes <<- character()
  }
  settings$finish <- function(m) {
    plan <- plans[[match(deparse_one(m$formula), place)]]
    by <- lapply(stats::setNames(nm = plan$wanted), function(v) {
      focal_estimate(m, plan$focal, if (v != 1L) vcovs[[v]], level)
    })
    found <- list(by = by, note = c(common, notes))
    notes <<- character()
    found
  }
  fits <- tryCatch(withCallingHandlers(fit_sample(frame, plans, sample, settings),
                                       warning = function(w) {
    notes <<- c(notes, conditionMessage(w))
    invokeRestart("muffleWarning")
  }), error = unless_memory(conditionMessage))
  if (!is.character(fits)) return(fits)
  if (length(plans) == 1L) return(list(list(problem = fits, note = notes)))
  first <- seq_len(length(plans) %/% 2L)
  c(fit_plans(frame, sample, plans[first], settings, vcovs, level),
    fit_plans(frame, sample, plans[-first], settings, vcovs, level))
}

# The focal coefficient of one model under one variance (NULL: its own), and the model without data.
focal_estimate <- function(m, term, request, level) {
  if (!term %in% names(m$coefficients)) {
    return(list(problem = sprintf("`%s` is collinear with the fixed effects or other regressors",
                                  term)))
  }
  m <- tryCatch(if (is.null(request)) m else restated(m, request$vcov, request$cluster),
                error = unless_memory(conditionMessage))
  if (is.character(m)) return(list(problem = m))
  table <- coef_table(m, level)
  row <- table[match(term, table$term), , drop = FALSE]
  row$df <- coef_df(m)[[term]]
  row$nobs <- m$nobs
  list(row = row, model = make_lean(m))
}

# ---- outliers ------------------------------------------------------------------------------------

# Variables of terms, as they stand in formulas.
term_variables <- function(terms) {
  if (!length(terms)) return(list())
  as.list(attr(stats::terms(stats::as.formula(call("~", join_sum(terms)))), "variables"))[-1L]
}

# Variables of the roles in `tails`, of the choices numbered by `at` (NULL: of all).
tail_variables <- function(base, choices, at = NULL) {
  of <- function(name) {
    if (!name %in% base$tails) return(NULL)
    some <- if (is.null(at)) choices[[name]] else choices[[name]][at[[name]]]
    terms <- unlist(lapply(some, function(one) one$value), recursive = FALSE)
    if (name == "outcome") terms else term_variables(terms)
  }
  roles <- list(outcome = of("outcome"), regressor = c(of("focal"), of("controls")))
  kept <- unlist(lapply(c(unlist(lapply(choices$effects, `[[`, "value"), recursive = FALSE),
                          unlist(lapply(choices$vcov, function(v) {
                            cluster_expressions(v$value$vcov)
                          }), recursive = FALSE)), all.vars))
  found <- unlist(Map(function(exprs, role) {
    lapply(exprs, function(expr) tail_variable(base, expr, role))
  }, roles, names(roles)), recursive = FALSE)
  found <- Filter(function(v) !is.null(v) && !v$name %in% kept, unname(found))
  found[!duplicated(vapply(found, `[[`, "", "name"))]
}

# NULL for what has no tails; what cannot be evaluated says so when it is fitted.
tail_variable <- function(base, expr, role) {
  v <- tryCatch(suppressWarnings(frame_variable(base$frame, offset_inner(expr), role)),
                fe_error = function(e) NULL)
  if (is.null(v) || !is_plain_number(v$value) || is.object(v$value) || is.logical(v$value)) {
    return(NULL)
  }
  x <- v$value[base$rows]
  x <- x[is.finite(x)]
  if (length(unique(x)) > 2L) c(v, list(known = x))
}

tail_ends <- function(v, p) unname(stats::quantile(v$known, c(p, 1 - p), type = 7L))

# The frame with winsorised values under the same names.
winsor_frame <- function(base, choices, p) {
  variables <- tail_variables(base, choices)
  frame <- base$frame
  frame$cache <- list2env(as.list(frame$cache, all.names = TRUE), parent = emptyenv())
  for (v in variables) {
    ends <- tail_ends(v, p)
    x <- v$value
    inside <- is.finite(x)
    x[inside] <- pmin(pmax(x[inside], ends[1L]), ends[2L])
    assign(v$name, c(list(name = v$name, value = x), bad_rows(x, frame$threads)),
           envir = frame$cache)
  }
  frame
}

# Rows without a value beyond the quantiles.
trim_mask <- function(base, choices, at) {
  p <- choices$outliers[[at[["outliers"]]]]$value$p
  inside <- lapply(tail_variables(base, choices, at), function(v) {
    ends <- tail_ends(v, p)
    is.na(v$value) | (v$value >= ends[1L] & v$value <= ends[2L])
  })
  Reduce(`&`, inside, rep(TRUE, base$frame$n))
}

# ---- without each unit ---------------------------------------------------------------------------

# leave_out: NULL or a one-sided formula -> data frame, a row for each value of each variable.
leave_each_out <- function(leave_out, base, level) {
  if (is.null(leave_out)) return(NULL)
  if (is.character(leave_out)) {
    check_columns(leave_out, base$frame$data, "leave_out")
    leave_out <- stats::as.formula(call("~", join_sum(lapply(leave_out, as.name))))
  }
  terms <- check_joined(split_sum(one_sided(leave_out, "leave_out", base, "unit")), "leave_out",
                        "variables")
  do.call(rbind, lapply(terms, function(term) {
    leave_values_out(left_out_units(term, base), deparse_one(term), base, level)
  }))
}

# Estimates without each value, from the baseline. NULL: there is no way round other fits.
leave_out_estimates <- function(m, coded, term) {
  if (!is_iv(m)) return(unname(leave_out_coefs(m, coded)$coef[, term]))
  source <- reweighting_source(list(m), coded, boot_request(2))
  if (source$path == "blocks") source$jack()[, match(term, setdiff_constant(m))]
}

# Coded values over the rows of the baseline.
left_out_units <- function(term, base) {
  parts <- lapply(split_power(term), frame_variable, frame = base$frame, role = "unit",
                  arg = "leave_out")
  values <- lapply(parts, function(v) take_rows(v$value, base$model$rows))
  missing <- Reduce(`|`, lapply(values, is_missing))
  if (any(missing)) {
    stop_arg("leave_out", sprintf("has `%s`, which is NA in %s of the baseline's sample",
                                  deparse_one(term), quote_rows(base$rows[missing])),
             "Fill it in, or leave these rows out with `subset`")
  }
  code_factor(values, vapply(parts, `[[`, "", "name"), "leave_out", base$settings$threads)
}

leave_values_out <- function(coded, name, base, level) {
  if (coded$n_levels < 2L) {
    stop_arg("leave_out", sprintf("has `%s`, which has a single value in the sample", name))
  }
  m <- base$model
  labels <- level_labels(coded)
  quick <- if (as.double(coded$n_levels) * m$n_rows > 2e7) leave_out_estimates(m, coded, base$name)
  if (!is.null(quick)) {
    rows <- missing_row(rep(base$name, coded$n_levels))
    rows$estimate <- quick
    rows$problem <- ifelse(is.na(rows$estimate), "it cannot be estimated", NA_character_)
    rows$note <- NA_character_
    return(cbind(data.frame(variable = name, value = labels), rows))
  }
  plan <- c(base$plan, list(wanted = 1L))
  plan$focal <- base$name
  rows <- lapply(seq_len(coded$n_levels), function(g) {
    keep <- logical(base$frame$n)
    keep[base$rows[coded$code != g]] <- TRUE
    sample <- list(candidates = keep, subset = base$sample$subset, split = NULL)
    fit <- fit_plans(base$frame, sample, list(plan), base$settings,
                     list(base$model$vcov_request), level)[[1L]]
    robust_row(fit, 1L, base$name)$row
  })
  cbind(data.frame(variable = name, value = labels), stack_rows(rows))
}
