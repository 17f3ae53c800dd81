/* Allocations of the package's own code, counted and made to fail. The variant of the package that
 * trust/alloc.R builds is linked with -Wl,--wrap=<name> for each name below, so that only calls in
 * fepanel's objects come here: neither R's own allocations nor those of other packages. */
#include <stdarg.h>
#include <stdatomic.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define R_NO_REMAP
#include <R.h>
#include <R_ext/Rdynload.h>
#include <R_ext/Visibility.h>
#include <Rinternals.h>

enum { CORE = 1, HOST = 2, THREADS = 4, MOST_ENTRIES = 256 };

static struct {
  atomic_int kinds;      /* of these, allocations are counted and fail; 0: none */
  atomic_int from;       /* all from `at` on fail, not that one alone */
  atomic_long at, count; /* the one to fail; how many there were */
  atomic_long failed;
  atomic_long live;     /* blocks of the core that have not been freed */
  atomic_long off_host; /* calls of R's allocators by a thread that is not R's */
  pthread_t host;
} state;

static int fails(int kind) {
  if (!(atomic_load(&state.kinds) & kind)) return 0;
  long now = atomic_fetch_add(&state.count, 1) + 1, at = atomic_load(&state.at);
  if (now != at && !(atomic_load(&state.from) && now > at)) return 0;
  atomic_fetch_add(&state.failed, 1);
  return 1;
}

/* ---- the C library's ----------------------------------------------------------------------- */

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
int __real_posix_memalign(void **, size_t, size_t);
void __real_free(void *);
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __real_pthread_mutex_init(pthread_mutex_t *, const pthread_mutexattr_t *);
int __real_pthread_cond_init(pthread_cond_t *, const pthread_condattr_t *);

static void *counted(void *p) {
  if (p) atomic_fetch_add(&state.live, 1);
  return p;
}

void *__wrap_malloc(size_t n) { return fails(CORE) ? NULL : counted(__real_malloc(n)); }

void *__wrap_calloc(size_t n, size_t size) {
  return fails(CORE) ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n) {
  if (fails(CORE)) return NULL;
  void *q = __real_realloc(p, n);
  return p ? q : counted(q);
}

int __wrap_posix_memalign(void **p, size_t align, size_t n) {
  if (fails(CORE)) return 12; /* ENOMEM */
  int failed = __real_posix_memalign(p, align, n);
  if (!failed) counted(*p);
  return failed;
}

void __wrap_free(void *p) {
  if (p) atomic_fetch_sub(&state.live, 1);
  __real_free(p);
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x) {
  return fails(THREADS) ? 11 : __real_pthread_create(t, a, f, x); /* EAGAIN */
}

int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a) {
  return fails(THREADS) ? 11 : __real_pthread_mutex_init(m, a);
}

int __wrap_pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *a) {
  return fails(THREADS) ? 11 : __real_pthread_cond_init(c, a);
}

/* ---- R's, which jump when they fail -------------------------------------------------------- */

static void host_allocates(double bytes) {
  if (!pthread_equal(pthread_self(), state.host)) atomic_fetch_add(&state.off_host, 1);
  if (fails(HOST)) Rf_error("cannot allocate vector of size %0.1f Kb", bytes / 1024.0);
}

#define HOST_1(type, name, t1)            \
  type __real_##name(t1);                 \
  type __wrap_##name(t1 a) {              \
    host_allocates(0);                    \
    return __real_##name(a);              \
  }
#define HOST_2(type, name, t1, t2)        \
  type __real_##name(t1, t2);             \
  type __wrap_##name(t1 a, t2 b) {        \
    host_allocates(0);                    \
    return __real_##name(a, b);           \
  }
#define HOST_3(type, name, t1, t2, t3)    \
  type __real_##name(t1, t2, t3);         \
  type __wrap_##name(t1 a, t2 b, t3 c) {  \
    host_allocates(0);                    \
    return __real_##name(a, b, c);        \
  }

HOST_2(SEXP, Rf_allocVector, SEXPTYPE, R_xlen_t)
HOST_3(SEXP, Rf_allocMatrix, SEXPTYPE, int, int)
HOST_2(SEXP, Rf_allocArray, SEXPTYPE, SEXP)
HOST_2(char *, R_alloc, size_t, int)
HOST_1(SEXP, Rf_ScalarInteger, int)
HOST_1(SEXP, Rf_ScalarReal, double)
HOST_1(SEXP, Rf_mkChar, const char *)
HOST_1(SEXP, Rf_mkString, const char *)
HOST_2(SEXP, Rf_mkNamed, SEXPTYPE, const char **)
HOST_1(SEXP, Rf_lang1, SEXP)
HOST_1(SEXP, Rf_install, const char *)
HOST_2(SEXP, Rf_getAttrib, SEXP, SEXP)
HOST_3(SEXP, Rf_setAttrib, SEXP, SEXP, SEXP)
HOST_1(const char *, Rf_translateCharUTF8, SEXP)
HOST_3(SEXP, R_MakeExternalPtr, void *, SEXP, SEXP)

void __real_R_RegisterCFinalizerEx(SEXP, R_CFinalizer_t, Rboolean);
void __wrap_R_RegisterCFinalizerEx(SEXP x, R_CFinalizer_t f, Rboolean at_exit) {
  host_allocates(0);
  __real_R_RegisterCFinalizerEx(x, f, at_exit);
}

/* ---- from R -------------------------------------------------------------------------------- */

/* Ends what was set and begins anew -> c(count, failed, live, off_host) of what ended. */
static SEXP C_faults(SEXP kinds, SEXP at, SEXP from) {
  atomic_store(&state.kinds, 0);
  SEXP out = PROTECT(__real_Rf_allocVector(REALSXP, 4));
  REAL(out)[0] = (double)atomic_load(&state.count);
  REAL(out)[1] = (double)atomic_load(&state.failed);
  REAL(out)[2] = (double)atomic_load(&state.live);
  REAL(out)[3] = (double)atomic_load(&state.off_host);
  atomic_store(&state.count, 0);
  atomic_store(&state.failed, 0);
  atomic_store(&state.at, (long)Rf_asReal(at));
  atomic_store(&state.from, Rf_asInteger(from));
  UNPROTECT(1);
  atomic_store(&state.kinds, Rf_asInteger(kinds));
  return out;
}

/* The package's table of entries, and C_faults. */
int __real_R_registerRoutines(DllInfo *, const R_CMethodDef *, const R_CallMethodDef *,
                              const R_FortranMethodDef *, const R_ExternalMethodDef *);
int __wrap_R_registerRoutines(DllInfo *dll, const R_CMethodDef *c, const R_CallMethodDef *call,
                              const R_FortranMethodDef *f, const R_ExternalMethodDef *e) {
  static R_CallMethodDef all[MOST_ENTRIES + 2];
  int n = 0;
  for (; call[n].name && n < MOST_ENTRIES; n++) all[n] = call[n];
  all[n] = (R_CallMethodDef){"C_faults", (DL_FUNC)&C_faults, 3};
  state.host = pthread_self();
  return __real_R_registerRoutines(dll, c, all, f, e);
}
