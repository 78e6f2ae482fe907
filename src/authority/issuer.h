/* Issues certificates: the order of checks from a request to a chain. */
#ifndef IDEVS_AUTHORITY_ISSUER_H
#define IDEVS_AUTHORITY_ISSUER_H

#include "authority/challenges.h"
#include "authority/registry.h"
#include "authority/signer_client.h"
#include "crypto/x509.h"

struct issuer {
    struct registry *registry;
    struct challenges *challenges;
    struct signer_client signer;
    struct certificate *root;
    struct certificate *tiers[TIERS];
    struct endorsements tpm_makers; /* of the TPMs that platforms may have; no roots: none */
};

/* Root and tier certificates of the state directory. Refuses `file.*`, `certificate.*`. */
bool issuer_load(struct issuer *issuer, const char *state,
                 struct idevs_error *ret_err) _must_check_;
void issuer_free(struct issuer *issuer); /* all of it; unset parts are fine, signer -1 */

/* One wire/certificate_request.h -> PEM of leaf and issuing CA, appended; at Unix time `now`,
 * monotonic `now_ns`. The challenge is used up by every attempt. Refuses `api.field`,
 * `challenge.stale`, `csr.malformed`, `manifest.*`, `evidence.*`, `policy.*`, `approval.*`,
 * `signer.*`, `disk.full`, `state.*`. */
bool issuer_certify(const struct issuer *issuer, struct bytes body, int64_t now, uint64_t now_ns,
                    struct buffer *pem, struct idevs_error *ret_err) _must_check_;

#endif
