/* ECDSA on the NIST curves: points, and the two forms of a signature. Internal to src/crypto. */
#ifndef IDEVS_CRYPTO_ECDSA_H
#define IDEVS_CRYPTO_ECDSA_H

#include "base/buffer.h"

#include <openssl/evp.h>

#define ECDSA_DER_LEN 112 /* of two 384-bit integers: at most 104 bytes */

/* The public key of an uncompressed point of `group` ("P-256", "P-384"); NULL when it is not on the
 * curve. */
EVP_PKEY *ecdsa_key_of_point(const char *group, struct bytes point);
/* r || s, each half of `raw` (RFC 9053, 2.1), as DER; its length, or 0 when it does not fit. */
size_t ecdsa_to_der(struct bytes raw, uint8_t ret[ECDSA_DER_LEN]) _must_check_;
/* DER as r || s in `len` bytes; false for anything else. */
bool ecdsa_to_raw(struct bytes der, uint8_t *ret, size_t len) _must_check_;

#endif
