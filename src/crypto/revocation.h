/* Revocation lists of our own authorities: X.509 CRL v2 (RFC 5280, 5) in the profile of
 * docs/certificates.md. An authority's signer makes them, gateways read them; lists of hardware
 * makers are crypto/vendor.h's. */
#ifndef IDEVS_CRYPTO_REVOCATION_H
#define IDEVS_CRYPTO_REVOCATION_H

#include "crypto/x509.h"

/* Reasons of RFC 5280, 5.3.1, that we give; others are refused. */
enum revocation_reason {
    REVOKED_UNSPECIFIED = 0, /* no extension is written */
    REVOKED_KEY_COMPROMISE = 1,
    REVOKED_AFFILIATION_CHANGED = 3,
    REVOKED_SUPERSEDED = 4,
    REVOKED_CESSATION = 5,
    REVOKED_PRIVILEGE_WITHDRAWN = 9,
};
bool revocation_reason_is_valid(int64_t reason) _must_check_;

struct revoked {
    uint8_t serial[SERIAL_LEN];
    int64_t at; /* Unix seconds */
    enum revocation_reason reason;
};

struct revocation_fields {
    uint64_t number; /* 1 to INT64_MAX */
    int64_t this_update;
    int64_t next_update;
    /* 0, or every certificate of the issuer with a notBefore up to it is revoked: a critical
     * extension of ours, so that whoever does not know it uses no list at all. */
    int64_t through;
    const struct revoked *revoked; /* sorted by serial, each once; at most LIMIT_REVOKED */
    size_t n_revoked;
};
/* Signs with `key`, which is `issuer`'s; DER appended. False for fields beyond these limits. */
bool revocation_list_make(const struct revocation_fields *fields, const struct certificate *issuer,
                          const struct key *key, struct buffer *b) _must_check_;

struct revocation_list; /* parsed, immutable */

/* Exactly one DER list without trailing bytes, at most LIMIT_REVOCATION_LIST, of v2, with a number,
 * signed by ECDSA with SHA-256, without an extension that is critical and not ours, each serial
 * once. Refuses `crl.malformed`. */
struct revocation_list *revocation_list_parse(struct bytes der, struct idevs_error *ret_err);
void revocation_list_free(struct revocation_list *list); /* takes NULL */
DEFINE_CLEANUP(struct revocation_list *, revocation_list_free)
#define _cleanup_revocation_list_ _cleanup_(revocation_list_freep)

/* The CA with that name may sign lists and did sign this one. */
bool revocation_list_is_by(const struct revocation_list *list,
                           const struct certificate *issuer) _must_check_;
struct bytes revocation_list_der(const struct revocation_list *list);
uint64_t revocation_list_number(const struct revocation_list *list);
int64_t revocation_list_this_update(const struct revocation_list *list);
int64_t revocation_list_next_update(const struct revocation_list *list);
int64_t revocation_list_through(const struct revocation_list *list); /* 0: none */
size_t revocation_list_count(const struct revocation_list *list);
/* Of a certificate of the same issuer: whether the list revokes it. */
bool revocation_list_revokes(const struct revocation_list *list,
                             const struct certificate *c) _must_check_;

#endif
