/* What the machine's memory can do, in the terms of the roofline: called by roofline.R. */
#define _DEFAULT_SOURCE
#include <R.h>
#include <Rinternals.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  double *a;
  const double *b, *c;
  size_t n;
} share;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *triad(void *data) {
  share *s = data;
  for (size_t i = 0; i < s->n; i++) s->a[i] = s->b[i] + 3.0 * s->c[i];
  return NULL;
}

/* GB/s of a = b + 3 c (McCalpin's triad: 24 bytes an element) over vectors of `n` doubles, the best
 * of ten runs. */
SEXP stream_triad(SEXP n_, SEXP threads_) {
  size_t n = (size_t)Rf_asReal(n_);
  int threads = Rf_asInteger(threads_);
  double *v = malloc(3 * n * sizeof *v), best = 0;
  pthread_t id[64];
  share part[64];
  if (!v || threads < 1 || threads > 64) Rf_error("no memory, or not 1 to 64 threads");
  for (size_t i = 0; i < 3 * n; i++) v[i] = (double)(i % 7);
  for (int run = 0; run < 10; run++) {
    double start = now();
    for (int t = 0; t < threads; t++) {
      size_t from = n * (size_t)t / (size_t)threads, to = n * ((size_t)t + 1) / (size_t)threads;
      part[t] = (share){v + from, v + n + from, v + 2 * n + from, to - from};
      if (pthread_create(&id[t], NULL, triad, &part[t])) Rf_error("no thread");
    }
    for (int t = 0; t < threads; t++) pthread_join(id[t], NULL);
    double rate = 24e-9 * (double)n / (now() - start);
    if (rate > best) best = rate;
  }
  free(v);
  return Rf_ScalarReal(best);
}

/* Seconds for the first touch of a page of fresh memory; large: of the size that the kernel gives
 * when asked for large ones. -> c(seconds a page, bytes a page) */
SEXP page_fault(SEXP large_) {
  int large = Rf_asLogical(large_);
  size_t page = large ? 2097152 : (size_t)sysconf(_SC_PAGESIZE), bytes = 134217728;
  char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) Rf_error("no memory");
#if defined(MADV_HUGEPAGE)
  madvise(p, bytes, large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#endif
  double start = now();
  for (size_t at = 0; at < bytes; at += page) p[at] = 1;
  double spent = now() - start;
  munmap(p, bytes);
  SEXP out = Rf_allocVector(REALSXP, 2);
  REAL(out)[0] = spent / (double)(bytes / page);
  REAL(out)[1] = (double)page;
  return out;
}
