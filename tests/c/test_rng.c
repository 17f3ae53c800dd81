#include "rng.h"

#include <string.h>

#include "minunit.h"

static int philox_gives(const uint32_t counter[4], const uint32_t key[2],
                        const uint32_t answer[4]) {
  uint32_t c[4];
  memcpy(c, counter, sizeof c);
  fe_philox4x32(c, key);
  return memcmp(c, answer, sizeof c) == 0;
}

/* The known-answer vectors published with Random123 (kat_vectors, philox4x32 10). */
static void philox_gives_the_published_answers(void) {
  const uint32_t zero[4] = {0, 0, 0, 0};
  const uint32_t ones[4] = {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};
  const uint32_t pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
  const uint32_t pi_key[2] = {0xa4093822, 0x299f31d0};
  const uint32_t of_zero[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  const uint32_t of_ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
  const uint32_t of_pi[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
  check(philox_gives(zero, zero, of_zero));
  check(philox_gives(ones, ones, of_ones));
  check(philox_gives(pi, pi_key, of_pi));
}

/* Draws written out: words of the counters (block, replicate, 0) in order, multiply-shift. Of
 * 2^32 words only four are rejected for six groups, none of them among these. */
static void multinomial_reads_the_stream_in_order(void) {
  const uint64_t seed = 0x0123456789abcdefu, replicate = 0x500000007u;
  const uint32_t key[2] = {0x89abcdef, 0x01234567};
  double count[6], expected[6] = {0};
  for (uint32_t block = 0; block < 1000; block++) {
    uint32_t c[4] = {block, 7, 5, 0};
    fe_philox4x32(c, key);
    for (int i = 0; i < 4; i++) expected[((uint64_t)c[i] * 6) >> 32] += 1;
  }
  fe_multinomial(seed, replicate, 6, 4000, count);
  check(memcmp(count, expected, sizeof count) == 0);
}

/* With 3 * 2^19 groups, 2^20 of the 2^32 words are rejected: those whose product with the number
 * of groups has a low half below 2^32 mod 3 * 2^19 = 2^20. */
static void rejected_words_are_passed_over(void) {
  enum { GROUPS = 3 << 19, DRAWS = 100000 };
  static double count[GROUPS], expected[GROUPS];
  const uint32_t key[2] = {42, 0};
  int found = 0, rejected = 0;
  for (uint32_t block = 0; found < DRAWS; block++) {
    uint32_t c[4] = {block, 0, 0, 0};
    fe_philox4x32(c, key);
    for (int i = 0; i < 4 && found < DRAWS; i++) {
      uint64_t product = (uint64_t)c[i] * GROUPS;
      int good = (product & 0xffffffffu) >= (1u << 20);
      if (good) expected[product >> 32] += 1;
      found += good;
      rejected += !good;
    }
  }
  fe_multinomial(42, 0, GROUPS, DRAWS, count);
  check(rejected > 5);
  check(memcmp(count, expected, sizeof count) == 0);
}

static void counts_sum_to_the_draws(void) {
  double count[63], sum;
  for (uint64_t r = 0; r < 200; r++) {
    fe_multinomial(1, r, 63, 63, count);
    sum = 0;
    for (int g = 0; g < 63; g++) sum += count[g];
    check(sum == 63);
  }
  fe_multinomial(1, 0, 1, 5, count);
  check(count[0] == 5);
  fe_multinomial(1, 0, 3, 0, count);
  check(count[0] == 0 && count[1] == 0 && count[2] == 0);
}

/* Pearson's statistic of the pooled counts is chi-squared on 62 degrees: mean 62, sd 11.1. */
static void groups_are_equally_likely(void) {
  double count[63], pooled[63] = {0}, chi = 0;
  const int replicates = 2000;
  for (int r = 0; r < replicates; r++) {
    fe_multinomial(20240229, (uint64_t)r, 63, 63, count);
    for (int g = 0; g < 63; g++) pooled[g] += count[g];
  }
  for (int g = 0; g < 63; g++) chi += (pooled[g] - replicates) * (pooled[g] - replicates);
  chi /= replicates;
  check(chi > 62 - 3.5 * 11.1 && chi < 62 + 3.5 * 11.1);
}

/* A count is Binomial(63, 1/63): mean 1, variance 62/63; two counts covary by -1/63. */
static void counts_have_multinomial_moments(void) {
  double count[63], square = 0, cross = 0;
  const int replicates = 20000;
  for (int r = 0; r < replicates; r++) {
    fe_multinomial(7, (uint64_t)r, 63, 63, count);
    for (int g = 0; g < 63; g++) square += (count[g] - 1) * (count[g] - 1);
    cross += (count[0] - 1) * (count[1] - 1);
  }
  check_near(square / replicates / 63, 62.0 / 63, 0.005);
  check_near(cross / replicates, -1.0 / 63, 0.03);
}

static void draws_do_not_depend_on_the_order_of_calls(void) {
  double forward[20][10], count[10];
  for (int r = 0; r < 20; r++) fe_multinomial(99, (uint64_t)r, 10, 10, forward[r]);
  for (int r = 19; r >= 0; r--) {
    fe_multinomial(99, (uint64_t)r, 10, 10, count);
    check(memcmp(count, forward[r], sizeof count) == 0);
  }
}

static void seeds_and_replicates_differ(void) {
  double a[50], b[50];
  fe_multinomial(1, 1, 50, 50, a);
  fe_multinomial(1, 2, 50, 50, b);
  check(memcmp(a, b, sizeof a) != 0);
  fe_multinomial(1, 1 + ((uint64_t)1 << 32), 50, 50, b);
  check(memcmp(a, b, sizeof a) != 0);
  fe_multinomial(1 + ((uint64_t)1 << 32), 1, 50, 50, b);
  check(memcmp(a, b, sizeof a) != 0);
}

/* Words of kind 3, multiply-shift as for the multinomial counts. */
static void indices_read_a_stream_of_their_own(void) {
  const uint32_t key[2] = {5, 9};
  int index[40];
  fe_draw_indices(5 + ((uint64_t)9 << 32), 77, 6, 40, index);
  for (uint32_t i = 0; i < 40; i++) {
    uint32_t c[4] = {i / 4, 77, 0, FE_STREAM_INDEX};
    fe_philox4x32(c, key);
    check(index[i] == (int)(((uint64_t)c[i % 4] * 6) >> 32));
  }
}

/* Two words of kind 2 make the middle of one of 2^52 parts of the unit interval. */
static void dirichlet_weights_are_exponentials_over_their_mean(void) {
  enum { N = 10 };
  const uint32_t key[2] = {5, 9};
  double w[N], expected[N], sum = 0, total = 0;
  for (uint32_t i = 0; i < N; i++) {
    uint32_t c[4] = {i / 2, 4, 3, FE_STREAM_DIRICHLET};
    fe_philox4x32(c, key);
    uint64_t part = ((uint64_t)(c[i % 2 * 2] >> 5) << 25) + (c[i % 2 * 2 + 1] >> 7);
    expected[i] = -log(((double)part + 0.5) / 4503599627370496.0);
    sum += expected[i];
  }
  fe_dirichlet(5 + ((uint64_t)9 << 32), 4 + ((uint64_t)3 << 32), N, w);
  for (int i = 0; i < N; i++) {
    check_near(w[i], expected[i] * N / sum, 1e-14);
    total += w[i];
  }
  check_near(total, N, 1e-14);
}

/* Of G weights each has mean 1 and variance (G - 1) / (G + 1). */
static void dirichlet_weights_have_their_moments(void) {
  double w[20], mean = 0, square = 0;
  const int replicates = 20000;
  for (int r = 0; r < replicates; r++) {
    fe_dirichlet(1, (uint64_t)r, 20, w);
    mean += w[3];
    square += (w[7] - 1) * (w[7] - 1);
  }
  check_near(mean / replicates, 1, 0.01);
  check_near(square / replicates, 19.0 / 21, 0.03);
}

int main(void) {
  run(philox_gives_the_published_answers);
  run(multinomial_reads_the_stream_in_order);
  run(rejected_words_are_passed_over);
  run(counts_sum_to_the_draws);
  run(groups_are_equally_likely);
  run(counts_have_multinomial_moments);
  run(draws_do_not_depend_on_the_order_of_calls);
  run(seeds_and_replicates_differ);
  run(indices_read_a_stream_of_their_own);
  run(dirichlet_weights_are_exponentials_over_their_mean);
  run(dirichlet_weights_have_their_moments);
  return report();
}
