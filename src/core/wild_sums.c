/* Functionals of the weights, sum_h v_h F_h, for a batch of replicates.
 *
 * Weights of two values need no products: the sums of every four clusters are tabulated for all 16
 * patterns, and a replicate adds one line of each table ("four Russians": Arlazarov, Dinic, Kronrod
 * and Faradzev 1970). A tile of the tables stays in the cache while a batch passes. */
#include <stdlib.h>
#include <string.h>

#include "wild_private.h"

enum { TILE = FE_WILD_TILE, PATTERNS = 16, LARGEST_TABLE = 1 << 12 };

static void fill_table(const fe_wild *w, const double value[2], int tile, int chunk, double *line) {
  size_t width = (size_t)w->n_tiles * TILE;
  for (int pattern = 0; pattern < PATTERNS; pattern++, line += TILE) {
    for (int b = 0; b < 4 && 4 * chunk + b < w->n_boot; b++) {
      const double *row = w->func + (size_t)(4 * chunk + b) * width + (size_t)tile * TILE;
      double v = value[pattern >> b & 1];
      for (int j = 0; j < TILE; j++) line[j] += v * row[j];
    }
  }
}

fe_status fe_wild_sums_new(const fe_wild *w, const fe_wild_draws *draws, fe_wild_sums *s) {
  s->w = w;
  s->draws = *draws;
  s->two_values = fe_wild_two_values(draws->kind, s->value) && w->n_boot <= LARGEST_TABLE;
  s->n_words = (w->n_boot + 31) / 32;
  s->n_chunks = 2 * ((w->n_boot + 7) / 8);
  s->table = NULL;
  if (!s->two_values) return FE_OK;
  size_t line = PATTERNS * TILE, tables = (size_t)w->n_tiles * (size_t)s->n_chunks;
  s->table = calloc(tables * line, sizeof *s->table);
  if (!s->table) return FE_ENOMEM;
  for (int tile = 0; tile < w->n_tiles; tile++) {
    for (int chunk = 0; chunk < s->n_chunks; chunk++) {
      size_t at = (size_t)tile * (size_t)s->n_chunks + (size_t)chunk;
      fill_table(w, s->value, tile, chunk, s->table + at * line);
    }
  }
  return FE_OK;
}

void fe_wild_sums_free(fe_wild_sums *s) { free(s->table); }

/* Eight sums, written out so that compilers keep them in registers and add them in pairs. */
typedef struct {
  double a, b, c, d, e, f, g, h;
} tile_sums;

static inline void add_line(tile_sums *s, const double *x) {
  s->a += x[0];
  s->b += x[1];
  s->c += x[2];
  s->d += x[3];
  s->e += x[4];
  s->f += x[5];
  s->g += x[6];
  s->h += x[7];
}

static inline void add_multiple(tile_sums *s, double v, const double *x) {
  s->a += v * x[0];
  s->b += v * x[1];
  s->c += v * x[2];
  s->d += v * x[3];
  s->e += v * x[4];
  s->f += v * x[5];
  s->g += v * x[6];
  s->h += v * x[7];
}

/* Chunks two by two, in two sums that do not wait for each other. */
static void sum_lines(const double *table, int n_chunks, const uint32_t *bits, double *out) {
  tile_sums even = {0}, odd = {0};
  for (int c = 0; c < n_chunks; c += 2, table += 2 * PATTERNS * TILE) {
    uint32_t byte = bits[c / 8] >> (c % 8 * 4);
    add_line(&even, table + (byte & 15u) * TILE);
    add_line(&odd, table + (PATTERNS + (byte >> 4 & 15u)) * TILE);
  }
  double both[TILE] = {even.a + odd.a, even.b + odd.b, even.c + odd.c, even.d + odd.d,
                       even.e + odd.e, even.f + odd.f, even.g + odd.g, even.h + odd.h};
  memcpy(out, both, sizeof both);
}

static void sum_products(const double *func, size_t width, const double *v, int n_boot,
                         double *out) {
  tile_sums s = {0};
  for (int h = 0; h < n_boot; h++, func += width) add_multiple(&s, v[h], func);
  double all[TILE] = {s.a, s.b, s.c, s.d, s.e, s.f, s.g, s.h};
  memcpy(out, all, sizeof all);
}

static void expand_bits(const fe_wild_sums *s, const uint32_t *bits, double *v) {
  for (int h = 0; h < s->w->n_boot; h++) v[h] = s->value[bits[h / 32] >> (h % 32) & 1u];
}

void fe_wild_sums_batch(const fe_wild_sums *s, uint64_t r, int n, int need_v, double *v,
                        uint32_t *bits, double *f) {
  const fe_wild *w = s->w;
  size_t h = (size_t)w->n_boot, width = (size_t)w->n_tiles * TILE;
  for (int i = 0; i < n; i++) {
    uint32_t *own = bits + (size_t)i * (size_t)s->n_words;
    if (s->table) fe_wild_bits(&s->draws, r + (uint64_t)i, w->n_boot, own);
    if (s->table && need_v) expand_bits(s, own, v + (size_t)i * h);
    if (!s->table) fe_wild_draw(&s->draws, r + (uint64_t)i, w->n_boot, v + (size_t)i * h);
  }
  for (int tile = 0; tile < w->n_tiles; tile++) {
    size_t line = (size_t)tile * (size_t)s->n_chunks;
    const double *table = s->table ? s->table + line * PATTERNS * TILE : NULL;
    for (int i = 0; i < n; i++, f += TILE) {
      if (s->table) {
        sum_lines(table, s->n_chunks, bits + (size_t)i * (size_t)s->n_words, f);
      } else {
        sum_products(w->func + (size_t)tile * TILE, width, v + (size_t)i * h, w->n_boot, f);
      }
    }
  }
}
