#include <string.h>

#include "core/boot.h"
#include "core/boot_wild.h"
#include "core/rng.h"
#include "glue.h"

static fe_weights_kind as_weights_kind(SEXP kind) {
  static const struct {
    const char *name;
    fe_weights_kind kind;
  } known[] = {{"multinomial", FE_WEIGHTS_MULTINOMIAL},
               {"dirichlet", FE_WEIGHTS_DIRICHLET},
               {"leave-out", FE_WEIGHTS_LEAVE_OUT},
               {"given", FE_WEIGHTS_GIVEN},
               {"rademacher", FE_WEIGHTS_WILD + FE_RADEMACHER},
               {"mammen", FE_WEIGHTS_WILD + FE_MAMMEN},
               {"webb", FE_WEIGHTS_WILD + FE_WEBB},
               {"norm", FE_WEIGHTS_WILD + FE_NORMAL},
               {"gamma", FE_WEIGHTS_WILD + FE_GAMMA}};
  const char *name = CHAR(STRING_ELT(kind, 0));
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(name, known[i].name) == 0) return known[i].kind;
  }
  Rf_error("internal: unknown kind of weights");
}

/* list(kind, seed, first, n, given) */
static fe_weights as_weights(SEXP weights, int n_clusters, int64_t n_rep) {
  fe_weights out = {as_weights_kind(element(weights, "kind")), 0,
                    (int64_t)Rf_asReal(element(weights, "first")) - 1, NULL};
  if (out.kind == FE_WEIGHTS_GIVEN) {
    out.given = view_doubles(element(weights, "given"), n_clusters * n_rep);
  } else if (out.kind != FE_WEIGHTS_LEAVE_OUT) {
    out.seed = as_seed(element(weights, "seed"));
  }
  return out;
}

static int64_t replicate_number(SEXP replicates, R_xlen_t r) {
  return (int64_t)REAL(replicates)[r] - 1;
}

/* Weights of the given replicates (from 1) -> n_groups x replicates */
SEXP C_boot_weights(SEXP kind, SEXP seed, SEXP replicates, SEXP n_groups) {
  int g = as_count(n_groups, "groups");
  R_xlen_t n_rep = XLENGTH(replicates);
  fe_weights weights = {as_weights_kind(kind), as_seed(seed), 0, NULL};
  if (TYPEOF(replicates) != REALSXP) Rf_error("internal: bad replicates");
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, g, (int)n_rep));
  for (R_xlen_t r = 0; r < n_rep; r++) {
    fe_weights_draw(&weights, g, replicate_number(replicates, r), REAL(out) + r * g);
  }
  UNPROTECT(1);
  return out;
}

/* Groups drawn in the given replicates (from 1) -> n_groups x replicates, groups from 1 */
SEXP C_boot_indices(SEXP seed, SEXP replicates, SEXP n_groups) {
  int g = as_count(n_groups, "groups");
  R_xlen_t n_rep = XLENGTH(replicates);
  uint64_t s = as_seed(seed);
  if (TYPEOF(replicates) != REALSXP) Rf_error("internal: bad replicates");
  SEXP out = PROTECT(Rf_allocMatrix(INTSXP, g, (int)n_rep));
  for (R_xlen_t r = 0; r < n_rep; r++) {
    fe_draw_indices(s, (uint64_t)replicate_number(replicates, r), g, g, INTEGER(out) + r * g);
  }
  for (R_xlen_t i = 0; i < XLENGTH(out); i++) INTEGER(out)[i]++;
  UNPROTECT(1);
  return out;
}

/* Variables from 1 -> indices from 0 */
static const int *as_variables(SEXP variables, int n_v) {
  R_xlen_t n = XLENGTH(variables);
  int *out = (int *)R_alloc((size_t)n + 1, sizeof *out);
  for (R_xlen_t j = 0; j < n; j++) {
    out[j] = INTEGER(variables)[j] - 1;
    if (out[j] < 0 || out[j] >= n_v) Rf_error("internal: bad system");
  }
  return out;
}

/* Elements of a list of n_eq vectors of variables; their lengths go to `count`. */
static const int *const *as_variable_lists(SEXP lists, int n_eq, int n_v, int *count) {
  const int **out = (const int **)R_alloc((size_t)n_eq + 1, sizeof *out);
  if (XLENGTH(lists) != n_eq) Rf_error("internal: bad system");
  for (int e = 0; e < n_eq; e++) {
    out[e] = as_variables(VECTOR_ELT(lists, e), n_v);
    count[e] = (int)XLENGTH(VECTOR_ELT(lists, e));
  }
  return out;
}

/* list(lhs = integer, rhs = list of integer, first = NULL or list of integer), all from 1 */
static fe_system as_system(SEXP system, int n_v) {
  SEXP lhs = element(system, "lhs"), first = element(system, "first");
  int n_eq = (int)XLENGTH(lhs);
  int *k = (int *)R_alloc((size_t)n_eq + 1, sizeof *k);
  int *l = (int *)R_alloc((size_t)n_eq + 1, sizeof *l);
  fe_system out = {.n_eq = n_eq, .lhs = as_variables(lhs, n_v), .k = k, .n_first = l};
  out.rhs = as_variable_lists(element(system, "rhs"), n_eq, n_v, k);
  if (!Rf_isNull(first)) out.first = as_variable_lists(first, n_eq, n_v, l);
  for (int e = 0; e < n_eq; e++) out.n_coef += k[e];
  return out;
}

/* ---- blocks ------------------------------------------------------------------------------ */

static void finalize_blocks(SEXP pointer) {
  fe_blocks_free(R_ExternalPtrAddr(pointer));
  R_ClearExternalPtr(pointer);
}

static const fe_blocks *view_blocks(SEXP pointer) {
  const fe_blocks *b = TYPEOF(pointer) == EXTPTRSXP ? R_ExternalPtrAddr(pointer) : NULL;
  if (!b) Rf_error("internal: the blocks are gone");
  return b;
}

/* cluster: list(code, n_levels); the first n_z columns of x are dummies. Result: a pointer that
 * owns the blocks. */
SEXP C_blocks(SEXP x, SEXP n_z, SEXP w, SEXP cluster, SEXP threads) {
  int64_t n = n_rows(x);
  int z = as_count(n_z, "n_z"), v = n_columns(x) - z;
  if (v < 0) Rf_error("internal: n_z is above the number of columns");
  int n_clusters = as_count(element(cluster, "n_levels"), "clusters");
  const int *code = view_code(element(cluster, "code"), n, n_clusters);
  const double **col = view_columns(x), *row_weights = view_weights(w, n);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
  R_RegisterCFinalizerEx(out, finalize_blocks, TRUE);
  fe_blocks *blocks = NULL;
  fe_status status = fe_blocks_new(col, z, v, n, row_weights, code, n_clusters, &exec, &blocks);
  R_SetExternalPtrAddr(out, blocks);
  raise_status(status);
  UNPROTECT(1);
  return out;
}

/* ---- replicates -------------------------------------------------------------------------- */

/* list(coef = n_coef x n_rep, var = NULL or packed variances x n_rep), to be filled */
static SEXP new_replicates(int n_coef, int64_t n_rep, int with_var) {
  const char *names[] = {"coef", "var", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, Rf_allocMatrix(REALSXP, n_coef, (int)n_rep));
  if (with_var) {
    SET_VECTOR_ELT(out, 1, Rf_allocMatrix(REALSXP, (int)fe_packed(n_coef), (int)n_rep));
  }
  UNPROTECT(1);
  return out;
}

static double *coef_of(SEXP replicates) { return REAL(VECTOR_ELT(replicates, 0)); }

static double *var_of(SEXP replicates) {
  SEXP var = VECTOR_ELT(replicates, 1);
  return Rf_isNull(var) ? NULL : REAL(var);
}

SEXP C_boot_blocks(SEXP blocks, SEXP system, SEXP weights, SEXP with_var, SEXP threads) {
  const fe_blocks *b = view_blocks(blocks);
  int64_t n_rep = as_count(element(weights, "n"), "replicates");
  fe_system sys = as_system(system, b->n_v);
  fe_weights draw = as_weights(weights, b->n_clusters, n_rep);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(new_replicates(sys.n_coef, n_rep, Rf_asLogical(with_var) == 1));
  raise_status(fe_boot_blocks(b, &sys, &draw, n_rep, &exec, coef_of(out), var_of(out)));
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
  SEXP out = PROTECT(new_replicates(sys.n_coef, n_rep, 0));
  raise_status(fe_boot_rows(col, n_columns(x), &factors, &control, row_weights, code, n_clusters,
                            &sys, &draw, n_rep, &exec, coef_of(out)));
  UNPROTECT(1);
  return out;
}

/* Sizes of the equations; their sum must be n_coef. */
static const int *view_sizes(SEXP k, int n_coef) {
  int sum = 0;
  if (TYPEOF(k) != INTSXP) Rf_error("internal: sizes must be integers");
  for (R_xlen_t e = 0; e < XLENGTH(k); e++) sum += INTEGER(k)[e];
  if (sum != n_coef) Rf_error("internal: sizes do not match");
  return INTEGER(k);
}

/* parts: list(table = n_coef x G, k = sizes of the equations, and, for variances, blocks, direction
 * = p x n_coef, fitted = (p * equations) x G) */
SEXP C_boot_wild(SEXP parts, SEXP weights, SEXP threads) {
  SEXP table = element(parts, "table"), k = element(parts, "k"), blocks = element(parts, "blocks");
  int n_coef = Rf_nrows(table), n_clusters = Rf_ncols(table), n_eq = (int)XLENGTH(k);
  int64_t n_rep = as_count(element(weights, "n"), "replicates");
  fe_wild_boot b = {.n_clusters = n_clusters, .n_eq = n_eq, .n_coef = n_coef,
                    .table = view_doubles(table, (int64_t)n_coef * n_clusters),
                    .k = view_sizes(k, n_coef)};
  if (!Rf_isNull(blocks)) {
    b.blocks = view_blocks(blocks);
    b.direction = view_doubles(element(parts, "direction"), (int64_t)b.blocks->p * n_coef);
    b.fitted = view_doubles(element(parts, "fitted"), (int64_t)b.blocks->p * n_eq * n_clusters);
  }
  fe_weights draw = as_weights(weights, n_clusters, n_rep);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(new_replicates(n_coef, n_rep, b.blocks != NULL));
  raise_status(fe_boot_wild(&b, &draw, n_rep, &exec, coef_of(out), var_of(out)));
  UNPROTECT(1);
  return out;
}

/* parts: list(influence = n_coef x n, residual = equations x n, k, clusters), rows by cluster */
SEXP C_boot_residual(SEXP parts, SEXP weights, SEXP threads) {
  SEXP influence = element(parts, "influence"), residual = element(parts, "residual");
  int n_coef = Rf_nrows(influence), n = Rf_ncols(influence), n_eq = Rf_nrows(residual);
  int n_clusters = as_count(element(parts, "clusters"), "clusters");
  int64_t n_rep = as_count(element(weights, "n"), "replicates");
  if (n_clusters < 1 || n % n_clusters != 0) Rf_error("internal: clusters of unequal length");
  fe_residual_boot b = {n_clusters, n / n_clusters, n_eq, view_sizes(element(parts, "k"), n_coef),
                        n_coef, view_doubles(influence, (int64_t)n_coef * n),
                        view_doubles(residual, (int64_t)n_eq * n)};
  int64_t first = (int64_t)Rf_asReal(element(weights, "first")) - 1;
  uint64_t seed = as_seed(element(weights, "seed"));
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(new_replicates(n_coef, n_rep, 0));
  raise_status(fe_boot_residual(&b, seed, first, n_rep, &exec, coef_of(out)));
  UNPROTECT(1);
  return out;
}
