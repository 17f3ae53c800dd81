#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/codes.h"
#include "glue.h"

/* Integer vector x without NA -> list(code, level). */
SEXP C_code_ints(SEXP x) {
  int64_t n = XLENGTH(x);
  if (TYPEOF(x) != INTSXP || n > INT_MAX) Rf_error("internal: integers are needed");
  const char *names[] = {"code", "level", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP code = Rf_allocVector(INTSXP, n);
  SET_VECTOR_ELT(out, 0, code);
  SEXP holder = PROTECT(Rf_allocVector(INTSXP, n));
  int *level = NULL, n_levels = 0;
  fe_status status = fe_code_ints(INTEGER(x), n, INTEGER(code), &level, &n_levels);
  if (!status) memcpy(INTEGER(holder), level, (size_t)n_levels * sizeof *level);
  free(level);
  raise_status(status);
  SET_VECTOR_ELT(out, 1, Rf_xlengthgets(holder, n_levels));
  UNPROTECT(2);
  return out;
}

/* Codes of pairs -> list(code, first): first row of each pair, from 1. */
SEXP C_code_pairs(SEXP a, SEXP n_a, SEXP b, SEXP n_b) {
  int64_t n = XLENGTH(a);
  if (n > INT_MAX) Rf_error("internal: too many rows");
  int na = as_count(n_a, "levels"), nb = as_count(n_b, "levels");
  const int *pa = view_code(a, n, na), *pb = view_code(b, n, nb);
  const char *names[] = {"code", "first", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP code = Rf_allocVector(INTSXP, n);
  SET_VECTOR_ELT(out, 0, code);
  SEXP holder = PROTECT(Rf_allocVector(INTSXP, n));
  int64_t *first = NULL;
  int n_levels = 0;
  fe_status status = fe_code_pairs(pa, na, pb, nb, n, INTEGER(code), &first, &n_levels);
  for (int g = 0; !status && g < n_levels; g++) INTEGER(holder)[g] = (int)first[g] + 1;
  free(first);
  raise_status(status);
  SET_VECTOR_ELT(out, 1, Rf_xlengthgets(holder, n_levels));
  UNPROTECT(2);
  return out;
}

/* keep: logical; returns it with singletons cleared. */
SEXP C_singletons(SEXP codes, SEXP n_levels, SEXP keep) {
  fe_codes c = view_codes(codes, n_levels);
  if (TYPEOF(keep) != LGLSXP || XLENGTH(keep) != c.n) Rf_error("internal: bad keep");
  SEXP out = PROTECT(Rf_duplicate(keep));
  unsigned char *flag = (unsigned char *)R_alloc((size_t)c.n + 1, 1);
  for (int64_t i = 0; i < c.n; i++) flag[i] = LOGICAL(keep)[i] == 1;
  int64_t removed;
  raise_status(fe_singletons(&c, flag, &removed));
  for (int64_t i = 0; i < c.n; i++) LOGICAL(out)[i] = flag[i];
  UNPROTECT(1);
  return out;
}

SEXP C_nested(SEXP inner, SEXP n_inner, SEXP outer) {
  int64_t n = XLENGTH(inner);
  int levels = as_count(n_inner, "levels");
  const int *in = view_code(inner, n, levels), *out = view_code(outer, n, INT_MAX);
  int nested = fe_nested(in, levels, out, n);
  if (nested < 0) raise_status(FE_ENOMEM);
  return Rf_ScalarLogical(nested);
}
