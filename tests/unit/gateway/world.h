/* A running idevs-gateway between a program and a service that misbehaves on request, on loopback.
 * What fails here is a broken test or machine: it aborts. */
#ifndef IDEVS_TESTS_UNIT_GATEWAY_WORLD_H
#define IDEVS_TESTS_UNIT_GATEWAY_WORLD_H

#include "actors.h"

#include <pthread.h>
#include <sys/types.h>

/* Answers by path: /ok, /echo (the request as it came), /count (how many requests came), /NNN
 * (that status), /slow (after 300 ms), /hang, /close, /garbage, /cut, /large, /fields. */
struct fake_service {
    int listener;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock;
    unsigned n_requests;
    struct buffer last; /* the request that came last, head and content */
};
void fake_service_start(struct fake_service *s, unsigned port); /* 0: a free one */
void fake_service_stop(struct fake_service *s);
unsigned fake_service_count(struct fake_service *s);
/* True when the request that came last holds `text`. */
bool fake_service_saw(struct fake_service *s, const char *text);

struct world {
    char folder[64];
    char host[16];
    char authority[32];
    struct actor_ca tier;
    struct actor_ca service_ca;
    struct actor_program program;
    struct fake_service service;
    bool service_runs;
    bool is_beside; /* tier and program are another world's */
    pid_t gateway;
    unsigned port;
    char url[64];
    char ca_file[96];
    struct ohttp_key_config keys; /* of the running gateway */
};
/* `more` are further lines of the configuration; upstream_timeout is 1 s if they
 * do not say it, max_body 64 KiB. */
void world_start(struct world *w, const char *more);
/* A second service with a gateway and a CA of its own, at WORLD_BESIDE, for the programs of
 * `first`. */
#define WORLD_BESIDE "127.0.0.2:8443"
/* For the programs that `tier` certifies (its key is not needed); there is no program. */
void world_start_for(struct world *w, const char *authority, const struct actor_ca *tier);
void world_start_beside(struct world *w, const struct world *first, const char *more);
void world_stop(struct world *w);
void world_gateway_start(struct world *w);
bool world_wait_for(unsigned port);       /* until 127.0.0.1 listens there, at most 10 s */
int world_connect(const struct world *w); /* TCP to the gateway; the caller's descriptor */
void world_fetch_keys(struct world *w);   /* of the gateway that runs now */
int world_gateway_end(struct world *w, int signal_number); /* its exit status, or -signal */
/* Everything that the gateways of this world logged. */
void world_read_log(struct world *w, struct buffer *b);

/* An answer; `message` points into the buffers. */
struct answer {
    unsigned outer; /* HTTP status of the outer answer */
    bool sealed;
    struct http_message message; /* what was sealed, else the outer answer itself */
    struct bytes seen;           /* the body that the relay handed back */
    struct buffer storage;
    struct buffer plain;
};
void answer_free(struct answer *a);
#define _cleanup_answer_ _cleanup_(answer_free)
/* One POST of what is sealed already. False: no HTTP answer came. */
bool world_post(struct world *w, const struct actor_program *p, struct bytes sealed,
                const struct exchange *x, struct answer *ret);
/* The same with whatever a relay may put around it. */
bool world_send(struct world *w, const struct http_message *outer, const struct exchange *x,
                struct answer *ret);
bool world_exchange(struct world *w, const struct http_message *m, struct answer *ret);
bool world_get(struct world *w, const char *path, struct answer *ret);

/* The value of a field as text; "" when it is not there once. Valid until the next call. */
const char *answer_field(const struct answer *a, const char *name);

#endif
