/* OpenSSL's objects behind this folder's types. Internal to src/crypto. */
#ifndef IDEVS_CRYPTO_HANDLES_H
#define IDEVS_CRYPTO_HANDLES_H

#include "crypto/key.h"

#include <openssl/evp.h>

/* Each key keeps the context of its operation, ready for use again and again: to make one, OpenSSL
 * 3.0 walks through every name that it knows, which costs a good part of the operation. */
struct key {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *signing;
    uint8_t spki[SPKI_LEN];
};

struct public_key {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *verifying;
    uint8_t spki[SPKI_LEN];
};

struct x25519_key {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *agreeing;
    uint8_t public[X25519_LEN];
};

struct vendor_key {
    EVP_PKEY *pkey;
};

/* A context of `pkey`, readied by `init`; never NULL. */
EVP_PKEY_CTX *ready_context(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *));

/* The SPKI of a P-256 key; false for any other key. */
bool spki_of(const EVP_PKEY *pkey, uint8_t ret[SPKI_LEN]) _must_check_;
/* The only private key of a PEM text (PKCS#8 or SEC1), unencrypted, of any type; NULL otherwise. */
EVP_PKEY *private_key_from_pem(struct bytes pem);
bool private_key_to_pem(const EVP_PKEY *pkey, struct buffer *b) _must_check_;

/* X25519(own, peer): false for an all-zero result (RFC 7748, 6.1). */
bool x25519_shared(const struct x25519_key *own, const uint8_t peer[X25519_LEN],
                   uint8_t ret[X25519_LEN]) _must_check_;

static inline void pkey_freep(EVP_PKEY **p)
{
    EVP_PKEY_free(*p);
}
#define _cleanup_pkey_ _cleanup_(pkey_freep)
static inline void pkey_ctx_freep(EVP_PKEY_CTX **p)
{
    EVP_PKEY_CTX_free(*p);
}
#define _cleanup_pkey_ctx_ _cleanup_(pkey_ctx_freep)

#endif
