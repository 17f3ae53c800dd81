# Predictions, with the variance of the fixed effects.

#' Predictions and their standard errors
#'
#' \eqn{\hat y = d'\hat\gamma + x'b + }{y = d'gamma + x'b + } offset, for rows of the fit or new
#' ones. The effects of an unknown level cannot be predicted, and the sum of effects of levels that
#' no chain of observations connects is not identified: both are refused or `NA`, never made up.
#'
#' With `se.fit` the variance is that of the whole prediction, effects included: d'gamma is a linear
#' functional of the effects whose influence is known (see [fe_lm()], `intercept`), and its variance
#' and covariance with b follow the model's own variance type.
#'
#' @param object a model of class `fe_lm`.
#' @param newdata `NULL` for the rows used in the fit, or a data frame with the variables of the
#'   formula.
#' @param se.fit should standard errors be computed? One solve for each distinct combination of
#'   levels.
#' @param interval `"none"`, `"confidence"` for the expectation, or `"prediction"` for a new
#'   observation of weight one (adds sigma^2).
#' @param level confidence level, default 0.95.
#' @param new_levels what a level that the fit has not seen gives: `"error"` (default) or `"NA"`.
#' @param ... must be empty.
#' @return a numeric vector with one prediction per row (`NA` where a variable is); with an interval
#'   a matrix with columns `fit`, `lwr`, `upr`; with `se.fit = TRUE` a list of `fit`, `se.fit`,
#'   `df`, `residual.scale`.
#' @examples
#' m <- fe_lm(ln_upmf ~ ln_imdig | country + year, digitrade)
#' predict(m, digitrade[1:3, ], interval = "confidence")
#' @export
predict.fe_lm <- function(object, newdata = NULL, se.fit = FALSE,
                          interval = c("none", "confidence", "prediction"), level = 0.95,
                          new_levels = c("error", "NA"), ...) {
  check_dots(...)
  need_full(object, "predictions")
  interval <- check_choice(interval[1L], c("none", "confidence", "prediction"), "interval")
  new_levels <- check_choice(new_levels[1L], c("error", "NA"), "new_levels")
  check_level(level)
  check_flag(se.fit, "se.fit")
  at <- prediction_rows(object, newdata, new_levels)
  fit <- predict_point(object, at)
  if (!se.fit && interval == "none") return(fit)
  se <- predict_error(object, at)
  se[is.na(fit)] <- NA
  df <- object$vcov_info$df
  if (interval != "none") {
    spread <- if (interval == "prediction") sqrt(se^2 + sigma(object)^2) else se
    margin <- stats::qt(1 - (1 - level) / 2, df) * spread
    fit <- cbind(fit = fit, lwr = fit - margin, upr = fit + margin)
  }
  if (!se.fit) return(fit)
  list(fit = fit, se.fit = se, df = df, residual.scale = sigma(object))
}

# -> list(x, codes (a column for each factor), offset)
prediction_rows <- function(m, newdata, new_levels) {
  if (is.null(newdata)) {
    return(list(x = raw_design(m, model.frame(m)), offset = m$offset, fresh = FALSE,
                codes = vapply(m$factors, `[[`, integer(m$nobs), "code")))
  }
  newdata <- check_data(newdata, "newdata")
  list(x = raw_design(m, newdata), codes = match_levels(m, newdata, new_levels), fresh = TRUE,
       offset = new_offset(m, newdata))
}

match_levels <- function(m, newdata, new_levels) {
  frame <- new_frame(newdata, m$env)
  out <- matrix(NA_integer_, nrow(newdata), length(m$factors))
  for (f in seq_along(m$factors)) {
    name <- names(m$factors)[f]
    parts <- lapply(split_power(str2lang(name)), function(part) {
      frame_variable(frame, part, "fixed effect", "newdata")
    })
    complete <- !Reduce(`|`, lapply(parts, function(v) is.na(v$value)))
    if (!any(complete)) next
    values <- lapply(parts, function(v) v$value[complete])
    new <- code_factor(values, vapply(parts, `[[`, "", "name"))
    out[complete, f] <- match(new$labels, m$factors[[f]]$labels)[new$code]
    unknown <- which(complete)[is.na(out[complete, f])]
    if (length(unknown) && new_levels == "error") {
      stop_arg("newdata", sprintf("has levels of `%s` that the fit has not seen, %s, in %s", name,
                                  quote_list(setdiff(new$labels, m$factors[[f]]$labels)),
                                  quote_rows(unknown)),
               "Leave these rows out, or set new_levels = \"NA\"")
    }
  }
  out
}

new_offset <- function(m, newdata) {
  inside <- attr(m$terms, "offset")
  if (is.null(inside)) {
    if (!is.null(m$offset)) {
      stop_arg("newdata", "cannot be used: the offset was an argument and is unknown for new rows",
               "Write it into the formula as offset()")
    }
    return(NULL)
  }
  exprs <- lapply(as.list(attr(m$terms, "variables"))[inside + 1L], offset_inner)
  Reduce(`+`, lapply(exprs, eval, newdata, m$env))
}

predict_point <- function(m, at) {
  b <- m$coefficients[colnames(at$x)]
  fit <- as.vector(at$x %*% b)
  if (length(m$factors)) {
    absorber <- new_absorber(m$factors, m$weights, m$control)
    effects <- .Call(C_effects, absorber$pointer, m$effects_sum)
    effects <- split_levels(effects, m$factors)
    for (f in seq_along(effects)) fit <- fit + effects[[f]][at$codes[, f]]
    if (at$fresh) fit[!estimable_rows(m, at)] <- NA
  }
  if (is.null(at$offset)) fit else fit + at$offset
}

split_levels <- function(values, factors) {
  levels <- vapply(factors, `[[`, 0L, "n_levels")
  split(values, rep(seq_along(levels), levels))
}

# Rows whose combination of levels is identified. Where the dummies have their full rank every
# combination is.
estimable_rows <- function(m, at) {
  levels <- vapply(m$factors, `[[`, 0L, "n_levels")
  out <- !is.na(rowSums(at$codes))
  if (m$effects_rank >= sum(levels) - (length(levels) - 1)) return(out)
  absorber <- new_absorber(m$factors, m$weights, m$control)
  for (cell in split(which(out), cell_keys(at$codes[out, , drop = FALSE]))) {
    out[cell] <- cell_functional(absorber, m, at$codes[cell[1L], ])$defect < 1e-6
  }
  if (any(!out)) {
    warn_user("predictions in ", quote_rows(which(!out)),
              " are NA: their fixed effects are unknown or not connected in the sample")
  }
  out
}

cell_keys <- function(codes) do.call(paste, as.data.frame(codes))

cell_functional <- function(absorber, m, codes) {
  levels <- vapply(m$factors, `[[`, 0L, "n_levels")
  d0 <- numeric(sum(levels))
  d0[codes + cumsum(c(0L, levels[-length(levels)]))] <- 1
  .Call(C_functional, absorber$pointer, d0)
}

# sqrt(g'Vg), g = (1, x) over (d'gamma, b); one variance for each distinct combination of levels.
predict_error <- function(m, at) {
  if (!length(m$factors)) {
    V <- m$vcov[colnames(at$x), colnames(at$x), drop = FALSE]
    return(sqrt(rowSums((at$x %*% V) * at$x)))
  }
  if (identical(m$vcov_info$type, "given")) {
    stop_arg("se.fit", "needs a variance type, but the model's is a given matrix or function",
             "Use summary(object, vcov = \"HC1\") or another type first")
  }
  absorber <- new_absorber(m$factors, m$weights, m$control)
  raw <- raw_design(m, model.frame(m))
  w <- if (is.null(m$weights)) 1 else m$weights
  se <- rep(NA_real_, nrow(at$x))
  known <- which(!is.na(rowSums(at$codes)))
  for (cell in split(known, cell_keys(at$codes[known, , drop = FALSE]))) {
    x0 <- cell_functional(absorber, m, at$codes[cell[1L], ])$x0
    functional <- list(x0 = x0, x0_slopes = as.vector(crossprod(raw, w * x0)))
    V <- compute_vcov(m, m$vcov_request$vcov, m$vcov_request$cluster, m$ssc,
                      influence_design(m, functional))$V
    g <- cbind(1, at$x[cell, , drop = FALSE])
    se[cell] <- sqrt(rowSums((g %*% V) * g))
  }
  se
}
