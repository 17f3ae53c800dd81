#include "solve.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "parallel.h"

/* A second copy of solve.c in which the allocation number fail_at fails. */
static int allocations, fail_at;
static void *scarce_malloc(size_t size) {
  return allocations++ == fail_at ? NULL : malloc(size);
}
static void *scarce_calloc(size_t n, size_t size) {
  return allocations++ == fail_at ? NULL : calloc(n, size);
}
fe_status scarce_qr(const double *const *col, int p, int64_t n, const double *w,
                    const double *shift, const fe_exec *exec, double *r);
fe_status scarce_lsq(const double *const *r, int rows, int k, int m, double tol,
                     const double *floor_norm, int *rank, int *kept, double *coef, double *root,
                     double *rss);
fe_status scarce_residuals(const double *y, const double *const *x, int k, int64_t n,
                           const double *b, const fe_exec *exec, double *e);
#define malloc scarce_malloc
#define calloc scarce_calloc
#define fe_qr scarce_qr
#define fe_lsq scarce_lsq
#define fe_residuals scarce_residuals
#include "../../src/core/solve.c"
#undef malloc
#undef calloc
#undef fe_qr
#undef fe_lsq
#undef fe_residuals

enum { N = 40000, P = 12 };
static double data[P][N], weight[N];
static const double *col[P];
static const fe_exec alone = {1, NULL, NULL};

/* Pointers to the p columns of a factor. */
static const double *const *columns_of(const double *r, int p) {
  static const double *at[P];
  for (int j = 0; j < p; j++) at[j] = r + j * p;
  return at;
}

static uint64_t state = 88172645463325252u;

/* xorshift64, uniform on (-1/2, 1/2) */
static double uniform(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (double)(state >> 11) / 9007199254740992.0 - 0.5;
}

static void random_data(int n) {
  for (int j = 0; j < P; j++) {
    col[j] = data[j];
    for (int i = 0; i < n; i++) data[j][i] = uniform() + (j == 3 ? 100 : 0);
  }
  for (int i = 0; i < n; i++) weight[i] = pow(10, 4 * uniform());
}

/* ---- oracle: normal equations in long double, Gaussian elimination ------------------------- */

/* a (k x k) becomes its inverse; pivots on the diagonal, as a is positive definite. */
static void invert(long double a[P][P], int k) {
  for (int d = 0; d < k; d++) {
    long double pivot = a[d][d];
    a[d][d] = 1;
    for (int j = 0; j < k; j++) a[d][j] /= pivot;
    for (int i = 0; i < k; i++) {
      if (i == d) continue;
      long double f = a[i][d];
      a[i][d] = 0;
      for (int j = 0; j < k; j++) a[i][j] -= f * a[d][j];
    }
  }
}

static long double product(int a, int b, int n, const double *w) {
  long double sum = 0;
  for (int i = 0; i < n; i++) sum += (w ? (long double)w[i] : 1) * col[a][i] * col[b][i];
  return sum;
}

typedef struct {
  int rank, kept[P];
  double coef[P * P], root[P * P], rss[P];
} solution;

static const double no_floor[P];

static fe_status solve(int k, int m, int n, const double *w, const double *floor_norm,
                       const fe_exec *exec, solution *s) {
  static double r[P * P];
  fe_status status = fe_qr(col, k + m, n, w, NULL, exec, r);
  if (status) return status;
  return fe_lsq(columns_of(r, k + m), k + m, k, m, 1e-9, floor_norm, &s->rank, s->kept, s->coef, s->root, s->rss);
}

/* Entry (a, b) of root root'. */
static double bread(const solution *s, int k, int a, int b) {
  double sum = 0;
  for (int c = 0; c < k; c++) sum += s->root[c * k + a] * s->root[c * k + b];
  return sum;
}

/* Columns which[0..rank-1] are those of full rank among the first k; the last m are outcomes. */
static void agrees_with_normal_equations(const solution *s, int k, int m, const int *which,
                                         int rank, int n, const double *w, double tol) {
  long double a[P][P];
  check(s->rank == rank);
  for (int c = 0; c < rank; c++) {
    check(s->kept[which[c]] == 1);
    for (int d = 0; d < rank; d++) a[c][d] = product(which[c], which[d], n, w);
  }
  invert(a, rank);
  for (int c = 0; c < rank; c++) {
    for (int d = 0; d < rank; d++) {
      double scale = sqrt((double)(a[c][c] * a[d][d]));
      check(fabs(bread(s, k, which[c], which[d]) - (double)a[c][d]) <= tol * scale);
    }
  }
  for (int y = 0; y < m; y++) {
    long double rss = product(k + y, k + y, n, w);
    for (int c = 0; c < rank; c++) {
      long double b = 0, xy = product(which[c], k + y, n, w);
      for (int d = 0; d < rank; d++) b += a[c][d] * product(which[d], k + y, n, w);
      rss -= b * xy;
      check_near(s->coef[y * k + which[c]], (double)b, tol);
    }
    check_near(s->rss[y], (double)rss, tol);
  }
}

static const int all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static void slopes_agree_with_normal_equations_in_long_double(void) {
  const int rows[] = {10, 11, 127, 128, 129, 1000, 16384, 16385, 33000};
  solution s;
  for (int t = 0; t < 9; t++) {
    random_data(rows[t]);
    for (int k = 1; k <= 10; k += 3) {
      check(solve(k, 2, rows[t], t % 2 ? weight : NULL, no_floor, &alone, &s) == FE_OK);
      agrees_with_normal_equations(&s, k, 2, all, k, rows[t], t % 2 ? weight : NULL, 1e-8);
    }
  }
}

static void the_factor_is_triangular_and_reproduces_the_products(void) {
  static double r[P * P];
  random_data(500);
  for (int e = 0; e < P * P; e++) r[e] = NAN;
  check(fe_qr(col, P, 500, weight, NULL, &alone, r) == FE_OK);
  for (int a = 0; a < P; a++) {
    for (int b = 0; b < P; b++) {
      double sum = 0;
      for (int i = 0; i < P; i++) sum += r[a * P + i] * r[b * P + i];
      check_near(sum, (double)product(a, b, 500, weight), 1e-12);
      if (b > a) check(r[a * P + b] == 0);
    }
  }
}

/* Columns 1 / (i + j + 1): of seven, the condition number is 4.8e8, and its square is beyond
 * double precision. */
static void hilbert_columns_keep_half_the_digits(void) {
  enum { K = 7 };
  solution s;
  for (int j = 0; j < K; j++) {
    col[j] = data[j];
    for (int i = 0; i < 30; i++) data[j][i] = 1.0 / (i + j + 1);
  }
  col[K] = data[K];
  for (int i = 0; i < 30; i++) {
    data[K][i] = 0;
    for (int j = 0; j < K; j++) data[K][i] += data[j][i]; /* all slopes are 1 */
  }
  static double r[P * P];
  check(fe_qr(col, K + 1, 30, NULL, NULL, &alone, r) == FE_OK);
  check(fe_lsq(columns_of(r, K + 1), K + 1, K, 1, 1e-14, no_floor, &s.rank, s.kept, s.coef, s.root, s.rss) == FE_OK);
  check(s.rank == K);
  for (int j = 0; j < K; j++) check_near(s.coef[j], 1, 1e-5);
  check(s.rss[0] >= 0 && s.rss[0] < 1e-28);
}

static void dependent_columns_are_left_out_in_their_order(void) {
  const int which[] = {0, 2, 3, 5, 7}, left_out[] = {1, 4, 6};
  const double units[] = {1, 1e-90, 1e90};
  solution s;
  for (int t = 0; t < 3; t++) {
    random_data(300);
    for (int i = 0; i < 300; i++) {
      data[1][i] = 3 * data[0][i] * units[t];
      data[4][i] = (data[0][i] - data[2][i] + 2 * data[3][i]) * units[t];
      data[6][i] = 0;
    }
    check(solve(8, 2, 300, NULL, no_floor, &alone, &s) == FE_OK);
    agrees_with_normal_equations(&s, 8, 2, which, 5, 300, NULL, 1e-8);
    for (int d = 0; d < 3; d++) {
      int j = left_out[d];
      check(s.kept[j] == 0 && s.coef[j] == 0 && s.coef[8 + j] == 0);
      for (int c = 0; c < 8; c++) check(s.root[j * 8 + c] == 0 && s.root[c * 8 + j] == 0);
    }
  }
}

static void a_column_below_its_floor_is_left_out(void) {
  solution s;
  double floor_norm[P] = {0};
  const int which[] = {0, 2};
  random_data(100);
  floor_norm[1] = 1e3; /* above its norm */
  check(solve(3, 1, 100, NULL, floor_norm, &alone, &s) == FE_OK);
  agrees_with_normal_equations(&s, 3, 1, which, 2, 100, NULL, 1e-8);
  check(s.kept[1] == 0);
}

static void rows_of_weight_zero_do_not_count(void) {
  solution with, without;
  random_data(400);
  for (int i = 200; i < 400; i++) weight[i] = 0;
  check(solve(5, 1, 400, weight, no_floor, &alone, &with) == FE_OK);
  check(solve(5, 1, 200, weight, no_floor, &alone, &without) == FE_OK);
  for (int j = 0; j < 5; j++) check_near(with.coef[j], without.coef[j], 1e-12);
  check_near(with.rss[0], without.rss[0], 1e-12);
}

static void fewer_rows_than_columns_have_the_rank_of_the_rows(void) {
  solution s;
  random_data(3);
  check(solve(6, 1, 3, NULL, no_floor, &alone, &s) == FE_OK);
  check(s.rank == 3 && s.kept[2] && !s.kept[3] && s.rss[0] < 1e-24);
  check(solve(2, 1, 1, NULL, no_floor, &alone, &s) == FE_OK);
  check(s.rank == 1);
  check_near(s.coef[0], data[2][0] / data[0][0], 1e-13);
}

static void no_rows_or_no_columns_are_no_rank(void) {
  solution s;
  random_data(10);
  check(solve(3, 2, 0, NULL, no_floor, &alone, &s) == FE_OK);
  check(s.rank == 0 && s.rss[0] == 0 && s.coef[0] == 0);
  check(solve(0, 1, 10, NULL, no_floor, &alone, &s) == FE_OK);
  check(s.rank == 0);
  check_near(s.rss[0], (double)product(0, 0, 10, NULL), 1e-13);
}

static void any_number_of_threads_gives_the_same_bits(void) {
  static double r[3][P * P];
  random_data(N);
  for (int t = 0; t < 3; t++) {
    fe_exec exec = {1 << t, NULL, NULL};
    check(fe_qr(col, P, N, weight, NULL, &exec, r[t]) == FE_OK);
    check(memcmp(r[0], r[t], sizeof r[0]) == 0);
  }
}

/* The factor of all columns serves the regression of any of them on any others, in any order. */
static void one_factor_serves_every_model(void) {
  static double r[P * P], e[3][N], small[25];
  const int pick[] = {7, 2, 11, 0, 5}; /* the last is the outcome */
  const double *some[5], *from_all[5];
  random_data(N);
  check(fe_qr(col, P, N, weight, NULL, &alone, r) == FE_OK);
  for (int j = 0; j < 5; j++) {
    some[j] = data[pick[j]];
    from_all[j] = r + pick[j] * P;
  }
  solution s, own;
  check(fe_lsq(from_all, P, 4, 1, 1e-9, no_floor, &s.rank, s.kept, s.coef, s.root, s.rss) ==
        FE_OK);
  check(fe_qr(some, 5, N, weight, NULL, &alone, small) == FE_OK);
  check(fe_lsq(columns_of(small, 5), 5, 4, 1, 1e-9, no_floor, &own.rank, own.kept, own.coef,
               own.root, own.rss) == FE_OK);
  check(s.rank == 4 && own.rank == 4);
  for (int j = 0; j < 4; j++) check_near(s.coef[j], own.coef[j], 1e-12);
  check_near(s.rss[0], own.rss[0], 1e-12);
  double rss = 0;
  for (int t = 0; t < 3; t++) {
    fe_exec exec = {1 << t, NULL, NULL};
    check(fe_residuals(some[4], some, 4, N, s.coef, &exec, e[t]) == FE_OK);
    check(memcmp(e[0], e[t], sizeof e[0]) == 0);
  }
  for (int i = 0; i < N; i++) rss += weight[i] * e[0][i] * e[0][i];
  check_near(rss, s.rss[0], 1e-10);
}

static void columns_may_be_shifted(void) {
  static double shifted[P][N], r[2][P * P];
  double shift[P];
  const double *own[P];
  random_data(N);
  for (int j = 0; j < P; j++) {
    shift[j] = j % 3 ? 0 : 0.25 * j - 1;
    for (int i = 0; i < N; i++) shifted[j][i] = data[j][i] - shift[j];
    own[j] = shifted[j];
  }
  check(fe_qr(col, P, N, weight, shift, &alone, r[0]) == FE_OK);
  check(fe_qr(own, P, N, weight, NULL, &alone, r[1]) == FE_OK);
  check(memcmp(r[0], r[1], sizeof r[0]) == 0);
}

/* Every allocation in turn fails; leaks are for the sanitizer to see. */
/* What rounding leaves of many columns in few rows gets smaller by the digits of a double from one
 * to the next, down to where squares are no numbers. */
static void columns_whose_squares_underflow_have_their_lengths(void) {
  const double large[4] = {1, -1, 1, 1}, small[4] = {3e-160, 3e-160, 4e-160, 4e-160};
  const double *pair[2] = {small, large};
  double r[4];
  fe_exec exec = {1, NULL, NULL};
  check(fe_qr(pair, 2, 4, NULL, NULL, &exec, r) == FE_OK);
  check_near(fabs(r[0]) / 1e-160, sqrt(50), 1e-14);
  check_near(fabs(r[2]), 8 / sqrt(50), 1e-14);
  check_near(r[2] * r[2] + r[3] * r[3], 4, 1e-14);
}

static void every_failed_allocation_is_reported(void) {
  static double r[P * P];
  solution s;
  random_data(50);
  for (fail_at = 0; fail_at <= 2; fail_at++) {
    allocations = 0;
    check((scarce_qr(col, 4, 50, NULL, NULL, &alone, r) == FE_ENOMEM) == (fail_at < 2));
    allocations = 0;
    check((scarce_lsq(columns_of(r, 4), 4, 3, 1, 1e-9, no_floor, &s.rank, s.kept, s.coef, s.root,
                      s.rss) == FE_ENOMEM) == (fail_at < 2));
  }
}

int main(void) {
  run(slopes_agree_with_normal_equations_in_long_double);
  run(the_factor_is_triangular_and_reproduces_the_products);
  run(hilbert_columns_keep_half_the_digits);
  run(dependent_columns_are_left_out_in_their_order);
  run(a_column_below_its_floor_is_left_out);
  run(rows_of_weight_zero_do_not_count);
  run(fewer_rows_than_columns_have_the_rank_of_the_rows);
  run(no_rows_or_no_columns_are_no_rank);
  run(any_number_of_threads_gives_the_same_bits);
  run(one_factor_serves_every_model);
  run(columns_may_be_shifted);
  run(columns_whose_squares_underflow_have_their_lengths);
  run(every_failed_allocation_is_reported);
  return report();
}
