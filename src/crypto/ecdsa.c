#include "crypto/ecdsa.h"
#include "crypto/algorithms.h"
#include "crypto/handles.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/params.h>

static void signature_freep(ECDSA_SIG **p)
{
    ECDSA_SIG_free(*p);
}
#define _cleanup_signature_ _cleanup_(signature_freep)

EVP_PKEY *ecdsa_key_of_point(const char *group, struct bytes point)
{
    EVP_PKEY *pkey = NULL;
    _cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = NULL;
    /* OSSL_PARAM is for reading and writing alike; what is given here is only read. */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point.data, point.len),
        OSSL_PARAM_construct_end(),
    };

    (void)algorithms();
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0) {
        ERR_clear_error();
        return NULL;
    }
    return pkey;
}

size_t ecdsa_to_der(struct bytes raw, uint8_t ret[ECDSA_DER_LEN])
{
    uint8_t *at = ret;
    size_t half = raw.len / 2;
    _cleanup_signature_ ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.data, (int)half, NULL);
    BIGNUM *s = BN_bin2bn(raw.data + half, (int)half, NULL);

    if (!sig || !r || !s || !ECDSA_SIG_set0(sig, r, s))
        crypto_is_broken();
    int len = i2d_ECDSA_SIG(sig, NULL);
    return len > 0 && len <= ECDSA_DER_LEN && i2d_ECDSA_SIG(sig, &at) == len ? (size_t)len : 0;
}

bool ecdsa_to_raw(struct bytes der, uint8_t *ret, size_t len)
{
    const uint8_t *at = der.data;
    int half = (int)(len / 2);
    _cleanup_signature_ ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);

    return sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, half) == half &&
           BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + half, half) == half;
}
