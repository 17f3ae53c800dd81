#include "conley.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"
#include "parallel.h"
#include "xorshift.h"

/* A second copy of conley.c whose allocations fail after `left` of them. */
static int left;
static void *few_malloc(size_t bytes) { return left-- > 0 ? malloc(bytes) : NULL; }
static void *few_calloc(size_t items, size_t bytes) {
  return left-- > 0 ? calloc(items, bytes) : NULL;
}
fe_status scarce_meat(const fe_places *places, const fe_nearness *rule, const fe_exec *exec,
                      double *meat, double *pairs);
#define malloc few_malloc
#define calloc few_calloc
#define fe_conley_meat scarce_meat
#include "../../src/core/conley.c"
#undef malloc
#undef calloc
#undef fe_conley_meat

enum { N = 500, K = 3, MANY = 60000 };
static const double pi = 3.14159265358979323846;
static double lat[N], lon[N], x[N], y[N], score[N * K];
static const fe_exec alone = {1, NULL, NULL};
static const fe_places on_sphere = {N, lat, lon, score, K}, in_plane = {N, x, y, score, K};

/* Places everywhere, around both poles, on both sides of the date line, and metres apart. */
static void fill(void) {
  for (int i = 0; i < N; i++) {
    lat[i] = 180 * uniform();
    lon[i] = 360 * uniform();
    if (i % 5 == 1) lat[i] = 89.5 + uniform();
    if (i % 5 == 2) lat[i] = -90 + (i % 2) * 0.3;
    if (i % 5 == 3) lon[i] = 360 + uniform();
    if (i % 5 == 4) {
      lat[i] = 50 + 1e-4 * uniform();
      lon[i] = (i % 2 ? 180 : -180) + 1e-4 * uniform();
    }
    x[i] = floor(60 * uniform());
    y[i] = i % 3 ? floor(60 * uniform()) : 1000 * x[i];
    for (int j = 0; j < K; j++) score[j * N + i] = uniform() + 0.1 * j;
  }
}

/* Haversine in long double; the plane by its own formula. */
static double distance(const fe_places *p, const fe_nearness *rule, int i, int j) {
  if (rule->metric == FE_PLANE) return hypot(p->a[i] - p->a[j], p->b[i] - p->b[j]);
  long double degree = acosl(-1) / 180, s = sinl((p->a[i] - p->a[j]) * degree / 2);
  long double t = sinl((p->b[i] - p->b[j]) * degree / 2);
  long double h = s * s + cosl(p->a[i] * degree) * cosl(p->a[j] * degree) * t * t;
  return (double)(2 * rule->radius * asinl(sqrtl(h < 1 ? h : 1)));
}

static void agrees_with_all_pairs(const fe_places *p, fe_nearness rule) {
  double meat[K * K], oracle[K * K] = {0}, pairs, neighbours = 0;
  for (int i = 0; i < N; i++) {
    for (int j = 0; j <= i; j++) {
      double d = i == j ? 0 : distance(p, &rule, i, j);
      if (d > rule.cutoff * (1 + 1e-12)) continue;
      double w = (rule.kernel == FE_UNIFORM ? 1 : 1 - d / rule.cutoff) * (i == j ? 0.5 : 1);
      neighbours += j < i;
      for (int e = 0; e < K * K; e++) {
        int a = e / K * N, b = e % K * N;
        oracle[e] += w * (score[a + i] * score[b + j] + score[a + j] * score[b + i]);
      }
    }
  }
  check(fe_conley_meat(p, &rule, &alone, meat, &pairs) == FE_OK);
  check(pairs == neighbours);
  for (int e = 0; e < K * K; e++) check_near(meat[e], oracle[e], 1e-8);
}

static void every_metric_and_kernel_agrees_with_all_pairs(void) {
  const double km[] = {0.001, 0.004, 1, 57, 1000, 9000, 19900, 30000};
  const double units[] = {0.5, 1, 5, 13, 70, 30000};
  for (int kernel = 0; kernel < 2; kernel++) {
    for (int c = 0; c < 8; c++) {
      agrees_with_all_pairs(&on_sphere, (fe_nearness){FE_GREAT_CIRCLE, (fe_kernel)kernel, km[c],
                                                      6376});
    }
    for (int c = 0; c < 6; c++) {
      agrees_with_all_pairs(&in_plane, (fe_nearness){FE_PLANE, (fe_kernel)kernel, units[c], 0});
    }
  }
}

/* On a lattice with a spacing of 0.1, whose distances are rounded. */
static void a_distance_equal_to_the_cutoff_is_within(void) {
  double a[9], b[9], s[9], meat, pairs;
  for (int i = 0; i < 9; i++) {
    a[i] = 0.1 * (i % 3);
    b[i] = 0.1 * (i / 3 + 4);
    s[i] = 1;
  }
  fe_nearness rule = {FE_PLANE, FE_UNIFORM, 0.1, 0};
  fe_places lattice = {9, a, b, s, 1};
  check(fe_conley_meat(&lattice, &rule, &alone, &meat, &pairs) == FE_OK);
  check(pairs == 12 && meat == 9 + 2 * 12);
}

static void many_places_agree_on_any_number_of_threads(void) {
  static double a[MANY], b[MANY], s[MANY * K], meat[3][K * K], pairs[3];
  for (int i = 0; i < MANY; i++) {
    a[i] = 180 / pi * asin(2 * uniform());
    b[i] = 360 * uniform();
    for (int j = 0; j < K; j++) s[j * MANY + i] = uniform();
  }
  fe_places places = {MANY, a, b, s, K};
  fe_nearness rule = {FE_GREAT_CIRCLE, FE_BARTLETT, 300, 6376};
  for (int t = 0; t < 3; t++) {
    fe_exec exec = {1 << t, NULL, NULL};
    check(fe_conley_meat(&places, &rule, &exec, meat[t], &pairs[t]) == FE_OK);
    check(memcmp(meat[0], meat[t], sizeof meat[0]) == 0 && pairs[0] == pairs[t]);
  }
  double share = (1 - cos(300.0 / 6376)) / 2, expected = share * MANY * (MANY - 1.0) / 2;
  check_near(pairs[0], expected, 0.01);
}

static void one_place_or_none(void) {
  double meat[K * K], pairs;
  fe_nearness rule = {FE_GREAT_CIRCLE, FE_UNIFORM, 10, 6376};
  fe_places none = {0, lat, lon, score, K}, no_columns = {N, lat, lon, score, 0};
  check(fe_conley_meat(&none, &rule, &alone, meat, &pairs) == FE_OK);
  for (int e = 0; e < K * K; e++) check(meat[e] == 0);
  check(fe_conley_meat(&no_columns, &rule, &alone, meat, &pairs) == FE_OK);
  fe_places one = {1, lat, lon, score, K};
  check(fe_conley_meat(&one, &rule, &alone, meat, &pairs) == FE_OK);
  check(pairs == 0);
  for (int e = 0; e < K * K; e++) check_near(meat[e], score[e / K] * score[e % K], 1e-15);
}

static int always(void *unused) {
  (void)unused;
  return 1;
}

static void an_interrupt_before_the_end_is_told(void) {
  double meat[2][K * K], pairs;
  fe_nearness rule = {FE_GREAT_CIRCLE, FE_UNIFORM, 1000, 6376};
  fe_exec stopped = {2, always, NULL};
  check(fe_conley_meat(&on_sphere, &rule, &alone, meat[0], &pairs) == FE_OK);
  fe_status status = fe_conley_meat(&on_sphere, &rule, &stopped, meat[1], &pairs);
  check(status == FE_EINTR || (status == FE_OK && !memcmp(meat[0], meat[1], sizeof meat[0])));
}

static void a_lack_of_memory_is_reported(void) {
  double meat[K * K], pairs;
  fe_nearness rule = {FE_GREAT_CIRCLE, FE_UNIFORM, 1000, 6376};
  int failed = 0;
  for (int allowed = 0; allowed < 20; allowed++) {
    left = allowed;
    fe_status status = scarce_meat(&on_sphere, &rule, &alone, meat, &pairs);
    check(status == FE_ENOMEM || status == FE_OK);
    failed += status == FE_ENOMEM;
  }
  check(failed >= 9 && failed < 20);
}

int main(void) {
  fill();
  run(every_metric_and_kernel_agrees_with_all_pairs);
  run(a_distance_equal_to_the_cutoff_is_within);
  run(many_places_agree_on_any_number_of_threads);
  run(one_place_or_none);
  run(an_interrupt_before_the_end_is_told);
  run(a_lack_of_memory_is_reported);
  return report();
}
