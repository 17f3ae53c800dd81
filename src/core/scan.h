/* One look at a column: what is missing, how large the rest is, how it spreads. */
#ifndef FE_SCAN_H
#define FE_SCAN_H

#include "parallel.h"

typedef struct {
  int64_t n_na;  /* NaN, or the least integer, which stands for a missing one */
  int64_t n_inf;
  int64_t n;     /* the rest: finite values, over which the following are taken */
  double min;    /* +Inf and -Inf if there is none */
  double max;
  double mean;   /* NaN if there is none, or if the values are too large for sums */
  double ss;     /* sum of squares about the mean; exactly 0 for a constant */
} fe_scan;

/* Chunks of fixed size are scanned in two passes and merged in their order (Chan, Golub and
 * LeVeque 1983), so that the bits do not depend on the number of threads. FE_OK, FE_ENOMEM or
 * FE_EINTR. */
fe_status fe_scan_doubles(const double *x, int64_t n, const fe_exec *exec, fe_scan *scan);
fe_status fe_scan_ints(const int *x, int64_t n, const fe_exec *exec, fe_scan *scan);

/* How many of n 64-bit integers are the least one, which stands for a missing one. */
int64_t fe_count_na64(const int64_t *x, int64_t n);

#endif
