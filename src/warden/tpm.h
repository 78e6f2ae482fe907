/* The TPM that the configuration names: opened early, while the warden may still open things, and
 * used for enrolment, activation and evidence. */
#ifndef IDEVS_WARDEN_TPM_H
#define IDEVS_WARDEN_TPM_H

#include "attester/tpm.h"
#include "warden/config.h"

/* Opens it and takes its attestation key, of which `key` (may be NULL) gets the public area. NULL:
 * `tpm.unavailable`. */
struct tpm *warden_tpm_open(const struct warden_config *config, struct buffer *key,
                            struct idevs_error *ret_err);

/* Appends the signed request to be enrolled with this TPM; `request` is the wire/platform_request.h
 * of the platform key. Refuses `tpm.unavailable`, `file.*`, `certificate.malformed`. */
bool warden_tpm_enrol(const struct warden_config *config, const struct key *platform,
                      struct bytes request, struct buffer *b,
                      struct idevs_error *ret_err) _must_check_;

/* Appends the signed answer to the authority's credential. Refuses `tpm.credential` and as above.
 */
bool warden_tpm_activate(const struct warden_config *config, const struct key *platform,
                         struct bytes credential, struct buffer *b,
                         struct idevs_error *ret_err) _must_check_;

#endif
