/* Replicates of least-squares and two-stage least-squares estimates over reweighted clusters.
 *
 * A system is a set of equations over the same variables: equation e regresses variable lhs[e]
 * on the variables rhs[e][0..k[e]-1] (indices into the v part of the blocks), always together
 * with all z columns. With n_first[e] > 0 the regressors are replaced by their projections on the
 * variables first[e][0..n_first[e]-1], exogenous regressors and then instruments, as the replicate
 * has them; those that depend on the ones before add nothing. The coefficients of all equations,
 * one after the other, make a row of n_coef numbers. A replicate in which a regressor (or its
 * projection) of an equation is a linear combination of the others has no such row: its entries
 * are NaN. */
#ifndef FE_BOOT_H
#define FE_BOOT_H

#include "absorb.h"
#include "blocks.h"
#include "rng.h"
#include "wild.h"

typedef struct {
  int n_eq;
  const int *lhs;
  const int *const *rhs;
  const int *k;
  int n_coef;              /* sum of k */
  const int *const *first; /* NULL: no equation has instruments */
  const int *n_first;
} fe_system;

typedef enum {
  FE_WEIGHTS_MULTINOMIAL, /* replicate r: fe_multinomial(seed, r, G, G) */
  FE_WEIGHTS_DIRICHLET,   /* replicate r: fe_dirichlet(seed, r, G) */
  FE_WEIGHTS_LEAVE_OUT,   /* replicate r in 0..G-1: all one, cluster r zero */
  FE_WEIGHTS_GIVEN,       /* replicate r: column r of the G x n_rep matrix `given` */
  FE_WEIGHTS_WILD = 16    /* FE_WEIGHTS_WILD + fe_wild_kind: fe_wild_draw() under seed, r */
} fe_weights_kind;

/* Weights of observations (multinomial, Dirichlet, leave-out, given and not negative), or
 * multipliers of residuals (wild, given). */
typedef struct {
  fe_weights_kind kind;
  uint64_t seed;
  int64_t first;       /* number of the first replicate (given: of no meaning) */
  const double *given; /* G x n_rep, finite */
} fe_weights;

/* Fills m (G) with the cluster weights of replicate number r (0-based, counted from
 * weights->first). Returns the mean of |m|, the size of the replicate against the full sample. */
double fe_weights_draw(const fe_weights *weights, int n_clusters, int64_t r, double *m);

/* Coefficients of all equations from the cross-products of the n_v variables (s: n_v x n_v,
 * lower triangle, z already eliminated). scale: n_v reference sums of squares for the pivot
 * tolerance (those of the full sample, times the size of the replicate). work: fe_system_work
 * doubles. out: n_coef. */
void fe_system_solve(const fe_system *sys, const double *s, int n_v, const double *scale,
                     double *work, double *out);

size_t fe_system_work(const fe_system *sys, int n_v);

/* One equation of it: work becomes the Cholesky factor of its k[e] x k[e] normal equations and b
 * their right-hand side. Returns 0, with both of no use, if the regressors are dependent. */
int fe_equation_factor(const fe_system *sys, int e, const double *s, int n_v, const double *scale,
                       double *work, double *b);

/* Coefficients of the first stage of regressor i of equation e, n_first[e] of them, in the work of
 * fe_equation_factor. Writes them there. */
const double *fe_first_stage(const fe_system *sys, int e, int n_v, int i, double *work);

/* Pivots at or below FE_PIVOT_TOL of the reference mark a replicate as singular; the reference of
 * a column is what the dummies leave of its sum of squares, at least FE_PIVOT_FLOOR of all. */
#define FE_PIVOT_TOL 1e-10
#define FE_PIVOT_FLOOR 1e-3

/* FE_EINVAL if an index of the system is no variable, or a replicate has no weights. */
fe_status fe_boot_check(const fe_system *sys, int n_v, const fe_weights *weights, int n_clusters,
                        int64_t n_rep);

/* out: n_rep x n_coef, row-major (replicate r at out + r * n_coef). var: NULL, or room for
 * n_rep x n_coef(n_coef+1)/2: packed lower triangles of the clustered variance of each replicate
 * (see boot_variance.h), NaN where the coefficients are. */
fe_status fe_boot_blocks(const fe_blocks *b, const fe_system *sys, const fe_weights *weights,
                         int64_t n_rep, const fe_exec *exec, double *out, double *var);

/* The same from the rows, for factors that are large and not nested in the clusters: every
 * replicate absorbs anew under weights w * m[cluster]. col: n_v columns, not residualised
 * (include a constant only if codes->q == 0; it is then an ordinary variable). */
fe_status fe_boot_rows(const double *const *col, int n_v, const fe_codes *codes,
                       const fe_control *control, const double *w, const int *cluster,
                       int n_clusters, const fe_system *sys, const fe_weights *weights,
                       int64_t n_rep, const fe_exec *exec, double *out);

#endif
