/* From a signer's certificate to a root that is trusted: what all verifiers of hardware evidence
 * share. */
#ifndef IDEVS_EVIDENCE_TRUST_H
#define IDEVS_EVIDENCE_TRUST_H

#include "evidence/hardware.h"

/* Whose root a technology leads to when the operator names none: SHA-256 of the DER certificate, as
 * its maker publishes it. The certificate itself must come along in the evidence or endorsements.
 */
enum maker {
    MAKER_AMD = 1,
    MAKER_INTEL,
    MAKER_AWS,
};

struct signer {
    const struct certificate *leaf;
    const struct certificate *const *inside; /* certificates that the evidence itself carries */
    size_t n_inside;
    enum maker maker;      /* 0: no known roots, the operator must name one */
    bool leaf_is_unlisted; /* see struct vendor_path */
    int64_t at;
};

/* Follows the signer over the certificates of the endorsements and of the evidence to a root: one
 * that the operator named or, when none was named, one of the maker's known roots. With revocation
 * lists among the endorsements, they are asked. A self-signed certificate that comes along and is
 * neither refuses too: it can only be a changed or a false root; so does one that the evidence
 * itself carries and that is no part of the path. Refuses `certificate.chain`,
 * `certificate.expired`, `certificate.revoked`, `evidence.endorsement`. */
bool trust_signer(const struct endorsements *e, const struct signer *signer,
                  struct buffer *ret_chain, struct idevs_error *ret_err) _must_check_;

/* The nonce that was asked for (none: true), against the field that evidence is over; the rest of a
 * longer field must be zero. Refuses `evidence.freshness`. */
bool trust_nonce(struct bytes wanted, struct bytes field, struct idevs_error *ret_err) _must_check_;

#endif
