/* Rank of a sparse positive semi-definite matrix. */
#include <stdlib.h>
#include <string.h>

#include "slopes_private.h"

/* A pivot is the squared sine of the angle between a column and those eliminated before it. One
 * above LARGE is taken as it comes; a row that is no more than rounding depends on the others; what
 * lies between is left to the end, where pivots are chosen by size and count above SMALL_PIVOT. A
 * sparse operation takes as long as about SPARSE_COST dense ones. */
#define LARGE 1e-3
#define SMALL_PIVOT 1e-11
#define NOTHING 1e-13
#define NO_ENTRY 1e-10
#define SPARSE_COST 8
#define POLL_WORK 1e6

enum { TINY_REST = 32, FIRST_ROOM = 4 };

typedef struct {
  int to;
  double value;
} entry;

/* A row: its entries off the diagonal, without duplicates, and its place in the queue. */
typedef struct {
  entry *e;
  int n, room;
  int next, before; /* others in the bucket; -1: none */
  char queued, gone;
} sparse_row;

struct gram {
  int p, left; /* rows not eliminated */
  sparse_row *row;
  double *diagonal;
  int *mark; /* zero between uses */
  int *head; /* first row of each degree; -1: none */
  int lowest;
  double work, poll_at;
};

/* ---- construction --------------------------------------------------------------------------- */

gram *fe_gram_new(int p) {
  size_t size = (size_t)p + 1;
  gram *g = calloc(1, sizeof *g);
  if (!g) return NULL;
  g->p = g->left = p;
  g->row = calloc(size, sizeof *g->row);
  g->diagonal = calloc(size, sizeof *g->diagonal);
  g->mark = calloc(size, sizeof *g->mark);
  g->head = malloc(size * sizeof *g->head);
  if (g->row && g->diagonal && g->mark && g->head) return g;
  fe_gram_free(g);
  return NULL;
}

void fe_gram_free(gram *g) {
  if (!g) return;
  for (int v = 0; g->row && v < g->p; v++) free(g->row[v].e);
  free(g->row);
  free(g->diagonal);
  free(g->mark);
  free(g->head);
  free(g);
}

void fe_gram_set_diagonal(gram *g, int at, double value) { g->diagonal[at] = value; }

static fe_status append(sparse_row *r, int to, double value) {
  if (r->n == r->room) {
    int room = r->room ? 2 * r->room : FIRST_ROOM;
    entry *e = malloc((size_t)room * sizeof *e);
    if (!e) return FE_ENOMEM;
    if (r->n) memcpy(e, r->e, (size_t)r->n * sizeof *e);
    free(r->e);
    r->e = e;
    r->room = room;
  }
  r->e[r->n++] = (entry){to, value};
  return FE_OK;
}

fe_status fe_gram_add(gram *g, int at, int column, double value) {
  fe_status status = append(&g->row[at], column, value);
  return status ? status : append(&g->row[column], at, value);
}

/* ---- the queue ------------------------------------------------------------------------------ */

static void enter(gram *g, int v) {
  sparse_row *r = &g->row[v];
  r->queued = 1;
  r->before = -1;
  r->next = g->head[r->n];
  if (r->next >= 0) g->row[r->next].before = v;
  g->head[r->n] = v;
  if (r->n < g->lowest) g->lowest = r->n;
}

/* n: the degree with which it was entered. */
static void leave(gram *g, int v, int n) {
  sparse_row *r = &g->row[v];
  if (r->before >= 0) g->row[r->before].next = r->next; else g->head[n] = r->next;
  if (r->next >= 0) g->row[r->next].before = r->before;
  r->queued = 0;
}

/* The queued row of least degree; -1: none is left. */
static int least_degree(gram *g) {
  while (g->lowest < g->p && g->head[g->lowest] < 0) g->lowest++;
  return g->lowest < g->p ? g->head[g->lowest] : -1;
}

/* ---- elimination ---------------------------------------------------------------------------- */

static void remove_entry(sparse_row *r, int to) {
  int k = 0;
  while (r->e[k].to != to) k++;
  r->e[k] = r->e[--r->n];
}

/* Row `at` less its share of row v, of which it has the entry x. */
static fe_status update_row(gram *g, int at, int v, double x) {
  sparse_row *r = &g->row[at];
  const sparse_row *from = &g->row[v];
  double inverse = 1 / g->diagonal[v];
  fe_status status = FE_OK;
  remove_entry(r, v);
  int before = r->n;
  for (int k = 0; k < before; k++) g->mark[r->e[k].to] = k + 1;
  for (int k = 0; k < from->n && !status; k++) {
    int to = from->e[k].to;
    double change = -(x * from->e[k].value) * inverse;
    if (to == at) continue;
    if (g->mark[to]) r->e[g->mark[to] - 1].value += change; else status = append(r, to, change);
  }
  for (int k = 0; k < before; k++) g->mark[r->e[k].to] = 0;
  g->diagonal[at] = fmax(0.0, g->diagonal[at] - x * x * inverse);
  g->work += before + from->n;
  return status;
}

static int has_entries(const sparse_row *r) {
  for (int k = 0; k < r->n; k++) {
    if (fabs(r->e[k].value) > NO_ENTRY) return 1;
  }
  return 0;
}

/* Takes row v out, as a pivot or as one that depends on others. */
static fe_status take_out(gram *g, int v, int as_pivot) {
  sparse_row *r = &g->row[v];
  fe_status status = FE_OK;
  for (int k = 0; k < r->n && !status; k++) {
    int at = r->e[k].to, n = g->row[at].n, queued = g->row[at].queued;
    if (queued) leave(g, at, n);
    if (as_pivot) status = update_row(g, at, v, r->e[k].value); else remove_entry(&g->row[at], v);
    if (queued) enter(g, at);
  }
  free(r->e);
  r->e = NULL;
  r->n = r->room = 0;
  r->gone = 1;
  g->left--;
  return status;
}

/* ---- the dense rest ------------------------------------------------------------------------- */

static fe_status rest_rank(gram *g, stopper *stop, int64_t *rank, int *doubtful) {
  size_t p = (size_t)g->left;
  double *s = calloc(p * p + 1, sizeof *s);
  int at = 0, rest = 0;
  if (!s) return FE_ENOMEM;
  for (int v = 0; v < g->p; v++) {
    if (!g->row[v].gone) g->mark[v] = at++;
  }
  for (int v = 0; v < g->p; v++) {
    const sparse_row *r = &g->row[v];
    if (r->gone) continue;
    size_t column = (size_t)g->mark[v];
    s[column * p + column] = g->diagonal[v];
    for (int k = 0; k < r->n; k++) {
      size_t other = (size_t)g->mark[r->e[k].to];
      if (other > column) s[column * p + other] = r->e[k].value;
    }
  }
  fe_status status = fe_slopes_dense_rank(s, g->left, SMALL_PIVOT, stop, &rest, doubtful);
  *rank += rest;
  free(s);
  return status;
}

static int rest_is_dense(const gram *g, int v) {
  double degree = v < 0 ? g->left : g->row[v].n, left = g->left;
  return v < 0 || left <= TINY_REST || SPARSE_COST * degree * degree > left * left;
}

static void fill_queue(gram *g) {
  g->lowest = g->p;
  for (int n = 0; n <= g->p; n++) g->head[n] = -1;
  for (int v = g->p - 1; v >= 0; v--) enter(g, v);
}

fe_status fe_gram_rank(gram *g, double work, int dense, stopper *stop, int64_t *rank, int *found,
                       int *doubtful) {
  fe_status status = FE_OK;
  *rank = *doubtful = 0;
  *found = 1;
  fill_queue(g);
  while (!status) {
    int v = least_degree(g);
    if (g->left <= dense && (rest_is_dense(g, v) || g->work > work)) break;
    *found = v >= 0 && g->work <= work;
    if (!*found) return FE_OK;
    leave(g, v, g->row[v].n);
    double pivot = g->diagonal[v];
    int as_pivot = pivot > LARGE, depends = pivot < NOTHING && !has_entries(&g->row[v]);
    *rank += as_pivot;
    if (as_pivot || depends) status = take_out(g, v, as_pivot);
    if (status || g->work < g->poll_at) continue;
    g->poll_at = g->work + POLL_WORK;
    if (fe_slopes_must_stop(stop, 0)) status = FE_EINTR;
  }
  return status ? status : rest_rank(g, stop, rank, doubtful);
}
