#include "crypto/tls.h"
#include "test.h"

#include "ca.h"

#include <openssl/ssl.h>

struct credentials {
    struct ca ca;
    struct buffer chain;
    struct buffer key;
};

static struct credentials server;
static struct credentials client;

static void credentials_make(struct credentials *c)
{
    ca_make(&c->ca);
    struct certificate_fields f = service_fields(&c->ca, "localhost");
    _cleanup_chain_ struct chain chain = chain_of(&c->ca, &f);
    c->chain = buffer_up_to(LIMIT_CHAIN_BYTES);
    c->key = buffer_up_to(4096);
    assert_true(chain_to_pem(&chain, &c->chain) && key_save(c->ca.leaf_key, &c->key));
}

static int set_up(void **state)
{
    (void)state;
    credentials_make(&server);
    credentials_make(&client);
    return 0;
}

static void credentials_free(struct credentials *c)
{
    ca_free(&c->ca);
    buffer_free(&c->chain);
    buffer_free(&c->key);
}

static int tear_down(void **state)
{
    (void)state;
    credentials_free(&server);
    credentials_free(&client);
    return 0;
}

/* Runs both sides over memory until neither moves; true when both finished. */
static bool shake(SSL *a, SSL *b)
{
    BIO *left;
    BIO *right;

    assert_int_equal(BIO_new_bio_pair(&left, 0, &right, 0), 1);
    SSL_set_bio(a, left, left);
    SSL_set_bio(b, right, right);
    for (int i = 0; i < 10; i++) {
        int x = SSL_do_handshake(a);
        int y = SSL_do_handshake(b);
        if (x == 1 && y == 1)
            return true;
    }
    return false;
}

static bool connects(struct ssl_ctx_st *ctx, SSL_CTX *client_ctx, uint8_t spki[SHA256_LEN],
                     bool *ret_shown)
{
    SSL *s = tls_server_session(ctx);
    SSL *c = SSL_new(client_ctx);

    SSL_set_connect_state(c);
    bool ok = shake(c, s);
    *ret_shown = ok && tls_peer_spki(s, spki);
    if (ok)
        assert_string_equal(SSL_get_version(s), "TLSv1.3");
    SSL_free(s);
    SSL_free(c);
    return ok;
}

static SSL_CTX *client_context(bool with_certificate)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (with_certificate) {
        BIO *bio = BIO_new_mem_buf(client.key.data, (int)client.key.len);
        EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        BIO_free(bio);
        bio = BIO_new_mem_buf(client.chain.data, (int)client.chain.len);
        X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        BIO_free(bio);
        assert_int_equal(SSL_CTX_use_certificate(ctx, x509), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pkey), 1);
        EVP_PKEY_free(pkey);
        X509_free(x509);
    }
    return ctx;
}

static void any_client_certificate_is_taken_and_its_key_known(void **state)
{
    uint8_t spki[SHA256_LEN];
    uint8_t wanted[SHA256_LEN];
    bool shown;
    struct idevs_error err;
    struct ssl_ctx_st *ctx =
        tls_server_context(buffer_bytes(&server.chain), buffer_bytes(&server.key), true, &err);
    SSL_CTX *with = client_context(true);
    SSL_CTX *without = client_context(false);
    (void)state;
    assert_non_null(ctx);
    assert_true(connects(ctx, with, spki, &shown));
    assert_true(shown);
    sha256(bytes_of(client.ca.leaf_spki, SPKI_LEN), wanted);
    assert_memory_equal(spki, wanted, SHA256_LEN);
    assert_true(connects(ctx, without, spki, &shown));
    assert_false(shown);
    SSL_CTX_free(with);
    SSL_CTX_free(without);
    tls_context_free(ctx);
}

static void nobody_is_asked_unless_wanted(void **state)
{
    uint8_t spki[SHA256_LEN];
    bool shown;
    struct idevs_error err;
    struct ssl_ctx_st *ctx =
        tls_server_context(buffer_bytes(&server.chain), buffer_bytes(&server.key), false, &err);
    SSL_CTX *with = client_context(true);
    (void)state;
    assert_true(connects(ctx, with, spki, &shown));
    assert_false(shown);
    SSL_CTX_free(with);
    tls_context_free(ctx);
}

static void tls_1_2_is_refused(void **state)
{
    uint8_t spki[SHA256_LEN];
    bool shown;
    struct idevs_error err;
    struct ssl_ctx_st *ctx =
        tls_server_context(buffer_bytes(&server.chain), buffer_bytes(&server.key), false, &err);
    SSL_CTX *old = client_context(false);
    (void)state;
    SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
    assert_false(connects(ctx, old, spki, &shown));
    SSL_CTX_free(old);
    tls_context_free(ctx);
}

static void a_resumed_session_still_knows_the_clients_key(void **state)
{
    uint8_t spki[SHA256_LEN];
    uint8_t wanted[SHA256_LEN];
    char byte;
    struct idevs_error err;
    struct ssl_ctx_st *ctx =
        tls_server_context(buffer_bytes(&server.chain), buffer_bytes(&server.key), true, &err);
    SSL_CTX *with = client_context(true);
    SSL_SESSION *session = NULL;
    (void)state;
    sha256(bytes_of(client.ca.leaf_spki, SPKI_LEN), wanted);
    for (int i = 0; i < 2; i++) {
        SSL *s = tls_server_session(ctx);
        SSL *c = SSL_new(with);
        SSL_set_connect_state(c);
        if (session)
            SSL_set_session(c, session);
        assert_true(shake(c, s));
        assert_int_equal(SSL_session_reused(s), i);
        assert_true(tls_peer_spki(s, spki));
        assert_memory_equal(spki, wanted, SHA256_LEN);
        (void)SSL_read(c, &byte, 1); /* takes in the ticket */
        SSL_SESSION_free(session);
        session = SSL_get1_session(c);
        SSL_shutdown(c);
        SSL_free(s);
        SSL_free(c);
    }
    SSL_SESSION_free(session);
    SSL_CTX_free(with);
    tls_context_free(ctx);
}

static void unfit_credentials_are_refused(void **state)
{
    struct idevs_error err;
    (void)state;
    assert_null(
        tls_server_context(buffer_bytes(&server.chain), buffer_bytes(&client.key), false, &err));
    assert_refused(&err, "tls.credentials");
    assert_null(
        tls_server_context(buffer_bytes(&server.key), buffer_bytes(&server.key), false, &err));
    assert_refused(&err, "tls.credentials");
    assert_null(
        tls_server_context(buffer_bytes(&server.chain), buffer_bytes(&server.chain), false, &err));
    assert_refused(&err, "tls.credentials");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_client_certificate_is_taken_and_its_key_known),
        cmocka_unit_test(nobody_is_asked_unless_wanted),
        cmocka_unit_test(tls_1_2_is_refused),
        cmocka_unit_test(a_resumed_session_still_knows_the_clients_key),
        cmocka_unit_test(unfit_credentials_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
