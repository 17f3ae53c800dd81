/* Panels: order, duplicates, lags, Bartlett sums over time. */
#include "fuzz.h"

#include "hac.h"
#include "lags.h"

typedef struct {
  fe_panel panel;
  int n, k, order[MAX_N], unit[MAX_N], time[MAX_N], n_units;
  double position[MAX_N], u[MAX_N], x[MAX_K][MAX_N];
  const double *col[MAX_K];
} panel_data;

static void take_panel(bytes *b, panel_data *d) {
  memset(d, 0, sizeof *d);
  d->n = 1 + (int)take_below(b, MAX_N);
  d->n_units = take_codes(b, d->n, 1 + (int)take_below(b, 20), d->unit);
  int n_times = take_codes(b, d->n, 1 + (int)take_below(b, 40), d->time), whole = take(b) % 4;
  double at = take_plain(b);
  for (int t = 0; t < n_times; t++) {
    d->position[t] = at;
    at += whole ? 1 + take(b) % 8 / 6 * (take(b) % 5) : 1e-3 + take(b) / 64.0;
  }
  d->k = 1 + take(b) % MAX_K;
  for (int j = 0; j < d->k; j++) {
    d->col[j] = d->x[j];
    for (int i = 0; i < d->n; i++) d->x[j][i] = take_plain(b);
  }
  for (int i = 0; i < d->n; i++) d->u[i] = take_plain(b);
  d->panel = (fe_panel){d->n, d->order, d->unit, d->time, d->position, n_times};
}

static int before(const panel_data *d, int i, int j) {
  if (d->unit[i] != d->unit[j]) return d->unit[i] < d->unit[j];
  return d->time[i] != d->time[j] ? d->time[i] < d->time[j] : i < j;
}

static int same_cell(const panel_data *d, int i, int j) {
  return d->unit[i] == d->unit[j] && d->time[i] == d->time[j];
}

/* Returns 1 if two rows share unit and time. */
static int check_order(panel_data *d) {
  int64_t first, second;
  int seen[MAX_N] = {0}, at = -1;
  demand(fe_panel_order(d->n, d->unit, d->n_units, d->time, d->panel.n_times, d->order, &first,
                        &second) == FE_OK);
  for (int t = 0; t < d->n; t++) {
    demand(d->order[t] >= 0 && d->order[t] < d->n && !seen[d->order[t]]);
    seen[d->order[t]] = 1;
    demand(t == 0 || before(d, d->order[t - 1], d->order[t]));
    if (at < 0 && t > 0 && same_cell(d, d->order[t - 1], d->order[t])) at = t;
  }
  demand((first < 0) == (at < 0) && (second < 0) == (at < 0));
  if (at > 0) demand(first == d->order[at - 1] && second == d->order[at]);
  return at > 0;
}

static void check_lags(const panel_data *d, double lag) {
  int source[MAX_N];
  fe_lag_rows(&d->panel, lag, source);
  for (int i = 0; i < d->n; i++) {
    int want = -1;
    double wanted = d->position[d->time[i] - 1] - lag;
    for (int j = 0; j < d->n; j++) {
      if (d->unit[j] == d->unit[i] && d->position[d->time[j] - 1] == wanted) want = j;
    }
    demand(source[i] == want);
  }
}

static void check_meat(const panel_data *d, double lag) {
  double meat[MAX_K * MAX_K];
  long double want[MAX_K * MAX_K] = {0}, size = 0;
  for (int i = 0; i < d->n; i++) {
    for (int j = 0; j < d->n; j++) {
      double apart = fabs(d->position[d->time[i] - 1] - d->position[d->time[j] - 1]);
      if (d->unit[i] != d->unit[j] || apart > lag) continue;
      for (int e = 0; e < d->k * d->k; e++) {
        long double term = (1 - apart / (lag + 1)) * d->u[i] * d->u[j] * d->x[e / d->k][i] *
                           d->x[e % d->k][j];
        want[e] += term;
        size += fabsl(term);
      }
    }
  }
  demand(fe_hac_meat(d->col, d->k, d->u, &d->panel, lag, &alone, meat) == FE_OK);
  for (int e = 0; e < d->k * d->k; e++) {
    demand(close_to(meat[e], (double)want[e], 1e-12, (double)size));
    demand(meat[e] == meat[e % d->k * d->k + e / d->k]);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const double lags[] = {0, 1, 2, 3, 7, 1000};
  bytes b = bytes_of(data, size);
  panel_data d;
  take_panel(&b, &d);
  int twice = check_order(&d);
  check_meat(&d, lags[take(&b) % 6]);
  for (int times = 0; times < 3 && !twice; times++) {
    check_lags(&d, lags[take(&b) % 6] * (take(&b) % 2 ? 1 : -1));
    check_lags(&d, take_finite(&b));
  }
  return 0;
}
