/* Oracle: both stages written out. The rows of the replicate, weighted w * m[cluster], give fitted
 * values of each endogenous regressor by normal equations in long double, which then take its place
 * in the second regression. */
#include "boot.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"

enum { CLUSTERS = 10, PER = 9, N = CLUSTERS * PER, N_V = 7, MOST = 6 };
/* v0 constant, v1 exogenous, v2 endogenous, v3..v5 instruments, v6 outcome */
static const int regressors[] = {0, 1, 2}, outcome[] = {6}, three[] = {3}, plain[] = {0};
static const int all_first[] = {0, 1, 3, 4, 5};
static const int *const rhs[] = {regressors}, *const first[] = {all_first};

typedef struct {
  double v[N_V][N], w[N];
  int cluster[N];
} sample;

static double uniform(uint32_t seed, uint32_t i) {
  const uint32_t key[2] = {seed, 1};
  uint32_t c[4] = {i, 0, 0, 5};
  fe_philox4x32(c, key);
  return c[0] / 4294967296.0 - 0.5;
}

static void fill(sample *d, uint32_t seed) {
  for (uint32_t i = 0; i < N; i++) {
    double hidden = uniform(seed, 16 * i);
    d->cluster[i] = (int)i / PER + 1;
    d->w[i] = 1.2 + uniform(seed, 16 * i + 1);
    d->v[0][i] = 1;
    for (uint32_t j = 1; j < N_V; j++) d->v[j][i] = uniform(seed, 16 * i + 1 + j);
    d->v[2][i] += hidden + d->v[3][i] - 0.5 * d->v[4][i] + 0.4 * d->v[1][i];
    d->v[6][i] += 2 * hidden + d->v[2][i] - d->v[1][i] + 0.1 * d->cluster[i];
  }
}

static fe_system with_instruments(const int *n_first) {
  fe_system out = {1, outcome, rhs, three, 3, first, n_first};
  return out;
}

/* Weighted least squares of y on k columns, dependent ones passed over. Returns the rank. */
static int regress(const double *const *x, int k, const double *y, const double *weight,
                   long double *coef) {
  long double a[MOST][MOST + 1];
  int rank = 0, used[MOST] = {0};
  for (int r = 0; r < k; r++) {
    for (int c = 0; c <= k; c++) {
      a[r][c] = 0;
      for (int i = 0; i < N; i++) {
        a[r][c] += (long double)weight[i] * x[r][i] * (c < k ? x[c][i] : y[i]);
      }
    }
  }
  for (int j = 0; j < k; j++) {
    if (a[j][j] <= 1e-12L) continue;
    used[j] = 1;
    rank++;
    for (int r = 0; r < k; r++) {
      long double f = a[r][j] / a[j][j];
      for (int c = 0; c <= k && r != j; c++) a[r][c] -= f * a[j][c];
    }
  }
  for (int j = 0; j < k; j++) coef[j] = used[j] ? a[j][k] / a[j][j] : 0;
  return rank;
}

static void oracle(const sample *d, int n_first, const double *m, double *out) {
  static double weight[N], fitted[N];
  const double *z[MOST], *x[] = {d->v[0], d->v[1], fitted};
  long double pi[MOST], b[MOST];
  for (int i = 0; i < N; i++) weight[i] = d->w[i] * m[d->cluster[i] - 1];
  for (int j = 0; j < n_first; j++) z[j] = d->v[all_first[j]];
  regress(z, n_first, d->v[2], weight, pi);
  for (int i = 0; i < N; i++) {
    long double sum = 0;
    for (int j = 0; j < n_first; j++) sum += pi[j] * z[j][i];
    fitted[i] = (double)sum;
  }
  int rank = regress(x, 3, d->v[6], weight, b);
  for (int j = 0; j < 3; j++) out[j] = rank == 3 ? (double)b[j] : NAN;
}

static void columns_of(const sample *d, const double **col) {
  for (int j = 0; j < N_V; j++) col[j] = d->v[j];
}

static fe_status by_blocks(const sample *d, const fe_system *sys, const fe_weights *weights,
                           int64_t n_rep, double *out, double *var) {
  const double *col[N_V];
  fe_exec exec = {2, NULL, NULL};
  fe_blocks *b;
  columns_of(d, col);
  fe_status status = fe_blocks_new(col, 0, N_V, N, d->w, d->cluster, CLUSTERS, &exec, &b);
  if (!status) status = fe_boot_blocks(b, sys, weights, n_rep, &exec, out, var);
  fe_blocks_free(b);
  return status;
}

static fe_status by_rows(const sample *d, const fe_system *sys, const fe_weights *weights,
                         int64_t n_rep, double *out) {
  static const fe_control control = {FE_SOLVER_AUTO, 1e-11, 10000};
  const double *col[N_V];
  const fe_codes none = {.n = N, .q = 0};
  fe_exec exec = {2, NULL, NULL};
  columns_of(d, col);
  return fe_boot_rows(col, N_V, &none, &control, d->w, d->cluster, CLUSTERS, sys, weights, n_rep,
                      &exec, out);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void replicates_are_two_stages_on_their_rows(void) {
  enum { REPS = 30 };
  static sample d;
  double blocks[REPS * 3], rows[REPS * 3], m[CLUSTERS], expected[3];
  for (int n_first = 3; n_first <= 5; n_first++) {
    fe_system sys = with_instruments(&n_first);
    fe_weights weights = {FE_WEIGHTS_MULTINOMIAL, (uint64_t)n_first, 0, NULL};
    fill(&d, (uint32_t)n_first);
    check(by_blocks(&d, &sys, &weights, REPS, blocks, NULL) == FE_OK);
    check(by_rows(&d, &sys, &weights, REPS, rows) == FE_OK);
    for (int r = 0; r < REPS; r++) {
      fe_weights_draw(&weights, CLUSTERS, r, m);
      oracle(&d, n_first, m, expected);
      for (int j = 0; j < 3; j++) {
        check_near(blocks[3 * r + j], expected[j], 1e-8);
        check_near(rows[3 * r + j], expected[j], 1e-8);
      }
    }
  }
}

/* Instrument v5 varies in cluster 2 only: without it the others still identify the equation. Alone
 * it does not, and the replicate has no estimate. */
static void instruments_may_fail_in_a_replicate(void) {
  static sample d;
  static const int lone[] = {0, 1, 5};
  const int *const only[] = {lone};
  int five = 5, just = 3;
  double given[2 * CLUSTERS], out[6], expected[6];
  fe_weights weights = {FE_WEIGHTS_GIVEN, 0, 0, given};
  fill(&d, 9);
  for (int i = 0; i < N; i++) d.v[5][i] *= d.cluster[i] == 2;
  for (int g = 0; g < 2 * CLUSTERS; g++) given[g] = g == CLUSTERS + 1 ? 0 : 1 + g % 3;
  fe_system sys = with_instruments(&five);
  check(by_blocks(&d, &sys, &weights, 2, out, NULL) == FE_OK);
  for (int r = 0; r < 2; r++) oracle(&d, 5, given + r * CLUSTERS, expected + 3 * r);
  for (int j = 0; j < 6; j++) check_near(out[j], expected[j], 1e-8);
  sys = (fe_system){1, outcome, rhs, three, 3, only, &just};
  check(by_blocks(&d, &sys, &weights, 2, out, NULL) == FE_OK);
  for (int j = 0; j < 3; j++) check(isfinite(out[j]) && isnan(out[3 + j]));
}

/* In a just-identified equation h_g is the derivative of the coefficients by the weight of g. */
static void variances_are_sums_of_squared_derivatives(void) {
  static sample d;
  const double step = 1e-5;
  int n_first = 3;
  double m[CLUSTERS], moved[2 * CLUSTERS], out[3], var[6], two[6], expected[6] = {0};
  fe_system sys = with_instruments(&n_first);
  fe_weights at = {FE_WEIGHTS_GIVEN, 0, 0, m}, by = {FE_WEIGHTS_GIVEN, 0, 0, moved};
  fill(&d, 12);
  for (int g = 0; g < CLUSTERS; g++) m[g] = g % 4;
  check(by_blocks(&d, &sys, &at, 1, out, var) == FE_OK);
  for (int g = 0; g < CLUSTERS; g++) {
    if (m[g] == 0) continue;
    memcpy(moved, m, sizeof m);
    memcpy(moved + CLUSTERS, m, sizeof m);
    moved[g] += step;
    moved[CLUSTERS + g] -= step;
    check(by_blocks(&d, &sys, &by, 2, two, NULL) == FE_OK);
    for (int j = 0, k = 0; j < 3; j++) {
      for (int i = j; i < 3; i++, k++) {
        expected[k] += m[g] * (two[i] - two[3 + i]) * (two[j] - two[3 + j]) / (4 * step * step);
      }
    }
  }
  for (int k = 0; k < 6; k++) check_near(var[k], expected[k], 1e-6);
}

/* A regressor that is its own instrument: least squares. */
static void own_instruments_are_least_squares(void) {
  static sample d;
  static const int own[] = {0, 1, 2};
  const int *const same[] = {own};
  double iv[15], ols[15], iv_var[30], ols_var[30];
  fe_system two = {1, outcome, rhs, three, 3, same, three}, one = {1, outcome, rhs, three, 3,
                                                                   same, plain};
  fe_weights weights = {FE_WEIGHTS_DIRICHLET, 4, 0, NULL};
  fill(&d, 13);
  check(by_blocks(&d, &two, &weights, 5, iv, iv_var) == FE_OK);
  check(by_blocks(&d, &one, &weights, 5, ols, ols_var) == FE_OK);
  for (int j = 0; j < 15; j++) check_near(iv[j], ols[j], 1e-10);
  for (int j = 0; j < 30; j++) check_near(iv_var[j], ols_var[j], 1e-10);
}

static void bad_instruments_are_refused(void) {
  static const int beyond[] = {0, 1, N_V};
  const int *const list[] = {beyond};
  fe_system sys = {1, outcome, rhs, three, 3, list, three};
  fe_weights weights = {FE_WEIGHTS_MULTINOMIAL, 1, 0, NULL};
  check(fe_boot_check(&sys, N_V, &weights, CLUSTERS, 5) == FE_EINVAL);
}

int main(void) {
  run(replicates_are_two_stages_on_their_rows);
  run(instruments_may_fail_in_a_replicate);
  run(variances_are_sums_of_squared_derivatives);
  run(own_instruments_are_least_squares);
  run(bad_instruments_are_refused);
  return report();
}
