/* The iterative solver of S delta = r, which never forms S. */
#include "absorb_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"

/* out = S v, row by row in lead order. */
static void apply_schur(const fe_absorber *a, const double *v, double *out) {
  int m = a->m;
  memset(out, 0, (size_t)a->p * sizeof *out);
  for (int g = 0; g < a->n_lead; g++) {
    double mean = 0;
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      double z = 0;
      for (int u = 0; u < m; u++) z += v[a->cell[t * m + u]];
      mean += a->cell_w ? a->cell_w[t] * z : z;
    }
    mean *= a->lead_inv[g];
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      double z = -mean;
      for (int u = 0; u < m; u++) z += v[a->cell[t * m + u]];
      if (a->cell_w) z *= a->cell_w[t];
      for (int u = 0; u < m; u++) out[a->cell[t * m + u]] += z;
    }
  }
}

int fe_poll_and_tell(void *data) {
  stopper *s = data;
  if (!s->stop && s->exec->poll && s->exec->poll(s->exec->poll_data)) s->stop = 1;
  return s->stop;
}

int fe_must_stop(stopper *s, int step) {
  if (!s) return 0;
  return s->stop || (s->every && step % s->every == 0 && fe_poll_and_tell(s));
}

fe_status fe_cg_solve(const fe_absorber *a, scratch *s, double goal, stopper *stop,
                      int *iterations) {
  int p = a->p;
  const double *w = a->other_w;
  double rho = 0;
  for (int l = 0; l < p; l++) {
    s->delta[l] = 0;
    s->dir[l] = w[l] > 0 ? s->r[l] / w[l] : 0;
    rho += s->r[l] * s->dir[l];
  }
  while (sqrt(rho) > goal) {
    if (fe_must_stop(stop, *iterations)) return FE_EINTR;
    if (*iterations == a->control.max_iter) return FE_ENOCONV;
    ++*iterations;
    apply_schur(a, s->dir, s->image);
    double curvature = 0;
    for (int l = 0; l < p; l++) curvature += s->dir[l] * s->image[l];
    if (!(curvature > 0)) break; /* nothing left but the null space of S */
    double step = rho / curvature, next = 0;
    for (int l = 0; l < p; l++) {
      s->delta[l] += step * s->dir[l];
      s->r[l] -= step * s->image[l];
      if (w[l] > 0) next += s->r[l] * s->r[l] / w[l];
    }
    double beta = next / rho;
    for (int l = 0; l < p; l++) {
      s->dir[l] = (w[l] > 0 ? s->r[l] / w[l] : 0) + beta * s->dir[l];
    }
    rho = next;
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
