# Design stage: regressors + rows -> columns of the design matrix.

# terms object of a right-hand side; with fixed effects the constant is among them.
design_terms <- function(regressors, env, has_effects) {
  rhs <- if (is.null(regressors)) 1 else regressors
  tt <- tryCatch(stats::terms(stats::as.formula(call("~", rhs), env = env)), error = function(e) {
    stop_arg("formula", sprintf("has the regressors `%s`, which are no formula: %s",
                                deparse_one(rhs), conditionMessage(e)),
             "Names stand there without quotation marks, or within backticks")
  })
  if (has_effects) attr(tt, "intercept") <- 1L
  tt
}

design_variables <- function(frame, tt) {
  exprs <- as.list(attr(tt, "variables"))[-1L]
  lapply(exprs, function(expr) {
    inner <- offset_inner(expr)
    v <- frame_variable(frame, inner, "regressor")
    if (!identical(inner, expr) && !(is.numeric(v$value) && is_plain(v))) {
      stop_arg("formula", sprintf("has the offset `%s`, which is %s", v$name,
                                  describe_value(v$value)),
               "An offset must be a numeric vector")
    }
    v$value <- regressor_value(v$value, v$name)
    v$name <- deparse_one(expr)
    v
  })
}

# Dates and times are numbers, and so is a logical matrix; model.matrix() knows no matrix of text.
regressor_value <- function(value, name) {
  if (inherits(value, c("Date", "POSIXct", "difftime"))) return(as.double(value))
  if (is.matrix(value) && is.logical(value)) storage.mode(value) <- "double"
  if (is.matrix(value) && !is.numeric(value)) {
    stop_arg("formula", sprintf("has the regressor `%s`, which is a matrix of %s", name,
                                typeof(value)), "Use one factor a term")
  }
  value
}

# offset(x) inside a formula stands for x
offset_inner <- function(expr) {
  if (is.call(expr) && identical(expr[[1L]], quote(offset))) expr[[2L]] else expr
}

is_plain <- function(v) (is.numeric(v$value) || is.logical(v$value)) && is.null(dim(v$value)) &&
  !is.factor(v$value)

# rows: integer, or NULL for all. -> list(columns, of_term (the label of the term that each column
# belongs to, "" for the constant), terms, xlevels, contrasts, offset, scans (of columns that are
# whole variables))
design_matrix <- function(frame, tt, variables, rows, has_effects) {
  offset <- attr(tt, "offset")
  labels <- attr(tt, "term.labels")
  names(variables) <- vapply(variables, `[[`, "", "name")
  out <- list(terms = tt, xlevels = NULL, contrasts = NULL)
  if (length(offset)) {
    offsets <- lapply(variables[offset], function(v) as.double(take_rows(v$value, rows)))
    out$offset <- Reduce(`+`, offsets)
  }
  constant <- attr(tt, "intercept") == 1L && !has_effects
  plain <- all(attr(tt, "order") == 1L) && all(vapply(variables[labels], function(v) {
    !is.null(v) && is.numeric(v$value) && is_plain(v)
  }, NA))
  if (plain) {
    n <- if (is.null(rows)) frame$n else length(rows)
    columns <- lapply(variables[labels], function(v) as.double(take_rows(v$value, rows)))
    if (is.null(rows)) out$scans <- lapply(variables[labels], `[[`, "scan")
    out$columns <- if (constant) c(list(`(Intercept)` = rep(1, n)), columns) else columns
    out$of_term <- c(if (constant) "", labels)
    return(out)
  }
  general_design(out, tt, variables, rows, has_effects)
}

general_design <- function(out, tt, variables, rows, has_effects) {
  values <- lapply(variables, function(v) {
    value <- take_rows(v$value, rows)
    if (is.factor(value)) droplevels(value) else value
  })
  frame <- structure(values, class = "data.frame", row.names = seq_len(NROW(values[[1L]])))
  attr(tt, "predvars") <- predict_variables(tt, lapply(variables, `[[`, "value"))
  attr(tt, "dataClasses") <- vapply(values, stats::.MFclass, "")
  attr(frame, "terms") <- tt
  check_levels(values)
  x <- stats::model.matrix(tt, frame)
  out$contrasts <- attr(x, "contrasts")
  out$xlevels <- stats::.getXlevels(tt, frame)
  out$terms <- tt
  colnames(x) <- make.unique(clean_names(colnames(x), variables))
  of_term <- c("", attr(tt, "term.labels"))[attr(x, "assign") + 1L]
  kept <- if (has_effects) of_term != "" else TRUE
  x <- x[, kept, drop = FALSE]
  out$of_term <- of_term[kept]
  out$columns <- matrix_columns(x)
  out
}

# The columns of a matrix as a list.
matrix_columns <- function(x) {
  lapply(stats::setNames(seq_len(ncol(x)), colnames(x)), function(j) as.double(x[, j]))
}

# How to evaluate each variable on new data: poly(), scale(), i() remember what they saw, which is
# all rows of the data (values), those that the model leaves out too.
predict_variables <- function(tt, values) {
  calls <- as.list(attr(tt, "variables"))
  for (v in seq_along(values)) {
    calls[[v + 1L]] <- stats::makepredictcall(values[[v]], calls[[v + 1L]])
  }
  as.call(calls)
}

check_levels <- function(values) {
  for (name in names(values)) {
    v <- values[[name]]
    if ((is.factor(v) || is.character(v)) && length(unique(v)) < 2L) {
      stop_arg("formula",
               sprintf("has the factor `%s`, which has the single level %s in the sample", name,
                       dQuote(as.character(v[1L]), FALSE)),
               "Leave it out, or use more rows")
    }
  }
}

# model.matrix() puts the name of a matrix variable before its columns; those of i() are whole
# already.
clean_names <- function(columns, variables) {
  for (v in variables) {
    if (inherits(v$value, "fe_i")) columns <- gsub(v$name, "", columns, fixed = TRUE)
  }
  columns
}
