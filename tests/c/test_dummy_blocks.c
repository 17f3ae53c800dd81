/* Blocks of dummies that have no columns against those of the columns written out. */
#include "dummy_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "xorshift.h"

enum { N = 300, G = 9, OWN = 30, YEARS = 5, K = 2, Z = YEARS, P = Z + K };

/* Levels of own lie within clusters. Columns: the years from the second on, then a dummy. */
typedef struct {
  int own[N], cluster[N], year[N], kind[N];
  double w[N], x[K][N], e[N], z[Z][N];
} sample;

/* Takes the weighted means of the levels away. */
static void center(const sample *s, int weighted, double *y) {
  double sum[OWN] = {0}, mass[OWN] = {0};
  for (int i = 0; i < N; i++) {
    double w = weighted ? s->w[i] : 1;
    sum[s->own[i] - 1] += w * y[i];
    mass[s->own[i] - 1] += w;
  }
  for (int i = 0; i < N; i++) {
    int l = s->own[i] - 1;
    if (mass[l] > 0) y[i] -= sum[l] / mass[l];
  }
}

/* kind 2 in whole levels only: own explains it, if `explained`. */
static void fill(sample *s, int weighted, int with_own, int explained) {
  for (int i = 0; i < N; i++) {
    s->own[i] = 1 + i * 7 % OWN;
    s->cluster[i] = 1 + s->own[i] % G;
    s->year[i] = 1 + (int)(draw() % YEARS);
    s->kind[i] = 1 + (explained ? s->own[i] % 2 : (int)(draw() % 2));
    s->w[i] = i % 11 ? 1 + uniform() : 0;
    for (int j = 0; j < K; j++) s->x[j][i] = uniform();
    s->e[i] = uniform();
    for (int j = 0; j < YEARS - 1; j++) s->z[j][i] = s->year[i] == j + 2;
    s->z[YEARS - 1][i] = s->kind[i] == 2;
  }
  for (int j = 0; j < K + 1 + Z && with_own; j++) {
    center(s, weighted, j < K ? s->x[j] : j == K ? s->e : s->z[j - K - 1]);
  }
}

static const double root[K * K] = {1, 0, 0.5, 2};

static fe_status blocks_of(const sample *s, int weighted, int with_own, int threads,
                           double *score, fe_blocks **out) {
  const int *code[2] = {s->year, s->kind};
  static const int base[2] = {-1, YEARS - 2}, first[2] = {0, YEARS - 1};
  const double *x[K] = {s->x[0], s->x[1]};
  fe_dummy_job job = {{2, code, base, first, Z}, with_own ? s->own : NULL, OWN, x, root, s->e, K,
                      N, weighted ? s->w : NULL, s->cluster, G};
  fe_exec exec = {threads, NULL, NULL};
  return fe_dummy_blocks(&job, &exec, score, out);
}

static fe_blocks *columns_of(const sample *s, int weighted, double *score) {
  static double v[K][N];
  const double *col[P] = {s->z[0], s->z[1], s->z[2], s->z[3], s->z[4], v[0], v[1]};
  for (int i = 0; i < N; i++) {
    v[0][i] = s->x[0][i];
    v[1][i] = 0.5 * s->x[0][i] + 2 * s->x[1][i];
  }
  memset(score, 0, P * G * sizeof *score);
  for (int i = 0; i < N; i++) {
    double u = (weighted ? s->w[i] : 1) * s->e[i];
    for (int j = 0; j < P; j++) score[(s->cluster[i] - 1) * P + j] += u * col[j][i];
  }
  fe_exec exec = {1, NULL, NULL};
  fe_blocks *b = NULL;
  check(fe_blocks_new(col, Z, K, N, weighted ? s->w : NULL, s->cluster, G, &exec, &b) == FE_OK);
  return b;
}

static void blocks_equal_those_of_columns(void) {
  for (int kind = 0; kind < 8; kind++) {
    int weighted = kind & 1, with_own = kind & 2, explained = kind & 4;
    sample s;
    double score[P * G], slow_score[P * G], worst = 0;
    fe_blocks *fast = NULL;
    fill(&s, weighted, with_own, explained);
    check(blocks_of(&s, weighted, with_own, 1, score, &fast) == FE_OK);
    fe_blocks *slow = columns_of(&s, weighted, slow_score);
    if (!check(fast && slow)) return;
    check(fast->p == P && fast->n_z == Z && fast->n_v == K && fast->n_clusters == G);
    for (int k = 0; k < G * P * (P + 1) / 2; k++) {
      worst = fmax(worst, fabs(fast->block[k] - slow->block[k]));
    }
    for (int k = 0; k < G * P; k++) worst = fmax(worst, fabs(score[k] - slow_score[k]));
    for (int j = 0; j < P; j++) {
      for (int i = j; i < P; i++) {
        worst = fmax(worst, fabs(fast->total[j * P + i] - slow->total[j * P + i]));
      }
    }
    check(worst < 1e-12);
    double left = fast->total[(Z - 1) * (P + 1)];
    check(with_own && explained ? left == 0 : left > 1);
    fe_blocks_free(fast);
    fe_blocks_free(slow);
  }
}

static void threads_change_no_bit(void) {
  sample s;
  double one[P * G], many[P * G];
  fe_blocks *a = NULL, *b = NULL;
  fill(&s, 1, 1, 0);
  check(blocks_of(&s, 1, 1, 1, one, &a) == FE_OK);
  for (int threads = 2; threads <= 3; threads++) {
    check(blocks_of(&s, 1, 1, threads, many, &b) == FE_OK);
    if (!check(a && b)) return;
    check(memcmp(one, many, sizeof one) == 0);
    check(memcmp(a->block, b->block, sizeof(double) * G * P * (P + 1) / 2) == 0);
    fe_blocks_free(b);
  }
  fe_blocks_free(a);
}

static void bad_codes_are_refused(void) {
  sample s;
  double score[P * G];
  fe_blocks *b = NULL;
  fill(&s, 0, 1, 0);
  s.cluster[7] = G + 1;
  check(blocks_of(&s, 0, 1, 1, score, &b) == FE_EINVAL);
  check(b == NULL);
}

int main(void) {
  run(blocks_equal_those_of_columns);
  run(threads_change_no_bit);
  run(bad_codes_are_refused);
  return report();
}
