#include "core/scan.h"
#include "glue.h"

/* integer64: only NA are counted, for its bits are no numbers to compare as doubles. */
static void scan_wide(SEXP x, const fe_exec *exec, fe_scan *s) {
  int64_t n = XLENGTH(x);
  if (!Rf_inherits(x, "integer64")) {
    raise_status(fe_scan_doubles(REAL_RO(x), n, exec, s));
    return;
  }
  int64_t n_na = fe_count_na64((const int64_t *)REAL_RO(x), n);
  *s = (fe_scan){n_na, 0, n - n_na, NA_REAL, NA_REAL, NA_REAL, NA_REAL};
}

static fe_scan scan_vector(SEXP x, const fe_exec *exec) {
  fe_scan s;
  switch (TYPEOF(x)) {
  case REALSXP:
    scan_wide(x, exec, &s);
    break;
  case INTSXP:
    raise_status(fe_scan_ints(INTEGER_RO(x), XLENGTH(x), exec, &s));
    break;
  case LGLSXP:
    raise_status(fe_scan_ints(LOGICAL_RO(x), XLENGTH(x), exec, &s));
    break;
  default:
    Rf_error("internal: nothing to scan");
  }
  return s;
}

/* A double, integer or logical vector -> list(n_na, n_inf, n, min, max, mean, ss). */
SEXP C_scan(SEXP x, SEXP threads) {
  fe_exec exec = as_exec(threads);
  fe_scan s = scan_vector(x, &exec);
  const double value[] = {(double)s.n_na, (double)s.n_inf, (double)s.n, s.min,
                          s.max,          s.mean,          s.ss};
  const char *names[] = {"n_na", "n_inf", "n", "min", "max", "mean", "ss", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  for (int v = 0; v < 7; v++) SET_VECTOR_ELT(out, v, Rf_ScalarReal(value[v]));
  UNPROTECT(1);
  return out;
}

/* Which 64-bit integers are NA: logical. */
SEXP C_na64(SEXP x) {
  if (TYPEOF(x) != REALSXP) Rf_error("internal: not 64-bit integers");
  R_xlen_t n = XLENGTH(x);
  const int64_t *v = (const int64_t *)REAL_RO(x);
  SEXP out = Rf_allocVector(LGLSXP, n);
  for (R_xlen_t i = 0; i < n; i++) LOGICAL(out)[i] = v[i] == INT64_MIN;
  return out;
}
