#include "base/alloc.h"
#include "crypto/algorithms.h"
#include "crypto/digest.h"
#include "crypto/handles.h"
#include "crypto/pem.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

/* RFC 8410: AlgorithmIdentifier id-X25519, then a BIT STRING of 32 bytes. */
static const uint8_t SPKI_PREFIX[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                      0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00};

/* Contexts that make keys (see handles.h): one set a thread, which frees it when it ends. */
struct makers {
    EVP_PKEY_CTX *generating;
    EVP_PKEY_CTX *importing;
};

static pthread_key_t makers_key;
static pthread_once_t makers_once = PTHREAD_ONCE_INIT;

static void makers_free(void *context)
{
    struct makers *m = context;

    EVP_PKEY_CTX_free(m->generating);
    EVP_PKEY_CTX_free(m->importing);
    free(m);
}

static void makers_prepare(void)
{
    if (pthread_key_create(&makers_key, makers_free) != 0)
        crypto_is_broken();
}

static EVP_PKEY_CTX *maker(int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);

    if (!ctx || init(ctx) <= 0)
        crypto_is_broken();
    return ctx;
}

static struct makers *makers(void)
{
    pthread_once(&makers_once, makers_prepare);
    struct makers *m = pthread_getspecific(makers_key);
    if (m)
        return m;
    (void)algorithms();
    m = alloc_zero(1, sizeof(*m));
    m->generating = maker(EVP_PKEY_keygen_init);
    m->importing = maker(EVP_PKEY_fromdata_init);
    if (pthread_setspecific(makers_key, m) != 0)
        crypto_is_broken();
    return m;
}

static EVP_PKEY *generate(void)
{
    EVP_PKEY *pkey = NULL;

    if (EVP_PKEY_generate(makers()->generating, &pkey) <= 0)
        crypto_is_broken();
    return pkey;
}

static EVP_PKEY *peer_of(const uint8_t raw[X25519_LEN])
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)raw, X25519_LEN),
        OSSL_PARAM_construct_end(),
    };

    if (EVP_PKEY_fromdata(makers()->importing, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        crypto_is_broken(); /* every 32 bytes are a key */
    return pkey;
}

static struct x25519_key *key_of(EVP_PKEY *pkey)
{
    struct x25519_key *key = alloc_zero(1, sizeof(*key));
    size_t len = X25519_LEN;

    key->pkey = pkey;
    if (!EVP_PKEY_is_a(pkey, "X25519") || !EVP_PKEY_get_raw_public_key(pkey, key->public, &len) ||
        len != X25519_LEN) {
        x25519_free(key);
        return NULL;
    }
    key->agreeing = ready_context(pkey, EVP_PKEY_derive_init);
    return key;
}

struct x25519_key *x25519_generate(void)
{
    struct x25519_key *key = key_of(generate());

    if (!key)
        crypto_is_broken();
    return key;
}

struct x25519_key *x25519_from_raw(const uint8_t raw[X25519_LEN])
{
    (void)algorithms();
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, raw, X25519_LEN);
    struct x25519_key *key = pkey ? key_of(pkey) : NULL;

    if (!key)
        crypto_is_broken(); /* every 32 bytes are a key */
    return key;
}

struct x25519_key *x25519_load(struct bytes pem, struct idevs_error *ret_err)
{
    EVP_PKEY *pkey = private_key_from_pem(pem);
    struct x25519_key *key = pkey ? key_of(pkey) : NULL;

    if (!key)
        (void)refuse_expecting(ret_err, "tls.credentials",
                               "an unencrypted X25519 private key in PEM", "%s",
                               pkey ? "a key of another type" : "no private key that can be read");
    return key;
}

bool x25519_save(const struct x25519_key *key, struct buffer *b)
{
    return private_key_to_pem(key->pkey, b);
}

void x25519_free(struct x25519_key *key)
{
    if (!key)
        return;
    EVP_PKEY_CTX_free(key->agreeing);
    EVP_PKEY_free(key->pkey);
    free(key);
}

void x25519_public(const struct x25519_key *key, uint8_t ret[X25519_LEN])
{
    memcpy(ret, key->public, X25519_LEN);
}

bool x25519_public_from_pem(struct bytes pem, uint8_t ret[X25519_LEN])
{
    struct reader r = reader_of(pem);
    char label[LIMIT_PEM_LABEL];
    bool prose;
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_PEM_KEY);

    if (pem.len > LIMIT_PEM_KEY)
        return false;
    while (pem_next(&r, label, &der, &prose))
        if (strcmp(label, "PUBLIC KEY") == 0 && der.len == sizeof(SPKI_PREFIX) + X25519_LEN &&
            memcmp(der.data, SPKI_PREFIX, sizeof(SPKI_PREFIX)) == 0) {
            memcpy(ret, der.data + sizeof(SPKI_PREFIX), X25519_LEN);
            return true;
        }
    return false;
}

bool x25519_public_pem(const uint8_t key[X25519_LEN], struct buffer *b)
{
    uint8_t spki[sizeof(SPKI_PREFIX) + X25519_LEN];

    memcpy(spki, SPKI_PREFIX, sizeof(SPKI_PREFIX));
    memcpy(spki + sizeof(SPKI_PREFIX), key, X25519_LEN);
    return pem_write("PUBLIC KEY", bytes_of(spki, sizeof(spki)), b);
}

bool x25519_shared(const struct x25519_key *own, const uint8_t peer[X25519_LEN],
                   uint8_t ret[X25519_LEN])
{
    static const uint8_t zero[X25519_LEN];
    size_t len = X25519_LEN;
    _cleanup_pkey_ EVP_PKEY *other = peer_of(peer);

    /* Without OpenSSL's own check of the peer, which every 32 bytes pass: the zero result tells. */
    bool ok = EVP_PKEY_derive_set_peer_ex(own->agreeing, other, 0) > 0 &&
              EVP_PKEY_derive(own->agreeing, ret, &len) > 0 && len == X25519_LEN &&
              !equal_in_constant_time(ret, zero, X25519_LEN);
    if (!ok)
        ERR_clear_error();
    return ok;
}
