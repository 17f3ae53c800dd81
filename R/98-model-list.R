# Several models of one call.

new_model_list <- function(fits, call) {
  names(fits) <- make.unique(vapply(fits, model_label, ""))
  structure(fits, class = c("fe_lm_list", "list"), call = call)
}

model_label <- function(m) {
  paste0(if (!is.null(m$split)) sprintf("[%s] ", m$split), deparse_one(m$formula))
}

#' Methods for lists of models
#'
#' @param x,object a list of class `fe_lm_list`.
#' @param i,... passed on to the method for a single model.
#' @return `coef`, `vcov`, `confint`, `nobs`: lists or vectors with an element per model. `tidy`,
#'   `glance`: the tables of all models, one below the other, with a first column `model`. For
#'   functions that take a plain list of models, such as modelsummary's, use `as.list()`.
#'   `as.list`: a plain list.
#' @name fe_lm_list-methods
NULL

#' @rdname fe_lm_list-methods
#' @export
print.fe_lm_list <- function(x, ...) {
  print(fe_table(x), ...)
  invisible(x)
}

#' @rdname fe_lm_list-methods
#' @export
summary.fe_lm_list <- function(object, ...) {
  object[] <- lapply(object, summary, ...)
  object
}

#' @rdname fe_lm_list-methods
#' @export
`[.fe_lm_list` <- function(x, i) {
  if (!is.numeric(i) && !is.character(i) && !is.logical(i)) {
    stop_arg("i", paste("must hold numbers or names of models, not", describe_value(i)))
  }
  structure(unclass(x)[i], class = c("fe_lm_list", "list"), call = attr(x, "call"))
}

#' @rdname fe_lm_list-methods
#' @export
as.list.fe_lm_list <- function(x, ...) {
  attr(x, "call") <- NULL
  unclass(x)
}

#' @rdname fe_lm_list-methods
#' @export
coef.fe_lm_list <- function(object, ...) lapply(as.list(object), coef, ...)

#' @rdname fe_lm_list-methods
#' @export
vcov.fe_lm_list <- function(object, ...) lapply(as.list(object), vcov, ...)

#' @rdname fe_lm_list-methods
#' @export
confint.fe_lm_list <- function(object, ...) lapply(as.list(object), confint, ...)

#' @export
fe_rows.fe_lm_list <- function(object, ...) lapply(as.list(object), fe_rows, ...)

#' @rdname fe_lm_list-methods
#' @export
nobs.fe_lm_list <- function(object, ...) vapply(as.list(object), nobs, 0)

stack_models <- function(x, each, ...) {
  parts <- lapply(names(x), function(name) data.frame(model = name, each(x[[name]], ...)))
  do.call(rbind, parts)
}

#' @rdname fe_lm_list-methods
#' @export
tidy.fe_lm_list <- function(x, ...) stack_models(x, tidy.fe_lm, ...)

#' @rdname fe_lm_list-methods
#' @export
glance.fe_lm_list <- function(x, ...) stack_models(x, glance.fe_lm, ...)

#' @importFrom stats AIC
#' @export
AIC.fe_lm_list <- function(object, ..., k = 2) vapply(as.list(object), stats::AIC, 0, k = k)

#' @importFrom stats BIC
#' @export
BIC.fe_lm_list <- function(object, ...) vapply(as.list(object), stats::BIC, 0)
