/* Two steps. First, two rows that share their levels of lead and second factor and differ in one
 * other factor are a cycle that says: these two levels have the same gamma. They are joined by
 * union-find, which mostly settles the rank after a small part of the rows.
 * Then what is left, modulo a prime: gamma is drawn at random from the null space of the cycles
 * known so far, and the effects of the second factor that belong to it follow along a spanning
 * forest. A row that does not fit them closes a cycle that is independent of the known ones. A row
 * that does fit closes a dependent one, but for a probability of 1 / prime. */
#include "rank.h"

#include <stdlib.h>
#include <string.h>

#include "parallel.h"
#include "rng.h"

/* Lead levels taken together; rows and multiplications between polls; rows without success after
 * which joining ends, as a constant and for each position; work allowed as a constant and for each
 * row, in multiplications. */
enum {
  TOGETHER = 64,
  POLL_STEPS = 1000000,
  PATIENCE = 50000,
  PATIENCE_LEVEL = 200,
  WORK = 20000000,
  WORK_ROW = 20
};

/* ---- arithmetic modulo 2^61 - 1 ------------------------------------------------------------- */

static const uint64_t prime = ((uint64_t)1 << 61) - 1;

static inline uint64_t reduce(uint64_t x) {
  x = (x & prime) + (x >> 61);
  return x >= prime ? x - prime : x;
}

static inline uint64_t plus(uint64_t x, uint64_t y) {
  x += y;
  return x >= prime ? x - prime : x;
}

static inline uint64_t minus(uint64_t x, uint64_t y) { return x >= y ? x - y : x + prime - y; }

/* With x = x1 2^31 + x0: 2^62 is 2, and what is above 2^30 in the middle term is 1 each. */
static inline uint64_t times(uint64_t x, uint64_t y) {
  const uint64_t low31 = 0x7fffffff, low30 = 0x3fffffff;
  uint64_t x1 = x >> 31, x0 = x & low31, y1 = y >> 31, y0 = y & low31;
  uint64_t middle = x0 * y1 + x1 * y0;
  return reduce(x1 * y1 * 2 + (middle >> 30) + ((middle & low30) << 31) + x0 * y0);
}

/* x^(prime - 2) */
static uint64_t inverse(uint64_t x) {
  uint64_t out = 1;
  for (uint64_t e = prime - 2; e; e >>= 1) {
    if (e & 1) out = times(out, x);
    x = times(x, x);
  }
  return out;
}

/* ---- state ---------------------------------------------------------------------------------- */

typedef struct {
  int column;
  uint64_t value;
} entry;

typedef struct {
  const fe_cells *c;
  const fe_exec *exec;
  int64_t most, rank;
  double steps; /* since the last poll */
  double work;  /* left */
  int *parent;  /* p: union-find of the positions */
  /* the forest on the levels of the second factor, parents first in `order`: level v hangs on
   * above[v] (-1: a root) by two rows of one lead level, here[v] of v and there[v] of above[v] */
  int *above, *depth, *order;
  int64_t *here, *there;
  uint64_t *value; /* p: gamma, and the effects of the second factor that go with it */
  int columns, *column; /* of E; that of each position */
  /* known cycles in echelon form: row[i] has size[i] entries, 1 at its pivot, which is the first,
   * and none at the pivots of the rows before */
  int known, *size;
  entry **row;
  double entries;         /* of all rows */
  uint64_t *gamma, *cycle; /* columns */
  uint32_t draws; /* of gamma */
  int done;
} search;

static int find_root(int *parent, int v) {
  while (parent[v] != v) {
    parent[v] = parent[parent[v]];
    v = parent[v];
  }
  return v;
}

static int join(int *parent, int u, int v) {
  u = find_root(parent, u);
  v = find_root(parent, v);
  parent[u > v ? u : v] = u < v ? u : v;
  return u != v;
}

static void spend(search *s, double multiplications) {
  s->work -= multiplications;
  s->steps += multiplications;
}

static int has_weight(const fe_cells *c, int64_t t) { return !c->w || c->w[t] > 0; }

/* The first row of a lead level that has weight; its end if there is none. */
static int64_t first_row(const fe_cells *c, int g) {
  int64_t t = c->start[g];
  while (t < c->start[g + 1] && !has_weight(c, t)) t++;
  return t;
}

static int second_level(const fe_cells *c, int64_t t) {
  return c->cell[t * c->m + c->second] - c->first;
}

/* ---- the order of the lead levels ----------------------------------------------------------- */

typedef fe_status (*visit)(search *s, int g, void *data);

static int64_t common_divisor(int64_t x, int64_t y) {
  while (y) {
    int64_t rest = x % y;
    x = y;
    y = rest;
  }
  return x;
}

/* Visits lead levels until *done, in blocks taken all over the range by steps of the golden section
 * of their number: neighbouring levels are often alike. */
static fe_status visit_levels(search *s, visit what, void *data, const int *done) {
  int64_t blocks = ((int64_t)s->c->n_lead + TOGETHER - 1) / TOGETHER, at = 0;
  int64_t step = (int64_t)(0.6180339887498949 * (double)blocks) + 1;
  while (common_divisor(step, blocks) != 1) step++;
  for (int64_t b = 0; b < blocks && !*done; b++, at = (at + step) % blocks) {
    int64_t from = at * TOGETHER, to = from + TOGETHER;
    if (to > s->c->n_lead) to = s->c->n_lead;
    for (int64_t g = from; g < to && !*done; g++) {
      fe_status status = what(s, (int)g, data);
      s->steps += (double)(s->c->start[g + 1] - s->c->start[g]);
      if (!status && s->steps > POLL_STEPS) {
        s->steps = 0;
        status = fe_poll(s->exec);
      }
      if (status) return status;
    }
  }
  return FE_OK;
}

/* ---- levels that are told to be equal ------------------------------------------------------- */

typedef struct {
  int64_t *place; /* of each second level: one more than the last row that was met there */
  int64_t patience, idle; /* rows */
  int done;
} joining;

/* Joins the levels of the only other factor in which rows t and v differ, if that is so. */
static int join_rows(search *s, int64_t t, int64_t v) {
  int m = s->c->m, differ = -1;
  const int *x = s->c->cell + t * m, *y = s->c->cell + v * m;
  for (int u = 0; u < m; u++) {
    if (x[u] == y[u] || find_root(s->parent, x[u]) == find_root(s->parent, y[u])) continue;
    if (differ >= 0) return 0;
    differ = u;
  }
  return differ >= 0 && join(s->parent, x[differ], y[differ]);
}

static fe_status join_level(search *s, int g, void *data) {
  joining *j = data;
  int64_t from = s->c->start[g], to = s->c->start[g + 1];
  for (int64_t t = from; t < to && s->rank < s->most; t++) {
    if (!has_weight(s->c, t)) continue;
    int64_t *last = &j->place[second_level(s->c, t)];
    j->idle++;
    if (*last > from && *last <= to && join_rows(s, t, *last - 1)) {
      s->rank++;
      j->idle = 0;
    }
    *last = t + 1;
  }
  j->done = s->rank == s->most || j->idle > j->patience;
  return FE_OK;
}

static fe_status join_equal_levels(search *s) {
  joining j = {calloc((size_t)s->c->levels + 1, sizeof *j.place), 0, 0, 0};
  if (!j.place) return FE_ENOMEM;
  j.patience = PATIENCE + (int64_t)PATIENCE_LEVEL * (s->c->p - s->c->levels);
  fe_status status = visit_levels(s, join_level, &j, &j.done);
  free(j.place);
  return status;
}

/* ---- the forest ----------------------------------------------------------------------------- */

typedef struct {
  int *parent;      /* levels: union-find */
  int *head, *next; /* each level's ends of edges as a list: those of edge e are 2e and 2e + 1 */
  int64_t *row;     /* the row of each end */
  int edges, goal, done;
} planting;

static void add_edge(planting *f, int v, int64_t row, int end) {
  int e = 2 * f->edges + end;
  f->row[e] = row;
  f->next[e] = f->head[v];
  f->head[v] = e;
}

static fe_status plant_level(search *s, int g, void *data) {
  planting *f = data;
  int64_t first = first_row(s->c, g);
  for (int64_t t = first + 1; t < s->c->start[g + 1]; t++) {
    if (!has_weight(s->c, t)) continue;
    int v = second_level(s->c, t), root = second_level(s->c, first);
    if (!join(f->parent, v, root)) continue;
    add_edge(f, v, t, 0);
    add_edge(f, root, first, 1);
    f->edges++;
  }
  f->done = f->edges == f->goal;
  return FE_OK;
}

/* Breadth first, from the lowest level of each tree. */
static void hang_levels(search *s, const planting *f) {
  int levels = s->c->levels, end = 0;
  for (int v = 0; v < levels; v++) s->depth[v] = -1;
  for (int v = 0, at = 0; v < levels; v++) {
    if (s->depth[v] >= 0) continue;
    s->depth[v] = 0;
    s->above[v] = -1;
    s->order[end++] = v;
    for (; at < end; at++) {
      int u = s->order[at];
      for (int e = f->head[u]; e >= 0; e = f->next[e]) {
        int x = second_level(s->c, f->row[e ^ 1]);
        if (s->depth[x] >= 0) continue;
        s->depth[x] = s->depth[u] + 1;
        s->above[x] = u;
        s->here[x] = f->row[e ^ 1];
        s->there[x] = f->row[e];
        s->order[end++] = x;
      }
    }
  }
}

static fe_status plant_forest(search *s, int edges) {
  size_t levels = (size_t)s->c->levels;
  planting f = {malloc(levels * sizeof(int)), malloc(levels * sizeof(int)),
                malloc(2 * levels * sizeof(int)), malloc(2 * levels * sizeof(int64_t)), 0, edges,
                edges == 0};
  fe_status status = f.parent && f.head && f.next && f.row ? FE_OK : FE_ENOMEM;
  for (int v = 0; v < s->c->levels && !status; v++) {
    f.parent[v] = v;
    f.head[v] = -1;
  }
  if (!status) status = visit_levels(s, plant_level, &f, &f.done);
  if (!status) hang_levels(s, &f);
  free(f.parent);
  free(f.head);
  free(f.next);
  free(f.row);
  return status;
}

/* ---- gamma ---------------------------------------------------------------------------------- */

static uint64_t random_residue(uint32_t draw) {
  static const uint32_t key[2] = {0x52616e6b, 0};
  uint32_t c[4] = {draw, 0, 0, 0};
  fe_philox4x32(c, key);
  return reduce(((uint64_t)c[0] << 32 | c[1]) >> 3);
}

static inline uint64_t sum_values(const search *s, int64_t t) {
  const int *z = s->c->cell + t * s->c->m;
  uint64_t sum = 0;
  for (int u = 0; u < s->c->m; u++) sum = plus(sum, s->value[z[u]]);
  return sum;
}

/* gamma <- a vector of the null space of the known cycles, whose free elements are the powers of a
 * random residue: a linear function of them is a polynomial in it, and zero for no more than
 * `columns` of all residues unless it is zero for all. value <- gamma and what follows from it for
 * the second factor: the rows that tie v to the level above have equal sums. */
static void draw_gamma(search *s) {
  const fe_cells *c = s->c;
  uint64_t base = random_residue(s->draws++), power = base;
  for (int j = 0; j < s->columns; j++, power = times(power, base)) s->gamma[j] = power;
  for (int i = s->known - 1; i >= 0; i--) {
    const entry *row = s->row[i];
    uint64_t sum = 0;
    for (int e = 1; e < s->size[i]; e++) {
      sum = plus(sum, times(row[e].value, s->gamma[row[e].column]));
    }
    s->gamma[row->column] = minus(0, sum);
  }
  for (int l = 0; l < c->p; l++) {
    int is_second = l >= c->first && l < c->first + c->levels;
    s->value[l] = is_second ? 0 : s->gamma[s->column[l]];
  }
  for (int k = 0; k < c->levels; k++) {
    int v = s->order[k];
    if (s->above[v] < 0) continue;
    s->value[c->first + v] = minus(sum_values(s, s->there[v]), sum_values(s, s->here[v]));
  }
  spend(s, s->entries + s->columns + 4.0 * c->levels);
}

/* ---- cycles --------------------------------------------------------------------------------- */

/* cycle += or -= the dummies of the other factors in row t */
static void add_row(search *s, int64_t t, int add) {
  const int *z = s->c->cell + t * s->c->m;
  for (int u = 0; u < s->c->m; u++) {
    if (u == s->c->second) continue;
    uint64_t *at = &s->cycle[s->column[z[u]]];
    *at = add ? plus(*at, 1) : minus(*at, 1);
  }
}

/* The cycle of row t, the row `first` of its lead level, and the paths from their second levels to
 * where these meet. */
static void trace_cycle(search *s, int64_t t, int64_t first) {
  int v = second_level(s->c, t), u = second_level(s->c, first);
  memset(s->cycle, 0, (size_t)s->columns * sizeof *s->cycle);
  add_row(s, t, 1);
  add_row(s, first, 0);
  while (u != v) {
    int of_t = s->depth[v] >= s->depth[u];
    int *end = of_t ? &v : &u;
    add_row(s, s->there[*end], of_t);
    add_row(s, s->here[*end], !of_t);
    *end = s->above[*end];
    spend(s, 4);
  }
}

static void take_out(search *s, int i) {
  const entry *row = s->row[i];
  uint64_t factor = s->cycle[row->column];
  if (!factor) return;
  for (int e = 0; e < s->size[i]; e++) {
    uint64_t *at = &s->cycle[row[e].column];
    *at = minus(*at, times(factor, row[e].value));
  }
  spend(s, s->size[i]);
}

/* Takes the cycle up among the known ones. *dependent = 1: it is a combination of these. */
static fe_status learn_cycle(search *s, int *dependent) {
  int size = 0;
  for (int i = 0; i < s->known; i++) take_out(s, i);
  for (int j = 0; j < s->columns; j++) size += s->cycle[j] != 0;
  spend(s, s->columns);
  *dependent = size == 0;
  if (*dependent) return FE_OK;
  entry *row = malloc((size_t)size * sizeof *row), *next = row;
  if (!row) return FE_ENOMEM;
  for (int j = 0; next < row + size; j++) {
    if (s->cycle[j]) *next++ = (entry){j, s->cycle[j]};
  }
  uint64_t scale = inverse(row->value);
  for (int e = 0; e < size; e++) row[e].value = times(row[e].value, scale);
  s->entries += size;
  s->size[s->known] = size;
  s->row[s->known++] = row;
  s->rank++;
  return FE_OK;
}

/* Nothing left, or too little for a third of the cycles that are missing to the bound, if each pair
 * of them takes as many multiplications as a known one has entries. */
static int is_hopeless(const search *s) {
  double third = (double)(s->most - s->rank) / 3;
  return s->work < 0 || third * third / 2 * s->entries > s->work * s->known;
}

/* A dependent cycle does not fit gamma either if it depends on what was learnt after gamma was
 * drawn: then it is time for another. */
static fe_status test_level(search *s, int g, void *data) {
  int *beyond = data;
  int64_t first = first_row(s->c, g), to = s->c->start[g + 1];
  if (to - first < 2) return FE_OK;
  uint64_t sum = sum_values(s, first);
  for (int64_t t = first + 1; t < to && !s->done; t++) {
    if (!has_weight(s->c, t) || sum_values(s, t) == sum) continue;
    int dependent = 0;
    *beyond = is_hopeless(s);
    if (!*beyond) {
      trace_cycle(s, t, first);
      fe_status status = learn_cycle(s, &dependent);
      if (status) return status;
      if (dependent) draw_gamma(s);
      sum = sum_values(s, first);
    }
    s->done = *beyond || s->rank == s->most;
  }
  return FE_OK;
}

/* ---- the search ----------------------------------------------------------------------------- */

static void number_columns(search *s) {
  const fe_cells *c = s->c;
  for (int l = 0; l < c->p; l++) {
    int root = find_root(s->parent, l); /* never above l */
    if (l >= c->first && l < c->first + c->levels) continue;
    s->column[l] = root == l ? s->columns++ : s->column[root];
  }
}

static fe_status allocate_test(search *s) {
  size_t p = (size_t)s->c->p, levels = (size_t)s->c->levels;
  s->above = malloc(levels * sizeof *s->above);
  s->depth = malloc(levels * sizeof *s->depth);
  s->order = malloc(levels * sizeof *s->order);
  s->here = malloc(levels * sizeof *s->here);
  s->there = malloc(levels * sizeof *s->there);
  s->value = malloc(p * sizeof *s->value);
  s->column = malloc(p * sizeof *s->column);
  s->gamma = malloc(p * sizeof *s->gamma);
  s->cycle = malloc(p * sizeof *s->cycle);
  s->size = malloc(p * sizeof *s->size);
  s->row = malloc(p * sizeof *s->row);
  return s->above && s->depth && s->order && s->here && s->there && s->value && s->column &&
         s->gamma && s->cycle && s->size && s->row ? FE_OK : FE_ENOMEM;
}

static void free_search(search *s) {
  for (int i = 0; i < s->known; i++) free(s->row[i]);
  free(s->row);
  free(s->size);
  free(s->cycle);
  free(s->gamma);
  free(s->column);
  free(s->value);
  free(s->there);
  free(s->here);
  free(s->order);
  free(s->depth);
  free(s->above);
  free(s->parent);
}

static fe_status test_rows(search *s, int edges, int *exact) {
  int beyond = 0;
  fe_status status = allocate_test(s);
  if (!status) status = plant_forest(s, edges);
  if (status) return status;
  number_columns(s);
  draw_gamma(s);
  status = visit_levels(s, test_level, &beyond, &s->done);
  *exact = !beyond;
  return status;
}

fe_status fe_cycle_rank(const fe_cells *cells, int edges, int64_t most, const fe_exec *exec,
                        int64_t *rank, int *exact) {
  search s = {0};
  *rank = 0;
  *exact = 1;
  if (most == 0) return FE_OK;
  s.c = cells;
  s.exec = exec;
  s.most = most;
  s.work = WORK + (double)WORK_ROW * (double)cells->start[cells->n_lead];
  s.parent = malloc(((size_t)cells->p + 1) * sizeof *s.parent);
  fe_status status = s.parent ? FE_OK : FE_ENOMEM;
  for (int l = 0; l < cells->p && !status; l++) s.parent[l] = l;
  if (!status) status = join_equal_levels(&s);
  if (!status && s.rank < most) status = test_rows(&s, edges, exact);
  *rank = s.rank;
  free_search(&s);
  return status;
}
