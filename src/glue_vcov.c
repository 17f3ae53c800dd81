#include "core/vcov.h"
#include "glue.h"

/* Sums of u_i x_i by group -> n_groups x k */
SEXP C_score_sums(SEXP x, SEXP u, SEXP group, SEXP n_groups, SEXP threads) {
  int64_t n = n_rows(x);
  int k = n_columns(x), g = as_count(n_groups, "groups");
  const double **col = view_columns(x);
  const double *multiplier = view_doubles(u, n);
  const int *code = view_code(group, n, g);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, g, k));
  raise_status(fe_score_sums(col, k, n, multiplier, code, g, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}

/* Meat of the clusters formed by a and b -> list(meat, n_pairs) */
SEXP C_pair_meat(SEXP x, SEXP u, SEXP a, SEXP n_a, SEXP b, SEXP n_b, SEXP threads) {
  int64_t n = n_rows(x), pairs = 0;
  int k = n_columns(x), levels_a = as_count(n_a, "levels"), levels_b = as_count(n_b, "levels");
  const double **col = view_columns(x);
  const double *multiplier = view_doubles(u, n);
  const int *code_a = view_code(a, n, levels_a), *code_b = view_code(b, n, levels_b);
  fe_exec exec = as_exec(threads);
  const char *names[] = {"meat", "n_pairs", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, Rf_allocMatrix(REALSXP, k, k));
  raise_status(fe_pair_meat(col, k, n, multiplier, code_a, levels_a, code_b, levels_b, &exec,
                            REAL(VECTOR_ELT(out, 0)), &pairs));
  SET_VECTOR_ELT(out, 1, Rf_ScalarReal((double)pairs));
  UNPROTECT(1);
  return out;
}

/* sum_i u_i^2 x_i x_i' */
SEXP C_row_meat(SEXP x, SEXP u, SEXP threads) {
  int64_t n = n_rows(x);
  int k = n_columns(x);
  const double **col = view_columns(x);
  const double *multiplier = view_doubles(u, n);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, k, k));
  raise_status(fe_row_meat(col, k, n, multiplier, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}
