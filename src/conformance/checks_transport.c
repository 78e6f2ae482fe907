/* Below the exchange: TLS, clocks, patience, and the key configuration (RFC 9540). */
#include "conformance/kit.h"
#include "exchange/keys.h"
#include "wire/http1.h"

#include <stdlib.h>

#define TLS  "docs/interfaces.md"
#define KEYS "docs/interfaces.md; RFC 9421"
#define TIME "docs/service-owners.md"
#define SLOW "docs/security.md"

static const char GET_HEALTH[] = "GET " HEALTH_PATH " HTTP/1.1\r\nHost: localhost\r\n\r\n";

/* ---- TLS ---- */

static void try_tls_1_2(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct dial d _cleanup_dial_ = {.fd = -1};

    (void)c;
    if (!dial_connect(&k->target, LIMIT_TEST_TIME, &d))
        found_format(found, "not reached: %s", d.why);
    else
        found_say(found, dial_secure(&d, &k->target, true) ? "accepted" : "refused");
}

static void try_in_the_clear(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct dial d _cleanup_dial_ = {.fd = -1};
    struct answer a _cleanup_answer_ = {.found = ""};

    (void)c;
    if (!dial_connect(&k->target, LIMIT_TEST_TIME, &d)) {
        found_format(found, "not reached: %s", d.why);
        return;
    }
    if (dial_send(&d, bytes_of_text(GET_HEALTH)))
        answer_read(&d, NULL, &a);
    bool answered = a.outer.status > 0 && a.outer.status < 400;
    found_say(found, answered ? a.found : "refused");
}

static void compare_clocks(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    (void)c;
    if (llabs(k->ahead) <= LIMIT_CLOCK_SKEW)
        found_say(found, "agree");
    else
        found_format(found, "the gateway's is %lld s %s", llabs(k->ahead),
                     k->ahead > 0 ? "ahead" : "behind");
}

/* ---- the key configuration ---- */

static void show_keys(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    (void)c;
    if (k->has_keys)
        found_say(found, "verified");
    else
        found_format(found, "%s: %s", k->keys_error.code, k->keys_error.found);
}

/* One credential for both: whoever can end the TLS of a service without its key could not sign. */
static void compare_certificates(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct chain chain _cleanup_chain_ = {.n = 0};
    struct bytes value;
    uint8_t hash[SHA256_LEN];

    (void)c;
    if (!http_get(&k->keys_answer.outer, "idevs-service-cert", &value) ||
        !client_cert_decode(value, bytes_of(NULL, 0), &chain, NULL)) {
        found_say(found, "no certificate with the keys");
        return;
    }
    certificate_sha256(chain.at[0], hash);
    found_say(found, memcmp(hash, k->peer, sizeof(hash)) == 0 ? "the same" : "another");
}

static void ask_keys_again(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct answer a _cleanup_answer_;
    _cleanup_buffer_ struct buffer wire = buffer_up_to(LIMIT_HEAD);
    struct http_message m = {.method = bytes_of_text("GET"), .path = bytes_of_text(GATEWAY_PATH)};

    (void)c;
    if (!http_write(&m, k->target.name, &wire)) {
        found_say(found, "a mistake of the kit");
        return;
    }
    answer_ask(&k->target, buffer_bytes(&wire), NULL, &a);
    found_say(found,
              bytes_equal(a.outer.content, k->keys_answer.outer.content) ? "the same" : a.found);
}

/* ---- patience ---- */

static void drip(struct dial *d, struct bytes data, char found[LIMIT_TEST_FOUND])
{
    if (dial_drip(d, data))
        found_say(found, "closed");
    else
        found_format(found, "still open after %d s", LIMIT_TEST_TIME);
}

/* One byte a second: whoever waits for silence alone would wait for ever. */
static void drip_header(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct dial d _cleanup_dial_ = {.fd = -1};

    (void)c;
    if (dial_open(&k->target, LIMIT_TEST_TIME, &d))
        drip(&d, bytes_of_text(GET_HEALTH), found);
    else
        found_format(found, "not reached: %s", d.why);
}

static void drip_handshake(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    /* The beginning of a ClientHello of 512 bytes (RFC 8446, 5.1). */
    static const uint8_t HELLO[LIMIT_TEST_TIME + 8] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    struct dial d _cleanup_dial_ = {.fd = -1};

    (void)c;
    if (dial_connect(&k->target, LIMIT_TEST_TIME, &d))
        drip(&d, bytes_of(HELLO, sizeof(HELLO)), found);
    else
        found_format(found, "not reached: %s", d.why);
}

const struct check TRANSPORT_CHECKS[] = {
    {"tls.version", TLS, "TLS 1.2", "refused", .run = try_tls_1_2},
    {"tls.none", TLS, "HTTP in the clear", "refused", .run = try_in_the_clear},
    {"tls.clock", TIME, "its clock and ours, within 5 s", "agree", .run = compare_clocks},
    {0},
};

const struct check KEYS_CHECKS[] = {
    {"keys.signed", KEYS, "key configuration: chain, name, signature, at most 24 h", "verified",
     .run = show_keys},
    {"keys.certificate", KEYS, "the certificate of the keys and that of TLS", "the same",
     .run = compare_certificates},
    {"keys.again", KEYS, "the keys, asked for again", "the same", .run = ask_keys_again},
    {0},
};

const struct check SLOW_CHECKS[] = {
    {"slow.header", SLOW, "a header, one byte a second", "closed", .run = drip_header},
    {"slow.handshake", SLOW, "a TLS handshake, one byte a second", "closed", .run = drip_handshake},
    {0},
};
