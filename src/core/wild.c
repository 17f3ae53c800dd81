#include "wild.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parallel.h"
#include "rng.h"

enum { CHUNK = 64 };

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

static void draw_signs(stream *s, int n, double *v) {
  uint32_t bits = 0;
  for (int g = 0; g < n; g++) {
    if (g % 32 == 0) bits = stream_next(s);
    v[g] = bits & 1u ? 1.0 : -1.0;
    bits >>= 1;
  }
}

/* Mammen (1993): (1 - sqrt 5)/2 with probability (sqrt 5 + 1)/(2 sqrt 5), else (1 + sqrt 5)/2. */
static void draw_mammen(stream *s, int n, double *v) {
  const double root = sqrt(5.0), p = (root + 1.0) / (2.0 * root);
  for (int g = 0; g < n; g++) {
    v[g] = stream_uniform(s) < p ? (1.0 - root) / 2.0 : (1.0 + root) / 2.0;
  }
}

/* Webb (2014): +- sqrt(1/2), 1, sqrt(3/2), each with probability 1/6. */
static void draw_webb(stream *s, int n, double *v) {
  const double size[3] = {sqrt(0.5), 1.0, sqrt(1.5)};
  for (int g = 0; g < n; g++) {
    int k = (int)(stream_uniform(s) * 6.0);
    v[g] = k < 3 ? size[k] : -size[k - 3];
  }
}

/* Box and Muller (1958), one number of each pair. */
static void draw_normal(stream *s, int n, double *v) {
  for (int g = 0; g < n; g++) {
    double radius = sqrt(-2.0 * log(stream_uniform(s)));
    v[g] = radius * cos(2.0 * PI * stream_uniform(s));
  }
}

void fe_wild_draw(fe_wild_kind kind, int enumerate, uint64_t seed, uint64_t r, int n_clusters,
                  double *v) {
  if (enumerate) {
    for (int g = 0; g < n_clusters; g++) v[g] = r >> g & 1u ? -1.0 : 1.0;
    return;
  }
  stream s = stream_start(seed, r);
  switch (kind) {
    case FE_RADEMACHER: draw_signs(&s, n_clusters, v); break;
    case FE_MAMMEN: draw_mammen(&s, n_clusters, v); break;
    case FE_WEBB: draw_webb(&s, n_clusters, v); break;
    case FE_NORMAL: draw_normal(&s, n_clusters, v); break;
  }
}

typedef struct {
  const fe_wild *w;
  fe_wild_kind kind;
  int enumerate;
  uint64_t seed, first;
  int64_t n_rep;
  double *scratch; /* v (G), mu0, mu1 (p each) for each worker */
  double *out;
} job;

static void weighted_sums(const fe_wild *w, const double *v, double *mu0, double *mu1) {
  memset(mu0, 0, (size_t)w->p * sizeof *mu0);
  memset(mu1, 0, (size_t)w->p * sizeof *mu1);
  for (int g = 0; g < w->n_clusters; g++) {
    const double *m0 = w->m0 + (size_t)g * (size_t)w->p, *m1 = w->m1 + (size_t)g * (size_t)w->p;
    for (int j = 0; j < w->p; j++) {
      mu0[j] += v[g] * m0[j];
      mu1[j] += v[g] * m1[j];
    }
  }
}

static void one_replicate(const fe_wild *w, const double *v, double *mu0, double *mu1,
                          double *out) {
  double n0 = 0, n1 = 0, s00 = 0, s01 = 0, s11 = 0;
  weighted_sums(w, v, mu0, mu1);
  for (int g = 0; g < w->n_clusters; g++) {
    const double *alpha = w->alpha + (size_t)g * (size_t)w->p;
    double s0 = v[g] * w->q0[g], s1 = v[g] * w->q1[g];
    n0 += s0;
    n1 += s1;
    for (int j = 0; j < w->p; j++) {
      s0 -= alpha[j] * mu0[j];
      s1 -= alpha[j] * mu1[j];
    }
    s00 += s0 * s0;
    s01 += s0 * s1;
    s11 += s1 * s1;
  }
  out[0] = n0;
  out[1] = n1;
  out[2] = s00;
  out[3] = s01;
  out[4] = s11;
}

static void chunk_task(int64_t task, int worker, void *data) {
  const job *j = data;
  const fe_wild *w = j->w;
  double *v = j->scratch + (size_t)worker * ((size_t)w->n_clusters + 2 * (size_t)w->p);
  double *mu0 = v + w->n_clusters, *mu1 = mu0 + w->p;
  int64_t end = (task + 1) * CHUNK < j->n_rep ? (task + 1) * CHUNK : j->n_rep;
  for (int64_t r = task * CHUNK; r < end; r++) {
    fe_wild_draw(j->kind, j->enumerate, j->seed, j->first + (uint64_t)r, w->n_clusters, v);
    one_replicate(w, v, mu0, mu1, j->out + 5 * r);
  }
}

fe_status fe_wild_replicates(const fe_wild *w, fe_wild_kind kind, int enumerate, uint64_t seed,
                             uint64_t first, int64_t n_rep, const fe_exec *exec, double *out) {
  if (w->n_clusters < 1 || w->p < 1 || (enumerate && w->n_clusters > 62)) return FE_EINVAL;
  int64_t chunks = (n_rep + CHUNK - 1) / CHUNK;
  size_t size = (size_t)w->n_clusters + 2 * (size_t)w->p;
  job j = {w, kind, enumerate, seed, first, n_rep,
           malloc((size_t)fe_workers(exec, chunks) * size * sizeof(double)), out};
  if (!j.scratch) return FE_ENOMEM;
  fe_status status = fe_parallel_for(exec, chunks, chunk_task, &j);
  free(j.scratch);
  return status;
}
