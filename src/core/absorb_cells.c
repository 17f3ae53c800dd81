/* Rows in the order of the lead factor, and what follows from that order: equal cells merged, the
 * blocks' Laplacians, the test for a balanced pair. */
#include "absorb_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "memory.h"
#include "parallel.h"

/* ---- rows in lead order --------------------------------------------------------------------- */

typedef struct {
  fe_absorber *a;
  int64_t *next; /* where the next row of each lead level goes */
  int64_t tasks;
} fill_job;

static void put_cell(const fe_absorber *a, int64_t at, int64_t i) {
  for (int u = 0; u < a->m; u++) {
    a->cell[at * a->m + u] = a->other_base[u] + a->other[u][i];
  }
  if (a->cell_w) a->cell_w[at] = a->w[i];
}

/* A task takes the lead levels of one range and goes over all rows for them, so that the order
 * within a level is that of the rows. */
static void fill_range(int64_t task, int worker, void *data) {
  fill_job *j = data;
  (void)worker;
  const fe_absorber *a = j->a;
  const int *code = a->codes.code[a->lead];
  int from = (int)(task * a->n_lead / j->tasks), to = (int)((task + 1) * a->n_lead / j->tasks);
  for (int64_t i = 0; i < a->codes.n; i++) {
    int g = code[i] - 1;
    if (g >= from && g < to) put_cell(a, j->next[g]++, i);
  }
}

static int is_sorted(const int *code, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    if (code[i] < code[i - 1]) return 0;
  }
  return 1;
}

static void count_starts(const fe_absorber *a) {
  const int *code = a->codes.code[a->lead];
  memset(a->start, 0, ((size_t)a->n_lead + 1) * sizeof *a->start);
  for (int64_t i = 0; i < a->codes.n; i++) a->start[code[i]]++;
  for (int g = 0; g < a->n_lead; g++) a->start[g + 1] += a->start[g];
}

static fe_status fill_cells(fe_absorber *a, const fe_exec *exec) {
  count_starts(a);
  if (is_sorted(a->codes.code[a->lead], a->codes.n)) {
    for (int64_t i = 0; i < a->codes.n; i++) put_cell(a, i, i);
    return FE_OK;
  }
  size_t size = (size_t)a->n_lead * sizeof(int64_t);
  fill_job j = {a, malloc(size + 1), fe_workers(exec, a->codes.n / 100000)};
  if (!j.next) return FE_ENOMEM;
  memcpy(j.next, a->start, size);
  fe_status status = fe_parallel_for(exec, j.tasks, fill_range, &j);
  free(j.next);
  return status;
}

/* ---- equal cells are one -------------------------------------------------------------------- */

/* Distinct cells among the rows of the first `levels` lead levels, as a share of these rows.
 * place: p, zero on entry and exit. */
static double distinct_share(const fe_absorber *a, int levels, int64_t *place) {
  int64_t rows = a->start[levels], distinct = 0;
  for (int64_t t = 0; t < rows; t++) place[a->cell[t]] = 0;
  for (int g = 0; g < levels; g++) {
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      if (place[a->cell[t]] == g + 1) continue;
      place[a->cell[t]] = g + 1;
      distinct++;
    }
  }
  for (int64_t t = 0; t < rows; t++) place[a->cell[t]] = 0;
  return rows > 0 ? (double)distinct / (double)rows : 1.0;
}

/* Merges equal cells of each lead level in place. place[l]: one more than where the cell l of the
 * level at hand stands, if that is in the level. */
static void merge_cells(fe_absorber *a, double *weight, int64_t *place) {
  int64_t at = 0, from = 0;
  for (int g = 0; g < a->n_lead; g++) {
    int64_t begin = at, end = a->start[g + 1];
    for (int64_t t = from; t < end; t++) {
      int l = a->cell[t];
      double w = a->w ? a->cell_w[t] : 1.0;
      if (place[l] > begin) {
        weight[place[l] - 1] += w;
        continue;
      }
      a->cell[at] = l;
      weight[at] = w;
      place[l] = ++at;
    }
    from = end;
    a->start[g + 1] = at;
  }
}

/* Worth its pass over the rows if the first thousand levels lose a fifth of their cells. */
static fe_status collapse_cells(fe_absorber *a) {
  int some = a->n_lead < 1000 ? a->n_lead : 1000;
  int64_t *place = calloc((size_t)a->p + 1, sizeof *place);
  if (!place) return FE_ENOMEM;
  int worth = distinct_share(a, some, place) <= 0.8;
  size_t rows = (size_t)a->codes.n + 1;
  if (worth && !a->cell_w) a->cell_w = fe_malloc_large(rows * sizeof *a->cell_w);
  if (worth && a->cell_w) merge_cells(a, a->cell_w, place);
  free(place);
  if (!worth) return FE_OK;
  if (!a->cell_w) return FE_ENOMEM;
  size_t cells = (size_t)a->start[a->n_lead] + 1;
  int *cell = realloc(a->cell, cells * sizeof *cell);
  if (cell) a->cell = cell;
  double *weight = realloc(a->cell_w, cells * sizeof *weight);
  if (weight) a->cell_w = weight;
  return FE_OK;
}

static void swap_cells(fe_absorber *a, int64_t s, int64_t t) {
  double weight = a->cell_w[s];
  a->cell_w[s] = a->cell_w[t];
  a->cell_w[t] = weight;
  for (int u = 0; u < a->m; u++) {
    int at = a->cell[s * a->m + u];
    a->cell[s * a->m + u] = a->cell[t * a->m + u];
    a->cell[t * a->m + u] = at;
  }
}

static void put_heaviest_first(fe_absorber *a) {
  for (int g = 0; g < a->n_lead; g++) {
    int64_t heaviest = a->start[g];
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      if (a->cell_w[t] > a->cell_w[heaviest]) heaviest = t;
    }
    if (heaviest > a->start[g]) swap_cells(a, a->start[g], heaviest);
  }
}

fe_status fe_cells_build(fe_absorber *a, int iterate, const fe_exec *exec) {
  size_t n = (size_t)a->codes.n;
  a->start = malloc(((size_t)a->n_lead + 1) * sizeof *a->start);
  a->cell = fe_malloc_large((n * (size_t)a->m + 1) * sizeof *a->cell);
  a->cell_w = a->w ? fe_malloc_large((n + 1) * sizeof *a->cell_w) : NULL;
  if (!a->start || !a->cell || (a->w && !a->cell_w)) return FE_ENOMEM;
  fe_status status = fill_cells(a, exec);
  if (!status && iterate && a->m == 1) status = collapse_cells(a);
  if (!status && iterate && a->wide) put_heaviest_first(a);
  return status;
}

/* ---- Laplacians of the blocks --------------------------------------------------------------- */

/* Most clique pairs a Laplacian is made of, and most clique edges of an exact factor, for each
 * cell; what is affordable in any case. */
enum { PAIRS_PER_CELL = 64, EXACT_PER_CELL = 8, SMALL_GRAPH = 2000000, SAMPLED_LEVELS = 2000,
       SAMPLING_SEED = 1 };

/* The cells of other factor u alone, from 0. */
static int *own_cells(const fe_absorber *a, int u) {
  int64_t cells = a->start[a->n_lead];
  int *own = fe_malloc_large(((size_t)cells + 1) * sizeof *own);
  int first = a->other_base[u] + 1;
  for (int64_t t = 0; own && t < cells; t++) own[t] = a->cell[t * a->m + u] - first;
  return own;
}

double fe_estimate_pairs(const fe_absorber *a, int u) {
  int64_t *met = calloc((size_t)a->p + 1, sizeof *met);
  if (!met) return -1;
  double pairs = 0;
  int every = 1 + a->n_lead / SAMPLED_LEVELS, sampled = 0;
  for (int g = 0; g < a->n_lead; g += every, sampled++) {
    double distinct = 0;
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      int64_t *last = &met[a->cell[t * a->m + u]];
      if (*last == g + 1) continue;
      *last = g + 1;
      distinct++;
    }
    pairs += distinct * (distinct - 1) / 2;
  }
  free(met);
  return pairs * a->n_lead / sampled;
}

fe_status fe_block_build(const fe_absorber *a, int u, const fe_exec *exec, block *out) {
  int p = a->other_levels[u];
  int *own = a->m == 1 ? a->cell : own_cells(a, u);
  if (!own) return FE_ENOMEM;
  double pairs = 0, cells = (double)a->start[a->n_lead];
  fe_status status = fe_graph_cost(p, a->n_lead, a->start, own, a->cell_w, exec, &pairs);
  if (!status && pairs <= PAIRS_PER_CELL * cells + SMALL_GRAPH) {
    status = fe_graph_new(p, a->n_lead, a->start, own, a->cell_w, exec, &out->graph);
    if (!status) {
      double budget = EXACT_PER_CELL * cells + SMALL_GRAPH;
      status = fe_laplacian_new(&out->graph, a->other_w + a->other_base[u] + 1, budget,
                                SAMPLING_SEED, exec, &out->factor);
    }
  }
  if (own != a->cell) free(own);
  return status;
}

/* ---- balanced ------------------------------------------------------------------------------- */

/* Every pair exactly once: as many rows as pairs, and none twice. */
static int is_full_grid(const fe_absorber *a, const int *one, const int *two) {
  size_t words = (size_t)a->codes.n / 64 + 1;
  uint64_t *seen = calloc(words, sizeof *seen);
  if (!seen) return -1;
  int single = 1;
  for (int64_t i = 0; i < a->codes.n && single; i++) {
    int64_t at = (int64_t)(one[i] - 1) * a->p + (two[i] - 1);
    uint64_t bit = (uint64_t)1 << (at & 63);
    single = !(seen[at >> 6] & bit);
    seen[at >> 6] |= bit;
  }
  free(seen);
  return single;
}

static int is_product(const fe_absorber *a, const double *cell) {
  for (int g = 0; g < a->n_lead; g++) {
    if (!(a->lead_inv[g] > 0)) continue;
    double share = 1 / (a->lead_inv[g] * a->total);
    for (int l = 0; l < a->p; l++) {
      double product = share * a->other_w[l];
      if (fabs(cell[(size_t)g * (size_t)a->p + (size_t)l] - product) > 1e-13 * product) return 0;
    }
  }
  return 1;
}

int fe_is_balanced(const fe_absorber *a) {
  if (a->codes.q != 2) return 0;
  double pairs = (double)a->n_lead * a->p, n = (double)a->codes.n;
  const int *one = a->codes.code[a->lead], *two = a->other[0];
  if (pairs > n) return 0;
  if (pairs == n && !a->w) return is_full_grid(a, one, two);
  double *cell = calloc((size_t)pairs + 1, sizeof *cell);
  if (!cell) return -1;
  for (int64_t i = 0; i < a->codes.n; i++) {
    cell[(size_t)(one[i] - 1) * (size_t)a->p + (size_t)(two[i] - 1)] += a->w ? a->w[i] : 1.0;
  }
  int balanced = is_product(a, cell);
  free(cell);
  return balanced;
}
