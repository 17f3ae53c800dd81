#include "coder.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "minunit.h"
#include "xorshift.h"

/* A second copy of coder.c in which the allocation number fail_at fails. */
static int allocations, fail_at;
static void *scarce_malloc(size_t size) {
  return allocations++ == fail_at ? NULL : malloc(size);
}
static void *scarce_calloc(size_t n, size_t size) {
  return allocations++ == fail_at ? NULL : calloc(n, size);
}
typedef struct scarce_coder scarce_coder;
int64_t scarce_key_int64(uint64_t key);
double scarce_key_double(uint64_t key);
const void *scarce_key_pointer(uint64_t key);
fe_status scarce_look(const double *x, int64_t n, const fe_exec *exec, fe_doubles_kind *kind);
fe_status scarce_new(const fe_ids *ids, const fe_exec *exec, scarce_coder **coder);
void scarce_free(scarce_coder *c);
int scarce_identity(const scarce_coder *c);
fe_status scarce_find(scarce_coder *c, int *code);
int scarce_levels(const scarce_coder *c);
const uint64_t *scarce_keys(const scarce_coder *c);
const int *scarce_rows(const scarce_coder *c);
fe_status scarce_write(scarce_coder *c, const int *rank, int *code);
fe_status scarce_strings(const char *const *s, int n, int *order);
#define malloc scarce_malloc
#define calloc scarce_calloc
#define fe_malloc_large scarce_malloc
#define fe_calloc_large scarce_calloc
#define fe_coder scarce_coder
#define fe_key_int64 scarce_key_int64
#define fe_key_double scarce_key_double
#define fe_key_pointer scarce_key_pointer
#define fe_look_at_doubles scarce_look
#define fe_coder_new scarce_new
#define fe_coder_free scarce_free
#define fe_coder_identity scarce_identity
#define fe_coder_find scarce_find
#define fe_coder_levels scarce_levels
#define fe_coder_keys scarce_keys
#define fe_coder_rows scarce_rows
#define fe_coder_write scarce_write
#define fe_order_strings scarce_strings
#include "../../src/core/coder.c"
#undef malloc
#undef calloc
#undef fe_malloc_large
#undef fe_calloc_large
#undef fe_coder
#undef fe_key_int64
#undef fe_key_double
#undef fe_key_pointer
#undef fe_look_at_doubles
#undef fe_coder_new
#undef fe_coder_free
#undef fe_coder_identity
#undef fe_coder_find
#undef fe_coder_levels
#undef fe_coder_keys
#undef fe_coder_rows
#undef fe_coder_write
#undef fe_order_strings

enum { N = 200000 };
static int x[N], y[N], code[N];
static int64_t wide[N], value[N];
static double d[N];

static int by_value(const void *a, const void *b) {
  int64_t u = *(const int64_t *)a, v = *(const int64_t *)b;
  return (u > v) - (u < v);
}

/* Sorted distinct numbers among wide[0..n-1]; returns how many. */
static int distinct(int n) {
  int count = 0;
  memcpy(value, wide, (size_t)n * sizeof *value);
  qsort(value, (size_t)n, sizeof *value, by_value);
  for (int i = 0; i < n; i++) {
    if (i == 0 || value[i] != value[i - 1]) value[count++] = value[i];
  }
  return count;
}

/* Whether codes, levels and counts are those of wide, whose order ids must have. */
static int codes_agree(const fe_ids *ids, int threads) {
  fe_exec exec = {threads, NULL, NULL};
  fe_coder *c = NULL;
  int n = (int)ids->n, count = distinct(n), ok;
  int *rows = calloc((size_t)count + 1, sizeof *rows);
  ok = fe_coder_new(ids, &exec, &c) == FE_OK && fe_coder_find(c, code) == FE_OK &&
       fe_coder_write(c, NULL, code) == FE_OK && fe_coder_levels(c) == count;
  for (int i = 0; ok && i < n; i++) {
    ok = code[i] >= 1 && code[i] <= count && value[code[i] - 1] == wide[i];
    if (ok) rows[code[i] - 1]++;
  }
  ok = ok && memcmp(rows, fe_coder_rows(c), (size_t)count * sizeof *rows) == 0;
  for (int g = 1; ok && g < count; g++) ok = fe_coder_keys(c)[g - 1] < fe_coder_keys(c)[g];
  fe_coder_free(c);
  free(rows);
  return ok;
}

static int agree_at_all_sizes(fe_ids ids) {
  const int sizes[] = {0, 1, 2, 3000, 65537, N};
  int ok = 1;
  for (int s = 0; s < 6; s++) {
    ids.n = sizes[s];
    for (int threads = 1; threads <= 4; threads++) ok = ok && codes_agree(&ids, threads);
  }
  return ok;
}

static void integers_of_any_range_are_coded_in_order(void) {
  const uint32_t ranges[] = {1, 2, 1000, 190000, 300000, 10000000, 1u << 31, UINT_MAX};
  fe_ids ids = {.kind = FE_IDS_INT, .x = x};
  for (int r = 0; r < 8; r++) {
    for (int i = 0; i < N; i++) {
      wide[i] = x[i] = (int)((int64_t)(draw() % ranges[r]) - ranges[r] / 2);
    }
    check(agree_at_all_sizes(ids));
  }
}

static void few_distinct_integers_far_apart_are_coded_in_order(void) {
  const int ends[] = {INT_MAX, INT_MIN, 0, -1, 1, INT_MAX - 1, INT_MIN + 1};
  fe_ids ids = {.kind = FE_IDS_INT, .x = x};
  for (int i = 0; i < N; i++) wide[i] = x[i] = ends[draw() % 7];
  check(agree_at_all_sizes(ids));
}

static void identifiers_that_come_sorted_are_coded_in_order(void) {
  fe_ids ids = {.kind = FE_IDS_INT64, .x = wide};
  for (int i = 0; i < N; i++) wide[i] = i / 3 * INT64_C(1000000007);
  check(agree_at_all_sizes(ids));
}

static void integers_of_64_bits_are_told_apart(void) {
  fe_ids ids = {.kind = FE_IDS_INT64, .x = wide};
  for (int i = 0; i < N; i++) wide[i] = (INT64_C(1) << 62) + draw() % 1000 - 500;
  check(agree_at_all_sizes(ids));
  for (int i = 0; i < N; i++) {
    wide[i] = i % 5 ? (int64_t)((uint64_t)draw() << 32 | draw()) : i % 2 ? INT64_MIN : INT64_MAX;
  }
  check(agree_at_all_sizes(ids));
}

static void doubles_are_coded_in_order(void) {
  fe_ids ids = {.kind = FE_IDS_WHOLE, .x = d};
  for (int i = 0; i < N; i++) {
    wide[i] = (int64_t)(draw() % 3000) * 3002399751580330 - 4503599627370496;
    d[i] = (double)wide[i];
  }
  check(agree_at_all_sizes(ids));
  ids.kind = FE_IDS_DOUBLE;
  check(agree_at_all_sizes(ids));
  for (int i = 0; i < N; i++) d[i] = (double)wide[i] * 0x1p-60;
  check(agree_at_all_sizes(ids));
  for (int i = 0; i < N; i++) {
    wide[i] = (int64_t)(draw() % 7) - 3;
    d[i] = wide[i] || i % 2 ? (double)wide[i] * 0.1 : -0.0;
  }
  check(agree_at_all_sizes(ids));
}

static void keys_give_their_identifiers_back(void) {
  const double v[] = {-INFINITY, -1.5, -1e-310, 0, 1e-310, 1.5, INFINITY};
  const fe_exec exec = {1, NULL, NULL};
  fe_ids ids = {.kind = FE_IDS_DOUBLE, .n = 7, .x = v};
  fe_coder *c = NULL;
  check(fe_coder_new(&ids, &exec, &c) == FE_OK && fe_coder_find(c, code) == FE_OK);
  for (int g = 0; g < 7; g++) check(fe_key_double(fe_coder_keys(c)[g]) == v[g]);
  fe_coder_free(c);
  wide[0] = -7;
  ids = (fe_ids){.kind = FE_IDS_INT64, .n = 1, .x = wide};
  check(fe_coder_new(&ids, &exec, &c) == FE_OK && fe_coder_find(c, code) == FE_OK);
  check(fe_key_int64(fe_coder_keys(c)[0]) == -7);
  fe_coder_free(c);
}

static void addresses_are_told_apart(void) {
  static double place[1000];
  static const void *at[N];
  for (int i = 0; i < N; i++) at[i] = &place[wide[i] = draw() % 1000];
  fe_ids ids = {.kind = FE_IDS_POINTER, .x = at};
  check(agree_at_all_sizes(ids));
  const fe_exec exec = {2, NULL, NULL};
  fe_coder *c = NULL;
  ids.n = N;
  check(fe_coder_new(&ids, &exec, &c) == FE_OK && fe_coder_find(c, code) == FE_OK);
  check(fe_key_pointer(fe_coder_keys(c)[0]) == place);
  fe_coder_free(c);
}

static void pairs_are_ordered_by_the_first_then_the_second(void) {
  const int levels[][2] = {{40, 60}, {1, 1}, {5000, 900}, {INT_MAX, INT_MAX}, {INT_MAX, 2}};
  fe_ids ids = {.kind = FE_IDS_PAIR, .a = x, .b = y};
  for (int l = 0; l < 5; l++) {
    ids.n_a = levels[l][0];
    ids.n_b = levels[l][1];
    for (int i = 0; i < N; i++) {
      x[i] = (int)(draw() % (uint32_t)ids.n_a) + 1;
      y[i] = (int)(draw() % (uint32_t)ids.n_b) + 1;
      wide[i] = (int64_t)x[i] << 31 | y[i];
    }
    check(agree_at_all_sizes(ids));
  }
}

static int is_identity(const int *ids_x, int n) {
  const fe_exec exec = {1, NULL, NULL};
  fe_ids ids = {.kind = FE_IDS_INT, .n = n, .x = ids_x};
  fe_coder *c = NULL;
  int is = fe_coder_new(&ids, &exec, &c) == FE_OK && fe_coder_identity(c);
  fe_coder_free(c);
  return is;
}

static void codes_that_are_dense_already_are_recognised(void) {
  const int yes[] = {2, 1, 3, 2}, gap[] = {1, 4, 2, 2}, zero[] = {0, 1, 2, 1};
  const int late[] = {2, 3, 4, 2};
  check(is_identity(yes, 4) && !is_identity(gap, 4) && !is_identity(zero, 4));
  check(!is_identity(late, 4) && !is_identity(yes, 0));
}

/* Levels in another order, two of them joined, by each of the methods. */
static void levels_can_be_ranked_anew(void) {
  const int far[] = {1, 60000, 100000000};
  const fe_exec exec = {2, NULL, NULL};
  for (int m = 0; m < 3; m++) {
    int rank[] = {2, 1, 2, 3}, ok = 1;
    fe_ids ids = {.kind = FE_IDS_INT, .n = N / 2, .x = x};
    fe_coder *c = NULL;
    for (int i = 0; i < N / 2; i++) x[i] = (int)(draw() % 4) * (m == 1 ? 200000 : far[m]);
    check(fe_coder_new(&ids, &exec, &c) == FE_OK && fe_coder_find(c, code) == FE_OK);
    check(fe_coder_write(c, rank, code) == FE_OK && fe_coder_levels(c) == 4);
    for (int i = 0; i < N / 2; i++) {
      ok = ok && code[i] == rank[x[i] / (m == 1 ? 200000 : far[m])];
    }
    check(ok);
    fe_coder_free(c);
  }
}

static void doubles_tell_whether_they_are_whole(void) {
  const fe_exec exec = {2, NULL, NULL};
  fe_doubles_kind k;
  for (int i = 0; i < N; i++) d[i] = -i;
  check(fe_look_at_doubles(d, N, &exec, &k) == FE_OK && k.whole && k.size == N - 1 && !k.n_nan);
  d[N - 2] = NAN;
  check(fe_look_at_doubles(d, N, &exec, &k) == FE_OK && k.n_nan == 1);
  d[N - 2] = 0.5;
  check(fe_look_at_doubles(d, N, &exec, &k) == FE_OK && !k.whole);
  d[N - 2] = -0x1p53;
  check(fe_look_at_doubles(d, N, &exec, &k) == FE_OK && k.whole && k.size == 0x1p53);
  d[N - 2] = -INFINITY;
  check(fe_look_at_doubles(d, N, &exec, &k) == FE_OK && !k.whole && k.size == INFINITY);
}

static void strings_are_ordered_by_bytes(void) {
  const char *s[] = {"unit10", "unit9", "unit", "unit1", "unit\xc3\xa9", "unit100000000b",
                     "unit100000000a", "unit1"};
  const int right[] = {2, 3, 0, 6, 5, 1, 4};
  int order[8];
  check(fe_order_strings(s, 7, order) == FE_OK && memcmp(order, right, sizeof right) == 0);
  check(fe_order_strings(s, 8, order) == FE_OK && order[1] + order[2] == 10);
  check(fe_order_strings(s + 2, 1, order) == FE_OK && order[0] == 0);
  check(fe_order_strings(s, 0, order) == FE_OK);
}

/* ---- memory -------------------------------------------------------------------------------- */

static fe_status code_scarcely(const int *ids_x, int n) {
  const fe_exec exec = {1, NULL, NULL};
  fe_ids ids = {.kind = FE_IDS_INT, .n = n, .x = ids_x};
  scarce_coder *c = NULL;
  fe_status status = scarce_new(&ids, &exec, &c);
  if (!status) status = scarce_find(c, code);
  scarce_free(c);
  return status;
}

static fe_status sort_scarcely(const int *unused, int n) {
  const char *s[] = {"b", "a"};
  int order[2];
  (void)unused;
  return scarce_strings(s, n, order);
}

static fe_status look_scarcely(const int *unused, int n) {
  const fe_exec exec = {1, NULL, NULL};
  fe_doubles_kind kind;
  (void)unused;
  return scarce_look(d, n, &exec, &kind);
}

/* Every allocation in turn fails; leaks are for the sanitizer to see. */
static void every_failed_allocation_is_reported(void) {
  static int near_by[2000], far_off[2000], apart[2000];
  for (int i = 0; i < 2000; i++) {
    near_by[i] = i % 50;
    far_off[i] = i % 50 * 1000;
    apart[i] = i * 1000000;
  }
  const struct {
    fe_status (*routine)(const int *, int);
    const int *ids_x;
    int n, allocations;
  } scarce[] = {{code_scarcely, near_by, 2000, 5}, {code_scarcely, far_off, 2000, 6},
                {code_scarcely, apart, 2000, 11},  {sort_scarcely, NULL, 2, 1},
                {look_scarcely, NULL, 5, 1}};
  for (int t = 0; t < 5; t++) {
    for (fail_at = 0; fail_at <= scarce[t].allocations; fail_at++) {
      allocations = 0;
      fe_status status = scarce[t].routine(scarce[t].ids_x, scarce[t].n);
      check(status == (fail_at < scarce[t].allocations ? FE_ENOMEM : FE_OK));
    }
  }
}

static int refuse(void *unused) {
  (void)unused;
  return 1;
}

static void a_stop_is_passed_on(void) {
  const fe_exec exec = {2, refuse, NULL};
  fe_ids ids = {.kind = FE_IDS_INT, .n = N, .x = x};
  fe_coder *c = NULL;
  fe_status status = fe_coder_new(&ids, &exec, &c);
  check(status == FE_OK || (status == FE_EINTR && c == NULL)); /* the work may end before */
  fe_coder_free(c);
}

int main(void) {
  run(integers_of_any_range_are_coded_in_order);
  run(few_distinct_integers_far_apart_are_coded_in_order);
  run(identifiers_that_come_sorted_are_coded_in_order);
  run(integers_of_64_bits_are_told_apart);
  run(doubles_are_coded_in_order);
  run(keys_give_their_identifiers_back);
  run(addresses_are_told_apart);
  run(pairs_are_ordered_by_the_first_then_the_second);
  run(codes_that_are_dense_already_are_recognised);
  run(levels_can_be_ranked_anew);
  run(doubles_tell_whether_they_are_whole);
  run(strings_are_ordered_by_bytes);
  run(every_failed_allocation_is_reported);
  run(a_stop_is_passed_on);
  return report();
}
