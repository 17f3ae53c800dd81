/* D is [D_1 .. D_q]; A = D'WD. With the factor of most levels (the lead, 1) eliminated, the
 * others, Z, leave the Schur complement
 *     S = Z'WZ - Z'W D_1 (D_1'W D_1)^-1 D_1'W Z,
 * and the projection of x is: remove lead means; r = Z'Wx; solve S delta = r; x <- x - Z delta;
 * remove lead means again (Guimaraes and Portugal 2010; Gaure 2013). Solvers differ only in how
 * S delta = r is solved. The pass is repeated (iterative refinement) until the normal equations
 * D'Wx = 0 hold to the tolerance, measured on x itself. */
#include "absorb.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "linalg.h"
#include "parallel.h"

enum { MAX_PASSES = 12, DENSE_ALWAYS = 300, DENSE_NEVER = 4000, POLL_ROWS = 1000000 };

/* With three and more factors, a level whose pivot, all weights one, is below this share of its
 * rows depends on levels before it. */
#define DEPENDENT 1e-11

struct fe_absorber {
  fe_codes codes;
  const double *w;
  fe_control control;
  int lead;          /* the factor with most levels */
  int n_lead;
  int m;             /* the other factors: q - 1 */
  int p;             /* levels of all other factors */
  int *offset;       /* of each factor in 0..p-1; -1 for the lead */
  const int **other; /* codes of the other factors */
  int *other_base;   /* their offsets, less one: a level's position is base + code */
  double *lead_inv;  /* 1 / weight of each lead level; 0 for an empty one */
  double *other_w;   /* weight of each other level */
  int64_t *start;    /* rows in lead order: start[g] .. start[g+1] */
  int *cell;         /* in lead order, m positions in 0..p-1 for each row */
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
  int m = a->m;
  for (int64_t s = 0; s < a->codes.n; s++) {
    int64_t i = order[s];
    for (int u = 0; u < m; u++) a->cell[s * m + u] = a->other_base[u] + a->other[u][i];
    if (a->cell_w) a->cell_w[s] = a->w[i];
  }
}

static fe_status build_cells(fe_absorber *a) {
  size_t n = (size_t)a->codes.n;
  int64_t *order = malloc((n + 1) * sizeof *order);
  a->start = malloc(((size_t)a->n_lead + 1) * sizeof *a->start);
  a->cell = malloc((n * (size_t)a->m + 1) * sizeof *a->cell);
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
 * dummy sums, c c' / W. With `plain`, all positive weights count as one. sum (p, zero on entry and
 * exit) and hit (p) are scratch. */
static void add_lead_level(const fe_absorber *a, int g, int plain, double *s, double *sum,
                           int *hit) {
  int m = a->m, n_hit = 0;
  size_t p = (size_t)a->p;
  double whole = 0;
  for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
    double w = a->cell_w ? a->cell_w[t] : 1.0;
    if (w <= 0) continue;
    if (plain) w = 1.0;
    whole += w;
    const int *z = a->cell + t * m;
    for (int u = 0; u < m; u++) {
      if (sum[z[u]] == 0.0) hit[n_hit++] = z[u];
      sum[z[u]] += w;
      for (int v = 0; v < m; v++) s[(size_t)z[u] * p + (size_t)z[v]] += w;
    }
  }
  for (int u = 0; u < n_hit; u++) {
    double c = sum[hit[u]] / whole;
    double *column = s + (size_t)hit[u] * p;
    for (int v = 0; v < n_hit; v++) column[hit[v]] -= c * sum[hit[v]];
  }
  for (int u = 0; u < n_hit; u++) sum[hit[u]] = 0.0;
}

/* Leaves a level out of S by a pivot of -1, which the factorisation passes over. */
static void leave_out(double *s, size_t p, size_t at) {
  for (size_t v = 0; v < p; v++) s[at * p + v] = s[v * p + at] = 0.0;
  s[at * p + at] = -1.0;
}

/* The second factor's levels are determined up to one constant in each connected component of
 * the graph of the first two: leaving out the first level of each makes that part of S
 * nonsingular without a tolerance. */
static fe_status ground_components(const fe_absorber *a, double *s, int *n_components) {
  int f2 = a->lead == 0 ? 1 : 0;
  int n2 = a->codes.n_levels[f2];
  size_t p = (size_t)a->p;
  int *component = malloc(((size_t)n2 + 1) * sizeof *component);
  char *seen = calloc((size_t)a->n_lead + (size_t)n2 + 1, sizeof *seen);
  fe_status status = component && seen ? FE_OK : FE_ENOMEM;
  if (!status) {
    status = fe_components(a->codes.code[a->lead], a->n_lead, a->codes.code[f2], n2, a->codes.n,
                           a->w, component, n_components);
  }
  for (int l = 0; !status && l < n2; l++) {
    if (seen[component[l]]) continue;
    seen[component[l]] = 1;
    size_t at = (size_t)(a->offset[f2] + l);
    leave_out(s, p, at);
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

static void fill_schur(const fe_absorber *a, int plain, double *s, double *sum, int *hit) {
  memset(s, 0, (size_t)a->p * (size_t)a->p * sizeof *s);
  for (int g = 0; g < a->n_lead; g++) add_lead_level(a, g, plain, s, sum, hit);
}

/* Factors S; returns its rank. Of two factors the graph tells the rank, whatever rounding does to
 * a pivot. Of more, the levels that depend on others are found with all positive weights counted
 * as one, where a pivot is either zero or far from it: weights change nothing in that. */
static int factor_schur(fe_absorber *a, int n_components, double *sum, int *hit) {
  if (a->m == 1) {
    fe_cholesky(a->chol, a->p, 0.0, NULL, a->used);
    return positive_levels(a->other_w, a->p) - n_components;
  }
  for (int u = 0; u < a->m; u++) { /* sum serves as the rows of each level */
    int f = u < a->lead ? u : u + 1;
    fe_level_weights(a->other[u], a->codes.n_levels[f], a->codes.n, NULL, sum + a->offset[f]);
  }
  int rank = fe_cholesky(a->chol, a->p, DEPENDENT, sum, a->used);
  if (!a->w) return rank;
  memset(sum, 0, (size_t)a->p * sizeof *sum);
  fill_schur(a, 0, a->chol, sum, hit);
  for (int l = 0; l < a->p; l++) {
    if (!a->used[l]) leave_out(a->chol, (size_t)a->p, (size_t)l);
  }
  fe_cholesky(a->chol, a->p, 0.0, NULL, a->used);
  return rank;
}

static fe_status build_dense(fe_absorber *a) {
  size_t p = (size_t)a->p;
  a->chol = malloc(p * p * sizeof *a->chol);
  a->used = malloc(p * sizeof *a->used);
  double *sum = calloc(p, sizeof *sum);
  int *hit = malloc(p * sizeof *hit);
  int n_components = 0;
  fe_status status = a->chol && a->used && sum && hit ? FE_OK : FE_ENOMEM;
  if (!status) {
    fill_schur(a, a->m > 1, a->chol, sum, hit);
    status = ground_components(a, a->chol, &n_components);
  }
  if (!status) {
    a->rank = positive_levels(a->lead_inv, a->n_lead) + factor_schur(a, n_components, sum, hit);
    a->rank_exact = 1;
  }
  free(sum);
  free(hit);
  return status;
}

/* rank D <= n_1 + sum over the others of (n_f - components of the graph of lead and f): exact for
 * two factors, for copies and for factors nested in the lead. */
static fe_status bound_rank(fe_absorber *a) {
  const fe_codes *c = &a->codes;
  a->rank = positive_levels(a->lead_inv, a->n_lead) + positive_levels(a->other_w, a->p);
  a->rank_exact = a->m == 1;
  for (int f = 0; f < c->q; f++) {
    if (f == a->lead) continue;
    int n_components;
    fe_status status = fe_components(c->code[a->lead], a->n_lead, c->code[f], c->n_levels[f],
                                     c->n, a->w, NULL, &n_components);
    if (status) return status;
    a->rank -= n_components;
  }
  return FE_OK;
}

static fe_status place_others(fe_absorber *a) {
  const fe_codes *c = &a->codes;
  a->offset = malloc((size_t)c->q * sizeof *a->offset);
  a->other = malloc((size_t)c->q * sizeof *a->other);
  a->other_base = malloc((size_t)c->q * sizeof *a->other_base);
  if (!a->offset || !a->other || !a->other_base) return FE_ENOMEM;
  for (int f = 0; f < c->q; f++) {
    a->offset[f] = f == a->lead ? -1 : a->p;
    if (f == a->lead) continue;
    a->other[a->m] = c->code[f];
    a->other_base[a->m++] = a->p - 1;
    a->p += c->n_levels[f];
  }
  return FE_OK;
}

static fe_status build(fe_absorber *a) {
  const fe_codes *c = &a->codes;
  fe_status status = place_others(a);
  if (status) return status;
  a->lead_inv = malloc(((size_t)a->n_lead + 1) * sizeof *a->lead_inv);
  if (!a->lead_inv) return FE_ENOMEM;
  fe_level_weights(c->code[a->lead], a->n_lead, c->n, a->w, a->lead_inv);
  invert_weights(a->lead_inv, a->n_lead);
  a->control.solver = choose_solver(a);
  if (a->control.solver == FE_SOLVER_MEANS) {
    a->rank = positive_levels(a->lead_inv, a->n_lead);
    a->rank_exact = 1;
    return FE_OK;
  }
  status = build_cells(a);
  if (status) return status;
  return a->control.solver == FE_SOLVER_SCHUR ? build_dense(a) : bound_rank(a);
}

/* Levels are counted by int throughout. */
static int is_valid(const fe_codes *c, const fe_control *control) {
  int64_t levels = 0;
  if (c->q < 1 || c->n < 1 || control->solver > FE_SOLVER_CG) return 0;
  for (int f = 0; f < c->q; f++) levels += c->n_levels[f];
  return levels <= INT_MAX && (c->q == 1 || control->solver != FE_SOLVER_MEANS);
}

fe_status fe_absorber_new(const fe_codes *codes, const double *w, const fe_control *control,
                          fe_absorber **out) {
  *out = NULL;
  if (!is_valid(codes, control)) return FE_EINVAL;
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
  free(a->other);
  free(a->other_base);
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

/* Each piece goes once over the rows, and sums on the way what the next one needs. */

/* sum = D_1'Wx. Returns || W^1/2 x ||. */
static double sum_lead(const fe_absorber *a, const double *x, double *sum) {
  const int *code = a->codes.code[a->lead];
  double square = 0;
  memset(sum, 0, (size_t)a->n_lead * sizeof *sum);
  for (int64_t i = 0; i < a->codes.n; i++) {
    double wx = a->w ? a->w[i] * x[i] : x[i];
    sum[code[i] - 1] += wx;
    square += wx * x[i];
  }
  return sqrt(square);
}

/* Row loops take the number m of other factors apart from a, for their callers to fix it where
 * there is but one. */
static inline void add_to_others(const fe_absorber *a, int m, int64_t i, double wx, double *r) {
  for (int u = 0; u < m; u++) r[a->other_base[u] + a->other[u][i]] += wx;
}

/* r = Z'Wx */
static void sum_others(const fe_absorber *a, const double *x, double *r) {
  memset(r, 0, (size_t)a->p * sizeof *r);
  for (int64_t i = 0; i < a->codes.n; i++) {
    add_to_others(a, a->m, i, a->w ? a->w[i] * x[i] : x[i], r);
  }
}

static inline double remove_lead_rows(const fe_absorber *a, int m, double *x, const double *mean,
                                      double *r) {
  const int *code = a->codes.code[a->lead];
  double square = 0;
  for (int64_t i = 0; i < a->codes.n; i++) {
    double left = x[i] - mean[code[i] - 1], wx = a->w ? a->w[i] * left : left;
    x[i] = left;
    square += wx * left;
    add_to_others(a, m, i, wx, r);
  }
  return sqrt(square);
}

/* x <- x - lead means, given the sums of x, which become the means and are added to gamma
 * (n_lead) if it is given; r = Z'Wx. Returns || W^1/2 x ||. */
static double remove_lead(const fe_absorber *a, double *x, double *mean, double *r,
                          double *gamma) {
  memset(r, 0, (size_t)a->p * sizeof *r);
  for (int g = 0; g < a->n_lead; g++) mean[g] *= a->lead_inv[g];
  for (int g = 0; gamma && g < a->n_lead; g++) gamma[g] += mean[g];
  return a->m == 1 ? remove_lead_rows(a, 1, x, mean, r) : remove_lead_rows(a, a->m, x, mean, r);
}

static inline void remove_others_rows(const fe_absorber *a, int m, double *x,
                                      const double *delta, double *sum) {
  const int *code = a->codes.code[a->lead];
  for (int64_t i = 0; i < a->codes.n; i++) {
    double left = x[i];
    for (int u = 0; u < m; u++) left -= delta[a->other_base[u] + a->other[u][i]];
    x[i] = left;
    sum[code[i] - 1] += a->w ? a->w[i] * left : left;
  }
}

/* x <- x - Z delta; sum = D_1'Wx */
static void remove_others(const fe_absorber *a, double *x, const double *delta, double *sum) {
  memset(sum, 0, (size_t)a->n_lead * sizeof *sum);
  if (a->m == 1) {
    remove_others_rows(a, 1, x, delta, sum);
  } else {
    remove_others_rows(a, a->m, x, delta, sum);
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

/* ---- solving S delta = r ------------------------------------------------------------------ */

/* out = S v, row by row in lead order. */
static void apply_schur(const fe_absorber *a, const double *v, double *out) {
  int m = a->m;
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
  int64_t every; /* steps between polls by this thread; 0: another thread polls */
  const fe_exec *exec;
} stopper;

static int poll_and_tell(void *data) {
  stopper *s = data;
  if (!s->stop && s->exec->poll && s->exec->poll(s->exec->poll_data)) s->stop = 1;
  return s->stop;
}

static int must_stop(stopper *s, int step) {
  if (!s) return 0;
  return s->stop || (s->every && step % s->every == 0 && poll_and_tell(s));
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
    if (*iterations == a->control.max_iter) return FE_ENOCONV;
    ++*iterations;
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

static fe_status solve_others(const fe_absorber *a, fe_solver solver, scratch *s, double goal,
                              stopper *stop, int *iterations) {
  if (solver == FE_SOLVER_CG) return solve_cg(a, s, goal, stop, iterations);
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

/* Where the means take most of a column away, their rounding is felt in what is left. */
static void remove_means(const fe_absorber *a, double *x, double *gamma, scratch *s) {
  double before = sum_lead(a, x, s->lead), after = remove_lead(a, x, s->lead, s->r, gamma);
  if (after > before / 16) return;
  sum_lead(a, x, s->lead);
  remove_lead(a, x, s->lead, s->r, gamma);
}

/* x <- residual of x, whose lead sums are in s->lead, with r <= floor_norm taken for rounding.
 * Where weights are so unequal that dense solutions no longer come closer, conjugate gradients
 * finish. */
static outcome absorb_swept(const fe_absorber *a, double *x, double floor_norm, double *gamma,
                            scratch *s, stopper *stop) {
  outcome o = {FE_OK, 0, 0.0};
  double before = INFINITY;
  fe_solver solver = a->control.solver;
  double *gamma_others = gamma ? gamma + a->n_lead : NULL;
  for (int pass = 0;; pass++) {
    double norm = remove_lead(a, x, s->lead, s->r, gamma), residual = scaled_norm(a, s->r);
    double goal = fmax(a->control.tol * norm, floor_norm);
    o.residual = norm > 0 ? residual / norm : 0;
    o.status = residual <= 4 * goal ? FE_OK : FE_ENOCONV;
    if (residual <= goal || pass == MAX_PASSES) break;
    if (residual > before / 2) {
      if (o.status == FE_OK || solver == FE_SOLVER_CG) break;
      solver = FE_SOLVER_CG;
    }
    o.status = must_stop(stop, pass)
                   ? FE_EINTR
                   : solve_others(a, solver, s, 0.5 * goal, stop, &o.iterations);
    if (o.status) break;
    remove_others(a, x, s->delta, s->lead);
    for (int l = 0; gamma && l < a->p; l++) gamma_others[l] += s->delta[l];
    before = residual;
  }
  return o;
}

/* The power of two that brings the largest of x to order one; 0 for zeros and infinities. */
static int exponent_of(const double *x, int64_t n) {
  double largest = 0;
  int exponent = 0;
  for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(x[i]));
  if (isfinite(largest)) frexp(largest, &exponent);
  return exponent;
}

static void shift_by(double *x, int64_t n, int exponent) {
  for (int64_t i = 0; exponent && i < n; i++) x[i] = ldexp(x[i], exponent);
}

/* x <- residual of x. gamma (NULL, or zero for all levels, lead first, then the others in their
 * order) receives the effects. A column whose squares could not be represented is absorbed in
 * another unit. */
static outcome absorb_column(const fe_absorber *a, double *x, double *gamma, scratch *s,
                             stopper *stop) {
  if (a->control.solver == FE_SOLVER_MEANS) {
    remove_means(a, x, gamma, s);
    return (outcome){FE_OK, 0, 0.0};
  }
  int64_t n = a->codes.n;
  double norm = sum_lead(a, x, s->lead);
  int shift = norm > 1e-140 && norm < 1e140 ? 0 : exponent_of(x, n);
  if (shift) {
    shift_by(x, n, -shift);
    norm = sum_lead(a, x, s->lead);
  }
  outcome o = absorb_swept(a, x, 64 * DBL_EPSILON * norm, gamma, s, stop);
  shift_by(x, n, shift);
  if (gamma) shift_by(gamma, (int64_t)a->n_lead + a->p, shift);
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
  int64_t every = workers == 1 ? 1 + POLL_ROWS / a->codes.n : 0;
  job j = {a, col, calloc((size_t)workers, sizeof(scratch)),
           calloc((size_t)(k > 0 ? k : 1), sizeof(outcome)), {0, every, exec}};
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
  int m = a->m;
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

static double norm_of(const double *d, size_t n) {
  double square = 0;
  for (size_t l = 0; l < n; l++) square += d[l] * d[l];
  return sqrt(square);
}

/* d <- d - D'W x0, d = [lead | others]. Returns its norm. */
static double effects_residual(const fe_absorber *a, const double *x0, double *d, scratch *s) {
  sum_lead(a, x0, s->lead);
  sum_others(a, x0, s->r);
  for (int g = 0; g < a->n_lead; g++) d[g] -= s->lead[g];
  for (int l = 0; l < a->p; l++) d[a->n_lead + l] -= s->r[l];
  return norm_of(d, (size_t)a->n_lead + (size_t)a->p);
}

/* S maps the indicator of the levels of a factor in one component of its graph with the lead to
 * zero: takes from the part of r for factor f what is not orthogonal to these. part: scratch for
 * the components of lead and f, a sum of r and one of weights each; zero on entry. */
static void make_orthogonal(const fe_absorber *a, int f, const int *component, double *part,
                            double *r) {
  const double *w = a->other_w + a->offset[f];
  double *sum = part, *weight = part + a->n_lead + a->codes.n_levels[f] + 1;
  r += a->offset[f];
  for (int l = 0; l < a->codes.n_levels[f]; l++) {
    sum[component[l]] += r[l];
    weight[component[l]] += w[l];
  }
  for (int l = 0; l < a->codes.n_levels[f]; l++) {
    if (w[l] > 0) r[l] -= w[l] * (sum[component[l]] / weight[component[l]]);
  }
}

/* Conjugate gradients need a right-hand side in the range of S, and that of a functional which
 * cannot be estimated is not. */
static fe_status make_consistent(const fe_absorber *a, double *r) {
  size_t levels = (size_t)a->n_lead + (size_t)a->p;
  int *component = malloc(((size_t)a->p + 1) * sizeof *component);
  size_t size = 2 * (levels + 1) * sizeof(double);
  double *part = malloc(size);
  fe_status status = component && part ? FE_OK : FE_ENOMEM;
  for (int f = 0; f < a->codes.q && !status; f++) {
    int n_components;
    if (f == a->lead) continue;
    status = fe_components(a->codes.code[a->lead], a->n_lead, a->codes.code[f],
                           a->codes.n_levels[f], a->codes.n, a->w, component, &n_components);
    if (status) break;
    memset(part, 0, size);
    make_orthogonal(a, f, component, part, r);
  }
  free(component);
  free(part);
  return status;
}

/* sum_g -= the sum of w z'delta over the rows of lead level g */
static void gather_lead(const fe_absorber *a, const double *delta, double *sum) {
  for (int g = 0; g < a->n_lead; g++) {
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      double z = 0;
      for (int u = 0; u < a->m; u++) z += delta[a->cell[t * a->m + u]];
      sum[g] -= a->cell_w ? a->cell_w[t] * z : z;
    }
  }
}

/* gamma += A^- d by block elimination; d = [lead | others] is spent */
static fe_status solve_effects(const fe_absorber *a, double *d, double *gamma, scratch *s) {
  if (a->p > 0) {
    int iterations = 0;
    for (int g = 0; g < a->n_lead; g++) s->lead[g] = d[g] * a->lead_inv[g];
    memcpy(s->r, d + a->n_lead, (size_t)a->p * sizeof *s->r);
    spread_lead(a, s->lead, s->r);
    fe_status status = a->control.solver == FE_SOLVER_CG ? make_consistent(a, s->r) : FE_OK;
    double goal = 0.1 * a->control.tol * scaled_norm(a, s->r);
    if (!status) status = solve_others(a, a->control.solver, s, goal, NULL, &iterations);
    if (status) return status;
    for (int l = 0; l < a->p; l++) gamma[a->n_lead + l] += s->delta[l];
    gather_lead(a, s->delta, d);
  }
  for (int g = 0; g < a->n_lead; g++) gamma[g] += d[g] * a->lead_inv[g];
  return FE_OK;
}

fe_status fe_absorb_functional(fe_absorber *a, const double *d0, double *x0, double *defect) {
  size_t levels = (size_t)a->n_lead + (size_t)a->p;
  double *d = calloc(levels, sizeof *d);
  double *rest = malloc(levels * sizeof *rest);
  double *gamma = calloc(levels, sizeof *gamma);
  scratch s = {0};
  fe_status status = d && rest && gamma ? scratch_new(a, &s) : FE_ENOMEM;
  if (!status) {
    pack_effects(a, d0, d);
    double size = norm_of(d, levels);
    memcpy(rest, d, levels * sizeof *rest);
    for (int pass = 0; pass < 3 && !status; pass++) { /* refinement */
      status = solve_effects(a, rest, gamma, &s);
      expand_effects(a, gamma, x0);
      memcpy(rest, d, levels * sizeof *rest);
      double left = effects_residual(a, x0, rest, &s);
      *defect = size > 0 ? left / size : 0;
      if (*defect < a->control.tol) break;
    }
  }
  scratch_free(&s);
  free(gamma);
  free(rest);
  free(d);
  return status;
}

/* Adds the lead level's weights, over their sum, to zbar (p, zero before); the levels met are
 * listed in hit. Returns how many. */
static int list_hits(const fe_absorber *a, int g, double *zbar, int *hit) {
  int n_hit = 0;
  for (int64_t t = a->start[g] * a->m; t < a->start[g + 1] * a->m; t++) {
    double w = (a->cell_w ? a->cell_w[t / a->m] : 1.0) * a->lead_inv[g];
    if (w <= 0) continue;
    if (zbar[a->cell[t]] == 0) hit[n_hit++] = a->cell[t];
    zbar[a->cell[t]] += w;
  }
  return n_hit;
}

/* With zbar_g the weighted mean of the rows z_i of Z in lead level g,
 * d_i'A^-d_i = 1/W_g + (z_i - zbar_g)' S^- (z_i - zbar_g).
 * zbar (p) is zero on entry and exit; u (p) and hit (p) are scratch. h is in lead order. */
static void lead_level_leverage(const fe_absorber *a, int g, const double *inv, double *zbar,
                                double *u, int *hit, double *h) {
  int m = a->m, n_hit = list_hits(a, g, zbar, hit);
  size_t p = (size_t)a->p;
  double quad = 0;
  for (int x = 0; x < n_hit; x++) {
    const double *column = inv + (size_t)hit[x] * p;
    double sum = 0;
    for (int y = 0; y < n_hit; y++) sum += column[hit[y]] * zbar[hit[y]];
    u[hit[x]] = sum;
    quad += sum * zbar[hit[x]];
  }
  for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
    const int *z = a->cell + t * m;
    double w = a->cell_w ? a->cell_w[t] : 1.0, sum = a->lead_inv[g] + quad;
    h[t] = 0;
    if (w <= 0) continue;
    for (int x = 0; x < m; x++) {
      sum -= 2 * u[z[x]];
      for (int y = 0; y < m; y++) sum += inv[(size_t)z[x] * p + (size_t)z[y]];
    }
    h[t] = w * sum;
  }
  for (int x = 0; x < n_hit; x++) zbar[hit[x]] = 0;
}

static fe_status schur_leverage(const fe_absorber *a, double *h) {
  size_t p = (size_t)a->p, n = (size_t)a->codes.n, n_lead = (size_t)a->n_lead;
  const int *code = a->codes.code[a->lead];
  double *inv = malloc(p * p * sizeof *inv);
  double *zbar = calloc(2 * p, sizeof *zbar);
  int *hit = malloc(p * sizeof *hit);
  double *by_lead = malloc(n * sizeof *by_lead);
  int64_t *next = malloc(n_lead * sizeof *next);
  fe_status status = inv && zbar && hit && by_lead && next ? FE_OK : FE_ENOMEM;
  if (!status) {
    fe_cholesky_inverse(a->chol, a->p, a->used, inv);
    for (int g = 0; g < a->n_lead; g++) {
      lead_level_leverage(a, g, inv, zbar, zbar + p, hit, by_lead);
    }
    memcpy(next, a->start, n_lead * sizeof *next);
    for (size_t i = 0; i < n; i++) h[i] = by_lead[next[code[i] - 1]++];
  }
  free(inv);
  free(zbar);
  free(hit);
  free(by_lead);
  free(next);
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
