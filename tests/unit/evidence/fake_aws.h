/* A maker of Nitro enclaves for tests: a root and an enclave's key of its own, and documents over
 * a nonce. Include after test.h and fake_amd.h, whose certificates it uses. */
#ifndef IDEVS_TESTS_UNIT_EVIDENCE_FAKE_AWS_H
#define IDEVS_TESTS_UNIT_EVIDENCE_FAKE_AWS_H

#include "wire/cbor.h"
#include "wire/cose.h"

#define FAKE_PROTECTED "\xa1\x01\x38\x22" /* {1: -35}: ES384 */

struct fake_aws {
    EVP_PKEY *root_key;
    EVP_PKEY *enclave_key;
    X509 *root;
    X509 *enclave;
};

static inline void fake_aws_make(struct fake_aws *aws)
{
    (void)algorithms();
    aws->root_key = EVP_EC_gen("P-384");
    aws->enclave_key = EVP_EC_gen("P-384");
    aws->root = fake_certificate("aws.test", aws->root_key, NULL);
    aws->enclave = fake_certificate("enclave", aws->enclave_key, aws->root);
    fake_ca(aws->root);
    assert_true(X509_sign(aws->root, aws->root_key, EVP_sha384()) > 0);
    assert_true(X509_sign(aws->enclave, aws->root_key, EVP_sha384()) > 0);
}

static inline void fake_aws_free(struct fake_aws *aws)
{
    EVP_PKEY_free(aws->root_key);
    EVP_PKEY_free(aws->enclave_key);
    X509_free(aws->root);
    X509_free(aws->enclave);
}

static inline void fake_put_text(struct buffer *b, const char *text)
{
    assert_true(cbor_put_text(b, bytes_of_text(text)));
}

static inline void fake_put_certificate(struct buffer *b, const X509 *x)
{
    uint8_t *der = NULL;
    int len = i2d_X509(x, &der);

    assert_true(cbor_put_bytes(b, bytes_of(der, (size_t)len)));
    OPENSSL_free(der);
}

/* One register, the smallest document that there is. */
static inline void fake_payload(const struct fake_aws *aws, struct bytes nonce, struct buffer *b)
{
    uint8_t pcr[48] = {1};

    assert_true(cbor_put_map(b, 7));
    fake_put_text(b, "module_id");
    fake_put_text(b, "i-test");
    fake_put_text(b, "digest");
    fake_put_text(b, "SHA384");
    fake_put_text(b, "timestamp");
    assert_true(cbor_put_uint(b, FAKE_NOW * UINT64_C(1000)));
    fake_put_text(b, "pcrs");
    assert_true(cbor_put_map(b, 1) && cbor_put_uint(b, 0) &&
                cbor_put_bytes(b, bytes_of(pcr, sizeof(pcr))));
    fake_put_text(b, "certificate");
    fake_put_certificate(b, aws->enclave);
    fake_put_text(b, "cabundle");
    assert_true(cbor_put_array(b, 1));
    fake_put_certificate(b, aws->root);
    fake_put_text(b, "nonce");
    assert_true(cbor_put_bytes(b, nonce));
}

/* Appends the document over `nonce`. */
static inline void fake_document(const struct fake_aws *aws, struct bytes nonce, struct buffer *b)
{
    const struct bytes protected = bytes_of(FAKE_PROTECTED, 4);
    uint8_t signature[96];
    _cleanup_buffer_ struct buffer payload = buffer_up_to(KIB(8));
    _cleanup_buffer_ struct buffer text = buffer_up_to(KIB(9));

    fake_payload(aws, nonce, &payload);
    assert_true(cose_to_sign(protected, bytes_of("", 0), buffer_bytes(&payload), &text));
    fake_ecdsa(aws->enclave_key, EVP_sha384(), buffer_bytes(&text), signature, 48);
    assert_true(cbor_put_array(b, 4) && cbor_put_bytes(b, protected) && cbor_put_map(b, 0) &&
                cbor_put_bytes(b, buffer_bytes(&payload)) &&
                cbor_put_bytes(b, bytes_of(signature, sizeof(signature))));
}

#endif
