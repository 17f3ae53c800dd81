/* Random weights: what each kind may hold, that a draw is a function of seed and replicate alone,
 * and the wild bootstrap's sums against their definition. */
#include "fuzz.h"

#include "boot.h"
#include "rng.h"
#include "wild_private.h"

enum { G = 80, REPS = 6, PARTS = 3, TILES = 3, WIDTH = TILES * FE_WILD_TILE, TERMS = 5 };

static const double root5 = 2.2360679774997896964;

static int is_value(fe_wild_kind kind, double v) {
  double a = fabs(v);
  switch (kind) {
    case FE_RADEMACHER: return a == 1;
    case FE_MAMMEN:
      return close_to(v, (1 - root5) / 2, 1e-15, 1) || close_to(v, (1 + root5) / 2, 1e-15, 1);
    case FE_WEBB: return a == 1 || close_to(a, sqrt(0.5), 1e-15, 1) || close_to(a, sqrt(1.5), 1e-15, 1);
    case FE_NORMAL: return isfinite(v) && a < 8;
    default: return isfinite(v) && v >= -2 && v < 50;
  }
}

static void check_counts(uint64_t seed, uint64_t r, int n) {
  double count[G], again[G], w[G], sum = 0;
  int index[3 * G];
  fe_multinomial(seed, r, n, 3 * n, count);
  fe_draw_indices(seed, r, n, 3 * n, index);
  for (int g = 0; g < n; g++) {
    demand(count[g] >= 0 && count[g] == floor(count[g]));
    sum += count[g];
  }
  demand(sum == 3 * n);
  for (int i = 0; i < 3 * n; i++) demand(index[i] >= 0 && index[i] < n);
  fe_multinomial(seed, r, n, 3 * n, again);
  demand(!memcmp(count, again, (size_t)n * sizeof *count));
  fe_dirichlet(seed, r, n, w);
  sum = 0;
  for (int g = 0; g < n; g++) {
    demand(w[g] > 0 && w[g] <= n * (1 + 1e-12));
    sum += w[g];
  }
  demand(close_to(sum, n, 1e-12, 0));
}

/* A later replicate under `first` is the same draw; bits agree with the values they stand for. */
static void check_wild(const fe_wild_draws *draws, uint64_t r, int n) {
  double v[G], again[G], value[2];
  uint32_t bits[G / 32 + 1];
  fe_wild_draws later = *draws;
  fe_wild_draw(draws, r, n, v);
  later.first += r;
  fe_wild_draw(&later, 0, n, again);
  demand(!memcmp(v, again, (size_t)n * sizeof *v));
  for (int g = 0; g < n; g++) demand(is_value(draws->kind, v[g]));
  if (!fe_wild_two_values(draws->kind, value)) return;
  fe_wild_bits(draws, r, n, bits);
  for (int g = 0; g < n; g++) {
    int bit = bits[g / 32] >> (g % 32) & 1;
    demand(v[g] == value[bit]);
    if (draws->enumerate) demand(bit == !((draws->first + r) >> g & 1));
  }
}

static void check_draw(bytes *b, uint64_t seed, int n) {
  static const int kinds[] = {FE_WEIGHTS_MULTINOMIAL, FE_WEIGHTS_DIRICHLET, FE_WEIGHTS_LEAVE_OUT,
                              FE_WEIGHTS_GIVEN, FE_WEIGHTS_WILD + FE_RADEMACHER,
                              FE_WEIGHTS_WILD + FE_WEBB, FE_WEIGHTS_WILD + FE_GAMMA};
  double given[2 * G], m[G], sum = 0;
  int kind = kinds[take(b) % 7], r = take(b) % 2;
  for (int i = 0; i < 2 * n; i++) given[i] = fabs(take_plain(b));
  fe_weights w = {(fe_weights_kind)kind, seed, take(b) % n, given};
  double mean = fe_weights_draw(&w, n, r, m);
  for (int g = 0; g < n; g++) {
    sum += fabs(m[g]);
    if (kind == FE_WEIGHTS_GIVEN) demand(m[g] == given[r * n + g]);
    if (kind == FE_WEIGHTS_LEAVE_OUT) demand(m[g] == (g != w.first + r));
  }
  demand(close_to(mean, sum / n, 1e-14, 0));
  if (kind == FE_WEIGHTS_MULTINOMIAL) demand(sum == n);
}

/* ---- sums ----------------------------------------------------------------------------------- */

typedef struct {
  fe_wild w;
  double func[G * WIDTH], diag[G * PARTS * 2], scale[PARTS], value[G * PARTS], weight[G];
  int start[G + 1], boot[G];
  fe_wild_term term[TERMS];
} functionals;

static void take_functionals(bytes *b, functionals *f, int n) {
  int parts = 1 + take(b) % PARTS, pairs = fe_wild_pairs(parts), rows = take(b) % (n + 1);
  f->w = (fe_wild){n, parts, TILES, f->func, take(b) % (TERMS + 1), f->term,
                   take(b) % 2 ? f->diag : NULL, f->scale, {0}};
  for (int i = 0; i < n * WIDTH; i++) f->func[i] = take_plain(b);
  for (int i = 0; i < n * pairs; i++) f->diag[i] = take_plain(b);
  for (int t = 0; t < f->w.n_terms; t++) {
    int tiles = 1 + take(b) % TILES, most = TILES - tiles + 1;
    f->term[t] = (fe_wild_term){take(b) % most, take(b) % most, tiles, take(b) % pairs,
                                take_plain(b)};
  }
  for (int g = 0; g < rows; g++) {
    f->start[g + 1] = f->start[g] + (f->start[g] < n ? take(b) % 2 : 0);
    f->weight[g] = take_plain(b);
  }
  for (int e = 0; e < n; e++) f->boot[e] = (int)take_below(b, (uint32_t)n);
  for (int e = 0; e < n * parts; e++) f->value[e] = take_plain(b);
  f->w.rows = (fe_wild_rows){.n = rows, .start = f->start, .boot = f->boot, .value = f->value,
                             .weight = f->weight, .counted = rows > 0};
}

static long double dot_term(const long double *sum, const fe_wild_term *t) {
  long double dot = 0;
  for (int k = 0; k < t->tiles * FE_WILD_TILE; k++) {
    dot += sum[t->left * FE_WILD_TILE + k] * sum[t->right * FE_WILD_TILE + k];
  }
  return dot * t->scale;
}

/* What diag and the rows add to the pair (i, l), the pair-th. */
static long double pair_of(const functionals *f, const double *v, int i, int l, int pair) {
  int pairs = fe_wild_pairs(f->w.n_parts), parts = f->w.n_parts;
  long double total = 0;
  for (int h = 0; h < f->w.n_boot && f->w.diag; h++) total += v[h] * v[h] * f->diag[h * pairs + pair];
  for (int g = 0; g < f->w.rows.n; g++) {
    long double x = 0, y = 0;
    for (int e = f->start[g]; e < f->start[g + 1]; e++) {
      x += v[f->boot[e]] * f->value[e * parts + i];
      y += v[f->boot[e]] * f->value[e * parts + l];
    }
    total += f->weight[g] * x * y;
  }
  return total;
}

static void check_replicate(const functionals *f, const fe_wild_draws *draws, int r,
                            const double *out) {
  double v[G];
  long double sum[WIDTH] = {0};
  fe_wild_draw(draws, (uint64_t)r, f->w.n_boot, v);
  for (int h = 0; h < f->w.n_boot; h++) {
    for (int k = 0; k < WIDTH; k++) sum[k] += v[h] * f->func[h * WIDTH + k];
  }
  for (int i = 0; i < f->w.n_parts; i++) {
    demand(close_to(out[r + i * REPS], (double)sum[i], 1e-11, 1e4));
  }
  for (int l = 0, pair = 0; l < f->w.n_parts; l++) {
    for (int i = 0; i <= l; i++, pair++) {
      long double total = pair_of(f, v, i, l, pair);
      for (int t = 0; t < f->w.n_terms; t++) {
        if (f->term[t].pair == pair) total += dot_term(sum, &f->term[t]);
      }
      demand(close_to(out[r + (f->w.n_parts + pair) * REPS], (double)total, 1e-10, 1e9));
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static functionals f;
  double out[REPS * (PARTS + PARTS * (PARTS + 1) / 2)];
  bytes b = bytes_of(data, size);
  int n = 1 + take(&b) % G;
  uint64_t seed = take_word(&b), r = take(&b) % 2 ? take_word(&b) : take(&b);
  check_counts(seed, r, n);
  fe_wild_draws draws = {(fe_wild_kind)(take(&b) % 5), 0, seed, take_word(&b) >> 12};
  draws.enumerate = draws.kind == FE_RADEMACHER && n <= 62 && take(&b) % 2;
  check_wild(&draws, r >> 12, n);
  check_draw(&b, seed, n);
  memset(&f, 0, sizeof f);
  take_functionals(&b, &f, n);
  demand(fe_wild_replicates(&f.w, &draws, REPS, &alone, out) == FE_OK);
  for (int k = 0; k < REPS; k++) check_replicate(&f, &draws, k, out);
  return 0;
}
