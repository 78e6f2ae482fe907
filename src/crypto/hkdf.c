#include "crypto/hkdf.h"
#include "crypto/algorithms.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

static OSSL_PARAM octets(const char *name, struct bytes value)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)value.data, value.len);
}

/* Salt or info, whichever the mode uses, is `second`; an empty one is left out. */
static bool derive(int mode, struct bytes key, const char *name, struct bytes second, uint8_t *ret,
                   size_t len)
{
    char digest[] = "SHA256";
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(algorithms()->hkdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        octets(OSSL_KDF_PARAM_KEY, key),
        second.len ? octets(name, second) : OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };
    bool ok = ctx && EVP_KDF_derive(ctx, ret, len, params) > 0;

    EVP_KDF_CTX_free(ctx);
    return ok;
}

bool hkdf_extract(struct bytes salt, struct bytes ikm, uint8_t ret_prk[SHA256_LEN])
{
    return derive(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, ikm, OSSL_KDF_PARAM_SALT, salt, ret_prk,
                  SHA256_LEN);
}

bool hkdf_expand(const uint8_t prk[SHA256_LEN], struct bytes info, uint8_t *ret, size_t len)
{
    return derive(EVP_KDF_HKDF_MODE_EXPAND_ONLY, bytes_of(prk, SHA256_LEN), OSSL_KDF_PARAM_INFO,
                  info, ret, len);
}
