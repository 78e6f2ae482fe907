/* This host's TPM 2.0 (tpm2-tss, ESAPI): its endorsement certificate, an attestation key that lives
 * in it, quotes, and the activation of an authority's credential. Linux alone. Whoever is root on
 * the host can ask its TPM for all of this; the keys themselves stay inside. */
#ifndef IDEVS_ATTESTER_TPM_H
#define IDEVS_ATTESTER_TPM_H

#include "attester/attester.h"
#include "wire/tpm.h"

struct tpm; /* serves one thread; each call waits for the TPM, LIMIT_TPM_MS at most an answer */

/* Takes `fd`, also where it refuses: a TPM's device, or a connected stream to a software TPM that
 * is started; both take a command and answer with a response. Nothing else is opened. Refuses
 * `tpm.unavailable`. */
struct tpm *tpm_open(int fd, struct idevs_error *ret_err);
void tpm_close(struct tpm *t); /* takes NULL */
DEFINE_CLEANUP(struct tpm *, tpm_close)
#define _cleanup_tpm_ _cleanup_(tpm_closep)

/* Appends the endorsement key's certificate (DER) from the TPM's own memory: that of the RSA key
 * (TCG's template L-1), or else of the one on P-256 (L-2). Refuses `tpm.unavailable`: none is
 * there. */
bool tpm_read_endorsement(struct tpm *t, struct buffer *b,
                          struct idevs_error *ret_err) _must_check_;

/* Loads the attestation key, or makes it and has the TPM keep it when there is none. Appends its
 * TPMT_PUBLIC. The calls below need it. Refuses `tpm.unavailable`, also when another kind of key
 * stands in its place. */
bool tpm_take_key(struct tpm *t, struct buffer *b, struct idevs_error *ret_err) _must_check_;

/* Registers of the SHA-256 bank, bit N for register N. "0,2,7" in ascending order; false for
 * anything else. */
bool tpm_parse_registers(const char *text, uint32_t *ret) _must_check_;

/* Appends a quote (TPM2B_ATTEST || TPMT_SIGNATURE) over `nonce` and the registers. Refuses
 * `tpm.unavailable`. */
bool tpm_quote(struct tpm *t, uint32_t registers, const uint8_t nonce[TPM_DIGEST_LEN],
               struct buffer *b, struct idevs_error *ret_err) _must_check_;

/* The secret of a credential that was made for the endorsement key (the one on P-256 when
 * `on_p256`, else RSA) and the attestation key of this TPM. Refuses `tpm.credential`: made for
 * others. */
bool tpm_activate(struct tpm *t, bool on_p256, struct bytes credential,
                  uint8_t ret_secret[TPM_SECRET_LEN], struct idevs_error *ret_err) _must_check_;

/* Appends application/cmw+cbor: as attest_provider_signed(), with a quote over the digest of what
 * the platform key signed beside it. False past the buffer's max, or when the TPM refuses. */
bool attest_tpm(struct tpm *t, uint32_t registers, const struct key *platform,
                const struct attester_host *host, const struct attester_run *run,
                const uint8_t report_data[REPORT_DATA_LEN], int64_t now,
                struct buffer *b) _must_check_;

#endif
