#include "crypto/x509.h"
#include "test.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#define EVIDENCE "evidence of this compartment"

static void make(struct key **ret_key, struct buffer *b)
{
    *ret_key = key_generate();
    assert_true(csr_make(*ret_key, "program", bytes_of_text(EVIDENCE), b));
}

static void a_request_comes_back(void **state)
{
    struct csr csr;
    struct idevs_error err;
    uint8_t spki[SPKI_LEN];
    _cleanup_key_ struct key *key = NULL;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CSR);
    (void)state;
    make(&key, &b);
    assert_true(csr_parse(buffer_bytes(&b), &csr, &err));
    key_spki(key, spki);
    assert_memory_equal(spki, csr.spki, SPKI_LEN);
    assert_true(bytes_equal_text(csr.evidence_cmw, EVIDENCE));
    assert_true(csr.evidence_cmw.data > b.data && csr.evidence_cmw.data < b.data + b.len);
}

static void the_request_is_what_openssl_reads_and_verifies(void **state)
{
    _cleanup_key_ struct key *key = NULL;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CSR);
    (void)state;
    make(&key, &b);
    const uint8_t *at = b.data;
    X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)b.len);
    assert_non_null(req);
    assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
    X509_REQ_free(req);
}

static void large_evidence_fits(void **state)
{
    struct csr csr;
    struct idevs_error err;
    static uint8_t evidence[LIMIT_EVIDENCE + 1];
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CSR);
    (void)state;
    assert_true(csr_make(key, "program", bytes_of(evidence, LIMIT_EVIDENCE), &b));
    assert_true(csr_parse(buffer_bytes(&b), &csr, &err));
    assert_int_equal(csr.evidence_cmw.len, LIMIT_EVIDENCE);
    buffer_clear(&b);
    assert_false(csr_make(key, "program", bytes_of(evidence, LIMIT_EVIDENCE + 1), &b));
    assert_false(csr_make(key, "program", bytes_of(evidence, 0), &b));
}

static void every_prefix_changed_byte_and_suffix_is_refused(void **state)
{
    struct csr csr;
    struct idevs_error err;
    _cleanup_key_ struct key *key = NULL;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CSR);
    (void)state;
    make(&key, &b);
    for (size_t n = 0; n < b.len; n++) {
        assert_false(csr_parse(bytes_of(b.data, n), &csr, &err));
        assert_refused(&err, "csr.malformed");
    }
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 1;
        assert_false(csr_parse(buffer_bytes(&b), &csr, &err));
        b.data[i] ^= 1;
    }
    assert_true(buffer_append_u8(&b, 0));
    assert_false(csr_parse(buffer_bytes(&b), &csr, &err));
}

/* ---- requests that are sound PKCS#10, but not ours ---- */

static const char ATTESTATION[] = "1.2.840.113549.1.9.16.2.59";

static void add(X509_REQ *req, const char *oid, int type, const char *value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    assert_int_equal(
        X509_REQ_add1_attr_by_OBJ(req, object, type, (const uint8_t *)value, (int)strlen(value)),
        1);
    ASN1_OBJECT_free(object);
}

static void ours(X509_REQ *req)
{
    add(req, ATTESTATION, V_ASN1_OCTET_STRING, EVIDENCE);
}

static void no_attribute(X509_REQ *req)
{
    (void)req;
}

static void other_attribute(X509_REQ *req)
{
    add(req, "1.2.840.113549.1.9.7", V_ASN1_UTF8STRING, "password");
}

static void one_more_attribute(X509_REQ *req)
{
    ours(req);
    other_attribute(req);
}

/* Sorted behind ours, as the one above is sorted before it. */
static void one_attribute_behind(X509_REQ *req)
{
    ours(req);
    add(req, "1.2.840.113549.1.9.7", V_ASN1_UTF8STRING,
        "a password so long that its attribute is sorted last in the set of attributes");
}

static void twice(X509_REQ *req)
{
    ours(req);
    X509_ATTRIBUTE *attr = X509_REQ_get_attr(req, 0);
    assert_int_equal(X509_ATTRIBUTE_set1_data(attr, V_ASN1_OCTET_STRING, "more", 4), 1);
}

static void other_type(X509_REQ *req)
{
    add(req, ATTESTATION, V_ASN1_UTF8STRING, EVIDENCE);
}

static void empty_evidence(X509_REQ *req)
{
    add(req, ATTESTATION, V_ASN1_OCTET_STRING, "");
}

static bool parses(void (*fill)(X509_REQ *), EVP_PKEY *pkey, EVP_PKEY *signer, const EVP_MD *md)
{
    struct csr csr;
    struct idevs_error err;
    uint8_t *der = NULL;
    X509_REQ *req = X509_REQ_new();

    X509_REQ_set_pubkey(req, pkey);
    fill(req);
    assert_true(X509_REQ_sign(req, signer, md) > 0);
    int len = i2d_X509_REQ(req, &der);
    bool ok = csr_parse(bytes_of(der, (size_t)len), &csr, &err);
    if (!ok)
        assert_refused(&err, "csr.malformed");
    OPENSSL_free(der);
    X509_REQ_free(req);
    return ok;
}

static void other_requests_are_refused(void **state)
{
    EVP_PKEY *p256 = EVP_EC_gen("P-256");
    EVP_PKEY *other = EVP_EC_gen("P-256");
    EVP_PKEY *p384 = EVP_EC_gen("P-384");
    (void)state;
    assert_true(parses(ours, p256, p256, EVP_sha256()));
    assert_false(parses(no_attribute, p256, p256, EVP_sha256()));
    assert_false(parses(other_attribute, p256, p256, EVP_sha256()));
    assert_false(parses(one_more_attribute, p256, p256, EVP_sha256()));
    assert_false(parses(one_attribute_behind, p256, p256, EVP_sha256()));
    assert_false(parses(twice, p256, p256, EVP_sha256()));
    assert_false(parses(other_type, p256, p256, EVP_sha256()));
    assert_false(parses(empty_evidence, p256, p256, EVP_sha256()));
    assert_false(parses(ours, p256, other, EVP_sha256())); /* signed by another key */
    assert_false(parses(ours, p384, p384, EVP_sha256()));
    assert_false(parses(ours, p256, p256, EVP_sha512()));
    EVP_PKEY_free(p256);
    EVP_PKEY_free(other);
    EVP_PKEY_free(p384);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_back),
        cmocka_unit_test(the_request_is_what_openssl_reads_and_verifies),
        cmocka_unit_test(large_evidence_fits),
        cmocka_unit_test(every_prefix_changed_byte_and_suffix_is_refused),
        cmocka_unit_test(other_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
