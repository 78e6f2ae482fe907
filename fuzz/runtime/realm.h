/* Those whom a program may believe, all honest: an authority, and two gateways with a service
 * behind each. They know nothing of how bytes travel. Each accepts by the gateway's own
 * verify_request(). */
#ifndef IDEVS_FUZZ_RUNTIME_REALM_H
#define IDEVS_FUZZ_RUNTIME_REALM_H

#include "gateway/verify.h"
#include "wire/manifest.h"

#include "actors.h"

#define REALM_NOW      INT64_C(1800000000)
#define REALM_SERVICES 2 /* "store" is read, "transport" is written */
#define REALM_CHAINS   8 /* certificates of the program that are remembered */

struct realm_service {
    const char *name;
    char authority[32];
    struct key *key;
    struct chain chain;
    struct keyring keyring;
    struct certificates *certificates;
    /* of one program's life */
    struct claims *claims;
    unsigned n_done;       /* how often the service carried something out */
    struct buffer once;    /* its answer under the one key, empty: none yet */
    struct buffer state;   /* the one saved value */
    unsigned long version; /* of that, 0: none */
};

struct realm {
    struct actor_ca root;
    struct actor_ca services_ca;
    struct actor_program stranger; /* certified too, but another program */
    struct realm_service services[REALM_SERVICES];
    struct manifest manifest;
    struct buffer manifest_cbor;
    struct chain chains[REALM_CHAINS]; /* that the program got; newest last */
    size_t n_chains;
};

struct realm *realm_make(void);
/* For another life of the program. */
void realm_reset(struct realm *realm);

/* What the authority answers to a certificate request, valid from `now`. */
void realm_certify(struct realm *realm, struct bytes request, int64_t now, struct buffer *pem);
/* Binary HTTP of the signed keys, made at `now`. */
void realm_keys(const struct realm_service *s, int64_t now, struct buffer *b);

/* How the gateway and its service take one delivery. */
enum realm_fate {
    FATE_DONE,        /* carried out, answered */
    FATE_UNREACHABLE, /* the service is out: nothing was sent to it */
    FATE_LOST,        /* carried out, but its answer was lost */
    N_FATES,
};
struct realm_answer {
    bool carried_out; /* by this delivery */
    uint16_t status;
    const char *type;
    struct buffer body;
};
/* One delivery of `sealed` with the certificate fields of `chain`, at the gateway's time `now`. */
void realm_deliver(struct realm_service *s, const struct chain *chain, struct bytes sealed,
                   int64_t now, enum realm_fate fate, struct realm_answer *ret);

#endif
