/* Dense integer codes 1..G of identifiers of any kind, in increasing order of the identifier. */
#ifndef FE_CODER_H
#define FE_CODER_H

#include "parallel.h"

typedef enum {
  FE_IDS_INT,     /* x: int */
  FE_IDS_INT64,   /* x: int64_t */
  FE_IDS_WHOLE,   /* x: double, whole numbers up to 2^53 */
  FE_IDS_DOUBLE,  /* x: double, without NaN; -0 equals 0 */
  FE_IDS_POINTER, /* x: addresses that are multiples of 8 */
  FE_IDS_PAIR     /* a in 1..n_a and b in 1..n_b, ordered by a, then b */
} fe_id_kind;

typedef struct {
  fe_id_kind kind;
  int64_t n; /* at most INT_MAX */
  const void *x;
  const int *a;
  const int *b;
  int n_a;
  int n_b;
} fe_ids;

/* An identifier becomes an unsigned key of the same order. */
int64_t fe_key_int64(uint64_t key);    /* of INT, INT64, WHOLE */
double fe_key_double(uint64_t key);    /* of DOUBLE */
const void *fe_key_pointer(uint64_t key);

/* size: the largest absolute value, NaN left out; whole: all values are whole numbers up to
 * 2^53; n_nan: how many are NaN. */
typedef struct {
  double size;
  int whole;
  int64_t n_nan;
} fe_doubles_kind;

fe_status fe_look_at_doubles(const double *x, int64_t n, const fe_exec *exec,
                             fe_doubles_kind *kind);

typedef struct fe_coder fe_coder;

/* Coding takes three steps. The first looks at the range of the keys and chooses the method: a
 * table of counts where the range is within n, a bitmap with running counts where it is within
 * 64 n, and else a hash table a thread, whose distinct keys are sorted. The result does not
 * depend on the method or on threads. ids is copied, what it points to must stay. */
fe_status fe_coder_new(const fe_ids *ids, const fe_exec *exec, fe_coder **coder);
void fe_coder_free(fe_coder *c);

/* Whether the keys are those of 1..G already, each of them used; then no other step is needed. */
int fe_coder_identity(const fe_coder *c);

/* The second step finds the levels; code (n) serves as scratch. */
fe_status fe_coder_find(fe_coder *c, int *code);

int fe_coder_levels(const fe_coder *c);
const uint64_t *fe_coder_keys(const fe_coder *c); /* of each level, increasing */
const int *fe_coder_rows(const fe_coder *c);      /* of each level */

/* The third step writes the codes, rank[level - 1] instead of level unless rank is NULL. */
fe_status fe_coder_write(fe_coder *c, const int *rank, int *code);

/* The order of n strings by their bytes: s[order[0]] is the least. FE_OK or FE_ENOMEM. */
fe_status fe_order_strings(const char *const *s, int n, int *order);

#endif
