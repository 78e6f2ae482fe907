#include "crypto/digest.h"
#include "crypto/ecdsa.h"
#include "crypto/handles.h"

#include <openssl/err.h>

#define POINT_LEN 97

/* RFC 5480: id-ecPublicKey with secp384r1, then a BIT STRING whose uncompressed point follows. */
static const uint8_t SPKI_PREFIX[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
                                      0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
                                      0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00};

static EVP_PKEY *key_of(struct bytes spki)
{
    struct reader r = reader_of(spki);
    struct bytes prefix;

    if (!reader_bytes(&r, sizeof(SPKI_PREFIX), &prefix) ||
        !bytes_equal(prefix, bytes_of(SPKI_PREFIX, sizeof(SPKI_PREFIX))) ||
        reader_left(&r) != POINT_LEN || *r.at != 4)
        return NULL;
    return ecdsa_key_of_point("P-384", bytes_of(r.at, POINT_LEN));
}

bool es384_verify(struct bytes spki, struct bytes message, const uint8_t signature[ES384_LEN])
{
    uint8_t hash[SHA384_LEN];
    uint8_t der[LIMIT_ECDSA_DER];
    size_t len = ecdsa_to_der(bytes_of(signature, ES384_LEN), der);
    _cleanup_pkey_ EVP_PKEY *pkey = key_of(spki);

    if (!pkey || len == 0)
        return false;
    sha384(message, hash);
    _cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = ready_context(pkey, EVP_PKEY_verify_init);
    bool ok = EVP_PKEY_verify(ctx, der, len, hash, sizeof(hash)) == 1;
    if (!ok)
        ERR_clear_error();
    return ok;
}
