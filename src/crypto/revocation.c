/* Reading of revocation lists. */
#include "crypto/revocation.h"
#include "base/alloc.h"
#include "crypto/algorithms.h"
#include "crypto/certificate.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct revocation_list {
    X509_CRL *crl;
    struct buffer der;
    uint64_t number;
    int64_t this_update;
    int64_t next_update;
    int64_t through;
    uint8_t (*serials)[SERIAL_LEN]; /* sorted */
    size_t n;
};

bool revocation_reason_is_valid(int64_t reason)
{
    switch (reason) {
    case REVOKED_UNSPECIFIED:
    case REVOKED_KEY_COMPROMISE:
    case REVOKED_AFFILIATION_CHANGED:
    case REVOKED_SUPERSEDED:
    case REVOKED_CESSATION:
    case REVOKED_PRIVILEGE_WITHDRAWN:
        return true;
    default:
        return false;
    }
}

X509_CRL *x509_crl_exactly(struct bytes der)
{
    const uint8_t *at = der.data;
    uint8_t *again = NULL;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);
    int len = crl ? i2d_X509_CRL(crl, &again) : -1;
    bool whole = len > 0 && bytes_equal(der, bytes_of(again, (size_t)len));

    OPENSSL_free(again);
    ERR_clear_error();
    if (whole)
        return crl;
    X509_CRL_free(crl);
    return NULL;
}

/* ---- extensions of the list ---- */

static struct bytes value_of(X509_EXTENSION *ext)
{
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(ext);

    return bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

/* A DER INTEGER from 1 to INT64_MAX, in the shortest form. */
static bool take_number(struct bytes value, uint64_t *ret)
{
    const uint8_t *at = value.data;
    ASN1_INTEGER *number = d2i_ASN1_INTEGER(NULL, &at, (long)value.len);
    int64_t v = 0;
    bool ok = number && at == value.data + value.len && ASN1_INTEGER_get_int64(&v, number) && v > 0;

    ASN1_INTEGER_free(number);
    *ret = ok ? (uint64_t)v : 0;
    return ok;
}

/* A DER GeneralizedTime of whole seconds, as the making writes it. */
static bool take_through(struct bytes value, int64_t *ret)
{
    const uint8_t *at = value.data;
    uint8_t *again = NULL;
    ASN1_GENERALIZEDTIME *time = d2i_ASN1_GENERALIZEDTIME(NULL, &at, (long)value.len);
    bool ok = time && asn1_time_of(time, ret) && *ret > 0;
    ASN1_GENERALIZEDTIME *ours = ok ? ASN1_GENERALIZEDTIME_set(NULL, (time_t)*ret) : NULL;
    int len = ours ? i2d_ASN1_GENERALIZEDTIME(ours, &again) : -1;

    ok = len > 0 && bytes_equal(value, bytes_of(again, (size_t)len));
    OPENSSL_free(again);
    ASN1_GENERALIZEDTIME_free(ours);
    ASN1_GENERALIZEDTIME_free(time);
    return ok;
}

static bool is_through(const ASN1_OBJECT *object)
{
    ASN1_OBJECT *ours = OBJ_txt2obj(OID_THROUGH, 1);
    bool is = ours && OBJ_cmp(object, ours) == 0;

    ASN1_OBJECT_free(ours);
    return is;
}

/* "If a CRL contains a critical extension that the application cannot process, then the application
 * MUST NOT use that CRL" (RFC 5280, 5.2): a list of changes alone, or of some certificates alone,
 * says so by such an extension. */
static bool take_extensions(struct revocation_list *l)
{
    unsigned n_numbers = 0;
    unsigned n_throughs = 0;

    for (int i = 0; i < X509_CRL_get_ext_count(l->crl); i++) {
        X509_EXTENSION *ext = X509_CRL_get_ext(l->crl, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(ext);
        bool good = !X509_EXTENSION_get_critical(ext);
        if (OBJ_obj2nid(object) == NID_crl_number) {
            good = good && n_numbers++ == 0 && take_number(value_of(ext), &l->number);
        } else if (is_through(object)) {
            good = !good && n_throughs++ == 0 && take_through(value_of(ext), &l->through);
        }
        if (!good)
            return false;
    }
    return n_numbers == 1;
}

/* ---- entries ---- */

/* A reason, once, and nothing critical: such an entry may speak of another issuer's certificate. */
static bool entry_is_plain(const X509_REVOKED *entry)
{
    for (int i = 0; i < X509_REVOKED_get_ext_count(entry); i++)
        if (X509_EXTENSION_get_critical(X509_REVOKED_get_ext(entry, i)))
            return false;
    int critical = -1; /* absent; -2: several */
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &critical, NULL);
    int64_t v = 0;
    bool ok = reason ? ASN1_ENUMERATED_get_int64(&v, reason) && revocation_reason_is_valid(v)
                     : critical == -1;

    ASN1_ENUMERATED_free(reason);
    return ok;
}

static int compare_serials(const void *a, const void *b)
{
    return memcmp(a, b, SERIAL_LEN);
}

static bool take_entries(struct revocation_list *l)
{
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(l->crl);
    int n = entries ? sk_X509_REVOKED_num(entries) : 0; /* absent: none is revoked */
    int64_t at;

    if (n > LIMIT_REVOKED)
        return false;
    l->serials = alloc_zero((size_t)n + 1, SERIAL_LEN);
    for (int i = 0; i < n; i++) {
        const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);
        if (!serial_of(X509_REVOKED_get0_serialNumber(entry), l->serials[i]) ||
            !asn1_time_of(X509_REVOKED_get0_revocationDate(entry), &at) || !entry_is_plain(entry))
            return false;
    }
    l->n = (size_t)n;
    qsort(l->serials, l->n, SERIAL_LEN, compare_serials);
    for (size_t i = 1; i < l->n; i++)
        if (compare_serials(l->serials[i - 1], l->serials[i]) == 0)
            return false;
    return true;
}

/* ---- the list ---- */

static const char *fill(struct revocation_list *l, struct bytes der)
{
    l->crl = x509_crl_exactly(der);
    if (!l->crl || !buffer_append_bytes(&l->der, der))
        return "no DER CRL";
    if (X509_CRL_get_version(l->crl) != X509_CRL_VERSION_2 ||
        X509_CRL_get_signature_nid(l->crl) != NID_ecdsa_with_SHA256)
        return "no CRL v2 signed by ECDSA with SHA-256";
    if (!asn1_time_of(X509_CRL_get0_lastUpdate(l->crl), &l->this_update) ||
        !asn1_time_of(X509_CRL_get0_nextUpdate(l->crl), &l->next_update) ||
        l->next_update <= l->this_update)
        return "no thisUpdate with a later nextUpdate";
    if (!take_extensions(l))
        return "an extension that is missing, unknown and critical, repeated or malformed";
    return take_entries(l) ? NULL : "entries that are too many, repeated or malformed";
}

struct revocation_list *revocation_list_parse(struct bytes der, struct idevs_error *ret_err)
{
    (void)algorithms();
    if (der.len == 0 || der.len > LIMIT_REVOCATION_LIST) {
        (void)refuse(ret_err, "crl.malformed", "%zu bytes", der.len);
        return NULL;
    }
    struct revocation_list *l = alloc_zero(1, sizeof(*l));
    l->der = buffer_up_to(LIMIT_REVOCATION_LIST);
    const char *found = fill(l, der);
    ERR_clear_error();
    if (!found)
        return l;
    revocation_list_free(l);
    (void)refuse(ret_err, "crl.malformed", "%zu bytes: %s", der.len, found);
    return NULL;
}

void revocation_list_free(struct revocation_list *list)
{
    if (!list)
        return;
    X509_CRL_free(list->crl);
    buffer_free(&list->der);
    free(list->serials);
    free(list);
}

bool revocation_list_is_by(const struct revocation_list *list, const struct certificate *issuer)
{
    bool is =
        X509_NAME_cmp(X509_CRL_get_issuer(list->crl), X509_get_subject_name(issuer->x509)) == 0 &&
        (X509_get_key_usage(issuer->x509) & KU_CRL_SIGN) &&
        X509_CRL_verify(list->crl, X509_get0_pubkey(issuer->x509)) == 1;

    ERR_clear_error();
    return is;
}

struct bytes revocation_list_der(const struct revocation_list *list)
{
    return buffer_bytes(&list->der);
}

uint64_t revocation_list_number(const struct revocation_list *list)
{
    return list->number;
}

int64_t revocation_list_this_update(const struct revocation_list *list)
{
    return list->this_update;
}

int64_t revocation_list_next_update(const struct revocation_list *list)
{
    return list->next_update;
}

int64_t revocation_list_through(const struct revocation_list *list)
{
    return list->through;
}

size_t revocation_list_count(const struct revocation_list *list)
{
    return list->n;
}

bool revocation_list_revokes(const struct revocation_list *list, const struct certificate *c)
{
    uint8_t serial[SERIAL_LEN];

    if (certificate_not_before(c) <= list->through || !certificate_serial(c, serial))
        return true;
    return bsearch(serial, list->serials, list->n, SERIAL_LEN, compare_serials) != NULL;
}
