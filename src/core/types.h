/* Letters used throughout the core:
 *   n  rows                     i  a row
 *   k  columns of a design      j  a column
 *   q  fixed-effect factors     f  a factor
 *   g  a level (1..G) of a factor or cluster, coded as in R from 1
 *   w  row weights, NULL = all one
 *   p  order of a small dense matrix (column-major, full storage unless said)
 * Matrices of data are passed as arrays of column pointers, so that no copy is needed to
 * pick columns. */
#ifndef FE_TYPES_H
#define FE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

/* q integer codings of the same n rows; code[f][i] is in 1..n_levels[f], every level used. */
typedef struct {
  int64_t n;
  int q;
  const int *const *code;
  const int *n_levels;
} fe_codes;

/* How to run: number of threads, and a poll (may be NULL) that the starting thread calls
 * several times a second; a non-zero answer stops the work (FE_EINTR). */
typedef struct {
  int threads;
  int (*poll)(void *);
  void *poll_data;
} fe_exec;

#endif
