#include "eigen.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST_STEPS = 60 };

size_t fe_eigen_work(int n) {
  size_t m = (size_t)n;
  return m * m + 3 * m + 1;
}

/* The rounding error of a (lower triangle), squared: what is smaller is nothing. Of a matrix of low
 * rank the stages leave noise of noise, whose reflections would overflow. */
static double noise_square(const double *a, size_t n) {
  double sum = 0;
  for (size_t j = 0; j < n; j++) {
    for (size_t i = j; i < n; i++) sum += a[j * n + i] * a[j * n + i];
  }
  return sum * DBL_EPSILON * DBL_EPSILON / 16;
}

/* x <- v with (I - beta v v') x = mu e_1. Returns beta, 0 if x is along e_1 already. */
static double reflector(double *x, size_t n, double noise, double *mu) {
  double rest = 0;
  for (size_t i = 1; i < n; i++) rest += x[i] * x[i];
  *mu = x[0];
  if (rest <= noise) return 0;
  double norm = sqrt(x[0] * x[0] + rest), size = norm + fabs(x[0]);
  *mu = x[0] > 0 ? -norm : norm;
  x[0] -= *mu;
  return 1 / (norm * size);
}

/* s (m x m, leading dimension n) <- H s H with H = I - beta v v'; w: m doubles. */
static void reflect_both(double *s, size_t n, size_t m, const double *restrict v, double beta,
                         double *restrict w) {
  memset(w, 0, m * sizeof *w);
  for (size_t j = 0; j < m; j++) {
    const double *c = s + j * n;
    for (size_t i = 0; i < m; i++) w[i] += v[j] * c[i];
  }
  double half = 0;
  for (size_t i = 0; i < m; i++) half += w[i] * v[i];
  half *= beta * beta / 2;
  for (size_t i = 0; i < m; i++) w[i] = beta * w[i] - half * v[i];
  for (size_t j = 0; j < m; j++) {
    double *restrict c = s + j * n, f = w[j], g = v[j];
    for (size_t i = 0; i < m; i++) c[i] -= v[i] * f + w[i] * g;
  }
}

/* a -> diagonal d, off-diagonal e; the vectors of the reflections stay below a's diagonal, their
 * factors in beta. */
static void tridiagonalise(double *a, size_t n, double *d, double *e, double *beta, double *w) {
  double noise = noise_square(a, n);
  for (size_t k = 0; k + 2 < n; k++) {
    double *x = a + k * n + k + 1;
    beta[k] = reflector(x, n - k - 1, noise, e + k);
    if (beta[k] != 0) reflect_both(a + (k + 1) * (n + 1), n, n - k - 1, x, beta[k], w);
  }
  for (size_t k = 0; k < n; k++) d[k] = a[k * (n + 1)];
  if (n > 1) e[n - 2] = a[(n - 2) * n + n - 1];
  e[n - 1] = 0;
}

/* q <- product of the reflections. */
static void accumulate(const double *a, size_t n, const double *beta, double *q) {
  memset(q, 0, n * n * sizeof *q);
  for (size_t k = 0; k < n; k++) q[k * (n + 1)] = 1;
  for (size_t k = n < 2 ? 0 : n - 2; k-- > 0;) {
    const double *v = a + k * n + k + 1;
    size_t m = n - k - 1;
    for (size_t j = 0; j < m && beta[k] != 0; j++) {
      double *c = q + (k + 1 + j) * n + k + 1, dot = 0;
      for (size_t i = 0; i < m; i++) dot += v[i] * c[i];
      dot *= beta[k];
      for (size_t i = 0; i < m; i++) c[i] -= dot * v[i];
    }
  }
}

static void rotate(double *restrict x, double *restrict y, size_t n, double c, double s) {
  for (size_t i = 0; i < n; i++) {
    double f = y[i];
    y[i] = s * x[i] + c * f;
    x[i] = c * x[i] - s * f;
  }
}

/* One implicit step on rows l..m, with Wilkinson's shift. */
static void ql_step(double *d, double *e, size_t l, size_t m, double *q, size_t n) {
  double g = (d[l + 1] - d[l]) / (2 * e[l]), r = sqrt(g * g + 1);
  g = d[m] - d[l] + e[l] / (g + copysign(r, g));
  double s = 1, c = 1, shift = 0;
  for (size_t i = m; i-- > l;) {
    double f = s * e[i], b = c * e[i];
    r = sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r == 0) { /* the matrix falls apart here */
      d[i + 1] -= shift;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1] - shift;
    r = (d[i] - g) * s + 2 * c * b;
    shift = s * r;
    d[i + 1] = g + shift;
    g = c * r - b;
    rotate(q + i * n, q + (i + 1) * n, n, c, s);
  }
  d[l] -= shift;
  e[l] = g;
  e[m] = 0;
}

/* First m >= l behind which the matrix falls apart. */
static size_t block_end(const double *d, const double *e, size_t l, size_t n, double floor) {
  size_t m = l;
  while (m + 1 < n && fabs(e[m]) > DBL_EPSILON * (fabs(d[m]) + fabs(d[m + 1])) + floor) m++;
  return m;
}

fe_status fe_eigen(double *a, int order, double *value, double *work) {
  size_t n = (size_t)order;
  if (n == 0) return FE_OK;
  double *q = work, *e = q + n * n, *beta = e + n, *w = beta + n, size = 0;
  tridiagonalise(a, n, value, e, beta, w);
  accumulate(a, n, beta, q);
  for (size_t i = 0; i < n; i++) size = fmax(size, fabs(value[i]) + fabs(e[i]));
  for (size_t l = 0; l < n; l++) {
    int steps = 0;
    for (size_t m; (m = block_end(value, e, l, n, DBL_EPSILON * size / 64)) != l; steps++) {
      if (steps == MOST_STEPS) return FE_ENOCONV;
      ql_step(value, e, l, m, q, n);
    }
    if (!isfinite(value[l])) return FE_ENOCONV;
  }
  memcpy(a, q, n * n * sizeof *a);
  return FE_OK;
}
