/* Bias-reduced scores against B_g written out, n x n, and its power found by Newton's iteration
 * for the matrix sign: no eigenvector is shared with the code under test. */
#include "cr2.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "xorshift.h"

enum { N = 24, G = 5, P = 2, R = 2 };

typedef struct {
  double x[N * P], q[N * P], w[N], e[N], r[P * R], c[N * N];
  const double *col[P];
  int cluster[N];
} sample;

static double product(const double *a, const double *b, const double *w) {
  double sum = 0;
  for (int i = 0; i < N; i++) sum += (w ? w[i] : 1) * a[i] * b[i];
  return sum;
}

/* Q orthonormal in the metric of w, e orthogonal to it. */
static void make_sample(sample *s, int weighted, const int *rows) {
  int g = 0, left = rows[0];
  for (int i = 0; i < N; i++) {
    while (left == 0) left = rows[++g];
    left--;
    s->cluster[i] = g + 1;
    s->w[i] = weighted ? 1 + uniform() : 1;
    s->e[i] = uniform();
  }
  for (int j = 0; j <= P; j++) {
    double *y = j < P ? s->q + j * N : s->e;
    for (int i = 0; i < N && j < P; i++) y[i] = uniform();
    for (int k = 0; k < 2 * j; k++) {
      const double *b = s->q + (k % j) * N;
      double dot = product(b, y, s->w);
      for (int i = 0; i < N; i++) y[i] -= dot * b[i];
    }
    double length = sqrt(product(y, y, s->w));
    for (int i = 0; i < N && j < P; i++) y[i] /= length;
    if (j < P) s->col[j] = y;
  }
  for (int k = 0; k < P * R; k++) s->r[k] = uniform();
}

/* D = I - Q Q'W, n x n; in the metric of w^1/2 if `metric`. */
static void residual_maker(const sample *s, int metric, double *d) {
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) {
      double h = 0;
      for (int k = 0; k < P; k++) h += s->q[i + k * N] * s->q[j + k * N];
      h *= metric ? sqrt(s->w[i] * s->w[j]) : s->w[j];
      d[i + j * N] = (i == j) - h;
    }
  }
}

/* a (m x m) <- a^-1 by elimination with pivots on the diagonal (a is positive definite). */
static void invert(double *a, int m) {
  for (int k = 0; k < m; k++) {
    double pivot = a[k + k * m];
    for (int i = 0; i < m; i++) a[i + k * m] = i == k ? 1 / pivot : a[i + k * m] / pivot;
    for (int j = 0; j < m; j++) {
      if (j == k) continue;
      double f = a[k + j * m];
      for (int i = 0; i < m; i++) {
        a[i + j * m] = (i == k ? 0 : a[i + j * m]) - f * (i == k ? -a[k + k * m] : a[i + k * m]);
      }
      a[k + j * m] = f * a[k + k * m];
    }
    for (int i = 0; i < m; i++) a[i + k * m] *= i == k ? 1 : -1;
  }
}

/* z <- b^-1/2: y_{t+1} = (y + z^-1) / 2, z_{t+1} = (z + y^-1) / 2 (Denman and Beavers). */
static void inverse_root(const double *b, int m, double *z) {
  double y[N * N], yi[N * N], zi[N * N];
  memcpy(y, b, (size_t)(m * m) * sizeof *y);
  for (int i = 0; i < m * m; i++) z[i] = i % (m + 1) == 0;
  for (int t = 0; t < 60; t++) {
    memcpy(yi, y, (size_t)(m * m) * sizeof *y);
    memcpy(zi, z, (size_t)(m * m) * sizeof *z);
    invert(yi, m);
    invert(zi, m);
    for (int i = 0; i < m * m; i++) {
      y[i] = (y[i] + zi[i]) / 2;
      z[i] = (z[i] + yi[i]) / 2;
    }
  }
}

/* Truth: p_g' (R x N for each g) and scores, from n x n matrices. phi: psi_i times w_i. */
static void truth(const sample *s, int identity, double *score, double *p) {
  double d[N * N], b[N * N], a[N * N];
  residual_maker(s, !identity, d);
  for (int g = 1, from = 0; g <= G; g++) {
    int m = 0;
    while (from + m < N && s->cluster[from + m] == g) m++;
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < m; j++) {
        b[i + j * m] = 0;
        for (int k = 0; k < N; k++) b[i + j * m] += d[from + i + k * N] * d[from + j + k * N];
      }
    }
    inverse_root(b, m, a);
    for (int c = 0; c < R; c++) {
      double u[N], sum = 0;
      for (int i = 0; i < m; i++) {
        u[i] = 0;
        for (int j = 0; j < m; j++) {
          double psi = 0, w = s->w[from + j];
          for (int k = 0; k < P; k++) psi += s->q[from + j + k * N] * s->r[k + c * P];
          u[i] += a[i + j * m] * (identity ? w : sqrt(w)) * psi;
        }
        sum += u[i] * s->e[from + i] * (identity ? 1 : sqrt(s->w[from + i]));
      }
      score[(g - 1) + c * G] = sum;
      for (int k = 0; k < N; k++) {
        double *to = p + ((g - 1) * R + c) * N + k;
        *to = 0;
        for (int i = 0; i < m; i++) *to += d[from + i + k * N] * u[i];
      }
    }
    from += m;
  }
}

static double pair_product(const double *t, const double *y, const double *u, int g, int h) {
  double sum = 0;
  for (int i = 0; i < P; i++) {
    sum -= t[g * P + i] * y[h * P + i] + y[g * P + i] * t[h * P + i];
    for (int j = 0; j < P; j++) sum += t[g * P + i] * u[i + j * P] * t[h * P + j];
  }
  return sum;
}

/* Compares everything: score, own, and p_g'p_h from t and y (g and h number cluster and
 * functional together). */
static void compare(const sample *s, const fe_cr2_out *out, int identity, const double *u) {
  double score[G * R], p[G * R * N];
  truth(s, identity, score, p);
  for (int k = 0; k < G * R; k++) check_near(out->score[k], score[k], 1e-11);
  for (int a = 0; a < G * R; a++) {
    for (int b = 0; b < G * R; b++) {
      double dot = product(p + a * N, p + b * N, NULL);
      double ours = a / R == b / R ? out->own[(a / R) * R * R + (a % R) + (b % R) * R]
                                   : pair_product(out->t, out->y, u, a, b);
      check_near(ours, dot, 1e-11);
    }
  }
}

static const int tall[G] = {4, 5, 3, 7, 5}, wide[G] = {1, 1, 9, 1, 12};

static fe_cr2_job job_of(const sample *s, int weighted) {
  return (fe_cr2_job){s->col, P, N, weighted ? s->w : NULL, s->e, s->cluster, G, s->r, R, -0.5};
}

static void plain_scores_equal_the_matrices(void) {
  const double one[P * P] = {1, 0, 0, 1};
  for (int kind = 0; kind < 4; kind++) {
    sample s;
    double score[G * R], own[G * R * R], t[G * R * P];
    make_sample(&s, kind / 2, kind % 2 ? wide : tall);
    fe_cr2_job job = job_of(&s, kind / 2);
    fe_exec exec = {2, NULL, NULL};
    fe_cr2_out out = {score, own, t, t};
    check(fe_cr2(&job, &exec, &out) == FE_OK);
    compare(&s, &out, 0, one);
  }
}

static void weighted_scores_equal_the_matrices(void) {
  for (int kind = 0; kind < 2; kind++) {
    sample s;
    double score[G * R], own[G * R * R], t[G * R * P], y[G * R * P], u[P * P], psi[N * R];
    const double *columns[R];
    make_sample(&s, 1, kind ? wide : tall);
    for (int i = 0; i < P; i++) {
      for (int j = 0; j < P; j++) {
        double wq[N];
        for (int k = 0; k < N; k++) wq[k] = s.w[k] * s.q[k + j * N];
        u[i + j * P] = product(s.q + i * N, wq, s.w);
      }
    }
    for (int c = 0; c < R; c++) {
      columns[c] = psi + c * N;
      for (int k = 0; k < N; k++) {
        psi[k + c * N] = s.q[k] * s.r[c * P] + s.q[k + N] * s.r[1 + c * P];
      }
    }
    fe_cr2_job job = job_of(&s, 1);
    fe_cr2_nested none = {0, NULL, NULL, NULL};
    fe_exec exec = {2, NULL, NULL};
    fe_cr2_out out = {score, own, t, y};
    check(fe_cr2_weighted(&job, &none, columns, u, &exec, &out) == FE_OK);
    compare(&s, &out, 1, u);
  }
}

/* Of one functional the series is summed, of many the matrix is decomposed. */
static void series_and_decomposition_agree(void) {
  enum { ROWS = 400, COLUMNS = 6, MANY = 40, LEAST = 4 };
  static double q[ROWS * COLUMNS], e[ROWS], r[COLUMNS * MANY];
  static double own[MANY * MANY * ROWS], t[COLUMNS * MANY * ROWS], score[MANY * ROWS];
  double own_one[ROWS], t_one[COLUMNS * ROWS], score_one[ROWS];
  const double *col[COLUMNS];
  int cluster[ROWS];
  for (int i = 0; i < ROWS * COLUMNS; i++) q[i] = uniform() / 8;
  for (int i = 0; i < ROWS; i++) e[i] = uniform();
  for (int i = 0; i < COLUMNS * MANY; i++) r[i] = uniform();
  for (int j = 0; j < COLUMNS; j++) col[j] = q + j * ROWS;
  for (int rows = LEAST; rows <= 16; rows *= 4) { /* fewer and more than columns */
    int n_clusters = ROWS / rows;
    for (int i = 0; i < ROWS; i++) cluster[i] = 1 + i / rows;
    fe_cr2_job job = {col, COLUMNS, ROWS, NULL, e, cluster, n_clusters, r, MANY, -0.5};
    fe_exec exec = {2, NULL, NULL};
    fe_cr2_out out = {score, own, t, NULL}, out_one = {score_one, own_one, t_one, NULL};
    check(fe_cr2(&job, &exec, &out) == FE_OK);
    job.n_r = 1;
    check(fe_cr2(&job, &exec, &out_one) == FE_OK);
    for (int g = 0; g < n_clusters; g++) {
      check(fabs(score_one[g] - score[g]) < 1e-14);
      check(fabs(own_one[g] - own[g * MANY * MANY]) < 1e-14);
      for (int j = 0; j < COLUMNS; j++) {
        check(fabs(t_one[g * COLUMNS + j] - t[g * MANY * COLUMNS + j]) < 1e-14);
      }
    }
  }
}

static void columns_are_rotated(void) {
  enum { ROWS = 5000 };
  static double x[2 * ROWS], out[3 * ROWS];
  const double *col[2] = {x, x + ROWS}, by[6] = {1, 2, 0, 3, -1, 0};
  for (int i = 0; i < 2 * ROWS; i++) x[i] = uniform();
  for (int threads = 1; threads <= 2; threads++) {
    fe_exec exec = {threads, NULL, NULL};
    check(fe_rotate(col, 2, ROWS, by, 3, &exec, out) == FE_OK);
    double worst = 0;
    for (int i = 0; i < ROWS; i++) {
      worst = fmax(worst, fabs(out[i] - x[i] - 2 * x[i + ROWS]));
      worst = fmax(worst, fabs(out[i + ROWS] - 3 * x[i + ROWS]));
      worst = fmax(worst, fabs(out[i + 2 * ROWS] + x[i]));
    }
    check(worst < 1e-15);
  }
}

static void bad_arguments_are_refused(void) {
  sample s;
  double score[G * R];
  make_sample(&s, 0, tall);
  fe_cr2_job job = job_of(&s, 0);
  fe_exec exec = {1, NULL, NULL};
  fe_cr2_out out = {score, NULL, NULL, NULL};
  fe_cr2_nested none = {0, NULL, NULL, NULL};
  check(fe_cr2(&job, &exec, &out) == FE_OK);
  check(fe_cr2_weighted(&job, &none, s.col, s.r, &exec, &out) == FE_EINVAL);
  job.power = 2;
  check(fe_cr2(&job, &exec, &out) == FE_EINVAL);
  job.power = 0;
  s.cluster[3] = G + 1;
  check(fe_cr2(&job, &exec, &out) == FE_EINVAL);
}

int main(void) {
  run(plain_scores_equal_the_matrices);
  run(weighted_scores_equal_the_matrices);
  run(series_and_decomposition_agree);
  run(columns_are_rotated);
  run(bad_arguments_are_refused);
  return report();
}
