#include <string.h>

#include "core/boot.h"
#include "core/rng.h"
#include "glue.h"

/* Multinomial cluster weights of the given replicates (from 1) -> n_groups x replicates */
SEXP C_multinomial(SEXP seed, SEXP replicates, SEXP n_groups) {
  int g = as_count(n_groups, "groups");
  R_xlen_t n_rep = XLENGTH(replicates);
  uint64_t s = as_seed(seed);
  if (TYPEOF(replicates) != REALSXP) Rf_error("internal: bad replicates");
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, g, (int)n_rep));
  for (R_xlen_t r = 0; r < n_rep; r++) {
    fe_multinomial(s, (uint64_t)REAL(replicates)[r] - 1, g, g, REAL(out) + r * g);
  }
  UNPROTECT(1);
  return out;
}

/* list(lhs = integer, rhs = list of integer), both from 1 */
static fe_system as_system(SEXP system, int n_v) {
  SEXP lhs = element(system, "lhs"), rhs = element(system, "rhs");
  int n_eq = (int)XLENGTH(lhs);
  int *l = (int *)R_alloc((size_t)n_eq + 1, sizeof *l);
  int *k = (int *)R_alloc((size_t)n_eq + 1, sizeof *k);
  const int **r = (const int **)R_alloc((size_t)n_eq + 1, sizeof *r);
  fe_system out = {n_eq, l, r, k, 0};
  for (int e = 0; e < n_eq; e++) {
    SEXP terms = VECTOR_ELT(rhs, e);
    k[e] = (int)XLENGTH(terms);
    int *index = (int *)R_alloc((size_t)k[e] + 1, sizeof *index);
    for (int j = 0; j < k[e]; j++) {
      index[j] = INTEGER(terms)[j] - 1;
      if (index[j] < 0 || index[j] >= n_v) Rf_error("internal: bad system");
    }
    l[e] = INTEGER(lhs)[e] - 1;
    if (l[e] < 0 || l[e] >= n_v) Rf_error("internal: bad system");
    r[e] = index;
    out.n_coef += k[e];
  }
  return out;
}

/* list(kind, seed, first, n, given) */
static fe_weights as_weights(SEXP weights, int n_clusters, int64_t n_rep) {
  const char *kind = CHAR(STRING_ELT(element(weights, "kind"), 0));
  fe_weights out = {FE_WEIGHTS_MULTINOMIAL, 0, (int64_t)Rf_asReal(element(weights, "first")) - 1,
                    NULL};
  if (strcmp(kind, "multinomial") == 0) {
    out.seed = as_seed(element(weights, "seed"));
  } else if (strcmp(kind, "leave-out") == 0) {
    out.kind = FE_WEIGHTS_LEAVE_OUT;
  } else {
    out.kind = FE_WEIGHTS_GIVEN;
    out.first = 0;
    out.given = view_weights(element(weights, "given"), n_clusters * n_rep);
  }
  return out;
}

/* cluster: list(code, n_levels). Result: n_coef x replicates. */
SEXP C_boot_blocks(SEXP x, SEXP n_z, SEXP w, SEXP cluster, SEXP system, SEXP weights,
                   SEXP threads) {
  int64_t n = n_rows(x), n_rep = as_count(element(weights, "n"), "replicates");
  int z = as_count(n_z, "n_z"), v = n_columns(x) - z;
  if (v < 0) Rf_error("internal: n_z is above the number of columns");
  int n_clusters = as_count(element(cluster, "n_levels"), "clusters");
  const int *code = view_code(element(cluster, "code"), n, n_clusters);
  const double **col = view_columns(x), *row_weights = view_weights(w, n);
  fe_system sys = as_system(system, v);
  fe_weights draw = as_weights(weights, n_clusters, n_rep);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, sys.n_coef, (int)n_rep));
  fe_blocks *blocks = NULL;
  fe_status status = fe_blocks_new(col, z, v, n, row_weights, code, n_clusters, &exec, &blocks);
  if (!status) status = fe_boot_blocks(blocks, &sys, &draw, n_rep, &exec, REAL(out));
  fe_blocks_free(blocks);
  raise_status(status);
  UNPROTECT(1);
  return out;
}

/* codes: list(code = list, n_levels = integer, control) of the factors, absorbed anew for each
 * replicate */
SEXP C_boot_rows(SEXP x, SEXP codes, SEXP w, SEXP cluster, SEXP system, SEXP weights,
                 SEXP threads) {
  int64_t n = n_rows(x), n_rep = as_count(element(weights, "n"), "replicates");
  int n_clusters = as_count(element(cluster, "n_levels"), "clusters");
  const int *code = view_code(element(cluster, "code"), n, n_clusters);
  const double **col = view_columns(x), *row_weights = view_weights(w, n);
  fe_codes factors = view_codes(element(codes, "code"), element(codes, "n_levels"));
  if (factors.q > 0 && factors.n != n) Rf_error("internal: rows do not match");
  factors.n = n; /* no factor tells it */
  fe_control control = as_control(element(codes, "control"));
  fe_system sys = as_system(system, n_columns(x));
  fe_weights draw = as_weights(weights, n_clusters, n_rep);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, sys.n_coef, (int)n_rep));
  raise_status(fe_boot_rows(col, n_columns(x), &factors, &control, row_weights, code, n_clusters,
                            &sys, &draw, n_rep, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}
