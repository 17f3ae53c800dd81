#include "slopes.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "parallel.h"
#include "xorshift.h"

/* A second copy of the slopes in which the allocation number fail_at fails. */
static int allocations, fail_at;
static void *scarce_malloc(size_t size) {
  return allocations++ == fail_at ? NULL : malloc(size);
}
static void *scarce_calloc(size_t n, size_t size) {
  return allocations++ == fail_at ? NULL : calloc(n, size);
}
fe_status scarce_new(const fe_terms *terms, const double *w, const fe_control *control,
                     const fe_exec *exec, fe_slopes **out);
void scarce_free(fe_slopes *a);
int64_t scarce_rank(const fe_slopes *a, int *exact);
fe_solver scarce_solver(const fe_slopes *a);
fe_status scarce_absorb(const fe_slopes *a, const double *const *in, double *const *out, int k,
                        const fe_exec *exec, fe_report *report);
fe_status scarce_effects(const fe_slopes *a, const double *x, const fe_exec *exec, double *gamma);
fe_status scarce_functional(const fe_slopes *a, const double *d0, const fe_exec *exec, double *x0,
                            double *defect);
fe_status scarce_leverage(const fe_slopes *a, double *h);
#define malloc scarce_malloc
#define calloc scarce_calloc
#define fe_slopes_new scarce_new
#define fe_slopes_free scarce_free
#define fe_slopes_rank scarce_rank
#define fe_slopes_solver scarce_solver
#define fe_slopes_absorb scarce_absorb
#define fe_slopes_effects scarce_effects
#define fe_slopes_functional scarce_functional
#define fe_slopes_leverage scarce_leverage
/* the slopes' own, see slopes_private.h */
#define fe_slopes_poll scarce_poll
#define fe_slopes_must_stop scarce_must_stop
#define fe_slopes_basis scarce_basis
#define fe_slopes_scratch_new scarce_scratch_new
#define fe_slopes_scratch_free scarce_scratch_free
#define fe_slopes_expand scarce_expand
#define fe_slopes_sweep scarce_sweep
#define fe_slopes_solve scarce_solve
#define fe_slopes_column scarce_column
#define fe_slopes_gather scarce_gather
#define fe_slopes_factor scarce_factor
#define fe_slopes_find_rank scarce_find_rank
#define fe_slopes_dense_rank scarce_dense_rank
#define fe_slopes_plan scarce_plan
#define fe_slopes_doubted scarce_doubted
#define fe_slopes_tail scarce_tail
#define fe_factor_pivoted scarce_factor_pivoted
#define fe_gather_factor scarce_gather_factor
#define fe_crossing_new scarce_crossing_new
#define fe_crossing_free scarce_crossing_free
#define fe_crossing_clear scarce_crossing_clear
#define fe_crossing_add scarce_crossing_add
#define fe_gram_new scarce_gram_new
#define fe_gram_free scarce_gram_free
#define fe_gram_set_diagonal scarce_gram_set_diagonal
#define fe_gram_add scarce_gram_add
#define fe_gram_rank scarce_gram_rank
#include "../../src/core/slopes.c"
#include "../../src/core/slopes_basis.c"
#include "../../src/core/slopes_effects.c"
#include "../../src/core/slopes_gram.c"
#include "../../src/core/slopes_pass.c"
#include "../../src/core/slopes_rank.c"
#include "../../src/core/slopes_schur.c"
#include "../../src/core/slopes_tail.c"
#undef malloc
#undef calloc
#undef fe_slopes_new
#undef fe_slopes_free
#undef fe_slopes_rank
#undef fe_slopes_solver
#undef fe_slopes_absorb
#undef fe_slopes_effects
#undef fe_slopes_functional
#undef fe_slopes_leverage

static const fe_exec alone = {1, NULL, NULL};

/* ---- the oracle: an orthonormal basis of W^1/2 D in long double ---------------------------- */

enum { N = 160, Q = 3, T = 8, COLUMNS = 320, K = 3 };

typedef struct {
  fe_terms terms;
  const int *view[Q];
  int code[Q][N], n_levels[Q], factor[T];
  const double *value_view[T];
  double value[T][N], weight[N];
  const double *w; /* NULL or weight */
  int rank;        /* of the basis */
  long double basis[COLUMNS][N];
} problem;

static double weight_of(const problem *p, int i) { return p->w ? p->w[i] : 1.0; }

static int64_t rows_of(const problem *p) { return p->terms.codes.n; }

/* Codes at random, every level used. */
static void start_problem(problem *p, int n, int q, const int *n_levels) {
  memset(p, 0, sizeof *p);
  p->terms = (fe_terms){{n, q, p->view, p->n_levels}, 0, p->factor, p->value_view};
  for (int f = 0; f < q; f++) {
    p->view[f] = p->code[f];
    p->n_levels[f] = n_levels[f];
    for (int i = 0; i < n; i++) {
      p->code[f][i] = (i < n_levels[f] ? i : (int)(draw() % (uint32_t)n_levels[f])) + 1;
    }
    for (int i = n - 1; i > 0; i--) {
      int j = (int)(draw() % (uint32_t)(i + 1)), c = p->code[f][i];
      p->code[f][i] = p->code[f][j];
      p->code[f][j] = c;
    }
  }
  for (int i = 0; i < n; i++) p->weight[i] = 0.5 + draw() % 4;
}

static void add_constant(problem *p, int f) {
  p->factor[p->terms.n_terms] = f;
  p->value_view[p->terms.n_terms++] = NULL;
}

/* A slope of factor f; its values are the caller's to fill. */
static double *add_slope(problem *p, int f) {
  int t = p->terms.n_terms;
  p->factor[t] = f;
  p->value_view[t] = p->value[t];
  p->terms.n_terms++;
  return p->value[t];
}

static void add_random_slope(problem *p, int f, double size, double mean) {
  double *v = add_slope(p, f);
  for (int i = 0; i < N; i++) v[i] = size * (mean + uniform());
}

static double column_of(const problem *p, int t, int i) {
  return p->value_view[t] ? p->value_view[t][i] : 1.0;
}

static void orthogonalise_long(const problem *p, long double *v) {
  for (int round = 0; round < 3; round++) {
    for (int b = 0; b < p->rank; b++) {
      long double c = 0;
      for (int i = 0; i < rows_of(p); i++) c += p->basis[b][i] * v[i];
      for (int i = 0; i < rows_of(p); i++) v[i] -= c * p->basis[b][i];
    }
  }
}

static long double norm_long(const long double *v, int64_t n) {
  long double square = 0;
  for (int i = 0; i < n; i++) square += v[i] * v[i];
  return sqrtl(square);
}

/* vanished: share of its norm below which a column counts as explained */
static void add_to_basis(problem *p, int t, int level, long double vanished) {
  long double *v = p->basis[p->rank];
  for (int i = 0; i < rows_of(p); i++) {
    v[i] = p->code[p->factor[t]][i] == level
               ? sqrtl((long double)weight_of(p, i)) * column_of(p, t, i) : 0;
  }
  long double whole = norm_long(v, rows_of(p));
  orthogonalise_long(p, v);
  long double left = norm_long(v, rows_of(p));
  if (!(left > vanished * whole)) return;
  for (int i = 0; i < rows_of(p); i++) v[i] /= left;
  p->rank++;
}

static void finish_with(problem *p, long double vanished) {
  p->rank = 0;
  for (int t = 0; t < p->terms.n_terms; t++) {
    for (int l = 1; l <= p->n_levels[p->factor[t]]; l++) add_to_basis(p, t, l, vanished);
  }
}

static void finish_problem(problem *p) { finish_with(p, 1e-11L); }

/* Largest difference of W^1/2 x~ from the oracle's, against the norm of W^1/2 x. */
static double error_of(const problem *p, const double *x, const double *residual) {
  long double v[N] = {0};
  double worst = 0;
  for (int i = 0; i < rows_of(p); i++) v[i] = sqrtl((long double)weight_of(p, i)) * x[i];
  double norm = (double)norm_long(v, rows_of(p));
  orthogonalise_long(p, v);
  for (int i = 0; i < rows_of(p); i++) {
    worst = fmax(worst, fabs(sqrt(weight_of(p, i)) * residual[i] - (double)v[i]));
  }
  return norm > 0 ? worst / norm : worst;
}

/* ---- residuals and ranks -------------------------------------------------------------------- */

static double x[K][N], r[K][N];
static const double *const in[K] = {x[0], x[1], x[2]};
static double *const out[K] = {r[0], r[1], r[2]};

static void random_columns(void) {
  for (int j = 0; j < K; j++) {
    for (int i = 0; i < N; i++) x[j][i] = uniform() + 10 * j;
  }
}

static fe_control use(fe_solver solver) { return (fe_control){.solver = solver, .tol = 1e-12,
                                                              .max_iter = 20000}; }

static fe_slopes *slopes_of(const problem *p, fe_solver solver) {
  fe_control control = use(solver);
  fe_slopes *a = NULL;
  check(fe_slopes_new(&p->terms, p->w, &control, &alone, &a) == FE_OK);
  return a;
}

static void agrees_with_the_oracle(const problem *p, fe_solver solver, double tol) {
  fe_report report;
  int exact;
  fe_slopes *a = slopes_of(p, solver);
  if (!a) return;
  random_columns();
  check(fe_slopes_absorb(a, in, out, K, &alone, &report) == FE_OK);
  check(report.solver == fe_slopes_solver(a) && report.solver != FE_SOLVER_AUTO);
  for (int j = 0; j < K; j++) check(error_of(p, x[j], r[j]) < tol);
  check(fe_slopes_rank(a, &exact) == p->rank);
  check(exact);
  fe_slopes_free(a);
}

static const fe_solver solvers[] = {FE_SOLVER_AUTO, FE_SOLVER_SCHUR, FE_SOLVER_CG};

static void all_solvers_agree(problem *p, double tol) {
  for (int weighted = 0; weighted < 2; weighted++) {
    p->w = weighted ? p->weight : NULL;
    finish_problem(p);
    for (int s = 0; s < 3; s++) agrees_with_the_oracle(p, solvers[s], tol);
  }
}

static void one_factor_is_a_regression_in_every_level(void) {
  static const int levels[] = {12};
  static problem p;
  for (int t = 0; t < 4; t++) {
    start_problem(&p, N, 1, levels);
    if (t != 1) add_constant(&p, 0);
    if (t >= 1) add_random_slope(&p, 0, 1, 0);
    if (t >= 2) add_random_slope(&p, 0, 1e150, 3);
    if (t >= 3) add_random_slope(&p, 0, 1e-200, -2);
    all_solvers_agree(&p, 1e-12);
    check(p.rank == 12 * p.terms.n_terms);
  }
}

static void several_factors_with_slopes_agree_with_a_basis_of_their_columns(void) {
  static const int levels[][Q] = {{20, 7, 4}, {6, 22, 3}, {1, 1, 1}, {1, 30, 2}};
  static problem p;
  for (int t = 0; t < 4; t++) {
    for (int q = 2; q <= Q; q++) {
      start_problem(&p, N, q, levels[t]);
      add_random_slope(&p, 0, 1, 1);
      for (int f = q - 1; f >= 0; f--) {
        if (f != 1 || t % 2) add_constant(&p, f);
        if (f < 2) add_random_slope(&p, f, 1, f);
      }
      all_solvers_agree(&p, 1e-12);
    }
  }
}

/* Rows of a panel, 20 x 8, less a few left to chance. */
static void start_panel(problem *p) {
  static const int levels[] = {20, 8};
  start_problem(p, N, 2, levels);
  for (int i = 0; i < N; i++) {
    p->code[0][i] = 1 + i / 8;
    p->code[1][i] = i % 11 ? 1 + i % 8 : 1 + (int)(draw() % 8);
  }
}

static void trends_beside_year_effects_lose_two_columns(void) {
  static problem p;
  start_panel(&p);
  add_constant(&p, 0);
  double *trend = add_slope(&p, 0);
  for (int i = 0; i < N; i++) trend[i] = 2000 + p.code[1][i];
  add_constant(&p, 1);
  all_solvers_agree(&p, 1e-12);
  check(p.rank == 40 + 8 - 2);
}

static void a_variable_sloped_in_two_factors_loses_a_column(void) {
  static problem p;
  start_panel(&p);
  for (int f = 0; f < 2; f++) {
    add_constant(&p, f);
    double *v = add_slope(&p, f);
    for (int i = 0; i < N; i++) v[i] = 5 + sin(i * 1.7);
  }
  all_solvers_agree(&p, 1e-12);
  check(p.rank == 40 + 16 - 2);
}

/* Constant in even levels, zero in the first, a copy of another column in odd ones. */
static void columns_that_depend_within_levels_are_counted_once(void) {
  static problem p;
  start_panel(&p);
  p.terms.codes.q = 1;
  add_constant(&p, 0);
  add_random_slope(&p, 0, 1, 4);
  double *v = add_slope(&p, 0);
  for (int i = 0; i < N; i++) {
    int id = p.code[0][i];
    v[i] = id == 1 ? 0.0 : id % 2 ? 3 * p.value[1][i] - 7.0 : 0.1 * id;
  }
  all_solvers_agree(&p, 1e-12);
  check(p.rank == 40);
  add_constant(&p, 0);
  all_solvers_agree(&p, 1e-12);
  check(p.rank == 40);
}

static void nested_factors_and_parts_without_a_link(void) {
  static const int levels[] = {24, 8, 6};
  static problem p;
  for (int t = 0; t < 2; t++) {
    start_problem(&p, N, 3, levels);
    for (int i = 0; i < N; i++) {
      int half = i % 2;
      if (t) {
        p.code[1][i] = 1 + (p.code[0][i] - 1) / 3;
      } else { /* two parts */
        for (int f = 0; f < 3; f++) {
          p.code[f][i] = 1 + (i / 2 % (levels[f] / 2)) + half * (levels[f] / 2);
        }
      }
    }
    for (int f = 0; f < 3; f++) add_constant(&p, f);
    add_random_slope(&p, 0, 1, 0);
    memcpy(add_slope(&p, 1), p.value[3], sizeof p.value[3]);
    all_solvers_agree(&p, 1e-12);
    if (t) check(p.rank == 48 + 5);
  }
}

static void rows_of_zero_weight_take_part_in_nothing(void) {
  static problem p;
  start_panel(&p);
  add_constant(&p, 0);
  add_random_slope(&p, 0, 1, 0);
  add_constant(&p, 1);
  for (int i = 0; i < N; i++) p.weight[i] = i < 14 || draw() % 5 == 0 ? 0.0 : 1 + draw() % 3;
  p.w = p.weight;
  finish_problem(&p);
  check(p.rank < 46);
  for (int s = 0; s < 3; s++) agrees_with_the_oracle(&p, solvers[s], 1e-12);
}

static void weights_over_twelve_orders_change_no_rank(void) {
  static problem p;
  for (int t = 0; t < 6; t++) {
    start_panel(&p);
    add_constant(&p, 0);
    add_constant(&p, 1);
    if (t % 2) {
      add_random_slope(&p, 1, 1, 2);
      memcpy(add_slope(&p, 0), p.value[2], sizeof p.value[2]);
    } else {
      double *trend = add_slope(&p, 0);
      for (int i = 0; i < N; i++) trend[i] = 2000 + p.code[1][i];
    }
    for (int i = 0; i < N; i++) p.weight[i] = pow(10, 12 * uniform());
    finish_problem(&p);
    int rank = p.rank;
    p.w = p.weight;
    finish_with(&p, 1e-12L);
    check(p.rank == rank);
    for (int s = 0; s < 3; s++) agrees_with_the_oracle(&p, solvers[s], 1e-12);
  }
}

static void the_number_of_threads_changes_no_bit(void) {
  enum { ROWS = 30000, COLS = 4 };
  static double column[COLS][ROWS], first[COLS][ROWS], again[COLS][ROWS];
  static double slope[ROWS], weight[ROWS];
  static int id[ROWS], year[ROWS];
  const int *code[] = {id, year};
  const int n_levels[] = {3000, 10}, factor[] = {0, 0, 1};
  const double *value[] = {NULL, slope, NULL}, *from[COLS];
  double *to[COLS], *to_again[COLS];
  for (int i = 0; i < ROWS; i++) {
    id[i] = 1 + i / 10;
    year[i] = 1 + i % 10;
    slope[i] = uniform();
    weight[i] = 1.5 + uniform();
    for (int j = 0; j < COLS; j++) column[j][i] = uniform();
  }
  for (int j = 0; j < COLS; j++) {
    from[j] = column[j];
    to[j] = first[j];
    to_again[j] = again[j];
  }
  fe_terms terms = {{ROWS, 2, code, n_levels}, 3, factor, value};
  for (int s = 1; s < 3; s++) {
    for (int threads = 1; threads <= 4; threads *= 2) {
      fe_control control = use(solvers[s]);
      fe_exec exec = {threads, NULL, NULL};
      fe_report report;
      fe_slopes *a;
      check(fe_slopes_new(&terms, weight, &control, &exec, &a) == FE_OK);
      check(fe_slopes_absorb(a, from, threads == 1 ? to : to_again, COLS, &exec, &report) ==
            FE_OK);
      if (threads > 1) check(memcmp(first, again, sizeof first) == 0);
      fe_slopes_free(a);
    }
  }
}

static void columns_of_any_unit_are_absorbed(void) {
  static problem p;
  fe_report report;
  start_panel(&p);
  add_constant(&p, 0);
  add_random_slope(&p, 0, 1, 0);
  add_constant(&p, 1);
  finish_problem(&p);
  fe_slopes *a = slopes_of(&p, FE_SOLVER_AUTO);
  random_columns();
  for (int i = 0; i < N; i++) {
    x[0][i] = ldexp(x[1][i], 900);
    x[2][i] = 0;
  }
  check(fe_slopes_absorb(a, in, out, K, &alone, &report) == FE_OK);
  for (int i = 0; i < N; i++) check(r[0][i] == ldexp(r[1][i], 900) && r[2][i] == 0);
  fe_slopes_free(a);
}

/* What is found where S is too large to be factored: an upper bound, and the rank by elimination of
 * the Gram matrix. Without weights the bases are those that both need. */
static int64_t bound_of(const problem *p) {
  fe_control control = use(FE_SOLVER_CG);
  fe_slopes *a;
  int64_t bound = -1, rank = -1;
  int exact = 0;
  check(scarce_new(&p->terms, NULL, &control, &alone, &a) == FE_OK);
  stopper stop = own_stopper(&alone, N);
  check(bound_rank(a, &stop, &alone, &bound) == FE_OK);
  check(scarce_find_rank(a, &alone, &rank, &exact) == FE_OK);
  check(rank == p->rank && exact);
  scarce_free(a);
  return bound;
}

static void what_two_factors_share_is_found_in_their_graph(void) {
  static const int levels[] = {24, 12};
  static problem p;
  fail_at = -1;
  start_panel(&p);
  add_constant(&p, 0);
  double *trend = add_slope(&p, 0);
  for (int i = 0; i < N; i++) trend[i] = 2000 + p.code[1][i];
  add_constant(&p, 1);
  add_random_slope(&p, 1, 1, 0);
  finish_problem(&p);
  check(p.rank == 40 + 16 - 2);
  check(bound_of(&p) == p.rank);
  start_problem(&p, N, 2, levels); /* two parts, in one of which the slope is constant */
  for (int i = 0; i < N; i++) {
    for (int f = 0; f < 2; f++) {
      p.code[f][i] = 1 + (int)(draw() % (uint32_t)(levels[f] / 2)) + (i % 2) * (levels[f] / 2);
    }
  }
  for (int f = 0; f < 2; f++) {
    add_constant(&p, f);
    double *v = add_slope(&p, f);
    for (int i = 0; i < N; i++) v[i] = i % 2 ? 0.7 : sin(i * 1.7);
  }
  finish_problem(&p);
  check(bound_of(&p) == p.rank);
}

static void the_bound_is_no_less_than_the_rank(void) {
  static const int levels[] = {20, 10, 5};
  static problem p;
  for (int t = 0; t < 6; t++) {
    start_problem(&p, N, 3, levels);
    for (int f = 0; f < 3; f++) {
      if (f || t % 2) add_constant(&p, f);
      add_random_slope(&p, f, 1, 1);
      if (f && t > 2) memcpy(p.value[p.terms.n_terms - 1], p.value[t % 2], sizeof p.value[0]);
    }
    finish_problem(&p);
    check(bound_of(&p) >= p.rank);
  }
}

/* ---- coefficients, functionals, leverages --------------------------------------------------- */

/* D gamma in row i */
static double expand_row(const problem *p, const double *gamma, int i) {
  double sum = 0;
  for (int t = 0; t < p->terms.n_terms; t++) {
    int f = p->factor[t];
    sum += gamma[p->code[f][i] - 1] * column_of(p, t, i);
    gamma += p->n_levels[f];
  }
  return sum;
}

/* Two factors with slopes of which some are redundant, weighted; large units. */
static void awkward_problem(problem *p) {
  start_panel(p);
  add_constant(p, 1);
  add_random_slope(p, 0, 1000, 1);
  add_constant(p, 0);
  double *trend = add_slope(p, 0);
  for (int i = 0; i < N; i++) trend[i] = 2000 + p->code[1][i];
  p->w = p->weight;
  finish_problem(p);
}

static void coefficients_make_up_what_was_absorbed(void) {
  static problem p;
  static double gamma[COLUMNS];
  fe_report report;
  awkward_problem(&p);
  for (int s = 0; s < 3; s++) {
    fe_slopes *a = slopes_of(&p, solvers[s]);
    random_columns();
    check(fe_slopes_absorb(a, in, out, K, &alone, &report) == FE_OK);
    check(fe_slopes_effects(a, x[1], &alone, gamma) == FE_OK);
    for (int i = 0; i < N; i++) check_near(expand_row(&p, gamma, i), x[1][i] - r[1][i], 1e-8);
    fe_slopes_free(a);
  }
}

/* The functional that gives row i of D gamma is estimable: sum w x0 x = fitted value. */
static void rows_of_the_design_are_estimable_and_single_columns_are_not(void) {
  static problem p;
  static double d0[COLUMNS], x0[N];
  double defect;
  fe_report report;
  awkward_problem(&p);
  for (int s = 0; s < 3; s++) {
    fe_slopes *a = slopes_of(&p, solvers[s]);
    random_columns();
    check(fe_slopes_absorb(a, in, out, K, &alone, &report) == FE_OK);
    for (int i = 0; i < N; i += 23) {
      double sum = 0, *at = d0;
      memset(d0, 0, sizeof d0);
      for (int t = 0; t < p.terms.n_terms; at += p.n_levels[p.factor[t++]]) {
        at[p.code[p.factor[t]][i] - 1] = column_of(&p, t, i);
      }
      check(fe_slopes_functional(a, d0, &alone, x0, &defect) == FE_OK);
      check(defect < 1e-8);
      for (int j = 0; j < N; j++) sum += weight_of(&p, j) * x0[j] * x[1][j];
      check_near(sum, x[1][i] - r[1][i], 1e-8);
    }
    memset(d0, 0, sizeof d0);
    d0[0] = 1; /* the first year's effect, which a trend and a constant may take */
    fe_status status = fe_slopes_functional(a, d0, &alone, x0, &defect);
    check(status == FE_OK);
    check(defect > 1e-3);
    fe_slopes_free(a);
  }
}

static void leverages_are_the_diagonal_of_the_projection(void) {
  static problem p;
  static double h[N];
  for (int t = 0; t < 2; t++) {
    awkward_problem(&p);
    if (t) {
      p.terms.n_terms = 1; /* a single factor */
      p.terms.codes = (fe_codes){N, 1, p.view + 1, p.n_levels + 1};
      p.factor[0] = 0;
      memcpy(p.code[0], p.code[1], sizeof p.code[0]);
      p.n_levels[0] = p.n_levels[1];
      finish_problem(&p);
    }
    fe_slopes *a = slopes_of(&p, FE_SOLVER_AUTO);
    check(fe_slopes_leverage(a, h) == FE_OK);
    for (int i = 0; i < N; i++) {
      long double sum = 0;
      for (int b = 0; b < p.rank; b++) sum += p.basis[b][i] * p.basis[b][i];
      check_near(h[i], (double)sum, 1e-9);
    }
    fe_slopes_free(a);
  }
  fe_slopes *a = slopes_of(&p, FE_SOLVER_AUTO);
  fe_slopes_free(a);
  awkward_problem(&p);
  a = slopes_of(&p, FE_SOLVER_CG);
  check(fe_slopes_leverage(a, h) == FE_EINVAL);
  fe_slopes_free(a);
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void invalid_terms_are_refused(void) {
  static problem p;
  fe_control control = use(FE_SOLVER_AUTO);
  fe_slopes *a;
  start_panel(&p);
  add_constant(&p, 0);
  check(fe_slopes_new(&p.terms, NULL, &control, &alone, &a) == FE_EINVAL); /* no term of 1 */
  check(!a);
  add_constant(&p, 2);
  check(fe_slopes_new(&p.terms, NULL, &control, &alone, &a) == FE_EINVAL);
}

static void too_few_iterations_are_said(void) {
  static const int levels[] = {40, 30};
  static problem p;
  fe_control control = use(FE_SOLVER_CG);
  fe_report report;
  fe_slopes *a;
  start_problem(&p, N, 2, levels);
  add_constant(&p, 0);
  add_constant(&p, 1);
  add_random_slope(&p, 1, 1, 0);
  control.max_iter = 2;
  check(fe_slopes_new(&p.terms, NULL, &control, &alone, &a) == FE_OK);
  random_columns();
  check(fe_slopes_absorb(a, in, out, K, &alone, &report) == FE_ENOCONV);
  check(report.residual > 1e-6);
  fe_slopes_free(a);
}

static int stop_at_once(void *unused) {
  (void)unused;
  return 1;
}

static void a_poll_stops_the_work(void) {
  static problem p;
  static double gamma[COLUMNS];
  fe_exec stopping = {1, stop_at_once, NULL};
  fe_report report;
  awkward_problem(&p);
  random_columns();
  for (int s = 1; s < 3; s++) {
    fe_slopes *a = slopes_of(&p, solvers[s]);
    check(fe_slopes_absorb(a, in, out, K, &stopping, &report) == FE_EINTR);
    check(fe_slopes_effects(a, x[0], &stopping, gamma) == FE_EINTR);
    fe_slopes_free(a);
  }
}

static void every_failed_allocation_is_said_and_frees_all(void) {
  static problem p;
  static double gamma[COLUMNS], x0[N], h[N], d0[COLUMNS];
  double defect;
  int64_t rank;
  int exact;
  fe_report report;
  awkward_problem(&p);
  random_columns();
  d0[0] = 1;
  fe_control control = use(FE_SOLVER_SCHUR);
  fe_status status = FE_ENOMEM;
  int n_failures = 0;
  for (fail_at = 0; status == FE_ENOMEM; fail_at++) {
    fe_slopes *a;
    allocations = 0;
    status = scarce_new(&p.terms, p.w, &control, &alone, &a);
    if (!status) status = scarce_absorb(a, in, out, K, &alone, &report);
    if (!status) status = scarce_effects(a, x[0], &alone, gamma);
    if (!status) status = scarce_functional(a, d0, &alone, x0, &defect);
    if (!status) status = scarce_leverage(a, h);
    if (!status) status = scarce_find_rank(a, &alone, &rank, &exact);
    stopper stop = own_stopper(&alone, N);
    if (!status) status = bound_rank(a, &stop, &alone, &rank);
    n_failures += status == FE_ENOMEM;
    scarce_free(a);
  }
  check(status == FE_OK);
  check(n_failures > 30);
}

int main(void) {
  run(one_factor_is_a_regression_in_every_level);
  run(several_factors_with_slopes_agree_with_a_basis_of_their_columns);
  run(trends_beside_year_effects_lose_two_columns);
  run(a_variable_sloped_in_two_factors_loses_a_column);
  run(columns_that_depend_within_levels_are_counted_once);
  run(nested_factors_and_parts_without_a_link);
  run(rows_of_zero_weight_take_part_in_nothing);
  run(weights_over_twelve_orders_change_no_rank);
  run(the_number_of_threads_changes_no_bit);
  run(what_two_factors_share_is_found_in_their_graph);
  run(the_bound_is_no_less_than_the_rank);
  run(columns_of_any_unit_are_absorbed);
  run(coefficients_make_up_what_was_absorbed);
  run(rows_of_the_design_are_estimable_and_single_columns_are_not);
  run(leverages_are_the_diagonal_of_the_projection);
  run(invalid_terms_are_refused);
  run(too_few_iterations_are_said);
  run(a_poll_stops_the_work);
  run(every_failed_allocation_is_said_and_frees_all);
  return report();
}
