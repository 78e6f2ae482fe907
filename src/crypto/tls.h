/* TLS 1.3 contexts for src/net, which does not include OpenSSL: it passes these pointers on. */
#ifndef IDEVS_CRYPTO_TLS_H
#define IDEVS_CRYPTO_TLS_H

#include "crypto/x509.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */
struct ssl_st;     /* OpenSSL's SSL */

/* Before another library (curl) enters OpenSSL: see crypto/algorithms.h. */
void tls_prepare(void);

/* A PEM chain and its PEM key (any key type), checked to belong together; the text is not kept.
 * Refuses `tls.credentials`. */
struct tls_credentials;
struct tls_credentials *tls_credentials_load(struct bytes chain_pem, struct bytes key_pem,
                                             struct idevs_error *ret_err);
void tls_credentials_free(struct tls_credentials *credentials); /* takes NULL */
DEFINE_CLEANUP(struct tls_credentials *, tls_credentials_free)
#define _cleanup_tls_credentials_ _cleanup_(tls_credentials_freep)
/* Shows them to whoever `ctx` speaks with; false when TLS cannot use them. */
bool tls_use_credentials(struct ssl_ctx_st *ctx,
                         const struct tls_credentials *credentials) _must_check_;

/* A server context, TLS 1.3 only, from PEM chain and PEM key. With `ask_client` a
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
