/* An input as the words of a command line, each ended by a NUL. */
#ifndef IDEVS_FUZZ_WORDS_H
#define IDEVS_FUZZ_WORDS_H

#include "fuzz.h"

#define WORDS 80

struct words {
    char text[2048];     /* the last byte stays 0 */
    char *at[WORDS + 1]; /* at[0] is the program; NULL ends them */
    int n;
};

static inline void words_from(struct bytes in, struct words *ret)
{
    size_t size = in.len < sizeof(ret->text) - 2 ? in.len : sizeof(ret->text) - 2;

    *ret = (struct words){.n = 1};
    ret->at[0] = ret->text + sizeof(ret->text) - 1; /* an empty one */
    if (size)
        memcpy(ret->text, in.data, size);
    for (size_t i = 0; i < size && ret->n < WORDS; i += strlen(ret->text + i) + 1)
        ret->at[ret->n++] = ret->text + i;
}

#endif
