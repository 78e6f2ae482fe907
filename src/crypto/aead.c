#include "crypto/aead.h"
#include "crypto/algorithms.h"
#include "crypto/digest.h"
#include "crypto/hkdf.h"

#include <limits.h>

#define REST_SALT 32
#define REST_KEY  32

static void cipher_freep(EVP_CIPHER_CTX **p)
{
    EVP_CIPHER_CTX_free(*p); /* wipes the key schedule */
}
#define _cleanup_cipher_ _cleanup_(cipher_freep)

static bool fits(struct bytes a)
{
    return a.len <= INT_MAX - HPKE_TAG_LEN;
}

static bool encrypt(const struct gcm *g, struct bytes aad, struct bytes in, uint8_t *ret)
{
    int n = 0;
    _cleanup_cipher_ EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    return ctx && EVP_EncryptInit_ex2(ctx, g->cipher, g->key, g->nonce, NULL) &&
           (aad.len == 0 || EVP_EncryptUpdate(ctx, NULL, &n, aad.data, (int)aad.len)) &&
           (in.len == 0 || EVP_EncryptUpdate(ctx, ret, &n, in.data, (int)in.len)) &&
           EVP_EncryptFinal_ex(ctx, ret + in.len, &n) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, HPKE_TAG_LEN, ret + in.len);
}

bool gcm_seal(const struct gcm *g, struct bytes aad, struct bytes plaintext, struct buffer *b)
{
    if (!fits(aad) || !fits(plaintext))
        return false;
    uint8_t *room = buffer_extend(b, plaintext.len + HPKE_TAG_LEN);
    if (!room)
        return false;
    if (!encrypt(g, aad, plaintext, room))
        crypto_is_broken();
    return true;
}

static bool decrypt(const struct gcm *g, struct bytes aad, struct bytes in, const uint8_t *tag,
                    uint8_t *ret)
{
    int n = 0;
    uint8_t end[HPKE_TAG_LEN]; /* GCM writes nothing at the end */
    _cleanup_cipher_ EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    return ctx && EVP_DecryptInit_ex2(ctx, g->cipher, g->key, g->nonce, NULL) &&
           (aad.len == 0 || EVP_DecryptUpdate(ctx, NULL, &n, aad.data, (int)aad.len)) &&
           (in.len == 0 || EVP_DecryptUpdate(ctx, ret, &n, in.data, (int)in.len)) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, HPKE_TAG_LEN, (void *)tag) &&
           EVP_DecryptFinal_ex(ctx, end, &n) > 0;
}

bool gcm_open(const struct gcm *g, struct bytes aad, struct bytes ciphertext, struct buffer *b)
{
    if (!fits(aad) || !fits(ciphertext) || ciphertext.len < HPKE_TAG_LEN)
        return false;
    size_t before = b->len;
    struct bytes body = bytes_of(ciphertext.data, ciphertext.len - HPKE_TAG_LEN);
    uint8_t *room = buffer_extend(b, body.len);
    if (!room)
        return false;
    if (decrypt(g, aad, body, body.data + body.len, room))
        return true;
    wipe(room, body.len); /* unauthenticated plaintext */
    b->len = before;
    return false;
}

static struct gcm gcm_of(const struct aead *a)
{
    return (struct gcm){algorithms()->aes_128_gcm, a->key, a->nonce};
}

bool aead_seal(const struct aead *a, struct bytes aad, struct bytes plaintext, struct buffer *b)
{
    struct gcm g = gcm_of(a);

    return gcm_seal(&g, aad, plaintext, b);
}

bool aead_open(const struct aead *a, struct bytes aad, struct bytes ciphertext, struct buffer *b)
{
    struct gcm g = gcm_of(a);

    return gcm_open(&g, aad, ciphertext, b);
}

/* Key and nonce of one record: from the secret under the record's own random salt, so the number of
 * records under one secret has no practical bound. */
static bool rest_keys(struct bytes secret, struct bytes salt, const char *label,
                      uint8_t ret[REST_KEY + HPKE_NONCE_LEN])
{
    uint8_t prk[SHA256_LEN];
    bool ok = secret.len > 0 && hkdf_extract(salt, secret, prk) &&
              hkdf_expand(prk, bytes_of_text(label), ret, REST_KEY + HPKE_NONCE_LEN);

    wipe(prk, sizeof(prk));
    return ok;
}

bool rest_seal(struct bytes secret, const char *label, struct bytes aad, struct bytes plaintext,
               struct buffer *b)
{
    uint8_t salt[REST_SALT];
    uint8_t keys[REST_KEY + HPKE_NONCE_LEN];
    struct gcm g = {algorithms()->aes_256_gcm, keys, keys + REST_KEY};
    size_t before = b->len;

    random_bytes(salt, sizeof(salt));
    bool ok = rest_keys(secret, bytes_of(salt, sizeof(salt)), label, keys) &&
              buffer_append(b, salt, sizeof(salt)) && gcm_seal(&g, aad, plaintext, b);
    wipe(keys, sizeof(keys));
    if (!ok)
        b->len = before;
    return ok;
}

bool rest_open(struct bytes secret, const char *label, struct bytes aad, struct bytes sealed,
               struct buffer *b)
{
    struct reader r = reader_of(sealed);
    struct bytes salt;
    uint8_t keys[REST_KEY + HPKE_NONCE_LEN];
    struct gcm g = {algorithms()->aes_256_gcm, keys, keys + REST_KEY};

    bool ok = reader_bytes(&r, REST_SALT, &salt) && rest_keys(secret, salt, label, keys) &&
              gcm_open(&g, aad, bytes_of(r.at, reader_left(&r)), b);
    wipe(keys, sizeof(keys));
    return ok;
}
