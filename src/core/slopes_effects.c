/* Coefficients of the terms, and linear functionals of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "slopes_private.h"

#define STEP_GAIN 1e-7
enum { REFINEMENTS = 5 };

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

/* packed: numbers of the columns of a level. own: of its terms. */
static void terms_of_level(const block *b, int l, const double *packed, double *own) {
  int width = b->width;
  const double *back = b->back + (size_t)l * (size_t)(width * width);
  const double *origin = b->origin + (size_t)l * (size_t)width;
  for (int j = 0; j < width; j++) {
    own[j] = 0;
    for (int k = j; k < width; k++) own[j] += back[k * width + j] * packed[k];
  }
  for (int k = 1; k < width; k++) own[0] -= origin[k] * own[k];
}

/* own is spent. */
static void basis_of_level(const block *b, int l, double *own, double *packed) {
  int width = b->width;
  const double *back = b->back + (size_t)l * (size_t)(width * width);
  const double *origin = b->origin + (size_t)l * (size_t)width;
  for (int k = 1; k < width; k++) own[k] -= origin[k] * own[0];
  for (int k = 0; k < width; k++) {
    packed[k] = 0;
    for (int j = 0; j <= k; j++) packed[k] += back[k * width + j] * own[j];
  }
}

/* Coefficients of the bases -> of the terms; with `transpose`, of a functional of the terms -> of
 * the bases, where a column that is not kept tells how far the functional is from being estimable.
 * own: scratch for all terms. */
static void change_basis(const fe_slopes *a, int transpose, double *basis, double *terms,
                         double *own) {
  for (int f = 0; f < a->terms.codes.q; f++) {
    const block *b = &a->blocks[f];
    for (int l = 0; l < b->n_levels; l++) {
      double *packed = basis + packed_at(a, f) + (size_t)l * (size_t)b->width;
      if (!transpose) terms_of_level(b, l, packed, own);
      for (int j = 0; j < b->width; j++) {
        double *term = terms + term_at(a, b->term[j]) + l;
        if (transpose) own[j] = *term; else *term = own[j];
      }
      if (transpose) basis_of_level(b, l, own, packed);
    }
  }
}

/* ---- effects -------------------------------------------------------------------------------- */

fe_status fe_slopes_effects(const fe_slopes *a, const double *x, const fe_exec *exec,
                            double *gamma) {
  size_t n_gamma = term_at(a, a->terms.n_terms);
  double *basis = calloc(all_columns(a), sizeof *basis);
  double *own = malloc((size_t)a->terms.n_terms * sizeof *own);
  scratch s = {0};
  stopper stop = own_stopper(exec, a->n);
  fe_status status = basis && own ? fe_slopes_scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    int exponent = fe_slopes_gather(a, x, s.y);
    status = fe_slopes_column(a, basis, &s, &stop).status;
    change_basis(a, 0, basis, gamma, own);
    for (size_t l = 0; l < n_gamma; l++) gamma[l] = ldexp(gamma[l], exponent);
  }
  fe_slopes_scratch_free(&s);
  free(own);
  free(basis);
  return status;
}

/* ---- functionals ---------------------------------------------------------------------------- */

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

/* Nothing can be solved for in columns that are not kept. */
static void clear_dependent(const fe_slopes *a, double *r) {
  for (int o = 0; o < a->m; o++) {
    const block *b = &a->blocks[a->other[o]];
    for (int c = 0; c < b->n_levels * b->width; c++) {
      if (b->kept[c] != KEPT) r[b->base + c] = 0;
    }
  }
}

/* s->y += [U Z] ([U Z]'W[U Z])^- d by block elimination; d is spent. The factor of S
 * serves where there is one, whatever solver was asked for. Conjugate gradients gain STEP_GAIN at a
 * time, to no more than `least`: what they believe of their residual drifts from the true one. */
static fe_status add_representer(const fe_slopes *a, double *d, double least, scratch *s,
                                 stopper *stop) {
  int iterations = 0;
  expand_lead(a, d, s->t);
  fe_axpy(1.0, s->t, s->y, (size_t)a->n);
  if (!a->p) return FE_OK;
  subtract_sums(a, s->t, d);
  memcpy(s->r, d + lead_columns(a), (size_t)a->p * sizeof *s->r);
  clear_dependent(a, s->r);
  double goal = fmax(STEP_GAIN * fe_norm(s->r, (size_t)a->p), least);
  fe_status status = fe_slopes_solve(a, a->chol != NULL, s, goal, stop, &iterations);
  /* where the functional is not estimable, no solution comes near: the defect tells */
  if (status && status != FE_ENOCONV) return status;
  fe_slopes_expand(a, s->delta, s->t);
  fe_slopes_sweep(a, s->t, s->r, NULL, s->c);
  fe_axpy(1.0, s->t, s->y, (size_t)a->n);
  return FE_OK;
}

/* x0 (in the caller's order) and its defect, refined. d: d0 for the bases; rest: scratch like d. */
static fe_status refine_representer(const fe_slopes *a, const double *d, double *rest, scratch *s,
                                    stopper *stop, double *x0, double *defect) {
  size_t columns = all_columns(a);
  double whole = fe_norm(d, columns), least = 0.1 * a->control.tol * whole;
  memcpy(rest, d, columns * sizeof *rest);
  for (int64_t i = 0; i < a->n; i++) s->y[i] = 0;
  for (int pass = 0; pass < REFINEMENTS; pass++) {
    fe_status status = add_representer(a, rest, least, s, stop);
    if (status) return status;
    for (int64_t i = 0; i < a->n; i++) x0[a->order[i]] = s->y[i];
    memcpy(rest, d, columns * sizeof *rest);
    subtract_sums(a, s->y, rest);
    *defect = whole > 0 ? fe_norm(rest, columns) / whole : 0;
    if (*defect < a->control.tol) break;
  }
  return FE_OK;
}

fe_status fe_slopes_functional(const fe_slopes *a, const double *d0, const fe_exec *exec,
                               double *x0, double *defect) {
  size_t n_gamma = term_at(a, a->terms.n_terms);
  double *d = calloc(2 * all_columns(a), sizeof *d);
  double *copy = malloc((n_gamma + (size_t)a->terms.n_terms) * sizeof *copy);
  scratch s = {0};
  stopper stop = own_stopper(exec, a->n);
  fe_status status = d && copy ? fe_slopes_scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    memcpy(copy, d0, n_gamma * sizeof *copy);
    change_basis(a, 1, d, copy, copy + n_gamma);
    status = refine_representer(a, d, d + all_columns(a), &s, &stop, x0, defect);
  }
  fe_slopes_scratch_free(&s);
  free(copy);
  free(d);
  return status;
}
