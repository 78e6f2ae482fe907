/* AES-GCM with 96-bit nonces and 128-bit tags. Internal to src/crypto. */
#ifndef IDEVS_CRYPTO_AEAD_H
#define IDEVS_CRYPTO_AEAD_H

#include "crypto/hpke.h"

#include <openssl/evp.h>

struct gcm {
    const EVP_CIPHER *cipher;
    const uint8_t *key;
    const uint8_t *nonce; /* HPKE_NONCE_LEN */
};
/* Appends ciphertext and tag. The input must not lie in `b`. */
bool gcm_seal(const struct gcm *g, struct bytes aad, struct bytes plaintext,
              struct buffer *b) _must_check_;
/* Appends the plaintext; on failure `b` is as before, and what was written is wiped. */
bool gcm_open(const struct gcm *g, struct bytes aad, struct bytes ciphertext,
              struct buffer *b) _must_check_;

#endif
