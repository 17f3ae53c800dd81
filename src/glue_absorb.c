#include <stdlib.h>

#include "core/absorb.h"
#include "glue.h"

/* What the external pointer owns: the core's absorber and the arrays that it reads. The R
 * vectors behind the codes and weights are kept alive by the pointer's protected slot. */
typedef struct {
  fe_absorber *absorber;
  const int **code;
  int *n_levels;
  fe_codes codes;
} holder;

static void holder_free(holder *h) {
  if (!h) return;
  fe_absorber_free(h->absorber);
  free(h->code);
  free(h->n_levels);
  free(h);
}

static void finalize_absorber(SEXP pointer) {
  holder_free(R_ExternalPtrAddr(pointer));
  R_ClearExternalPtr(pointer);
}

static holder *view_absorber(SEXP pointer) {
  holder *h = TYPEOF(pointer) == EXTPTRSXP ? R_ExternalPtrAddr(pointer) : NULL;
  if (!h || !h->absorber) {
    Rf_error("internal: the absorber is gone (it does not survive a saved session)");
  }
  return h;
}

static holder *holder_new(const fe_codes *c) {
  holder *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->code = malloc(((size_t)c->q + 1) * sizeof *h->code);
  h->n_levels = malloc(((size_t)c->q + 1) * sizeof *h->n_levels);
  if (!h->code || !h->n_levels) {
    holder_free(h);
    return NULL;
  }
  for (int f = 0; f < c->q; f++) {
    h->code[f] = c->code[f];
    h->n_levels[f] = c->n_levels[f];
  }
  h->codes = (fe_codes){c->n, c->q, h->code, h->n_levels};
  return h;
}

const char *solver_name(fe_solver solver) {
  static const char *names[] = {"auto", "means", "balanced", "schur", "cg", "sparse"};
  return names[solver];
}

SEXP as_plan(const fe_plan *plan) {
  const char *names[] = {"lead", "n_lead", "others", "cells", "edges", "factor", "exact", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, Rf_ScalarInteger(plan->lead + 1));
  SET_VECTOR_ELT(out, 1, Rf_ScalarInteger(plan->n_lead));
  SET_VECTOR_ELT(out, 2, Rf_ScalarInteger(plan->others));
  SET_VECTOR_ELT(out, 3, Rf_ScalarReal((double)plan->cells));
  SET_VECTOR_ELT(out, 4, Rf_ScalarReal((double)plan->edges));
  SET_VECTOR_ELT(out, 5, Rf_ScalarReal((double)plan->factor));
  SET_VECTOR_ELT(out, 6, Rf_ScalarLogical(plan->exact));
  UNPROTECT(1);
  return out;
}

/* -> list(pointer, rank, exact, solver) */
SEXP C_absorber(SEXP codes, SEXP n_levels, SEXP w, SEXP control, SEXP threads) {
  fe_codes c = view_codes(codes, n_levels);
  const double *weights = view_weights(w, c.n);
  fe_control settings = as_control(control);
  fe_exec exec = as_exec(threads);
  const char *names[] = {"pointer", "rank", "exact", "solver", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP keep = PROTECT(Rf_allocVector(VECSXP, 2));
  SET_VECTOR_ELT(keep, 0, codes);
  SET_VECTOR_ELT(keep, 1, w);
  SEXP pointer = R_MakeExternalPtr(NULL, R_NilValue, keep);
  SET_VECTOR_ELT(out, 0, pointer);
  R_RegisterCFinalizerEx(pointer, finalize_absorber, TRUE);
  holder *h = holder_new(&c);
  if (!h) raise_status(FE_ENOMEM);
  R_SetExternalPtrAddr(pointer, h);
  raise_status(fe_absorber_new(&h->codes, weights, &settings, &exec, &h->absorber));
  int exact;
  SET_VECTOR_ELT(out, 1, Rf_ScalarReal((double)fe_absorber_rank(h->absorber, &exact)));
  SET_VECTOR_ELT(out, 2, Rf_ScalarLogical(exact));
  SET_VECTOR_ELT(out, 3, Rf_mkString(solver_name(fe_absorber_solver(h->absorber))));
  UNPROTECT(2);
  return out;
}

/* x: columns -> list(x, iterations, residual, converged, solver, plan, error) */
SEXP C_absorb(SEXP absorber, SEXP x, SEXP threads) {
  holder *h = view_absorber(absorber);
  int64_t n = h->codes.n;
  int k = n_columns(x);
  if (k > 0 && n_rows(x) != n) Rf_error("internal: rows do not match");
  const double **in = view_columns(x);
  fe_exec exec = as_exec(threads);
  const char *names[] = {"x", "iterations", "residual", "converged", "solver", "plan", "error", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP residual = same_shape(x, n, k);
  SET_VECTOR_ELT(out, 0, residual);
  SET_VECTOR_ELT(out, 3, Rf_allocVector(LGLSXP, 1));
  double **col = own_columns(residual);
  fe_report report = {.solver = FE_SOLVER_AUTO};
  fe_status status = fe_absorb(h->absorber, in, col, k, &exec, &report);
  if (status != FE_ENOCONV) raise_status(status);
  LOGICAL(VECTOR_ELT(out, 3))[0] = status == FE_OK;
  SET_VECTOR_ELT(out, 1, Rf_ScalarInteger(report.iterations));
  SET_VECTOR_ELT(out, 2, Rf_ScalarReal(report.residual));
  SET_VECTOR_ELT(out, 4, Rf_mkString(solver_name(report.solver)));
  fe_plan plan;
  fe_absorber_plan(h->absorber, &plan);
  SET_VECTOR_ELT(out, 5, as_plan(&plan));
  SET_VECTOR_ELT(out, 6, Rf_ScalarReal(report.error));
  UNPROTECT(1);
  return out;
}

static int64_t all_levels(const holder *h) {
  int64_t sum = 0;
  for (int f = 0; f < h->codes.q; f++) sum += h->codes.n_levels[f];
  return sum;
}

SEXP C_effects(SEXP absorber, SEXP x) {
  holder *h = view_absorber(absorber);
  const double *p_x = view_doubles(x, h->codes.n);
  fe_exec exec = as_alone();
  SEXP out = PROTECT(Rf_allocVector(REALSXP, all_levels(h)));
  raise_status(fe_absorb_effects(h->absorber, p_x, &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}

/* d0: one number for each level of each factor -> list(x0, defect) */
SEXP C_functional(SEXP absorber, SEXP d0) {
  holder *h = view_absorber(absorber);
  const double *p_d0 = view_doubles(d0, all_levels(h));
  fe_exec exec = as_alone();
  const char *names[] = {"x0", "defect", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, Rf_allocVector(REALSXP, h->codes.n));
  SET_VECTOR_ELT(out, 1, Rf_allocVector(REALSXP, 1));
  raise_status(fe_absorb_functional(h->absorber, p_d0, &exec, REAL(VECTOR_ELT(out, 0)),
                                    REAL(VECTOR_ELT(out, 1))));
  UNPROTECT(1);
  return out;
}

/* NULL if the solver cannot give them exactly. */
SEXP C_leverage(SEXP absorber) {
  holder *h = view_absorber(absorber);
  SEXP out = PROTECT(Rf_allocVector(REALSXP, h->codes.n));
  fe_exec exec = as_alone();
  fe_status status = fe_absorb_leverage(h->absorber, &exec, REAL(out));
  if (status != FE_EINVAL) raise_status(status);
  UNPROTECT(1);
  return status == FE_EINVAL ? R_NilValue : out;
}
