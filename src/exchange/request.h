/* The sealed and signed exchange, program's side and gateway's side. No I/O; time
 * comes from the caller. */
#ifndef IDEVS_EXCHANGE_REQUEST_H
#define IDEVS_EXCHANGE_REQUEST_H

#include "base/clock.h"
#include "crypto/hpke.h"
#include "crypto/x509.h"
#include "wire/http.h"
#include "wire/ohttp.h"

#define EXCHANGE_NONCE_LABEL "idevs attested request nonce v1"

/* What the program keeps between request and response. Wiped by exchange_wipe(). */
struct exchange {
    struct hpke hpke;
    uint8_t enc[HPKE_ENC_LEN];
};
void exchange_wipe(struct exchange *x);
#define _cleanup_exchange_ _cleanup_(exchange_wipe)

/* ---- program ---- */
struct exchange_signer {
    const struct key *key;
    uint8_t keyid[SHA256_LEN]; /* SHA-256 of the certificate DER */
};
/* Signs and seals `m` (method, scheme https, authority, path, content, optional fields content-type
 * and idempotency-key and no others; the signature fields, content-digest and date are added here)
 * to the gateway's key. `now` in seconds on the gateway's clock as far as known. Appends
 * message/ohttp-req. `spans` (may be NULL) gets "sign" and "encrypt". False, `b` unchanged: another
 * field or scheme, over a limit, or a key of low order. */
bool exchange_seal_request(const struct ohttp_key_config *to, const struct exchange_signer *signer,
                           const struct http_message *m, int64_t now, struct spans *spans,
                           struct exchange *ret, struct buffer *b) _must_check_;
/* Its two ends, for whoever writes what is between them in another way (the conformance kit): the
 * encapsulation, false for a key of low order; and the sealing of `plain`, once, to the same key.
 */
bool exchange_begin(const struct ohttp_key_config *to, struct exchange *ret) _must_check_;
bool exchange_seal_bytes(struct exchange *x, const struct ohttp_key_config *to, struct bytes plain,
                         struct buffer *b) _must_check_;
/* Opens message/ohttp-res; `plain` (cleared first) gets the BHTTP bytes, which `ret` points into.
 * Refuses `exchange.response`. */
bool exchange_open_response(const struct exchange *x, struct bytes in, struct buffer *plain,
                            struct http_message *ret, struct idevs_error *ret_err) _must_check_;

/* ---- gateway: in this order, each step cheap before dear ---- */
/* Decapsulates and opens; `plain` (cleared first) gets the BHTTP bytes, which `ret_m` points into.
 * Refuses `exchange.key`, `exchange.decrypt` and `bhttp.malformed`. After success, and after
 * `bhttp.malformed`, `ret` is set and every answer must be sealed. */
bool exchange_open_request(const struct ohttp_key_config *config, const struct x25519_key *key,
                           struct bytes in, struct exchange *ret, struct buffer *plain,
                           struct http_message *ret_m, struct idevs_error *ret_err) _must_check_;
/* Everything that the signature says: authority,
 * no repeated or unsigned field, canonical parameters, window at `now`, nonce equals our own
 * export, keyid, digest, signature of the certified key. Refuses `request.*`. */
bool exchange_verify_request(const struct exchange *x, const struct http_message *m,
                             const char *authority, const struct certificate *leaf, int64_t now,
                             struct idevs_error *ret_err) _must_check_;
/* Appends message/ohttp-res of the response (padded). */
bool exchange_seal_response(const struct exchange *x, const struct http_message *m,
                            struct buffer *b) _must_check_;

#endif
