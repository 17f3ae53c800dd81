/* Replicates from blocks: A(m) = sum_g m_g A_g, the dummies z eliminated, then each equation by
 * Cholesky (of projected regressors, where there are instruments): O(G p^2 + p^3), whatever the
 * number of rows.
 *
 * A pivot is what the columns before it leave of a column's sum of squares: zero if the column
 * depends on them, but computed to about the rounding error of the sum it started from. A
 * replicate counts as singular if a pivot is at most FE_PIVOT_TOL of its reference, that is if
 * less than 1e-10 is left of the variation that the column has in the full sample given the
 * dummies (a ratio of 1e-5 in standard deviations, or 1 - R^2 = 1e-10 on the other regressors).
 * The reference is that of the full sample because in a replicate a column may vanish up to
 * rounding, and no ratio of two rounding errors can tell. It is at least FE_PIVOT_FLOOR of the
 * variation before the dummies, so that the limit is never below 1e-13 (some 450 units of
 * rounding) of the numbers the pivot was computed from. Weights of any size are allowed: the
 * reference goes with their mean. */
#include "boot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "boot_variance.h"
#include "linalg.h"
#include "parallel.h"

enum { CHUNK = 32 };

double fe_weights_draw(const fe_weights *weights, int n_clusters, int64_t r, double *m) {
  size_t n = (size_t)n_clusters;
  int64_t number = weights->first + r;
  switch (weights->kind) {
    case FE_WEIGHTS_MULTINOMIAL:
      fe_multinomial(weights->seed, (uint64_t)number, n_clusters, n_clusters, m);
      break;
    case FE_WEIGHTS_DIRICHLET:
      fe_dirichlet(weights->seed, (uint64_t)number, n_clusters, m);
      break;
    case FE_WEIGHTS_LEAVE_OUT:
      for (size_t g = 0; g < n; g++) m[g] = (int64_t)g == number ? 0 : 1;
      break;
    case FE_WEIGHTS_GIVEN:
      memcpy(m, weights->given + (size_t)r * n, n * sizeof *m);
      break;
    default: {
      fe_wild_draws draws = {(fe_wild_kind)(weights->kind - FE_WEIGHTS_WILD), 0, weights->seed,
                             (uint64_t)weights->first};
      fe_wild_draw(&draws, (uint64_t)r, n_clusters, m);
    }
  }
  double sum = 0;
  for (size_t g = 0; g < n; g++) sum += fabs(m[g]);
  return sum / n_clusters;
}

static int first_count(const fe_system *sys, int e) { return sys->first ? sys->n_first[e] : 0; }

static int system_is_sound(const fe_system *sys, int n_v) {
  int64_t n_coef = 0;
  for (int e = 0; e < sys->n_eq; e++) {
    if (sys->k[e] < 0 || sys->k[e] > n_v) return 0;
    if (sys->lhs[e] < 0 || sys->lhs[e] >= n_v) return 0;
    for (int j = 0; j < sys->k[e]; j++) {
      if (sys->rhs[e][j] < 0 || sys->rhs[e][j] >= n_v) return 0;
    }
    n_coef += sys->k[e];
    for (int j = 0; j < first_count(sys, e); j++) {
      if (sys->first[e][j] < 0 || sys->first[e][j] >= n_v) return 0;
    }
  }
  return n_coef == sys->n_coef;
}

static int all_are_weights(const double *m, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!(m[i] >= 0 && isfinite(m[i]))) return 0;
  }
  return 1;
}

static int weights_are_sound(const fe_weights *weights, int n_clusters, int64_t n_rep) {
  switch (weights->kind) {
    case FE_WEIGHTS_MULTINOMIAL:
    case FE_WEIGHTS_DIRICHLET: return weights->first >= 0;
    case FE_WEIGHTS_LEAVE_OUT:
      return weights->first >= 0 && weights->first <= n_clusters - n_rep;
    case FE_WEIGHTS_GIVEN:
      return weights->given && all_are_weights(weights->given, (size_t)n_clusters * (size_t)n_rep);
    default: return 0; /* no weights of observations */
  }
}

fe_status fe_boot_check(const fe_system *sys, int n_v, const fe_weights *weights, int n_clusters,
                        int64_t n_rep) {
  if (n_rep < 0 || n_v < 1 || n_clusters < 1) return FE_EINVAL;
  if (!system_is_sound(sys, n_v)) return FE_EINVAL;
  return weights_are_sound(weights, n_clusters, n_rep) ? FE_OK : FE_EINVAL;
}

/* ---- one system -------------------------------------------------------------------------- */

static double entry(const double *s, int n_v, int i, int j) {
  size_t row = (size_t)(i > j ? i : j), column = (size_t)(i > j ? j : i);
  return s[row + column * (size_t)n_v];
}

/* Normal equations of equation e: matrix a (k x k), right-hand side b. */
static void gather_equation(const fe_system *sys, int e, const double *s, int n_v,
                            double *a, double *b) {
  const int *rhs = sys->rhs[e];
  int k = sys->k[e];
  for (int j = 0; j < k; j++) {
    double *column = a + (size_t)j * (size_t)k;
    for (int i = j; i < k; i++) column[i] = entry(s, n_v, rhs[i], rhs[j]);
    b[j] = entry(s, n_v, sys->lhs[e], rhs[j]);
  }
}

/* Variable t of the joint matrix [first | rhs | lhs] of equation e. */
static int joint_variable(const fe_system *sys, int e, int t) {
  int l = sys->n_first[e], k = sys->k[e];
  if (t < l) return sys->first[e][t];
  return t < l + k ? sys->rhs[e][t - l] : sys->lhs[e];
}

static size_t joint_order(const fe_system *sys, int e) {
  return (size_t)sys->n_first[e] + (size_t)sys->k[e] + 1;
}

/* With L the factor of the cross-products of W = [first], rows l.. of the joint matrix become
 * C' = (L^-1 W'[X y])': X'PX and X'Py are sums of their products, without the cancellation of
 * X'X - X'(I - P)X. joint: q x q, then q pivot references. */
static void gather_projected(const fe_system *sys, int e, const double *s, int n_v,
                             const double *scale, double *joint, double *a, double *b) {
  size_t q = joint_order(sys, e), l = (size_t)sys->n_first[e], k = (size_t)sys->k[e];
  for (size_t j = 0; j < q; j++) {
    int v = joint_variable(sys, e, (int)j);
    joint[q * q + j] = scale[v];
    for (size_t i = j; i < q; i++) {
      joint[i + j * q] = entry(s, n_v, joint_variable(sys, e, (int)i), v);
    }
  }
  fe_eliminate(joint, (int)q, (int)l, FE_PIVOT_TOL, joint + q * q);
  for (size_t j = 0; j < k; j++) {
    for (size_t i = j; i <= k; i++) {
      double sum = 0;
      for (size_t w = 0; w < l; w++) sum += joint[l + i + w * q] * joint[l + j + w * q];
      if (i < k) {
        a[i + j * k] = sum;
      } else {
        b[j] = sum;
      }
    }
  }
}

size_t fe_system_work(const fe_system *sys, int n_v) {
  size_t n = (size_t)n_v, most = 0;
  for (int e = 0; e < sys->n_eq; e++) {
    size_t q = first_count(sys, e) > 0 ? joint_order(sys, e) : 0;
    if (q > most) most = q;
  }
  return n * n + n + most * most + most;
}

/* L'pi = C_i, in the unused upper triangle of the joint matrix; dependent columns have zeros. */
const double *fe_first_stage(const fe_system *sys, int e, int n_v, int i, double *work) {
  size_t q = joint_order(sys, e), l = (size_t)sys->n_first[e], n = (size_t)n_v;
  double *joint = work + n * n + n, *pi = joint + (l + (size_t)i) * q;
  for (size_t j = l; j-- > 0;) {
    const double *column = joint + j * q;
    double sum = column[l + (size_t)i];
    for (size_t w = j + 1; w < l; w++) sum -= column[w] * pi[w];
    pi[j] = column[j] != 0 ? sum / column[j] : 0;
  }
  return pi;
}

int fe_equation_factor(const fe_system *sys, int e, const double *s, int n_v, const double *scale,
                       double *work, double *b) {
  int k = sys->k[e];
  double *reference = work + (size_t)n_v * (size_t)n_v;
  for (int j = 0; j < k; j++) reference[j] = scale[sys->rhs[e][j]];
  if (first_count(sys, e) > 0) {
    gather_projected(sys, e, s, n_v, scale, reference + n_v, work, b);
  } else {
    gather_equation(sys, e, s, n_v, work, b);
  }
  return fe_cholesky(work, k, FE_PIVOT_TOL, reference, NULL) == k;
}

void fe_system_solve(const fe_system *sys, const double *s, int n_v, const double *scale,
                     double *work, double *out) {
  double *b = out;
  for (int e = 0; e < sys->n_eq; e++) {
    if (!fe_equation_factor(sys, e, s, n_v, scale, work, b)) {
      for (int j = 0; j < sys->n_coef; j++) out[j] = NAN;
      return;
    }
    fe_cholesky_solve(work, sys->k[e], NULL, b, 1);
    b += sys->k[e];
  }
}

/* ---- replicates -------------------------------------------------------------------------- */

typedef struct {
  const fe_blocks *b;
  const fe_system *sys;
  const fe_weights *weights;
  int64_t n_rep;
  const double *scale; /* p */
  double *work;        /* one `stride` for each worker */
  size_t stride;
  double *out;
  double *var;         /* NULL: none wanted */
} boot_run;

/* Trailing n x n lower triangle of a (p x p) as a matrix of its own. */
static void copy_trailing(const double *a, size_t p, size_t n, double *s) {
  for (size_t j = 0; j < n; j++) {
    memcpy(s + j * n + j, a + (p - n + j) * (p + 1), (n - j) * sizeof *s);
  }
}

/* The full sample without cluster g: p^2 operations, whatever the number of clusters. */
static void leave_out(const fe_blocks *b, int64_t g, double *a) {
  size_t p = (size_t)b->p;
  const double *block = b->block + (size_t)g * fe_packed(b->p);
  for (size_t j = 0; j < p; j++) {
    for (size_t i = j; i < p; i++) a[i + j * p] = b->total[i + j * p] - *block++;
  }
}

static void replicate(const boot_run *run, int64_t r, double *work) {
  const fe_blocks *b = run->b;
  size_t p = (size_t)b->p, n_v = (size_t)b->n_v;
  double *m = work, *a = m + b->n_clusters, *s = a + p * p;
  double *scale = s + n_v * n_v, *scratch = scale + n_v;
  double size = (b->n_clusters - 1.0) / b->n_clusters;
  if (run->weights->kind == FE_WEIGHTS_LEAVE_OUT && !run->var) {
    leave_out(b, run->weights->first + r, a);
  } else {
    size = fe_weights_draw(run->weights, b->n_clusters, r, m);
    fe_blocks_sum(b, m, a);
  }
  fe_eliminate(a, b->p, b->n_z, FE_PIVOT_TOL * size, run->scale);
  copy_trailing(a, p, n_v, s);
  for (size_t j = 0; j < n_v; j++) scale[j] = size * run->scale[(size_t)b->n_z + j];
  double *out = run->out + (size_t)r * (size_t)run->sys->n_coef;
  fe_system_solve(run->sys, s, b->n_v, scale, scratch, out);
  if (!run->var) return;
  fe_replicate rep = {b, run->sys, m, a, s, scale, out, scratch};
  fe_replicate_variance(&rep, run->var + (size_t)r * fe_packed(run->sys->n_coef));
}

static void replicate_chunk(int64_t task, int worker, void *data) {
  const boot_run *run = data;
  int64_t last = (task + 1) * CHUNK < run->n_rep ? (task + 1) * CHUNK : run->n_rep;
  for (int64_t r = task * CHUNK; r < last; r++) {
    replicate(run, r, run->work + (size_t)worker * run->stride);
  }
}

/* Pivot references of all columns, from the full sample; a (p x p) is scratch. */
static void pivot_scale(const fe_blocks *b, double *a, double *scale) {
  size_t p = (size_t)b->p;
  for (size_t j = 0; j < p; j++) scale[j] = b->total[j * (p + 1)];
  memcpy(a, b->total, p * p * sizeof *a);
  fe_eliminate(a, b->p, b->n_z, FE_PIVOT_TOL, scale);
  for (size_t j = (size_t)b->n_z; j < p; j++) {
    scale[j] = fmax(a[j * (p + 1)], FE_PIVOT_FLOOR * scale[j]);
  }
}

fe_status fe_boot_blocks(const fe_blocks *b, const fe_system *sys, const fe_weights *weights,
                         int64_t n_rep, const fe_exec *exec, double *out, double *var) {
  fe_status status = fe_boot_check(sys, b->n_v, weights, b->n_clusters, n_rep);
  if (status) return status;
  size_t p = (size_t)b->p, n_v = (size_t)b->n_v;
  int64_t n_tasks = n_rep / CHUNK + (n_rep % CHUNK > 0);
  size_t stride = (size_t)b->n_clusters + p * p + n_v * n_v + n_v + fe_system_work(sys, b->n_v) +
                  (var ? fe_variance_work(b, sys) : 0);
  size_t workers = (size_t)fe_workers(exec, n_tasks);
  double *scale = malloc(p * sizeof *scale);
  double *work = calloc(workers, stride * sizeof *work);
  status = scale && work ? FE_OK : FE_ENOMEM;
  if (!status) {
    pivot_scale(b, work + b->n_clusters, scale);
    boot_run run = {b, sys, weights, n_rep, scale, work, stride, out, var};
    status = fe_parallel_for(exec, n_tasks, replicate_chunk, &run);
  }
  free(scale);
  free(work);
  return status;
}
