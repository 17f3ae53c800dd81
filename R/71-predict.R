# Predictions, with the variance of the fixed effects.

#' Predictions and their standard errors
#'
#' \eqn{\hat y = d'\hat\gamma + x'b + }{y = d'gamma + x'b + } offset, for rows of the fit or new
#' ones. The effects of an unknown level cannot be predicted, and the sum of effects of levels that
#' no chain of observations connects is not identified: both are refused or `NA`, never made up.
#'
#' With `se.fit` the variance is that of the whole prediction, effects included: d'gamma is a linear
#' functional of the effects whose influence is known (see [fe_lm()], `intercept`), and its variance
#' and covariance with b follow the model's own variance type. Where levels of a factor lie within
#' the clusters, clustered errors leave the uncertainty of their effects out, with a warning (see
#' [fixef.fe_lm()]).
#'
#' @param object a model of class `fe_lm`.
#' @param newdata `NULL` for the rows used in the fit, or a data frame with the variables of the
#'   formula.
#' @param se.fit should standard errors be computed? One solve for each distinct combination of
#'   levels; none for the rows of the fit under `"iid"`, where leverages give them.
#' @param interval `"none"`, `"confidence"` for the expectation, or `"prediction"` for a new
#'   observation of weight one (adds sigma^2).
#' @param level confidence level, default 0.95.
#' @param new_levels what a level that the fit has not seen, of a fixed effect or of a factor among
#'   the regressors, gives: `"error"` (default) or `"NA"`.
#' @param ... must be empty.
#' @return a numeric vector with one prediction per row (`NA` where a variable is); with an interval
#'   a matrix with columns `fit`, `lwr`, `upr`; with `se.fit = TRUE` a list of `fit`, `se.fit`,
#'   `df`, `residual.scale`. Under a variance with degrees of freedom for each coefficient
#'   (Satterthwaite's), `df` are those of the predictions, one a row, in a model without fixed
#'   effects; beside fixed effects the smallest of the coefficients, which is conservative.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
#' predict(m, digitrade[1:3, ], interval = "confidence")
#' @export
predict.fe_lm <- function(object, newdata = NULL, se.fit = FALSE,
                          interval = c("none", "confidence", "prediction"), level = 0.95,
                          new_levels = c("error", "NA"), ...) {
  check_dots(...)
  need_full(object, "predictions")
  interval <- check_first(interval, c("none", "confidence", "prediction"), "interval")
  new_levels <- check_first(new_levels, c("error", "NA"), "new_levels")
  check_level(level)
  check_flag(se.fit, "se.fit")
  empty <- is.data.frame(newdata) && !nrow(newdata)
  at <- if (!empty) prediction_rows(object, newdata, new_levels)
  fit <- if (empty) numeric() else predict_point(object, at)
  if (!se.fit && interval == "none") return(fit)
  se <- if (empty) numeric() else predict_error(object, at, which(!is.na(fit)))
  df <- if (empty) least_df(object) else prediction_df(object, at)
  if (interval != "none") {
    spread <- if (interval == "prediction") sqrt(se^2 + sigma(object)^2) else se
    margin <- stats::qt(1 - (1 - level) / 2, df) * spread
    fit <- cbind(fit = fit, lwr = fit - margin, upr = fit + margin)
  }
  if (!se.fit) return(fit)
  list(fit = fit, se.fit = se, df = df, residual.scale = sigma(object))
}

# -> list(x, codes (a column for each factor), slopes (the variables of varying slopes by name),
# offset, fresh (is it new data?))
prediction_rows <- function(m, newdata, new_levels) {
  if (is.null(newdata)) {
    slopes <- unlist(lapply(unname(m$factors), `[[`, "slopes"), recursive = FALSE)
    return(list(x = raw_design(m), offset = m$offset, fresh = FALSE,
                codes = vapply(m$factors, `[[`, integer(m$n_rows), "code"), slopes = slopes))
  }
  newdata <- check_data(newdata, "newdata")
  codes <- match_levels(m, newdata, new_levels)
  slopes <- match_slopes(m, newdata)
  offset <- new_offset(m, newdata)
  known <- match_regressors(m, newdata, new_levels)
  list(x = raw_design(m, known), codes = codes, slopes = slopes, fresh = TRUE, offset = offset)
}

match_slopes <- function(m, newdata) {
  names <- unique(unlist(lapply(unname(m$factors), function(f) names(f$slopes))))
  frame <- new_data_frame(m, newdata)
  values <- lapply(names, function(name) {
    expr <- read_written(name, names(m$data))
    as_slope(frame_variable(frame, expr, "slope variable", "newdata")$value, name)
  })
  stats::setNames(values, names)
}

# New data in which factor regressors (also inside i()) have levels of the fit only: others are an
# error, or their variables become NA.
match_regressors <- function(m, newdata, new_levels) {
  variables <- as.list(attr(m$terms, "variables"))[-1L]
  offsets <- attr(m$terms, "offset")
  scope <- new_data_frame(m, newdata)$scope
  for (expr in if (is.null(offsets)) variables else variables[-offsets]) {
    name <- deparse_one(expr)
    inside <- is_call_of(expr, "i")
    if (inside) expr <- match.call(i, expr)$f
    factor <- inside || name %in% names(m$xlevels)
    if (!all(all.vars(expr) %in% names(newdata))) next # raw_design() says what is absent
    if (!factor && is.name(expr)) check_still_numeric(newdata[[name]], name)
    if (!factor) next
    value <- as.character(eval(expr, newdata, scope))
    seen <- if (inside) as.character(take_rows(eval(expr, m$data, m$env), m$rows)) else
      m$xlevels[[name]]
    unknown <- which(!is.na(value) & !value %in% seen)
    if (!length(unknown)) next
    if (new_levels == "error") {
      stop_arg("newdata", sprintf("has levels of the regressor `%s` not seen in the fit, %s, in %s",
                                  name, quote_list(unique(value[unknown])), quote_rows(unknown)),
               "Leave these rows out, or set new_levels = \"NA\"")
    }
    newdata[unknown, all.vars(expr)] <- NA
  }
  newdata
}

check_still_numeric <- function(value, name) {
  if (!is.character(value) && !is.factor(value)) return(invisible())
  stop_arg("newdata", sprintf("has the regressor `%s` as %s, which was numeric in the fit", name,
                              describe_value(value)),
           "Convert it with as.numeric()")
}

match_levels <- function(m, newdata, new_levels) {
  frame <- new_data_frame(m, newdata)
  out <- matrix(NA_integer_, nrow(newdata), length(m$factors))
  for (f in seq_along(m$factors)) {
    name <- names(m$factors)[f]
    parts <- lapply(split_power(read_written(name, names(m$data))), function(part) {
      frame_variable(frame, part, "fixed effect", "newdata")
    })
    complete <- rep(TRUE, nrow(newdata))
    for (v in parts) complete <- complete & !unusable(v)
    if (!any(complete)) next
    values <- lapply(parts, function(v) v$value[complete])
    new <- code_factor(values, vapply(parts, `[[`, "", "name"), "newdata")
    at <- match_factors(new, m$factors[[f]])
    out[complete, f] <- at[new$code]
    unknown <- which(complete)[is.na(out[complete, f])]
    if (length(unknown) && new_levels == "error") {
      stop_arg("newdata", sprintf("has levels of `%s` that the fit has not seen, %s, in %s", name,
                                  quote_list(level_labels(new)[is.na(at)]),
                                  quote_rows(unknown)),
               "Leave these rows out, or set new_levels = \"NA\"")
    }
  }
  out
}

# The offset of new rows: that of the formula and that of the argument, which is known where it was
# written in columns of the data.
new_offset <- function(m, newdata) {
  inside <- attr(m$terms, "offset")
  exprs <- lapply(as.list(attr(m$terms, "variables"))[inside + 1L], offset_inner)
  parts <- c(lapply(exprs, eval, newdata, m$env), argument_offset(m, newdata, length(exprs)))
  if (length(parts)) Reduce(`+`, parts)
}

argument_offset <- function(m, newdata, n_inside) {
  expr <- m$call$offset
  if (is.null(expr) && (is.null(m$offset) || n_inside)) return(list())
  used <- all.vars(expr)
  if (!length(used) || !all(used %in% names(newdata))) {
    stop_arg("newdata", "cannot be used: the offset was an argument and is unknown for new rows",
             "Write it as columns of the data, offset = ~o, or into the formula as offset(o)")
  }
  panel <- new_data_frame(m, newdata)$panel
  list(check_offset(resolve_argument(expr, newdata, m$env, "offset", panel), nrow(newdata)))
}

predict_point <- function(m, at) {
  b <- m$coefficients[colnames(at$x)]
  fit <- as.vector(at$x %*% b)
  if (length(m$factors)) {
    absorber <- model_absorber(m)
    gamma <- level_effects(absorber, m$factors, effects_sum(m))
    fit <- fit + sum_cells(as.matrix(gamma), m, at)[, 1L]
    if (at$fresh) fit[!estimable_rows(m, absorber, at)] <- NA
  }
  if (is.null(at$offset)) fit else fit + at$offset
}

# Sums of effects in rows, for the columns of values (a row for each level of every term).
sum_cells <- function(values, m, at, rows = seq_len(nrow(at$codes))) {
  terms <- effect_terms(m$factors)
  Reduce(`+`, Map(function(start, f, slope) {
    part <- values[start + at$codes[rows, f], , drop = FALSE]
    if (is.na(slope)) part else part * at$slopes[[slope]][rows]
  }, terms$starts, terms$factor, terms$slope))
}

# Rows whose combination of levels is known and identified.
estimable_rows <- function(m, absorber, at) {
  known <- !is.na(rowSums(at$codes))
  if (is_regular(m)) return(known)
  identified <- is_estimable(sum_cells(null_effects(absorber, m$factors), m, at))
  refused <- which(known & identified %in% FALSE)
  if (length(refused)) {
    warn_user("predictions in ", quote_rows(refused),
              " are NA: the rows of the fit do not connect their fixed effects")
  }
  known & identified %in% TRUE
}

# Degrees of freedom of t: one number, or one a row.
prediction_df <- function(m, at) {
  if (length(m$factors) || is_shared_df(m$vcov_info$df)) return(least_df(m))
  df <- rep(NA_real_, nrow(at$x))
  rows <- which(!is.na(rowSums(at$x)))
  df[rows] <- functional_df(m, at$x[rows, , drop = FALSE])
  df
}

# Standard errors of the predictions in `rows`, NA elsewhere.
predict_error <- function(m, at, rows) {
  se <- rep(NA_real_, nrow(at$x))
  x <- at$x[rows, , drop = FALSE]
  if (!length(m$factors)) {
    V <- m$vcov[colnames(x), colnames(x), drop = FALSE]
    se[rows] <- sqrt(rowSums((x %*% V) * x))
    return(se)
  }
  h <- if (!at$fresh && !is_iv(m) && identical(m$vcov_info$type, "iid")) leverage_or_null(m)
  variance <- if (is.null(h)) cell_variances(m, at, rows) else {
    w <- if (is.null(m$weights) || !is.null(row_counts(m))) 1 else m$weights
    m$rss / m$df.residual * h / w
  }
  se[rows] <- sqrt(variance)
  se
}

# sigma^2 h_i / w_i is the variance of a fitted value (with frequency weights h_i is that of an
# observation of weight one); NULL where leverages cost too much.
leverage_or_null <- function(m) {
  tryCatch(leverage(m), fe_error = unless_memory(function(e) NULL))
}

# Variances of d'gamma + x'b, d the dummies of a row; rows with the same d share a solve.
cell_variances <- function(m, at, rows) {
  if (!length(rows)) return(numeric())
  check_variance_type(m)
  warn_enclosed(m, seq_along(effect_terms(m$factors)$name))
  absorber <- model_absorber(m)
  cells <- c(list(at$codes), at$slopes)
  key <- do.call(paste, as.data.frame(cells)[rows, , drop = FALSE])
  first <- which(!duplicated(key))
  announce_solves(length(first), m$n_rows)
  functional <- row_functionals(m, at, rows[first])
  moments <- functional_moments(m, absorber, functional, length(first))
  v <- at$x[rows, , drop = FALSE] - sum_cells(slope_effects(m, absorber), m, at, rows)
  functional_variance(m, moments, v, match(key, key[first]))
}

# A function that gives d of the j-th of some rows.
row_functionals <- function(m, at, rows) {
  terms <- effect_terms(m$factors)
  total <- sum(terms$counts)
  function(j) {
    i <- rows[j]
    slopes <- vapply(at$slopes, `[`, 0, i)
    value <- ifelse(is.na(terms$slope), 1, slopes[terms$slope])
    replace(numeric(total), terms$starts + at$codes[i, terms$factor], value)
  }
}

# Says so before work of more than some seconds.
announce_solves <- function(count, n) {
  if (as.double(count) * n < 2e8) return(invisible())
  message(sprintf("Standard errors for %d combinations of levels take a solve on %d rows each.",
                  count, n))
}
