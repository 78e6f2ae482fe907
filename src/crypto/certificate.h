/* What struct certificate holds. Internal to src/crypto. */
#ifndef IDEVS_CRYPTO_CERTIFICATE_H
#define IDEVS_CRYPTO_CERTIFICATE_H

#include "crypto/x509.h"

#include <openssl/x509.h>

struct certificate {
    X509 *x509;
    uint8_t *der;
    size_t der_len;
    uint8_t sha256[SHA256_LEN];
    int64_t not_before;
    int64_t not_after;
    struct public_key *key; /* NULL: not P-256 */
};

/* Exactly one DER list, whose encoding again is the same bytes; NULL otherwise. */
X509_CRL *x509_crl_exactly(struct bytes der);
/* False for an integer that is negative, zero or longer. */
bool serial_of(const ASN1_INTEGER *number, uint8_t ret[SERIAL_LEN]) _must_check_;

/* Seconds since 1970; false for what is no time. */
bool asn1_time_of(const ASN1_TIME *at, int64_t *ret) _must_check_;

#define OID_CMW         "1.3.6.1.5.5.7.1.35"                           /* id-pe-cmw, RFC 9999 */
#define OID_THROUGH     "2.25.206407239927014070764171475966163713373" /* ours (X.667) */
#define OID_ATTESTATION "1.2.840.113549.1.9.16.2.59"                   /* id-aa-attestation */

#endif
