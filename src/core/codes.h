/* Integer codes of identifiers (which coder.h makes) and their structure. Codes run from 1; levels
 * are in increasing order of the identifier, so that level 1 is the base level. */
#ifndef FE_CODES_H
#define FE_CODES_H

#include "parallel.h"

/* Whether all codes are in 1..n_levels. */
int fe_codes_fit(const int *code, int64_t n, int n_levels);

/* Codes of the rows that stay (keep[i] not 0), in three steps: the rows of each level among them,
 * and their sum; the new number of each level that has rows, 0 for the others, and how many they
 * are; the new codes, for which out has room for `kept` and no more. */
int64_t fe_count_kept(const int *code, int n_levels, const int *keep, int64_t n, int *rows);
int fe_number_levels(const int *rows, int n_levels, int *number);
void fe_recode(const int *code, const int *keep, int64_t n, const int *number, int64_t kept,
               int *out);

/* sum (n_levels): the weight of each level; w NULL counts rows. */
void fe_level_weights(const int *code, int n_levels, int64_t n, const double *w, double *sum);

/* 1 if the positive weights differ by more than four orders of magnitude: a small residual of the
 * normal equations then says little of the error. */
int fe_weights_wide(const double *w, int64_t n);

/* Marks the rows that survive when rows that are alone in a level of any factor are removed,
 * again and again until none is left. keep[i] comes in as 1 (in the sample) or 0, and is cleared
 * for singletons. Linear time: each level holds the count and the xor of its rows, so the last
 * row of a level is known without a search. FE_EINVAL if n is above 2^32 - 1. */
fe_status fe_singletons(const fe_codes *codes, const fe_exec *exec, unsigned char *keep,
                        int64_t *n_removed);

/* Connected components of the bipartite graph of two factors, rows of zero weight left out
 * (w NULL: none). *n_components counts those that hold a row; component_b (may be NULL) gets for
 * each level of b the lowest level of b in its component, a number in 1..n_b. A level without a
 * row is a component of its own that is not counted. The pass ends early once one component holds
 * all levels of b. */
fe_status fe_components(const int *a, int n_a, const int *b, int n_b, int64_t n,
                        const double *w, int *component_b, int *n_components);

/* 1 if every level of `inner` lies within one level of `outer`; -1 if memory ran out. */
int fe_nested(const int *inner, int n_inner, const int *outer, int64_t n);

/* Stable counting sort: order[start[g-1] .. start[g]-1] are the rows of level g. start has
 * n_levels + 1 entries. */
void fe_order_by(const int *code, int n_levels, int64_t n, int64_t *start, int64_t *order);

#endif
