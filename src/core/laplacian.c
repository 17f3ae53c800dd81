#include "laplacian.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "parallel.h"
#include "rng.h"

#define HEAVY 0.25     /* part of the weight at its ends that makes an edge heavy */
#define COPIES 2       /* a heavy edge counts as so many when a clique is sampled */
#define SMALL 1e5      /* twice the edges of a graph that is never too large to be exact */
#define GROWTH 0.5     /* see in_full() */
enum { POLL_VERTICES = 262144 };
#define POLL_EVERY 2e7 /* touched entries between polls: some 50 ms */

/* Lists have room for SMALLEST << 0, 1, 2, ... edges, and are carved from chunks. */
enum { SMALLEST = 8, SIZES = 28, CHUNK = 1 << 20 };

struct fe_laplacian {
  int p, components, exact;
  int *order;      /* vertices as they were eliminated */
  int64_t *start;  /* p + 1: column of order[k] at start[k] .. start[k + 1] - 1 */
  int64_t room;
  int *to;         /* the neighbours of a vertex when it was eliminated */
  double *share;   /* their edges' part of its weight: minus the factor's entries */
  double *inverse; /* of its weight; of its component's masses for the last of a component */
  double *mass;    /* forward-substituted masses; of the last of a component, their sum */
  int *last;       /* the vertex eliminated last in the component of each */
};

/* ---- the graph left over -------------------------------------------------------------------- */

typedef struct {
  double weight;
  int to;
  int copies; /* 1..COPIES */
} edge;

/* A vertex with its edges: the first `clean` without duplicates when they were tidied last, then
 * what was added since; `dead` of them lead to eliminated vertices. n - dead is at least the
 * degree. e is NULL as long as the edges are those of the graph at the beginning. */
typedef struct {
  edge *e;
  int n, size, clean, dead; /* room for SMALLEST << size */
  int bucket;       /* place in the queue: n - dead, at most p - 1 */
  int next, before; /* others in the bucket; -1: none */
} vertex;

typedef struct {
  const fe_graph *g;
  fe_laplacian *f;
  vertex *vertex;
  int *head;     /* first vertex of each bucket; -1: none */
  int lowest;    /* no bucket before it holds a vertex */
  int *at;       /* position of a vertex in the list at work, if that position holds it; -1 for an
                    eliminated one */
  double *inverse; /* of the sum of weights at a vertex at the beginning; 0 for an isolated one */
  double *later; /* p: sums of weights from a position of a column to its end */
  double edges;  /* sum of n - dead */
  double edges_first; /* the same at the beginning */
  double budget;
  double touched, poll_at; /* entries */
  edge *spare[SIZES]; /* lists that are free, each beginning with the address of the next */
  edge *chunks;       /* the same of all chunks */
  edge *fresh;        /* edges of the last chunk that were never used */
  int64_t left;
  uint32_t key[2];
  uint64_t drawn; /* blocks of four words */
  uint32_t word[4];
  int unread;
} elimination;

/* ---- the queue ------------------------------------------------------------------------------ */

static void leave_queue(elimination *s, const vertex *v) {
  if (v->before >= 0) {
    s->vertex[v->before].next = v->next;
  } else {
    s->head[v->bucket] = v->next;
  }
  if (v->next >= 0) s->vertex[v->next].before = v->before;
  s->edges -= v->bucket;
}

static int bucket_of(const elimination *s, const vertex *v) {
  return v->n - v->dead < s->f->p ? v->n - v->dead : s->f->p - 1;
}

static void enter_queue(elimination *s, vertex *v) {
  int at = (int)(v - s->vertex);
  v->bucket = bucket_of(s, v);
  v->before = -1;
  v->next = s->head[v->bucket];
  if (v->next >= 0) s->vertex[v->next].before = at;
  s->head[v->bucket] = at;
  if (v->bucket < s->lowest) s->lowest = v->bucket;
  s->edges += v->bucket;
}

static void requeue(elimination *s, vertex *v) {
  if (bucket_of(s, v) == v->bucket) return;
  leave_queue(s, v);
  enter_queue(s, v);
}

static int least_degree(elimination *s) {
  while (s->head[s->lowest] < 0) s->lowest++;
  return s->head[s->lowest];
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void put(edge **list, void *e) {
  memcpy(e, list, sizeof *list);
  *list = e;
}

static void *take(edge **list) {
  void *e = *list;
  if (e) memcpy(list, e, sizeof *list);
  return e;
}

static edge *new_list(elimination *s, int size) {
  edge *e = size < SIZES ? take(s->spare + size) : NULL;
  if (e || size >= SIZES) return e;
  int64_t n = (int64_t)SMALLEST << size, all = s->g->start[s->f->p] + SMALLEST * (int64_t)s->f->p;
  if (s->left < n) {
    int64_t room = 1 + (all < CHUNK ? all : CHUNK) + n;
    edge *chunk = fe_malloc_large((size_t)room * sizeof *chunk);
    if (!chunk) return NULL;
    put(&s->chunks, chunk);
    s->fresh = chunk + 1;
    s->left = room - 1;
  }
  e = s->fresh;
  s->fresh += n;
  s->left -= n;
  return e;
}

/* Moves the edges of v to a list of the given size. */
static int move_to(elimination *s, vertex *v, int size) {
  edge *e = new_list(s, size);
  if (!e) return 0;
  if (v->e) {
    memcpy(e, v->e, (size_t)v->n * sizeof *e);
    put(s->spare + v->size, v->e);
  }
  v->e = e;
  v->size = size;
  return 1;
}

/* Gives vertex v a list of its own. An edge with a large part of the weight at its ends counts
 * twice: such an edge is more than one draw should carry. */
static int fetch(elimination *s, vertex *v) {
  const fe_graph *g = s->g;
  const double *inverse = s->inverse;
  if (v->e) return 1;
  int size = 0;
  while (size < SIZES && SMALLEST << size < v->n - v->dead) size++;
  if (!move_to(s, v, size)) return 0;
  int i = (int)(v - s->vertex), n = 0;
  for (int64_t t = g->start[i]; t < g->start[i + 1]; t++) {
    int to = g->to[t];
    if (s->at[to] < 0) continue;
    double part = g->weight[t] * (inverse[i] + inverse[to]);
    v->e[n++] = (edge){g->weight[t], to, part > HEAVY ? COPIES : 1};
  }
  v->n = v->clean = n;
  v->dead = 0;
  return 1;
}

static int push(elimination *s, vertex *v, int to, double weight, int copies) {
  if (v->n == SMALLEST << v->size && !move_to(s, v, v->size + 1)) return 0;
  v->e[v->n++] = (edge){weight, to, copies};
  return 1;
}

static void merge(edge *e, double weight, int copies) {
  e->weight += weight;
  e->copies = e->copies + copies < COPIES ? e->copies + copies : COPIES;
}

/* Drops edges to eliminated vertices, merges duplicates. at then holds the places of all left. */
static void tidy(elimination *s, vertex *v) {
  edge *e = v->e;
  int *at = s->at, n = 0, t = 0;
  for (; t < v->clean; t++) {
    if (at[e[t].to] < 0) continue;
    at[e[t].to] = n;
    e[n++] = e[t];
  }
  for (; t < v->n; t++) {
    int to = e[t].to, i = at[to];
    if (i < 0) continue;
    if (i < n && e[i].to == to) {
      merge(e + i, e[t].weight, e[t].copies);
    } else {
      at[to] = n;
      e[n++] = e[t];
    }
  }
  s->touched += v->n;
  v->n = v->clean = n;
  v->dead = 0;
}

/* ---- cliques -------------------------------------------------------------------------------- */

/* Adds the clique's edges at the neighbour e[a] of the eliminated vertex to its list: at once where
 * it is short, else for later. */
static int join_one(elimination *s, const edge *e, const double *share, int d, int a) {
  vertex *v = s->vertex + e[a].to;
  int at_once = v->n <= 4 * d + 16;
  if (!fetch(s, v)) return 0;
  if (at_once) tidy(s, v);
  for (int b = 0; b < d; b++) {
    int to = e[b].to, i = s->at[to];
    double weight = e[a].weight * share[b];
    if (b == a) continue;
    if (at_once && i < v->n && v->e[i].to == to) {
      merge(v->e + i, weight, 1);
      continue;
    }
    s->at[to] = v->n;
    if (!push(s, v, to, weight, 1)) return 0;
  }
  s->touched += d;
  if (at_once) v->clean = v->n;
  return 1;
}

static int join_all(elimination *s, const edge *e, const double *share, int d) {
  for (int a = 0; a < d && d > 1; a++) {
    if (!join_one(s, e, share, d, a)) return 0;
  }
  return 1;
}

/* Sorts by weight (Shell's method). */
static void sort_edges(edge *e, int d) {
  int gap = 1;
  while (gap < d / 3) gap = 3 * gap + 1;
  for (; gap > 0; gap /= 3) {
    for (int i = gap; i < d; i++) {
      edge x = e[i];
      int j = i;
      for (; j >= gap && e[j - gap].weight > x.weight; j -= gap) e[j] = e[j - gap];
      e[j] = x;
    }
  }
}

/* on [0, 1) */
static double next_uniform(elimination *s) {
  if (s->unread == 0) {
    s->word[0] = (uint32_t)s->drawn;
    s->word[1] = (uint32_t)(s->drawn >> 32);
    s->word[2] = 0;
    s->word[3] = 1; /* draws of another kind than those of replicates */
    fe_philox4x32(s->word, s->key);
    s->drawn++;
    s->unread = 4;
  }
  s->unread -= 2;
  uint64_t high = s->word[s->unread], low = s->word[s->unread + 1];
  return (double)((high << 32 | low) >> 11) * 0x1p-53;
}

/* Each edge i draws, for each of its copies, one of the edges after it with a chance in proportion
 * to the weights w_j; the new edge's weight makes its expectation w_i w_j / w. e is sorted. */
static int join_some(elimination *s, const edge *e, int d) {
  double *later = s->later;
  double sum = 0;
  for (int i = d - 1; i >= 0; i--) {
    later[i] = sum += e[i].weight;
    if (!fetch(s, s->vertex + e[i].to)) return 0;
  }
  for (int i = 0; i < d - 1; i++) {
    double weight = e[i].weight * (later[i + 1] / sum) / e[i].copies;
    for (int c = 0; c < e[i].copies; c++) {
      double u = next_uniform(s) * later[i + 1];
      int low = i + 1, high = d - 1;
      while (low < high) {
        int middle = low + (high - low + 1) / 2;
        if (later[middle] > u) {
          low = middle;
        } else {
          high = middle - 1;
        }
      }
      if (!push(s, s->vertex + e[i].to, e[low].to, weight, 1)) return 0;
      if (!push(s, s->vertex + e[low].to, e[i].to, weight, 1)) return 0;
    }
  }
  s->touched += 100.0 * d; /* an edge drawn takes as long as so many merged */
  return 1;
}

/* Whether the clique of the column e, the k-th, is added in full: where that is no more than would
 * be drawn, or as long as it can be afforded. Bands and trees shrink as they are eliminated; a
 * graph that grows has no good separators, and is better sampled before it explodes, because what
 * is left must be drawn from. Growth means less the fewer vertices that is. */
static int in_full(elimination *s, const edge *e, int d, int k) {
  double pairs = (double)d * (d - 1) / 2, copies = 0, gone = (double)k / s->f->p;
  double most = s->edges_first * (1 + GROWTH * gone * gone);
  for (int i = 0; i < d; i++) copies += e[i].copies;
  if (pairs > s->budget || s->edges > (most > SMALL ? most : SMALL)) s->budget = 0;
  if (pairs > copies && pairs > s->budget) return 0;
  s->budget -= pairs;
  return 1;
}

/* ---- elimination ---------------------------------------------------------------------------- */

static int make_room(fe_laplacian *f, int64_t used, int more) {
  if (used + more <= f->room) return 1;
  int64_t room = f->room + f->room / 2 + more;
  int *to = fe_grow_large(f->to, (size_t)used * sizeof *to, (size_t)room * sizeof *to);
  if (to) f->to = to;
  double *share =
      fe_grow_large(f->share, (size_t)used * sizeof *share, (size_t)room * sizeof *share);
  if (share) f->share = share;
  if (!to || !share) return 0;
  f->room = room;
  return 1;
}

static int eliminate(elimination *s, int i, int k) {
  fe_laplacian *f = s->f;
  vertex *v = s->vertex + i;
  int64_t start = f->start[k];
  double weight = 0;
  leave_queue(s, v);
  if (!fetch(s, v)) return 0;
  if (v->dead || v->clean < v->n) tidy(s, v);
  s->at[i] = -1;
  int d = v->n;
  edge *e = v->e;
  if (!make_room(f, start, d)) return 0;
  int full = in_full(s, e, d, k);
  if (!full) sort_edges(e, d);
  for (int t = 0; t < d; t++) weight += e[t].weight;
  for (int t = 0; t < d; t++) {
    f->to[start + t] = e[t].to;
    f->share[start + t] = e[t].weight / weight;
    s->vertex[e[t].to].dead++;
  }
  f->order[k] = i;
  f->start[k + 1] = start + d;
  f->inverse[i] = 1 / weight;
  f->exact &= full;
  f->components += d == 0;
  if (full ? !join_all(s, e, f->share + start, d) : !join_some(s, e, d)) return 0;
  for (int t = 0; t < d; t++) {
    vertex *other = s->vertex + e[t].to;
    if (other->n - other->clean > other->clean / 2 + 8) tidy(s, other);
    requeue(s, other);
  }
  put(s->spare + v->size, e);
  return 1;
}

static fe_status eliminate_all(elimination *s, const fe_exec *exec) {
  for (int k = 0; k < s->f->p; k++) {
    if (!eliminate(s, least_degree(s), k)) return FE_ENOMEM;
    if (s->touched < s->poll_at) continue;
    s->poll_at = s->touched + POLL_EVERY;
    if (fe_poll(exec)) return FE_EINTR;
  }
  return FE_OK;
}

static fe_status begin(elimination *s, const fe_graph *g, const fe_exec *exec) {
  size_t p = (size_t)g->p + 1;
  s->g = g;
  s->vertex = calloc(p, sizeof *s->vertex);
  s->head = malloc(p * sizeof *s->head);
  s->at = calloc(p, sizeof *s->at);
  s->inverse = malloc(p * sizeof *s->inverse);
  s->later = malloc(p * sizeof *s->later);
  if (!s->vertex || !s->head || !s->at || !s->inverse || !s->later) return FE_ENOMEM;
  for (int v = 0; v < g->p; v++) s->head[v] = -1;
  for (int v = g->p - 1; v >= 0; v--) {
    if (v % POLL_VERTICES == 0 && fe_poll(exec)) return FE_EINTR;
    double weight = 0;
    for (int64_t t = g->start[v]; t < g->start[v + 1]; t++) weight += g->weight[t];
    s->inverse[v] = weight > 0 ? 1 / weight : 0;
    s->f->mass[v] = weight;
    s->vertex[v].n = s->vertex[v].clean = (int)(g->start[v + 1] - g->start[v]);
    enter_queue(s, s->vertex + v);
  }
  s->edges_first = s->edges;
  return FE_OK;
}

static void end(elimination *s) {
  for (edge *chunk = take(&s->chunks); chunk; chunk = take(&s->chunks)) free(chunk);
  free(s->vertex);
  free(s->head);
  free(s->at);
  free(s->inverse);
  free(s->later);
}

/* ---- the interface -------------------------------------------------------------------------- */

/* y <- L^-1 y */
static void forward(const fe_laplacian *f, double *y) {
  for (int k = 0; k < f->p; k++) {
    double own = y[f->order[k]];
    for (int64_t t = f->start[k]; t < f->start[k + 1]; t++) y[f->to[t]] += f->share[t] * own;
  }
}

/* Prepares the centring. */
static void sum_masses(fe_laplacian *f) {
  forward(f, f->mass);
  for (int k = f->p - 1; k >= 0; k--) {
    int v = f->order[k], is_last = f->start[k] == f->start[k + 1];
    f->last[v] = is_last ? v : f->last[f->to[f->start[k]]];
    if (is_last) f->inverse[v] = f->mass[v] > 0 ? 1 / f->mass[v] : 0;
  }
}

static fe_status allocate(fe_laplacian *f, const fe_graph *g) {
  size_t p = (size_t)g->p + 1;
  f->p = g->p;
  f->exact = 1;
  f->room = g->start[g->p] / 2 + 1;
  f->order = malloc(p * sizeof *f->order);
  f->start = calloc(p, sizeof *f->start);
  f->to = fe_malloc_large((size_t)f->room * sizeof *f->to);
  f->share = fe_malloc_large((size_t)f->room * sizeof *f->share);
  f->inverse = malloc(p * sizeof *f->inverse);
  f->mass = malloc(p * sizeof *f->mass);
  f->last = malloc(p * sizeof *f->last);
  int complete = f->order && f->start && f->to && f->share && f->inverse && f->mass && f->last;
  return complete ? FE_OK : FE_ENOMEM;
}

fe_status fe_laplacian_new(const fe_graph *g, const double *mass, double exact_budget,
                           uint64_t seed, const fe_exec *exec, fe_laplacian **out) {
  fe_laplacian *f = calloc(1, sizeof *f);
  elimination s = {.f = f, .budget = exact_budget};
  s.key[0] = (uint32_t)seed;
  s.key[1] = (uint32_t)(seed >> 32);
  *out = NULL;
  if (!f) return FE_ENOMEM;
  fe_status status = allocate(f, g);
  if (!status) status = begin(&s, g, exec);
  if (!status) status = eliminate_all(&s, exec);
  end(&s);
  if (status) {
    fe_laplacian_free(f);
    return status;
  }
  if (mass) memcpy(f->mass, mass, (size_t)f->p * sizeof *f->mass);
  sum_masses(f);
  *out = f;
  return FE_OK;
}

void fe_laplacian_free(fe_laplacian *f) {
  if (!f) return;
  free(f->order);
  free(f->start);
  free(f->to);
  free(f->share);
  free(f->inverse);
  free(f->mass);
  free(f->last);
  free(f);
}

int fe_laplacian_exact(const fe_laplacian *f) { return f->exact; }

int64_t fe_laplacian_size(const fe_laplacian *f) { return f->start[f->p]; }

int fe_laplacian_components(const fe_laplacian *f) { return f->components; }

/* With u = L^-1 mass, U = sum of masses and s, t the last entries of a component: L^-1 C r is
 * y - u s / U for y = L^-1 r, and the last entry of the solution, which makes the mean zero, is
 * -u'z / U for z the other entries of D^-1 L^-1 C r. */
void fe_laplacian_solve(const fe_laplacian *f, const double *r, double *x) {
  if (x != r) memcpy(x, r, (size_t)f->p * sizeof *x);
  forward(f, x);
  for (int k = 0; k < f->p; k++) {
    int v = f->order[k], last = f->last[v];
    double excess = x[last] * f->inverse[last];
    x[v] = v == last ? 0 : (x[v] - f->mass[v] * excess) * f->inverse[v];
  }
  for (int v = 0; v < f->p; v++) {
    if (f->last[v] != v) x[f->last[v]] -= f->mass[v] * x[v];
  }
  for (int k = f->p - 1; k >= 0; k--) {
    int v = f->order[k];
    double sum = f->last[v] == v ? x[v] * f->inverse[v] : x[v];
    for (int64_t t = f->start[k]; t < f->start[k + 1]; t++) sum += f->share[t] * x[f->to[t]];
    x[v] = sum;
  }
}
