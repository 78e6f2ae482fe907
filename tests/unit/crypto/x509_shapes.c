/* Certificates of shapes that certificate_make() does not make. */
#include "crypto/x509.h"
#include "test.h"

#include "ca.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static struct ca ca;

static int set_up(void **state)
{
    (void)state;
    ca_make(&ca);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ca_free(&ca);
    return 0;
}

static EVP_PKEY *pkey_of(const struct key *key)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(4096);

    assert_true(key_save(key, &pem));
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(pkey);
    return pkey;
}

static struct certificate *remade(const struct certificate *c, void (*change)(X509 *),
                                  const EVP_MD *md)
{
    struct idevs_error err;
    uint8_t *der = NULL;
    const uint8_t *at = certificate_der(c).data;
    X509 *x = d2i_X509(NULL, &at, (long)certificate_der(c).len);
    EVP_PKEY *pkey = pkey_of(ca.tier_key);

    change(x);
    assert_true(X509_sign(x, pkey, md) > 0);
    int len = i2d_X509(x, &der);
    struct certificate *again = certificate_parse(bytes_of(der, (size_t)len), &err);
    assert_non_null(again);
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(pkey);
    return again;
}

static void assert_change_refused(void (*change)(X509 *), const EVP_MD *md, const char *code)
{
    struct idevs_error err;
    struct certificate_fields f = program_fields(&ca);
    _cleanup_chain_ struct chain chain = chain_of(&ca, &f);
    struct certificate *leaf = remade(chain.at[0], change, md);

    certificate_free(chain.at[0]);
    chain.at[0] = leaf;
    assert_false(verify_at(&chain, ca.root, CHAIN_PROGRAM, NOW, &err));
    assert_refused(&err, code);
}

static void add_extension(X509 *x, const char *oid, int critical, const char *value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(data, (const uint8_t *)value, (int)strlen(value));
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, object, critical, data);
    assert_int_equal(X509_add_ext(x, ext, -1), 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(data);
    ASN1_OBJECT_free(object);
}

static void nothing(X509 *x)
{
    (void)x;
}

static void unknown_critical(X509 *x)
{
    add_extension(x, "1.2.3.4.5", 1, "\x05");
}

static void second_cmw(X509 *x)
{
    add_extension(x, "1.3.6.1.5.5.7.1.35", 0, "\x04\x01x");
}

static void cmw_without(X509 *x, const char *value)
{
    for (int i = X509_get_ext_count(x) - 1; i >= 0; i--) {
        char oid[64];
        OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(X509_get_ext(x, i)), 1);
        if (strcmp(oid, "1.3.6.1.5.5.7.1.35") == 0)
            X509_EXTENSION_free(X509_delete_ext(x, i));
    }
    add_extension(x, "1.3.6.1.5.5.7.1.35", 0, value);
}

static void cmw_as_json(X509 *x)
{
    cmw_without(x, "\x0c\x01x");
}

static void cmw_with_trailing_byte(X509 *x)
{
    cmw_without(x, "\x04\x01xy");
}

static void cmw_in_long_form(X509 *x)
{
    cmw_without(x, "\x04\x81\x01x");
}

static void other_curve(X509 *x)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-384");
    X509_set_pubkey(x, pkey);
    EVP_PKEY_free(pkey);
}

static void other_usage(X509 *x)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    ASN1_BIT_STRING_set_bit(bits, 4, 1); /* keyAgreement */
    X509_add1_ext_i2d(x, NID_key_usage, bits, 1, X509V3_ADD_REPLACE);
    ASN1_BIT_STRING_free(bits);
}

static void usage_of_both(X509 *x)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    ASN1_BIT_STRING_set_bit(bits, 0, 1); /* digitalSignature */
    ASN1_BIT_STRING_set_bit(bits, 5, 1); /* keyCertSign */
    X509_add1_ext_i2d(x, NID_key_usage, bits, 1, X509V3_ADD_REPLACE);
    ASN1_BIT_STRING_free(bits);
}

static void a_ca_that_may_also_sign_is_no_leaf(void **state)
{
    struct idevs_error err;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_certificate_ struct certificate *sub = made_ca("Sub", key, 0, ca.tier, ca.tier_key);
    _cleanup_certificate_ struct certificate *leaf = remade(sub, usage_of_both, EVP_sha256());
    struct chain chain = {.at = {leaf}, .n = 1};
    (void)state;
    assert_false(verify_at(&chain, leaf, CHAIN_SERVICE, NOW, &err));
    assert_refused(&err, "certificate.malformed");
}

static void an_unknown_critical_extension_is_refused(void **state)
{
    (void)state;
    assert_change_refused(unknown_critical, EVP_sha256(), "certificate.chain");
}

static void without_authority_key(X509 *x)
{
    X509_EXTENSION_free(
        X509_delete_ext(x, X509_get_ext_by_NID(x, NID_authority_key_identifier, -1)));
}

static void a_program_that_does_not_name_its_issuers_key_is_refused(void **state)
{
    (void)state;
    assert_change_refused(without_authority_key, EVP_sha256(), "certificate.chain");
}

static void another_curve_is_refused(void **state)
{
    (void)state;
    assert_change_refused(other_curve, EVP_sha256(), "certificate.malformed");
}

static void another_key_usage_is_refused(void **state)
{
    (void)state;
    assert_change_refused(other_usage, EVP_sha256(), "certificate.malformed");
}

static void another_signature_algorithm_is_refused(void **state)
{
    (void)state;
    assert_change_refused(nothing, EVP_sha384(), "certificate.chain");
}

static void an_attestation_result_of_another_shape_is_refused(void **state)
{
    (void)state;
    assert_change_refused(second_cmw, EVP_sha256(), "certificate.malformed");
    assert_change_refused(cmw_as_json, EVP_sha256(), "certificate.malformed");
    assert_change_refused(cmw_with_trailing_byte, EVP_sha256(), "certificate.malformed");
    assert_change_refused(cmw_in_long_form, EVP_sha256(), "certificate.malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ca_that_may_also_sign_is_no_leaf),
        cmocka_unit_test(an_unknown_critical_extension_is_refused),
        cmocka_unit_test(a_program_that_does_not_name_its_issuers_key_is_refused),
        cmocka_unit_test(another_curve_is_refused),
        cmocka_unit_test(another_key_usage_is_refused),
        cmocka_unit_test(another_signature_algorithm_is_refused),
        cmocka_unit_test(an_attestation_result_of_another_shape_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
