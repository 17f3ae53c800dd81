/* The absorber of fixed effects: its construction, and all columns at once. */
#include "absorb_private.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "codes.h"
#include "memory.h"
#include "parallel.h"
#include "rank.h"

enum { DENSE_ALWAYS = 64, SPARSE_FROM = 300, DENSE_NEVER = 4000, POLL_ROWS = 1000000 };

/* Work that is nothing beside the rest of a fit. */
#define NO_WORK 1e6

/* ---- construction --------------------------------------------------------------------------- */

static int largest_factor(const fe_codes *c) {
  int lead = 0;
  for (int f = 1; f < c->q; f++) {
    if (c->n_levels[f] > c->n_levels[lead]) lead = f;
  }
  return lead;
}

/* Estimated work, in multiplications: the dense complement against a dozen iterations for three
 * columns. */
static int dense_pays(const fe_absorber *a) {
  double p = a->p, n = (double)a->codes.n, met = n / a->n_lead * a->m;
  if (p <= DENSE_ALWAYS) return 1;
  if (p > DENSE_NEVER) return 0;
  if (met > p) met = p;
  return a->n_lead * met * met + p * p * p / 6 <= fmax(100 * n * a->m, NO_WORK);
}

/* Of the others, the one with most levels. */
static int second_factor(const fe_absorber *a) {
  int second = 0;
  for (int u = 1; u < a->m; u++) {
    if (a->other_levels[u] > a->other_levels[second]) second = u;
  }
  return second;
}

/* Levels of other factor u that have rows, less components of its graph with the lead: the rank
 * that it adds to that of the lead. */
static fe_status added_rank(const fe_absorber *a, int u, const fe_exec *exec, int *added) {
  int n_components = 0;
  fe_status status = fe_components(a->codes.code[a->lead], a->n_lead, a->other[u],
                                   a->other_levels[u], a->codes.n, a->w, NULL, &n_components);
  *added = positive_levels(a->other_w + a->other_base[u] + 1, a->other_levels[u]) - n_components;
  return status ? status : fe_poll(exec);
}

/* rank D = n_1 + what the second factor adds + rank of the cycles, which is at most what each of
 * the others would add to the lead. */
static fe_status find_rank(fe_absorber *a, const fe_exec *exec) {
  int second = second_factor(a), edges = 0;
  int64_t most = 0, cycles = 0;
  for (int u = 0; u < a->m; u++) {
    int added;
    fe_status status = added_rank(a, u, exec, &added);
    if (status) return status;
    if (u == second) edges = added; else most += added;
  }
  fe_cells cells = {a->n_lead, a->m, a->p, a->start, a->cell, a->cell_w, second,
                    a->other_base[second] + 1, a->other_levels[second]};
  fe_status status = fe_cycle_rank(&cells, edges, most, exec, &cycles, &a->rank_exact);
  a->rank = positive_levels(a->lead_inv, a->n_lead) + edges + (a->rank_exact ? cycles : most);
  return status;
}

static fe_status place_others(fe_absorber *a) {
  const fe_codes *c = &a->codes;
  size_t q = (size_t)c->q;
  a->offset = malloc(q * sizeof *a->offset);
  a->other = malloc(q * sizeof *a->other);
  a->other_base = malloc(q * sizeof *a->other_base);
  a->other_levels = malloc(q * sizeof *a->other_levels);
  if (!a->offset || !a->other || !a->other_base || !a->other_levels) return FE_ENOMEM;
  for (int f = 0; f < c->q; f++) {
    a->offset[f] = f == a->lead ? -1 : a->p;
    if (f == a->lead) continue;
    a->other[a->m] = c->code[f];
    a->other_levels[a->m] = c->n_levels[f];
    a->other_base[a->m++] = a->p - 1;
    a->p += c->n_levels[f];
  }
  return FE_OK;
}

static void weigh_factor(int64_t task, int worker, void *data) {
  const fe_absorber *a = data;
  const fe_codes *c = &a->codes;
  (void)worker;
  int f = (int)task;
  double *sum = f == a->lead ? a->lead_inv : a->other_w + a->offset[f];
  fe_level_weights(c->code[f], c->n_levels[f], c->n, a->w, sum);
}

static double inverse_weight(double w) { return w > 0 ? 1.0 / w : 0.0; }

static fe_status weigh_levels(fe_absorber *a, const fe_exec *exec) {
  a->lead_inv = malloc(((size_t)a->n_lead + 1) * sizeof *a->lead_inv);
  a->other_w = malloc(((size_t)a->p + 1) * sizeof *a->other_w);
  a->other_inv = malloc(((size_t)a->p + 1) * sizeof *a->other_inv);
  if (!a->lead_inv || !a->other_w || !a->other_inv) return FE_ENOMEM;
  /* a thread costs about as much as some ten thousand rows */
  fe_exec few = {fe_workers(exec, a->codes.n / 20000), exec->poll, exec->poll_data};
  fe_status status = fe_parallel_for(&few, a->codes.q, weigh_factor, a);
  a->wide = a->w && fe_weights_wide(a->w, a->codes.n);
  a->total = 0;
  for (int g = 0; g < a->n_lead && !status; g++) {
    a->total += a->lead_inv[g];
    a->lead_inv[g] = inverse_weight(a->lead_inv[g]);
  }
  for (int l = 0; l < a->p && !status; l++) a->other_inv[l] = inverse_weight(a->other_w[l]);
  return status;
}

static fe_status choose_solver(fe_absorber *a) {
  if (a->codes.q == 1) a->control.solver = FE_SOLVER_MEANS;
  if (a->control.solver != FE_SOLVER_AUTO) return FE_OK;
  int balanced = fe_is_balanced(a), pays = dense_pays(a);
  if (balanced < 0) return FE_ENOMEM;
  a->improvable = !balanced && !pays;
  a->control.solver = balanced ? FE_SOLVER_BALANCED : pays ? FE_SOLVER_SCHUR : FE_SOLVER_CG;
  return FE_OK;
}

/* A Laplacian costs about as much as one visit of a cell for each clique pair and some hundred for
 * each edge; an iteration some visits of every cell. It serves several columns. */
static fe_status set_patience(fe_absorber *a) {
  double visits = 0, cells = (double)a->start[a->n_lead] * a->m + 2.0 * a->p;
  for (int u = 0; u < a->m; u++) {
    double pairs = fe_estimate_pairs(a, u), all = 0.5 * a->other_levels[u] * a->other_levels[u];
    if (pairs < 0) return FE_ENOMEM;
    if (a->other_levels[u] >= SPARSE_FROM) visits += pairs + 100 * (pairs < all ? pairs : all);
  }
  a->patience = fmax(30, visits / (2 * cells) / 2);
  return FE_OK;
}

/* Makes the blocks of the sparse solver. Unless all are asked for, factors of few levels are left
 * to Jacobi's scaling. */
static fe_status blocks_build(fe_absorber *a, const fe_exec *exec) {
  a->control.solver = FE_SOLVER_SPARSE;
  a->blocks = calloc((size_t)a->m, sizeof *a->blocks);
  fe_status status = a->blocks ? FE_OK : FE_ENOMEM;
  for (int u = 0; u < a->m && !status; u++) {
    if (a->improvable && a->m > 1 && a->other_levels[u] < SPARSE_FROM) continue;
    status = fe_block_build(a, u, exec, &a->blocks[u]);
  }
  return status;
}

static fe_status build_solver(fe_absorber *a, const fe_exec *exec) {
  fe_solver solver = a->control.solver;
  a->rank_exact = 1;
  a->rank = positive_levels(a->lead_inv, a->n_lead);
  if (solver == FE_SOLVER_MEANS) return FE_OK;
  if (solver == FE_SOLVER_BALANCED) { /* every level of one meets every level of the other */
    a->rank += positive_levels(a->other_w, a->p) - 1;
    return FE_OK;
  }
  fe_status status = fe_cells_build(a, solver != FE_SOLVER_SCHUR, exec);
  if (!status) status = fe_poll(exec);
  if (status) return status;
  if (solver == FE_SOLVER_SCHUR) return fe_schur_build(a, exec);
  if (solver == FE_SOLVER_SPARSE) status = blocks_build(a, exec);
  if (!status && a->improvable) status = set_patience(a);
  return status ? status : find_rank(a, exec);
}

static fe_status build(fe_absorber *a, const fe_exec *exec) {
  fe_status status = place_others(a);
  if (!status) status = weigh_levels(a, exec);
  if (!status) status = choose_solver(a);
  return status ? status : build_solver(a, exec);
}

static void free_cells(fe_absorber *a) {
  free(a->start);
  free(a->cell);
  free(a->cell_w);
}

static void free_factor(fe_absorber *a) {
  free(a->chol);
  free(a->used);
}

/* The dense solver in place of one that iterates, which stays as it was if this fails. */
static fe_status make_dense(fe_absorber *a, const fe_exec *exec) {
  fe_absorber dense = *a;
  dense.control.solver = FE_SOLVER_SCHUR;
  dense.start = NULL;
  dense.cell = NULL;
  dense.cell_w = NULL;
  fe_status status = fe_cells_build(&dense, 0, exec);
  if (!status) status = fe_schur_build(&dense, exec);
  free_cells(status ? &dense : a);
  if (status) free_factor(&dense); else *a = dense;
  return status;
}

fe_status fe_absorber_improve(fe_absorber *a, int failed, const fe_exec *exec) {
  if (!a->improvable || a->chol) return FE_ENOCONV;
  if (failed && a->p <= DENSE_NEVER) return make_dense(a, exec);
  return a->blocks ? FE_ENOCONV : blocks_build(a, exec);
}

/* Levels are counted by int throughout. */
static int is_valid(const fe_codes *c, const fe_control *control) {
  int64_t levels = 0;
  if (c->q < 1 || c->n < 1 || control->solver > FE_SOLVER_SPARSE) return 0;
  for (int f = 0; f < c->q; f++) levels += c->n_levels[f];
  /* the closed forms are found, not asked for */
  return levels <= INT_MAX && control->solver != FE_SOLVER_BALANCED &&
         (c->q == 1 || control->solver != FE_SOLVER_MEANS);
}

fe_status fe_absorber_new(const fe_codes *codes, const double *w, const fe_control *control,
                          const fe_exec *exec, fe_absorber **out) {
  *out = NULL;
  if (!is_valid(codes, control)) return FE_EINVAL;
  fe_absorber *a = calloc(1, sizeof *a);
  if (!a) return FE_ENOMEM;
  a->codes = *codes;
  a->w = w;
  a->control = *control;
  a->lead = largest_factor(codes);
  a->n_lead = codes->n_levels[a->lead];
  fe_status status = build(a, exec);
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
  free(a->other_levels);
  free(a->lead_inv);
  free(a->other_w);
  free(a->other_inv);
  free_cells(a);
  free_factor(a);
  for (int u = 0; a->blocks && u < a->m; u++) {
    fe_graph_free(&a->blocks[u].graph);
    fe_laplacian_free(a->blocks[u].factor);
  }
  free(a->blocks);
  free(a);
}

int64_t fe_absorber_rank(const fe_absorber *a, int *exact) {
  *exact = a->rank_exact;
  return a->rank;
}

fe_solver fe_absorber_solver(const fe_absorber *a) { return a->control.solver; }

void fe_absorber_plan(const fe_absorber *a, fe_plan *plan) {
  *plan = (fe_plan){a->lead, a->n_lead, a->p, a->start ? a->start[a->n_lead] : 0, 0, 0, 1};
  for (int u = 0; a->blocks && u < a->m; u++) {
    const block *b = &a->blocks[u];
    if (!b->factor) continue;
    plan->edges += b->graph.start[b->graph.p] / 2;
    plan->factor += fe_laplacian_size(b->factor);
    plan->exact = plan->exact && fe_laplacian_exact(b->factor);
  }
}

/* ---- all columns ---------------------------------------------------------------------------- */

typedef struct {
  const fe_absorber *a;
  const double *const *in;
  double *const *out;
  scratch *scratch; /* one a worker */
  outcome *outcome; /* one a column */
  stopper stop;
} job;

static void absorb_task(int64_t task, int worker, void *data) {
  job *j = data;
  j->outcome[task] = fe_absorb_column(j->a, j->in[task], j->out[task], NULL, &j->scratch[worker],
                                      &j->stop);
}

static int some_failed(const job *j, int k) {
  for (int c = 0; c < k; c++) {
    if (j->outcome[c].status == FE_ENOCONV) return 1;
  }
  return 0;
}

/* If a column stalls or fails, all are done anew by a better solver, so that the result does not
 * depend on which thread came how far. */
static fe_status run_columns(fe_absorber *a, job *j, int k, int workers) {
  fe_exec watched = {workers, fe_poll_and_tell, &j->stop};
  for (;;) {
    fe_status status = fe_parallel_for(&watched, k, absorb_task, j);
    int stalled = j->stop.stalled;
    if (status || (!stalled && !some_failed(j, k))) return status;
    status = fe_absorber_improve(a, !stalled, j->stop.exec);
    if (status) return status;
    j->stop.stalled = 0;
  }
}

static fe_status collect(const job *j, int k, fe_status ran, fe_report *report) {
  fe_status status = ran;
  report->solver = j->a->control.solver;
  report->iterations = 0;
  report->residual = report->error = 0;
  for (int c = 0; c < k; c++) {
    const outcome *o = &j->outcome[c];
    if (o->status == FE_EINTR || (o->status && !status)) status = o->status;
    if (o->iterations > report->iterations) report->iterations = o->iterations;
    if (o->residual > report->residual) report->residual = o->residual;
    if (o->error > report->error) report->error = o->error;
  }
  return status;
}

fe_status fe_absorb(fe_absorber *a, const double *const *in, double *const *out, int k,
                    const fe_exec *exec, fe_report *report) {
  int64_t worth = a->codes.n * k / 20000;
  int workers = fe_workers(exec, worth < k ? worth : k);
  /* a worker that is also the caller polls by itself, every million rows or so */
  int64_t every = workers > 1 && exec->poll ? 0 : 1 + POLL_ROWS / a->codes.n;
  job j = {a, in, out, calloc((size_t)workers, sizeof(scratch)),
           calloc((size_t)(k > 0 ? k : 1), sizeof(outcome)), {0, 0, every, exec}};
  fe_status status = j.scratch && j.outcome ? FE_OK : FE_ENOMEM;
  for (int t = 0; t < workers && !status; t++) status = fe_scratch_new(a, &j.scratch[t]);
  for (int c = 0; c < k; c++) fe_use_large_pages(out[c], (size_t)a->codes.n * sizeof(double));
  if (!status) {
    status = run_columns(a, &j, k, workers);
    status = collect(&j, k, status, report);
  }
  for (int t = 0; t < workers && j.scratch; t++) fe_scratch_free(&j.scratch[t]);
  free(j.scratch);
  free(j.outcome);
  return status;
}
