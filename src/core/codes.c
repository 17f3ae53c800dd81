#include "codes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- coding ------------------------------------------------------------------------------ */

static fe_status code_by_table(const int *x, int64_t n, int low, int64_t range, int *code,
                               int **level, int *n_levels) {
  int *rank = calloc((size_t)range, sizeof *rank);
  if (!rank) return FE_ENOMEM;
  for (int64_t i = 0; i < n; i++) rank[(int64_t)x[i] - low] = 1;
  int g = 0;
  for (int64_t v = 0; v < range; v++) {
    if (rank[v]) rank[v] = ++g;
  }
  int *lev = malloc((size_t)(g > 0 ? g : 1) * sizeof *lev);
  if (!lev) {
    free(rank);
    return FE_ENOMEM;
  }
  for (int64_t v = 0; v < range; v++) {
    if (rank[v]) lev[rank[v] - 1] = (int)(low + v);
  }
  for (int64_t i = 0; i < n; i++) code[i] = rank[(int64_t)x[i] - low];
  free(rank);
  *level = lev;
  *n_levels = g;
  return FE_OK;
}

/* Least-significant-digit radix sort of (key, row) pairs by 11-bit digits. */
typedef struct {
  uint32_t key;
  uint32_t row;
} keyed;

enum { RADIX_BITS = 11, RADIX = 1 << RADIX_BITS };

static void radix_pass(const keyed *from, keyed *to, int64_t n, int shift) {
  int64_t start[RADIX + 1] = {0};
  for (int64_t i = 0; i < n; i++) start[((from[i].key >> shift) & (RADIX - 1)) + 1]++;
  for (int d = 0; d < RADIX; d++) start[d + 1] += start[d];
  for (int64_t i = 0; i < n; i++) to[start[(from[i].key >> shift) & (RADIX - 1)]++] = from[i];
}

static fe_status code_by_sort(const int *x, int64_t n, int low, int *code, int **level,
                              int *n_levels) {
  keyed *pair = calloc(2 * (size_t)n, sizeof *pair);
  if (!pair) return FE_ENOMEM;
  keyed *other = pair + n;
  for (int64_t i = 0; i < n; i++) {
    pair[i].key = (uint32_t)((int64_t)x[i] - low);
    pair[i].row = (uint32_t)i;
  }
  radix_pass(pair, other, n, 0);
  radix_pass(other, pair, n, RADIX_BITS);
  radix_pass(pair, other, n, 2 * RADIX_BITS);
  int g = 0;
  for (int64_t i = 0; i < n; i++) {
    if (i == 0 || other[i].key != other[i - 1].key) pair[g++].key = other[i].key;
    code[other[i].row] = g;
  }
  int *lev = malloc((size_t)g * sizeof *lev);
  for (int v = 0; lev && v < g; v++) lev[v] = (int)(pair[v].key + (int64_t)low);
  free(pair);
  if (!lev) return FE_ENOMEM;
  *level = lev;
  *n_levels = g;
  return FE_OK;
}

fe_status fe_code_ints(const int *x, int64_t n, int *code, int **level, int *n_levels) {
  int low = 0, high = 0;
  for (int64_t i = 0; i < n; i++) {
    if (i == 0 || x[i] < low) low = x[i];
    if (i == 0 || x[i] > high) high = x[i];
  }
  int64_t range = n > 0 ? (int64_t)high - low + 1 : 1;
  if (range <= 4 * n + 1024) return code_by_table(x, n, low, range, code, level, n_levels);
  return code_by_sort(x, n, low, code, level, n_levels);
}

/* Stable counting sort of the sequence `from` of rows (NULL: 0, 1, ...) by code. */
static void sort_rows(const int *code, int n_levels, int64_t n, const int64_t *from,
                      int64_t *start, int64_t *order) {
  memset(start, 0, ((size_t)n_levels + 1) * sizeof *start);
  for (int64_t i = 0; i < n; i++) start[code[i]]++;
  for (int g = 0; g < n_levels; g++) start[g + 1] += start[g];
  for (int64_t s = 0; s < n; s++) {
    int64_t i = from ? from[s] : s;
    order[start[code[i] - 1]++] = i;
  }
  /* every beginning has moved up to its level's end, which is where the next level begins */
  memmove(start + 1, start, (size_t)n_levels * sizeof *start);
  start[0] = 0;
}

void fe_order_by(const int *code, int n_levels, int64_t n, int64_t *start, int64_t *order) {
  sort_rows(code, n_levels, n, NULL, start, order);
}

fe_status fe_code_pairs(const int *a, int n_a, const int *b, int n_b, int64_t n, int *code,
                        int64_t **first, int *n_levels) {
  size_t rows = (size_t)(n > 0 ? n : 1);
  int64_t *start = malloc(((size_t)(n_a > n_b ? n_a : n_b) + 1) * sizeof *start);
  int64_t *by_b = malloc(rows * sizeof *by_b);
  int64_t *by_ab = malloc(rows * sizeof *by_ab);
  fe_status status = FE_ENOMEM;
  if (!start || !by_b || !by_ab) goto done;
  fe_order_by(b, n_b, n, start, by_b);
  sort_rows(a, n_a, n, by_b, start, by_ab);
  int g = 0;
  int64_t *where = by_b; /* no longer needed as an order */
  for (int64_t s = 0; s < n; s++) {
    int64_t i = by_ab[s], before = s > 0 ? by_ab[s - 1] : i;
    if (s == 0 || a[i] != a[before] || b[i] != b[before]) where[g++] = i;
    code[i] = g;
  }
  *first = where;
  by_b = NULL;
  *n_levels = g;
  status = FE_OK;
done:
  free(start);
  free(by_b);
  free(by_ab);
  return status;
}

void fe_level_weights(const int *code, int n_levels, int64_t n, const double *w, double *sum) {
  memset(sum, 0, (size_t)n_levels * sizeof *sum);
  if (w) {
    for (int64_t i = 0; i < n; i++) sum[code[i] - 1] += w[i];
  } else {
    for (int64_t i = 0; i < n; i++) sum[code[i] - 1] += 1.0;
  }
}

/* ---- structure --------------------------------------------------------------------------- */

typedef struct {
  int64_t rows; /* how many rows of the sample */
  int64_t xor_rows;
} level_state;

static void remove_row(const fe_codes *c, level_state *const *state, int64_t row,
                       unsigned char *keep) {
  keep[row] = 0;
  for (int f = 0; f < c->q; f++) {
    level_state *s = &state[f][c->code[f][row] - 1];
    s->rows--;
    s->xor_rows ^= row;
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

static void count_levels(const fe_codes *c, const unsigned char *keep, level_state *const *state) {
  for (int f = 0; f < c->q; f++) {
    for (int64_t i = 0; i < c->n; i++) {
      if (!keep[i]) continue;
      state[f][c->code[f][i] - 1].rows++;
      state[f][c->code[f][i] - 1].xor_rows ^= i;
    }
  }
}

fe_status fe_singletons(const fe_codes *c, unsigned char *keep, int64_t *n_removed) {
  size_t levels = 0;
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
    count_levels(c, keep, state);
    for (level_state *s = block; s < next; s++) {
      if (s->rows == 1) *n_removed += follow_chain(c, state, s->xor_rows, keep, stack);
    }
  }
  free(block);
  free(state);
  free(stack);
  return status;
}

/* v must have a parent. */
static int find_root(int *parent, int v) {
  while (parent[v] != v) {
    parent[v] = parent[parent[v]];
    v = parent[v];
  }
  return v;
}

/* Makes v its own root when it is met first; returns whether it was. */
static int meet(int *parent, int v) {
  if (parent[v] >= 0) return 0;
  parent[v] = v;
  return 1;
}

fe_status fe_components(const int *a, int n_a, const int *b, int n_b, int64_t n,
                        const double *w, int *component_b, int *n_components) {
  if (n_a > INT_MAX - n_b) return FE_EINVAL;
  int *parent = malloc(((size_t)n_a + (size_t)n_b) * sizeof *parent);
  if (!parent) return FE_ENOMEM;
  for (int v = 0; v < n_a + n_b; v++) parent[v] = -1;
  int count = 0;
  for (int64_t i = 0; i < n; i++) {
    if (w && w[i] <= 0) continue;
    count += meet(parent, a[i] - 1) + meet(parent, n_a + b[i] - 1);
    int u = find_root(parent, a[i] - 1), v = find_root(parent, n_a + b[i] - 1);
    if (u == v) continue;
    parent[u > v ? u : v] = u < v ? u : v;
    count--;
  }
  for (int v = 0; component_b && v < n_b; v++) {
    meet(parent, n_a + v);
    component_b[v] = find_root(parent, n_a + v) + 1;
  }
  *n_components = count;
  free(parent);
  return FE_OK;
}

int fe_nested(const int *inner, int n_inner, const int *outer, int64_t n) {
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
