/* Signed COSE objects: evidence, approvals, enrolments. The bytes are wire/cose.h's, the signature
 * is crypto's. */
#ifndef IDEVS_EXCHANGE_COSE_H
#define IDEVS_EXCHANGE_COSE_H

#include "crypto/key.h"

/* Appends a COSE_Sign1 (ES256) over `payload` with content type `type` and kid = SHA-256 of the
 * SPKI. */
bool cose_sign(const struct key *key, const char *type, struct bytes payload,
               struct buffer *b) _must_check_;
/* True when `in` is strictly that, its content type is `type`, and its signature is of `key`;
 * `ret_payload` points into `in`. The kid is a hint to whoever looks the key up and is not judged.
 */
bool cose_verify(const struct public_key *key, const char *type, struct bytes in,
                 struct bytes *ret_payload) _must_check_;

#endif
