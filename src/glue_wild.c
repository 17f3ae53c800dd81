#include <string.h>

#include "core/wild.h"
#include "glue.h"

static fe_wild_kind as_kind(SEXP kind) {
  static const char *names[] = {"rademacher", "mammen", "webb", "norm"};
  const char *name = CHAR(STRING_ELT(kind, 0));
  for (int k = 0; k < 4; k++) {
    if (strcmp(name, names[k]) == 0) return (fe_wild_kind)k;
  }
  Rf_error("internal: unknown weights");
}

/* parts: list(q0, q1: G; m0, m1, alpha: p x G); draws: list(kind, enumerate, seed, first, n)
 * -> 5 x n */
SEXP C_wild(SEXP parts, SEXP draws, SEXP threads) {
  SEXP q0 = element(parts, "q0"), m0 = element(parts, "m0");
  int g = (int)XLENGTH(q0);
  if (!Rf_isMatrix(m0) || Rf_ncols(m0) != g) Rf_error("internal: clusters do not match");
  int p = Rf_nrows(m0);
  fe_wild w = {g, p, view_doubles(q0, g), view_doubles(element(parts, "q1"), g),
               view_doubles(m0, (int64_t)g * p), view_doubles(element(parts, "m1"), (int64_t)g * p),
               view_doubles(element(parts, "alpha"), (int64_t)g * p)};
  fe_wild_kind kind = as_kind(element(draws, "kind"));
  int enumerate = Rf_asLogical(element(draws, "enumerate")) == 1;
  uint64_t seed = as_seed(element(draws, "seed"));
  uint64_t first = (uint64_t)(Rf_asReal(element(draws, "first")) - 1);
  int n = as_count(element(draws, "n"), "replicates");
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, 5, n));
  raise_status(fe_wild_replicates(&w, kind, enumerate, seed, first, n, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}
