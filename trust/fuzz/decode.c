#include "fuzz.h"

#include <float.h>
#include <stdio.h>

const fe_exec alone = {1, NULL, NULL};

void fuzz_demand(int ok, const char *text, const char *file, int line) {
  if (ok) return;
  fprintf(stderr, "%s:%d: not true: %s\n", file, line, text);
  abort();
}

/* ---- bytes ---------------------------------------------------------------------------------- */

bytes bytes_of(const uint8_t *data, size_t size) {
  uint64_t state = 88172645463325252u;
  for (size_t i = 0; i < 2 && i < size; i++) state = state * 257 + data[i];
  return (bytes){data, size, 0, state};
}

/* xorshift64 (Marsaglia 2003) behind the end. */
uint8_t take(bytes *b) {
  if (b->at < b->size) return b->data[b->at++];
  b->state ^= b->state << 13;
  b->state ^= b->state >> 7;
  b->state ^= b->state << 17;
  return (uint8_t)(b->state >> 40);
}

uint32_t take_below(bytes *b, uint32_t n) {
  uint32_t x = take(b);
  if (n > 256) x = x << 8 | take(b);
  if (n > 65536) x = x << 8 | take(b);
  return n ? x % n : 0;
}

uint64_t take_word(bytes *b) {
  uint64_t x = 0;
  for (int i = 0; i < 8; i++) x = x << 8 | take(b);
  return x;
}

double take_plain(bytes *b) {
  int high = take(b);
  if (high < 160) return high % 7 - 3;
  int low = take(b);
  return ((high % 64 - 32) * 256 + low) / 256.0;
}

double take_finite(bytes *b) {
  switch (take(b) % 16) {
    case 0: return -0.0;
    case 1: return DBL_TRUE_MIN * (1 + take(b));
    case 2: return 1e300 * (take(b) - 128) / 128;
    case 3: return ldexp(take_plain(b), (int)take_below(b, 2000) - 1020);
    case 4: return 1 + DBL_EPSILON * take(b);
    default: return take_plain(b);
  }
}

double take_any(bytes *b) {
  switch (take(b) % 16) {
    case 0: return NAN;
    case 1: return INFINITY;
    case 2: return -INFINITY;
    default: return take_finite(b);
  }
}

/* ---- problems ------------------------------------------------------------------------------- */

int take_codes(bytes *b, int n, int most, int *code) {
  int number[256] = {0}, levels = 0;
  if (most > 256) most = 256;
  for (int i = 0; i < n; i++) {
    int *g = &number[take_below(b, (uint32_t)most)];
    if (!*g) *g = ++levels;
    code[i] = *g;
  }
  return levels;
}

static double take_weight(bytes *b, int kind) {
  int x = take(b);
  switch (kind) {
    case 1: return 0.5 + x / 64.0;
    case 2: return x % 4;
    case 3: return x % 8 ? ldexp(1 + x / 256.0, take(b) % 61 - 30) : 0;
    default: return x % 8 ? ldexp(1 + x / 256.0, (int)take_below(b, 1400) - 1074) : 0;
  }
}

int take_weights(bytes *b, int n, double *weight, weight_range *range) {
  int kind = take(b) % 16;
  double largest = 0;
  kind = kind == 15 ? 4 : kind % 4;
  for (int i = 0; i < n && kind; i++) {
    weight[i] = take_weight(b, kind);
    largest = fmax(largest, weight[i]);
  }
  if (kind && !(largest >= 1e-100 && largest <= 1e100)) {
    for (int i = 0; i < n; i++) weight[i] = fmin(weight[i], 1e100);
    weight[0] = 1;
  }
  *range = kind == 4 ? EXTREME : kind == 3 ? WIDE : TAME;
  return kind != 0;
}

double weight_of(const problem *p, int i) { return p->w ? p->w[i] : 1; }

void take_problem(bytes *b, problem *p) {
  memset(p, 0, sizeof *p);
  int n = 1 + (int)take_below(b, MAX_N), q = 1 + (int)take_below(b, MAX_Q);
  p->codes = (fe_codes){n, q, p->view, p->n_levels};
  for (int f = 0; f < q; f++) {
    p->view[f] = p->code[f];
    p->n_levels[f] = take_codes(b, n, 1 + (int)take_below(b, (uint32_t)n), p->code[f]);
    p->levels += p->n_levels[f];
  }
  p->w = take_weights(b, n, p->weight, &p->range) ? p->weight : NULL;
  p->k = 1 + take(b) % MAX_K;
  for (int j = 0; j < p->k; j++) {
    int plain = take(b) % 4;
    p->col[j] = p->x[j];
    for (int i = 0; i < n; i++) {
      p->x[j][i] = plain ? take_plain(b) : weight_of(p, i) > 0 ? take_finite(b) : 0;
    }
    p->plain[j] = plain != 0;
  }
}

/* ---- oracle --------------------------------------------------------------------------------- */

long double long_norm(const long double *v, int n) {
  long double square = 0;
  for (int i = 0; i < n; i++) square += v[i] * v[i];
  return sqrtl(square);
}

void basis_remove(const basis *b, long double *v) {
  for (int t = 0; t < 2 * b->rank; t++) {
    const long double *u = b->vector[t % b->rank];
    long double dot = 0;
    for (int i = 0; i < b->n; i++) dot += u[i] * v[i];
    for (int i = 0; i < b->n; i++) v[i] -= dot * u[i];
  }
}

void basis_add(basis *b, long double *v, long double tol) {
  long double whole = long_norm(v, b->n);
  basis_remove(b, v);
  long double left = long_norm(v, b->n);
  if (b->rank == b->n || !(left > tol * whole)) return;
  for (int i = 0; i < b->n; i++) b->vector[b->rank][i] = v[i] / left;
  b->rank++;
}

void basis_of_dummies(const problem *p, int weighted, basis *b) {
  b->n = (int)p->codes.n;
  b->rank = 0;
  for (int f = 0; f < p->codes.q; f++) {
    for (int g = 1; g <= p->n_levels[f]; g++) {
      long double v[MAX_N];
      for (int i = 0; i < b->n; i++) {
        double w = weight_of(p, i);
        v[i] = p->code[f][i] != g || w <= 0 ? 0 : weighted ? sqrtl((long double)w) : 1;
      }
      basis_add(b, v, 1e-13L);
    }
  }
}

/* Of one factor, squared. */
static long double factor_equations(const fe_codes *codes, int f, const double *w,
                                    const double *r) {
  size_t n = (size_t)codes->n_levels[f];
  long double *sum = calloc(2 * n + 1, sizeof *sum), *size = sum + n, square = 0;
  demand(sum != NULL);
  for (int64_t i = 0; i < codes->n; i++) {
    int g = codes->code[f][i] - 1;
    if (w && w[i] <= 0) continue;
    sum[g] += (w ? w[i] : 1) * (long double)r[i];
    size[g] += w ? w[i] : 1;
  }
  for (size_t g = 0; g < n; g++) square += size[g] > 0 ? sum[g] * sum[g] / size[g] : 0;
  free(sum);
  return square;
}

long double normal_equations(const fe_codes *codes, const double *w, const double *r) {
  long double square = 0;
  for (int f = 0; f < codes->q; f++) square += factor_equations(codes, f, w, r);
  return sqrtl(square);
}

long double weighted_norm(const double *x, int64_t n, const double *w) {
  long double square = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!w || w[i] > 0) square += (w ? w[i] : 1) * (long double)x[i] * x[i];
  }
  return sqrtl(square);
}

int close_to(double x, double y, double tol, double size) {
  return fabs(x - y) <= tol * (size + fabs(y));
}
