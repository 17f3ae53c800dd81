/* Oracles: the sums written out, and for variances the formula on rows with two regressors whose
 * normal equations are solved by hand. */
#include "boot_wild.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"

enum { G = 9, EACH = 4, N = G * EACH, REPS = 150 };

static double uniform(uint32_t seed, uint32_t i) {
  const uint32_t key[2] = {seed, 3};
  uint32_t c[4] = {i, 0, 0, 0};
  fe_philox4x32(c, key);
  return c[0] / 4294967296.0 - 0.5;
}

typedef struct {
  double x[2][N], y[N], u[N], b[2], inverse[2][2];
  int cluster[N];
} sample;

/* Least squares of y on two regressors. */
static void fit(const sample *s, const double *y, double b[2], double inverse[2][2]) {
  double a = 0, c = 0, d = 0, r0 = 0, r1 = 0;
  for (int i = 0; i < N; i++) {
    a += s->x[0][i] * s->x[0][i];
    c += s->x[0][i] * s->x[1][i];
    d += s->x[1][i] * s->x[1][i];
    r0 += s->x[0][i] * y[i];
    r1 += s->x[1][i] * y[i];
  }
  double det = a * d - c * c;
  inverse[0][0] = d / det;
  inverse[1][1] = a / det;
  inverse[0][1] = inverse[1][0] = -c / det;
  b[0] = inverse[0][0] * r0 + inverse[0][1] * r1;
  b[1] = inverse[1][0] * r0 + inverse[1][1] * r1;
}

static void sample_fill(sample *s, uint32_t seed) {
  for (uint32_t i = 0; i < N; i++) {
    s->cluster[i] = 1 + (int)i / EACH;
    s->x[0][i] = uniform(seed, 3 * i) + 0.3;
    s->x[1][i] = uniform(seed, 3 * i + 1) + 0.2 * s->cluster[i];
    s->y[i] = s->x[0][i] - s->x[1][i] + uniform(seed, 3 * i + 2);
  }
  fit(s, s->y, s->b, s->inverse);
  for (int i = 0; i < N; i++) {
    s->u[i] = s->y[i] - s->b[0] * s->x[0][i] - s->b[1] * s->x[1][i];
  }
}

/* table (2 x G): q_g = (X'X)^-1 X_g'u_g */
static void influences(const sample *s, double *table) {
  for (int g = 0; g < G; g++) {
    double r[2] = {0, 0};
    for (int i = g * EACH; i < (g + 1) * EACH; i++) {
      for (int j = 0; j < 2; j++) r[j] += s->x[j][i] * s->u[i];
    }
    for (int j = 0; j < 2; j++) {
      table[2 * g + j] = s->inverse[j][0] * r[0] + s->inverse[j][1] * r[1];
    }
  }
}

/* Clustered variance (packed) of a sample's own estimates from outcome y. */
static void clustered(const sample *s, const double *y, double var[3]) {
  sample t = *s;
  double q[2 * G];
  fit(s, y, t.b, t.inverse);
  for (int i = 0; i < N; i++) t.u[i] = y[i] - t.b[0] * s->x[0][i] - t.b[1] * s->x[1][i];
  influences(&t, q);
  memset(var, 0, 3 * sizeof *var);
  for (int g = 0; g < G; g++) {
    var[0] += q[2 * g] * q[2 * g];
    var[1] += q[2 * g] * q[2 * g + 1];
    var[2] += q[2 * g + 1] * q[2 * g + 1];
  }
}

/* The outcome of a replicate. */
static void wild_outcome(const sample *s, const double *v, double *y) {
  for (int i = 0; i < N; i++) y[i] = s->y[i] + (v[s->cluster[i] - 1] - 1) * s->u[i];
}

static void wild_replicates_are_refits(void) {
  static sample s;
  double table[2 * G], out[2 * REPS], var[3 * REPS], v[G], y[N], b[2], inverse[2][2], V[3];
  double direction[6] = {0};
  double fitted[3 * G] = {0};
  const int k = 2;
  sample_fill(&s, 1);
  influences(&s, table);
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 2; j++) direction[3 * j + i] = s.inverse[i][j];
    for (int g = 0; g < G; g++) fitted[3 * g + i] = table[2 * g + i];
  }
  const double *col[3] = {s.x[0], s.x[1], s.y};
  fe_exec exec = {2, NULL, NULL};
  fe_blocks *blocks;
  check(fe_blocks_new(col, 0, 3, N, NULL, s.cluster, G, &exec, &blocks) == FE_OK);
  fe_wild_boot w = {G, table, blocks, 1, &k, 2, direction, fitted};
  fe_weights weights = {FE_WEIGHTS_WILD + FE_WEBB, 4, 10, NULL};
  check(fe_boot_wild(&w, &weights, REPS, &exec, out, var) == FE_OK);
  for (int r = 0; r < REPS; r++) {
    fe_weights_draw(&weights, G, r, v);
    wild_outcome(&s, v, y);
    fit(&s, y, b, inverse);
    for (int j = 0; j < 2; j++) check_near(out[2 * r + j], b[j] - s.b[j], 1e-12);
    clustered(&s, y, V);
    for (int j = 0; j < 3; j++) check_near(var[3 * r + j], V[j], 1e-12);
  }
  fe_blocks_free(blocks);
}

static void wild_replicates_depend_on_their_number_alone(void) {
  static sample s;
  static double table[2 * G], all[2 * REPS], some[2 * 50], again[2 * REPS];
  const int k = 2;
  fe_exec one = {1, NULL, NULL}, three = {3, NULL, NULL};
  sample_fill(&s, 2);
  influences(&s, table);
  fe_wild_boot w = {.n_clusters = G, .table = table, .n_eq = 1, .k = &k, .n_coef = 2};
  for (int kind = FE_RADEMACHER; kind <= FE_GAMMA; kind++) {
    fe_weights from_0 = {(fe_weights_kind)(FE_WEIGHTS_WILD + kind), 4, 0, NULL};
    fe_weights from_60 = {(fe_weights_kind)(FE_WEIGHTS_WILD + kind), 4, 60, NULL};
    check(fe_boot_wild(&w, &from_0, REPS, &one, all, NULL) == FE_OK);
    check(fe_boot_wild(&w, &from_0, REPS, &three, again, NULL) == FE_OK);
    check(fe_boot_wild(&w, &from_60, 50, &three, some, NULL) == FE_OK);
    check(memcmp(all, again, sizeof all) == 0);
    check(memcmp(all + 2 * 60, some, sizeof some) == 0);
  }
}

/* All 2^9 sign vectors: the second moment is sum_g q_g q_g', the first zero. */
static void all_signs_give_the_clustered_variance(void) {
  enum { ALL = 1 << G };
  static sample s;
  static double given[ALL * G], out[2 * ALL];
  double table[2 * G], V[3], mean[2] = {0}, second[3] = {0};
  const int k = 2;
  fe_exec exec = {2, NULL, NULL};
  sample_fill(&s, 3);
  influences(&s, table);
  for (int r = 0; r < ALL; r++) {
    for (int g = 0; g < G; g++) given[r * G + g] = r >> g & 1 ? -1 : 1;
  }
  fe_weights weights = {FE_WEIGHTS_GIVEN, 0, 0, given};
  fe_wild_boot w = {.n_clusters = G, .table = table, .n_eq = 1, .k = &k, .n_coef = 2};
  check(fe_boot_wild(&w, &weights, ALL, &exec, out, NULL) == FE_OK);
  for (int r = 0; r < ALL; r++) {
    const double *d = out + 2 * r;
    for (int j = 0; j < 2; j++) mean[j] += d[j] / ALL;
    second[0] += d[0] * d[0] / ALL;
    second[1] += d[0] * d[1] / ALL;
    second[2] += d[1] * d[1] / ALL;
  }
  clustered(&s, s.y, V);
  for (int j = 0; j < 2; j++) check_near(mean[j], 0, 1e-14);
  for (int j = 0; j < 3; j++) check_near(second[j], V[j], 1e-13);
}

static void residual_replicates_are_refits(void) {
  static sample s;
  static double influence[2 * N], out[2 * REPS], again[2 * REPS];
  double y[N], b[2], inverse[2][2];
  int drawn[N];
  const int k = 2;
  fe_exec one = {1, NULL, NULL}, two = {2, NULL, NULL};
  sample_fill(&s, 4);
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < 2; j++) {
      influence[2 * i + j] = s.inverse[j][0] * s.x[0][i] + s.inverse[j][1] * s.x[1][i];
    }
  }
  for (int length = 1; length <= EACH; length += EACH - 1) {
    fe_residual_boot w = {N / length, length, 1, &k, 2, influence, s.u};
    check(fe_boot_residual(&w, 6, 3, REPS, &one, out) == FE_OK);
    check(fe_boot_residual(&w, 6, 3, REPS, &two, again) == FE_OK);
    check(memcmp(out, again, sizeof out) == 0);
    for (int r = 0; r < REPS; r++) {
      fe_draw_indices(6, 3 + (uint64_t)r, N / length, N / length, drawn);
      for (int i = 0; i < N; i++) {
        y[i] = s.y[i] - s.u[i] + s.u[drawn[i / length] * length + i % length];
      }
      fit(&s, y, b, inverse);
      for (int j = 0; j < 2; j++) check_near(out[2 * r + j], b[j] - s.b[j], 1e-12);
    }
  }
}

/* Two equations: each has the multipliers, or the rows drawn, of the other. */
static void equations_share_their_draws(void) {
  static double influence[3 * N], residual[2 * N], out[3 * REPS];
  int drawn[N];
  const int k[2] = {1, 2};
  fe_exec exec = {2, NULL, NULL};
  for (uint32_t i = 0; i < 3 * N; i++) influence[i] = uniform(7, i);
  for (uint32_t i = 0; i < 2 * N; i++) residual[i] = uniform(8, i);
  fe_residual_boot w = {N, 1, 2, k, 3, influence, residual};
  check(fe_boot_residual(&w, 1, 0, REPS, &exec, out) == FE_OK);
  for (int r = 0; r < REPS; r++) {
    double expected[3] = {0};
    fe_draw_indices(1, (uint64_t)r, N, N, drawn);
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < 3; j++) {
        expected[j] += influence[3 * i + j] * residual[2 * drawn[i] + (j > 0)];
      }
    }
    for (int j = 0; j < 3; j++) check_near(out[3 * r + j], expected[j], 1e-13);
  }
}

static void bad_arguments_are_refused(void) {
  const int k = 1;
  double table[2] = {1, 2}, out[4], var[4];
  fe_exec exec = {1, NULL, NULL};
  fe_wild_boot w = {.n_clusters = 2, .table = table, .n_eq = 1, .k = &k, .n_coef = 1};
  fe_weights pairs = {FE_WEIGHTS_MULTINOMIAL, 1, 0, NULL}, none = {FE_WEIGHTS_GIVEN, 1, 0, NULL};
  fe_weights signs = {FE_WEIGHTS_WILD, 1, 0, NULL};
  check(fe_boot_wild(&w, &pairs, 4, &exec, out, NULL) == FE_EINVAL);
  check(fe_boot_wild(&w, &none, 4, &exec, out, NULL) == FE_EINVAL);
  check(fe_boot_wild(&w, &signs, 4, &exec, out, var) == FE_EINVAL); /* no blocks */
  check(fe_boot_wild(&w, &signs, 4, &exec, out, NULL) == FE_OK);
  fe_residual_boot r = {2, 0, 1, &k, 1, table, table};
  check(fe_boot_residual(&r, 1, 0, 4, &exec, out) == FE_EINVAL);
}

static int stop_at_once(void *data) { return *(int *)data; }

static void a_poll_stops_the_replicates(void) {
  enum { MANY = 400000 };
  int yes = 1;
  const int k = 2;
  static sample s;
  double table[2 * G], *out = malloc((size_t)MANY * 2 * sizeof *out);
  fe_weights weights = {FE_WEIGHTS_WILD + FE_NORMAL, 1, 0, NULL};
  sample_fill(&s, 5);
  influences(&s, table);
  fe_wild_boot w = {.n_clusters = G, .table = table, .n_eq = 1, .k = &k, .n_coef = 2};
  for (int threads = 1; threads <= 2; threads++) {
    fe_exec exec = {threads, stop_at_once, &yes};
    check(fe_boot_wild(&w, &weights, MANY, &exec, out, NULL) == FE_EINTR);
  }
  free(out);
}

int main(void) {
  run(wild_replicates_are_refits);
  run(wild_replicates_depend_on_their_number_alone);
  run(all_signs_give_the_clustered_variance);
  run(residual_replicates_are_refits);
  run(equations_share_their_draws);
  run(bad_arguments_are_refused);
  run(a_poll_stops_the_replicates);
  return report();
}
