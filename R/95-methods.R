# Methods of a model for base R, generics and sandwich: short views of its elements.

#' Methods for fitted models
#'
#' What base R, broom, sandwich, lmtest and their users expect of a model, for class `fe_lm`.
#'
#' @param object,x,model a model of class `fe_lm`.
#' @param formula for `update()`, the change, as in [stats::update()]; a part that is not written
#'   (fixed effects) stays. For `model.frame()`, a model.
#' @param evaluate for `update()`: estimate, or return the call?
#' @param vcov,cluster,ssc as in [vcov.fe_lm()]; `NULL`: as estimated.
#' @param level,conf.level confidence level between 0 and 1, default 0.95. Intervals are
#'   \eqn{b \pm t_{df} \cdot se}{b -/+ t(df) se} with the degrees of freedom that printing the model
#'   states.
#' @param parm names or numbers of coefficients.
#' @param conf.int should [generics::tidy()] give `conf.low` and `conf.high`?
#' @param type for residuals, `"response"`; for the model matrix `"raw"` or `"within"` (residuals
#'   from the fixed effects).
#' @param newdata for [generics::augment()]: new rows, to which `.fitted` is added.
#' @param data for [generics::augment()]: the data frame to extend; default the data of the fit.
#'   Rows that were not used get `NA`.
#' @param digits significant digits to print.
#' @param ... for `anova()`, further models; else unused.
#' @return `coef`, `residuals`, `fitted`, `weights`, `hatvalues`: named or plain numeric vectors
#'   over coefficients or over the rows used. `tidy`: a data frame with a row per coefficient
#'   (`term`, `estimate`, `std.error`, `statistic`, `p.value`, and the interval; and the degrees of
#'   freedom `df` of t where coefficients have their own, Satterthwaite's). `glance`: one row of fit
#'   statistics; F of all slopes (`statistic`) has in its denominator the degrees of freedom of t,
#'   the smallest where the slopes have their own, which is conservative.
#'   `augment`: the data with `.fitted`, `.resid`. `estfun`: the scores
#'   \eqn{w_i e_i \tilde x_i}{w_i e_i x~_i}, n x k (with frequency weights \eqn{w_i}{w_i} rows
#'   \eqn{e_i \tilde x_i}{e_i x~_i} for a row of the data); `bread`: n times
#'   \eqn{(\tilde X'W\tilde X)^{-1}}{(X~'WX~)^-1}: with them `sandwich::sandwich()` gives `"HC0"`.
#' @name fe_lm-methods
NULL

#' @rdname fe_lm-methods
#' @export
coef.fe_lm <- function(object, ...) object$coefficients

#' @rdname fe_lm-methods
#' @export
confint.fe_lm <- function(object, parm, level = 0.95, vcov = NULL, cluster = NULL, ssc = NULL,
                          ...) {
  check_dots(...)
  table <- coef_table(restated(object, vcov, cluster, ssc), check_level(level))
  out <- as.matrix(table[c("conf.low", "conf.high")])
  dimnames(out) <- list(table$term, level_names(level))
  if (missing(parm)) out else out[check_terms(parm, table$term, "parm"), , drop = FALSE]
}

# "2.5 %" and "97.5 %"
level_names <- function(level) {
  paste(format(100 * c((1 - level) / 2, 1 - (1 - level) / 2), trim = TRUE, digits = 3L), "%")
}

# Names (or numbers) of coefficients, checked.
check_terms <- function(parm, known, arg) {
  if (!is.character(parm) && !is.numeric(parm)) {
    stop_arg(arg, paste("must name coefficients, not be", describe_value(parm)),
             paste("The coefficients are", quote_list(known, 12L)))
  }
  at <- as.character(parm)
  if (is.numeric(parm)) {
    at <- known[ifelse(parm %in% seq_along(known), parm, NA)]
  }
  bad <- is.na(at) | !at %in% known
  if (any(bad) || !length(at)) {
    stop_arg(arg, paste("names", quote_list(parm[bad]), "which is no coefficient"),
             paste("The coefficients are", quote_list(known, 12L)))
  }
  at
}

#' @rdname fe_lm-methods
#' @export
nobs.fe_lm <- function(object, ...) object$nobs

#' @rdname fe_lm-methods
#' @export
formula.fe_lm <- function(x, ...) x$formula

#' @rdname fe_lm-methods
#' @export
terms.fe_lm <- function(x, ...) stats::terms(regressor_formula(x))

# The outcome on all regressors, endogenous ones included, without fixed effects.
regressor_formula <- function(m) {
  whole <- split_instruments(m$formula)
  out <- stats::formula(Formula::as.Formula(whole$formula), rhs = 1L)
  if (!is.null(whole$endogenous)) out[[3L]] <- call("+", out[[3L]], whole$endogenous)
  out
}

#' @rdname fe_lm-methods
#' @export
df.residual.fe_lm <- function(object, ...) object$df.residual

#' @rdname fe_lm-methods
#' @export
deviance.fe_lm <- function(object, ...) object$rss

#' @rdname fe_lm-methods
#' @export
sigma.fe_lm <- function(object, ...) sqrt(object$rss / object$df.residual)

#' @rdname fe_lm-methods
#' @export
weights.fe_lm <- function(object, ...) object$weights

#' @rdname fe_lm-methods
#' @export
residuals.fe_lm <- function(object, type = "response", ...) {
  check_choice(type, c("response", "working", "deviance", "pearson"), "type")
  need_full(object, "residuals")
  plain <- is.null(object$weights) || !is.null(row_counts(object)) ||
    type %in% c("response", "working")
  if (plain) object$residuals else sqrt(object$weights) * object$residuals
}

#' @rdname fe_lm-methods
#' @export
fitted.fe_lm <- function(object, ...) {
  need_full(object, "fitted values")
  object$y - object$residuals + if (is.null(object$offset)) 0 else object$offset
}

#' @rdname fe_lm-methods
#' @export
hatvalues.fe_lm <- function(model, ...) leverage(model)

#' @rdname fe_lm-methods
#' @export
logLik.fe_lm <- function(object, ...) {
  need_ols(object, "the likelihood")
  need_full(object, "the likelihood")
  n <- object$nobs
  plain <- is.null(object$weights) || !is.null(row_counts(object))
  log_weights <- if (plain) 0 else sum(log(object$weights))
  structure(0.5 * (log_weights - n * (log(2 * pi) + 1 - log(n) + log(object$rss))),
            df = object$rank + 1, nobs = n, class = "logLik")
}

#' @rdname fe_lm-methods
#' @export
case.names.fe_lm <- function(object, ...) {
  need_full(object, "row names")
  take_rows(row.names(object$data), object$rows)
}

#' @rdname fe_lm-methods
#' @export
model.frame.fe_lm <- function(formula, ...) {
  need_full(formula, "its model frame")
  if (is.null(formula$rows)) formula$data else formula$data[formula$rows, , drop = FALSE]
}

#' @rdname fe_lm-methods
#' @export
model.matrix.fe_lm <- function(object, type = c("raw", "within"), ...) {
  need_full(object, "its model matrix")
  type <- check_first(type, c("raw", "within"), "type")
  if (type == "within") return(residual_design(object))
  refuse_partial_design(object, topenv(parent.frame()))
  raw_design(object)
}

# Columns of the kept regressors, of the rows of the fit or of new data; NA where a variable is.
raw_design <- function(m, data = NULL) {
  x <- whole_design(m, data)[, colnames(m$bread), drop = FALSE]
  matrix(as.double(x), nrow(x), dimnames = list(NULL, colnames(x)))
}

# Columns of all regressors, those left out as collinear and the constant among them, with the
# attributes of model.matrix().
whole_design <- function(m, data = NULL) {
  predvars <- attr(m$terms, "predvars")
  if (is.null(predvars)) predvars <- attr(m$terms, "variables")
  tt <- m$terms
  attr(tt, "predvars") <- predvars
  own <- is.null(data)
  if (own) data <- m$data
  absent <- setdiff(all.vars(predvars), c(names(data), ls(m$env), ls(parent.env(m$env))))
  absent <- absent[!vapply(absent, exists, NA, envir = m$env)]
  if (length(absent)) {
    stop_arg("newdata", paste("lacks", quote_list(absent), "which the model uses"))
  }
  if (own) {
    frame <- fit_variables(m, tt)
  } else {
    if (!is.null(m$panel)) attr(tt, ".Environment") <- new_data_frame(m, data)$scope
    frame <- stats::model.frame(tt, data, na.action = stats::na.pass, xlev = m$xlevels)
  }
  x <- stats::model.matrix(tt, frame, contrasts.arg = m$contrasts)
  variables <- Map(function(value, name) list(value = value, name = name), frame, names(frame))
  colnames(x) <- make.unique(clean_names(colnames(x), variables))
  x
}

# The variables in the rows of the fit, evaluated in all rows of the data, as they were for it: a
# lag, or x - mean(x), looks beyond the sample.
fit_variables <- function(m, tt) {
  values <- eval(attr(tt, "predvars"), m$data, m$env)
  names(values) <- vapply(as.list(attr(tt, "variables"))[-1L], deparse_one, "")
  for (name in names(values)) {
    v <- regressor_value(plain_value(values[[name]], "regressor"), name)
    values[[name]] <- take_rows(if (NROW(v) == 1L) rep(v, m$n_data) else v, m$rows)
  }
  for (name in names(m$xlevels)) {
    v <- values[[name]]
    values[[name]] <- factor(v, m$xlevels[[name]], ordered = is.ordered(v))
  }
  structure(values, class = "data.frame", row.names = seq_len(m$n_rows), terms = tt)
}

#' @rdname fe_lm-methods
#' @export
update.fe_lm <- function(object, formula, ..., evaluate = TRUE) {
  check_flag(evaluate, "evaluate")
  call <- object$call
  call$formula <- object$formula
  if (!missing(formula)) {
    if (!inherits(formula, "formula")) {
      stop_arg("formula", paste("must be a formula, not", describe_value(formula)),
               "Write the change, for instance . ~ . + z")
    }
    call$formula <- change_formula(object$formula, formula)
  }
  if (!is.null(object$split)) { # one part of a split sample stays that part
    call$split <- call$fsplit <- NULL
    call$subset <- object$rows
  }
  extras <- as.list(substitute(list(...)))[-1L]
  for (name in names(extras)) call[[name]] <- extras[[name]]
  if (evaluate) eval(call, parent.frame()) else call
}

#' @rdname fe_lm-methods
#' @exportS3Method sandwich::estfun fe_lm
estfun.fe_lm <- function(x, ...) {
  need_full(x, "scores")
  w <- if (is.null(x$weights)) 1 else x$weights
  times <- row_counts(x)
  u <- if (is.null(times)) w * x$residuals else x$residuals
  out <- if (is.null(x$x0)) residual_design(x) * u else
    (influence_design(x)$X * u) %*% solve_scaled(unscaled_vcov(x))
  dimnames(out) <- list(NULL, names(x$coefficients))
  if (is.null(times)) out else out[rep(seq_len(x$n_rows), times), , drop = FALSE]
}

#' @rdname fe_lm-methods
#' @exportS3Method sandwich::bread fe_lm
bread.fe_lm <- function(x, ...) x$nobs * unscaled_vcov(x)

# (X'WX)^-1, the constant's row and column included.
unscaled_vcov <- function(m) {
  if (is.null(m$x0)) return(m$bread)
  w <- if (is.null(m$weights)) rep(1, m$n_rows) else m$weights
  design <- influence_design(m)
  out <- .Call(C_row_meat, design$X, sqrt(w), m$threads)
  dimnames(out) <- dimnames(design$bread)
  out
}

#' @exportS3Method sandwich::vcovHC fe_lm
vcovHC.fe_lm <- function(x, type = "HC3", ...) compute_vcov(x, type)$V

#' @exportS3Method lmtest::coeftest fe_lm
coeftest.fe_lm <- function(x, vcov. = NULL, df = NULL, ...) {
  own <- is.null(df) && is.null(vcov.)
  if (is.null(df)) df <- if (own) own_df(x) else x$df.residual
  coeftest <- get("coeftest.default", envir = asNamespace("lmtest"))
  out <- coeftest(x, vcov. = vcov., df = df, ...)
  if (own) attr(out, "df") <- least_df(x) # one number, which is what intervals are made of
  out
}

# lmtest takes one number of degrees of freedom, n - K: these are the model's.
#' @exportS3Method lmtest::coefci fe_lm
coefci.fe_lm <- function(x, parm = NULL, level = 0.95, vcov. = NULL, df = NULL, ...) {
  if (is.null(vcov.) && is.null(df)) {
    ci <- confint.fe_lm(x, level = level)
    return(if (is.null(parm)) ci else ci[parm, , drop = FALSE])
  }
  coefci <- get("coefci.default", envir = asNamespace("lmtest"))
  coefci(x, parm = parm, level = level, vcov. = vcov., df = if (is.null(df)) x$df.residual else df,
         ...)
}

# One number, or one for each coefficient in their order.
own_df <- function(m) if (is_shared_df(m$vcov_info$df)) least_df(m) else unname(coef_df(m))

# F compares models of one outcome on the same rows, the smaller one's regressors and effects among
# the larger's.
check_nested <- function(models) {
  parts <- function(m) {
    c(setdiff(names(m$coefficients), "(Intercept)"), paste0("|", names(m$factors), recycle0 = TRUE))
  }
  for (i in seq_along(models)[-1L]) {
    a <- models[[i - 1L]]
    b <- models[[i]]
    same <- identical(a$y, b$y) && identical(a$weights, b$weights)
    if (!same) {
      stop_arg("object", "and the other models have different outcomes, rows or weights",
               "Estimate them with common_sample = TRUE")
    }
    nested <- all(parts(a) %in% parts(b)) || all(parts(b) %in% parts(a))
    if (!nested || a$df.residual == b$df.residual) {
      stop_arg("object", sprintf("and its neighbours are not nested: models %d and %d", i - 1L, i),
               "Order the models so that each holds the regressors and effects of the one before")
    }
  }
}

#' @exportS3Method lmtest::waldtest fe_lm
waldtest.fe_lm <- function(object, ..., test = "F") {
  waldtest <- get("waldtest.default", envir = asNamespace("lmtest"))
  waldtest(object, ..., test = test)
}

#' @exportS3Method car::linearHypothesis fe_lm
linearHypothesis.fe_lm <- function(model, ..., test = "F") {
  linear <- get("linearHypothesis.default", envir = asNamespace("car"))
  linear(model, ..., test = test)
}

#' @rdname fe_lm-methods
#' @export
anova.fe_lm <- function(object, ...) {
  if (length(names(list(...)))) {
    stop_arg(names(list(...))[1L], "is no argument of this method, which compares models by F")
  }
  models <- c(list(object), list(...))
  if (length(models) < 2L || !all(vapply(models, inherits, NA, "fe_lm"))) {
    stop_arg("object", "must be compared with at least one more model of class fe_lm")
  }
  n <- vapply(models, `[[`, 0, "nobs")
  if (length(unique(n)) > 1L) {
    stop_arg("object", sprintf("and the other models have different numbers of rows (%s)",
                               paste(n, collapse = ", ")),
             "Estimate them with common_sample = TRUE")
  }
  for (m in models) need_ols(m, "anova()")
  check_nested(models)
  df <- vapply(models, `[[`, 0, "df.residual")
  rss <- vapply(models, `[[`, 0, "rss")
  big <- which.min(df)
  step_df <- c(NA, -diff(df))
  f <- c(NA, -diff(rss)) / step_df / (rss[big] / df[big])
  out <- data.frame(Res.Df = df, RSS = rss, Df = step_df, F = f,
                    `Pr(>F)` = stats::pf(f, abs(step_df), df[big], lower.tail = FALSE),
                    check.names = FALSE)
  heading <- paste0("Model ", seq_along(models), ": ",
                    vapply(models, function(m) deparse_one(m$formula), ""), collapse = "\n")
  structure(out, heading = c("Analysis of Variance Table\n", heading),
            class = c("anova", "data.frame"))
}
