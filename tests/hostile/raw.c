#include "raw.h"

#include "base/clock.h"
#include "base/fd.h"
#include "net/server.h"
#include "test.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND 1000000000u

static void connect_to(struct raw *r, const char *host, unsigned port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {inet_addr(host)}};

    *r = (struct raw){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(r->fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

static void shake_hands(struct raw *r)
{
    r->tls = SSL_new(r->context);
    assert_true(SSL_set_fd(r->tls, r->fd));
    assert_int_equal(SSL_connect(r->tls), 1);
}

void raw_open(struct raw *r, const char *host, unsigned port, bool tls)
{
    connect_to(r, host, port);
    if (!tls)
        return;
    r->context = SSL_CTX_new(TLS_client_method());
    shake_hands(r);
}

static void present(SSL_CTX *context, const struct key *key)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));
    uint8_t spki[SPKI_LEN];

    key_spki(key, spki);
    const struct certificate_fields fields = {.subject = "owner",
                                              .spki = spki,
                                              .not_before = clock_unix() - 60,
                                              .not_after = clock_unix() + 3600,
                                              .client_auth = true};
    assert_true(certificate_make(&fields, NULL, key, &der) && key_save(key, &pem));
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_int_equal(SSL_CTX_use_certificate_ASN1(context, (int)der.len, der.data), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, pkey), 1);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
}

void raw_open_as(struct raw *r, const char *host, unsigned port, const struct key *key)
{
    connect_to(r, host, port);
    r->context = SSL_CTX_new(TLS_client_method());
    present(r->context, key);
    shake_hands(r);
}

void raw_close(struct raw *r)
{
    SSL_free(r->tls);
    SSL_CTX_free(r->context);
    fd_close(&r->fd);
}

bool raw_send(struct raw *r, struct bytes data)
{
    if (r->tls)
        return SSL_write(r->tls, data.data, (int)data.len) == (int)data.len;
    return fd_write_all(r->fd, data.data, data.len);
}

/* What read() returns, once something is there; 0 also at the deadline, which `*late` tells. */
static int receive(struct raw *r, uint64_t deadline, uint8_t *piece, size_t size, bool *late)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};

    if (!r->tls || !SSL_pending(r->tls)) {
        uint64_t now = clock_monotonic_ns();
        *late = now >= deadline || poll(&p, 1, (int)((deadline - now) / 1000000 + 1)) == 0;
        if (*late)
            return 0;
    }
    return r->tls ? SSL_read(r->tls, piece, (int)size) : (int)read(r->fd, piece, size);
}

bool raw_receive_all(struct raw *r, unsigned seconds, struct buffer *b)
{
    uint64_t deadline = clock_monotonic_ns() + (uint64_t)seconds * SECOND;
    uint8_t piece[4096];
    bool late = false;
    int n;

    while ((n = receive(r, deadline, piece, sizeof(piece), &late)) > 0)
        if (!buffer_append(b, piece, (size_t)n))
            return false;
    return !late;
}

const char *raw_code(const struct buffer *answer)
{
    static char code[48];
    struct idevs_error err = {0};
    const char *body = answer->len ? strstr((const char *)answer->data, "\r\n\r\n") : NULL;

    snprintf(code, sizeof(code), "%s",
             body && problem_read(bytes_of_text(body + 4), &err) ? err.code : "");
    return code;
}
