/* Oracle: t* of every replicate from its definition, cluster by cluster in long double. */
#include "wild.h"

#include <math.h>
#include <string.h>

#include "minunit.h"

enum { G = 9, P = 4, REPS = 200 };

static double q0[G], q1[G], m0[G * P], m1[G * P], alpha[G * P];

static double number(int i, int salt) { return sin(1.7 * i + salt) + 0.1 * (i % 5); }

static fe_wild parts(void) {
  for (int g = 0; g < G; g++) {
    q0[g] = number(g, 1);
    q1[g] = number(g, 2);
    for (int j = 0; j < P; j++) {
      m0[g * P + j] = number(g * P + j, 3);
      m1[g * P + j] = number(g * P + j, 4);
      alpha[g * P + j] = number(g * P + j, 5) / 10;
    }
  }
  fe_wild w = {G, P, q0, q1, m0, m1, alpha};
  return w;
}

/* numerator and sum of squares under the null value that d stands for */
static void by_definition(const double *v, double d, long double *n, long double *s) {
  *n = *s = 0;
  for (int g = 0; g < G; g++) {
    long double score = v[g] * ((long double)q0[g] + d * q1[g]);
    *n += score;
    for (int j = 0; j < P; j++) {
      long double mu = 0;
      for (int h = 0; h < G; h++) mu += v[h] * ((long double)m0[h * P + j] + d * m1[h * P + j]);
      score -= alpha[g * P + j] * mu;
    }
    *s += score * score;
  }
}

static void replicates_follow_the_definition(void) {
  fe_wild w = parts();
  fe_exec exec = {2, NULL, NULL};
  double out[5 * REPS], v[G];
  for (int kind = FE_RADEMACHER; kind <= FE_NORMAL; kind++) {
    check(fe_wild_replicates(&w, (fe_wild_kind)kind, 0, 77, 5, REPS, &exec, out) == FE_OK);
    for (int r = 0; r < REPS; r++) {
      const double *o = out + 5 * r, d = 0.3 * r - 20;
      long double n, s;
      fe_wild_draw((fe_wild_kind)kind, 0, 77, 5 + (uint64_t)r, G, v);
      by_definition(v, d, &n, &s);
      check(fabsl(o[0] + d * o[1] - n) < 1e-10L * (1 + fabsl(n)));
      check(fabsl(o[2] + 2 * d * o[3] + d * d * o[4] - s) < 1e-10L * (1 + s));
    }
  }
}

static void threads_change_nothing(void) {
  fe_wild w = parts();
  double one[5 * REPS], many[5 * REPS];
  fe_exec exec = {1, NULL, NULL};
  check(fe_wild_replicates(&w, FE_WEBB, 0, 3, 0, REPS, &exec, one) == FE_OK);
  for (exec.threads = 2; exec.threads <= 4; exec.threads += 2) {
    check(fe_wild_replicates(&w, FE_WEBB, 0, 3, 0, REPS, &exec, many) == FE_OK);
    check(memcmp(one, many, sizeof one) == 0);
  }
}

/* mean zero, variance one; third moment one for Mammen's */
static void weights_have_their_moments(void) {
  enum { DRAWS = 40000 };
  for (int kind = FE_RADEMACHER; kind <= FE_NORMAL; kind++) {
    double sum = 0, squares = 0, cubes = 0, v[G];
    for (uint64_t r = 0; r < DRAWS; r++) {
      fe_wild_draw((fe_wild_kind)kind, 0, 11, r, G, v);
      for (int g = 0; g < G; g++) {
        sum += v[g];
        squares += v[g] * v[g];
        cubes += v[g] * v[g] * v[g];
      }
    }
    double n = (double)DRAWS * G;
    check(fabs(sum / n) < 0.01);
    check(fabs(squares / n - 1) < 0.02);
    check(fabs(cubes / n - (kind == FE_MAMMEN ? 1 : 0)) < 0.05);
  }
}

static void enumeration_visits_every_sign_vector_once(void) {
  unsigned char seen[1 << G] = {0};
  double v[G];
  for (uint64_t r = 0; r < 1u << G; r++) {
    unsigned code = 0;
    fe_wild_draw(FE_RADEMACHER, 1, 0, r, G, v);
    for (int g = 0; g < G; g++) code |= (unsigned)(v[g] < 0) << g;
    seen[code]++;
  }
  for (int c = 0; c < 1 << G; c++) check(seen[c] == 1);
}

static void impossible_requests_are_refused(void) {
  fe_wild w = parts();
  fe_exec exec = {1, NULL, NULL};
  double out[5];
  w.n_clusters = 0;
  check(fe_wild_replicates(&w, FE_WEBB, 0, 3, 0, 1, &exec, out) == FE_EINVAL);
  w.n_clusters = 63;
  check(fe_wild_replicates(&w, FE_RADEMACHER, 1, 3, 0, 1, &exec, out) == FE_EINVAL);
}

int main(void) {
  run(replicates_follow_the_definition);
  run(threads_change_nothing);
  run(weights_have_their_moments);
  run(enumeration_visits_every_sign_vector_once);
  run(impossible_requests_are_refused);
  return report();
}
