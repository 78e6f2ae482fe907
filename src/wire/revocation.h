/* A request to revoke: CBOR payload {1: what, 2: id, 3: reason, 4: time, 5: nonce} of a COSE_Sign1
 * with content type REVOCATION_TYPE, kid = SHA-256 of the SPKI of the owner or administrator. */
#ifndef IDEVS_WIRE_REVOCATION_H
#define IDEVS_WIRE_REVOCATION_H

#include "base/buffer.h"
#include "base/limits.h"

#define REVOCATION_TYPE "application/vnd.idevs.revocation+cbor"

enum revoke {
    REVOKE_CERTIFICATE = 1, /* id: serial number, 20 bytes with zeros in front */
    REVOKE_EXECUTABLE = 2,  /* id: SHA-256: its certificates, and it gets no new one */
    REVOKE_PLATFORM = 3,    /* id: SHA-256 of its key's SPKI: likewise, until it is enrolled anew */
    REVOKE_EVERYTHING = 4,  /* no id: every certificate that was issued so far */
};

struct revocation {
    enum revoke what;
    uint8_t id[32];
    uint8_t reason; /* RFC 5280, 5.3.1: one that revocation_reason_name() knows */
    int64_t issued_at;
    uint8_t nonce[16]; /* random: two requests of one second are two */
};

/* Bytes of its id: 0, 20 or 32. */
size_t revocation_id_len(enum revoke what);
/* "key-compromise", ...; NULL for one that we do not give. */
const char *revocation_reason_name(unsigned reason);
bool revocation_reason_from_name(const char *name, uint8_t *ret) _must_check_;

bool revocation_encode(const struct revocation *r, struct buffer *b) _must_check_;
bool revocation_decode(struct bytes in, struct revocation *ret) _must_check_;

#endif
