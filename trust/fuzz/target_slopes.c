/* Varying slopes: rank, residuals, coefficients, functionals and leverages against an orthonormal
 * basis of the terms. */
#include "fuzz.h"

#include "slopes.h"

enum { MAX_T = 6, MAX_COEF = MAX_T * MAX_N };

typedef struct {
  problem p;
  fe_terms terms;
  int factor[MAX_T], n_coef;
  const double *view[MAX_T];
  double value[MAX_T][MAX_N];
  int plain; /* values are; a unit may differ from term to term */
} sloped;

static double value_of(const sloped *s, int t, int i) { return s->view[t] ? s->view[t][i] : 1; }

/* A slope may be a trend, whole numbers, the sum of two others, or any finite numbers. */
static void take_values(bytes *b, sloped *s, int t) {
  int n = (int)s->p.codes.n, shape = take(b) % 8;
  double unit = take(b) % 4 ? 1 : ldexp(1, (int)take_below(b, 80) - 40);
  for (int i = 0; i < n; i++) {
    double *v = &s->value[t][i];
    *v = shape == 0 ? i / 3 : shape < 6 ? take_plain(b) : take_finite(b);
    if (shape == 5 && t > 1) *v = value_of(s, t - 1, i) + value_of(s, t - 2, i);
    *v *= unit;
    if (!(fabs(*v) < 1e140)) *v = 0;
  }
  s->plain = s->plain && shape < 5;
  s->view[t] = s->value[t];
}

static void take_sloped(bytes *b, sloped *s) {
  memset(s, 0, sizeof *s);
  take_problem(b, &s->p);
  int q = s->p.codes.q, n_terms = q + take(b) % (MAX_T - q + 1);
  s->plain = 1;
  for (int t = 0; t < n_terms; t++) {
    s->factor[t] = t < q ? t : take(b) % q;
    s->n_coef += s->p.n_levels[s->factor[t]];
    if (take(b) % 2) take_values(b, s, t);
  }
  s->terms = (fe_terms){s->p.codes, n_terms, s->factor, s->view};
}

static void basis_of_terms(const sloped *s, int weighted, basis *b) {
  b->n = (int)s->p.codes.n;
  b->rank = 0;
  for (int t = 0; t < s->terms.n_terms; t++) {
    for (int g = 1; g <= s->p.n_levels[s->factor[t]]; g++) {
      long double v[MAX_N];
      for (int i = 0; i < b->n; i++) {
        long double w = weight_of(&s->p, i);
        v[i] = s->p.code[s->factor[t]][i] != g || w <= 0
                 ? 0 : (weighted ? sqrtl(w) : 1) * value_of(s, t, i);
      }
      basis_add(b, v, 1e-11L);
    }
  }
}

static void check_residual(const sloped *s, const basis *b, const double *x, const double *r) {
  const problem *p = &s->p;
  long double whole = weighted_norm(x, p->codes.n, p->w), v[MAX_N];
  if (p->range == EXTREME) return;
  for (int i = 0; i < p->codes.n; i++) demand(isfinite(r[i]) || weight_of(p, i) == 0);
  demand(weighted_norm(r, p->codes.n, p->w) <= whole * (1 + 1e-9L));
  if (!s->plain || p->range != TAME) return;
  for (int i = 0; i < p->codes.n; i++) v[i] = sqrtl((long double)weight_of(p, i)) * x[i];
  basis_remove(b, v);
  for (int i = 0; i < p->codes.n; i++) {
    if (weight_of(p, i) == 0) continue;
    demand(fabsl(v[i] - sqrtl((long double)weight_of(p, i)) * r[i]) <= 1e-6L * whole);
  }
}

static void check_effects(const sloped *s, const fe_slopes *a, const double *x, const double *r,
                          int row) {
  const problem *p = &s->p;
  double gamma[MAX_COEF], d0[MAX_COEF] = {0}, x0[MAX_N], defect, value = 0;
  long double sum = 0, size = weighted_norm(x, p->codes.n, NULL);
  demand(fe_slopes_effects(a, x, &alone, gamma) == FE_OK);
  for (int i = 0; i < p->codes.n; i++) {
    long double fit = 0;
    int base = 0;
    for (int t = 0; t < s->terms.n_terms; base += p->n_levels[s->factor[t++]]) {
      int at = base + p->code[s->factor[t]][i] - 1;
      fit += (long double)gamma[at] * value_of(s, t, i);
      if (i == row) d0[at] = value_of(s, t, i);
    }
    if (i == row) value = (double)fit;
    if (weight_of(p, i) > 0) demand(fabsl(x[i] - fit - r[i]) <= 1e-5L * size);
  }
  if (weight_of(p, row) <= 0) return;
  demand(fe_slopes_functional(a, d0, &alone, x0, &defect) == FE_OK);
  demand(defect < 1e-6);
  for (int i = 0; i < p->codes.n; i++) sum += (long double)weight_of(p, i) * x0[i] * x[i];
  demand(fabsl(sum - value) <= 1e-5L * size);
}

static void check_leverage(const sloped *s, const fe_slopes *a) {
  double h[MAX_N], sum = 0;
  int exact;
  fe_status status = fe_slopes_leverage(a, h);
  demand(status == (fe_slopes_solver(a) == FE_SOLVER_CG ? FE_EINVAL : FE_OK));
  if (status || !s->plain || s->p.range != TAME) return;
  for (int i = 0; i < s->p.codes.n; i++) {
    demand(h[i] >= -1e-12 && h[i] <= 1 + 1e-9);
    sum += h[i];
  }
  int64_t rank = fe_slopes_rank(a, &exact);
  if (exact) demand(close_to(sum, (double)rank, 1e-7, 1));
}

static void check_solver(const sloped *s, const basis *plain, const basis *weighted,
                         fe_solver solver, int row) {
  const problem *p = &s->p;
  double out[MAX_K][MAX_N], *to[MAX_K] = {out[0], out[1], out[2]};
  fe_control control = {solver, 1e-11, 10000};
  fe_report report;
  fe_slopes *a;
  int exact, doubted = 0;
  demand(fe_slopes_new(&s->terms, p->w, &control, &alone, &a) == FE_OK);
  for (int t = 0; t < s->terms.n_terms; t++) doubted += fe_slopes_doubted(a, t);
  int64_t rank = fe_slopes_rank(a, &exact);
  demand(rank >= 0 && rank <= p->codes.n && doubted >= 0);
  if (s->plain && !doubted) demand(exact ? rank == plain->rank : rank >= plain->rank);
  fe_status status = fe_slopes_absorb(a, p->col, to, p->k, &alone, &report);
  demand(status == FE_OK || (status == FE_ENOCONV && (!s->plain || p->range != TAME)));
  if (status == FE_OK) {
    demand(report.residual <= 4 * control.tol);
    for (int j = 0; j < p->k; j++) check_residual(s, weighted, p->x[j], out[j]);
    if (s->plain && p->range == TAME && p->plain[0]) check_effects(s, a, p->x[0], out[0], row);
  }
  check_leverage(s, a);
  fe_slopes_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const fe_solver solvers[] = {FE_SOLVER_AUTO, FE_SOLVER_SCHUR, FE_SOLVER_CG};
  bytes b = bytes_of(data, size);
  static sloped s;
  static basis plain, weighted;
  take_sloped(&b, &s);
  basis_of_terms(&s, 0, &plain);
  basis_of_terms(&s, 1, &weighted);
  int row = (int)take_below(&b, (uint32_t)s.p.codes.n);
  for (int k = 0; k < 3; k++) check_solver(&s, &plain, &weighted, solvers[k], row);
  return 0;
}
