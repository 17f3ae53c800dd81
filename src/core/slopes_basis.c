/* Orthonormal bases of the columns of every level, by modified Gram-Schmidt.
 *
 * Beside a column of ones the first value of a level is taken from a variable before all else. The
 * span is the same, the difference of two near numbers is exact, and what follows does not depend
 * on where the variable has its origin. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parallel.h"
#include "slopes_private.h"

enum { CHUNKS = 256 };

/* Of exact dependence rounding leaves up to so much of a column: as a share of its norm, and of
 * that of the values from which an origin was taken, for each root of a row. */
#define ROUNDING 1e-13
#define ROUNDING_VALUE (32 * DBL_EPSILON)

typedef struct {
  const fe_slopes *a;
  block *b;
  const int64_t *start, *row;
  int find;
  double *out;
  int stride;
  int chunk;     /* levels of a task */
  size_t room;   /* scratch of a worker */
  double *space; /* of all workers */
} level_job;

static int64_t row_at(const level_job *j, int64_t s) { return j->row ? j->row[s] : s; }

static void gather_weights(const level_job *j, int64_t first, int64_t rows, double *omega) {
  for (int64_t t = 0; t < rows; t++) {
    omega[t] = j->a->w ? j->a->w[row_at(j, first + t)] : 1.0;
  }
}

/* v (rows): column k of the level, less its origin, times 2^-exponent, so that its largest entry is
 * of order one. *size: the largest value before that, in the same unit. Returns the exponent. */
static int gather_column(const level_job *j, int k, int64_t first, int64_t rows,
                         const double *omega, double *v, double *origin, double *size) {
  const double *value = j->a->terms.value[j->b->term[k]];
  int centred = !j->a->terms.value[j->b->term[0]], some = 0;
  double largest = 0;
  *origin = *size = 0;
  for (int64_t t = 0; t < rows; t++) {
    v[t] = value ? value[j->a->order[row_at(j, first + t)]] : 1.0;
    if (omega[t] > 0) *size = fmax(*size, fabs(v[t]));
    if (value && centred && omega[t] > 0 && !some) *origin = v[t];
    some = some || omega[t] > 0;
  }
  for (int64_t t = 0; t < rows; t++) {
    v[t] -= *origin;
    if (omega[t] > 0) largest = fmax(largest, fabs(v[t]));
  }
  if (!value || largest == 0) return 0;
  int exponent = fe_slopes_exponent(largest);
  double scale = ldexp(1.0, -exponent);
  for (int64_t t = 0; t < rows; t++) v[t] *= scale;
  *size = *origin == 0 ? 0 : *size * scale;
  return exponent;
}

/* Kahan's summation: among a million equal terms the rounding of a plain sum would show. */
static double product(const double *x, const double *y, const double *omega, int64_t n) {
  double sum = 0, lost = 0;
  for (int64_t t = 0; t < n; t++) {
    double term = omega[t] * x[t] * y[t] - lost, next = sum + term;
    lost = (next - sum) - term;
    sum = next;
  }
  return sum;
}

/* Makes column k orthogonal to the columns before it, which are orthonormal or zero, and the
 * coefficients in back with it. */
static void orthogonalise(double *v, int k, int width, int64_t rows, const double *omega,
                          double *back) {
  double *x = v + k * rows;
  for (int round = 0; round < 2; round++) {
    for (int m = 0; m < k; m++) {
      const double *y = v + m * rows;
      double c = product(x, y, omega, rows);
      if (c == 0) continue;
      for (int64_t t = 0; t < rows; t++) x[t] -= c * y[t];
      for (int i = 0; i <= m; i++) back[k * width + i] -= c * back[m * width + i];
    }
  }
}

/* Is a column of which `left` is left of `whole` more than a combination of those before? */
static char judge(double left, double whole, double value_rounding) {
  if (left > fmax(FE_SLOPES_VANISHED * whole, value_rounding)) return KEPT;
  return left > ROUNDING * whole ? DOUBTED : DEPENDS;
}

/* The scratch of a level: columns v (rows x width) in their own units, what these are, and the
 * largest value that rounding came from. */
typedef struct {
  double *omega, *v, *size, *unit;
  int64_t rows;
} level_space;

/* The columns v become the basis of the level, zero where not kept. */
static void orthonormalise(const level_job *j, int l, const level_space *x) {
  int width = j->b->width;
  size_t at = (size_t)l * (size_t)width;
  double *back = j->b->back + at * (size_t)width, root = sqrt((double)x->rows), weight = 0;
  for (int64_t t = 0; t < x->rows; t++) weight += x->omega[t];
  memset(back, 0, (size_t)(width * width) * sizeof *back);
  for (int k = 0; k < width; k++) {
    double *v = x->v + k * x->rows, whole = sqrt(product(v, v, x->omega, x->rows));
    char *kept = j->b->kept + at + k;
    back[k * width + k] = 1.0;
    orthogonalise(x->v, k, width, x->rows, x->omega, back);
    double left = sqrt(product(v, v, x->omega, x->rows));
    if (j->find) *kept = judge(left, whole, ROUNDING_VALUE * root * x->size[k]);
    int stays = *kept == KEPT && left > 0;
    double scale = stays ? 1.0 / left : 0.0;
    for (int64_t t = 0; t < x->rows; t++) v[t] *= scale;
    if (!stays && j->b->spread[k] > 0 && weight > 0) {
      scale = x->unit[k] / (j->b->spread[k] * sqrt(weight));
    }
    for (int i = 0; i <= k; i++) back[k * width + i] *= scale;
  }
}

static void level_basis(const level_job *j, int l, double *space) {
  int width = j->b->width;
  int64_t first = j->start[l], rows = j->start[l + 1] - first;
  double *back = j->b->back + (size_t)l * (size_t)(width * width);
  double *origin = j->b->origin + (size_t)l * (size_t)width;
  level_space x = {space, space + rows + 2 * width, space + rows, space + rows + width, rows};
  gather_weights(j, first, rows, x.omega);
  for (int k = 0; k < width; k++) {
    int shift = gather_column(j, k, first, rows, x.omega, x.v + k * rows, origin + k, x.size + k);
    x.unit[k] = ldexp(1.0, shift);
  }
  orthonormalise(j, l, &x);
  for (int k = 0; k < width; k++) {
    for (int i = 0; i <= k; i++) back[k * width + i] /= x.unit[i];
    for (int64_t t = 0; t < rows; t++) {
      j->out[row_at(j, first + t) * j->stride + k] = x.v[k * rows + t];
    }
  }
}

/* The range of each variable; its largest absolute value where the factor has no column of ones. */
static void measure_spread(const fe_slopes *a, block *b) {
  int centred = !a->terms.value[b->term[0]];
  for (int k = 0; k < b->width; k++) {
    const double *value = a->terms.value[b->term[k]];
    double least = INFINITY, most = -INFINITY, largest = 0;
    for (int64_t s = 0; value && s < a->n; s++) {
      double x = value[a->order[s]];
      if (a->w && !(a->w[s] > 0)) continue;
      least = fmin(least, x);
      most = fmax(most, x);
      largest = fmax(largest, fabs(x));
    }
    b->spread[k] = !value ? 1.0 : centred ? most - least : largest;
  }
}

static void chunk_task(int64_t task, int worker, void *data) {
  const level_job *j = data;
  int64_t first = task * j->chunk, last = first + j->chunk;
  if (last > j->b->n_levels) last = j->b->n_levels;
  for (int64_t l = first; l < last; l++) {
    level_basis(j, (int)l, j->space + (size_t)worker * j->room);
  }
}

fe_status fe_slopes_basis(const fe_slopes *a, block *b, const int64_t *start, const int64_t *row,
                          int find, double *out, int stride, const fe_exec *exec) {
  int64_t most = 0;
  for (int l = 0; l < b->n_levels; l++) {
    if (start[l + 1] - start[l] > most) most = start[l + 1] - start[l];
  }
  /* a thread costs about as much as some ten thousand numbers */
  int64_t worth = a->n * b->width / 20000;
  fe_exec few = *exec;
  if (worth < few.threads) few.threads = worth > 1 ? (int)worth : 1;
  level_job j = {a, b, start, row, find, out, stride, 1 + b->n_levels / CHUNKS, 0, NULL};
  int64_t tasks = (b->n_levels + j.chunk - 1) / j.chunk;
  j.room = (size_t)most * (size_t)(b->width + 1) + 2 * (size_t)b->width;
  j.space = malloc((size_t)fe_workers(&few, tasks) * j.room * sizeof *j.space);
  if (!j.space) return FE_ENOMEM;
  if (find) measure_spread(a, b);
  fe_status status = fe_parallel_for(&few, tasks, chunk_task, &j);
  free(j.space);
  if (status || !find) return status;
  b->rank = 0;
  for (size_t c = 0; c < (size_t)b->n_levels * (size_t)b->width; c++) b->rank += b->kept[c] == KEPT;
  return FE_OK;
}
