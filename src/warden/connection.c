#include "warden/connection.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"
#include "warden/back_ends.h"
#include "warden/build.h"
#include "warden/listing.h"
#include "warden/run.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
    struct message *next;
    struct buffer bytes;
    int fd;
};

struct connection {
    struct connection *next;
    struct warden *w;
    struct source source;
    struct message *queue;
    size_t n_queued;
    bool broken;
};

static void message_free(struct message *m)
{
    buffer_free(&m->bytes);
    fd_close(&m->fd);
    free(m);
}

void connection_close(struct connection *c)
{
    struct connection **at = &c->w->connections;

    runs_end_of(c->w, c);
    builds_end_of(c->w, c);
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    loop_remove(&c->w->loop, &c->source);
    fd_close(&c->source.fd);
    for (struct message *m = c->queue; m;) {
        struct message *next = m->next;
        message_free(m);
        m = next;
    }
    free(c);
}

/* ---- out ---- */

static bool send_now(struct connection *c, struct bytes message, int fd)
{
    return fd_send(c->source.fd, message, &fd, fd >= 0 ? 1 : 0);
}

/* It is closed in its own turn: whoever sends still uses it. */
static void break_off(struct connection *c)
{
    c->broken = true;
    c->source.deadline = 1;
}

static void enqueue(struct connection *c, struct bytes message, int fd)
{
    struct message *m = alloc_zero(1, sizeof(*m));
    struct message **last = &c->queue;

    m->fd = fd;
    m->bytes = buffer_up_to(LIMIT_WARDEN_MESSAGE);
    while (*last)
        last = &(*last)->next;
    *last = m;
    c->n_queued++;
    c->source.events = POLLIN | POLLOUT;
    if (c->n_queued > LIMIT_WARDEN_QUEUE || !buffer_append_bytes(&m->bytes, message))
        break_off(c);
}

void connection_send(struct connection *c, struct bytes message, int fd)
{
    if (!c->broken && !c->queue && send_now(c, message, fd)) {
        fd_close(&fd);
        return;
    }
    if (!c->broken && (c->queue || errno == EAGAIN)) {
        enqueue(c, message, fd);
        return;
    }
    fd_close(&fd);
    break_off(c);
}

void connection_refuse(struct connection *c, const struct request *request,
                       const struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_WARDEN_MESSAGE);

    log_refusal(IDEVS_WARNING, "launcher's request", err);
    if (answer_refusal(request, err, &b))
        connection_send(c, buffer_bytes(&b), -1);
}

static void flush(struct connection *c)
{
    while (c->queue && !c->broken) {
        struct message *m = c->queue;
        if (!send_now(c, buffer_bytes(&m->bytes), m->fd)) {
            if (errno != EAGAIN)
                break_off(c);
            return;
        }
        c->queue = m->next;
        c->n_queued--;
        message_free(m);
    }
    c->source.events = POLLIN;
}

/* ---- in ---- */

static void answer_to_status(struct connection *c, const struct request *request)
{
    const struct warden *w = c->w;
    const char *names[LIMIT_BACK_ENDS];
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_WARDEN_MESSAGE);
    _cleanup_buffer_ struct buffer listing = buffer_up_to(LIMIT_WARDEN_LISTING);
    struct status_answer answer = {
        .id = request->id,
        .back_ends = names,
        .toolchain = w->toolchain >= 0 ? w->toolchain_digest : NULL,
        .platform = w->platform_id,
    };

    back_ends_usable(w, names, &answer.n_back_ends);
    bool ok = listing_encode(&w->config, &listing);
    answer.listing = buffer_bytes(&listing);
    if (ok && answer_status(&answer, &b))
        connection_send(c, buffer_bytes(&b), -1);
}

static void answer_to_kill(struct connection *c, const struct request *request)
{
    struct idevs_error err;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_WARDEN_MESSAGE);

    if (!run_kill(c->w, c, request->run, &err))
        connection_refuse(c, request, &err);
    else if (answer_kill(request->id, &b))
        connection_send(c, buffer_bytes(&b), -1);
}

static void dispatch(struct connection *c, const struct request *request, int fds[LIMIT_FDS])
{
    struct idevs_error err;

    switch (request->kind) {
    case WARDEN_STATUS:
        answer_to_status(c, request);
        break;
    case WARDEN_BUILD:
        if (!build_begin(c->w, c, request, fds[0], fds[1], &err))
            connection_refuse(c, request, &err);
        break;
    case WARDEN_RUN:
        if (!run_begin(c->w, c, request, fds[0], fds[1], &err))
            connection_refuse(c, request, &err);
        break;
    case WARDEN_KILL:
        answer_to_kill(c, request);
        break;
    case WARDEN_ENDED: /* an event, so never asked: request_decode() */
        break;
    }
}

/* False: the peer is gone, or said what it may not. */
static bool receive(struct connection *c)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_WARDEN_MESSAGE);
    int fds[LIMIT_FDS];
    size_t n_fds;
    struct request request;

    if (!fd_receive(c->source.fd, &b, fds, &n_fds))
        return errno == EAGAIN;
    enum connection_state state = c->w->ending ? CONNECTION_ENDING : CONNECTION_OPEN;
    bool ok = b.len > 0 && request_decode(buffer_bytes(&b), n_fds, state, &request);
    if (ok)
        dispatch(c, &request, fds);
    else if (b.len > 0)
        log_warning("the launcher said what it may not; its connection is closed");
    for (size_t i = 0; i < LIMIT_FDS; i++)
        fd_close(&fds[i]);
    return ok;
}

static void connection_ready(void *arg, short revents)
{
    struct connection *c = arg;
    bool alive = !c->broken;

    if (alive && (revents & POLLOUT))
        flush(c);
    if (alive && (revents & POLLIN))
        alive = receive(c);
    else if (revents & (POLLHUP | POLLERR))
        alive = false;
    if (!alive || c->broken) {
        log_info("the launcher's connection is closed");
        connection_close(c);
    }
}

static bool peer_may(const struct warden *w, int socket)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return false;
    if (peer.uid == w->config.launcher_uid)
        return true;
    log_warning("user %u is not the launcher", (unsigned)peer.uid);
    return false;
}

void connection_accept(struct warden *w, int socket)
{
    size_t n = 0;

    for (const struct connection *c = w->connections; c; c = c->next)
        n++;
    if (w->ending || n >= LIMIT_WARDEN_CONNECTIONS || !peer_may(w, socket)) {
        close(socket);
        return;
    }
    struct connection *c = alloc_zero(1, sizeof(*c));
    c->w = w;
    c->source =
        (struct source){.fd = socket, .events = POLLIN, .ready = connection_ready, .arg = c};
    c->next = w->connections;
    w->connections = c;
    loop_add(&w->loop, &c->source);
    log_info("a launcher is connected");
}
