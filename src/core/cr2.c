/* B_g = (I - P_N) - F F' with F = W_g^1/2 Q_g, in the metric of W. With F'F = V diag(l) V'
 *   B_g^power = (I - P_N) + sum_j ((1 - l_j)^power - 1) F v_j v_j'F' / l_j,
 * and P_N takes away nothing of F or of W^1/2 e: all is a function of F'F and F'W^1/2 e. Where a
 * cluster has fewer rows than there are columns, F F' is decomposed instead.
 *
 * Where the eigenvalues l are well below one, the series
 *   (1 - l)^-1/2 = sum_k c_k l^k, c_k = c_{k-1} (k - 1/2) / k,
 * is applied to the functionals with the matrix itself: its terms are positive, nothing cancels. */
#include "cr2.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "cr2_private.h"
#include "eigen.h"
#include "parallel.h"

double fe_cr2_power(double v, double power) {
  if (power == 0) return 1;
  return v > FE_CR2_ZERO ? 1 / sqrt(v) : 0;
}

fe_status fe_cr2_group(const fe_cr2_job *job, fe_cr2_groups *groups) {
  groups->start = NULL;
  groups->order = NULL;
  if (!fe_codes_fit(job->cluster, job->n, job->n_clusters)) return FE_EINVAL;
  if (job->power != 0 && job->power != -0.5) return FE_EINVAL;
  groups->start = malloc(((size_t)job->n_clusters + 1) * sizeof *groups->start);
  groups->order = malloc(((size_t)job->n + 1) * sizeof *groups->order);
  if (!groups->start || !groups->order) return FE_ENOMEM;
  fe_order_by(job->cluster, job->n_clusters, job->n, groups->start, groups->order);
  groups->most = 0;
  for (int g = 0; g < job->n_clusters; g++) {
    int64_t rows = groups->start[g + 1] - groups->start[g];
    if (rows > groups->most) groups->most = rows;
  }
  return FE_OK;
}

void fe_cr2_ungroup(fe_cr2_groups *groups) {
  free(groups->start);
  free(groups->order);
}

fe_status fe_cr2_worst(const fe_status *failed, int workers) {
  fe_status worst = FE_OK;
  for (int t = 0; t < workers; t++) worst = failed[t] > worst ? failed[t] : worst;
  return worst;
}

void fe_cr2_combine(const fe_cr2_job *job, int64_t g, int order, const double *lambda,
                    const double *scale, double *u, const double *v, const fe_cr2_out *out) {
  size_t n = (size_t)order, n_r = (size_t)job->n_r;
  double *own = out->own ? out->own + (size_t)g * n_r * n_r : NULL;
  for (size_t c = 0; c < n_r; c++) {
    double *x = u + c * n, score = 0;
    for (size_t j = 0; j < n; j++) {
      x[j] *= fe_cr2_power(lambda[j], job->power);
      score += x[j] * v[j];
    }
    out->score[c * (size_t)job->n_clusters + (size_t)g] = score;
    for (size_t d = 0; d <= c && own; d++) {
      const double *z = u + d * n;
      double sum = 0;
      for (size_t j = 0; j < n; j++) sum += (scale ? scale[j] : 1) * lambda[j] * x[j] * z[j];
      own[c * n_r + d] = own[d * n_r + c] = sum;
    }
  }
}

/* ---- basis ---------------------------------------------------------------------------------- */

enum { ROWS_PER_TASK = 2048 };

typedef struct {
  const double *const *col;
  int p;
  int64_t n;
  const double *by;
  int m;
  double *out;
} rotation;

static void rotate_task(int64_t task, int worker, void *data) {
  const rotation *run = data;
  size_t from = (size_t)task * ROWS_PER_TASK, rows = (size_t)run->n - from;
  (void)worker;
  if (rows > ROWS_PER_TASK) rows = ROWS_PER_TASK;
  for (size_t c = 0; c < (size_t)run->m; c++) {
    double *to = run->out + c * (size_t)run->n + from;
    memset(to, 0, rows * sizeof *to);
    for (size_t j = 0; j < (size_t)run->p; j++) {
      double f = run->by[c * (size_t)run->p + j];
      if (f != 0) fe_axpy(f, run->col[j] + from, to, rows);
    }
  }
}

fe_status fe_rotate(const double *const *col, int p, int64_t n, const double *by, int m,
                    const fe_exec *exec, double *out) {
  rotation run = {col, p, n, by, m, out};
  return fe_parallel_for(exec, (n + ROWS_PER_TASK - 1) / ROWS_PER_TASK, rotate_task, &run);
}

/* ---- series --------------------------------------------------------------------------------- */

enum { MOST_TERMS = 60 };

/* Matrix M (F'F or F F', order n): how many powers f(M) needs, -1 if an eigenvalue may be too
 * large. They are below the Frobenius norm h; what is left out is below h^(K+1) / (1 - h). */
static int series_terms(const fe_cr2_job *job, const double *a, size_t n) {
  if (job->power == 0) return 0;
  double norm = sqrt(fe_dot(a, a, n * n)), rest = norm / (1 - norm);
  if (!(norm < 0.9)) return -1;
  int most = (int)(4 * n / (size_t)(job->n_r > 0 ? job->n_r : 1)), terms = 0;
  if (most > MOST_TERMS) most = MOST_TERMS;
  for (; rest > DBL_EPSILON / 8; rest *= norm) {
    if (++terms > most) return -1;
  }
  return terms;
}

/* y = M x + f b (b NULL: zero) */
static void times(const double *a, size_t n, const double *x, double f, const double *b,
                  double *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] = b ? f * b[i] : 0;
  for (size_t j = 0; j < n; j++) fe_axpy(x[j], a + j * n, y, n);
}

/* y = sum_{k <= terms} c_k M^k b, by Horner's rule; spare: n doubles. */
static void series(const double *a, size_t n, int terms, const double *b, double *y,
                   double *spare) {
  double c[MOST_TERMS + 1], *to = terms % 2 ? spare : y, *from = terms % 2 ? y : spare;
  c[0] = 1;
  for (int k = 1; k <= terms; k++) c[k] = c[k - 1] * (k - 0.5) / k;
  for (size_t i = 0; i < n; i++) to[i] = c[terms] * b[i];
  for (int k = terms; k-- > 0;) {
    double *swap = from;
    from = to;
    to = swap;
    times(a, n, from, c[k], b, to);
  }
}

/* own = x_c'B x_d of functionals x = B^power z: z_c'z_d if the power is -1/2. In coordinates in
 * which z_c'z_d = b_c'v_d and z_c'(F F') z_d = v_c'h_d. */
static void series_own(const fe_cr2_job *job, int64_t g, size_t n, const double *b,
                       const double *v, const double *h, double *own) {
  size_t n_r = (size_t)job->n_r;
  double *to = own + (size_t)g * n_r * n_r;
  for (size_t c = 0; c < n_r; c++) {
    for (size_t d = 0; d <= c; d++) {
      double sum = fe_dot(b + c * n, v + d * n, n);
      if (job->power == 0) sum -= fe_dot(v + c * n, h + d * n, n);
      to[c * n_r + d] = to[d * n_r + c] = sum;
    }
  }
}

/* ---- one cluster ---------------------------------------------------------------------------- */

typedef struct {
  const fe_cr2_job *job;
  const fe_cr2_out *out;
  fe_cr2_groups groups;
  double *work;
  size_t stride;
  fe_status *failed;
} plain_run;

/* W^1/2 times row i of Q; returns that of e. */
static double weighted_row(const fe_cr2_job *job, int64_t i, double *f) {
  double root = job->w ? sqrt(job->w[i]) : 1;
  for (int j = 0; j < job->p; j++) f[j] = root * job->q[j][i];
  return root * job->e[i];
}

/* a = F'F (p x p), s = F'W^1/2 e */
static void cross_columns(const fe_cr2_job *job, const int64_t *row, int64_t n, double *f,
                          double *a, double *s) {
  size_t p = (size_t)job->p;
  memset(a, 0, p * p * sizeof *a);
  memset(s, 0, p * sizeof *s);
  for (int64_t t = 0; t < n; t++) {
    double e = weighted_row(job, row[t], f);
    for (size_t j = 0; j < p; j++) fe_axpy(f[j], f + j, a + j * p + j, p - j);
    fe_axpy(e, f, s, p);
  }
  for (size_t j = 0; j < p; j++) {
    for (size_t i = j + 1; i < p; i++) a[i * p + j] = a[j * p + i];
  }
}

/* y_c = f(F'F) r_c: score y's, t = F'F y. v: F'F r. work: 2 n_r p + p. */
static void tall_series(const plain_run *run, int64_t g, const double *a, const double *s,
                        int terms, double *work) {
  const fe_cr2_job *job = run->job;
  size_t p = (size_t)job->p, n_r = (size_t)job->n_r;
  double *v = work, *y = v + n_r * p, *spare = y + p;
  for (size_t c = 0; c < n_r; c++) {
    const double *r = job->r + c * p;
    series(a, p, terms, r, y, spare);
    run->out->score[c * (size_t)job->n_clusters + (size_t)g] = fe_dot(y, s, p);
    if (run->out->t) times(a, p, y, 0, NULL, run->out->t + ((size_t)g * n_r + c) * p);
    if (run->out->own) times(a, p, r, 0, NULL, v + c * p);
  }
  if (run->out->own) series_own(job, g, p, job->r, v, v, run->out->own);
}

/* Few columns: eigenvectors of F'F. work: a, eigen's, then 5 p + n_r p. */
static fe_status tall_cluster(const plain_run *run, int64_t g, double *work) {
  const fe_cr2_job *job = run->job;
  size_t p = (size_t)job->p, n_r = (size_t)job->n_r;
  double *a = work, *space = a + p * p, *l = space + fe_eigen_work(job->p);
  double *s = l + p, *v = s + p, *f = v + p, *u = f + p;
  int64_t from = run->groups.start[g];
  cross_columns(job, run->groups.order + from, run->groups.start[g + 1] - from, f, a, s);
  int terms = series_terms(job, a, p);
  if (terms >= 0) {
    tall_series(run, g, a, s, terms, v);
    return FE_OK;
  }
  fe_status status = fe_eigen(a, job->p, l, space);
  if (status) return status;
  for (size_t j = 0; j < p; j++) {
    v[j] = fe_dot(a + j * p, s, p);
    for (size_t c = 0; c < n_r; c++) u[c * p + j] = fe_dot(a + j * p, job->r + c * p, p);
    f[j] = 1 - l[j];
  }
  fe_cr2_combine(job, g, job->p, f, l, u, v, run->out);
  for (size_t c = 0; c < n_r && run->out->t; c++) {
    double *t = run->out->t + ((size_t)g * n_r + c) * p;
    memset(t, 0, p * sizeof *t);
    for (size_t j = 0; j < p; j++) fe_axpy(l[j] * u[c * p + j], a + j * p, t, p);
  }
  return FE_OK;
}

/* z_c = F r_c, y = f(F F') z: score y'e, t = F'y. work: 2 n_r n + 2 n. */
static void wide_series(const plain_run *run, int64_t g, size_t n, const double *f,
                        const double *a, const double *e, int terms, double *work) {
  const fe_cr2_job *job = run->job;
  size_t p = (size_t)job->p, n_r = (size_t)job->n_r;
  double *z = work, *h = z + n_r * n, *y = h + n_r * n, *spare = y + n;
  for (size_t c = 0; c < n_r; c++) {
    for (size_t i = 0; i < n; i++) z[c * n + i] = fe_dot(f + i * p, job->r + c * p, p);
    series(a, n, terms, z + c * n, y, spare);
    run->out->score[c * (size_t)job->n_clusters + (size_t)g] = fe_dot(y, e, n);
    if (job->power == 0) times(a, n, z + c * n, 0, NULL, h + c * n);
    if (!run->out->t) continue;
    double *t = run->out->t + ((size_t)g * n_r + c) * p;
    memset(t, 0, p * sizeof *t);
    for (size_t i = 0; i < n; i++) fe_axpy(y[i], f + i * p, t, p);
  }
  if (run->out->own) series_own(job, g, n, z, z, h, run->out->own);
}

/* Few rows: eigenvectors of F F'. work: f (n rows of p), a, eigen's, then 5 n + 2 n_r n. */
static fe_status wide_cluster(const plain_run *run, int64_t g, double *work) {
  const fe_cr2_job *job = run->job;
  const int64_t *row = run->groups.order + run->groups.start[g];
  size_t p = (size_t)job->p, n_r = (size_t)job->n_r;
  size_t n = (size_t)(run->groups.start[g + 1] - run->groups.start[g]);
  double *f = work, *a = f + n * p, *space = a + n * n, *l = space + fe_eigen_work((int)n);
  double *e = l + n, *v = e + n, *z = v + n, *u = z + n;
  for (size_t i = 0; i < n; i++) e[i] = weighted_row(job, row[i], f + i * p);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = fe_dot(f + i * p, f + j * p, p);
  }
  int terms = series_terms(job, a, n);
  if (terms >= 0) {
    wide_series(run, g, n, f, a, e, terms, v);
    return FE_OK;
  }
  fe_status status = fe_eigen(a, (int)n, l, space);
  if (status) return status;
  for (size_t c = 0; c < n_r; c++) {
    for (size_t i = 0; i < n; i++) z[i] = fe_dot(f + i * p, job->r + c * p, p);
    for (size_t j = 0; j < n; j++) u[c * n + j] = fe_dot(a + j * n, z, n);
  }
  for (size_t j = 0; j < n; j++) {
    v[j] = fe_dot(a + j * n, e, n);
    l[j] = 1 - l[j];
  }
  fe_cr2_combine(job, g, (int)n, l, NULL, u, v, run->out);
  for (size_t c = 0; c < n_r && run->out->t; c++) {
    double *t = run->out->t + ((size_t)g * n_r + c) * p;
    memset(z, 0, n * sizeof *z);
    memset(t, 0, p * sizeof *t);
    for (size_t j = 0; j < n; j++) fe_axpy(u[c * n + j], a + j * n, z, n);
    for (size_t i = 0; i < n; i++) fe_axpy(z[i], f + i * p, t, p);
  }
  return FE_OK;
}

static void plain_task(int64_t g, int worker, void *data) {
  const plain_run *run = data;
  int64_t rows = run->groups.start[g + 1] - run->groups.start[g];
  double *work = run->work + (size_t)worker * run->stride;
  fe_status status = rows < run->job->p ? wide_cluster(run, g, work) : tall_cluster(run, g, work);
  if (status > run->failed[worker]) run->failed[worker] = status;
}

fe_status fe_cr2(const fe_cr2_job *job, const fe_exec *exec, const fe_cr2_out *out) {
  plain_run run = {.job = job, .out = out};
  fe_status status = fe_cr2_group(job, &run.groups);
  int workers = fe_workers(exec, job->n_clusters);
  if (!status) {
    size_t p = (size_t)job->p;
    run.stride = 2 * p * p + fe_eigen_work(job->p) + (5 + 2 * (size_t)job->n_r) * p + 1;
    run.work = malloc((size_t)workers * run.stride * sizeof *run.work);
    run.failed = calloc((size_t)workers, sizeof *run.failed);
    if (!run.work || !run.failed) status = FE_ENOMEM;
  }
  if (!status) status = fe_parallel_for(exec, job->n_clusters, plain_task, &run);
  if (!status) status = fe_cr2_worst(run.failed, workers);
  free(run.work);
  free(run.failed);
  fe_cr2_ungroup(&run.groups);
  return status;
}
