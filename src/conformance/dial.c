#include "conformance/dial.h"
#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

static bool fail(struct dial *d, const char *why)
{
    snprintf(d->why, sizeof(d->why), "%s", why);
    return false;
}

/* False at `until`, which is never after the deadline. */
static bool wait_for(const struct dial *d, short events, uint64_t until)
{
    uint64_t now = clock_monotonic_ns();
    struct pollfd p = {.fd = d->fd, .events = events};
    uint64_t end = until < d->deadline ? until : d->deadline;

    if (now >= end)
        return false;
    return poll(&p, 1, (int)((end - now) / 1000000 + 1)) > 0;
}

/* ---- opening ---- */

static bool connect_to(struct dial *d, const struct addrinfo *to)
{
    const int on = 1;
    int error = 0;
    socklen_t len = sizeof(error);

    d->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->fd < 0)
        return fail(d, strerror(errno));
    setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(d->fd, to->ai_addr, to->ai_addrlen) == 0)
        return true;
    if (errno != EINPROGRESS)
        return fail(d, strerror(errno));
    if (!wait_for(d, POLLOUT, d->deadline))
        return fail(d, "no connection in time");
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error)
        return fail(d, strerror(error ? error : errno));
    return true;
}

bool dial_connect(const struct target *target, unsigned seconds, struct dial *ret)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    bool connected = false;

    *ret = (struct dial){.fd = -1, .deadline = clock_monotonic_ns() + seconds * NS_PER_SECOND};
    int error = getaddrinfo(target->host, target->port, &hints, &all);
    if (error)
        return fail(ret, gai_strerror(error));
    for (const struct addrinfo *at = all; at && !connected; at = at->ai_next) {
        fd_close(&ret->fd);
        connected = connect_to(ret, at);
    }
    freeaddrinfo(all);
    return connected;
}

/* True when the step may be tried again. */
static bool wait_as(const struct dial *d, enum tls_step step)
{
    return (step == TLS_WANT_READ && wait_for(d, POLLIN, d->deadline)) ||
           (step == TLS_WANT_WRITE && wait_for(d, POLLOUT, d->deadline));
}

bool dial_secure(struct dial *d, const struct target *target, bool only_1_2)
{
    const struct tls_client_options options = {
        .anchors = &target->anchors, .host = target->name, .only_1_2 = only_1_2};
    enum tls_step step;

    d->tls = tls_client_new(d->fd, &options);
    do
        step = tls_client_handshake(d->tls);
    while (wait_as(d, step));
    if (step == TLS_DONE)
        return true;
    return fail(d, step == TLS_FAILED   ? tls_client_why(d->tls)
                   : step == TLS_CLOSED ? "closed during the TLS handshake"
                                        : "no TLS handshake in time");
}

bool dial_open(const struct target *target, unsigned seconds, struct dial *ret)
{
    return dial_connect(target, seconds, ret) && dial_secure(ret, target, false);
}

void dial_close(struct dial *d)
{
    tls_client_free(d->tls);
    d->tls = NULL;
    fd_close(&d->fd);
}

/* ---- bytes ---- */

static enum tls_step step_of(ssize_t n, size_t *ret_n, enum tls_step want)
{
    if (n > 0) {
        *ret_n = (size_t)n;
        return TLS_DONE;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? want : TLS_CLOSED;
}

static enum tls_step read_some(struct dial *d, void *ret, size_t size, size_t *ret_n)
{
    if (d->tls)
        return tls_client_read(d->tls, ret, size, ret_n);
    return step_of(recv(d->fd, ret, size, 0), ret_n, TLS_WANT_READ);
}

static enum tls_step write_some(struct dial *d, struct bytes data, size_t *ret_n)
{
    if (d->tls)
        return tls_client_write(d->tls, data, ret_n);
    return step_of(send(d->fd, data.data, data.len, MSG_NOSIGNAL), ret_n, TLS_WANT_WRITE);
}

bool dial_send(struct dial *d, struct bytes data)
{
    while (data.len > 0) {
        size_t n = 0;
        enum tls_step step = write_some(d, data, &n);
        data = bytes_of(data.data + n, data.len - n);
        if (step != TLS_DONE && !wait_as(d, step))
            return fail(d, "closed while something was sent");
    }
    return true;
}

enum dial_end dial_receive(struct dial *d, struct buffer *b)
{
    uint8_t piece[4096];
    size_t n = 0;
    enum tls_step step;

    do {
        step = read_some(d, piece, sizeof(piece), &n);
        if (step == TLS_DONE && !buffer_append(b, piece, n))
            return DIAL_TOO_LONG;
    } while (step == TLS_DONE || wait_as(d, step));
    return step == TLS_WANT_READ || step == TLS_WANT_WRITE ? DIAL_LATE : DIAL_CLOSED;
}

/* Throws away what comes; false when the peer closed. */
static bool is_open(struct dial *d)
{
    uint8_t piece[4096];
    size_t n;
    enum tls_step step;

    do
        step = read_some(d, piece, sizeof(piece), &n);
    while (step == TLS_DONE);
    return step == TLS_WANT_READ || step == TLS_WANT_WRITE;
}

bool dial_drip(struct dial *d, struct bytes data)
{
    for (size_t sent = 0; clock_monotonic_ns() < d->deadline; sent++) {
        uint64_t next = clock_monotonic_ns() + NS_PER_SECOND;
        if (sent < data.len && !dial_send(d, bytes_of(data.data + sent, 1)))
            return true;
        while (wait_for(d, POLLIN, next))
            if (!is_open(d))
                return true;
    }
    return false;
}
