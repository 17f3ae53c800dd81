/* Meats: by group, by pairs of groups, by row, over space; CR2 against matrices written out. */
#include "fuzz.h"

#include "conley.h"
#include "cr2.h"
#include "eigen.h"
#include "vcov.h"

enum { K = MAX_K };

static void check_sums(const problem *p, const double *u) {
  int groups = p->n_levels[0], n = (int)p->codes.n;
  double sum[MAX_N * K], meat[K * K];
  long double want[MAX_N * K] = {0}, rows[K * K] = {0}, size = 0;
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < p->k; j++) {
      want[j * groups + p->code[0][i] - 1] += u[i] * (long double)p->x[j][i];
      for (int l = 0; l < p->k; l++) {
        rows[j * p->k + l] += (long double)u[i] * u[i] * p->x[j][i] * p->x[l][i];
      }
      size += fabsl(u[i] * (long double)p->x[j][i]);
    }
  }
  demand(fe_score_sums(p->col, p->k, n, u, p->code[0], groups, &alone, sum) == FE_OK);
  for (int e = 0; e < groups * p->k; e++) {
    demand(close_to(sum[e], (double)want[e], 1e-13, (double)size));
  }
  demand(fe_row_meat(p->col, p->k, n, u, &alone, meat) == FE_OK);
  for (int e = 0; e < p->k * p->k; e++) {
    demand(close_to(meat[e], (double)rows[e], 1e-13, (double)(size * size)));
  }
}

static void check_pairs(const problem *p, const double *u) {
  const int *a = p->code[0], *c = p->code[p->codes.q - 1];
  int n = (int)p->codes.n, pairs = 0;
  int64_t n_pairs;
  double meat[K * K];
  long double want[K * K] = {0}, size = 0;
  for (int i = 0; i < n; i++) {
    int first = 1;
    for (int j = 0; j < n; j++) {
      if (a[i] != a[j] || c[i] != c[j]) continue;
      if (j < i) first = 0;
      for (int e = 0; e < p->k * p->k; e++) {
        long double t = u[i] * (long double)u[j] * p->x[e / p->k][i] * p->x[e % p->k][j];
        want[e] += t;
        size += fabsl(t);
      }
    }
    pairs += first;
  }
  demand(fe_pair_meat(p->col, p->k, n, u, a, p->n_levels[0], c, p->n_levels[p->codes.q - 1],
                      &alone, meat, &n_pairs) == FE_OK);
  demand(n_pairs == pairs);
  for (int e = 0; e < p->k * p->k; e++) {
    demand(close_to(meat[e], (double)want[e], 1e-12, (double)size));
  }
}

/* ---- space ---------------------------------------------------------------------------------- */

static double distance(const fe_places *p, const fe_nearness *rule, int i, int j) {
  if (rule->metric == FE_PLANE) return hypot(p->a[i] - p->a[j], p->b[i] - p->b[j]);
  long double degree = acosl(-1) / 180, s = sinl((p->a[i] - p->a[j]) * degree / 2);
  long double t = sinl((p->b[i] - p->b[j]) * degree / 2);
  long double h = s * s + cosl(p->a[i] * degree) * cosl(p->a[j] * degree) * t * t;
  return (double)(2 * rule->radius * asinl(sqrtl(h < 1 ? h : 1)));
}

static void check_space(bytes *b, const problem *p) {
  int n = (int)p->codes.n;
  double at[2][MAX_N], score[K * MAX_N], meat[K * K], pairs, count = 0;
  long double want[K * K] = {0}, size = 0;
  fe_nearness rule = {(fe_metric)(take(b) % 2), (fe_kernel)(take(b) % 2), 1e-3 + take(b) * 8.0, 6371};
  int spread = take(b) % 3;
  fe_places places = {n, at[0], at[1], score, p->k};
  for (int i = 0; i < n; i++) {
    int clumped = spread == 0 || (spread == 1 && i % 2);
    at[0][i] = clumped ? 40 + take(b) / 64.0 : (take(b) - 127.5) / 127.5 * 90;
    at[1][i] = clumped ? take(b) / 64.0 : (take(b) - 127.5) / 127.5 * 180 + take(b) % 2 * 360;
    for (int j = 0; j < p->k; j++) score[j * n + i] = p->x[j][i];
  }
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < n; j++) {
      double d = distance(&places, &rule, i, j);
      if (fabs(d - rule.cutoff) < 1e-6) return; /* either answer is right */
      if (d > rule.cutoff) continue;
      count += i < j;
      for (int e = 0; e < p->k * p->k; e++) {
        long double t = score[e / p->k * n + i] * (long double)score[e % p->k * n + j];
        want[e] += (rule.kernel == FE_UNIFORM ? 1 : 1 - d / rule.cutoff) * t;
        size += fabsl(t);
      }
    }
  }
  demand(fe_conley_meat(&places, &rule, &alone, meat, &pairs) == FE_OK);
  demand(pairs == count);
  for (int e = 0; e < p->k * p->k; e++) {
    demand(close_to(meat[e], (double)want[e], 1e-7, (double)size));
  }
}

/* ---- CR2 ------------------------------------------------------------------------------------ */

/* Jacobi's rotations: a (n x n) becomes diagonal, v its vectors. */
static void jacobi(int n, long double a[MAX_N][MAX_N], long double v[MAX_N][MAX_N]) {
  for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) v[i][j] = i == j;
  for (int sweep = 0; sweep < 30; sweep++) {
    for (int p = 0; p < n; p++) {
      for (int q = p + 1; q < n; q++) {
        if (fabsl(a[p][q]) < 1e-25L) continue;
        long double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        long double t = (theta < 0 ? -1 : 1) / (fabsl(theta) + sqrtl(theta * theta + 1));
        long double c = 1 / sqrtl(t * t + 1), s = t * c;
        for (int k = 0; k < n; k++) {
          long double x = a[k][p], y = a[k][q], z = v[k][p], w = v[k][q];
          a[k][p] = c * x - s * y, a[k][q] = s * x + c * y;
          v[k][p] = c * z - s * w, v[k][q] = s * z + c * w;
        }
        for (int k = 0; k < n; k++) {
          long double x = a[p][k], y = a[q][k];
          a[p][k] = c * x - s * y, a[q][k] = s * x + c * y;
        }
      }
    }
  }
}

/* psi'W^1/2 B^power W^1/2 e of one cluster, B = I - F F' in the metric of the weights; NaN where an
 * eigenvalue is neither zero nor clearly above. */
static double score_of(const fe_cr2_job *job, int g) {
  long double b[MAX_N][MAX_N], v[MAX_N][MAX_N], score = 0;
  int row[MAX_N], m = 0;
  for (int i = 0; i < job->n; i++) if (job->cluster[i] == g) row[m++] = i;
  for (int i = 0; i < m; i++) {
    for (int j = 0; j < m; j++) {
      b[i][j] = i == j;
      for (int k = 0; k < job->p; k++) {
        b[i][j] -= sqrtl((long double)(job->w ? job->w[row[i]] * job->w[row[j]] : 1)) *
                   job->q[k][row[i]] * job->q[k][row[j]];
      }
    }
  }
  jacobi(m, b, v);
  for (int l = 0; l < m; l++) {
    long double psi = 0, e = 0, value = b[l][l];
    if (value > 1e-13L && value < 1e-7L) return NAN;
    for (int i = 0; i < m; i++) {
      long double root = sqrtl((long double)(job->w ? job->w[row[i]] : 1)), fit = 0;
      for (int k = 0; k < job->p; k++) fit += job->q[k][row[i]] * (long double)job->r[k];
      psi += v[i][l] * root * fit;
      e += v[i][l] * root * job->e[row[i]];
    }
    if (job->power == 0) score += psi * e;
    else if (value > 1e-11L) score += psi * e / sqrtl(value);
  }
  return (double)score;
}

/* Q: columns made orthonormal in the metric of the weights. */
static int make_basis(const problem *p, double q[K][MAX_N]) {
  static basis b;
  b = (basis){.n = (int)p->codes.n};
  for (int j = 0; j < p->k; j++) {
    long double v[MAX_N];
    for (int i = 0; i < b.n; i++) v[i] = sqrtl((long double)weight_of(p, i)) * p->x[j][i];
    basis_add(&b, v, 1e-9L);
  }
  for (int j = 0; j < b.rank; j++) {
    for (int i = 0; i < b.n; i++) {
      double w = weight_of(p, i);
      q[j][i] = w > 0 ? (double)(b.vector[j][i] / sqrtl((long double)w)) : 0;
    }
  }
  return b.rank;
}

static void check_cr2(bytes *b, const problem *p) {
  double q[K][MAX_N], r[K], score[MAX_N], own[MAX_N], t[K * MAX_N], e[MAX_N];
  const double *col[K] = {q[0], q[1], q[2]};
  int rank = make_basis(p, q);
  for (int k = 0; k < K; k++) r[k] = take_plain(b);
  for (int i = 0; i < p->codes.n; i++) e[i] = take_plain(b);
  fe_cr2_job job = {col, rank, p->codes.n, p->w, e, p->code[0], p->n_levels[0], r, 1,
                    take(b) % 4 ? -0.5 : 0};
  fe_cr2_out out = {score, own, t, NULL};
  demand(fe_cr2(&job, &alone, &out) == FE_OK);
  for (int g = 1; g <= p->n_levels[0]; g++) {
    double want = score_of(&job, g);
    demand(isfinite(score[g - 1]) && own[g - 1] >= -1e-9);
    if (want == want) demand(close_to(score[g - 1], want, 1e-6, 1000));
  }
}

static void check_eigen(bytes *b) {
  enum { N = 12 };
  int n = 1 + take(b) % N;
  double a[N * N], v[N * N], value[N], work[64 * N], size = 0;
  demand(fe_eigen_work(n) <= 64 * N);
  for (int i = 0; i < n; i++) {
    for (int j = 0; j <= i; j++) a[i + j * n] = a[j + i * n] = take_plain(b) * (take(b) % 3);
  }
  memcpy(v, a, sizeof a);
  for (int e = 0; e < n * n; e++) size = fmax(size, fabs(a[e]));
  demand(fe_eigen(v, n, value, work) == FE_OK);
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < n; j++) {
      double sum = 0, dot = 0;
      for (int k = 0; k < n; k++) {
        sum += v[i + k * n] * value[k] * v[j + k * n];
        dot += v[k + i * n] * v[k + j * n];
      }
      demand(close_to(sum, a[i + j * n], 1e-12, n * size) && close_to(dot, i == j, 1e-12, 1));
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bytes b = bytes_of(data, size);
  problem p;
  double u[MAX_N];
  take_problem(&b, &p);
  for (int j = 0; j < p.k; j++) {
    for (int i = 0; i < p.codes.n; i++) {
      if (fabs(p.x[j][i]) > 1e100) p.x[j][i] = 1;
    }
  }
  for (int i = 0; i < p.codes.n; i++) u[i] = take_plain(&b);
  check_sums(&p, u);
  check_pairs(&p, u);
  check_space(&b, &p);
  check_eigen(&b);
  int plain = p.range == TAME;
  for (int j = 0; j < p.k; j++) plain = plain && p.plain[j];
  if (plain) check_cr2(&b, &p);
  return 0;
}
