/* Pauses between attempts: doubling, with jitter so that programs which lost the same peer do not
 * come back in step. */
#ifndef IDEVS_RUNTIME_BACKOFF_H
#define IDEVS_RUNTIME_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t next_ms;
    uint32_t max_ms;
};

static inline struct backoff backoff_between(uint32_t first_ms, uint32_t max_ms)
{
    return (struct backoff){.next_ms = first_ms, .max_ms = max_ms};
}
/* Between half of the step and all of it; the step doubles up to the maximum. */
uint64_t backoff_next_ns(struct backoff *b);

#endif
