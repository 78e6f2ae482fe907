/* A bounded HTTP/1.1 server on an event loop, with or without TLS 1.3. It hides evhttp so that
 * another parser can take its place. TCP_NODELAY; one absolute deadline for handshake, header and
 * body; caps on connections, header, body, and the memory of all of them; ambiguous requests (two
 * lengths, odd Transfer-Encoding, bare LF, NUL, missing or repeated Host, field names not tokens)
 * are refused here with `http.malformed`. */
#ifndef IDEVS_NET_SERVER_H
#define IDEVS_NET_SERVER_H

#include "base/error.h"
#include "wire/http.h"

struct event_base;
struct ssl_ctx_st;

struct server;
struct server_request; /* one request until it is answered */

/* Called on the loop's thread. The request stays valid until it is answered with one of the
 * functions below, now or later; it must be answered exactly once. If the client leaves before, the
 * answer is dropped silently. */
typedef void (*server_handler)(struct server_request *request, void *context);

/* Called when a head has come, before any of its body: what is refused here takes no memory. The
 * message has no content yet; `content_length` is what was announced. */
typedef bool (*server_admit)(struct server_request *request, uint64_t content_length, void *context,
                             struct idevs_error *ret_err);

struct server_options {
    const char *listen;     /* "127.0.0.1:8443", "[::1]:0"; port 0 takes a free one */
    struct ssl_ctx_st *tls; /* NULL: plain HTTP */
    size_t max_body;
    /* Bytes of all bodies and unsent answers together; 0: LIMIT_SERVER_BODIES times max_body, and
     * LIMIT_SERVER_TOTAL at least. Beyond it, bodies of more than LIMIT_SERVER_FIRST_CONTENT get
     * `http.busy`; so do such answers, once those that their clients do not take are dropped. */
    size_t max_total;
    /* 0: LIMIT_SERVER_CONNECTIONS. For one more, the one whose client has kept us waiting longest
     * is closed; when all are at work, the new one. */
    unsigned max_connections;
    unsigned header_seconds; /* 0: LIMIT_SERVER_HEAD_TIME; handshake and header */
    unsigned body_seconds;   /* 0: LIMIT_SERVER_BODY_TIME; header to end of body */
    unsigned idle_seconds;   /* 0: LIMIT_SERVER_IDLE_TIME; keep-alive */
    server_admit admit;      /* or NULL: everything that is well-formed and not too long */
    server_handler handler;
    void *context; /* of both */
};

/* Refuses `port.in-use`, `config.syntax`. */
struct server *server_start(struct event_base *base, const struct server_options *options,
                            struct idevs_error *ret_err);
unsigned server_port(const struct server *server); /* the port that it got */
/* No new connections; open requests are answered; `done` is called when none is left or after
 * `seconds`. */
void server_drain(struct server *server, unsigned seconds, void (*done)(void *), void *context);
void server_free(struct server *server);

/* Views valid until answered. The message has method, path (with query, valid by path_is_valid()),
 * authority (Host), fields (names lower-cased, hop-by-hop fields left out) and content. */
const struct http_message *server_message(const struct server_request *request);
/* SHA-256 of the TLS client's SPKI; false when it showed no certificate. */
bool server_client_spki(const struct server_request *request, uint8_t ret[32]) _must_check_;

/* `fields` beyond content-type are taken from `m`; content-length, date are set here. Copies. */
void server_answer(struct server_request *request, const struct http_message *m);
void server_answer_bytes(struct server_request *request, int status, const char *type,
                         struct bytes body);
/* application/problem+json {type, title, status, code, expected, found, remedy}; the status is the
 * catalogue's. */
void server_answer_error(struct server_request *request, const struct idevs_error *err);
/* The same document as bytes, for answers that are sealed or stored. */
bool problem_json(const struct idevs_error *err, struct buffer *b) _must_check_;
/* A peer's problem document: its code, expected and found, made printable; the remedy is our
 * catalogue's. False: no such document, `ret` is untouched. */
bool problem_read(struct bytes body, struct idevs_error *ret) _must_check_;

/* A long answer in pieces (logs that follow): begin, any number of pieces, end. A piece after the
 * client left returns false: then call end. */
void server_stream_begin(struct server_request *request, int status, const char *type);
bool server_stream_piece(struct server_request *request, struct bytes piece) _must_check_;
void server_stream_end(struct server_request *request);

#endif
