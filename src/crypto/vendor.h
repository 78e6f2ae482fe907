/* Keys, certificates and revocation lists of hardware makers: P-384 and RSA beside our own P-256,
 * and chains that the profile of docs/certificates.md would not take. Only verifiers of evidence
 * use this; a program's or a service's certificate never comes here. */
#ifndef IDEVS_CRYPTO_VENDOR_H
#define IDEVS_CRYPTO_VENDOR_H

#include "crypto/x509.h"

/* ---- keys ---- */

enum vendor_scheme {
    VENDOR_ES256 = 1, /* ECDSA P-256, SHA-256; signature r || s, 64 bytes, big endian */
    VENDOR_ES384,     /* ECDSA P-384, SHA-384; 96 bytes */
    VENDOR_RS256,     /* RSASSA-PKCS1-v1_5 with SHA-256 */
    VENDOR_RS384,
    VENDOR_PS256, /* RSASSA-PSS with SHA-256, MGF1 with the same, salt as long as the digest */
    VENDOR_PS384,
};

enum vendor_curve {
    VENDOR_P256 = 1,
    VENDOR_P384,
};

struct vendor_key; /* an EC key on one of the two curves, or RSA of 2048 to 4096 bits */

/* NULL: a key of another kind or size. */
struct vendor_key *vendor_key_of(const struct certificate *c);
struct vendor_key *vendor_key_from_spki(struct bytes der);
/* `xy`: two coordinates, big endian, each as long as the curve's field; NULL: not on the curve. */
struct vendor_key *vendor_key_from_point(enum vendor_curve curve, struct bytes xy);
/* `modulus` big endian; NULL: a size or exponent that no maker uses. */
struct vendor_key *vendor_key_from_rsa(struct bytes modulus, uint32_t exponent);
void vendor_key_free(struct vendor_key *key); /* takes NULL */
DEFINE_CLEANUP(struct vendor_key *, vendor_key_free)
#define _cleanup_vendor_key_ _cleanup_(vendor_key_freep)

bool vendor_key_equal(const struct vendor_key *a, const struct vendor_key *b) _must_check_;
/* False also where the key is not of the scheme's kind, or the signature not of its length. */
bool vendor_key_verify(const struct vendor_key *key, enum vendor_scheme scheme,
                       struct bytes message, struct bytes signature) _must_check_;

/* ---- certificates ---- */

/* The contents of the only extension with that OID (its DER contents octets); points into the
 * certificate. */
bool certificate_extension(const struct certificate *c, struct bytes oid,
                           struct bytes *ret) _must_check_;
/* The common name of the subject as UTF-8 (at most size - 1 bytes); false: none, several, or too
 * long. */
bool certificate_common_name(const struct certificate *c, char *ret, size_t size) _must_check_;

/* ---- revocation lists ---- */

struct crl; /* parsed, immutable */

/* Exactly one DER CRL without trailing bytes, at most LIMIT_CRL. Refuses `certificate.malformed`.
 */
struct crl *crl_parse(struct bytes der, struct idevs_error *ret_err);
void crl_free(struct crl *crl); /* takes NULL */
DEFINE_CLEANUP(struct crl *, crl_free)
#define _cleanup_crl_ _cleanup_(crl_freep)
int64_t crl_this_update(const struct crl *crl);
int64_t crl_next_update(const struct crl *crl);

/* ---- paths ---- */

/* All borrowed. */
struct vendor_path {
    const struct certificate *leaf;
    const struct certificate *const *others; /* untrusted, in any order */
    size_t n_others;
    size_t n_required; /* so many of the first of them must stand in the path */
    const struct certificate *const *roots; /* self-signed and trusted */
    size_t n_roots;
    const struct crl *const *crls; /* none: revocation is not asked; else every certificate of the
                                      path must be covered by a valid one */
    size_t n_crls;
    bool leaf_is_unlisted; /* the maker keeps no list for leaves (AMD) */
    int64_t at;            /* Unix time of all validity */
};

/* RFC 5280 path from the leaf to one of the roots, without the strict reading that AMD's and
 * Amazon's certificates do not stand, at least 112 bits of security. `ret_chain` (may be NULL) gets
 * one line a certificate, leaf first: "subject CN, valid until DATE". Refuses `certificate.chain`,
 * `certificate.expired`, `certificate.revoked`, `evidence.endorsement` (no revocation list for one
 * of the certificates). */
bool vendor_path_verify(const struct vendor_path *path, struct buffer *ret_chain,
                        struct idevs_error *ret_err) _must_check_;

#endif
