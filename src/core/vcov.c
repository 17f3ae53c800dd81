#include "vcov.h"

#include <stdlib.h>
#include <string.h>

#include "parallel.h"

enum { CHUNK_ROWS = 16384 };

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
