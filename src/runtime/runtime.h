/* What is behind the handle `struct idevs`: shared by the files of this folder and their tests, not
 * installed. Everything here lives inside the compartment and holds the program's own trust; the
 * two channels lead out of it. */
#ifndef IDEVS_RUNTIME_RUNTIME_H
#define IDEVS_RUNTIME_RUNTIME_H

#include "base/clock.h"
#include "base/limits.h"
#include "crypto/x509.h"
#include "runtime/backoff.h"
#include "runtime/channel.h"
#include "runtime/timekeeper.h"
#include "wire/http.h"
#include "wire/manifest.h"
#include "wire/ohttp.h"

/* The descriptors that the warden leaves open (docs/interfaces.md). */
#define RUNTIME_LAUNCHER_FD 3
#define RUNTIME_ATTESTER_FD 4

struct runtime_options {
    int launcher_fd; /* both are taken over */
    int attester_fd;
    const struct time_source *time;
    uint32_t attempt_ms;       /* how long one request waits for its reply */
    uint32_t backoff_first_ms; /* pauses between attempts */
    uint32_t backoff_max_ms;
    uint32_t refetch_ms; /* least time between two fetches of one gateway's keys */
};
extern const struct runtime_options RUNTIME_DEFAULTS;

/* idevs_open() over other descriptors and times. */
struct idevs *runtime_open(const struct runtime_options *options, struct idevs_error *ret_err);

/* The certified key. A renewal makes a whole new one and puts it in place at its end. */
struct credentials {
    struct key *key; /* never serialised */
    struct chain chain;
    uint8_t keyid[SHA256_LEN];
    uint64_t issued_ns; /* progress */
    int64_t life;       /* seconds from issue to notAfter */
    int64_t not_after;
    bool doubted; /* a gateway saw another certificate beside our signature */
};

struct service {
    const struct manifest_service *as;
    bool has_keys;
    bool suspect; /* somebody said that the gateway has other keys by now */
    struct ohttp_key_config keys;
    uint64_t keys_tried_ns; /* progress, at the last fetch that was tried */
    uint64_t keys_since_ns; /* and at the last one that gave `keys` */
    uint64_t keys_life_ns;  /* how long the service vouches for them from then on */
    int64_t offset;         /* the gateway's clock minus ours */
};

/* What the last save or load showed of a value. */
struct state_version {
    const struct service *service;
    char name[LIMIT_STATE_NAME + 1];
    uint64_t version;
};

struct idevs {
    struct runtime_options options;
    struct channel launcher;
    struct channel attester;
    struct timekeeper time;
    struct buffer manifest_cbor; /* the manifest's anchors point into it */
    struct manifest manifest;
    size_t anchor; /* the authority's anchor that evidence is bound to */
    struct credentials credentials;
    struct backoff renewal;
    uint64_t renewal_not_before_ns; /* progress */
    struct service services[LIMIT_SERVICES];
    bool ticked;
    uint64_t next_tick_ns; /* monotonic */
    uint64_t run_ends_ns;  /* monotonic */
    struct state_version *versions;
    size_t n_versions;
    size_t n_log_lines;
    struct spans spans; /* the latest of each name, not yet reported */
    struct buffer reply;
    char reply_type[LIMIT_FRAME_TYPE];
    struct idevs_error error;
};

/* When one request of now gives up waiting, and never after the run's end. */
uint64_t runtime_attempt_deadline(const struct idevs *ip);
/* False: stopped, out of time, or the channel is gone; for the reason `why` (kept unless there is a
 * better one). */
bool runtime_pause(struct idevs *ip, struct backoff *backoff, const struct idevs_error *why,
                   struct idevs_error *ret_err) _must_check_;
/* Refuses `run.limit` or the broken channel's reason when nothing can be sent any more. */
bool runtime_may_send(const struct idevs *ip, struct idevs_error *ret_err) _must_check_;

/* Remembers how long a step took, under static text, until runtime_report(). */
void runtime_span(struct idevs *ip, const char *name, uint64_t since_ns);
void runtime_note_spans(struct idevs *ip, const struct spans *spans);
void runtime_report(struct idevs *ip);

#endif
