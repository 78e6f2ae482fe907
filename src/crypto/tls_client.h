/* The client's side of TLS, step by step over a socket that does not block, for the conformance
 * kit: it must also offer what a good server refuses. src/net asks libcurl instead. */
#ifndef IDEVS_CRYPTO_TLS_CLIENT_H
#define IDEVS_CRYPTO_TLS_CLIENT_H

#include "crypto/x509.h"

struct tls_client;

struct tls_client_options {
    const struct chain *anchors; /* each ends a path */
    const char
        *host;     /* valid host[:port] that the server's certificate must name; also sent (SNI) */
    bool only_1_2; /* offers TLS 1.2 and nothing newer; else 1.3 and nothing older */
};

enum tls_step {
    TLS_FAILED = 0, /* tls_client_why() */
    TLS_DONE,
    TLS_WANT_READ,
    TLS_WANT_WRITE,
    TLS_CLOSED, /* the peer closed, in good order or not */
};

/* `fd` stays the caller's; the options are copied. */
struct tls_client *tls_client_new(int fd, const struct tls_client_options *options);
void tls_client_free(struct tls_client *c); /* takes NULL */

enum tls_step tls_client_handshake(struct tls_client *c);
/* TLS_DONE: `*ret_n` bytes, at least one, were read or written. */
enum tls_step tls_client_read(struct tls_client *c, void *ret, size_t size, size_t *ret_n);
enum tls_step tls_client_write(struct tls_client *c, struct bytes data, size_t *ret_n);

/* SHA-256 of the server's certificate (DER); false before the handshake. */
bool tls_client_peer_sha256(const struct tls_client *c, uint8_t ret[SHA256_LEN]) _must_check_;
/* What the last TLS_FAILED was about, in OpenSSL's words. */
const char *tls_client_why(const struct tls_client *c);

#endif
