/* Input that ends where the readable memory ends: one byte read too far is a crash, not luck. */
#ifndef IDEVS_TESTS_UNIT_GUARD_H
#define IDEVS_TESTS_UNIT_GUARD_H

#include "base/buffer.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
    uint8_t *map;
    size_t room; /* readable and writable; one forbidden page follows */
};

static inline void guard_free(struct guard *g)
{
    if (g->map)
        munmap(g->map, g->room + (size_t)sysconf(_SC_PAGESIZE));
    g->map = NULL;
}
#define _cleanup_guard_ _cleanup_(guard_free)

/* Room for up to `len` bytes. */
static inline struct guard guard_for(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct guard g = {.room = (len / page + 1) * page};

    g.map = mmap(NULL, g.room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(g.map != MAP_FAILED);
    assert(mprotect(g.map + g.room, page, PROT_NONE) == 0);
    return g;
}

/* A copy of `in` whose end is the end of the room. */
static inline struct bytes guard_place(const struct guard *g, struct bytes in)
{
    uint8_t *at = g->map + g->room - in.len;

    assert(in.len <= g->room);
    if (in.len)
        memcpy(at, in.data, in.len);
    return bytes_of(at, in.len);
}

#endif
