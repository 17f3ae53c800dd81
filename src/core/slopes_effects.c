/* Coefficients of the terms, and linear functionals of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "slopes_private.h"

/* ---- bases and terms ------------------------------------------------------------------------ */

static size_t lead_columns(const fe_slopes *a) {
  return (size_t)a->blocks[a->lead].n_levels * (size_t)a->blocks[a->lead].width;
}

static size_t all_columns(const fe_slopes *a) { return lead_columns(a) + (size_t)a->p; }

/* Where the columns of factor f begin in the order [lead | others]. */
static size_t packed_at(const fe_slopes *a, int f) {
  return f == a->lead ? 0 : lead_columns(a) + (size_t)a->blocks[f].base;
}

/* Where each term of factor f begins in the order of the terms. */
static size_t term_at(const fe_slopes *a, int term) {
  size_t at = 0;
  for (int t = 0; t < term; t++) at += (size_t)a->terms.codes.n_levels[a->terms.factor[t]];
  return at;
}

/* Coefficients of the bases -> of the terms; with `transpose`, of a functional of the terms -> of
 * the bases. */
static void change_basis(const fe_slopes *a, int transpose, double *basis, double *terms) {
  for (int f = 0; f < a->terms.codes.q; f++) {
    const block *b = &a->blocks[f];
    double *packed = basis + packed_at(a, f);
    for (int j = 0; j < b->width; j++) {
      double *term = terms + term_at(a, b->term[j]);
      for (int l = 0; l < b->n_levels; l++) {
        size_t at = (size_t)l * (size_t)b->width;
        const double *back = b->back + at * (size_t)b->width + j;
        for (int k = j; k < b->width; k++) {
          double c = back[k * b->width];
          if (transpose) {
            packed[at + (size_t)k] += c * term[l];
          } else {
            term[l] += c * packed[at + (size_t)k];
          }
        }
      }
    }
  }
}

/* ---- effects -------------------------------------------------------------------------------- */

fe_status fe_slopes_effects(const fe_slopes *a, const double *x, const fe_exec *exec,
                            double *gamma) {
  size_t n_gamma = term_at(a, a->terms.n_terms);
  double *basis = calloc(all_columns(a), sizeof *basis);
  scratch s = {0};
  stopper stop = own_stopper(exec, a->n);
  fe_status status = basis ? fe_slopes_scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    int exponent = fe_slopes_gather(a, x, s.y);
    status = fe_slopes_column(a, basis, &s, &stop).status;
    memset(gamma, 0, n_gamma * sizeof *gamma);
    change_basis(a, 0, basis, gamma);
    for (size_t l = 0; l < n_gamma; l++) gamma[l] = ldexp(gamma[l], exponent);
  }
  fe_slopes_scratch_free(&s);
  free(basis);
  return status;
}

/* ---- functionals ---------------------------------------------------------------------------- */

static double norm_of(const double *d, size_t n) {
  double square = 0;
  for (size_t l = 0; l < n; l++) square += d[l] * d[l];
  return sqrt(square);
}

/* t = U v */
static void expand_lead(const fe_slopes *a, const double *v, double *t) {
  int width = a->blocks[a->lead].width;
  for (int g = 0; g < a->blocks[a->lead].n_levels; g++, v += width) {
    for (int64_t s = a->start[g]; s < a->start[g + 1]; s++) {
      t[s] = 0;
      for (int k = 0; k < width; k++) t[s] += a->u[s * width + k] * v[k];
    }
  }
}

/* d <- d - [U Z]'Wt */
static void subtract_sums(const fe_slopes *a, const double *t, double *d) {
  int width = a->blocks[a->lead].width;
  double *others = d + lead_columns(a);
  for (int g = 0; g < a->blocks[a->lead].n_levels; g++, d += width) {
    for (int64_t s = a->start[g]; s < a->start[g + 1]; s++) {
      double wt = a->w ? a->w[s] * t[s] : t[s];
      const double *z = a->z + s * a->stride;
      for (int k = 0; k < width; k++) d[k] -= a->u[s * width + k] * wt;
      for (int o = 0; o < a->m; o++) {
        double *at = others + a->cell[s * a->m + o];
        for (int k = 0; k < a->width[o]; k++) at[k] -= *z++ * wt;
      }
    }
  }
}

static void add(double *y, const double *t, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] += t[i];
}

/* s->y += [U Z] ([U Z]'W[U Z])^- d by block elimination; d is spent. */
static fe_status add_representer(const fe_slopes *a, double *d, double goal, scratch *s,
                                 stopper *stop) {
  int iterations = 0;
  expand_lead(a, d, s->t);
  add(s->y, s->t, a->n);
  if (!a->p) return FE_OK;
  subtract_sums(a, s->t, d);
  memcpy(s->r, d + lead_columns(a), (size_t)a->p * sizeof *s->r);
  fe_status status = fe_slopes_solve(a, a->control.solver == FE_SOLVER_SCHUR, s, goal, stop,
                                     &iterations);
  /* where the functional is not estimable, no solution comes near: the defect tells */
  if (status && status != FE_ENOCONV) return status;
  fe_slopes_expand(a, s->delta, s->t);
  fe_slopes_sweep(a, s->t, s->r, NULL, s->c);
  add(s->y, s->t, a->n);
  return FE_OK;
}

/* || (D'W x0 - d0) / S || / || d0 / S ||, S the norms of the columns of D (one where zero). */
static double defect_of(const fe_slopes *a, const double *d0, const double *x0, double *sum,
                        double *square) {
  double left = 0, whole = 0;
  for (int t = 0; t < a->terms.n_terms; t++) {
    int f = a->terms.factor[t], n_levels = a->terms.codes.n_levels[f];
    const int *code = a->terms.codes.code[f];
    const double *value = a->terms.value[t];
    for (int l = 0; l < n_levels; l++) sum[l] = square[l] = 0;
    for (int64_t i = 0; i < a->n; i++) {
      double v = value ? value[i] : 1.0, wv = a->weight ? a->weight[i] * v : v;
      sum[code[i] - 1] += wv * x0[i];
      square[code[i] - 1] += wv * v;
    }
    for (int l = 0; l < n_levels; l++) {
      double scale = square[l] > 0 ? square[l] : 1.0, miss = sum[l] - d0[l];
      left += miss * miss / scale;
      whole += d0[l] * d0[l] / scale;
    }
    d0 += n_levels;
  }
  return whole > 0 ? sqrt(left / whole) : 0;
}

static size_t most_levels(const fe_slopes *a) {
  size_t most = 0;
  for (int f = 0; f < a->terms.codes.q; f++) {
    if ((size_t)a->blocks[f].n_levels > most) most = (size_t)a->blocks[f].n_levels;
  }
  return most;
}

/* x0 (in the caller's order) and its defect, refined. d: d0 for the bases; work: as long, and twice
 * the most levels. */
static fe_status refine_representer(const fe_slopes *a, const double *d0, const double *d,
                                    double *work, scratch *s, stopper *stop, double *x0,
                                    double *defect) {
  size_t columns = all_columns(a);
  double *rest = work, *sum = rest + columns, goal = 0.1 * a->control.tol * norm_of(d, columns);
  memcpy(rest, d, columns * sizeof *rest);
  for (int64_t i = 0; i < a->n; i++) s->y[i] = 0;
  for (int pass = 0; pass < 3; pass++) {
    fe_status status = add_representer(a, rest, goal, s, stop);
    if (status) return status;
    for (int64_t i = 0; i < a->n; i++) x0[a->order[i]] = s->y[i];
    *defect = defect_of(a, d0, x0, sum, sum + most_levels(a));
    if (*defect < a->control.tol) break;
    memcpy(rest, d, columns * sizeof *rest);
    subtract_sums(a, s->y, rest);
  }
  return FE_OK;
}

fe_status fe_slopes_functional(const fe_slopes *a, const double *d0, const fe_exec *exec,
                               double *x0, double *defect) {
  size_t n_gamma = term_at(a, a->terms.n_terms);
  double *d = calloc(all_columns(a), sizeof *d);
  double *copy = malloc(n_gamma * sizeof *copy);
  double *work = malloc((all_columns(a) + 2 * most_levels(a)) * sizeof *work);
  scratch s = {0};
  stopper stop = own_stopper(exec, a->n);
  fe_status status = d && copy && work ? fe_slopes_scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    memcpy(copy, d0, n_gamma * sizeof *copy);
    change_basis(a, 1, d, copy);
    status = refine_representer(a, d0, d, work, &s, &stop, x0, defect);
  }
  fe_slopes_scratch_free(&s);
  free(work);
  free(copy);
  free(d);
  return status;
}
