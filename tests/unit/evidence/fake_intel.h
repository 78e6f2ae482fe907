/* A maker of TDX platforms for tests: a root, a platform's PCK key and a quoting enclave's key of
 * its own, and quotes of version 4 over what a test wants. Include after test.h and fake_amd.h,
 * whose certificates it uses. */
#ifndef IDEVS_TESTS_UNIT_EVIDENCE_FAKE_INTEL_H
#define IDEVS_TESTS_UNIT_EVIDENCE_FAKE_INTEL_H

#include "crypto/digest.h"
#include "crypto/pem.h"

#define FAKE_QUOTE_HEADER 48
#define FAKE_QUOTE_SIGNED (FAKE_QUOTE_HEADER + 584)
#define FAKE_QE_REPORT    384

struct fake_intel {
    EVP_PKEY *root_key;
    EVP_PKEY *pck_key;
    EVP_PKEY *enclave_key;
    X509 *root;
    X509 *pck;
};

/* ---- the PCK certificate ---- */

static inline void fake_der(struct buffer *b, uint8_t tag, struct bytes content)
{
    assert_true(buffer_append_u8(b, tag));
    if (content.len >= 128)
        assert_true(buffer_append_u8(b, 0x82) && buffer_append_u16(b, (uint16_t)content.len));
    else
        assert_true(buffer_append_u8(b, (uint8_t)content.len));
    assert_true(buffer_append_bytes(b, content));
}

/* SEQUENCE { 1.2.840.113741.1.13.1 and these arcs, value }. */
static inline void fake_pair(struct buffer *b, struct bytes arcs, uint8_t tag, struct bytes value)
{
    _cleanup_buffer_ struct buffer oid = buffer_up_to(32);
    _cleanup_buffer_ struct buffer pair = buffer_up_to(KIB(4));

    assert_true(buffer_append(&oid, "\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01", 9) &&
                buffer_append_bytes(&oid, arcs));
    fake_der(&pair, 0x06, buffer_bytes(&oid));
    fake_der(&pair, tag, value);
    fake_der(b, 0x30, buffer_bytes(&pair));
}

/* Every SVN is 1; the platform's other values are zero. */
static inline void fake_platform(struct buffer *b)
{
    static const uint8_t zero[16];
    _cleanup_buffer_ struct buffer tcb = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer all = buffer_up_to(KIB(4));

    for (uint8_t arc = 1; arc <= 17; arc++)
        fake_pair(&tcb, bytes_of(((const uint8_t[]){2, arc}), 2), 0x02, bytes_of_text("\x01"));
    fake_pair(&all, bytes_of_text("\x01"), 0x04, bytes_of(zero, 16));
    fake_pair(&all, bytes_of_text("\x02"), 0x30, buffer_bytes(&tcb));
    fake_pair(&all, bytes_of_text("\x03"), 0x04, bytes_of(zero, 2));
    fake_pair(&all, bytes_of_text("\x04"), 0x04, bytes_of(zero, 6));
    fake_der(b, 0x30, buffer_bytes(&all));
}

static inline void fake_add_platform(X509 *x)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(KIB(4));
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *object = OBJ_txt2obj("1.2.840.113741.1.13.1", 1);

    fake_platform(&der);
    ASN1_OCTET_STRING_set(value, der.data, (int)der.len);
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
    assert_int_equal(X509_add_ext(x, ext, -1), 1);
    X509_EXTENSION_free(ext);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
}

static inline void fake_intel_make(struct fake_intel *intel)
{
    (void)algorithms();
    intel->root_key = EVP_EC_gen("P-256");
    intel->pck_key = EVP_EC_gen("P-256");
    intel->enclave_key = EVP_EC_gen("P-256");
    intel->root = fake_certificate("Root CA", intel->root_key, NULL);
    intel->pck = fake_certificate("PCK", intel->pck_key, intel->root);
    fake_ca(intel->root);
    fake_add_platform(intel->pck);
    assert_true(X509_sign(intel->root, intel->root_key, EVP_sha256()) > 0);
    assert_true(X509_sign(intel->pck, intel->root_key, EVP_sha256()) > 0);
}

static inline void fake_intel_free(struct fake_intel *intel)
{
    EVP_PKEY_free(intel->root_key);
    EVP_PKEY_free(intel->pck_key);
    EVP_PKEY_free(intel->enclave_key);
    X509_free(intel->root);
    X509_free(intel->pck);
}

/* ---- a quote ---- */

static inline void fake_little_endian(struct buffer *b, size_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_true(buffer_append_u8(b, (uint8_t)(v >> 8 * i)));
}

static inline void fake_chain(const struct fake_intel *intel, struct buffer *b)
{
    const X509 *const chain[] = {intel->pck, intel->root};

    for (size_t i = 0; i < ARRAY_LEN(chain); i++) {
        uint8_t *der = NULL;
        int len = i2d_X509(chain[i], &der);
        assert_true(pem_write("CERTIFICATE", bytes_of(der, (size_t)len), b));
        OPENSSL_free(der);
    }
}

/* A quote before it is signed: a test spoils one of these. */
struct fake_td {
    uint8_t text[FAKE_QUOTE_SIGNED]; /* header and body */
    unsigned body_type; /* stands before the body, with its length, in version 5; 0: not there */
    uint8_t key[64];    /* the attestation key: x, y */
    uint8_t report[FAKE_QE_REPORT]; /* of the quoting enclave, which vouches for the key */
};

/* Over 64 bytes of report data; all of it is in order. */
static inline void fake_td_make(const struct fake_intel *intel, const uint8_t *report_data,
                                struct fake_td *ret)
{
    static const uint8_t VENDOR[] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                     0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
    uint8_t point[65];
    size_t len;

    *ret = (struct fake_td){.text = {[0] = 4, [2] = 2, [4] = 0x81}}; /* v4, ECDSA P-256, TDX */
    memcpy(ret->text + 12, VENDOR, sizeof(VENDOR));
    memcpy(ret->text + FAKE_QUOTE_HEADER + 520, report_data, 64);
    assert_int_equal(EVP_PKEY_get_octet_string_param(intel->enclave_key, "encoded-pub-key", point,
                                                     sizeof(point), &len),
                     1);
    assert_int_equal(len, sizeof(point));
    memcpy(ret->key, point + 1, 64);
    sha256(bytes_of(ret->key, 64), ret->report + 320); /* no authentication data */
}

/* Header and body, as they are signed. */
static inline void fake_signed_part(const struct fake_td *td, struct buffer *b)
{
    assert_true(buffer_append(b, td->text, FAKE_QUOTE_HEADER));
    if (td->body_type) {
        fake_little_endian(b, td->body_type, 2);
        fake_little_endian(b, FAKE_QUOTE_SIGNED - FAKE_QUOTE_HEADER, 4);
    }
    assert_true(
        buffer_append(b, td->text + FAKE_QUOTE_HEADER, FAKE_QUOTE_SIGNED - FAKE_QUOTE_HEADER));
}

/* Signature data: of the quote, the key, and what certifies it. */
static inline void fake_signature_data(const struct fake_intel *intel, const struct fake_td *td,
                                       struct bytes to_sign, struct buffer *b)
{
    uint8_t by_enclave[64];
    uint8_t by_pck[64];
    _cleanup_buffer_ struct buffer chain = buffer_up_to(KIB(8));

    fake_chain(intel, &chain);
    fake_ecdsa(intel->enclave_key, EVP_sha256(), to_sign, by_enclave, 32);
    fake_ecdsa(intel->pck_key, EVP_sha256(), bytes_of(td->report, sizeof(td->report)), by_pck, 32);
    assert_true(buffer_append(b, by_enclave, 64) && buffer_append(b, td->key, 64));
    fake_little_endian(b, 6, 2);
    fake_little_endian(b, FAKE_QE_REPORT + 64 + 2 + 6 + chain.len, 4);
    assert_true(buffer_append(b, td->report, sizeof(td->report)) && buffer_append(b, by_pck, 64));
    fake_little_endian(b, 0, 2);
    fake_little_endian(b, 5, 2);
    fake_little_endian(b, chain.len, 4);
    assert_true(buffer_append_bytes(b, buffer_bytes(&chain)));
}

/* Signs it as it is, into an empty buffer. */
static inline void fake_td_sign(const struct fake_intel *intel, const struct fake_td *td,
                                struct buffer *b)
{
    _cleanup_buffer_ struct buffer signature = buffer_up_to(KIB(16));

    fake_signed_part(td, b);
    fake_signature_data(intel, td, buffer_bytes(b), &signature);
    fake_little_endian(b, signature.len, 4);
    assert_true(buffer_append_bytes(b, buffer_bytes(&signature)));
}

#endif
