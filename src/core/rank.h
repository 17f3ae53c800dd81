/* Rank of the dummies of three and more factors. With c components of the graph of the first two,
 *     rank D = n_1 + n_2 - c + rank E,
 * where E has a column for each level of the other factors and a row for each cycle of that graph:
 * the sum, with alternating signs, of the other dummies over the rows of D along the cycle. (gamma
 * belongs to a vector of the null space of D exactly when E gamma = 0.) The fundamental cycles of a
 * spanning forest, one for each row that is not in it, are enough. */
#ifndef FE_RANK_H
#define FE_RANK_H

#include "types.h"

/* Rows in the order of the first factor (the lead): those of level g are start[g] ..
 * start[g + 1] - 1, and row t has levels at positions cell[t * m] .. cell[t * m + m - 1], each in
 * 0..p-1, one of each of m other factors. The second factor is number `second` of these (from 0),
 * at positions first .. first + levels - 1. */
typedef struct {
  int n_lead, m, p;
  const int64_t *start;
  const int *cell;
  const double *w; /* rows of weight zero take part in nothing; NULL: none */
  int second, first, levels;
} fe_cells;

/* *rank <- rank of E; `edges` is n_2 - c, those of a spanning forest of the levels of the second
 * factor, and `most` an upper bound of the rank (rows of weight zero, and levels that have no
 * others, not counted).
 * *exact = 1: either the bound was reached, which is a proof; or all rows were looked at, and the
 * result is the rank modulo the prime 2^61 - 1, up to an error probability of n p / 2^61. That is
 * never above the rank, and below it only if the prime divides all minors of the rank's order.
 * *exact = 0: the search would have cost too much, and *rank is a lower bound. */
fe_status fe_cycle_rank(const fe_cells *cells, int edges, int64_t most, const fe_exec *exec,
                        int64_t *rank, int *exact);

#endif
