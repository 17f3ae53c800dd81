/* Oracle: numerators and variances of every replicate from their definition, cluster by cluster in
 * long double, in the two forms that the core knows. */
#include "wild.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "minunit.h"

enum { TILE = FE_WILD_TILE, WIDTH = 5 * TILE };
enum { H = 70, G = 9, P = 5, REPS = 100, PARTS = 2, PAIRS = 3 };

static double number(int i, int salt) { return sin(1.7 * i + salt) + 0.1 * (i % 5); }

/* Cluster g has the entries h = g, g + G, ...; parts 0 and 1 share alpha. */
static double score(int part, int h, int j) { return number(h * P + j, 3 + part); }
static double entry(int part, int h) { return number(h, 1 + part); }
static double alpha(int g, int j) { return number(g * P + j, 5) / 10; }

static double func[H * WIDTH], value[H * PARTS], weight[G], all_alpha[G * TILE], scale[PARTS];
static int start[G + 1], boot[H];
static const int alpha_of[PARTS] = {0, 0}, mu_at[PARTS] = {1, 2};
static const fe_wild_term terms[] = {
    {1, 3, 1, 0, -1}, {1, 4, 1, 1, -0.5}, {2, 3, 1, 1, -0.5}, {2, 4, 1, 2, -1}};

/* kappa = 2 sum_g (C v)_g alpha_g - Psi mu for the unit vector of h */
static void fill_functionals(int n_boot) {
  memset(func, 0, sizeof func);
  for (int h = 0; h < n_boot; h++) {
    double *f = func + h * WIDTH;
    for (int part = 0; part < PARTS; part++) {
      f[part] = score(part, h, 0);
      double *mu = f + (1 + part) * TILE, *kappa = f + (3 + part) * TILE;
      for (int j = 0; j < P; j++) {
        mu[j] = score(part, h, j);
        kappa[j] = 2 * entry(part, h) * alpha(h % G, j);
        for (int g = 0; g < G; g++) {
          for (int k = 0; k < P; k++) kappa[j] -= alpha(g, j) * alpha(g, k) * score(part, h, k);
        }
      }
    }
  }
}

static fe_wild parts(int n_boot) {
  int e = 0;
  fill_functionals(n_boot);
  scale[0] = scale[1] = 0;
  for (int g = 0; g < G; g++) {
    start[g] = e;
    weight[g] = 1;
    for (int h = g; h < n_boot; h += G, e++) {
      boot[e] = h;
      for (int part = 0; part < PARTS; part++) {
        value[e * PARTS + part] = entry(part, h);
        scale[part] += entry(part, h) * entry(part, h);
      }
    }
    for (int j = 0; j < TILE; j++) all_alpha[g * TILE + j] = j < P ? alpha(g, j) : 0;
  }
  start[G] = e;
  fe_wild w = {n_boot, PARTS, 5, func, 4, terms, NULL, scale,
               {G, start, boot, value, weight, 1, all_alpha, 1, 1, alpha_of, mu_at}};
  return w;
}

static void by_definition(const double *v, int n_boot, long double *n, long double *s) {
  long double mu[PARTS][P] = {{0}};
  memset(s, 0, PAIRS * sizeof *s);
  for (int part = 0; part < PARTS; part++) {
    for (int h = 0; h < n_boot; h++) {
      for (int j = 0; j < P; j++) mu[part][j] += (long double)v[h] * score(part, h, j);
    }
    n[part] = mu[part][0];
  }
  for (int g = 0; g < G; g++) {
    long double k[PARTS] = {0};
    for (int part = 0; part < PARTS; part++) {
      for (int h = g; h < n_boot; h += G) k[part] += (long double)v[h] * entry(part, h);
      for (int j = 0; j < P; j++) k[part] -= alpha(g, j) * mu[part][j];
    }
    s[0] += k[0] * k[0];
    s[1] += k[0] * k[1];
    s[2] += k[1] * k[1];
  }
}

static int follows(const fe_wild *w, fe_wild_draws draws, double tol) {
  static double out[(PARTS + PAIRS) * REPS];
  double v[H];
  fe_exec exec = {2, NULL, NULL};
  long double n[PARTS], s[PAIRS];
  if (fe_wild_replicates(w, &draws, REPS, &exec, out) != FE_OK) return 0;
  for (int r = 0; r < REPS; r++) {
    fe_wild_draw(&draws, (uint64_t)r, w->n_boot, v);
    by_definition(v, w->n_boot, n, s);
    for (int k = 0; k < PARTS; k++) {
      if (!(fabsl(out[k * REPS + r] - n[k]) <= tol * (1 + fabsl(n[k])))) return 0;
    }
    for (int k = 0; k < PAIRS; k++) {
      if (!(fabsl(out[(PARTS + k) * REPS + r] - s[k]) <= tol * (1 + fabsl(s[k])))) return 0;
    }
  }
  return 1;
}

static void replicates_follow_the_definition(void) {
  const int sizes[] = {1, 4, 9, 33, 63, H};
  for (int kind = FE_RADEMACHER; kind <= FE_GAMMA; kind++) {
    for (int k = 0; k < 6; k++) {
      fe_wild w = parts(sizes[k]);
      fe_wild_draws draws = {(fe_wild_kind)kind, 0, 77, 5};
      check(follows(&w, draws, 1e-9));
    }
  }
}

/* One cluster a bootstrap cluster: squares of the weights. */
static void squares_of_own_clusters_are_a_diagonal(void) {
  double diag[G * PAIRS];
  for (int h = 0; h < G; h++) {
    diag[h * PAIRS] = entry(0, h) * entry(0, h);
    diag[h * PAIRS + 1] = entry(0, h) * entry(1, h);
    diag[h * PAIRS + 2] = entry(1, h) * entry(1, h);
  }
  for (int kind = FE_RADEMACHER; kind <= FE_GAMMA; kind++) {
    fe_wild w = parts(G);
    fe_wild_draws draws = {(fe_wild_kind)kind, 0, 5, 0};
    w.rows.counted = 0;
    w.diag = diag;
    check(follows(&w, draws, 1e-9));
  }
  fe_wild w = parts(G);
  fe_wild_draws all = {FE_RADEMACHER, 1, 0, 0};
  w.rows.counted = 0;
  w.diag = diag;
  check(follows(&w, all, 1e-9));
}

/* With entries that alpha'mu all but explains, the expanded terms lose ten digits. */
static void cancelling_terms_are_computed_again(void) {
  static double plain[WIDTH], out[(PARTS + PAIRS) * 2];
  double one_value[2] = {1, 1}, one_alpha[TILE] = {1 - 1e-7}, one_scale[2] = {1, 1}, one = 1;
  int begin[2] = {0, 1}, where = 0;
  memset(plain, 0, sizeof plain);
  plain[0] = plain[1] = plain[TILE] = plain[2 * TILE] = 1;
  plain[3 * TILE] = plain[4 * TILE] = 2 * one_alpha[0] - one_alpha[0] * one_alpha[0];
  fe_wild w = {1, 2, 5, plain, 4, terms, NULL, one_scale,
               {1, begin, &where, one_value, &one, 1, one_alpha, 1, 1, alpha_of, mu_at}};
  fe_wild_draws draws = {FE_RADEMACHER, 1, 0, 0};
  fe_exec exec = {1, NULL, NULL};
  double square = (1 - one_alpha[0]) * (1 - one_alpha[0]);
  check(fe_wild_replicates(&w, &draws, 2, &exec, out) == FE_OK);
  for (int k = 4; k < 10; k++) check(fabs(out[k] / square - 1) < 1e-12);
  one_alpha[0] = 1;
  plain[3 * TILE] = plain[4 * TILE] = 1;
  check(fe_wild_replicates(&w, &draws, 2, &exec, out) == FE_OK);
  check(out[4] == 0 && out[5] == 0 && out[8] == 0 && out[9] == 0);
}

static void threads_change_nothing(void) {
  enum { MANY = 3000, SIZE = (PARTS + PAIRS) * MANY };
  fe_wild w = parts(H);
  double *one = malloc(SIZE * sizeof *one), *many = malloc(SIZE * sizeof *many);
  for (int kind = FE_RADEMACHER; kind <= FE_GAMMA; kind++) {
    fe_exec exec = {1, NULL, NULL};
    fe_wild_draws draws = {(fe_wild_kind)kind, 0, 3, 0};
    check(fe_wild_replicates(&w, &draws, MANY, &exec, one) == FE_OK);
    for (exec.threads = 2; exec.threads <= 4; exec.threads += 2) {
      check(fe_wild_replicates(&w, &draws, MANY, &exec, many) == FE_OK);
      check(memcmp(one, many, SIZE * sizeof *one) == 0);
    }
  }
  free(one);
  free(many);
}

/* mean zero, variance one; third moment one for Mammen's and the gamma */
static void weights_have_their_moments(void) {
  enum { DRAWS = 100000 };
  for (int kind = FE_RADEMACHER; kind <= FE_GAMMA; kind++) {
    double sum = 0, squares = 0, cubes = 0, v[G];
    fe_wild_draws draws = {(fe_wild_kind)kind, 0, 11, 0};
    for (uint64_t r = 0; r < DRAWS; r++) {
      fe_wild_draw(&draws, r, G, v);
      for (int g = 0; g < G; g++) {
        sum += v[g];
        squares += v[g] * v[g];
        cubes += v[g] * v[g] * v[g];
      }
    }
    double n = (double)DRAWS * G;
    check(fabs(sum / n) < 0.006);
    check(fabs(squares / n - 1) < 0.015);
    check(fabs(cubes / n - (kind == FE_MAMMEN || kind == FE_GAMMA ? 1 : 0)) < 0.05);
  }
}

static void enumeration_visits_every_sign_vector_once(void) {
  unsigned char seen[1 << G] = {0};
  double v[G];
  fe_wild_draws draws = {FE_RADEMACHER, 1, 0, 0};
  for (uint64_t r = 0; r < 1u << G; r++) {
    unsigned code = 0;
    fe_wild_draw(&draws, r, G, v);
    for (int g = 0; g < G; g++) code |= (unsigned)(v[g] < 0) << g;
    seen[code]++;
  }
  for (int c = 0; c < 1 << G; c++) check(seen[c] == 1);
}

static void counts_are_those_of_the_statistics(void) {
  enum { N = 1300, GRID = 3 };
  static double x[5 * N];
  for (int r = 0; r < N; r++) {
    x[r] = number(r, 1);
    x[N + r] = number(r, 2) / 3;
    x[2 * N + r] = 0.5 + fabs(number(r, 3)) - (r % 50 == 0);
    x[3 * N + r] = 0.1 * number(r, 4);
    x[4 * N + r] = 0.3;
  }
  const double d[GRID] = {0, -1.5, 2}, e[GRID] = {0.8, -0.4, 0}, v = 0.7;
  fe_wild_poly p = {N, x, x + N, x + 2 * N, x + 3 * N, x + 4 * N};
  fe_exec exec = {2, NULL, NULL};
  int64_t count[FE_WILD_COUNTS * GRID];
  check(fe_wild_count(&p, v, e, d, GRID, 1, &exec, count) == FE_OK);
  for (int k = 0; k < GRID; k++) {
    int64_t beyond = 0, above = 0, below = 0, positive = 0;
    for (int r = 0; r < N; r++) {
      double s = x[2 * N + r] + 2 * d[k] * x[3 * N + r] + d[k] * d[k] * x[4 * N + r];
      double t = (x[r] + d[k] * x[N + r]) / sqrt(s), own = e[k] / sqrt(v);
      if (!(s > 0)) continue;
      positive++;
      beyond += fabs(t) > fabs(own);
      above += t > own;
      below += t < own;
    }
    const int64_t *c = count + FE_WILD_COUNTS * k;
    check(c[0] == beyond && c[1] == above && c[2] == below && c[3] == positive);
  }
  check(count[3] < N);
}

static void wald_statistics_solve_with_the_variance(void) {
  const double rep[] = {1, 1, 2, 2, 4, 1, 1, 3, 5, 1}; /* two replicates: n0, n1, v00, v01, v11 */
  double out[2];
  fe_exec exec = {1, NULL, NULL};
  check(fe_wild_wald(rep, 2, 2, &exec, out) == FE_OK);
  /* (1, 2) with (4, 1; 1, 5) */
  check_near(out[0], (5 * 1 - 2 * 1 * 2 + 4 * 4) / 19.0, 1e-14);
  check(isnan(out[1])); /* (1, 3; 3, 1) is not positive definite */
}

static void impossible_requests_are_refused(void) {
  fe_exec exec = {1, NULL, NULL};
  double out[5];
  fe_wild w = parts(H);
  fe_wild_draws draws = {FE_WEBB, 0, 3, 0};
  w.n_boot = 0;
  check(fe_wild_replicates(&w, &draws, 1, &exec, out) == FE_EINVAL);
  w = parts(63);
  draws = (fe_wild_draws){FE_RADEMACHER, 1, 3, 0};
  check(fe_wild_replicates(&w, &draws, 1, &exec, out) == FE_EINVAL);
}

int main(void) {
  run(replicates_follow_the_definition);
  run(squares_of_own_clusters_are_a_diagonal);
  run(cancelling_terms_are_computed_again);
  run(threads_change_nothing);
  run(weights_have_their_moments);
  run(enumeration_visits_every_sign_vector_once);
  run(counts_are_those_of_the_statistics);
  run(wald_statistics_solve_with_the_variance);
  run(impossible_requests_are_refused);
  return report();
}
