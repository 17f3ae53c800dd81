/* Effects of the levels, linear functionals of them, leverages. */
#include "absorb_private.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"

#define STEP_GAIN 1e-7
enum { REFINEMENTS = 5 };

/* Where the levels of factor f stand in the order [lead | others]. */
static size_t packed_at(const fe_absorber *a, int f) {
  return f == a->lead ? 0 : (size_t)a->n_lead + (size_t)a->offset[f];
}

static void pack_effects(const fe_absorber *a, const double *by_factor, double *packed) {
  for (int f = 0; f < a->codes.q; f++) {
    size_t n = (size_t)a->codes.n_levels[f];
    memcpy(packed + packed_at(a, f), by_factor, n * sizeof *packed);
    by_factor += n;
  }
}

static void unpack_effects(const fe_absorber *a, const double *packed, double *by_factor) {
  for (int f = 0; f < a->codes.q; f++) {
    size_t n = (size_t)a->codes.n_levels[f];
    memcpy(by_factor, packed + packed_at(a, f), n * sizeof *packed);
    by_factor += n;
  }
}

/* By a better solver, if the column asks for one. */
static fe_status absorb_alone(fe_absorber *a, const double *x, double *rest, double *packed,
                              scratch *s, const fe_exec *exec) {
  stopper stop = {0, 0, 1, exec};
  size_t levels = (size_t)a->n_lead + (size_t)a->p;
  for (;;) {
    memset(packed, 0, levels * sizeof *packed);
    outcome o = fe_absorb_column(a, x, rest, packed, s, &stop);
    if (o.status != FE_ENOCONV && !o.stalled) return o.status;
    fe_status status = fe_absorber_improve(a, !o.stalled, exec);
    if (status) return status;
    stop.stalled = 0;
  }
}

fe_status fe_absorb_effects(fe_absorber *a, const double *x, const fe_exec *exec, double *gamma) {
  double *rest = malloc(((size_t)a->codes.n + 1) * sizeof *rest);
  double *packed = malloc(((size_t)a->n_lead + (size_t)a->p) * sizeof *packed);
  scratch s = {0};
  fe_status status = rest && packed ? fe_scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    status = absorb_alone(a, x, rest, packed, &s, exec);
    unpack_effects(a, packed, gamma);
  }
  fe_scratch_free(&s);
  free(packed);
  free(rest);
  return status;
}

/* x0 = D gamma for gamma = [lead | others] */
static void expand_effects(const fe_absorber *a, const double *gamma, double *x0) {
  for (int64_t i = 0; i < a->codes.n; i++) x0[i] = 0;
  for (int f = 0; f < a->codes.q; f++) {
    const double *effect = gamma + packed_at(a, f);
    const int *code = a->codes.code[f];
    for (int64_t i = 0; i < a->codes.n; i++) x0[i] += effect[code[i] - 1];
  }
}

/* The norm of d = [lead | others] in the metric of the levels' weights. */
static double scaled_size(const fe_absorber *a, const double *d) {
  double others = fe_scaled_norm(a, d + a->n_lead), square = others * others;
  for (int g = 0; g < a->n_lead; g++) square += d[g] * d[g] * a->lead_inv[g];
  return sqrt(square);
}

/* d <- d - D'W x0, d = [lead | others]. Returns its norm. */
static double effects_residual(const fe_absorber *a, const double *x0, double *d, scratch *s) {
  fe_sum_levels(a, x0, s->lead, s->r, NULL);
  for (int g = 0; g < a->n_lead; g++) d[g] -= s->lead[g];
  for (int l = 0; l < a->p; l++) d[a->n_lead + l] -= s->r[l];
  return fe_norm(d, (size_t)a->n_lead + (size_t)a->p);
}

/* s->r = d_2 - Z'W D_1 W_1^-1 d_1, s->lead = W_1^-1 d_1 */
static void eliminate_lead(const fe_absorber *a, const double *d, scratch *s) {
  memcpy(s->lead, d, (size_t)a->n_lead * sizeof *s->lead);
  memcpy(s->r, d + a->n_lead, (size_t)a->p * sizeof *s->r);
  fe_centre(a, s);
}

static int is_iterative(fe_solver solver) {
  return solver == FE_SOLVER_CG || solver == FE_SOLVER_SPARSE;
}

/* gamma += A^- d by block elimination; d = [lead | others]. Conjugate gradients gain STEP_GAIN at a
 * time, to no more than `least`: what they believe of their residual drifts from the true one. */
static fe_status solve_effects(fe_absorber *a, const double *d, double least, double *gamma,
                               scratch *s, stopper *stop) {
  fe_solver solver = a->control.solver;
  outcome o = {.may_stall = solver == FE_SOLVER_CG && a->improvable, .most = INFINITY};
  eliminate_lead(a, d, s);
  double rounding = 16 * DBL_EPSILON * fe_scaled_norm(a, s->r);
  fe_status status = is_iterative(solver) ? fe_cg_make_consistent(a, s->r) : FE_OK;
  double goal = fmax(fmax(STEP_GAIN * fe_scaled_norm(a, s->r), least), rounding);
  if (!status) status = fe_solve_others(a, solver, s, goal, stop, &o);
  if (status == FE_ENOCONV || o.stalled) {
    status = fe_absorber_improve(a, !o.stalled, stop->exec);
    stop->stalled = 0;
    return status ? status : solve_effects(a, d, least, gamma, s, stop);
  }
  if (status) return status;
  double shift = 0; /* the closed form: the mean of z'delta is the same in every lead level */
  for (int l = 0; !a->start && l < a->p; l++) shift += a->other_w[l] * s->delta[l] / a->total;
  if (a->start) fe_lead_effects(a, s->lead, s->delta, s->lead);
  for (int g = 0; g < a->n_lead; g++) gamma[g] += s->lead[g] - shift;
  for (int l = 0; l < a->p; l++) gamma[a->n_lead + l] += s->delta[l];
  return FE_OK;
}

fe_status fe_absorb_functional(fe_absorber *a, const double *d0, const fe_exec *exec, double *x0,
                               double *defect) {
  size_t levels = (size_t)a->n_lead + (size_t)a->p;
  double *d = calloc(levels, sizeof *d);
  double *rest = malloc(levels * sizeof *rest);
  double *gamma = calloc(levels, sizeof *gamma);
  stopper stop = {0, 0, 1, exec};
  scratch s = {0};
  fe_status status = d && rest && gamma ? fe_scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    pack_effects(a, d0, d);
    double size = fe_norm(d, levels), least = 0.1 * a->control.tol * scaled_size(a, d);
    memcpy(rest, d, levels * sizeof *rest);
    for (int pass = 0; pass < REFINEMENTS && !status; pass++) {
      status = solve_effects(a, rest, least, gamma, &s, &stop);
      expand_effects(a, gamma, x0);
      memcpy(rest, d, levels * sizeof *rest);
      double left = effects_residual(a, x0, rest, &s);
      *defect = size > 0 ? left / size : 0;
      if (*defect < a->control.tol) break;
    }
  }
  fe_scratch_free(&s);
  free(gamma);
  free(rest);
  free(d);
  return status;
}

fe_status fe_absorb_leverage(const fe_absorber *a, const fe_exec *exec, double *h) {
  if (a->control.solver == FE_SOLVER_SCHUR) return fe_schur_leverage(a, exec, h);
  if (is_iterative(a->control.solver)) return FE_EINVAL;
  const int *code = a->codes.code[a->lead];
  for (int64_t i = 0; i < a->codes.n; i++) {
    double share = a->lead_inv[code[i] - 1];
    for (int u = 0; u < a->m; u++) share += a->other_inv[a->other_base[u] + a->other[u][i]];
    if (a->m) share -= 1 / a->total;
    h[i] = (a->w ? a->w[i] : 1.0) * share;
  }
  return FE_OK;
}
