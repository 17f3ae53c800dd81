#include "leave_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "xorshift.h"

enum { N = 240, G = 6, P = 5 };

/* Columns: 0, 1 at random; 2 a dummy of half of the rows; 3 varies in cluster `only` alone (in
 * none: everywhere); 4 = 2 * column 0 - column 1 where `dependent`, else at random. */
typedef struct {
  double data[P][N];
  double y[N];
  double w[N];
  int cluster[N];
  const double *col[P];
} sample;

static void fill(sample *s, int only, int dependent) {
  for (int i = 0; i < N; i++) {
    s->cluster[i] = 1 + (i * i + i / 7) % G;
    s->w[i] = 1 + uniform();
    s->data[0][i] = uniform();
    s->data[1][i] = 1000 * uniform();
    s->data[2][i] = i % 2;
    s->data[3][i] = only == 0 || s->cluster[i] == only ? uniform() + 0.2 : 0;
    s->data[4][i] = dependent ? 2 * s->data[0][i] - s->data[1][i] : uniform();
    s->y[i] = s->data[0][i] + s->data[3][i] + uniform();
  }
  for (int j = 0; j < P; j++) s->col[j] = s->data[j];
}

/* rhs_g = (C'Wy less the cluster's own) of every cluster */
static void right_sides(const sample *s, double *rhs) {
  memset(rhs, 0, (size_t)P * G * sizeof *rhs);
  for (int g = 0; g < G; g++) {
    for (int j = 0; j < P; j++) {
      for (int i = 0; i < N; i++) {
        if (s->cluster[i] != g + 1) rhs[g * P + j] += s->w[i] * s->data[j][i] * s->y[i];
      }
    }
  }
}

/* Least squares of y on the first p columns without cluster g, by modified Gram-Schmidt on the
 * rows themselves: no cross-products, no subtraction. */
static void oracle(const sample *s, int g, int p, double *b) {
  static double q[P + 1][N];
  double r[P + 1][P + 1];
  for (int j = 0; j <= p; j++) {
    for (int i = 0; i < N; i++) {
      double v = j < p ? s->data[j][i] : s->y[i];
      q[j][i] = s->cluster[i] == g + 1 ? 0 : sqrt(s->w[i]) * v;
    }
    for (int pass = 0; pass < 2; pass++) {
      for (int k = 0; k < j; k++) {
        double dot = 0;
        for (int i = 0; i < N; i++) dot += q[k][i] * q[j][i];
        for (int i = 0; i < N; i++) q[j][i] -= dot * q[k][i];
        r[k][j] = pass ? r[k][j] + dot : dot;
      }
    }
    r[j][j] = 0;
    for (int i = 0; i < N; i++) r[j][j] += q[j][i] * q[j][i];
    r[j][j] = sqrt(r[j][j]);
    for (int i = 0; i < N && j < p; i++) q[j][i] /= r[j][j];
  }
  for (int j = p; j-- > 0;) {
    b[j] = r[j][p];
    for (int k = j + 1; k < p; k++) b[j] -= r[j][k] * b[k];
    b[j] /= r[j][j];
  }
}

static fe_blocks *blocks_of(const sample *s) {
  fe_exec exec = {1, NULL, NULL};
  fe_blocks *b = NULL;
  check(fe_blocks_new(s->col, 0, P, N, s->w, s->cluster, G, &exec, &b) == FE_OK);
  return b;
}

static const fe_exec alone = {1, NULL, NULL};

/* R = I */
static void identity(double *r) {
  memset(r, 0, P * P * sizeof *r);
  for (int j = 0; j < P; j++) r[j * (P + 1)] = 1;
}

static void estimates_are_those_of_the_other_rows(void) {
  sample s;
  double rhs[P * G], out[P * G], same[P * G], eye[P * P], b[P];
  int rank[G];
  fill(&s, 0, 0);
  right_sides(&s, rhs);
  identity(eye);
  fe_blocks *blocks = blocks_of(&s);
  check(fe_leave_out_solve(blocks, rhs, &alone, out, rank) == FE_OK);
  check(fe_leave_out_contrasts(blocks, rhs, eye, P, &alone, same) == FE_OK);
  for (int g = 0; g < G; g++) {
    oracle(&s, g, P, b);
    check(rank[g] == P);
    for (int j = 0; j < P; j++) {
      check_near(out[g * P + j], b[j], 1e-10);
      check(out[g * P + j] == same[g * P + j]);
    }
  }
  fe_blocks_free(blocks);
}

/* Column 4 depends on others in every sample: zero in the solution, and the columns that it does
 * not involve have their coefficients. */
static void dependent_columns_are_left_out(void) {
  sample s;
  double rhs[P * G], out[P * G], b[P];
  int rank[G];
  fill(&s, 0, 1);
  right_sides(&s, rhs);
  fe_blocks *blocks = blocks_of(&s);
  check(fe_leave_out_solve(blocks, rhs, &alone, out, rank) == FE_OK);
  for (int g = 0; g < G; g++) {
    oracle(&s, g, P - 1, b);
    check(rank[g] == P - 1);
    for (int j = 0; j < P - 1; j++) check_near(out[g * P + j], b[j], 1e-10);
    check(out[g * P + P - 1] == 0);
  }
  fe_blocks_free(blocks);
}

/* Column 3 has values in cluster 2 only. Contrasts: coefficients 0 and 3, and 2 b_0 + b_2. */
static void what_only_a_cluster_shows_is_unknown_without_it(void) {
  sample s, less;
  double rhs[P * G], out[3 * G], b[P];
  const double r[3 * P] = {1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 0, 0};
  fill(&s, 2, 0);
  right_sides(&s, rhs);
  less = s;
  memcpy(less.data[3], s.data[4], sizeof s.data[3]);
  fe_blocks *blocks = blocks_of(&s);
  check(fe_leave_out_contrasts(blocks, rhs, r, 3, &alone, out) == FE_OK);
  for (int g = 0; g < G; g++) {
    check(isnan(out[g * 3 + 1]) == (g == 1));
    if (g != 1) continue;
    oracle(&less, g, P - 1, b);
    check_near(out[g * 3], b[0], 1e-10);
    check_near(out[g * 3 + 2], 2 * b[0] + b[2], 1e-10);
  }
  fe_blocks_free(blocks);
}

/* c_4 = 2 c_0 - c_1 has the null vector (2, -1, 0, 0, -1), to which b_0 + 2 b_4, b_1 - b_4 and b_2
 * are orthogonal, b_4 and b_0 + b_1 are not. The units of columns make no difference. */
static void combinations_are_known_that_the_dependence_leaves(void) {
  const double unit[2][P] = {{1, 1, 1, 1, 1}, {1e6, 1, 1e-4, 1, 1e-3}};
  for (int u = 0; u < 2; u++) {
    sample s;
    double rhs[P * G], out[5 * G], b[P];
    double r[5 * P] = {1, 0, 0, 0, 2, 0, 1, 0, 0, -1, 0, 0, 1, 0, 0,
                       0, 0, 0, 0, 1, 1, 1, 0, 0, 0};
    fill(&s, 0, 1);
    for (int j = 0; j < P; j++) {
      for (int i = 0; i < N; i++) s.data[j][i] *= unit[u][j];
      for (int c = 0; c < 5; c++) r[c * P + j] *= unit[u][j];
    }
    right_sides(&s, rhs);
    fe_blocks *blocks = blocks_of(&s);
    check(fe_leave_out_contrasts(blocks, rhs, r, 5, &alone, out) == FE_OK);
    for (int g = 0; g < G; g++) {
      oracle(&s, g, P - 1, b); /* b_4 = 0 */
      for (int j = 0; j < 3; j++) check_near(out[g * 5 + j], b[j] * unit[u][j], 1e-9);
      check(isnan(out[g * 5 + 3]));
      check(isnan(out[g * 5 + 4]));
    }
    fe_blocks_free(blocks);
  }
}

static void threads_change_no_bit(void) {
  sample s;
  double rhs[P * G], one[P * G], many[P * G], eye[P * P];
  fill(&s, 3, 0);
  right_sides(&s, rhs);
  identity(eye);
  fe_blocks *blocks = blocks_of(&s);
  check(fe_leave_out_contrasts(blocks, rhs, eye, P, &alone, one) == FE_OK);
  for (int threads = 2; threads <= 4; threads++) {
    fe_exec exec = {threads, NULL, NULL};
    check(fe_leave_out_contrasts(blocks, rhs, eye, P, &exec, many) == FE_OK);
    check(memcmp(one, many, sizeof one) == 0);
  }
  fe_blocks_free(blocks);
}

static int stop(void *data) {
  (void)data;
  return 1;
}

/* Orthonormal columns. */
static void rotation(double *w, int p) {
  for (int j = 0; j < p; j++) {
    double *c = w + j * p, size = 0;
    for (int i = 0; i < p; i++) c[i] = uniform();
    for (int pass = 0; pass < 2; pass++) {
      for (int k = 0; k < j; k++) {
        double dot = 0;
        for (int i = 0; i < p; i++) dot += w[k * p + i] * c[i];
        for (int i = 0; i < p; i++) c[i] -= dot * w[k * p + i];
      }
    }
    for (int i = 0; i < p; i++) size += c[i] * c[i];
    for (int i = 0; i < p; i++) c[i] /= sqrt(size);
  }
}

/* A - A_g = W D W' with many zeros in D and W dense, as orthonormal columns have it: solutions are
 * as accurate as without, in the directions that are left, and others are unknown. */
static void a_null_space_may_lie_across_all_columns(void) {
  enum { SIZE = 80, LEFT = 50 };
  static double w[SIZE * SIZE], total[SIZE * SIZE], block[SIZE * (SIZE + 1) / 2];
  double rhs[SIZE] = {0}, ask[2 * SIZE], truth = 0, out[2];
  int rank;
  rotation(w, SIZE);
  double *packed = block;
  for (int j = 0; j < SIZE; j++) {
    total[j * (SIZE + 1)] = 1;
    for (int i = j; i < SIZE; i++) {
      double left = 0;
      for (int k = 0; k < LEFT; k++) left += (0.2 + 0.01 * k) * w[k * SIZE + i] * w[k * SIZE + j];
      *packed++ = (i == j) - left;
    }
  }
  for (int i = 0; i < SIZE; i++) {
    ask[i] = w[3 * SIZE + i] - 2 * w[7 * SIZE + i];
    ask[SIZE + i] = ask[i] + 0.1 * w[LEFT * SIZE + i];
    for (int k = 0; k < LEFT; k++) rhs[i] += (k + 1) * w[k * SIZE + i];
  }
  truth = 4 / 0.23 - 2 * 8 / 0.27;
  const fe_blocks blocks = {1, 0, SIZE, SIZE, total, block};
  check(fe_leave_out_contrasts(&blocks, rhs, ask, 2, &alone, out) == FE_OK);
  check_near(out[0], truth, 1e-11);
  check(isnan(out[1]));
  double x[SIZE], found = 0;
  check(fe_leave_out_solve(&blocks, rhs, &alone, x, &rank) == FE_OK);
  for (int i = 0; i < SIZE; i++) found += ask[i] * x[i];
  check_near(found, truth, 1e-11);
  check(rank == LEFT);
}

/* Work of seconds: A = I, empty blocks. */
static void a_poll_stops_the_work(void) {
  enum { COLUMNS = 150, CLUSTERS = 6000 };
  double *total = calloc((size_t)COLUMNS * COLUMNS, sizeof *total);
  double *block = calloc((size_t)CLUSTERS * COLUMNS * (COLUMNS + 1) / 2, sizeof *block);
  double *rhs = calloc((size_t)CLUSTERS * COLUMNS, sizeof *rhs);
  double *out = malloc((size_t)CLUSTERS * COLUMNS * sizeof *out);
  if (check(total && block && rhs && out)) {
    for (size_t j = 0; j < COLUMNS; j++) total[j * (COLUMNS + 1)] = 1;
    const fe_blocks blocks = {CLUSTERS, 0, COLUMNS, COLUMNS, total, block};
    for (int threads = 1; threads <= 2; threads++) {
      fe_exec exec = {threads, stop, NULL};
      check(fe_leave_out_solve(&blocks, rhs, &exec, out, NULL) == FE_EINTR);
    }
  }
  free(total);
  free(block);
  free(rhs);
  free(out);
}

int main(void) {
  run(estimates_are_those_of_the_other_rows);
  run(dependent_columns_are_left_out);
  run(what_only_a_cluster_shows_is_unknown_without_it);
  run(combinations_are_known_that_the_dependence_leaves);
  run(threads_change_no_bit);
  run(a_null_space_may_lie_across_all_columns);
  run(a_poll_stops_the_work);
  return report();
}
