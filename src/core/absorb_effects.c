/* Effects of the levels, linear functionals of them, leverages. */
#include "absorb_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

fe_status fe_absorb_effects(fe_absorber *a, const double *x, double *gamma) {
  size_t n = (size_t)a->codes.n;
  double *copy = malloc(n * sizeof *copy);
  double *packed = calloc((size_t)a->n_lead + (size_t)a->p, sizeof *packed);
  scratch s = {0};
  fe_status status = copy && packed ? fe_scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    memcpy(copy, x, n * sizeof *copy);
    status = fe_absorb_column(a, copy, packed, &s, NULL).status;
    unpack_effects(a, packed, gamma);
  }
  fe_scratch_free(&s);
  free(packed);
  free(copy);
  return status;
}

/* r = d_2 - Z'W D_1 W_1^-1 d_1: one sweep over cells with the lead values v_g = d_1g / W_g. */
static void spread_lead(const fe_absorber *a, const double *v, double *r) {
  int m = a->m;
  for (int g = 0; g < a->n_lead; g++) {
    if (v[g] == 0) continue;
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      double z = a->cell_w ? a->cell_w[t] * v[g] : v[g];
      for (int u = 0; u < m; u++) r[a->cell[t * m + u]] -= z;
    }
  }
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

static double norm_of(const double *d, size_t n) {
  double square = 0;
  for (size_t l = 0; l < n; l++) square += d[l] * d[l];
  return sqrt(square);
}

/* d <- d - D'W x0, d = [lead | others]. Returns its norm. */
static double effects_residual(const fe_absorber *a, const double *x0, double *d, scratch *s) {
  fe_sum_lead(a, x0, s->lead);
  fe_sum_others(a, x0, s->r);
  for (int g = 0; g < a->n_lead; g++) d[g] -= s->lead[g];
  for (int l = 0; l < a->p; l++) d[a->n_lead + l] -= s->r[l];
  return norm_of(d, (size_t)a->n_lead + (size_t)a->p);
}

/* sum_g -= the sum of w z'delta over the rows of lead level g */
static void gather_lead(const fe_absorber *a, const double *delta, double *sum) {
  for (int g = 0; g < a->n_lead; g++) {
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      double z = 0;
      for (int u = 0; u < a->m; u++) z += delta[a->cell[t * a->m + u]];
      sum[g] -= a->cell_w ? a->cell_w[t] * z : z;
    }
  }
}

/* gamma += A^- d by block elimination; d = [lead | others] is spent */
static fe_status solve_effects(const fe_absorber *a, double *d, double *gamma, scratch *s) {
  if (a->p > 0) {
    int iterations = 0;
    for (int g = 0; g < a->n_lead; g++) s->lead[g] = d[g] * a->lead_inv[g];
    memcpy(s->r, d + a->n_lead, (size_t)a->p * sizeof *s->r);
    spread_lead(a, s->lead, s->r);
    fe_status status = a->control.solver == FE_SOLVER_CG ? fe_cg_make_consistent(a, s->r) : FE_OK;
    double goal = 0.1 * a->control.tol * fe_scaled_norm(a, s->r);
    if (!status) status = fe_solve_others(a, a->control.solver, s, goal, NULL, &iterations);
    if (status) return status;
    for (int l = 0; l < a->p; l++) gamma[a->n_lead + l] += s->delta[l];
    gather_lead(a, s->delta, d);
  }
  for (int g = 0; g < a->n_lead; g++) gamma[g] += d[g] * a->lead_inv[g];
  return FE_OK;
}

fe_status fe_absorb_functional(fe_absorber *a, const double *d0, double *x0, double *defect) {
  size_t levels = (size_t)a->n_lead + (size_t)a->p;
  double *d = calloc(levels, sizeof *d);
  double *rest = malloc(levels * sizeof *rest);
  double *gamma = calloc(levels, sizeof *gamma);
  scratch s = {0};
  fe_status status = d && rest && gamma ? fe_scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    pack_effects(a, d0, d);
    double size = norm_of(d, levels);
    memcpy(rest, d, levels * sizeof *rest);
    for (int pass = 0; pass < 3 && !status; pass++) { /* refinement */
      status = solve_effects(a, rest, gamma, &s);
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

fe_status fe_absorb_leverage(const fe_absorber *a, double *h) {
  if (a->control.solver == FE_SOLVER_SCHUR) return fe_schur_leverage(a, h);
  if (a->control.solver != FE_SOLVER_MEANS) return FE_EINVAL;
  const int *code = a->codes.code[a->lead];
  for (int64_t i = 0; i < a->codes.n; i++) {
    h[i] = a->lead_inv[code[i] - 1] * (a->w ? a->w[i] : 1.0);
  }
  return FE_OK;
}
