/* The programs of a conformance run: one that a gateway should serve, and the others, each with one
 * thing wrong. None of them runs anywhere; their certificates say so. */
#ifndef IDEVS_CONFORMANCE_PROGRAM_H
#define IDEVS_CONFORMANCE_PROGRAM_H

#include "conformance/authority.h"

enum who {
    WHO_PROGRAM = 0, /* in order */
    WHO_TWIN,        /* the same name and rights, another key and certificate */
    WHO_READER,      /* its manifest does not write here */
    WHO_WRITER,      /* its manifest does not read here */
    WHO_STRANGER,    /* a name that the gateway does not serve */
    WHO_OTHER_DOMAIN,
    WHO_EXPIRED,
    WHO_EARLY,
    WHO_FOREIGN, /* by a CA of the right name and another key */
    WHO_OTHER_TIER,
    WHO_FORGED, /* its signature was changed */
    WHO_CA,
    WHO_OTHER_USAGE,
    WHO_SERVER,
    WHO_UNATTESTED,
    WHO_GARBLED, /* its attestation result is none */
    WHO_NAMELESS,
    WHO_TWO_NAMES,
    WHO_COUNT,
};

struct program {
    struct key *key;
    struct chain chain; /* leaf and issuing CA */
    struct buffer cert; /* Client-Cert */
    struct buffer cas;  /* Client-Cert-Chain */
    uint8_t keyid[SHA256_LEN];
};

/* `name` is the gateway's, host[:port]: what the manifest reads and writes. Refuses `internal`. */
bool program_make(const struct test_authority *a, enum who who, const char *name, int64_t now,
                  struct program *ret, struct idevs_error *ret_err) _must_check_;
void program_release(struct program *p);

#endif
