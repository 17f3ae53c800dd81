/* Between the files of the wild bootstrap. */
#ifndef FE_WILD_PRIVATE_H
#define FE_WILD_PRIVATE_H

#include "wild.h"

/* Weights that take two values: value[bit]. 0 if they take more. */
int fe_wild_two_values(fe_wild_kind kind, double value[2]);

/* The bits of replicate r, 32 a word, for such weights. */
void fe_wild_bits(const fe_wild_draws *draws, uint64_t r, int n_boot, uint32_t *bits);

/* How the functionals of a batch of replicates are computed. */
typedef struct {
  const fe_wild *w;
  fe_wild_draws draws;
  int two_values;   /* 1: from tables */
  double value[2];
  int n_words, n_chunks;
  double *table;    /* n_tiles x n_chunks x 16 x FE_WILD_TILE; NULL: from products */
} fe_wild_sums;

fe_status fe_wild_sums_new(const fe_wild *w, const fe_wild_draws *draws, fe_wild_sums *s);
void fe_wild_sums_free(fe_wild_sums *s);

/* Replicates r .. r + n - 1. v: n x n_boot, the weights (filled only if need_v or there is no
 * table); bits: n x n_words; f: n_tiles x n x FE_WILD_TILE. */
void fe_wild_sums_batch(const fe_wild_sums *s, uint64_t r, int n, int need_v, double *v,
                        uint32_t *bits, double *f);

#endif
