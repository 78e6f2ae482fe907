/* Public keys of hardware makers, and what they signed. */
#include "base/alloc.h"
#include "crypto/algorithms.h"
#include "crypto/certificate.h"
#include "crypto/ecdsa.h"
#include "crypto/handles.h"
#include "crypto/vendor.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define FIELD_LEN 48 /* bytes of a P-384 coordinate */

static const struct {
    const char *digest;
    const char *kind;  /* EVP_PKEY_is_a() */
    const char *group; /* of EC keys */
    size_t half;       /* of EC signatures: bytes of r, and of s */
    int padding;       /* of RSA */
} SCHEMES[] = {
    [VENDOR_ES256] = {"SHA256", "EC", "prime256v1", 32, 0},
    [VENDOR_ES384] = {"SHA384", "EC", "secp384r1", 48, 0},
    [VENDOR_RS256] = {"SHA256", "RSA", NULL, 0, RSA_PKCS1_PADDING},
    [VENDOR_RS384] = {"SHA384", "RSA", NULL, 0, RSA_PKCS1_PADDING},
    [VENDOR_PS256] = {"SHA256", "RSA", NULL, 0, RSA_PKCS1_PSS_PADDING},
    [VENDOR_PS384] = {"SHA384", "RSA", NULL, 0, RSA_PKCS1_PSS_PADDING},
};

static bool group_is(const EVP_PKEY *pkey, const char *name)
{
    char group[32];

    return EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) && strcmp(group, name) == 0;
}

static bool is_supported(const EVP_PKEY *pkey)
{
    if (EVP_PKEY_is_a(pkey, "EC"))
        return group_is(pkey, "prime256v1") || group_is(pkey, "secp384r1");
    return EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_get_bits(pkey) >= LIMIT_RSA_BITS_FLOOR &&
           EVP_PKEY_get_bits(pkey) <= LIMIT_RSA_BITS_CEILING;
}

/* Takes `pkey` over, which may be NULL. */
static struct vendor_key *adopt(EVP_PKEY *pkey)
{
    ERR_clear_error();
    if (!pkey || !is_supported(pkey)) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    struct vendor_key *key = alloc_zero(1, sizeof(*key));
    key->pkey = pkey;
    return key;
}

struct vendor_key *vendor_key_of(const struct certificate *c)
{
    return adopt(X509_get_pubkey(c->x509));
}

/* OpenSSL reads more than one encoding: what it writes again must be all that it was given. */
struct vendor_key *vendor_key_from_spki(struct bytes der)
{
    const uint8_t *at = der.data;
    uint8_t *again = NULL;

    (void)algorithms();
    if (der.len == 0 || der.len > LIMIT_CERTIFICATE)
        return NULL;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)der.len);
    int len = pkey ? i2d_PUBKEY(pkey, &again) : -1;
    if (len <= 0 || !bytes_equal(der, bytes_of(again, (size_t)len))) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    OPENSSL_free(again);
    return adopt(pkey);
}

struct vendor_key *vendor_key_from_point(enum vendor_curve curve, struct bytes xy)
{
    const size_t field = curve == VENDOR_P384 ? FIELD_LEN : 32;
    uint8_t point[1 + 2 * FIELD_LEN] = {4}; /* uncompressed (SEC 1, 2.3.3) */

    if (xy.len != 2 * field)
        return NULL;
    memcpy(point + 1, xy.data, xy.len);
    return adopt(
        ecdsa_key_of_point(curve == VENDOR_P384 ? "P-384" : "P-256", bytes_of(point, 1 + xy.len)));
}

static EVP_PKEY *rsa_key_of(OSSL_PARAM *params)
{
    EVP_PKEY *pkey = NULL;
    _cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        return NULL;
    return pkey;
}

struct vendor_key *vendor_key_from_rsa(struct bytes modulus, uint32_t exponent)
{
    if (modulus.len < LIMIT_RSA_BITS_FLOOR / 8 || modulus.len > LIMIT_RSA_BITS_CEILING / 8 ||
        exponent < 3 || exponent % 2 == 0)
        return NULL;
    (void)algorithms();
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(modulus.data, (int)modulus.len, NULL);
    if (!builder || !n || !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) ||
        !OSSL_PARAM_BLD_push_uint32(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
        crypto_is_broken();
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    if (!params)
        crypto_is_broken();
    EVP_PKEY *pkey = rsa_key_of(params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    return adopt(pkey);
}

void vendor_key_free(struct vendor_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

bool vendor_key_equal(const struct vendor_key *a, const struct vendor_key *b)
{
    return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

/* ---- signatures ---- */

static bool key_fits(const struct vendor_key *key, enum vendor_scheme scheme)
{
    return EVP_PKEY_is_a(key->pkey, SCHEMES[scheme].kind) &&
           (!SCHEMES[scheme].group || group_is(key->pkey, SCHEMES[scheme].group));
}

static bool verify(const struct vendor_key *key, enum vendor_scheme scheme, struct bytes message,
                   struct bytes signature)
{
    EVP_PKEY_CTX *parameters;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!ctx)
        crypto_is_broken();
    bool ok = EVP_DigestVerifyInit_ex(ctx, &parameters, SCHEMES[scheme].digest, NULL, NULL,
                                      key->pkey, NULL) == 1;
    if (ok && SCHEMES[scheme].padding)
        ok = EVP_PKEY_CTX_set_rsa_padding(parameters, SCHEMES[scheme].padding) == 1;
    if (ok && SCHEMES[scheme].padding == RSA_PKCS1_PSS_PADDING)
        ok = EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
    ok = ok && EVP_DigestVerify(ctx, signature.data, signature.len, message.data, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

bool vendor_key_verify(const struct vendor_key *key, enum vendor_scheme scheme,
                       struct bytes message, struct bytes signature)
{
    const size_t half = SCHEMES[scheme].half;
    uint8_t der[ECDSA_DER_LEN];

    if (!key_fits(key, scheme))
        return false;
    if (half == 0)
        return verify(key, scheme, message, signature);
    if (signature.len != 2 * half)
        return false;
    size_t len = ecdsa_to_der(signature, der);
    return len > 0 && verify(key, scheme, message, bytes_of(der, len));
}
