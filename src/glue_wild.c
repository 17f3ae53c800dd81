#include <string.h>

#include "core/leave_out.h"
#include "core/wild.h"
#include "glue.h"

static fe_wild_kind as_kind(SEXP kind) {
  static const char *names[] = {"rademacher", "mammen", "webb", "norm", "gamma"};
  const char *name = CHAR(STRING_ELT(kind, 0));
  for (int k = 0; k < 5; k++) {
    if (strcmp(name, names[k]) == 0) return (fe_wild_kind)k;
  }
  Rf_error("internal: unknown weights");
}

static const int *view_ints(SEXP x, int64_t n) {
  if (TYPEOF(x) != INTSXP || XLENGTH(x) != n) Rf_error("internal: not %d integers", (int)n);
  return INTEGER(x);
}

/* rows: NULL, or list(start, boot, value (parts x entries), weight, counted, alpha (NULL, or tiles
 * x n_alpha x rows), n_alpha, alpha_of, mu_at, mu_tiles) */
static fe_wild_rows as_rows(SEXP rows, int n_parts) {
  fe_wild_rows out = {0};
  if (Rf_isNull(rows)) return out;
  SEXP boot = element(rows, "boot"), weight = element(rows, "weight");
  int64_t entries = XLENGTH(boot);
  out.n = (int)XLENGTH(weight);
  out.start = view_ints(element(rows, "start"), (int64_t)out.n + 1);
  out.boot = view_ints(boot, entries);
  out.value = view_doubles(element(rows, "value"), entries * n_parts);
  out.weight = view_doubles(weight, out.n);
  out.counted = Rf_asLogical(element(rows, "counted")) == 1;
  SEXP alpha = element(rows, "alpha");
  if (Rf_isNull(alpha)) return out;
  out.n_alpha = Rf_asInteger(element(rows, "n_alpha"));
  out.mu_tiles = Rf_asInteger(element(rows, "mu_tiles"));
  out.alpha_of = view_ints(element(rows, "alpha_of"), n_parts);
  out.mu_at = view_ints(element(rows, "mu_at"), n_parts);
  out.alpha = view_doubles(alpha, (int64_t)out.n * out.n_alpha * out.mu_tiles * FE_WILD_TILE);
  return out;
}

/* term: integer 4 x n (left, right, tiles, pair), with the doubles `scale` */
static fe_wild_term *as_terms(SEXP term, SEXP scale) {
  int n = (int)XLENGTH(scale);
  const int *at = view_ints(term, 4 * (int64_t)n);
  fe_wild_term *out = (fe_wild_term *)R_alloc((size_t)n + 1, sizeof *out);
  for (int t = 0; t < n; t++, at += 4) {
    out[t] = (fe_wild_term){at[0], at[1], at[2], at[3], REAL(scale)[t]};
  }
  return out;
}

/* parts: list(func (8 tiles x H), n_parts, term, term_scale, diag (NULL, or pairs x H), scale,
 * rows); draws: list(kind, enumerate, seed, first, n) -> n x (parts + pairs) */
SEXP C_wild(SEXP parts, SEXP draws, SEXP threads) {
  SEXP func = element(parts, "func"), diag = element(parts, "diag");
  if (!Rf_isMatrix(func) || Rf_nrows(func) % FE_WILD_TILE) Rf_error("internal: no tiles");
  int h = Rf_ncols(func), q = Rf_asInteger(element(parts, "n_parts")), pairs = fe_wild_pairs(q);
  fe_wild w = {h, q, Rf_nrows(func) / FE_WILD_TILE, view_doubles(func, XLENGTH(func)),
               (int)XLENGTH(element(parts, "term_scale")),
               as_terms(element(parts, "term"), element(parts, "term_scale")),
               Rf_isNull(diag) ? NULL : view_doubles(diag, (int64_t)pairs * h),
               view_doubles(element(parts, "scale"), q), as_rows(element(parts, "rows"), q)};
  fe_wild_draws d = {as_kind(element(draws, "kind")),
                     Rf_asLogical(element(draws, "enumerate")) == 1,
                     as_seed(element(draws, "seed")),
                     (uint64_t)(Rf_asReal(element(draws, "first")) - 1)};
  int n = as_count(element(draws, "n"), "replicates");
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n, q + pairs));
  raise_status(fe_wild_replicates(&w, &d, n, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}

/* rep: n x 2 or n x 5, as from C_wild -> 4 x length(d) counts */
SEXP C_wild_count(SEXP rep, SEXP v, SEXP estimate, SEXP d, SEXP sides, SEXP threads) {
  int64_t n = n_rows(rep);
  int columns = n_columns(rep), n_grid = (int)XLENGTH(d);
  if (columns != 2 && columns != 5) Rf_error("internal: no replicates of one hypothesis");
  const double *x = view_doubles(rep, n * columns);
  fe_wild_poly p = {n, x, NULL, x + n, NULL, NULL};
  if (columns == 5) p = (fe_wild_poly){n, x, x + n, x + 2 * n, x + 3 * n, x + 4 * n};
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, FE_WILD_COUNTS, n_grid));
  int64_t *count = (int64_t *)R_alloc(FE_WILD_COUNTS * (size_t)n_grid + 1, sizeof *count);
  raise_status(fe_wild_count(&p, Rf_asReal(v), view_doubles(estimate, n_grid),
                             view_doubles(d, n_grid), n_grid, Rf_asLogical(sides) == 1, &exec,
                             count));
  for (R_xlen_t k = 0; k < XLENGTH(out); k++) REAL(out)[k] = (double)count[k];
  UNPROTECT(1);
  return out;
}

/* rep: n x (q + pairs) -> n Wald statistics */
SEXP C_wild_wald(SEXP rep, SEXP q, SEXP threads) {
  int parts = as_count(q, "hypotheses");
  int64_t n = n_rows(rep);
  if (n_columns(rep) != parts + fe_wild_pairs(parts)) Rf_error("internal: pairs do not match");
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocVector(REALSXP, n));
  raise_status(fe_wild_wald(view_doubles(rep, XLENGTH(rep)), n, parts, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}

/* (A - A_g)^- rhs_g of the blocks of x, for each p x G matrix of the list rhs -> list of them */
SEXP C_wild_leave_out(SEXP x, SEXP w, SEXP cluster, SEXP rhs, SEXP threads) {
  int64_t n = n_rows(x);
  int p = n_columns(x), n_clusters = as_count(element(cluster, "n_levels"), "clusters");
  const int *code = view_code(element(cluster, "code"), n, n_clusters);
  const double **col = view_columns(x), *weights = view_weights(w, n);
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocVector(VECSXP, XLENGTH(rhs)));
  for (R_xlen_t k = 0; k < XLENGTH(rhs); k++) {
    view_doubles(VECTOR_ELT(rhs, k), (int64_t)p * n_clusters);
    SET_VECTOR_ELT(out, k, Rf_allocMatrix(REALSXP, p, n_clusters));
  }
  fe_blocks *blocks = NULL;
  fe_status status = fe_blocks_new(col, 0, p, n, weights, code, n_clusters, &exec, &blocks);
  for (R_xlen_t k = 0; k < XLENGTH(rhs) && !status; k++) {
    status = fe_leave_out_solve(blocks, REAL(VECTOR_ELT(rhs, k)), &exec,
                                REAL(VECTOR_ELT(out, k)), NULL);
  }
  fe_blocks_free(blocks);
  raise_status(status);
  UNPROTECT(1);
  return out;
}
