/* Integer codings of identifiers and their structure. Codes run from 1; levels are in increasing
 * order of the identifier, so that level 1 is the base level. */
#ifndef FE_CODES_H
#define FE_CODES_H

#include "types.h"

/* Dense codes of at most INT_MAX integers: code[i] in 1..*n_levels, order kept. level, allocated
 * here and freed by the caller, holds the identifier of each code. Range table when the range is
 * small against n, else radix sort. */
fe_status fe_code_ints(const int *x, int64_t n, int *code, int **level, int *n_levels);

/* Codes of the pairs (a, b), ordered by a, then b. first[g-1] is the first row of pair g (from 0);
 * the caller frees first. */
fe_status fe_code_pairs(const int *a, int n_a, const int *b, int n_b, int64_t n, int *code,
                        int64_t **first, int *n_levels);

/* sum (n_levels): the weight of each level; w NULL counts rows. */
void fe_level_weights(const int *code, int n_levels, int64_t n, const double *w, double *sum);

/* Marks the rows that survive when rows that are alone in a level of any factor are removed,
 * again and again until none is left. keep[i] comes in as 1 (in the sample) or 0, and is cleared
 * for singletons. Linear time: each level holds the count and the xor of its rows, so the last
 * row of a level is known without a search. */
fe_status fe_singletons(const fe_codes *codes, unsigned char *keep, int64_t *n_removed);

/* Connected components of the bipartite graph of two factors, rows of zero weight left out
 * (w NULL: none). *n_components counts those that hold a row; component_b (may be NULL) gets for
 * each level of b a number in 1..n_a+n_b that its component shares. FE_EINVAL if n_a + n_b is
 * above INT_MAX. */
fe_status fe_components(const int *a, int n_a, const int *b, int n_b, int64_t n,
                        const double *w, int *component_b, int *n_components);

/* 1 if every level of `inner` lies within one level of `outer`; -1 if memory ran out. */
int fe_nested(const int *inner, int n_inner, const int *outer, int64_t n);

/* Stable counting sort: order[start[g-1] .. start[g]-1] are the rows of level g. start has
 * n_levels + 1 entries. */
void fe_order_by(const int *code, int n_levels, int64_t n, int64_t *start, int64_t *order);

#endif
