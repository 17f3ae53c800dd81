#include "linalg.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "rng.h"

enum { MAX_P = 70 };

static double uniform(uint32_t seed, uint32_t i) {
  const uint32_t key[2] = {seed, 0};
  uint32_t c[4] = {i, 0, 0, 1};
  fe_philox4x32(c, key);
  return c[0] / 4294967296.0 - 0.5;
}

/* x is n x p; a = x'x with poison in the strict upper triangle, `full` without. */
static void gram(const double *x, int n, int p, double *a, double *full) {
  for (int i = 0; i < p; i++) {
    for (int j = 0; j < p; j++) {
      double sum = 0;
      for (int r = 0; r < n; r++) sum += x[r + i * n] * x[r + j * n];
      full[i + j * p] = sum;
      a[i + j * p] = i >= j ? sum : NAN;
    }
  }
}

static void random_design(int n, int p, uint32_t seed, double *x) {
  for (int i = 0; i < n * p; i++) x[i] = uniform(seed, (uint32_t)i) * (1 + i / n);
}

static double x[2 * MAX_P * MAX_P], a[MAX_P * MAX_P], full[MAX_P * MAX_P], out[MAX_P * MAX_P];

static double largest_residual_of_factor(int p) {
  double worst = 0;
  for (int i = 0; i < p; i++) {
    for (int j = 0; j <= i; j++) {
      double sum = 0;
      for (int k = 0; k <= j; k++) sum += a[i + k * p] * a[j + k * p];
      worst = fmax(worst, fabs(sum - full[i + j * p]));
    }
  }
  return worst;
}

static void the_factor_reproduces_the_matrix(void) {
  const int sizes[] = {1, 2, 5, 21, 31, 32, 33, 64, 65, MAX_P};
  for (int t = 0; t < 10; t++) {
    int p = sizes[t], used[MAX_P];
    random_design(2 * p, p, (uint32_t)p, x);
    gram(x, 2 * p, p, a, full);
    check(fe_cholesky(a, p, 1e-10, NULL, used) == p);
    check(used[0] && used[p - 1]);
    check(largest_residual_of_factor(p) < 1e-11 * p * p);
  }
}

static void the_solution_solves(void) {
  enum { P = 40, M = 3 };
  double b[P * M], truth[P * M];
  random_design(2 * P, P, 3, x);
  gram(x, 2 * P, P, a, full);
  for (int i = 0; i < P * M; i++) truth[i] = uniform(4, (uint32_t)i);
  for (int i = 0; i < P; i++) {
    for (int m = 0; m < M; m++) {
      double sum = 0;
      for (int j = 0; j < P; j++) sum += full[i + j * P] * truth[j + m * P];
      b[i + m * P] = sum;
    }
  }
  check(fe_cholesky(a, P, 1e-10, NULL, NULL) == P);
  fe_cholesky_solve(a, P, NULL, b, M);
  for (int i = 0; i < P * M; i++) check_near(b[i], truth[i], 1e-9);
}

/* Columns 2 and 4 are combinations of columns before them: the solution is that without them. */
static void dependent_columns_are_left_out(void) {
  enum { N = 30, P = 6, R = 4 };
  const int kept[R] = {0, 1, 3, 5};
  int used[P], used_small[R];
  double small[R * R], b[P], b_small[R];
  random_design(N, P, 8, x);
  for (int r = 0; r < N; r++) {
    x[r + 2 * N] = x[r] - 3 * x[r + N];
    x[r + 4 * N] = 1e-4 * x[r + 3 * N];
  }
  gram(x, N, P, a, full);
  for (int i = 0; i < P; i++) b[i] = uniform(9, (uint32_t)i);
  for (int i = 0; i < R; i++) {
    b_small[i] = b[kept[i]];
    for (int j = 0; j < R; j++) small[i + j * R] = full[kept[i] + kept[j] * P];
  }
  check(fe_cholesky(small, R, 1e-10, NULL, used_small) == R);
  fe_cholesky_solve(small, R, used_small, b_small, 1);
  check(fe_cholesky(a, P, 1e-10, NULL, used) == R);
  check(used[0] && used[1] && !used[2] && used[3] && !used[4] && used[5]);
  fe_cholesky_solve(a, P, used, b, 1);
  check(b[2] == 0 && b[4] == 0);
  for (int i = 0; i < R; i++) check_near(b[kept[i]], b_small[i], 1e-9);
}

static void the_inverse_inverts_the_used_part(void) {
  enum { N = 30, P = 7 };
  int used[P];
  random_design(N, P, 11, x);
  for (int r = 0; r < N; r++) x[r + 3 * N] = x[r + 2 * N];
  gram(x, N, P, a, full);
  check(fe_cholesky(a, P, 1e-10, NULL, used) == P - 1);
  fe_cholesky_inverse(a, P, used, NULL, out);
  for (int i = 0; i < P; i++) {
    for (int j = 0; j < P; j++) {
      double sum = 0;
      for (int k = 0; k < P; k++) sum += out[i + k * P] * full[k + j * P];
      check(out[i + j * P] == out[j + i * P]);
      if (i == 3) check(out[i + j * P] == 0);
      if (i != 3 && j != 3) check_near(sum, i == j, 1e-9);
    }
  }
}

/* Multiplying columns by powers of ten changes no verdict. */
static void the_tolerance_is_free_of_scale(void) {
  enum { N = 20, P = 5 };
  for (int power = -100; power <= 100; power += 50) {
    int used[P];
    random_design(N, P, 5, x);
    for (int r = 0; r < N; r++) {
      x[r + N] *= pow(10, power);
      x[r + 3 * N] = x[r + N] * 2;
      x[r + 4 * N] *= pow(10, -power);
    }
    gram(x, N, P, a, full);
    check(fe_cholesky(a, P, 1e-10, NULL, used) == 4);
    check(used[1] && !used[3] && used[4]);
  }
}

static void a_given_scale_replaces_the_diagonal(void) {
  double scale[2] = {1, 1};
  double d[4] = {1, 0, 0, 1e-12}, e[4] = {1, 0, 0, 1e-12};
  int used[2];
  check(fe_cholesky(d, 2, 1e-10, NULL, used) == 2);
  check(fe_cholesky(e, 2, 1e-10, scale, used) == 1);
  check(used[0] && !used[1]);
}

static void zero_negative_and_nan_pivots_are_dependent(void) {
  double d[9] = {0, 0, 0, 0, -1, 0, 0, 0, NAN};
  int used[3];
  check(fe_cholesky(d, 3, 0, NULL, used) == 0);
  check(!used[0] && !used[1] && !used[2]);
  for (int i = 0; i < 3; i++) check(d[4 * i] == 0);
}

/* The Schur complement holds the cross-products of the residuals, here by Gram-Schmidt. */
static void elimination_gives_residual_products(void) {
  enum { N = 90, P = 41, M = 36 };
  random_design(N, P, 21, x);
  for (int r = 0; r < N; r++) x[r + 7 * N] = x[r + 2 * N] + x[r + 5 * N];
  gram(x, N, P, a, full);
  fe_eliminate(a, P, M, 1e-10, NULL);
  for (int k = 0; k < M; k++) {
    double square = 0;
    if (k == 7) continue;
    for (int r = 0; r < N; r++) square += x[r + k * N] * x[r + k * N];
    for (int j = k + 1; j < P; j++) {
      double dot = 0;
      for (int r = 0; r < N; r++) dot += x[r + k * N] * x[r + j * N];
      for (int r = 0; r < N; r++) x[r + j * N] -= dot / square * x[r + k * N];
    }
  }
  gram(x, N, P, out, full);
  for (int j = M; j < P; j++) {
    for (int i = j; i < P; i++) check_near(a[i + j * P], full[i + j * P], 1e-9);
  }
}

static void eliminating_nothing_changes_nothing(void) {
  double d[4] = {2, 1, 0, 3}, before[4];
  memcpy(before, d, sizeof d);
  fe_eliminate(d, 2, 0, 1e-10, NULL);
  check(memcmp(before, d, sizeof d) == 0);
}

static void packed_triangles_are_expanded(void) {
  for (int p = 0; p <= 9; p++) {
    double d[81] = {0};
    for (int i = 0; i < p * (p + 1) / 2; i++) d[i] = i;
    fe_unpack_lower(d, p);
    int next = 0, ok = 1;
    for (int j = 0; j < p; j++) {
      for (int i = j; i < p; i++) ok = ok && d[i + j * p] == next++;
    }
    check(ok);
  }
}

int main(void) {
  run(the_factor_reproduces_the_matrix);
  run(the_solution_solves);
  run(dependent_columns_are_left_out);
  run(the_inverse_inverts_the_used_part);
  run(the_tolerance_is_free_of_scale);
  run(a_given_scale_replaces_the_diagonal);
  run(zero_negative_and_nan_pivots_are_dependent);
  run(elimination_gives_residual_products);
  run(eliminating_nothing_changes_nothing);
  run(packed_triangles_are_expanded);
  return report();
}
