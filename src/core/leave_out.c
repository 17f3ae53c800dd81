#include "leave_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "parallel.h"

/* PIVOT_FLOOR: references are at least this share of a column's sum of squares, so that a limit is
 * never among the rounding errors of the numbers that a pivot is computed from. */
#define PIVOT_TOL 1e-10
#define PIVOT_FLOOR 1e-3
#define ORTHOGONAL 1e-7

typedef struct {
  const fe_blocks *b;
  const double *rhs;
  const double *r; /* NULL: out holds the solutions themselves */
  int n_r;
  double *scale;   /* p: pivots of the full sample */
  double *work;    /* p * p + 2 p for each worker */
  int *used;       /* p for each worker */
  double *out;
  int *rank;
} leave_run;

/* a (lower triangle) = A - A_g */
static void take_away(const fe_blocks *b, int64_t g, double *a) {
  size_t p = (size_t)b->p;
  const double *block = b->block + (size_t)g * (p * (p + 1) / 2);
  for (size_t j = 0; j < p; j++) {
    const double *total = b->total + j * p;
    for (size_t i = j; i < p; i++) a[j * p + i] = total[i] - *block++;
  }
}

/* The null vector x that dependent column j stands for: x_j = 1, zero behind it. */
static void null_vector(const double *l, size_t p, const int *used, size_t j, double *x) {
  memset(x, 0, p * sizeof *x);
  x[j] = 1;
  for (size_t k = j; k-- > 0;) {
    if (!used[k]) continue;
    const double *c = l + k * p;
    double sum = c[j];
    for (size_t i = k + 1; i < j; i++) sum += c[i] * x[i];
    x[k] = -sum / c[k];
  }
}

/* Is r'x = 0, measured by the lengths of both when every column has length one? */
static int is_orthogonal(const fe_blocks *b, const double *r, const double *x) {
  size_t p = (size_t)b->p;
  double sum = 0, r_size = 0, x_size = 0;
  for (size_t i = 0; i < p; i++) {
    double square = b->total[i * (p + 1)] > 0 ? b->total[i * (p + 1)] : 1;
    sum += r[i] * x[i];
    r_size += r[i] * r[i] / square;
    x_size += x[i] * x[i] * square;
  }
  return fabs(sum) <= ORTHOGONAL * sqrt(r_size * x_size);
}

static void combine(const leave_run *run, const double *l, const int *used, const double *x,
                    double *null, double *out) {
  size_t p = (size_t)run->b->p, n_r = (size_t)run->n_r;
  for (size_t c = 0; c < n_r; c++) {
    out[c] = 0;
    for (size_t i = 0; i < p; i++) out[c] += run->r[c * p + i] * x[i];
  }
  for (size_t j = 0; j < p; j++) {
    if (used[j]) continue;
    null_vector(l, p, used, j, null);
    for (size_t c = 0; c < n_r; c++) {
      if (!is_orthogonal(run->b, run->r + c * p, null)) out[c] = NAN;
    }
  }
}

static void leave_one(int64_t g, int worker, void *data) {
  const leave_run *run = data;
  size_t p = (size_t)run->b->p, at = (size_t)g;
  double *a = run->work + (size_t)worker * (p * p + 2 * p), *null = a + p * p;
  double *x = run->r ? null + p : run->out + at * p;
  int *used = run->used + (size_t)worker * p;
  take_away(run->b, g, a);
  int rank = fe_cholesky(a, (int)p, PIVOT_TOL, run->scale, used);
  if (run->rank) run->rank[g] = rank;
  memcpy(x, run->rhs + at * p, p * sizeof *x);
  fe_cholesky_solve(a, (int)p, used, x, 1);
  if (run->r) combine(run, a, used, x, null, run->out + at * (size_t)run->n_r);
}

static void full_pivots(const fe_blocks *b, double *a, int *used, double *scale) {
  size_t p = (size_t)b->p;
  memcpy(a, b->total, p * p * sizeof *a);
  fe_cholesky(a, b->p, PIVOT_TOL, NULL, used);
  for (size_t j = 0; j < p; j++) {
    double root = used[j] ? a[j * (p + 1)] : 0;
    scale[j] = fmax(root * root, PIVOT_FLOOR * b->total[j * (p + 1)]);
  }
}

static fe_status run_all(leave_run *run, const fe_exec *exec) {
  size_t p = (size_t)run->b->p, workers = (size_t)fe_workers(exec, run->b->n_clusters);
  run->scale = malloc((p + 1) * sizeof *run->scale);
  run->work = malloc((workers * (p * p + 2 * p) + 1) * sizeof *run->work);
  run->used = malloc((workers * p + 1) * sizeof *run->used);
  fe_status status = run->scale && run->work && run->used ? FE_OK : FE_ENOMEM;
  if (!status) {
    full_pivots(run->b, run->work, run->used, run->scale);
    status = fe_parallel_for(exec, run->b->n_clusters, leave_one, run);
  }
  free(run->scale);
  free(run->work);
  free(run->used);
  return status;
}

fe_status fe_leave_out_solve(const fe_blocks *b, const double *rhs, const fe_exec *exec,
                             double *out, int *rank) {
  leave_run run = {.b = b, .rhs = rhs, .out = out, .rank = rank};
  return run_all(&run, exec);
}

fe_status fe_leave_out_contrasts(const fe_blocks *b, const double *rhs, const double *r, int n_r,
                                 const fe_exec *exec, double *out) {
  leave_run run = {.b = b, .rhs = rhs, .r = r, .n_r = n_r, .out = out};
  return run_all(&run, exec);
}
