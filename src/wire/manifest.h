/* The manifest as the compartment, warden, authority and launcher read it: deterministic CBOR, made
 * by the owner's CLI from the YAML of docs/manifest.md with its anchor and key files taken in. Its
 * SHA-256 is the manifest digest, so anchors and keys are measured too. */
#ifndef IDEVS_WIRE_MANIFEST_H
#define IDEVS_WIRE_MANIFEST_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"

#define MANIFEST_TYPE "application/vnd.idevs.manifest+cbor"

enum manifest_logs {
    MANIFEST_LOGS_NONE = 0,
    MANIFEST_LOGS_OWNER,
    MANIFEST_LOGS_OPEN, /* development tier only: the authority refuses it elsewhere */
};

/* One that the program neither reads nor writes is allowed. */
struct manifest_service {
    char name[LIMIT_SERVICE_NAME + 1];
    char authority[LIMIT_AUTHORITY + 1]; /* @authority of its requests */
    struct bytes anchors[LIMIT_ANCHORS]; /* DER certificates */
    size_t n_anchors;                    /* 1 or 2 */
    bool reads;
    bool writes;
};

struct manifest {
    char program[LIMIT_PROGRAM_NAME + 1];
    uint32_t every;                /* seconds between ticks, at most 31 days; 0: one run */
    uint64_t memory;               /* bytes; 1 MiB to 4 GiB, default 64 MiB */
    uint32_t processes;            /* 1 for now */
    char back_end[LIMIT_BACK_END]; /* the only one that it may run in; empty: any that isolates */
    uint32_t run_seconds; /* limit of one tick's work and of retries; 1 s to 7 days, default 600 */
    enum manifest_logs logs;
    uint8_t owner_spki[91];            /* P-256 SubjectPublicKeyInfo DER */
    uint8_t owner_seal_key[32];        /* X25519: logs are sealed to it */
    char authority_url[LIMIT_URL + 1]; /* https://host[:port], nothing after */
    struct bytes authority_anchors[LIMIT_ANCHORS];
    size_t n_authority_anchors;
    struct manifest_service services[LIMIT_SERVICES];
    size_t n_services; /* sorted by name, unique */
};

/* https://host[:port] and nothing after. */
bool manifest_url_is_valid(const char *url) _must_check_;
/* Appends the CBOR (limits checked). */
bool manifest_encode(const struct manifest *m, struct buffer *b) _must_check_;
/* Strict, all limits checked; anchors point into `in`, which must outlive `ret`. Refuses
 * `manifest.syntax`, `manifest.value`. */
bool manifest_decode(struct bytes in, struct manifest *ret,
                     struct idevs_error *ret_err) _must_check_;
const struct manifest_service *manifest_service(const struct manifest *m, const char *name);

#endif
