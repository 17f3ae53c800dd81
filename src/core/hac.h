/* Meats of panels whose scores are correlated over time: Bartlett weights 1 - d / (lag + 1) for two
 * rows of one unit that are d periods apart. */
#ifndef FE_HAC_H
#define FE_HAC_H

#include "types.h"

/* order (n, from 0): the rows by unit and, within it, by time; both coded from 1. *first and
 * *second are the earliest two rows in that order that share unit and time, or both -1. */
fe_status fe_panel_order(int64_t n, const int *unit, int n_units, const int *time, int n_times,
                         int *order, int64_t *first, int64_t *second);

/* A panel in the order of fe_panel_order(); position (n_times) is where each time lies on the time
 * axis, in periods, increasing. */
typedef struct {
  int64_t n;
  const int *order;
  const int *unit, *time;
  const double *position;
  int n_times;
} fe_panel;

/* meat (k x k) = sum over rows i, j of one unit with |p_i - p_j| <= lag of
 * (1 - |p_i - p_j| / (lag + 1)) s_i s_j', s_i = u_i x_i. Cost O(n (lag + k) k). Chunks of rows are
 * added in order. */
fe_status fe_hac_meat(const double *const *col, int k, const double *u, const fe_panel *panel,
                      double lag, const fe_exec *exec, double *meat);

#endif
