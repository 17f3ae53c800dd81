#include "vcov.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
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

/* Ranges of the levels of a, one a task: its rows are gathered in the order of their level, their
 * scores and levels of b side by side, so that what follows stays within the processor's cache. */
typedef struct {
  const double *const *col;
  int k;
  int64_t n;
  const double *u;
  const int *a, *b;
  int n_a, n_b;
  const int64_t *start; /* n_a + 1: of the rows by level of a */
  int64_t *next;        /* n_a: where the next row of a level goes */
  int64_t most;         /* rows of the largest range */
  int *level;           /* most for each worker: levels of b */
  double *score;        /* most x k for each worker */
  double *sum;          /* n_b x k for each worker */
  int64_t *stamp;       /* n_b for each worker: the last level of a that met the level */
  int *met;             /* n_b for each worker: the levels met in one of a */
  double *meat;         /* k x k for each range */
  int64_t *pairs;       /* for each range */
} pair_job;

static int range_begin(const pair_job *j, int64_t task) {
  return (int)(task * j->n_a / PAIR_RANGES);
}

static void gather_range(const pair_job *j, int from, int to, int *level, double *score) {
  int k = j->k;
  int64_t base = j->start[from];
  for (int64_t i = 0; i < j->n; i++) {
    int g = j->a[i] - 1;
    if (g < from || g >= to) continue;
    int64_t at = j->next[g]++ - base;
    level[at] = j->b[i] - 1;
    for (int c = 0; c < k; c++) score[at * k + c] = j->u[i] * j->col[c][i];
  }
}

static void add_outer(const double *s, int k, double *meat) {
  for (int i = 0; i < k; i++) {
    for (int j = 0; j <= i; j++) meat[i * k + j] += s[i] * s[j];
  }
}

/* The pairs of one level of a, of `rows` rows; mark differs between levels. */
static int64_t meat_of_level(int k, int64_t rows, const int *level, const double *score,
                             int64_t mark, double *sum, int64_t *stamp, int *met, double *meat) {
  int n_met = 0;
  for (int64_t t = 0; t < rows; t++) {
    double *s = sum + (size_t)level[t] * (size_t)k;
    if (stamp[level[t]] != mark) {
      stamp[level[t]] = mark;
      met[n_met++] = level[t];
      memset(s, 0, (size_t)k * sizeof *s);
    }
    for (int c = 0; c < k; c++) s[c] += score[t * k + c];
  }
  for (int m = 0; m < n_met; m++) add_outer(sum + (size_t)met[m] * (size_t)k, k, meat);
  return n_met;
}

static void meat_of_range(int64_t task, int worker, void *data) {
  const pair_job *j = data;
  size_t k = (size_t)j->k, n_b = (size_t)j->n_b, at = (size_t)worker;
  int *level = j->level + at * (size_t)j->most;
  double *score = j->score + at * (size_t)j->most * k;
  int from = range_begin(j, task), to = range_begin(j, task + 1);
  gather_range(j, from, to, level, score);
  for (int g = from; g < to; g++) {
    int64_t begin = j->start[g] - j->start[from];
    j->pairs[task] += meat_of_level(j->k, j->start[g + 1] - j->start[g], level + begin,
                                    score + begin * j->k, g + 1, j->sum + at * n_b * k,
                                    j->stamp + at * n_b, j->met + at * n_b,
                                    j->meat + (size_t)task * k * k);
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

/* start and next from the codes; most. */
static void find_starts(pair_job *j, int64_t *start) {
  memset(start, 0, ((size_t)j->n_a + 1) * sizeof *start);
  for (int64_t i = 0; i < j->n; i++) start[j->a[i]]++;
  for (int g = 0; g < j->n_a; g++) start[g + 1] += start[g];
  memcpy(j->next, start, (size_t)j->n_a * sizeof *start);
  j->start = start;
  for (int64_t r = 0; r < PAIR_RANGES; r++) {
    int64_t rows = start[range_begin(j, r + 1)] - start[range_begin(j, r)];
    if (rows > j->most) j->most = rows;
  }
}

static fe_status allocate_pairs(pair_job *j, size_t workers) {
  size_t k = (size_t)j->k, rows = (size_t)j->most * workers, levels = (size_t)j->n_b * workers;
  j->level = fe_malloc_large((rows + 1) * sizeof *j->level);
  j->score = fe_malloc_large((rows * k + 1) * sizeof *j->score);
  j->sum = malloc((levels * k + 1) * sizeof *j->sum);
  j->stamp = calloc(levels + 1, sizeof *j->stamp);
  j->met = malloc((levels + 1) * sizeof *j->met);
  j->meat = calloc(PAIR_RANGES * (k * k + 1), sizeof *j->meat);
  j->pairs = calloc(PAIR_RANGES, sizeof *j->pairs);
  return j->level && j->score && j->sum && j->stamp && j->met && j->meat && j->pairs ? FE_OK
                                                                                   : FE_ENOMEM;
}

fe_status fe_pair_meat(const double *const *col, int k, int64_t n, const double *u, const int *a,
                       int n_a, const int *b, int n_b, const fe_exec *exec, double *meat,
                       int64_t *n_pairs) {
  fe_exec few = {fe_workers(exec, n / 20000), exec->poll, exec->poll_data};
  pair_job j = {.col = col, .k = k, .n = n, .u = u, .a = a, .b = b, .n_a = n_a, .n_b = n_b};
  int64_t *start = malloc(((size_t)n_a + 1) * sizeof *start);
  j.next = malloc(((size_t)n_a + 1) * sizeof *j.next);
  fe_status status = start && j.next ? FE_OK : FE_ENOMEM;
  if (!status) {
    find_starts(&j, start);
    status = allocate_pairs(&j, (size_t)fe_workers(&few, PAIR_RANGES));
  }
  if (!status) status = fe_parallel_for(&few, PAIR_RANGES, meat_of_range, &j);
  if (!status) add_ranges(&j, meat, n_pairs);
  free(start);
  free(j.next);
  free(j.level);
  free(j.score);
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
