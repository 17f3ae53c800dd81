/* In a replicate M_e is never formed: with the dummies eliminated, Gamma = A_zz^- A_zv and
 * B_e = (A_xx - A_xz A_zz^- A_zx)^-1 of equation e, its rows of R_e are B_e at the regressors and
 * -Gamma_x B_e at the dummies (with instruments, B_e is that of the projected regressors, and
 * Pi B_e stands at the variables of the first stage); those of t_e are 1 at the outcome, -b at the
 * regressors and -Gamma_y + Gamma_x b at the dummies. */
#include "boot_variance.h"

#include <math.h>
#include <string.h>

#include "linalg.h"

size_t fe_packed(int k) { return (size_t)k * ((size_t)k + 1) / 2; }

/* y = A x for a packed lower triangle of order p */
static void packed_times(const double *a, size_t p, const double *x, double *y) {
  memset(y, 0, p * sizeof *y);
  for (size_t j = 0; j < p; j++) {
    double sum = *a * x[j], f = x[j];
    a++;
    for (size_t i = j + 1; i < p; i++, a++) {
      y[i] += *a * f;
      sum += *a * x[i];
    }
    y[j] += sum;
  }
}

void fe_cluster_influence(const fe_blocks *b, int g, const fe_influence *f, double *work,
                          double *h) {
  size_t p = (size_t)b->p;
  const double *block = b->block + (size_t)g * fe_packed(b->p), *r = f->direction;
  for (int e = 0; e < f->n_eq; e++) {
    packed_times(block, p, f->combine + (size_t)e * p, work);
    for (int j = 0; j < f->k[e]; j++, r += p) *h++ = fe_dot(r, work, p);
  }
}

void fe_add_outer(const double *h, int k, double f, double *v) {
  for (int j = 0; j < k; j++) {
    for (int i = j; i < k; i++) *v++ += f * h[i] * h[j];
  }
}

/* ---- a replicate ------------------------------------------------------------------------- */

/* Columns of Gamma (n_z x n_v): L_zz' gamma_v = L_vz', dependent dummies zero. */
static void solve_dummies(const fe_replicate *r, double *gamma) {
  size_t p = (size_t)r->b->p, n_z = (size_t)r->b->n_z;
  for (size_t v = n_z; v < p; v++, gamma += n_z) {
    for (size_t j = n_z; j-- > 0;) {
      const double *l = r->a + j * p;
      double sum = l[v];
      for (size_t i = j + 1; i < n_z; i++) sum -= l[i] * gamma[i];
      gamma[j] = l[j] != 0 ? sum / l[j] : 0;
    }
  }
}

/* column (p) += f (variable v less its projection on the dummies) */
static void add_variable(const fe_replicate *r, const double *gamma, int v, double f,
                         double *column) {
  size_t n_z = (size_t)r->b->n_z;
  for (size_t j = 0; j < n_z; j++) column[j] -= f * gamma[(size_t)v * n_z + j];
  column[n_z + (size_t)v] += f;
}

/* column (p) = regressor i of equation e, or its projection, less what the dummies explain */
static void regressor_column(const fe_replicate *r, int e, int i, const double *gamma,
                             double *column) {
  const fe_system *sys = r->sys;
  memset(column, 0, (size_t)r->b->p * sizeof *column);
  if (!sys->first || sys->n_first[e] == 0) {
    add_variable(r, gamma, sys->rhs[e][i], 1, column);
    return;
  }
  const double *pi = fe_first_stage(sys, e, r->b->n_v, i, r->work);
  for (int w = 0; w < sys->n_first[e]; w++) add_variable(r, gamma, sys->first[e][w], pi[w], column);
}

/* column: p doubles of scratch */
static void equation_columns(const fe_replicate *r, int e, const double *gamma, const double *coef,
                             const double *inverse, double *direction, double *combine,
                             double *column) {
  const fe_system *sys = r->sys;
  size_t p = (size_t)r->b->p, k = (size_t)sys->k[e];
  memset(direction, 0, k * p * sizeof *direction);
  memset(combine, 0, p * sizeof *combine);
  add_variable(r, gamma, sys->lhs[e], 1, combine);
  for (size_t i = 0; i < k; i++) {
    add_variable(r, gamma, sys->rhs[e][i], -coef[i], combine);
    regressor_column(r, e, (int)i, gamma, column);
    for (size_t j = 0; j < k; j++) fe_axpy(inverse[i + j * k], column, direction + j * p, p);
  }
}

size_t fe_variance_work(const fe_blocks *b, const fe_system *sys) {
  size_t p = (size_t)b->p, n_v = (size_t)b->n_v;
  size_t n_coef = (size_t)sys->n_coef, n_eq = (size_t)sys->n_eq;
  return (size_t)b->n_z * n_v + n_v * n_v + n_v + p * (n_coef + n_eq + 1) + n_coef;
}

void fe_replicate_variance(const fe_replicate *r, double *v) {
  const fe_system *sys = r->sys;
  size_t p = (size_t)r->b->p, n_v = (size_t)r->b->n_v, n_coef = (size_t)sys->n_coef;
  double *gamma = r->work + fe_system_work(sys, r->b->n_v);
  double *inverse = gamma + (size_t)r->b->n_z * n_v;
  double *b = inverse + n_v * n_v, *direction = b + n_v, *combine = direction + p * n_coef;
  double *column = combine + p * (size_t)sys->n_eq, *h = column + p;
  int solved = n_coef == 0 || !isnan(r->coef[0]);
  for (size_t i = 0; i < fe_packed(sys->n_coef); i++) v[i] = solved ? 0 : NAN;
  if (!solved) return;
  solve_dummies(r, gamma);
  for (int e = 0, at = 0; e < sys->n_eq; at += sys->k[e], e++) {
    fe_equation_factor(sys, e, r->s, r->b->n_v, r->scale, r->work, b);
    fe_cholesky_inverse(r->work, sys->k[e], NULL, NULL, inverse);
    equation_columns(r, e, gamma, r->coef + at, inverse, direction + (size_t)at * p,
                     combine + (size_t)e * p, column);
  }
  fe_influence f = {sys->n_eq, sys->k, sys->n_coef, direction, combine};
  for (int g = 0; g < r->b->n_clusters; g++) {
    if (r->m[g] == 0) continue;
    fe_cluster_influence(r->b, g, &f, column, h);
    fe_add_outer(h, sys->n_coef, r->m[g], v);
  }
}
