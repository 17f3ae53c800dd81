/* Identifiers of every kind, by table, bitmap and hash, on one thread and two, against a sorted
 * list; strings by their bytes; a look at doubles; a scan. */
#include "fuzz.h"

#include <limits.h>

#include "coder.h"
#include "scan.h"

enum { MANY = 70000 }; /* more than one chunk of rows */

static int ints[MANY], of_a[MANY], of_b[MANY], code[MANY];
static int64_t longs[MANY];
static double doubles[MANY];
static const void *pointers[MANY];

static const double two53 = 9007199254740992.0;

/* A whole number within -range..range, or of all sizes. */
static int64_t take_whole(bytes *b, int spread) {
  int64_t x = (int64_t)take_word(b);
  if (spread == 0) return x % 8;
  if (spread == 1) return x % 300;
  if (spread == 2) return x % 20000;
  return spread == 3 ? x % 1000000000 : x / 3;
}

static double whole_of(int64_t x) { return fmod((double)x, two53); }

static void take_ids(bytes *b, fe_ids *ids, int distinct) {
  int spread = take(b) % 5;
  for (int i = 0; i < distinct; i++) {
    int64_t x = take_whole(b, spread);
    ints[i] = spread < 4 ? (int)x : (int)(x % INT_MAX);
    if (take(b) == 0) ints[i] = take(b) % 2 ? INT_MIN : INT_MAX;
    longs[i] = take(b) % 64 ? x : take(b) % 2 ? INT64_MIN : INT64_MAX;
    doubles[i] = ids->kind == FE_IDS_WHOLE ? whole_of(x) : take_finite(b);
    if (ids->kind == FE_IDS_DOUBLE && take(b) == 0) doubles[i] = take(b) % 2 ? INFINITY : -INFINITY;
    pointers[i] = (const void *)((uintptr_t)x << 3);
  }
}

/* Rows repeat the distinct ones in an order of their own. */
static void repeat_ids(bytes *b, fe_ids *ids, int distinct) {
  uint64_t at = take_word(b);
  ids->n_a = take_codes(b, distinct, 60, of_a);
  ids->n_b = take_codes(b, distinct, 60, of_b);
  for (int64_t i = distinct; i < ids->n; i++) {
    at = at * 6364136223846793005u + 1442695040888963407u;
    int from = (int)((at >> 33) % (uint64_t)distinct);
    ints[i] = ints[from];
    longs[i] = longs[from];
    doubles[i] = doubles[from];
    pointers[i] = pointers[from];
    of_a[i] = of_a[from];
    of_b[i] = of_b[from];
  }
}

/* -1, 0 or 1: how rows i and j compare. */
static int compare_rows(const fe_ids *ids, int64_t i, int64_t j) {
  switch (ids->kind) {
    case FE_IDS_INT: return (ints[i] > ints[j]) - (ints[i] < ints[j]);
    case FE_IDS_INT64: return (longs[i] > longs[j]) - (longs[i] < longs[j]);
    case FE_IDS_POINTER: return (pointers[i] > pointers[j]) - (pointers[i] < pointers[j]);
    case FE_IDS_PAIR:
      if (of_a[i] != of_a[j]) return of_a[i] < of_a[j] ? -1 : 1;
      return (of_b[i] > of_b[j]) - (of_b[i] < of_b[j]);
    default: return (doubles[i] > doubles[j]) - (doubles[i] < doubles[j]);
  }
}

static void check_key(const fe_ids *ids, uint64_t key, int64_t i) {
  switch (ids->kind) {
    case FE_IDS_INT: demand(fe_key_int64(key) == ints[i]); break;
    case FE_IDS_INT64: demand(fe_key_int64(key) == longs[i]); break;
    case FE_IDS_WHOLE: demand((double)fe_key_int64(key) == doubles[i]); break;
    case FE_IDS_DOUBLE: demand(fe_key_double(key) == doubles[i]); break;
    case FE_IDS_POINTER: demand(fe_key_pointer(key) == pointers[i]); break;
    case FE_IDS_PAIR:
      demand(key == (uint64_t)(of_a[i] - 1) * (uint64_t)ids->n_b + (uint64_t)(of_b[i] - 1));
  }
}

/* Levels increase, and every row has the level of its identifier. */
static void check_codes(const fe_ids *ids, const fe_coder *c, const int *at) {
  int levels = fe_coder_levels(c);
  static int rows[MANY];
  const uint64_t *key = fe_coder_keys(c);
  memset(rows, 0, sizeof rows);
  for (int g = 1; g < levels; g++) demand(key[g] > key[g - 1]);
  for (int64_t i = 0; i < ids->n; i++) {
    demand(at[i] >= 1 && at[i] <= levels);
    check_key(ids, key[at[i] - 1], i);
    rows[at[i] - 1]++;
    int64_t j = i * 7919 % ids->n;
    int order = compare_rows(ids, i, j);
    demand(j > i || order == (at[i] > at[j]) - (at[i] < at[j]));
  }
  for (int g = 0; g < levels; g++) demand(rows[g] > 0 && rows[g] == fe_coder_rows(c)[g]);
}

static void check_coder(const fe_ids *ids, int threads) {
  fe_exec exec = {threads, NULL, NULL};
  fe_coder *c;
  demand(fe_coder_new(ids, &exec, &c) == FE_OK);
  if (fe_coder_identity(c)) {
    demand(ids->kind == FE_IDS_INT);
    check_codes(ids, c, ints);
  } else {
    demand(fe_coder_find(c, code) == FE_OK);
    demand(fe_coder_write(c, NULL, code) == FE_OK);
    check_codes(ids, c, code);
  }
  fe_coder_free(c);
}

/* Codes through a rank: the levels turned round. */
static void check_ranked(const fe_ids *ids) {
  static int rank[MANY], plain[MANY];
  fe_coder *c;
  demand(fe_coder_new(ids, &alone, &c) == FE_OK);
  int levels = fe_coder_levels(c);
  if (!fe_coder_identity(c)) {
    demand(fe_coder_find(c, code) == FE_OK);
    levels = fe_coder_levels(c);
    for (int g = 0; g < levels; g++) rank[g] = levels - g;
    demand(fe_coder_write(c, rank, code) == FE_OK);
    memcpy(plain, code, (size_t)ids->n * sizeof *code);
    for (int64_t i = 0; i < ids->n; i++) plain[i] = levels + 1 - code[i];
    check_codes(ids, c, plain);
  }
  fe_coder_free(c);
}

static void check_strings(bytes *b) {
  enum { STRINGS = 12, LENGTH = 14 };
  char text[STRINGS][LENGTH + 1];
  const char *s[STRINGS];
  int order[STRINGS], n = take(b) % (STRINGS + 1), prefix = take(b) % 10, seen[STRINGS] = {0};
  for (int i = 0; i < n; i++) {
    int length = prefix + take(b) % (LENGTH - prefix);
    for (int l = 0; l < LENGTH; l++) {
      text[i][l] = l < prefix ? 'p' : take(b) % 4 ? (char)(1 + take(b) % 3) : (char)(take(b) | 1);
    }
    text[i][take(b) % 8 ? length : 0] = text[i][LENGTH] = 0;
    s[i] = text[i];
  }
  demand(fe_order_strings(s, n, order) == FE_OK);
  for (int i = 0; i < n; i++) {
    demand(order[i] >= 0 && order[i] < n && !seen[order[i]]);
    seen[order[i]] = 1;
    demand(i == 0 || strcmp(s[order[i - 1]], s[order[i]]) <= 0);
  }
}

static void check_scan(bytes *b) {
  int n = (int)take_below(b, 60), whole = 1;
  fe_doubles_kind look;
  fe_scan scan;
  long double sum = 0, ss = 0;
  double size = 0, low = INFINITY, high = -INFINITY;
  int64_t n_nan = 0, n_inf = 0;
  for (int i = 0; i < n; i++) {
    double x = doubles[i] = take_any(b);
    n_nan += x != x;
    n_inf += isinf(x) != 0;
    whole = whole && fabs(x) <= two53 && x == floor(x);
    if (fabs(x) > size) size = fabs(x);
    if (isfinite(x)) low = fmin(low, x), high = fmax(high, x), sum += x;
  }
  demand(fe_look_at_doubles(doubles, n, &alone, &look) == FE_OK);
  demand(look.n_nan == n_nan && look.size == size && !look.whole == !whole);
  demand(fe_scan_doubles(doubles, n, &alone, &scan) == FE_OK);
  demand(scan.n_na == n_nan && scan.n_inf == n_inf && scan.n == n - n_nan - n_inf);
  demand(scan.min == low && scan.max == high);
  if (scan.n == 0 || fmax(fabs(low), fabs(high)) > 1e140) return;
  for (int i = 0; i < n; i++) {
    long double d = isfinite(doubles[i]) ? doubles[i] - sum / scan.n : 0;
    ss += d * d;
  }
  double spread = (double)sqrtl(ss), most = fmax(fabs(low), fabs(high));
  demand(close_to(scan.mean, (double)(sum / scan.n), 1e-13, most));
  if (low != high && spread < 1e-150) return; /* squares that cannot be represented */
  demand(low == high ? scan.ss == 0 : close_to(sqrt(scan.ss), spread, 1e-9, 1e-7 * most));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bytes b = bytes_of(data, size);
  const void *x[] = {ints, longs, doubles, doubles, pointers, NULL};
  int kind = take(&b) % 6, large = take(&b) == 7;
  fe_ids ids = {.kind = (fe_id_kind)kind, .x = x[kind], .a = of_a, .b = of_b};
  int distinct = 1 + (int)take_below(&b, 300);
  ids.n = large ? MANY - take(&b) : distinct + (int)take_below(&b, 600);
  take_ids(&b, &ids, distinct);
  repeat_ids(&b, &ids, distinct);
  check_coder(&ids, 1);
  check_coder(&ids, 2);
  check_ranked(&ids);
  check_strings(&b);
  check_scan(&b);
  return 0;
}
