/* Verification of evidence (RFC 9334: the verifier's part): who signed it, and that it says what
 * that signer may say. One file a technology, found by media type in one const table; nothing here
 * knows how evidence is made. No I/O: the caller brings the keys. The authority's trust. */
#ifndef IDEVS_EVIDENCE_EVIDENCE_H
#define IDEVS_EVIDENCE_EVIDENCE_H

#include "crypto/key.h"
#include "evidence/tpm_platform.h"
#include "wire/eat.h"

/* What evidence is verified against. */
struct evidence_context {
    /* The SPKI of the enrolled platform key with this SHA-256; false when there is none. */
    bool (*find_platform_key)(void *arg, const uint8_t id[32], uint8_t ret_spki[SPKI_LEN]);
    void *arg;
    /* The TPM that it was enrolled with; false when there is none. NULL: of no platform. */
    bool (*find_tpm)(void *arg, const uint8_t id[32], struct tpm_platform *ret);
};

/* Verifies a CMW record. `ret->ueid` then names the platform that vouches for the claims; freshness
 * and measurements are the appraisal's matter. Refuses `evidence.malformed`, `evidence.platform`,
 * `evidence.signature`; of a platform with a TPM also what tpm_check_quote() does. */
bool evidence_verify(struct bytes cmw, const struct evidence_context *context,
                     struct eat_claims *ret, struct idevs_error *ret_err) _must_check_;

/* The 32 bytes of the ueid that name the platform: SHA-256 of its key's SPKI. */
const uint8_t *evidence_platform_id(const struct eat_claims *claims);

#endif
