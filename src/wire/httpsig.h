/* HTTP message signatures, RFC 9421, in two fixed shapes. Text only.
 *
 * The signer writes one canonical text; the verifier parses only the parameters' values out of
 * Signature-Input, writes the same canonical text again, and compares bytes. So there is no general
 * structured-field parser to get wrong. */
#ifndef IDEVS_WIRE_HTTPSIG_H
#define IDEVS_WIRE_HTTPSIG_H

#include "wire/http.h"

#define HTTPSIG_LABEL      "idevs"
#define HTTPSIG_TAG        "idevs-attested-request-v1"
#define HTTPSIG_KEYS_LABEL "idevs-keys"
#define HTTPSIG_KEYS_TAG   "idevs-gateway-keys-v1"
#define HTTPSIG_SIG_LEN    64 /* r || s (RFC 9421, 3.3.4) */
#define HTTPSIG_NONCE_TEXT 43 /* base64url-no-pad of 32 bytes */

struct httpsig_params {
    int64_t created;
    int64_t expires;
    char nonce[HTTPSIG_NONCE_TEXT + 1]; /* "" in key configurations */
    char keyid[HTTPSIG_NONCE_TEXT + 1]; /* base64url-no-pad(SHA-256(certificate DER)) */
};

/* ---- attested requests: label "idevs" ---- */

/* The Signature-Input value: idevs=("@method" ... );created=...;...;tag="..." . "content-type" and
 * "idempotency-key" are covered exactly when `m` has these fields. */
bool httpsig_request_input(const struct http_message *m, const struct httpsig_params *p,
                           struct buffer *b) _must_check_;
/* The signature base (RFC 9421, 2.5) of the same. `m` must hold content-digest and date. @query is
 * "?" with the query, or "?" alone when there is none. */
bool httpsig_request_base(const struct http_message *m, const struct httpsig_params *p,
                          struct buffer *b) _must_check_;
/* Reads the parameters out of `m`'s signature-input: refuses (false) unless writing them again
 * gives the very same bytes; and the signature out of `m`'s signature: exactly idevs=:base64: of 64
 * bytes. */
bool httpsig_request_parse(const struct http_message *m, struct httpsig_params *ret,
                           uint8_t ret_signature[HTTPSIG_SIG_LEN]) _must_check_;

/* ---- signed key configurations: label "idevs-keys", response with "@status" "content-type"
 *      "content-digest" ---- */
bool httpsig_keys_input(const struct httpsig_params *p, struct buffer *b) _must_check_;
bool httpsig_keys_base(const struct http_message *m, const struct httpsig_params *p,
                       struct buffer *b) _must_check_;
bool httpsig_keys_parse(const struct http_message *m, struct httpsig_params *ret,
                        uint8_t ret_signature[HTTPSIG_SIG_LEN]) _must_check_;

/* label=:base64: */
bool httpsig_signature(const char *label, const uint8_t signature[HTTPSIG_SIG_LEN],
                       struct buffer *b) _must_check_;
/* Content-Digest (RFC 9530) value of a SHA-256: sha-256=:base64: ; and back, exactly that form. */
bool httpsig_digest(const uint8_t sha256[32], struct buffer *b) _must_check_;
bool httpsig_digest_parse(struct bytes value, uint8_t ret_sha256[32]) _must_check_;

#endif
