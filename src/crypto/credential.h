/* TPM2_MakeCredential without a TPM (TPM 2.0 Library, Part 1, "Credential Protection" and "Secret
 * Sharing"): a secret that only the TPM with a certain endorsement key can read, and only while it
 * also holds the key of a certain name. */
#ifndef IDEVS_CRYPTO_CREDENTIAL_H
#define IDEVS_CRYPTO_CREDENTIAL_H

#include "crypto/vendor.h"

#define CREDENTIAL_SECRET_LEN 32

/* Appends TPM2B_ID_OBJECT || TPM2B_ENCRYPTED_SECRET: `secret` for the key whose TPMT_PUBLIC
 * `public_area` is, with name algorithm SHA-256. `ek` is RSA of 2048 bits or on P-256, as TCG's
 * templates L-1 and L-2 make it: SHA-256 and AES-128. False for another endorsement key. */
bool credential_make(const struct vendor_key *ek, struct bytes public_area,
                     const uint8_t secret[CREDENTIAL_SECRET_LEN], struct buffer *b) _must_check_;

#endif
