/* Oracle: the replicate's own regression, rows weighted w * m[cluster], every effect a dummy
 * column, normal equations in long double, solved by elimination that passes over dependent
 * dummies. */
#include "boot.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"

static const fe_control control = {FE_SOLVER_AUTO, 1e-11, 10000};

enum { UNITS = 24, YEARS = 7, AREAS = 5, N_V = 5, MAX_N = UNITS * YEARS, CLUSTERS = 12 };
enum { MAX_D = UNITS + YEARS + AREAS + N_V + 1 };

typedef struct {
  int n;
  int unit[MAX_N], year[MAX_N], area[MAX_N], cluster[MAX_N];
  double w[MAX_N];
  double v[N_V][MAX_N];
} panel;

/* Three equations as in mediation: v0 treatment, v1 control, v2 mediator, v3 outcome. */
static const int rhs_m[] = {0, 1}, rhs_y[] = {2, 0, 1}, rhs_t[] = {1, 4, 0};
static const int *const rhs[] = {rhs_m, rhs_y, rhs_t};
static const int lhs[] = {2, 3, 3}, sizes[] = {2, 3, 3};
static const fe_system three = {3, lhs, rhs, sizes, 8, NULL, NULL};

static double uniform(uint32_t seed, uint32_t i) {
  const uint32_t key[2] = {seed, 0};
  uint32_t c[4] = {i, 0, 0, 3};
  fe_philox4x32(c, key);
  return c[0] / 4294967296.0;
}

/* An unbalanced panel, two units to a cluster; areas are not nested in clusters. */
static void panel_fill(panel *d, uint32_t seed) {
  d->n = 0;
  for (uint32_t u = 0; u < UNITS; u++) {
    for (uint32_t t = 0; t < YEARS; t++) {
      uint32_t at = 16 * (u * YEARS + t);
      int i = d->n;
      if (uniform(seed, at) < 0.2) continue;
      d->unit[i] = (int)u + 1;
      d->year[i] = (int)t + 1;
      d->area[i] = 1 + (int)(uniform(seed, at + 1) * AREAS);
      d->cluster[i] = 1 + (int)u / 2;
      d->w[i] = 0.5 + uniform(seed, at + 2);
      for (uint32_t j = 0; j < N_V; j++) d->v[j][i] = uniform(seed, at + 3 + j) + 0.1 * t + u;
      d->v[2][i] += 0.5 * d->v[0][i];
      d->v[3][i] += 0.3 * d->v[2][i] - d->v[0][i];
      d->n++;
    }
  }
}

/* ---- the oracle -------------------------------------------------------------------------- */

typedef struct {
  int q;
  const int *code[3];
  int levels[3];
} factors;

static int design_row(const panel *d, const factors *f, int e, int i, long double *row) {
  int k = 0;
  for (int g = 0; g < f->q; g++) {
    for (int l = 1; l <= f->levels[g]; l++) row[k++] = f->code[g][i] == l;
  }
  for (int j = 0; j < sizes[e]; j++) row[k++] = d->v[rhs[e][j]][i];
  row[k++] = d->v[lhs[e]][i];
  return k;
}

/* Gauss-Jordan on the k-1 regressors; the last column is the right-hand side. Returns 0 if one of
 * the last `needed` regressors is dependent. */
static int eliminate(long double a[MAX_D][MAX_D], int k, int needed) {
  int ok = 1;
  long double start[MAX_D];
  for (int j = 0; j < k; j++) start[j] = a[j][j];
  for (int j = 0; j < k - 1; j++) {
    if (a[j][j] <= 1e-14L * start[j]) {
      if (j >= k - 1 - needed) ok = 0;
      continue;
    }
    for (int i = 0; i < k; i++) {
      if (i == j) continue;
      long double f = a[i][j] / a[j][j];
      for (int c = 0; c < k; c++) a[i][c] -= f * a[j][c];
    }
  }
  return ok;
}

static int oracle_equation(const panel *d, const factors *f, const double *w, const double *m,
                           int e, double *out) {
  static long double a[MAX_D][MAX_D];
  long double row[MAX_D];
  int k = 0;
  memset(a, 0, sizeof a);
  for (int i = 0; i < d->n; i++) {
    k = design_row(d, f, e, i, row);
    long double weight = (long double)(w ? w[i] : 1) * m[d->cluster[i] - 1];
    for (int r = 0; r < k; r++) {
      for (int c = 0; c < k; c++) a[r][c] += weight * row[r] * row[c];
    }
  }
  int ok = eliminate(a, k, sizes[e]);
  for (int j = 0; j < sizes[e]; j++) {
    int at = k - 1 - sizes[e] + j;
    out[j] = (double)(a[at][k - 1] / a[at][at]);
  }
  return ok;
}

static void oracle(const panel *d, const factors *f, const double *w, const double *m,
                   double *out) {
  int ok = 1, at = 0;
  for (int e = 0; e < three.n_eq; e++) {
    ok = oracle_equation(d, f, w, m, e, out + at) && ok;
    at += sizes[e];
  }
  for (int j = 0; !ok && j < three.n_coef; j++) out[j] = NAN;
}

static int rows_agree(const double *x, const double *y, double tol) {
  for (int j = 0; j < three.n_coef; j++) {
    if (!near(x[j], y[j], tol) && !(isnan(x[j]) && isnan(y[j]))) return 0;
  }
  return 1;
}

/* ---- the routines under test --------------------------------------------------------------- */

/* x minus the weighted mean of its unit. */
static void demean(const panel *d, const double *w, double *x) {
  double sum[UNITS] = {0}, weight[UNITS] = {0};
  for (int i = 0; i < d->n; i++) {
    sum[d->unit[i] - 1] += (w ? w[i] : 1) * x[i];
    weight[d->unit[i] - 1] += w ? w[i] : 1;
  }
  for (int i = 0; i < d->n; i++) x[i] -= sum[d->unit[i] - 1] / weight[d->unit[i] - 1];
}

static fe_blocks *panel_blocks(const panel *d, const double *w) {
  static double data[YEARS + N_V][MAX_N];
  const double *col[YEARS + N_V];
  fe_exec exec = {2, NULL, NULL};
  fe_blocks *b;
  for (int j = 0; j < YEARS + N_V; j++) {
    for (int i = 0; i < d->n; i++) {
      data[j][i] = j < YEARS ? d->year[i] == j + 1 : d->v[j - YEARS][i];
    }
    demean(d, w, data[j]);
    col[j] = data[j];
  }
  if (fe_blocks_new(col, YEARS, N_V, d->n, w, d->cluster, CLUSTERS, &exec, &b)) return NULL;
  return b;
}

static factors units_and_years(const panel *d) {
  factors f = {2, {d->unit, d->year, NULL}, {UNITS, YEARS, 0}};
  return f;
}

static fe_status boot_rows(const panel *d, const factors *f, const double *w,
                           const fe_weights *weights, int64_t n_rep, int threads, double *out) {
  const double *col[N_V];
  fe_codes codes = {d->n, f->q, f->code, f->levels};
  fe_exec exec = {threads, NULL, NULL};
  for (int j = 0; j < N_V; j++) col[j] = d->v[j];
  return fe_boot_rows(col, N_V, &codes, &control, w, d->cluster, CLUSTERS, &three, weights,
                      n_rep, &exec, out);
}

static fe_status boot_blocks(const panel *d, const double *w, const fe_weights *weights,
                             int64_t n_rep, int threads, double *out) {
  fe_exec exec = {threads, NULL, NULL};
  fe_blocks *b = panel_blocks(d, w);
  fe_status status = b ? fe_boot_blocks(b, &three, weights, n_rep, &exec, out, NULL) : FE_ENOMEM;
  fe_blocks_free(b);
  return status;
}

static void agrees_with_oracle(const panel *d, const factors *f, const double *w,
                               const fe_weights *weights, int n_rep, const double *got) {
  double m[CLUSTERS], expected[8];
  for (int r = 0; r < n_rep; r++) {
    fe_weights_draw(weights, CLUSTERS, r, m);
    oracle(d, f, w, m, expected);
    check(rows_agree(got + r * three.n_coef, expected, 1e-8));
  }
}

/* ---- tests --------------------------------------------------------------------------------- */

static void resampled_clusters_match_the_oracle(void) {
  enum { REPS = 40 };
  static panel d;
  double out[REPS * 8];
  for (uint32_t seed = 1; seed <= 3; seed++) {
    panel_fill(&d, seed);
    factors f = units_and_years(&d);
    fe_weights weights = {FE_WEIGHTS_MULTINOMIAL, seed, 1000, NULL};
    for (int weighted = 0; weighted < 2; weighted++) {
      const double *w = weighted ? d.w : NULL;
      check(boot_blocks(&d, w, &weights, REPS, 2, out) == FE_OK);
      agrees_with_oracle(&d, &f, w, &weights, REPS, out);
      check(boot_rows(&d, &f, w, &weights, REPS, 2, out) == FE_OK);
      agrees_with_oracle(&d, &f, w, &weights, REPS, out);
    }
  }
}

/* The oracle is run on a panel from which the rows of the cluster have been removed. */
static void leaving_out_is_dropping_rows(void) {
  static panel d, rest;
  double out[CLUSTERS * 8], rows[CLUSTERS * 8], expected[8], one[CLUSTERS];
  panel_fill(&d, 11);
  factors f = units_and_years(&d);
  fe_weights weights = {FE_WEIGHTS_LEAVE_OUT, 0, 0, NULL};
  check(boot_blocks(&d, d.w, &weights, CLUSTERS, 2, out) == FE_OK);
  check(boot_rows(&d, &f, d.w, &weights, CLUSTERS, 2, rows) == FE_OK);
  for (int g = 0; g < CLUSTERS; g++) one[g] = 1;
  for (int g = 1; g <= CLUSTERS; g++) {
    rest.n = 0;
    for (int i = 0; i < d.n; i++) {
      if (d.cluster[i] == g) continue;
      rest.unit[rest.n] = d.unit[i];
      rest.year[rest.n] = d.year[i];
      rest.cluster[rest.n] = d.cluster[i];
      rest.w[rest.n] = d.w[i];
      for (int j = 0; j < N_V; j++) rest.v[j][rest.n] = d.v[j][i];
      rest.n++;
    }
    factors of_rest = units_and_years(&rest);
    oracle(&rest, &of_rest, rest.w, one, expected);
    check(rows_agree(out + (g - 1) * 8, expected, 1e-8));
    check(rows_agree(rows + (g - 1) * 8, expected, 1e-8));
  }
}

static void leaving_out_may_start_anywhere(void) {
  static panel d;
  double all[CLUSTERS * 8], some[3 * 8];
  panel_fill(&d, 12);
  fe_weights from_0 = {FE_WEIGHTS_LEAVE_OUT, 0, 0, NULL};
  fe_weights from_9 = {FE_WEIGHTS_LEAVE_OUT, 0, 9, NULL};
  check(boot_blocks(&d, NULL, &from_0, CLUSTERS, 1, all) == FE_OK);
  check(boot_blocks(&d, NULL, &from_9, 3, 1, some) == FE_OK);
  check(memcmp(all + 9 * 8, some, sizeof some) == 0);
  check(boot_blocks(&d, NULL, &from_9, 4, 1, all) == FE_EINVAL);
}

/* Any weights, and the same ones in other units: estimates do not depend on the unit. */
static void given_weights_match_the_oracle_in_any_unit(void) {
  enum { REPS = 12 };
  static panel d;
  double given[REPS * CLUSTERS], out[REPS * 8], scaled[REPS * 8];
  panel_fill(&d, 13);
  factors f = units_and_years(&d);
  fe_weights weights = {FE_WEIGHTS_GIVEN, 0, 0, given};
  for (uint32_t i = 0; i < REPS * CLUSTERS; i++) given[i] = -log(1 - uniform(14, i));
  check(boot_blocks(&d, d.w, &weights, REPS, 2, out) == FE_OK);
  agrees_with_oracle(&d, &f, d.w, &weights, REPS, out);
  check(boot_rows(&d, &f, d.w, &weights, REPS, 2, scaled) == FE_OK);
  agrees_with_oracle(&d, &f, d.w, &weights, REPS, scaled);
  for (int power = -20; power <= 20; power += 40) {
    for (uint32_t i = 0; i < REPS * CLUSTERS; i++) given[i] *= pow(10, power);
    check(boot_blocks(&d, d.w, &weights, REPS, 2, scaled) == FE_OK);
    for (int r = 0; r < REPS; r++) check(rows_agree(scaled + r * 8, out + r * 8, 1e-10));
  }
}

static void factors_across_clusters_match_the_oracle(void) {
  enum { REPS = 25 };
  static panel d;
  double out[REPS * 8];
  panel_fill(&d, 15);
  factors f = {3, {d.unit, d.year, d.area}, {UNITS, YEARS, AREAS}};
  fe_weights weights = {FE_WEIGHTS_MULTINOMIAL, 5, 0, NULL};
  check(boot_rows(&d, &f, d.w, &weights, REPS, 2, out) == FE_OK);
  agrees_with_oracle(&d, &f, d.w, &weights, REPS, out);
}

/* Without factors variable 4 is made the constant. */
static void rows_without_factors_match_the_oracle(void) {
  enum { REPS = 25 };
  static panel d;
  double out[REPS * 8];
  panel_fill(&d, 16);
  for (int i = 0; i < d.n; i++) d.v[4][i] = 1;
  factors none = {0, {NULL, NULL, NULL}, {0, 0, 0}};
  fe_weights weights = {FE_WEIGHTS_MULTINOMIAL, 6, 0, NULL};
  check(boot_rows(&d, &none, NULL, &weights, REPS, 2, out) == FE_OK);
  agrees_with_oracle(&d, &none, NULL, &weights, REPS, out);
}

/* Control 1 varies within unit 5 only, so a replicate without cluster 3 cannot have its slope. */
static void singular_replicates_are_nan(void) {
  enum { REPS = 60 };
  static panel d;
  double blocks[REPS * 8], rows[REPS * 8], m[CLUSTERS];
  int n_nan = 0;
  panel_fill(&d, 17);
  for (int i = 0; i < d.n; i++) {
    if (d.unit[i] != 5) d.v[1][i] = d.unit[i] / 3.0 + d.year[i] / 7.0;
  }
  factors f = units_and_years(&d);
  fe_weights weights = {FE_WEIGHTS_MULTINOMIAL, 8, 0, NULL};
  check(boot_blocks(&d, d.w, &weights, REPS, 1, blocks) == FE_OK);
  check(boot_rows(&d, &f, d.w, &weights, REPS, 2, rows) == FE_OK);
  for (int r = 0; r < REPS; r++) {
    fe_weights_draw(&weights, CLUSTERS, r, m);
    for (int j = 0; j < 8; j++) {
      check(isnan(blocks[r * 8 + j]) == (m[2] == 0));
      check(isnan(rows[r * 8 + j]) == (m[2] == 0));
    }
    check(rows_agree(rows + r * 8, blocks + r * 8, 1e-7));
    n_nan += m[2] == 0;
  }
  check(n_nan > 5 && n_nan < REPS);
}

/* A variable that the effects explain in the whole sample, and one twice another. */
static void variables_singular_in_the_sample_are_nan(void) {
  enum { REPS = 20 };
  static panel d;
  double out[REPS * 8];
  fe_weights weights = {FE_WEIGHTS_MULTINOMIAL, 9, 0, NULL};
  for (int twice = 0; twice < 2; twice++) {
    panel_fill(&d, 18);
    for (int i = 0; i < d.n; i++) {
      d.v[1][i] = twice ? 2 * d.v[0][i] : 1e6 + d.unit[i] * 1e3 + d.year[i] / 3.0;
    }
    factors f = units_and_years(&d);
    check(boot_blocks(&d, d.w, &weights, REPS, 1, out) == FE_OK);
    for (int i = 0; i < REPS * 8; i++) check(isnan(out[i]));
    check(boot_rows(&d, &f, d.w, &weights, REPS, 1, out) == FE_OK);
    for (int i = 0; i < REPS * 8; i++) check(isnan(out[i]));
  }
}

static void no_weight_at_all_is_nan(void) {
  static panel d;
  double given[2 * CLUSTERS] = {0}, out[16];
  fe_weights weights = {FE_WEIGHTS_GIVEN, 0, 0, given};
  panel_fill(&d, 19);
  for (int g = 0; g < CLUSTERS; g++) given[CLUSTERS + g] = 1;
  check(boot_blocks(&d, NULL, &weights, 2, 1, out) == FE_OK);
  for (int j = 0; j < 8; j++) check(isnan(out[j]) && isfinite(out[8 + j]));
}

static void threads_change_no_bit(void) {
  enum { REPS = 333 };
  static panel d;
  static double one[REPS * 8], many[REPS * 8];
  panel_fill(&d, 20);
  factors f = units_and_years(&d);
  fe_weights weights = {FE_WEIGHTS_MULTINOMIAL, 10, 77, NULL};
  for (int rows = 0; rows < 2; rows++) {
    for (int threads = 1; threads <= 4; threads *= 2) {
      double *out = threads == 1 ? one : many;
      check((rows ? boot_rows(&d, &f, d.w, &weights, REPS, threads, out)
                  : boot_blocks(&d, d.w, &weights, REPS, threads, out)) == FE_OK);
      if (threads > 1) check(memcmp(one, many, sizeof one) == 0);
    }
  }
}

/* A replicate is known by its number, not by the call that made it. */
static void replicates_may_come_in_pieces(void) {
  static panel d;
  double whole[100 * 8], piece[30 * 8];
  fe_weights from_0 = {FE_WEIGHTS_MULTINOMIAL, 3, 0, NULL};
  fe_weights from_70 = {FE_WEIGHTS_MULTINOMIAL, 3, 70, NULL};
  panel_fill(&d, 21);
  check(boot_blocks(&d, d.w, &from_0, 100, 2, whole) == FE_OK);
  check(boot_blocks(&d, d.w, &from_70, 30, 2, piece) == FE_OK);
  check(memcmp(whole + 70 * 8, piece, sizeof piece) == 0);
}

static void draws_are_what_they_say(void) {
  double m[4], expected[4], given[8] = {1, 2, 3, 4, 0, 0, 8, 0};
  fe_weights multinomial = {FE_WEIGHTS_MULTINOMIAL, 5, 10, NULL};
  fe_weights leave_out = {FE_WEIGHTS_LEAVE_OUT, 0, 1, NULL};
  fe_weights of_user = {FE_WEIGHTS_GIVEN, 0, 99, given};
  check(fe_weights_draw(&multinomial, 4, 7, m) == 1);
  fe_multinomial(5, 17, 4, 4, expected);
  check(memcmp(m, expected, sizeof m) == 0);
  check(fe_weights_draw(&leave_out, 4, 2, m) == 0.75);
  check(m[0] == 1 && m[1] == 1 && m[2] == 1 && m[3] == 0);
  check(fe_weights_draw(&of_user, 4, 1, m) == 2);
  check(memcmp(m, given + 4, sizeof m) == 0);
}

static void bad_arguments_are_refused(void) {
  const int bad_rhs[] = {0, N_V}, k[] = {2}, of[] = {3};
  const int *const list[] = {bad_rhs};
  fe_system beyond = {1, of, list, k, 2, NULL, NULL}, short_row = three;
  fe_weights good = {FE_WEIGHTS_MULTINOMIAL, 1, 0, NULL}, none = {FE_WEIGHTS_GIVEN, 1, 0, NULL};
  double negative[2] = {1, -1};
  fe_weights minus = {FE_WEIGHTS_GIVEN, 1, 0, negative};
  short_row.n_coef = 7;
  check(fe_boot_check(&three, N_V, &good, 2, 10) == FE_OK);
  check(fe_boot_check(&beyond, N_V, &good, 2, 10) == FE_EINVAL);
  check(fe_boot_check(&short_row, N_V, &good, 2, 10) == FE_EINVAL);
  check(fe_boot_check(&three, N_V, &none, 2, 10) == FE_EINVAL);
  check(fe_boot_check(&three, N_V, &minus, 2, 1) == FE_EINVAL);
  fe_weights wild = {FE_WEIGHTS_WILD, 1, 0, NULL};
  check(fe_boot_check(&three, N_V, &wild, 2, 10) == FE_EINVAL);
}

static void dirichlet_weights_match_the_oracle(void) {
  enum { REPS = 10 };
  static panel d;
  double blocks[REPS * 8], rows[REPS * 8];
  panel_fill(&d, 23);
  factors f = units_and_years(&d);
  fe_weights weights = {FE_WEIGHTS_DIRICHLET, 12, 5, NULL};
  check(boot_blocks(&d, d.w, &weights, REPS, 2, blocks) == FE_OK);
  check(boot_rows(&d, &f, d.w, &weights, REPS, 2, rows) == FE_OK);
  agrees_with_oracle(&d, &f, d.w, &weights, REPS, blocks);
  agrees_with_oracle(&d, &f, d.w, &weights, REPS, rows);
}

/* h_g is the derivative of the coefficients by the weight of cluster g: central differences of
 * fe_boot_blocks itself, without its variance, are the oracle. */
static void add_squared_derivatives(const panel *d, const double *m, int g, double expected[36]) {
  const double step = 1e-4;
  double moved[2 * CLUSTERS], out[16], h[8];
  for (int i = 0; i < CLUSTERS; i++) moved[i] = moved[CLUSTERS + i] = m[i];
  moved[g] += step;
  moved[CLUSTERS + g] -= step;
  fe_weights weights = {FE_WEIGHTS_GIVEN, 0, 0, moved};
  check(boot_blocks(d, d->w, &weights, 2, 1, out) == FE_OK);
  for (int j = 0; j < 8; j++) h[j] = (out[j] - out[8 + j]) / (2 * step);
  for (int j = 0, at = 0; j < 8; j++) {
    for (int i = j; i < 8; i++) expected[at++] += m[g] * h[i] * h[j];
  }
}

static void variances_are_sums_of_squared_derivatives(void) {
  enum { REPS = 6 };
  static panel d;
  double out[REPS * 8], plain[REPS * 8], var[REPS * 36], m[CLUSTERS];
  fe_weights weights = {FE_WEIGHTS_MULTINOMIAL, 3, 0, NULL};
  fe_exec exec = {2, NULL, NULL};
  panel_fill(&d, 24);
  fe_blocks *b = panel_blocks(&d, d.w);
  check(fe_boot_blocks(b, &three, &weights, REPS, &exec, out, var) == FE_OK);
  fe_blocks_free(b);
  check(boot_blocks(&d, d.w, &weights, REPS, 1, plain) == FE_OK);
  check(memcmp(out, plain, sizeof out) == 0);
  for (int r = 0; r < REPS; r++) {
    double expected[36] = {0};
    fe_weights_draw(&weights, CLUSTERS, r, m);
    for (int g = 0; g < CLUSTERS; g++) {
      if (m[g] > 0) add_squared_derivatives(&d, m, g, expected);
    }
    for (int i = 0; i < 36; i++) check_near(var[r * 36 + i], expected[i], 1e-6);
  }
}

static void variances_without_a_solution_are_nan(void) {
  static panel d;
  double given[CLUSTERS] = {0}, out[8], var[36];
  fe_weights weights = {FE_WEIGHTS_GIVEN, 0, 0, given};
  fe_exec exec = {1, NULL, NULL};
  panel_fill(&d, 25);
  fe_blocks *b = panel_blocks(&d, NULL);
  check(fe_boot_blocks(b, &three, &weights, 1, &exec, out, var) == FE_OK);
  for (int i = 0; i < 36; i++) check(isnan(var[i]));
  fe_blocks_free(b);
}

static int stop_at_once(void *data) { return *(int *)data; }

static void a_poll_stops_the_replicates(void) {
  enum { REPS = 1000000 };
  static panel d;
  int yes = 1;
  double *out = malloc((size_t)REPS * 8 * sizeof *out);
  fe_weights weights = {FE_WEIGHTS_MULTINOMIAL, 1, 0, NULL};
  panel_fill(&d, 22);
  fe_blocks *b = panel_blocks(&d, NULL);
  for (int threads = 1; threads <= 2; threads++) {
    fe_exec exec = {threads, stop_at_once, &yes};
    check(fe_boot_blocks(b, &three, &weights, REPS, &exec, out, NULL) == FE_EINTR);
  }
  fe_blocks_free(b);
  free(out);
}

static void every_status_has_a_text(void) {
  for (int s = FE_OK; s <= FE_EINVAL; s++) {
    check(strcmp(fe_status_text((fe_status)s), "unknown status") != 0);
  }
}

int main(void) {
  run(resampled_clusters_match_the_oracle);
  run(leaving_out_is_dropping_rows);
  run(leaving_out_may_start_anywhere);
  run(given_weights_match_the_oracle_in_any_unit);
  run(factors_across_clusters_match_the_oracle);
  run(rows_without_factors_match_the_oracle);
  run(singular_replicates_are_nan);
  run(variables_singular_in_the_sample_are_nan);
  run(no_weight_at_all_is_nan);
  run(threads_change_no_bit);
  run(replicates_may_come_in_pieces);
  run(draws_are_what_they_say);
  run(bad_arguments_are_refused);
  run(dirichlet_weights_match_the_oracle);
  run(variances_are_sums_of_squared_derivatives);
  run(variances_without_a_solution_are_nan);
  run(a_poll_stops_the_replicates);
  run(every_status_has_a_text);
  return report();
}
