#include "crypto/credential.h"
#include "crypto/algorithms.h"
#include "crypto/handles.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/rsa.h>

#define ALG_SHA256     0x000b
#define NAME_LEN       (2 + SHA256_LEN)
#define AES_LEN        16
#define COORDINATE_LEN 32
#define RSA_LEN        256
#define IDENTITY       "IDENTITY" /* labels count with their NUL */

/* ---- derivations ---- */

static OSSL_PARAM text(const char *name, const char *value)
{
    return OSSL_PARAM_construct_utf8_string(name, (char *)value, 0);
}

static OSSL_PARAM octets(const char *name, struct bytes value)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)value.data, value.len);
}

static void derive(const char *algorithm, const OSSL_PARAM *params, uint8_t *ret, size_t len)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, algorithm, NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

    if (!ctx || EVP_KDF_derive(ctx, ret, len, params) <= 0)
        crypto_is_broken();
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

/* KDFa (Part 1, 11.4.10.2) is SP 800-108 in counter mode with HMAC: label, a zero, the contexts,
 * the length in bits. */
static void kdf_a(const uint8_t seed[SHA256_LEN], const char *label, struct bytes context,
                  uint8_t *ret, size_t len)
{
    const OSSL_PARAM params[] = {
        text(OSSL_KDF_PARAM_MODE, "COUNTER"),
        text(OSSL_KDF_PARAM_MAC, "HMAC"),
        text(OSSL_KDF_PARAM_DIGEST, "SHA256"),
        octets(OSSL_KDF_PARAM_KEY, bytes_of(seed, SHA256_LEN)),
        octets(OSSL_KDF_PARAM_SALT, bytes_of_text(label)),
        context.len ? octets(OSSL_KDF_PARAM_INFO, context) : OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };

    derive("KBKDF", params, ret, len);
}

/* KDFe (Part 1, 11.4.10.3) is the one-step derivation of SP 800-56C: counter, Z, label with its
 * zero, both x coordinates. */
static void kdf_e(const uint8_t z[COORDINATE_LEN], const uint8_t *ephemeral_x, const uint8_t *ek_x,
                  uint8_t ret[SHA256_LEN])
{
    uint8_t info[sizeof(IDENTITY) + 2 * COORDINATE_LEN];
    const OSSL_PARAM params[] = {
        text(OSSL_KDF_PARAM_DIGEST, "SHA256"),
        octets(OSSL_KDF_PARAM_KEY, bytes_of(z, COORDINATE_LEN)),
        octets(OSSL_KDF_PARAM_INFO, bytes_of(info, sizeof(info))),
        OSSL_PARAM_construct_end(),
    };

    memcpy(info, IDENTITY, sizeof(IDENTITY));
    memcpy(info + sizeof(IDENTITY), ephemeral_x, COORDINATE_LEN);
    memcpy(info + sizeof(IDENTITY) + COORDINATE_LEN, ek_x, COORDINATE_LEN);
    derive("SSKDF", params, ret, SHA256_LEN);
}

/* ---- the seed, shared with the endorsement key ---- */

static bool encrypt_seed(EVP_PKEY_CTX *ctx, const uint8_t seed[SHA256_LEN], uint8_t ret[RSA_LEN])
{
    size_t len = RSA_LEN;
    void *label = OPENSSL_memdup(IDENTITY, sizeof(IDENTITY));

    if (!ctx || EVP_PKEY_encrypt_init(ctx) <= 0 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "SHA256", NULL) <= 0 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, "SHA256", NULL) <= 0 ||
        EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, sizeof(IDENTITY)) <= 0) {
        OPENSSL_free(label);
        return false;
    }
    return EVP_PKEY_encrypt(ctx, ret, &len, seed, SHA256_LEN) > 0 && len == RSA_LEN;
}

/* Part 1, B.10.4: a random seed under RSAES-OAEP. */
static bool share_by_rsa(EVP_PKEY *ek, uint8_t ret_seed[SHA256_LEN], struct buffer *b)
{
    uint8_t encrypted[RSA_LEN];
    _cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ek, NULL);

    random_bytes(ret_seed, SHA256_LEN);
    return encrypt_seed(ctx, ret_seed, encrypted) && buffer_append_u16(b, RSA_LEN) &&
           buffer_append(b, encrypted, sizeof(encrypted));
}

static bool agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t ret[COORDINATE_LEN])
{
    size_t len = COORDINATE_LEN;
    _cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);

    return ctx && EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
           EVP_PKEY_derive(ctx, ret, &len) > 0 && len == COORDINATE_LEN;
}

static bool append_coordinate(struct buffer *b, const uint8_t *x)
{
    return buffer_append_u16(b, COORDINATE_LEN) && buffer_append(b, x, COORDINATE_LEN);
}

/* Part 1, C.6.1: the seed comes of ECDH with a key for this once, whose point is told. */
static bool share_by_ecdh(EVP_PKEY *ek, uint8_t ret_seed[SHA256_LEN], struct buffer *b)
{
    _cleanup_pkey_ EVP_PKEY *ephemeral = EVP_EC_gen("P-256");
    uint8_t own[SPKI_LEN];
    uint8_t peer[SPKI_LEN];
    uint8_t z[COORDINATE_LEN];
    const uint8_t *x = own + SPKI_LEN - P256_POINT_LEN + 1;

    if (!ephemeral || !spki_of(ephemeral, own))
        crypto_is_broken();
    if (!spki_of(ek, peer) || !agree(ephemeral, ek, z))
        return false;
    kdf_e(z, x, peer + SPKI_LEN - P256_POINT_LEN + 1, ret_seed);
    wipe(z, sizeof(z));
    return buffer_append_u16(b, 2 * (2 + COORDINATE_LEN)) && append_coordinate(b, x) &&
           append_coordinate(b, x + COORDINATE_LEN);
}

static bool share(EVP_PKEY *ek, uint8_t ret_seed[SHA256_LEN], struct buffer *b)
{
    if (EVP_PKEY_is_a(ek, "RSA"))
        return EVP_PKEY_get_bits(ek) == 8 * RSA_LEN && share_by_rsa(ek, ret_seed, b);
    return share_by_ecdh(ek, ret_seed, b); /* another curve has no SPKI of this length */
}

/* ---- the credential ---- */

/* AES-128-CFB with a zero IV, since the key serves once; in place. */
static void encrypt(const uint8_t key[AES_LEN], uint8_t *data, size_t len)
{
    static const uint8_t iv[AES_LEN];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-CFB", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;

    if (!cipher || !ctx || EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) <= 0 ||
        EVP_EncryptUpdate(ctx, data, &n, data, (int)len) <= 0 || n != (int)len)
        crypto_is_broken();
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

static void hmac(const uint8_t key[SHA256_LEN], struct bytes in, uint8_t ret[SHA256_LEN])
{
    size_t len;

    if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, SHA256_LEN, in.data, in.len, ret,
                   SHA256_LEN, &len) ||
        len != SHA256_LEN)
        crypto_is_broken();
}

/* encIdentity = AES(secret with its length); its HMAC, also over the name, stands before it. */
static bool append_identity(const uint8_t seed[SHA256_LEN], const uint8_t name[NAME_LEN],
                            const uint8_t secret[CREDENTIAL_SECRET_LEN], struct buffer *b)
{
    uint8_t key[SHA256_LEN];
    uint8_t mac[SHA256_LEN];
    size_t len = 2 + CREDENTIAL_SECRET_LEN;
    uint8_t both[2 + CREDENTIAL_SECRET_LEN + NAME_LEN] = {0, CREDENTIAL_SECRET_LEN};

    memcpy(both + 2, secret, CREDENTIAL_SECRET_LEN);
    kdf_a(seed, "STORAGE", bytes_of(name, NAME_LEN), key, AES_LEN);
    encrypt(key, both, len);
    memcpy(both + len, name, NAME_LEN);
    kdf_a(seed, "INTEGRITY", bytes_of(NULL, 0), key, sizeof(key));
    hmac(key, bytes_of(both, len + NAME_LEN), mac);
    wipe(key, sizeof(key));
    return buffer_append_u16(b, (uint16_t)(2 + sizeof(mac) + len)) &&
           buffer_append_u16(b, sizeof(mac)) && buffer_append(b, mac, sizeof(mac)) &&
           buffer_append(b, both, len);
}

bool credential_make(const struct vendor_key *ek, struct bytes public_area,
                     const uint8_t secret[CREDENTIAL_SECRET_LEN], struct buffer *b)
{
    uint8_t seed[SHA256_LEN] = {0};
    uint8_t name[NAME_LEN] = {ALG_SHA256 >> 8, ALG_SHA256 & 0xff};
    _cleanup_buffer_ struct buffer shared = buffer_up_to(2 + RSA_LEN);

    (void)algorithms();
    sha256(public_area, name + 2);
    bool ok = share(ek->pkey, seed, &shared) && append_identity(seed, name, secret, b) &&
              buffer_append_bytes(b, buffer_bytes(&shared));
    wipe(seed, sizeof(seed));
    ERR_clear_error();
    return ok;
}
