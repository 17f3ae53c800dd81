#include "core/conley.h"
#include "core/hac.h"
#include "glue.h"

/* Rows by unit and time -> list(order (from 0), duplicate (two rows from 1, or NULL)) */
SEXP C_panel_order(SEXP unit, SEXP n_units, SEXP time, SEXP n_times) {
  int units = as_count(n_units, "units"), times = as_count(n_times, "times");
  int64_t n = XLENGTH(unit), first, second;
  const int *unit_code = view_code(unit, n, units), *time_code = view_code(time, n, times);
  const char *names[] = {"order", "duplicate", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, Rf_allocVector(INTSXP, n));
  raise_status(fe_panel_order(n, unit_code, units, time_code, times, INTEGER(VECTOR_ELT(out, 0)),
                              &first, &second));
  if (first >= 0) {
    SET_VECTOR_ELT(out, 1, Rf_allocVector(REALSXP, 2));
    REAL(VECTOR_ELT(out, 1))[0] = (double)(first + 1);
    REAL(VECTOR_ELT(out, 1))[1] = (double)(second + 1);
  }
  UNPROTECT(1);
  return out;
}

/* Bartlett meat of the scores u_i x_i of a panel; position: of each time on the time axis */
SEXP C_hac_meat(SEXP x, SEXP u, SEXP unit, SEXP time, SEXP order, SEXP position, SEXP lag,
                SEXP threads) {
  int64_t n = n_rows(x);
  int k = n_columns(x), times = (int)XLENGTH(position);
  const double **col = view_columns(x);
  const double *multiplier = view_doubles(u, n);
  if (TYPEOF(order) != INTSXP || XLENGTH(order) != n) Rf_error("internal: bad order");
  if (TYPEOF(unit) != INTSXP || XLENGTH(unit) != n) Rf_error("internal: bad units");
  fe_panel panel = {n, INTEGER_RO(order), INTEGER_RO(unit), view_code(time, n, times),
                    view_doubles(position, times), times};
  fe_exec exec = as_exec(threads);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, k, k));
  raise_status(fe_hac_meat(col, k, multiplier, &panel, Rf_asReal(lag), &exec, REAL(out)));
  UNPROTECT(1);
  return out;
}

/* Meat of the scores (n x k) of places at (a, b) -> list(meat, pairs); sphere, bartlett: logical */
SEXP C_conley_meat(SEXP a, SEXP b, SEXP score, SEXP sphere, SEXP bartlett, SEXP cutoff,
                   SEXP radius, SEXP threads) {
  int64_t n = XLENGTH(a);
  int k = n_columns(score);
  fe_places places = {n, view_doubles(a, n), view_doubles(b, n), view_doubles(score, n * k), k};
  fe_nearness rule = {Rf_asLogical(sphere) ? FE_GREAT_CIRCLE : FE_PLANE,
                      Rf_asLogical(bartlett) ? FE_BARTLETT : FE_UNIFORM, Rf_asReal(cutoff),
                      Rf_asReal(radius)};
  double pairs = 0;
  fe_exec exec = as_exec(threads);
  const char *names[] = {"meat", "pairs", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, Rf_allocMatrix(REALSXP, k, k));
  raise_status(fe_conley_meat(&places, &rule, &exec, REAL(VECTOR_ELT(out, 0)), &pairs));
  SET_VECTOR_ELT(out, 1, Rf_ScalarReal(pairs));
  UNPROTECT(1);
  return out;
}
