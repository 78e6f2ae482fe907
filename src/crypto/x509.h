/* X.509 in the project's profile (docs/certificates.md): P-256, ECDSA-SHA256, RFC 5280 paths. */
#ifndef IDEVS_CRYPTO_X509_H
#define IDEVS_CRYPTO_X509_H

#include "base/limits.h"
#include "crypto/digest.h"
#include "crypto/key.h"

struct certificate; /* parsed, immutable, owns its DER */

/* Exactly one DER certificate without trailing bytes, at most LIMIT_CERTIFICATE. Refuses
 * `certificate.malformed`. */
struct certificate *certificate_parse(struct bytes der, struct idevs_error *ret_err);
void certificate_free(struct certificate *c);
DEFINE_CLEANUP(struct certificate *, certificate_free)
#define _cleanup_certificate_ _cleanup_(certificate_freep)

struct bytes certificate_der(const struct certificate *c);
void certificate_sha256(const struct certificate *c, uint8_t ret[SHA256_LEN]);
int64_t certificate_not_before(const struct certificate *c);
int64_t certificate_not_after(const struct certificate *c);
bool certificate_is_self_signed(const struct certificate *c) _must_check_;
/* Signed by the key of `issuer`, whose name it has as issuer's. Says nothing of validity. */
bool certificate_is_by(const struct certificate *c, const struct certificate *issuer) _must_check_;
#define SERIAL_LEN 20 /* RFC 5280, 4.1.2.2: at most */
/* Big endian, zeros in front; false for a serial that is negative, zero or longer. */
bool certificate_serial(const struct certificate *c, uint8_t ret[SERIAL_LEN]) _must_check_;
const struct public_key *certificate_public_key(const struct certificate *c); /* NULL: not P-256 */
bool certificate_is_for(const struct certificate *c, const struct key *key) _must_check_;
/* The only SAN URI; false when there is none or another SAN. */
bool certificate_uri(const struct certificate *c, char *ret, size_t size) _must_check_;
/* True when a SAN dNSName or iPAddress matches the host of `authority` (RFC 6125, no CN, no
 * wildcards across labels). */
bool certificate_names_host(const struct certificate *c, const char *authority) _must_check_;
/* The CMW in id-pe-cmw (OCTET STRING choice); points into the certificate. */
bool certificate_cmw(const struct certificate *c, struct bytes *ret) _must_check_;
/* Serial, subject and issuer as text, for people. */
void certificate_describe(const struct certificate *c, char *ret, size_t size);

/* A chain: leaf first, then the others in any number up to LIMIT_CHAIN. */
struct chain {
    struct certificate *at[LIMIT_CHAIN];
    size_t n;
};
void chain_free(struct chain *chain);
#define _cleanup_chain_ _cleanup_(chain_free)
/* PEM blocks CERTIFICATE, at least one; anything but white space between them is refused. */
bool chain_from_pem(struct bytes pem, struct chain *ret, struct idevs_error *ret_err) _must_check_;
bool chain_to_pem(const struct chain *chain, struct buffer *b) _must_check_;

enum chain_purpose {
    CHAIN_PROGRAM, /* EKU clientAuth, SAN URI, id-pe-cmw, keyUsage digitalSignature */
    CHAIN_SERVICE, /* EKU serverAuth or none, digitalSignature */
};
/* RFC 5280 path from chain->at[0] over the others to one of the anchors (DER), at time `now`. A
 * self-signed anchor or an intermediate given as anchor both end the path. Refuses
 * `certificate.chain`, `certificate.expired`, `certificate.malformed`. */
bool chain_verify(const struct chain *chain, const struct bytes *anchors, size_t n_anchors,
                  enum chain_purpose purpose, int64_t now,
                  struct idevs_error *ret_err) _must_check_;

/* ---- making certificates (authority's signer, tests, demo credentials) ---- */
struct certificate_fields {
    const char *subject; /* common name */
    const uint8_t *spki; /* SPKI_LEN bytes: whose certificate */
    int64_t not_before;
    int64_t not_after;
    bool is_ca;
    int path_length; /* of a CA */
    unsigned
        key_usage; /* of a leaf: the bit of RFC 5280, 4.2.1.3; 0, the usual: digitalSignature */
    bool client_auth;
    bool server_auth;
    const char *uri;  /* SAN URI or NULL */
    const char *host; /* SAN dNSName or iPAddress, or NULL */
    struct bytes cmw; /* id-pe-cmw, or empty */
};
/* Signs with `issuer_key` as `issuer` (NULL: self-signed, the key of `fields->spki`). Random
 * 128-bit serial. DER appended. */
bool certificate_make(const struct certificate_fields *fields, const struct certificate *issuer,
                      const struct key *issuer_key, struct buffer *b) _must_check_;

/* PKCS#10 with the evidence CMW in attribute id-aa-attestation (1.2.840.113549.1.9.16.2.59), and
 * its strict reading: self-signature verified, P-256, exactly that attribute, no trailing bytes. */
bool csr_make(const struct key *key, const char *subject, struct bytes evidence_cmw,
              struct buffer *b) _must_check_;
struct csr {
    uint8_t spki[SPKI_LEN];
    struct bytes evidence_cmw; /* points into the DER given */
};
bool csr_parse(struct bytes der, struct csr *ret, struct idevs_error *ret_err) _must_check_;

#endif
