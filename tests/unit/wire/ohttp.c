#include "wire/ohttp.h"
#include "test.h"

#include "../vectors.h"
#include "mutate.h"
#include "rfc9458.h"

static bool keys_are(const char *hex)
{
    struct ohttp_key_config config;
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);

    vector_hex(hex, &b);
    _cleanup_guard_ struct guard g = guard_for(b.len);
    return ohttp_decode_keys(guard_place(&g, buffer_bytes(&b)), &config);
}

static bool accepts_keys(struct bytes in)
{
    struct ohttp_key_config config;

    return ohttp_decode_keys(in, &config);
}

static bool accepts_request(struct bytes in)
{
    struct ohttp_request request;

    return ohttp_decode_request(in, &request);
}

static bool accepts_response(struct bytes in)
{
    struct ohttp_response response;

    return ohttp_decode_response(in, &response);
}

static void rfc_9458_key_configuration_is_read(void **state)
{
    struct ohttp_key_config config;
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);
    (void)state;
    vector_hex("002d" RFC9458_KEY_CONFIG, &b);
    assert_true(ohttp_decode_keys(buffer_bytes(&b), &config));
    assert_int_equal(config.key_id, 1);
    assert_memory_equal(config.public_key, b.data + 5, OHTTP_KEY_LEN);
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts_keys);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), accepts_keys);
    try_every_single_byte(buffer_bytes(&b), accepts_keys);
}

/* Ours offers the first of its two suites only; all else is byte for byte the same. */
static void rfc_9458_key_configuration_is_written(void **state)
{
    struct ohttp_key_config config;
    _cleanup_buffer_ struct buffer theirs = buffer_up_to(1024);
    _cleanup_buffer_ struct buffer list = buffer_up_to(1024);
    _cleanup_buffer_ struct buffer ours = buffer_up_to(1024);
    (void)state;
    vector_hex(RFC9458_KEY_CONFIG, &theirs);
    vector_hex("002d" RFC9458_KEY_CONFIG, &list);
    assert_true(ohttp_decode_keys(buffer_bytes(&list), &config));
    assert_true(ohttp_encode_key_config(&config, &ours));
    assert_int_equal(theirs.data[36], 8); /* bytes of suites: two of four */
    theirs.data[36] = 4;
    theirs.len -= 4;
    assert_true(bytes_equal(buffer_bytes(&ours), buffer_bytes(&theirs)));
}

static void key_configurations_come_back_as_they_went(void **state)
{
    const struct ohttp_key_config config = {.key_id = 9, .public_key = {1, 2, 3}};
    struct ohttp_key_config back;
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);
    (void)state;
    assert_true(ohttp_encode_keys(&config, &b));
    assert_int_equal(b.len, 43);
    assert_true(ohttp_decode_keys(buffer_bytes(&b), &back));
    assert_memory_equal(&back, &config, sizeof(back));
}

#define KEY "31e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e798155"

static void the_first_of_our_suite_is_taken(void **state)
{
    struct ohttp_key_config config;
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);
    (void)state;
    vector_hex("0005"
               "0700100102",
               &b); /* a KEM of somebody else */
    vector_hex("0029"
               "080020" KEY "0004"
               "00010003",
               &b); /* another AEAD */
    vector_hex("0029"
               "090020" KEY "0004"
               "00010001",
               &b);
    vector_hex("0029"
               "0a0020" KEY "0004"
               "00010001",
               &b);
    assert_true(ohttp_decode_keys(buffer_bytes(&b), &config));
    assert_int_equal(config.key_id, 9);
}

static void malformed_lists_are_refused(void **state)
{
    static const char *const BAD[] = {
        "",
        "0000",
        "0002"
        "0100",
        "0029"
        "080020" KEY "0004"
        "00010003", /* not ours */
        "0025"
        "080020" KEY "0000", /* no suite */
        "0028"
        "080020" KEY "0003"
        "000100", /* half a suite */
        "002a"
        "080020" KEY "0004"
        "00010001"
        "00", /* a byte more */
        "0029"
        "080020" KEY "0004"
        "00010001"
        "0002"
        "0100", /* a bad second */
        "0029"
        "080020" KEY "0008"
        "00010001",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        if (keys_are(BAD[i]))
            fail_msg("accepted list %zu", i);
    assert_true(keys_are("0029"
                         "080020" KEY "0004"
                         "00010001"));
}

static void rfc_9458_request_is_taken_apart(void **state)
{
    struct ohttp_request request;
    uint8_t header[OHTTP_HEADER_LEN];
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);
    (void)state;
    vector_hex(RFC9458_SEALED_REQUEST, &b);
    assert_true(ohttp_decode_request(buffer_bytes(&b), &request));
    assert_int_equal(request.key_id, 1);
    ohttp_header(1, header);
    assert_memory_equal(request.header, header, OHTTP_HEADER_LEN);
    assert_memory_equal(b.data, header, OHTTP_HEADER_LEN);
    assert_ptr_equal(request.enc.data, b.data + 7);
    assert_int_equal(request.enc.len, 32);
    assert_int_equal(request.ciphertext.len, b.len - 39);
}

static void another_suite_is_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);
    (void)state;
    vector_hex(RFC9458_SEALED_REQUEST, &b);
    for (size_t i = 1; i < OHTTP_HEADER_LEN; i++) {
        b.data[i] ^= 2;
        assert_false(accepts_request(buffer_bytes(&b)));
        b.data[i] ^= 2;
    }
    assert_true(accepts_request(buffer_bytes(&b)));
}

static void messages_shorter_than_their_tag_are_refused(void **state)
{
    static uint8_t in[64] = {1, 0, 0x20, 0, 1, 0, 1};
    (void)state;
    assert_no_prefix_is_accepted(bytes_of(in, 7 + 32 + 16), accepts_request);
    assert_no_prefix_is_accepted(bytes_of(in, 16 + 16), accepts_response);
}

static void rfc_9458_response_is_taken_apart(void **state)
{
    struct ohttp_response response;
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);
    (void)state;
    vector_hex(RFC9458_SEALED_RESPONSE, &b);
    assert_true(ohttp_decode_response(buffer_bytes(&b), &response));
    assert_int_equal(response.nonce.len, 16);
    assert_int_equal(response.ciphertext.len, 19);
    assert_ptr_equal(response.ciphertext.data, b.data + 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_9458_key_configuration_is_read),
        cmocka_unit_test(rfc_9458_key_configuration_is_written),
        cmocka_unit_test(key_configurations_come_back_as_they_went),
        cmocka_unit_test(the_first_of_our_suite_is_taken),
        cmocka_unit_test(malformed_lists_are_refused),
        cmocka_unit_test(rfc_9458_request_is_taken_apart),
        cmocka_unit_test(another_suite_is_refused),
        cmocka_unit_test(messages_shorter_than_their_tag_are_refused),
        cmocka_unit_test(rfc_9458_response_is_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
