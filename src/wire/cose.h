/* COSE_Sign1 (RFC 9052, 4.2) with ES256 as bytes: tag 18, protected {1: -7, 3: content type}, empty
 * unprotected but for an optional kid (4). Signing itself is crypto's. */
#ifndef IDEVS_WIRE_COSE_H
#define IDEVS_WIRE_COSE_H

#include "base/buffer.h"

#define COSE_SIG_LEN 64

struct cose_sign1 {
    struct bytes protected; /* encoded header map */
    struct bytes type;      /* content type text of header 3; empty when absent */
    struct bytes kid;       /* of the unprotected header; empty when absent */
    struct bytes payload;
    struct bytes signature; /* COSE_SIG_LEN */
};

/* The protected header for ES256 and a content type. */
bool cose_protected(const char *type, struct buffer *b) _must_check_;
/* Sig_structure "Signature1": what is signed. */
bool cose_to_sign(struct bytes protected, struct bytes external_aad, struct bytes payload,
                  struct buffer *b) _must_check_;
bool cose_encode(const struct cose_sign1 *m, struct buffer *b) _must_check_;
/* Strict; `ret` points into `in`. Refuses other algorithms, unknown or critical headers, trailing
 * bytes, a detached payload. */
bool cose_decode(struct bytes in, struct cose_sign1 *ret) _must_check_;

#endif
