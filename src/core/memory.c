#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* madvise(), posix_memalign() */
#endif
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

enum { LARGE_PAGE = 2097152 };

/* The hint covers the small pages at both ends too: neighbouring blocks that have it as well can
 * share a large page there. */
void fe_use_large_pages(void *p, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (!p || bytes < (size_t)LARGE_PAGE) return;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t from = (uintptr_t)p / page * page;
  uintptr_t to = ((uintptr_t)p + bytes + page - 1) / page * page;
  (void)madvise((void *)from, to - from, MADV_HUGEPAGE); /* a hint: failure changes nothing */
#else
  (void)p;
  (void)bytes;
#endif
}

void *fe_malloc_large(size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  void *p = NULL;
  if (bytes < (size_t)LARGE_PAGE) return malloc(bytes);
  if (bytes > SIZE_MAX - LARGE_PAGE) return NULL;
  bytes = (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
  if (posix_memalign(&p, LARGE_PAGE, bytes)) return NULL;
  fe_use_large_pages(p, bytes);
  return p;
#else
  return malloc(bytes);
#endif
}

void *fe_calloc_large(size_t n, size_t size) {
  if (n * size < (size_t)LARGE_PAGE) return calloc(n, size);
  void *p = fe_malloc_large(n * size);
  if (p) memset(p, 0, n * size);
  return p;
}

void *fe_grow_large(void *p, size_t used, size_t bytes) {
  void *more = fe_malloc_large(bytes);
  if (!more) return NULL;
  if (used > 0) memcpy(more, p, used);
  free(p);
  return more;
}
