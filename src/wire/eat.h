/* The claims of evidence and of the attestation result in a certificate: an EAT (RFC 9711) claims
 * set in deterministic CBOR. Standard claims have their registered keys; ours are private (<
 * -65536). */
#ifndef IDEVS_WIRE_EAT_H
#define IDEVS_WIRE_EAT_H

#include "base/buffer.h"
#include "base/limits.h"

#define EAT_UEID_RANDOM 0x01 /* RFC 9711, 4.2.1: type RAND; here a digest of the platform key */
#define REPORT_DATA_LEN 64   /* SHA-512 that binds key, challenge and authority */

enum eat_debug {
    EAT_DEBUG_ENABLED = 0,  /* dbgstat `enabled` */
    EAT_DEBUG_DISABLED = 1, /* `disabled` */
};

struct eat_digest {
    bool present;
    uint8_t sha256[32];
};

/* Something that a back end measured beside the program: what a guest was booted from, how the host
 * is hardened. */
struct eat_component {
    char name[LIMIT_COMPONENT_NAME]; /* "kernel"; each name once */
    char text[LIMIT_EAT_TEXT];       /* in words */
    struct eat_digest digest;        /* absent: words are all there is */
};

/* Components that `process` measures: in words the host's hardening and what of the confinement
 * depends on the host, and the kind of memory that the program can write to. */
#define EAT_HARDENING   "hardening"
#define EAT_CONFINEMENT "confinement"
#define EAT_MEMORY      "memory"
#define EAT_SECRET      "secret"   /* all memfd_secret, which the kernel itself does not map */
#define EAT_ORDINARY    "ordinary" /* not all of it */

/* Of evidence with a quote; an authority alone says it. */
#define EAT_TPM "tpm"

/* All that a back end says of one compartment, at the time of the evidence. */
struct eat_measured {
    struct eat_digest memory_map;            /* -70004 */
    char memory_map_summary[LIMIT_EAT_TEXT]; /* -70005 */
    struct eat_component components[LIMIT_COMPONENTS];
    size_t n_components; /* -70007: [* [name, text, ? digest]] */
};

struct eat_claims {
    /* registered */
    int64_t issued_at;              /* 6 iat */
    uint8_t nonce[REPORT_DATA_LEN]; /* 10: report data; in a result the same as in the evidence */
    uint8_t ueid[33];               /* 256: 01 || SHA-256 of the platform key's SPKI */
    char hwmodel[LIMIT_EAT_TEXT];   /* 259 (as bytes): CPU model */
    char hwversion[LIMIT_EAT_TEXT]; /* 260: [text]: microcode or stepping */
    char swname[LIMIT_EAT_TEXT];    /* 270: "idevs-warden" */
    char swversion[LIMIT_EAT_TEXT]; /* 271: [text] */
    enum eat_debug debug;           /* 263 */
    /* 273 measurements: one entry [65000, bstr .cbor {1: executable, 2: source, 3: manifest,
     * 4: toolchain}]; executable and manifest always, the others when the warden compiled it */
    struct eat_digest executable;
    struct eat_digest source;
    struct eat_digest manifest;
    struct eat_digest toolchain;
    /* ours */
    char back_end[LIMIT_EAT_TEXT]; /* -70001: "process", ... */
    uint32_t n_cpus;               /* -70002 */
    uint64_t memory;               /* -70003: bytes given to the compartment */
    char kernel[LIMIT_EAT_TEXT];   /* -70006: operating system and version of the host */
    struct eat_measured measured;  /* -70004, -70005, -70007 */
    /* only in the result, set by the authority */
    char tier[LIMIT_EAT_TEXT];         /* -70020: "hardware", "isolated", "development" */
    char breakers[2 * LIMIT_EAT_TEXT]; /* -70021: who could break it, in words */
    char policy[LIMIT_EAT_TEXT];       /* -70022: policy id */
    char owner[65];                    /* -70023: hex SHA-256 of the owner's SPKI */
    char reads[LIMIT_SERVICES][LIMIT_AUTHORITY + 1]; /* -70024: authorities the manifest reads */
    size_t n_reads;
    char writes[LIMIT_SERVICES][LIMIT_AUTHORITY + 1]; /* -70025 */
    size_t n_writes;
};

/* One more component, with its name; NULL when there is no room. */
struct eat_component *eat_add_component(struct eat_measured *m, const char *name);
/* The text of the component called `name`, or NULL. */
const char *eat_component_text(const struct eat_measured *m, const char *name);

/* Claims with empty text, zero numbers, n_ = 0 or absent digests are left out; issued_at, nonce,
 * ueid, debug, executable and manifest are always there. */
bool eat_encode(const struct eat_claims *claims, struct buffer *b) _must_check_;
/* Strict: unknown claims, wrong types and lengths, missing claims of those that are always there,
 * empty or zero ones of the others, and text with control characters are refused: what is accepted
 * encodes to the same bytes again. */
bool eat_decode(struct bytes in, struct eat_claims *ret) _must_check_;

#endif
