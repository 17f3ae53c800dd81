/* S and its Cholesky factor; the rank and the leverages that follow. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "slopes_private.h"

/* Columns of S have norms of at most one, so that a pivot is the squared sine of the angle between
 * a column and those before it. Of one below SQUARES rounding leaves little. */
#define SQUARES 1e-13
#define IN_DOUBT 10

/* Multiplications between two polls. */
#define POLL_WORK 1e6

enum { PANEL = 32, POLL_COLUMNS = 256 };

/* ---- construction of S ---------------------------------------------------------------------- */

fe_status fe_crossing_new(const fe_slopes *a, int width, crossing *x) {
  size_t p = (size_t)a->p;
  x->width = width;
  x->c = calloc(p * (size_t)width + 1, sizeof *x->c);
  x->hit = malloc((p + 1) * sizeof *x->hit);
  x->met = calloc(p + 1, sizeof *x->met);
  x->n_hit = 0;
  return x->c && x->hit && x->met ? FE_OK : FE_ENOMEM;
}

void fe_crossing_free(crossing *x) {
  free(x->c);
  free(x->hit);
  free(x->met);
}

void fe_crossing_add(const fe_slopes *a, int64_t s, const double *u, int from, crossing *x) {
  const double *z = a->z + s * a->stride;
  double w = a->w ? a->w[s] : 1.0;
  for (int o = 0; o < a->m; o++) {
    if (o < from) {
      z += a->width[o];
      continue;
    }
    for (int k = 0; k < a->width[o]; k++, z++) {
      int at = a->cell[s * a->m + o] + k;
      if (*z == 0 || w == 0) continue;
      if (!x->met[at]) x->hit[x->n_hit++] = at;
      x->met[at] = 1;
      double *c = x->c + (size_t)at * (size_t)x->width;
      for (int j = 0; j < x->width; j++) c[j] += w * *z * u[j];
    }
  }
}

static void cross_level(const fe_slopes *a, int g, crossing *x) {
  for (int64_t s = a->start[g]; s < a->start[g + 1]; s++) {
    fe_crossing_add(a, s, a->u + s * x->width, 0, x);
  }
}

void fe_crossing_clear(crossing *x) {
  size_t width = (size_t)x->width;
  for (int h = 0; h < x->n_hit; h++) {
    memset(x->c + (size_t)x->hit[h] * width, 0, width * sizeof *x->c);
    x->met[x->hit[h]] = 0;
  }
  x->n_hit = 0;
}

/* A matrix that is summed up without loss: what rounding takes from a sum goes to `lost`. */
typedef struct {
  double *sum, *lost; /* p x p, lower triangle */
  size_t p;
} lossless;

static inline void add_lossless(lossless *x, int row, int column, double term) {
  size_t at = (size_t)column * x->p + (size_t)row;
  double sum = x->sum[at], next = sum + term, part = next - sum;
  x->lost[at] += (sum - (next - part)) + (term - part);
  x->sum[at] = next;
}

/* S += w z z' for row s: the positions of a row increase. */
static void add_row(const fe_slopes *a, int64_t s, lossless *schur) {
  const double *zi = a->z + s * a->stride;
  const int *cell = a->cell + s * a->m;
  double w = a->w ? a->w[s] : 1.0;
  for (int o = 0; o < a->m; o++) {
    for (int k = 0; k < a->width[o]; k++, zi++) {
      const double *zj = zi;
      for (int v = o; v < a->m; v++) {
        for (int l = v > o ? 0 : k; l < a->width[v]; l++) {
          add_lossless(schur, cell[v] + l, cell[o] + k, w * *zi * *zj++);
        }
      }
    }
  }
}

/* S -= C C' for the columns met. */
static void subtract_crossing(const crossing *x, lossless *schur) {
  int width = x->width;
  for (int h = 0; h < x->n_hit; h++) {
    const double *ch = x->c + (size_t)x->hit[h] * (size_t)width;
    for (int i = 0; i < x->n_hit; i++) {
      const double *ci = x->c + (size_t)x->hit[i] * (size_t)width;
      double product = 0;
      if (x->hit[i] < x->hit[h]) continue;
      for (int j = 0; j < width; j++) product += ch[j] * ci[j];
      add_lossless(schur, x->hit[i], x->hit[h], -product);
    }
  }
}

/* schur->sum: S. */
static fe_status form_schur(const fe_slopes *a, stopper *stop, lossless *schur) {
  size_t size = schur->p * schur->p;
  double work = 0;
  crossing x;
  fe_status status = fe_crossing_new(a, a->blocks[a->lead].width, &x);
  memset(schur->sum, 0, size * sizeof *schur->sum);
  memset(schur->lost, 0, size * sizeof *schur->lost);
  for (int g = 0; !status && g < a->blocks[a->lead].n_levels; g++) {
    for (int64_t s = a->start[g]; s < a->start[g + 1]; s++) add_row(a, s, schur);
    cross_level(a, g, &x);
    subtract_crossing(&x, schur);
    work += (double)x.n_hit * x.n_hit * a->blocks[a->lead].width;
    work += (double)(a->start[g + 1] - a->start[g]) * a->stride * a->stride;
    fe_crossing_clear(&x);
    if (work < POLL_WORK) continue;
    work = 0;
    if (fe_slopes_must_stop(stop, 0)) status = FE_EINTR;
  }
  for (size_t i = 0; i < size; i++) schur->sum[i] += schur->lost[i];
  fe_crossing_free(&x);
  return status;
}

/* ---- its factor ----------------------------------------------------------------------------- */

/* y -= the combination of m columns of l (p apart) with their entries in row at. y and the columns
 * begin with entry `from` of p. */
static void subtract_columns(double *y, const double *l, size_t p, int m, size_t at, size_t from) {
  int k = 0;
  for (; k + 4 <= m; k += 4) {
    const double *a = l + (size_t)k * p, *b = a + p, *c = b + p, *d = c + p;
    double fa = a[at], fb = b[at], fc = c[at], fd = d[at];
    for (size_t i = from; i < p; i++) y[i] -= (fa * a[i] + fb * b[i]) + (fc * c[i] + fd * d[i]);
  }
  for (; k < m; k++) {
    const double *a = l + (size_t)k * p;
    double fa = a[at];
    for (size_t i = from; i < p; i++) y[i] -= fa * a[i];
  }
}

static int largest_pivot(const double *pivot, int p) {
  int at = 0;
  for (int i = 1; i < p; i++) {
    if (pivot[i] > pivot[at]) at = i;
  }
  return at;
}

/* Takes the largest pivot; columns from first on have not been subtracted from s. */
static void take_pivot(pivoting *c, int at, int first) {
  size_t p = (size_t)c->p, j = (size_t)at;
  double *column = c->l + (size_t)c->rank * p, root = sqrt(c->left[at]);
  for (size_t i = 0; i < p; i++) column[i] = i < j ? c->s[i * p + j] : c->s[j * p + i];
  subtract_columns(column, c->l + (size_t)first * p, p, c->rank - first, j, 0);
  for (size_t i = 0; i < p; i++) {
    column[i] = c->left[i] < 0 ? 0.0 : column[i] / root;
    if (c->left[i] >= 0) c->left[i] = fmax(0.0, c->left[i] - column[i] * column[i]);
  }
  column[at] = root;
  c->left[at] = -1;
  c->order[c->rank++] = at;
}

fe_status fe_factor_pivoted(pivoting *c, double limit, int most, stopper *stop) {
  size_t p = (size_t)c->p;
  for (size_t i = 0; i < p; i++) c->left[i] = fmax(0.0, c->s[i * p + i]);
  for (int first = 0; first < most; first = c->rank) {
    int last = most - first < PANEL ? most : first + PANEL;
    while (c->rank < last) {
      int at = largest_pivot(c->left, c->p);
      if (!(c->left[at] > limit)) return FE_OK;
      take_pivot(c, at, first);
    }
    if (fe_slopes_must_stop(stop, 0)) return FE_EINTR;
    for (size_t j = 0; j < p; j++) {
      if (j % POLL_COLUMNS == 0 && fe_slopes_must_stop(stop, 0)) return FE_EINTR;
      if (c->left[j] < 0) continue;
      subtract_columns(c->s + j * p, c->l + (size_t)first * p, p, last - first, j, j);
    }
  }
  return FE_OK;
}

double *fe_gather_factor(const pivoting *c) {
  size_t n = (size_t)c->rank;
  double *out = malloc((n * n + 1) * sizeof *out);
  for (size_t k = 0; out && k < n; k++) {
    for (size_t i = 0; i < n; i++) {
      out[k * n + i] = i < k ? 0.0 : c->l[k * (size_t)c->p + (size_t)c->order[i]];
    }
  }
  return out;
}

/* Whether a pivot taken or left is so near to the limit that the rank is open. */
static int is_doubtful(const pivoting *c, double limit) {
  double last = 1.0;
  if (c->rank > 0) {
    size_t k = (size_t)(c->rank - 1);
    last = c->l[k * (size_t)c->p + (size_t)c->order[k]];
  }
  return last * last < limit * IN_DOUBT || c->left[largest_pivot(c->left, c->p)] > limit / IN_DOUBT;
}

fe_status fe_slopes_dense_rank(double *s, int p, double limit, stopper *stop, int *rank,
                               int *doubtful) {
  size_t size = (size_t)p;
  double *l = malloc((size * size + 1) * sizeof *l), *left = calloc(size + 1, sizeof *left);
  int *order = malloc((size + 1) * sizeof *order);
  pivoting c = {s, l, left, p, 0, order};
  fe_status status = l && left && order ? FE_OK : FE_ENOMEM;
  *rank = *doubtful = 0;
  if (!status && p > 0) status = fe_factor_pivoted(&c, limit, p, stop);
  if (!status && p > 0) *doubtful = is_doubtful(&c, limit);
  *rank = c.rank;
  free(l);
  free(left);
  free(order);
  return status;
}

/* Takes the factor over, and the rank with `find`; else tells whether the rank was reached. */
static fe_status keep_factor(fe_slopes *a, const pivoting *c, int find) {
  a->unresolved = !find && c->rank < a->r;
  a->r = c->rank;
  free(a->chol);
  a->chol = fe_gather_factor(c);
  return a->chol ? FE_OK : FE_ENOMEM;
}

fe_status fe_slopes_factor(fe_slopes *a, int find, const fe_exec *exec, int *doubtful) {
  size_t p = (size_t)a->p;
  stopper stop = own_stopper(exec, a->n);
  double *sum = malloc(p * p * sizeof *sum), *other = malloc(p * p * sizeof *other);
  double *left = calloc(p, sizeof *left);
  if (!a->pivot) a->pivot = malloc(p * sizeof *a->pivot);
  fe_status status = sum && other && left && a->pivot ? FE_OK : FE_ENOMEM;
  if (!status) status = form_schur(a, &stop, &(lossless){sum, other, p});
  pivoting c = {sum, other, left, a->p, 0, a->pivot};
  /* with weights the rank is known, and the factor is that of as many columns */
  int most = find ? a->p : a->r;
  if (!status) status = fe_factor_pivoted(&c, SQUARES, most, &stop);
  if (!status) status = fe_slopes_tail(a, &c, find, most, &stop, doubtful);
  if (!status) status = keep_factor(a, &c, find);
  free(sum);
  free(other);
  free(left);
  return status;
}

/* ---- leverages ------------------------------------------------------------------------------ */

/* With V = S^- C and Q = C'S^-C for a lead level, and u, z the row's columns of U and Z,
 * d_i'(D'WD)^-d_i = u'u + (z - C u)'S^-(z - C u) = u'(1 + Q)u - 2 z'V u + z'S^-z. */
typedef struct {
  const fe_slopes *a;
  const double *inverse; /* p x p, zero outside the pivots */
  double *v;             /* p x width */
  double *q;             /* width x width */
} lever;

static void level_products(const lever *e, const crossing *x) {
  size_t width = (size_t)e->a->blocks[e->a->lead].width, p = (size_t)e->a->p;
  for (int h = 0; h < x->n_hit; h++) {
    const double *column = e->inverse + (size_t)x->hit[h] * p;
    double *v = e->v + (size_t)x->hit[h] * width;
    memset(v, 0, width * sizeof *v);
    for (int i = 0; i < x->n_hit; i++) {
      const double *c = x->c + (size_t)x->hit[i] * width;
      for (size_t j = 0; j < width; j++) v[j] += column[x->hit[i]] * c[j];
    }
  }
  memset(e->q, 0, width * width * sizeof *e->q);
  for (int h = 0; h < x->n_hit; h++) {
    const double *c = x->c + (size_t)x->hit[h] * width, *v = e->v + (size_t)x->hit[h] * width;
    for (size_t j = 0; j < width; j++) {
      for (size_t k = 0; k < width; k++) e->q[j * width + k] += c[j] * v[k];
    }
  }
}

static double row_leverage(const lever *e, int64_t s) {
  const fe_slopes *a = e->a;
  size_t width = (size_t)a->blocks[a->lead].width;
  const double *u = a->u + (size_t)s * width, *z = a->z + s * a->stride, *zi = z;
  const int *cell = a->cell + s * a->m;
  double sum = fe_dot(u, u, width);
  for (size_t k = 0; k < width; k++) sum += u[k] * fe_dot(e->q + k * width, u, width);
  for (int o = 0; o < a->m; o++) {
    for (int k = 0; k < a->width[o]; k++, zi++) {
      size_t at = (size_t)(cell[o] + k);
      const double *column = e->inverse + at * (size_t)a->p, *zj = z;
      if (*zi == 0) continue;
      sum -= 2 * *zi * fe_dot(e->v + at * width, u, width);
      for (int v = 0; v < a->m; zj += a->width[v++]) {
        sum += *zi * fe_dot(column + cell[v], zj, (size_t)a->width[v]);
      }
    }
  }
  return sum;
}

/* S^- on all positions */
static double *spread_inverse(const fe_slopes *a) {
  size_t p = (size_t)a->p, r = (size_t)a->r;
  double *small = malloc((r * r + 1) * sizeof *small);
  double *out = calloc(p * p + 1, sizeof *out);
  if (small && out) {
    fe_cholesky_inverse(a->chol, a->r, NULL, NULL, small);
    for (size_t k = 0; k < r; k++) {
      for (size_t i = 0; i < r; i++) {
        out[(size_t)a->pivot[k] * p + (size_t)a->pivot[i]] = small[k * r + i];
      }
    }
  } else {
    free(out);
    out = NULL;
  }
  free(small);
  return out;
}

fe_status fe_slopes_leverage(const fe_slopes *a, double *h) {
  size_t width = (size_t)a->blocks[a->lead].width;
  if (a->control.solver == FE_SOLVER_CG) return FE_EINVAL;
  crossing x;
  double *inverse = spread_inverse(a);
  lever e = {a, inverse, malloc((width * ((size_t)a->p + width)) * sizeof(double)), NULL};
  fe_status status = fe_crossing_new(a, a->blocks[a->lead].width, &x);
  if (!inverse || !e.v) status = FE_ENOMEM;
  e.q = e.v ? e.v + width * (size_t)a->p : NULL;
  for (int g = 0; !status && g < a->blocks[a->lead].n_levels; g++) {
    cross_level(a, g, &x);
    level_products(&e, &x);
    for (int64_t s = a->start[g]; s < a->start[g + 1]; s++) {
      double w = a->w ? a->w[s] : 1.0;
      h[a->order[s]] = w > 0 ? w * row_leverage(&e, s) : 0.0;
    }
    fe_crossing_clear(&x);
  }
  fe_crossing_free(&x);
  free(inverse);
  free(e.v);
  return status;
}
