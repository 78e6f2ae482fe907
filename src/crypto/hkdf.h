/* HKDF with SHA-256 (RFC 5869). Internal to src/crypto, and for its tests. */
#ifndef IDEVS_CRYPTO_HKDF_H
#define IDEVS_CRYPTO_HKDF_H

#include "crypto/digest.h"

/* `ikm` is not empty. */
bool hkdf_extract(struct bytes salt, struct bytes ikm, uint8_t ret_prk[SHA256_LEN]) _must_check_;
/* `info` is at most 1024 bytes, `len` at most 255 * 32. */
bool hkdf_expand(const uint8_t prk[SHA256_LEN], struct bytes info, uint8_t *ret,
                 size_t len) _must_check_;

#endif
