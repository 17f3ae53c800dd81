#include "absorb.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codes.h"
#include "linalg.h"
#include "minunit.h"
#include "parallel.h"
#include "xorshift.h"

/* A second copy of the absorber in which the allocation number fail_at fails. */
static int allocations, fail_at;
static void *scarce_malloc(size_t size) {
  return allocations++ == fail_at ? NULL : malloc(size);
}
static void *scarce_calloc(size_t n, size_t size) {
  return allocations++ == fail_at ? NULL : calloc(n, size);
}
fe_status scarce_new(const fe_codes *codes, const double *w, const fe_control *control,
                     const fe_exec *exec, fe_absorber **out);
void scarce_free(fe_absorber *a);
int64_t scarce_rank(const fe_absorber *a, int *exact);
fe_solver scarce_solver(const fe_absorber *a);
void scarce_plan(const fe_absorber *a, fe_plan *plan);
fe_status scarce_absorb(fe_absorber *a, const double *const *in, double *const *out, int k,
                        const fe_exec *exec, fe_report *report);
fe_status scarce_effects(fe_absorber *a, const double *x, const fe_exec *exec, double *gamma);
fe_status scarce_functional(fe_absorber *a, const double *d0, const fe_exec *exec, double *x0,
                            double *defect);
fe_status scarce_leverage(const fe_absorber *a, const fe_exec *exec, double *h);
#define malloc scarce_malloc
#define calloc scarce_calloc
#define fe_absorber_new scarce_new
#define fe_absorber_free scarce_free
#define fe_absorber_rank scarce_rank
#define fe_absorber_solver scarce_solver
#define fe_absorber_plan scarce_plan
#define fe_absorb scarce_absorb
#define fe_absorb_effects scarce_effects
#define fe_absorb_functional scarce_functional
#define fe_absorb_leverage scarce_leverage
/* the absorber's own, see absorb_private.h */
#define fe_scratch_new scarce_scratch_new
#define fe_scratch_free scarce_scratch_free
#define fe_cells_build scarce_cells_build
#define fe_block_build scarce_block_build
#define fe_estimate_pairs scarce_estimate_pairs
#define fe_absorber_improve scarce_absorber_improve
#define fe_is_balanced scarce_is_balanced
#define fe_sum_levels scarce_sum_levels
#define fe_centre scarce_centre
#define fe_lead_effects scarce_lead_effects
#define fe_malloc_large scarce_malloc
#define fe_scaled_norm scarce_scaled_norm
#define fe_solve_others scarce_solve_others
#define fe_absorb_column scarce_absorb_column
#define fe_schur_build scarce_schur_build
#define fe_schur_leverage scarce_schur_leverage
#define fe_poll_and_tell scarce_poll_and_tell
#define fe_must_stop scarce_must_stop
#define fe_cg_solve scarce_cg_solve
#define fe_cg_make_consistent scarce_cg_make_consistent
#include "../../src/core/absorb.c"
#include "../../src/core/absorb_cells.c"
#include "../../src/core/absorb_cg.c"
#include "../../src/core/absorb_effects.c"
#include "../../src/core/absorb_pass.c"
#include "../../src/core/absorb_schur.c"
#undef malloc
#undef calloc
#undef fe_malloc_large
#undef fe_absorber_new
#undef fe_absorber_free
#undef fe_absorber_rank
#undef fe_absorber_solver
#undef fe_absorber_plan
#undef fe_absorb
#undef fe_absorb_effects
#undef fe_absorb_functional
#undef fe_absorb_leverage

static const fe_exec alone = {1, NULL, NULL};

/* ---- the oracle: an orthonormal basis of W^1/2 D in long double ---------------------------- */

enum { N = 150, Q = 4, LEVELS = 130 };

typedef struct {
  fe_codes codes;
  const int *view[Q];
  int code[Q][N], n_levels[Q];
  double weight[N];
  const double *w; /* NULL or weight */
  int rank, total; /* of the basis; levels of all factors */
  long double basis[LEVELS][N];
} problem;

static double weight_of(const problem *p, int i) { return p->w ? p->w[i] : 1.0; }

static void start_problem(problem *p, int n, int q, const int *n_levels) {
  memset(p, 0, sizeof *p);
  p->codes = (fe_codes){n, q, p->view, p->n_levels};
  for (int f = 0; f < q; f++) {
    p->view[f] = p->code[f];
    p->n_levels[f] = n_levels[f];
    p->total += n_levels[f];
  }
}

static void orthogonalise(const problem *p, long double *v) {
  for (int twice = 0; twice < 2; twice++) {
    for (int b = 0; b < p->rank; b++) {
      long double dot = 0;
      for (int i = 0; i < p->codes.n; i++) dot += p->basis[b][i] * v[i];
      for (int i = 0; i < p->codes.n; i++) v[i] -= dot * p->basis[b][i];
    }
  }
}

static long double norm_long(const long double *v, int64_t n) {
  long double square = 0;
  for (int i = 0; i < n; i++) square += v[i] * v[i];
  return sqrtl(square);
}

static void add_to_basis(problem *p, int f, int level) {
  long double *v = p->basis[p->rank];
  for (int i = 0; i < p->codes.n; i++) {
    v[i] = p->code[f][i] == level ? sqrtl((long double)weight_of(p, i)) : 0;
  }
  long double whole = norm_long(v, p->codes.n);
  orthogonalise(p, v);
  long double left = norm_long(v, p->codes.n);
  if (!(left > 1e-12L * whole)) return;
  for (int i = 0; i < p->codes.n; i++) v[i] /= left;
  p->rank++;
}

static void finish_problem(problem *p) {
  for (int f = 0; f < p->codes.q; f++) {
    for (int g = 1; g <= p->n_levels[f]; g++) add_to_basis(p, f, g);
  }
}

/* Every level is used, and codes come in no order. */
static void random_problem(problem *p, int n, int q, const int *n_levels, int weighted) {
  start_problem(p, n, q, n_levels);
  for (int f = 0; f < q; f++) {
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
  p->w = weighted ? p->weight : NULL;
}

/* Largest difference of W^1/2 x~ from the oracle's, against the norm of W^1/2 x. */
static double error_of(const problem *p, const double *x, const double *residual) {
  long double v[N] = {0};
  double worst = 0;
  for (int i = 0; i < p->codes.n; i++) v[i] = sqrtl((long double)weight_of(p, i)) * x[i];
  double norm = (double)norm_long(v, p->codes.n);
  orthogonalise(p, v);
  for (int i = 0; i < p->codes.n; i++) {
    worst = fmax(worst, fabs(sqrt(weight_of(p, i)) * residual[i] - (double)v[i]));
  }
  return norm > 0 ? worst / norm : worst;
}

static fe_control use(fe_solver solver) { return (fe_control){solver, 1e-12, 5000}; }

/* ---- absorption ---------------------------------------------------------------------------- */

enum { K = 3 };
static double x[K][N], r[K][N];

static void random_columns(int n) {
  for (int j = 0; j < K; j++) {
    for (int i = 0; i < n; i++) x[j][i] = uniform() + 10 * j;
  }
  memcpy(r, x, sizeof x);
}

static void agrees_with_the_oracle(const problem *p, fe_solver solver, double tol) {
  const double *in[K] = {x[0], x[1], x[2]};
  double *col[K] = {r[0], r[1], r[2]};
  fe_control control = use(solver);
  fe_absorber *a;
  fe_report report;
  int exact;
  random_columns((int)p->codes.n);
  if (!check(fe_absorber_new(&p->codes, p->w, &control, &alone, &a) == FE_OK)) return;
  check(fe_absorb(a, in, col, K, &alone, &report) == FE_OK);
  check(report.solver == fe_absorber_solver(a) && report.solver != FE_SOLVER_AUTO);
  for (int j = 0; j < K; j++) check(error_of(p, x[j], r[j]) < tol);
  check(fe_absorber_rank(a, &exact) == p->rank && exact == 1);
  fe_absorber_free(a);
}

static const fe_solver solvers[] = {FE_SOLVER_AUTO, FE_SOLVER_SCHUR, FE_SOLVER_CG,
                                   FE_SOLVER_SPARSE};

static void residuals_and_rank_agree_with_a_basis_of_the_dummies(void) {
  static const int levels[][Q] = {{30, 12, 5, 3}, {5, 40, 6, 4}, {1, 1, 1, 1}, {1, 50, 1, 2}};
  static problem p;
  for (int t = 0; t < 4; t++) {
    for (int q = 1; q <= Q; q++) {
      for (int weighted = 0; weighted < 2; weighted++) {
        random_problem(&p, N, q, levels[t], weighted);
        finish_problem(&p);
        for (int s = 0; s < 4; s++) {
          agrees_with_the_oracle(&p, solvers[s], 1e-10);
        }
      }
    }
  }
}

static void one_row_is_explained(void) {
  static const int levels[] = {1, 1, 1, 1};
  static problem p;
  for (int q = 1; q <= 3; q++) {
    random_problem(&p, 1, q, levels, q == 2);
    finish_problem(&p);
    for (int s = 0; s < 4; s++) agrees_with_the_oracle(&p, solvers[s], 1e-13);
  }
}

/* Rows of the first component use the first half of the levels, the others the second half. */
static void disconnect(problem *p) {
  for (int f = 0; f < p->codes.q; f++) {
    int half = p->n_levels[f] / 2;
    for (int i = 0; i < p->codes.n; i++) {
      int within = i < 2 * half ? i / 2 : (int)(draw() % (uint32_t)half);
      p->code[f][i] = within + 1 + (i % 2 ? half : 0);
    }
  }
}

static void disconnected_graphs_have_the_rank_of_their_parts(void) {
  static const int levels[] = {20, 12, 6};
  static problem p;
  for (int q = 2; q <= 3; q++) {
    random_problem(&p, N, q, levels, 1);
    disconnect(&p);
    finish_problem(&p);
    if (q == 2) check(p.rank == 20 + 12 - 2);
    for (int s = 1; s < 4; s++) agrees_with_the_oracle(&p, solvers[s], 1e-10);
  }
}

static void copies_and_nested_factors_add_nothing(void) {
  static const int levels[] = {24, 24, 8, 8};
  static problem p;
  for (int q = 2; q <= Q; q++) {
    random_problem(&p, N, q, levels, q % 2);
    for (int i = 0; i < N; i++) {
      p.code[1][i] = 25 - p.code[0][i];
      p.code[2][i] = (p.code[0][i] + 2) / 3;
    }
    finish_problem(&p);
    if (q <= 3) check(p.rank == 24);
    for (int s = 1; s < 4; s++) agrees_with_the_oracle(&p, solvers[s], 1e-10);
  }
}

/* Zero weights empty two levels of each factor and cut the graph. */
static void rows_of_weight_zero_take_part_in_nothing(void) {
  static const int levels[] = {25, 14, 6};
  static problem p, without;
  for (int q = 1; q <= 3; q++) {
    random_problem(&p, N, q, levels, 1);
    for (int i = 0; i < N; i++) {
      int crosses = q > 1 && p.code[0][i] % 2 != p.code[1][i] % 2;
      for (int f = 0; f < q; f++) {
        if (p.code[f][i] <= 2 || crosses) p.weight[i] = 0;
      }
    }
    finish_problem(&p);
    for (int s = 0; s < 4; s++) agrees_with_the_oracle(&p, solvers[s], 1e-10);
    without = p;
    for (int i = 0; i < N; i++) without.weight[i] = 0;
    without.w = without.weight;
    without.rank = 0;
    finish_problem(&without);
    check(without.rank == 0);
    for (int s = 0; s < 4; s++) agrees_with_the_oracle(&without, solvers[s], 1);
  }
}

static void weights_over_twelve_orders_of_magnitude_are_borne(void) {
  static const int levels[] = {25, 14, 8, 5};
  static problem p;
  for (int t = 0; t < 30; t++) {
    int q = 2 + t % 3;
    random_problem(&p, N, q, levels, 1);
    for (int i = 0; i < N; i++) {
      p.weight[i] = pow(10, 12 * uniform());
      if (t % 2) p.code[1][i] = (p.code[0][i] + 1) / 2; /* 13 levels, nested */
    }
    finish_problem(&p);
    for (int s = 1; s < 4; s++) agrees_with_the_oracle(&p, solvers[s], 1e-9);
  }
}

/* A residual is a multiple of its column, also where squares over- or underflow. */
static void the_unit_of_a_column_does_not_matter(void) {
  static const int levels[] = {20, 10};
  static problem p;
  const int exponents[] = {-700, -1000, 0, 700, 1000};
  for (int q = 1; q <= 2; q++) {
    random_problem(&p, N, q, levels, 0);
    for (int s = 1; s < 4; s++) {
      fe_control control = use(solvers[s]);
      fe_absorber *a;
      fe_report report;
      double plain[N], gamma[LEVELS], other_gamma[LEVELS];
      check(fe_absorber_new(&p.codes, NULL, &control, &alone, &a) == FE_OK);
      random_columns(N);
      double *col = plain;
      const double *in = x[0];
      check(fe_absorb(a, &in, &col, 1, &alone, &report) == FE_OK);
      check(fe_absorb_effects(a, x[0], &alone, gamma) == FE_OK);
      for (int e = 0; e < 5; e++) {
        int ok = 1;
        for (int i = 0; i < N; i++) r[1][i] = ldexp(x[0][i], exponents[e]);
        check(fe_absorb_effects(a, r[1], &alone, other_gamma) == FE_OK);
        in = r[1];
        col = r[2];
        check(fe_absorb(a, &in, &col, 1, &alone, &report) == FE_OK);
        for (int i = 0; i < N; i++) ok = ok && near(ldexp(r[2][i], -exponents[e]), plain[i], 1e-12);
        check(ok);
        for (int l = 0; l < p.total; l++) {
          ok = ok && near(ldexp(other_gamma[l], -exponents[e]), gamma[l], 1e-10);
        }
        check(ok);
      }
      fe_absorber_free(a);
    }
  }
}

static void what_the_factors_explain_leaves_nothing(void) {
  static const int levels[] = {20, 10, 4};
  static problem p;
  random_problem(&p, N, 3, levels, 1);
  for (int s = 1; s < 4; s++) {
    fe_control control = use(solvers[s]);
    fe_absorber *a;
    fe_report report;
    static double own[2][N];
    const double *in[] = {own[0], own[1]};
    double *col[] = {r[0], r[1]}, worst = 0;
    check(fe_absorber_new(&p.codes, p.w, &control, &alone, &a) == FE_OK);
    for (int i = 0; i < N; i++) {
      own[0][i] = 1e6 * p.code[0][i] - 3 * p.code[1][i] + p.code[2][i];
    }
    check(fe_absorb(a, in, col, 2, &alone, &report) == FE_OK);
    for (int i = 0; i < N; i++) worst = fmax(worst, fabs(r[0][i]));
    check(worst < 1e-6);
    for (int i = 0; i < N; i++) check(r[1][i] == 0);
    fe_absorber_free(a);
  }
}

/* ---- threads, limits, interrupts ----------------------------------------------------------- */

enum { LONG = 40000, WIDE = 8 };

/* Rows i join level i/2 of one factor and (i+1)/2 of the other: a path. */
static fe_codes path_codes(int **code, int *levels) {
  code[0] = malloc(LONG * sizeof **code);
  code[1] = malloc(LONG * sizeof **code);
  levels[0] = LONG / 2;
  levels[1] = LONG / 2 + 1;
  for (int i = 0; i < LONG; i++) {
    code[0][i] = i / 2 + 1;
    code[1][i] = (i + 1) / 2 + 1;
  }
  return (fe_codes){LONG, 2, (const int *const *)code, levels};
}

static void any_number_of_threads_gives_the_same_bits(void) {
  int *code[2], levels[2];
  double *data = malloc(4 * WIDE * (size_t)LONG * sizeof *data);
  const double *in[WIDE];
  fe_codes c = path_codes(code, levels);
  levels[1] = 50;
  for (int i = 0; i < LONG; i++) code[1][i] = i % 50 + 1;
  for (int j = 0; j < WIDE; j++) {
    double *to = data + (size_t)(3 * WIDE + j) * LONG;
    for (int i = 0; i < LONG; i++) to[i] = sin(i * (j + 1));
    in[j] = to;
  }
  for (int s = 1; s < 4; s++) {
    fe_control control = use(solvers[s]);
    fe_absorber *a;
    check(fe_absorber_new(&c, NULL, &control, &alone, &a) == FE_OK);
    for (int t = 0; t < 3; t++) {
      fe_exec exec = {1 << t, NULL, NULL};
      fe_report report;
      double *col[WIDE];
      for (int j = 0; j < WIDE; j++) {
        col[j] = data + (size_t)(t * WIDE + j) * LONG;
      }
      check(fe_absorb(a, in, col, WIDE, &exec, &report) == FE_OK);
      check(memcmp(data, col[0], WIDE * LONG * sizeof *data) == 0);
    }
    fe_absorber_free(a);
  }
  free(data);
  free(code[0]);
  free(code[1]);
}

static int patience;
static int lose_patience(void *unused) {
  (void)unused;
  return --patience < 0;
}

/* On a path, conjugate gradients need about as many iterations as there are levels. */
static void long_iterations_can_be_interrupted(void) {
  int *code[2], levels[2];
  fe_codes c = path_codes(code, levels);
  fe_control control = {FE_SOLVER_CG, 1e-12, INT_MAX};
  fe_absorber *a;
  double *data = malloc(8 * (size_t)LONG * sizeof *data), *col[4];
  const double *in[4];
  check(fe_absorber_new(&c, NULL, &control, &alone, &a) == FE_OK);
  for (int t = 1; t <= 2; t++) {
    fe_exec exec = {t, lose_patience, NULL};
    fe_report report;
    for (int j = 0; j < 4; j++) {
      double *from = data + (size_t)(4 + j) * LONG;
      col[j] = data + (size_t)j * LONG;
      for (int i = 0; i < LONG; i++) from[i] = uniform();
      in[j] = from;
    }
    patience = 3;
    check(fe_absorb(a, in, col, 4, &exec, &report) == FE_EINTR);
    check(report.iterations < LONG / 4);
    check(patience == -1); /* once answered, it is not asked again */
  }
  fe_absorber_free(a);
  free(data);
  free(code[0]);
  free(code[1]);
}

typedef struct {
  int polls;
  clock_t last, longest; /* processor time between polls */
} watch;

static int stop_at_fifth_poll(void *data) {
  watch *w = data;
  clock_t now = clock();
  if (now - w->last > w->longest) w->longest = now - w->last;
  w->last = now;
  return ++w->polls >= 5;
}

/* Half a gigabyte takes longer to write than a caller may be kept waiting. */
static void a_large_dense_matrix_is_not_written_in_one_go(void) {
  enum { P = 8000 };
  static int code[2][P];
  const int *view[] = {code[0], code[1]}, n_levels[] = {P, P};
  fe_codes codes = {P, 2, view, n_levels};
  fe_control control = {FE_SOLVER_SCHUR, 1e-10, 100};
  watch w = {0, clock(), 0};
  fe_exec exec = {1, stop_at_fifth_poll, &w};
  fe_absorber *a = NULL;
  for (int i = 0; i < P; i++) {
    code[0][i] = i + 1;
    code[1][i] = (i * 7) % P + 1;
  }
  check(fe_absorber_new(&codes, NULL, &control, &exec, &a) == FE_EINTR && a == NULL);
  check((double)w.longest < 0.15 * CLOCKS_PER_SEC);
}

static void too_few_iterations_are_told(void) {
  static const int levels[] = {30, 20};
  static problem p;
  fe_control control = {FE_SOLVER_CG, 1e-12, 1};
  fe_absorber *a;
  fe_report report;
  const double *in[] = {x[0], x[1]};
  double *col[] = {r[0], r[1]}, gamma[LEVELS];
  random_problem(&p, N, 2, levels, 0);
  random_columns(N);
  for (int i = 0; i < N; i++) x[1][i] = 1; /* needs no iteration */
  check(fe_absorber_new(&p.codes, NULL, &control, &alone, &a) == FE_OK);
  check(fe_absorb(a, in, col, 2, &alone, &report) == FE_ENOCONV);
  check(report.iterations == 1 && report.residual > 1e-12 && report.solver == FE_SOLVER_CG);
  check(fe_absorb_effects(a, x[0], &alone, gamma) == FE_ENOCONV);
  fe_absorber_free(a);
}

static void no_columns_are_no_work(void) {
  static const int levels[] = {3, 2};
  static problem p;
  fe_control control = use(FE_SOLVER_AUTO);
  fe_absorber *a;
  fe_report report;
  random_problem(&p, 10, 2, levels, 0);
  check(fe_absorber_new(&p.codes, NULL, &control, &alone, &a) == FE_OK);
  check(fe_absorb(a, NULL, NULL, 0, &alone, &report) == FE_OK);
  check(report.iterations == 0 && report.residual == 0);
  fe_absorber_free(a);
}

static void what_cannot_be_absorbed_is_refused(void) {
  const int code[] = {1}, many[] = {INT_MAX, 1}, one[] = {1, 1};
  const int *const codes[] = {code, code};
  const fe_codes no_factor = {1, 0, codes, one}, no_row = {0, 1, codes, one};
  const fe_codes countless = {1, 2, codes, many}, two = {1, 2, codes, one};
  fe_control automatic = use(FE_SOLVER_AUTO), means = use(FE_SOLVER_MEANS);
  fe_control unknown = use((fe_solver)(FE_SOLVER_SPARSE + 1));
  fe_absorber *a;
  check(fe_absorber_new(&no_factor, NULL, &automatic, &alone, &a) == FE_EINVAL && !a);
  check(fe_absorber_new(&no_row, NULL, &automatic, &alone, &a) == FE_EINVAL && !a);
  check(fe_absorber_new(&countless, NULL, &automatic, &alone, &a) == FE_EINVAL && !a);
  check(fe_absorber_new(&two, NULL, &means, &alone, &a) == FE_EINVAL && !a);
  check(fe_absorber_new(&two, NULL, &unknown, &alone, &a) == FE_EINVAL && !a);
  fe_absorber_free(a);
}

/* ---- effects, functionals, leverages -------------------------------------------------------- */

static void effects_add_up_to_what_was_absorbed(void) {
  static const int levels[] = {10, 25, 6};
  static problem p;
  double gamma[LEVELS], fitted[N];
  for (int q = 1; q <= 3; q++) {
    for (int s = 0; s < 4; s++) {
      fe_control control = use(solvers[s]);
      fe_absorber *a;
      random_problem(&p, N, q, levels, s != 1);
      finish_problem(&p);
      random_columns(N);
      check(fe_absorber_new(&p.codes, p.w, &control, &alone, &a) == FE_OK);
      check(fe_absorb_effects(a, x[1], &alone, gamma) == FE_OK);
      for (int i = 0; i < N; i++) {
        fitted[i] = 0;
        for (int f = 0, at = 0; f < q; at += levels[f++]) fitted[i] += gamma[at + p.code[f][i] - 1];
        r[1][i] = x[1][i] - fitted[i];
      }
      check(error_of(&p, x[1], r[1]) < 1e-10);
      fe_absorber_free(a);
    }
  }
}

/* For w x0 in the row space of D', sum w x0 x = d0'gamma, with the effects of any x. */
static void functionals_weigh_rows_as_effects_do(void) {
  static const int levels[] = {10, 25, 6};
  static problem p;
  double gamma[LEVELS], d0[LEVELS], x0[N], defect = NAN, zero[N] = {0};
  for (int q = 1; q <= 3; q++) {
    for (int s = 0; s < 4; s++) {
      fe_control control = use(solvers[s]);
      fe_absorber *a;
      random_problem(&p, N, q, levels, s != 1);
      finish_problem(&p);
      random_columns(N);
      check(fe_absorber_new(&p.codes, p.w, &control, &alone, &a) == FE_OK);
      check(fe_absorb_effects(a, x[1], &alone, gamma) == FE_OK);
      double target = 0, sum = 0;
      for (int l = 0; l < p.total; l++) d0[l] = 0;
      for (int f = 0, at = 0; f < q; at += levels[f++]) {
        d0[at + 1] = 1;
        target += gamma[at + 1];
      }
      check(fe_absorb_functional(a, d0, &alone, x0, &defect) == FE_OK);
      check(defect < 1e-11);
      for (int i = 0; i < N; i++) sum += weight_of(&p, i) * x0[i] * x[1][i];
      check_near(sum, target, 1e-9);
      check(error_of(&p, x0, zero) < 1e-9); /* x0 is a combination of the dummies */
      fe_absorber_free(a);
    }
  }
}

static void a_functional_of_nothing_has_no_defect(void) {
  static const int levels[] = {10, 5};
  static problem p;
  double d0[LEVELS] = {0}, x0[N], defect = NAN;
  fe_control control = use(FE_SOLVER_AUTO);
  fe_absorber *a;
  random_problem(&p, N, 2, levels, 0);
  check(fe_absorber_new(&p.codes, NULL, &control, &alone, &a) == FE_OK);
  check(fe_absorb_functional(a, d0, &alone, x0, &defect) == FE_OK);
  check(defect == 0 && x0[0] == 0);
  fe_absorber_free(a);
}

/* Levels of two components, or one level alone, or of a level without weight. */
static void what_is_not_estimable_has_a_defect(void) {
  static const int levels[] = {20, 12};
  static problem p;
  double d0[LEVELS], x0[N], defect;
  random_problem(&p, N, 2, levels, 1);
  disconnect(&p);
  for (int i = 0; i < N; i++) {
    if (p.code[1][i] == 12) p.weight[i] = 0;
  }
  const int at[][2] = {{0, 20}, {0, 26}, {5, 5}, {30, 30}, {10, 31}};
  const int is_estimable[] = {1, 0, 0, 0, 0};
  for (int s = 1; s < 4; s++) {
    fe_control control = use(solvers[s]);
    fe_absorber *a;
    check(fe_absorber_new(&p.codes, p.w, &control, &alone, &a) == FE_OK);
    for (int t = 0; t < 5; t++) {
      memset(d0, 0, sizeof d0);
      d0[at[t][0]] = d0[at[t][1]] = 1;
      defect = NAN;
      check(fe_absorb_functional(a, d0, &alone, x0, &defect) == FE_OK);
      check(is_estimable[t] ? defect < 1e-11 : defect > 1e-3);
    }
    fe_absorber_free(a);
  }
}

static void leverages_are_the_diagonal_of_the_projection(void) {
  static const int levels[] = {9, 25, 6};
  static problem p;
  double h[N];
  for (int q = 1; q <= 3; q++) {
    for (int weighted = 0; weighted < 3; weighted++) {
      fe_control control = use(FE_SOLVER_SCHUR);
      fe_absorber *a;
      random_problem(&p, N, q, levels, weighted);
      for (int i = 0; weighted == 2 && i < N; i++) {
        if (p.code[0][i] == 4 || i % 7 == 0) p.weight[i] = 0;
      }
      finish_problem(&p);
      check(fe_absorber_new(&p.codes, p.w, &control, &alone, &a) == FE_OK);
      check(fe_absorb_leverage(a, &alone, h) == FE_OK);
      for (int i = 0; i < N; i++) {
        long double oracle = 0;
        for (int b = 0; b < p.rank; b++) oracle += p.basis[b][i] * p.basis[b][i];
        check_near(h[i], (double)oracle, 1e-12);
      }
      fe_absorber_free(a);
    }
  }
}

/* The two rows with weight are a balanced pair; the others are alone in levels without any. */
static void rows_without_weight_have_no_leverage(void) {
  const int code[2][4] = {{1, 2, 2, 2}, {1, 2, 2, 1}}, n_levels[2] = {2, 2};
  const int *const view[2] = {code[0], code[1]};
  const double w[4] = {0, 1, 1, 0};
  const fe_codes codes = {4, 2, view, n_levels};
  fe_control control = use(FE_SOLVER_AUTO);
  fe_absorber *a;
  double h[4];
  if (!check(fe_absorber_new(&codes, w, &control, &alone, &a) == FE_OK)) return;
  check(fe_absorb_leverage(a, &alone, h) == FE_OK);
  for (int i = 0; i < 4; i++) check_near(h[i], w[i] / 2, 1e-15);
  fe_absorber_free(a);
}

static void conjugate_gradients_give_no_leverages(void) {
  static const int levels[] = {9, 5};
  static problem p;
  double h[N];
  fe_control control = use(FE_SOLVER_CG);
  fe_absorber *a;
  random_problem(&p, N, 2, levels, 0);
  check(fe_absorber_new(&p.codes, NULL, &control, &alone, &a) == FE_OK);
  check(fe_absorb_leverage(a, &alone, h) == FE_EINVAL);
  fe_absorber_free(a);
}

/* ---- memory ------------------------------------------------------------------------------- */

/* The number of the step that reports a lack of memory; 0 if all succeed. */
static int step_out_of_memory(const problem *p, fe_solver solver) {
  fe_control control = use(solver);
  fe_absorber *a = NULL;
  fe_report report;
  double gamma[LEVELS], d0[LEVELS] = {1}, x0[N], h[N], defect;
  const double *in[] = {x[0]};
  double *col[] = {r[0]};
  fe_status status[5] = {FE_OK};
  random_columns(N);
  status[0] = scarce_new(&p->codes, p->w, &control, &alone, &a);
  if (status[0]) return a == NULL && status[0] == FE_ENOMEM ? 1 : -1;
  status[1] = scarce_absorb(a, in, col, 1, &alone, &report);
  status[2] = scarce_effects(a, x[0], &alone, gamma);
  status[3] = scarce_functional(a, d0, &alone, x0, &defect);
  status[4] = scarce_leverage(a, &alone, h);
  scarce_free(a);
  for (int s = 1; s < 5; s++) {
    if (status[s] == FE_ENOMEM) return s + 1;
  }
  return 0;
}

/* Every allocation in turn fails; leaks are for the sanitizer to see. */
static void every_failed_allocation_is_reported(void) {
  static const int levels[] = {9, 5};
  static problem p;
  for (int s = 0; s < 4; s++) {
    int steps = 0, step = 1;
    random_problem(&p, N, s == 0 ? 1 : 2, levels, 1);
    for (fail_at = 0; step; fail_at++) {
      allocations = 0;
      step = step_out_of_memory(&p, solvers[s]);
      check(step >= 0);
      if (step > 0) steps |= 1 << step;
    }
    check(steps == (s == 1 ? 62 : 30)); /* the dense solver alone needs room for leverages */
  }
}

int main(void) {
  run(residuals_and_rank_agree_with_a_basis_of_the_dummies);
  run(one_row_is_explained);
  run(disconnected_graphs_have_the_rank_of_their_parts);
  run(copies_and_nested_factors_add_nothing);
  run(rows_of_weight_zero_take_part_in_nothing);
  run(weights_over_twelve_orders_of_magnitude_are_borne);
  run(the_unit_of_a_column_does_not_matter);
  run(what_the_factors_explain_leaves_nothing);
  run(any_number_of_threads_gives_the_same_bits);
  run(long_iterations_can_be_interrupted);
  run(a_large_dense_matrix_is_not_written_in_one_go);
  run(too_few_iterations_are_told);
  run(no_columns_are_no_work);
  run(what_cannot_be_absorbed_is_refused);
  run(effects_add_up_to_what_was_absorbed);
  run(functionals_weigh_rows_as_effects_do);
  run(a_functional_of_nothing_has_no_defect);
  run(what_is_not_estimable_has_a_defect);
  run(leverages_are_the_diagonal_of_the_projection);
  run(rows_without_weight_have_no_leverage);
  run(conjugate_gradients_give_no_leverages);
  run(every_failed_allocation_is_reported);
  return report();
}
