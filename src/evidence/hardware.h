/* Verifiers of hardware evidence: offline, no I/O, one file a technology. Each follows the evidence
 * to a root of its maker and says what it claims; whether that is enough is policy. Nothing here
 * knows how evidence is made. */
#ifndef IDEVS_EVIDENCE_HARDWARE_H
#define IDEVS_EVIDENCE_HARDWARE_H

#include "evidence/claims.h"
#include "evidence/endorsements.h"

/* All borrowed. */
struct verification {
    struct bytes evidence; /* at most LIMIT_HARDWARE_EVIDENCE */
    const struct endorsements *endorsements;
    struct bytes
        nonce;        /* what it must be over, empty: not asked. Where a technology has a field of
                         fixed length (64 bytes: SNP, TDX), a shorter nonce is followed by zeros */
    int64_t at;       /* Unix time at which everything must be valid */
    bool allow_debug; /* development only */
};

struct hardware_verifier {
    const char *format; /* "snp", "tdx", "nitro", "tpm", "eat" */
    /* Fills `ret` (empty before) also where it refuses, with what it had read by then: nothing of
     * it is proven in that case. `ret_chain` (may be NULL) gets a line for each certificate that
     * leads from the signer to the root. Refuses `evidence.format` (nothing of this technology at
     * all: unusable, rather than untrue), `evidence.malformed`, `evidence.signature`,
     * `evidence.endorsement`, `evidence.tcb`, `evidence.freshness`, `evidence.platform`,
     * `evidence.measurement`, `policy.debug`, `certificate.malformed`, `certificate.chain`,
     * `certificate.expired`, `certificate.revoked`.
     */
    bool (*verify)(const struct verification *v, struct claims *ret, struct buffer *ret_chain,
                   struct idevs_error *ret_err);
};

/* The one for that format, or NULL. */
const struct hardware_verifier *hardware_verifier(const char *format);

/* AMD SEV-SNP: an attestation report of 1184 bytes (AMD 56860). */
extern const struct hardware_verifier hardware_snp;
/* Intel TDX: a quote of version 4 or 5 (Intel DCAP). */
extern const struct hardware_verifier hardware_tdx;
/* AWS Nitro Enclaves: an attestation document, COSE_Sign1 with ES384. */
extern const struct hardware_verifier hardware_nitro;
/* TPM 2.0: a quote (TPMS_ATTEST) with its signature after it, as TPM2_Quote answers, or beside it
 * among the endorsements. */
extern const struct hardware_verifier hardware_tpm;
/* No hardware's: what a warden's platform key signed, given that key as a root. */
extern const struct hardware_verifier hardware_eat;

#endif
