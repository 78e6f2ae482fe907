/* Everything that a program in a compartment talks to, in one thread at the other ends of its two
 * channels: warden, launcher, authority, and a gateway with a service for each of three names. The
 * cryptography is real; what goes wrong is scripted. */
#ifndef IDEVS_TESTS_UNIT_RUNTIME_PEER_H
#define IDEVS_TESTS_UNIT_RUNTIME_PEER_H

#include "crypto/hpke.h"
#include "runtime/runtime.h"
#include "wire/certificate_request.h"
#include "wire/eat.h"

#include <pthread.h>

#define PEER_SERVICES 3 /* messaging (write), store (read, state), transport (write) */
#define PEER_STEPS    16
#define PEER_SEEN     64

/* What becomes of one exchange. */
enum peer_action {
    PEER_ANSWER = 0,     /* the gateway takes it and answers under seal */
    PEER_PLAIN,          /* a problem without a seal, made by whoever carries: `code` */
    PEER_PLAIN_AFTER,    /* the same, but the gateway had carried it out */
    PEER_SILENT,         /* nobody answers */
    PEER_REFUSE,         /* the gateway refuses under seal: `code`, `not_processed` */
    PEER_OLD_ANSWER,     /* the carrier shows the answer to the exchange before */
    PEER_GARBAGE,        /* message/ohttp-res of random bytes */
    PEER_OVERSIZE,       /* a reply longer than any that is taken */
    PEER_STOP_AND_PLAIN, /* the stop event first, then as PEER_PLAIN */
    PEER_CLOSE,          /* the channel ends */
};
struct peer_step {
    enum peer_action action;
    const char *code;
    bool not_processed;
    const char *problem; /* what PEER_REFUSE has as content, or NULL */
    int status;          /* of the answer; 0: 200, of a refusal 403 */
};

/* How the start goes. */
enum peer_fault {
    PEER_HONEST = 0,
    PEER_WRONG_CHAIN,  /* the certificate is of another authority */
    PEER_FOREIGN_KEY,  /* it is for another key */
    PEER_STALE,        /* it ended before it was issued */
    PEER_SWAPPED_KEYS, /* `store` gets the keys that `transport` signed */
    PEER_WRONG_HOST,   /* keys signed by a certificate of the right CA, for another host */
    PEER_REFUSES,      /* the authority refuses: approval.missing */
    PEER_SHORT_CHALLENGE,
    PEER_MALFORMED,     /* bytes that are no frame */
    PEER_SECOND_ANCHOR, /* evidence must be bound to the manifest's second anchor */
};

struct peer_seen {
    char method[8];
    char path[128];
    char key[LIMIT_IDEMPOTENCY_KEY + 1];
    char body[256];
    uint8_t enc[HPKE_ENC_LEN];
    uint8_t keyid[SHA256_LEN]; /* of the certificate that signed */
    bool carried_out;
};

struct peer_service {
    const char *name;
    char authority[80];
    struct key *key;
    struct chain chain;
    struct x25519_key *gateway;
    struct ohttp_key_config config;
};

struct peer {
    int launcher; /* the far ends */
    int attester;
    int program[2]; /* the near ends: launcher, attester */
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock; /* all below, while the thread runs */

    struct key *root_key;
    struct certificate *root;
    struct key *next_key;
    struct certificate *next; /* second anchor */
    struct key *tier_key;
    struct certificate *tier;
    struct key *services_key;
    struct certificate *services_ca;
    struct peer_service services[PEER_SERVICES];
    struct manifest manifest;
    struct buffer manifest_cbor;

    /* set before peer_start() */
    enum peer_fault fault;
    int64_t life;              /* of a certificate, seconds */
    int64_t keys_life;         /* of a key configuration */
    int64_t clock;             /* of the gateways minus ours */
    unsigned silent_authority; /* how many certificate requests get no answer but 503 */
    struct peer_step steps[PEER_STEPS];
    /* What the services answer, and its status; NULL: an echo. Texts only. */
    int (*answer)(const char *method, const char *path, const char *content, char *body,
                  size_t size);

    /* what came */
    uint8_t challenge[CHALLENGE_LEN];
    uint8_t report_data[REPORT_DATA_LEN];
    struct chain program_chain; /* as the launcher keeps it */
    unsigned n_certificates;
    unsigned n_key_fetches;
    unsigned n_exchanges;
    unsigned n_logs;
    struct peer_seen seen[PEER_SEEN];
    struct buffer last_answer;
    struct buffer log; /* opened lines, each with a newline */
    struct buffer spans;
    struct x25519_key *owner;
    uint64_t state_version;
    struct buffer state;
};

/* Makes the credentials and a manifest; changes to `manifest`, `fault` and `steps` come after it.
 */
void peer_init(struct peer *p);
void peer_start(struct peer *p);
/* Waits for the thread; the program's ends must be closed. */
void peer_join(struct peer *p);
/* The same, where it was not done, and frees all. */
void peer_end(struct peer *p);
void peer_stop_program(struct peer *p); /* sends the stop event */

/* Quick pauses, and clocks that the test moves. */
extern int64_t peer_wall_shift;
extern uint64_t peer_progress_shift_ns;
struct runtime_options peer_options(const struct peer *p);

#endif
