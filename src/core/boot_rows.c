/* Replicates from the rows: the factors are absorbed anew under the weights of each replicate.
 *
 * Pivot references as in boot.c. Absorbed columns are data, not differences of cross-products:
 * what is left of a column that the factors explain is rounding of the column itself, of the
 * order of 1e-13 of it, hence 1e-26 in squares; a floor of 1e-14 of the sum of squares before
 * absorption puts the limit at 1e-24. Without factors nothing is removed beforehand, a constant
 * among the variables is eliminated like any other, and the floor is that of the blocks. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "absorb.h"
#include "boot.h"
#include "linalg.h"
#include "parallel.h"

#define ABSORBED_FLOOR 1e-14

typedef struct {
  int64_t replicate;
  fe_status status;
} failure;

typedef struct {
  const double *const *col;
  int n_v;
  const fe_codes *codes;
  const fe_control *control;
  const double *w;
  const int *cluster;
  int n_clusters;
  const fe_system *sys;
  const fe_weights *weights;
  double *scale;     /* n_v */
  double *rows;      /* n * (n_v + 1) for each worker: weights, then columns */
  double *small;     /* small_size for each worker */
  double **pointer;  /* n_v for each worker: its columns */
  failure *failed;   /* for each worker, its first */
  atomic_size_t end; /* replicates from here on need not run */
  double *out;
} rows_run;

static size_t small_size(const rows_run *run) {
  size_t n_v = (size_t)run->n_v;
  return (size_t)run->n_clusters + n_v * n_v + n_v + fe_system_work(run->sys, run->n_v) +
         (size_t)2 * FE_CROSS_ROWS * n_v;
}

static void weigh_rows(const rows_run *run, const double *m, double *weight) {
  for (int64_t i = 0; i < run->codes->n; i++) {
    weight[i] = m[run->cluster[i] - 1] * (run->w ? run->w[i] : 1);
  }
}

/* Residualises the columns under `weight` into col and forms their cross-products s (n_v x n_v,
 * lower triangle). */
static fe_status absorbed_products(const rows_run *run, const double *weight, double **col,
                                   const fe_exec *exec, double *panel, double *s) {
  fe_absorber *absorber = NULL;
  fe_report report;
  fe_status status = FE_OK;
  const double *const *residual = run->col;
  if (run->codes->q > 0) {
    status = fe_absorber_new(run->codes, weight, run->control, exec, &absorber);
    if (!status) status = fe_absorb(absorber, run->col, col, run->n_v, exec, &report);
    fe_absorber_free(absorber);
    if (status) return status;
    residual = (const double *const *)col;
  }
  fe_rows all = {NULL, 0, run->codes->n};
  memset(s, 0, (size_t)run->n_v * (size_t)run->n_v * sizeof *s);
  fe_cross_add(residual, run->n_v, weight, &all, panel, s);
  fe_unpack_lower(s, run->n_v);
  return FE_OK;
}

/* ---- replicates -------------------------------------------------------------------------- */

static fe_status replicate(const rows_run *run, int64_t r, int worker) {
  const fe_exec alone = {1, NULL, NULL};
  size_t n_v = (size_t)run->n_v, n = (size_t)run->codes->n;
  double *weight = run->rows + (size_t)worker * n * (n_v + 1);
  double **col = run->pointer + (size_t)worker * n_v;
  double *m = run->small + (size_t)worker * small_size(run);
  double *s = m + run->n_clusters, *scale = s + n_v * n_v;
  double *scratch = scale + n_v, *panel = scratch + fe_system_work(run->sys, run->n_v);
  double *out = run->out + (size_t)r * (size_t)run->sys->n_coef;
  double size = fe_weights_draw(run->weights, run->n_clusters, r, m);
  weigh_rows(run, m, weight);
  fe_status status = absorbed_products(run, weight, col, &alone, panel, s);
  if (status == FE_ESINGULAR) {
    for (int j = 0; j < run->sys->n_coef; j++) out[j] = NAN;
    return FE_OK;
  }
  if (status) return status;
  for (size_t j = 0; j < n_v; j++) scale[j] = size * run->scale[j];
  fe_system_solve(run->sys, s, run->n_v, scale, scratch, out);
  return FE_OK;
}

/* Later replicates are skipped after a failure, earlier ones are not: so the one reported, the
 * first of all, is the same for any number of threads. */
static void replicate_task(int64_t task, int worker, void *data) {
  rows_run *run = data;
  if ((size_t)task >= atomic_load(&run->end)) return;
  fe_status status = replicate(run, task, worker);
  if (!status) return;
  failure *f = run->failed + worker;
  if (!f->status) *f = (failure){task, status}; /* a worker's tasks come in order */
  size_t end = atomic_load(&run->end);
  while ((size_t)task < end &&
         !atomic_compare_exchange_weak(&run->end, &end, (size_t)task)) {
  }
}

static fe_status first_failure(const rows_run *run, int workers) {
  failure first = {INT64_MAX, FE_OK};
  for (int t = 0; t < workers; t++) {
    const failure *f = run->failed + t;
    if (f->status && f->replicate < first.replicate) first = *f;
  }
  return first.status;
}

/* ---- set-up ------------------------------------------------------------------------------ */

static double squares(const double *x, const double *w, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!w || w[i] != 0) sum += (w ? w[i] : 1) * x[i] * x[i];
  }
  return sum;
}

/* Pivot references from the full sample, in the space of worker 0. */
static fe_status pivot_scale(rows_run *run, const fe_exec *exec) {
  size_t n_v = (size_t)run->n_v;
  double *m = run->small, *s = m + run->n_clusters;
  double *panel = s + n_v * n_v + n_v + fe_system_work(run->sys, run->n_v);
  double floor_share = run->codes->q > 0 ? ABSORBED_FLOOR : FE_PIVOT_FLOOR;
  for (int g = 0; g < run->n_clusters; g++) m[g] = 1;
  weigh_rows(run, m, run->rows);
  fe_status status = absorbed_products(run, run->rows, run->pointer, exec, panel, s);
  for (size_t j = 0; j < n_v && !status; j++) {
    double before = squares(run->col[j], run->w, run->codes->n);
    double left = run->codes->q > 0 ? s[j * (n_v + 1)] : 0;
    run->scale[j] = fmax(left, floor_share * before);
  }
  return status;
}

static fe_status allocate(rows_run *run, int workers) {
  size_t n = (size_t)run->codes->n, n_v = (size_t)run->n_v, t = (size_t)workers;
  if (n > SIZE_MAX / sizeof(double) / (n_v + 1)) return FE_ENOMEM;
  run->scale = malloc(n_v * sizeof *run->scale);
  run->rows = calloc(t, n * (n_v + 1) * sizeof *run->rows);
  run->small = calloc(t, small_size(run) * sizeof *run->small);
  run->pointer = calloc(t, n_v * sizeof *run->pointer);
  run->failed = calloc(t, sizeof *run->failed);
  if (!run->scale || !run->rows || !run->small || !run->pointer || !run->failed) return FE_ENOMEM;
  for (size_t u = 0; u < t; u++) {
    for (size_t j = 0; j < n_v; j++) {
      run->pointer[u * n_v + j] = run->rows + (u * (n_v + 1) + j + 1) * n;
    }
  }
  return FE_OK;
}

static void release(rows_run *run) {
  free(run->scale);
  free(run->rows);
  free(run->small);
  free(run->pointer);
  free(run->failed);
}

fe_status fe_boot_rows(const double *const *col, int n_v, const fe_codes *codes,
                       const fe_control *control, const double *w, const int *cluster,
                       int n_clusters, const fe_system *sys, const fe_weights *weights,
                       int64_t n_rep, const fe_exec *exec, double *out) {
  fe_status status = fe_boot_check(sys, n_v, weights, n_clusters, n_rep);
  if (status) return status;
  if (codes->n < 1) return FE_EINVAL;
  for (int64_t i = 0; i < codes->n; i++) {
    if (cluster[i] < 1 || cluster[i] > n_clusters) return FE_EINVAL;
  }
  rows_run run = {.col = col, .n_v = n_v, .codes = codes, .control = control, .w = w,
                  .cluster = cluster, .n_clusters = n_clusters, .sys = sys,
                  .weights = weights, .out = out};
  atomic_init(&run.end, SIZE_MAX);
  int workers = fe_workers(exec, n_rep);
  status = allocate(&run, workers);
  if (!status) status = pivot_scale(&run, exec);
  if (!status) status = fe_parallel_for(exec, n_rep, replicate_task, &run);
  if (!status) status = first_failure(&run, workers);
  release(&run);
  return status;
}
