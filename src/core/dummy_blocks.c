#include "dummy_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "parallel.h"

/* A dummy with less than this share of its weight left is explained by the levels. */
#define EXPLAINED 1e-12
enum { ROWS_PER_TASK = 8192, MOST_PER_TASK = 64 };

typedef struct {
  const fe_dummy_job *job;
  fe_blocks *b;
  double *score;
  size_t p, packed;
  int64_t per_task;     /* clusters */
  size_t *column;       /* packed place of (i, j), i >= j: column[j] + i; n_terms a worker */
  int64_t *row_start;   /* rows of a level (of own, else clusters): row[row_start[l]] .. */
  int64_t *row;
  int64_t *level_start; /* levels of a cluster */
  int64_t *level;
  int *home;            /* cluster of a level */
  double *raw;          /* n_clusters ones, then p: z'Wz before anything is taken away */
  double *work;         /* p + k for each worker */
} dummy_run;

typedef struct {
  double *sum;  /* p: sums over the level, of v too */
  double *v;    /* k */
  size_t *at;   /* columns of the row's dummies */
  size_t n_at;
  double mass, e;
} level_state;

static void read_row(const dummy_run *run, int64_t i, level_state *s) {
  const fe_dummy_job *job = run->job;
  size_t k = (size_t)job->k;
  memset(s->v, 0, k * sizeof *s->v);
  for (size_t j = 0; j < k; j++) {
    double x = job->x[j][i];
    for (size_t c = 0; c < k; c++) s->v[c] += job->root[c * k + j] * x;
  }
  s->n_at = 0;
  for (int f = 0; f < job->z.n_terms; f++) {
    int at = job->z.code[f][i] - 1 + job->z.base[f];
    if (at >= job->z.first[f]) s->at[s->n_at++] = (size_t)at;
  }
}

static void add_row(const dummy_run *run, int64_t i, level_state *s, double *block, double *score) {
  const fe_dummy_job *job = run->job;
  size_t k = (size_t)job->k, n_z = (size_t)job->z.n_z;
  double w = job->w ? job->w[i] : 1, e = w * job->e[i];
  if (w == 0) return;
  read_row(run, i, s);
  for (size_t a = 0; a < s->n_at; a++) { /* the columns ascend with the terms */
    double *to = block + run->column[s->at[a]];
    for (size_t b = a; b < s->n_at; b++) to[s->at[b]] += w;
    for (size_t c = 0; c < k; c++) to[n_z + c] += w * s->v[c];
    s->sum[s->at[a]] += w;
    score[s->at[a]] += e;
  }
  for (size_t c = 0; c < k; c++) {
    double *to = block + run->column[n_z + c] + n_z, f = w * s->v[c];
    for (size_t d = c; d < k; d++) to[d] += f * s->v[d];
    s->sum[n_z + c] += f;
    score[n_z + c] += e * s->v[c];
  }
  s->mass += w;
  s->e += e;
}

static void take_level_away(const dummy_run *run, const level_state *s, double *block,
                            double *score) {
  for (size_t j = 0; j < (size_t)run->job->z.n_z; j++) {
    if (s->sum[j] == 0) continue;
    double f = s->sum[j] / s->mass, *to = block + run->column[j];
    for (size_t i = j; i < run->p; i++) to[i] -= f * s->sum[i];
    score[j] -= f * s->e;
  }
}

static void fill_task(int64_t task, int worker, void *data) {
  const dummy_run *run = data;
  size_t p = run->p, k = (size_t)run->job->k;
  double *work = run->work + (size_t)worker * (p + k);
  size_t *at = run->column + p + (size_t)worker * (size_t)run->job->z.n_terms;
  int64_t last = (task + 1) * run->per_task;
  if (last > run->job->n_clusters) last = run->job->n_clusters;
  for (int64_t g = task * run->per_task; g < last; g++) {
    double *block = run->b->block + (size_t)g * run->packed, *score = run->score + (size_t)g * p;
    memset(score, 0, p * sizeof *score);
    for (int64_t t = run->level_start[g]; t < run->level_start[g + 1]; t++) {
      level_state s = {work, work + p, at, 0, 0, 0};
      int64_t l = run->level[t];
      memset(work, 0, p * sizeof *work);
      for (int64_t r = run->row_start[l]; r < run->row_start[l + 1]; r++) {
        add_row(run, run->row[r], &s, block, score);
      }
      if (run->job->own) take_level_away(run, &s, block, score);
    }
  }
}

/* ---- set-up --------------------------------------------------------------------------------- */

static fe_status group_levels(dummy_run *run) {
  const fe_dummy_job *job = run->job;
  const int *code = job->own ? job->own : job->cluster;
  size_t n_level = (size_t)(job->own ? job->n_own : job->n_clusters);
  run->row_start = malloc((n_level + 1) * sizeof *run->row_start);
  run->row = malloc(((size_t)job->n + 1) * sizeof *run->row);
  run->level_start = malloc(((size_t)job->n_clusters + 1) * sizeof *run->level_start);
  run->level = malloc((n_level + 1) * sizeof *run->level);
  run->home = malloc((n_level + 1) * sizeof *run->home);
  if (!run->row_start || !run->row || !run->level_start || !run->level || !run->home) {
    return FE_ENOMEM;
  }
  for (size_t l = 0; l < n_level; l++) run->home[l] = 1; /* of levels without rows */
  for (int64_t i = 0; i < job->n; i++) run->home[code[i] - 1] = job->cluster[i];
  fe_order_by(code, (int)n_level, job->n, run->row_start, run->row);
  fe_order_by(run->home, job->n_clusters, (int64_t)n_level, run->level_start, run->level);
  return FE_OK;
}

static fe_status allocate(dummy_run *run, size_t workers) {
  const fe_dummy_job *job = run->job;
  size_t p = run->p, clusters = (size_t)job->n_clusters;
  fe_blocks *b = run->b = calloc(1, sizeof *run->b);
  if (!b) return FE_ENOMEM;
  *b = (fe_blocks){.n_clusters = job->n_clusters, .n_z = job->z.n_z, .n_v = job->k, .p = (int)p};
  b->total = calloc(p * p + 1, sizeof *b->total);
  b->block = calloc(clusters + 1, (run->packed + 1) * sizeof *b->block);
  run->work = malloc((workers * (p + (size_t)job->k) + 1) * sizeof *run->work);
  run->column = malloc((p + workers * (size_t)job->z.n_terms + 1) * sizeof *run->column);
  run->raw = malloc((clusters + p + 1) * sizeof *run->raw);
  if (!b->total || !b->block || !run->work || !run->column || !run->raw) return FE_ENOMEM;
  for (size_t j = 0; j < p; j++) run->column[j] = j * (2 * p - j - 1) / 2;
  return FE_OK;
}

static void clear_column(const dummy_run *run, size_t j) {
  size_t p = run->p;
  for (size_t g = 0; g < (size_t)run->job->n_clusters; g++) {
    double *block = run->b->block + g * run->packed;
    for (size_t i = 0; i <= j; i++) block[run->column[i] + j] = 0;
    for (size_t i = j; i < p; i++) block[run->column[j] + i] = 0;
    run->score[g * p + j] = 0;
  }
  for (size_t i = 0; i <= j; i++) run->b->total[i * p + j] = 0;
  for (size_t i = j; i < p; i++) run->b->total[j * p + i] = 0;
}

static void sum_blocks(const dummy_run *run) {
  const fe_dummy_job *job = run->job;
  double *one = run->raw, *raw = one + job->n_clusters;
  for (int g = 0; g < job->n_clusters; g++) one[g] = 1;
  fe_blocks_sum(run->b, one, run->b->total);
  memset(raw, 0, run->p * sizeof *raw);
  for (int f = 0; f < job->z.n_terms && job->own; f++) {
    for (int64_t i = 0; i < job->n; i++) {
      int at = job->z.code[f][i] - 1 + job->z.base[f];
      if (at >= job->z.first[f]) raw[at] += job->w ? job->w[i] : 1;
    }
  }
  for (size_t j = 0; j < (size_t)job->z.n_z && job->own; j++) {
    if (run->b->total[j * (run->p + 1)] <= EXPLAINED * raw[j]) clear_column(run, j);
  }
}

fe_status fe_dummy_blocks(const fe_dummy_job *job, const fe_exec *exec, double *score,
                          fe_blocks **out) {
  size_t p = (size_t)job->z.n_z + (size_t)job->k;
  dummy_run run = {.job = job, .score = score, .p = p, .packed = p * (p + 1) / 2};
  *out = NULL;
  run.per_task = (int64_t)ROWS_PER_TASK * job->n_clusters / (job->n + 1);
  if (run.per_task < 1) run.per_task = 1;
  if (run.per_task > MOST_PER_TASK) run.per_task = MOST_PER_TASK;
  int64_t n_tasks = job->n_clusters / run.per_task + 1;
  if (job->z.n_z < 0 || job->k < 0 || job->n_clusters < 1 || p > 46340) return FE_EINVAL;
  if (!fe_codes_fit(job->cluster, job->n, job->n_clusters)) return FE_EINVAL;
  fe_status status = allocate(&run, (size_t)fe_workers(exec, n_tasks));
  if (!status) status = group_levels(&run);
  if (!status) status = fe_parallel_for(exec, n_tasks, fill_task, &run);
  if (!status) sum_blocks(&run);
  free(run.row_start);
  free(run.row);
  free(run.level_start);
  free(run.level);
  free(run.home);
  free(run.raw);
  free(run.column);
  free(run.work);
  if (status) {
    fe_blocks_free(run.b);
    return status;
  }
  *out = run.b;
  return FE_OK;
}
