#include "lags.h"

/* Within a unit positions increase, so that the place looked for only moves forward. */
static void lag_unit(const fe_panel *panel, int64_t from, int64_t to, double lag, int *source) {
  const int *order = panel->order;
  int64_t place = from;
  for (int64_t i = from; i < to; i++) {
    int row = order[i];
    double wanted = panel->position[panel->time[row] - 1] - lag;
    while (place < to && panel->position[panel->time[order[place]] - 1] < wanted) place++;
    int found = place < to && panel->position[panel->time[order[place]] - 1] == wanted;
    source[row] = found ? order[place] : -1;
  }
}

void fe_lag_rows(const fe_panel *panel, double lag, int *source) {
  int64_t from = 0;
  while (from < panel->n) {
    int unit = panel->unit[panel->order[from]];
    int64_t to = from + 1;
    while (to < panel->n && panel->unit[panel->order[to]] == unit) to++;
    lag_unit(panel, from, to, lag, source);
    from = to;
  }
}
