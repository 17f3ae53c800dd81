# What emmeans and insight ask of a model.

#' @exportS3Method emmeans::recover_data fe_lm
recover_data.fe_lm <- function(object, data = NULL, ...) {
  need_full(object, "its data")
  tt <- stats::delete.response(terms(object))
  emmeans::recover_data(object$call, tt, NULL, data = observations(object), ...)
}

# The data of the fit with a row an observation, over which others average.
observations <- function(m) {
  frame <- model.frame(m)
  times <- row_counts(m)
  if (is.null(times)) frame else frame[rep(seq_len(m$n_rows), times), , drop = FALSE]
}

# Beside fixed effects the reference is their average over the rows, a constant whose variance is
# that of intercept = "mean"; so emmeans averages over the effects as they are in the sample. What
# clusters cannot say of that average is warned of; differences of means do not hold it.
#' @exportS3Method emmeans::emm_basis fe_lm
emm_basis.fe_lm <- function(object, trms, xlev, grid, ...) {
  object <- with_average_constant(object)
  b <- object$coefficients
  mean_row <- has_constant(object$factors)
  slopes <- setdiff(names(b), if (mean_row) "(Intercept)")
  frame <- stats::model.frame(object$terms, grid, xlev = object$xlevels)
  x <- stats::model.matrix(object$terms, frame, contrasts.arg = object$contrasts)
  x <- x[, slopes, drop = FALSE]
  if (mean_row) x <- cbind(`(Intercept)` = 1, x)
  list(X = x[, names(b), drop = FALSE], bhat = unname(b), nbasis = matrix(NA), V = object$vcov,
       dffun = function(k, dfargs) dfargs$of(k), dfargs = list(of = contrast_df(object)),
       misc = list())
}

# A function that gives the degrees of freedom of a combination of the coefficients.
contrast_df <- function(m) {
  rule <- df_rule(m)
  function(k) rule(matrix(k, 1L, dimnames = list(NULL, names(m$coefficients))))
}

# The model with the average effect as its constant, under its own variance.
with_average_constant <- function(m) {
  if (!has_constant(m$factors)) return(m)
  m$coefficients <- m$coefficients[names(m$coefficients) != "(Intercept)"]
  m$x0 <- m$x0_slopes <- NULL
  raw <- raw_design(m)
  absorber <- new_absorber(m$factors, m$weights, m$control, m$threads)
  m <- add_intercept(m, "mean", matrix_columns(raw), absorber)
  set_vcov(m, m$vcov_request$vcov, m$ssc, m$vcov_request$cluster)
}

#' @exportS3Method insight::find_formula fe_lm
find_formula.fe_lm <- function(x, ...) {
  out <- list(conditional = regressor_formula(x))
  structure(out, class = c("insight_formula", "list"))
}

#' @exportS3Method insight::get_data fe_lm
get_data.fe_lm <- function(x, ...) observations(x)

#' @exportS3Method insight::n_obs fe_lm
n_obs.fe_lm <- function(x, ...) x$nobs

#' @exportS3Method insight::get_df fe_lm
get_df.fe_lm <- function(x, type = "residual", ...) {
  if (type %in% c("wald", "ml1")) own_df(x) else x$df.residual
}

#' @exportS3Method insight::get_statistic fe_lm
get_statistic.fe_lm <- function(x, ...) {
  table <- coef_table(x)
  structure(data.frame(Parameter = table$term, Statistic = table$statistic),
            statistic = "t-statistic")
}

# car's defaults read the terms of the whole formula and answer wrongly beside absorbed effects.
#' @exportS3Method car::vif fe_lm
vif.fe_lm <- function(mod, ...) {
  stop_arg("mod", "is a model of class fe_lm, whose variance inflation car cannot compute",
           "Regress each column of model.matrix(mod, type = \"within\") on the others: 1 / (1 - R2)")
}

#' @exportS3Method car::Anova fe_lm
Anova.fe_lm <- function(mod, ...) {
  stop_arg("mod", "is a model of class fe_lm, whose terms car cannot test",
           "Use anova() of nested models, or car::linearHypothesis()")
}
