#include "vcov.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "parallel.h"

/* A second copy of vcov.c that cannot allocate. */
static void *no_malloc(size_t size) {
  (void)size;
  return NULL;
}
fe_status scarce_sums(const double *const *col, int k, int64_t n, const double *u,
                      const int *group, int n_groups, const fe_exec *exec, double *sum);
fe_status scarce_meat(const double *const *col, int k, int64_t n, const double *u,
                      const fe_exec *exec, double *meat);
fe_status scarce_pairs(const double *const *col, int k, int64_t n, const double *u, const int *a,
                       int n_a, const int *b, int n_b, const fe_exec *exec, double *meat,
                       int64_t *n_pairs);
#define malloc no_malloc
#define fe_pair_meat scarce_pairs
#define fe_score_sums scarce_sums
#define fe_row_meat scarce_meat
#include "../../src/core/vcov.c"
#undef malloc
#undef fe_pair_meat
#undef fe_score_sums
#undef fe_row_meat

enum { N = 50000, K = 5, G = 300 };
static double data[K][N], u[N];
static int group[N];
static const double *const col[K] = {data[0], data[1], data[2], data[3], data[4]};
static const fe_exec alone = {1, NULL, NULL};

static void fill(void) {
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < K; j++) data[j][i] = sin(1 + i * (j + 0.3)) + j;
    u[i] = cos(0.7 * i) * (i % 1000 == 0 ? 1e6 : 1);
    group[i] = (int)((int64_t)i * 7919 % (G - 1)) + 1; /* group G is empty */
  }
}

static void group_sums_agree_with_a_loop_in_long_double(void) {
  static long double oracle[K][G];
  static double sum[K * G];
  memset(oracle, 0, sizeof oracle);
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < K; j++) oracle[j][group[i] - 1] += (long double)u[i] * data[j][i];
  }
  check(fe_score_sums(col, K, N, u, group, G, &alone, sum) == FE_OK);
  for (int j = 0; j < K; j++) {
    for (int g = 0; g < G; g++) check_near(sum[j * G + g], (double)oracle[j][g], 1e-9);
    check(sum[j * G + G - 1] == 0);
  }
}

static void row_meat_agrees_with_a_loop_in_long_double(void) {
  const int rows[] = {1, 2, 16383, 16384, 16385, N};
  for (int t = 0; t < 6; t++) {
    double meat[K * K];
    check(fe_row_meat(col, K, rows[t], u, &alone, meat) == FE_OK);
    for (int a = 0; a < K; a++) {
      for (int b = 0; b < K; b++) {
        long double oracle = 0;
        for (int i = 0; i < rows[t]; i++) {
          oracle += (long double)u[i] * u[i] * data[a][i] * data[b][i];
        }
        check_near(meat[a * K + b], (double)oracle, 1e-12);
      }
    }
  }
}

static void any_number_of_threads_gives_the_same_bits(void) {
  static double sum[3][K * G];
  double meat[3][K * K];
  for (int t = 0; t < 3; t++) {
    fe_exec exec = {1 << t, NULL, NULL};
    check(fe_score_sums(col, K, N, u, group, G, &exec, sum[t]) == FE_OK);
    check(fe_row_meat(col, K, N, u, &exec, meat[t]) == FE_OK);
    check(memcmp(sum[0], sum[t], sizeof sum[0]) == 0);
    check(memcmp(meat[0], meat[t], sizeof meat[0]) == 0);
  }
}

static void nothing_sums_to_zero(void) {
  double sum[K * 2], meat[K * K];
  check(fe_score_sums(col, K, 0, u, group, 2, &alone, sum) == FE_OK);
  check(fe_row_meat(col, K, 0, u, &alone, meat) == FE_OK);
  for (int e = 0; e < K * 2; e++) check(sum[e] == 0);
  for (int e = 0; e < K * K; e++) check(meat[e] == 0);
  check(fe_score_sums(NULL, 0, N, u, group, G, &alone, sum) == FE_OK);
  check(fe_row_meat(NULL, 0, N, u, &alone, meat) == FE_OK);
}

/* Pairs coded one by one, group (a - 1) * n_b + b, give the same meat. */
static void pairs_agree_with_groups_of_their_own(void) {
  enum { A = 40, B = 9 };
  static int a[N], b[N], pair[N];
  static double sum[K * A * B], meat[3][K * K];
  int64_t n_pairs[3];
  int met[A * B] = {0}, distinct = 0;
  for (int i = 0; i < N; i++) {
    a[i] = i * 31 % A + 1;
    b[i] = (i / 7) % (a[i] % 2 ? B : 2) + 1;
    pair[i] = (a[i] - 1) * B + b[i];
    distinct += !met[pair[i] - 1];
    met[pair[i] - 1] = 1;
  }
  check(fe_score_sums(col, K, N, u, pair, A * B, &alone, sum) == FE_OK);
  for (int t = 0; t < 3; t++) {
    fe_exec exec = {1 << t, NULL, NULL};
    check(fe_pair_meat(col, K, N, u, a, A, b, B, &exec, meat[t], &n_pairs[t]) == FE_OK);
    check(n_pairs[t] == distinct && memcmp(meat[0], meat[t], sizeof meat[0]) == 0);
  }
  for (int i = 0; i < K; i++) {
    for (int j = 0; j < K; j++) {
      double oracle = 0;
      for (int g = 0; g < A * B; g++) oracle += sum[i * A * B + g] * sum[j * A * B + g];
      check_near(meat[0][i * K + j], oracle, 1e-11);
    }
  }
}

static int always(void *unused) {
  (void)unused;
  return 1;
}

/* The poll of several threads is the clock's: a sum that ends first is complete. */
static void an_interrupted_meat_is_told(void) {
  static double meat[3][K * K];
  fe_exec stopped = {2, always, NULL};
  check(fe_row_meat(col, K, N, u, &alone, meat[0]) == FE_OK);
  fe_status status = fe_row_meat(col, K, N, u, &stopped, meat[1]);
  if (status == FE_OK) {
    check(memcmp(meat[0], meat[1], sizeof meat[0]) == 0);
  } else {
    check(status == FE_EINTR);
  }
}

static void a_lack_of_memory_is_reported(void) {
  double sum[K * G], meat[K * K];
  check(scarce_meat(col, K, N, u, &alone, meat) == FE_ENOMEM);
  int64_t pairs;
  check(scarce_pairs(col, K, N, u, group, G, group, G, &alone, meat, &pairs) == FE_ENOMEM);
  check(scarce_sums(col, K, N, u, group, G, &alone, sum) == FE_OK); /* needs none */
}

int main(void) {
  fill();
  run(group_sums_agree_with_a_loop_in_long_double);
  run(row_meat_agrees_with_a_loop_in_long_double);
  run(any_number_of_threads_gives_the_same_bits);
  run(pairs_agree_with_groups_of_their_own);
  run(nothing_sums_to_zero);
  run(an_interrupted_meat_is_told);
  run(a_lack_of_memory_is_reported);
  return report();
}
