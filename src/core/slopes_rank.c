/* The rank of D where S is too large to be factored. It is that of the Gram matrix [U Z]'[U Z],
 * which is sparse (two columns meet only if a row is in both their levels), and is found by
 * elimination where the work is affordable. Else there is an upper bound, the rows and
 *     rank D <= rank U + sum over the other factors of (rank Z_f - dim(span U n span Z_f)).
 * What two factors share is a function that is, in every component of their graph, a combination of
 * columns. Of these we know the terms of either factor that lie in the span of both: the constant,
 * a variable sloped in both, a trend beside year effects. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "slopes_private.h"

/* Rows of a dense matrix that are factored in any case, and beyond which none is; the share of the
 * rows from which on a bound may be all that keeps a model from being estimated. */
enum { DENSE_LEAST = 1500, DENSE_MOST = 3000 };
#define NEARLY_ALL 0.9

/* The columns of a factor in rows of lead order: width numbers at basis + s * stride, of level
 * level(s). */
typedef struct {
  const block *b;
  const double *basis;
  int stride;
  const int *cell; /* others: positions, m apart; NULL for the lead */
  int m;
} view;

static view view_factor(const fe_slopes *a, int f) {
  const block *b = &a->blocks[f];
  if (f == a->lead) return (view){b, a->u, b->width, NULL, 0};
  int at = 0, o = 0;
  for (; a->other[o] != f; o++) at += a->width[o];
  return (view){b, a->z + at, a->stride, a->cell + o, a->m};
}

/* Level of each row of lead order, from 0. */
static void list_levels(const fe_slopes *a, const view *v, int *level) {
  for (int g = 0; !v->cell && g < v->b->n_levels; g++) {
    for (int64_t s = a->start[g]; s < a->start[g + 1]; s++) level[s] = g;
  }
  for (int64_t s = 0; v->cell && s < a->n; s++) {
    level[s] = (v->cell[s * v->m] - v->b->base) / v->b->width;
  }
}

static double value_at(const fe_slopes *a, int term, int64_t s) {
  return a->terms.value[term] ? a->terms.value[term][a->order[s]] : 1.0;
}

/* Whether a term is, level by level, in the span of a factor's columns. With a column of ones among
 * these, a value of each level is taken from the term before. level, and work (n_levels x
 * (width + 3)), are scratch. */
static int lies_within(const fe_slopes *a, int term, const view *v, const int *level,
                       double *work) {
  int width = v->b->width, n_levels = v->b->n_levels;
  double *c = work, *whole = c + (size_t)n_levels * (size_t)width, *left = whole + n_levels;
  double *origin = left + n_levels;
  memset(work, 0, (size_t)n_levels * (size_t)(width + 3) * sizeof *work);
  if (!a->terms.value[v->b->term[0]] && a->terms.value[term]) {
    for (int64_t s = 0; s < a->n; s++) origin[level[s]] = value_at(a, term, s);
  }
  for (int64_t s = 0; s < a->n; s++) {
    double x = (value_at(a, term, s) - origin[level[s]]) * (a->w ? a->w[s] : 1.0);
    whole[level[s]] += x * x;
    for (int k = 0; k < width; k++) c[level[s] * width + k] += x * v->basis[s * v->stride + k];
  }
  for (int64_t s = 0; s < a->n; s++) {
    double x = (value_at(a, term, s) - origin[level[s]]) * (a->w ? a->w[s] : 1.0);
    for (int k = 0; k < width; k++) x -= c[level[s] * width + k] * v->basis[s * v->stride + k];
    left[level[s]] += x * x;
  }
  for (int l = 0; l < n_levels; l++) {
    if (!(sqrt(left[l]) <= FE_SLOPES_VANISHED * sqrt(whole[l]))) return 0;
  }
  return 1;
}

/* The terms of the lead and of factor f that lie in the span of both; returns how many. -1: no
 * memory. */
static int shared_terms(const fe_slopes *a, int f, int *shared) {
  view views[2] = {view_factor(a, a->lead), view_factor(a, f)};
  int n_shared = 0, *level[2] = {NULL, NULL};
  size_t most = 0;
  for (int v = 0; v < 2; v++) {
    size_t size = (size_t)views[v].b->n_levels * (size_t)(views[v].b->width + 3);
    most = size > most ? size : most;
    level[v] = malloc((size_t)a->n * sizeof *level[v]);
    if (level[v]) list_levels(a, &views[v], level[v]);
  }
  double *work = malloc(most * sizeof *work);
  int ok = level[0] && level[1] && work;
  for (int t = 0; ok && t < a->terms.n_terms; t++) {
    if (a->terms.factor[t] != a->lead && a->terms.factor[t] != f) continue;
    if (lies_within(a, t, &views[0], level[0], work) &&
        lies_within(a, t, &views[1], level[1], work)) {
      shared[n_shared++] = t;
    }
  }
  free(level[0]);
  free(level[1]);
  free(work);
  return ok ? n_shared : -1;
}

/* Component of each row in lead order, numbered from 1 without gaps; returns their number. */
static int number_components(const fe_slopes *a, int f, const int *component_f, int *number,
                             int *code) {
  int n_components = 0;
  for (int64_t s = 0; s < a->n; s++) {
    int c = component_f[a->terms.codes.code[f][a->order[s]] - 1];
    if (!number[c]) number[c] = ++n_components;
    code[s] = number[c];
  }
  return n_components;
}

static fe_status list_components(const fe_slopes *a, int f, int *code, int *n_components) {
  const fe_codes *c = &a->terms.codes;
  size_t n_lead = (size_t)c->n_levels[a->lead], n_f = (size_t)c->n_levels[f];
  int *component = malloc(n_f * sizeof *component);
  int *number = calloc(n_lead + n_f + 1, sizeof *number);
  fe_status status = component && number ? FE_OK : FE_ENOMEM;
  if (!status) {
    status = fe_components(c->code[a->lead], (int)n_lead, c->code[f], (int)n_f, c->n, a->weight,
                           component, n_components);
  }
  if (!status) *n_components = number_components(a, f, component, number, code);
  free(component);
  free(number);
  return status;
}

/* The rank of the terms `shared`, each component apart. */
static fe_status rank_by_component(const fe_slopes *a, const int *code, int n_components,
                                   int *shared, int n_shared, const fe_exec *exec, int64_t *rank) {
  size_t n = (size_t)a->n, g = (size_t)n_components, width = (size_t)n_shared;
  block b = {.n_levels = n_components, .width = n_shared, .term = shared};
  int64_t *start = malloc((g + 1) * sizeof *start), *row = malloc(n * sizeof *row);
  double *basis = malloc(n * width * sizeof *basis);
  b.spread = malloc(width * sizeof *b.spread);
  b.kept = malloc(g * width);
  b.origin = malloc(g * width * sizeof *b.origin);
  b.back = malloc(g * width * width * sizeof *b.back);
  int complete = start && row && basis && b.spread && b.kept && b.origin && b.back;
  fe_status status = complete ? FE_OK : FE_ENOMEM;
  if (!status) {
    fe_order_by(code, n_components, a->n, start, row);
    status = fe_slopes_basis(a, &b, start, row, 1, basis, n_shared, exec);
  }
  *rank = b.rank;
  free(start);
  free(row);
  free(basis);
  free(b.spread);
  free(b.kept);
  free(b.origin);
  free(b.back);
  return status;
}

static fe_status shared_rank(const fe_slopes *a, int f, const fe_exec *exec, int64_t *rank) {
  int n_components = 0, n_shared = 0;
  int *shared = malloc((size_t)a->terms.n_terms * sizeof *shared);
  int *code = malloc((size_t)a->n * sizeof *code);
  fe_status status = shared && code ? FE_OK : FE_ENOMEM;
  *rank = 0;
  if (!status) n_shared = shared_terms(a, f, shared);
  if (n_shared < 0) status = FE_ENOMEM;
  if (!status && n_shared > 0) status = list_components(a, f, code, &n_components);
  if (!status && n_shared > 0) {
    status = rank_by_component(a, code, n_components, shared, n_shared, exec, rank);
  }
  free(shared);
  free(code);
  return status;
}

static int64_t weighted_rows(const fe_slopes *a) {
  int64_t rows = 0;
  for (int64_t s = 0; s < a->n; s++) rows += !a->w || a->w[s] > 0;
  return rows;
}

static fe_status bound_rank(const fe_slopes *a, stopper *stop, const fe_exec *exec,
                            int64_t *bound) {
  int64_t rows = weighted_rows(a);
  *bound = a->blocks[a->lead].rank;
  for (int o = 0; o < a->m; o++) {
    int64_t rank;
    if (fe_slopes_must_stop(stop, 0)) return FE_EINTR;
    fe_status status = shared_rank(a, a->other[o], exec, &rank);
    if (status) return status;
    *bound += a->blocks[a->other[o]].rank - rank;
  }
  if (*bound > rows) *bound = rows;
  return FE_OK;
}

/* ---- the Gram matrix ------------------------------------------------------------------------ */

/* Columns of Z come first, then those of U. */
static void set_diagonals(const fe_slopes *a, gram *g) {
  for (int f = 0; f < a->terms.codes.q; f++) {
    const block *b = &a->blocks[f];
    int at = f == a->lead ? a->p : b->base;
    for (int c = 0; c < b->n_levels * b->width; c++) {
      fe_gram_set_diagonal(g, at + c, b->kept[c] == KEPT ? 1.0 : 0.0);
    }
  }
}

/* Products of the columns from `at` on (those of a level of some factor) with the columns met. */
static fe_status add_products(gram *g, int at, const crossing *x) {
  for (int h = 0; h < x->n_hit; h++) {
    const double *c = x->c + (size_t)x->hit[h] * (size_t)x->width;
    for (int k = 0; k < x->width; k++) {
      fe_status status = c[k] == 0 ? FE_OK : fe_gram_add(g, at + k, x->hit[h], c[k]);
      if (status) return status;
    }
  }
  return FE_OK;
}

/* Products of the columns of v, first of which is number `first` of the matrix, with those of the
 * other factors from number `from` on. */
static fe_status add_factor(const fe_slopes *a, const view *v, int first, int from, gram *g,
                            stopper *stop) {
  int width = v->b->width, n_levels = v->b->n_levels;
  int *level = malloc((size_t)a->n * sizeof *level);
  int64_t *start = malloc(((size_t)n_levels + 1) * sizeof *start);
  int64_t *row = malloc((size_t)a->n * sizeof *row);
  crossing x = {0};
  fe_status status = level && start && row ? fe_crossing_new(a, width, &x) : FE_ENOMEM;
  if (!status) {
    list_levels(a, v, level);
    for (int64_t s = 0; s < a->n; s++) level[s]++;
    fe_order_by(level, n_levels, a->n, start, row);
  }
  for (int l = 0; !status && l < n_levels; l++) {
    for (int64_t t = start[l]; t < start[l + 1]; t++) {
      fe_crossing_add(a, row[t], v->basis + row[t] * v->stride, from, &x);
    }
    status = add_products(g, first + l * width, &x);
    fe_crossing_clear(&x);
    if (l % 65536 == 0 && fe_slopes_must_stop(stop, 0)) status = FE_EINTR;
  }
  fe_crossing_free(&x);
  free(level);
  free(start);
  free(row);
  return status;
}

static fe_status fill_gram(const fe_slopes *a, gram *g, stopper *stop) {
  view lead = view_factor(a, a->lead);
  set_diagonals(a, g);
  fe_status status = add_factor(a, &lead, a->p, 0, g, stop);
  for (int o = 0; o + 1 < a->m && !status; o++) {
    view other = view_factor(a, a->other[o]);
    status = add_factor(a, &other, other.b->base, o + 1, g, stop);
  }
  return status;
}

/* How much the rank may cost: entries of the Gram matrix, operations of the elimination, rows of
 * the dense rest. Where the bound leaves no degree of freedom, much. */
typedef struct {
  double entries, work;
  int dense;
} allowance;

static allowance allow(const fe_slopes *a, int much) {
  if (much) return (allowance){1e8, 1e11, 12000};
  double cubed = 2e4 * (double)a->n, most = cbrt(cubed);
  return (allowance){3e6, 2e8 + 200 * (double)a->n,
                     most > DENSE_MOST ? DENSE_MOST : most < DENSE_LEAST ? DENSE_LEAST : (int)most};
}

/* An upper bound of the entries of the Gram matrix. */
static double count_entries(const fe_slopes *a) {
  double width = a->stride + a->blocks[a->lead].width, square = width * width;
  for (int f = 0; f < a->terms.codes.q; f++) {
    square -= (double)a->blocks[f].width * a->blocks[f].width;
  }
  return (double)a->n * square / 2;
}

static fe_status eliminate(const fe_slopes *a, allowance may, stopper *stop, int64_t *rank,
                           int *found, int *doubtful) {
  const block *lead = &a->blocks[a->lead];
  *found = 0;
  if (count_entries(a) > may.entries) return FE_OK;
  gram *g = fe_gram_new(a->p + lead->n_levels * lead->width);
  fe_status status = g ? fill_gram(a, g, stop) : FE_ENOMEM;
  if (!status) status = fe_gram_rank(g, may.work, may.dense, stop, rank, found, doubtful);
  fe_gram_free(g);
  return status;
}

fe_status fe_slopes_find_rank(const fe_slopes *a, const fe_exec *exec, int64_t *rank, int *exact) {
  stopper stop = own_stopper(exec, a->n);
  int found = 0, doubtful = 0;
  fe_status status = eliminate(a, allow(a, 0), &stop, rank, &found, &doubtful);
  *exact = found && !doubtful;
  if (status || found) return status;
  status = bound_rank(a, &stop, exec, rank);
  if (status || (double)*rank < NEARLY_ALL * (double)weighted_rows(a)) return status;
  int64_t sure = 0;
  status = eliminate(a, allow(a, 1), &stop, &sure, &found, &doubtful);
  *exact = found && !doubtful;
  if (found) *rank = sure;
  return status;
}
