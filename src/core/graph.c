/* The graph is built vertex by vertex: the row of S for vertex b is the sum of the cells of all
 * lead levels that hold b, which takes one array of p sums and no sorting of pairs. The terms of
 * an edge are added in the order of the lead levels whatever end it is seen from, so both ends
 * agree in every bit, on any number of threads. */
#include "graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "parallel.h"

#define CHUNKS 1024  /* tasks of a pass */
#define WAVE 32      /* chunks whose rows are held before they are copied */
#define SERIAL 20000 /* cells and vertices that are not worth a second thread */

/* Where a vertex stands: position `at` among the distinct vertices of a lead level. */
typedef struct {
  int level;
  int at;
} place;

/* Scratch of a worker. level and at: the lead level that a vertex was met in last, plus one, and
 * its place there. */
typedef struct {
  int *level, *at;
  double *sum;  /* p: a row of S; zero between vertices */
  int *entries; /* p + 1: its positive entries */
} workspace;

/* Rows of S for the vertices of one chunk. */
typedef struct {
  int *to;
  double *weight;
  int64_t n, room;
  int failed;
} rows;

typedef struct {
  int p, n_lead;
  const int64_t *start;
  const int *cell;
  const double *w;
  fe_exec exec;
  int workers;
  workspace *space;
  int64_t *begin; /* n_lead + 1: distinct vertices of the levels that have two or more */
  int *vertex;
  double *scaled; /* w_gb / sqrt(W_g) */
  int64_t *first; /* p + 1: places of each vertex, in the order of the levels */
  place *places;
  int wave; /* first chunk of the wave */
  rows chunk[WAVE];
  fe_graph *graph;
  int64_t room; /* of the graph */
} builder;

/* ---- distinct vertices of the lead levels --------------------------------------------------- */

static int chunk_first(int64_t chunk, int n) { return (int)(chunk * n / CHUNKS); }

static int is_cell(const builder *b, int64_t t) { return !b->w || b->w[t] > 0; }

/* begin[g + 1] <- the number of distinct vertices of level g, 0 if it has less than two: such a
 * level joins nothing. */
static void count_task(int64_t chunk, int worker, void *data) {
  builder *b = data;
  int *level = b->space[worker].level;
  for (int g = chunk_first(chunk, b->n_lead); g < chunk_first(chunk + 1, b->n_lead); g++) {
    int n = 0;
    for (int64_t t = b->start[g]; t < b->start[g + 1]; t++) {
      int v = b->cell[t], stamp = is_cell(b, t) ? g + 1 : level[v];
      n += level[v] != stamp;
      level[v] = stamp;
    }
    b->begin[g + 1] = n > 1 ? n : 0;
  }
}

/* Lists the distinct vertices of level g with their weights over the root of the level's. */
static void merge_level(const builder *b, int g, const workspace *s) {
  int *vertex = b->vertex + b->begin[g], n = 0;
  double *scaled = b->scaled + b->begin[g], sum = 0;
  for (int64_t t = b->start[g]; t < b->start[g + 1]; t++) {
    if (!is_cell(b, t)) continue;
    int v = b->cell[t], met = s->level[v] == g + 1, i = met ? s->at[v] : n;
    double w = b->w ? b->w[t] : 1.0;
    s->level[v] = g + 1;
    s->at[v] = i;
    vertex[i] = v;
    scaled[i] = met ? scaled[i] + w : w;
    sum += w;
    n += !met;
  }
  double scale = 1 / sqrt(sum);
  for (int u = 0; u < n; u++) scaled[u] *= scale;
}

static void merge_task(int64_t chunk, int worker, void *data) {
  builder *b = data;
  for (int g = chunk_first(chunk, b->n_lead); g < chunk_first(chunk + 1, b->n_lead); g++) {
    if (b->begin[g + 1] > b->begin[g]) merge_level(b, g, b->space + worker);
  }
}

static fe_status count_vertices(builder *b, const fe_exec *exec) {
  size_t p = (size_t)b->p + 1;
  b->exec = *exec;
  if (b->p + b->start[b->n_lead] < SERIAL) b->exec.threads = 1;
  b->workers = fe_workers(&b->exec, CHUNKS);
  b->begin = calloc((size_t)b->n_lead + 1, sizeof *b->begin);
  b->space = calloc((size_t)b->workers, sizeof *b->space);
  if (!b->begin || !b->space) return FE_ENOMEM;
  for (int i = 0; i < b->workers; i++) {
    b->space[i].level = calloc(p, sizeof *b->space[i].level);
    if (!b->space[i].level) return FE_ENOMEM;
  }
  return fe_parallel_for(&b->exec, CHUNKS, count_task, b);
}

/* ---- vertices -> lead levels ---------------------------------------------------------------- */

/* Counting sort: levels stay in order within a vertex. */
static fe_status place_vertices(builder *b) {
  size_t n = (size_t)b->begin[b->n_lead];
  b->first = calloc((size_t)b->p + 2, sizeof *b->first);
  b->places = fe_malloc_large((n + 1) * sizeof *b->places);
  if (!b->first || !b->places) return FE_ENOMEM;
  int64_t *next = b->first + 1; /* moves up to where the next vertex begins */
  for (size_t t = 0; t < n; t++) next[b->vertex[t] + 1]++;
  for (int v = 0; v < b->p; v++) next[v + 1] += next[v];
  for (int g = 0; g < b->n_lead; g++) {
    const int *vertex = b->vertex + b->begin[g];
    int distinct = (int)(b->begin[g + 1] - b->begin[g]);
    for (int u = 0; u < distinct; u++) b->places[next[vertex[u]]++] = (place){g, u};
  }
  return FE_OK;
}

static fe_status merge_levels(builder *b) {
  for (int g = 0; g < b->n_lead; g++) b->begin[g + 1] += b->begin[g];
  size_t n = (size_t)b->begin[b->n_lead] + 1, p = (size_t)b->p + 1;
  b->vertex = fe_malloc_large(n * sizeof *b->vertex);
  b->scaled = fe_malloc_large(n * sizeof *b->scaled);
  if (!b->vertex || !b->scaled) return FE_ENOMEM;
  for (int i = 0; i < b->workers; i++) {
    workspace *s = b->space + i;
    memset(s->level, 0, p * sizeof *s->level);
    s->at = malloc(p * sizeof *s->at);
    s->sum = calloc(p, sizeof *s->sum);
    s->entries = malloc(p * sizeof *s->entries);
    if (!s->at || !s->sum || !s->entries) return FE_ENOMEM;
  }
  fe_status status = fe_parallel_for(&b->exec, CHUNKS, merge_task, b);
  return status ? status : place_vertices(b);
}

/* ---- rows of S ------------------------------------------------------------------------------ */

/* Sums the row of vertex v and lists its positive entries, v itself included; returns how many. */
static int sum_row(const builder *b, int v, const workspace *s) {
  double *sum = s->sum;
  int *entries = s->entries, n = 0;
  for (int64_t t = b->first[v]; t < b->first[v + 1]; t++) {
    int64_t begin = b->begin[b->places[t].level];
    int distinct = (int)(b->begin[b->places[t].level + 1] - begin);
    const int *vertex = b->vertex + begin;
    const double *scaled = b->scaled + begin;
    double own = scaled[b->places[t].at];
    for (int u = 0; u < distinct; u++) {
      int to = vertex[u];
      double term = own * scaled[u], before = sum[to];
      entries[n] = to;
      n += (before == 0) & (term > 0);
      sum[to] = before + term;
    }
  }
  return n;
}

/* Room for `need` entries; the first `used` are kept. */
static int make_room(int **to, double **weight, int64_t *room, int64_t used, int64_t need) {
  if (need <= *room) return 1;
  if (need < *room + *room / 2) need = *room + *room / 2;
  int *more_to = fe_grow_large(*to, (size_t)used * sizeof **to, (size_t)need * sizeof **to);
  if (more_to) *to = more_to;
  double *more_weight =
      fe_grow_large(*weight, (size_t)used * sizeof **weight, (size_t)need * sizeof **weight);
  if (more_weight) *weight = more_weight;
  if (!more_to || !more_weight) return 0;
  *room = need;
  return 1;
}

static void row_task(int64_t task, int worker, void *data) {
  builder *b = data;
  const workspace *s = b->space + worker;
  rows *r = b->chunk + task;
  int64_t chunk = b->wave + task;
  r->n = 0;
  for (int v = chunk_first(chunk, b->p); v < chunk_first(chunk + 1, b->p); v++) {
    int n = sum_row(b, v, s);
    if (!make_room(&r->to, &r->weight, &r->room, r->n, r->n + n)) r->failed = 1;
    int64_t before = r->n;
    for (int u = 0; u < n; u++) {
      int to = s->entries[u];
      if (to != v && !r->failed) {
        r->to[r->n] = to;
        r->weight[r->n++] = s->sum[to];
      }
      s->sum[to] = 0;
    }
    b->graph->start[v + 1] = r->n - before;
  }
}

/* Appends the rows of the wave to the graph, whose size is forecast from what there is. */
static int append_wave(builder *b) {
  fe_graph *g = b->graph;
  int done = b->wave + WAVE, first = chunk_first(b->wave, b->p), end = chunk_first(done, b->p);
  int64_t at = g->start[first];
  for (int v = first; v < end; v++) g->start[v + 1] += g->start[v];
  int64_t need = g->start[end] + 1, forecast = need / done * CHUNKS + need / 16;
  if (need > b->room && forecast > need) need = forecast;
  if (!make_room(&g->to, &g->weight, &b->room, at, need)) return 0;
  for (int c = 0; c < WAVE; c++) {
    const rows *r = b->chunk + c;
    if (r->failed) return 0;
    if (r->n == 0) continue;
    memcpy(g->to + at, r->to, (size_t)r->n * sizeof *r->to);
    memcpy(g->weight + at, r->weight, (size_t)r->n * sizeof *r->weight);
    at += r->n;
  }
  return 1;
}

static fe_status add_up(builder *b) {
  fe_graph *g = b->graph;
  g->start = calloc((size_t)b->p + 1, sizeof *g->start);
  if (!g->start) return FE_ENOMEM;
  for (b->wave = 0; b->wave < CHUNKS; b->wave += WAVE) {
    fe_status status = fe_parallel_for(&b->exec, WAVE, row_task, b);
    if (status) return status;
    if (!append_wave(b)) return FE_ENOMEM;
  }
  size_t size = (size_t)g->start[b->p] + 1;
  int *to = realloc(g->to, size * sizeof *to);
  if (to) g->to = to;
  double *weight = realloc(g->weight, size * sizeof *weight);
  if (weight) g->weight = weight;
  return FE_OK; /* what could not be shrunk is only larger than need be */
}

/* ---- the interface -------------------------------------------------------------------------- */

static void builder_free(builder *b) {
  for (int i = 0; b->space && i < b->workers; i++) {
    free(b->space[i].level);
    free(b->space[i].at);
    free(b->space[i].sum);
    free(b->space[i].entries);
  }
  for (int c = 0; c < WAVE; c++) {
    free(b->chunk[c].to);
    free(b->chunk[c].weight);
  }
  free(b->space);
  free(b->begin);
  free(b->vertex);
  free(b->scaled);
  free(b->first);
  free(b->places);
}

fe_status fe_graph_cost(int p, int n_lead, const int64_t *start, const int *cell, const double *w,
                        const fe_exec *exec, double *pairs) {
  builder b = {.p = p, .n_lead = n_lead, .start = start, .cell = cell, .w = w};
  fe_status status = count_vertices(&b, exec);
  *pairs = 0;
  for (int g = 0; g < n_lead && !status; g++) {
    double n = (double)b.begin[g + 1];
    *pairs += n * (n - 1) / 2;
  }
  builder_free(&b);
  return status;
}

fe_status fe_graph_new(int p, int n_lead, const int64_t *start, const int *cell, const double *w,
                       const fe_exec *exec, fe_graph *out) {
  builder b = {.p = p, .n_lead = n_lead, .start = start, .cell = cell, .w = w, .graph = out};
  *out = (fe_graph){.p = p};
  fe_status status = count_vertices(&b, exec);
  if (!status) status = merge_levels(&b);
  if (!status) status = add_up(&b);
  builder_free(&b);
  if (status) fe_graph_free(out);
  return status;
}

void fe_graph_free(fe_graph *g) {
  free(g->start);
  free(g->to);
  free(g->weight);
  *g = (fe_graph){0};
}

void fe_graph_apply(const fe_graph *g, const double *v, double *out) {
  for (int a = 0; a < g->p; a++) {
    double sum = 0, own = v[a];
    for (int64_t t = g->start[a]; t < g->start[a + 1]; t++) {
      sum += g->weight[t] * (own - v[g->to[t]]);
    }
    out[a] = sum;
  }
}
