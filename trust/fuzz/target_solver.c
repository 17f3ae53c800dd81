/* Choice of a solver on problems large enough for it to matter: whatever is chosen or asked for,
 * residuals satisfy the normal equations, solvers agree, ranks do not contradict each other, and
 * two threads give the bits of one. */
#include "fuzz.h"

#include "absorb.h"

enum { ROWS = 400, FACTORS = 3, COLUMNS = 2 };

typedef struct {
  fe_codes codes;
  const int *view[FACTORS];
  int n_levels[FACTORS], code[FACTORS][ROWS];
  const double *w, *col[COLUMNS];
  double weight[ROWS], x[COLUMNS][ROWS];
  int wide; /* weights within a factor of 2^40: an error is allowed */
} sample;

static uint64_t state;
static uint32_t draw_below(uint32_t n) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32) % n;
}

/* Levels at random, in blocks, along a chain (as slow as graphs get), or crossed. */
static int level_of(int shape, int i, int n, int most) {
  switch (shape) {
    case 0: return (int)draw_below((uint32_t)most);
    case 1: return i % most;
    case 2: return (int)((int64_t)i * most / n);
    case 3: return ((i + 1) / 2) % most;
    default: return i % 10 ? (i / 10) % most : (int)draw_below((uint32_t)most);
  }
}

static void take_factor(bytes *b, sample *s, int f) {
  static int number[ROWS];
  int n = (int)s->codes.n, most = 1 + (int)take_below(b, (uint32_t)n), shape = take(b) % 5;
  memset(number, 0, sizeof number);
  s->n_levels[f] = 0;
  for (int i = 0; i < n; i++) {
    int *g = &number[level_of(shape, i, n, most)];
    if (!*g) *g = ++s->n_levels[f];
    s->code[f][i] = *g;
  }
  s->view[f] = s->code[f];
}

static void take_sample(bytes *b, sample *s) {
  int n = 1 + (int)take_below(b, ROWS), q = 2 + take(b) % (FACTORS - 1), kind = take(b) % 4;
  state = take_word(b) | 1;
  s->codes = (fe_codes){n, q, s->view, s->n_levels};
  for (int f = 0; f < q; f++) take_factor(b, s, f);
  s->w = kind ? s->weight : NULL;
  s->wide = kind == 3;
  for (int i = 0; i < n; i++) {
    s->weight[i] = kind == 1 ? draw_below(3) : kind == 2 ? 1 + draw_below(9) / 8.0
                                                         : ldexp(1, (int)draw_below(40) - 20);
    for (int j = 0; j < COLUMNS; j++) s->x[j][i] = draw_below(2001) / 1000.0 - 1 + 5 * j;
  }
  s->weight[0] = 1; /* not all are zero */
  for (int j = 0; j < COLUMNS; j++) s->col[j] = s->x[j];
}

typedef struct {
  double out[COLUMNS][ROWS];
  int64_t rank;
  int exact;
} result;

/* Returns 0 if the tolerance was not reached. */
static int absorb_by(const sample *s, fe_solver solver, int threads, result *r) {
  double *to[COLUMNS] = {r->out[0], r->out[1]};
  fe_exec exec = {threads, NULL, NULL};
  fe_control control = {solver, 1e-11, s->wide ? 2000 : 20000};
  fe_absorber *a;
  fe_report report;
  demand(fe_absorber_new(&s->codes, s->w, &control, &exec, &a) == FE_OK);
  r->rank = fe_absorber_rank(a, &r->exact);
  fe_status status = fe_absorb(a, s->col, to, COLUMNS, &exec, &report);
  demand(status == FE_OK || (s->wide && status == FE_ENOCONV));
  if (status) {
    fe_absorber_free(a);
    return 0;
  }
  demand(report.residual <= 4 * control.tol && report.solver == fe_absorber_solver(a));
  demand(report.solver != FE_SOLVER_AUTO);
  fe_absorber_free(a);
  for (int j = 0; j < COLUMNS; j++) {
    long double whole = weighted_norm(s->x[j], s->codes.n, s->w);
    long double left = weighted_norm(r->out[j], s->codes.n, s->w);
    demand(left <= whole * (1 + 1e-9L));
    demand(normal_equations(&s->codes, s->w, r->out[j]) <= 1e-10L * left + 1e-12L * whole);
  }
  return 1;
}

/* Residuals agree to what a tolerance of 1e-11 leaves of them along a chain of 400 rows. */
static void compare(const sample *s, const result *a, const result *b) {
  demand(!(a->exact && b->exact) || a->rank == b->rank);
  demand(!a->exact || b->rank >= a->rank);
  demand(!b->exact || a->rank >= b->rank);
  for (int j = 0; j < COLUMNS; j++) {
    long double whole = weighted_norm(s->x[j], s->codes.n, s->w);
    for (int64_t i = 0; i < s->codes.n; i++) {
      double d = a->out[j][i] - b->out[j][i];
      demand(sqrt(s->w ? s->w[i] : 1) * fabs(d) <= 1e-4L * whole);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static sample s;
  static result chosen, again, asked;
  bytes b = bytes_of(data, size);
  take_sample(&b, &s);
  static const fe_solver kinds[] = {FE_SOLVER_CG, FE_SOLVER_SPARSE, FE_SOLVER_SCHUR};
  int dense = s.n_levels[0] + s.n_levels[1] < 600, kind = take(&b) % (dense ? 3 : 2);
  if (!absorb_by(&s, FE_SOLVER_AUTO, 1, &chosen)) return 0;
  int threads = take(&b) % 4 == 0; /* each run costs as much as all the rest */
  if (threads) demand(absorb_by(&s, FE_SOLVER_AUTO, 2, &again));
  demand(!threads || (chosen.rank == again.rank && chosen.exact == again.exact));
  for (int j = 0; j < COLUMNS && threads; j++) {
    demand(!memcmp(chosen.out[j], again.out[j], (size_t)s.codes.n * sizeof(double)));
  }
  if (absorb_by(&s, kinds[kind], 1, &asked) && !s.wide) compare(&s, &chosen, &asked);
  return 0;
}
