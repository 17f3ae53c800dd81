/* Per-cluster cross-products: the one object from which cluster bootstraps, jackknives and
 * cluster variances are short functions.
 *
 * The rows of cluster g contribute A_g = C_g' W_g C_g, where the columns of C are
 *   [ z: n_z dummy columns of the small factors kept explicit | v: n_v variables ],
 * all of them residuals from the factors that are nested in the clusters. A reweighting of
 * whole clusters by m_g leaves those residuals as they are, so every estimate of the
 * reweighted sample is a function of A(m) = sum_g m_g A_g, independent of n. */
#ifndef FE_BLOCKS_H
#define FE_BLOCKS_H

#include "types.h"

typedef struct {
  int n_clusters;
  int n_z;       /* leading columns: explicit dummies */
  int n_v;       /* then the variables */
  int p;         /* n_z + n_v */
  double *total; /* p x p, lower triangle: sum of all blocks, for pivot tolerances */
  double *block; /* n_clusters packed lower triangles of p(p+1)/2, column by column */
} fe_blocks;

/* col: the p columns (n rows each), already residualised; cluster: codes 1..n_clusters. Rows
 * are added in their order within each cluster, so the result does not depend on threads.
 * A code outside 1..n_clusters is FE_EINVAL. `out` is made by fe_blocks_new and freed by
 * fe_blocks_free (NULL is fine). */
fe_status fe_blocks_new(const double *const *col, int n_z, int n_v, int64_t n, const double *w,
                        const int *cluster, int n_clusters, const fe_exec *exec,
                        fe_blocks **out);
void fe_blocks_free(fe_blocks *b);

/* a (p x p, lower triangle) = sum_g m[g] A_g; m has n_clusters entries. Zero weights cost nothing.
 * The strict upper triangle is left with numbers of no meaning. */
void fe_blocks_sum(const fe_blocks *b, const double *m, double *a);

/* Rows order[first] .. order[last - 1]; order NULL: rows first .. last - 1. */
typedef struct {
  const int64_t *order;
  int64_t first;
  int64_t last;
} fe_rows;

enum { FE_CROSS_ROWS = 4 };

/* Adds C'WC of these rows to a packed lower triangle. Rows of weight zero take no part, whatever
 * they hold. panel: 2 * FE_CROSS_ROWS * p doubles of scratch. */
void fe_cross_add(const double *const *col, int p, const double *w, const fe_rows *rows,
                  double *panel, double *packed);

#endif
