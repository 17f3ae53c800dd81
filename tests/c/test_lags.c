#include "lags.h"

#include "minunit.h"

enum { N = 7, TIMES = 4 };

/* Unit 2 has the positions 0, 1, 3, 5, unit 1 has 1, 3, 5, in mixed rows. */
static const int unit[N] = {2, 1, 2, 1, 2, 1, 2};
static const int time_code[N] = {4, 2, 1, 4, 2, 3, 3};
static const double position[TIMES] = {0, 1, 3, 5};
static int order[N];

static void a_lag_is_the_row_of_that_position_or_none(void) {
  int64_t first, second;
  check(fe_panel_order(N, unit, 2, time_code, TIMES, order, &first, &second) == FE_OK);
  const fe_panel panel = {N, order, unit, time_code, position, TIMES};
  for (int lag = -6; lag <= 6; lag++) {
    int source[N];
    fe_lag_rows(&panel, lag, source);
    for (int i = 0; i < N; i++) {
      int expected = -1;
      for (int j = 0; j < N; j++) {
        double distance = position[time_code[i] - 1] - position[time_code[j] - 1];
        if (unit[i] == unit[j] && distance == lag) expected = j;
      }
      check(source[i] == expected);
    }
  }
}

int main(void) {
  run(a_lag_is_the_row_of_that_position_or_none);
  return report();
}
