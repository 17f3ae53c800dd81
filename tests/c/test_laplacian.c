#include "laplacian.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "minunit.h"
#include "xorshift.h"

/* A second copy of laplacian.c in which the allocation number fail_at fails. */
static int allocations, fail_at;
static void *scarce_malloc(size_t size) {
  return allocations++ == fail_at ? NULL : malloc(size);
}
static void *scarce_calloc(size_t n, size_t size) {
  return allocations++ == fail_at ? NULL : calloc(n, size);
}
static void *scarce_grow(void *old, size_t used, size_t size) {
  return allocations++ == fail_at ? NULL : fe_grow_large(old, used, size);
}
fe_status scarce_new(const fe_graph *g, const double *mass, double exact_budget, uint64_t seed,
                     const fe_exec *exec, fe_laplacian **out);
void scarce_free(fe_laplacian *l);
int scarce_exact(const fe_laplacian *l);
int64_t scarce_size(const fe_laplacian *l);
int scarce_components(const fe_laplacian *l);
void scarce_solve(const fe_laplacian *l, const double *r, double *x);
#define malloc scarce_malloc
#define fe_malloc_large scarce_malloc
#define calloc scarce_calloc
#define fe_grow_large scarce_grow
#define fe_laplacian_new scarce_new
#define fe_laplacian_free scarce_free
#define fe_laplacian_exact scarce_exact
#define fe_laplacian_size scarce_size
#define fe_laplacian_components scarce_components
#define fe_laplacian_solve scarce_solve
#include "../../src/core/laplacian.c"
#undef malloc
#undef fe_malloc_large
#undef calloc
#undef fe_grow_large
#undef fe_laplacian_new
#undef fe_laplacian_free
#undef fe_laplacian_exact
#undef fe_laplacian_size
#undef fe_laplacian_components
#undef fe_laplacian_solve

static const fe_exec alone = {1, NULL, NULL};

#define AFFORDABLE 1e9

/* ---- graphs --------------------------------------------------------------------------------- */

typedef struct {
  int p, n, room;
  int64_t *start;
  int *end; /* two an edge */
  double *w;
} edge_set;

static edge_set no_edges(int p, int room) {
  edge_set s = {.p = p, .room = room};
  s.start = calloc((size_t)room + 1, sizeof *s.start);
  s.end = calloc(2 * (size_t)room + 1, sizeof *s.end);
  s.w = calloc(2 * (size_t)room + 1, sizeof *s.w);
  return s;
}

/* A lead level with two cells of weight 2w leaves an edge of weight w. */
static void add_edge(edge_set *s, int a, int b, double w) {
  if (s->n == s->room || a == b) return;
  s->end[2 * s->n] = a;
  s->end[2 * s->n + 1] = b;
  s->w[2 * s->n] = s->w[2 * s->n + 1] = 2 * w;
  s->n++;
  s->start[s->n] = 2 * s->n;
}

static fe_graph graph_of(edge_set s) {
  fe_graph g;
  check(fe_graph_new(s.p, s.n, s.start, s.end, s.w, &alone, &g) == FE_OK);
  free(s.start);
  free(s.end);
  free(s.w);
  return g;
}

/* 10^(span/2 * [-1, 1)) */
static double spread(double span) { return pow(10, span * uniform()); }

static fe_graph random_graph(int p, int edges, double span) {
  edge_set s = no_edges(p, edges);
  for (int i = 0; i < edges; i++) {
    int a = (int)(draw() % (unsigned)p), b = (int)(draw() % (unsigned)p);
    add_edge(&s, a, b, spread(span));
  }
  return graph_of(s);
}

static fe_graph random_tree(int p, double span) {
  edge_set s = no_edges(p, p);
  for (int v = 1; v < p; v++) {
    int a = (int)(draw() % (unsigned)v);
    add_edge(&s, v, a, spread(span));
  }
  return graph_of(s);
}

static fe_graph band(int p, int width, double span) {
  edge_set s = no_edges(p, p * width);
  for (int v = 0; v < p; v++) {
    for (int u = v + 1; u <= v + width && u < p; u++) add_edge(&s, v, u, spread(span));
  }
  return graph_of(s);
}

static fe_graph grid(int side, double span) {
  edge_set s = no_edges(side * side, 2 * side * side);
  for (int i = 0; i < side; i++) {
    for (int j = 0; j < side; j++) {
      if (i > 0) add_edge(&s, i * side + j, (i - 1) * side + j, spread(span));
      if (j > 0) add_edge(&s, i * side + j, i * side + j - 1, spread(span));
    }
  }
  return graph_of(s);
}

/* Three components of their own kind and ten isolated vertices, their numbers mixed. */
static fe_graph disconnected(double span) {
  edge_set s = no_edges(310, 3000);
  for (int v = 1; v < 300; v++) {
    int part = v % 3, other = (int)(draw() % (unsigned)v);
    for (int k = 0; k <= 4 * part; k++) {
      add_edge(&s, v, part + 3 * ((other + k) % (v / 3 + 1)), spread(span));
    }
  }
  return graph_of(s);
}

/* ---- judges --------------------------------------------------------------------------------- */

/* Sum of flows along the edges: zero in every component. */
static void range_vector(const fe_graph *g, double *r) {
  memset(r, 0, (size_t)g->p * sizeof *r);
  for (int v = 0; v < g->p; v++) {
    for (int64_t t = g->start[v]; t < g->start[v + 1]; t++) {
      double flow = g->weight[t] * uniform();
      r[v] += flow;
      r[g->to[t]] -= flow;
    }
  }
}

/* Largest |r - S x| over |S||x| + |r|. */
static double backward_error(const fe_graph *g, const double *x, const double *r) {
  double worst = 0;
  for (int v = 0; v < g->p; v++) {
    double left = r[v], size = fabs(r[v]);
    for (int64_t t = g->start[v]; t < g->start[v + 1]; t++) {
      left -= g->weight[t] * (x[v] - x[g->to[t]]);
      size += g->weight[t] * (fabs(x[v]) + fabs(x[g->to[t]]));
    }
    if (!(fabs(left) <= worst * size)) worst = fabs(left) / size;
  }
  return worst;
}

static double weighted_degree(const fe_graph *g, int v) {
  double sum = 0;
  for (int64_t t = g->start[v]; t < g->start[v + 1]; t++) sum += g->weight[t];
  return sum;
}

/* Components, by spreading labels. */
static int count_components(const fe_graph *g, int *label) {
  int n = g->p, changed = 1;
  for (int v = 0; v < g->p; v++) label[v] = v;
  while (changed) {
    changed = 0;
    for (int v = 0; v < g->p; v++) {
      for (int64_t t = g->start[v]; t < g->start[v + 1]; t++) {
        if (label[g->to[t]] >= label[v]) continue;
        label[v] = label[g->to[t]];
        changed = 1;
      }
    }
  }
  for (int v = 0; v < g->p; v++) n -= label[v] != v;
  return n;
}

/* Largest |mean of x, weighted by the degrees|, of a component, over the mean of |x|. */
static double worst_mean(const fe_graph *g, const int *label, const double *x) {
  double worst = 0;
  for (int c = 0; c < g->p; c++) {
    double sum = 0, size = 0;
    if (label[c] != c) continue;
    for (int v = 0; v < g->p; v++) {
      double d = label[v] == c ? weighted_degree(g, v) : 0;
      sum += d * x[v];
      size += d * fabs(x[v]);
    }
    if (!(fabs(sum) <= worst * size)) worst = fabs(sum) / size;
  }
  return worst;
}

/* Judges an exact factor, and frees the graph. */
static void check_exact(fe_graph g, double tol) {
  size_t p = (size_t)g.p + 1;
  double *r = malloc(p * sizeof *r), *x = malloc(p * sizeof *x);
  int *label = malloc(p * sizeof *label);
  fe_laplacian *l;
  check(fe_laplacian_new(&g, NULL, AFFORDABLE, 1, &alone, &l) == FE_OK);
  check(fe_laplacian_exact(l));
  check(fe_laplacian_size(l) >= g.p - fe_laplacian_components(l));
  check(fe_laplacian_components(l) == count_components(&g, label));
  range_vector(&g, r);
  fe_laplacian_solve(l, r, x);
  check(backward_error(&g, x, r) <= tol);
  check(worst_mean(&g, label, x) <= tol);
  fe_laplacian_free(l);
  fe_graph_free(&g);
  free(r);
  free(x);
  free(label);
}

/* Steps of preconditioned conjugate gradients to a residual of 1e-12 of the beginning. */
static int cg_steps(const fe_graph *g, const fe_laplacian *l, int most) {
  size_t p = (size_t)g->p;
  double *block = calloc(5 * p, sizeof *block), rho = 0, first = 0, now;
  double *x = block, *r = x + p, *z = r + p, *dir = z + p, *image = dir + p;
  int steps = 0;
  range_vector(g, r);
  fe_laplacian_solve(l, r, dir);
  for (size_t v = 0; v < p; v++) {
    rho += r[v] * dir[v];
    first += r[v] * r[v];
  }
  do {
    double curvature = 0, next = 0;
    fe_graph_apply(g, dir, image);
    for (size_t v = 0; v < p; v++) curvature += dir[v] * image[v];
    now = 0;
    for (size_t v = 0; v < p; v++) {
      x[v] += rho / curvature * dir[v];
      r[v] -= rho / curvature * image[v];
      now += r[v] * r[v];
    }
    fe_laplacian_solve(l, r, z);
    for (size_t v = 0; v < p; v++) next += r[v] * z[v];
    for (size_t v = 0; v < p; v++) dir[v] = z[v] + next / rho * dir[v];
    rho = next;
  } while (++steps < most && !(sqrt(now) <= 1e-12 * sqrt(first)));
  free(block);
  return steps;
}

/* ---- the tests ------------------------------------------------------------------------------ */

static void exact_factor_solves_any_graph(void) {
  for (int wide = 0; wide < 2; wide++) {
    double span = 12.0 * wide;
    check_exact(random_graph(200, 400, span), 1e-13);
    check_exact(random_graph(60, 3000, span), 1e-13);
    check_exact(band(1000, 1, span), 1e-12);
    check_exact(band(500, 9, span), 1e-12);
    check_exact(random_tree(1000, span), 1e-12);
    check_exact(grid(25, span), 1e-12);
    check_exact(disconnected(span), 1e-13);
    check_exact(band(80, 79, span), 1e-13);
  }
}

static void graphs_that_fill_slowly_are_exact(void) {
  fe_laplacian *l;
  fe_graph g = band(3000, 20, 1);
  check(fe_laplacian_new(&g, NULL, 3e6, 1, &alone, &l) == FE_OK);
  check(fe_laplacian_exact(l) && fe_laplacian_size(l) == g.start[g.p] / 2);
  fe_laplacian_free(l);
  fe_graph_free(&g);
  g = random_tree(5000, 1);
  check(fe_laplacian_new(&g, NULL, 0, 1, &alone, &l) == FE_OK); /* a tree needs no budget */
  check(fe_laplacian_exact(l) && fe_laplacian_size(l) == 4999);
  fe_laplacian_free(l);
  fe_graph_free(&g);
}

static void hubs_are_no_burden(void) {
  edge_set s = no_edges(20001, 40000);
  for (int v = 1; v <= 20000; v++) {
    add_edge(&s, 0, v, spread(2));
    add_edge(&s, v, v % 20000 + 1, spread(2));
  }
  check_exact(graph_of(s), 1e-11);
}

static void small_and_empty_graphs_have_answers(void) {
  check_exact(random_graph(2, 20, 1), 1e-15);
  double x[5] = {1, 2, 3, 4, 5};
  for (int p = 0; p <= 5; p += p ? 4 : 1) {
    fe_graph g = graph_of(no_edges(p, 0));
    fe_laplacian *l;
    check(fe_laplacian_new(&g, NULL, 0, 1, &alone, &l) == FE_OK);
    check(fe_laplacian_components(l) == p && fe_laplacian_size(l) == 0);
    fe_laplacian_solve(l, x, x);
    for (int v = 0; v < p; v++) check(x[v] == 0);
    fe_laplacian_free(l);
    fe_graph_free(&g);
  }
  fe_laplacian_free(NULL);
}

static void approximate_factor_preconditions(void) {
  fe_graph graphs[4] = {random_graph(3000, 30000, 1), grid(60, 0), grid(60, 8),
                        band(2000, 12, 3)};
  const int most[4] = {24, 36, 36, 28};
  for (int i = 0; i < 4; i++) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
      fe_laplacian *l;
      check(fe_laplacian_new(graphs + i, NULL, 0, seed, &alone, &l) == FE_OK);
      check(!fe_laplacian_exact(l));
      check(cg_steps(graphs + i, l, 1000) <= most[i]);
      fe_laplacian_free(l);
    }
    fe_graph_free(graphs + i);
  }
}

static void budget_decides_between_exact_and_approximate(void) {
  fe_graph g = grid(60, 0);
  int64_t size[3];
  int steps[3];
  const double budget[3] = {0, 60000, AFFORDABLE};
  for (int i = 0; i < 3; i++) {
    fe_laplacian *l;
    check(fe_laplacian_new(&g, NULL, budget[i], 1, &alone, &l) == FE_OK);
    check(fe_laplacian_exact(l) == (i == 2));
    size[i] = fe_laplacian_size(l);
    steps[i] = cg_steps(&g, l, 1000);
    fe_laplacian_free(l);
  }
  check(size[0] < size[1] && size[1] < size[2]);
  check(steps[0] > steps[1] && steps[1] > steps[2] && steps[2] <= 2);
  fe_graph_free(&g);
}

static double product(const double *a, const double *b, int p) {
  double sum = 0;
  for (int v = 0; v < p; v++) sum += a[v] * b[v];
  return sum;
}

static void operator_is_symmetric_positive_and_blind_to_the_null_space(void) {
  fe_graph graphs[2] = {random_graph(600, 2400, 2), disconnected(2)};
  for (int i = 0; i < 4; i++) {
    const fe_graph *g = graphs + i / 2;
    double budget = i % 2 ? AFFORDABLE : 0;
    double x[600], y[600], mx[600], my[600];
    fe_laplacian *l;
    check(fe_laplacian_new(g, NULL, budget, 7, &alone, &l) == FE_OK);
    check(fe_laplacian_exact(l) == (budget > 0));
    for (int trial = 0; trial < 20; trial++) {
      for (int v = 0; v < g->p; v++) x[v] = uniform();
      for (int v = 0; v < g->p; v++) y[v] = uniform();
      fe_laplacian_solve(l, x, mx);
      fe_laplacian_solve(l, y, my);
      double scale = sqrt(product(x, mx, g->p) * product(y, my, g->p));
      check(product(x, mx, g->p) > 0);
      check(fabs(product(x, my, g->p) - product(y, mx, g->p)) <= 1e-12 * scale);
    }
    for (int v = 0; v < g->p; v++) y[v] = x[v] + 100 * weighted_degree(g, v);
    fe_laplacian_solve(l, y, my);
    for (int v = 0; v < g->p; v++) check_near(my[v], mx[v], 1e-10);
    fe_laplacian_free(l);
  }
  fe_graph_free(graphs);
  fe_graph_free(graphs + 1);
}

/* A heavy vertex of small degree: what rounding leaves there is no reason to move the others. */
static void masses_say_where_the_null_space_is_taken_out(void) {
  enum { VERTICES = 200, ANCHOR = 3 };
  fe_graph g = random_graph(VERTICES, 800, 5);
  double mass[VERTICES], r[VERTICES], x[VERTICES], y[VERTICES], sum = 0, size = 0, moved = 0;
  for (int v = 0; v < VERTICES; v++) mass[v] = v == ANCHOR ? 1e12 : weighted_degree(&g, v) + 1;
  for (int exact = 0; exact < 2; exact++) {
    fe_laplacian *l;
    check(fe_laplacian_new(&g, mass, exact ? AFFORDABLE : 0, 5, &alone, &l) == FE_OK);
    range_vector(&g, r);
    fe_laplacian_solve(l, r, x);
    for (int v = 0; v < VERTICES; v++) {
      sum += mass[v] * x[v];
      size += mass[v];
      moved = fmax(moved, fabs(x[v]));
    }
    check(!exact || backward_error(&g, x, r) <= 1e-12);
    check(fabs(sum) <= 1e-14 * moved * size);
    for (int v = 0; v < VERTICES; v++) y[v] = r[v] + 1e-6 * mass[v];
    fe_laplacian_solve(l, y, y);
    for (int v = 0; v < VERTICES; v++) check_near(y[v], x[v], 1e-7);
    for (int v = 0; v < VERTICES; v++) y[v] = v == ANCHOR;
    fe_laplacian_solve(l, y, y);
    for (int v = 0; v < VERTICES; v++) check(fabs(y[v]) < 1e-8);
    fe_laplacian_free(l);
  }
  fe_graph_free(&g);
}

static void seed_decides_every_bit(void) {
  enum { VERTICES = 1000 };
  fe_graph g = random_graph(VERTICES, 8000, 1);
  double r[VERTICES], x[3][VERTICES];
  const uint64_t seed[3] = {5, 5, 5 + ((uint64_t)1 << 40)};
  range_vector(&g, r);
  for (int i = 0; i < 3; i++) {
    fe_laplacian *l;
    fe_laplacian_new(&g, NULL, 0, seed[i], &alone, &l);
    fe_laplacian_solve(l, r, x[i]);
    fe_laplacian_free(l);
  }
  check(memcmp(x[0], x[1], sizeof x[0]) == 0);
  check(memcmp(x[0], x[2], sizeof x[0]) != 0);
  fe_graph_free(&g);
}

/* The edges drawn for a star, against its clique. */
static void sampled_cliques_are_right_on_average(void) {
  enum { LEAVES = 7, TRIALS = 20000 };
  double total = 0, clique[LEAVES][LEAVES], sum[LEAVES][LEAVES] = {{0}}, w = 0;
  edge e[LEAVES];
  int n_failures = 0;
  elimination s = {.key = {3, 4}};
  vertex vertices[LEAVES] = {{0}};
  double later[LEAVES];
  s.vertex = vertices;
  s.later = later;
  for (int i = 0; i < LEAVES; i++) {
    e[i] = (edge){i + 1, i, 1 + i % COPIES};
    w += e[i].weight;
    vertices[i].e = malloc((SMALLEST << 2) * sizeof(edge));
    vertices[i].size = 2;
  }
  for (int trial = 0; trial < TRIALS; trial++) {
    n_failures += !join_some(&s, e, LEAVES);
    for (int i = 0; i < LEAVES; i++) {
      for (int t = 0; t < vertices[i].n; t++) {
        sum[i][vertices[i].e[t].to] += vertices[i].e[t].weight / TRIALS;
      }
      vertices[i].n = 0;
    }
  }
  for (int i = 0; i < LEAVES; i++) {
    for (int j = 0; j < LEAVES; j++) {
      clique[i][j] = i == j ? 0 : e[i].weight * e[j].weight / w;
      total += clique[i][j];
      check(sum[i][j] == sum[j][i]);
      check_near(sum[i][j], clique[i][j], 0.02);
    }
    free(vertices[i].e);
  }
  check(total > 10 && n_failures == 0);
}

static int polls;
static int poll_once(void *data) { return ++polls > *(int *)data; }

static void poll_stops_the_work(void) {
  fe_graph g = band(450, 449, 1);
  for (int answers = 0; answers < 2; answers++) {
    fe_exec exec = {1, poll_once, &answers};
    fe_laplacian *l = (fe_laplacian *)&g;
    polls = 0;
    check(fe_laplacian_new(&g, NULL, AFFORDABLE, 1, &exec, &l) == FE_EINTR);
    check(l == NULL && polls == answers + 1);
  }
  fe_graph_free(&g);
}

static void failed_allocations_are_said_and_leave_nothing(void) {
  fe_graph g = random_graph(60, 400, 1);
  for (int budget = 0; budget < 2; budget++) {
    int failures = 0;
    fe_status status;
    do {
      fe_laplacian *l = (fe_laplacian *)&g;
      allocations = 0;
      fail_at = failures;
      status = scarce_new(&g, NULL, budget * AFFORDABLE, 1, &alone, &l);
      check(status == FE_ENOMEM ? l == NULL : status == FE_OK && allocations == failures);
      scarce_free(l);
    } while (status == FE_ENOMEM && ++failures < 5000);
    check(failures > 12 && status == FE_OK);
  }
  fe_graph_free(&g);
}

int main(void) {
  run(exact_factor_solves_any_graph);
  run(graphs_that_fill_slowly_are_exact);
  run(hubs_are_no_burden);
  run(small_and_empty_graphs_have_answers);
  run(approximate_factor_preconditions);
  run(budget_decides_between_exact_and_approximate);
  run(operator_is_symmetric_positive_and_blind_to_the_null_space);
  run(masses_say_where_the_null_space_is_taken_out);
  run(seed_decides_every_bit);
  run(sampled_cliques_are_right_on_average);
  run(poll_stops_the_work);
  run(failed_allocations_are_said_and_leave_nothing);
  return report();
}
