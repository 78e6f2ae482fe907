/* Making of certificates: field by field, from values that the caller checked. */
#include "crypto/algorithms.h"
#include "crypto/certificate.h"
#include "crypto/handles.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define OWN_SERIAL_LEN 16
#define KEY_ID_LEN     20

static void x509_freep(X509 **p)
{
    X509_free(*p);
}
#define _cleanup_x509_ _cleanup_(x509_freep)

/* 128 random bits; the first two are 01, so it is positive and always of the same length. */
static bool set_serial(X509 *x)
{
    uint8_t raw[OWN_SERIAL_LEN];

    random_bytes(raw, sizeof(raw));
    raw[0] = (uint8_t)((raw[0] & 0x3f) | 0x40);
    BIGNUM *n = BN_bin2bn(raw, sizeof(raw), NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

static bool set_names(X509 *x, const char *subject, const struct certificate *issuer)
{
    X509_NAME *name = X509_get_subject_name(x);

    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)subject, -1, -1, 0) &&
           X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer->x509) : name);
}

static bool add(X509 *x, int nid, void *value, bool critical)
{
    return value && X509_add1_ext_i2d(x, nid, value, critical, X509V3_ADD_DEFAULT) == 1;
}

static bool add_basic_constraints(X509 *x, const struct certificate_fields *f)
{
    BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();

    if (!bc)
        return false;
    if (f->is_ca) {
        bc->ca = 1;
        bc->pathlen = ASN1_INTEGER_new();
    }
    bool ok = (!f->is_ca || (bc->pathlen && ASN1_INTEGER_set(bc->pathlen, f->path_length))) &&
              add(x, NID_basic_constraints, bc, true);
    BASIC_CONSTRAINTS_free(bc);
    return ok;
}

static bool add_key_usage(X509 *x, const struct certificate_fields *f)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool ok = bits &&
              (f->is_ca ? ASN1_BIT_STRING_set_bit(bits, 5, 1) && ASN1_BIT_STRING_set_bit(bits, 6, 1)
                        : ASN1_BIT_STRING_set_bit(bits, (int)f->key_usage, 1)) &&
              add(x, NID_key_usage, bits, true);

    ASN1_BIT_STRING_free(bits);
    return ok;
}

static bool add_purposes(X509 *x, const struct certificate_fields *f)
{
    if (!f->client_auth && !f->server_auth)
        return true;
    EXTENDED_KEY_USAGE *eku = EXTENDED_KEY_USAGE_new();
    bool ok = eku && (!f->client_auth || sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(NID_client_auth))) &&
              (!f->server_auth || sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(NID_server_auth))) &&
              add(x, NID_ext_key_usage, eku, false);

    EXTENDED_KEY_USAGE_free(eku);
    return ok;
}

/* RFC 7093, 2, method 1: the first 160 bits of the SHA-256 of the point. */
static ASN1_OCTET_STRING *key_id_of(const uint8_t spki[SPKI_LEN])
{
    uint8_t hash[SHA256_LEN];
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();

    sha256(bytes_of(spki + SPKI_LEN - P256_POINT_LEN, P256_POINT_LEN), hash);
    if (!id || !ASN1_OCTET_STRING_set(id, hash, KEY_ID_LEN))
        crypto_is_broken();
    return id;
}

static bool add_key_ids(X509 *x, const struct certificate_fields *f,
                        const struct certificate *issuer)
{
    ASN1_OCTET_STRING *own = key_id_of(f->spki);
    const ASN1_OCTET_STRING *above = issuer ? X509_get0_subject_key_id(issuer->x509) : own;
    AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();
    bool ok = akid && add(x, NID_subject_key_identifier, own, false);

    if (ok && above) { /* an issuer of another make may have none */
        akid->keyid = ASN1_OCTET_STRING_dup(above);
        ok = akid->keyid && add(x, NID_authority_key_identifier, akid, false);
    }
    AUTHORITY_KEYID_free(akid);
    ASN1_OCTET_STRING_free(own);
    return ok;
}

static bool push_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
    GENERAL_NAME *name = value ? GENERAL_NAME_new() : NULL;

    if (!name) {
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name))
        return true;
    GENERAL_NAME_free(name);
    return false;
}

static ASN1_STRING *ia5(const char *text)
{
    ASN1_STRING *s = ASN1_IA5STRING_new();

    if (s && ASN1_STRING_set(s, text, -1))
        return s;
    ASN1_STRING_free(s);
    return NULL;
}

static bool push_host(GENERAL_NAMES *names, const char *host)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);

    ERR_clear_error();
    return address ? push_name(names, GEN_IPADD, address) : push_name(names, GEN_DNS, ia5(host));
}

static bool add_alternative_names(X509 *x, const struct certificate_fields *f)
{
    if (!f->uri && !f->host)
        return true;
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool ok = names && (!f->uri || push_name(names, GEN_URI, ia5(f->uri))) &&
              (!f->host || push_host(names, f->host)) && add(x, NID_subject_alt_name, names, false);

    GENERAL_NAMES_free(names);
    return ok;
}

/* extnValue holds the DER of CMW ::= CHOICE { json UTF8String, cbor OCTET STRING }: the latter. */
static bool add_cmw(X509 *x, struct bytes cmw)
{
    if (cmw.len == 0)
        return true;
    uint8_t *der = NULL;
    ASN1_OBJECT *oid = OBJ_txt2obj(OID_CMW, 1);
    ASN1_OCTET_STRING *inner = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING *outer = ASN1_OCTET_STRING_new();
    bool ok = oid && inner && outer && ASN1_OCTET_STRING_set(inner, cmw.data, (int)cmw.len);
    int len = ok ? i2d_ASN1_OCTET_STRING(inner, &der) : -1;
    ok = len > 0 && ASN1_OCTET_STRING_set(outer, der, len);
    X509_EXTENSION *ext = ok ? X509_EXTENSION_create_by_OBJ(NULL, oid, 0, outer) : NULL;
    ok = ext && X509_add_ext(x, ext, -1);

    X509_EXTENSION_free(ext);
    OPENSSL_free(der);
    ASN1_OCTET_STRING_free(outer);
    ASN1_OCTET_STRING_free(inner);
    ASN1_OBJECT_free(oid);
    return ok;
}

static bool build(X509 *x, const struct certificate_fields *f, const struct certificate *issuer)
{
    _cleanup_public_key_ struct public_key *key = public_key_from_spki(bytes_of(f->spki, SPKI_LEN));

    return key && f->cmw.len <= LIMIT_CERTIFICATE && X509_set_version(x, X509_VERSION_3) &&
           set_serial(x) && set_names(x, f->subject, issuer) &&
           ASN1_TIME_set(X509_getm_notBefore(x), (time_t)f->not_before) &&
           ASN1_TIME_set(X509_getm_notAfter(x), (time_t)f->not_after) &&
           X509_set_pubkey(x, key->pkey) && add_basic_constraints(x, f) && add_key_usage(x, f) &&
           add_purposes(x, f) && add_key_ids(x, f, issuer) && add_alternative_names(x, f) &&
           add_cmw(x, f->cmw);
}

/* A key that is not the issuer's would make a certificate that nobody can verify. */
static bool is_issuers_key(const struct certificate_fields *f, const struct certificate *issuer,
                           const struct key *key)
{
    if (!issuer)
        return memcmp(f->spki, key->spki, SPKI_LEN) == 0;
    return issuer->key && memcmp(issuer->key->spki, key->spki, SPKI_LEN) == 0;
}

bool certificate_make(const struct certificate_fields *fields, const struct certificate *issuer,
                      const struct key *issuer_key, struct buffer *b)
{
    uint8_t *der = NULL;
    _cleanup_x509_ X509 *x = X509_new();

    if (!x)
        crypto_is_broken();
    bool ok = is_issuers_key(fields, issuer, issuer_key) && build(x, fields, issuer) &&
              X509_sign(x, issuer_key->pkey, algorithms()->sha256) > 0;
    int len = ok ? i2d_X509(x, &der) : -1;
    ok = len > 0 && (size_t)len <= LIMIT_CERTIFICATE && buffer_append(b, der, (size_t)len);
    OPENSSL_free(der);
    ERR_clear_error();
    return ok;
}
