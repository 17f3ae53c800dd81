/* What squares cannot tell. A pivot of S is the square of the norm that is left of a column of
 * (1 - UU'W) Z given those before it, and below rounding tells nothing about norms from 1e-8 down.
 * Where the factor L of the pivots above that, of columns Z_1, ends, the combinations
 *     D = (1 - UU'W)(Z_2 - Z_1 V),  V = (L L')^-1 S_12,
 * of the columns Z_2 that remain are formed row by row. The pivots of D'WD go on with the factor:
 * their rounding is that of D, not that of its square. (This is Cholesky QR with a second round,
 * Yamamoto, Nakatsukasa, Yanagisawa and Fukaya 2015, for the last columns only.) */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "slopes_private.h"

/* With weights of one, a column of which no more than this is left depends on others; near it (by
 * IN_DOUBT) the rank is open. */
#define DEPENDENT 3e-9
#define IN_DOUBT 10

/* Of D's norms rounding makes up to so much, for a combination of norm one. */
#define NORM_ROUNDING (16 * DBL_EPSILON)

/* Squares of norms are told apart down to this share of the largest. */
#define SQUARES 1e-13

/* Multiplications that a rank may cost; rounds of a factor. */
#define MOST_WORK 1e11
enum { MAX_ROUNDS = 4 };

typedef struct {
  const fe_slopes *a;
  pivoting *c;
  double *head; /* L, rank x rank */
  int k;        /* columns of D */
  int *at;      /* their positions in 0..p-1 */
  double *v;    /* p x k, one row a position: the combinations */
  double *zd;   /* p x k: Z'WD */
  double *gram; /* k x k, lower triangle: D'WD */
  double *d;    /* rows of a level x k */
  double *u;    /* width of the lead x k: U'WD */
  double *part; /* rank */
} tail;

static int64_t most_rows(const fe_slopes *a) {
  int64_t most = 0;
  for (int g = 0; g < a->blocks[a->lead].n_levels; g++) {
    if (a->start[g + 1] - a->start[g] > most) most = a->start[g + 1] - a->start[g];
  }
  return most;
}

static fe_status tail_new(const fe_slopes *a, pivoting *c, int k, tail *t) {
  size_t p = (size_t)a->p, wide = (size_t)k, rank = (size_t)c->rank;
  size_t width = (size_t)a->blocks[a->lead].width;
  *t = (tail){.a = a, .c = c, .k = k, .head = fe_gather_factor(c)};
  t->at = malloc((p + 1) * sizeof *t->at);
  t->v = calloc(p * wide + 1, sizeof *t->v);
  t->zd = calloc(p * wide + 1, sizeof *t->zd);
  t->gram = calloc(wide * wide + 1, sizeof *t->gram);
  t->d = malloc(((size_t)most_rows(a) * wide + 1) * sizeof *t->d);
  t->u = malloc((width * wide + 1) * sizeof *t->u);
  t->part = malloc((rank + 1) * sizeof *t->part);
  int complete = t->head && t->at && t->v && t->zd && t->gram && t->d && t->u && t->part;
  return complete ? FE_OK : FE_ENOMEM;
}

static void tail_free(tail *t) {
  free(t->head);
  free(t->at);
  free(t->v);
  free(t->zd);
  free(t->gram);
  free(t->d);
  free(t->u);
  free(t->part);
}

/* Combination number `column`: the columns at n positions, with signs by chance (bits NULL: as they
 * are), less what of them is in Z_1. */
static void combine(tail *t, const int *position, int n, uint64_t *bits, int column) {
  size_t p = (size_t)t->c->p, r = (size_t)t->c->rank, k = (size_t)t->k, at = (size_t)column;
  memset(t->part, 0, r * sizeof *t->part);
  for (int j = 0; j < n; j++) {
    double sign = 1.0;
    if (bits) {
      *bits ^= *bits << 13;
      *bits ^= *bits >> 7;
      *bits ^= *bits << 17;
      sign = *bits & 1 ? 1.0 : -1.0;
    }
    t->v[(size_t)position[j] * k + at] = sign;
    for (size_t l = 0; l < r; l++) t->part[l] += sign * t->c->l[l * p + (size_t)position[j]];
  }
  for (size_t l = r; l-- > 0;) {
    const double *below = t->head + l * r;
    for (size_t i = l + 1; i < r; i++) t->part[l] -= below[i] * t->part[i];
    t->part[l] /= below[l];
    t->v[(size_t)t->c->order[l] * k + at] = -t->part[l];
  }
}

/* d = the rows of level g of Z V */
static void expand_rows(tail *t, int g) {
  const fe_slopes *a = t->a;
  size_t k = (size_t)t->k;
  double *d = t->d;
  for (int64_t s = a->start[g]; s < a->start[g + 1]; s++, d += k) {
    const double *z = a->z + s * a->stride;
    memset(d, 0, k * sizeof *d);
    for (int o = 0; o < a->m; o++) {
      const double *v = t->v + (size_t)a->cell[s * a->m + o] * k;
      for (int j = 0; j < a->width[o]; j++, z++, v += k) {
        if (*z != 0) fe_axpy(*z, v, d, k);
      }
    }
  }
}

/* d <- d - UU'Wd in the rows of level g */
static void sweep_rows(tail *t, int g) {
  const fe_slopes *a = t->a;
  size_t k = (size_t)t->k, width = (size_t)a->blocks[a->lead].width;
  double *d = t->d;
  memset(t->u, 0, width * k * sizeof *t->u);
  for (int64_t s = a->start[g]; s < a->start[g + 1]; s++, d += k) {
    double w = a->w ? a->w[s] : 1.0;
    for (size_t j = 0; j < width; j++) fe_axpy(w * a->u[(size_t)s * width + j], d, t->u + j * k, k);
  }
  d = t->d;
  for (int64_t s = a->start[g]; s < a->start[g + 1]; s++, d += k) {
    for (size_t j = 0; j < width; j++) fe_axpy(-a->u[(size_t)s * width + j], t->u + j * k, d, k);
  }
}

static void add_tail_products(tail *t, int g) {
  const fe_slopes *a = t->a;
  size_t k = (size_t)t->k;
  const double *d = t->d;
  for (int64_t s = a->start[g]; s < a->start[g + 1]; s++, d += k) {
    const double *z = a->z + s * a->stride;
    double w = a->w ? a->w[s] : 1.0;
    for (int o = 0; o < a->m; o++) {
      double *zd = t->zd + (size_t)a->cell[s * a->m + o] * k;
      for (int j = 0; j < a->width[o]; j++, z++, zd += k) {
        if (*z != 0) fe_axpy(w * *z, d, zd, k);
      }
    }
    for (size_t j = 0; j < k; j++) {
      if (d[j] != 0) fe_axpy(w * d[j], d + j, t->gram + j * k + j, k - j);
    }
  }
}

/* Z'WD and D'WD of the combinations as they are */
static fe_status form_products(tail *t, stopper *stop) {
  size_t k = (size_t)t->k;
  memset(t->zd, 0, (size_t)t->a->p * k * sizeof *t->zd);
  memset(t->gram, 0, k * k * sizeof *t->gram);
  for (int g = 0; g < t->a->blocks[t->a->lead].n_levels; g++) {
    if (fe_slopes_must_stop(stop, g)) return FE_EINTR;
    expand_rows(t, g);
    for (int round = 0; round < 2; round++) sweep_rows(t, g);
    add_tail_products(t, g);
  }
  return FE_OK;
}

/* V -= (L L')^-1 Z_1'WD: what rounding left of Z_1 in D */
static fe_status correct(tail *t, stopper *stop) {
  size_t k = (size_t)t->k;
  for (size_t j = 0; j < k; j++) {
    if (fe_slopes_must_stop(stop, (int64_t)j)) return FE_EINTR;
    for (int l = 0; l < t->c->rank; l++) t->part[l] = t->zd[(size_t)t->c->order[l] * k + j];
    fe_cholesky_solve(t->head, t->c->rank, NULL, t->part, 1);
    for (int l = 0; l < t->c->rank; l++) t->v[(size_t)t->c->order[l] * k + j] -= t->part[l];
  }
  return FE_OK;
}

/* D as the columns that remain, or as one combination of them by chance, and its products */
static fe_status measure(tail *t, const int *position, int n, int by_chance, stopper *stop) {
  uint64_t bits = 0x9E3779B97F4A7C15u;
  if (by_chance) combine(t, position, n, &bits, 0);
  for (int j = 0; j < n && !by_chance; j++) {
    if (fe_slopes_must_stop(stop, j)) return FE_EINTR;
    t->at[j] = position[j];
    combine(t, position + j, 1, NULL, j);
  }
  fe_status status = form_products(t, stop);
  if (!status) status = correct(t, stop);
  return status ? status : form_products(t, stop);
}

/* Norm of D's column, and what rounding may have made of it. */
static double norm_of(const tail *t, int j) {
  size_t k = (size_t)t->k;
  return sqrt(t->gram[(size_t)j * k + (size_t)j]);
}

static double rounding_of(const tail *t, int j) {
  size_t k = (size_t)t->k;
  double square = 0;
  for (size_t l = 0; l < (size_t)t->a->p; l++) {
    square += t->v[l * k + (size_t)j] * t->v[l * k + (size_t)j];
  }
  return NORM_ROUNDING * sqrt(square);
}

/* Positions that remain, of columns that are not zero. */
static int list_remaining(const fe_slopes *a, const pivoting *c, int *position) {
  int n = 0;
  for (int o = 0; o < a->m; o++) {
    const block *b = &a->blocks[a->other[o]];
    for (int l = 0; l < b->n_levels * b->width; l++) {
      if (b->kept[l] == KEPT && c->left[b->base + l] >= 0) position[n++] = b->base + l;
    }
  }
  return n;
}

/* Pivots of D'WD above the rounding of its squares and of D, up to `most`, go on with the factor;
 * *doubtful if, in search of the rank, a norm is near the limit. *taken: how many. */
static fe_status extend(tail *t, int find, int most, stopper *stop, int *taken, int *doubtful) {
  size_t k = (size_t)t->k, p = (size_t)t->c->p, rank = (size_t)t->c->rank;
  double *l = calloc(k * k + 1, sizeof *l), *left = calloc(k + 1, sizeof *left), limit = 0;
  int *order = malloc((k + 1) * sizeof *order);
  pivoting c = {t->gram, l, left, t->k, 0, order};
  fe_status status = l && left && order ? FE_OK : FE_ENOMEM;
  for (int j = 0; j < t->k; j++) {
    double least = fmax(rounding_of(t, j), find ? DEPENDENT : 0), norm = norm_of(t, j);
    limit = fmax(limit, fmax(SQUARES * norm * norm, least * least));
    if (find && norm > DEPENDENT / IN_DOUBT && norm < DEPENDENT * IN_DOUBT) *doubtful = 1;
  }
  if (!status) status = fe_factor_pivoted(&c, limit, most, stop);
  for (int m = 0; !status && m < c.rank; m++) {
    double *column = t->c->l + (rank + (size_t)m) * p;
    memset(column, 0, p * sizeof *column);
    for (size_t j = 0; j < k; j++) column[t->at[j]] = l[(size_t)m * k + j];
    t->c->order[t->c->rank++] = t->at[order[m]];
    t->c->left[t->at[order[m]]] = -1;
  }
  *taken = c.rank;
  free(l);
  free(left);
  free(order);
  return status;
}

/* Whether all that remains depends on the columns taken: no chance combination has a norm. */
static fe_status probe(const fe_slopes *a, pivoting *c, const int *position, int n, stopper *stop,
                       int *depend) {
  tail t;
  fe_status status = tail_new(a, c, 1, &t);
  if (!status) status = measure(&t, position, n, 1, stop);
  double least = fmax(DEPENDENT / IN_DOUBT, status ? 0 : rounding_of(&t, 0));
  *depend = !status && norm_of(&t, 0) <= least;
  tail_free(&t);
  return status;
}

static fe_status go_on(const fe_slopes *a, pivoting *c, int find, int most, const int *position,
                       int n, stopper *stop, int *doubtful, int *taken) {
  tail t;
  fe_status status = tail_new(a, c, n, &t);
  if (!status) status = measure(&t, position, n, 0, stop);
  if (!status) status = extend(&t, find, most, stop, taken, doubtful);
  tail_free(&t);
  return status;
}

fe_status fe_slopes_tail(const fe_slopes *a, pivoting *c, int find, int most, stopper *stop,
                         int *doubtful) {
  int *position = malloc(((size_t)a->p + 1) * sizeof *position), depend = 0, taken = 1;
  fe_status status = position ? FE_OK : FE_ENOMEM;
  for (int round = 0; !status && taken && round < MAX_ROUNDS; round++) {
    int n = list_remaining(a, c, position);
    taken = 0;
    if (n == 0 || c->rank >= most) break;
    if (find) status = probe(a, c, position, n, stop, &depend);
    if (status || depend) break;
    if ((double)a->n * n * (n + a->stride) > MOST_WORK) {
      *doubtful = 1;
      break;
    }
    status = go_on(a, c, find, most - c->rank, position, n, stop, doubtful, &taken);
  }
  free(position);
  return status;
}
