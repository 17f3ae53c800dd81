/* Places are points in space: on the unit sphere, whose chords tell distances without regard to
 * poles and date line, or in the plane. A k-d tree (Bentley 1975) holds boxes around ever smaller
 * groups of them. For two groups, the boxes show that all pairs are neighbours, or none, or that
 * their halves must be looked at. What place i receives, z_i = sum_j w_ij s_j, is kept for groups
 * as long as it is the same for all their members, so that the meat sum_i s_i z_i' costs O(k) for
 * each pair of groups or places and O(k^2) only for each group or place. */
#include "conley.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "parallel.h"

enum { LEAF = 16, BLOCKS = 4096, BLOCK_LEAST = 64, WATCHED = 65536 };

/* A subtree is the run of `nodes` nodes that begins with its root; left is the next node. */
typedef struct {
  double low[3], high[3];
  int64_t begin, end; /* its places */
  int64_t nodes, right; /* right 0: a leaf */
} box;

typedef struct {
  int64_t n;
  int k;
  double *at[3];  /* coordinates, in the order of the tree */
  double *score;  /* n x k, row-major, in that order */
  int64_t *place; /* n: which place */
  box *node;
  int64_t n_nodes;
  int64_t *block; /* nodes whose places are tasks */
  int64_t n_blocks, block_most, most_places, most_nodes;
  double *sum; /* n_nodes x k: of the scores */
  double reach; /* squared chord */
  const fe_nearness *rule;
  double *received; /* for each worker: (most_places + most_nodes) x k */
  double *half;     /* k x k for each block */
  double *count;    /* for each block */
  fe_status status; /* of the building */
  const fe_exec *exec;
} tree;

/* ---- building ------------------------------------------------------------------------------- */

static void set_coordinates(tree *t, const fe_places *p) {
  const double degree = 3.14159265358979323846 / 180;
  for (int64_t i = 0; i < p->n; i++) {
    double a = p->a[i], b = p->b[i];
    int sphere = t->rule->metric == FE_GREAT_CIRCLE;
    t->at[0][i] = sphere ? cos(a * degree) * cos(b * degree) : a;
    t->at[1][i] = sphere ? cos(a * degree) * sin(b * degree) : b;
    t->at[2][i] = sphere ? sin(a * degree) : 0;
    t->place[i] = i;
  }
}

static void swap_places(tree *t, int64_t i, int64_t j) {
  for (int d = 0; d < 3; d++) {
    double x = t->at[d][i];
    t->at[d][i] = t->at[d][j];
    t->at[d][j] = x;
  }
  int64_t p = t->place[i];
  t->place[i] = t->place[j];
  t->place[j] = p;
}

static double middle_of_three(double a, double b, double c) {
  double low = a < b ? a : b, high = a < b ? b : a;
  return c < low ? low : c > high ? high : c;
}

/* Places begin..end-1 are rearranged such that none before `middle` lies above one from there on
 * (Hoare 1961). */
static void split_at(tree *t, int d, int64_t begin, int64_t end, int64_t middle) {
  const double *x = t->at[d];
  int64_t low = begin, high = end - 1;
  while (low < high) {
    double pivot = middle_of_three(x[low], x[low + (high - low) / 2], x[high]);
    int64_t i = low, j = high;
    while (i <= j) {
      while (x[i] < pivot) i++;
      while (x[j] > pivot) j--;
      if (i <= j) swap_places(t, i++, j--);
    }
    if (middle <= j) {
      high = j;
    } else if (middle >= i) {
      low = i;
    } else {
      return;
    }
  }
}

static void bound(const tree *t, box *b) {
  for (int d = 0; d < 3; d++) {
    b->low[d] = b->high[d] = t->at[d][b->begin];
    for (int64_t i = b->begin + 1; i < b->end; i++) {
      double x = t->at[d][i];
      if (x < b->low[d]) b->low[d] = x;
      if (x > b->high[d]) b->high[d] = x;
    }
  }
}

static int longest_side(const box *b) {
  int longest = 0;
  for (int d = 1; d < 3; d++) {
    if (b->high[d] - b->low[d] > b->high[longest] - b->low[longest]) longest = d;
  }
  return longest;
}

/* A node over places begin..end-1, its subtree after it; returns its number. The first node on the
 * way down that has no more places than a block may have is a block. */
static int64_t grow(tree *t, int64_t begin, int64_t end, int within_block) {
  int64_t me = t->n_nodes++;
  box *b = t->node + me;
  *b = (box){.begin = begin, .end = end, .right = 0};
  bound(t, b);
  if (end - begin > WATCHED && !t->status) t->status = fe_poll(t->exec);
  int is_block = !within_block && (end - begin <= t->block_most || end - begin <= LEAF);
  if (is_block) t->block[t->n_blocks++] = me;
  if (end - begin > LEAF && !t->status) {
    int64_t middle = begin + (end - begin) / 2;
    split_at(t, longest_side(b), begin, end, middle);
    grow(t, begin, middle, within_block || is_block);
    b->right = grow(t, middle, end, within_block || is_block);
  }
  b->nodes = t->n_nodes - me;
  if (is_block && end - begin > t->most_places) t->most_places = end - begin;
  if (is_block && b->nodes > t->most_nodes) t->most_nodes = b->nodes;
  return me;
}

/* Scores in the order of the tree, and their sums: of a leaf over its places, else over its
 * halves. */
static void add_scores(tree *t, const fe_places *p) {
  int k = t->k;
  for (int64_t i = 0; i < t->n; i++) {
    for (int c = 0; c < k; c++) t->score[i * k + c] = p->score[c * t->n + t->place[i]];
  }
  for (int64_t v = t->n_nodes - 1; v >= 0; v--) {
    const box *b = t->node + v;
    double *sum = t->sum + v * k;
    memset(sum, 0, (size_t)k * sizeof *sum);
    for (int64_t i = b->begin; i < b->end && !b->right; i++) {
      for (int c = 0; c < k; c++) sum[c] += t->score[i * k + c];
    }
    for (int c = 0; c < k && b->right; c++) {
      sum[c] = t->sum[(v + 1) * k + c] + t->sum[b->right * k + c];
    }
  }
}

/* ---- pairs ---------------------------------------------------------------------------------- */

/* What the places and nodes of one block receive. */
typedef struct {
  const tree *t;
  const box *root;
  int64_t first_node;
  double *place; /* from root->begin on, k each */
  double *node;  /* from first_node on, k each */
  double count;
} receiver;

static double weight_at(const fe_nearness *rule, double apart) {
  if (rule->kernel == FE_UNIFORM) return 1;
  double chord = sqrt(apart), half = chord / 2 < 1 ? chord / 2 : 1;
  double d = rule->metric == FE_PLANE ? chord : 2 * rule->radius * asin(half);
  return d < rule->cutoff ? 1 - d / rule->cutoff : 0;
}

static double square(double x) { return x * x; }

/* Squares of the least and the largest distance between places of two boxes. */
static void box_distances(const box *a, const box *b, double *least, double *most) {
  double span[3], gap[3];
  for (int d = 0; d < 3; d++) {
    double up = b->high[d] - a->low[d], down = a->high[d] - b->low[d];
    double above = b->low[d] - a->high[d], below = a->low[d] - b->high[d];
    double apart = above > below ? above : below;
    span[d] = up > down ? up : down;
    gap[d] = apart > 0 ? apart : 0;
  }
  *least = square(gap[0]) + square(gap[1]) + square(gap[2]);
  *most = square(span[0]) + square(span[1]) + square(span[2]);
}

/* Place i receives from places j..end-1. */
static void receive_from(receiver *r, int64_t i, int64_t j, int64_t end) {
  const tree *t = r->t;
  int k = t->k;
  const double *x = t->at[0], *y = t->at[1], *z = t->at[2];
  double *to = r->place + (i - r->root->begin) * k;
  for (; j < end; j++) {
    double apart = square(x[j] - x[i]) + square(y[j] - y[i]) + square(z[j] - z[i]);
    if (apart > t->reach) continue;
    double w = weight_at(t->rule, apart);
    const double *s = t->score + j * k;
    for (int c = 0; c < k; c++) to[c] += w * s[c];
    r->count++;
  }
}

static void receive_sum(const tree *t, double *to, int64_t from, double w) {
  for (int c = 0; c < t->k; c++) to[c] += w * t->sum[from * t->k + c];
}

static int64_t size(const box *b) { return b->end - b->begin; }

/* Node a of the block receives from node b, which comes after it. */
static void receive(receiver *r, int64_t a, int64_t b) {
  const tree *t = r->t;
  const box *to = t->node + a, *from = t->node + b;
  double least, most;
  box_distances(to, from, &least, &most);
  if (least > t->reach) return;
  if (most <= t->reach && (t->rule->kernel == FE_UNIFORM || least == most)) {
    receive_sum(t, r->node + (a - r->first_node) * t->k, b, weight_at(t->rule, most));
    r->count += (double)size(to) * (double)size(from);
  } else if (!to->right && !from->right) {
    for (int64_t i = to->begin; i < to->end; i++) receive_from(r, i, from->begin, from->end);
  } else if (from->right && (!to->right || size(from) >= size(to))) {
    receive(r, a, b + 1);
    receive(r, a, from->right);
  } else {
    receive(r, a + 1, b);
    receive(r, to->right, b);
  }
}

/* The pairs within node a; a place receives half of its own score. */
static void receive_within(receiver *r, int64_t a) {
  const tree *t = r->t;
  const box *to = t->node + a;
  int k = t->k;
  double least, most;
  box_distances(to, to, &least, &most);
  if (most <= t->reach && (t->rule->kernel == FE_UNIFORM || most == 0)) {
    receive_sum(t, r->node + (a - r->first_node) * k, a, 0.5);
    r->count += 0.5 * (double)size(to) * (double)(size(to) - 1);
  } else if (!to->right) {
    for (int64_t i = to->begin; i < to->end; i++) {
      double *own = r->place + (i - r->root->begin) * k;
      for (int c = 0; c < k; c++) own[c] += 0.5 * t->score[i * k + c];
      receive_from(r, i, i + 1, to->end);
    }
  } else {
    receive_within(r, a + 1);
    receive_within(r, to->right);
    receive(r, a + 1, to->right);
  }
}

static void add_products(const double *s, const double *z, int64_t n, int k, double *half) {
  for (int64_t i = 0; i < n; i++) {
    for (int a = 0; a < k; a++) {
      for (int b = 0; b < k; b++) half[a * k + b] += s[i * k + a] * z[i * k + b];
    }
  }
}

static void meat_of_block(int64_t task, int worker, void *data) {
  const tree *t = data;
  int k = t->k;
  int64_t me = t->block[task];
  const box *root = t->node + me;
  size_t most = (size_t)(t->most_places + t->most_nodes) * (size_t)k;
  double *place = t->received + (size_t)worker * most, *node = place + size(root) * k;
  memset(place, 0, (size_t)((size(root) + root->nodes) * k) * sizeof *place);
  receiver r = {t, root, me, place, node, 0};
  receive_within(&r, me);
  for (int64_t b = task + 1; b < t->n_blocks; b++) receive(&r, me, t->block[b]);
  double *half = t->half + (size_t)task * (size_t)k * (size_t)k;
  add_products(t->score + root->begin * k, place, size(root), k, half);
  add_products(t->sum + me * k, node, root->nodes, k, half);
  t->count[task] = r.count;
}

static void add_blocks(const tree *t, double *meat, double *pairs) {
  int k = t->k;
  *pairs = 0;
  memset(meat, 0, (size_t)k * (size_t)k * sizeof *meat);
  for (int64_t v = 0; v < t->n_blocks; v++) {
    const double *half = t->half + v * k * k;
    *pairs += t->count[v];
    for (int a = 0; a < k; a++) {
      for (int b = 0; b < k; b++) meat[a * k + b] += half[a * k + b] + half[b * k + a];
    }
  }
}

/* ---- entry ---------------------------------------------------------------------------------- */

static double squared_chord(const fe_nearness *rule) {
  const double pi = 3.14159265358979323846, slack = 1 + 1e-12;
  double reach = rule->cutoff * slack;
  if (rule->metric == FE_PLANE) return reach * reach;
  double angle = reach / rule->radius;
  return angle < pi ? square(2 * sin(angle / 2)) : 5; /* no chord is longer than 2 */
}

static fe_status allocate_places(tree *t) {
  size_t n = (size_t)t->n, boxes = 2 * n / (LEAF / 2) + 3;
  for (int d = 0; d < 3; d++) t->at[d] = malloc((n + 1) * sizeof *t->at[d]);
  t->place = malloc((n + 1) * sizeof *t->place);
  t->node = malloc(boxes * sizeof *t->node);
  t->block = malloc(boxes * sizeof *t->block);
  return t->at[0] && t->at[1] && t->at[2] && t->place && t->node && t->block ? FE_OK : FE_ENOMEM;
}

static fe_status allocate_sums(tree *t, size_t workers) {
  size_t k = (size_t)t->k, blocks = (size_t)t->n_blocks;
  t->score = fe_malloc_large(((size_t)t->n * k + 1) * sizeof *t->score);
  t->sum = malloc(((size_t)t->n_nodes * k + 1) * sizeof *t->sum);
  t->received = malloc((workers * (size_t)(t->most_places + t->most_nodes) * k + 1) *
                       sizeof *t->received);
  t->half = calloc(blocks * k * k + 1, sizeof *t->half);
  t->count = calloc(blocks + 1, sizeof *t->count);
  return t->score && t->sum && t->received && t->half && t->count ? FE_OK : FE_ENOMEM;
}

static void free_tree(tree *t) {
  for (int d = 0; d < 3; d++) free(t->at[d]);
  free(t->place);
  free(t->node);
  free(t->block);
  free(t->score);
  free(t->sum);
  free(t->received);
  free(t->half);
  free(t->count);
}

fe_status fe_conley_meat(const fe_places *places, const fe_nearness *rule, const fe_exec *exec,
                         double *meat, double *pairs) {
  tree t = {.n = places->n, .k = places->k, .rule = rule, .exec = exec};
  t.reach = squared_chord(rule);
  t.block_most = t.n / BLOCKS > BLOCK_LEAST ? t.n / BLOCKS : BLOCK_LEAST;
  fe_status status = allocate_places(&t);
  if (!status) {
    set_coordinates(&t, places);
    if (t.n > 0) grow(&t, 0, t.n, 0);
    status = t.status;
  }
  if (!status) status = allocate_sums(&t, (size_t)fe_workers(exec, t.n_blocks));
  if (!status) {
    add_scores(&t, places);
    status = fe_parallel_for(exec, t.n_blocks, meat_of_block, &t);
  }
  if (!status) add_blocks(&t, meat, pairs);
  free_tree(&t);
  return status;
}
