/* A strict cursor over DER (X.690, clause 10): definite shortest lengths, one-byte tags. For
 * the few fixed shapes that we read ourselves; certificates go through OpenSSL. */
#ifndef IDEVS_CRYPTO_DER_H
#define IDEVS_CRYPTO_DER_H

#include "base/buffer.h"

#define DER_INTEGER  0x02
#define DER_BITS     0x03
#define DER_OCTETS   0x04
#define DER_SEQUENCE 0x30
#define DER_SET      0x31
#define DER_0        0xa0 /* [0] constructed */

/* Takes one element of that tag; false (and `r` unmoved) for anything else. `ret` is its contents.
 */
bool der_take(struct reader *r, uint8_t tag, struct bytes *ret) _must_check_;
/* As der_take(), with tag and length in `ret`. */
bool der_take_whole(struct reader *r, uint8_t tag, struct bytes *ret) _must_check_;
/* Takes an element with tag and length, which must be exactly these bytes. */
bool der_take_exactly(struct reader *r, const void *encoded, size_t len) _must_check_;

#endif
