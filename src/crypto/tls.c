#include "crypto/tls.h"
#include "crypto/algorithms.h"
#include "crypto/certificate.h"
#include "crypto/handles.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#define SECURITY_LEVEL 2 /* 112 bits */

static const uint8_t SESSION_ID_CONTEXT[] = "idevs";

/* The peer's key is proven by the handshake; who it is, the caller decides by its SPKI. */
static int accept_any(X509_STORE_CTX *ctx, void *unused)
{
    (void)unused;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

static bool set_credentials(SSL_CTX *ctx, struct bytes chain_pem, struct bytes key_pem,
                            struct idevs_error *ret_err)
{
    struct idevs_error why;
    _cleanup_chain_ struct chain chain = {.n = 0};
    _cleanup_pkey_ EVP_PKEY *pkey = private_key_from_pem(key_pem);

    if (!pkey)
        return refuse(ret_err, "tls.credentials", "no unencrypted private key in PEM");
    if (!chain_from_pem(chain_pem, &chain, &why))
        return refuse(ret_err, "tls.credentials", "certificate: %s", why.found);
    if (!SSL_CTX_use_certificate(ctx, chain.at[0]->x509))
        return refuse(ret_err, "tls.credentials", "a certificate that TLS 1.3 cannot use");
    for (size_t i = 1; i < chain.n; i++)
        if (!SSL_CTX_add1_chain_cert(ctx, chain.at[i]->x509))
            return refuse(ret_err, "tls.credentials", "an issuer that TLS 1.3 cannot use");
    if (!SSL_CTX_use_PrivateKey(ctx, pkey) || !SSL_CTX_check_private_key(ctx))
        return refuse(ret_err, "tls.credentials", "a key that does not belong to the certificate");
    return true;
}

static void configure(SSL_CTX *ctx, bool ask_client)
{
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    /* Resumption by tickets alone: no table of sessions that peers could fill. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
        !SSL_CTX_set1_groups_list(ctx, "X25519:P-256") || !SSL_CTX_set_num_tickets(ctx, 1) ||
        !SSL_CTX_set_session_id_context(ctx, SESSION_ID_CONTEXT, sizeof(SESSION_ID_CONTEXT)))
        crypto_is_broken();
    if (ask_client) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
    }
}

struct ssl_ctx_st *tls_server_context(struct bytes chain_pem, struct bytes key_pem, bool ask_client,
                                      struct idevs_error *ret_err)
{
    (void)algorithms();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx)
        crypto_is_broken();
    configure(ctx, ask_client);
    bool ok = set_credentials(ctx, chain_pem, key_pem, ret_err);
    ERR_clear_error();
    if (ok)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

void tls_context_free(struct ssl_ctx_st *ctx)
{
    SSL_CTX_free(ctx);
}

struct ssl_st *tls_server_session(struct ssl_ctx_st *ctx)
{
    SSL *ssl = SSL_new(ctx);

    if (!ssl)
        crypto_is_broken();
    SSL_set_accept_state(ssl);
    return ssl;
}

bool tls_peer_spki(const struct ssl_st *ssl, uint8_t ret[SHA256_LEN])
{
    uint8_t *der = NULL;
    X509 *peer = SSL_get0_peer_certificate(ssl);
    int len = peer ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(peer), &der) : -1;

    if (len > 0)
        sha256(bytes_of(der, (size_t)len), ret);
    OPENSSL_free(der);
    return len > 0;
}
