/* Absorption by every solver: rank, residuals, effects, leverages and functionals against an
 * orthonormal basis of the dummies. */
#include "fuzz.h"

#include "absorb.h"

static const fe_solver solvers[] = {FE_SOLVER_AUTO, FE_SOLVER_SCHUR, FE_SOLVER_CG,
                                    FE_SOLVER_SPARSE};

static int iterates(fe_solver s) { return s == FE_SOLVER_CG || s == FE_SOLVER_SPARSE; }

static void check_plan(const problem *p, const fe_absorber *a, fe_solver asked) {
  fe_solver solver = fe_absorber_solver(a);
  fe_plan plan;
  fe_absorber_plan(a, &plan);
  demand(solver != FE_SOLVER_AUTO);
  demand((solver == FE_SOLVER_MEANS) == (p->codes.q == 1));
  if (asked != FE_SOLVER_AUTO && p->codes.q > 1) demand(solver == asked);
  demand(plan.lead >= 0 && plan.lead < p->codes.q);
  demand(plan.n_lead == p->n_levels[plan.lead] && plan.others == p->levels - plan.n_lead);
  for (int f = 0; f < p->codes.q; f++) demand(plan.n_lead >= p->n_levels[f]);
}

static void check_rank(const problem *p, const fe_absorber *a) {
  basis b;
  int exact;
  basis_of_dummies(p, 0, &b);
  int64_t rank = fe_absorber_rank(a, &exact);
  demand(exact ? rank == b.rank : rank >= b.rank);
}

/* Against the basis in the metric of the weights; all of it relative to the column. Of extreme
 * weights nothing is asked but that memory is not harmed and an end is found. */
static void check_residual(const problem *p, const basis *b, int j, const double *r) {
  const double *x = p->x[j];
  long double whole = weighted_norm(x, p->codes.n, p->w);
  long double left = weighted_norm(r, p->codes.n, p->w);
  if (p->range == EXTREME) return;
  for (int i = 0; i < p->codes.n; i++) demand(isfinite(r[i]) || weight_of(p, i) == 0);
  demand(left <= whole * (1 + 1e-9L));
  demand(normal_equations(&p->codes, p->w, r) <= 1e-10L * left + 1e-13L * whole);
  long double v[MAX_N], tol = p->range == TAME ? 1e-8L : 1e-6L;
  for (int i = 0; i < p->codes.n; i++) v[i] = sqrtl((long double)weight_of(p, i)) * x[i];
  basis_remove(b, v);
  for (int i = 0; i < p->codes.n; i++) {
    if (weight_of(p, i) == 0) continue;
    demand(fabsl(v[i] - sqrtl((long double)weight_of(p, i)) * r[i]) <= tol * whole);
  }
}

/* x - D gamma is the residual, and gamma'd0 the functional of d0 = a row of D. */
static void check_effects(const problem *p, fe_absorber *a, const double *x, const double *r,
                          int row) {
  double gamma[MAX_LEVELS], d0[MAX_LEVELS] = {0}, x0[MAX_N], defect, value = 0;
  long double sum = 0, size = weighted_norm(x, p->codes.n, NULL);
  demand(fe_absorb_effects(a, x, &alone, gamma) == FE_OK);
  for (int i = 0; i < p->codes.n; i++) {
    long double fit = 0;
    int base = 0;
    for (int f = 0; f < p->codes.q; base += p->n_levels[f++]) {
      fit += gamma[base + p->code[f][i] - 1];
      if (i == row) d0[base + p->code[f][i] - 1] = 1;
    }
    if (i == row) value = (double)fit;
    if (weight_of(p, i) > 0) demand(fabsl(x[i] - fit - r[i]) <= 1e-7L * size);
  }
  if (weight_of(p, row) <= 0) return;
  demand(fe_absorb_functional(a, d0, &alone, x0, &defect) == FE_OK);
  demand(defect < 1e-8);
  for (int i = 0; i < p->codes.n; i++) {
    sum += (long double)weight_of(p, i) * x0[i] * x[i];
  }
  demand(fabsl(sum - value) <= 1e-7L * size);
}

static void check_leverage(const problem *p, const fe_absorber *a) {
  double h[MAX_N];
  int exact;
  fe_status status = fe_absorb_leverage(a, &alone, h);
  demand(status == (iterates(fe_absorber_solver(a)) ? FE_EINVAL : FE_OK));
  if (status || p->range != TAME) return;
  double sum = 0;
  for (int i = 0; i < p->codes.n; i++) {
    demand(h[i] >= -1e-12 && h[i] <= 1 + 1e-9);
    sum += h[i];
  }
  demand(close_to(sum, (double)fe_absorber_rank(a, &exact), 1e-9, 1));
}

static void check_solver(const problem *p, const basis *b, fe_solver solver, int row) {
  double out[MAX_K][MAX_N], *to[MAX_K] = {out[0], out[1], out[2]};
  fe_control control = {solver, 1e-11, 10000};
  fe_absorber *a;
  fe_report report;
  demand(fe_absorber_new(&p->codes, p->w, &control, &alone, &a) == FE_OK);
  check_plan(p, a, solver);
  check_rank(p, a);
  fe_status status = fe_absorb(a, p->col, to, p->k, &alone, &report);
  demand(status == FE_OK || (p->range != TAME && status == FE_ENOCONV));
  demand(report.solver == fe_absorber_solver(a) && report.iterations <= control.max_iter);
  if (status == FE_OK) {
    demand(report.residual <= 4 * control.tol);
    for (int j = 0; j < p->k; j++) check_residual(p, b, j, out[j]);
    if (p->range == TAME && p->plain[0]) check_effects(p, a, p->x[0], out[0], row);
  }
  check_leverage(p, a);
  fe_absorber_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bytes b = bytes_of(data, size);
  problem p;
  basis weighted;
  take_problem(&b, &p);
  basis_of_dummies(&p, 1, &weighted);
  int row = (int)take_below(&b, (uint32_t)p.codes.n);
  for (int s = 0; s < 4; s++) check_solver(&p, &weighted, solvers[s], row);
  return 0;
}
