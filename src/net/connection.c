#include "net/connection.h"
#include "base/alloc.h"
#include "crypto/tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void request_free(struct server_request *request)
{
    server_memory_release(request->memory, request->content_room);
    free(request->content);
    free(request);
}

/* ---- the life of a connection ---- */

static void connection_destroy(struct connection *c)
{
    if (c->bev)
        bufferevent_free(c->bev);
    event_free(c->deadline);
    free(c);
}

void connection_close(struct connection *c)
{
    struct server *server = c->server;

    if (!server)
        return;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->server = NULL;
    event_del(c->deadline);
    if (c->request && c->state == CONNECTION_BODY)
        request_free(c->request);
    else if (c->request)
        c->request->connection = NULL; /* the handler's until it is answered */
    c->request = NULL;
    c->state = CONNECTION_CLOSED;
    server_lost(server);
    if (c->busy == 0)
        connection_destroy(c);
}

static void hold(struct connection *c)
{
    c->busy++;
}

static void let_go(struct connection *c)
{
    c->busy--;
    if (c->busy == 0 && c->state == CONNECTION_CLOSED)
        connection_destroy(c);
}

void connection_set_deadline(struct connection *c, unsigned seconds)
{
    const struct timeval when = {.tv_sec = seconds};

    if (seconds)
        event_add(c->deadline, &when);
    else
        event_del(c->deadline);
}

/* An answer on its way. */
struct block {
    struct server_memory *memory;
    uint8_t bytes[];
};

static void block_done(const void *data, size_t len, void *context)
{
    struct block *block = context;

    (void)data;
    server_memory_release(block->memory, len);
    free(block);
}

void connection_write(struct connection *c, struct bytes head, struct bytes content)
{
    size_t len = head.len + content.len;
    struct block *block = alloc_grow(NULL, sizeof(*block) + len, 1);

    /* One block: a chain of several would become as many TLS records and packets. */
    block->memory = server_memory_hold(c->server->memory, len);
    memcpy(block->bytes, head.data, head.len);
    if (content.len)
        memcpy(block->bytes + head.len, content.data, content.len);
    hold(c); /* a failing write may close it in here */
    if (evbuffer_add_reference(bufferevent_get_output(c->bev), block->bytes, len, block_done,
                               block) < 0)
        abort(); /* memory */
    let_go(c);
}

void connection_finish(struct connection *c)
{
    c->closing = true;
    if (c->state == CONNECTION_HEAD && !c->receiving)
        connection_close(c);
}

bool connection_waits(const struct connection *c)
{
    return c->busy == 0 && (c->state == CONNECTION_HEAD || c->state == CONNECTION_BODY ||
                            c->state == CONNECTION_ANSWERING || c->state == CONNECTION_LINGERING);
}

void connection_enter(struct connection *c, enum connection_state state)
{
    c->state = state;
    c->since_ns = clock_monotonic_ns();
}

void connection_give_up(struct connection *c)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);

    /* Only the bufferevent may take from the front of its output; it is not to any more. */
    evbuffer_unfreeze(out, 1);
    evbuffer_drain(out, evbuffer_get_length(out));
    connection_close(c);
}

/* ---- reading ---- */

static void refuse_request(struct connection *c, const struct idevs_error *err)
{
    struct server_request *request = c->request;

    /* What follows in the stream has no known beginning: this is the last answer. */
    c->closing = true;
    connection_enter(c, CONNECTION_HANDLING);
    if (!request) {
        request = alloc_zero(1, sizeof(*request));
        request->connection = c;
        request->memory = server_memory_hold(c->server->memory, 0);
        c->request = request;
    }
    server_answer_error(request, err);
}

static bool admit(struct connection *c, struct server_request *request, struct idevs_error *err)
{
    const struct server_options *options = &c->server->options;
    uint64_t len = request->head.content_length;

    if (len > options->max_body)
        return refuse(err, "http.body-too-large", "%llu bytes, more than %zu",
                      (unsigned long long)len, options->max_body);
    return !options->admit || options->admit(request, len, options->context, err);
}

static void begin_request(struct connection *c, size_t head_len)
{
    struct server_request *request = alloc_zero(1, sizeof(*request) + head_len);
    struct idevs_error err;

    request->connection = c;
    request->memory = server_memory_hold(c->server->memory, 0);
    request->head_len = head_len;
    request->has_spki = c->has_spki;
    memcpy(request->spki, c->spki, sizeof(request->spki));
    evbuffer_remove(bufferevent_get_input(c->bev), request->head_bytes, head_len);
    c->request = request;
    c->scanned = 0;
    c->receiving = false;
    if (!http1_parse(request->head_bytes, head_len, &request->head, &err)) {
        request->head = (struct http1_head){0};
        refuse_request(c, &err);
        return;
    }
    if (!admit(c, request, &err)) {
        refuse_request(c, &err);
        return;
    }
    connection_enter(c, CONNECTION_BODY);
    connection_set_deadline(c, c->server->options.body_seconds);
    if (request->head.expects_continue && request->head.content_length > 0)
        bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* True when a request began or was refused, false when more bytes are needed. */
static bool read_head(struct connection *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    size_t len = evbuffer_get_length(in);
    struct idevs_error err;
    size_t head_len = 0;

    if (len == 0)
        return false;
    if (!c->receiving) {
        c->receiving = true;
        connection_set_deadline(c, c->server->options.header_seconds);
    }
    if (len > LIMIT_HEAD)
        len = LIMIT_HEAD;
    struct bytes seen = bytes_of(evbuffer_pullup(in, (ev_ssize_t)len), len);
    switch (http1_find_end(seen, &c->scanned, &head_len)) {
    case HTTP1_FOUND:
        begin_request(c, head_len);
        return true;
    case HTTP1_MORE:
        if (len < LIMIT_HEAD)
            return false;
        refuse(&err, "http.malformed", "a head of more than %zu bytes", LIMIT_HEAD);
        break;
    default:
        refuse(&err, "http.malformed", "a line that does not end in CR LF, or no request");
    }
    refuse_request(c, &err);
    return true;
}

/* Room grows with what came, not with what was announced. The first is everybody's, so that long
 * bodies that do not end keep no short one out. */
static bool make_room(const struct connection *c, struct server_request *request,
                      struct idevs_error *err)
{
    size_t wanted = (size_t)request->head.content_length;
    size_t room = request->content_room ? 2 * request->content_room : LIMIT_SERVER_FIRST_CONTENT;
    size_t max = c->server->options.max_total;

    if (request->content_len < request->content_room)
        return true;
    room = room < wanted ? room : wanted;
    size_t more = room - request->content_room;
    if (request->content_room &&
        (request->memory->held > max || more > max - request->memory->held))
        return refuse(err, "http.busy", "%zu bytes in flight", request->memory->held);
    request->memory->held += more;
    request->content_room = room;
    request->content = alloc_grow(request->content, room, 1);
    return true;
}

static bool read_body(struct connection *c)
{
    struct server_request *request = c->request;
    struct evbuffer *in = bufferevent_get_input(c->bev);
    struct http_message *m = &request->head.message;
    struct idevs_error err;

    while (request->content_len < request->head.content_length) {
        if (!make_room(c, request, &err)) {
            refuse_request(c, &err);
            return true;
        }
        int n = evbuffer_remove(in, request->content + request->content_len,
                                request->content_room - request->content_len);
        if (n <= 0)
            return false;
        request->content_len += (size_t)n;
    }
    m->scheme = bytes_of_text(c->server->options.tls ? "https" : "http");
    m->content = bytes_of(request->content, request->content_len);
    c->closing = c->closing || request->head.close;
    connection_enter(c, CONNECTION_HANDLING);
    connection_set_deadline(c, 0);
    c->server->options.handler(request, c->server->options.context);
    return true;
}

/* ---- after an answer ---- */

static bool flush_answer(struct connection *c)
{
    if (evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
        return false;
    if (!c->closing) {
        connection_enter(c, CONNECTION_HEAD);
        connection_set_deadline(c, c->server->options.idle_seconds);
        return true;
    }
    /* Closing with bytes unread would reset the connection and could take the answer with it. */
    connection_enter(c, CONNECTION_LINGERING);
    shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    connection_set_deadline(c, LIMIT_SERVER_LINGER_TIME);
    return true;
}

static bool throw_away(struct connection *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);

    evbuffer_drain(in, evbuffer_get_length(in));
    return false;
}

static bool step(struct connection *c)
{
    switch (c->state) {
    case CONNECTION_HEAD:
        return read_head(c);
    case CONNECTION_BODY:
        return read_body(c);
    case CONNECTION_ANSWERING:
        return flush_answer(c);
    case CONNECTION_LINGERING:
        return throw_away(c);
    default:
        return false; /* the handler's turn */
    }
}

void connection_advance(struct connection *c)
{
    if (c->busy > 0)
        return; /* whoever holds it carries on */
    hold(c);
    while (step(c))
        continue;
    let_go(c);
}

/* ---- what libevent calls ---- */

static void on_ready(struct bufferevent *bev, void *context)
{
    (void)bev;
    connection_advance(context);
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
    struct connection *c = context;

    if (what & BEV_EVENT_CONNECTED)
        c->has_spki = tls_peer_spki(bufferevent_openssl_get_ssl(bev), c->spki);
    else
        connection_close(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    connection_close(context);
}

static struct bufferevent *new_bufferevent(const struct server *server, int fd)
{
    if (!server->options.tls)
        return bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    return bufferevent_openssl_socket_new(server->base, fd, tls_server_session(server->options.tls),
                                          BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

void connection_open(struct server *server, int fd)
{
    const int on = 1;
    struct bufferevent *bev = new_bufferevent(server, fd);

    if (!bev) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    struct connection *c = alloc_zero(1, sizeof(*c));
    c->server = server;
    c->bev = bev;
    connection_enter(c, CONNECTION_HEAD);
    c->receiving = true; /* the first head has no idle time before it */
    c->deadline = evtimer_new(server->base, on_deadline, c);
    if (!c->deadline)
        abort(); /* memory */
    c->next = server->connections;
    c->link = &server->connections;
    if (c->next)
        c->next->link = &c->next;
    server->connections = c;
    server->n_connections++;
    connection_set_deadline(c, server->options.header_seconds);
    bufferevent_setwatermark(bev, EV_READ, 0, 2 * LIMIT_HEAD);
    bufferevent_setcb(bev, on_ready, on_ready, on_event, c);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}
