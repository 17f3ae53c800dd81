#include "glue.h"

#include <string.h>

#include "core/codes.h"

/* ---- columns: a double matrix, a double vector, or a list of double vectors ------------------ */

int64_t n_rows(SEXP x) {
  if (TYPEOF(x) == VECSXP) return XLENGTH(x) > 0 ? XLENGTH(VECTOR_ELT(x, 0)) : 0;
  return Rf_isMatrix(x) ? Rf_nrows(x) : XLENGTH(x);
}

int n_columns(SEXP x) {
  if (TYPEOF(x) == VECSXP) return (int)XLENGTH(x);
  return Rf_isMatrix(x) ? Rf_ncols(x) : 1;
}

const double **view_columns(SEXP x) {
  int k = n_columns(x), is_list = TYPEOF(x) == VECSXP;
  int64_t n = n_rows(x);
  if (!is_list && TYPEOF(x) != REALSXP) Rf_error("internal: doubles are needed");
  const double **col = (const double **)R_alloc((size_t)k + 1, sizeof *col);
  for (int j = 0; j < k; j++) {
    col[j] = is_list ? view_doubles(VECTOR_ELT(x, j), n) : REAL(x) + (size_t)j * (size_t)n;
  }
  return col;
}

SEXP same_shape(SEXP x, int64_t n, int k) {
  if (TYPEOF(x) != VECSXP) {
    SEXP out = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)(n * k)));
    Rf_setAttrib(out, R_DimSymbol, Rf_getAttrib(x, R_DimSymbol));
    Rf_setAttrib(out, R_DimNamesSymbol, Rf_getAttrib(x, R_DimNamesSymbol));
    UNPROTECT(1);
    return out;
  }
  SEXP out = PROTECT(Rf_allocVector(VECSXP, k));
  for (int j = 0; j < k; j++) SET_VECTOR_ELT(out, j, Rf_allocVector(REALSXP, n));
  Rf_setAttrib(out, R_NamesSymbol, Rf_getAttrib(x, R_NamesSymbol));
  UNPROTECT(1);
  return out;
}

double **own_columns(SEXP x) {
  int k = n_columns(x);
  int64_t n = n_rows(x);
  double **col = (double **)R_alloc((size_t)k + 1, sizeof *col);
  for (int j = 0; j < k; j++) {
    col[j] = TYPEOF(x) == VECSXP ? REAL(VECTOR_ELT(x, j)) : REAL(x) + (size_t)j * (size_t)n;
  }
  return col;
}

const double *view_doubles(SEXP x, int64_t n) {
  if (TYPEOF(x) != REALSXP || XLENGTH(x) != n) Rf_error("internal: doubles of wrong length");
  return REAL(x);
}

const double *view_weights(SEXP w, int64_t n) {
  return Rf_isNull(w) ? NULL : view_doubles(w, n);
}

const int *view_code(SEXP code, int64_t n, int n_levels) {
  if (TYPEOF(code) != INTSXP || XLENGTH(code) != n) Rf_error("internal: codes of wrong length");
  const int *c = INTEGER_RO(code);
  if (!fe_codes_fit(c, n, n_levels)) Rf_error("internal: a code is out of range");
  return c;
}

fe_codes view_codes(SEXP codes, SEXP n_levels) {
  if (TYPEOF(codes) != VECSXP || TYPEOF(n_levels) != INTSXP ||
      XLENGTH(n_levels) != XLENGTH(codes)) {
    Rf_error("internal: codes must be a list with a count of levels each");
  }
  int q = (int)XLENGTH(codes);
  const int **code = (const int **)R_alloc((size_t)q + 1, sizeof *code);
  int64_t n = q > 0 ? XLENGTH(VECTOR_ELT(codes, 0)) : 0;
  for (int f = 0; f < q; f++) {
    code[f] = view_code(VECTOR_ELT(codes, f), n, INTEGER(n_levels)[f]);
  }
  fe_codes out = {n, q, code, INTEGER(n_levels)};
  return out;
}

int as_count(SEXP x, const char *what) {
  int n = Rf_asInteger(x);
  if (n == NA_INTEGER || n < 0) Rf_error("internal: %s is not a count", what);
  return n;
}

static void check_interrupt(void *unused) {
  (void)unused;
  R_CheckUserInterrupt();
}

/* An interrupt that is pending is taken here, so that it cannot jump over the core's memory. */
static int poll_interrupt(void *unused) { return !R_ToplevelExec(check_interrupt, unused); }

fe_exec as_exec(SEXP threads) {
  int n = as_count(threads, "threads");
  fe_exec exec = {n < 1 ? 1 : n, poll_interrupt, NULL};
  return exec;
}

fe_exec as_alone(void) { return (fe_exec){1, poll_interrupt, NULL}; }

SEXP element(SEXP list, const char *name) {
  SEXP names = Rf_getAttrib(list, R_NamesSymbol);
  for (R_xlen_t i = 0; i < XLENGTH(names); i++) {
    if (strcmp(CHAR(STRING_ELT(names, i)), name) == 0) return VECTOR_ELT(list, i);
  }
  return R_NilValue;
}

fe_control as_control(SEXP control) {
  fe_control c = {(fe_solver)as_count(element(control, "solver"), "solver"),
                  Rf_asReal(element(control, "tol")),
                  as_count(element(control, "max_iter"), "max_iter")};
  return c;
}

uint64_t as_seed(SEXP seed) {
  if (TYPEOF(seed) != REALSXP || XLENGTH(seed) != 2) Rf_error("internal: bad seed");
  return (uint64_t)REAL(seed)[0] | (uint64_t)REAL(seed)[1] << 32;
}

/* Never returns: the R functions jump. */
static void raise_by(const char *function) {
  SEXP name = PROTECT(Rf_mkString("fepanel"));
  SEXP namespace = PROTECT(R_FindNamespace(name));
  SEXP call = PROTECT(Rf_lang1(Rf_install(function)));
  Rf_eval(call, namespace);
  UNPROTECT(3);
}

void raise_status(fe_status status) {
  if (status == FE_EINTR) raise_by("raise_interrupt");
  if (status == FE_ENOMEM) raise_by("raise_memory");
  if (status != FE_OK) Rf_error("%s", fe_status_text(status));
}
