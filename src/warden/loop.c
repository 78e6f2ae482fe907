#include "warden/loop.h"
#include "base/alloc.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

void loop_add(struct loop *loop, struct source *source)
{
    if (loop->n == loop->room) {
        loop->room = loop->room ? 2 * loop->room : 16;
        loop->source = alloc_grow(loop->source, loop->room, sizeof(struct source *));
    }
    loop->source[loop->n++] = source;
}

void loop_remove(struct loop *loop, struct source *source)
{
    for (size_t i = 0; i < loop->n; i++)
        if (loop->source[i] == source)
            loop->source[i] = NULL;
}

static void drop_removed(struct loop *loop)
{
    size_t kept = 0;

    for (size_t i = 0; i < loop->n; i++)
        if (loop->source[i])
            loop->source[kept++] = loop->source[i];
    loop->n = kept;
}

/* Milliseconds until the first deadline, rounded up; -1: none. */
static int patience(const struct loop *loop)
{
    uint64_t first = 0;

    for (size_t i = 0; i < loop->n; i++) {
        uint64_t deadline = loop->source[i]->deadline;
        if (deadline && (!first || deadline < first))
            first = deadline;
    }
    if (!first)
        return -1;
    uint64_t now = clock_monotonic_ns();
    uint64_t left = first > now ? (first - now + 999999) / 1000000 : 0;
    return left > 60000 ? 60000 : (int)left;
}

static void tell(struct loop *loop, size_t i, short revents)
{
    struct source *source = loop->source[i];

    if (source && revents)
        source->ready(source->arg, revents);
    source = loop->source[i]; /* it may be gone by now */
    if (source && source->deadline && source->deadline <= clock_monotonic_ns()) {
        source->deadline = 0;
        source->ready(source->arg, 0);
    }
}

bool loop_turn(struct loop *loop)
{
    drop_removed(loop);
    size_t n = loop->n; /* what is added meanwhile has its turn next */
    struct pollfd *polled = alloc_zero(n ? n : 1, sizeof(*polled));
    for (size_t i = 0; i < n; i++)
        polled[i] = (struct pollfd){.fd = loop->source[i]->fd, .events = loop->source[i]->events};
    bool ok = poll(polled, n, patience(loop)) >= 0 || errno == EINTR;
    for (size_t i = 0; i < n && ok; i++)
        tell(loop, i, polled[i].revents);
    free(polled);
    return ok;
}

void loop_free(struct loop *loop)
{
    free(loop->source);
    *loop = (struct loop){0};
}
