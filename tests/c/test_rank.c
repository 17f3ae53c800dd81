#include "rank.h"

#include <stdlib.h>
#include <string.h>

#include "absorb.h"
#include "minunit.h"
#include "xorshift.h"

/* A second copy in which the allocation number fail_at fails. */
static int allocations, fail_at = -1;
static void *scarce_malloc(size_t size) {
  return allocations++ == fail_at ? NULL : malloc(size);
}
static void *scarce_calloc(size_t n, size_t size) {
  return allocations++ == fail_at ? NULL : calloc(n, size);
}
fe_status scarce_cycle_rank(const fe_cells *cells, int edges, int64_t most, const fe_exec *exec,
                            int64_t *rank, int *exact);
#define malloc scarce_malloc
#define calloc scarce_calloc
#define fe_cycle_rank scarce_cycle_rank
#include "../../src/core/rank.c"
#undef malloc
#undef calloc
#undef fe_cycle_rank

static const fe_exec alone = {1, NULL, NULL};

/* in 0..n-1 */
static int below(int n) { return (int)(draw() % (uint32_t)n); }

/* ---- problems and their oracle: elimination of dense dummies in long double ----------------- */

enum { N = 240, Q = 5, LEVELS = 240 };

typedef struct {
  int n, q, n_levels[Q], code[Q][N];
  double weight[N];
  const double *w;
} problem;

/* Rank of the dummies of the given factors. */
static int dense_rank(const problem *p, const int *factor, int k) {
  static long double d[N][LEVELS];
  int columns = 0, rank = 0;
  memset(d, 0, sizeof d);
  for (int f = 0; f < k; columns += p->n_levels[factor[f++]]) {
    for (int i = 0; i < p->n; i++) {
      d[i][columns + p->code[factor[f]][i] - 1] = !p->w || p->w[i] > 0;
    }
  }
  for (int j = 0; j < columns && rank < p->n; j++) {
    int best = rank;
    for (int i = rank; i < p->n; i++) best = fabsl(d[i][j]) > fabsl(d[best][j]) ? i : best;
    if (fabsl(d[best][j]) < 1e-9L) continue;
    for (int l = j; l < columns; l++) {
      long double swapped = d[best][l];
      d[best][l] = d[rank][l];
      d[rank][l] = swapped;
    }
    for (int i = rank + 1; i < p->n; i++) {
      long double c = d[i][j] / d[rank][j];
      for (int l = j; l < columns && c != 0; l++) d[i][l] -= c * d[rank][l];
    }
    rank++;
  }
  return rank;
}

/* Codes of which every one is used if there are enough rows. */
static void random_factor(problem *p, int f, int levels) {
  p->n_levels[f] = levels;
  for (int i = 0; i < p->n; i++) {
    p->code[f][i] = 1 + (i < levels ? i : below(levels));
  }
  for (int i = p->n - 1; i > 0; i--) {
    int j = below(i + 1), c = p->code[f][i];
    p->code[f][i] = p->code[f][j];
    p->code[f][j] = c;
  }
}

enum { PLAIN, NESTED, COPIED, DISCONNECTED, CONNECTED_BY_ONE, BANDED, KINDS };

static void tangle(problem *p, int kind) {
  int last = p->q - 1, of = below(last);
  for (int i = 0; i < p->n; i++) {
    int *c = &p->code[last][i];
    switch (kind) {
      case NESTED: *c = 1 + p->code[of][i] * 7 % p->n_levels[last]; break;
      case COPIED: *c = p->code[of][i]; break;
      case DISCONNECTED:
      case CONNECTED_BY_ONE:
        for (int f = 0; f < p->q; f++) {
          int half = p->n_levels[f] / 2;
          if (half < 1 || (kind == CONNECTED_BY_ONE && i == 0)) continue;
          p->code[f][i] = 1 + (p->code[f][i] - 1) % half + (i % 2 ? half : 0);
        }
        break;
      case BANDED:
        for (int f = 0; f < p->q; f++) {
          int at = i * p->n_levels[f] / p->n + below(3);
          p->code[f][i] = 1 + at % p->n_levels[f];
        }
        break;
      default: break;
    }
  }
  if (kind == COPIED) p->n_levels[last] = p->n_levels[of];
}

static void random_problem(problem *p, int kind) {
  memset(p, 0, sizeof *p);
  int most_rows = below(2) ? 60 : N;
  p->q = 3 + below(3);
  p->n = 1 + below(most_rows);
  for (int f = 0; f < p->q; f++) {
    int most_levels = below(3) ? 12 : 40;
    random_factor(p, f, 1 + below(most_levels));
  }
  tangle(p, kind);
  if (below(2)) {
    int share = 2 + below(6);
    for (int i = 0; i < p->n; i++) p->weight[i] = below(share) ? 0.5 + below(3) : 0;
    p->w = p->weight;
  }
}

/* ---- the cells of a problem: factor 0 is the lead, factor 1 the second ---------------------- */

typedef struct {
  fe_cells view;
  int64_t start[N + 2];
  int cell[N * Q], edges;
  double w[N];
  int64_t most, truth;
} cells;

static void put_in_lead_order(const problem *p, cells *out) {
  int m = p->q - 1, base[Q] = {0}, at = 0;
  memset(out, 0, sizeof *out);
  for (int f = 1; f < p->q; f++) base[f] = f > 1 ? base[f - 1] + p->n_levels[f - 1] : 0;
  for (int g = 1; g <= p->n_levels[0]; g++) {
    for (int i = 0; i < p->n; i++) {
      if (p->code[0][i] != g) continue;
      for (int u = 0; u < m; u++) {
        out->cell[at * m + u] = base[u + 1] + p->code[u + 1][i] - 1;
      }
      out->w[at++] = p->weight[i];
    }
    out->start[g] = at;
  }
  out->view = (fe_cells){p->n_levels[0], m, base[m] + p->n_levels[m], out->start, out->cell,
                         p->w ? out->w : NULL, 0, 0, p->n_levels[1]};
}

static void make_cells(const problem *p, cells *out) {
  static const int all[] = {0, 1, 2, 3, 4};
  int lead = dense_rank(p, all, 1), both = dense_rank(p, all, 2);
  put_in_lead_order(p, out);
  out->edges = both - lead;
  out->truth = dense_rank(p, all, p->q) - both;
  for (int f = 2; f < p->q; f++) {
    int pair[] = {0, f};
    out->most += dense_rank(p, pair, 2) - lead;
  }
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void the_rank_is_that_of_the_dummies(void) {
  static problem p;
  static cells c;
  for (int kind = 0; kind < KINDS; kind++) {
    int reached = 0, below = 0;
    for (int t = 0; t < 120; t++) {
      int64_t rank = -1, again = -1;
      int exact = -1;
      random_problem(&p, kind);
      make_cells(&p, &c);
      check(fe_cycle_rank(&c.view, c.edges, c.most, &alone, &rank, &exact) == FE_OK);
      check(exact == 1 && rank == c.truth);
      reached += c.truth == c.most;
      below += c.truth < c.most;
      /* a bound that is not tight changes nothing */
      check(fe_cycle_rank(&c.view, c.edges, c.most + 1, &alone, &again, &exact) == FE_OK);
      check(exact == 1 && again == rank);
    }
    check(reached > 0 && below > 0); /* both ends of the search are tried */
  }
}

/* Three factors on a cyclic band: the levels of the third are tied to the sum of the two before up
 * to one cycle that goes all the way round. */
static void a_single_long_cycle_is_found(void) {
  static problem p;
  static cells c;
  for (int twist = 0; twist < 2; twist++) {
    int64_t rank;
    int exact;
    memset(&p, 0, sizeof p);
    p.n = 2 * 60;
    p.q = 3;
    p.n_levels[0] = p.n_levels[1] = 60;
    p.n_levels[2] = 2;
    for (int i = 0; i < p.n; i++) {
      p.code[0][i] = 1 + i / 2;
      p.code[1][i] = 1 + (i + 1) / 2 % 60;
      p.code[2][i] = 1 + (twist && i == 77);
    }
    make_cells(&p, &c);
    check(c.truth == twist);
    check(fe_cycle_rank(&c.view, c.edges, 1, &alone, &rank, &exact) == FE_OK);
    check(exact == 1 && rank == twist);
  }
}

static void which_factor_is_the_second_does_not_matter(void) {
  static problem p, swapped;
  static cells c, d;
  for (int t = 0; t < 60; t++) {
    int64_t rank, other;
    int exact;
    random_problem(&p, t % KINDS);
    swapped = p;
    memcpy(swapped.code[1], p.code[p.q - 1], sizeof p.code[1]);
    memcpy(swapped.code[p.q - 1], p.code[1], sizeof p.code[1]);
    swapped.n_levels[1] = p.n_levels[p.q - 1];
    swapped.n_levels[p.q - 1] = p.n_levels[1];
    make_cells(&p, &c);
    make_cells(&swapped, &d);
    check(fe_cycle_rank(&c.view, c.edges, c.most, &alone, &rank, &exact) == FE_OK);
    c.view.second = p.q - 2; /* the same cells, read the other way */
    c.view.levels = p.n_levels[p.q - 1];
    c.view.first = c.view.p - c.view.levels;
    check(fe_cycle_rank(&c.view, d.edges, d.most, &alone, &other, &exact) == FE_OK);
    check(rank + c.edges == other + d.edges);
  }
}

/* A connected graph of lead levels with four rows each, at random in `levels` of the second and as
 * many of the third factor: the rows of the known cycles fill up. */
static void search_at_random(int levels, int64_t *rank, int *exact) {
  int n_lead = 5 * levels;
  int64_t *start = malloc(((size_t)n_lead + 1) * sizeof *start);
  int *cell = malloc(8 * (size_t)n_lead * sizeof *cell);
  if (!check(start && cell)) return;
  for (int g = 0; g <= n_lead; g++) start[g] = 4 * g;
  for (int t = 0; t < 4 * n_lead; t++) {
    cell[2 * t] = below(levels);
    cell[2 * t + 1] = levels + below(levels);
  }
  for (int l = 0; l < levels; l++) { /* a chain through all levels of either */
    cell[8 * l] = cell[8 * ((l + 1) % levels) + 2] = l;
    cell[8 * l + 1] = cell[8 * ((l + 1) % levels) + 3] = levels + l;
  }
  fe_cells c = {n_lead, 2, 2 * levels, start, cell, NULL, 0, 0, levels};
  check(fe_cycle_rank(&c, levels - 1, levels - 1, &alone, rank, exact) == FE_OK);
  free(start);
  free(cell);
}

static void what_costs_too_much_is_not_called_exact(void) {
  int64_t rank;
  int exact;
  search_at_random(200, &rank, &exact);
  check(exact == 1 && rank == 199);
  search_at_random(2000, &rank, &exact);
  check(exact == 0 && rank > 0 && rank < 1999);
  search_at_random(8000, &rank, &exact);
  check(exact == 0 && rank > 0 && rank < 7999);
}

static void failing_allocations_are_reported(void) {
  static problem p;
  static cells c;
  int64_t rank = 0;
  int exact, failures = 0;
  do random_problem(&p, CONNECTED_BY_ONE);
  while (make_cells(&p, &c), c.truth == c.most || c.truth < 8);
  for (fail_at = 0;; fail_at++) {
    allocations = 0;
    fe_status status = scarce_cycle_rank(&c.view, c.edges, c.most, &alone, &rank, &exact);
    if (allocations <= fail_at) {
      check(status == FE_OK && rank == c.truth);
      break;
    }
    failures += check(status == FE_ENOMEM);
  }
  check(failures >= 17); /* of which the last are for cycles */
  fail_at = -1;
}

static int stop_at_once(void *data) {
  ++*(int *)data;
  return 1;
}

static void a_poll_can_stop_it(void) {
  enum { ROWS = 2 * POLL_STEPS };
  int64_t *start = malloc((ROWS / 2 + 1) * sizeof *start), rank;
  int *cell = malloc(2 * ROWS * sizeof *cell), exact, calls = 0;
  if (!check(start && cell)) return;
  for (int g = 0; g <= ROWS / 2; g++) start[g] = 2 * g;
  for (int t = 0; t < ROWS; t++) { /* the third factor is the second: nothing to be found */
    cell[2 * t] = t % 2;
    cell[2 * t + 1] = 2 + t % 2;
  }
  fe_exec exec = {1, stop_at_once, &calls};
  fe_cells c = {ROWS / 2, 2, 4, start, cell, NULL, 0, 0, 2};
  check(fe_cycle_rank(&c, 1, 1, &exec, &rank, &exact) == FE_EINTR && calls == 1);
  check(fe_cycle_rank(&c, 1, 1, &alone, &rank, &exact) == FE_OK && rank == 0 && exact == 1);
  free(start);
  free(cell);
}

static void products_modulo_the_prime_are_right(void) {
  for (int t = 0; t < 1000; t++) {
    uint64_t x = random_residue(draw()), y = random_residue(draw()), slow = 0;
    for (int bit = 60; bit >= 0; bit--) { /* doubling and adding */
      slow = plus(slow, slow);
      if (x >> bit & 1) slow = plus(slow, y);
    }
    check(times(x, y) == slow && times(x, inverse(x)) == 1);
    check(plus(minus(x, y), y) == x);
  }
  check(times(prime - 1, prime - 1) == 1 && reduce(prime) == 0);
}

int main(void) {
  run(products_modulo_the_prime_are_right);
  run(the_rank_is_that_of_the_dummies);
  run(a_single_long_cycle_is_found);
  run(which_factor_is_the_second_does_not_matter);
  run(what_costs_too_much_is_not_called_exact);
  run(failing_allocations_are_reported);
  run(a_poll_can_stop_it);
  return report();
}
