#include <limits.h>

#include "core/cr2.h"
#include "core/dummy_blocks.h"
#include "core/leave_out.h"
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

/* Coefficients' combinations r'(A - A_g)^- rhs_g of the blocks of x, rhs p x G -> n_r x G */
SEXP C_leave_out(SEXP x, SEXP w, SEXP cluster, SEXP rhs, SEXP r, SEXP threads) {
  int64_t n = n_rows(x);
  int p = n_columns(x), n_r = n_columns(r);
  int n_clusters = as_count(element(cluster, "n_levels"), "clusters");
  const int *code = view_code(element(cluster, "code"), n, n_clusters);
  const double **col = view_columns(x), *weights = view_weights(w, n);
  const double *right = view_doubles(rhs, (int64_t)p * n_clusters);
  const double *contrast = view_doubles(r, (int64_t)p * n_r);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n_r, n_clusters));
  fe_blocks *blocks = NULL;
  fe_status status = fe_blocks_new(col, 0, p, n, weights, code, n_clusters, &exec, &blocks);
  if (!status) status = fe_leave_out_contrasts(blocks, right, contrast, n_r, &exec, REAL(out));
  fe_blocks_free(blocks);
  raise_status(status);
  UNPROTECT(1);
  return out;
}

/* list(code = list, base, first, n_z): dummies as in core/dummy_blocks.h */
static fe_dummies as_dummies(SEXP z, int64_t n) {
  SEXP code = element(z, "code"), base = element(z, "base"), first = element(z, "first");
  int n_terms = (int)XLENGTH(code), n_z = Rf_asInteger(element(z, "n_z"));
  const int **codes = (const int **)R_alloc((size_t)n_terms + 1, sizeof *codes);
  if (XLENGTH(base) != n_terms || XLENGTH(first) != n_terms) {
    Rf_error("internal: terms do not match");
  }
  for (int f = 0; f < n_terms; f++) {
    codes[f] = view_code(VECTOR_ELT(code, f), n, n_z - INTEGER(base)[f]);
  }
  return (fe_dummies){n_terms, codes, INTEGER(base), INTEGER(first), n_z};
}

/* What C_leave_out gives for [z~ | x root] and rhs_g = C_g'W_g e_g; r: p rows.
 * design: list(x, root, e, own (a code or NULL), n_own). */
SEXP C_leave_out_dummies(SEXP z, SEXP design, SEXP w, SEXP cluster, SEXP r, SEXP threads) {
  SEXP x = element(design, "x"), own = element(design, "own");
  int64_t n = XLENGTH(element(design, "e"));
  int k = n_columns(x), n_r = n_columns(r), n_own = 0;
  int n_clusters = as_count(element(cluster, "n_levels"), "clusters");
  if (k && n_rows(x) != n) Rf_error("internal: rows do not match");
  if (!Rf_isNull(own)) n_own = as_count(element(design, "n_own"), "levels");
  fe_dummy_job job = {as_dummies(z, n), n_own ? view_code(own, n, n_own) : NULL, n_own,
                      view_columns(x), view_doubles(element(design, "root"), (int64_t)k * k),
                      REAL(element(design, "e")), k, n, view_weights(w, n),
                      view_code(element(cluster, "code"), n, n_clusters), n_clusters};
  size_t p = (size_t)job.z.n_z + (size_t)k;
  const double *contrast = view_doubles(r, (int64_t)p * n_r);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n_r, n_clusters));
  double *score = (double *)R_alloc(p * (size_t)n_clusters + 1, sizeof *score);
  fe_blocks *blocks = NULL;
  fe_status status = fe_dummy_blocks(&job, &exec, score, &blocks);
  if (!status) {
    status = fe_leave_out_contrasts(blocks, score, contrast, n_r, &exec, REAL(out));
  }
  fe_blocks_free(blocks);
  raise_status(status);
  UNPROTECT(1);
  return out;
}

/* list(code = list, n_levels, value = list): effects nested in the clusters */
static fe_cr2_nested as_nested(SEXP nested, int64_t n) {
  SEXP code = element(nested, "code"), value = element(nested, "value");
  int q = (int)XLENGTH(code);
  const int **codes = (const int **)R_alloc((size_t)q + 1, sizeof *codes);
  const double **values = (const double **)R_alloc((size_t)q + 1, sizeof *values);
  for (int f = 0; f < q; f++) {
    codes[f] = view_code(VECTOR_ELT(code, f), n, INTEGER(element(nested, "n_levels"))[f]);
    values[f] = view_weights(VECTOR_ELT(value, f), n);
  }
  return (fe_cr2_nested){q, codes, INTEGER(element(nested, "n_levels")), values};
}

static SEXP new_array(int a, int b, int c) {
  SEXP dim = PROTECT(Rf_allocVector(INTSXP, 3));
  INTEGER(dim)[0] = a;
  INTEGER(dim)[1] = b;
  INTEGER(dim)[2] = c;
  SEXP out = Rf_allocArray(REALSXP, dim);
  UNPROTECT(1);
  return out;
}

/* x root */
SEXP C_rotate(SEXP x, SEXP root, SEXP threads) {
  int64_t n = n_rows(x);
  int p = n_columns(x), m = n_columns(root);
  const double **col = view_columns(x), *by = view_doubles(root, (int64_t)p * m);
  fe_exec exec = as_exec(threads);
  if (n > INT_MAX) Rf_error("internal: too many rows");
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, (int)n, m));
  raise_status(fe_rotate(col, p, n, by, m, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}

/* basis: list(q, w, e, r); weighted: NULL, or list(nested, psi, u) for the identity as working
 * variance -> list(score, own, t, y), the last three only if couple; y only if weighted */
SEXP C_cr2(SEXP basis, SEXP cluster, SEXP weighted, SEXP power, SEXP couple, SEXP threads) {
  SEXP q = element(basis, "q"), r = element(basis, "r");
  int64_t n = XLENGTH(element(basis, "e"));
  int p = n_columns(q), n_r = n_columns(r), is_weighted = !Rf_isNull(weighted);
  int n_clusters = as_count(element(cluster, "n_levels"), "clusters"), all = Rf_asLogical(couple);
  fe_cr2_job job = {view_columns(q), p, n, view_weights(element(basis, "w"), n),
                    REAL(element(basis, "e")), view_code(element(cluster, "code"), n, n_clusters),
                    n_clusters, view_doubles(r, (int64_t)p * n_r), n_r, Rf_asReal(power)};
  if (n_rows(q) != n) Rf_error("internal: rows do not match");
  fe_exec exec = as_exec(threads);
  const char *names[] = {"score", "own", "t", "y", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, Rf_allocMatrix(REALSXP, n_clusters, n_r));
  if (all) SET_VECTOR_ELT(out, 1, new_array(n_r, n_r, n_clusters));
  if (all) SET_VECTOR_ELT(out, 2, new_array(p, n_r, n_clusters));
  if (all && is_weighted) SET_VECTOR_ELT(out, 3, new_array(p, n_r, n_clusters));
  double *part[4];
  for (int k = 0; k < 4; k++) {
    part[k] = Rf_isNull(VECTOR_ELT(out, k)) ? NULL : REAL(VECTOR_ELT(out, k));
  }
  fe_cr2_out to = {part[0], part[1], part[2], part[3]};
  if (is_weighted) {
    fe_cr2_nested nested = as_nested(element(weighted, "nested"), n);
    SEXP psi = element(weighted, "psi");
    const double *u = view_doubles(element(weighted, "u"), (int64_t)p * p);
    if (n_columns(psi) != n_r || n_rows(psi) != n) Rf_error("internal: functionals do not match");
    raise_status(fe_cr2_weighted(&job, &nested, view_columns(psi), u, &exec, &to));
  } else {
    raise_status(fe_cr2(&job, &exec, &to));
  }
  UNPROTECT(1);
  return out;
}
