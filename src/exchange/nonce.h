/* Digests as text in signatures. Internal to src/exchange and to the conformance kit. */
#ifndef IDEVS_EXCHANGE_NONCE_H
#define IDEVS_EXCHANGE_NONCE_H

#include "exchange/request.h"
#include "wire/httpsig.h"

/* base64url-no-pad(Export("idevs attested request nonce v1", 32)): ties a signature to its
 * encapsulation. */
bool exchange_nonce(const struct exchange *x, char ret[HTTPSIG_NONCE_TEXT + 1]) _must_check_;
/* base64url-no-pad of a digest. */
bool digest_text(const uint8_t digest[SHA256_LEN], char ret[HTTPSIG_NONCE_TEXT + 1]) _must_check_;

#endif
