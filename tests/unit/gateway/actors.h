/* Those who meet at a gateway, for its tests, fuzzer and benchmark: a CA, a program with an
 * attested certificate, a service with its own. Whatever fails here is a broken test: it aborts. */
#ifndef IDEVS_TESTS_UNIT_GATEWAY_ACTORS_H
#define IDEVS_TESTS_UNIT_GATEWAY_ACTORS_H

#include "exchange/keys.h"
#include "exchange/request.h"

#define TEST_AUTHORITY "127.0.0.1:8443"
#define TEST_PROGRAM   "spiffe://free-ride.example/program/free-ride"

struct actor_ca {
    struct key *key;
    struct certificate *certificate;
};
void actor_ca_make(struct actor_ca *ca, const char *subject, int64_t now);
void actor_ca_free(struct actor_ca *ca);

/* Zeros stand for: TEST_PROGRAM, "isolated", "process", TEST_AUTHORITY twice, an hour around now.
 */
struct actor_program_fields {
    const char *id;
    const char *tier;
    const char *back_end;
    const char *reads; /* "" for none */
    const char *writes;
    const char *also;   /* a second authority under both, or NULL */
    uint8_t executable; /* each byte of its digest */
    int64_t not_before;
    int64_t not_after;
};
struct actor_program {
    struct key *key;
    struct chain chain;
    struct buffer cert; /* Client-Cert and Client-Cert-Chain */
    struct buffer cert_chain;
    uint8_t keyid[SHA256_LEN];
};
void actor_program_make(struct actor_program *p, const struct actor_ca *ca,
                        const struct actor_program_fields *fields, int64_t now);
/* The same for somebody else's key: `p->key` stays NULL. */
void actor_program_certify(struct actor_program *p, const uint8_t spki[SPKI_LEN],
                           const struct actor_ca *ca, const struct actor_program_fields *fields,
                           int64_t now);
void actor_program_free(struct actor_program *p);

/* A server certificate for `host`. */
void actor_service_make(const struct actor_ca *ca, const char *host, int64_t now,
                        struct key **ret_key, struct chain *ret_chain);

/* A message as the run-time would begin it. `key` and `type` may be NULL. */
struct http_message actor_request(const char *method, const char *path, const char *key,
                                  const char *type, struct bytes content);
/* Signs and seals; `sealed` is cleared. */
void actor_seal(const struct actor_program *p, const struct ohttp_key_config *to,
                const struct http_message *m, int64_t now, struct exchange *ret,
                struct buffer *sealed);
/* Seals bytes that need not be a message at all. */
void actor_seal_raw(const struct ohttp_key_config *to, struct bytes plain, struct exchange *ret,
                    struct buffer *sealed);
/* Its two halves; between them the nonce of a signature is known. */
void actor_encapsulate(const struct ohttp_key_config *to, struct exchange *ret);
void actor_seal_encapsulated(const struct ohttp_key_config *to, struct bytes plain,
                             struct exchange *x, struct buffer *sealed);
/* What the relay POSTs: points into both. */
struct http_message actor_outer(const struct actor_program *p, struct bytes sealed);

#endif
