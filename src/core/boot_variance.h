/* Clustered variances (CR0) of bootstrap replicates, from the blocks.
 *
 * Let C = [z | v] be the columns of the blocks. The residuals of equation e are C t_e and its
 * coefficients react to cluster g by
 *     h_g,e = R_e' A_g t_e,   R_e = M_e restricted to its slopes (p x k_e), M_e = (U_e'WU_e)^-,
 * with U_e the dummies and the regressors of the equation, as columns of C. Then V = sum_g h_g h_g'
 * over the coefficients of all equations. */
#ifndef FE_BOOT_VARIANCE_H
#define FE_BOOT_VARIANCE_H

#include "boot.h"

/* Numbers in the packed lower triangle of order k. */
size_t fe_packed(int k);

typedef struct {
  int n_eq;
  const int *k;            /* coefficients of each equation */
  int n_coef;              /* their sum */
  const double *direction; /* p x n_coef: R_e, side by side */
  const double *combine;   /* p x n_eq: t_e */
} fe_influence;

/* h (n_coef) = R_e' A_g t_e of all equations; work: p doubles. */
void fe_cluster_influence(const fe_blocks *b, int g, const fe_influence *f, double *work,
                          double *h);

/* v (packed) += f h h' */
void fe_add_outer(const double *h, int k, double f, double *v);

/* A replicate in which cluster g stands m[g] times, every copy a cluster of its own. */
typedef struct {
  const fe_blocks *b;
  const fe_system *sys;
  const double *m;     /* G */
  const double *a;     /* p x p: sum_g m_g A_g after fe_eliminate of the n_z dummies */
  const double *s;     /* n_v x n_v: its trailing part */
  const double *scale; /* n_v pivot references, as in fe_system_solve */
  const double *coef;  /* n_coef, NaN if the replicate has no solution */
  double *work;        /* fe_system_work + fe_variance_work doubles */
} fe_replicate;

size_t fe_variance_work(const fe_blocks *b, const fe_system *sys);

/* V = sum_g m_g h_g h_g', packed; NaN if the coefficients are. */
void fe_replicate_variance(const fe_replicate *r, double *v);

#endif
