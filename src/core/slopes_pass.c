/* One column: passes over the rows, and the solution of S delta = r between them. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "slopes_private.h"

/* Solutions with a factor of S are near at once, or will not come near. */
enum { MAX_PASSES = 12, MAX_REFINED = 40, PART = 512 };

/* With a factor of S a pass is cheap, so that passes go on for as long as they gain, down to this
 * residual: the error of x~ is the residual over the least singular value of [U Z]. */
#define FINE (32 * DBL_EPSILON)

/* Conjugate gradients without a norm below GAIN times the least for PATIENCE steps and more are
 * given up. */
#define GAIN 0.9
enum { PATIENCE = 50 };

/* Under wide weights: the largest correction, in tolerances, after which x~ is near enough. */
#define FAR 100

typedef struct {
  double norm;
  int step;
} best;

int fe_slopes_poll(void *data) {
  stopper *s = data;
  if (!s->stop && s->exec->poll && s->exec->poll(s->exec->poll_data)) s->stop = 1;
  return s->stop;
}

int fe_slopes_must_stop(stopper *s, int64_t step) {
  return s->stop || (s->every && step % s->every == 0 && fe_slopes_poll(s));
}

fe_status fe_slopes_scratch_new(const fe_slopes *a, scratch *s) {
  size_t n = (size_t)a->n, p = (size_t)a->p, width = (size_t)a->blocks[a->lead].width;
  s->y = malloc((2 * n + width + 6 * p) * sizeof *s->y);
  if (!s->y) return FE_ENOMEM;
  s->t = s->y + n;
  s->c = s->t + n;
  s->r = s->c + width;
  s->delta = s->r + p;
  s->dir = s->delta + p;
  s->image = s->dir + p;
  s->cond = s->image + p;
  s->small = s->cond + p;
  return FE_OK;
}

void fe_slopes_scratch_free(scratch *s) { free(s->y); }

/* ---- passes over the rows of a lead level --------------------------------------------------- */

static void expand_level(const fe_slopes *a, int g, const double *v, double *t) {
  for (int64_t s = a->start[g]; s < a->start[g + 1]; s++) {
    const double *z = a->z + s * a->stride;
    double sum = 0;
    for (int o = 0; o < a->m; o++) {
      const double *vo = v + a->cell[s * a->m + o];
      for (int k = 0; k < a->width[o]; k++) sum += *z++ * vo[k];
    }
    t[s] = sum;
  }
}

static void add_to_others(const fe_slopes *a, int64_t s, double wt, double *r) {
  const double *z = a->z + s * a->stride;
  for (int o = 0; o < a->m; o++) {
    double *ro = r + a->cell[s * a->m + o];
    for (int k = 0; k < a->width[o]; k++) ro[k] += *z++ * wt;
  }
}

/* u'Wt for column k of a level: sums of short parts, whose rounding does not add up. */
static double lead_product(const fe_slopes *a, int g, int k, const double *t) {
  int64_t width = a->blocks[a->lead].width, end = a->start[g + 1];
  double whole = 0;
  for (int64_t from = a->start[g]; from < end; from += PART) {
    int64_t to = end - from < PART ? end : from + PART;
    double part = 0;
    for (int64_t s = from; s < to; s++) {
      part += a->u[s * width + k] * (a->w ? a->w[s] * t[s] : t[s]);
    }
    whole += part;
  }
  return whole;
}

/* Returns the sum of w t^2 after; *taken += that of the part removed. */
static double sweep_level(const fe_slopes *a, int g, double *t, double *r, double *gamma,
                          double *c, double *taken) {
  int width = a->blocks[a->lead].width;
  double square = 0;
  for (int k = 0; k < width; k++) c[k] = lead_product(a, g, k, t);
  for (int k = 0; k < width; k++) *taken += c[k] * c[k];
  for (int k = 0; gamma && k < width; k++) gamma[(size_t)g * (size_t)width + (size_t)k] += c[k];
  for (int64_t s = a->start[g]; s < a->start[g + 1]; s++) {
    double left = t[s];
    for (int k = 0; k < width; k++) left -= a->u[s * width + k] * c[k];
    t[s] = left;
    double wt = a->w ? a->w[s] * left : left;
    square += wt * left;
    add_to_others(a, s, wt, r);
  }
  return square;
}

void fe_slopes_expand(const fe_slopes *a, const double *v, double *t) {
  for (int g = 0; g < a->blocks[a->lead].n_levels; g++) expand_level(a, g, v, t);
}

static double sweep_once(const fe_slopes *a, double *t, double *r, double *gamma, double *c,
                         double *taken) {
  double square = 0;
  *taken = 0;
  memset(r, 0, (size_t)a->p * sizeof *r);
  for (int g = 0; g < a->blocks[a->lead].n_levels; g++) {
    square += sweep_level(a, g, t, r, gamma, c, taken);
  }
  *taken = sqrt(*taken);
  return sqrt(square);
}

double fe_slopes_sweep(const fe_slopes *a, double *t, double *r, double *gamma, double *c) {
  double taken, norm = sweep_once(a, t, r, gamma, c, &taken);
  /* where most of a column is taken away, its rounding is felt in what is left */
  return norm < taken / 4 ? sweep_once(a, t, r, gamma, c, &taken) : norm;
}

/* s->image = S s->dir, level by level, so that the rows of one stay in cache. */
static void apply_schur(const fe_slopes *a, scratch *s) {
  double taken = 0;
  memset(s->image, 0, (size_t)a->p * sizeof *s->image);
  for (int g = 0; g < a->blocks[a->lead].n_levels; g++) {
    expand_level(a, g, s->dir, s->t);
    sweep_level(a, g, s->t, s->image, NULL, s->c, &taken);
  }
}

/* ---- S delta = r ---------------------------------------------------------------------------- */

/* s->cond = S^- r by the factor, or r. Returns r's norm, by the factor's columns only. */
static double precondition(const fe_slopes *a, int with_factor, scratch *s) {
  size_t size = (size_t)a->p * sizeof *s->cond;
  if (!with_factor) {
    memcpy(s->cond, s->r, size);
    return fe_norm(s->r, (size_t)a->p);
  }
  for (int l = 0; l < a->r; l++) s->small[l] = s->r[a->pivot[l]];
  double norm = fe_norm(s->small, (size_t)a->r);
  fe_cholesky_solve(a->chol, a->r, NULL, s->small, 1);
  memset(s->cond, 0, size);
  for (int l = 0; l < a->r; l++) s->cond[a->pivot[l]] = s->small[l];
  return norm;
}

/* The best solution so far is kept in s->small: rounding leaves r outside of the range of S, where
 * steps lead astray. Returns 1, with that solution, after more steps without gain than exact
 * arithmetic would need for all. */
static int keep_best(const fe_slopes *a, scratch *s, double norm, int step, best *b) {
  size_t size = (size_t)a->p * sizeof *s->delta;
  if (norm < GAIN * b->norm) {
    *b = (best){norm, step};
    memcpy(s->small, s->delta, size);
  }
  if (step - b->step <= a->p + PATIENCE) return 0;
  memcpy(s->delta, s->small, size);
  return 1;
}

/* The rounding of dir'S dir, below which dir is in the null space of S. */
static double least_curvature(const fe_slopes *a, int with_factor, const scratch *s) {
  if (!a->wide || with_factor) return 0;
  return 4 * DBL_EPSILON * fe_dot(s->dir, s->dir, (size_t)a->p);
}

fe_status fe_slopes_solve(const fe_slopes *a, int with_factor, scratch *s, double goal,
                          stopper *stop, int *iterations) {
  int p = a->p, steps = 0;
  best least = {INFINITY, 0};
  double square = s->moved = 0;
  double norm = precondition(a, with_factor, s), rho = fe_dot(s->r, s->cond, (size_t)p);
  memset(s->delta, 0, (size_t)p * sizeof *s->delta);
  memcpy(s->dir, s->cond, (size_t)p * sizeof *s->dir);
  while (norm > goal) {
    if (fe_slopes_must_stop(stop, steps)) return FE_EINTR;
    if (with_factor && steps == MAX_REFINED) return FE_OK;
    if (!with_factor && *iterations == a->control.max_iter) return FE_ENOCONV;
    apply_schur(a, s);
    double curvature = fe_dot(s->dir, s->image, (size_t)p);
    if (!(curvature > least_curvature(a, with_factor, s))) break; /* only the null space is left */
    double step = rho / curvature;
    square += rho * step;
    s->moved = sqrt(square);
    for (int l = 0; l < p; l++) {
      s->delta[l] += step * s->dir[l];
      s->r[l] -= step * s->image[l];
    }
    ++steps;
    *iterations += !with_factor;
    norm = precondition(a, with_factor, s);
    if (!with_factor && keep_best(a, s, norm, steps, &least)) break;
    double next = fe_dot(s->r, s->cond, (size_t)p), beta = next / rho;
    for (int l = 0; l < p; l++) s->dir[l] = s->cond[l] + beta * s->dir[l];
    rho = next;
  }
  return FE_OK;
}

/* ---- one column ----------------------------------------------------------------------------- */

/* y <- y - Z delta */
static void remove_others(const fe_slopes *a, scratch *s) {
  fe_slopes_expand(a, s->delta, s->t);
  for (int64_t i = 0; i < a->n; i++) s->y[i] -= s->t[i];
}

static double weighted_norm(const fe_slopes *a, const double *y) {
  double square = 0;
  for (int64_t i = 0; i < a->n; i++) square += (a->w ? a->w[i] * y[i] : y[i]) * y[i];
  return sqrt(square);
}

/* sqrt(r'S^-r): the norm of what a solution for the residual at hand would take away */
static double move_ahead(const fe_slopes *a, scratch *s) {
  if (!a->chol) return 0;
  precondition(a, 1, s);
  return sqrt(fmax(fe_dot(s->r, s->cond, (size_t)a->p), 0));
}

/* What the report says before pass number `pass`. Returns 1 unless x~ may be far off although its
 * residual, to be brought below the goal, is small. */
static int is_settled(const fe_slopes *a, int pass, scratch *s, double residual,
                      double goal, double *rounding, outcome *o) {
  double unit = goal > 0 ? a->control.tol / goal : 0;
  o->residual = unit * residual;
  if (!a->wide && !a->unresolved) return 1;
  if (!pass) return 0;
  *rounding = fmax(*rounding, DBL_EPSILON * fe_norm(s->delta, (size_t)a->p));
  double far = fmax(s->moved, move_ahead(a, s)) + *rounding;
  o->error = a->unresolved ? INFINITY : unit * far;
  return !a->unresolved && far <= FAR * goal;
}

outcome fe_slopes_column(const fe_slopes *a, double *gamma, scratch *s, stopper *stop) {
  outcome o = {FE_OK, 0, 0.0, 0.0};
  int with_factor = a->control.solver == FE_SOLVER_SCHUR, other_way = 1;
  const block *lead = &a->blocks[a->lead];
  double *others = gamma ? gamma + (size_t)lead->n_levels * (size_t)lead->width : NULL;
  double whole = weighted_norm(a, s->y), before = INFINITY, moved = INFINITY, rounding = 0;
  double norm = fe_slopes_sweep(a, s->y, s->r, gamma, s->c);
  if (!a->p) norm = fe_slopes_sweep(a, s->y, s->r, gamma, s->c);
  for (int pass = 0; a->p; pass++) {
    double residual = fe_norm(s->r, (size_t)a->p);
    double floor_norm = 64 * DBL_EPSILON * whole, goal = fmax(a->control.tol * norm, floor_norm);
    double fine = fmin(goal, fmax(FINE * norm, floor_norm));
    double aim = with_factor || (a->wide && pass) ? fine : goal;
    int settled = is_settled(a, pass, s, residual, goal, &rounding, &o);
    o.status = settled && residual <= 4 * goal ? FE_OK : FE_ENOCONV;
    if ((settled && residual <= aim) || pass == MAX_PASSES) break;
    if (residual > before / 2 && (settled || s->moved > moved / 2)) {
      if (o.status == FE_OK || !other_way || !a->chol) break;
      with_factor = !with_factor;
      other_way = 0;
    }
    before = residual;
    moved = pass ? s->moved : INFINITY;
    double reach = a->wide && pass ? fmin(0.5 * aim, 1e-4 * residual) : 0.5 * aim;
    fe_status solved = fe_slopes_must_stop(stop, pass)
                           ? FE_EINTR
                           : fe_slopes_solve(a, with_factor, s, reach, stop, &o.iterations);
    if (solved) o.status = solved;
    if (solved) break;
    remove_others(a, s);
    for (int l = 0; gamma && l < a->p; l++) others[l] += s->delta[l];
    norm = fe_slopes_sweep(a, s->y, s->r, gamma, s->c);
  }
  return o;
}
