#include "eigen.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "xorshift.h"

static double *symmetric(int n) {
  double *a = malloc((size_t)(n * n + 1) * sizeof *a);
  for (int j = 0; j < n; j++) {
    for (int i = 0; i <= j; i++) a[i + j * n] = a[j + i * n] = uniform();
  }
  return a;
}

/* a = V diag(value) V' and V'V = I, both to tol. */
static int is_decomposition(const double *a, const double *v, const double *value, int n,
                            double tol) {
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < n; j++) {
      double sum = 0, dot = 0;
      for (int k = 0; k < n; k++) {
        sum += v[i + k * n] * value[k] * v[j + k * n];
        dot += v[k + i * n] * v[k + j * n];
      }
      if (!near(sum, a[i + j * n], tol) || !near(dot, i == j, tol)) return 0;
    }
  }
  return 1;
}

static void check_decomposed(const double *a, int n) {
  double *v = malloc((size_t)(n * n + 1) * sizeof *v), *value = malloc((size_t)(n + 1) * sizeof *v);
  double *work = malloc(fe_eigen_work(n) * sizeof *work);
  memcpy(v, a, (size_t)(n * n) * sizeof *v);
  check(fe_eigen(v, n, value, work) == FE_OK);
  check(is_decomposition(a, v, value, n, 1e-13));
  free(v);
  free(value);
  free(work);
}

static void random_matrices_are_decomposed(void) {
  const int order[] = {0, 1, 2, 3, 4, 7, 20, 55};
  for (int t = 0; t < 8; t++) {
    double *a = symmetric(order[t]);
    check_decomposed(a, order[t]);
    free(a);
  }
}

/* Diagonal, zero, equal values, a projection, a matrix of low rank. */
static void degenerate_matrices_are_decomposed(void) {
  enum { N = 6 };
  double a[N * N] = {0};
  check_decomposed(a, N);
  for (int i = 0; i < N; i++) a[i * (N + 1)] = 3;
  check_decomposed(a, N);
  for (int i = 0; i < N; i++) a[i * (N + 1)] = i % 2 ? 1e-9 : 1;
  check_decomposed(a, N);
  for (int i = 0; i < N * N; i++) a[i] = -1.0 / N;
  for (int i = 0; i < N; i++) a[i * (N + 1)] += 1;
  check_decomposed(a, N);
  for (int i = 0; i < N * N; i++) a[i] = (i / N + 1.0) * (i % N + 1.0);
  check_decomposed(a, N);
}

/* x x' + y y' of small numbers: what the reflections leave is the rounding error of rounding errors. */
static void low_rank_leaves_no_noise(void) {
  enum { N = 40 };
  double *a = symmetric(N), x[2][N];
  for (int c = 0; c < 2; c++) {
    for (int i = 0; i < N; i++) x[c][i] = i % (5 + c) ? 0 : 1e-3 * a[i * N + c];
  }
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) a[i * N + j] = x[0][i] * x[0][j] + x[1][i] * x[1][j];
  }
  check_decomposed(a, N);
  free(a);
}

static void numbers_that_are_none_are_said(void) {
  double a[9] = {1, 2, 3, 2, NAN, 1, 3, 1, 1}, value[3], work[64];
  check(fe_eigen_work(3) <= 64);
  check(fe_eigen(a, 3, value, work) == FE_ENOCONV);
}

int main(void) {
  run(random_matrices_are_decomposed);
  run(degenerate_matrices_are_decomposed);
  run(low_rank_leaves_no_noise);
  run(numbers_that_are_none_are_said);
  return report();
}
