#include "codes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "minunit.h"
#include "xorshift.h"

/* A second copy of codes.c in which the allocation number fail_at fails. */
static int allocations, fail_at;
static void *scarce_malloc(size_t size) {
  return allocations++ == fail_at ? NULL : malloc(size);
}
static void *scarce_calloc(size_t n, size_t size) {
  return allocations++ == fail_at ? NULL : calloc(n, size);
}
void scarce_weights(const int *code, int n_levels, int64_t n, const double *w, double *sum);
fe_status scarce_singletons(const fe_codes *codes, const fe_exec *exec, unsigned char *keep,
                            int64_t *n_removed);
fe_status scarce_components(const int *a, int n_a, const int *b, int n_b, int64_t n,
                            const double *w, int *component_b, int *n_components);
int scarce_nested(const int *inner, int n_inner, const int *outer, int64_t n);
void scarce_order(const int *code, int n_levels, int64_t n, int64_t *start, int64_t *order);
int scarce_fit(const int *code, int64_t n, int n_levels);
int64_t scarce_kept(const int *code, int n_levels, const int *keep, int64_t n, int *rows);
int scarce_number(const int *rows, int n_levels, int *number);
void scarce_recode(const int *code, const int *keep, int64_t n, const int *number, int64_t kept,
                   int *out);
#define malloc scarce_malloc
#define calloc scarce_calloc
#define fe_level_weights scarce_weights
#define fe_weights_wide scarce_weights_wide
#define fe_singletons scarce_singletons
#define fe_components scarce_components
#define fe_nested scarce_nested
#define fe_order_by scarce_order
#define fe_codes_fit scarce_fit
#define fe_count_kept scarce_kept
#define fe_number_levels scarce_number
#define fe_recode scarce_recode
#include "../../src/core/codes.c"
#undef malloc
#undef calloc
#undef fe_level_weights
#undef fe_weights_wide
#undef fe_singletons
#undef fe_components
#undef fe_nested
#undef fe_order_by
#undef fe_codes_fit
#undef fe_count_kept
#undef fe_number_levels
#undef fe_recode

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- codes --------------------------------------------------------------------------------- */

enum { N = 3000 };
static int x[N], y[N], z[N];
static const fe_exec two_threads = {2, NULL, NULL};

static void a_code_out_of_range_is_found_wherever_it_is(void) {
  const int wrong[] = {0, -1, 8, INT_MAX, INT_MIN, INT_MIN + 1};
  for (int i = 0; i < N; i++) x[i] = (int)(draw() % 7) + 1;
  check(fe_codes_fit(x, N, 7) && fe_codes_fit(x, N, INT_MAX) && fe_codes_fit(NULL, 0, 0));
  for (int v = 0; v < 6; v++) {
    for (int at = 0; at < N; at += 499) {
      int right = x[at];
      x[at] = wrong[v];
      check(!fe_codes_fit(x, N, 7));
      x[at] = right;
    }
  }
}

static void codes_of_the_rows_that_stay_are_dense_and_in_order(void) {
  enum { G = 500 };
  int rows[G], number[G], out[N], at = 0, count = 0, ok = 1;
  for (int i = 0; i < N; i++) {
    x[i] = (int)(draw() % G) + 1;
    y[i] = draw() % 8 == 0;
  }
  int64_t kept = fe_count_kept(x, G, y, N, rows);
  int n_levels = fe_number_levels(rows, G, number);
  fe_recode(x, y, N, number, kept, out);
  for (int g = 0; g < G; g++) {
    int here = 0;
    for (int i = 0; i < N; i++) here += y[i] && x[i] == g + 1;
    ok = ok && rows[g] == here && number[g] == (here ? ++count : 0);
  }
  for (int i = 0; i < N; i++) {
    if (y[i]) ok = ok && out[at++] == number[x[i] - 1];
  }
  check(ok && at == kept && count == n_levels && n_levels < G && n_levels > 0);
}

static void no_rows_have_no_singletons(void) {
  int64_t removed = -1;
  fe_codes none = {0, 0, NULL, NULL};
  unsigned char keep = 1;
  check(fe_singletons(&none, &two_threads, &keep, &removed) == FE_OK && removed == 0 && keep == 1);
  none.n = INT64_C(1) << 32; /* one more than can be told apart */
  check(fe_singletons(&none, &two_threads, &keep, &removed) == FE_EINVAL);
}

static void order_is_stable_and_complete(void) {
  enum { G = 37 };
  int64_t start[G + 1], order[N], s = 0;
  int ok = 1;
  for (int i = 0; i < N; i++) x[i] = (int)(draw() % (G - 2)) + 2; /* levels 1 and G are empty */
  fe_order_by(x, G, N, start, order);
  for (int g = 1; g <= G; g++) {
    ok = ok && start[g - 1] == s;
    for (int i = 0; i < N; i++) {
      if (x[i] == g) ok = ok && order[s++] == i;
    }
  }
  check(ok && s == N && start[G] == N);
}

static void level_weights_are_counts_or_sums(void) {
  const int code[] = {2, 1, 2, 4};
  const double w[] = {0.5, 1e12, 1e-12, 0};
  double sum[4];
  fe_level_weights(code, 4, 4, NULL, sum);
  check(sum[0] == 1 && sum[1] == 2 && sum[2] == 0 && sum[3] == 1);
  double wide[3] = {1e-2, 0, 1.1e2};
  check(fe_weights_wide(wide, 3) && !fe_weights_wide(wide, 2));
  fe_level_weights(code, 4, 4, w, sum);
  check(sum[0] == 1e12 && sum[1] == 0.5 + 1e-12 && sum[2] == 0 && sum[3] == 0);
}

/* ---- structure --------------------------------------------------------------------------- */

/* Round after round: count, remove, until nothing changes. */
static int64_t remove_naively(const fe_codes *c, unsigned char *keep) {
  int64_t removed = 0, before = -1;
  while (removed != before) {
    before = removed;
    for (int f = 0; f < c->q; f++) {
      int *count = calloc((size_t)c->n_levels[f] + 1, sizeof *count);
      for (int64_t i = 0; i < c->n; i++) count[c->code[f][i]] += keep[i];
      for (int64_t i = 0; i < c->n; i++) {
        if (!keep[i] || count[c->code[f][i]] != 1) continue;
        keep[i] = 0;
        removed++;
      }
      free(count);
    }
  }
  return removed;
}

static void singletons_agree_with_rounds_of_counting(void) {
  enum { M = 300 };
  for (int t = 0; t < 60; t++) {
    int q = t % 3 + 1, levels[] = {40 + 5 * t, 30 + 4 * t, 90};
    unsigned char keep[M], naive[M];
    const int *code[] = {x, y, z};
    fe_codes c = {M, q, code, levels};
    int64_t removed;
    for (int i = 0; i < M; i++) {
      x[i] = (int)(draw() % (uint32_t)levels[0]) + 1;
      y[i] = (int)(draw() % (uint32_t)levels[1]) + 1;
      z[i] = (int)(draw() % (uint32_t)levels[2]) + 1;
      keep[i] = naive[i] = draw() % 5 > 0;
    }
    check(fe_singletons(&c, &two_threads, keep, &removed) == FE_OK);
    check(removed == remove_naively(&c, naive));
    check(memcmp(keep, naive, M) == 0);
  }
}

/* Rows i join level i/2 of one factor and (i+1)/2 of the other: a path, eaten from both ends. */
static double time_of_path(int n) {
  int *a = malloc((size_t)n * sizeof *a), *b = malloc((size_t)n * sizeof *b);
  unsigned char *keep = malloc((size_t)n);
  int levels[] = {(n + 1) / 2, n / 2 + 1};
  const int *code[] = {a, b};
  fe_codes c = {n, 2, code, levels};
  int64_t removed = 0;
  for (int i = 0; i < n; i++) {
    a[i] = i / 2 + 1;
    b[i] = (i + 1) / 2 + 1;
  }
  memset(keep, 1, (size_t)n);
  double from = seconds();
  check(fe_singletons(&c, &two_threads, keep, &removed) == FE_OK);
  double took = seconds() - from;
  check(removed == n && !memchr(keep, 1, (size_t)n));
  free(a);
  free(b);
  free(keep);
  return took;
}

static void a_long_chain_of_singletons_takes_linear_time(void) {
  check(time_of_path(100000) < 5); /* quadratic time would be 1e10 steps */
  check(time_of_path(1) < 5);
}

/* The least level of b that can be reached, by repeated relabelling. */
static int label_naively(int n_a, int n_b, int n, const double *w, int *label_b) {
  int label_a[N], changed = 1, count = 0;
  for (int g = 0; g < n_a; g++) label_a[g] = n_b + g;
  for (int g = 0; g < n_b; g++) label_b[g] = g;
  while (changed) {
    changed = 0;
    for (int i = 0; i < n; i++) {
      int *u = &label_a[x[i] - 1], *v = &label_b[y[i] - 1];
      if ((w && w[i] <= 0) || *u == *v) continue;
      *u = *v = *u < *v ? *u : *v;
      changed = 1;
    }
  }
  for (int g = 0; g < n_b; g++) {
    int used = 0;
    for (int i = 0; i < n; i++) used |= (!w || w[i] > 0) && y[i] == g + 1;
    count += used && label_b[g] == g;
  }
  return count;
}

static void components_agree_with_relabelling(void) {
  enum { A = 60, B = 50, M = 90 };
  double w[M];
  for (int t = 0; t < 40; t++) {
    int label[B], component[B], count = -1, ok = 1;
    for (int i = 0; i < M; i++) {
      x[i] = (int)(draw() % A) + 1;
      y[i] = (int)(draw() % B) + 1;
      w[i] = draw() % 3;
    }
    const double *weight = t % 2 ? w : NULL;
    int naive = label_naively(A, B, M, weight, label);
    check(fe_components(x, A, y, B, M, weight, component, &count) == FE_OK && count == naive);
    for (int g = 0; g < B; g++) {
      ok = ok && component[g] >= 1 && component[g] <= B;
      for (int h = 0; h < g; h++) {
        ok = ok && (label[g] == label[h]) == (component[g] == component[h]);
      }
    }
    check(ok);
    check(fe_components(x, A, y, B, M, weight, NULL, &count) == FE_OK && count == naive);
  }
}

/* All levels of b are in one component long before the rows end, some of which do not exist. */
static void components_stop_once_nothing_can_change(void) {
  const int a[] = {1, 1, 1, 2}, b[] = {2, 1, 3, 3};
  int component[3], count;
  check(fe_components(a, 2, b, 3, INT64_MAX, NULL, component, &count) == FE_OK && count == 1);
  check(component[0] == 1 && component[1] == 1 && component[2] == 1);
}

static void nested_means_one_outer_level_each(void) {
  const int inner[] = {3, 1, 3, 2, 1}, outer[] = {2, 7, 2, 7, 7};
  check(fe_nested(inner, 3, outer, 5) == 1);
  check(fe_nested(outer, 7, inner, 5) == 0);
  check(fe_nested(inner, 3, inner, 5) == 1);
  check(fe_nested(inner, 3, outer, 1) == 1);
}

/* ---- memory ------------------------------------------------------------------------------- */

static int singletons_out_of_memory(void) {
  int a[] = {1, 2, 1}, b[] = {2, 1, 2}, levels[] = {2, 2};
  const int *code[] = {a, b};
  unsigned char keep[] = {1, 1, 1};
  fe_codes c = {3, 2, code, levels};
  int64_t removed;
  return scarce_singletons(&c, &two_threads, keep, &removed) == FE_ENOMEM;
}

static int graph_out_of_memory(void) {
  int a[] = {1, 2, 1}, b[] = {2, 1, 2}, count;
  return scarce_components(a, 2, b, 2, 3, NULL, NULL, &count) == FE_ENOMEM;
}

static int nested_out_of_memory(void) {
  int a[] = {1, 2, 1}, b[] = {2, 1, 2};
  return scarce_nested(a, 2, b, 3) == -1;
}

/* Every allocation in turn fails; leaks are for the sanitizer to see. */
static void every_failed_allocation_is_reported(void) {
  int (*const out_of_memory[])(void) = {singletons_out_of_memory, graph_out_of_memory,
                                        nested_out_of_memory};
  const int n_allocations[] = {3, 3, 1};
  for (int t = 0; t < 3; t++) {
    for (fail_at = 0; fail_at <= n_allocations[t]; fail_at++) {
      allocations = 0;
      check(out_of_memory[t]() == (fail_at < n_allocations[t]));
    }
  }
}

int main(void) {
  run(a_code_out_of_range_is_found_wherever_it_is);
  run(codes_of_the_rows_that_stay_are_dense_and_in_order);
  run(no_rows_have_no_singletons);
  run(order_is_stable_and_complete);
  run(level_weights_are_counts_or_sums);
  run(singletons_agree_with_rounds_of_counting);
  run(a_long_chain_of_singletons_takes_linear_time);
  run(components_agree_with_relabelling);
  run(components_stop_once_nothing_can_change);
  run(nested_means_one_outer_level_each);
  run(every_failed_allocation_is_reported);
  return report();
}
