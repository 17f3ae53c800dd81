# What is asked of objects that hold models: a moderation answers as its interaction model, a list
# of models and a mediation with a list of the answers of their models (equations).

# The equations of a mediation by name: total, a:mediator, b:mediator (or b:joint).
equations <- function(x) {
  a <- x$models$a
  b <- x$models$b
  names(a) <- paste0("a:", names(a))
  names(b) <- paste0("b:", names(b))
  c(list(total = x$models$total), a, b)
}

# New data in the units of the model: its treatment and moderator are centred.
centred_data <- function(x, data) {
  if (is.null(data)) NULL else center_columns(check_data(data, "newdata"), x, x$model$env)
}

#' @export
residuals.fe_moderate <- function(object, ...) residuals(object$model, ...)

#' @export
residuals.fe_lm_list <- function(object, ...) lapply(as.list(object), residuals, ...)

#' @export
residuals.fe_mediate <- function(object, ...) lapply(equations(object), residuals, ...)

#' @export
fitted.fe_moderate <- function(object, ...) fitted(object$model, ...)

#' @export
fitted.fe_lm_list <- function(object, ...) lapply(as.list(object), fitted, ...)

#' @export
fitted.fe_mediate <- function(object, ...) lapply(equations(object), fitted, ...)

#' @export
df.residual.fe_moderate <- function(object, ...) df.residual(object$model, ...)

#' @export
df.residual.fe_lm_list <- function(object, ...) lapply(as.list(object), df.residual, ...)

#' @export
df.residual.fe_mediate <- function(object, ...) lapply(equations(object), df.residual, ...)

#' @export
deviance.fe_moderate <- function(object, ...) deviance(object$model, ...)

#' @export
deviance.fe_lm_list <- function(object, ...) lapply(as.list(object), deviance, ...)

#' @export
deviance.fe_mediate <- function(object, ...) lapply(equations(object), deviance, ...)

#' @export
logLik.fe_moderate <- function(object, ...) logLik(object$model, ...)

#' @export
logLik.fe_lm_list <- function(object, ...) lapply(as.list(object), logLik, ...)

#' @export
logLik.fe_mediate <- function(object, ...) lapply(equations(object), logLik, ...)

#' @export
sigma.fe_moderate <- function(object, ...) sigma(object$model, ...)

#' @export
sigma.fe_lm_list <- function(object, ...) lapply(as.list(object), sigma, ...)

#' @export
sigma.fe_mediate <- function(object, ...) lapply(equations(object), sigma, ...)

#' @export
weights.fe_moderate <- function(object, ...) weights(object$model, ...)

#' @export
weights.fe_lm_list <- function(object, ...) lapply(as.list(object), weights, ...)

#' @export
weights.fe_mediate <- function(object, ...) lapply(equations(object), weights, ...)

#' @export
hatvalues.fe_moderate <- function(model, ...) hatvalues(model$model, ...)

#' @export
hatvalues.fe_lm_list <- function(model, ...) lapply(as.list(model), hatvalues, ...)

#' @export
hatvalues.fe_mediate <- function(model, ...) lapply(equations(model), hatvalues, ...)

#' @export
model.matrix.fe_moderate <- function(object, ...) model.matrix(object$model, ...)

#' @export
model.matrix.fe_lm_list <- function(object, ...) lapply(as.list(object), model.matrix, ...)

#' @export
model.matrix.fe_mediate <- function(object, ...) lapply(equations(object), model.matrix, ...)

#' @export
case.names.fe_moderate <- function(object, ...) case.names(object$model, ...)

#' @export
case.names.fe_lm_list <- function(object, ...) lapply(as.list(object), case.names, ...)

#' @export
case.names.fe_mediate <- function(object, ...) lapply(equations(object), case.names, ...)

#' @export
terms.fe_moderate <- function(x, ...) terms(x$model, ...)

#' @export
terms.fe_lm_list <- function(x, ...) lapply(as.list(x), terms, ...)

#' @export
terms.fe_mediate <- function(x, ...) lapply(equations(x), terms, ...)

#' @export
predict.fe_moderate <- function(object, newdata = NULL, ...) {
  predict(object$model, newdata = centred_data(object, newdata), ...)
}

#' @export
predict.fe_lm_list <- function(object, ...) lapply(as.list(object), predict, ...)

#' @export
predict.fe_mediate <- function(object, ...) lapply(equations(object), predict, ...)

#' @export
augment.fe_moderate <- function(x, data = NULL, ...) {
  out <- augment(x$model, data = data, ...)
  for (name in names(x$center)[is.null(data) & x$center != 0]) {
    out[[name]] <- out[[name]] + x$center[[name]]
  }
  out
}

#' @export
augment.fe_lm_list <- function(x, ...) stack_models(x, augment.fe_lm, ...)

#' @export
augment.fe_mediate <- function(x, ...) stack_models(equations(x), augment.fe_lm, ...)

#' @export
anova.fe_lm_list <- function(object, ...) do.call(anova, unname(as.list(object)))

#' @export
formula.fe_lm_list <- function(x, ...) lapply(as.list(x), formula)

#' @export
model.frame.fe_lm_list <- function(formula, ...) lapply(as.list(formula), model.frame)

#' @export
model.frame.fe_moderate <- function(formula, ...) model.frame(formula$model)

#' @export
model.frame.fe_mediate <- function(formula, ...) model.frame(formula$models$total)

#' @exportS3Method sandwich::estfun fe_moderate
estfun.fe_moderate <- function(x, ...) estfun.fe_lm(x$model, ...)

#' @exportS3Method sandwich::bread fe_moderate
bread.fe_moderate <- function(x, ...) bread.fe_lm(x$model, ...)

#' @exportS3Method sandwich::estfun fe_boot
estfun.fe_boot <- function(x, ...) stop_no_scores("a bootstrap")

#' @exportS3Method sandwich::bread fe_boot
bread.fe_boot <- function(x, ...) stop_no_scores("a bootstrap")

#' @exportS3Method sandwich::estfun fe_mediate
estfun.fe_mediate <- function(x, ...) stop_no_scores("a mediation")

#' @exportS3Method sandwich::bread fe_mediate
bread.fe_mediate <- function(x, ...) stop_no_scores("a mediation")

stop_no_scores <- function(what) {
  stop_arg("x", paste("is", what, "and has no scores of its own"),
           "Use the models that it was made from")
}

#' @export
glance.fe_boot <- function(x, ...) {
  data.frame(R = x$R, failed = x$failed, G = x$G, cluster = x$cluster, nobs = x$nobs, path = x$path)
}

#' @export
nobs.fe_boot <- function(object, ...) object$nobs
