/* One connection of net/server.h from inside, and the request that it carries. */
#ifndef IDEVS_NET_CONNECTION_H
#define IDEVS_NET_CONNECTION_H

#include "base/clock.h"
#include "net/server.h"
#include "wire/http1.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

struct connection;

/* What all bodies and answers of a server take. It outlives the server in requests that are not
 * answered yet, and in answers on their way. */
struct server_memory {
    size_t held;
    unsigned references;
};
void server_memory_release(struct server_memory *memory, size_t len);
struct server_memory *server_memory_hold(struct server_memory *memory, size_t len);

struct server {
    struct event_base *base;
    struct server_memory *memory;
    struct server_options options; /* with defaults filled in */
    struct evconnlistener *listener;
    struct event *pause; /* accepting goes on when it fires, after descriptors ran out */
    struct connection *connections;
    unsigned n_connections;
    int64_t date_at; /* the second that `date` tells */
    char date[HTTP_DATE_LEN + 1];
    struct event *drained; /* NULL: not draining */
    void (*drain_done)(void *context);
    void *drain_context;
};

struct server_request {
    struct connection *connection; /* NULL: the client left */
    struct server_memory *memory;  /* `content_room` of it is ours */
    struct http1_head head;        /* views into `head_bytes` and `content` */
    uint8_t *content;
    size_t content_room;
    size_t content_len;
    bool has_spki;
    uint8_t spki[32];
    bool streaming;
    size_t head_len;
    uint8_t head_bytes[];
};

enum connection_state {
    CONNECTION_CLOSED = 0, /* only the memory is still there */
    CONNECTION_HEAD,       /* handshake, or the next request's head */
    CONNECTION_BODY,
    CONNECTION_HANDLING, /* the handler has it */
    CONNECTION_STREAMING,
    CONNECTION_ANSWERING, /* until the answer has left */
    CONNECTION_LINGERING, /* closed for writing: what still comes is thrown away */
};

struct connection {
    struct server *server; /* NULL once closed */
    struct connection *next;
    struct connection **link;
    struct bufferevent *bev;
    struct event *deadline;
    struct server_request *request; /* from its head until it is answered */
    enum connection_state state;
    size_t scanned;
    uint64_t since_ns; /* monotonic: when this state began */
    bool receiving;    /* bytes of this head have come, so its deadline runs */
    bool closing;      /* no request after this one */
    bool has_spki;
    uint8_t spki[32];
    unsigned busy; /* nested calls that still use the memory */
};

/* Takes over `fd`, which it closes at once when it cannot serve it. */
void connection_open(struct server *server, int fd);
/* Forgets the client. The memory goes when nobody uses it any more. */
void connection_close(struct connection *c);
/* Carries on after something changed: bytes came, or an answer was written. */
void connection_advance(struct connection *c);
/* Sends a copy of both, in one piece. The connection may be closed when this returns. */
void connection_write(struct connection *c, struct bytes head, struct bytes content);
void connection_set_deadline(struct connection *c, unsigned seconds);
/* Closes when idle, or after the answer under way. */
void connection_finish(struct connection *c);

void request_free(struct server_request *request);

void connection_enter(struct connection *c, enum connection_state state);
/* True while it is the client that keeps us waiting: for its bytes, or to take its answer. */
bool connection_waits(const struct connection *c);
/* Forgets the client, and at once what it did not take. */
void connection_give_up(struct connection *c);

/* The server's part: a connection is gone. */
void server_lost(struct server *server);
/* Room for `len` more bytes of an answer to a request that holds `own`: if need be that of answers
 * which nobody takes, the oldest first. False: others hold too much. One answer always fits. */
bool server_make_room(struct server *server, size_t len, size_t own) _must_check_;
/* The current date for answers. */
const char *server_date(struct server *server);

#endif
