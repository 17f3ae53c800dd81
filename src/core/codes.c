#include "codes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- codes --------------------------------------------------------------------------------- */

/* A code c fits if neither c - 1 nor n_levels - c, modulo 2^32, has its highest bit set; blocks of
 * constant length let the compiler do several at a time. */
int fe_codes_fit(const int *code, int64_t n, int n_levels) {
  enum { BLOCK = 1024 };
  uint32_t top = (uint32_t)n_levels, bad = 0;
  int64_t i = 0;
  for (; i + BLOCK <= n && !(bad >> 31); i += BLOCK) {
    for (int l = 0; l < BLOCK; l++) {
      uint32_t c = (uint32_t)code[i + l];
      bad |= (c - 1) | (top - c);
    }
  }
  for (; i < n; i++) bad |= ((uint32_t)code[i] - 1) | (top - (uint32_t)code[i]);
  return !(bad >> 31);
}

int64_t fe_count_kept(const int *code, int n_levels, const int *keep, int64_t n, int *rows) {
  int64_t kept = 0;
  memset(rows, 0, (size_t)n_levels * sizeof *rows);
  for (int64_t i = 0; i < n; i++) {
    int stays = keep[i] != 0;
    rows[code[i] - 1] += stays;
    kept += stays;
  }
  return kept;
}

int fe_number_levels(const int *rows, int n_levels, int *number) {
  int count = 0;
  for (int g = 0; g < n_levels; g++) number[g] = rows[g] > 0 ? ++count : 0;
  return count;
}

void fe_recode(const int *code, const int *keep, int64_t n, const int *number, int64_t kept,
               int *out) {
  int64_t at = 0;
  for (int64_t i = 0; at < kept && i < n; i++) {
    out[at] = number[code[i] - 1];
    at += keep[i] != 0;
  }
}

void fe_order_by(const int *code, int n_levels, int64_t n, int64_t *start, int64_t *order) {
  memset(start, 0, ((size_t)n_levels + 1) * sizeof *start);
  for (int64_t i = 0; i < n; i++) start[code[i]]++;
  for (int g = 0; g < n_levels; g++) start[g + 1] += start[g];
  for (int64_t i = 0; i < n; i++) order[start[code[i] - 1]++] = i;
  /* every beginning has moved up to its level's end, which is where the next level begins */
  memmove(start + 1, start, (size_t)n_levels * sizeof *start);
  start[0] = 0;
}

void fe_level_weights(const int *code, int n_levels, int64_t n, const double *w, double *sum) {
  memset(sum, 0, (size_t)n_levels * sizeof *sum);
  if (w) {
    for (int64_t i = 0; i < n; i++) sum[code[i] - 1] += w[i];
  } else {
    for (int64_t i = 0; i < n; i++) sum[code[i] - 1] += 1.0;
  }
}

int fe_weights_wide(const double *w, int64_t n) {
  double least = INFINITY, most = 0;
  for (int64_t i = 0; i < n; i++) {
    if (w[i] > 0 && w[i] < least) least = w[i];
    if (w[i] > most) most = w[i];
  }
  return most > 1e4 * least;
}

/* ---- structure --------------------------------------------------------------------------- */

typedef struct {
  uint32_t rows; /* how many rows of the sample */
  uint32_t xor_rows;
} level_state;

static void remove_row(const fe_codes *c, level_state *const *state, int64_t row,
                       unsigned char *keep) {
  keep[row] = 0;
  for (int f = 0; f < c->q; f++) {
    level_state *s = &state[f][c->code[f][row] - 1];
    s->rows--;
    s->xor_rows ^= (uint32_t)row;
  }
}

/* Removing a row can only leave new singletons in the levels it was in: follow that chain. */
static int64_t follow_chain(const fe_codes *c, level_state *const *state, int64_t row,
                            unsigned char *keep, int64_t *stack) {
  int64_t removed = 0, depth = 0;
  stack[depth++] = row;
  while (depth > 0) {
    int64_t i = stack[--depth];
    if (!keep[i]) continue;
    remove_row(c, state, i, keep);
    removed++;
    for (int f = 0; f < c->q; f++) {
      level_state *s = &state[f][c->code[f][i] - 1];
      if (s->rows == 1) stack[depth++] = s->xor_rows;
    }
  }
  return removed;
}

typedef struct {
  const fe_codes *c;
  const unsigned char *keep;
  level_state **state;
} count_job;

/* The levels of one factor. */
static void count_task(int64_t task, int worker, void *data) {
  const count_job *job = data;
  const int *code = job->c->code[task];
  level_state *state = job->state[task];
  (void)worker;
  for (int64_t i = 0; i < job->c->n; i++) {
    if (!job->keep[i]) continue;
    level_state *s = &state[code[i] - 1];
    s->rows++;
    s->xor_rows ^= (uint32_t)i;
  }
}

fe_status fe_singletons(const fe_codes *c, const fe_exec *exec, unsigned char *keep,
                        int64_t *n_removed) {
  size_t levels = 0;
  if (c->n > UINT32_MAX) return FE_EINVAL;
  for (int f = 0; f < c->q; f++) levels += (size_t)c->n_levels[f];
  level_state *block = calloc(levels + 1, sizeof *block);
  level_state **state = calloc((size_t)c->q + 1, sizeof *state);
  /* a level comes down to one row once: it pushes one row at most */
  int64_t *stack = malloc((levels + 1) * sizeof *stack);
  fe_status status = block && state && stack ? FE_OK : FE_ENOMEM;
  *n_removed = 0;
  if (!status) {
    level_state *next = block;
    for (int f = 0; f < c->q; next += c->n_levels[f++]) state[f] = next;
    count_job job = {c, keep, state};
    fe_exec few = {fe_workers(exec, c->n / 20000), exec->poll, exec->poll_data};
    status = fe_parallel_for(&few, c->q, count_task, &job);
    for (level_state *s = block; !status && s < next; s++) {
      if (s->rows == 1) *n_removed += follow_chain(c, state, s->xor_rows, keep, stack);
    }
  }
  free(block);
  free(state);
  free(stack);
  return status;
}

/* Levels of b, numbered from 0; parent[v] == v for a root, and for a level not met yet. */
static int find_root(int *parent, int v) {
  while (parent[v] != v) {
    parent[v] = parent[parent[v]];
    v = parent[v];
  }
  return v;
}

/* Joins two trees under the lower root; returns how many trees that makes fewer. */
static int join(int *parent, int u, int v) {
  u = find_root(parent, u);
  v = find_root(parent, v);
  parent[u > v ? u : v] = u < v ? u : v;
  return u != v;
}

/* A level of a joins all levels of b that it meets, so it is enough to join each of them with the
 * first one. Once all levels of b are met and in one tree, no row can change that. */
static int join_levels(const int *a, const int *b, int n_b, int64_t n, const double *w,
                       int *first, int *parent, char *met) {
  int n_met = 0, trees = 0;
  for (int64_t i = 0; i < n && !(n_met == n_b && trees == 1); i++) {
    if (w && w[i] <= 0) continue;
    int v = b[i] - 1, *u = &first[a[i] - 1];
    if (!met[v]) {
      met[v] = 1;
      n_met++;
      trees++;
    }
    if (!*u) {
      *u = b[i];
    } else if (*u != b[i]) {
      trees -= join(parent, *u - 1, v);
    }
  }
  return trees;
}

fe_status fe_components(const int *a, int n_a, const int *b, int n_b, int64_t n,
                        const double *w, int *component_b, int *n_components) {
  if (!component_b && n_b > n_a) { /* the same graph, the shorter way */
    return fe_components(b, n_b, a, n_a, n, w, NULL, n_components);
  }
  int *first = calloc((size_t)n_a + 1, sizeof *first);
  int *parent = malloc(((size_t)n_b + 1) * sizeof *parent);
  char *met = calloc((size_t)n_b + 1, sizeof *met);
  fe_status status = first && parent && met ? FE_OK : FE_ENOMEM;
  if (!status) {
    for (int v = 0; v < n_b; v++) parent[v] = v;
    *n_components = join_levels(a, b, n_b, n, w, first, parent, met);
    for (int v = 0; component_b && v < n_b; v++) component_b[v] = find_root(parent, v) + 1;
  }
  free(first);
  free(parent);
  free(met);
  return status;
}

int fe_nested(const int *inner, int n_inner, const int *outer, int64_t n) {
  if (inner == outer) return 1;
  int *owner = calloc((size_t)n_inner + 1, sizeof *owner);
  if (!owner) return -1;
  int nested = 1;
  for (int64_t i = 0; i < n && nested; i++) {
    int *o = &owner[inner[i] - 1];
    if (!*o) *o = outer[i];
    nested = *o == outer[i];
  }
  free(owner);
  return nested;
}
