/* Outgoing HTTP(S): pooled, bounded, with time limits, on libcurl. Asynchronous on an event loop
 * for daemons, and one blocking call for tools. No redirects, no proxies from the environment, no
 * cookies; http and https only. */
#ifndef IDEVS_NET_CLIENT_H
#define IDEVS_NET_CLIENT_H

#include "base/error.h"
#include "wire/http.h"

struct event_base;
struct client;

struct client_options {
    const char *ca_file;     /* PEM anchors for https; NULL: the system's */
    const char *certificate; /* PEM client certificate and key files, or NULL */
    const char *key;
    unsigned max_per_host; /* connections; 0: LIMIT_CLIENT_PER_HOST */
    size_t max_body;       /* of a response; 0: LIMIT_BODY */
    long connect_ms;       /* 0: LIMIT_CLIENT_CONNECT_MS */
    long total_ms;         /* 0: LIMIT_CLIENT_TOTAL_MS */
};

struct client_response {
    struct http_message message; /* status, fields (lower-cased names), content; views */
    struct idevs_error
        error; /* code empty: an answer came; else `service.unreachable` (no
                  connection, time-out), `service.status` (garbage, too large, cut) */
    bool
        sent; /* some of the request may have reached the peer: the outcome of a write is unknown */
};
/* Views are valid during the call only. */
typedef void (*client_done)(const struct client_response *response, void *context);

struct client *client_new(struct event_base *base, const struct client_options *options);
void client_free(struct client *client); /* cancels what is in flight without calling back */
/* `url` is scheme://host[:port]; the rest is in `m` (method, path, fields, content): copied.
 * Returns a handle for client_cancel(), valid until `done` was called. */
struct client_call;
struct client_call *client_send(struct client *client, const char *url,
                                const struct http_message *m, client_done done, void *context);
void client_cancel(struct client_call *call);

/* One blocking call: `storage` gets what `ret` points into. Refuses as `error` above. */
bool client_fetch(const struct client_options *options, const char *url,
                  const struct http_message *m, struct buffer *storage, struct http_message *ret,
                  struct idevs_error *ret_err) _must_check_;

#endif
