/* The launcher that lies, as a program sees it: a thread that holds the program's channel and
 * carries each frame to where it belongs, the real gateways of the stage among them. A test's hooks
 * see every message on its way and may change, drop, repeat or invent it. Warden and authority are
 * played here, honestly; host.h puts the real ones in their places. The warden and the
 * authority behind it are honest: for attacks on the start see start.h. */
#ifndef IDEVS_TESTS_HOSTILE_RELAY_H
#define IDEVS_TESTS_HOSTILE_RELAY_H

#include "crypto/hpke.h"
#include "runtime/runtime.h"
#include "stage.h"

#include <pthread.h>

/* One frame of the program and its reply, on their way. */
struct passing {
    char target[LIMIT_FRAME_TARGET + 1]; /* "service:store", "service-keys:store", ... */
    unsigned n;                          /* how many frames with this target came before */
    uint32_t id;
    struct buffer body; /* what the program sent, as it is carried on */
    bool invented;      /* by the hook: the reply stands, nothing is carried on */
    bool silent;        /* no reply goes back */
    uint16_t status;
    char type[LIMIT_FRAME_TYPE + 1];
    struct buffer reply;
};

struct relay;
typedef void (*relay_hook)(struct relay *r, struct passing *p);

#define RELAY_TARGETS 16

struct relay {
    relay_hook forth;    /* before a frame is carried on */
    relay_hook back;     /* before a reply is handed to the program */
    uint32_t attempt_ms; /* how long the program waits for a reply */
    void *context;       /* of the hooks */

    const struct time_source *time; /* the program's clock */
    const char *authority_url;      /* of a real authority; NULL: the one that is played */
    const char *authority_ca;
    char authority_code[48];        /* of the last problem that it answered */
    const struct x25519_key *owner; /* opens what is logged to it, into `log`; or NULL */
    const char *owners_program;
    struct buffer log;

    int channel; /* our ends */
    int attester;
    int program[2]; /* the program's ends */
    pthread_t thread;
    bool runs;
    struct manifest manifest;
    struct buffer manifest_cbor;
    struct actor_program certified; /* the certificate that is attached; no key */
    unsigned n_certificates;
    struct {
        char target[LIMIT_FRAME_TARGET + 1];
        unsigned n;
    } counts[RELAY_TARGETS];
};

/* Hooks and manifest may be changed between relay_init() and relay_open(). The manifest has `store`
 * and, when the stage has it, `transport`, both for reading and writing. */
void relay_init(struct relay *r);
/* A real run-time at the other end. NULL: `err` says why. */
struct idevs *relay_open(struct relay *r, struct idevs_error *err);
/* The same for a program behind `channel`, which is taken over, and whose attester is another. */
void relay_attach(struct relay *r, int channel);
/* Until the program has closed its end. */
void relay_wait(struct relay *r);
/* relay_wait() after idevs_close(), and frees all. */
void relay_end(struct relay *r);

/* The program under attack, for areas that need one: around each test stage, relay and program. */
extern struct relay relay;
extern struct idevs *program;
extern struct idevs_reply program_reply; /* to its last call */
int relay_begin(void **state);
int relay_finish(void **state);
void program_opens(void);
/* A write is answered by the service itself. */
void relay_control(void);
/* POST {} to /count of `service`. */
int program_writes(const char *service);
/* GET of `path` of the store, answered by the service with `body`. */
void program_reads(const char *path, const char *body);
/* The program's last call, which failed, says so. */
void program_refused(const struct attack *this);

/* A service for reading and writing at the end of a manifest. */
void relay_add_service(struct manifest *m, const char *name, const struct world *w);
/* How many frames with this target came. */
unsigned relay_count(const struct relay *r, const char *target);

/* For hooks. */
bool passing_is(const struct passing *p, const char *target);
void passing_reply(struct passing *p, uint16_t status, const char *type, struct bytes body);
void passing_problem(struct passing *p, uint16_t status, const char *code);
/* Sends a frame out of turn. */
void relay_frame(struct relay *r, const struct frame *frame);
/* Carries a message to its gateway, as it stands, and fills in the reply. */
void relay_carry(struct relay *r, struct passing *p);

#endif
