/* The absorber of fixed effects: its construction, and all columns at once. */
#include "absorb_private.h"

#include <limits.h>
#include <stdlib.h>

#include "codes.h"
#include "parallel.h"

enum { DENSE_ALWAYS = 300, DENSE_NEVER = 4000, POLL_ROWS = 1000000 };

/* ---- construction --------------------------------------------------------------------------- */

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
  return a->control.solver == FE_SOLVER_SCHUR ? fe_schur_build(a) : bound_rank(a);
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

/* ---- all columns ---------------------------------------------------------------------------- */

typedef struct {
  const fe_absorber *a;
  double *const *col;
  scratch *scratch; /* one a worker */
  outcome *outcome; /* one a column */
  stopper stop;
} job;

static void absorb_task(int64_t task, int worker, void *data) {
  job *j = data;
  j->outcome[task] = fe_absorb_column(j->a, j->col[task], NULL, &j->scratch[worker], &j->stop);
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
  for (int t = 0; t < workers && !status; t++) status = fe_scratch_new(a, &j.scratch[t]);
  if (!status) {
    fe_exec watched = {workers, fe_poll_and_tell, &j.stop};
    status = fe_parallel_for(&watched, k, absorb_task, &j);
    status = collect(&j, k, status, report);
  }
  for (int t = 0; t < workers && j.scratch; t++) fe_scratch_free(&j.scratch[t]);
  free(j.scratch);
  free(j.outcome);
  return status;
}
