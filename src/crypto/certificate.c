#include "crypto/certificate.h"
#include "base/alloc.h"
#include "base/text.h"
#include "crypto/algorithms.h"
#include "crypto/der.h"
#include "crypto/vendor.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const uint8_t CMW_OID[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x23};

bool asn1_time_of(const ASN1_TIME *at, int64_t *ret)
{
    struct tm tm;

    if (!at || !ASN1_TIME_to_tm(at, &tm))
        return false;
    *ret = (int64_t)timegm(&tm);
    return true;
}

/* NULL when the key is none of ours; that is for the caller to judge. */
static struct public_key *public_key_in(const X509 *x509)
{
    uint8_t *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
    struct public_key *key = len > 0 ? public_key_from_spki(bytes_of(der, (size_t)len)) : NULL;

    OPENSSL_free(der);
    return key;
}

/* OpenSSL reads some BER, and stops before trailing bytes: what it writes again must be all that it
 * was given. */
static X509 *parse_exactly(struct bytes der)
{
    const uint8_t *at = der.data;
    uint8_t *again = NULL;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    int len = x509 ? i2d_X509(x509, &again) : -1;
    bool whole = len > 0 && bytes_equal(der, bytes_of(again, (size_t)len));
    OPENSSL_free(again);
    ERR_clear_error();
    if (whole)
        return x509;
    X509_free(x509);
    return NULL;
}

static bool fill(struct certificate *c, struct bytes der)
{
    c->x509 = parse_exactly(der);
    /* X509_check_purpose() with -1 only reads the extensions, which a bad one makes invalid. */
    if (!c->x509 || X509_check_purpose(c->x509, -1, 0) != 1 ||
        (X509_get_extension_flags(c->x509) & EXFLAG_INVALID) ||
        !asn1_time_of(X509_get0_notBefore(c->x509), &c->not_before) ||
        !asn1_time_of(X509_get0_notAfter(c->x509), &c->not_after))
        return false;
    c->der = alloc_zero(1, der.len);
    memcpy(c->der, der.data, der.len);
    c->der_len = der.len;
    sha256(der, c->sha256);
    c->key = public_key_in(c->x509);
    return true;
}

struct certificate *certificate_parse(struct bytes der, struct idevs_error *ret_err)
{
    (void)algorithms();
    if (der.len == 0 || der.len > LIMIT_CERTIFICATE) {
        (void)refuse(ret_err, "certificate.malformed", "%zu bytes", der.len);
        return NULL;
    }
    struct certificate *c = alloc_zero(1, sizeof(*c));
    if (fill(c, der))
        return c;
    certificate_free(c);
    (void)refuse(ret_err, "certificate.malformed", "%zu bytes that are not one DER certificate",
                 der.len);
    return NULL;
}

void certificate_free(struct certificate *c)
{
    if (!c)
        return;
    X509_free(c->x509);
    public_key_free(c->key);
    free(c->der);
    free(c);
}

struct bytes certificate_der(const struct certificate *c)
{
    return bytes_of(c->der, c->der_len);
}

void certificate_sha256(const struct certificate *c, uint8_t ret[SHA256_LEN])
{
    memcpy(ret, c->sha256, SHA256_LEN);
}

bool certificate_is_for(const struct certificate *c, const struct key *key)
{
    uint8_t ours[SPKI_LEN];
    uint8_t theirs[SPKI_LEN];

    if (!c->key)
        return false;
    key_spki(key, ours);
    public_key_spki(c->key, theirs);
    return memcmp(ours, theirs, SPKI_LEN) == 0;
}

int64_t certificate_not_before(const struct certificate *c)
{
    return c->not_before;
}

int64_t certificate_not_after(const struct certificate *c)
{
    return c->not_after;
}

/* By its names and key identifiers; who trusts it checks the signature. */
bool certificate_is_self_signed(const struct certificate *c)
{
    return (X509_get_extension_flags(c->x509) & EXFLAG_SS) != 0;
}

bool certificate_is_by(const struct certificate *c, const struct certificate *issuer)
{
    bool is = X509_check_issued(issuer->x509, c->x509) == X509_V_OK &&
              X509_verify(c->x509, X509_get0_pubkey(issuer->x509)) == 1;

    ERR_clear_error();
    return is;
}

bool serial_of(const ASN1_INTEGER *number, uint8_t ret[SERIAL_LEN])
{
    const uint8_t *data = ASN1_STRING_get0_data(number);
    size_t len = (size_t)ASN1_STRING_length(number);

    if (ASN1_STRING_type(number) != V_ASN1_INTEGER || len == 0 || len > SERIAL_LEN || data[0] == 0)
        return false;
    memset(ret, 0, SERIAL_LEN - len);
    memcpy(ret + SERIAL_LEN - len, data, len);
    return true;
}

bool certificate_serial(const struct certificate *c, uint8_t ret[SERIAL_LEN])
{
    return serial_of(X509_get0_serialNumber(c->x509), ret);
}

const struct public_key *certificate_public_key(const struct certificate *c)
{
    return c->key;
}

/* A URI of visible ASCII without NUL, so that text comparison sees all of it. */
static bool copy_uri(const GENERAL_NAME *name, char *ret, size_t size)
{
    if (name->type != GEN_URI)
        return false;
    const uint8_t *data = ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
    size_t len = (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier);
    if (len == 0 || len >= size)
        return false;
    for (size_t i = 0; i < len; i++)
        if (data[i] <= 0x20 || data[i] >= 0x7f)
            return false;
    memcpy(ret, data, len);
    ret[len] = 0;
    return true;
}

bool certificate_uri(const struct certificate *c, char *ret, size_t size)
{
    /* NULL when absent, repeated or malformed. */
    GENERAL_NAMES *names = X509_get_ext_d2i(c->x509, NID_subject_alt_name, NULL, NULL);
    bool ok = names && sk_GENERAL_NAME_num(names) == 1 &&
              copy_uri(sk_GENERAL_NAME_value(names, 0), ret, size);

    GENERAL_NAMES_free(names);
    return ok;
}

bool certificate_names_host(const struct certificate *c, const char *authority)
{
    char host[LIMIT_AUTHORITY + 1];
    const unsigned flags =
        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

    /* a dot in front would mean "any below" */
    if (!authority_host(authority, host, sizeof(host)) || host[0] == '.')
        return false;
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
    bool is_address = address != NULL;
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    return (is_address ? X509_check_ip_asc(c->x509, host, 0)
                       : X509_check_host(c->x509, host, strlen(host), flags, NULL)) == 1;
}

bool certificate_extension(const struct certificate *c, struct bytes oid, struct bytes *ret)
{
    size_t found = 0;

    for (int i = 0; i < X509_get_ext_count(c->x509); i++) {
        X509_EXTENSION *ext = X509_get_ext(c->x509, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(ext);
        if (!bytes_equal(oid, bytes_of(OBJ_get0_data(object), OBJ_length(object))))
            continue;
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(ext);
        *ret = bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
        found++;
    }
    return found == 1;
}

bool certificate_cmw(const struct certificate *c, struct bytes *ret)
{
    struct bytes value;
    struct bytes cmw;

    if (!certificate_extension(c, bytes_of(CMW_OID, sizeof(CMW_OID)), &value))
        return false;
    struct reader r = reader_of(value);
    if (!der_take(&r, DER_OCTETS, &cmw) || reader_left(&r) || cmw.len == 0)
        return false;
    *ret = cmw;
    return true;
}

bool certificate_common_name(const struct certificate *c, char *ret, size_t size)
{
    uint8_t *utf8 = NULL;
    const X509_NAME *name = X509_get_subject_name(c->x509);
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

    if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
        return false;
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    bool fits = len > 0 && (size_t)len < size && !memchr(utf8, 0, (size_t)len);
    if (fits) {
        memcpy(ret, utf8, (size_t)len);
        ret[len] = 0;
    }
    OPENSSL_free(utf8);
    ERR_clear_error();
    return fits;
}

void certificate_describe(const struct certificate *c, char *ret, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (!bio)
        crypto_is_broken();
    BIO_puts(bio, "serial ");
    i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(c->x509));
    BIO_puts(bio, ", subject ");
    X509_NAME_print_ex(bio, X509_get_subject_name(c->x509), 0, XN_FLAG_RFC2253);
    BIO_puts(bio, ", issuer ");
    X509_NAME_print_ex(bio, X509_get_issuer_name(c->x509), 0, XN_FLAG_RFC2253);
    long len = BIO_get_mem_data(bio, &text);
    snprintf(ret, size, "%.*s", (int)len, text);
    BIO_free(bio);
}
