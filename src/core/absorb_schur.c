/* The dense solver: S and its Cholesky factor; the rank and the leverages that follow. */
#include "absorb_private.h"

#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "linalg.h"
#include "parallel.h"

/* With three and more factors, a level whose pivot, all weights one, is below this share of its
 * rows depends on levels before it. */
#define DEPENDENT 1e-11

/* ---- construction of S ---------------------------------------------------------------------- */

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

/* Lead levels in ranges, each added to a matrix of its own: the sum does not depend on threads. */
enum { MAX_RANGES = 16, RANGE_DOUBLES = 8000000, POLL_LEVELS = 1024 };

typedef struct {
  const fe_absorber *a;
  int plain, ranges;
  size_t stride; /* from the matrix of a range to the next; 0: one for all, and one thread */
  double *s;
  double *sum; /* p for each worker, zero */
  int *hit;    /* p for each worker */
} schur_job;

/* Matrices worth having. */
static int range_count(const fe_absorber *a) {
  size_t size = (size_t)a->p * (size_t)a->p;
  size_t most = RANGE_DOUBLES / (size > 0 ? size : 1);
  if (a->codes.n < 50000 || most < 1) return 1;
  return most < MAX_RANGES ? (int)most : MAX_RANGES;
}

static void add_range(int64_t task, int worker, void *data) {
  const schur_job *j = data;
  size_t p = (size_t)j->a->p;
  int from = (int)(task * j->a->n_lead / j->ranges);
  int to = (int)((task + 1) * j->a->n_lead / j->ranges);
  for (int g = from; g < to; g++) {
    add_lead_level(j->a, g, j->plain, j->s + (size_t)task * j->stride, j->sum + (size_t)worker * p,
                   j->hit + (size_t)worker * p);
  }
}

typedef struct {
  double *s;
  size_t p;
} column_job;

static void zero_column(int64_t task, int worker, void *data) {
  const column_job *j = data;
  (void)worker;
  memset(j->s + (size_t)task * j->p, 0, j->p * sizeof *j->s);
}

/* s <- S */
static fe_status fill_schur(const fe_absorber *a, int plain, const fe_exec *exec, double *s) {
  size_t p = (size_t)a->p;
  int copies = range_count(a);
  fe_exec few = {copies > 1 ? exec->threads : 1, exec->poll, exec->poll_data};
  size_t workers = (size_t)fe_workers(&few, copies);
  schur_job j = {a, plain, copies > 1 ? copies : MAX_RANGES, copies > 1 ? p * p : 0,
                 copies > 1 ? calloc(p * p * (size_t)copies, sizeof *s) : s,
                 calloc(p * workers + 1, sizeof *s), malloc((p * workers + 1) * sizeof(int))};
  fe_status status = j.s && j.sum && j.hit ? FE_OK : FE_ENOMEM;
  column_job columns = {s, p};
  if (!status) status = fe_parallel_for(exec, a->p, zero_column, &columns);
  if (!status) status = fe_parallel_for(&few, j.ranges, add_range, &j);
  for (int c = 0; copies > 1 && !status && c < copies; c++) {
    for (size_t e = 0; e < p * p; e++) s[e] += j.s[(size_t)c * p * p + e];
  }
  if (copies > 1) free(j.s);
  free(j.sum);
  free(j.hit);
  return status;
}

/* Factors S; returns its rank. Of two factors the graph tells the rank, whatever rounding does to
 * a pivot. Of more, the levels that depend on others are found with all positive weights counted
 * as one, where a pivot is either zero or far from it: weights change nothing in that. */
static fe_status factor_schur(fe_absorber *a, int n_components, const fe_exec *exec, int *rank) {
  if (a->m == 1) {
    int pivots;
    *rank = positive_levels(a->other_w, a->p) - n_components;
    return fe_cholesky_watched(a->chol, a->p, 0.0, NULL, a->used, exec, &pivots);
  }
  double *rows = malloc(((size_t)a->p + 1) * sizeof *rows);
  if (!rows) return FE_ENOMEM;
  for (int u = 0; u < a->m; u++) {
    fe_level_weights(a->other[u], a->other_levels[u], a->codes.n, NULL,
                     rows + a->other_base[u] + 1);
  }
  fe_status status = fe_cholesky_watched(a->chol, a->p, DEPENDENT, rows, a->used, exec, rank);
  free(rows);
  if (status || !a->w) return status;
  status = fill_schur(a, 0, exec, a->chol);
  for (int l = 0; !status && l < a->p; l++) {
    if (!a->used[l]) leave_out(a->chol, (size_t)a->p, (size_t)l);
  }
  int pivots;
  return status ? status
                : fe_cholesky_watched(a->chol, a->p, 0.0, NULL, a->used, exec, &pivots);
}

fe_status fe_schur_build(fe_absorber *a, const fe_exec *exec) {
  size_t p = (size_t)a->p;
  a->chol = malloc(p * p * sizeof *a->chol);
  a->used = malloc(p * sizeof *a->used);
  int n_components = 0, rank = 0;
  fe_status status = a->chol && a->used ? FE_OK : FE_ENOMEM;
  if (!status) status = fill_schur(a, a->m > 1, exec, a->chol);
  if (!status) status = ground_components(a, a->chol, &n_components);
  if (!status) status = factor_schur(a, n_components, exec, &rank);
  a->rank = positive_levels(a->lead_inv, a->n_lead) + rank;
  a->rank_exact = 1;
  return status;
}

/* ---- leverages ------------------------------------------------------------------------------ */

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

fe_status fe_schur_leverage(const fe_absorber *a, const fe_exec *exec, double *h) {
  size_t p = (size_t)a->p, n = (size_t)a->codes.n, n_lead = (size_t)a->n_lead;
  const int *code = a->codes.code[a->lead];
  double *inv = malloc(p * p * sizeof *inv);
  double *zbar = calloc(2 * p, sizeof *zbar);
  int *hit = malloc(p * sizeof *hit);
  double *by_lead = malloc(n * sizeof *by_lead);
  int64_t *next = malloc(n_lead * sizeof *next);
  fe_status status = inv && zbar && hit && by_lead && next ? FE_OK : FE_ENOMEM;
  if (!status) {
    status = fe_cholesky_inverse(a->chol, a->p, a->used, exec, inv);
    for (int g = 0; g < a->n_lead && !status; g++) {
      if (g % POLL_LEVELS == 0) status = fe_poll(exec);
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
