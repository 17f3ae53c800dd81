#include "core/solve.h"
#include "glue.h"

/* Triangular factor of the columns x (list or matrix), less shift (NULL or a number each), under
 * the weights w -> p x p */
SEXP C_qr(SEXP x, SEXP w, SEXP shift, SEXP threads) {
  int64_t n = n_rows(x);
  int p = n_columns(x);
  const double *weights = view_weights(w, n);
  const double **col = view_columns(x);
  const double *less = view_weights(shift, p);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, p, p));
  raise_status(fe_qr(col, p, n, weights, less, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}

/* Least squares from a triangular factor r: of column y_at on columns x_at, from 1.
 * -> list(coef, root, rss, rank, kept) */
SEXP C_lsq(SEXP r, SEXP x_at, SEXP y_at, SEXP floor_norm, SEXP tol) {
  int rows = (int)n_rows(r), k = Rf_length(x_at);
  const double *floor = view_doubles(floor_norm, k);
  const double **all = view_columns(r);
  const double **col = (const double **)R_alloc((size_t)k + 1, sizeof *col);
  for (int j = 0; j <= k; j++) {
    int at = j < k ? INTEGER(x_at)[j] : Rf_asInteger(y_at);
    if (at < 1 || at > n_columns(r)) Rf_error("internal: no such column");
    col[j] = all[at - 1];
  }
  const char *names[] = {"coef", "root", "rss", "rank", "kept", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, Rf_allocVector(REALSXP, k));
  SET_VECTOR_ELT(out, 1, Rf_allocMatrix(REALSXP, k, k));
  SET_VECTOR_ELT(out, 2, Rf_allocVector(REALSXP, 1));
  SET_VECTOR_ELT(out, 3, Rf_allocVector(INTSXP, 1));
  SET_VECTOR_ELT(out, 4, Rf_allocVector(LGLSXP, k));
  raise_status(fe_lsq(col, rows, k, 1, Rf_asReal(tol), floor, INTEGER(VECTOR_ELT(out, 3)),
                      LOGICAL(VECTOR_ELT(out, 4)), REAL(VECTOR_ELT(out, 0)),
                      REAL(VECTOR_ELT(out, 1)), REAL(VECTOR_ELT(out, 2))));
  UNPROTECT(1);
  return out;
}

/* y - x b. With `reuse` the result takes the place of y, which nothing else may refer to. */
SEXP C_residuals(SEXP y, SEXP x, SEXP b, SEXP reuse, SEXP threads) {
  int64_t n = XLENGTH(y);
  const double *p_y = view_doubles(y, n);
  int k = n_columns(x);
  if (k > 0 && n_rows(x) != n) Rf_error("internal: rows of x and y differ");
  const double **col = view_columns(x);
  const double *p_b = view_doubles(b, k);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_asLogical(reuse) == 1 ? y : Rf_allocVector(REALSXP, n));
  raise_status(fe_residuals(p_y, col, k, n, p_b, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}
