#include "runtime/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "runtime/secret_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#define READ_STEP  KIB(64)
#define FRAME_HEAD (4 + 4) /* length and id */
/* Everything of a frame but its body, after the length. */
#define FRAME_REST (4 + 1 + 2 + 2 + LIMIT_FRAME_TARGET + 2 + LIMIT_FRAME_TYPE)

enum turn {
    TURN_BROKEN = 0,
    TURN_TIME, /* the deadline passed */
    TURN_FRAME,
    TURN_SKIPPED, /* a reply that was over the limit */
    TURN_EVENT,
};

void channel_open(struct channel *c, int fd, const char *unreachable)
{
    *c = (struct channel){.fd = fd, .unreachable = unreachable};
    c->in = buffer_up_to(LIMIT_CHANNEL_BODY + FRAME_REST + 4 + READ_STEP);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void channel_close(struct channel *c)
{
    buffer_free(&c->in);
    fd_close(&c->fd);
}

static bool break_off(struct channel *c, const char *code, const char *found)
{
    c->broken = true;
    return refuse(&c->why, code, "%s", found);
}

/* False when `events` did not come before the deadline. */
static bool await(const struct channel *c, short events, uint64_t deadline_ns)
{
    struct pollfd p = {.fd = c->fd, .events = events};

    for (;;) {
        uint64_t now = clock_monotonic_ns();
        uint64_t left = now < deadline_ns ? (deadline_ns - now + 999999) / 1000000 : 0;
        secret_memory_before_wait();
        int n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
        /* In a guest what is closed can be read (end of file) but never be written to. */
        if (n > 0)
            return (p.revents & events) || events == POLLIN;
        if (n < 0 && errno != EINTR)
            return false;
        if (n == 0 && left <= INT_MAX)
            return false;
    }
}

/* ---- out ---- */

static bool send_all(struct channel *c, struct bytes out, uint64_t deadline_ns)
{
    size_t sent = 0;

    while (sent < out.len) {
        ssize_t n = write(c->fd, out.data + sent, out.len - sent);
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return break_off(c, c->unreachable, "the channel was closed");
        /* A frame that was cut off cannot be taken back, so the stream is lost with it. */
        if (!await(c, POLLOUT, deadline_ns))
            return break_off(c, c->unreachable, "the other end reads nothing");
    }
    return true;
}

static bool send_request(struct channel *c, const struct channel_request *request,
                         uint64_t deadline_ns, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer out = buffer_up_to(4 + FRAME_REST + request->body.len);
    struct frame frame = {
        .id = ++c->last_id,
        .kind = FRAME_REQUEST,
        .target = bytes_of_text(request->target),
        .type = bytes_of_text(request->type),
        .body = request->body,
    };

    if (!c->broken && !frame_encode(&frame, &out))
        return refuse(ret_err, "http.body-too-large", "a request of %zu bytes", request->body.len);
    if (!c->broken && send_all(c, buffer_bytes(&out), deadline_ns))
        return true;
    if (ret_err)
        *ret_err = c->why;
    return false;
}

/* ---- in ---- */

/* Drops the frame that was handed out last. */
static void forget_last(struct channel *c)
{
    buffer_consume(&c->in, c->used);
    c->used = 0;
    if (c->in.len == 0 && c->in.cap > LIMIT_BUFFER_KEPT)
        buffer_free(&c->in);
}

/* A frame that is longer than any reply we take, though not than the channel's own limit, is
 * stepped over: one service's large answer is no reason to lose the channel. */
static bool begin_skip(struct channel *c)
{
    struct reader r = reader_of(buffer_bytes(&c->in));
    uint32_t length;

    if (!reader_u32(&r, &length) || !reader_u32(&r, &c->skip_id))
        return false;
    if (length <= LIMIT_CHANNEL_BODY || length > LIMIT_FRAME)
        return false;
    c->skip = (size_t)length + 4;
    return true;
}

/* Drops what came of the frame that is stepped over; true when that was its end. */
static bool go_on_skipping(struct channel *c)
{
    size_t n = c->skip < c->in.len ? c->skip : c->in.len;

    buffer_consume(&c->in, n);
    c->skip -= n;
    return c->skip == 0;
}

static enum turn take_frame(struct channel *c, const struct frame *frame)
{
    if (frame->kind == FRAME_REPLY)
        return TURN_FRAME;
    if (frame->kind != FRAME_EVENT || !bytes_equal_text(frame->target, "stop")) {
        break_off(c, "frame.malformed", "a frame that is neither reply nor stop");
        return TURN_BROKEN;
    }
    c->stopped = true;
    return TURN_EVENT;
}

/* What the bytes that are there make; TURN_TIME: not enough of them. */
static enum turn decode(struct channel *c, struct frame *ret)
{
    if (c->skip > 0 || begin_skip(c))
        return go_on_skipping(c) ? TURN_SKIPPED : TURN_TIME;
    switch (frame_decode(buffer_bytes(&c->in), LIMIT_CHANNEL_BODY, ret, &c->used)) {
    case FRAME_DONE:
        return take_frame(c, ret);
    case FRAME_NEED_MORE:
        c->used = 0;
        return TURN_TIME;
    case FRAME_BAD:
        break;
    }
    c->used = 0;
    break_off(c, "frame.malformed", "bytes that are no frame");
    return TURN_BROKEN;
}

static bool receive_some(struct channel *c)
{
    size_t before = c->in.len;
    uint8_t *room = buffer_extend(&c->in, READ_STEP);

    if (!room)
        return break_off(c, "frame.malformed", "more bytes than a frame may have");
    ssize_t n = read(c->fd, room, READ_STEP);
    c->in.len = before + (n > 0 ? (size_t)n : 0);
    c->in.data[c->in.len] = 0;
    if (n == 0)
        return break_off(c, c->unreachable, "the channel was closed");
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return break_off(c, c->unreachable, "the channel failed");
    return true;
}

static enum turn next_turn(struct channel *c, uint64_t deadline_ns, struct frame *ret)
{
    forget_last(c);
    while (!c->broken) {
        enum turn turn = c->in.len > 0 ? decode(c, ret) : TURN_TIME;
        if (turn != TURN_TIME)
            return turn;
        if (!await(c, POLLIN, deadline_ns))
            return TURN_TIME;
        if (!receive_some(c))
            break;
    }
    return TURN_BROKEN;
}

bool channel_tell(struct channel *c, const struct channel_request *request, uint64_t deadline_ns,
                  struct idevs_error *ret_err)
{
    return send_request(c, request, deadline_ns, ret_err);
}

static bool is_late(const struct channel *c, const struct channel_request *request,
                    struct idevs_error *ret_err)
{
    return refuse(ret_err, c->unreachable, "no reply to %s in time", request->target);
}

bool channel_answer(struct channel *c, const struct channel_request *request, uint64_t deadline_ns,
                    struct frame *ret, struct idevs_error *ret_err)
{
    do {
        switch (next_turn(c, deadline_ns, ret)) {
        case TURN_FRAME:
            if (ret->id == c->last_id)
                return true;
            break; /* the late reply to a request that was given up */
        case TURN_SKIPPED:
            if (c->skip_id == c->last_id)
                return refuse(ret_err, "http.body-too-large", "a reply over %zu bytes",
                              LIMIT_CHANNEL_BODY);
            break;
        case TURN_EVENT:
            break;
        case TURN_TIME:
            return is_late(c, request, ret_err);
        case TURN_BROKEN:
            if (ret_err)
                *ret_err = c->why;
            return false;
        }
    } while (clock_monotonic_ns() < deadline_ns); /* though other frames keep coming */
    return is_late(c, request, ret_err);
}

bool channel_call(struct channel *c, const struct channel_request *request, uint64_t deadline_ns,
                  struct frame *ret, struct idevs_error *ret_err)
{
    return send_request(c, request, deadline_ns, ret_err) &&
           channel_answer(c, request, deadline_ns, ret, ret_err);
}

bool channel_sleep(struct channel *c, uint64_t deadline_ns)
{
    struct frame frame;

    while (!c->stopped && !c->broken)
        if (next_turn(c, deadline_ns, &frame) == TURN_TIME || clock_monotonic_ns() >= deadline_ns)
            return !c->stopped && !c->broken; /* though other frames keep coming */
    return false;
}
