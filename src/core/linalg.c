/* Left-looking factorisation: a column is brought up to date by all columns before it, one
 * unit-stride subtraction each, in their order, and then scaled. Columns are taken in panels
 * that stay in cache while the earlier columns pass by, which leaves the arithmetic of every
 * column as it is. */
#include "linalg.h"

#include <math.h>

#include "parallel.h"

enum { PANEL = 32 };

static void subtract(double *restrict y, const double *restrict x, double f, int n) {
  for (int i = 0; i < n; i++) y[i] -= f * x[i];
}

/* Divides column j (entries j..p-1) by the root of its pivot, or zeroes it if the pivot is at
 * or below the limit or not a number. */
static int scale_column(double *c, int j, int p, double limit) {
  if (!(c[j] > limit)) {
    for (int i = j; i < p; i++) c[i] = 0;
    return 0;
  }
  double root = sqrt(c[j]), inverse = 1 / root;
  c[j] = root;
  for (int i = j + 1; i < p; i++) c[i] *= inverse;
  return 1;
}

/* Columns first..last-1 are brought up to date by columns k0..k1-1 of L. */
static void update_columns(double *a, int p, int first, int last, int k0, int k1) {
  for (int k = k0; k < k1; k++) {
    const double *l = a + (size_t)k * (size_t)p;
    for (int j = first; j < last; j++) {
      if (l[j] != 0) subtract(a + (size_t)j * (size_t)p + j, l + j, l[j], p - j);
    }
  }
}

/* The first m columns become columns of L, the rest the Schur complement. Returns the rank, or -1
 * if the poll of exec (may be NULL) asks to stop. */
static int factor_leading(double *a, int p, int m, double tol, const double *scale, int *used,
                          const fe_exec *exec) {
  double diagonal[PANEL];
  int rank = 0;
  for (int first = 0; first < p; first += PANEL) {
    if (exec && fe_poll(exec)) return -1;
    int last = p - first < PANEL ? p : first + PANEL;
    for (int j = first; j < last; j++) diagonal[j - first] = a[(size_t)j * ((size_t)p + 1)];
    update_columns(a, p, first, last, 0, first < m ? first : m);
    for (int j = first; j < last; j++) {
      update_columns(a, p, j, j + 1, first < m ? first : m, j < m ? j : m);
      if (j >= m) continue;
      double reference = scale ? scale[j] : diagonal[j - first];
      int ok = scale_column(a + (size_t)j * (size_t)p, j, p, tol * fabs(reference));
      if (used) used[j] = ok;
      rank += ok;
    }
  }
  return rank;
}

int fe_cholesky(double *a, int p, double tol, const double *scale, int *used) {
  return factor_leading(a, p, p, tol, scale, used, NULL);
}

fe_status fe_cholesky_watched(double *a, int p, double tol, const double *scale, int *used,
                              const fe_exec *exec, int *rank) {
  *rank = factor_leading(a, p, p, tol, scale, used, exec);
  return *rank < 0 ? FE_EINTR : FE_OK;
}

void fe_eliminate(double *a, int p, int m, double tol, const double *scale) {
  factor_leading(a, p, m, tol, scale, NULL, NULL);
}

static void solve_one(const double *l, int p, const int *used, double *b) {
  for (int j = 0; j < p; j++) {
    const double *c = l + (size_t)j * (size_t)p;
    b[j] = !used || used[j] ? b[j] / c[j] : 0;
    if (b[j] != 0) subtract(b + j + 1, c + j + 1, b[j], p - j - 1);
  }
  for (int j = p - 1; j >= 0; j--) {
    const double *c = l + (size_t)j * (size_t)p;
    if (used && !used[j]) continue;
    double sum = b[j];
    for (int i = j + 1; i < p; i++) sum -= c[i] * b[i];
    b[j] = sum / c[j];
  }
}

void fe_cholesky_solve(const double *l, int p, const int *used, double *b, int m) {
  for (int j = 0; j < m; j++) solve_one(l, p, used, b + (size_t)j * (size_t)p);
}

fe_status fe_cholesky_inverse(const double *l, int p, const int *used, const fe_exec *exec,
                              double *out) {
  size_t n = (size_t)p;
  for (size_t i = 0; i < n * n; i++) out[i] = 0;
  for (size_t j = 0; j < n; j++) {
    if (used && !used[j]) continue;
    if (exec && j % PANEL == 0 && fe_poll(exec)) return FE_EINTR;
    out[j + j * n] = 1;
    solve_one(l, p, used, out + j * n);
  }
  for (size_t j = 0; j < n; j++) {
    for (size_t i = j + 1; i < n; i++) out[j + i * n] = out[i + j * n];
  }
  return FE_OK;
}

void fe_unpack_lower(double *a, int p) {
  size_t n = (size_t)p, from = n * (n + 1) / 2;
  for (size_t j = n; j-- > 0;) {
    from -= n - j;
    for (size_t i = n - j; i-- > 0;) a[j * n + j + i] = a[from + i];
  }
}
