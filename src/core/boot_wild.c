#include "boot_wild.h"

#include <stdlib.h>
#include <string.h>

#include "parallel.h"

enum { CHUNK_WORK = 1 << 18 };

/* Replicates a task: some hundred thousand operations, so that a stop is prompt. */
static int64_t chunk_size(double cost) {
  double n = CHUNK_WORK / (cost + 1);
  return n < 1 ? 1 : n > 64 ? 64 : (int64_t)n;
}

/* sum (k) = sum_g v_g column g of x (k x G) */
static void weighted_sum(const double *x, size_t k, const double *v, int n_clusters, double *sum) {
  memset(sum, 0, k * sizeof *sum);
  for (int g = 0; g < n_clusters; g++, x += k) {
    for (size_t j = 0; j < k; j++) sum[j] += v[g] * x[j];
  }
}

/* ---- wild -------------------------------------------------------------------------------- */

typedef struct {
  const fe_wild_boot *b;
  const fe_weights *weights;
  int64_t n_rep, chunk;
  double *work; /* one `stride` for each worker */
  size_t stride;
  double *out, *var;
} wild_run;

static void wild_variance(const fe_wild_boot *b, const double *v, double *work, double *var) {
  size_t p = (size_t)b->blocks->p, k = (size_t)b->n_coef;
  double *combine = work, *column = combine + p * (size_t)b->n_eq, *h = column + p;
  fe_influence f = {b->n_eq, b->k, b->n_coef, b->direction, combine};
  weighted_sum(b->fitted, p * (size_t)b->n_eq, v, b->n_clusters, combine);
  memset(var, 0, fe_packed(b->n_coef) * sizeof *var);
  for (int g = 0; g < b->n_clusters; g++) {
    fe_cluster_influence(b->blocks, g, &f, column, h);
    for (size_t j = 0; j < k; j++) h[j] = v[g] * b->table[(size_t)g * k + j] - h[j];
    fe_add_outer(h, b->n_coef, 1, var);
  }
}

static void wild_task(int64_t task, int worker, void *data) {
  const wild_run *run = data;
  const fe_wild_boot *b = run->b;
  double *v = run->work + (size_t)worker * run->stride;
  int64_t last = (task + 1) * run->chunk < run->n_rep ? (task + 1) * run->chunk : run->n_rep;
  for (int64_t r = task * run->chunk; r < last; r++) {
    fe_weights_draw(run->weights, b->n_clusters, r, v);
    weighted_sum(b->table, (size_t)b->n_coef, v, b->n_clusters,
                 run->out + (size_t)r * (size_t)b->n_coef);
    if (run->var) {
      wild_variance(b, v, v + b->n_clusters, run->var + (size_t)r * fe_packed(b->n_coef));
    }
  }
}

static int wild_is_sound(const fe_wild_boot *b, const fe_weights *weights, int64_t n_rep,
                         const double *var) {
  if (b->n_clusters < 1 || b->n_coef < 0 || n_rep < 0) return 0;
  if (weights->kind == FE_WEIGHTS_GIVEN && !weights->given) return 0;
  if (weights->kind != FE_WEIGHTS_GIVEN && weights->kind < FE_WEIGHTS_WILD) return 0;
  return !var || (b->blocks && b->blocks->n_clusters == b->n_clusters);
}

fe_status fe_boot_wild(const fe_wild_boot *b, const fe_weights *weights, int64_t n_rep,
                       const fe_exec *exec, double *out, double *var) {
  if (!wild_is_sound(b, weights, n_rep, var)) return FE_EINVAL;
  size_t p = var ? (size_t)b->blocks->p : 0;
  double cost = (double)b->n_clusters * ((double)b->n_coef + (double)(p * p) * b->n_eq + 4);
  int64_t chunk = chunk_size(cost), n_tasks = n_rep / chunk + (n_rep % chunk > 0);
  size_t stride = (size_t)b->n_clusters +
                  (var ? p * ((size_t)b->n_eq + 1) + (size_t)b->n_coef : 0);
  double *work = calloc((size_t)fe_workers(exec, n_tasks), stride * sizeof *work);
  if (!work) return FE_ENOMEM;
  wild_run run = {b, weights, n_rep, chunk, work, stride, out, var};
  fe_status status = fe_parallel_for(exec, n_tasks, wild_task, &run);
  free(work);
  return status;
}

/* ---- residual ---------------------------------------------------------------------------- */

typedef struct {
  const fe_residual_boot *b;
  uint64_t seed;
  int64_t first, n_rep, chunk;
  int *drawn; /* n_clusters for each worker */
  double *out;
} residual_run;

/* Adds a row's part: its own influences, the residuals of the row drawn for it. */
static void add_row(const fe_residual_boot *b, int64_t row, int64_t from, double *out) {
  const double *influence = b->influence + (size_t)row * (size_t)b->n_coef;
  const double *residual = b->residual + (size_t)from * (size_t)b->n_eq;
  for (int e = 0; e < b->n_eq; e++) {
    for (int j = 0; j < b->k[e]; j++) *out++ += *influence++ * residual[e];
  }
}

static void residual_task(int64_t task, int worker, void *data) {
  const residual_run *run = data;
  const fe_residual_boot *b = run->b;
  int *drawn = run->drawn + (size_t)worker * (size_t)b->n_clusters;
  int64_t last = (task + 1) * run->chunk < run->n_rep ? (task + 1) * run->chunk : run->n_rep;
  for (int64_t r = task * run->chunk; r < last; r++) {
    double *out = run->out + (size_t)r * (size_t)b->n_coef;
    memset(out, 0, (size_t)b->n_coef * sizeof *out);
    fe_draw_indices(run->seed, (uint64_t)(run->first + r), b->n_clusters, b->n_clusters, drawn);
    for (int64_t g = 0; g < b->n_clusters; g++) {
      for (int64_t t = 0; t < b->length; t++) {
        add_row(b, g * b->length + t, drawn[g] * b->length + t, out);
      }
    }
  }
}

fe_status fe_boot_residual(const fe_residual_boot *b, uint64_t seed, int64_t first, int64_t n_rep,
                           const fe_exec *exec, double *out) {
  if (b->n_clusters < 1 || b->length < 1 || first < 0 || n_rep < 0) return FE_EINVAL;
  int64_t chunk = chunk_size((double)b->n_clusters * (double)b->length * (b->n_coef + 1.0));
  int64_t n_tasks = n_rep / chunk + (n_rep % chunk > 0);
  size_t workers = (size_t)fe_workers(exec, n_tasks);
  int *drawn = calloc(workers, (size_t)b->n_clusters * sizeof *drawn);
  if (!drawn) return FE_ENOMEM;
  residual_run run = {b, seed, first, n_rep, chunk, drawn, out};
  fe_status status = fe_parallel_for(exec, n_tasks, residual_task, &run);
  free(drawn);
  return status;
}
