/* Signed key configurations of a gateway: the response to
 * GET /.well-known/ohttp-gateway as an HTTP message. No I/O. */
#ifndef IDEVS_EXCHANGE_KEYS_H
#define IDEVS_EXCHANGE_KEYS_H

#include "crypto/x509.h"
#include "wire/http.h"
#include "wire/ohttp.h"

/* Owns the bytes that `message` points into. */
struct signed_keys {
    struct http_message message;
    struct buffer storage;
};
void signed_keys_free(struct signed_keys *k);

/* Status 200, content-type, content-digest, signature-input, signature, idevs-service-cert and (if
 * the chain is longer than the leaf) idevs-service-cert-chain in RFC 9440 syntax; valid from `now`
 * for `life` seconds (at most LIMIT_KEYS_LIFE). */
bool signed_keys_make(const struct ohttp_key_config *config, const struct chain *service,
                      const struct key *key, int64_t now, int64_t life,
                      struct signed_keys *ret) _must_check_;
/* Verifies chain (to the manifest's anchors, host of `authority`), digest, signature and window at
 * `now`. `ret_expires` (may be NULL): until when, on the gateway's clock, the service vouches for
 * the key. Refuses `keys.signature`, `certificate.*`. */
bool signed_keys_verify(const struct http_message *m, const char *authority,
                        const struct bytes *anchors, size_t n_anchors, int64_t now,
                        struct ohttp_key_config *ret, int64_t *ret_expires,
                        struct idevs_error *ret_err) _must_check_;

/* RFC 9440 field values: Client-Cert is one byte sequence, Client-Cert-Chain a list of them. */
bool client_cert_encode(const struct chain *chain, struct buffer *cert,
                        struct buffer *cert_chain) _must_check_;
bool client_cert_decode(struct bytes cert, struct bytes cert_chain, struct chain *ret,
                        struct idevs_error *ret_err) _must_check_;

#endif
