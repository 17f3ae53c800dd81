/* D is [D_1 .. D_q]; A = D'WD. With the factor of most levels (the lead, 1) eliminated, the
 * others, Z, leave the Schur complement
 *     S = Z'WZ - Z'W D_1 (D_1'W D_1)^-1 D_1'W Z,
 * and the projection of x is: remove lead means; r = Z'Wx; solve S delta = r; x <- x - Z delta;
 * remove lead means again (Guimaraes and Portugal 2010; Gaure 2013). Solvers differ only in how
 * S delta = r is solved. The pass is repeated (iterative refinement) until the normal equations
 * D'Wx = 0 hold to the tolerance, measured on x itself. */
#include "absorb.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "linalg.h"
#include "parallel.h"

enum { MAX_PASSES = 12, DENSE_ALWAYS = 300, DENSE_NEVER = 4000 };

struct fe_absorber {
  fe_codes codes;
  const double *w;
  fe_control control;
  int lead;          /* the factor with most levels */
  int n_lead;
  int p;             /* levels of all other factors */
  int *offset;       /* of each factor in 0..p-1; -1 for the lead */
  double *lead_inv;  /* 1 / weight of each lead level; 0 for an empty one */
  double *other_w;   /* weight of each other level */
  int64_t *start;    /* rows in lead order: start[g] .. start[g+1] */
  int *cell;         /* in lead order, q-1 positions in 0..p-1 for each row */
  double *cell_w;    /* in lead order, weights; NULL = all one */
  double *chol;      /* dense solver: factor of S */
  int *used;         /* dense solver: independent columns of S */
  int64_t rank;
  int rank_exact;
};

/* ---- construction ------------------------------------------------------------------------ */

static int largest_factor(const fe_codes *c) {
  int lead = 0;
  for (int f = 1; f < c->q; f++) {
    if (c->n_levels[f] > c->n_levels[lead]) lead = f;
  }
  return lead;
}

static fe_solver choose_solver(const fe_absorber *a) {
  if (a->codes.q == 1) return FE_SOLVER_MEANS;
  if (a->control.solver != FE_SOLVER_AUTO) return a->control.solver;
  if (a->p <= DENSE_ALWAYS) return FE_SOLVER_SCHUR;
  if (a->p > DENSE_NEVER) return FE_SOLVER_CG;
  /* p^3 / 3 against some hundred passes over the rows */
  double dense = (double)a->p * a->p * a->p / 3.0;
  return dense <= 200.0 * (double)a->codes.n ? FE_SOLVER_SCHUR : FE_SOLVER_CG;
}

static void invert_weights(double *w, int n) {
  for (int g = 0; g < n; g++) w[g] = w[g] > 0 ? 1.0 / w[g] : 0.0;
}

static void fill_cells(fe_absorber *a, const int64_t *order) {
  int m = a->codes.q - 1;
  for (int64_t s = 0; s < a->codes.n; s++) {
    int64_t i = order[s];
    int at = 0;
    for (int f = 0; f < a->codes.q; f++) {
      if (f == a->lead) continue;
      a->cell[s * m + at++] = a->offset[f] + a->codes.code[f][i] - 1;
    }
    if (a->cell_w) a->cell_w[s] = a->w[i];
  }
}

static fe_status build_cells(fe_absorber *a) {
  size_t n = (size_t)a->codes.n;
  int64_t *order = malloc((n + 1) * sizeof *order);
  a->start = malloc(((size_t)a->n_lead + 1) * sizeof *a->start);
  a->cell = malloc((n * (size_t)(a->codes.q - 1) + 1) * sizeof *a->cell);
  a->other_w = malloc(((size_t)a->p + 1) * sizeof *a->other_w);
  a->cell_w = a->w ? malloc((n + 1) * sizeof *a->cell_w) : NULL;
  if (!order || !a->start || !a->cell || !a->other_w || (a->w && !a->cell_w)) {
    free(order);
    return FE_ENOMEM;
  }
  fe_order_by(a->codes.code[a->lead], a->n_lead, a->codes.n, a->start, order);
  fill_cells(a, order);
  free(order);
  for (int f = 0; f < a->codes.q; f++) {
    if (f == a->lead) continue;
    fe_level_weights(a->codes.code[f], a->codes.n_levels[f], a->codes.n, a->w,
                     a->other_w + a->offset[f]);
  }
  return FE_OK;
}

/* Adds the rows of one lead level to S: Z'WZ minus the outer product of the level's weighted
 * dummy sums, c c' / W. sum (p, zero on entry and exit) and hit are scratch. */
static void add_lead_level(const fe_absorber *a, int g, double *s, double *sum, int *hit) {
  int m = a->codes.q - 1, n_hit = 0;
  size_t p = (size_t)a->p;
  for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
    double w = a->cell_w ? a->cell_w[t] : 1.0;
    if (w <= 0) continue;
    const int *z = a->cell + t * m;
    for (int u = 0; u < m; u++) {
      if (sum[z[u]] == 0.0) hit[n_hit++] = z[u];
      sum[z[u]] += w;
      for (int v = 0; v < m; v++) s[(size_t)z[u] * p + (size_t)z[v]] += w;
    }
  }
  for (int u = 0; u < n_hit; u++) {
    double c = sum[hit[u]] * a->lead_inv[g];
    double *column = s + (size_t)hit[u] * p;
    for (int v = 0; v < n_hit; v++) column[hit[v]] -= c * sum[hit[v]];
  }
  for (int u = 0; u < n_hit; u++) sum[hit[u]] = 0.0;
}

/* The second factor's levels are determined up to one constant in each connected component of
 * the graph of the first two: fixing the first level of each makes that part of S nonsingular
 * without a tolerance. */
static fe_status ground_components(fe_absorber *a, double *s) {
  int f2 = a->lead == 0 ? 1 : 0;
  int n2 = a->codes.n_levels[f2];
  size_t p = (size_t)a->p;
  int *component = malloc(((size_t)n2 + 1) * sizeof *component);
  char *seen = calloc((size_t)a->n_lead + (size_t)n2 + 1, 1);
  fe_status status = component && seen ? FE_OK : FE_ENOMEM;
  if (!status) {
    int n_components;
    status = fe_components(a->codes.code[a->lead], a->n_lead, a->codes.code[f2], n2, a->codes.n,
                           a->w, component, &n_components);
  }
  for (int l = 0; !status && l < n2; l++) {
    if (seen[component[l]]) continue;
    seen[component[l]] = 1;
    size_t at = (size_t)(a->offset[f2] + l);
    for (size_t v = 0; v < p; v++) s[at * p + v] = s[v * p + at] = 0.0;
    s[at * p + at] = -1.0;
  }
  free(component);
  free(seen);
  return status;
}

static int positive_levels(const double *w, int n) {
  int count = 0;
  for (int g = 0; g < n; g++) count += w[g] > 0;
  return count;
}

static fe_status build_dense(fe_absorber *a) {
  size_t p = (size_t)a->p;
  a->chol = calloc(p * p, sizeof *a->chol);
  a->used = malloc(p * sizeof *a->used);
  double *sum = calloc(p, sizeof *sum);
  int *hit = malloc(p * sizeof *hit);
  fe_status status = a->chol && a->used && sum && hit ? FE_OK : FE_ENOMEM;
  if (!status) {
    for (int g = 0; g < a->n_lead; g++) add_lead_level(a, g, a->chol, sum, hit);
    status = ground_components(a, a->chol);
  }
  if (!status) {
    double tol = a->codes.q == 2 ? 0.0 : 1e-11;
    int rank = fe_cholesky(a->chol, a->p, tol, a->other_w, a->used);
    a->rank = positive_levels(a->lead_inv, a->n_lead) + rank;
    a->rank_exact = 1;
  }
  free(sum);
  free(hit);
  return status;
}

/* rank D <= n_1 + sum over the others of (n_f - components of the graph of lead and f): exact for two
 * factors, for copies and for factors nested in the lead. */
static fe_status bound_rank(fe_absorber *a) {
  const fe_codes *c = &a->codes;
  a->rank = positive_levels(a->lead_inv, a->n_lead) + positive_levels(a->other_w, a->p);
  a->rank_exact = c->q == 2;
  for (int f = 0; f < c->q; f++) {
    int n_components = 0;
    if (f == a->lead) continue;
    fe_status status = fe_components(c->code[a->lead], a->n_lead, c->code[f], c->n_levels[f], c->n,
                                     a->w, NULL, &n_components);
    if (status) return status;
    a->rank -= n_components;
  }
  return FE_OK;
}

static fe_status build(fe_absorber *a) {
  const fe_codes *c = &a->codes;
  a->offset = malloc((size_t)c->q * sizeof *a->offset);
  a->lead_inv = malloc(((size_t)a->n_lead + 1) * sizeof *a->lead_inv);
  if (!a->offset || !a->lead_inv) return FE_ENOMEM;
  for (int f = 0; f < c->q; f++) {
    a->offset[f] = f == a->lead ? -1 : a->p;
    if (f != a->lead) a->p += c->n_levels[f];
  }
  fe_level_weights(c->code[a->lead], a->n_lead, c->n, a->w, a->lead_inv);
  invert_weights(a->lead_inv, a->n_lead);
  a->control.solver = choose_solver(a);
  if (a->control.solver == FE_SOLVER_MEANS) {
    a->rank = positive_levels(a->lead_inv, a->n_lead);
    a->rank_exact = 1;
    return FE_OK;
  }
  fe_status status = build_cells(a);
  if (status) return status;
  return a->control.solver == FE_SOLVER_SCHUR ? build_dense(a) : bound_rank(a);
}

fe_status fe_absorber_new(const fe_codes *codes, const double *w, const fe_control *control,
                          fe_absorber **out) {
  *out = NULL;
  if (codes->q < 1 || codes->n < 1) return FE_EINVAL;
  fe_absorber *a = calloc(1, sizeof *a);
  if (!a) return FE_ENOMEM;
  a->codes = *codes;
  a->w = w;
  a->control = *control;
  a->lead = largest_factor(codes);
  a->n_lead = codes->n_levels[a->lead];
  fe_status status = build(a);
  if (status) {
    fe_absorber_free(a);
    return status;
  }
  *out = a;
  return FE_OK;
}

void fe_absorber_free(fe_absorber *a) {
  if (!a) return;
  free(a->offset);
  free(a->lead_inv);
  free(a->other_w);
  free(a->start);
  free(a->cell);
  free(a->cell_w);
  free(a->chol);
  free(a->used);
  free(a);
}

int64_t fe_absorber_rank(const fe_absorber *a, int *exact) {
  *exact = a->rank_exact;
  return a->rank;
}

fe_solver fe_absorber_solver(const fe_absorber *a) { return a->control.solver; }

/* ---- the pieces of a pass ---------------------------------------------------------------- */

/* Scratch of one thread. */
typedef struct {
  double *lead;  /* n_lead */
  double *r;     /* p: right-hand side, then residual */
  double *delta; /* p: solution */
  double *dir;   /* p: CG search direction */
  double *image; /* p: S dir */
} scratch;

static fe_status scratch_new(const fe_absorber *a, scratch *s) {
  size_t p = (size_t)a->p;
  double *block = malloc(((size_t)a->n_lead + 4 * p + 1) * sizeof *block);
  if (!block) return FE_ENOMEM;
  s->lead = block;
  s->r = block + a->n_lead;
  s->delta = s->r + p;
  s->dir = s->delta + p;
  s->image = s->dir + p;
  return FE_OK;
}

static void scratch_free(scratch *s) { free(s->lead); }

/* x <- x - lead means; the means are added to gamma (n_lead) if it is given. */
static void sweep_lead(const fe_absorber *a, double *x, double *mean, double *gamma) {
  const int *code = a->codes.code[a->lead];
  memset(mean, 0, (size_t)a->n_lead * sizeof *mean);
  if (a->w) {
    for (int64_t i = 0; i < a->codes.n; i++) mean[code[i] - 1] += a->w[i] * x[i];
  } else {
    for (int64_t i = 0; i < a->codes.n; i++) mean[code[i] - 1] += x[i];
  }
  for (int g = 0; g < a->n_lead; g++) mean[g] *= a->lead_inv[g];
  for (int64_t i = 0; i < a->codes.n; i++) x[i] -= mean[code[i] - 1];
  for (int g = 0; gamma && g < a->n_lead; g++) gamma[g] += mean[g];
}

/* r = Z'Wx */
static void other_sums(const fe_absorber *a, const double *x, double *r) {
  memset(r, 0, (size_t)a->p * sizeof *r);
  for (int f = 0; f < a->codes.q; f++) {
    if (f == a->lead) continue;
    const int *code = a->codes.code[f];
    double *sum = r + a->offset[f];
    if (a->w) {
      for (int64_t i = 0; i < a->codes.n; i++) sum[code[i] - 1] += a->w[i] * x[i];
    } else {
      for (int64_t i = 0; i < a->codes.n; i++) sum[code[i] - 1] += x[i];
    }
  }
}

/* x <- x - Z delta */
static void subtract_others(const fe_absorber *a, double *x, const double *delta) {
  for (int f = 0; f < a->codes.q; f++) {
    if (f == a->lead) continue;
    const int *code = a->codes.code[f];
    const double *effect = delta + a->offset[f];
    for (int64_t i = 0; i < a->codes.n; i++) x[i] -= effect[code[i] - 1];
  }
}

/* || r || in the metric of 1 / W_l */
static double scaled_norm(const fe_absorber *a, const double *r) {
  double sum = 0;
  for (int l = 0; l < a->p; l++) {
    if (a->other_w[l] > 0) sum += r[l] * r[l] / a->other_w[l];
  }
  return sqrt(sum);
}

static double row_norm(const fe_absorber *a, const double *x) {
  double sum = 0;
  if (a->w) {
    for (int64_t i = 0; i < a->codes.n; i++) sum += a->w[i] * x[i] * x[i];
  } else {
    for (int64_t i = 0; i < a->codes.n; i++) sum += x[i] * x[i];
  }
  return sqrt(sum);
}

/* ---- solving S delta = r ------------------------------------------------------------------ */

/* out = S v, row by row in lead order. */
static void apply_schur(const fe_absorber *a, const double *v, double *out) {
  int m = a->codes.q - 1;
  memset(out, 0, (size_t)a->p * sizeof *out);
  for (int g = 0; g < a->n_lead; g++) {
    double mean = 0;
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      double z = 0;
      for (int u = 0; u < m; u++) z += v[a->cell[t * m + u]];
      mean += a->cell_w ? a->cell_w[t] * z : z;
    }
    mean *= a->lead_inv[g];
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      double z = -mean;
      for (int u = 0; u < m; u++) z += v[a->cell[t * m + u]];
      if (a->cell_w) z *= a->cell_w[t];
      for (int u = 0; u < m; u++) out[a->cell[t * m + u]] += z;
    }
  }
}

/* Stops long iterations: asked at every step, answers from the caller's poll. */
typedef struct {
  atomic_int stop;
  int ask; /* this thread must poll itself: no other does */
  const fe_exec *exec;
} stopper;

static int must_stop(stopper *s, int iteration) {
  if (!s) return 0;
  if (s->ask && iteration % 16 == 0 && s->exec->poll && s->exec->poll(s->exec->poll_data)) {
    s->stop = 1;
  }
  return s->stop;
}

/* Conjugate gradients preconditioned by diag(Z'WZ), until the scaled residual is at most goal.
 * r comes in as the right-hand side and leaves as the residual. */
static fe_status solve_cg(const fe_absorber *a, scratch *s, double goal, stopper *stop,
                          int *iterations) {
  int p = a->p;
  const double *w = a->other_w;
  double rho = 0;
  for (int l = 0; l < p; l++) {
    s->delta[l] = 0;
    s->dir[l] = w[l] > 0 ? s->r[l] / w[l] : 0;
    rho += s->r[l] * s->dir[l];
  }
  while (sqrt(rho) > goal) {
    if (must_stop(stop, *iterations)) return FE_EINTR;
    if (++*iterations > a->control.max_iter) return FE_ENOCONV;
    apply_schur(a, s->dir, s->image);
    double curvature = 0;
    for (int l = 0; l < p; l++) curvature += s->dir[l] * s->image[l];
    if (!(curvature > 0)) break; /* nothing left but the null space of S */
    double step = rho / curvature, next = 0;
    for (int l = 0; l < p; l++) {
      s->delta[l] += step * s->dir[l];
      s->r[l] -= step * s->image[l];
      if (w[l] > 0) next += s->r[l] * s->r[l] / w[l];
    }
    double beta = next / rho;
    for (int l = 0; l < p; l++) {
      s->dir[l] = (w[l] > 0 ? s->r[l] / w[l] : 0) + beta * s->dir[l];
    }
    rho = next;
  }
  return FE_OK;
}

static fe_status solve_others(const fe_absorber *a, scratch *s, double goal, stopper *stop,
                              int *iterations) {
  if (a->control.solver == FE_SOLVER_CG) return solve_cg(a, s, goal, stop, iterations);
  memcpy(s->delta, s->r, (size_t)a->p * sizeof *s->delta);
  fe_cholesky_solve(a->chol, a->p, a->used, s->delta, 1);
  return FE_OK;
}

/* ---- one column -------------------------------------------------------------------------- */

typedef struct {
  fe_status status;
  int iterations;
  double residual;
} outcome;

/* x <- residual of x. gamma (NULL or all levels, lead first, then the others in their order)
 * receives the effects. */
static outcome absorb_column(const fe_absorber *a, double *x, double *gamma, scratch *s,
                             stopper *stop) {
  outcome o = {FE_OK, 0, 0.0};
  double floor_norm = 64 * DBL_EPSILON * row_norm(a, x), before = INFINITY;
  double *gamma_others = gamma ? gamma + a->n_lead : NULL;
  sweep_lead(a, x, s->lead, gamma);
  if (a->control.solver == FE_SOLVER_MEANS) {
    sweep_lead(a, x, s->lead, gamma);
    return o;
  }
  for (int pass = 0;; pass++) {
    other_sums(a, x, s->r);
    double norm = row_norm(a, x), residual = scaled_norm(a, s->r);
    double goal = fmax(a->control.tol * norm, floor_norm);
    o.residual = norm > 0 ? residual / norm : 0;
    o.status = residual <= 4 * goal ? FE_OK : FE_ENOCONV;
    if (residual <= goal || residual > before / 2 || pass == MAX_PASSES) break;
    o.status = must_stop(stop, pass) ? FE_EINTR
                                     : solve_others(a, s, 0.5 * goal, stop, &o.iterations);
    if (o.status) break;
    subtract_others(a, x, s->delta);
    for (int l = 0; gamma && l < a->p; l++) gamma_others[l] += s->delta[l];
    sweep_lead(a, x, s->lead, gamma);
    before = residual;
  }
  return o;
}

/* ---- all columns ------------------------------------------------------------------------- */

typedef struct {
  const fe_absorber *a;
  double *const *col;
  scratch *scratch; /* one a worker */
  outcome *outcome; /* one a column */
  stopper stop;
} job;

static void absorb_task(int64_t task, int worker, void *data) {
  job *j = data;
  j->outcome[task] = absorb_column(j->a, j->col[task], NULL, &j->scratch[worker], &j->stop);
}

static int poll_and_tell(void *data) {
  stopper *s = data;
  if (!s->stop && s->exec->poll && s->exec->poll(s->exec->poll_data)) s->stop = 1;
  return s->stop;
}

static fe_status collect(const job *j, int k, fe_status ran, fe_report *report) {
  fe_status status = ran;
  report->solver = j->a->control.solver;
  report->iterations = 0;
  report->residual = 0;
  for (int c = 0; c < k; c++) {
    const outcome *o = &j->outcome[c];
    if (o->status == FE_EINTR || (o->status && !status)) status = o->status;
    if (o->iterations > report->iterations) report->iterations = o->iterations;
    if (o->residual > report->residual) report->residual = o->residual;
  }
  return status;
}

fe_status fe_absorb(fe_absorber *a, double *const *col, int k, const fe_exec *exec,
                    fe_report *report) {
  /* a thread costs about as much as some ten thousand rows */
  int64_t worth = a->codes.n * k / 20000;
  int workers = fe_workers(exec, worth < k ? worth : k);
  job j = {a, col, calloc((size_t)workers, sizeof(scratch)),
           calloc((size_t)(k > 0 ? k : 1), sizeof(outcome)), {0, workers == 1, exec}};
  fe_status status = j.scratch && j.outcome ? FE_OK : FE_ENOMEM;
  for (int t = 0; t < workers && !status; t++) status = scratch_new(a, &j.scratch[t]);
  if (!status) {
    fe_exec watched = {workers, poll_and_tell, &j.stop};
    status = fe_parallel_for(&watched, k, absorb_task, &j);
    status = collect(&j, k, status, report);
  }
  for (int t = 0; t < workers && j.scratch; t++) scratch_free(&j.scratch[t]);
  free(j.scratch);
  free(j.outcome);
  return status;
}

/* ---- effects, functionals, leverages ------------------------------------------------------ */

/* Where the levels of factor f stand in the order [lead | others]. */
static size_t packed_at(const fe_absorber *a, int f) {
  return f == a->lead ? 0 : (size_t)a->n_lead + (size_t)a->offset[f];
}

static void pack_effects(const fe_absorber *a, const double *by_factor, double *packed) {
  for (int f = 0; f < a->codes.q; f++) {
    size_t n = (size_t)a->codes.n_levels[f];
    memcpy(packed + packed_at(a, f), by_factor, n * sizeof *packed);
    by_factor += n;
  }
}

static void unpack_effects(const fe_absorber *a, const double *packed, double *by_factor) {
  for (int f = 0; f < a->codes.q; f++) {
    size_t n = (size_t)a->codes.n_levels[f];
    memcpy(by_factor, packed + packed_at(a, f), n * sizeof *packed);
    by_factor += n;
  }
}

fe_status fe_absorb_effects(fe_absorber *a, const double *x, double *gamma) {
  size_t n = (size_t)a->codes.n;
  double *copy = malloc(n * sizeof *copy);
  double *packed = calloc((size_t)a->n_lead + (size_t)a->p, sizeof *packed);
  scratch s = {0};
  fe_status status = copy && packed ? scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    memcpy(copy, x, n * sizeof *copy);
    status = absorb_column(a, copy, packed, &s, NULL).status;
    unpack_effects(a, packed, gamma);
  }
  scratch_free(&s);
  free(packed);
  free(copy);
  return status;
}

/* r = d_2 - Z'W D_1 W_1^-1 d_1: one sweep over cells with the lead values v_g = d_1g / W_g. */
static void spread_lead(const fe_absorber *a, const double *v, double *r) {
  int m = a->codes.q - 1;
  for (int g = 0; g < a->n_lead; g++) {
    if (v[g] == 0) continue;
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      double z = a->cell_w ? a->cell_w[t] * v[g] : v[g];
      for (int u = 0; u < m; u++) r[a->cell[t * m + u]] -= z;
    }
  }
}

/* x0 = D gamma for gamma = [lead | others] */
static void expand_effects(const fe_absorber *a, const double *gamma, double *x0) {
  for (int64_t i = 0; i < a->codes.n; i++) x0[i] = 0;
  for (int f = 0; f < a->codes.q; f++) {
    const double *effect = gamma + packed_at(a, f);
    const int *code = a->codes.code[f];
    for (int64_t i = 0; i < a->codes.n; i++) x0[i] += effect[code[i] - 1];
  }
}

/* [lead | others] = D'W x0, minus d. Returns the norm. */
static double effects_residual(const fe_absorber *a, const double *x0, double *d, scratch *s) {
  memset(s->lead, 0, (size_t)a->n_lead * sizeof *s->lead);
  const int *code = a->codes.code[a->lead];
  for (int64_t i = 0; i < a->codes.n; i++) {
    s->lead[code[i] - 1] += a->w ? a->w[i] * x0[i] : x0[i];
  }
  other_sums(a, x0, s->r);
  double sum = 0;
  for (int g = 0; g < a->n_lead; g++) {
    d[g] -= s->lead[g];
    sum += d[g] * d[g];
  }
  for (int l = 0; l < a->p; l++) {
    d[a->n_lead + l] -= s->r[l];
    sum += d[a->n_lead + l] * d[a->n_lead + l];
  }
  return sqrt(sum);
}

/* gamma += A^- d by block elimination; d = [lead | others] */
static fe_status solve_effects(const fe_absorber *a, const double *d, double *gamma, scratch *s) {
  int iterations = 0;
  double *v = s->lead;
  for (int g = 0; g < a->n_lead; g++) v[g] = d[g] * a->lead_inv[g];
  if (a->p > 0) {
    memcpy(s->r, d + a->n_lead, (size_t)a->p * sizeof *s->r);
    spread_lead(a, v, s->r);
    fe_status status =
        solve_others(a, s, 0.1 * a->control.tol * scaled_norm(a, s->r), NULL, &iterations);
    if (status) return status;
    for (int l = 0; l < a->p; l++) gamma[a->n_lead + l] += s->delta[l];
  }
  int m = a->codes.q - 1;
  for (int g = 0; g < a->n_lead; g++) {
    double sum = 0;
    for (int64_t t = a->p > 0 ? a->start[g] : 0; a->p > 0 && t < a->start[g + 1]; t++) {
      double z = 0;
      for (int u = 0; u < m; u++) z += s->delta[a->cell[t * m + u]];
      sum += a->cell_w ? a->cell_w[t] * z : z;
    }
    gamma[g] += v[g] - sum * a->lead_inv[g];
  }
  return FE_OK;
}

fe_status fe_absorb_functional(fe_absorber *a, const double *d0, double *x0, double *defect) {
  size_t levels = (size_t)a->n_lead + (size_t)a->p;
  double *d = malloc(levels * sizeof *d);
  double *rest = malloc(levels * sizeof *rest);
  double *gamma = calloc(levels, sizeof *gamma);
  scratch s = {0};
  fe_status status = d && rest && gamma ? scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    double size = 0;
    pack_effects(a, d0, d);
    for (size_t l = 0; l < levels; l++) size += d[l] * d[l];
    memcpy(rest, d, levels * sizeof *rest);
    for (int pass = 0; pass < 3 && !status; pass++) { /* refinement */
      status = solve_effects(a, rest, gamma, &s);
      expand_effects(a, gamma, x0);
      memcpy(rest, d, levels * sizeof *rest);
      *defect = effects_residual(a, x0, rest, &s) / sqrt(size);
      if (*defect < a->control.tol) break;
    }
  }
  scratch_free(&s);
  free(gamma);
  free(rest);
  free(d);
  return status;
}

/* With zbar_g the weighted mean of the rows z_i of Z in lead level g,
 * d_i'A^-d_i = 1/W_g + (z_i - zbar_g)' S^- (z_i - zbar_g). */
static void lead_level_leverage(const fe_absorber *a, int g, const double *inv, double *zbar,
                                double *u, double *h) {
  int m = a->codes.q - 1;
  size_t p = (size_t)a->p;
  memset(zbar, 0, p * sizeof *zbar);
  memset(u, 0, p * sizeof *u);
  for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
    double w = (a->cell_w ? a->cell_w[t] : 1.0) * a->lead_inv[g];
    for (int v = 0; v < m; v++) zbar[a->cell[t * m + v]] += w;
  }
  double quad = 0;
  for (size_t l = 0; l < p; l++) {
    if (zbar[l] == 0) continue;
    for (size_t v = 0; v < p; v++) u[v] += inv[l * p + v] * zbar[l];
  }
  for (size_t l = 0; l < p; l++) quad += u[l] * zbar[l];
  for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
    const int *z = a->cell + t * m;
    double sum = a->lead_inv[g] + quad;
    for (int x = 0; x < m; x++) {
      sum -= 2 * u[z[x]];
      for (int y = 0; y < m; y++) sum += inv[(size_t)z[x] * p + (size_t)z[y]];
    }
    h[t] = a->cell_w ? sum * a->cell_w[t] : sum;
  }
}

static fe_status schur_leverage(const fe_absorber *a, double *h) {
  size_t p = (size_t)a->p, n = (size_t)a->codes.n;
  double *inv = malloc(p * p * sizeof *inv);
  double *zbar = malloc(2 * p * sizeof *zbar);
  double *by_lead = malloc(n * sizeof *by_lead);
  int64_t *order = malloc(n * sizeof *order);
  int64_t *start = malloc(((size_t)a->n_lead + 1) * sizeof *start);
  fe_status status = inv && zbar && by_lead && order && start ? FE_OK : FE_ENOMEM;
  if (!status) {
    fe_cholesky_inverse(a->chol, a->p, a->used, inv);
    for (int g = 0; g < a->n_lead; g++) {
      lead_level_leverage(a, g, inv, zbar, zbar + p, by_lead);
    }
    fe_order_by(a->codes.code[a->lead], a->n_lead, a->codes.n, start, order);
    for (size_t t = 0; t < n; t++) h[order[t]] = by_lead[t];
  }
  free(inv);
  free(zbar);
  free(by_lead);
  free(order);
  free(start);
  return status;
}

fe_status fe_absorb_leverage(const fe_absorber *a, double *h) {
  if (a->control.solver == FE_SOLVER_SCHUR) return schur_leverage(a, h);
  if (a->control.solver != FE_SOLVER_MEANS) return FE_EINVAL;
  const int *code = a->codes.code[a->lead];
  for (int64_t i = 0; i < a->codes.n; i++) {
    h[i] = a->lead_inv[code[i] - 1] * (a->w ? a->w[i] : 1.0);
  }
  return FE_OK;
}
