/* Numbers to test with, the same in every run: xorshift64 (Marsaglia 2003). */
#ifndef XORSHIFT_H
#define XORSHIFT_H

#include <stdint.h>

static inline uint32_t draw(void) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}

/* on [-1/2, 1/2) */
static inline double uniform(void) { return draw() / 4294967296.0 - 0.5; }

#endif
