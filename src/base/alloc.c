#include "base/alloc.h"

#if __has_include(<malloc_np.h>) /* FreeBSD, where malloc.h is there to be refused */
#include <malloc_np.h>
#else
#include <malloc.h>
#endif
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _noreturn_ void out_of_memory(void)
{
    fputs("out of memory\n", stderr);
    abort();
}

void *alloc_zero(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);

    if (!p)
        out_of_memory();
    return p;
}

void *alloc_grow(void *p, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        out_of_memory();
    size_t total = n * size;
    void *grown = realloc(p, total > 0 ? total : 1);
    if (!grown)
        out_of_memory();
    return grown;
}

char *alloc_text(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        out_of_memory();
    return copy;
}

char *alloc_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0)
        out_of_memory();
    return text;
}

void free_text(char **p)
{
    wiping_free(*p);
}

void wiping_free(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

void *wiping_realloc(void *p, size_t size)
{
    size_t held = p ? malloc_usable_size(p) : 0;

    if (p && size <= held && size > held / 2)
        return p;
    void *moved = malloc(size);
    if (!moved)
        return NULL;
    if (p)
        memcpy(moved, p, size < held ? size : held);
    wiping_free(p);
    return moved;
}
