# Absorb stage: the within transformation.

#' Control of the numerical methods
#'
#' @param tol tolerance of the absorption: the largest accepted norm of the scaled normal equations
#'   \eqn{\|S^{-1/2} D'W\tilde x\| / \|W^{1/2}\tilde x\|}{||S^-1/2 D'W x~|| / ||W^1/2 x~||} of every
#'   residual column \eqn{\tilde x}{x~}, with D the dummies, W the weights and S = diag(D'WD); where
#'   \eqn{\tilde x}{x~} is no more than rounding, against the least norm that is more. One positive
#'   number; default 1e-11. Not reaching it is an error.
#' @param max_iter most conjugate-gradient iterations for a column, default 10000.
#' @param solver `"auto"` (chosen by cost), or one of those that eliminate the factor with most
#'   levels and differ in how they solve for the rest: `"schur"` (dense Cholesky factor: exact),
#'   `"cg"` (conjugate gradients with Jacobi scaling), `"sparse"` (conjugate gradients with a sparse
#'   Cholesky factor of the Laplacian of each large factor, exact where its fill is affordable, else
#'   sampled as in Gao, Kyng and Spielman 2023). `"auto"` begins with `"cg"` where the dense factor
#'   does not pay and goes over to `"sparse"` when the descent is slow. One factor is always
#'   absorbed by its means; two whose cells are balanced (weights a product of their margins) in
#'   closed form. Varying slopes know no `"sparse"`: it is an error with them.
#' @param collin_tol a regressor counts as collinear when the norm that is left of it, given the
#'   regressors before it, is below this share of its own norm. Units do not matter. Default 1e-9.
#' @param verbose `TRUE`: say which solver was chosen and on what figures. They are also in the
#'   element `absorption` of a model, whose `plan` holds the factor eliminated (`lead`), its levels
#'   (`n_lead`), those of all others, distinct cells, edges of Laplacians and entries of triangular
#'   factors; with varying slopes, columns take the place of levels.
#' @references Gao, Kyng and Spielman (2023) \doi{10.48550/arXiv.2303.00709}.
#' @return a list of class `fe_control`.
#' @examples
#' fe_control(tol = 1e-12)
#' @export
fe_control <- function(tol = 1e-11, max_iter = 10000,
                       solver = c("auto", "schur", "cg", "sparse"), collin_tol = 1e-9,
                       verbose = FALSE) {
  solver <- check_first(solver, c("auto", "schur", "cg", "sparse"), "solver")
  structure(list(tol = check_number(tol, "tol", 0, 1, open = TRUE),
                 max_iter = as.integer(check_count(max_iter, "max_iter")),
                 solver = solver,
                 collin_tol = check_number(collin_tol, "collin_tol", 0, 1, open = TRUE),
                 verbose = check_flag(verbose, "verbose")),
            class = "fe_control")
}

check_control <- function(control) {
  if (!inherits(control, "fe_control")) {
    stop_arg("control", paste("must be made by fe_control(), not", describe_value(control)))
  }
  control
}

# Rank of the dummies, which does not depend on the weights. Where the solver cannot tell it, an
# unweighted factorisation does if it costs no more than the absorption; beyond that the solver's
# upper bound stands. -> list(rank, exact)
effects_rank <- function(absorber, factors, control, threads) {
  if (is.null(absorber)) return(list(rank = 0, exact = TRUE))
  if (has_slopes(factors)) warn_doubted(absorber, factors)
  levels <- vapply(factors, `[[`, 0L, "n_levels")
  others <- as.double(sum(levels) - max(levels))
  n <- length(factors[[1L]]$code)
  if (absorber$exact || has_slopes(factors) || others > 2000 || others^3 > 300 * n + 1e7) {
    return(absorber[c("rank", "exact")])
  }
  control$solver <- "schur"
  new_absorber(factors, NULL, control, threads)[c("rank", "exact")]
}

# -> list(pointer, rank, exact, solver); NULL without factors. The pointer lives as long as the
# session.
new_absorber <- function(factors, w, control, threads = 1L) {
  if (!length(factors)) return(NULL)
  if (has_slopes(factors)) return(new_slopes(factors, w, control, threads))
  codes <- code_list(factors)
  .Call(C_absorber, codes$code, codes$n_levels, w, core_control(control), threads)
}

# The settings as the core numbers them.
core_control <- function(control) {
  solver <- c(auto = 0L, means = 1L, balanced = 2L, schur = 3L, cg = 4L,
              sparse = 5L)[[control$solver]]
  list(solver = solver, tol = control$tol, max_iter = control$max_iter)
}

# x: a matrix, or a list of columns -> list(x (of the same shape), iterations, residual, solver,
# plan)
absorb <- function(absorber, x, threads) {
  if (is.null(absorber)) {
    return(list(x = x, iterations = 0L, residual = 0, solver = "none", plan = NULL))
  }
  out <- ask_residuals(absorber, x, threads)
  if (is.null(out$solver)) out$solver <- absorber$solver
  if (!out$converged) stop_unabsorbed(out, absorber, if (is.list(x)) length(x[[1L]]) else nrow(x))
  out
}

stop_unabsorbed <- function(out, absorber, n_rows) {
  if (absorber$exact && absorber$rank >= n_rows) {
    stop_arg("formula", sprintf(paste("has fixed effects that explain all of %d usable rows (%.0f",
                                      "parameters): no degree of freedom is left"),
                                n_rows, absorber$rank), "Use more rows, or fewer fixed effects")
  }
  sure <- is.null(out$error) || out$error == 0
  stop_arg("control",
           sprintf(paste("stopped the absorption of the fixed effects at a relative residual of",
                         "%.3g after %d iterations, %s"), out$residual, out$iterations,
                   if (sure) "above its tolerance" else
                     sprintf("the last of which moved it by %.3g: weights are too unequal for it",
                             out$error)),
           paste0("Raise `max_iter` or loosen `tol`", if (out$solver != "schur")
             ", or ask for the solver \"schur\" or \"auto\",", " in fe_control()"))
}

# What the cost model saw and chose, in words.
describe_absorption <- function(done, factors) {
  plan <- done$plan
  how <- c(means = "group means", balanced = "closed form of a balanced pair",
           schur = "dense Cholesky factor", cg = "conjugate gradients, Jacobi scaling",
           sparse = "conjugate gradients, sparse Cholesky factors")[[done$solver]]
  unit <- "levels"
  if (has_slopes(factors)) {
    how <- sub("group means", "a regression in each level", sub(", Jacobi scaling", "", how))
    unit <- "columns"
  }
  entries <- if (plan$edges > 0) {
    sprintf(": %.0f edges, %.0f entries, %s", plan$edges, plan$factor,
            if (plan$exact) "exact" else "sampled")
  } else if (plan$factor > 0) sprintf(": %.0f entries", plan$factor) else ""
  sprintf(paste0("absorbed %s: lead `%s` (%d %s), %d other %s%s; solver \"%s\" (%s%s); ",
                 "%d iterations, residual %.2g"),
          paste(list_terms(factors)$name, collapse = " + "), names(factors)[plan$lead],
          plan$n_lead, unit, plan$others, unit,
          if (plan$cells > 0) sprintf(", %.0f cells", plan$cells) else "",
          done$solver, how, entries, done$iterations, done$residual)
}

#' The within transformation
#'
#' Residuals of one or more variables from any number of fixed effects,
#' \eqn{\tilde x = x - D (D'WD)^{-} D'W x}{x~ = x - D (D'WD)^- D'W x}: what [fe_lm()] does to every
#' column before it solves for the slopes (Frisch and Waugh 1933, Lovell 1963).
#'
#' @param x a numeric vector, matrix or data frame of numeric columns, without `NA` or infinite
#'   values, n rows.
#' @param fe the factors: a vector or factor of length n, or a list or data frame of them.
#' @param weights `NULL`, or n positive weights.
#' @param control see [fe_control()].
#' @param threads number of threads; see [fe_threads()].
#' @return an object of the shape of `x` holding the residuals; attributes `residual` (the achieved
#'   normal-equation residual, see [fe_control()]), `iterations` and `solver`.
#' @examples
#' d <- data.frame(y = c(1, 2, 4, 7), firm = c(1, 1, 2, 2), year = c(1, 2, 1, 2))
#' fe_demean(d$y, d[c("firm", "year")])
#' @export
fe_demean <- function(x, fe, weights = NULL, control = fe_control(), threads = fe_threads()) {
  if (missing(x)) stop_arg("x", "is missing", "Give a vector, matrix or data frame of numbers")
  if (missing(fe)) stop_arg("fe", "is missing", "Give a factor, or a list of them")
  columns <- as_double_matrix(x)
  if (is.null(fe) || !length(fe)) stop_arg("fe", "is empty", "Give at least one factor")
  if (!is.list(fe)) fe <- list(fe)
  names(fe) <- if (is.null(names(fe))) paste0("fe", seq_along(fe)) else names(fe)
  for (f in names(fe)) {
    check_not_long(fe[[f]], "fe")
    if (length(fe[[f]]) != nrow(columns)) {
      stop_arg("fe", sprintf("has %d values in %s for %d rows of `x`", length(fe[[f]]), f,
                             nrow(columns)))
    }
    bad <- which(unusable(bad_rows(fe[[f]])))
    if (length(bad)) {
      stop_arg("fe", sprintf("is NA or infinite in %s of %s", quote_rows(bad), f),
               "Leave these rows out")
    }
  }
  w <- check_weights(weights, nrow(columns))
  unusable <- which(!is.finite(w) | w == 0)
  if (length(unusable)) {
    stop_arg("weights", sprintf("is zero, NA or infinite in %s", quote_rows(unusable)),
             "Leave these rows out")
  }
  threads <- check_threads(threads)
  factors <- Map(code_ids, fe, names(fe))
  absorber <- new_absorber(factors, w, check_control(control), threads)
  done <- absorb(absorber, columns, threads)
  if (control$verbose) message(describe_absorption(done, factors))
  structure(restore_shape(done$x, x), residual = done$residual, iterations = done$iterations,
            solver = done$solver)
}

as_double_matrix <- function(x) {
  ok <- if (is.data.frame(x)) all(vapply(x, is.numeric, NA)) else is.numeric(x)
  if (!ok) stop_arg("x", paste("must be numeric, not", describe_value(x)))
  check_not_long(x, "x")
  m <- as.matrix(x)
  storage.mode(m) <- "double"
  if (!nrow(m)) stop_arg("x", "has no rows")
  bad <- which(!is.finite(m), arr.ind = TRUE)
  if (nrow(bad)) {
    stop_arg("x", sprintf("is NA or infinite in %s", quote_rows(unique(bad[, 1L]))),
             "Leave these rows out")
  }
  m
}

restore_shape <- function(m, x) {
  if (is.data.frame(x)) {
    x[] <- lapply(seq_len(ncol(m)), function(j) m[, j])
    return(x)
  }
  if (is.matrix(x)) return(`dimnames<-`(m, dimnames(x)))
  stats::setNames(as.vector(m), names(x))
}
