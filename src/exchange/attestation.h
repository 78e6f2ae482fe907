/* What evidence and sealed log lines are computed over. Shared by runtime, warden, authority, CLI.
 */
#ifndef IDEVS_EXCHANGE_ATTESTATION_H
#define IDEVS_EXCHANGE_ATTESTATION_H

#include "base/limits.h"
#include "crypto/digest.h"
#include "crypto/hpke.h"
#include "wire/certificate_request.h"
#include "wire/eat.h"

/* SHA-512("idevs attestation v1" 00 || SHA-256(SPKI) || challenge || SHA-256(anchor DER)) */
void attestation_report_data(const uint8_t spki[SPKI_LEN], const uint8_t challenge[CHALLENGE_LEN],
                             struct bytes anchor_der, uint8_t ret[REPORT_DATA_LEN]);

/* SHA-256("idevs platform token v1" 00 || SHA-256 of the token's text || SPKI): that whoever asks
 * for this platform key to be enrolled knows the token. Who only sees it learns nothing that enrols
 * another key. */
void platform_token_proof(const uint8_t token_sha256[SHA256_LEN], const uint8_t spki[SPKI_LEN],
                          uint8_t ret[SHA256_LEN]);

/* SHA-256("idevs tpm evidence v1" 00 || claims): what a TPM's quote is over. The claims, signed by
 * the platform key, hold the report data, so the quote binds key, challenge and authority too. */
void tpm_evidence_nonce(struct bytes claims, uint8_t ret[SHA256_LEN]);
/* SHA-256("idevs tpm enrolment v1" 00 || SPKI of the platform key || proof of the token): likewise
 * of the quote by which a platform asks to be enrolled. */
void tpm_enrolment_nonce(const uint8_t spki[SPKI_LEN], const uint8_t proof[SHA256_LEN],
                         uint8_t ret[SHA256_LEN]);

#define LOG_INFO "idevs owner log v1"
/* HPKE single shot to the owner's X25519 key, info LOG_INFO 00 program: enc || ciphertext. What is
 * sealed is u16 length || line, zero-padded to a power of two from 256 on, so that the length says
 * little. False for a line over LIMIT_LOG_LINE. */
bool log_seal(const uint8_t owner[X25519_LEN], const char *program, struct bytes line,
              struct buffer *b) _must_check_;
bool log_open_line(const struct x25519_key *owner, const char *program, struct bytes sealed,
                   struct buffer *b) _must_check_;

#endif
