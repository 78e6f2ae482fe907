/* The appraisal policy (RFC 9334): what verified evidence, the manifest and the owner's approvals
 * must say together before a certificate is issued, and what the certificate then says. Plain
 * functions over values, no I/O. The authority's trust. */
#ifndef IDEVS_EVIDENCE_APPRAISAL_H
#define IDEVS_EVIDENCE_APPRAISAL_H

#include "base/error.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "wire/approval.h"
#include "wire/eat.h"
#include "wire/manifest.h"
#include "wire/platform_request.h"
#include "wire/tier.h"

#define APPRAISAL_POLICY "idevs-appraisal-1"

/* What the authority knows of the platform that vouches. */
struct appraisal_platform {
    enum tier tier;
    char back_ends[LIMIT_BACK_ENDS][LIMIT_PLATFORM_TEXT];
    size_t n_back_ends;
};

/* What the authority knows of a program name. */
struct appraisal_name {
    bool is_owned;
    uint8_t owner[SHA256_LEN]; /* SHA-256 of the SPKI of whoever first approved it */
    struct approval approvals[LIMIT_APPROVALS]; /* by that owner, newest first */
    size_t n_approvals;
};

struct appraisal {
    const struct eat_claims *evidence; /* verified */
    const struct appraisal_platform *platform;
    const struct manifest *manifest;
    const struct appraisal_name *name; /* of the manifest's program */
    uint8_t manifest_sha256[SHA256_LEN];
    const uint8_t *spki;      /* SPKI_LEN: the key that asks for a certificate */
    const uint8_t *challenge; /* CHALLENGE_LEN: alive and ours, the caller saw to that */
    struct bytes root;        /* DER of this authority's root */
    int64_t now;
};

/* The attestation result: the evidence's claims with tier, breakers, policy, owner, reads and
 * writes. Refuses `manifest.authority`, `evidence.freshness`, `evidence.measurement`,
 * `evidence.platform`, `policy.debug`, `policy.logs`, `policy.back-end`, `approval.missing`,
 * `approval.name-taken`. */
bool appraise(const struct appraisal *a, struct eat_claims *ret_result,
              struct idevs_error *ret_err) _must_check_;

#endif
