/* Wild cluster bootstrap (Cameron, Gelbach and Miller 2008; Roodman, MacKinnon, Nielsen and Webb
 * 2019; MacKinnon, Nielsen and Webb 2023) from vectors a cluster: no row is touched in a replicate.
 *
 * With one random weight v_h for each of H bootstrap clusters, everything that a replicate needs is
 * linear in v: numerators N_i(v), and for every cluster g of the variance
 *     k_ig(v) = sum_h c_igh v_h - alpha_ig' mu_i(v),       mu_i(v) = sum_h v_h s_ih,
 * the projected score of the cluster. The variance is made of the sums
 *     V_il(v) = sum_g w_g k_ig k_lg.
 * The parts i are powers of the null value (residuals that satisfy the null hypothesis are linear
 * in it: N_0 + d N_1 and V_00 + 2 d V_01 + d^2 V_11 hold for every null value at once), or the
 * hypotheses of a joint test. Either the k_ig are functionals themselves, or the sums are
 * multiplied out, so that a replicate costs O(H p) in place of O(G H):
 *     V_il = sum_g w_g (C_i v)_g (C_l v)_g - mu_i' kappa_l / 2 - mu_l' kappa_i / 2. */
#ifndef FE_WILD_H
#define FE_WILD_H

#include "types.h"

typedef enum { FE_RADEMACHER, FE_MAMMEN, FE_WEBB, FE_NORMAL, FE_GAMMA } fe_wild_kind;

/* Weights of replicate r are a function of (seed, first + r, cluster) alone. With enumerate
 * (Rademacher's, at most 62 clusters) they are the binary digits of first + r as signs, and seed is
 * not used. */
typedef struct {
  fe_wild_kind kind;
  int enumerate;
  uint64_t seed;
  uint64_t first;
} fe_wild_draws;

void fe_wild_draw(const fe_wild_draws *draws, uint64_t r, int n_boot, double *v);

/* Functionals are kept in tiles of this many, the last one of each group filled up with zeros. */
enum { FE_WILD_TILE = 8 };

/* Adds scale * (functionals of `tiles` tiles from left)'(those from right) to a pair. */
typedef struct {
  int left, right, tiles, pair;
  double scale;
} fe_wild_term;

/* The sparse C_i: row g holds entries start[g] .. start[g+1] - 1, at bootstrap cluster boot[e]
 * (from 0) with value[e * n_parts + i]. */
typedef struct {
  int n;               /* rows, 0: none */
  const int *start;    /* n + 1 */
  const int *boot;
  const double *value;
  const double *weight; /* n: w_g */
  int counted;          /* 1: their squares are to be added to the terms; 0: diag holds them */
  /* For the k_ig themselves, wherever the terms cancel; alpha NULL: not available. */
  const double *alpha;   /* n x n_alpha x (mu_tiles tiles) */
  int n_alpha, mu_tiles;
  const int *alpha_of;   /* n_parts: which alpha */
  const int *mu_at;      /* n_parts: first tile of mu_i */
} fe_wild_rows;

typedef struct {
  int n_boot;         /* H */
  int n_parts;        /* the first n_parts functionals are the N_i */
  int n_tiles;
  const double *func; /* n_boot x (n_tiles tiles), row-major */
  int n_terms;
  const fe_wild_term *term;
  const double *diag; /* n_boot x pairs, row-major, times v_h^2; may be NULL */
  const double *scale; /* n_parts: sum of |w_g| c_igh^2, the size of V_ii's terms */
  fe_wild_rows rows;
} fe_wild;

/* Pairs i <= l in the order 00, 01, 11, 02, 12, 22, ... */
int fe_wild_pairs(int n_parts);

/* out: n_rep x (n_parts + pairs), column-major: the N_i, then the V_il. A variance V_ii that is
 * nothing but rounding error is set to zero. */
fe_status fe_wild_replicates(const fe_wild *w, const fe_wild_draws *draws, int64_t n_rep,
                             const fe_exec *exec, double *out);

/* N'V^-1 N of replicates with q parts; NaN where V is not positive definite. */
fe_status fe_wild_wald(const double *rep, int64_t n_rep, int q, const fe_exec *exec, double *out);

/* Replicates of one hypothesis with one part (n1, v01, v11 NULL) or two. */
typedef struct {
  int64_t n;
  const double *n0, *n1, *v00, *v01, *v11;
} fe_wild_poly;

enum { FE_WILD_COUNTS = 4 };

/* For each of n_grid values d: how many replicates have |t*| > |t|, t* > t, t* < t, and a positive
 * variance (the others are in no count), t* = (n0 + d n1) / sqrt(v00 + 2 d v01 + d^2 v11),
 * t = estimate[j] / sqrt(v). Ties up to rounding do not count as larger. Without `sides` the second
 * and third are not counted. count: FE_WILD_COUNTS x n_grid. */
fe_status fe_wild_count(const fe_wild_poly *poly, double v, const double *estimate, const double *d,
                        int n_grid, int sides, const fe_exec *exec, int64_t *count);

#endif
