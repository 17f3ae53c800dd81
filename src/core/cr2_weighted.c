/* B_g = I - C W_g - W_g C + T with C = F F', T = F S F' for F = [N~ | Q_g], N~ a W-orthonormal
 * basis of the cluster's own effects, and S = F'W_g^2 F except in Q's own block, where it is U:
 * rows of other clusters add to that. B_g is the identity off the span of [F, W_g F], so an
 * orthonormal basis E of it, or the rows themselves where they are fewer, holds all of its
 * spectrum. Where the weights of a cluster are all equal, N~ is orthogonal to all the rest and
 * drops out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cr2.h"
#include "cr2_private.h"
#include "eigen.h"
#include "parallel.h"

/* What is left of a column below these shares of it is rounding error: dummies; basis of B_g. */
#define DEPENDENT 1e-9
#define NEGLIGIBLE 1e-13

typedef struct {
  const fe_cr2_job *job;
  const fe_cr2_nested *nested;
  const double *const *psi;
  const double *u;
  const fe_cr2_out *out;
  fe_cr2_groups groups;
  int **slot;    /* for each term and level: its column among those of its cluster */
  int *n_local;  /* n_clusters: columns of N */
  double *work;  /* stride for each worker */
  size_t stride;
  fe_status *failed;
} weighted_run;

/* One cluster's arrays, all within the worker's scratch; columns of n rows. */
typedef struct {
  size_t n, m, f, s;  /* rows; columns of N~, of F, of E */
  int direct;         /* the basis is that of the rows */
  double *w;          /* n */
  double *col, *wcol; /* F and W F, n x f */
  double *basis;      /* E, n x s */
  double *in, *win;   /* E'F, E'W F: s x f */
  double *b;          /* s x s, then its eigenvectors */
  double *mid;        /* S, f x f; later s x f */
  double *space, *lambda, *uv, *ev, *psi, *e, *coef;
} cluster_view;

/* ---- columns of the cluster ------------------------------------------------------------------ */

static double inner(const double *x, const double *y, const double *w, size_t n) {
  if (!w) return fe_dot(x, y, n);
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += w[i] * x[i] * y[i];
  return sum;
}

/* Gram-Schmidt, twice: x less its projection on the m columns of a in the metric of the weights (w
 * NULL: one), to length one. 0 if no more than `tol` of it is left. */
static int orthonormalise(const double *a, size_t m, const double *w, double *x, size_t n,
                          double tol) {
  double before = inner(x, x, w, n);
  for (int pass = 0; pass < 2; pass++) {
    for (size_t j = 0; j < m; j++) fe_axpy(-inner(a + j * n, x, w, n), a + j * n, x, n);
  }
  double after = inner(x, x, w, n);
  if (!(after > tol * tol * before)) return 0;
  double inverse = 1 / sqrt(after);
  for (size_t i = 0; i < n; i++) x[i] *= inverse;
  return 1;
}

static int weights_are_equal(const double *w, size_t n) {
  for (size_t i = 1; i < n; i++) {
    if (fabs(w[i] - w[0]) > 1e-14 * w[0]) return 0;
  }
  return 1;
}

/* The first columns of F: N~. */
static void own_effects(const weighted_run *run, int64_t g, const int64_t *row, cluster_view *v) {
  const fe_cr2_nested *nested = run->nested;
  size_t count = (size_t)run->n_local[g];
  memset(v->col, 0, count * v->n * sizeof *v->col);
  for (int f = 0; f < nested->n_terms; f++) {
    for (size_t i = 0; i < v->n; i++) {
      size_t at = (size_t)run->slot[f][nested->code[f][row[i]] - 1];
      v->col[at * v->n + i] = nested->value[f] ? nested->value[f][row[i]] : 1;
    }
  }
  v->m = 0;
  for (size_t j = 0; j < count; j++) {
    double *to = v->col + v->m * v->n;
    if (v->m != j) memcpy(to, v->col + j * v->n, v->n * sizeof *to);
    v->m += (size_t)orthonormalise(v->col, v->m, v->w, to, v->n, DEPENDENT);
  }
}

static void gather_cluster(const weighted_run *run, int64_t g, const int64_t *row,
                           cluster_view *v) {
  const fe_cr2_job *job = run->job;
  for (size_t i = 0; i < v->n; i++) {
    v->w[i] = job->w[row[i]];
    v->e[i] = job->e[row[i]];
  }
  int equal = weights_are_equal(v->w, v->n);
  v->m = 0;
  if (!equal) own_effects(run, g, row, v);
  double *q = v->col + v->m * v->n;
  for (int j = 0; j < job->p; j++) {
    for (size_t i = 0; i < v->n; i++) q[(size_t)j * v->n + i] = job->q[j][row[i]];
  }
  v->f = v->m + (size_t)job->p;
  for (size_t j = 0; j < v->f; j++) {
    for (size_t i = 0; i < v->n; i++) v->wcol[j * v->n + i] = v->w[i] * v->col[j * v->n + i];
  }
  for (int c = 0; c < job->n_r; c++) {
    double *psi = v->psi + (size_t)c * v->n;
    memset(psi, 0, v->n * sizeof *psi);
    const double *r = job->r + (size_t)c * (size_t)job->p;
    for (int j = 0; j < job->p && equal; j++) fe_axpy(r[j], q + (size_t)j * v->n, psi, v->n);
    for (size_t i = 0; i < v->n; i++) psi[i] = v->w[i] * (equal ? psi[i] : run->psi[c][row[i]]);
  }
}

/* E: of F and W F together, or the rows. */
static void find_basis(cluster_view *v) {
  v->direct = v->n <= 2 * v->f;
  v->s = v->n;
  if (v->direct) return;
  v->s = 0;
  for (size_t j = 0; j < 2 * v->f; j++) {
    double *to = v->basis + v->s * v->n;
    memcpy(to, j < v->f ? v->col + j * v->n : v->wcol + (j - v->f) * v->n, v->n * sizeof *to);
    v->s += (size_t)orthonormalise(v->basis, v->s, NULL, to, v->n, NEGLIGIBLE);
  }
}

/* out (s x k) = E'x for k columns */
static void into_basis(const cluster_view *v, const double *x, size_t k, double *out) {
  if (v->direct) {
    memcpy(out, x, k * v->n * sizeof *out);
    return;
  }
  for (size_t c = 0; c < k; c++) {
    for (size_t j = 0; j < v->s; j++) {
      out[c * v->s + j] = fe_dot(v->basis + j * v->n, x + c * v->n, v->n);
    }
  }
}

/* ---- B_g ------------------------------------------------------------------------------------- */

/* mid = S */
static void middle(const weighted_run *run, cluster_view *v) {
  size_t p = (size_t)run->job->p;
  for (size_t j = 0; j < v->f; j++) {
    for (size_t i = 0; i <= j; i++) {
      double value = i >= v->m ? run->u[(j - v->m) * p + (i - v->m)]
                               : fe_dot(v->wcol + i * v->n, v->wcol + j * v->n, v->n);
      v->mid[j * v->f + i] = v->mid[i * v->f + j] = value;
    }
  }
}

/* b = I - G Y' - Y G' with G = E'F, Y = E'WF - G S / 2; Y takes the place of E'WF. */
static void form_block(cluster_view *v) {
  size_t s = v->s;
  for (size_t j = 0; j < v->f; j++) {
    for (size_t i = 0; i < v->f; i++) {
      fe_axpy(-0.5 * v->mid[j * v->f + i], v->in + i * s, v->win + j * s, s);
    }
  }
  memset(v->b, 0, s * s * sizeof *v->b);
  for (size_t c = 0; c < s; c++) v->b[c * (s + 1)] = 1;
  for (size_t j = 0; j < v->f; j++) {
    const double *x = v->in + j * s, *y = v->win + j * s;
    for (size_t c = 0; c < s; c++) {
      fe_axpy(-y[c], x, v->b + c * s, s);
      fe_axpy(-x[c], y, v->b + c * s, s);
    }
  }
}

/* ---- results --------------------------------------------------------------------------------- */

/* a = A_g W_g psi into x, from its components `after` and those before, `before` (s). */
static void adjusted(const cluster_view *v, const double *after, const double *before, double *x) {
  memset(v->coef, 0, v->s * sizeof *v->coef);
  for (size_t j = 0; j < v->s; j++) fe_axpy(after[j], v->b + j * v->s, v->coef, v->s);
  if (v->direct) {
    memcpy(x, v->coef, v->n * sizeof *x);
    return;
  }
  for (size_t j = 0; j < v->s; j++) fe_axpy(v->coef[j] - before[j], v->basis + j * v->n, x, v->n);
}

/* t = Q'a, y = Q'W a - Q'W^2 N~ N~'a */
static void coupling(const weighted_run *run, const cluster_view *v, const double *a, double *t,
                     double *y) {
  size_t p = (size_t)run->job->p;
  const double *q = v->col + v->m * v->n, *wq = v->wcol + v->m * v->n;
  for (size_t j = 0; j < p; j++) {
    t[j] = fe_dot(q + j * v->n, a, v->n);
    y[j] = fe_dot(wq + j * v->n, a, v->n);
  }
  for (size_t k = 0; k < v->m; k++) {
    double own = fe_dot(v->col + k * v->n, a, v->n);
    for (size_t j = 0; j < p; j++) {
      y[j] -= own * fe_dot(wq + j * v->n, v->wcol + k * v->n, v->n);
    }
  }
}

/* What lies off the basis is not adjusted: added to score and own. */
static void add_rest(const weighted_run *run, int64_t g, const cluster_view *v,
                     const double *before) {
  const fe_cr2_job *job = run->job;
  size_t n_r = (size_t)job->n_r, s = v->s;
  if (v->direct) return;
  double *e = v->coef;
  into_basis(v, v->e, 1, e);
  for (size_t c = 0; c < n_r; c++) {
    const double *x = v->psi + c * v->n;
    run->out->score[c * (size_t)job->n_clusters + (size_t)g] +=
        fe_dot(x, v->e, v->n) - fe_dot(before + c * s, e, s);
    for (size_t d = 0; d < n_r && run->out->own; d++) {
      run->out->own[(size_t)g * n_r * n_r + c * n_r + d] +=
          fe_dot(x, v->psi + d * v->n, v->n) - fe_dot(before + c * s, before + d * s, s);
    }
  }
}

static void finish_cluster(const weighted_run *run, int64_t g, cluster_view *v) {
  const fe_cr2_job *job = run->job;
  size_t n_r = (size_t)job->n_r, p = (size_t)job->p, s = v->s;
  double *before = v->mid, *e = v->coef; /* mid has room for n_r s */
  into_basis(v, v->psi, n_r, before);
  into_basis(v, v->e, 1, e);
  for (size_t j = 0; j < s; j++) {
    v->ev[j] = fe_dot(v->b + j * s, e, s);
    for (size_t c = 0; c < n_r; c++) v->uv[c * s + j] = fe_dot(v->b + j * s, before + c * s, s);
  }
  fe_cr2_combine(job, g, (int)s, v->lambda, NULL, v->uv, v->ev, run->out);
  add_rest(run, g, v, before);
  for (size_t c = 0; c < n_r && run->out->t; c++) {
    double *a = v->psi + c * v->n;
    size_t at = ((size_t)g * n_r + c) * p;
    adjusted(v, v->uv + c * s, before + c * s, a);
    coupling(run, v, a, run->out->t + at, run->out->y + at);
  }
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* Lays the arrays of a cluster of n rows and m own columns over work; -> doubles needed. */
static size_t lay_out(const fe_cr2_job *job, size_t n, size_t m, double *work, cluster_view *v) {
  size_t f = m + (size_t)job->p, s = smaller(n, 2 * f), n_r = (size_t)job->n_r, at = 0;
  struct {
    double **to;
    size_t size;
  } part[] = {{&v->w, n}, {&v->col, n * f}, {&v->wcol, n * f}, {&v->basis, n * (s + 1)},
              {&v->in, s * f}, {&v->win, s * f}, {&v->b, s * s}, {&v->mid, larger(f * f, n_r * s)},
              {&v->space, fe_eigen_work((int)s)}, {&v->lambda, s}, {&v->uv, n_r * s},
              {&v->ev, s}, {&v->psi, n_r * n}, {&v->e, n}, {&v->coef, n}};
  for (size_t k = 0; k < sizeof part / sizeof *part; k++) {
    if (work) *part[k].to = work + at;
    at += part[k].size + 1;
  }
  v->n = n;
  return at;
}

static void weighted_task(int64_t g, int worker, void *data) {
  const weighted_run *run = data;
  const int64_t *row = run->groups.order + run->groups.start[g];
  cluster_view v = {0};
  size_t n = (size_t)(run->groups.start[g + 1] - run->groups.start[g]);
  lay_out(run->job, n, (size_t)run->n_local[g], run->work + (size_t)worker * run->stride, &v);
  gather_cluster(run, g, row, &v);
  find_basis(&v);
  into_basis(&v, v.col, v.f, v.in);
  into_basis(&v, v.wcol, v.f, v.win);
  middle(run, &v);
  form_block(&v);
  fe_status status = fe_eigen(v.b, (int)v.s, v.lambda, v.space);
  if (!status) finish_cluster(run, g, &v);
  if (status > run->failed[worker]) run->failed[worker] = status;
}

/* ---- set-up --------------------------------------------------------------------------------- */

/* Numbers the levels of each term among those of their cluster. */
static fe_status number_levels(weighted_run *run) {
  const fe_cr2_nested *nested = run->nested;
  const fe_cr2_job *job = run->job;
  run->n_local = calloc((size_t)job->n_clusters + 1, sizeof *run->n_local);
  run->slot = calloc((size_t)nested->n_terms + 1, sizeof *run->slot);
  if (!run->n_local || !run->slot) return FE_ENOMEM;
  for (int f = 0; f < nested->n_terms; f++) {
    size_t levels = (size_t)nested->n_levels[f];
    run->slot[f] = malloc((levels + 1) * sizeof **run->slot);
    if (!run->slot[f]) return FE_ENOMEM;
    for (size_t l = 0; l < levels; l++) run->slot[f][l] = -1;
    for (int64_t i = 0; i < job->n; i++) {
      int *at = run->slot[f] + nested->code[f][i] - 1;
      if (*at < 0) *at = run->n_local[job->cluster[i] - 1]++;
    }
  }
  return FE_OK;
}

static fe_status allocate(weighted_run *run, size_t workers) {
  const fe_cr2_job *job = run->job;
  cluster_view v = {0};
  for (int g = 0; g < job->n_clusters; g++) {
    size_t n = (size_t)(run->groups.start[g + 1] - run->groups.start[g]);
    size_t need = lay_out(job, n, (size_t)run->n_local[g], NULL, &v);
    run->stride = larger(run->stride, need);
  }
  run->work = malloc(workers * run->stride * sizeof *run->work);
  run->failed = calloc(workers, sizeof *run->failed);
  return run->work && run->failed ? FE_OK : FE_ENOMEM;
}

fe_status fe_cr2_weighted(const fe_cr2_job *job, const fe_cr2_nested *nested,
                          const double *const *psi, const double *u, const fe_exec *exec,
                          const fe_cr2_out *out) {
  if (!job->w) return FE_EINVAL;
  weighted_run run = {.job = job, .nested = nested, .psi = psi, .u = u, .out = out};
  int workers = fe_workers(exec, job->n_clusters);
  fe_status status = fe_cr2_group(job, &run.groups);
  if (!status) status = number_levels(&run);
  if (!status) status = allocate(&run, (size_t)workers);
  if (!status) status = fe_parallel_for(exec, job->n_clusters, weighted_task, &run);
  if (!status) status = fe_cr2_worst(run.failed, workers);
  for (int f = 0; f < nested->n_terms && run.slot; f++) free(run.slot[f]);
  free(run.slot);
  free(run.n_local);
  free(run.work);
  free(run.failed);
  fe_cr2_ungroup(&run.groups);
  return status;
}
