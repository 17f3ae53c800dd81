/* What follows from the replicates: p-values for many null values at once, and Wald statistics. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "parallel.h"
#include "wild.h"

/* Replicates that stay in the cache while the grid passes, and those of a task. */
enum { BATCH = 512, TASK = 4096 };

/* Statistics closer than this to each other, relative to their size, are ties. */
#define TIE 1e-10

typedef struct {
  const fe_wild_poly *poly;
  double v;
  const double *estimate, *d;
  int n_grid, sides;
  int64_t *count; /* of each worker: FE_WILD_COUNTS x n_grid */
} count_job;

/* N and S of `len` replicates. */
static inline void evaluate(const fe_wild_poly *p, int64_t r, double d, int len,
                            double *restrict n, double *restrict s) {
  const double *n0 = p->n0 + r, *v00 = p->v00 + r;
  if (!p->n1) {
    for (int k = 0; k < len; k++) n[k] = n0[k];
    for (int k = 0; k < len; k++) s[k] = v00[k];
    return;
  }
  const double *n1 = p->n1 + r, *v01 = p->v01 + r, *v11 = p->v11 + r;
  for (int k = 0; k < len; k++) n[k] = n0[k] + d * n1[k];
  for (int k = 0; k < len; k++) s[k] = v00[k] + d * (2 * v01[k] + d * v11[k]);
}

/* t* > t is N |N| v > e |e| S: comparisons of signed squares, without roots. */
static void count_sides(const double *n, const double *s, int len, double v, double e,
                        int64_t *count) {
  for (int k = 0; k < len; k++) {
    double left = fabs(n[k]) * n[k] * v, right = fabs(e) * e * s[k];
    double margin = 2 * TIE * fabs(right);
    count[1] += (s[k] > 0) & (left > right + margin);
    count[2] += (s[k] > 0) & (left < right - margin);
  }
}

/* Numbers are counted by their sign bits, and `len` is a constant where this is called most: then
 * compilers take the numbers in pairs. No difference is -0. */
static inline void count_beyond(const double *n, const double *s, int len, double v, double e,
                                int64_t *count) {
  double under[BATCH], minus[BATCH], square = e * e * (1 + 2 * TIE);
  uint64_t under_bits[BATCH], minus_bits[BATCH], beyond = 0, positive = 0;
  for (int k = 0; k < len; k++) under[k] = square * s[k] - n[k] * n[k] * v;
  for (int k = 0; k < len; k++) minus[k] = 0.0 - s[k];
  memcpy(under_bits, under, (size_t)len * sizeof *under);
  memcpy(minus_bits, minus, (size_t)len * sizeof *minus);
  for (int k = 0; k < len; k++) beyond += (under_bits[k] & minus_bits[k]) >> 63;
  for (int k = 0; k < len; k++) positive += minus_bits[k] >> 63;
  count[0] += (int64_t)beyond;
  count[3] += (int64_t)positive;
}

static void count_batch(const count_job *job, int64_t r, int len, int64_t *count) {
  double n[BATCH], s[BATCH];
  for (int k = 0; k < job->n_grid; k++, count += FE_WILD_COUNTS) {
    double d = job->d[k], e = job->estimate[k];
    if (len == BATCH) {
      evaluate(job->poly, r, d, BATCH, n, s);
      count_beyond(n, s, BATCH, job->v, e, count);
    } else {
      evaluate(job->poly, r, d, len, n, s);
      count_beyond(n, s, len, job->v, e, count);
    }
    if (job->sides) count_sides(n, s, len, job->v, e, count);
  }
}

static void count_task(int64_t task, int worker, void *data) {
  const count_job *job = data;
  int64_t end = (task + 1) * TASK < job->poly->n ? (task + 1) * TASK : job->poly->n;
  int64_t *count = job->count + (size_t)worker * FE_WILD_COUNTS * (size_t)job->n_grid;
  for (int64_t r = task * TASK; r < end; r += BATCH) {
    count_batch(job, r, (int)(end - r < BATCH ? end - r : BATCH), count);
  }
}

fe_status fe_wild_count(const fe_wild_poly *poly, double v, const double *estimate, const double *d,
                        int n_grid, int sides, const fe_exec *exec, int64_t *count) {
  int64_t tasks = (poly->n + TASK - 1) / TASK;
  size_t size = FE_WILD_COUNTS * (size_t)n_grid, workers = (size_t)fe_workers(exec, tasks);
  int64_t *own = calloc(workers * size + 1, sizeof *own);
  if (!own) return FE_ENOMEM;
  count_job job = {poly, v, estimate, d, n_grid, sides, own};
  fe_status status = fe_parallel_for(exec, tasks, count_task, &job);
  memset(count, 0, size * sizeof *count);
  for (size_t w = 0; w < workers; w++) {
    for (size_t c = 0; c < size; c++) count[c] += own[w * size + c];
  }
  free(own);
  return status;
}

/* ---- joint hypotheses ---------------------------------------------------------------------- */

typedef struct {
  const double *rep;
  int64_t n_rep;
  int q;
  double *work; /* of each worker: q x q and q */
  double *out;
} wald_job;

static double one_wald(const wald_job *job, int64_t r, double *v, double *x) {
  int q = job->q;
  const double *rep = job->rep + r;
  for (int i = 0; i < q; i++, rep += job->n_rep) x[i] = *rep;
  for (int l = 0; l < q; l++) {
    for (int i = 0; i <= l; i++, rep += job->n_rep) v[(size_t)i * (size_t)q + (size_t)l] = *rep;
  }
  if (fe_cholesky(v, q, 1e-12, NULL, NULL) < q) return NAN;
  double sum = 0;
  for (int i = 0; i < q; i++) {
    for (int k = 0; k < i; k++) x[i] -= v[(size_t)k * (size_t)q + (size_t)i] * x[k];
    x[i] /= v[(size_t)i * (size_t)q + (size_t)i];
    sum += x[i] * x[i];
  }
  return sum;
}

static void wald_task(int64_t task, int worker, void *data) {
  const wald_job *job = data;
  size_t q = (size_t)job->q;
  double *v = job->work + (size_t)worker * (q * q + q);
  int64_t end = (task + 1) * TASK < job->n_rep ? (task + 1) * TASK : job->n_rep;
  for (int64_t r = task * TASK; r < end; r++) job->out[r] = one_wald(job, r, v, v + q * q);
}

fe_status fe_wild_wald(const double *rep, int64_t n_rep, int q, const fe_exec *exec, double *out) {
  int64_t tasks = (n_rep + TASK - 1) / TASK;
  size_t size = (size_t)q * (size_t)q + (size_t)q;
  double *work = malloc((size_t)fe_workers(exec, tasks) * size * sizeof *work);
  if (!work) return FE_ENOMEM;
  wald_job job = {rep, n_rep, q, work, out};
  fe_status status = fe_parallel_for(exec, tasks, wald_task, &job);
  free(work);
  return status;
}
