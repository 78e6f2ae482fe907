/* RFC 9458, appendix A, byte for byte, in both roles. Opening is done by what the runtime and the
 * gateway call. Sealing there always signs, pads and draws random numbers, so here the same is put
 * together from its parts. */
#include "exchange/request.h"
#include "test.h"

#include "hex.h"
#include "rfc9458.h"

static void client_of_the_example(struct exchange *ret, struct ohttp_key_config *ret_config)
{
    uint8_t raw[X25519_LEN];
    _cleanup_buffer_ struct buffer list = from_hex("002d" RFC9458_KEY_CONFIG);
    _cleanup_buffer_ struct buffer info = from_hex(RFC9458_INFO);

    assert_true(ohttp_decode_keys(buffer_bytes(&list), ret_config));
    to_array(RFC9458_EPHEMERAL, raw, sizeof(raw));
    _cleanup_x25519_ struct x25519_key *ephemeral = x25519_from_raw(raw);
    assert_true(hpke_setup_sender(ret_config->public_key, buffer_bytes(&info), ephemeral, ret->enc,
                                  &ret->hpke));
}

static struct x25519_key *key_of_the_example(void)
{
    uint8_t raw[X25519_LEN];

    to_array(RFC9458_SERVER_KEY, raw, sizeof(raw));
    return x25519_from_raw(raw);
}

static void the_client_seals_the_request(void **state)
{
    uint8_t header[OHTTP_HEADER_LEN];
    struct ohttp_key_config config;
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer plain = from_hex(RFC9458_REQUEST);
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(256);
    (void)state;
    client_of_the_example(&x, &config);
    ohttp_header(config.key_id, header);
    assert_true(buffer_append(&sealed, header, sizeof(header)));
    assert_true(buffer_append(&sealed, x.enc, sizeof(x.enc)));
    assert_true(hpke_seal(&x.hpke, bytes_of("", 0), buffer_bytes(&plain), &sealed));
    assert_bytes_are_hex(buffer_bytes(&sealed), RFC9458_SEALED_REQUEST);
}

static void open_at_the_gateway(struct exchange *ret, struct buffer *plain,
                                struct http_message *ret_message)
{
    struct idevs_error err;
    struct ohttp_key_config config = {.key_id = 1};
    _cleanup_x25519_ struct x25519_key *key = key_of_the_example();
    _cleanup_buffer_ struct buffer sealed = from_hex(RFC9458_SEALED_REQUEST);

    x25519_public(key, config.public_key);
    assert_true(
        exchange_open_request(&config, key, buffer_bytes(&sealed), ret, plain, ret_message, &err));
}

static void the_gateway_opens_the_request(void **state)
{
    struct http_message m;
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(256);
    (void)state;
    open_at_the_gateway(&x, &plain, &m);
    assert_bytes_are_hex(buffer_bytes(&plain), RFC9458_REQUEST);
    assert_true(bytes_equal_text(m.method, "GET"));
    assert_true(bytes_equal_text(m.scheme, "https"));
    assert_true(bytes_equal_text(m.authority, "example.com"));
    assert_true(bytes_equal_text(m.path, "/"));
}

static void the_gateway_seals_the_response(void **state)
{
    uint8_t salt[HPKE_ENC_LEN + OHTTP_NONCE_LEN];
    const uint8_t *nonce = salt + HPKE_ENC_LEN;
    struct http_message m;
    struct aead a;
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(256);
    _cleanup_buffer_ struct buffer answer = from_hex(RFC9458_RESPONSE);
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(256);
    (void)state;
    open_at_the_gateway(&x, &plain, &m);
    to_array(RFC9458_SALT, salt, sizeof(salt)); /* enc, then the response nonce */
    assert_true(ohttp_response_aead(&x.hpke, x.enc, nonce, &a));
    assert_true(buffer_append(&sealed, nonce, OHTTP_NONCE_LEN));
    assert_true(aead_seal(&a, bytes_of("", 0), buffer_bytes(&answer), &sealed));
    assert_bytes_are_hex(buffer_bytes(&sealed), RFC9458_SEALED_RESPONSE);
}

static void the_client_opens_the_response(void **state)
{
    struct http_message m;
    struct idevs_error err;
    struct ohttp_key_config config;
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = from_hex(RFC9458_SEALED_RESPONSE);
    _cleanup_buffer_ struct buffer plain = buffer_up_to(256);
    (void)state;
    client_of_the_example(&x, &config);
    assert_true(exchange_open_response(&x, buffer_bytes(&sealed), &plain, &m, &err));
    assert_bytes_are_hex(buffer_bytes(&plain), RFC9458_RESPONSE);
    assert_int_equal(m.status, 200);
    assert_int_equal(m.n_fields, 0);
    assert_int_equal(m.content.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_seals_the_request),
        cmocka_unit_test(the_gateway_opens_the_request),
        cmocka_unit_test(the_gateway_seals_the_response),
        cmocka_unit_test(the_client_opens_the_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
