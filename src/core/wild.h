/* Wild cluster bootstrap of one coefficient (Cameron, Gelbach and Miller 2008; Roodman, MacKinnon,
 * Nielsen and Webb 2019), from G-vectors: no row is touched in a replicate.
 *
 * With U the regressors (residuals from the effects nested in clusters), M = (U'WU)^-, a = M c for
 * the coefficient c, cluster weights v_g and residuals u (restricted or not),
 *     beta* - beta0 = sum_g v_g q_g,                 q_g = a'U_g'W u_g
 *     s*_g          = v_g q_g - alpha_g' mu,         alpha_g = U_g'W U_g a,
 *                                                    mu = sum_h v_h M U_h'W u_h
 *     t*            = (beta* - beta0) / sqrt(ssc sum_g s*_g^2).
 * Restricted residuals are linear in the null value: everything here has a part 0 and a part 1, and
 * a replicate gives five numbers that hold for every null value at once. */
#ifndef FE_WILD_H
#define FE_WILD_H

#include "types.h"

typedef enum { FE_RADEMACHER, FE_MAMMEN, FE_WEBB, FE_NORMAL } fe_wild_kind;

typedef struct {
  int n_clusters;
  int p;
  const double *q0, *q1;   /* G */
  const double *m0, *m1;   /* G x p, row-major: M U_h'W u_h */
  const double *alpha;     /* G x p, row-major */
} fe_wild;

/* Weights of replicate r: a function of (seed, r) alone. With enumerate they are the binary digits
 * of r as signs, and seed is not used (n_clusters < 63). */
void fe_wild_draw(fe_wild_kind kind, int enumerate, uint64_t seed, uint64_t r, int n_clusters,
                  double *v);

/* out: 5 numbers a replicate: N0, N1, S00, S01, S11, with beta* - beta0 = N0 + d N1 and
 * sum s*^2 = S00 + 2 d S01 + d^2 S11. */
fe_status fe_wild_replicates(const fe_wild *w, fe_wild_kind kind, int enumerate, uint64_t seed,
                             uint64_t first, int64_t n_rep, const fe_exec *exec, double *out);

#endif
