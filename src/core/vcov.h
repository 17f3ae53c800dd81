/* The sums behind every sandwich: V = B M B with bread B = (X'WX)^-1 and meat M. */
#ifndef FE_VCOV_H
#define FE_VCOV_H

#include "types.h"

/* sum (n_groups x k, column-major) of the scores u_i x_i over the rows of each group; u is the
 * row multiplier (weight times residual). Threads over columns. */
fe_status fe_score_sums(const double *const *col, int k, int64_t n, const double *u,
                        const int *group, int n_groups, const fe_exec *exec, double *sum);

/* meat (k x k) = sum s s' over the pairs (a, b) of levels that hold a row, s the sum of the u_i x_i
 * of its rows: the meat of clusters formed by two variables, without coding the pairs. *n_pairs
 * counts them. Ranges of the levels of a are added in order. */
fe_status fe_pair_meat(const double *const *col, int k, int64_t n, const double *u, const int *a,
                       int n_a, const int *b, int n_b, const fe_exec *exec, double *meat,
                       int64_t *n_pairs);

/* meat (k x k) = sum_i u_i^2 x_i x_i': every row a group of its own. Chunks of rows are added in
 * order. */
fe_status fe_row_meat(const double *const *col, int k, int64_t n, const double *u,
                      const fe_exec *exec, double *meat);

#endif
