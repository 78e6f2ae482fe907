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

/* What a payload has that is not in order; zeroed is one that is. */
struct fake_content {
    struct bytes nonce;
    bool debug;          /* its register is zero */
    const char *without; /* a field */
    const char *twice;
    const char *unknown; /* a field of that name more */
    const char *digest;
    size_t pcr_len;
    uint64_t pcr_index;
};

static inline void fake_put_bundle(const struct fake_aws *aws, struct buffer *b)
{
    assert_true(cbor_put_array(b, 1));
    fake_put_certificate(b, aws->root);
}

/* One register. */
static inline void fake_put_pcrs(const struct fake_content *content, struct buffer *b)
{
    uint8_t pcr[48] = {content->debug ? 0 : 1};

    assert_true(cbor_put_map(b, 1) && cbor_put_uint(b, content->pcr_index) &&
                cbor_put_bytes(b, bytes_of(pcr, content->pcr_len ? content->pcr_len : 48)));
}

static inline void fake_put_field(const struct fake_aws *aws, const struct fake_content *content,
                                  const char *name, struct buffer *b)
{
    fake_put_text(b, name);
    if (strcmp(name, "digest") == 0)
        fake_put_text(b, content->digest ? content->digest : "SHA384");
    else if (strcmp(name, "timestamp") == 0)
        assert_true(cbor_put_uint(b, FAKE_NOW * UINT64_C(1000)));
    else if (strcmp(name, "pcrs") == 0)
        fake_put_pcrs(content, b);
    else if (strcmp(name, "certificate") == 0)
        fake_put_certificate(b, aws->enclave);
    else if (strcmp(name, "cabundle") == 0)
        fake_put_bundle(aws, b);
    else if (strcmp(name, "nonce") == 0)
        assert_true(cbor_put_bytes(b, content->nonce));
    else
        fake_put_text(b, "i-test");
}

/* The smallest one that there is. */
static inline void fake_payload(const struct fake_aws *aws, const struct fake_content *content,
                                struct buffer *b)
{
    static const char *const FIELDS[] = {"module_id",   "digest",   "timestamp", "pcrs",
                                         "certificate", "cabundle", "nonce"};
    size_t n = ARRAY_LEN(FIELDS) + (content->twice != NULL) + (content->unknown != NULL) -
               (content->without != NULL);

    assert_true(cbor_put_map(b, n));
    for (size_t i = 0; i < ARRAY_LEN(FIELDS); i++)
        if (!content->without || strcmp(FIELDS[i], content->without) != 0)
            fake_put_field(aws, content, FIELDS[i], b);
    if (content->twice)
        fake_put_field(aws, content, content->twice, b);
    if (content->unknown)
        fake_put_field(aws, content, content->unknown, b);
}

/* Signs the payload; appends the document. */
static inline void fake_seal(const struct fake_aws *aws, struct bytes payload, struct buffer *b)
{
    const struct bytes protected = bytes_of(FAKE_PROTECTED, 4);
    uint8_t signature[96];
    _cleanup_buffer_ struct buffer text = buffer_up_to(KIB(17));

    assert_true(cose_to_sign(protected, bytes_of("", 0), payload, &text));
    fake_ecdsa(aws->enclave_key, EVP_sha384(), buffer_bytes(&text), signature, 48);
    assert_true(cbor_put_array(b, 4) && cbor_put_bytes(b, protected) && cbor_put_map(b, 0) &&
                cbor_put_bytes(b, payload) &&
                cbor_put_bytes(b, bytes_of(signature, sizeof(signature))));
}

/* Appends a document over `nonce` that is in order. */
static inline void fake_document(const struct fake_aws *aws, struct bytes nonce, struct buffer *b)
{
    const struct fake_content content = {.nonce = nonce};
    _cleanup_buffer_ struct buffer payload = buffer_up_to(KIB(16));

    fake_payload(aws, &content, &payload);
    fake_seal(aws, buffer_bytes(&payload), b);
}

#endif
