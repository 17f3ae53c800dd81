/* Fixed effects with varying slopes: construction, and all columns at once. */
#include "slopes.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "parallel.h"
#include "slopes_private.h"

enum { DENSE_ALWAYS = 1000, DENSE_NEVER = 3000 };

/* ---- construction: factors and rows --------------------------------------------------------- */

static fe_status blocks_new(fe_slopes *a) {
  const fe_terms *terms = &a->terms;
  int q = terms->codes.q;
  a->blocks = calloc((size_t)q, sizeof *a->blocks);
  if (!a->blocks) return FE_ENOMEM;
  for (int t = 0; t < terms->n_terms; t++) a->blocks[terms->factor[t]].width++;
  for (int f = 0; f < q; f++) {
    block *b = &a->blocks[f];
    size_t width = (size_t)b->width, columns = width * (size_t)terms->codes.n_levels[f];
    b->n_levels = terms->codes.n_levels[f];
    b->term = malloc(width * sizeof *b->term);
    b->spread = malloc(width * sizeof *b->spread);
    b->kept = malloc(columns + 1);
    b->origin = malloc((columns + 1) * sizeof *b->origin);
    b->back = malloc((columns * width + 1) * sizeof *b->back);
    if (!b->term || !b->spread || !b->kept || !b->origin || !b->back) return FE_ENOMEM;
    b->width = 0;
    for (int t = 0; t < terms->n_terms; t++) {
      if (terms->factor[t] == f) b->term[b->width++] = t;
    }
  }
  return FE_OK;
}

static int64_t columns_of(const block *b) { return (int64_t)b->n_levels * b->width; }

static fe_status place_others(fe_slopes *a) {
  int q = a->terms.codes.q;
  a->other = malloc((size_t)q * sizeof *a->other);
  a->width = malloc((size_t)q * sizeof *a->width);
  if (!a->other || !a->width) return FE_ENOMEM;
  for (int f = 1; f < q; f++) {
    if (columns_of(&a->blocks[f]) > columns_of(&a->blocks[a->lead])) a->lead = f;
  }
  for (int f = 0; f < q; f++) {
    block *b = &a->blocks[f];
    if (f == a->lead) continue;
    b->base = a->p;
    a->p += (int)columns_of(b);
    a->stride += b->width;
    a->other[a->m] = f;
    a->width[a->m++] = b->width;
  }
  return FE_OK;
}

static fe_status place_rows(fe_slopes *a) {
  size_t n = (size_t)a->n, n_lead = (size_t)a->blocks[a->lead].n_levels;
  a->order = malloc(n * sizeof *a->order);
  a->start = malloc((n_lead + 1) * sizeof *a->start);
  a->cell = malloc((n * (size_t)a->m + 1) * sizeof *a->cell);
  a->u = malloc(n * (size_t)a->blocks[a->lead].width * sizeof *a->u);
  a->z = malloc((n * (size_t)a->stride + 1) * sizeof *a->z);
  if (!a->order || !a->start || !a->cell || !a->u || !a->z) return FE_ENOMEM;
  fe_order_by(a->terms.codes.code[a->lead], (int)n_lead, a->n, a->start, a->order);
  for (int64_t s = 0; s < a->n; s++) {
    for (int o = 0; o < a->m; o++) {
      const block *b = &a->blocks[a->other[o]];
      int code = a->terms.codes.code[a->other[o]][a->order[s]];
      a->cell[s * a->m + o] = b->base + (code - 1) * b->width;
    }
  }
  return FE_OK;
}

/* ---- construction: bases and S -------------------------------------------------------------- */

/* The basis of other factor o; its rows in lead order are sorted by its levels. */
static fe_status other_basis(fe_slopes *a, int o, int find, const fe_exec *exec) {
  block *b = &a->blocks[a->other[o]];
  size_t n = (size_t)a->n;
  int *code = malloc(n * sizeof *code), at = 0;
  int64_t *start = malloc(((size_t)b->n_levels + 1) * sizeof *start);
  int64_t *row = malloc(n * sizeof *row);
  fe_status status = code && start && row ? FE_OK : FE_ENOMEM;
  for (int before = 0; before < o; before++) at += a->width[before];
  if (!status) {
    for (size_t s = 0; s < n; s++) {
      code[s] = 1 + (a->cell[s * (size_t)a->m + (size_t)o] - b->base) / b->width;
    }
    fe_order_by(code, b->n_levels, a->n, start, row);
    status = fe_slopes_basis(a, b, start, row, find, a->z + at, a->stride, exec);
  }
  free(code);
  free(start);
  free(row);
  return status;
}

static fe_status make_bases(fe_slopes *a, int find, const fe_exec *exec) {
  block *lead = &a->blocks[a->lead];
  fe_status status = fe_slopes_basis(a, lead, a->start, NULL, find, a->u, lead->width, exec);
  for (int o = 0; o < a->m && !status; o++) {
    stopper stop = own_stopper(exec, a->n);
    status = fe_slopes_must_stop(&stop, 0) ? FE_EINTR : other_basis(a, o, find, exec);
  }
  return status;
}

static fe_solver choose_solver(const fe_slopes *a) {
  fe_solver asked = a->control.solver;
  if (!a->m) return FE_SOLVER_MEANS;
  if (asked == FE_SOLVER_SCHUR || asked == FE_SOLVER_CG) return asked;
  if (a->p <= DENSE_ALWAYS) return FE_SOLVER_SCHUR;
  double cost = (double)a->p * a->p * a->p; /* against some thousand passes over the rows */
  if (a->weight && fe_weights_wide(a->weight, a->n)) cost = 0; /* conjugate gradients see less */
  return a->p <= DENSE_NEVER && cost <= 2e4 * (double)a->n ? FE_SOLVER_SCHUR : FE_SOLVER_CG;
}

/* ---- construction: weights and rank --------------------------------------------------------- */

/* Weights in lead order; with `as_ones`, one for each positive weight, and none at all if every
 * weight is positive. */
static fe_status set_weights(fe_slopes *a, int as_ones) {
  int64_t n_zero = 0;
  free(a->w);
  a->w = NULL;
  a->wide = a->weight && fe_weights_wide(a->weight, a->n);
  for (int64_t i = 0; a->weight && i < a->n; i++) n_zero += !(a->weight[i] > 0);
  if (!a->weight || (as_ones && n_zero == 0)) return FE_OK;
  a->w = malloc((size_t)a->n * sizeof *a->w);
  if (!a->w) return FE_ENOMEM;
  for (int64_t s = 0; s < a->n; s++) {
    double w = a->weight[a->order[s]];
    a->w[s] = !as_ones ? w : w > 0 ? 1.0 : 0.0;
  }
  return FE_OK;
}

/* The columns that depend on others are found with all positive weights counted as one, where a
 * pivot is either zero or far from it: weights change nothing in that. */
static fe_status find_rank(fe_slopes *a, const fe_exec *exec) {
  int doubtful = 0;
  fe_status status = set_weights(a, 1);
  if (!status) status = make_bases(a, 1, exec);
  if (status) return status;
  a->rank_exact = !a->m || a->p <= DENSE_ALWAYS || a->control.solver == FE_SOLVER_SCHUR;
  a->rank = a->blocks[a->lead].rank;
  if (!a->m) return FE_OK;
  if (!a->rank_exact) return fe_slopes_find_rank(a, exec, &a->rank, &a->rank_exact);
  status = fe_slopes_factor(a, 1, exec, &doubtful);
  a->rank += a->r;
  a->rank_exact = !doubtful;
  return status;
}

static fe_status build(fe_slopes *a, const fe_exec *exec) {
  int doubtful;
  fe_status status = blocks_new(a);
  if (!status) status = place_others(a);
  if (!status) status = place_rows(a);
  if (status) return status;
  a->control.solver = choose_solver(a);
  status = find_rank(a, exec);
  if (status || !a->weight) return status;
  status = set_weights(a, 0);
  if (!status) status = make_bases(a, 0, exec);
  return status || !a->chol ? status : fe_slopes_factor(a, 0, exec, &doubtful);
}

/* ---- the object ----------------------------------------------------------------------------- */

/* Every factor has a term, and columns are counted by int. */
static int is_valid(const fe_terms *terms) {
  int64_t columns = 0;
  if (terms->codes.q < 1 || terms->codes.n < 1) return 0;
  for (int f = 0; f < terms->codes.q; f++) {
    int width = 0;
    for (int t = 0; t < terms->n_terms; t++) width += terms->factor[t] == f;
    if (width < 1) return 0;
    columns += (int64_t)width * terms->codes.n_levels[f];
  }
  for (int t = 0; t < terms->n_terms; t++) {
    if (terms->factor[t] < 0 || terms->factor[t] >= terms->codes.q) return 0;
  }
  return columns <= INT_MAX;
}

static int is_known(fe_solver solver) {
  return solver == FE_SOLVER_AUTO || solver == FE_SOLVER_SCHUR || solver == FE_SOLVER_CG;
}

fe_status fe_slopes_new(const fe_terms *terms, const double *w, const fe_control *control,
                        const fe_exec *exec, fe_slopes **out) {
  *out = NULL;
  if (!is_valid(terms) || !is_known(control->solver)) return FE_EINVAL;
  fe_slopes *a = calloc(1, sizeof *a);
  if (!a) return FE_ENOMEM;
  a->terms = *terms;
  a->weight = w;
  a->control = *control;
  a->n = terms->codes.n;
  fe_status status = build(a, exec);
  if (status) {
    fe_slopes_free(a);
    return status;
  }
  *out = a;
  return FE_OK;
}

static void block_free(block *b) {
  free(b->term);
  free(b->spread);
  free(b->kept);
  free(b->origin);
  free(b->back);
}

void fe_slopes_free(fe_slopes *a) {
  if (!a) return;
  for (int f = 0; a->blocks && f < a->terms.codes.q; f++) block_free(&a->blocks[f]);
  free(a->blocks);
  free(a->other);
  free(a->width);
  free(a->order);
  free(a->start);
  free(a->w);
  free(a->u);
  free(a->z);
  free(a->cell);
  free(a->chol);
  free(a->pivot);
  free(a);
}

int64_t fe_slopes_rank(const fe_slopes *a, int *exact) {
  *exact = a->rank_exact;
  return a->rank;
}

fe_solver fe_slopes_solver(const fe_slopes *a) { return a->control.solver; }

void fe_slopes_plan(const fe_slopes *a, fe_plan *plan) {
  int dense = a->m && a->control.solver == FE_SOLVER_SCHUR;
  *plan = (fe_plan){a->lead, (int)columns_of(&a->blocks[a->lead]), a->p, 0, 0,
                    dense ? (int64_t)a->r * (a->r + 1) / 2 : 0, 1};
}

int fe_slopes_doubted(const fe_slopes *a, int term) {
  const block *b = &a->blocks[a->terms.factor[term]];
  int k = 0, count = 0;
  while (b->term[k] != term) k++;
  for (int l = 0; l < b->n_levels; l++) count += b->kept[l * b->width + k] == DOUBTED;
  return count;
}

/* ---- all columns ---------------------------------------------------------------------------- */

int fe_slopes_gather(const fe_slopes *a, const double *x, double *y) {
  double largest = 0;
  for (int64_t i = 0; i < a->n; i++) largest = fmax(largest, fabs(x[i]));
  int exponent = fe_slopes_exponent(largest);
  double scale = ldexp(1.0, -exponent);
  for (int64_t s = 0; s < a->n; s++) y[s] = x[a->order[s]] * scale;
  return exponent;
}

typedef struct {
  const fe_slopes *a;
  const double *const *in;
  double *const *out;
  scratch *scratch; /* one a worker */
  outcome *outcome; /* one a column */
  stopper stop;
} column_job;

static void absorb_task(int64_t task, int worker, void *data) {
  column_job *j = data;
  const fe_slopes *a = j->a;
  scratch *s = &j->scratch[worker];
  int exponent = fe_slopes_gather(a, j->in[task], s->y);
  j->outcome[task] = fe_slopes_column(a, NULL, s, &j->stop);
  double scale = ldexp(1.0, exponent);
  for (int64_t i = 0; i < a->n; i++) j->out[task][a->order[i]] = s->y[i] * scale;
}

static fe_status collect(const column_job *j, int k, fe_status ran, fe_report *report) {
  fe_status status = ran;
  *report = (fe_report){.solver = j->a->control.solver};
  for (int c = 0; c < k; c++) {
    const outcome *o = &j->outcome[c];
    if (o->status == FE_EINTR || (o->status && !status)) status = o->status;
    if (o->iterations > report->iterations) report->iterations = o->iterations;
    if (o->residual > report->residual) report->residual = o->residual;
    if (o->error > report->error) report->error = o->error;
  }
  return status;
}

fe_status fe_slopes_absorb(const fe_slopes *a, const double *const *in, double *const *out, int k,
                           const fe_exec *exec, fe_report *report) {
  /* a thread costs about as much as some ten thousand rows */
  int64_t worth = a->n * k / 20000;
  int workers = fe_workers(exec, worth < k ? worth : k);
  column_job j = {a, in, out, calloc((size_t)workers, sizeof(scratch)),
           calloc((size_t)(k > 0 ? k : 1), sizeof(outcome)), own_stopper(exec, a->n)};
  if (workers > 1) j.stop.every = 0;
  fe_status status = j.scratch && j.outcome ? FE_OK : FE_ENOMEM;
  for (int t = 0; t < workers && !status; t++) status = fe_slopes_scratch_new(a, &j.scratch[t]);
  if (!status) {
    fe_exec watched = {workers, fe_slopes_poll, &j.stop};
    status = fe_parallel_for(&watched, k, absorb_task, &j);
    status = collect(&j, k, status, report);
  }
  for (int t = 0; t < workers && j.scratch; t++) fe_slopes_scratch_free(&j.scratch[t]);
  free(j.scratch);
  free(j.outcome);
  return status;
}
