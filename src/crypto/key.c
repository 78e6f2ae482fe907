#include "crypto/key.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "crypto/algorithms.h"
#include "crypto/digest.h"
#include "crypto/ecdsa.h"
#include "crypto/handles.h"
#include "crypto/pem.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

EVP_PKEY_CTX *ready_context(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    if (!ctx || init(ctx) <= 0)
        crypto_is_broken();
    return ctx;
}

static struct key *key_of(EVP_PKEY *pkey)
{
    struct key *key = alloc_zero(1, sizeof(*key));

    key->pkey = pkey;
    if (!spki_of(pkey, key->spki)) {
        key_free(key);
        return NULL;
    }
    key->signing = ready_context(pkey, EVP_PKEY_sign_init);
    return key;
}

struct key *key_generate(void)
{
    (void)algorithms();
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    struct key *key = pkey ? key_of(pkey) : NULL;

    if (!key)
        crypto_is_broken();
    return key;
}

static EVP_PKEY *from_pkcs8(struct bytes der)
{
    const uint8_t *at = der.data;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    EVP_PKEY *pkey = info && at == der.data + der.len ? EVP_PKCS82PKEY_ex(info, NULL, NULL) : NULL;

    PKCS8_PRIV_KEY_INFO_free(info);
    return pkey;
}

static EVP_PKEY *from_sec1(struct bytes der)
{
    const uint8_t *at = der.data;
    EVP_PKEY *pkey = d2i_PrivateKey_ex(EVP_PKEY_EC, NULL, &at, (long)der.len, NULL, NULL);

    if (pkey && at != der.data + der.len) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

EVP_PKEY *private_key_from_pem(struct bytes pem)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_PEM_KEY);

    (void)algorithms();
    if (pem.len > LIMIT_PEM_KEY)
        return NULL;
    EVP_PKEY *pkey = NULL;
    if (pem_find(pem, "PRIVATE KEY", &der))
        pkey = from_pkcs8(buffer_bytes(&der));
    else if (pem_find(pem, "EC PRIVATE KEY", &der))
        pkey = from_sec1(buffer_bytes(&der));
    ERR_clear_error();
    return pkey;
}

/* A file may pair a private key with the public key of another. */
static bool halves_belong_together(EVP_PKEY *pkey)
{
    _cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    bool ok = ctx && EVP_PKEY_pairwise_check(ctx) == 1;
    ERR_clear_error();
    return ok;
}

struct key *key_load(struct bytes pem, struct idevs_error *ret_err)
{
    EVP_PKEY *pkey = private_key_from_pem(pem);

    if (!pkey) {
        (void)refuse_expecting(ret_err, "tls.credentials",
                               "an unencrypted P-256 private key in PEM",
                               "no private key that can be read");
        return NULL;
    }
    struct key *key = key_of(pkey);
    if (!key || !halves_belong_together(key->pkey)) {
        (void)refuse_expecting(ret_err, "tls.credentials",
                               "an unencrypted P-256 private key in PEM", "%s",
                               key ? "a key that is not consistent" : "a key of another type");
        key_free(key);
        return NULL;
    }
    return key;
}

bool private_key_to_pem(const EVP_PKEY *pkey, struct buffer *b)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    uint8_t *der = NULL;
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    bool ok = len > 0 && pem_write("PRIVATE KEY", bytes_of(der, (size_t)len), b);

    if (len > 0)
        OPENSSL_clear_free(der, (size_t)len);
    PKCS8_PRIV_KEY_INFO_free(info);
    return ok;
}

bool key_save(const struct key *key, struct buffer *b)
{
    return private_key_to_pem(key->pkey, b);
}

void key_free(struct key *key)
{
    if (!key)
        return;
    EVP_PKEY_CTX_free(key->signing);
    EVP_PKEY_free(key->pkey);
    free(key);
}

void key_spki(const struct key *key, uint8_t ret[SPKI_LEN])
{
    memcpy(ret, key->spki, SPKI_LEN);
}

static bool sign_der(const struct key *key, struct bytes message, uint8_t der[ECDSA_DER_LEN],
                     size_t *ret_len)
{
    uint8_t hash[SHA256_LEN];

    *ret_len = ECDSA_DER_LEN;
    sha256(message, hash);
    return EVP_PKEY_sign(key->signing, der, ret_len, hash, sizeof(hash)) > 0;
}

bool key_sign(const struct key *key, struct bytes message, uint8_t ret[ES256_LEN])
{
    uint8_t der[ECDSA_DER_LEN];
    size_t len;

    return sign_der(key, message, der, &len) && ecdsa_to_raw(bytes_of(der, len), ret, ES256_LEN);
}

bool key_sign_der(const struct key *key, struct bytes message, struct buffer *b)
{
    uint8_t der[ECDSA_DER_LEN];
    size_t len;

    return sign_der(key, message, der, &len) && buffer_append(b, der, len);
}
