#include "launcher/channel.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"
#include "launcher/record.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>

#define HEAD_LEN 9 /* length, id, kind: what an admission decision needs */

struct channel {
    int fd;
    struct event *readable;
    struct event *writable;
    struct buffer in;
    struct buffer out;
    size_t sent;    /* of `out` */
    size_t charged; /* for the frame that is being read */
    size_t skip;    /* bytes of a dropped frame still to come */
    bool paused;
    bool busy; /* in a callback: freeing waits */
    bool dead;
    struct channel_options options;
};

bool budget_take(struct budget *budget, size_t len)
{
    for (const struct budget *b = budget; b; b = b->parent)
        if (b->used > b->max || len > b->max - b->used)
            return false;
    budget_force(budget, len);
    return true;
}

void budget_force(struct budget *budget, size_t len)
{
    for (struct budget *b = budget; b; b = b->parent)
        b->used += len;
}

void budget_give(struct budget *budget, size_t len)
{
    for (struct budget *b = budget; b; b = b->parent)
        b->used -= len < b->used ? len : b->used;
}

static void give_room_back(struct buffer *b)
{
    if (b->len == 0 && b->cap > LIMIT_BUFFER_KEPT)
        buffer_free(b);
}

static void destroy(struct channel *c)
{
    event_free(c->readable);
    event_free(c->writable);
    buffer_free(&c->in);
    buffer_free(&c->out);
    fd_close(&c->fd);
    free(c);
}

void channel_free(struct channel *c)
{
    if (!c)
        return;
    c->dead = true;
    event_del(c->readable);
    event_del(c->writable);
    budget_give(c->options.budget, c->charged + c->out.len);
    c->options.budget = NULL; /* the owner of all that `options` points to may go away now */
    c->options.record = NULL;
    if (!c->busy)
        destroy(c);
}

/* Reading goes on while the program reads its replies. */
static void adjust_reading(struct channel *c)
{
    bool pause = c->out.len - c->sent > LIMIT_CHANNEL_UNREAD;

    if (c->dead || pause == c->paused)
        return;
    c->paused = pause;
    if (pause)
        event_del(c->readable);
    else
        event_add(c->readable, NULL);
}

static void drop_out(struct channel *c)
{
    budget_give(c->options.budget, c->out.len);
    c->out.len = 0;
    c->sent = 0;
    give_room_back(&c->out);
}

static void flush(struct channel *c)
{
    while (c->sent < c->out.len) {
        ssize_t n =
            send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            event_add(c->writable, NULL);
            return;
        }
        if (n < 0) /* the reader is gone; reading says so too */
            break;
        c->sent += (size_t)n;
    }
    drop_out(c);
}

static void send_frame(struct channel *c, const struct frame *frame)
{
    size_t before = c->out.len;

    if (c->dead)
        return;
    if (!frame_encode(frame, &c->out)) {
        log_error("%s: a reply does not fit into a frame", c->options.name);
        return;
    }
    record_frame(c->options.record, c->options.name, "to",
                 bytes_of(c->out.data + before, c->out.len - before));
    budget_force(c->options.budget, c->out.len - before);
    flush(c);
    adjust_reading(c);
}

void channel_reply(struct channel *c, uint32_t id, int status, struct bytes type, struct bytes body)
{
    send_frame(
        c,
        &(struct frame){
            .id = id, .kind = FRAME_REPLY, .status = (uint16_t)status, .type = type, .body = body});
}

void channel_stop(struct channel *c)
{
    send_frame(c, &(struct frame){.kind = FRAME_EVENT, .target = bytes_of_text("stop")});
}

static void violated(struct channel *c, const char *found)
{
    struct idevs_error err;

    refuse(&err, "frame.malformed", "%s", found);
    event_del(c->readable);
    c->options.events->closed(&err, c->options.context);
}

/* Sees to it that the frame at the beginning of `in` is paid for. False: it is dropped. */
static bool admit(struct channel *c)
{
    struct reader r = reader_of(buffer_bytes(&c->in));
    uint32_t length;
    uint32_t id;

    if (c->charged || reader_left(&r) < HEAD_LEN || !reader_u32(&r, &length) ||
        !reader_u32(&r, &id))
        return true;
    size_t whole = (size_t)length + sizeof(length);
    if (budget_take(c->options.budget, whole)) {
        c->charged = whole;
        return true;
    }
    c->skip = whole;
    c->options.events->dropped(id, whole, c->options.context);
    return false;
}

static void skip_dropped(struct channel *c)
{
    size_t n = c->skip < c->in.len ? c->skip : c->in.len;

    buffer_consume(&c->in, n);
    c->skip -= n;
}

static void consumed(struct channel *c, size_t used)
{
    budget_give(c->options.budget, c->charged);
    c->charged = 0;
    buffer_consume(&c->in, used);
}

/* False: nothing more to do with what is there. */
static bool take_frame(struct channel *c)
{
    struct frame frame;
    size_t used;

    skip_dropped(c);
    if (c->dead || c->paused || c->in.len == 0)
        return false;
    enum frame_verdict verdict =
        frame_decode(buffer_bytes(&c->in), c->options.max_body, &frame, &used);
    if (verdict == FRAME_BAD || (verdict == FRAME_DONE && frame.kind != FRAME_REQUEST)) {
        violated(c, verdict == FRAME_BAD ? "a malformed frame" : "a frame that is no request");
        return false;
    }
    if (!admit(c))
        return true;
    if (verdict != FRAME_DONE)
        return false;
    record_frame(c->options.record, c->options.name, "from", bytes_of(c->in.data, used));
    c->options.events->request(&frame, c->options.context);
    consumed(c, used);
    return true;
}

static void take_frames(struct channel *c)
{
    c->busy = true;
    while (take_frame(c)) {
    }
    give_room_back(&c->in);
    c->busy = false;
    if (c->dead)
        destroy(c);
}

static ssize_t receive(struct channel *c)
{
    size_t before = c->in.len;
    uint8_t *room = buffer_extend(&c->in, LIMIT_CHANNEL_TURN);
    ssize_t n;

    if (!room) { /* cannot be: admitted frames fit */
        errno = EMSGSIZE;
        return -1;
    }
    do
        n = recv(c->fd, room, LIMIT_CHANNEL_TURN, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    c->in.len = before + (n > 0 ? (size_t)n : 0);
    return n;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct channel *c = context;
    (void)fd;
    (void)what;

    ssize_t n = receive(c);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n <= 0) {
        event_del(c->readable);
        c->busy = true;
        c->options.events->closed(NULL, c->options.context);
        c->busy = false;
        if (c->dead)
            destroy(c);
        return;
    }
    take_frames(c);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    struct channel *c = context;
    (void)fd;
    (void)what;

    flush(c);
    bool was_paused = c->paused;
    adjust_reading(c);
    if (was_paused && !c->paused)
        take_frames(c); /* what was left when reading paused */
}

struct channel *channel_new(const struct channel_options *options)
{
    struct channel *c = alloc_zero(1, sizeof(*c));

    c->options = *options;
    c->fd = options->fd;
    c->in = buffer_up_to(LIMIT_FRAME + LIMIT_CHANNEL_TURN);
    c->out = buffer_up_to(LIMIT_CHANNEL_OUT);
    evutil_make_socket_nonblocking(c->fd);
    c->readable = event_new(options->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
    c->writable = event_new(options->base, c->fd, EV_WRITE, on_writable, c);
    event_add(c->readable, NULL);
    return c;
}
