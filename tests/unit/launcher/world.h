/* A launcher in the middle of a world that the test plays: owners over mutual TLS, a warden on its
 * socket, programs at their ends of the channels, and one HTTPS peer that is authority and gateway.
 * All on one event loop, so nothing depends on time. */
#ifndef IDEVS_TESTS_UNIT_LAUNCHER_WORLD_H
#define IDEVS_TESTS_UNIT_LAUNCHER_WORLD_H

#include "test.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "crypto/x509.h"
#include "launcher/launcher.h"
#include "wire/frame.h"
#include "wire/manifest.h"

#include <event2/event.h>
#include <jansson.h>

struct client;
struct server;
struct server_request;

#define WORLD_PROGRAMS 64

struct world_program {
    int fd; /* its end of the channel; -1: none */
    uint32_t run;
    struct buffer in;
};

struct world {
    struct event_base *base;
    char folder[64];
    struct launcher_config config;
    struct launcher *launcher;
    struct key *owner_key;
    struct client *owner;
    struct client *stranger; /* another configured owner */
    struct client *nobody;   /* no client certificate */
    uint8_t owner_spki[SPKI_LEN];
    /* peer */
    struct ssl_ctx_st *tls;
    struct server *peer;
    unsigned peer_port;
    struct buffer ca_der;
    struct buffer program_chain; /* what the authority answers */
    struct server_request *held;
    bool hold;
    unsigned n_exchanges;
    char client_cert[64]; /* first bytes of the field that the gateway got */
    bool saw_chain;
    /* warden */
    int listener;
    int warden; /* the connection */
    struct event *accepting;
    struct event *reading;
    unsigned n_builds;
    unsigned n_runs;
    unsigned n_kills;
    bool refuse_runs;
    bool garbage; /* answers what no warden sends */
    bool silent;  /* does not answer builds and runs */
    struct world_program programs[WORLD_PROGRAMS];
};

void world_make(struct world *w);
void world_end(struct world *w);
void world_start_launcher(struct world *w);
/* As a crash would: nothing is said to anybody. */
void world_kill_launcher(struct world *w);
void world_start_warden(struct world *w);
void world_stop_warden(struct world *w);

/* Turns the loop until `done` (or fails after 20 s). */
void world_until(struct world *w, bool (*done)(const struct world *w, const void *key),
                 const void *key);
void world_turn(struct world *w, unsigned milliseconds);

struct reply {
    int status;
    struct buffer body;
    json_t *json;        /* NULL: not JSON */
    char id[ID_LEN + 1]; /* of run or build; "" when it has none */
};
void reply_free(struct reply *r);
#define _cleanup_reply_ _cleanup_(reply_free)
struct reply world_ask(struct world *w, const char *method, const char *path, struct bytes body);
struct reply world_ask_as(struct world *w, struct client *client, const char *method,
                          const char *path, struct bytes body);
struct reply world_ask_text(struct world *w, const char *method, const char *path,
                            const char *body);
const char *reply_text(const struct reply *r, const char *key); /* "" when it is not text */
int64_t reply_number(const struct reply *r, const char *key);
#define assert_reply(r, wanted_status, wanted_code)                                                \
    do {                                                                                           \
        assert_int_equal((r)->status, (wanted_status));                                            \
        assert_string_equal(reply_text((r), "code"), (wanted_code));                               \
    } while (0)

/* A manifest of `name`; `every` seconds between ticks. */
void world_manifest(struct world *w, const char *name, uint32_t every, const uint8_t *owner_spki,
                    struct buffer *b);
void world_put_blob(struct world *w, struct bytes data, char ret_hex[65]);
/* Uploads, adds and builds `name`. */
void world_add_program(struct world *w, const char *name, uint32_t every);
void world_build(struct world *w, const char *name);
/* Starts it: run's id, and the program's end. */
struct world_program *world_run(struct world *w, const char *name, char ret_id[ID_LEN + 1]);
/* Waits for the program number `n` (from 1) that the warden starts. */
struct world_program *world_nth_program(struct world *w, unsigned n);

void program_send(struct world_program *p, const void *bytes, size_t len);
void program_ask(struct world_program *p, uint32_t id, const char *target, const char *type,
                 struct bytes body);
/* The next frame; its views live until the next call. */
struct frame program_get(struct world *w, struct world_program *p);
/* The warden says that it ended. */
void world_end_program(struct world *w, struct world_program *p, const char *code);
/* Gets a certificate that ends at `not_after`. */
void program_certify(struct world *w, struct world_program *p, int64_t not_after);
void world_wait_state(struct world *w, const char *run, const char *state);

#endif
