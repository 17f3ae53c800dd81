/* Philox4x32-10: Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as
 * 1, 2, 3", doi:10.1145/2063384.2063405. Bounded integers: Lemire (2019), "Fast random integer
 * generation in an interval", doi:10.1145/3230636.
 *
 * Draws of replicate r under a seed are the outputs for the counters (0, r, kind), (1, r, kind),
 * ... with r in two words, read four words at a time; the last counter word, the kind of draws,
 * sets those of one kind apart from all others under the same seed. */
#include "rng.h"

#include <math.h>
#include <stddef.h>

void fe_philox4x32(uint32_t c[4], const uint32_t key[2]) {
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t x = (uint64_t)0xD2511F53u * c[0];
    uint64_t y = (uint64_t)0xCD9E8D57u * c[2];
    c[0] = (uint32_t)(y >> 32) ^ c[1] ^ k0;
    c[1] = (uint32_t)y;
    c[2] = (uint32_t)(x >> 32) ^ c[3] ^ k1;
    c[3] = (uint32_t)x;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

typedef struct {
  uint32_t key[2];
  uint64_t replicate;
  uint32_t kind;
  uint32_t block;   /* number of the next block of four */
  uint32_t word[4]; /* the current block */
  int unread;
} stream;

static stream new_stream(uint64_t seed, uint64_t replicate, uint32_t kind) {
  stream s = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .replicate = replicate,
              .kind = kind};
  return s;
}

static uint32_t next_word(stream *s) {
  if (s->unread == 0) {
    s->word[0] = s->block++;
    s->word[1] = (uint32_t)s->replicate;
    s->word[2] = (uint32_t)(s->replicate >> 32);
    s->word[3] = s->kind;
    fe_philox4x32(s->word, s->key);
    s->unread = 4;
  }
  return s->word[4 - s->unread--];
}

/* The high word of x * n is uniform on 0..n-1 once the 2^32 mod n smallest low words, which
 * would be one too many for some results, are rejected. */
static uint32_t next_below(stream *s, uint32_t n, uint32_t threshold) {
  uint64_t product;
  do {
    product = (uint64_t)next_word(s) * n;
  } while ((uint32_t)product < threshold);
  return (uint32_t)(product >> 32);
}

static uint32_t rejection_threshold(uint32_t n) { return (0u - n) % n; } /* 2^32 mod n */

void fe_multinomial(uint64_t seed, uint64_t replicate, int n_groups, int n_draws, double *count) {
  stream s = new_stream(seed, replicate, FE_STREAM_MULTINOMIAL);
  for (int g = 0; g < n_groups; g++) count[g] = 0;
  if (n_groups < 1) return;
  uint32_t n = (uint32_t)n_groups, threshold = rejection_threshold(n);
  for (int i = 0; i < n_draws; i++) count[next_below(&s, n, threshold)] += 1;
}

void fe_draw_indices(uint64_t seed, uint64_t replicate, int n_groups, int n_draws, int *index) {
  stream s = new_stream(seed, replicate, FE_STREAM_INDEX);
  if (n_groups < 1) return;
  uint32_t n = (uint32_t)n_groups, threshold = rejection_threshold(n);
  for (int i = 0; i < n_draws; i++) index[i] = (int)next_below(&s, n, threshold);
}

/* Uniform on the open unit interval: the middles of 2^52 parts, which are exact. */
static double next_uniform(stream *s) {
  double high = next_word(s) >> 5, low = next_word(s) >> 7;
  return (high * 33554432.0 + low + 0.5) / 4503599627370496.0;
}

void fe_dirichlet(uint64_t seed, uint64_t replicate, int n, double *w) {
  stream s = new_stream(seed, replicate, FE_STREAM_DIRICHLET);
  double sum = 0;
  for (int g = 0; g < n; g++) sum += w[g] = -log(next_uniform(&s));
  for (int g = 0; g < n; g++) w[g] *= n / sum;
}
