#include "core/lags.h"
#include "glue.h"

/* Rows (from 1, NA: none) that hold the same unit `lag` periods before; order as C_panel_order()
 * gives it, position: of each time on the time axis. */
SEXP C_lag_rows(SEXP unit, SEXP time, SEXP order, SEXP position, SEXP lag) {
  int64_t n = XLENGTH(unit);
  int times = (int)XLENGTH(position);
  if (TYPEOF(order) != INTSXP || XLENGTH(order) != n) Rf_error("internal: bad order");
  if (TYPEOF(unit) != INTSXP) Rf_error("internal: bad units");
  fe_panel panel = {n, INTEGER_RO(order), INTEGER_RO(unit), view_code(time, n, times),
                    view_doubles(position, times), times};
  SEXP out = PROTECT(Rf_allocVector(INTSXP, n));
  int *source = INTEGER(out);
  fe_lag_rows(&panel, Rf_asReal(lag), source);
  for (int64_t i = 0; i < n; i++) source[i] = source[i] < 0 ? NA_INTEGER : source[i] + 1;
  UNPROTECT(1);
  return out;
}
