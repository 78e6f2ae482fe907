#include "crypto/tls_client.h"
#include "base/alloc.h"
#include "base/text.h"
#include "crypto/algorithms.h"
#include "crypto/certificate.h"
#include "crypto/handles.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define SECURITY_LEVEL 2 /* 112 bits */

struct tls_client {
    SSL *ssl;
    char why[160];
};

static void trust(SSL_CTX *ctx, const struct chain *anchors)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);

    for (size_t i = 0; i < anchors->n; i++)
        if (!X509_STORE_add_cert(store, anchors->at[i]->x509))
            crypto_is_broken();
    if (!X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN))
        crypto_is_broken();
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
}

static SSL_CTX *context_new(const struct tls_client_options *options)
{
    int version = options->only_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx || !SSL_CTX_set_min_proto_version(ctx, version) ||
        !SSL_CTX_set_max_proto_version(ctx, version))
        crypto_is_broken();
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    /* HTTP tells where an answer ends; servers that close without a word are the rule. */
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    trust(ctx, options->anchors);
    return ctx;
}

/* A name is also sent to the server; an address is not (RFC 6066, 3). */
static void expect_host(SSL *ssl, const char *authority)
{
    char host[LIMIT_AUTHORITY + 1];

    if (!authority_host(authority, host, sizeof(host)))
        crypto_is_broken(); /* the caller's: it was checked */
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host))
        return;
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (!SSL_set1_host(ssl, host) || !SSL_set_tlsext_host_name(ssl, host))
        crypto_is_broken();
}

struct tls_client *tls_client_new(int fd, const struct tls_client_options *options)
{
    (void)algorithms();
    SSL_CTX *ctx = context_new(options);
    struct tls_client *c = alloc_zero(1, sizeof(*c));

    c->ssl = SSL_new(ctx);
    SSL_CTX_free(ctx); /* the SSL holds it */
    if (!c->ssl || !SSL_set_fd(c->ssl, fd))
        crypto_is_broken();
    expect_host(c->ssl, options->host);
    SSL_set_connect_state(c->ssl);
    return c;
}

void tls_client_free(struct tls_client *c)
{
    if (!c)
        return;
    SSL_free(c->ssl);
    free(c);
}

static void remember_why(struct tls_client *c)
{
    long verified = SSL_get_verify_result(c->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    if (verified != X509_V_OK)
        reason = X509_verify_cert_error_string(verified);
    snprintf(c->why, sizeof(c->why), "%s", reason ? reason : "TLS failed");
}

/* `result` is what an SSL function returned: 1 for success. */
static enum tls_step step_of(struct tls_client *c, int result)
{
    enum tls_step step = TLS_FAILED;

    switch (SSL_get_error(c->ssl, result)) {
    case SSL_ERROR_NONE:
        step = TLS_DONE;
        break;
    case SSL_ERROR_WANT_READ:
        step = TLS_WANT_READ;
        break;
    case SSL_ERROR_WANT_WRITE:
        step = TLS_WANT_WRITE;
        break;
    case SSL_ERROR_ZERO_RETURN:
    case SSL_ERROR_SYSCALL: /* reset */
        step = TLS_CLOSED;
        break;
    default:
        remember_why(c);
    }
    ERR_clear_error();
    return step;
}

enum tls_step tls_client_handshake(struct tls_client *c)
{
    return step_of(c, SSL_do_handshake(c->ssl));
}

enum tls_step tls_client_read(struct tls_client *c, void *ret, size_t size, size_t *ret_n)
{
    return step_of(c, SSL_read_ex(c->ssl, ret, size, ret_n));
}

enum tls_step tls_client_write(struct tls_client *c, struct bytes data, size_t *ret_n)
{
    return step_of(c, SSL_write_ex(c->ssl, data.data, data.len, ret_n));
}

bool tls_client_peer_sha256(const struct tls_client *c, uint8_t ret[SHA256_LEN])
{
    uint8_t *der = NULL;
    X509 *peer = SSL_get0_peer_certificate(c->ssl);
    int len = peer ? i2d_X509(peer, &der) : -1;

    if (len > 0)
        sha256(bytes_of(der, (size_t)len), ret);
    OPENSSL_free(der);
    return len > 0;
}

const char *tls_client_why(const struct tls_client *c)
{
    return c->why;
}
