#include "base/alloc.h"
#include "crypto/algorithms.h"
#include "crypto/digest.h"
#include "crypto/ecdsa.h"
#include "crypto/handles.h"
#include "crypto/pem.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <stdlib.h>

/* RFC 5480: id-ecPublicKey with prime256v1, then a BIT STRING whose uncompressed point follows. */
static const uint8_t SPKI_PREFIX[SPKI_LEN - P256_POINT_LEN] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

bool spki_of(const EVP_PKEY *pkey, uint8_t ret[SPKI_LEN])
{
    char group[32];
    uint8_t point[P256_POINT_LEN];
    size_t len;

    if (!EVP_PKEY_is_a(pkey, "EC") || !EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) ||
        strcmp(group, "prime256v1") != 0)
        return false;
    if (!EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
                                         &len) ||
        len != sizeof(point) || point[0] != 4)
        return false;
    memcpy(ret, SPKI_PREFIX, sizeof(SPKI_PREFIX));
    memcpy(ret + sizeof(SPKI_PREFIX), point, sizeof(point));
    return true;
}

struct public_key *public_key_from_spki(struct bytes der)
{
    if (der.len != SPKI_LEN || memcmp(der.data, SPKI_PREFIX, sizeof(SPKI_PREFIX)) != 0 ||
        der.data[sizeof(SPKI_PREFIX)] != 4)
        return NULL;
    EVP_PKEY *pkey =
        ecdsa_key_of_point("P-256", bytes_of(der.data + sizeof(SPKI_PREFIX), P256_POINT_LEN));
    if (!pkey)
        return NULL;
    struct public_key *key = alloc_zero(1, sizeof(*key));
    key->pkey = pkey;
    key->verifying = ready_context(pkey, EVP_PKEY_verify_init);
    memcpy(key->spki, der.data, SPKI_LEN);
    return key;
}

struct public_key *public_key_from_pem(struct bytes pem)
{
    struct reader r = reader_of(pem);
    char label[LIMIT_PEM_LABEL];
    bool prose;
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_PEM_KEY);

    if (pem.len > LIMIT_PEM_KEY)
        return NULL;
    while (pem_next(&r, label, &der, &prose)) {
        struct public_key *key =
            strcmp(label, "PUBLIC KEY") == 0 ? public_key_from_spki(buffer_bytes(&der)) : NULL;
        if (key)
            return key;
    }
    return NULL;
}

struct public_key *public_key_of(const struct key *key)
{
    struct public_key *public = public_key_from_spki(bytes_of(key->spki, SPKI_LEN));

    if (!public)
        crypto_is_broken();
    return public;
}

void public_key_free(struct public_key *key)
{
    if (!key)
        return;
    EVP_PKEY_CTX_free(key->verifying);
    EVP_PKEY_free(key->pkey);
    free(key);
}

void public_key_spki(const struct public_key *key, uint8_t ret[SPKI_LEN])
{
    memcpy(ret, key->spki, SPKI_LEN);
}

bool public_key_pem(const struct public_key *key, struct buffer *b)
{
    return pem_write("PUBLIC KEY", bytes_of(key->spki, SPKI_LEN), b);
}

bool public_key_verify_der(const struct public_key *key, struct bytes message,
                           struct bytes signature)
{
    uint8_t hash[SHA256_LEN];

    sha256(message, hash);
    bool ok =
        EVP_PKEY_verify(key->verifying, signature.data, signature.len, hash, sizeof(hash)) == 1;
    if (!ok)
        ERR_clear_error();
    return ok;
}

bool public_key_verify(const struct public_key *key, struct bytes message,
                       const uint8_t signature[ES256_LEN])
{
    uint8_t der[ECDSA_DER_LEN];
    size_t len = ecdsa_to_der(bytes_of(signature, ES256_LEN), der);

    return len > 0 && public_key_verify_der(key, message, bytes_of(der, len));
}
