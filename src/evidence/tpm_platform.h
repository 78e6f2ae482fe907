/* What an authority keeps of a platform's TPM, and how it is judged: its endorsement certificate
 * once, at enrolment; its quotes then and ever after. No I/O. */
#ifndef IDEVS_EVIDENCE_TPM_PLATFORM_H
#define IDEVS_EVIDENCE_TPM_PLATFORM_H

#include "evidence/endorsements.h"
#include "wire/tpm.h"

/* The registers as they were when the platform was enrolled are the reference values. */
struct tpm_platform {
    uint8_t key[TPM_POINT_LEN];          /* of the attestation key */
    char registers[LIMIT_TPM_REGISTERS]; /* "0,1,2": of the SHA-256 bank, ascending */
    uint8_t digest[TPM_DIGEST_LEN];      /* of their values */
};

/* The endorsement key of a certificate whose path leads to one of the trusted roots and which is
 * for endorsement keys (TCG EK Credential Profile). NULL: refuses `platform.tpm`,
 * `certificate.malformed`, `certificate.chain`, `certificate.expired`. */
struct vendor_key *tpm_endorsement_key(struct bytes der, const struct endorsements *trust,
                                       int64_t now, struct idevs_error *ret_err);

/* A quote (TPM2B_ATTEST || TPMT_SIGNATURE) by `p->key` over `nonce`; `p` gets the registers and
 * their digest. Refuses `evidence.*`. */
bool tpm_take_quote(struct bytes quote, const uint8_t nonce[TPM_DIGEST_LEN], struct tpm_platform *p,
                    struct idevs_error *ret_err) _must_check_;

/* The same of a platform that is enrolled: nothing may have changed. Refuses `evidence.*`,
 * `evidence.measurement` where a register has another value. */
bool tpm_check_quote(struct bytes quote, const uint8_t nonce[TPM_DIGEST_LEN],
                     const struct tpm_platform *enrolled, struct idevs_error *ret_err) _must_check_;

/* True when every one of the registers is zero: nothing was measured into them. */
bool tpm_registers_are_empty(const struct tpm_platform *p) _must_check_;

#endif
