#include "crypto/tls.h"
#include "base/alloc.h"
#include "crypto/algorithms.h"
#include "crypto/certificate.h"
#include "crypto/handles.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#define SECURITY_LEVEL 2 /* 112 bits */

static const uint8_t SESSION_ID_CONTEXT[] = "idevs";

void tls_prepare(void)
{
    (void)algorithms();
}

/* The peer's key is proven by the handshake; who it is, the caller decides by its SPKI. */
static int accept_any(X509_STORE_CTX *ctx, void *unused)
{
    (void)unused;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

struct tls_credentials {
    struct chain chain;
    EVP_PKEY *pkey;
};

static bool load(struct tls_credentials *c, struct bytes chain_pem, struct bytes key_pem,
                 struct idevs_error *ret_err)
{
    struct idevs_error why;

    c->pkey = private_key_from_pem(key_pem);
    if (!c->pkey)
        return refuse(ret_err, "tls.credentials", "no unencrypted private key in PEM");
    if (!chain_from_pem(chain_pem, &c->chain, &why))
        return refuse(ret_err, "tls.credentials", "certificate: %s", why.found);
    bool belongs = X509_check_private_key(c->chain.at[0]->x509, c->pkey) == 1;
    ERR_clear_error();
    return belongs ||
           refuse(ret_err, "tls.credentials", "a key that does not belong to the certificate");
}

struct tls_credentials *tls_credentials_load(struct bytes chain_pem, struct bytes key_pem,
                                             struct idevs_error *ret_err)
{
    struct tls_credentials *c = alloc_zero(1, sizeof(*c));

    if (load(c, chain_pem, key_pem, ret_err))
        return c;
    tls_credentials_free(c);
    return NULL;
}

void tls_credentials_free(struct tls_credentials *c)
{
    if (!c)
        return;
    chain_free(&c->chain);
    EVP_PKEY_free(c->pkey);
    free(c);
}

bool tls_use_credentials(struct ssl_ctx_st *ctx, const struct tls_credentials *c)
{
    bool ok =
        SSL_CTX_use_certificate(ctx, c->chain.at[0]->x509) && SSL_CTX_use_PrivateKey(ctx, c->pkey);

    for (size_t i = 1; ok && i < c->chain.n; i++)
        ok = SSL_CTX_add1_chain_cert(ctx, c->chain.at[i]->x509);
    ERR_clear_error();
    return ok;
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
    _cleanup_tls_credentials_ struct tls_credentials *credentials =
        tls_credentials_load(chain_pem, key_pem, ret_err);

    if (!credentials)
        return NULL;
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        crypto_is_broken();
    configure(ctx, ask_client);
    if (tls_use_credentials(ctx, credentials))
        return ctx;
    (void)refuse(ret_err, "tls.credentials", "a certificate or key that TLS 1.3 cannot use");
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
