/* One technology of evidence: the row that its file gives to the table in evidence.c. */
#ifndef IDEVS_EVIDENCE_TECHNOLOGY_H
#define IDEVS_EVIDENCE_TECHNOLOGY_H

#include "evidence/evidence.h"

struct evidence_technology {
    const char *media_type;
    /* `value` is what the CMW record holds. */
    bool (*verify)(struct bytes value, const struct evidence_context *context,
                   struct eat_claims *ret, struct idevs_error *ret_err);
};

/* EAT signed by the key of an enrolled platform: root of that host vouches for it. */
extern const struct evidence_technology evidence_provider_signed;

/* The same with a quote by the platform's TPM over it. */
extern const struct evidence_technology evidence_tpm_quoted;

/* What both begin with: a COSE_Sign1 over an EAT, by the key of the platform that it speaks of.
 * Refuses `evidence.malformed`, `evidence.platform`, `evidence.signature`. */
bool evidence_read_signed(struct bytes value, const struct evidence_context *context,
                          struct eat_claims *ret, struct idevs_error *ret_err) _must_check_;

/* The TPM of the platform that vouches for the claims; false: it was enrolled without one. */
bool evidence_find_tpm(const struct evidence_context *context, const struct eat_claims *claims,
                       struct tpm_platform *ret) _must_check_;

#endif
