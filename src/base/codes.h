/* The catalogue of error codes: stable names, one page each for `idevs explain`. */
#ifndef IDEVS_BASE_CODES_H
#define IDEVS_BASE_CODES_H

#include <stddef.h>

struct code {
    const char *code;     /* "area.reason"; never renamed once released */
    int http_status;      /* when it is the answer to an HTTP request */
    const char *expected; /* what would have been accepted, in general */
    const char *remedy;   /* what the reader of the refusal can do */
    const char *meaning;  /* one or two plain sentences: what was found and why it is refused */
};

/* The entry of `code`, or NULL. */
const struct code *code_find(const char *code);

/* All entries, sorted by code; `*ret_n` of them. */
const struct code *code_all(size_t *ret_n);

#endif
