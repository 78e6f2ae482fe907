/* The warden's one thread: descriptors and deadlines, through poll(). */
#ifndef IDEVS_WARDEN_LOOP_H
#define IDEVS_WARDEN_LOOP_H

#include "base/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is waited for; lives in its owner and must be removed before it goes. */
struct source {
    int fd;            /* -1: only the deadline */
    short events;      /* POLLIN, POLLOUT; 0: hang-up only */
    uint64_t deadline; /* clock_monotonic_ns(); 0: none. Cleared before it is told */
    /* `revents` of poll(), or 0: the deadline passed. May remove any source. */
    void (*ready)(void *arg, short revents);
    void *arg;
};

struct loop {
    struct source **source; /* NULL: removed in this turn */
    size_t n;
    size_t room;
};

void loop_add(struct loop *loop, struct source *source);
void loop_remove(struct loop *loop, struct source *source); /* one that is not in is fine */
/* Waits for at least one source, and tells each that is ready. False: poll() failed. */
bool loop_turn(struct loop *loop) _must_check_;
void loop_free(struct loop *loop);

#endif
