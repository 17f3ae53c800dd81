/* The absorption of one column: passes over the rows and the solution between them. */
#include "absorb_private.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "memory.h"

enum { MAX_PASSES = 12, PASS_ROWS = 1 << 20 };

/* Under wide weights: how far the solution of a correction reduces its residual, and the largest
 * correction, in tolerances, after which x~ counts as near enough. */
#define CONFIRMING 1e-4
#define FAR 100

/* ---- the pieces of a pass ------------------------------------------------------------------- */

fe_status fe_scratch_new(const fe_absorber *a, scratch *s) {
  size_t p = (size_t)a->p, n_lead = (size_t)a->n_lead;
  double *room = fe_malloc_large((4 * n_lead + 5 * p + 1) * sizeof *room);
  if (!room) return FE_ENOMEM;
  s->pair = room;
  s->lead = room + 2 * n_lead;
  s->effect = s->lead + n_lead;
  s->r = s->effect + n_lead;
  s->delta = s->r + p;
  s->dir = s->delta + p;
  s->image = s->dir + p;
  s->cond = s->image + p;
  return FE_OK;
}

void fe_scratch_free(scratch *s) { free(s->pair); }

/* Row loops take the number m of other factors and whether there are weights apart from a, for
 * their callers to fix them. Sums by lead level are kept in a register while the level stays: of
 * sorted identifiers every addition would else wait for the one before. */
static inline double weigh(const fe_absorber *a, int weighted, int64_t i, double x) {
  return weighted ? a->w[i] * x : x;
}

static inline void add_to_others(const fe_absorber *a, int m, int64_t i, double wx, double *r) {
  for (int u = 0; u < m; u++) r[a->other_base[u] + a->other[u][i]] += wx;
}

/* Rows from..to-1: lead += D_1'Wx, r += Z'Wx. Returns || W^1/2 x ||^2 over them. */
static inline double sum_rows(const fe_absorber *a, int m, int weighted, int64_t from, int64_t to,
                              const double *x, double *lead, double *r) {
  const int *code = a->codes.code[a->lead];
  double square = 0, run = 0;
  int level = code[from];
  for (int64_t i = from; i < to; i++) {
    double wx = weigh(a, weighted, i, x[i]);
    if (code[i] != level) {
      lead[level - 1] += run;
      level = code[i];
      run = 0;
    }
    run += wx;
    square += wx * x[i];
    add_to_others(a, m, i, wx, r);
  }
  lead[level - 1] += run;
  return square;
}

static double sum_some(const fe_absorber *a, int64_t from, int64_t to, const double *x,
                       double *lead, double *r) {
  if (a->w) return sum_rows(a, a->m, 1, from, to, x, lead, r);
  switch (a->m) {
    case 0: return sum_rows(a, 0, 0, from, to, x, lead, r);
    case 1: return sum_rows(a, 1, 0, from, to, x, lead, r);
    case 2: return sum_rows(a, 2, 0, from, to, x, lead, r);
    default: return sum_rows(a, a->m, 0, from, to, x, lead, r);
  }
}

/* A pass over all rows in pieces, between which it may be stopped (then what is returned means
 * nothing). */
double fe_sum_levels(const fe_absorber *a, const double *x, double *lead, double *r,
                     stopper *stop) {
  double square = 0;
  memset(lead, 0, (size_t)a->n_lead * sizeof *lead);
  memset(r, 0, (size_t)a->p * sizeof *r);
  for (int64_t from = 0; from < a->codes.n && !fe_must_stop(stop, 0); from += PASS_ROWS) {
    int64_t to = from + PASS_ROWS < a->codes.n ? from + PASS_ROWS : a->codes.n;
    square += sum_some(a, from, to, x, lead, r);
  }
  return sqrt(square);
}

/* The effect of a lead level and the sum of the new residuals in it, side by side: a random access
 * for both. */
typedef struct {
  double effect, sum;
} lead_pair;

static inline double remove_rows(const fe_absorber *a, int m, int weighted, int64_t from,
                                 int64_t to, const double *x, double *out, const double *delta,
                                 lead_pair *pair, double *r) {
  const int *code = a->codes.code[a->lead];
  double square = 0, run = 0;
  lead_pair *level = &pair[code[from] - 1];
  for (int64_t i = from; i < to; i++) {
    lead_pair *at = &pair[code[i] - 1];
    double left = x[i] - at->effect;
    for (int u = 0; u < m; u++) left -= delta[a->other_base[u] + a->other[u][i]];
    out[i] = left;
    double wx = weigh(a, weighted, i, left);
    if (at != level) {
      level->sum += run;
      level = at;
      run = 0;
    }
    run += wx;
    square += wx * left;
    add_to_others(a, m, i, wx, r);
  }
  level->sum += run;
  return square;
}

static double remove_some(const fe_absorber *a, int64_t from, int64_t to, const double *x,
                          double *out, scratch *s) {
  if (a->w) return remove_rows(a, a->m, 1, from, to, x, out, s->delta, s->pair, s->r);
  switch (a->m) {
    case 0: return remove_rows(a, 0, 0, from, to, x, out, s->delta, s->pair, s->r);
    case 1: return remove_rows(a, 1, 0, from, to, x, out, s->delta, s->pair, s->r);
    case 2: return remove_rows(a, 2, 0, from, to, x, out, s->delta, s->pair, s->r);
    default: return remove_rows(a, a->m, 0, from, to, x, out, s->delta, s->pair, s->r);
  }
}

/* out = x - D_1 effect - Z delta; lead = D_1'W out, r = Z'W out. Returns || W^1/2 out ||. */
static double remove_effects(const fe_absorber *a, const double *x, double *out, scratch *s,
                             stopper *stop) {
  lead_pair *pair = s->pair;
  double square = 0;
  for (int g = 0; g < a->n_lead; g++) pair[g] = (lead_pair){s->effect[g], 0.0};
  memset(s->r, 0, (size_t)a->p * sizeof *s->r);
  for (int64_t from = 0; from < a->codes.n && !fe_must_stop(stop, 0); from += PASS_ROWS) {
    int64_t to = from + PASS_ROWS < a->codes.n ? from + PASS_ROWS : a->codes.n;
    square += remove_some(a, from, to, x, out, s);
  }
  for (int g = 0; g < a->n_lead; g++) s->lead[g] = pair[g].sum;
  return sqrt(square);
}

/* ---- pieces on the cells -------------------------------------------------------------------- */

/* r <- r - Z'W D_1 v */
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

static inline void lead_effects(const fe_absorber *a, int m, const double *v,
                                const double *delta, double *effect) {
  for (int g = 0; g < a->n_lead; g++) {
    double sum = 0;
    for (int64_t t = a->start[g]; t < a->start[g + 1]; t++) {
      double z = 0;
      for (int u = 0; u < m; u++) z += delta[a->cell[t * m + u]];
      sum += a->cell_w ? a->cell_w[t] * z : z;
    }
    effect[g] = v[g] - sum * a->lead_inv[g];
  }
}

void fe_lead_effects(const fe_absorber *a, const double *v, const double *delta, double *effect) {
  if (a->m == 1) {
    lead_effects(a, 1, v, delta, effect);
  } else {
    lead_effects(a, a->m, v, delta, effect);
  }
}

double fe_scaled_norm(const fe_absorber *a, const double *r) {
  double sum = 0;
  for (int l = 0; l < a->p; l++) sum += r[l] * r[l] * a->other_inv[l];
  return sqrt(sum);
}

/* ---- one column ----------------------------------------------------------------------------- */

fe_status fe_solve_others(const fe_absorber *a, fe_solver solver, scratch *s, double goal,
                          stopper *stop, outcome *o) {
  if (solver == FE_SOLVER_CG || solver == FE_SOLVER_SPARSE) {
    return fe_cg_solve(a, s, goal, stop, o);
  }
  memcpy(s->delta, s->r, (size_t)a->p * sizeof *s->delta);
  if (solver == FE_SOLVER_SCHUR) fe_cholesky_solve(a->chol, a->p, a->used, s->delta, 1);
  if (solver == FE_SOLVER_BALANCED) { /* S is diagonal on vectors that sum to zero */
    for (int l = 0; l < a->p; l++) s->delta[l] = s->r[l] * a->other_inv[l];
  }
  o->moved = sqrt(fmax(fe_dot(s->delta, s->r, (size_t)a->p), 0));
  return FE_OK;
}

void fe_centre(const fe_absorber *a, scratch *s) {
  double sum = 0;
  for (int g = 0; g < a->n_lead; g++) {
    sum += s->lead[g];
    s->lead[g] *= a->lead_inv[g];
  }
  if (a->start) {
    spread_lead(a, s->lead, s->r);
  } else { /* the closed form: a level of the other factor meets all lead levels alike */
    for (int l = 0; l < a->p; l++) s->r[l] -= a->other_w[l] * (sum / a->total);
  }
}

/* One solution for a column: s->effect and s->delta from s->lead (means) and s->r. */
static fe_status solve_column(const fe_absorber *a, fe_solver solver, scratch *s, double goal,
                              stopper *stop, outcome *o) {
  fe_status status = fe_solve_others(a, solver, s, goal, stop, o);
  if (solver == FE_SOLVER_SCHUR && !(o->moved <= 2 * o->most)) { /* the factor means nothing */
    status = fe_solve_others(a, FE_SOLVER_CG, s, goal, stop, o);
  }
  if (status == FE_EINTR || o->stalled) return status;
  if (a->start) {
    fe_lead_effects(a, s->lead, s->delta, s->effect);
  } else {
    memcpy(s->effect, s->lead, (size_t)a->n_lead * sizeof *s->effect);
  }
  return status;
}

/* || D'W x || in the metric of the levels' weights, from the sums */
static double sums_norm(const fe_absorber *a, const scratch *s) {
  double lead = 0, others = fe_scaled_norm(a, s->r);
  for (int g = 0; g < a->n_lead; g++) lead += s->lead[g] * s->lead[g] * a->lead_inv[g];
  return sqrt(lead + others * others);
}

/* || W^1/2 (x - D_1 means) || from || W^1/2 x || and the lead sums: the residual is no larger. */
static double centred_norm(const fe_absorber *a, double norm, const scratch *s) {
  double between = 0;
  for (int g = 0; g < a->n_lead; g++) between += s->lead[g] * s->lead[g] * a->lead_inv[g];
  return sqrt(fmax(norm * norm - between, 0));
}

static void add_effects(const fe_absorber *a, const scratch *s, double *gamma) {
  for (int g = 0; g < a->n_lead; g++) gamma[g] += s->effect[g];
  for (int l = 0; l < a->p; l++) gamma[a->n_lead + l] += s->delta[l];
}

/* How far a solution goes: to a residual that the next pass need not correct. Under wide weights a
 * correction shows by its size how far off x~ was before, so that it goes further than the
 * residual at hand, but not into the rounding of sums. norm: of x~. */
static double solution_goal(const fe_absorber *a, int pass, double goal, double norm,
                            const scratch *s) {
  if (!a->wide || !pass) return 0.3 * goal;
  double further = fmax(CONFIRMING * fe_scaled_norm(a, s->r), 16 * DBL_EPSILON * norm);
  return fmin(0.3 * goal, further);
}

/* What the report says of a pass. Returns 1 unless x~ may be far off although the residual, to be
 * brought below the goal, is small: the last correction was not, or effects that cancel each other
 * were so large that their rounding counts. */
static int judge(const fe_absorber *a, int pass, const scratch *s, double residual, double goal,
                 outcome *o) {
  double unit = goal > 0 ? a->control.tol / goal : 0, square = 0;
  o->residual = unit * residual;
  if (!a->wide || !a->p) return 1;
  for (int l = 0; l < a->p; l++) square += a->other_w[l] * s->delta[l] * s->delta[l];
  o->rounding = fmax(o->rounding, DBL_EPSILON * sqrt(square));
  o->error = unit * (o->moved + o->rounding);
  return pass && o->moved + o->rounding <= FAR * goal;
}

/* out <- residual of x, whose sums D'Wx are in s, and whose norm is given; residual norms up to a
 * floor are taken for rounding. Where weights are so unequal that direct solutions no longer come
 * closer, conjugate gradients finish. */
static outcome absorb_summed(const fe_absorber *a, const double *x, double *out, double norm,
                             double *gamma, scratch *s, stopper *stop) {
  outcome o = {.may_stall = a->control.solver == FE_SOLVER_CG && a->improvable};
  double before = INFINITY, moved = INFINITY;
  double floor_norm = 64 * DBL_EPSILON * norm, explained = 1e-6 * norm;
  fe_solver solver = a->control.solver;
  norm = centred_norm(a, norm, s);
  for (int pass = 0;; pass++) {
    fe_centre(a, s);
    double goal = fmax(a->control.tol * norm, pass && norm > explained ? 0 : floor_norm);
    o.most = fmax(norm, floor_norm);
    fe_status solved = fe_must_stop(stop, pass) ? FE_EINTR
                                                : solve_column(a, solver, s,
                                                               solution_goal(a, pass, goal, norm,
                                                                             s), stop, &o);
    if (solved == FE_EINTR) o.status = solved;
    if (o.status == FE_EINTR || o.stalled) return o;
    norm = remove_effects(a, pass ? out : x, out, s, stop);
    if (fe_must_stop(stop, 0)) o.status = FE_EINTR;
    if (o.status == FE_EINTR) return o;
    if (gamma) add_effects(a, s, gamma);
    double residual = sums_norm(a, s);
    goal = fmax(a->control.tol * norm, floor_norm);
    int settled = judge(a, pass, s, residual, goal, &o);
    o.status = settled && residual <= (solved ? 1 : 4) * goal ? FE_OK : FE_ENOCONV;
    if (norm > explained) goal = a->control.tol * norm; /* worth one more correction */
    if ((settled && residual <= goal) || pass == MAX_PASSES || solved) return o;
    if (residual > before / 2 && (settled || o.moved > moved / 2)) {
      if (o.status == FE_OK || solver != FE_SOLVER_SCHUR) return o;
      solver = FE_SOLVER_CG;
    }
    o.may_stall = 0;
    before = residual;
    moved = o.moved;
  }
}

/* The power of two that brings the largest of x to order one; 0 for zeros and infinities. */
static int exponent_of(const double *x, int64_t n) {
  double largest = 0;
  int exponent = 0;
  for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(x[i]));
  if (isfinite(largest)) frexp(largest, &exponent);
  return exponent;
}

static void shift_by(const double *x, double *out, int64_t n, int exponent) {
  for (int64_t i = 0; i < n; i++) out[i] = ldexp(x[i], exponent);
}

outcome fe_absorb_column(const fe_absorber *a, const double *in, double *out, double *gamma,
                         scratch *s, stopper *stop) {
  int64_t n = a->codes.n;
  double norm = fe_sum_levels(a, in, s->lead, s->r, stop);
  int shift = norm > 1e-140 && norm < 1e140 ? 0 : exponent_of(in, n);
  if (shift) {
    shift_by(in, out, n, -shift);
    in = out;
    norm = fe_sum_levels(a, in, s->lead, s->r, stop);
  }
  outcome o = absorb_summed(a, in, out, norm, gamma, s, stop);
  if (shift) shift_by(out, out, n, shift);
  if (shift && gamma) shift_by(gamma, gamma, (int64_t)a->n_lead + a->p, shift);
  return o;
}
