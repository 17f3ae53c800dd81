/* Weights of the wild bootstrap: mean zero, variance one. */
#include <math.h>
#include <string.h>

#include "rng.h"
#include "wild_private.h"

#define PI 3.14159265358979323846

/* The stream of one replicate: word i of block i / 4. The last counter word sets it apart from that
 * of the multinomial weights. */
typedef struct {
  uint32_t key[2], counter[4], word[4];
  int left;
} stream;

static stream stream_start(uint64_t seed, uint64_t r) {
  stream s = {{(uint32_t)seed, (uint32_t)(seed >> 32)},
              {0, (uint32_t)r, (uint32_t)(r >> 32), 1},
              {0},
              0};
  return s;
}

static uint32_t stream_next(stream *s) {
  if (s->left == 0) {
    memcpy(s->word, s->counter, sizeof s->word);
    fe_philox4x32(s->word, s->key);
    s->counter[0]++;
    s->left = 4;
  }
  return s->word[4 - s->left--];
}

/* Uniform on the open unit interval. */
static double stream_uniform(stream *s) { return (stream_next(s) + 0.5) / 4294967296.0; }

/* Webb (2014): +- sqrt(1/2), 1, sqrt(3/2), each with probability 1/6. */
static void draw_webb(stream *s, int n, double *v) {
  const double size[3] = {sqrt(0.5), 1.0, sqrt(1.5)};
  for (int g = 0; g < n; g++) {
    int k = (int)(stream_uniform(s) * 6.0);
    v[g] = k < 3 ? size[k] : -size[k - 3];
  }
}

/* Box and Muller (1958). */
static void draw_normal(stream *s, int n, double *v) {
  for (int g = 0; g < n; g += 2) {
    double radius = sqrt(-2.0 * log(stream_uniform(s)));
    double angle = 2.0 * PI * stream_uniform(s);
    v[g] = radius * cos(angle);
    if (g + 1 < n) v[g + 1] = radius * sin(angle);
  }
}

/* Liu (1988): gamma with shape 4 and scale 1/2, less its mean; the third moment is one. A sum of
 * four exponentials. */
static void draw_gamma(stream *s, int n, double *v) {
  for (int g = 0; g < n; g++) {
    double product = stream_uniform(s) * stream_uniform(s);
    product *= stream_uniform(s);
    product *= stream_uniform(s);
    v[g] = -0.5 * log(product) - 2.0;
  }
}

/* Mammen (1993): (1 - sqrt 5)/2 with probability (sqrt 5 + 1)/(2 sqrt 5), else (1 + sqrt 5)/2. */
int fe_wild_two_values(fe_wild_kind kind, double value[2]) {
  if (kind == FE_RADEMACHER) {
    value[0] = -1;
    value[1] = 1;
    return 1;
  }
  if (kind != FE_MAMMEN) return 0;
  value[0] = (1 + sqrt(5.0)) / 2;
  value[1] = (1 - sqrt(5.0)) / 2;
  return 1;
}

/* Bits of clusters 32 k .. 32 k + 31; s: the stream of the replicate, r: its number. */
static uint32_t next_bits(const fe_wild_draws *draws, stream *s, uint64_t r, int k, int n) {
  if (draws->enumerate) return ~(uint32_t)(r >> 32 * k);
  if (draws->kind == FE_RADEMACHER) return stream_next(s);
  const double p = (sqrt(5.0) + 1) / (2 * sqrt(5.0));
  uint32_t word = 0;
  for (int g = 0; g < 32 && 32 * k + g < n; g++) {
    word |= (uint32_t)(stream_uniform(s) < p) << g;
  }
  return word;
}

void fe_wild_bits(const fe_wild_draws *draws, uint64_t r, int n_boot, uint32_t *bits) {
  stream s = stream_start(draws->seed, draws->first + r);
  for (int k = 0; 32 * k < n_boot; k++) {
    bits[k] = next_bits(draws, &s, draws->first + r, k, n_boot);
  }
}

static void draw_two_values(const fe_wild_draws *draws, uint64_t r, int n, const double value[2],
                            double *v) {
  stream s = stream_start(draws->seed, draws->first + r);
  uint32_t bits = 0;
  for (int g = 0; g < n; g++) {
    if (g % 32 == 0) bits = next_bits(draws, &s, draws->first + r, g / 32, n);
    v[g] = value[bits & 1u];
    bits >>= 1;
  }
}

void fe_wild_draw(const fe_wild_draws *draws, uint64_t r, int n_boot, double *v) {
  double value[2];
  if (fe_wild_two_values(draws->kind, value)) {
    draw_two_values(draws, r, n_boot, value, v);
    return;
  }
  stream s = stream_start(draws->seed, draws->first + r);
  if (draws->kind == FE_WEBB) draw_webb(&s, n_boot, v);
  if (draws->kind == FE_NORMAL) draw_normal(&s, n_boot, v);
  if (draws->kind == FE_GAMMA) draw_gamma(&s, n_boot, v);
}
