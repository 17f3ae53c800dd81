/* The graph that the lead leaves, its Laplacian's factor, and the rank from cycles. */
#include "fuzz.h"

#include "absorb.h"
#include "codes.h"
#include "graph.h"
#include "laplacian.h"

enum { P = MAX_N };

/* Rows in the order of factor 0; cells of factor 1. */
typedef struct {
  int n_lead, p;
  int64_t start[MAX_N + 1];
  int cell[MAX_N];
  const double *w;
  double weight[MAX_N];
  long double s[P][P]; /* the Schur complement */
} cells;

static void make_cells(const problem *p, cells *c) {
  int64_t order[MAX_N];
  memset(c, 0, sizeof *c);
  c->n_lead = p->n_levels[0];
  c->p = p->n_levels[1];
  c->w = p->w ? c->weight : NULL;
  fe_order_by(p->code[0], c->n_lead, p->codes.n, c->start, order);
  for (int t = 0; t < p->codes.n; t++) {
    c->cell[t] = p->code[1][order[t]] - 1;
    c->weight[t] = weight_of(p, (int)order[t]);
  }
  for (int g = 0; g < c->n_lead; g++) {
    long double all = 0;
    for (int64_t t = c->start[g]; t < c->start[g + 1]; t++) all += c->weight[t];
    for (int64_t t = c->start[g]; t < c->start[g + 1] && all > 0; t++) {
      for (int64_t v = c->start[g]; v < c->start[g + 1]; v++) {
        if (c->cell[t] == c->cell[v]) continue;
        long double edge = c->weight[t] * (c->weight[v] / all);
        c->s[c->cell[t]][c->cell[v]] -= edge;
        c->s[c->cell[t]][c->cell[t]] += edge;
      }
    }
  }
}

static double entry(const fe_graph *g, int row, int column) {
  double sum = 0;
  for (int64_t t = g->start[row]; t < g->start[row + 1]; t++) {
    if (g->to[t] == column) sum += g->weight[t];
  }
  return sum;
}

static void check_graph(const cells *c, const fe_graph *g) {
  double pairs;
  int64_t edges = g->start[g->p] / 2;
  demand(fe_graph_cost(c->p, c->n_lead, c->start, c->cell, c->w, &alone, &pairs) == FE_OK);
  demand(g->p == c->p && pairs >= (double)edges && g->start[g->p] % 2 == 0);
  for (int v = 0; v < g->p; v++) {
    for (int u = 0; u < g->p; u++) {
      double have = entry(g, v, u), want = (double)-c->s[v][u];
      demand(have == entry(g, u, v));
      demand(u == v ? have == 0 : close_to(have, want, 1e-12, 1e-300));
    }
    for (int64_t t = g->start[v]; t < g->start[v + 1]; t++) demand(g->weight[t] > 0);
  }
}

static int count_components(const fe_graph *g) {
  int label[P], changed = 1, count = 0;
  for (int v = 0; v < g->p; v++) label[v] = v;
  while (changed) {
    changed = 0;
    for (int v = 0; v < g->p; v++) {
      for (int64_t t = g->start[v]; t < g->start[v + 1]; t++) {
        if (label[g->to[t]] <= label[v]) continue;
        label[g->to[t]] = label[v];
        changed = 1;
      }
    }
  }
  for (int v = 0; v < g->p; v++) count += label[v] == v;
  return count;
}

/* S x = r in the range where the factor is exact; symmetric and not negative in any case. */
static void check_factor(const fe_graph *g, double budget, int tame, bytes *b) {
  fe_laplacian *l;
  double y[P], z[P], r[P], s[P], x[P], u[P], back[P], dot = 0, cross = 0, other = 0, most = 0;
  demand(fe_laplacian_new(g, NULL, budget, take_word(b), &alone, &l) == FE_OK);
  demand(fe_laplacian_components(l) == count_components(g));
  demand(fe_laplacian_exact(l) || budget < 1e6);
  demand(fe_laplacian_size(l) >= 0);
  for (int v = 0; v < g->p; v++) {
    y[v] = take_plain(b);
    z[v] = take_plain(b);
  }
  fe_graph_apply(g, y, r);
  fe_graph_apply(g, z, s);
  fe_laplacian_solve(l, r, x);
  fe_laplacian_solve(l, s, u);
  for (int v = 0; v < g->p; v++) {
    demand(!tame || isfinite(x[v]));
    dot += r[v] * x[v];
    cross += s[v] * x[v];
    other += r[v] * u[v];
    most = fmax(most, fabs(r[v]) + fabs(s[v]));
  }
  if (tame) {
    demand(dot >= -1e-9 * most && fabs(cross - other) <= 1e-6 * (1 + most) * (1 + fabs(cross)));
    fe_graph_apply(g, x, back);
    for (int v = 0; v < g->p && fe_laplacian_exact(l); v++) {
      demand(close_to(back[v], r[v], 1e-9, most));
    }
  }
  fe_laplacian_free(l);
}

/* Cycles tell the rank of iterating solvers. */
static void check_rank(const problem *p, fe_solver solver) {
  basis dummies;
  fe_absorber *a;
  fe_control control = {solver, 1e-11, 1000};
  int exact;
  basis_of_dummies(p, 0, &dummies);
  demand(fe_absorber_new(&p->codes, p->w, &control, &alone, &a) == FE_OK);
  int64_t rank = fe_absorber_rank(a, &exact);
  demand(exact ? rank == dummies.rank : rank >= dummies.rank);
  fe_absorber_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bytes b = bytes_of(data, size);
  problem p;
  take_problem(&b, &p);
  check_rank(&p, FE_SOLVER_CG);
  if (p.codes.q < 2) return 0;
  static cells c;
  fe_graph g;
  make_cells(&p, &c);
  demand(fe_graph_new(c.p, c.n_lead, c.start, c.cell, c.w, &alone, &g) == FE_OK);
  int tame = 1;
  for (int i = 0; i < p.codes.n; i++) {
    tame = tame && (weight_of(&p, i) == 0 || fabs(log(weight_of(&p, i))) < 7);
  }
  if (tame) check_graph(&c, &g);
  check_factor(&g, 1e6, tame, &b);
  check_factor(&g, 0, tame, &b);
  fe_graph_free(&g);
  return 0;
}
