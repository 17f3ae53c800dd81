#include "hac.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "parallel.h"

enum { CHUNK_LEAST = 512, CHUNKS_MOST = 16384 };

/* ---- order ---------------------------------------------------------------------------------- */

/* Stable counting sort of the rows in `from` (NULL: 0..n-1) by their code. */
static void sort_by_code(int64_t n, const int *from, const int *code, int n_codes, int64_t *start,
                         int *to) {
  memset(start, 0, ((size_t)n_codes + 1) * sizeof *start);
  for (int64_t i = 0; i < n; i++) start[code[i]]++;
  for (int g = 0; g < n_codes; g++) start[g + 1] += start[g];
  for (int64_t i = 0; i < n; i++) {
    int row = from ? from[i] : (int)i;
    to[start[code[row] - 1]++] = row;
  }
}

static void find_duplicate(int64_t n, const int *unit, const int *time, const int *order,
                           int64_t *first, int64_t *second) {
  *first = *second = -1;
  for (int64_t i = 1; i < n; i++) {
    int a = order[i - 1], b = order[i];
    if (unit[a] != unit[b] || time[a] != time[b]) continue;
    *first = a;
    *second = b;
    return;
  }
}

fe_status fe_panel_order(int64_t n, const int *unit, int n_units, const int *time, int n_times,
                         int *order, int64_t *first, int64_t *second) {
  size_t codes = (size_t)(n_units > n_times ? n_units : n_times) + 1;
  int64_t *start = malloc(codes * sizeof *start);
  int *by_time = malloc(((size_t)n + 1) * sizeof *by_time);
  fe_status status = start && by_time ? FE_OK : FE_ENOMEM;
  if (!status) {
    sort_by_code(n, NULL, time, n_times, start, by_time);
    sort_by_code(n, by_time, unit, n_units, start, order);
    find_duplicate(n, unit, time, order, first, second);
  }
  free(start);
  free(by_time);
  return status;
}

/* ---- meat ----------------------------------------------------------------------------------- */

typedef struct {
  const double *const *col;
  int k;
  const double *u;
  const fe_panel *panel;
  double lag;
  int64_t chunk; /* rows of a task */
  double *score; /* n x k, rows in order, row-major */
  double *ahead; /* k for each worker: weighted sum of the scores that follow a row */
  double *half;  /* k x k for each task */
} hac_job;

static int64_t end_of_chunk(const hac_job *j, int64_t task) {
  int64_t end = (task + 1) * j->chunk;
  return end < j->panel->n ? end : j->panel->n;
}

static void gather_scores(int64_t task, int worker, void *data) {
  const hac_job *j = data;
  (void)worker;
  int64_t from = task * j->chunk, end = end_of_chunk(j, task);
  for (int64_t i = from; i < end; i++) {
    int row = j->panel->order[i];
    for (int c = 0; c < j->k; c++) j->score[i * j->k + c] = j->u[row] * j->col[c][row];
  }
}

/* s_i / 2 + sum of the weighted scores of the rows of the unit that lie at most lag ahead. */
static void sum_ahead(const hac_job *j, int64_t i, double *ahead) {
  const fe_panel *p = j->panel;
  int k = j->k, unit = p->unit[p->order[i]];
  double now = p->position[p->time[p->order[i]] - 1];
  for (int c = 0; c < k; c++) ahead[c] = 0.5 * j->score[i * k + c];
  for (int64_t t = i + 1; t < p->n && p->unit[p->order[t]] == unit; t++) {
    double apart = p->position[p->time[p->order[t]] - 1] - now;
    if (apart > j->lag) break;
    double weight = 1 - apart / (j->lag + 1);
    const double *s = j->score + t * k;
    for (int c = 0; c < k; c++) ahead[c] += weight * s[c];
  }
}

static void meat_of_chunk(int64_t task, int worker, void *data) {
  const hac_job *j = data;
  int k = j->k;
  int64_t from = task * j->chunk, end = end_of_chunk(j, task);
  double *ahead = j->ahead + (size_t)worker * (size_t)k;
  double *half = j->half + (size_t)task * (size_t)k * (size_t)k;
  for (int64_t i = from; i < end; i++) {
    const double *s = j->score + i * k;
    sum_ahead(j, i, ahead);
    for (int a = 0; a < k; a++) {
      for (int b = 0; b < k; b++) half[a * k + b] += s[a] * ahead[b];
    }
  }
}

/* The halves of all tasks, in order, and their transposes. */
static void add_halves(const double *half, int64_t tasks, int k, double *meat) {
  memset(meat, 0, (size_t)k * (size_t)k * sizeof *meat);
  for (int64_t t = 0; t < tasks; t++) {
    for (int a = 0; a < k; a++) {
      for (int b = 0; b <= a; b++) {
        meat[a * k + b] += half[(t * k + a) * k + b] + half[(t * k + b) * k + a];
      }
    }
  }
  for (int a = 0; a < k; a++) {
    for (int b = 0; b < a; b++) meat[b * k + a] = meat[a * k + b];
  }
}

fe_status fe_hac_meat(const double *const *col, int k, const double *u, const fe_panel *panel,
                      double lag, const fe_exec *exec, double *meat) {
  int64_t n = panel->n, chunk = (n + CHUNKS_MOST - 1) / CHUNKS_MOST;
  if (chunk < CHUNK_LEAST) chunk = CHUNK_LEAST;
  int64_t tasks = (n + chunk - 1) / chunk;
  size_t width = (size_t)k, workers = (size_t)fe_workers(exec, tasks);
  hac_job j = {.col = col, .k = k, .u = u, .panel = panel, .lag = lag, .chunk = chunk};
  j.score = fe_malloc_large(((size_t)n * width + 1) * sizeof *j.score);
  j.ahead = malloc((workers * width + 1) * sizeof *j.ahead);
  j.half = calloc((size_t)tasks * width * width + 1, sizeof *j.half);
  fe_status status = j.score && j.ahead && j.half ? FE_OK : FE_ENOMEM;
  if (!status) status = fe_parallel_for(exec, tasks, gather_scores, &j);
  if (!status) status = fe_parallel_for(exec, tasks, meat_of_chunk, &j);
  if (!status) add_halves(j.half, tasks, k, meat);
  free(j.score);
  free(j.ahead);
  free(j.half);
  return status;
}
