/* What the targets share: bytes read as a small structured problem, and an oracle for it.
 *
 * A target is a file target_<name>.c with the one function LLVMFuzzerTestOneInput(), which reads
 * its input through this decoder, calls the core and demands what must hold of the result. It is
 * linked with libFuzzer or, where there is none, with driver.c. */
#ifndef FUZZ_H
#define FUZZ_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "types.h"

/* Says which demand was not met and aborts: that is how a fuzzer learns of it. */
void fuzz_demand(int ok, const char *text, const char *file, int line);
#define demand(condition) fuzz_demand((condition) ? 1 : 0, #condition, __FILE__, __LINE__)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Past the end of the input, bytes come from a generator that the first two bytes seed: short
 * inputs are whole problems. */
typedef struct {
  const uint8_t *data;
  size_t size, at;
  uint64_t state;
} bytes;

bytes bytes_of(const uint8_t *data, size_t size);
uint8_t take(bytes *b);
uint32_t take_below(bytes *b, uint32_t n); /* in 0..n-1 */
uint64_t take_word(bytes *b);
double take_plain(bytes *b);  /* a multiple of 1/256 of at most 128, often a small whole number */
double take_finite(bytes *b); /* also zero of either sign, denormal, and up to 1e300 */
double take_any(bytes *b);    /* also NaN and infinite */

/* Positive weights lie within a factor of 16; of 2^62; anywhere. */
typedef enum { TAME, WIDE, EXTREME } weight_range;

enum { MAX_N = 40, MAX_Q = 4, MAX_K = 3, MAX_LEVELS = MAX_N * MAX_Q };

typedef struct {
  fe_codes codes;
  const int *view[MAX_Q];
  int code[MAX_Q][MAX_N], n_levels[MAX_Q];
  int levels;  /* of all factors */
  const double *w; /* NULL or weight */
  double weight[MAX_N];
  weight_range range;
  int k;       /* columns */
  int plain[MAX_K]; /* 1: entries lie within a factor of 1e5 */
  const double *col[MAX_K];
  double x[MAX_K][MAX_N];
} problem;

/* Codes of n rows with at most `most` levels, each of them used; returns their number. */
int take_codes(bytes *b, int n, int most, int *code);

/* Weights as R lets them through: not negative, the largest within 1e-100 and 1e100, single ones
 * as small as can be. Returns 0 for none (all one). */
int take_weights(bytes *b, int n, double *weight, weight_range *range);

void take_problem(bytes *b, problem *p);
double weight_of(const problem *p, int i);

/* An orthonormal basis in long double of columns of n <= MAX_N. */
typedef struct {
  int n, rank;
  long double vector[MAX_N][MAX_N];
} basis;

long double long_norm(const long double *v, int n);
void basis_remove(const basis *b, long double *v); /* v <- what the basis leaves of it */
void basis_add(basis *b, long double *v, long double tol); /* v is spent */

/* Of the dummies: of the rows with positive weight, each 1 (weighted 0) or sqrt(w). */
void basis_of_dummies(const problem *p, int weighted, basis *b);

/* Of the residual: || S^-1/2 D'W r || of all factors, and || W^1/2 x ||. */
long double normal_equations(const fe_codes *codes, const double *w, const double *r);
long double weighted_norm(const double *x, int64_t n, const double *w);

/* |x - y| <= tol (size + |y|), false for NaN */
int close_to(double x, double y, double tol, double size);

extern const fe_exec alone;

#endif
