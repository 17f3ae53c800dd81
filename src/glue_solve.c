#include "core/solve.h"
#include "glue.h"

/* x: n x k, y: n x m -> list(coef, root, rss, rank, kept) */
SEXP C_lsq(SEXP x, SEXP y, SEXP w, SEXP floor_norm, SEXP tol, SEXP threads) {
  int64_t n = n_rows(x);
  int k = n_columns(x), m = n_columns(y), p = k + m;
  if (n_rows(y) != n) Rf_error("internal: rows of x and y differ");
  const double *weights = view_weights(w, n), *floor = view_doubles(floor_norm, k);
  const double **col = (const double **)R_alloc((size_t)p + 1, sizeof *col);
  const double **x_col = view_columns(x), **y_col = view_columns(y);
  for (int j = 0; j < p; j++) col[j] = j < k ? x_col[j] : y_col[j - k];
  fe_exec exec = as_exec(threads);
  const char *names[] = {"coef", "root", "rss", "rank", "kept", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, Rf_allocMatrix(REALSXP, k, m));
  SET_VECTOR_ELT(out, 1, Rf_allocMatrix(REALSXP, k, k));
  SET_VECTOR_ELT(out, 2, Rf_allocVector(REALSXP, m));
  SET_VECTOR_ELT(out, 3, Rf_allocVector(INTSXP, 1));
  SET_VECTOR_ELT(out, 4, Rf_allocVector(LGLSXP, k));
  double *r = (double *)R_alloc((size_t)p * (size_t)p + 1, sizeof *r);
  raise_status(fe_qr(col, p, n, weights, &exec, r));
  raise_status(fe_lsq(r, k, m, Rf_asReal(tol), floor, INTEGER(VECTOR_ELT(out, 3)),
                      LOGICAL(VECTOR_ELT(out, 4)), REAL(VECTOR_ELT(out, 0)),
                      REAL(VECTOR_ELT(out, 1)), REAL(VECTOR_ELT(out, 2))));
  UNPROTECT(1);
  return out;
}
