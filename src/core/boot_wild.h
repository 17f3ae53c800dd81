/* Wild and residual bootstraps: new outcomes from the residuals, the regressors as they are. The
 * coefficients are linear in the residuals, so a replicate needs their influences and no fit. */
#ifndef FE_BOOT_WILD_H
#define FE_BOOT_WILD_H

#include "boot_variance.h"

/* Wild: the residuals of cluster g are multiplied by v_g,
 *     beta* - beta = sum_g v_g q_g,   q_g = M Z_g'W u_g over the coefficients of all equations.
 * For the variance of a replicate, with the unrestricted u and m_g,e = M_e U_g'W u_g,e (over the
 * dummies too, as columns of the blocks),
 *     h*_g = v_g q_g - R_e' A_g c_e,   c_e = sum_h v_h m_h,e,   V* = sum_g h*_g h*_g'. */
typedef struct {
  int n_clusters;
  const double *table;     /* n_coef x G: q_g */
  const fe_blocks *blocks; /* NULL: no variances, and the members from here on have no meaning */
  int n_eq;
  const int *k;            /* coefficients of each equation */
  int n_coef;
  const double *direction; /* p x n_coef: R_e, see boot_variance.h */
  const double *fitted;    /* (p * n_eq) x G: m_g,e, zero at variables outside of equation e */
} fe_wild_boot;

/* out: n_rep x n_coef, row-major: beta* - beta; var: NULL, or room for the packed V* of each. */
fe_status fe_boot_wild(const fe_wild_boot *b, const fe_weights *weights, int64_t n_rep,
                       const fe_exec *exec, double *out, double *var);

/* Residual: cluster g, of the same length as all others, gets the residuals of cluster d_g, drawn
 * with replacement: fe_draw_indices(seed, r, n_clusters, n_clusters). Rows are sorted by cluster.
 *     beta* - beta = sum_i p_i,e r_d(i),e                                                      */
typedef struct {
  int n_clusters;
  int64_t length;          /* rows of each cluster */
  int n_eq;
  const int *k;
  int n_coef;
  const double *influence; /* n_coef x n: p_i */
  const double *residual;  /* n_eq x n: r_i */
} fe_residual_boot;

/* out as above; first: number of the first replicate. */
fe_status fe_boot_residual(const fe_residual_boot *b, uint64_t seed, int64_t first, int64_t n_rep,
                           const fe_exec *exec, double *out);

#endif
