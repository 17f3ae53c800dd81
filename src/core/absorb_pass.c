/* The absorption of one column: passes over the rows and the solution between them. */
#include "absorb_private.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"

enum { MAX_PASSES = 12 };

/* ---- the pieces of a pass ------------------------------------------------------------------- */

fe_status fe_scratch_new(const fe_absorber *a, scratch *s) {
  size_t p = (size_t)a->p;
  double *block = malloc(((size_t)a->n_lead + 4 * p + 1) * sizeof *block);
  if (!block) return FE_ENOMEM;
  s->lead = block;
  s->r = block + a->n_lead;
  s->delta = s->r + p;
  s->dir = s->delta + p;
  s->image = s->dir + p;
  return FE_OK;
}

void fe_scratch_free(scratch *s) { free(s->lead); }

/* Each piece goes once over the rows, and sums on the way what the next one needs. */

double fe_sum_lead(const fe_absorber *a, const double *x, double *sum) {
  const int *code = a->codes.code[a->lead];
  double square = 0;
  memset(sum, 0, (size_t)a->n_lead * sizeof *sum);
  for (int64_t i = 0; i < a->codes.n; i++) {
    double wx = a->w ? a->w[i] * x[i] : x[i];
    sum[code[i] - 1] += wx;
    square += wx * x[i];
  }
  return sqrt(square);
}

/* Row loops take the number m of other factors apart from a, for their callers to fix it where
 * there is but one. */
static inline void add_to_others(const fe_absorber *a, int m, int64_t i, double wx, double *r) {
  for (int u = 0; u < m; u++) r[a->other_base[u] + a->other[u][i]] += wx;
}

void fe_sum_others(const fe_absorber *a, const double *x, double *r) {
  memset(r, 0, (size_t)a->p * sizeof *r);
  for (int64_t i = 0; i < a->codes.n; i++) {
    add_to_others(a, a->m, i, a->w ? a->w[i] * x[i] : x[i], r);
  }
}

static inline double remove_lead_rows(const fe_absorber *a, int m, double *x, const double *mean,
                                      double *r) {
  const int *code = a->codes.code[a->lead];
  double square = 0;
  for (int64_t i = 0; i < a->codes.n; i++) {
    double left = x[i] - mean[code[i] - 1], wx = a->w ? a->w[i] * left : left;
    x[i] = left;
    square += wx * left;
    add_to_others(a, m, i, wx, r);
  }
  return sqrt(square);
}

/* x <- x - lead means, given the sums of x, which become the means and are added to gamma
 * (n_lead) if it is given; r = Z'Wx. Returns || W^1/2 x ||. */
static double remove_lead(const fe_absorber *a, double *x, double *mean, double *r,
                          double *gamma) {
  memset(r, 0, (size_t)a->p * sizeof *r);
  for (int g = 0; g < a->n_lead; g++) mean[g] *= a->lead_inv[g];
  for (int g = 0; gamma && g < a->n_lead; g++) gamma[g] += mean[g];
  return a->m == 1 ? remove_lead_rows(a, 1, x, mean, r) : remove_lead_rows(a, a->m, x, mean, r);
}

static inline void remove_others_rows(const fe_absorber *a, int m, double *x,
                                      const double *delta, double *sum) {
  const int *code = a->codes.code[a->lead];
  for (int64_t i = 0; i < a->codes.n; i++) {
    double left = x[i];
    for (int u = 0; u < m; u++) left -= delta[a->other_base[u] + a->other[u][i]];
    x[i] = left;
    sum[code[i] - 1] += a->w ? a->w[i] * left : left;
  }
}

/* x <- x - Z delta; sum = D_1'Wx */
static void remove_others(const fe_absorber *a, double *x, const double *delta, double *sum) {
  memset(sum, 0, (size_t)a->n_lead * sizeof *sum);
  if (a->m == 1) {
    remove_others_rows(a, 1, x, delta, sum);
  } else {
    remove_others_rows(a, a->m, x, delta, sum);
  }
}

double fe_scaled_norm(const fe_absorber *a, const double *r) {
  double sum = 0;
  for (int l = 0; l < a->p; l++) {
    if (a->other_w[l] > 0) sum += r[l] * r[l] / a->other_w[l];
  }
  return sqrt(sum);
}

/* ---- one column ----------------------------------------------------------------------------- */

fe_status fe_solve_others(const fe_absorber *a, fe_solver solver, scratch *s, double goal,
                          stopper *stop, int *iterations) {
  if (solver == FE_SOLVER_CG) return fe_cg_solve(a, s, goal, stop, iterations);
  memcpy(s->delta, s->r, (size_t)a->p * sizeof *s->delta);
  fe_cholesky_solve(a->chol, a->p, a->used, s->delta, 1);
  return FE_OK;
}

/* Where the means take most of a column away, their rounding is felt in what is left. */
static void remove_means(const fe_absorber *a, double *x, double *gamma, scratch *s) {
  double before = fe_sum_lead(a, x, s->lead), after = remove_lead(a, x, s->lead, s->r, gamma);
  if (after > before / 16) return;
  fe_sum_lead(a, x, s->lead);
  remove_lead(a, x, s->lead, s->r, gamma);
}

/* x <- residual of x, whose lead sums are in s->lead, with r <= floor_norm taken for rounding.
 * Where weights are so unequal that dense solutions no longer come closer, conjugate gradients
 * finish. */
static outcome absorb_swept(const fe_absorber *a, double *x, double floor_norm, double *gamma,
                            scratch *s, stopper *stop) {
  outcome o = {FE_OK, 0, 0.0};
  double before = INFINITY;
  fe_solver solver = a->control.solver;
  double *gamma_others = gamma ? gamma + a->n_lead : NULL;
  for (int pass = 0;; pass++) {
    double norm = remove_lead(a, x, s->lead, s->r, gamma), residual = fe_scaled_norm(a, s->r);
    double goal = fmax(a->control.tol * norm, floor_norm);
    o.residual = norm > 0 ? residual / norm : 0;
    o.status = residual <= 4 * goal ? FE_OK : FE_ENOCONV;
    if (residual <= goal || pass == MAX_PASSES) break;
    if (residual > before / 2) {
      if (o.status == FE_OK || solver == FE_SOLVER_CG) break;
      solver = FE_SOLVER_CG;
    }
    o.status = fe_must_stop(stop, pass)
                   ? FE_EINTR
                   : fe_solve_others(a, solver, s, 0.5 * goal, stop, &o.iterations);
    if (o.status) break;
    remove_others(a, x, s->delta, s->lead);
    for (int l = 0; gamma && l < a->p; l++) gamma_others[l] += s->delta[l];
    before = residual;
  }
  return o;
}

/* The power of two that brings the largest of x to order one; 0 for zeros and infinities. */
static int exponent_of(const double *x, int64_t n) {
  double largest = 0;
  int exponent = 0;
  for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(x[i]));
  if (isfinite(largest)) frexp(largest, &exponent);
  return exponent;
}

static void shift_by(double *x, int64_t n, int exponent) {
  for (int64_t i = 0; exponent && i < n; i++) x[i] = ldexp(x[i], exponent);
}

outcome fe_absorb_column(const fe_absorber *a, double *x, double *gamma, scratch *s,
                         stopper *stop) {
  if (a->control.solver == FE_SOLVER_MEANS) {
    remove_means(a, x, gamma, s);
    return (outcome){FE_OK, 0, 0.0};
  }
  int64_t n = a->codes.n;
  double norm = fe_sum_lead(a, x, s->lead);
  int shift = norm > 1e-140 && norm < 1e140 ? 0 : exponent_of(x, n);
  if (shift) {
    shift_by(x, n, -shift);
    norm = fe_sum_lead(a, x, s->lead);
  }
  outcome o = absorb_swept(a, x, 64 * DBL_EPSILON * norm, gamma, s, stop);
  shift_by(x, n, shift);
  if (gamma) shift_by(gamma, (int64_t)a->n_lead + a->p, shift);
  return o;
}
