/* Allocation. Every size that comes from outside is bounded before it gets here, so running out of
 * memory is not an input that anybody can choose; these functions abort instead of returning NULL.
 */
#ifndef IDEVS_BASE_ALLOC_H
#define IDEVS_BASE_ALLOC_H

#include "base/attr.h"
#include <stddef.h>

void *alloc_zero(size_t n, size_t size) _must_check_;          /* n * size zero bytes */
void *alloc_grow(void *p, size_t n, size_t size) _must_check_; /* realloc to n * size */
char *alloc_text(const char *text) _must_check_;               /* strdup */
char *alloc_format(const char *format, ...) _printf_(1, 2) _must_check_;

void free_text(char **p); /* wipes it: paths and fields can hold customers' data */
#define _cleanup_text_ _cleanup_(free_text)

/* free and realloc for libraries that let us choose theirs: what they free, or leave behind when
 * they move it, is wiped first. Keys and customers' data pass through buffers of theirs that they
 * would not wipe themselves. */
void wiping_free(void *p);
void *wiping_realloc(void *p, size_t size) _must_check_;

#endif
