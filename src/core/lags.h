/* Lags in a panel: which row holds the same unit, some periods before. */
#ifndef FE_LAGS_H
#define FE_LAGS_H

#include "hac.h"

/* source[i] = the row (from 0) of the unit of row i whose position is that of i less `lag`, or -1;
 * lag < 0: leads. No two rows share unit and time. Cost O(n). */
void fe_lag_rows(const fe_panel *panel, double lag, int *source);

#endif
