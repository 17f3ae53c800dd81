#include "codes.h"

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
    if (i == 0 || other[i].key != other[i - 1].key) g++;
    code[other[i].row] = g;
  }
  int *lev = malloc((size_t)(g > 0 ? g : 1) * sizeof *lev);
  if (!lev) {
    free(pair);
    return FE_ENOMEM;
  }
  for (int64_t i = 0; i < n; i++) lev[code[other[i].row] - 1] = (int)(other[i].key + (int64_t)low);
  free(pair);
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

void fe_order_by(const int *code, int n_levels, int64_t n, int64_t *start, int64_t *order) {
  memset(start, 0, ((size_t)n_levels + 1) * sizeof *start);
  for (int64_t i = 0; i < n; i++) start[code[i]]++;
  for (int g = 0; g < n_levels; g++) start[g + 1] += start[g];
  for (int64_t i = n; i-- > 0;) order[--start[code[i]]] = i;
  /* the way down has moved every end to its level's beginning, one place too high */
  memmove(start, start + 1, (size_t)n_levels * sizeof *start);
  start[n_levels] = n;
}

/* Stable counting sort of the sequence `from` of rows by code. */
static void order_again(const int *code, int n_levels, int64_t n, const int64_t *from,
                        int64_t *start, int64_t *order) {
  memset(start, 0, ((size_t)n_levels + 1) * sizeof *start);
  for (int64_t i = 0; i < n; i++) start[code[i]]++;
  for (int g = 0; g < n_levels; g++) start[g + 1] += start[g];
  for (int64_t s = 0; s < n; s++) order[start[code[from[s]] - 1]++] = from[s];
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
  order_again(a, n_a, n, by_b, start, by_ab);
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
      if (s->rows == 1 && keep[s->xor_rows]) stack[depth++] = s->xor_rows;
    }
  }
  return removed;
}

fe_status fe_singletons(const fe_codes *c, unsigned char *keep, int64_t *n_removed) {
  level_state **state = calloc((size_t)c->q + 1, sizeof *state);
  /* each removal pushes at most q rows, and pops one */
  int64_t *stack = malloc(((size_t)c->n * (size_t)c->q + 1) * sizeof *stack);
  fe_status status = FE_ENOMEM;
  *n_removed = 0;
  if (!state || !stack) goto done;
  for (int f = 0; f < c->q; f++) {
    state[f] = calloc((size_t)c->n_levels[f] + 1, sizeof **state);
    if (!state[f]) goto done;
    for (int64_t i = 0; i < c->n; i++) {
      if (!keep[i]) continue;
      state[f][c->code[f][i] - 1].rows++;
      state[f][c->code[f][i] - 1].xor_rows ^= i;
    }
  }
  for (int f = 0; f < c->q; f++) {
    for (int g = 0; g < c->n_levels[f]; g++) {
      if (state[f][g].rows == 1) {
        *n_removed += follow_chain(c, state, state[f][g].xor_rows, keep, stack);
      }
    }
  }
  status = FE_OK;
done:
  for (int f = 0; state && f < c->q; f++) free(state[f]);
  free(state);
  free(stack);
  return status;
}

static int find_root(int *parent, int v) {
  while (parent[v] != v) {
    parent[v] = parent[parent[v]];
    v = parent[v];
  }
  return v;
}

fe_status fe_components(const int *a, int n_a, const int *b, int n_b, int64_t n,
                        const double *w, int *component_b, int *n_components) {
  int *parent = malloc(((size_t)n_a + (size_t)n_b) * sizeof *parent);
  if (!parent) return FE_ENOMEM;
  for (int v = 0; v < n_a + n_b; v++) parent[v] = v;
  for (int64_t i = 0; i < n; i++) {
    if (w && w[i] <= 0) continue;
    int u = find_root(parent, a[i] - 1), v = find_root(parent, n_a + b[i] - 1);
    if (u != v) parent[u > v ? u : v] = u < v ? u : v;
  }
  int count = 0;
  for (int v = 0; v < n_a; v++) {
    if (parent[v] == v) count++;
  }
  if (component_b) {
    for (int v = 0; v < n_b; v++) component_b[v] = find_root(parent, n_a + v) + 1;
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
