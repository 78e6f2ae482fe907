#include "attempt.h"

static const struct attempt_group *const GROUPS[] = {
    &FILES, &SOCKETS, &PROCESSES, &MEMORY, &KERNEL, &DESCRIPTORS,
};

const struct attempt *attempt_at(size_t number)
{
    for (size_t i = 0; i < sizeof(GROUPS) / sizeof(GROUPS[0]); i++) {
        if (number < GROUPS[i]->n)
            return GROUPS[i]->attempts[number];
        number -= GROUPS[i]->n;
    }
    return NULL;
}
