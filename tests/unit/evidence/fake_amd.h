/* A maker of SEV-SNP chips for tests: root, intermediate and chip keys of its own, certificates
 * with AMD's extensions, and reports that say what a test wants. Include after test.h. */
#ifndef IDEVS_TESTS_UNIT_EVIDENCE_FAKE_AMD_H
#define IDEVS_TESTS_UNIT_EVIDENCE_FAKE_AMD_H

#include "crypto/algorithms.h"
#include "evidence/hardware.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define FAKE_NOW      1800000000
#define FAKE_REPORT   1184
#define FAKE_TCB_LEN  8
#define FAKE_CHIP_LEN 64

/* What the chip's certificate and the report say; a test spoils one of them. */
struct fake_chip {
    const char *common_name; /* "SEV-VCEK", "SEV-VLEK" */
    const char *product;
    const char *cloud; /* of a VLEK */
    bool is_turin;
    uint8_t certified_tcb[FAKE_TCB_LEN]; /* as it stands in a report */
    uint8_t certified_id[FAKE_CHIP_LEN];
    uint8_t report[FAKE_REPORT]; /* the signature is added by fake_amd_sign() */
};

struct fake_amd {
    EVP_PKEY *root_key;
    EVP_PKEY *middle_key;
    EVP_PKEY *chip_key;
    X509 *root;
    X509 *middle;
};

static inline EVP_PKEY *fake_rsa(void)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);

    assert_non_null(key);
    return key;
}

static inline X509 *fake_certificate(const char *name, EVP_PKEY *key, const X509 *issuer)
{
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);

    assert_non_null(x);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 0); /* as AMD's */
    ASN1_TIME_set(X509_getm_notBefore(x), FAKE_NOW - 1000);
    ASN1_TIME_set(X509_getm_notAfter(x), FAKE_NOW + 1000);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    X509_set_pubkey(x, key);
    return x;
}

/* The extension `below` 1.3.6.1.4.1.3704.1 with these contents. */
static inline void fake_extension(X509 *x, const char *below, const void *data, size_t len)
{
    char oid[64];
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();

    snprintf(oid, sizeof(oid), "1.3.6.1.4.1.3704.1.%s", below);
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING_set(value, data, (int)len);
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
    assert_int_equal(X509_add_ext(x, ext, -1), 1);
    X509_EXTENSION_free(ext);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
}

static inline void fake_ca(X509 *x)
{
    X509_EXTENSION *ext =
        X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

    assert_int_equal(X509_add_ext(x, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

/* RSASSA-PSS with SHA-384, as AMD signs. */
static inline EVP_MD_CTX *fake_signer(EVP_PKEY *key)
{
    EVP_PKEY_CTX *parameters;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(ctx, &parameters, EVP_sha384(), NULL, key), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 48), 1);
    return ctx;
}

static inline void fake_sign(X509 *x, EVP_PKEY *key)
{
    EVP_MD_CTX *ctx = fake_signer(key);

    assert_true(X509_sign_ctx(x, ctx) > 0);
    EVP_MD_CTX_free(ctx);
}

static inline void fake_amd_make(struct fake_amd *amd)
{
    (void)algorithms(); /* before anything of OpenSSL's */
    amd->root_key = fake_rsa();
    amd->middle_key = fake_rsa();
    amd->chip_key = EVP_EC_gen("P-384");
    amd->root = fake_certificate("ARK-Test", amd->root_key, NULL);
    amd->middle = fake_certificate("SEV-Test", amd->middle_key, amd->root);
    fake_ca(amd->root);
    fake_ca(amd->middle);
    fake_sign(amd->root, amd->root_key);
    fake_sign(amd->middle, amd->root_key);
}

static inline void fake_amd_free(struct fake_amd *amd)
{
    EVP_PKEY_free(amd->root_key);
    EVP_PKEY_free(amd->middle_key);
    EVP_PKEY_free(amd->chip_key);
    X509_free(amd->root);
    X509_free(amd->middle);
}

/* ---- the chip's certificate ---- */

static inline void fake_number(X509 *x, unsigned below, uint8_t value)
{
    char oid[16];
    const uint8_t large[] = {0x02, 0x02, 0x00, value};
    const uint8_t small[] = {0x02, 0x01, value};

    snprintf(oid, sizeof(oid), "3.%u", below);
    if (value & 0x80)
        fake_extension(x, oid, large, sizeof(large));
    else
        fake_extension(x, oid, small, sizeof(small));
}

static inline void fake_text(X509 *x, const char *below, const char *text)
{
    uint8_t der[64] = {0x16, (uint8_t)strlen(text)};

    memcpy(der + 2, text, strlen(text));
    fake_extension(x, below, der, 2 + strlen(text));
}

static inline X509 *fake_chip_certificate(const struct fake_amd *amd, const struct fake_chip *chip)
{
    static const unsigned PLAIN[][2] = {{1, 0}, {2, 1}, {3, 6}, {8, 7}, {0, 0}};
    static const unsigned TURIN[][2] = {{9, 0}, {1, 1}, {2, 2}, {3, 3}, {8, 7}};
    X509 *x = fake_certificate(chip->common_name, amd->chip_key, amd->middle);

    fake_text(x, "2", chip->product);
    for (size_t i = 0; i < 5; i++) {
        const unsigned *part = chip->is_turin ? TURIN[i] : PLAIN[i];
        if (part[0])
            fake_number(x, part[0], chip->certified_tcb[part[1]]);
    }
    if (chip->cloud)
        fake_text(x, "5", chip->cloud);
    else
        fake_extension(x, "4", chip->certified_id, chip->is_turin ? 8 : FAKE_CHIP_LEN);
    fake_sign(x, amd->middle_key);
    return x;
}

/* ---- a report ---- */

/* A Milan chip and a report of version 3 that agree in all. */
static inline void fake_chip_make(struct fake_chip *chip)
{
    static const uint8_t TCB[FAKE_TCB_LEN] = {4, 0, 0, 0, 0, 0, 24, 219};

    *chip = (struct fake_chip){.common_name = "SEV-VCEK", .product = "Milan-B0"};
    memcpy(chip->certified_tcb, TCB, sizeof(TCB));
    memset(chip->certified_id, 0xc1, sizeof(chip->certified_id));
    chip->report[0] = 3;
    chip->report[0x0a] = 3; /* policy: SMT and the fixed bit */
    chip->report[0x34] = 1; /* ECDSA P-384 with SHA-384 */
    memset(chip->report + 0x50, 0xda, 64);
    memset(chip->report + 0x90, 0x3e, 48);
    memcpy(chip->report + 0x180, TCB, sizeof(TCB));
    chip->report[0x188] = 0x19;
    chip->report[0x189] = 0x01;
    memcpy(chip->report + 0x1a0, chip->certified_id, sizeof(chip->certified_id));
}

static inline void fake_little(const BIGNUM *n, uint8_t *at)
{
    assert_int_equal(BN_bn2lebinpad(n, at, 72), 72);
}

static inline void fake_amd_sign(const struct fake_amd *amd, struct fake_chip *chip)
{
    uint8_t der[128];
    const uint8_t *at = der;
    size_t len = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, amd->chip_key), 1);
    assert_int_equal(EVP_DigestSign(ctx, der, &len, chip->report, 0x2a0), 1);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    fake_little(ECDSA_SIG_get0_r(sig), chip->report + 0x2a0);
    fake_little(ECDSA_SIG_get0_s(sig), chip->report + 0x2e8);
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
}

/* r || s, big endian, `half` bytes each: how others than AMD write signatures. */
static inline void fake_ecdsa(EVP_PKEY *key, const EVP_MD *md, struct bytes text, uint8_t *ret,
                              int half)
{
    uint8_t der[128];
    const uint8_t *at = der;
    size_t len = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, der, &len, text.data, text.len), 1);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, half), half);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + half, half), half);
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
}

/* ---- what a verifier gets ---- */

static inline void fake_endorse(struct endorsements *e, X509 *x, bool root)
{
    uint8_t *der = NULL;
    struct idevs_error err;
    int len = i2d_X509(x, &der);
    struct bytes bytes = bytes_of(der, (size_t)len);

    assert_true(root ? endorsements_add_roots(e, bytes, &err)
                     : endorsements_add(e, "certificate", bytes, &err));
    OPENSSL_free(der);
}

/* A list by the root with `revoked` (may be NULL) on it. */
static inline void fake_crl(const struct fake_amd *amd, struct endorsements *e, const X509 *revoked)
{
    uint8_t *der = NULL;
    struct idevs_error err;
    ASN1_TIME *from = ASN1_TIME_set(NULL, FAKE_NOW - 100);
    ASN1_TIME *to = ASN1_TIME_set(NULL, FAKE_NOW + 100);
    X509_CRL *crl = X509_CRL_new();

    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(amd->root));
    X509_CRL_set1_lastUpdate(crl, from);
    X509_CRL_set1_nextUpdate(crl, to);
    if (revoked) {
        X509_REVOKED *entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)X509_get0_serialNumber(revoked));
        X509_REVOKED_set_revocationDate(entry, from);
        X509_CRL_add0_revoked(crl, entry);
    }
    EVP_MD_CTX *ctx = fake_signer(amd->root_key);
    assert_true(X509_CRL_sign_ctx(crl, ctx) > 0);
    int len = i2d_X509_CRL(crl, &der);
    assert_true(endorsements_add(e, "crl", bytes_of(der, (size_t)len), &err));
    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    X509_CRL_free(crl);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
}

#endif
