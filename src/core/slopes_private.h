/* What the files of the slopes share: slopes.c builds the object and runs the columns,
 * slopes_basis.c orthonormalises the columns of every level, slopes_pass.c absorbs one column,
 * slopes_schur.c factors the complement, slopes_tail.c the end of it that squares hide,
 * slopes_rank.c finds or bounds the rank where that is too large, by slopes_gram.c,
 * slopes_effects.c answers for the coefficients.
 *
 * The columns of D that belong to one level of a factor are replaced by an orthonormal basis (in
 * the metric of the weights) of their span. Those of the lead, the factor of most columns, form U
 * with U'WU = 1; those of the others form Z. With the lead eliminated there remains
 *     S = Z'WZ - Z'WU U'WZ,  diag(Z'WZ) = 1,
 * and the projection of x is: x <- x - UU'Wx; r = Z'Wx; solve S delta = r; x <- x - Z delta;
 * x <- x - UU'Wx, repeated until r is small against x. S delta = r is solved by conjugate
 * gradients, preconditioned by a Cholesky factor of S where that is affordable. */
#ifndef FE_SLOPES_PRIVATE_H
#define FE_SLOPES_PRIVATE_H

#include <math.h>
#include <stdatomic.h>

#include "slopes.h"

/* A column of a level whose norm, given the columns before it, is no more than this share of its
 * own depends on them. */
#define FE_SLOPES_VANISHED 1e-9

/* DOUBTED: taken for dependent, though what is left of the column is more than the rounding of
 * exact dependence. */
enum { DEPENDS = 0, KEPT = 1, DOUBTED = 2 };

/* One factor: the columns of its levels. */
typedef struct {
  int n_levels;
  int width;         /* terms = columns of a level */
  int *term;         /* their numbers */
  int base;          /* others: position of column 0 of level 1 in 0..p-1 */
  double *spread;    /* width: range of each variable; its largest absolute value without origins */
  char *kept;        /* n_levels x width: KEPT, unless the column depends on those before it */
  double *origin;    /* n_levels x width: taken from the values of a column if column 0 is one */
  double *back;      /* n_levels x width x width: column k of a level's basis is
                        sum_j back[j + k width] (d_j - origin_j); of a column that is not kept, this
                        combination is zero but for rounding, and measured against its spread */
  int64_t rank;      /* columns kept */
} block;

struct fe_slopes {
  fe_terms terms;
  const double *weight; /* in the caller's order */
  fe_control control;   /* solver: the one in use */
  int64_t n;
  block *blocks;  /* one a factor */
  int lead;       /* factor of most columns */
  int m;          /* the others */
  int *other;     /* their numbers */
  int *width;     /* their widths */
  int p;          /* columns of the others */
  int stride;     /* columns of one row of z: the sum of the widths */
  int64_t *order; /* caller's row of each row in lead order, in which all that follows is */
  int64_t *start; /* rows start[g] .. start[g+1]-1 are those of lead level g (from 0) */
  double *w;      /* NULL = all one */
  int wide;       /* see fe_weights_wide() */
  double *u;      /* n x width of the lead: its basis */
  double *z;      /* n x stride: bases of the others */
  int *cell;      /* n x m: position in 0..p-1 of each other factor's columns */
  double *chol;   /* r x r Cholesky factor of S for the columns pivot; NULL: none made */
  int *pivot;     /* r positions */
  int r;
  int unresolved; /* the factor has fewer columns than D has rank: rounding hides the others */
  int64_t rank;
  int rank_exact;
};

/* Scratch of one thread. */
typedef struct {
  double *y;     /* n: the column */
  double *t;     /* n: Z v */
  double *c;     /* width of the lead */
  double *r;     /* p: right-hand side, then residual */
  double *delta; /* p: solution */
  double *dir;   /* p: search direction */
  double *image; /* p: S dir */
  double *cond;  /* p: preconditioned residual */
  double *small; /* p: with a factor r in the order of the pivots, else the best solution */
  double moved;  /* sqrt(delta'S delta) of the last solution: what it took away */
} scratch;

/* Stops long iterations; see fe_slopes_must_stop(). */
typedef struct {
  atomic_int stop;
  int64_t every; /* steps between polls by this thread; 0: another thread polls */
  const fe_exec *exec;
} stopper;

typedef struct {
  fe_status status;
  int iterations;
  double residual;
  double error; /* under wide weights: what the last correction changed, and the rounding of the
                   coefficients taken away; relative */
} outcome;

/* data: a stopper. Both answer whether to stop. */
int fe_slopes_poll(void *data);
int fe_slopes_must_stop(stopper *s, int64_t step);

/* A stopper for work of the calling thread, with steps that go over n rows. */
static inline stopper own_stopper(const fe_exec *exec, int64_t n) {
  return (stopper){0, 1 + 1000000 / (n + 1), exec};
}

/* The exponent of two of a number, such that both powers are finite; 0 for zero and infinity. */
static inline int fe_slopes_exponent(double largest) {
  int exponent = 0;
  if (isfinite(largest)) frexp(largest, &exponent);
  return exponent > 1000 ? 1000 : exponent < -1000 ? -1000 : exponent;
}

/* ---- slopes_basis.c ------------------------------------------------------------------------- */

/* The bases of the levels of a factor, whose rows (in lead order) are row[start[l] ..
 * start[l+1]-1]; row NULL: start[l] .. itself. Column k of row s goes to out[s * stride + k]. With
 * `find` the columns to keep are found, which is done with weights of one; else they are known. */
fe_status fe_slopes_basis(const fe_slopes *a, block *b, const int64_t *start, const int64_t *row,
                          int find, double *out, int stride, const fe_exec *exec);

/* ---- slopes_pass.c -------------------------------------------------------------------------- */

fe_status fe_slopes_scratch_new(const fe_slopes *a, scratch *s);
void fe_slopes_scratch_free(scratch *s);

/* t = Z v */
void fe_slopes_expand(const fe_slopes *a, const double *v, double *t);

/* c = U'Wt, t <- t - U c, r = Z'Wt. gamma (one for each column of the lead, or NULL) += c. c:
 * scratch. Returns || W^1/2 t ||. */
double fe_slopes_sweep(const fe_slopes *a, double *t, double *r, double *gamma, double *c);

/* S s->delta = s->r until || r || <= goal, or as near as it gets; r leaves as the residual, and
 * s->moved is set. */
fe_status fe_slopes_solve(const fe_slopes *a, int with_factor, scratch *s, double goal,
                          stopper *stop, int *iterations);

/* s->y <- its residual, in lead order; gamma (NULL, or zero: columns of the lead, then of the
 * others) receives the coefficients of the bases. */
outcome fe_slopes_column(const fe_slopes *a, double *gamma, scratch *s, stopper *stop);

/* ---- slopes.c ------------------------------------------------------------------------------- */

/* y = x times 2^-exponent in lead order, the largest entry of order one. Returns the exponent. */
int fe_slopes_gather(const fe_slopes *a, const double *x, double *y);

/* ---- slopes_schur.c ------------------------------------------------------------------------- */

/* Cholesky factorisation with diagonal pivoting of s (p x p, lower triangle, spent), until no pivot
 * is above limit or `most` columns are done. l (p x p) receives the columns of the factor, its rows
 * in the order of s; order, the pivots. left (p) are the pivots that remain, -1 for those taken. */
typedef struct {
  double *s, *l, *left;
  int p, rank, *order;
} pivoting;

fe_status fe_factor_pivoted(pivoting *c, double limit, int most, stopper *stop);

/* The factor of the columns taken alone, rank x rank; NULL: no memory. */
double *fe_gather_factor(const pivoting *c);

/* Factors S in a->chol, with pivoting. With `find` (S of weights one) the rank a->r is found, and
 * *doubtful = 1 if rounding leaves it open; else it is known, and a->unresolved tells whether the
 * factor falls short of it. */
fe_status fe_slopes_factor(fe_slopes *a, int find, const fe_exec *exec, int *doubtful);

/* The rank of a positive semi-definite matrix with a diagonal of at most one (lower triangle of
 * p x p, spent), by pivoting. Pivots up to `limit` are rounding; *doubtful = 1 if one is near. */
fe_status fe_slopes_dense_rank(double *s, int p, double limit, stopper *stop, int *rank,
                               int *doubtful);

/* What the rows of a level contribute: C = Z'WU on the columns of Z that it meets. */
typedef struct {
  int width;
  double *c; /* p x width, zero between levels */
  int *hit;  /* the positions met */
  char *met; /* p */
  int n_hit;
} crossing;

fe_status fe_crossing_new(const fe_slopes *a, int width, crossing *x);
void fe_crossing_free(crossing *x);
void fe_crossing_clear(crossing *x);

/* Adds row s, with u (width) beside it; of the other factors those from number `from` on. */
void fe_crossing_add(const fe_slopes *a, int64_t s, const double *u, int from, crossing *x);

/* ---- slopes_tail.c -------------------------------------------------------------------------- */

/* Goes on with a factor of S that ends where squares are rounding, up to `most` columns. With
 * `find` (weights of one) *doubtful = 1 if the rank is open, or too much work to find. */
fe_status fe_slopes_tail(const fe_slopes *a, pivoting *c, int find, int most, stopper *stop,
                         int *doubtful);

/* ---- slopes_gram.c -------------------------------------------------------------------------- */

/* A sparse positive semi-definite matrix of which the diagonal is at most one. */
typedef struct gram gram;

gram *fe_gram_new(int p); /* zero; NULL: no memory */
void fe_gram_free(gram *g);
void fe_gram_set_diagonal(gram *g, int at, double value);
fe_status fe_gram_add(gram *g, int row, int column, double value); /* of each pair once */

/* The rank, by elimination of rows of about the least degree until the rest is dense enough or has
 * small pivots only; the rest by pivoting. g is spent. *found = 0: it would have taken more work
 * (operations) or a larger dense rest than allowed. */
fe_status fe_gram_rank(gram *g, double work, int dense, stopper *stop, int64_t *rank, int *found,
                       int *doubtful);

/* ---- slopes_rank.c -------------------------------------------------------------------------- */

/* The rank of D, from bases made with weights of one; *exact = 0: an upper bound, or in doubt. */
fe_status fe_slopes_find_rank(const fe_slopes *a, const fe_exec *exec, int64_t *rank, int *exact);

#endif
