/* The channel to one compartment: frames over a stream socket, non-blocking, on the event loop. The
 * program at the other end may be hostile: every length is bounded before anything is allocated, a
 * program that does not read its replies is not read from either, and each turn of the loop takes
 * a bounded piece, so no program starves another. */
#ifndef IDEVS_LAUNCHER_CHANNEL_H
#define IDEVS_LAUNCHER_CHANNEL_H

#include "base/error.h"
#include "wire/frame.h"

struct event_base;
struct channel;
struct record;

/* Bytes that may be held at a time; `parent` (may be NULL) is charged as well. */
struct budget {
    size_t used;
    size_t max;
    struct budget *parent;
};
bool budget_take(struct budget *budget, size_t len) _must_check_;
void budget_force(struct budget *budget, size_t len); /* what is already there */
void budget_give(struct budget *budget, size_t len);

/* All may free the channel. */
struct channel_events {
    /* One request; the views last during the call. */
    void (*request)(const struct frame *frame, void *context);
    /* A request of `len` bytes was dropped because the budget is spent. */
    void (*dropped)(uint32_t id, size_t len, void *context);
    /* The other end closed (`err` NULL), or broke the protocol: `frame.malformed`. */
    void (*closed)(const struct idevs_error *err, void *context);
};

struct channel_options {
    struct event_base *base;
    int fd;          /* taken */
    size_t max_body; /* of a frame */
    struct budget *budget;
    struct record *record; /* or NULL */
    const char *name;      /* for the record; must outlive the channel */
    const struct channel_events *events;
    void *context;
};
struct channel *channel_new(const struct channel_options *options);
void channel_free(struct channel *channel); /* takes NULL */

/* Sends at once what the socket takes and keeps the rest. */
void channel_reply(struct channel *channel, uint32_t id, int status, struct bytes type,
                   struct bytes body);
void channel_stop(struct channel *channel); /* the event "stop" */

#endif
