/* Conceptual message wrapper, RFC 9999: CBOR record [media type, bytes]. */
#ifndef IDEVS_WIRE_CMW_H
#define IDEVS_WIRE_CMW_H

#include "base/buffer.h"

#define CMW_EAT_CWT "application/eat+cwt" /* signed evidence (RFC 9711) */
#define CMW_EAT_UCS                                                                                \
    "application/eat-ucs+cbor" /* unsigned claims set, inside a signed certificate */

bool cmw_encode(const char *media_type, struct bytes value, struct buffer *b) _must_check_;
bool cmw_decode(struct bytes in, struct bytes *ret_media_type,
                struct bytes *ret_value) _must_check_;

#endif
