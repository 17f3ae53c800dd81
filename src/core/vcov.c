#include "vcov.h"

#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "parallel.h"

enum { CHUNK_ROWS = 16384, PAIR_RANGES = 16 };

typedef struct {
  const double *const *col;
  int k;
  int64_t n;
  const double *u;
  const int *group;
  int n_groups;
  double *out; /* score sums, or one k x k meat for each chunk */
} job;

static void sum_column(int64_t task, int worker, void *data) {
  const job *j = data;
  (void)worker;
  const double *x = j->col[task];
  double *sum = j->out + (size_t)task * (size_t)j->n_groups;
  memset(sum, 0, (size_t)j->n_groups * sizeof *sum);
  for (int64_t i = 0; i < j->n; i++) sum[j->group[i] - 1] += j->u[i] * x[i];
}

fe_status fe_score_sums(const double *const *col, int k, int64_t n, const double *u,
                        const int *group, int n_groups, const fe_exec *exec, double *sum) {
  job j = {col, k, n, u, group, n_groups, sum};
  int64_t worth = n * k / 20000; /* a thread costs about as much as some ten thousand rows */
  fe_exec few = {fe_workers(exec, worth < k ? worth : k), exec->poll, exec->poll_data};
  return fe_parallel_for(&few, k, sum_column, &j);
}

/* ---- clusters formed by two variables ------------------------------------------------------- */

typedef struct {
  const double *const *col;
  int k;
  const double *u;
  const int *b;
  int n_a, n_b;
  const int64_t *start, *order; /* rows by level of a */
  double *sum;                  /* n_b x k for each worker */
  int64_t *stamp;               /* n_b for each worker: the last level of a that met the level */
  int *met;                     /* n_b for each worker: the levels met in one of a */
  double *meat;                 /* k x k for each range */
  int64_t *pairs;               /* for each range */
} pair_job;

static void add_outer(const double *s, int k, double *meat) {
  for (int i = 0; i < k; i++) {
    for (int j = 0; j <= i; j++) meat[i * k + j] += s[i] * s[j];
  }
}

/* The pairs of level g of a (from 0). */
static int64_t meat_of_level(const pair_job *j, int g, double *sum, int64_t *stamp, int *met,
                             double *meat) {
  int k = j->k, n_met = 0;
  for (int64_t t = j->start[g]; t < j->start[g + 1]; t++) {
    int64_t i = j->order[t];
    int l = j->b[i] - 1;
    double *s = sum + (size_t)l * (size_t)k;
    if (stamp[l] != g + 1) {
      stamp[l] = g + 1;
      met[n_met++] = l;
      memset(s, 0, (size_t)k * sizeof *s);
    }
    for (int c = 0; c < k; c++) s[c] += j->u[i] * j->col[c][i];
  }
  for (int m = 0; m < n_met; m++) add_outer(sum + (size_t)met[m] * (size_t)k, k, meat);
  return n_met;
}

static void meat_of_range(int64_t task, int worker, void *data) {
  const pair_job *j = data;
  size_t k = (size_t)j->k, n_b = (size_t)j->n_b, at = (size_t)worker;
  int from = (int)(task * j->n_a / PAIR_RANGES), to = (int)((task + 1) * j->n_a / PAIR_RANGES);
  for (int g = from; g < to; g++) {
    j->pairs[task] += meat_of_level(j, g, j->sum + at * n_b * k, j->stamp + at * n_b,
                                    j->met + at * n_b, j->meat + (size_t)task * k * k);
  }
}

static void add_ranges(const pair_job *j, double *meat, int64_t *n_pairs) {
  int k = j->k;
  *n_pairs = 0;
  memset(meat, 0, (size_t)k * (size_t)k * sizeof *meat);
  for (int r = 0; r < PAIR_RANGES; r++) {
    *n_pairs += j->pairs[r];
    for (int e = 0; e < k * k; e++) meat[e] += j->meat[r * k * k + e];
  }
  for (int i = 0; i < k; i++) {
    for (int c = 0; c < i; c++) meat[c * k + i] = meat[i * k + c];
  }
}

fe_status fe_pair_meat(const double *const *col, int k, int64_t n, const double *u, const int *a,
                       int n_a, const int *b, int n_b, const fe_exec *exec, double *meat,
                       int64_t *n_pairs) {
  size_t size = (size_t)k * (size_t)k + 1, workers = (size_t)fe_workers(exec, PAIR_RANGES);
  size_t levels = (size_t)n_b * workers;
  int64_t *start = malloc(((size_t)n_a + 1) * sizeof *start);
  int64_t *order = malloc(((size_t)n + 1) * sizeof *order);
  pair_job j = {col, k, u, b, n_a, n_b, start, order, malloc((levels * (size_t)k + 1) * sizeof *u),
                calloc(levels + 1, sizeof *start), malloc((levels + 1) * sizeof *b),
                calloc(PAIR_RANGES * size, sizeof *meat), calloc(PAIR_RANGES, sizeof *start)};
  fe_status status = start && order && j.sum && j.stamp && j.met && j.meat && j.pairs ? FE_OK
                                                                                     : FE_ENOMEM;
  if (!status) {
    fe_order_by(a, n_a, n, start, order);
    status = fe_parallel_for(exec, PAIR_RANGES, meat_of_range, &j);
  }
  if (!status) add_ranges(&j, meat, n_pairs);
  free(start);
  free(order);
  free(j.sum);
  free(j.stamp);
  free(j.met);
  free(j.meat);
  free(j.pairs);
  return status;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void chunk_meat(int64_t task, int worker, void *data) {
  const job *j = data;
  (void)worker;
  size_t k = (size_t)j->k;
  double *meat = j->out + (size_t)task * k * k;
  int64_t from = task * CHUNK_ROWS, end = from + CHUNK_ROWS < j->n ? from + CHUNK_ROWS : j->n;
  for (size_t a = 0; a < k; a++) {
    for (size_t b = 0; b <= a; b++) {
      double sum = 0;
      for (int64_t i = from; i < end; i++) {
        sum += (j->u[i] * j->col[a][i]) * (j->u[i] * j->col[b][i]);
      }
      meat[a * k + b] = meat[b * k + a] = sum;
    }
  }
}

fe_status fe_row_meat(const double *const *col, int k, int64_t n, const double *u,
                      const fe_exec *exec, double *meat) {
  size_t size = (size_t)k * (size_t)k;
  int64_t chunks = (n + CHUNK_ROWS - 1) / CHUNK_ROWS;
  job j = {col, k, n, u, NULL, 0, malloc(((size_t)chunks * size + 1) * sizeof(double))};
  if (!j.out) return FE_ENOMEM;
  fe_status status = fe_parallel_for(exec, chunks, chunk_meat, &j);
  memset(meat, 0, size * sizeof *meat);
  for (int64_t c = 0; c < chunks && !status; c++) {
    for (size_t e = 0; e < size; e++) meat[e] += j.out[(size_t)c * size + e];
  }
  free(j.out);
  return status;
}
