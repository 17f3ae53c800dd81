/* Least squares without one cluster at a time: what is left of the cross-products when a block is
 * taken away. */
#ifndef FE_LEAVE_OUT_H
#define FE_LEAVE_OUT_H

#include "blocks.h"

/* out_g = (A - A_g)^- rhs_g with A the sum of the blocks, for g = 0..G-1; rhs and out are p x G,
 * column-major. Columns are taken in their order; one that without the cluster depends on those
 * before it has a zero in out: dummies that only the cluster has vanish with it. rank (G, may be
 * NULL): how many do not depend. A pivot counts as zero at 1e-10 of that of the full sample. */
fe_status fe_leave_out_solve(const fe_blocks *b, const double *rhs, const fe_exec *exec,
                             double *out, int *rank);

/* out_g = R'(A - A_g)^- rhs_g for the n_r columns of R (p x n_r); out is n_r x G. NaN where the
 * combination cannot be estimated without the cluster: where R's column is not orthogonal to a
 * null vector of A - A_g. */
fe_status fe_leave_out_contrasts(const fe_blocks *b, const double *rhs, const double *r, int n_r,
                                 const fe_exec *exec, double *out);

#endif
