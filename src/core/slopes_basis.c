/* Orthonormal bases of the columns of every level, by modified Gram-Schmidt. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parallel.h"
#include "slopes_private.h"

enum { CHUNKS = 256 };

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

/* v (rows): column k of the level times 2^-exponent, so that its largest entry is of order one.
 * Returns the exponent. */
static int gather_column(const level_job *j, int k, int64_t first, int64_t rows,
                         const double *omega, double *v) {
  const double *value = j->a->terms.value[j->b->term[k]];
  double largest = 0;
  for (int64_t t = 0; t < rows; t++) {
    v[t] = value ? value[j->a->order[row_at(j, first + t)]] : 1.0;
    if (omega[t] > 0) largest = fmax(largest, fabs(v[t]));
  }
  if (!value || largest == 0) return 0;
  int exponent = fe_slopes_exponent(largest);
  double scale = ldexp(1.0, -exponent);
  for (int64_t t = 0; t < rows; t++) v[t] *= scale;
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

/* The columns v of a level (rows x width) become its basis, zero where not kept. */
static void orthonormalise(double *v, int width, int64_t rows, const double *omega, int decide,
                           char *kept, double *back) {
  memset(back, 0, (size_t)(width * width) * sizeof *back);
  for (int k = 0; k < width; k++) {
    double *x = v + k * rows;
    double whole = sqrt(product(x, x, omega, rows));
    back[k * width + k] = 1.0;
    if (decide || kept[k]) orthogonalise(v, k, width, rows, omega, back);
    double left = sqrt(product(x, x, omega, rows));
    if (decide) kept[k] = left > FE_SLOPES_VANISHED * whole;
    double scale = kept[k] && left > 0 ? 1.0 / left : 0.0;
    for (int64_t t = 0; t < rows; t++) x[t] *= scale;
    for (int i = 0; i <= k; i++) back[k * width + i] *= scale;
  }
}

static void level_basis(const level_job *j, int l, double *space) {
  int width = j->b->width;
  int64_t first = j->start[l], rows = j->start[l + 1] - first;
  double *omega = space, *shift = omega + rows, *v = shift + width;
  double *back = j->b->back + (size_t)l * (size_t)(width * width);
  gather_weights(j, first, rows, omega);
  for (int k = 0; k < width; k++) {
    shift[k] = gather_column(j, k, first, rows, omega, v + k * rows);
  }
  orthonormalise(v, width, rows, omega, j->find, j->b->kept + (size_t)l * (size_t)width, back);
  for (int k = 0; k < width; k++) {
    for (int i = 0; i <= k; i++) {
      back[k * width + i] = ldexp(back[k * width + i], -(int)shift[i]);
    }
    for (int64_t t = 0; t < rows; t++) {
      j->out[row_at(j, first + t) * j->stride + k] = v[k * rows + t];
    }
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
  j.room = (size_t)most * (size_t)(b->width + 1) + (size_t)b->width;
  j.space = malloc((size_t)fe_workers(&few, tasks) * j.room * sizeof *j.space);
  if (!j.space) return FE_ENOMEM;
  fe_status status = fe_parallel_for(&few, tasks, chunk_task, &j);
  free(j.space);
  if (status || !find) return status;
  b->rank = 0;
  for (size_t c = 0; c < (size_t)b->n_levels * (size_t)b->width; c++) b->rank += b->kept[c];
  return FE_OK;
}
