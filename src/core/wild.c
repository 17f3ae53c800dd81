#include "wild.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parallel.h"
#include "wild_private.h"

enum { TILE = FE_WILD_TILE, BATCH = 32, BATCHES_PER_TASK = 8 };

/* A variance below this share of the terms whose difference it is, is computed again from the k_ig;
 * below the square of the rounding error it is zero. */
#define CANCELLED 1e-4
#define NOTHING 1e-24

int fe_wild_pairs(int n_parts) { return n_parts * (n_parts + 1) / 2; }

typedef struct {
  const fe_wild *w;
  fe_wild_sums sums;
  int64_t n_rep;
  int n_pairs;
  int need_v;
  const double *constant; /* n_pairs: the sums of diag if all v_h^2 are one, else NULL */
  double *work;           /* of each worker */
  size_t size;
  double *out;
} job;

/* One worker's scratch: BATCH replicates. */
typedef struct {
  double *v;    /* BATCH x n_boot */
  double *f;    /* n_tiles x BATCH x TILE */
  double *part; /* n_parts */
  double *pair; /* n_pairs */
  uint32_t *bits;
} scratch;

static size_t scratch_size(const job *j) {
  const fe_wild *w = j->w;
  size_t each = (size_t)w->n_boot + (size_t)w->n_tiles * TILE + ((size_t)j->sums.n_words + 1) / 2;
  return BATCH * each + (size_t)w->n_parts + (size_t)j->n_pairs;
}

static scratch scratch_of(const job *j, int worker) {
  scratch s;
  s.v = j->work + (size_t)worker * j->size;
  s.f = s.v + (size_t)BATCH * (size_t)j->w->n_boot;
  s.part = s.f + (size_t)BATCH * (size_t)j->w->n_tiles * TILE;
  s.pair = s.part + j->w->n_parts;
  s.bits = (uint32_t *)(void *)(s.pair + j->n_pairs);
  return s;
}

static const double *tile_of(const double *f, int n, int tile, int i) {
  return f + ((size_t)tile * (size_t)n + (size_t)i) * TILE;
}

static double dot_tiles(const double *f, int n, int i, const fe_wild_term *term) {
  double s[TILE] = {0};
  for (int t = 0; t < term->tiles; t++) {
    const double *x = tile_of(f, n, term->left + t, i), *y = tile_of(f, n, term->right + t, i);
    for (int k = 0; k < TILE; k++) s[k] += x[k] * y[k];
  }
  return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static void add_diag(const fe_wild *w, int n_pairs, const double *v, double *pair) {
  const double *d = w->diag;
  for (int h = 0; h < w->n_boot; h++, d += n_pairs) {
    double square = v[h] * v[h];
    for (int k = 0; k < n_pairs; k++) pair[k] += square * d[k];
  }
}

/* part_i = sum of the entries of row g; pair += weight part part'. */
static void add_squares(int n_parts, double weight, const double *part, double *pair) {
  for (int l = 0; l < n_parts; l++) {
    for (int i = 0; i <= l; i++) *pair++ += weight * part[i] * part[l];
  }
}

static void row_sums(const fe_wild *w, int g, const double *v, double *part) {
  const fe_wild_rows *rows = &w->rows;
  memset(part, 0, (size_t)w->n_parts * sizeof *part);
  for (int e = rows->start[g]; e < rows->start[g + 1]; e++) {
    const double *value = rows->value + (size_t)e * (size_t)w->n_parts;
    for (int i = 0; i < w->n_parts; i++) part[i] += v[rows->boot[e]] * value[i];
  }
}

static void add_rows(const fe_wild *w, const double *v, double *part, double *pair) {
  for (int g = 0; g < w->rows.n; g++) {
    row_sums(w, g, v, part);
    add_squares(w->n_parts, w->rows.weight[g], part, pair);
  }
}

/* The same from the k_ig, without terms that cancel. */
static void pairs_again(const fe_wild *w, int n_pairs, const double *v, const double *f, int n,
                        int i, double *part, double *pair) {
  const fe_wild_rows *rows = &w->rows;
  size_t width = (size_t)rows->mu_tiles * TILE;
  memset(pair, 0, (size_t)n_pairs * sizeof *pair);
  for (int g = 0; g < rows->n; g++) {
    row_sums(w, g, v, part);
    for (int l = 0; l < w->n_parts; l++) {
      const double *alpha =
          rows->alpha + ((size_t)g * (size_t)rows->n_alpha + (size_t)rows->alpha_of[l]) * width;
      for (int t = 0; t < rows->mu_tiles; t++, alpha += TILE) {
        const double *mu = tile_of(f, n, rows->mu_at[l] + t, i);
        for (int k = 0; k < TILE; k++) part[l] -= alpha[k] * mu[k];
      }
    }
    add_squares(w->n_parts, rows->weight[g], part, pair);
  }
}

/* Which pair is V_ll. */
static int own_pair(int l) { return l * (l + 3) / 2; }

static int any_cancelled(const fe_wild *w, const double *pair) {
  for (int l = 0; l < w->n_parts; l++) {
    if (pair[own_pair(l)] < CANCELLED * w->scale[l]) return 1;
  }
  return 0;
}

/* Replicate `first + i` of a batch of n. */
static void finish_replicate(const job *j, const scratch *s, int64_t first, int n, int i) {
  const fe_wild *w = j->w;
  double *v = s->v + (size_t)i * (size_t)w->n_boot, *pair = s->pair;
  int64_t r = first + i;
  memset(pair, 0, (size_t)j->n_pairs * sizeof *pair);
  if (j->constant) memcpy(pair, j->constant, (size_t)j->n_pairs * sizeof *pair);
  if (w->diag && !j->constant) add_diag(w, j->n_pairs, v, pair);
  if (w->rows.counted) add_rows(w, v, s->part, pair);
  for (int t = 0; t < w->n_terms; t++) {
    pair[w->term[t].pair] += w->term[t].scale * dot_tiles(s->f, n, i, &w->term[t]);
  }
  if (w->rows.alpha && any_cancelled(w, pair)) {
    if (!j->need_v) fe_wild_draw(&j->sums.draws, (uint64_t)r, w->n_boot, v);
    pairs_again(w, j->n_pairs, v, s->f, n, i, s->part, pair);
  }
  double *out = j->out + r;
  for (int l = 0; l < w->n_parts; l++, out += j->n_rep) {
    *out = tile_of(s->f, n, l / TILE, i)[l % TILE];
    if (fabs(pair[own_pair(l)]) < NOTHING * w->scale[l]) pair[own_pair(l)] = 0;
  }
  for (int k = 0; k < j->n_pairs; k++, out += j->n_rep) *out = pair[k];
}

static void batch_task(int64_t task, int worker, void *data) {
  const job *j = data;
  scratch s = scratch_of(j, worker);
  int64_t end = (task + 1) * BATCH * BATCHES_PER_TASK;
  if (end > j->n_rep) end = j->n_rep;
  for (int64_t r = task * BATCH * BATCHES_PER_TASK; r < end; r += BATCH) {
    int n = (int)(end - r < BATCH ? end - r : BATCH);
    fe_wild_sums_batch(&j->sums, (uint64_t)r, n, j->need_v, s.v, s.bits, s.f);
    for (int i = 0; i < n; i++) finish_replicate(j, &s, r, n, i);
  }
}

static fe_status run_batches(job *j, const fe_exec *exec) {
  int64_t share = BATCH * BATCHES_PER_TASK, tasks = (j->n_rep + share - 1) / share;
  j->size = scratch_size(j);
  j->work = malloc((size_t)fe_workers(exec, tasks) * j->size * sizeof *j->work);
  if (!j->work) return FE_ENOMEM;
  fe_status status = fe_parallel_for(exec, tasks, batch_task, j);
  free(j->work);
  return status;
}

fe_status fe_wild_replicates(const fe_wild *w, const fe_wild_draws *draws, int64_t n_rep,
                             const fe_exec *exec, double *out) {
  if (w->n_boot < 1 || w->n_parts < 1 || w->n_tiles * TILE < w->n_parts) return FE_EINVAL;
  if (draws->enumerate && (w->n_boot > 62 || draws->kind != FE_RADEMACHER)) return FE_EINVAL;
  job j = {.w = w, .n_rep = n_rep, .n_pairs = fe_wild_pairs(w->n_parts), .out = out};
  double *constant = calloc((size_t)j.n_pairs, sizeof *constant);
  double *ones = malloc((size_t)w->n_boot * sizeof *ones);
  fe_status status = constant && ones ? FE_OK : FE_ENOMEM;
  if (status == FE_OK && w->diag && draws->kind == FE_RADEMACHER) {
    for (int h = 0; h < w->n_boot; h++) ones[h] = 1;
    add_diag(w, j.n_pairs, ones, constant);
    j.constant = constant;
  }
  free(ones);
  j.need_v = (w->diag && !j.constant) || w->rows.counted;
  if (status == FE_OK) status = fe_wild_sums_new(w, draws, &j.sums);
  if (status == FE_OK) status = run_batches(&j, exec);
  fe_wild_sums_free(&j.sums);
  free(constant);
  return status;
}
