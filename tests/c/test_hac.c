#include "hac.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "parallel.h"
#include "xorshift.h"

/* A second copy of hac.c that cannot allocate. */
static void *no_malloc(size_t size) {
  (void)size;
  return NULL;
}
fe_status scarce_order(int64_t n, const int *unit, int n_units, const int *time, int n_times,
                       int *order, int64_t *first, int64_t *second);
fe_status scarce_meat(const double *const *col, int k, const double *u, const fe_panel *panel,
                      double lag, const fe_exec *exec, double *meat);
#define malloc no_malloc
#define fe_panel_order scarce_order
#define fe_hac_meat scarce_meat
#include "../../src/core/hac.c"
#undef malloc
#undef fe_panel_order
#undef fe_hac_meat

enum { UNITS = 90, TIMES = 40, N = 2500, K = 3 };
static double data[K][N], u[N], position[TIMES];
static int unit[N], time_code[N], order[N];
static const double *const col[K] = {data[0], data[1], data[2]};
static const fe_exec alone = {1, NULL, NULL};
static const fe_panel panel = {N, order, unit, time_code, position, TIMES};

/* N of the UNITS x TIMES cells, in random order; period 7 and 8 are four periods apart. */
static void fill(void) {
  static int cell[UNITS * TIMES];
  for (int c = 0; c < UNITS * TIMES; c++) cell[c] = c;
  for (int i = 0; i < N; i++) {
    int other = i + (int)(draw() % (uint32_t)(UNITS * TIMES - i)), c = cell[other];
    cell[other] = cell[i];
    unit[i] = c / TIMES + 1;
    time_code[i] = c % TIMES + 1;
    u[i] = uniform();
    for (int j = 0; j < K; j++) data[j][i] = uniform() + 1.0 / time_code[i];
  }
  for (int t = 0; t < TIMES; t++) position[t] = t < 8 ? t : t + 3;
}

static void order_is_by_unit_then_time_and_tells_duplicates(void) {
  int64_t first, second;
  check(fe_panel_order(N, unit, UNITS, time_code, TIMES, order, &first, &second) == FE_OK);
  check(first == -1 && second == -1);
  for (int i = 1; i < N; i++) {
    int a = order[i - 1], b = order[i];
    check(unit[a] < unit[b] || (unit[a] == unit[b] && time_code[a] < time_code[b]));
  }
  int one_unit[] = {2, 1, 2, 1, 2}, one_time[] = {3, 1, 1, 2, 3}, out[5];
  check(fe_panel_order(5, one_unit, 2, one_time, 3, out, &first, &second) == FE_OK);
  check(out[0] == 1 && out[1] == 3 && out[2] == 2 && out[3] == 0 && out[4] == 4);
  check(first == 0 && second == 4);
}

static void meat_agrees_with_all_pairs(void) {
  const double lags[] = {0, 1, 3, 200};
  for (int l = 0; l < 4; l++) {
    double meat[K * K], oracle[K * K] = {0};
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        double apart = fabs(position[time_code[i] - 1] - position[time_code[j] - 1]);
        if (unit[i] != unit[j] || apart > lags[l]) continue;
        double w = (1 - apart / (lags[l] + 1)) * u[i] * u[j];
        for (int e = 0; e < K * K; e++) oracle[e] += w * data[e / K][i] * data[e % K][j];
      }
    }
    check(fe_hac_meat(col, K, u, &panel, lags[l], &alone, meat) == FE_OK);
    for (int e = 0; e < K * K; e++) check_near(meat[e], oracle[e], 1e-11);
  }
}

static void any_number_of_threads_gives_the_same_bits(void) {
  double meat[3][K * K];
  for (int t = 0; t < 3; t++) {
    fe_exec exec = {1 << t, NULL, NULL};
    check(fe_hac_meat(col, K, u, &panel, 5, &exec, meat[t]) == FE_OK);
    check(memcmp(meat[0], meat[t], sizeof meat[0]) == 0);
  }
}

static void nothing_sums_to_zero(void) {
  double meat[K * K];
  fe_panel none = {0, order, unit, time_code, position, TIMES};
  check(fe_hac_meat(col, K, u, &none, 2, &alone, meat) == FE_OK);
  for (int e = 0; e < K * K; e++) check(meat[e] == 0);
  check(fe_hac_meat(NULL, 0, u, &panel, 2, &alone, meat) == FE_OK);
}

static int always(void *unused) {
  (void)unused;
  return 1;
}

static void an_interrupt_before_the_end_is_told(void) {
  double meat[2][K * K];
  fe_exec stopped = {2, always, NULL};
  check(fe_hac_meat(col, K, u, &panel, 5, &alone, meat[0]) == FE_OK);
  fe_status status = fe_hac_meat(col, K, u, &panel, 5, &stopped, meat[1]);
  check(status == FE_EINTR || (status == FE_OK && !memcmp(meat[0], meat[1], sizeof meat[0])));
}

static void a_lack_of_memory_is_reported(void) {
  double meat[K * K];
  int out[N];
  int64_t first, second;
  check(scarce_order(N, unit, UNITS, time_code, TIMES, out, &first, &second) == FE_ENOMEM);
  check(scarce_meat(col, K, u, &panel, 2, &alone, meat) == FE_ENOMEM);
}

int main(void) {
  fill();
  run(order_is_by_unit_then_time_and_tells_duplicates);
  run(meat_agrees_with_all_pairs);
  run(any_number_of_threads_gives_the_same_bits);
  run(nothing_sums_to_zero);
  run(an_interrupt_before_the_end_is_told);
  run(a_lack_of_memory_is_reported);
  return report();
}
