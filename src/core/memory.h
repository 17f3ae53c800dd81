/* Large arrays. */
#ifndef FE_MEMORY_H
#define FE_MEMORY_H

#include <stddef.h>

/* Asks for large pages behind the bytes at p, which have not been touched yet: where a page fault
 * is dear, a first pass over an array costs half. Does nothing for small arrays and on systems that
 * have no such thing. */
void fe_use_large_pages(void *p, size_t bytes);

/* malloc() and calloc() with large pages from one large page on, which they then begin and end on;
 * for free(). */
void *fe_malloc_large(size_t bytes);
void *fe_calloc_large(size_t n, size_t size);

/* A new block of `bytes` bytes that begins with the `used` bytes at p, which is freed; NULL, and p
 * as it was, if there is no memory. */
void *fe_grow_large(void *p, size_t used, size_t bytes);

#endif
