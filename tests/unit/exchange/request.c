#include "exchange/request.h"
#include "test.h"
#include "wire/bhttp.h"
#include "wire/httpsig.h"

#include "ca.h"
#include "hex.h"

#include <stdio.h>

#define AUTHORITY "store.example:8443"

static struct ca ca;
static struct certificate *leaf;
static struct x25519_key *gateway;
static struct ohttp_key_config config = {.key_id = 7};
static struct exchange_signer signer;

static int set_up(void **state)
{
    (void)state;
    ca_make(&ca);
    struct certificate_fields f = program_fields(&ca);
    leaf = made(&f, ca.tier, ca.tier_key);
    gateway = x25519_generate();
    x25519_public(gateway, config.public_key);
    signer.key = ca.leaf_key;
    certificate_sha256(leaf, signer.keyid);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    certificate_free(leaf);
    x25519_free(gateway);
    ca_free(&ca);
    return 0;
}

/* One exchange as both sides see it. */
struct both {
    struct exchange program;
    struct exchange gateway;
    struct buffer sealed;
    struct buffer plain;
    struct http_message m; /* as the gateway opened it; points into plain */
};

static void both_free(struct both *b)
{
    exchange_wipe(&b->program);
    exchange_wipe(&b->gateway);
    buffer_free(&b->sealed);
    buffer_free(&b->plain);
}
#define _cleanup_both_ _cleanup_(both_free)

static struct http_message post(void)
{
    struct http_message m = {.method = bytes_of_text("POST"),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text(AUTHORITY),
                             .path = bytes_of_text("/api/trips?dry=1"),
                             .content = bytes_of_text("{\"to\":\"here\"}")};

    assert_true(http_add(&m, "content-type", bytes_of_text("application/json")));
    assert_true(http_add(&m, "idempotency-key", bytes_of_text("sale-809")));
    return m;
}

static void begin(struct both *b, const struct http_message *m, int64_t now)
{
    struct idevs_error err;

    *b = (struct both){.sealed = buffer_up_to(LIMIT_MESSAGE), .plain = buffer_up_to(LIMIT_MESSAGE)};
    assert_true(exchange_seal_request(&config, &signer, m, now, NULL, &b->program, &b->sealed));
    assert_true(exchange_open_request(&config, gateway, buffer_bytes(&b->sealed), &b->gateway,
                                      &b->plain, &b->m, &err));
}

static void begin_post(struct both *b)
{
    struct http_message m = post();

    begin(b, &m, NOW);
}

static bool verifies(const struct both *b, struct idevs_error *err)
{
    return exchange_verify_request(&b->gateway, &b->m, AUTHORITY, leaf, NOW, err);
}

static void assert_unverified(const struct both *b, const char *code)
{
    struct idevs_error err;

    assert_false(verifies(b, &err));
    assert_refused(&err, code);
}

static struct bytes *value_of(struct http_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (bytes_equal_text(m->fields[i].name, name))
            return &m->fields[i].value;
    fail_msg("no %s", name);
    return NULL;
}

static void drop(struct http_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (bytes_equal_text(m->fields[i].name, name)) {
            m->fields[i] = m->fields[--m->n_fields];
            return;
        }
    fail_msg("no %s", name);
}

/* ---- RFC 9458, appendix A ---- */

static const char RFC_KEY[] = "3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a";
static const char RFC_EPHEMERAL[] =
    "bc51d5e930bda26589890ac7032f70ad12e4ecb37abb1b65b1256c9c48999c73";
static const char RFC_REQUEST[] =
    "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b472"
    "6374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525";
static const char RFC_REQUEST_BHTTP[] = "00034745540568747470730b6578616d706c652e636f6d012f";
static const char RFC_RESPONSE[] =
    "c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd";

static struct x25519_key *rfc_key(struct ohttp_key_config *ret_config)
{
    uint8_t raw[X25519_LEN];

    to_array(RFC_KEY, raw, sizeof(raw));
    struct x25519_key *key = x25519_from_raw(raw);
    ret_config->key_id = 1;
    x25519_public(key, ret_config->public_key);
    return key;
}

static void example_of_rfc_9458_opens(void **state)
{
    struct ohttp_key_config rfc;
    struct http_message m;
    struct http_message answer;
    struct idevs_error err;
    _cleanup_x25519_ struct x25519_key *key = rfc_key(&rfc);
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(1000);
    _cleanup_buffer_ struct buffer request = from_hex(RFC_REQUEST);
    _cleanup_buffer_ struct buffer response = from_hex(RFC_RESPONSE);
    (void)state;
    assert_true(exchange_open_request(&rfc, key, buffer_bytes(&request), &x, &plain, &m, &err));
    assert_bytes_are_hex(buffer_bytes(&plain), RFC_REQUEST_BHTTP);
    assert_true(bytes_equal_text(m.method, "GET") && bytes_equal_text(m.scheme, "https") &&
                bytes_equal_text(m.authority, "example.com") && bytes_equal_text(m.path, "/"));
    assert_true(exchange_open_response(&x, buffer_bytes(&response), &plain, &answer, &err));
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.content.len, 0);
}

static void example_of_rfc_9458_is_sealed_alike(void **state)
{
    uint8_t raw[X25519_LEN];
    uint8_t enc[HPKE_ENC_LEN];
    uint8_t header[OHTTP_HEADER_LEN];
    struct ohttp_key_config rfc;
    _cleanup_hpke_ struct hpke h;
    _cleanup_buffer_ struct buffer plain = from_hex(RFC_REQUEST_BHTTP);
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(1000);
    _cleanup_buffer_ struct buffer info = buffer_up_to(100);
    (void)state;
    x25519_free(rfc_key(&rfc));
    to_array(RFC_EPHEMERAL, raw, sizeof(raw));
    _cleanup_x25519_ struct x25519_key *ephemeral = x25519_from_raw(raw);
    ohttp_header(rfc.key_id, header);
    assert_true(buffer_append(&info, "message/bhttp request", 22) &&
                buffer_append(&info, header, sizeof(header)));
    assert_true(hpke_setup_sender(rfc.public_key, buffer_bytes(&info), ephemeral, enc, &h));
    assert_true(buffer_append(&sealed, header, sizeof(header)) &&
                buffer_append(&sealed, enc, sizeof(enc)) &&
                hpke_seal(&h, bytes_of("", 0), buffer_bytes(&plain), &sealed));
    assert_bytes_are_hex(buffer_bytes(&sealed), RFC_REQUEST);
}

/* ---- what is accepted ---- */

static void a_signed_request_arrives_whole(void **state)
{
    struct idevs_error err;
    struct bytes value;
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    assert_true(verifies(&b, &err));
    assert_true(bytes_equal_text(b.m.method, "POST"));
    assert_true(bytes_equal_text(b.m.path, "/api/trips?dry=1"));
    assert_true(bytes_equal_text(b.m.content, "{\"to\":\"here\"}"));
    assert_true(http_get(&b.m, "content-type", &value) &&
                bytes_equal_text(value, "application/json"));
    assert_true(http_get(&b.m, "idempotency-key", &value) && bytes_equal_text(value, "sale-809"));
    assert_memory_equal(&b.program.enc, &b.gateway.enc, HPKE_ENC_LEN);
}

static void a_read_without_content_is_signed_too(void **state)
{
    struct idevs_error err;
    struct http_message m = {.method = bytes_of_text("GET"),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text(AUTHORITY),
                             .path = bytes_of_text("/api/sales")};
    _cleanup_both_ struct both b;
    (void)state;
    begin(&b, &m, NOW);
    assert_true(verifies(&b, &err));
    assert_int_equal(b.m.n_fields, 4);
}

static void the_spans_of_a_request_are_measured(void **state)
{
    struct exchange x;
    struct spans spans = {0};
    struct http_message m = post();
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_MESSAGE);
    (void)state;
    assert_true(exchange_seal_request(&config, &signer, &m, NOW, &spans, &x, &sealed));
    exchange_wipe(&x);
    assert_int_equal(spans.n, 2);
    assert_string_equal(spans.at[0].name, "sign");
    assert_string_equal(spans.at[1].name, "encrypt");
}

static void sizes_show_only_their_bucket(void **state)
{
    size_t first = 0;
    static const char BODY[200];
    (void)state;
    for (size_t n = 0; n < sizeof(BODY); n += 66) {
        struct http_message m = post();
        _cleanup_both_ struct both b;
        m.content = bytes_of(BODY, n);
        begin(&b, &m, NOW);
        if (n == 0)
            first = b.sealed.len;
        assert_int_equal(b.sealed.len, first);
        assert_int_equal(b.plain.len, 1024);
    }
}

static void a_response_comes_back(void **state)
{
    struct idevs_error err;
    struct http_message answer = {.status = 201, .content = bytes_of_text("made")};
    struct http_message got;
    struct bytes value;
    _cleanup_both_ struct both b;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_MESSAGE);
    (void)state;
    begin_post(&b);
    assert_true(http_add(&answer, "content-type", bytes_of_text("text/plain")));
    assert_true(exchange_seal_response(&b.gateway, &answer, &sealed));
    assert_int_equal(sealed.len, OHTTP_NONCE_LEN + PADDING_FIRST + OHTTP_TAG_LEN);
    assert_true(exchange_open_response(&b.program, buffer_bytes(&sealed), &b.plain, &got, &err));
    assert_int_equal(got.status, 201);
    assert_true(bytes_equal_text(got.content, "made"));
    assert_true(http_get(&got, "content-type", &value) && bytes_equal_text(value, "text/plain"));
}

/* ---- what the program does not send ---- */

static void assert_not_sealed(const struct http_message *m, const struct ohttp_key_config *to)
{
    struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_MESSAGE);

    assert_false(exchange_seal_request(to, &signer, m, NOW, NULL, &x, &sealed));
    assert_int_equal(sealed.len, 0);
}

static void a_field_that_would_not_be_signed_is_not_sent(void **state)
{
    struct http_message m = post();
    (void)state;
    assert_true(http_add(&m, "cookie", bytes_of_text("a=b")));
    assert_not_sealed(&m, &config);
    m = post();
    assert_true(http_add(&m, "content-type", bytes_of_text("text/plain")));
    assert_not_sealed(&m, &config);
    m = post();
    m.scheme = bytes_of_text("http");
    assert_not_sealed(&m, &config);
    m = post();
    *value_of(&m, "content-type") = bytes_of_text("a\nb: c");
    assert_not_sealed(&m, &config);
}

static void a_gateway_key_of_low_order_is_refused(void **state)
{
    struct http_message m = post();
    struct ohttp_key_config zero = {.key_id = 1};
    (void)state;
    assert_not_sealed(&m, &zero);
}

/* ---- opening ---- */

static void assert_unopened(struct bytes in, const char *code)
{
    struct exchange x;
    struct http_message m;
    struct idevs_error err;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(LIMIT_MESSAGE);

    assert_false(exchange_open_request(&config, gateway, in, &x, &plain, &m, &err));
    assert_refused(&err, code);
    assert_int_equal(plain.len, 0);
}

static void every_changed_byte_of_a_request_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    for (size_t i = 0; i < b.sealed.len; i++) {
        /* The highest bit of an X25519 key is ignored (RFC 7748, 5), but enc is hashed whole. */
        b.sealed.data[i] ^= 0x80;
        assert_unopened(buffer_bytes(&b.sealed), i == 0 ? "exchange.key" : "exchange.decrypt");
        b.sealed.data[i] ^= 0x80;
    }
}

static void every_shorter_request_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    for (size_t n = 0; n < b.sealed.len; n++)
        assert_unopened(bytes_of(b.sealed.data, n), "exchange.decrypt");
    assert_true(buffer_append_u8(&b.sealed, 0));
    assert_unopened(buffer_bytes(&b.sealed), "exchange.decrypt");
}

static void a_request_to_an_earlier_key_is_refused(void **state)
{
    struct exchange x;
    struct http_message m;
    struct idevs_error err;
    _cleanup_both_ struct both b;
    _cleanup_x25519_ struct x25519_key *next = x25519_generate();
    (void)state;
    begin_post(&b);
    assert_false(
        exchange_open_request(&config, next, buffer_bytes(&b.sealed), &x, &b.plain, &m, &err));
    assert_refused(&err, "exchange.decrypt");
}

static void sealed_garbage_is_malformed_and_can_be_answered(void **state)
{
    uint8_t enc[HPKE_ENC_LEN];
    uint8_t header[OHTTP_HEADER_LEN];
    struct http_message m;
    struct idevs_error err;
    struct http_message answer = {.status = 400};
    _cleanup_exchange_ struct exchange program;
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer info = buffer_up_to(100);
    _cleanup_buffer_ struct buffer b = buffer_up_to(1000);
    _cleanup_buffer_ struct buffer plain = buffer_up_to(1000);
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(1000);
    (void)state;
    ohttp_header(config.key_id, header);
    assert_true(buffer_append(&info, "message/bhttp request", 22) &&
                buffer_append(&info, header, sizeof(header)));
    assert_true(
        hpke_setup_sender(config.public_key, buffer_bytes(&info), NULL, enc, &program.hpke));
    memcpy(program.enc, enc, sizeof(enc));
    assert_true(buffer_append(&b, header, sizeof(header)) && buffer_append(&b, enc, sizeof(enc)) &&
                hpke_seal(&program.hpke, bytes_of("", 0), bytes_of_text("garbage"), &b));
    assert_false(exchange_open_request(&config, gateway, buffer_bytes(&b), &x, &plain, &m, &err));
    assert_refused(&err, "bhttp.malformed");
    assert_true(exchange_seal_response(&x, &answer, &sealed));
    assert_true(exchange_open_response(&program, buffer_bytes(&sealed), &plain, &m, &err));
    assert_int_equal(m.status, 400);
}

/* ---- verifying: one test for each step ---- */

static void another_scheme_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    b.m.scheme = bytes_of_text("http");
    assert_unverified(&b, "request.authority");
}

static void another_authority_is_refused(void **state)
{
    struct idevs_error err;
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    assert_false(exchange_verify_request(&b.gateway, &b.m, "transport.example", leaf, NOW, &err));
    assert_refused(&err, "request.authority");
    assert_false(exchange_verify_request(&b.gateway, &b.m, "store.example", leaf, NOW, &err));
    assert_refused(&err, "request.authority");
}

static void a_repeated_field_is_refused(void **state)
{
    static const char *const NAMES[] = {"content-digest",  "content-type", "date",
                                        "idempotency-key", "signature",    "signature-input"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        _cleanup_both_ struct both b;
        begin_post(&b);
        assert_true(http_add(&b.m, NAMES[i], *value_of(&b.m, NAMES[i])));
        assert_unverified(&b, "request.field");
    }
}

static void an_unsigned_field_is_refused(void **state)
{
    static const char *const NAMES[] = {"cookie", "authorization", "if-match", "client-cert",
                                        "idevs-program"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        _cleanup_both_ struct both b;
        begin_post(&b);
        assert_true(http_add(&b.m, NAMES[i], bytes_of_text("x")));
        assert_unverified(&b, "request.field");
    }
}

static void a_missing_field_is_refused(void **state)
{
    static const char *const NAMES[] = {"content-digest", "date", "signature", "signature-input"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        _cleanup_both_ struct both b;
        begin_post(&b);
        drop(&b.m, NAMES[i]);
        assert_unverified(&b, "request.field");
    }
}

static void a_field_taken_away_from_the_signature_is_refused(void **state)
{
    static const char *const NAMES[] = {"content-type", "idempotency-key"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        _cleanup_both_ struct both b;
        begin_post(&b);
        drop(&b.m, NAMES[i]);
        assert_unverified(&b, "request.signature");
    }
}

/* Replaces `from` by `to` (of any length) in a field's value. */
static void edit(struct both *b, const char *name, const char *from, const char *to,
                 struct buffer *room)
{
    struct bytes *value = value_of(&b->m, name);
    const uint8_t *at = memmem(value->data, value->len, from, strlen(from));

    assert_non_null(at);
    size_t before = (size_t)(at - value->data);
    size_t after = value->len - before - strlen(from);
    assert_true(buffer_append(room, value->data, before) && buffer_append_text(room, to) &&
                buffer_append(room, at + strlen(from), after));
    *value = buffer_bytes(room);
}

static void another_form_of_parameters_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
    } EDITS[] = {
        {"idevs=", "other="},
        {"\"@method\" ", ""},
        {"\"@query\" ", ""},
        {"\"content-digest\" ", ""},
        {"\"date\"", "\"date\" \"date\""},
        {"\"@method\" \"@scheme\"", "\"@scheme\" \"@method\""},
        {";alg=\"ecdsa-p256-sha256\"", ""},
        {"ecdsa-p256-sha256", "hmac-sha256"},
        {"idevs-attested-request-v1", "idevs-attested-request-v2"},
        {";created=", ";created=0"},
        {";created=", "; created="},
        {";tag=", ";x=1;tag="},
        {"idevs=", "a=(), idevs="},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(EDITS); i++) {
        _cleanup_both_ struct both b;
        _cleanup_buffer_ struct buffer room = buffer_up_to(2048);
        begin_post(&b);
        edit(&b, "signature-input", EDITS[i].from, EDITS[i].to, &room);
        assert_unverified(&b, "request.signature");
    }
}

static void a_second_signature_label_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    _cleanup_buffer_ struct buffer room = buffer_up_to(2048);
    (void)state;
    begin_post(&b);
    edit(&b, "signature", "idevs=", "other=:AAAA:, idevs=", &room);
    assert_unverified(&b, "request.signature");
}

static void a_request_outside_its_window_is_refused(void **state)
{
    static const struct {
        int64_t now;
        bool good;
    } CASES[] = {
        {NOW - LIMIT_CLOCK_SKEW - 1, false},
        {NOW - LIMIT_CLOCK_SKEW, true},
        {NOW + LIMIT_SIGNATURE_LIFE + LIMIT_CLOCK_SKEW, true},
        {NOW + LIMIT_SIGNATURE_LIFE + LIMIT_CLOCK_SKEW + 1, false},
    };
    struct idevs_error err;
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        bool ok = exchange_verify_request(&b.gateway, &b.m, AUTHORITY, leaf, CASES[i].now, &err);
        assert_int_equal(ok, CASES[i].good);
        if (!ok)
            assert_refused(&err, "request.date");
    }
}

static void a_life_longer_than_allowed_is_refused(void **state)
{
    char from[64];
    char to[64];
    static const int64_t EXPIRES[] = {NOW + LIMIT_SIGNATURE_LIFE + 1, NOW, NOW - 1};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(EXPIRES); i++) {
        _cleanup_both_ struct both b;
        _cleanup_buffer_ struct buffer room = buffer_up_to(2048);
        begin_post(&b);
        snprintf(from, sizeof(from), ";expires=%lld", (long long)(NOW + LIMIT_SIGNATURE_LIFE));
        snprintf(to, sizeof(to), ";expires=%lld", (long long)EXPIRES[i]);
        edit(&b, "signature-input", from, to, &room);
        assert_unverified(&b, "request.date");
    }
}

static void a_date_that_contradicts_the_signature_is_refused(void **state)
{
    char text[HTTP_DATE_LEN + 1];
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    http_date_format(NOW - 3600, text);
    *value_of(&b.m, "date") = bytes_of_text(text);
    assert_unverified(&b, "request.date");
    *value_of(&b.m, "date") = bytes_of_text("yesterday");
    assert_unverified(&b, "request.date");
}

static void a_nonce_of_another_encapsulation_is_refused(void **state)
{
    struct idevs_error err;
    _cleanup_both_ struct both one;
    _cleanup_both_ struct both two;
    (void)state;
    begin_post(&one);
    begin_post(&two);
    assert_false(exchange_verify_request(&two.gateway, &one.m, AUTHORITY, leaf, NOW, &err));
    assert_refused(&err, "request.nonce");
}

static void a_keyid_of_another_certificate_is_refused(void **state)
{
    struct idevs_error err;
    struct certificate_fields f = program_fields(&ca);
    /* The same key, certified once more. */
    _cleanup_certificate_ struct certificate *renewed = made(&f, ca.tier, ca.tier_key);
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    assert_false(exchange_verify_request(&b.gateway, &b.m, AUTHORITY, renewed, NOW, &err));
    assert_refused(&err, "request.signature");
}

static void changed_content_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    b.m.content = bytes_of_text("{\"to\":\"there\"}");
    assert_unverified(&b, "request.digest");
    b.m.content = bytes_of("", 0);
    assert_unverified(&b, "request.digest");
}

static void another_digest_algorithm_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    _cleanup_buffer_ struct buffer room = buffer_up_to(2048);
    (void)state;
    begin_post(&b);
    edit(&b, "content-digest", "sha-256=", "sha-512=", &room);
    assert_unverified(&b, "request.digest");
}

static void a_signature_of_another_key_is_refused(void **state)
{
    struct exchange_signer stranger = signer;
    struct http_message m = post();
    struct idevs_error err;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    stranger.key = key;
    buffer_clear(&b.sealed);
    assert_true(exchange_seal_request(&config, &stranger, &m, NOW, NULL, &b.program, &b.sealed));
    assert_true(exchange_open_request(&config, gateway, buffer_bytes(&b.sealed), &b.gateway,
                                      &b.plain, &b.m, &err));
    assert_unverified(&b, "request.signature");
}

static void every_changed_signed_component_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    struct bytes *parts[] = {&b.m.method, &b.m.path, value_of(&b.m, "content-type"),
                             value_of(&b.m, "idempotency-key"), value_of(&b.m, "signature")};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct idevs_error err;
        for (size_t j = 0; j < parts[i]->len; j++) {
            uint8_t *at = b.plain.data + (parts[i]->data - b.plain.data) + j;
            *at ^= 1;
            assert_false(verifies(&b, &err));
            *at ^= 1;
        }
        assert_true(verifies(&b, &err));
    }
}

/* ---- responses ---- */

static void every_changed_byte_of_a_response_is_refused(void **state)
{
    struct idevs_error err;
    struct http_message answer = {.status = 200, .content = bytes_of_text("ok")};
    struct http_message got;
    _cleanup_both_ struct both b;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_MESSAGE);
    (void)state;
    begin_post(&b);
    assert_true(exchange_seal_response(&b.gateway, &answer, &sealed));
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_false(
            exchange_open_response(&b.program, buffer_bytes(&sealed), &b.plain, &got, &err));
        assert_refused(&err, "exchange.response");
        sealed.data[i] ^= 1;
        assert_false(
            exchange_open_response(&b.program, bytes_of(sealed.data, i), &b.plain, &got, &err));
    }
}

static void a_response_to_another_request_is_refused(void **state)
{
    struct idevs_error err;
    struct http_message answer = {.status = 200};
    struct http_message got;
    _cleanup_both_ struct both one;
    _cleanup_both_ struct both two;
    _cleanup_buffer_ struct buffer to_one = buffer_up_to(LIMIT_MESSAGE);
    _cleanup_buffer_ struct buffer to_two = buffer_up_to(LIMIT_MESSAGE);
    (void)state;
    begin_post(&one);
    begin_post(&two);
    assert_true(exchange_seal_response(&one.gateway, &answer, &to_one) &&
                exchange_seal_response(&two.gateway, &answer, &to_two));
    assert_false(
        exchange_open_response(&one.program, buffer_bytes(&to_two), &one.plain, &got, &err));
    assert_refused(&err, "exchange.response");
    assert_false(
        exchange_open_response(&two.program, buffer_bytes(&to_one), &two.plain, &got, &err));
    assert_true(
        exchange_open_response(&one.program, buffer_bytes(&to_one), &one.plain, &got, &err));
}

static void a_request_is_no_response(void **state)
{
    struct idevs_error err;
    struct http_message got;
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    assert_false(exchange_open_response(&b.program, buffer_bytes(&b.sealed), &b.plain, &got, &err));
    assert_refused(&err, "exchange.response");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_of_rfc_9458_opens),
        cmocka_unit_test(example_of_rfc_9458_is_sealed_alike),
        cmocka_unit_test(a_signed_request_arrives_whole),
        cmocka_unit_test(a_read_without_content_is_signed_too),
        cmocka_unit_test(the_spans_of_a_request_are_measured),
        cmocka_unit_test(sizes_show_only_their_bucket),
        cmocka_unit_test(a_response_comes_back),
        cmocka_unit_test(a_field_that_would_not_be_signed_is_not_sent),
        cmocka_unit_test(a_gateway_key_of_low_order_is_refused),
        cmocka_unit_test(every_changed_byte_of_a_request_is_refused),
        cmocka_unit_test(every_shorter_request_is_refused),
        cmocka_unit_test(a_request_to_an_earlier_key_is_refused),
        cmocka_unit_test(sealed_garbage_is_malformed_and_can_be_answered),
        cmocka_unit_test(another_scheme_is_refused),
        cmocka_unit_test(another_authority_is_refused),
        cmocka_unit_test(a_repeated_field_is_refused),
        cmocka_unit_test(an_unsigned_field_is_refused),
        cmocka_unit_test(a_missing_field_is_refused),
        cmocka_unit_test(a_field_taken_away_from_the_signature_is_refused),
        cmocka_unit_test(another_form_of_parameters_is_refused),
        cmocka_unit_test(a_second_signature_label_is_refused),
        cmocka_unit_test(a_request_outside_its_window_is_refused),
        cmocka_unit_test(a_life_longer_than_allowed_is_refused),
        cmocka_unit_test(a_date_that_contradicts_the_signature_is_refused),
        cmocka_unit_test(a_nonce_of_another_encapsulation_is_refused),
        cmocka_unit_test(a_keyid_of_another_certificate_is_refused),
        cmocka_unit_test(changed_content_is_refused),
        cmocka_unit_test(another_digest_algorithm_is_refused),
        cmocka_unit_test(a_signature_of_another_key_is_refused),
        cmocka_unit_test(every_changed_signed_component_is_refused),
        cmocka_unit_test(every_changed_byte_of_a_response_is_refused),
        cmocka_unit_test(a_response_to_another_request_is_refused),
        cmocka_unit_test(a_request_is_no_response),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
