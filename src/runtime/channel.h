/* One end of a byte stream that carries frames (docs/interfaces.md): requests out, replies and the
 * stop event in. Blocking with deadlines, one call at a time. Whoever is at the other end is
 * trusted for nothing: every length is bounded before anything is allocated. */
#ifndef IDEVS_RUNTIME_CHANNEL_H
#define IDEVS_RUNTIME_CHANNEL_H

#include "base/buffer.h"
#include "base/error.h"
#include "wire/frame.h"

/* A sealed and padded answer with a body of LIMIT_BODY. A longer frame is stepped over unread. */

struct channel {
    int fd;
    const char *unreachable; /* the code when nobody answers */
    uint32_t last_id;
    struct buffer in;
    size_t used;            /* of `in`: the frame that was handed out last */
    size_t skip;            /* bytes of a frame over the limit that are still to come */
    uint32_t skip_id;       /* whose reply that is */
    bool stopped;           /* the event came; stays */
    bool broken;            /* end of file or malformed; stays */
    struct idevs_error why; /* when broken */
};

/* Takes `fd` over and makes it non-blocking. `unreachable` is static text. */
void channel_open(struct channel *c, int fd, const char *unreachable);
void channel_close(struct channel *c);

struct channel_request {
    const char *target; /* "service:store" */
    const char *type;   /* media type or "" */
    struct bytes body;
};

/* Asks and waits for the reply until `deadline_ns` (monotonic). `ret` points into the channel until
 * its next use. Refuses the channel's `unreachable` code (silence, end of file),
 * `frame.malformed`, `http.body-too-large`; after the first two of end of file and malformed the
 * channel is broken. */
bool channel_call(struct channel *c, const struct channel_request *request, uint64_t deadline_ns,
                  struct frame *ret, struct idevs_error *ret_err) _must_check_;
/* Sends without waiting; the reply is dropped when it comes, unless channel_answer() is next. */
bool channel_tell(struct channel *c, const struct channel_request *request, uint64_t deadline_ns,
                  struct idevs_error *ret_err) _must_check_;
/* The reply to the `request` that was told last: as channel_call(), without its sending. */
bool channel_answer(struct channel *c, const struct channel_request *request, uint64_t deadline_ns,
                    struct frame *ret, struct idevs_error *ret_err) _must_check_;
/* Waits until `deadline_ns`; at once when the channel is stopped or broken. True: time passed. */
bool channel_sleep(struct channel *c, uint64_t deadline_ns) _must_check_;

#endif
