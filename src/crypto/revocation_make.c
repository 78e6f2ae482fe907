/* Making of revocation lists: field by field, from values that the signer checked. */
#include "crypto/algorithms.h"
#include "crypto/certificate.h"
#include "crypto/handles.h"
#include "crypto/revocation.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static bool fields_are_valid(const struct revocation_fields *f)
{
    if (f->number == 0 || f->number > INT64_MAX || f->next_update <= f->this_update ||
        f->through < 0 || f->n_revoked > LIMIT_REVOKED)
        return false;
    for (size_t i = 1; i < f->n_revoked; i++)
        if (memcmp(f->revoked[i - 1].serial, f->revoked[i].serial, SERIAL_LEN) >= 0)
            return false;
    return true;
}

static bool set_times(X509_CRL *crl, const struct revocation_fields *f)
{
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)f->this_update);
    ASN1_TIME *to = ASN1_TIME_set(NULL, (time_t)f->next_update);
    bool ok =
        from && to && X509_CRL_set1_lastUpdate(crl, from) && X509_CRL_set1_nextUpdate(crl, to);

    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return ok;
}

/* ---- extensions ---- */

static bool add_number(X509_CRL *crl, uint64_t number)
{
    ASN1_INTEGER *v = ASN1_INTEGER_new();
    bool ok = v && ASN1_INTEGER_set_uint64(v, number) &&
              X509_CRL_add1_ext_i2d(crl, NID_crl_number, v, 0, X509V3_ADD_DEFAULT) == 1;

    ASN1_INTEGER_free(v);
    return ok;
}

static bool add_key_id(X509_CRL *crl, const struct certificate *issuer)
{
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(issuer->x509);
    AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();

    if (akid && id)
        akid->keyid = ASN1_OCTET_STRING_dup(id);
    bool ok =
        akid && akid->keyid &&
        X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, akid, 0, X509V3_ADD_DEFAULT) == 1;

    AUTHORITY_KEYID_free(akid);
    return ok;
}

static bool add_through(X509_CRL *crl, int64_t through)
{
    if (through == 0)
        return true;
    uint8_t *der = NULL;
    ASN1_OBJECT *oid = OBJ_txt2obj(OID_THROUGH, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_GENERALIZEDTIME *time = ASN1_GENERALIZEDTIME_set(NULL, (time_t)through);
    int len = time ? i2d_ASN1_GENERALIZEDTIME(time, &der) : -1;
    bool ok = oid && value && len > 0 && ASN1_OCTET_STRING_set(value, der, len);
    X509_EXTENSION *ext = ok ? X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value) : NULL;
    ok = ext && X509_CRL_add_ext(crl, ext, -1);

    X509_EXTENSION_free(ext);
    ASN1_GENERALIZEDTIME_free(time);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
    OPENSSL_free(der);
    return ok;
}

/* ---- entries ---- */

static bool set_serial(X509_REVOKED *entry, const uint8_t serial[SERIAL_LEN])
{
    BIGNUM *n = BN_bin2bn(serial, SERIAL_LEN, NULL);
    ASN1_INTEGER *v = n && !BN_is_zero(n) ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
    bool ok = v && X509_REVOKED_set_serialNumber(entry, v);

    ASN1_INTEGER_free(v);
    BN_free(n);
    return ok;
}

static bool set_date(X509_REVOKED *entry, int64_t at)
{
    ASN1_TIME *v = ASN1_TIME_set(NULL, (time_t)at);
    bool ok = v && X509_REVOKED_set_revocationDate(entry, v);

    ASN1_TIME_free(v);
    return ok;
}

/* "the reason code CRL entry extension SHOULD be absent instead of using the unspecified (0)"
 * (RFC 5280, 5.3.1). */
static bool set_reason(X509_REVOKED *entry, enum revocation_reason reason)
{
    if (reason == REVOKED_UNSPECIFIED)
        return true;
    ASN1_ENUMERATED *v = ASN1_ENUMERATED_new();
    bool ok = v && revocation_reason_is_valid(reason) && ASN1_ENUMERATED_set(v, (long)reason) &&
              X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, v, 0, X509V3_ADD_DEFAULT) == 1;

    ASN1_ENUMERATED_free(v);
    return ok;
}

static bool add_entries(X509_CRL *crl, const struct revocation_fields *f)
{
    for (size_t i = 0; i < f->n_revoked; i++) {
        const struct revoked *r = &f->revoked[i];
        X509_REVOKED *entry = X509_REVOKED_new();
        if (!entry || !set_serial(entry, r->serial) || !set_date(entry, r->at) ||
            !set_reason(entry, r->reason) || !X509_CRL_add0_revoked(crl, entry)) {
            X509_REVOKED_free(entry);
            return false;
        }
    }
    return true;
}

static bool build(X509_CRL *crl, const struct revocation_fields *f,
                  const struct certificate *issuer)
{
    return X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
           X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x509)) &&
           set_times(crl, f) && add_key_id(crl, issuer) && add_number(crl, f->number) &&
           add_through(crl, f->through) && add_entries(crl, f);
}

bool revocation_list_make(const struct revocation_fields *fields, const struct certificate *issuer,
                          const struct key *key, struct buffer *b)
{
    uint8_t *der = NULL;

    if (!fields_are_valid(fields) || !certificate_is_for(issuer, key))
        return false;
    X509_CRL *crl = X509_CRL_new();
    if (!crl)
        crypto_is_broken();
    bool ok = build(crl, fields, issuer) && X509_CRL_sign(crl, key->pkey, algorithms()->sha256) > 0;
    int len = ok ? i2d_X509_CRL(crl, &der) : -1;
    ok = len > 0 && (size_t)len <= LIMIT_REVOCATION_LIST && buffer_append(b, der, (size_t)len);
    OPENSSL_free(der);
    X509_CRL_free(crl);
    ERR_clear_error();
    return ok;
}
