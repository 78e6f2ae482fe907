#include "runtime/timekeeper.h"
#include "base/clock.h"
#include "base/limits.h"

#include <time.h>

static uint64_t boot_time_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

const struct time_source TIME_OF_HOST = {.wall = clock_unix, .progress_ns = boot_time_ns};

void timekeeper_begin(struct timekeeper *t, const struct time_source *source)
{
    *t = (struct timekeeper){.source = source, .floor_ns = source->progress_ns()};
}

int64_t timekeeper_now(const struct timekeeper *t)
{
    int64_t passed = (int64_t)((t->source->progress_ns() - t->floor_ns) / NS_PER_SECOND);
    int64_t wall = t->source->wall();

    return wall > t->floor + passed ? wall : t->floor + passed;
}

void timekeeper_floor(struct timekeeper *t, int64_t unix_seconds)
{
    uint64_t now_ns = t->source->progress_ns();
    int64_t passed = (int64_t)((now_ns - t->floor_ns) / NS_PER_SECOND);

    if (unix_seconds <= t->floor + passed)
        return;
    t->floor = unix_seconds;
    t->floor_ns = now_ns;
}

uint64_t timekeeper_progress_ns(const struct timekeeper *t)
{
    return t->source->progress_ns();
}

int64_t time_offset(int64_t offset, const struct time_exchange *x)
{
    int64_t low = x->date - x->received;
    int64_t high = x->date - x->sent;

    if (offset < low)
        return low;
    return offset > high ? high : offset;
}

bool time_was_over(int64_t expires, const struct time_exchange *x)
{
    /* The gateway's clock at the sending was no earlier than this; seconds are cut off. */
    int64_t at_sending = x->date - (x->received - x->sent) - 1;

    return at_sending > expires + LIMIT_CLOCK_SKEW;
}
