#include "scan.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 2048, BLOCKS_A_TASK = 32, LANES = 8 };

static const fe_scan nothing = {0, 0, 0, INFINITY, -INFINITY, NAN, 0.0};

typedef struct {
  const double *x;
  const int *z; /* instead of x */
  int64_t n;
  fe_scan *part; /* of each task */
} scan_job;

/* m >= 1 values. Returns their sum about the first one: if it is not finite, then some value is
 * not, or a sum was too large. */
static double scan_extremes(const double *x, int m, fe_scan *s) {
  double low[LANES], high[LANES], sum[LANES] = {0}, shift = x[0];
  int i = 0;
  for (int l = 0; l < LANES; l++) low[l] = high[l] = shift;
  for (; i + LANES <= m; i += LANES) {
    const double *v = x + i;
    for (int l = 0; l < LANES; l++) sum[l] += v[l] - shift;
    for (int l = 0; l < LANES; l++) low[l] = v[l] < low[l] ? v[l] : low[l];
    for (int l = 0; l < LANES; l++) high[l] = v[l] > high[l] ? v[l] : high[l];
  }
  for (; i < m; i++) {
    sum[0] += x[i] - shift;
    low[0] = x[i] < low[0] ? x[i] : low[0];
    high[0] = x[i] > high[0] ? x[i] : high[0];
  }
  for (int l = 1; l < LANES; l++) {
    sum[0] += sum[l];
    low[0] = low[l] < low[0] ? low[l] : low[0];
    high[0] = high[l] > high[0] ? high[l] : high[0];
  }
  s->n = m;
  s->min = low[0];
  s->max = high[0];
  s->mean = shift + sum[0] / m;
  return sum[0];
}

/* The second pass: the sum of deviations corrects for the rounding of the mean. */
static void scan_spread(const double *x, int m, fe_scan *s) {
  double sum[LANES] = {0}, ss[LANES] = {0}, mean = s->mean;
  int i = 0;
  for (; i + LANES <= m; i += LANES) {
    double d[LANES];
    for (int l = 0; l < LANES; l++) d[l] = x[i + l] - mean;
    for (int l = 0; l < LANES; l++) sum[l] += d[l];
    for (int l = 0; l < LANES; l++) ss[l] += d[l] * d[l];
  }
  for (; i < m; i++) {
    double d = x[i] - mean;
    sum[0] += d;
    ss[0] += d * d;
  }
  for (int l = 1; l < LANES; l++) {
    sum[0] += sum[l];
    ss[0] += ss[l];
  }
  s->ss = ss[0] - sum[0] * sum[0] / m;
  if (s->ss < 0) s->ss = 0;
}

static fe_scan scan_finite(const double *x, int m) {
  fe_scan s = nothing;
  if (m == 0) return s;
  scan_extremes(x, m, &s);
  scan_spread(x, m, &s);
  return s;
}

static fe_scan scan_block(const double *x, int m) {
  fe_scan s = nothing;
  if (isfinite(scan_extremes(x, m, &s))) {
    scan_spread(x, m, &s);
    return s;
  }
  double finite[BLOCK];
  int count = 0;
  int64_t n_na = 0;
  for (int i = 0; i < m; i++) {
    if (isfinite(x[i])) finite[count++] = x[i];
    n_na += isnan(x[i]) ? 1 : 0;
  }
  s = scan_finite(finite, count);
  s.n_na = n_na;
  s.n_inf = m - count - n_na;
  return s;
}

static fe_scan scan_int_block(const int *z, int m) {
  double finite[BLOCK];
  int least = INT32_MAX, count = 0;
  for (int i = 0; i < m; i++) {
    least = z[i] < least ? z[i] : least;
    finite[i] = z[i];
  }
  if (least > INT32_MIN) return scan_finite(finite, m);
  for (int i = 0; i < m; i++) {
    finite[count] = z[i];
    count += z[i] != INT32_MIN;
  }
  fe_scan s = scan_finite(finite, count);
  s.n_na = m - count;
  return s;
}

static void merge(fe_scan *a, const fe_scan *b) {
  a->n_na += b->n_na;
  a->n_inf += b->n_inf;
  if (b->n == 0) return;
  if (a->n == 0) {
    int64_t n_na = a->n_na, n_inf = a->n_inf;
    *a = *b;
    a->n_na = n_na;
    a->n_inf = n_inf;
    return;
  }
  double share = (double)b->n / (double)(a->n + b->n), d = b->mean - a->mean;
  a->ss += b->ss + d * d * share * (double)a->n;
  a->mean += d * share;
  a->n += b->n;
  if (b->min < a->min) a->min = b->min;
  if (b->max > a->max) a->max = b->max;
}

static void scan_task(int64_t task, int worker, void *data) {
  scan_job *job = data;
  (void)worker;
  int64_t from = task * BLOCK * BLOCKS_A_TASK, to = from + BLOCK * BLOCKS_A_TASK;
  fe_scan sum = nothing;
  if (to > job->n) to = job->n;
  for (; from < to; from += BLOCK) {
    int m = (int)(to - from < BLOCK ? to - from : BLOCK);
    fe_scan s = job->x ? scan_block(job->x + from, m) : scan_int_block(job->z + from, m);
    merge(&sum, &s);
  }
  job->part[task] = sum;
}

static fe_status scan_all(scan_job *job, const fe_exec *exec, fe_scan *scan) {
  int64_t rows = BLOCK * BLOCKS_A_TASK, n_tasks = (job->n + rows - 1) / rows;
  *scan = nothing;
  job->part = malloc(((size_t)n_tasks + 1) * sizeof *job->part);
  if (!job->part) return FE_ENOMEM;
  fe_status status = fe_parallel_for(exec, n_tasks, scan_task, job);
  for (int64_t t = 0; !status && t < n_tasks; t++) merge(scan, job->part + t);
  free(job->part);
  return status;
}

fe_status fe_scan_doubles(const double *x, int64_t n, const fe_exec *exec, fe_scan *scan) {
  scan_job job = {x, NULL, n, NULL};
  return scan_all(&job, exec, scan);
}

fe_status fe_scan_ints(const int *x, int64_t n, const fe_exec *exec, fe_scan *scan) {
  scan_job job = {NULL, x, n, NULL};
  return scan_all(&job, exec, scan);
}

int64_t fe_count_na64(const int64_t *x, int64_t n) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) count += x[i] == INT64_MIN;
  return count;
}
