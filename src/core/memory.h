/* Large arrays. */
#ifndef FE_MEMORY_H
#define FE_MEMORY_H

#include <stddef.h>

/* Asks for large pages behind the bytes at p, which have not been touched yet: where a page fault
 * is dear, a first pass over an array costs half. Does nothing for small arrays and on systems that
 * have no such thing. */
void fe_use_large_pages(void *p, size_t bytes);

/* malloc() with large pages. */
void *fe_malloc_large(size_t bytes);

#endif
