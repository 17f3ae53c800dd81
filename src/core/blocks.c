/* Cross-products by cluster. The rows of a cluster are gathered, PANEL at a time, into a small
 * contiguous buffer, and each panel is added to the packed triangle in one sweep, its rows in
 * their order. A cluster belongs to one task, so threads change nothing. */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "linalg.h"
#include "parallel.h"

enum { PANEL = FE_CROSS_ROWS, ROWS_PER_TASK = 8192 };

/* x (PANEL x p, row by row) and f = w x hold one panel; rows beyond `n` are zero. */
static void gather(const double *const *col, int p, const double *w, const int64_t *row, int n,
                   double *x, double *f) {
  size_t q = (size_t)p;
  memset(x, 0, PANEL * q * sizeof *x);
  for (int j = 0; j < p; j++) {
    for (int r = 0; r < n; r++) x[(size_t)r * q + (size_t)j] = col[j][row[r]];
  }
  memcpy(f, x, PANEL * q * sizeof *x);
  if (!w) return;
  for (int r = 0; r < n; r++) {
    for (size_t j = 0; j < q; j++) f[(size_t)r * q + j] *= w[row[r]];
  }
}

/* packed += X'F, the four rows of the panel added one after the other. */
static void add_panel(const double *x, const double *f, size_t p, double *packed) {
  for (size_t j = 0; j < p; j++) {
    double f0 = f[j], f1 = f[j + p], f2 = f[j + 2 * p], f3 = f[j + 3 * p];
    const double *x0 = x, *x1 = x + p, *x2 = x + 2 * p, *x3 = x + 3 * p;
    for (size_t i = j; i < p; i++, packed++) {
      *packed = *packed + f0 * x0[i] + f1 * x1[i] + f2 * x2[i] + f3 * x3[i];
    }
  }
}

void fe_cross_add(const double *const *col, int p, const double *w, const fe_rows *rows,
                  double *panel, double *packed) {
  double *f = panel + PANEL * (size_t)p;
  int64_t row[PANEL];
  int n = 0;
  for (int64_t t = rows->first; t < rows->last; t++) {
    int64_t i = rows->order ? rows->order[t] : t;
    if (w && w[i] == 0) continue;
    row[n++] = i;
    if (n < PANEL) continue;
    gather(col, p, w, row, n, panel, f);
    add_panel(panel, f, (size_t)p, packed);
    n = 0;
  }
  if (n == 0) return;
  gather(col, p, w, row, n, panel, f);
  add_panel(panel, f, (size_t)p, packed);
}

/* ---- the blocks -------------------------------------------------------------------------- */

/* The rows of cluster g (0-based) are order[start[g]] .. order[start[g+1] - 1]. */
typedef struct {
  int64_t *start;
  int64_t *order;
} grouping;

static void grouping_free(grouping *g) {
  free(g->start);
  free(g->order);
}

static fe_status group_rows(const int *cluster, int64_t n, int n_clusters, grouping *g) {
  g->start = NULL;
  g->order = NULL;
  for (int64_t i = 0; i < n; i++) {
    if (cluster[i] < 1 || cluster[i] > n_clusters) return FE_EINVAL;
  }
  if ((uint64_t)n >= SIZE_MAX / sizeof *g->order) return FE_ENOMEM;
  g->start = malloc(((size_t)n_clusters + 1) * sizeof *g->start);
  g->order = malloc(((size_t)n + 1) * sizeof *g->order);
  if (!g->start || !g->order) return FE_ENOMEM;
  fe_order_by(cluster, n_clusters, n, g->start, g->order);
  return FE_OK;
}

typedef struct {
  const double *const *col;
  const double *w;
  int64_t n;
  int64_t n_tasks;
  const grouping *groups;
  fe_blocks *b;
  double *panel;
  size_t panel_size;
  size_t packed;
} block_run;

/* First cluster whose rows begin at or after `row`. */
static int first_cluster(const int64_t *start, int n_clusters, int64_t row) {
  int low = 0, high = n_clusters;
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (start[middle] < row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/* The clusters that begin among the task's share of the rows. */
static void block_task(int64_t task, int worker, void *data) {
  block_run *run = data;
  const int64_t *start = run->groups->start;
  int n_clusters = run->b->n_clusters;
  int first = first_cluster(start, n_clusters, task * ROWS_PER_TASK);
  int last = first_cluster(start, n_clusters, (task + 1) * ROWS_PER_TASK);
  for (int g = first; g < last; g++) {
    fe_rows rows = {run->groups->order, start[g], start[g + 1]};
    fe_cross_add(run->col, run->b->p, run->w, &rows,
                 run->panel + (size_t)worker * run->panel_size,
                 run->b->block + (size_t)g * run->packed);
  }
}

static fe_status fill_blocks(block_run *run, const fe_exec *exec) {
  int64_t n_tasks = run->n / ROWS_PER_TASK + 1;
  size_t workers = (size_t)fe_workers(exec, n_tasks);
  run->panel_size = (size_t)2 * PANEL * (size_t)run->b->p;
  run->panel = calloc(workers * run->panel_size + 1, sizeof *run->panel);
  if (!run->panel) return FE_ENOMEM;
  fe_status status = fe_parallel_for(exec, n_tasks, block_task, run);
  free(run->panel);
  return status;
}

static fe_status sum_all(fe_blocks *b) {
  double *one = malloc(((size_t)b->n_clusters + 1) * sizeof *one);
  if (!one) return FE_ENOMEM;
  for (int g = 0; g < b->n_clusters; g++) one[g] = 1;
  fe_blocks_sum(b, one, b->total);
  free(one);
  return FE_OK;
}

static fe_blocks *allocate(int n_clusters, int n_z, int n_v) {
  size_t p = (size_t)n_z + (size_t)n_v, packed = p * (p + 1) / 2;
  if (p > 46340 || packed >= SIZE_MAX / sizeof(double)) return NULL; /* p * p < 2^31 */
  fe_blocks *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->n_clusters = n_clusters;
  b->n_z = n_z;
  b->n_v = n_v;
  b->p = (int)p;
  b->total = calloc(p * p + 1, sizeof *b->total);
  b->block = calloc((size_t)n_clusters + 1, (packed + 1) * sizeof *b->block);
  if (b->total && b->block) return b;
  fe_blocks_free(b);
  return NULL;
}

fe_status fe_blocks_new(const double *const *col, int n_z, int n_v, int64_t n, const double *w,
                        const int *cluster, int n_clusters, const fe_exec *exec,
                        fe_blocks **out) {
  *out = NULL;
  if (n_z < 0 || n_v < 0 || n < 0 || n_clusters < 1) return FE_EINVAL;
  fe_blocks *b = allocate(n_clusters, n_z, n_v);
  if (!b) return FE_ENOMEM;
  grouping groups;
  fe_status status = group_rows(cluster, n, n_clusters, &groups);
  if (!status) {
    size_t p = (size_t)b->p;
    block_run run = {.col = col, .w = w, .n = n, .groups = &groups, .b = b,
                     .packed = p * (p + 1) / 2};
    status = fill_blocks(&run, exec);
  }
  if (!status) status = sum_all(b);
  grouping_free(&groups);
  if (status) {
    fe_blocks_free(b);
    return status;
  }
  *out = b;
  return FE_OK;
}

void fe_blocks_free(fe_blocks *b) {
  if (!b) return;
  free(b->total);
  free(b->block);
  free(b);
}

static void add_scaled(double *restrict y, const double *restrict x, double f, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += f * x[i];
}

void fe_blocks_sum(const fe_blocks *b, const double *m, double *a) {
  size_t p = (size_t)b->p, packed = p * (p + 1) / 2;
  memset(a, 0, packed * sizeof *a);
  for (int g = 0; g < b->n_clusters; g++) {
    if (m[g] != 0) add_scaled(a, b->block + (size_t)g * packed, m[g], packed);
  }
  fe_unpack_lower(a, b->p);
}
