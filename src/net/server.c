#include "base/alloc.h"
#include "base/text.h"
#include "net/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- memory ---- */

struct server_memory *server_memory_hold(struct server_memory *memory, size_t len)
{
    memory->references++;
    memory->held += len;
    return memory;
}

void server_memory_release(struct server_memory *memory, size_t len)
{
    memory->held -= len;
    if (--memory->references == 0)
        free(memory);
}

/* ---- accepting ---- */

/* The connection in one of `states` (a bit each) whose client has kept us waiting longest. */
static struct connection *longest_waiting(const struct server *server, unsigned states)
{
    struct connection *found = NULL;

    for (struct connection *c = server->connections; c; c = c->next)
        if (connection_waits(c) && (states & 1U << c->state) &&
            (!found || c->since_ns < found->since_ns))
            found = c;
    return found;
}

bool server_make_room(struct server *server, size_t len, size_t own)
{
    const struct server_memory *memory = server->memory;
    size_t max = server->options.max_total;

    while (memory->held > max || len > max - memory->held) {
        struct connection *slowest = longest_waiting(server, 1U << CONNECTION_ANSWERING);
        if (!slowest)
            return memory->held <= own;
        connection_give_up(slowest);
    }
    return true;
}

/* Who does nothing must not keep out who does. */
static bool make_place(struct server *server)
{
    struct connection *slowest = longest_waiting(server, UINT_MAX);

    if (slowest)
        connection_give_up(slowest);
    return slowest != NULL;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int len, void *context)
{
    struct server *server = context;

    (void)listener;
    (void)from;
    (void)len;
    if (server->n_connections >= server->options.max_connections && !make_place(server))
        close(fd);
    else
        connection_open(server, fd);
}

static void on_accept_failed(struct evconnlistener *listener, void *context)
{
    struct server *server = context;
    const struct timeval pause = {.tv_usec = LIMIT_SERVER_PAUSE_MS * 1000L};

    if (make_place(server)) /* descriptors ran out before places did */
        return;
    /* The kernel would report the waiting connection again at once, for ever. */
    evconnlistener_disable(listener);
    event_add(server->pause, &pause);
}

static void on_pause_over(evutil_socket_t fd, short what, void *context)
{
    struct server *server = context;

    (void)fd;
    (void)what;
    if (server->listener)
        evconnlistener_enable(server->listener);
}

/* ---- start and end ---- */

static void fill_defaults(struct server_options *o)
{
    if (!o->max_connections)
        o->max_connections = LIMIT_SERVER_CONNECTIONS;
    if (!o->header_seconds)
        o->header_seconds = LIMIT_SERVER_HEAD_TIME;
    if (!o->body_seconds)
        o->body_seconds = LIMIT_SERVER_BODY_TIME;
    if (!o->idle_seconds)
        o->idle_seconds = LIMIT_SERVER_IDLE_TIME;
    if (!o->max_total)
        o->max_total = o->max_body > LIMIT_SERVER_TOTAL / LIMIT_SERVER_BODIES
                           ? LIMIT_SERVER_BODIES * o->max_body
                           : LIMIT_SERVER_TOTAL;
}

/* "127.0.0.1:8443" or "[::1]:8443"; names are not looked up. */
static bool parse_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN];
    uint64_t port;

    if (!colon || !parse_u64(bytes_of_text(colon + 1), UINT16_MAX, &port))
        return false;
    bool bracketed = text[0] == '[' && colon - text >= 2 && colon[-1] == ']';
    size_t len = (size_t)(colon - text) - (bracketed ? 2 : 0);
    if (len >= sizeof(host))
        return false;
    memcpy(host, text + (bracketed ? 1 : 0), len);
    host[len] = 0;
    *ret = (struct sockaddr_storage){.ss_family = bracketed ? AF_INET6 : AF_INET};
    *ret_len = bracketed ? sizeof(*v6) : sizeof(*v4);
    if (bracketed) {
        v6->sin6_port = htons((uint16_t)port);
        return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
    }
    v4->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

static bool listen_on(struct server *server, const char *listen, struct idevs_error *ret_err)
{
    struct sockaddr_storage at;
    socklen_t len = 0;
    unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;

    if (!parse_address(listen, &at, &len))
        return refuse_expecting(ret_err, "config.syntax", "an address and port like 127.0.0.1:8443",
                                "\"%s\"", listen);
    server->listener =
        evconnlistener_new_bind(server->base, on_accept, server, flags, LIMIT_SERVER_BACKLOG,
                                (struct sockaddr *)&at, (int)len);
    if (!server->listener)
        return refuse(ret_err, "port.in-use", "%s: %s", listen, strerror(errno));
    evconnlistener_set_error_cb(server->listener, on_accept_failed);
    return true;
}

struct server *server_start(struct event_base *base, const struct server_options *options,
                            struct idevs_error *ret_err)
{
    struct server *server = alloc_zero(1, sizeof(*server));

    server->base = base;
    server->memory = server_memory_hold(alloc_zero(1, sizeof(*server->memory)), 0);
    server->options = *options;
    fill_defaults(&server->options);
    server->pause = evtimer_new(base, on_pause_over, server);
    if (!server->pause)
        abort(); /* memory */
    if (!listen_on(server, options->listen, ret_err)) {
        server_free(server);
        return NULL;
    }
    server->options.listen = NULL; /* the caller's text */
    return server;
}

unsigned server_port(const struct server *server)
{
    /* Both families have the port at the same place. */
    struct sockaddr_in6 at = {0};
    socklen_t len = sizeof(at);

    if (!server->listener ||
        getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&at, &len) < 0)
        return 0;
    return ntohs(at.sin6_port);
}

static void stop_listening(struct server *server)
{
    if (server->listener)
        evconnlistener_free(server->listener);
    server->listener = NULL;
}

static void on_drained(evutil_socket_t fd, short what, void *context)
{
    struct server *server = context;

    (void)fd;
    (void)what;
    event_free(server->drained);
    server->drained = NULL;
    server->drain_done(server->drain_context);
}

void server_drain(struct server *server, unsigned seconds, void (*done)(void *), void *context)
{
    const struct timeval when = {.tv_sec = seconds};

    stop_listening(server);
    server->drain_done = done;
    server->drain_context = context;
    server->drained = evtimer_new(server->base, on_drained, server);
    if (!server->drained)
        abort(); /* memory */
    event_add(server->drained, &when);
    for (struct connection *next = NULL, *c = server->connections; c; c = next) {
        next = c->next;
        connection_finish(c);
    }
    if (server->n_connections == 0)
        event_active(server->drained, EV_TIMEOUT, 0);
}

void server_lost(struct server *server)
{
    server->n_connections--;
    if (server->drained && server->n_connections == 0)
        event_active(server->drained, EV_TIMEOUT, 0);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    stop_listening(server);
    if (server->drained)
        event_free(server->drained);
    server->drained = NULL;
    for (struct connection *next = NULL, *c = server->connections; c; c = next) {
        next = c->next;
        connection_close(c);
    }
    event_free(server->pause);
    server_memory_release(server->memory, 0);
    free(server);
}

const char *server_date(struct server *server)
{
    int64_t now = clock_unix();

    if (now != server->date_at || !server->date[0])
        http_date_format(now, server->date);
    server->date_at = now;
    return server->date;
}
