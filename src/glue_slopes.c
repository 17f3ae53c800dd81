#include <stdlib.h>

#include "core/slopes.h"
#include "glue.h"

/* What the external pointer owns: the core's object and the arrays that it reads. The R vectors
 * behind codes, values and weights are kept alive by the pointer's protected slot. */
typedef struct {
  fe_slopes *slopes;
  const int **code;
  int *n_levels;
  int *factor;
  const double **value;
  fe_terms terms;
} holder;

static void holder_free(holder *h) {
  if (!h) return;
  fe_slopes_free(h->slopes);
  free(h->code);
  free(h->n_levels);
  free(h->factor);
  free(h->value);
  free(h);
}

static void finalize_slopes(SEXP pointer) {
  holder_free(R_ExternalPtrAddr(pointer));
  R_ClearExternalPtr(pointer);
}

static SEXP slopes_tag(void) { return Rf_install("fepanel_slopes"); }

static holder *view_slopes(SEXP pointer) {
  int is_ours = TYPEOF(pointer) == EXTPTRSXP && R_ExternalPtrTag(pointer) == slopes_tag();
  holder *h = is_ours ? R_ExternalPtrAddr(pointer) : NULL;
  if (!h || !h->slopes) {
    Rf_error("internal: the absorber is gone (it does not survive a saved session)");
  }
  return h;
}

/* Terms whose arrays are R_alloc'ed. */
static fe_terms view_terms(SEXP codes, SEXP n_levels, SEXP factor, SEXP values) {
  fe_codes c = view_codes(codes, n_levels);
  if (TYPEOF(factor) != INTSXP || TYPEOF(values) != VECSXP || XLENGTH(factor) != XLENGTH(values)) {
    Rf_error("internal: every term must have a factor and a value");
  }
  int n_terms = (int)XLENGTH(factor);
  int *zero_based = (int *)R_alloc((size_t)n_terms + 1, sizeof *zero_based);
  const double **value = (const double **)R_alloc((size_t)n_terms + 1, sizeof *value);
  for (int t = 0; t < n_terms; t++) {
    zero_based[t] = INTEGER(factor)[t] - 1;
    value[t] = view_weights(VECTOR_ELT(values, t), c.n); /* NULL: all one */
  }
  return (fe_terms){c, n_terms, zero_based, value};
}

static holder *holder_new(const fe_terms *t) {
  size_t q = (size_t)t->codes.q, n_terms = (size_t)t->n_terms;
  holder *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->code = malloc((q + 1) * sizeof *h->code);
  h->n_levels = malloc((q + 1) * sizeof *h->n_levels);
  h->factor = malloc((n_terms + 1) * sizeof *h->factor);
  h->value = malloc((n_terms + 1) * sizeof *h->value);
  if (!h->code || !h->n_levels || !h->factor || !h->value) {
    holder_free(h);
    return NULL;
  }
  for (size_t f = 0; f < q; f++) {
    h->code[f] = t->codes.code[f];
    h->n_levels[f] = t->codes.n_levels[f];
  }
  for (size_t k = 0; k < n_terms; k++) {
    h->factor[k] = t->factor[k];
    h->value[k] = t->value[k];
  }
  h->terms = (fe_terms){{t->codes.n, t->codes.q, h->code, h->n_levels}, t->n_terms, h->factor,
                        h->value};
  return h;
}

/* factor: of each term, from 1; values: for each term NULL (all one) or n doubles ->
 * list(pointer, rank, exact, solver, doubted (levels, one number a term)) */
SEXP C_slopes_new(SEXP codes, SEXP n_levels, SEXP factor, SEXP values, SEXP w, SEXP control,
                  SEXP threads) {
  fe_terms terms = view_terms(codes, n_levels, factor, values);
  const double *weights = view_weights(w, terms.codes.n);
  fe_control settings = as_control(control);
  fe_exec exec = as_exec(threads);
  const char *names[] = {"pointer", "rank", "exact", "solver", "doubted", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP keep = PROTECT(Rf_allocVector(VECSXP, 3));
  SET_VECTOR_ELT(keep, 0, codes);
  SET_VECTOR_ELT(keep, 1, values);
  SET_VECTOR_ELT(keep, 2, w);
  SEXP pointer = R_MakeExternalPtr(NULL, slopes_tag(), keep);
  SET_VECTOR_ELT(out, 0, pointer);
  R_RegisterCFinalizerEx(pointer, finalize_slopes, TRUE);
  holder *h = holder_new(&terms);
  if (!h) raise_status(FE_ENOMEM);
  R_SetExternalPtrAddr(pointer, h);
  raise_status(fe_slopes_new(&h->terms, weights, &settings, &exec, &h->slopes));
  int exact;
  SET_VECTOR_ELT(out, 1, Rf_ScalarReal((double)fe_slopes_rank(h->slopes, &exact)));
  SET_VECTOR_ELT(out, 2, Rf_ScalarLogical(exact));
  SET_VECTOR_ELT(out, 3, Rf_mkString(solver_name(fe_slopes_solver(h->slopes))));
  SEXP doubted = Rf_allocVector(INTSXP, h->terms.n_terms);
  SET_VECTOR_ELT(out, 4, doubted);
  for (int t = 0; t < h->terms.n_terms; t++) {
    INTEGER(doubted)[t] = fe_slopes_doubted(h->slopes, t);
  }
  UNPROTECT(2);
  return out;
}

/* x: columns -> list(x, iterations, residual, converged, solver, plan, error) */
SEXP C_slopes_absorb(SEXP slopes, SEXP x, SEXP threads) {
  holder *h = view_slopes(slopes);
  int k = n_columns(x);
  if (k > 0 && n_rows(x) != h->terms.codes.n) Rf_error("internal: rows do not match");
  const double **in = view_columns(x);
  fe_exec exec = as_exec(threads);
  const char *names[] = {"x", "iterations", "residual", "converged", "solver", "plan", "error", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP residual = same_shape(x, h->terms.codes.n, k);
  SET_VECTOR_ELT(out, 0, residual);
  SET_VECTOR_ELT(out, 3, Rf_allocVector(LGLSXP, 1));
  double **col = own_columns(residual);
  fe_report report = {.solver = FE_SOLVER_AUTO};
  fe_status status = fe_slopes_absorb(h->slopes, in, col, k, &exec, &report);
  if (status != FE_ENOCONV) raise_status(status);
  LOGICAL(VECTOR_ELT(out, 3))[0] = status == FE_OK;
  SET_VECTOR_ELT(out, 1, Rf_ScalarInteger(report.iterations));
  SET_VECTOR_ELT(out, 2, Rf_ScalarReal(report.residual));
  SET_VECTOR_ELT(out, 4, Rf_mkString(solver_name(report.solver)));
  fe_plan plan;
  fe_slopes_plan(h->slopes, &plan);
  SET_VECTOR_ELT(out, 5, as_plan(&plan));
  SET_VECTOR_ELT(out, 6, Rf_ScalarReal(report.error));
  UNPROTECT(1);
  return out;
}

static int64_t n_coefficients(const holder *h) {
  int64_t sum = 0;
  for (int t = 0; t < h->terms.n_terms; t++) sum += h->n_levels[h->factor[t]];
  return sum;
}

SEXP C_slopes_effects(SEXP slopes, SEXP x) {
  holder *h = view_slopes(slopes);
  const double *p_x = view_doubles(x, h->terms.codes.n);
  fe_exec exec = as_alone();
  SEXP out = PROTECT(Rf_allocVector(REALSXP, n_coefficients(h)));
  raise_status(fe_slopes_effects(h->slopes, p_x, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}

/* d0: one number for each level of each term's factor -> list(x0, defect) */
SEXP C_slopes_functional(SEXP slopes, SEXP d0) {
  holder *h = view_slopes(slopes);
  const double *p_d0 = view_doubles(d0, n_coefficients(h));
  fe_exec exec = as_alone();
  const char *names[] = {"x0", "defect", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, Rf_allocVector(REALSXP, h->terms.codes.n));
  SET_VECTOR_ELT(out, 1, Rf_allocVector(REALSXP, 1));
  raise_status(fe_slopes_functional(h->slopes, p_d0, &exec, REAL(VECTOR_ELT(out, 0)),
                                    REAL(VECTOR_ELT(out, 1))));
  UNPROTECT(1);
  return out;
}

/* NULL if the solver cannot give them exactly. */
SEXP C_slopes_leverage(SEXP slopes) {
  holder *h = view_slopes(slopes);
  SEXP out = PROTECT(Rf_allocVector(REALSXP, h->terms.codes.n));
  fe_status status = fe_slopes_leverage(h->slopes, REAL(out));
  if (status != FE_EINVAL) raise_status(status);
  UNPROTECT(1);
  return status == FE_EINVAL ? R_NilValue : out;
}
