#include "authority/rate.h"
#include "base/clock.h"

bool rate_has_room(const struct rate *rate, uint64_t now_ns)
{
    struct rate tried = *rate;

    return rate_take(&tried, now_ns);
}

bool rate_take(struct rate *rate, uint64_t now_ns)
{
    uint64_t cost = NS_PER_SECOND / rate->per_second;
    uint64_t from = rate->spent_ns > now_ns ? rate->spent_ns : now_ns;

    if (from + cost > now_ns + cost * rate->burst)
        return false;
    rate->spent_ns = from + cost;
    return true;
}
