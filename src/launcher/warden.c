#include "launcher/warden.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"
#include "launcher/record.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A request that is to be sent, or was sent and waits for its answer. */
struct asked {
    struct asked *next;
    struct buffer message;
    int fds[2];
    size_t n_fds;
    bool sent;
    enum warden_kind kind;
    uint32_t id;
    warden_done done; /* NULL: nobody waits */
    void *context;
};

struct warden {
    struct event_base *base;
    struct sockaddr_un address;
    struct record *record;
    const struct warden_events *events;
    void *context;
    int fd;
    struct event *readable;
    struct event *writable;
    struct event *retry;
    unsigned pause_ms;
    bool said_unreachable; /* once in the log, not at every attempt */
    bool up;
    struct warden_answer status;
    struct buffer listing; /* of the status */
    struct asked *asked;   /* in the order of asking */
    size_t n_asked;
    uint32_t last_id;
    struct buffer in;
};

static void asked_free(struct asked *a)
{
    for (size_t i = 0; i < a->n_fds; i++)
        fd_close(&a->fds[i]);
    buffer_free(&a->message);
    free(a);
}

static void retry_later(struct warden *w)
{
    struct timeval pause = {.tv_sec = w->pause_ms / 1000,
                            .tv_usec = (long)(w->pause_ms % 1000) * 1000};

    event_add(w->retry, &pause);
    w->pause_ms = w->pause_ms * 2 < LIMIT_WARDEN_PAUSE_CEILING_MS ? w->pause_ms * 2
                                                                  : LIMIT_WARDEN_PAUSE_CEILING_MS;
}

static void close_connection(struct warden *w)
{
    if (w->readable)
        event_free(w->readable);
    if (w->writable)
        event_free(w->writable);
    w->readable = NULL;
    w->writable = NULL;
    fd_close(&w->fd);
    w->up = false;
}

/* All who wait are told; what they ask now is refused, as the warden is not up. */
static void disconnect(struct warden *w, const char *why)
{
    bool was_up = w->up;
    struct asked *asked = w->asked;

    close_connection(w);
    w->asked = NULL;
    w->n_asked = 0;
    if (was_up || !w->said_unreachable)
        log_warning("warden: %s", why);
    w->said_unreachable = true;
    while (asked) {
        struct asked *next = asked->next;
        int none = -1;
        if (asked->done)
            asked->done(NULL, &none, asked->context);
        asked_free(asked);
        asked = next;
    }
    if (was_up)
        w->events->down(w->context);
    retry_later(w);
}

/* ---- sending ---- */

static bool send_one(struct warden *w, struct asked *a)
{
    if (!fd_send(w->fd, buffer_bytes(&a->message), a->fds, a->n_fds))
        return false;
    record_message(w->record, "warden", "to", buffer_bytes(&a->message), a->fds, a->n_fds);
    a->sent = true;
    for (size_t i = 0; i < a->n_fds; i++)
        fd_close(&a->fds[i]);
    a->n_fds = 0;
    return true;
}

/* False: the connection is gone, and so may be every request. */
static bool send_waiting(struct warden *w)
{
    for (struct asked *a = w->asked; a; a = a->next) {
        if (a->sent || send_one(w, a))
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            event_add(w->writable, NULL);
            return true;
        }
        /* Reading the end of file disconnects, at a time when no caller is in the middle. */
        shutdown(w->fd, SHUT_RDWR);
        return false;
    }
    return true;
}

static struct asked *ask(struct warden *w, const struct warden_ask *what, const int *fds,
                         size_t n_fds, warden_done done, void *context)
{
    struct asked *a = alloc_zero(1, sizeof(*a));
    struct warden_ask numbered = *what;

    for (; a->n_fds < n_fds; a->n_fds++)
        a->fds[a->n_fds] = fds[a->n_fds];
    a->message = buffer_up_to(LIMIT_WARDEN_MESSAGE);
    do
        numbered.id = ++w->last_id;
    while (numbered.id == 0);
    if (w->fd < 0 || w->n_asked >= LIMIT_WARDEN_ASKED ||
        !warden_ask_encode(&numbered, &a->message)) {
        asked_free(a);
        return NULL;
    }
    a->kind = what->kind;
    a->id = numbered.id;
    a->done = done;
    a->context = context;
    struct asked **end = &w->asked;
    while (*end)
        end = &(*end)->next;
    *end = a;
    w->n_asked++;
    if (!send_waiting(w))
        log_debug("warden: sending failed");
    return a;
}

static bool ask_when_up(struct warden *w, const struct warden_ask *what, const int *fds,
                        warden_done done, void *context)
{
    if (w->up)
        return ask(w, what, fds, 2, done, context) != NULL;
    for (int i = 0; i < 2; i++) {
        int fd = fds[i];
        fd_close(&fd);
    }
    return false;
}

bool warden_build(struct warden *w, int source, int manifest, warden_done done, void *context)
{
    int fds[] = {source, manifest};

    return ask_when_up(w, &(struct warden_ask){.kind = WARDEN_BUILD}, fds, done, context);
}

bool warden_run(struct warden *w, const char *back_end, const uint8_t *digest, int executable,
                int manifest, warden_done done, void *context)
{
    int fds[] = {executable, manifest};
    struct warden_ask what = {.kind = WARDEN_RUN, .back_end = back_end, .executable = digest};

    return ask_when_up(w, &what, fds, done, context);
}

void warden_kill(struct warden *w, uint32_t run)
{
    struct warden_ask what = {.kind = WARDEN_KILL, .run = run};

    if (w->up && !ask(w, &what, NULL, 0, NULL, NULL))
        log_warning("warden: run %u could not be killed", run);
}

void warden_forget(struct warden *w, const void *context)
{
    for (struct asked *a = w->asked; a; a = a->next)
        if (a->context == context)
            a->done = NULL;
}

/* ---- receiving ---- */

static void on_status(const struct warden_answer *answer, int *fd, void *context)
{
    struct warden *w = context;
    (void)fd;

    if (!answer)
        return;
    if (answer->refused) {
        log_refusal(IDEVS_WARNING, "warden", &answer->error);
        shutdown(w->fd, SHUT_RDWR);
        return;
    }
    w->status = *answer;
    buffer_clear(&w->listing);
    if (!buffer_append_bytes(&w->listing, answer->listing))
        log_warning("warden: its list of back ends is too long");
    w->status.listing = buffer_bytes(&w->listing);
    w->up = true;
    w->said_unreachable = false;
    w->pause_ms = LIMIT_WARDEN_PAUSE_MS;
    log_info("warden: connected");
    w->events->up(w->context);
}

static bool finish_asked(struct warden *w, const struct warden_answer *answer, int *fd)
{
    struct asked **at = &w->asked;

    while (*at && (*at)->id != answer->id)
        at = &(*at)->next;
    struct asked *a = *at;
    if (!a || !a->sent || a->kind != answer->kind)
        return false;
    *at = a->next;
    w->n_asked--;
    if (a->done)
        a->done(answer, fd, a->context);
    else if (a->kind == WARDEN_RUN && !answer->refused)
        warden_kill(w, answer->run);
    asked_free(a);
    return true;
}

/* False: not what a warden says. */
static bool take_message(struct warden *w, int fds[LIMIT_FDS], size_t n_fds)
{
    struct warden_answer answer;
    bool may_have_fd;

    record_message(w->record, "warden", "from", buffer_bytes(&w->in), NULL, 0);
    if (!warden_answer_decode(buffer_bytes(&w->in), &answer))
        return false;
    may_have_fd = !answer.refused && (answer.kind == WARDEN_RUN ||
                                      (answer.kind == WARDEN_BUILD && answer.has_executable));
    if (n_fds != (may_have_fd ? 1 : 0))
        return false;
    if (answer.kind == WARDEN_ENDED) {
        w->events->ended(&answer, w->context);
        return true;
    }
    return finish_asked(w, &answer, &fds[0]);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct warden *w = context;
    int fds[LIMIT_FDS];
    size_t n_fds;
    (void)what;

    if (!fd_receive(fd, &w->in, fds, &n_fds)) {
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            disconnect(w, strerror(errno));
        return;
    }
    bool good = w->in.len > 0 && take_message(w, fds, n_fds);
    for (size_t i = 0; i < LIMIT_FDS; i++)
        fd_close(&fds[i]);
    if (!good)
        disconnect(w, w->in.len ? "a message that no warden sends" : "closed the connection");
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    struct warden *w = context;
    (void)fd;
    (void)what;

    if (!send_waiting(w))
        log_debug("warden: sending failed");
}

static void try_to_connect(struct warden *w)
{
    w->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&w->address, sizeof(w->address)) < 0) {
        if (!w->said_unreachable)
            log_warning("warden: %s: %s", w->address.sun_path, strerror(errno));
        w->said_unreachable = true;
        fd_close(&w->fd);
        retry_later(w);
        return;
    }
    w->readable = event_new(w->base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
    w->writable = event_new(w->base, w->fd, EV_WRITE, on_writable, w);
    event_add(w->readable, NULL);
    if (!ask(w, &(struct warden_ask){.kind = WARDEN_STATUS}, NULL, 0, on_status, w))
        log_debug("warden: sending failed");
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    try_to_connect(context);
}

struct warden *warden_new(struct event_base *base, const char *path, struct record *record,
                          const struct warden_events *events, void *context)
{
    struct warden *w = alloc_zero(1, sizeof(*w));

    w->base = base;
    w->address.sun_family = AF_UNIX;
    snprintf(w->address.sun_path, sizeof(w->address.sun_path), "%s", path);
    w->record = record;
    w->events = events;
    w->context = context;
    w->fd = -1;
    w->pause_ms = LIMIT_WARDEN_PAUSE_MS;
    w->in = buffer_up_to(LIMIT_WARDEN_MESSAGE);
    w->listing = buffer_up_to(LIMIT_WARDEN_MESSAGE);
    w->retry = evtimer_new(base, on_retry, w);
    event_active(w->retry, EV_TIMEOUT, 0); /* from the loop: whoever made us is not ready yet */
    return w;
}

void warden_free(struct warden *w)
{
    if (!w)
        return;
    close_connection(w);
    event_free(w->retry);
    while (w->asked) {
        struct asked *next = w->asked->next;
        asked_free(w->asked);
        w->asked = next;
    }
    buffer_free(&w->in);
    buffer_free(&w->listing);
    free(w);
}

const struct warden_answer *warden_status(const struct warden *w)
{
    return w->up ? &w->status : NULL;
}
