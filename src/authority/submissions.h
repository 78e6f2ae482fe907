/* What owners and platforms hand in, each signed by whom it speaks for. */
#ifndef IDEVS_AUTHORITY_SUBMISSIONS_H
#define IDEVS_AUTHORITY_SUBMISSIONS_H

#include "authority/registry.h"

/* A COSE_Sign1 approval by a registered owner is checked and kept. Refuses `approval.*`, `state.*`,
 * `disk.full`. */
bool submit_approval(struct registry *r, struct bytes body, int64_t now, struct approval *ret,
                     struct idevs_error *ret_err) _must_check_;

/* A COSE_Sign1 platform request by the key that it names spends its token. Refuses
 * `platform.request`, `platform.token`. */
bool submit_platform(struct registry *r, struct bytes body, int64_t now, enum tier *ret_tier,
                     struct idevs_error *ret_err) _must_check_;

/* A platform with a TPM: a COSE_Sign1 by the platform key over its request, the certificate of the
 * TPM's endorsement key (under one of `makers`), its attestation key and a quote by that. Spends
 * the token; appends the credential that only this TPM can open. Refuses `platform.request`,
 * `platform.tpm`, `platform.token`, `certificate.*`, `evidence.*`. */
bool submit_tpm_platform(struct registry *r, const struct endorsements *makers, struct bytes body,
                         int64_t now, struct buffer *credential,
                         struct idevs_error *ret_err) _must_check_;

/* What it answers: a COSE_Sign1 by the platform key over the secret of the credential. Right or
 * wrong, it is the only answer. Refuses `platform.request`, `platform.activation`. */
bool submit_activation(struct registry *r, struct bytes body, int64_t now, enum tier *ret_tier,
                       struct idevs_error *ret_err) _must_check_;

/* A COSE_Sign1 request to revoke by an owner or administrator is carried out. `has_room`: whether
 * one of an owner is taken now; an administrator's always is. Refuses `revocation.*`,
 * `authority.busy`, `api.not-found`, `state.*`, `disk.full`. */
struct revoked_by {
    struct registry_owner owner;
    struct revocation what;
    size_t n; /* certificates that it revoked */
};
bool submit_revocation(struct registry *r, struct bytes body, int64_t now, bool has_room,
                       struct revoked_by *ret, struct idevs_error *ret_err) _must_check_;

#endif
