/* The iterative solver of S delta = r, which never forms S as a whole. */
#include "absorb_private.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "linalg.h"

/* Iterations before a forecast, and the look back it is made from. */
enum { FORECAST_FROM = 10, LOOK_BACK = 6 };

/* ---- S v ------------------------------------------------------------------------------------ */

/* With weights, values are taken relative to that of the first cell: where it is by far the
 * heaviest (see fe_cells_build()), its difference from the mean would be lost in rounding. */
static inline void apply_cells(const fe_absorber *a, int m, int weighted, const double *v,
                               double *out) {
  for (int g = 0; g < a->n_lead; g++) {
    int64_t from = a->start[g], to = a->start[g + 1];
    if (to - from < 2) continue; /* a cell that is alone is equal to its mean */
    double mean = 0, first = 0;
    for (int u = 0; weighted && u < m; u++) first += v[a->cell[from * m + u]];
    for (int64_t t = from; t < to; t++) {
      double z = -first;
      for (int u = 0; u < m; u++) z += v[a->cell[t * m + u]];
      mean += weighted ? a->cell_w[t] * z : z;
    }
    mean *= a->lead_inv[g];
    for (int64_t t = from; t < to; t++) {
      double z = -first;
      for (int u = 0; u < m; u++) z += v[a->cell[t * m + u]];
      z -= mean;
      if (weighted) z *= a->cell_w[t];
      for (int u = 0; u < m; u++) out[a->cell[t * m + u]] += z;
    }
  }
}

/* The graph is the shorter way where its edges are fewer than the cells. */
static void apply_schur(const fe_absorber *a, const double *v, double *out) {
  if (a->m == 1 && a->blocks && a->blocks->factor &&
      a->blocks->graph.start[a->p] < 2 * a->start[a->n_lead]) {
    fe_graph_apply(&a->blocks->graph, v, out);
    return;
  }
  memset(out, 0, (size_t)a->p * sizeof *out);
  if (a->cell_w) {
    if (a->m == 1) apply_cells(a, 1, 1, v, out); else apply_cells(a, a->m, 1, v, out);
    return;
  }
  switch (a->m) {
    case 1: apply_cells(a, 1, 0, v, out); break;
    case 2: apply_cells(a, 2, 0, v, out); break;
    default: apply_cells(a, a->m, 0, v, out);
  }
}

/* ---- the preconditioner --------------------------------------------------------------------- */

/* z = M r, the factored blocks, Jacobi's scaling for the others. Returns r'z. */
static double precondition(const fe_absorber *a, const double *r, double *z) {
  double product = 0;
  for (int u = 0; u < a->m; u++) {
    int first = a->other_base[u] + 1, last = first + a->other_levels[u];
    if (a->blocks && a->blocks[u].factor) {
      fe_laplacian_solve(a->blocks[u].factor, r + first, z + first);
    } else {
      for (int l = first; l < last; l++) z[l] = r[l] * a->other_inv[l];
    }
    for (int l = first; l < last; l++) product += r[l] * z[l];
  }
  return product;
}

/* ---- stopping ------------------------------------------------------------------------------- */

int fe_poll_and_tell(void *data) {
  stopper *s = data;
  if (!s->stop && s->exec->poll && s->exec->poll(s->exec->poll_data)) s->stop = 1;
  return s->stop;
}

int fe_must_stop(stopper *s, int step) {
  if (!s) return 0;
  return s->stop || (s->every && step % s->every == 0 && fe_poll_and_tell(s));
}

/* Whether the descent of the last steps, carried on, would take longer than to make a
 * preconditioner. */
static int forecast_stall(const fe_absorber *a, double *past, int iteration, double residual,
                          double goal) {
  double before = past[iteration % LOOK_BACK];
  past[iteration % LOOK_BACK] = residual;
  if (iteration < FORECAST_FROM || residual >= before) return iteration >= FORECAST_FROM;
  return log(goal / residual) / log(residual / before) * LOOK_BACK > a->patience;
}

/* ---- conjugate gradients -------------------------------------------------------------------- */

/* The rounding of dir'S dir. Without wide weights the residual is small before it matters; of two
 * factors the preconditioner keeps off the null space. */
static double least_curvature(const fe_absorber *a, const double *dir) {
  double square = 0;
  if (!a->wide || a->m == 1) return 0;
  for (int l = 0; l < a->p; l++) square += a->other_w[l] * dir[l] * dir[l];
  return 4 * DBL_EPSILON * square;
}

/* delta += size dir, r -= size image. Returns r'W^-1 r. */
static double step_along(const fe_absorber *a, scratch *s, double size) {
  double square = 0;
  for (int l = 0; l < a->p; l++) {
    s->delta[l] += size * s->dir[l];
    double left = s->r[l] - size * s->image[l];
    s->r[l] = left;
    square += left * left * a->other_inv[l];
  }
  return square;
}

fe_status fe_cg_solve(const fe_absorber *a, scratch *s, double goal, stopper *stop, outcome *o) {
  int p = a->p;
  double past[LOOK_BACK] = {0}, residual = fe_scaled_norm(a, s->r), rho = 1, square = 0;
  o->moved = 0;
  memset(s->delta, 0, (size_t)p * sizeof *s->delta);
  memset(s->dir, 0, (size_t)p * sizeof *s->dir);
  for (int step = 0; residual > goal; step++) {
    if (fe_must_stop(stop, step)) return FE_EINTR;
    if (o->may_stall && (stop->stalled || forecast_stall(a, past, step, residual, goal))) {
      stop->stalled = 1;
      o->stalled = 1;
      return FE_OK;
    }
    if (o->iterations == a->control.max_iter) return FE_ENOCONV;
    o->iterations++;
    double next = precondition(a, s->r, s->cond), beta = step ? next / rho : 0;
    for (int l = 0; l < p; l++) s->dir[l] = s->cond[l] + beta * s->dir[l];
    rho = next;
    apply_schur(a, s->dir, s->image);
    double curvature = fe_dot(s->dir, s->image, (size_t)p);
    if (!(curvature > least_curvature(a, s->dir))) break; /* nothing left but the null space of S */
    square += rho / curvature * rho;
    o->moved = sqrt(square);
    if (o->moved > 1.5 * o->most) break;
    residual = sqrt(step_along(a, s, rho / curvature));
  }
  return FE_OK;
}

/* S maps the indicator of the levels of a factor in one component of its graph with the lead to
 * zero: takes from the part of r for factor f what is not orthogonal to these. part: scratch for
 * the components of lead and f, a sum of r and one of weights each; zero on entry. */
static void make_orthogonal(const fe_absorber *a, int f, const int *component, double *part,
                            double *r) {
  const double *w = a->other_w + a->offset[f];
  double *sum = part, *weight = part + a->n_lead + a->codes.n_levels[f] + 1;
  r += a->offset[f];
  for (int l = 0; l < a->codes.n_levels[f]; l++) {
    sum[component[l]] += r[l];
    weight[component[l]] += w[l];
  }
  for (int l = 0; l < a->codes.n_levels[f]; l++) {
    if (w[l] > 0) r[l] -= w[l] * (sum[component[l]] / weight[component[l]]);
  }
}

fe_status fe_cg_make_consistent(const fe_absorber *a, double *r) {
  size_t levels = (size_t)a->n_lead + (size_t)a->p;
  int *component = malloc(((size_t)a->p + 1) * sizeof *component);
  size_t size = 2 * (levels + 1) * sizeof(double);
  double *part = malloc(size);
  fe_status status = component && part ? FE_OK : FE_ENOMEM;
  for (int f = 0; f < a->codes.q && !status; f++) {
    int n_components;
    if (f == a->lead) continue;
    status = fe_components(a->codes.code[a->lead], a->n_lead, a->codes.code[f],
                           a->codes.n_levels[f], a->codes.n, a->w, component, &n_components);
    if (status) break;
    memset(part, 0, size);
    make_orthogonal(a, f, component, part, r);
  }
  free(component);
  free(part);
  return status;
}
