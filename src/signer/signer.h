/* The signer: holds the issuing keys of the tiers and rebuilds every certificate from fields that
 * it checks again. It never sees bytes to sign, has no files and no network. The authority's trust,
 * and of that the part that must not leak. */
#ifndef IDEVS_SIGNER_SIGNER_H
#define IDEVS_SIGNER_SIGNER_H

#include "base/error.h"
#include "crypto/x509.h"
#include "wire/signer_request.h"

/* One issuing CA for each tier, all of one trust domain. */
struct signer {
    struct key *keys[TIERS];
    struct certificate *issuers[TIERS];
    uint64_t numbers[TIERS]; /* of the last list that was signed; a next one has a higher */
    char trust_domain[256];  /* from the issuers' SAN URI, spiffe://TRUST-DOMAIN */
};

/* Takes over a tier's key and issuer certificate, both PEM. Refuses `tls.credentials`,
 * `certificate.*`. */
bool signer_add(struct signer *s, enum tier tier, struct bytes key_pem, struct bytes issuer_pem,
                struct idevs_error *ret_err) _must_check_;
void signer_free(struct signer *s); /* wipes the keys */

/* Answers one request (wire/signer_request.h) at time `now`; always appends an answer. `b` has room
 * for LIMIT_SIGNER_LIST. */
void signer_answer(struct signer *s, struct bytes request, int64_t now, struct buffer *b);

/* The part of it for a list of revoked certificates (list.c): DER appended. Refuses
 * `signer.request`, `internal`. */
bool signer_sign_list(struct signer *s, const struct signer_list *l, int64_t now,
                      struct buffer *der, struct idevs_error *ret_err) _must_check_;

#endif
