/* PKCS#10 (RFC 2986) with evidence. What is made, and all that is read:
 *
 *   CertificationRequest ::= SEQUENCE {
 *     SEQUENCE {
 *       INTEGER 0, subject Name (not read), SubjectPublicKeyInfo of a P-256 key (91 bytes),
 *       [0] { SEQUENCE { OID 1.2.840.113549.1.9.16.2.59, SET { OCTET STRING (CMW bytes) } } } },
 *     SEQUENCE { OID ecdsa-with-SHA256 }, BIT STRING (DER signature) } */
#include "crypto/algorithms.h"
#include "crypto/certificate.h"
#include "crypto/der.h"
#include "crypto/handles.h"

#include <openssl/err.h>

static const uint8_t VERSION[] = {0x02, 0x01, 0x00};
static const uint8_t ATTESTATION[] = {0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                      0x0d, 0x01, 0x09, 0x10, 0x02, 0x3b};
static const uint8_t ECDSA_SHA256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                       0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

static bool set_subject(X509_REQ *req, const char *subject)
{
    X509_NAME *name = X509_REQ_get_subject_name(req);

    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)subject, -1, -1, 0);
}

static bool set_evidence(X509_REQ *req, struct bytes cmw)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(OID_ATTESTATION, 1);
    bool ok =
        oid && X509_REQ_add1_attr_by_OBJ(req, oid, V_ASN1_OCTET_STRING, cmw.data, (int)cmw.len);

    ASN1_OBJECT_free(oid);
    return ok;
}

bool csr_make(const struct key *key, const char *subject, struct bytes evidence_cmw,
              struct buffer *b)
{
    uint8_t *der = NULL;
    X509_REQ *req = X509_REQ_new();

    if (!req)
        crypto_is_broken();
    bool ok = evidence_cmw.len > 0 && evidence_cmw.len <= LIMIT_EVIDENCE &&
              X509_REQ_set_version(req, X509_REQ_VERSION_1) && set_subject(req, subject) &&
              X509_REQ_set_pubkey(req, key->pkey) && set_evidence(req, evidence_cmw) &&
              X509_REQ_sign(req, key->pkey, algorithms()->sha256) > 0;
    int len = ok ? i2d_X509_REQ(req, &der) : -1;
    ok = len > 0 && (size_t)len <= LIMIT_CSR && buffer_append(b, der, (size_t)len);
    OPENSSL_free(der);
    X509_REQ_free(req);
    ERR_clear_error();
    return ok;
}

/* The contents of [0]: exactly the one attribute with its one value. */
static bool take_evidence(struct bytes attributes, struct bytes *ret)
{
    struct reader r = reader_of(attributes);
    struct bytes attribute;
    struct bytes values;

    if (!der_take(&r, DER_SEQUENCE, &attribute) || reader_left(&r))
        return false;
    r = reader_of(attribute);
    if (!der_take_exactly(&r, ATTESTATION, sizeof(ATTESTATION)) ||
        !der_take(&r, DER_SET, &values) || reader_left(&r))
        return false;
    r = reader_of(values);
    return der_take(&r, DER_OCTETS, ret) && reader_left(&r) == 0 && ret->len > 0 &&
           ret->len <= LIMIT_EVIDENCE;
}

static bool take_info(struct bytes info, struct csr *ret)
{
    struct reader r = reader_of(info);
    struct bytes subject;
    struct bytes spki;
    struct bytes attributes;

    if (!der_take(&r, DER_SEQUENCE, &info) || reader_left(&r))
        return false;
    r = reader_of(info);
    if (!der_take_exactly(&r, VERSION, sizeof(VERSION)) || !der_take(&r, DER_SEQUENCE, &subject) ||
        !der_take_whole(&r, DER_SEQUENCE, &spki) || spki.len != SPKI_LEN ||
        !der_take(&r, DER_0, &attributes) || reader_left(&r))
        return false;
    memcpy(ret->spki, spki.data, SPKI_LEN);
    return take_evidence(attributes, &ret->evidence_cmw);
}

/* Splits the request into what is signed and its signature. */
static bool take_outer(struct bytes der, struct bytes *ret_info, struct bytes *ret_signature)
{
    struct reader r = reader_of(der);
    struct bytes outer;
    struct bytes bits;
    uint8_t unused;

    if (!der_take(&r, DER_SEQUENCE, &outer) || reader_left(&r))
        return false;
    r = reader_of(outer);
    if (!der_take_whole(&r, DER_SEQUENCE, ret_info) ||
        !der_take_exactly(&r, ECDSA_SHA256, sizeof(ECDSA_SHA256)) ||
        !der_take(&r, DER_BITS, &bits) || reader_left(&r))
        return false;
    r = reader_of(bits);
    return reader_u8(&r, &unused) && unused == 0 &&
           reader_bytes(&r, reader_left(&r), ret_signature);
}

bool csr_parse(struct bytes der, struct csr *ret, struct idevs_error *ret_err)
{
    struct bytes info;
    struct bytes signature;
    struct csr made;

    if (der.len > LIMIT_CSR)
        return refuse(ret_err, "csr.malformed", "%zu bytes", der.len);
    if (!take_outer(der, &info, &signature) || !take_info(info, &made))
        return refuse(ret_err, "csr.malformed", "%zu bytes of another shape", der.len);
    _cleanup_public_key_ struct public_key *key =
        public_key_from_spki(bytes_of(made.spki, SPKI_LEN));
    if (!key)
        return refuse(ret_err, "csr.malformed", "a key that is not P-256");
    bool ok = public_key_verify_der(key, info, signature);
    ERR_clear_error();
    if (!ok)
        return refuse(ret_err, "csr.malformed", "a signature that does not verify");
    *ret = made;
    return true;
}
