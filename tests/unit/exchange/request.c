/* Sealing and opening, in both directions. */
#include "both.h"

#include "wire/bhttp.h"
#include "wire/httpsig.h"

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
        cmocka_unit_test(every_changed_byte_of_a_response_is_refused),
        cmocka_unit_test(a_response_to_another_request_is_refused),
        cmocka_unit_test(a_request_is_no_response),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
