/* The program's idea of the time. The host owns every clock that a compartment sees, so the wall
 * clock is believed only upwards from a floor: the notBefore of the leaf that the authority just
 * issued, plus the time that has passed since. What each gateway's clock shows beyond that is
 * learned from its sealed answers. */
#ifndef IDEVS_RUNTIME_TIMEKEEPER_H
#define IDEVS_RUNTIME_TIMEKEEPER_H

#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>

/* Where time comes from; tests bring their own. */
struct time_source {
    int64_t (*wall)(void);         /* seconds since 1970 */
    uint64_t (*progress_ns)(void); /* runs through suspension and never back */
};
extern const struct time_source TIME_OF_HOST;

struct timekeeper {
    const struct time_source *source;
    int64_t floor; /* seconds since 1970, at progress floor_ns */
    uint64_t floor_ns;
};
void timekeeper_begin(struct timekeeper *t, const struct time_source *source);
/* It is certainly `unix_seconds` or later. */
void timekeeper_floor(struct timekeeper *t, int64_t unix_seconds);
int64_t timekeeper_now(const struct timekeeper *t);
uint64_t timekeeper_progress_ns(const struct timekeeper *t);

/* One request to a gateway and its sealed answer, on our clock. */
struct time_exchange {
    int64_t sent;
    int64_t received;
    int64_t date; /* what the gateway's clock said somewhere between */
};
/* The gateway's clock minus ours: the one nearest to `offset` that fits the exchange, so that an
 * answer which was held back moves nothing. */
int64_t time_offset(int64_t offset, const struct time_exchange *x);
/* True when a signature that ends at `expires` on the gateway's clock was over already when it was
 * sent: it is in its window at no moment, whoever delivers it and how often. One from the gateway's
 * future is not like that: whoever keeps it can deliver it when its time has come. */
bool time_was_over(int64_t expires, const struct time_exchange *x);

#endif
