/* Dense symmetric kernels, column-major, written out so that the core needs neither BLAS nor
 * LAPACK: they may run in any thread and give the same bits whatever BLAS is installed. */
#ifndef FE_LINALG_H
#define FE_LINALG_H

#include <math.h>

#include "types.h"

/* Cholesky factor of the symmetric p x p matrix a (lower triangle read), in place, without
 * pivoting: a = L L'. A pivot that is not above tol * |scale[j]| (scale NULL: the original
 * diagonal), NaN included, marks column j as dependent: its column of L is zeroed, used[j] = 0
 * (used may be NULL). Returns the rank. The strict upper triangle is left alone. */
int fe_cholesky(double *a, int p, double tol, const double *scale, int *used);

/* The same for matrices so large that the poll of exec must be heard: FE_OK or FE_EINTR. */
fe_status fe_cholesky_watched(double *a, int p, double tol, const double *scale, int *used,
                              const fe_exec *exec, int *rank);

/* Solves L L' x = b in place with a factor of fe_cholesky; entries of dependent columns of the
 * solution are zero. b is p x m. used may be NULL if the rank is p. */
void fe_cholesky_solve(const double *l, int p, const int *used, double *b, int m);

/* Inverse of a from its factor (symmetric, full storage; zero rows and columns where
 * dependent). out must not overlap l. exec may be NULL; FE_EINTR if its poll asks to stop. */
fe_status fe_cholesky_inverse(const double *l, int p, const int *used, const fe_exec *exec,
                              double *out);

/* The first m columns of symmetric a (p x p, lower triangle read) are eliminated in place: on
 * return the trailing (p-m) x (p-m) lower triangle holds the Schur complement, the first m
 * columns those of L. Pivots at or below tol * |scale[j]| (scale NULL: the original diagonal)
 * are skipped. */
void fe_eliminate(double *a, int p, int m, double tol, const double *scale);

/* Expands a packed lower triangle (p(p+1)/2 numbers, column by column, at the start of a) to
 * the lower triangle of the p x p matrix a, in place. The strict upper triangle is left with
 * numbers of no meaning. */
void fe_unpack_lower(double *a, int p);

/* x'y; the norm of x; y += f x */
static inline double fe_dot(const double *x, const double *y, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

static inline double fe_norm(const double *x, size_t n) { return sqrt(fe_dot(x, x, n)); }

static inline void fe_axpy(double f, const double *x, double *y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += f * x[i];
}

#endif
