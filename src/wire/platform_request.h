/* How a platform (a host's warden) asks an authority to be enrolled: the payload of a COSE_Sign1 by
 * the platform key with content type PLATFORM_REQUEST_TYPE, a CBOR map {1: SPKI, 2: proof of the
 * token for this key (exchange/attestation.h), 3: [back end, ...], 4: description}. Pure, no I/O.
 */
#ifndef IDEVS_WIRE_PLATFORM_REQUEST_H
#define IDEVS_WIRE_PLATFORM_REQUEST_H

#include "base/buffer.h"
#include "base/limits.h"

#define PLATFORM_REQUEST_TYPE "application/vnd.idevs.platform+cbor"
#define PLATFORM_SPKI_LEN     91 /* P-256 SubjectPublicKeyInfo */

struct platform_request {
    uint8_t spki[PLATFORM_SPKI_LEN];
    uint8_t proof[32];
    char back_ends[LIMIT_BACK_ENDS][LIMIT_PLATFORM_TEXT]; /* name_is_valid(), 1 to all, unique */
    size_t n_back_ends;
    char description[LIMIT_PLATFORM_TEXT]; /* printable ASCII, may be empty */
};

bool platform_request_encode(const struct platform_request *r, struct buffer *b) _must_check_;
bool platform_request_decode(struct bytes in, struct platform_request *ret) _must_check_;

#endif
