/* A token bucket: how often something that costs a commit may be asked for. */
#ifndef IDEVS_AUTHORITY_RATE_H
#define IDEVS_AUTHORITY_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    unsigned per_second;
    unsigned burst;
    uint64_t spent_ns; /* how far in the future the bucket is paid for */
};

/* True when there is room for one more at monotonic time `now_ns`. */
bool rate_has_room(const struct rate *rate, uint64_t now_ns);
/* The same, and takes it. */
bool rate_take(struct rate *rate, uint64_t now_ns);

#endif
