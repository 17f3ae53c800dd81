#include "graph.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "minunit.h"
#include "parallel.h"
#include "xorshift.h"

/* A second copy of graph.c in which the allocation number fail_at fails, or the parallel loop
 * number stop_at is stopped. */
static int allocations, fail_at, loops, stop_at;
static void *scarce_malloc(size_t size) {
  return allocations++ == fail_at ? NULL : malloc(size);
}
static void *scarce_calloc(size_t n, size_t size) {
  return allocations++ == fail_at ? NULL : calloc(n, size);
}
static void *scarce_realloc(void *old, size_t size) {
  return allocations++ == fail_at ? NULL : realloc(old, size);
}
static void *scarce_grow(void *old, size_t used, size_t size) {
  return allocations++ == fail_at ? NULL : fe_grow_large(old, used, size);
}
static fe_status scarce_parallel_for(const fe_exec *exec, int64_t n_tasks, fe_task task,
                                     void *data) {
  return loops++ == stop_at ? FE_EINTR : fe_parallel_for(exec, n_tasks, task, data);
}
fe_status scarce_cost(int p, int n_lead, const int64_t *start, const int *cell, const double *w,
                      const fe_exec *exec, double *pairs);
fe_status scarce_new(int p, int n_lead, const int64_t *start, const int *cell, const double *w,
                     const fe_exec *exec, fe_graph *out);
void scarce_free(fe_graph *g);
void scarce_apply(const fe_graph *g, const double *v, double *out);
#define malloc scarce_malloc
#define fe_malloc_large scarce_malloc
#define calloc scarce_calloc
#define realloc scarce_realloc
#define fe_grow_large scarce_grow
#define fe_parallel_for scarce_parallel_for
#define fe_graph_cost scarce_cost
#define fe_graph_new scarce_new
#define fe_graph_free scarce_free
#define fe_graph_apply scarce_apply
#include "../../src/core/graph.c"
#undef malloc
#undef fe_malloc_large
#undef calloc
#undef realloc
#undef fe_grow_large
#undef fe_parallel_for
#undef fe_graph_cost
#undef fe_graph_new
#undef fe_graph_free
#undef fe_graph_apply

static const fe_exec alone = {1, NULL, NULL};

enum { P = 40, LEVELS = 90, LONGEST = 12 };

typedef struct {
  int64_t start[LEVELS + 1];
  int cell[LEVELS * LONGEST];
  double w[LEVELS * LONGEST];
} cells;

/* Levels of 0 to LONGEST cells, vertices occurring again and again; those below `parts` times P / 4
 * are met only by levels of their own quarter, the last three by none. span: orders of magnitude
 * of the weights, some of which are zero. */
static cells random_cells(int parts, double span) {
  cells c = {.start = {0}};
  for (int g = 0; g < LEVELS; g++) {
    int n = (int)(draw() % (LONGEST + 1)), quarter = g % 4;
    for (int u = 0; u < n; u++) {
      int64_t t = c.start[g] + u;
      int any = (int)(draw() % P);
      c.cell[t] = quarter < parts ? quarter * (P / 4) + any % (P / 4) : any;
      if (c.cell[t] >= P - 3) c.cell[t] -= 3;
      c.w[t] = draw() % 8 ? pow(10, span * uniform()) : 0;
    }
    c.start[g + 1] = c.start[g] + n;
  }
  return c;
}

/* S by its definition. */
static void dense(const cells *c, const double *w, long double s[P][P]) {
  memset(s, 0, P * sizeof *s);
  for (int g = 0; g < LEVELS; g++) {
    long double sum[P] = {0}, whole = 0;
    for (int64_t t = c->start[g]; t < c->start[g + 1]; t++) {
      long double weight = w ? w[t] : 1;
      sum[c->cell[t]] += weight;
      whole += weight;
      s[c->cell[t]][c->cell[t]] += weight;
    }
    for (int a = 0; whole > 0 && a < P; a++) {
      for (int b = 0; b < P; b++) s[a][b] -= sum[a] * sum[b] / whole;
    }
  }
}

static int is_dense(const fe_graph *g, long double s[P][P]) {
  int ok = g->p == P && g->start[0] == 0;
  for (int a = 0; a < P; a++) {
    double row[P] = {0};
    for (int64_t t = g->start[a]; t < g->start[a + 1]; t++) {
      int b = g->to[t];
      ok &= b >= 0 && b < P && b != a && row[b] == 0 && g->weight[t] > 0;
      row[b] = g->weight[t];
    }
    for (int b = 0; b < P; b++) {
      if (b != a) ok &= fabsl(row[b] + s[a][b]) <= 1e-14L * fabsl(s[a][b]);
    }
  }
  return ok;
}

static void graph_is_the_schur_complement(void) {
  static long double s[P][P];
  for (int trial = 0; trial < 60; trial++) {
    cells c = random_cells(trial % 5, trial % 3 * 6);
    const double *w = trial % 2 ? c.w : NULL;
    fe_graph g;
    dense(&c, w, s);
    check(fe_graph_new(P, LEVELS, c.start, c.cell, w, &alone, &g) == FE_OK);
    check(is_dense(&g, s));
    fe_graph_free(&g);
    check(g.start == NULL && g.to == NULL && g.weight == NULL);
  }
}

static void apply_is_multiplication_by_s(void) {
  static long double s[P][P];
  cells c = random_cells(1, 2);
  fe_graph g;
  double v[P], out[P];
  dense(&c, c.w, s);
  fe_graph_new(P, LEVELS, c.start, c.cell, c.w, &alone, &g);
  for (int a = 0; a < P; a++) v[a] = uniform();
  fe_graph_apply(&g, v, out);
  for (int a = 0; a < P; a++) {
    long double sum = 0;
    for (int b = 0; b < P; b++) sum += s[a][b] * v[b];
    check_near(out[a], (double)sum, 1e-13);
  }
  fe_graph_free(&g);
}

static void cost_counts_distinct_pairs(void) {
  cells c = random_cells(2, 1);
  for (int weighted = 0; weighted < 2; weighted++) {
    double expected = 0, pairs;
    for (int g = 0; g < LEVELS; g++) {
      int seen[P] = {0}, n = 0;
      for (int64_t t = c.start[g]; t < c.start[g + 1]; t++) {
        if (!weighted || c.w[t] > 0) n += !seen[c.cell[t]]++;
      }
      expected += n * (n - 1) / 2;
    }
    check(fe_graph_cost(P, LEVELS, c.start, c.cell, weighted ? c.w : NULL, &alone, &pairs) ==
          FE_OK);
    check(pairs == expected && expected > 100);
  }
}

static int same_bits(const fe_graph *a, const fe_graph *b) {
  size_t n = (size_t)a->start[a->p];
  return a->p == b->p && !memcmp(a->start, b->start, ((size_t)a->p + 1) * sizeof *a->start) &&
         !memcmp(a->to, b->to, n * sizeof *a->to) &&
         !memcmp(a->weight, b->weight, n * sizeof *a->weight);
}

static double weight_between(const fe_graph *g, int a, int b) {
  for (int64_t t = g->start[a]; t < g->start[a + 1]; t++) {
    if (g->to[t] == b) return g->weight[t];
  }
  return 0;
}

static void threads_and_ends_agree_in_every_bit(void) {
  enum { VERTICES = 3000, LEADS = 10000, EACH = 5 };
  static int64_t start[LEADS + 1];
  static int cell[LEADS * EACH];
  static double w[LEADS * EACH];
  fe_graph one, more;
  int symmetric = 1;
  for (int g = 0; g < LEADS; g++) {
    for (int t = EACH * g; t < EACH * (g + 1); t++) {
      cell[t] = (int)(draw() % (g % 2 ? 100 : VERTICES));
      w[t] = uniform() + 0.5;
    }
    start[g + 1] = EACH * (g + 1);
  }
  fe_graph_new(VERTICES, LEADS, start, cell, w, &alone, &one);
  for (int threads = 2; threads <= 4; threads += 2) {
    fe_exec exec = {threads, NULL, NULL};
    check(fe_graph_new(VERTICES, LEADS, start, cell, w, &exec, &more) == FE_OK);
    check(same_bits(&one, &more));
    fe_graph_free(&more);
  }
  for (int a = 0; a < VERTICES; a++) {
    for (int64_t t = one.start[a]; t < one.start[a + 1]; t++) {
      symmetric &= weight_between(&one, one.to[t], a) == one.weight[t];
    }
  }
  check(symmetric);
  fe_graph_free(&one);
}

static void nothing_to_join_leaves_an_empty_graph(void) {
  const int64_t start[3] = {0, 2, 4};
  const int cell[4] = {0, 0, 2, 1};
  const double w[4] = {1, 1, 1, 0};
  double pairs;
  for (int n_lead = 0; n_lead <= 2; n_lead++) {
    fe_graph g;
    check(fe_graph_new(3, n_lead, start, cell, w, &alone, &g) == FE_OK);
    check(g.p == 3 && g.start[3] == 0);
    fe_graph_free(&g);
    check(fe_graph_cost(3, n_lead, start, cell, w, &alone, &pairs) == FE_OK && pairs == 0);
  }
  fe_graph none;
  check(fe_graph_new(0, 0, start, cell, w, &alone, &none) == FE_OK && none.start[0] == 0);
  fe_graph_free(&none);
}

static void failures_are_said_and_leave_nothing(void) {
  cells c = random_cells(1, 2);
  double pairs;
  int failures = 0;
  stop_at = -1;
  for (fail_at = 0; fail_at == 0 || allocations >= fail_at; fail_at++) {
    fe_graph g;
    allocations = 0;
    fe_status status = scarce_new(P, LEVELS, c.start, c.cell, c.w, &alone, &g);
    failures += status == FE_ENOMEM;
    check(status == FE_OK || (status == FE_ENOMEM && !g.start && !g.to && !g.weight));
    scarce_free(&g);
  }
  check(failures > 12 && failures + 2 >= fail_at - 1);
  for (fail_at = 0; fail_at < 3; fail_at++) {
    allocations = 0;
    check(scarce_cost(P, LEVELS, c.start, c.cell, c.w, &alone, &pairs) == FE_ENOMEM);
  }
  fail_at = -1;
  for (stop_at = 0; stop_at < 3; stop_at++) {
    fe_graph g;
    loops = 0;
    check(scarce_new(P, LEVELS, c.start, c.cell, c.w, &alone, &g) == FE_EINTR);
    check(!g.start && !g.to && !g.weight);
  }
}

int main(void) {
  run(graph_is_the_schur_complement);
  run(apply_is_multiplication_by_s);
  run(cost_counts_distinct_pairs);
  run(threads_and_ends_agree_in_every_bit);
  run(nothing_to_join_leaves_an_empty_graph);
  run(failures_are_said_and_leave_nothing);
  return report();
}
