/* Cross-products by cluster of dummies and regressors without a column for any dummy. */
#ifndef FE_DUMMY_BLOCKS_H
#define FE_DUMMY_BLOCKS_H

#include "blocks.h"

/* The dummies z: term f has one where code[f] - 1 + base[f] >= first[f], at that column. A first
 * level that is left out has the column first[f] - 1. */
typedef struct {
  int n_terms;
  const int *const *code; /* 1.. in each row */
  const int *base;
  const int *first;
  int n_z;
} fe_dummies;

typedef struct {
  fe_dummies z;
  const int *own;         /* NULL: none. Levels within clusters, which z is residual from */
  int n_own;
  const double *const *x; /* k columns, and e, residual from all effects */
  const double *root;     /* k x k: the variables are v = x root */
  const double *e;
  int k;
  int64_t n;
  const double *w;        /* NULL: one */
  const int *cluster;     /* 1..n_clusters */
  int n_clusters;
} fe_dummy_job;

/* Blocks of [z~ | v], z~ what the levels `own` leave of the dummies, and score_g = C_g'W_g e_g
 * (p x G). What the levels explain is taken away level by level,
 *   z~'Wz~ = z'Wz - sum_l s_l s_l' / W_l, s_l = sum_{i in l} w_i z_i, W_l = sum_{i in l} w_i,
 * and a dummy of which nothing is left is zero. Rows are added in their order within levels. */
fe_status fe_dummy_blocks(const fe_dummy_job *job, const fe_exec *exec, double *score,
                          fe_blocks **out);

#endif
