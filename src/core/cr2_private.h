/* What the two kinds of bias-reduced scores share. */
#ifndef FE_CR2_PRIVATE_H
#define FE_CR2_PRIVATE_H

#include "cr2.h"
#include "linalg.h"

/* Eigenvalues of B_g at or below this are zero: they are a cluster's own effects, or a column that
 * only the cluster has. B_g has eigenvalues of the order of one. */
#define FE_CR2_ZERO 1e-11

/* The eigenvalue v of B_g to the power, pseudo-inverse. */
double fe_cr2_power(double v, double power);

/* The rows of cluster g (from 0) are order[start[g]] .. order[start[g+1] - 1]. */
typedef struct {
  int64_t *start;
  int64_t *order;
  int64_t most; /* rows of the largest cluster */
} fe_cr2_groups;

fe_status fe_cr2_group(const fe_cr2_job *job, fe_cr2_groups *groups);
void fe_cr2_ungroup(fe_cr2_groups *groups);

/* From n values lambda of B_g, u (n_r columns of n: components of the functionals) and the
 * components v of the residuals: score and own; u becomes the components of A_g W_g psi_g. scale
 * (NULL: one): the squared length that a unit of a component stands for. */
void fe_cr2_combine(const fe_cr2_job *job, int64_t g, int n, const double *lambda,
                    const double *scale, double *u, const double *v, const fe_cr2_out *out);

/* FE_ENOCONV and the like of several workers: the worst. */
fe_status fe_cr2_worst(const fe_status *failed, int workers);

#endif
