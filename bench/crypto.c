/* What an exchange costs in cryptography: microseconds an operation, and how many raw X25519
 * agreements that is. One line an operation. */
#include "base/clock.h"
#include "exchange/request.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCHES      40
#define ROUNDS       50
#define ROUNDS_LARGE 1
#define AUTHORITY    "store.example"
#define NOW          1800000000

static struct key *key;
static struct public_key *public;
static struct x25519_key *gateway;
static struct ohttp_key_config config = {.key_id = 1};
static struct exchange_signer signer;
static struct certificate *leaf;
static struct http_message request;
static struct exchange program;
static struct exchange receiver;
static struct buffer sealed;
static struct buffer answer;
static struct buffer plain;
static struct http_message opened;
static uint8_t signature[ES256_LEN];
static const uint8_t KILOBYTE[1024];

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* The floor: one X25519 agreement of OpenSSL with nothing around it. */
static void raw_x25519(void)
{
    static EVP_PKEY *own;
    static EVP_PKEY *peer;
    static EVP_PKEY_CTX *ctx;
    uint8_t out[32];
    size_t len = sizeof(out);

    if (!own) {
        own = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
        peer = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
        ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
        must(EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer) > 0);
    }
    must(EVP_PKEY_derive(ctx, out, &len) > 0);
}

static void sign(void)
{
    must(key_sign(key, bytes_of(KILOBYTE, sizeof(KILOBYTE)), signature));
}

static void verify(void)
{
    must(public_key_verify(public, bytes_of(KILOBYTE, sizeof(KILOBYTE)), signature));
}

static void encapsulate(void)
{
    uint8_t enc[HPKE_ENC_LEN];
    struct hpke h;

    must(hpke_setup_sender(config.public_key, bytes_of_text("info"), NULL, enc, &h));
}

static void hash(void)
{
    uint8_t out[SHA256_LEN];

    sha256(bytes_of(KILOBYTE, sizeof(KILOBYTE)), out);
}

static void seal_request(void)
{
    buffer_clear(&sealed);
    must(exchange_seal_request(&config, &signer, &request, NOW, NULL, &program, &sealed));
}

static void open_request(void)
{
    struct idevs_error err;

    must(exchange_open_request(&config, gateway, buffer_bytes(&sealed), &receiver, &plain, &opened,
                               &err));
}

static void verify_request(void)
{
    struct idevs_error err;

    must(exchange_verify_request(&receiver, &opened, AUTHORITY, leaf, NOW, &err));
}

static void seal_response(void)
{
    struct http_message m = {.status = 200, .content = bytes_of(KILOBYTE, sizeof(KILOBYTE))};

    buffer_clear(&answer);
    must(exchange_seal_response(&receiver, &m, &answer));
}

static void open_response(void)
{
    struct idevs_error err;
    struct http_message got;

    must(exchange_open_response(&program, buffer_bytes(&answer), &plain, &got, &err));
}

static void set_up(void)
{
    uint8_t spki[SPKI_LEN];
    struct idevs_error err;

    key = key_generate();
    public = public_key_of(key);
    gateway = x25519_generate();
    x25519_public(gateway, config.public_key);
    key_spki(key, spki);
    struct certificate_fields f = {.subject = "bench",
                                   .spki = spki,
                                   .not_before = NOW - 1,
                                   .not_after = NOW + 1,
                                   .client_auth = true,
                                   .uri = "spiffe://example/program/bench"};
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    must(certificate_make(&f, NULL, key, &der));
    leaf = certificate_parse(buffer_bytes(&der), &err);
    must(leaf != NULL);
    signer.key = key;
    certificate_sha256(leaf, signer.keyid);
    request = (struct http_message){.method = bytes_of_text("POST"),
                                    .scheme = bytes_of_text("https"),
                                    .authority = bytes_of_text(AUTHORITY),
                                    .path = bytes_of_text("/api/trips"),
                                    .content = bytes_of(KILOBYTE, sizeof(KILOBYTE))};
    sealed = answer = plain = buffer_up_to(LIMIT_MESSAGE);
}

/* Of the fastest of BATCHES batches: what it costs when nothing else wants the processor. */
static double microseconds(void (*operation)(void), int rounds)
{
    uint64_t best = UINT64_MAX;

    for (int batch = 0; batch < BATCHES; batch++) {
        uint64_t since = clock_monotonic_ns();
        for (int i = 0; i < rounds; i++)
            operation();
        uint64_t took = clock_monotonic_ns() - since;
        best = took < best ? took : best;
    }
    return (double)best / 1000 / rounds;
}

/* A write of the largest body that is allowed by default: both sides of the request. */
static void large_request(void)
{
    seal_request();
    open_request();
    verify_request();
}

static void measure_large(double raw)
{
    uint8_t *body = calloc(1, LIMIT_BODY);

    must(body != NULL);
    request.content = bytes_of(body, LIMIT_BODY);
    double us = microseconds(large_request, ROUNDS_LARGE);
    printf("%-24s %8.1f us %6.2f x\n", "a request of 8 MiB", us, us / raw);
    free(body);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*operation)(void);
    } OPERATIONS[] = {
        {"X25519, raw", raw_x25519},
        {"SHA-256 of 1 KiB", hash},
        {"ES256 sign", sign},
        {"ES256 verify", verify},
        {"HPKE encapsulate", encapsulate},
        {"seal a signed request", seal_request},
        {"open a request", open_request},
        {"verify a request", verify_request},
        {"seal a response", seal_response},
        {"open a response", open_response},
    };
    double raw = 0;
    double exchange = 0;

    set_up();
    for (size_t i = 0; i < ARRAY_LEN(OPERATIONS); i++) {
        double us = microseconds(OPERATIONS[i].operation, ROUNDS);
        if (i == 0)
            raw = us;
        if (i >= 5)
            exchange += us;
        printf("%-24s %8.1f us %6.2f x\n", OPERATIONS[i].name, us, us / raw);
    }
    printf("%-24s %8.1f us %6.2f x\n", "one exchange, all of it", exchange, exchange / raw);
    measure_large(raw);
    return 0;
}
