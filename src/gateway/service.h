/* What the parts of the gateway share: everything that lives as long as the process, and the one
 * entry from the listener to an exchange. Private to src/gateway. */
#ifndef IDEVS_GATEWAY_SERVICE_H
#define IDEVS_GATEWAY_SERVICE_H

#include "base/limits.h"
#include "gateway/certificates.h"
#include "gateway/claims.h"
#include "gateway/config.h"
#include "gateway/gateway.h"
#include "gateway/keyring.h"
#include "gateway/ledger.h"
#include "gateway/memory.h"
#include "gateway/polls.h"
#include "gateway/steps.h"
#include "gateway/turns.h"
#include "gateway/worker.h"
#include "net/client.h"
#include "net/server.h"

struct call;

struct gateway {
    const struct gateway_config *config;
    struct event_base *base;
    struct chain service; /* certificate chain and key of the service */
    struct key *key;
    struct keyring keyring;
    struct chain anchors[LIMIT_GATEWAY_ANCHORS];                  /* one a file */
    struct bytes anchor_der[LIMIT_GATEWAY_ANCHORS * LIMIT_CHAIN]; /* all of them */
    size_t n_anchors;
    struct certificates *certificates;
    struct revocations *revocations; /* NULL: the configuration names no lists */
    struct polls *polls;
    struct claims *claims;
    struct memory memory;
    struct ledger ledger;
    struct worker *worker;
    struct client *client;
    struct turns turns; /* at the client */
    struct server *server;
    struct ssl_ctx_st *tls; /* of the server */
    struct event *sweep_timer;
    struct steps steps;
    bool draining;
    struct call *calls; /* exchanges in flight */
};

/* One POST of a sealed request: takes it over until it is answered. */
void call_begin(struct gateway *gateway, struct server_request *request);
/* Forgets the exchanges in flight, without answers. */
void calls_free(struct gateway *gateway);

/* The largest sealed message of a body of `max_body`: fields, framing and padding included. */
size_t sealed_size(size_t max_body);

#endif
