/* Least squares by orthogonal triangularisation: never through X'X, whose condition number is
 * the square of X's (NIST's Longley and Filippelli sets are lost that way). */
#ifndef FE_SOLVE_H
#define FE_SOLVE_H

#include "types.h"

/* r (p x p, upper triangle, column-major; lower part zeroed) is the triangular factor of
 * diag(sqrt(w)) [col_1 - shift_1 .. col_p - shift_p] (shift NULL: none). Chunks of rows are reduced
 * in parallel and their factors merged in order: the same bits on any number of threads. Cost
 * 2 n p^2. */
fe_status fe_qr(const double *const *col, int p, int64_t n, const double *w, const double *shift,
                const fe_exec *exec, double *r);

/* From the columns [X | Y] of a triangular factor r with `rows` rows, X with k columns and Y with
 * m, k + m <= rows (so that one factor of all columns serves every model on some of them):
 *   rank       number of independent columns of X; a column counts as dependent, and is left
 *              out, when what the earlier ones leave of it is at most tol times its norm or at
 *              most floor_norm[j] (a norm below which the column is nothing but rounding error)
 *   kept       k flags
 *   coef       k x m, zero for columns left out
 *   root       k x k with root root' = (X'WX)^-1 over the kept columns, zero elsewhere: a product
 *              with root loses half the digits that one with the inverse loses
 *   rss        m residual sums of squares
 * Neither test depends on the units of a column. */
fe_status fe_lsq(const double *const *r, int rows, int k, int m, double tol,
                 const double *floor_norm, int *rank, int *kept, double *coef, double *root,
                 double *rss);

/* e = y - X b, k columns */
fe_status fe_residuals(const double *y, const double *const *x, int k, int64_t n, const double *b,
                       const fe_exec *exec, double *e);

#endif
