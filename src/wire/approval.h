/* An owner's approval: which measurements may run under a program name. CBOR payload of a
 * COSE_Sign1 with content type APPROVAL_TYPE, kid = SHA-256 of the owner's SPKI. */
#ifndef IDEVS_WIRE_APPROVAL_H
#define IDEVS_WIRE_APPROVAL_H

#include "base/buffer.h"
#include "base/limits.h"

#define APPROVAL_TYPE "application/vnd.idevs.approval+cbor"

struct approval {
    char program[LIMIT_PROGRAM_NAME + 1];
    uint8_t manifest[32];
    bool has_source; /* source and toolchains, or an executable; at least one of the two */
    uint8_t source[32];
    uint8_t toolchains[LIMIT_TOOLCHAINS][32];
    size_t n_toolchains;
    bool has_executable;
    uint8_t executable[32];
    int64_t issued_at;
};

bool approval_encode(const struct approval *a, struct buffer *b) _must_check_;
bool approval_decode(struct bytes in, struct approval *ret) _must_check_;

#endif
