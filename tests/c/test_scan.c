#include "scan.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "xorshift.h"

enum { N = 300000 };
static double x[N];
static int z[N];
static const fe_exec alone = {1, NULL, NULL};

/* The contract, in long doubles and without chunks. */
static fe_scan scan_naively(const double *v, int n) {
  fe_scan s = {0, 0, 0, INFINITY, -INFINITY, NAN, 0};
  long double sum = 0, ss = 0;
  for (int i = 0; i < n; i++) {
    s.n_na += isnan(v[i]) ? 1 : 0;
    s.n_inf += isinf(v[i]) ? 1 : 0;
    if (!isfinite(v[i])) continue;
    s.n++;
    sum += v[i];
    if (v[i] < s.min) s.min = v[i];
    if (v[i] > s.max) s.max = v[i];
  }
  if (s.n > 0) s.mean = (double)(sum / s.n);
  for (int i = 0; i < n; i++) {
    if (isfinite(v[i])) ss += (v[i] - sum / s.n) * (v[i] - sum / s.n);
  }
  s.ss = (double)ss;
  return s;
}

static int agree(const fe_scan *a, const fe_scan *b) {
  int ok = a->n_na == b->n_na && a->n_inf == b->n_inf && a->n == b->n && a->min == b->min &&
           a->max == b->max;
  if (a->n == 0) return ok && isnan(a->mean) && a->ss == 0;
  double size = fmax(fabs(b->min), fabs(b->max));
  return ok && fabs(a->mean - b->mean) <= 1e-14 * size && fabs(a->ss - b->ss) <= 1e-11 * b->ss;
}

static void a_scan_agrees_with_its_definition(void) {
  const int sizes[] = {0, 1, 2, 7, 8, 9, 2047, 2048, 2049, 65536, 65537, N};
  for (int kind = 0; kind < 4; kind++) {
    for (int i = 0; i < N; i++) {
      x[i] = 1e3 + uniform() * (i < N / 2 ? 1 : 100);
      if (kind > 0 && draw() % 1000 == 0) x[i] = kind == 1 ? NAN : kind == 2 ? INFINITY : -INFINITY;
      if (kind == 3 && draw() % 3 == 0) x[i] = NAN;
    }
    for (int s = 0; s < 12; s++) {
      fe_scan fast, slow = scan_naively(x, sizes[s]);
      check(fe_scan_doubles(x, sizes[s], &alone, &fast) == FE_OK);
      check(agree(&fast, &slow));
    }
  }
}

static void integers_are_scanned_like_the_same_doubles(void) {
  fe_scan s, same;
  for (int i = 0; i < N; i++) {
    z[i] = (int)draw();
    x[i] = z[i] == INT_MIN ? (double)NAN : z[i];
  }
  for (int i = 5; i < N; i += N / 3) {
    z[i] = INT_MIN;
    x[i] = NAN;
  }
  check(fe_scan_ints(z, N, &alone, &s) == FE_OK);
  same = scan_naively(x, N);
  check(agree(&s, &same) && s.n_na >= 3);
}

static void nothing_finite_has_no_mean(void) {
  fe_scan s;
  for (int i = 0; i < 5000; i++) x[i] = i % 2 ? NAN : INFINITY;
  check(fe_scan_doubles(x, 5000, &alone, &s) == FE_OK);
  check(s.n == 0 && s.n_na == 2500 && s.n_inf == 2500 && isnan(s.mean) && s.min > s.max);
}

static void a_constant_has_no_spread_at_all(void) {
  fe_scan s;
  for (int i = 0; i < N; i++) x[i] = 0.1;
  check(fe_scan_doubles(x, N, &alone, &s) == FE_OK);
  check(s.ss == 0 && s.mean == 0.1 && s.min == 0.1 && s.max == 0.1);
}

static void a_small_spread_about_a_large_mean_is_kept(void) {
  fe_scan s;
  for (int i = 0; i < N; i++) x[i] = 1e9 + i % 2;
  check(fe_scan_doubles(x, N, &alone, &s) == FE_OK);
  check_near(s.ss, N / 4.0, 1e-9);
}

static void sums_that_overflow_leave_counts_and_extremes_right(void) {
  fe_scan s;
  for (int i = 0; i < 5000; i++) x[i] = i % 2 ? 1.7e308 : -1.7e308;
  check(fe_scan_doubles(x, 5000, &alone, &s) == FE_OK);
  check(s.n == 5000 && s.n_na == 0 && s.n_inf == 0 && s.min == -1.7e308 && s.max == 1.7e308);
}

static void bits_do_not_depend_on_threads(void) {
  for (int i = 0; i < N; i++) x[i] = draw() % 50000 == 0 ? NAN : exp(20 * uniform());
  fe_scan one, more;
  check(fe_scan_doubles(x, N, &alone, &one) == FE_OK);
  for (int threads = 2; threads <= 5; threads++) {
    fe_exec exec = {threads, NULL, NULL};
    check(fe_scan_doubles(x, N, &exec, &more) == FE_OK);
    check(one.mean == more.mean && one.ss == more.ss && one.n_na == more.n_na);
  }
}

static void missing_64_bit_integers_are_counted(void) {
  const int64_t v[] = {INT64_MIN, 0, INT64_MIN + 1, INT64_MIN, INT64_MAX};
  check(fe_count_na64(v, 5) == 2 && fe_count_na64(v, 0) == 0);
}

int main(void) {
  run(a_scan_agrees_with_its_definition);
  run(integers_are_scanned_like_the_same_doubles);
  run(nothing_finite_has_no_mean);
  run(a_constant_has_no_spread_at_all);
  run(a_small_spread_about_a_large_mean_is_kept);
  run(sums_that_overflow_leave_counts_and_extremes_right);
  run(bits_do_not_depend_on_threads);
  run(missing_64_bit_integers_are_counted);
  return report();
}
