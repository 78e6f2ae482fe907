/* TLS 1.3 contexts for src/net, which does not include OpenSSL: it passes these pointers on. */
#ifndef IDEVS_CRYPTO_TLS_H
#define IDEVS_CRYPTO_TLS_H

#include "crypto/x509.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */
struct ssl_st;     /* OpenSSL's SSL */

/* A server context, TLS 1.3 only, from PEM chain and PEM key (any key type). With `ask_client` a
 * client certificate is requested and the handshake proves its key, but its chain is not judged:
 * the caller looks at tls_peer_spki(). Refuses `tls.credentials`. */
struct ssl_ctx_st *tls_server_context(struct bytes chain_pem, struct bytes key_pem, bool ask_client,
                                      struct idevs_error *ret_err);
void tls_context_free(struct ssl_ctx_st *ctx);
/* A new server-side SSL of the context; owned by whoever the bufferevent is. */
struct ssl_st *tls_server_session(struct ssl_ctx_st *ctx);
/* SHA-256 of the peer certificate's SPKI; false when it showed none. */
bool tls_peer_spki(const struct ssl_st *ssl, uint8_t ret[SHA256_LEN]) _must_check_;

#endif
