/* Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011). A draw is
 * a pure function of (seed, replicate, index): no state, hence the same on any number of
 * threads, in any order, on any machine. */
#ifndef FE_RNG_H
#define FE_RNG_H

#include <stdint.h>

/* The published bijection: 10 rounds on counter c under key, in place. */
void fe_philox4x32(uint32_t c[4], const uint32_t key[2]);

/* The kind of draws is the last word of the counter. FE_STREAM_WILD is that of core/wild. */
enum { FE_STREAM_MULTINOMIAL, FE_STREAM_WILD, FE_STREAM_DIRICHLET, FE_STREAM_INDEX };

/* Counts of n_draws draws with replacement from {0..n_groups-1}: the multinomial weights of
 * bootstrap replicate `replicate`. count has n_groups entries and is overwritten. Uniform
 * integers are made by Lemire's multiply-shift with rejection, so they are exactly uniform. */
void fe_multinomial(uint64_t seed, uint64_t replicate, int n_groups, int n_draws, double *count);

/* n_draws draws with replacement from {0..n_groups-1}, in their order. */
void fe_draw_indices(uint64_t seed, uint64_t replicate, int n_groups, int n_draws, int *index);

/* n times a draw of the Dirichlet(1, ..., 1) distribution: standard exponentials over their mean.
 * All w are positive; they add up to n. */
void fe_dirichlet(uint64_t seed, uint64_t replicate, int n, double *w);

#endif
