#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "rng.h"

typedef struct {
  int64_t n;
  int p, n_clusters;
  double *data; /* n x p */
  double *w;
  int *cluster;
  const double **col;
} sample;

static uint32_t word(uint32_t seed, uint32_t i) {
  const uint32_t key[2] = {seed, 0};
  uint32_t c[4] = {i, 0, 0, 2};
  fe_philox4x32(c, key);
  return c[0];
}

static sample sample_new(int64_t n, int p, int n_clusters, uint32_t seed) {
  sample s = {n, p, n_clusters, NULL, NULL, NULL, NULL};
  size_t rows = (size_t)n, columns = (size_t)p;
  s.data = malloc((rows * columns + 1) * sizeof *s.data);
  s.w = malloc((rows + 1) * sizeof *s.w);
  s.cluster = malloc((rows + 1) * sizeof *s.cluster);
  s.col = malloc((columns + 1) * sizeof *s.col);
  for (size_t i = 0; i < rows * columns; i++) s.data[i] = word(seed, (uint32_t)i) / 1e9 - 2;
  for (size_t i = 0; i < rows; i++) {
    uint32_t u = word(seed + 1, (uint32_t)i);
    s.cluster[i] = 1 + (int)(u % (uint32_t)n_clusters);
    s.w[i] = (u >> 20) % 5; /* a fifth of the weights is zero */
  }
  for (size_t j = 0; j < columns; j++) s.col[j] = s.data + j * rows;
  return s;
}

static void sample_free(sample *s) {
  free(s->data);
  free(s->w);
  free(s->cluster);
  free(s->col);
}

static fe_blocks *blocks_of(const sample *s, const double *w, int threads) {
  fe_blocks *b;
  fe_exec exec = {threads, NULL, NULL};
  int n_z = s->p / 3;
  if (fe_blocks_new(s->col, n_z, s->p - n_z, s->n, w, s->cluster, s->n_clusters, &exec, &b)) {
    return NULL;
  }
  return b;
}

static double product(const sample *s, const double *w, const double *m, int i, int j) {
  double sum = 0;
  for (int64_t r = 0; r < s->n; r++) {
    sum += m[s->cluster[r] - 1] * (w ? w[r] : 1) * s->col[i][r] * s->col[j][r];
  }
  return sum;
}

static int sums_agree(const sample *s, const double *w, const double *m, const double *a) {
  for (int j = 0; j < s->p; j++) {
    for (int i = j; i < s->p; i++) {
      if (!near(a[i + j * s->p], product(s, w, m, i, j), 1e-12)) return 0;
    }
  }
  return 1;
}

static void sums_equal_products_over_the_rows(void) {
  const int rows[] = {1, 3, 4, 5, 100, 20011};
  for (int t = 0; t < 6; t++) {
    for (int weighted = 0; weighted < 2; weighted++) {
      sample s = sample_new(rows[t], 7, 9, (uint32_t)t);
      const double *w = weighted ? s.w : NULL;
      double one[9], m[9], a[49];
      for (int g = 0; g < 9; g++) {
        one[g] = 1;
        m[g] = g % 4;
      }
      fe_blocks *b = blocks_of(&s, w, 2);
      if (check(b != NULL)) {
        check(b->n_clusters == 9 && b->n_z == 2 && b->n_v == 5 && b->p == 7);
        check(sums_agree(&s, w, one, b->total));
        fe_blocks_sum(b, m, a);
        check(sums_agree(&s, w, m, a));
      }
      fe_blocks_free(b);
      sample_free(&s);
    }
  }
}

/* A single cluster kept: its block, expanded. */
static void blocks_are_packed_by_column(void) {
  sample s = sample_new(500, 6, 4, 77);
  fe_blocks *b = blocks_of(&s, s.w, 1);
  for (int g = 0; g < 4; g++) {
    double m[4] = {0};
    const double *packed = b->block + g * 21;
    m[g] = 1;
    for (int j = 0; j < 6; j++) {
      for (int i = j; i < 6; i++) check_near(*packed++, product(&s, s.w, m, i, j), 1e-12);
    }
  }
  fe_blocks_free(b);
  sample_free(&s);
}

static void threads_change_no_bit(void) {
  sample s = sample_new(60000, 8, 37, 5);
  fe_blocks *one = blocks_of(&s, s.w, 1);
  for (int threads = 2; threads <= 4; threads += 2) {
    fe_blocks *many = blocks_of(&s, s.w, threads);
    check(memcmp(one->block, many->block, 37 * 36 * sizeof(double)) == 0);
    check(memcmp(one->total, many->total, 64 * sizeof(double)) == 0);
    fe_blocks_free(many);
  }
  fe_blocks_free(one);
  sample_free(&s);
}

/* Rows of a cluster count in their order, wherever they lie. */
static void the_order_of_clusters_changes_no_bit(void) {
  sample s = sample_new(3000, 5, 2, 6), sorted = sample_new(3000, 5, 2, 6);
  int64_t at = 0;
  for (int g = 1; g <= 2; g++) {
    for (int64_t i = 0; i < s.n; i++) {
      if (s.cluster[i] != g) continue;
      for (int j = 0; j < 5; j++) sorted.data[at + j * s.n] = s.data[i + j * s.n];
      sorted.w[at] = s.w[i];
      sorted.cluster[at++] = g;
    }
  }
  fe_blocks *b = blocks_of(&s, s.w, 1), *c = blocks_of(&sorted, sorted.w, 1);
  check(memcmp(b->block, c->block, 2 * 15 * sizeof(double)) == 0);
  fe_blocks_free(b);
  fe_blocks_free(c);
  sample_free(&s);
  sample_free(&sorted);
}

static void rows_without_weight_take_no_part(void) {
  sample s = sample_new(50, 3, 2, 9);
  double one[2] = {1, 1};
  s.w[4] = s.w[17] = 0;
  fe_blocks *b = blocks_of(&s, s.w, 1);
  s.data[4] = NAN;
  s.data[17 + 2 * 50] = INFINITY;
  fe_blocks *c = blocks_of(&s, s.w, 1);
  check(memcmp(b->block, c->block, 2 * 6 * sizeof(double)) == 0);
  s.data[4] = s.data[17 + 2 * 50] = 0;
  check(sums_agree(&s, s.w, one, c->total));
  fe_blocks_free(b);
  fe_blocks_free(c);
  sample_free(&s);
}

static void a_cluster_of_weight_zero_is_not_read(void) {
  sample s = sample_new(50, 3, 2, 9);
  double m[2] = {0, 1}, a[9];
  for (int64_t i = 0; i < s.n; i++) {
    if (s.cluster[i] == 1) s.data[i] = NAN;
  }
  fe_blocks *b = blocks_of(&s, NULL, 1);
  fe_blocks_sum(b, m, a);
  check(isfinite(a[0]) && isfinite(a[1]) && isfinite(a[2]));
  fe_blocks_free(b);
  sample_free(&s);
}

static void bad_arguments_are_refused(void) {
  sample s = sample_new(20, 3, 4, 1);
  fe_exec exec = {2, NULL, NULL};
  fe_blocks *b = NULL;
  s.cluster[11] = 5;
  check(fe_blocks_new(s.col, 0, 3, s.n, NULL, s.cluster, 4, &exec, &b) == FE_EINVAL);
  s.cluster[11] = 0;
  check(fe_blocks_new(s.col, 0, 3, s.n, NULL, s.cluster, 4, &exec, &b) == FE_EINVAL);
  s.cluster[11] = 1;
  check(fe_blocks_new(s.col, -1, 3, s.n, NULL, s.cluster, 4, &exec, &b) == FE_EINVAL);
  check(b == NULL);
  check(fe_blocks_new(s.col, 1 << 30, 1 << 30, s.n, NULL, s.cluster, 4, &exec, &b) == FE_ENOMEM);
  check(b == NULL);
  fe_blocks_free(NULL);
  sample_free(&s);
}

int main(void) {
  run(sums_equal_products_over_the_rows);
  run(blocks_are_packed_by_column);
  run(threads_change_no_bit);
  run(the_order_of_clusters_changes_no_bit);
  run(rows_without_weight_take_no_part);
  run(a_cluster_of_weight_zero_is_not_read);
  run(bad_arguments_are_refused);
  return report();
}
