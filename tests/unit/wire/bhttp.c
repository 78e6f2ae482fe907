#include "wire/bhttp.h"
#include "test.h"

#include "../vectors.h"
#include "mutate.h"
#include "rfc9292.h"

static bool request_is(const char *hex)
{
    struct http_message m;
    _cleanup_buffer_ struct buffer b = buffer_up_to(4096);

    vector_hex(hex, &b);
    _cleanup_guard_ struct guard g = guard_for(b.len);
    return bhttp_decode_request(guard_place(&g, buffer_bytes(&b)), &m);
}

static bool response_is(const char *hex)
{
    struct http_message m;
    _cleanup_buffer_ struct buffer b = buffer_up_to(4096);

    vector_hex(hex, &b);
    _cleanup_guard_ struct guard g = guard_for(b.len);
    return bhttp_decode_response(guard_place(&g, buffer_bytes(&b)), &m);
}

static struct http_message sample_request(void)
{
    struct http_message m = {.method = bytes_of_text("POST"),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text("store.example:8443"),
                             .path = bytes_of_text("/api/trips?x=1"),
                             .content = bytes_of_text("{\"sale\":809}")};
    assert_true(http_add(&m, "content-type", bytes_of_text("application/json")));
    assert_true(http_add(&m, "date", bytes_of_text("Tue, 20 Apr 2021 02:07:55 GMT")));
    assert_true(http_add(&m, "empty", (struct bytes){0}));
    return m;
}

static void rfc_9292_request_is_read_and_written(void **state)
{
    struct http_message m;
    struct bytes value;
    _cleanup_buffer_ struct buffer in = buffer_up_to(4096);
    _cleanup_buffer_ struct buffer out = buffer_up_to(4096);
    (void)state;
    vector_hex(RFC9292_REQUEST, &in);
    assert_true(bhttp_decode_request(buffer_bytes(&in), &m));
    assert_true(bytes_equal_text(m.method, "GET"));
    assert_true(bytes_equal_text(m.scheme, "https"));
    assert_int_equal(m.authority.len, 0);
    assert_true(bytes_equal_text(m.path, "/hello.txt"));
    assert_int_equal(m.n_fields, 3);
    assert_true(http_get(&m, "host", &value));
    assert_true(bytes_equal_text(value, "www.example.com"));
    assert_int_equal(m.content.len, 0);
    assert_true(bhttp_encode_request(&m, &out));
    assert_true(bytes_equal(buffer_bytes(&out), buffer_bytes(&in)));
}

/* They are of indeterminate length, or have informational responses or trailers. */
static void the_other_examples_of_rfc_9292_are_refused(void **state)
{
    static const char *const OTHERS[] = {RFC9292_INDETERMINATE_REQUEST,
                                         RFC9292_INFORMATIONAL_RESPONSE, RFC9292_TRAILER_RESPONSE};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(OTHERS); i++)
        if (request_is(OTHERS[i]) || response_is(OTHERS[i]))
            fail_msg("accepted example %zu", i);
    assert_true(request_is(RFC9292_REQUEST));
    assert_false(response_is(RFC9292_REQUEST));
}

static void messages_come_back_as_they_went(void **state)
{
    const struct http_message m = sample_request();
    struct http_message back;
    struct bytes value;
    _cleanup_buffer_ struct buffer b = buffer_up_to(4096);
    (void)state;
    assert_true(bhttp_encode_request(&m, &b));
    assert_true(bhttp_pad(&b));
    assert_int_equal(b.len, 256);
    assert_true(bhttp_decode_request(buffer_bytes(&b), &back));
    assert_true(bytes_equal(back.authority, m.authority));
    assert_true(bytes_equal(back.path, m.path));
    assert_true(bytes_equal(back.content, m.content));
    assert_true(http_get(&back, "date", &value));
    assert_true(bytes_equal_text(value, "Tue, 20 Apr 2021 02:07:55 GMT"));
    assert_true(http_get(&back, "empty", &value));
    assert_int_equal(value.len, 0);
}

static void rfc_9292_truncations_are_accepted(void **state)
{
    (void)state;
    assert_true(response_is("0140c8"));
    assert_true(response_is("0140c800"));
    assert_true(response_is("0140c80000"));
    assert_true(response_is("0140c8000000"));
    assert_true(response_is("0140c8000000000000"));
    assert_true(response_is("0140c800016100"));
    assert_true(response_is("0140c8000161"));
    assert_true(request_is("00034745540568747470730b6578616d706c652e636f6d012f"));
    assert_false(request_is("00034745540568747470730b6578616d706c652e636f6d01"));
    assert_false(request_is("00034745540568747470730b6578616d706c652e636f6d"));
}

static void long_forms_of_lengths_mean_the_same(void **state)
{
    (void)state;
    assert_true(response_is("4001800000c8"
                            "4000"
                            "8000000161"
                            "c000000000000000"));
}

static void informational_trailers_and_indeterminate_are_refused(void **state)
{
    (void)state;
    assert_false(response_is("01406600"));             /* 102 first */
    assert_false(response_is("0140c800000401610162")); /* a trailer */
    assert_false(response_is("0340c8000000"));         /* indeterminate length */
    assert_false(request_is("02034745540568747470730161012f000000"));
    assert_false(response_is("00034745540568747470730161012f")); /* a request */
    assert_false(request_is("0140c8"));
    assert_false(response_is("014258")); /* 600 */
}

static void padding_is_zero(void **state)
{
    (void)state;
    assert_false(response_is("0140c800000001"));
    assert_false(response_is("0140c8000000000001"));
    assert_false(response_is("0140c8000000010000"));
}

/* Each field alone in a message. */
static bool field_is_accepted(struct bytes name, struct bytes value)
{
    struct http_message m = {.status = 200, .n_fields = 1, .fields = {{name, value}}};
    struct http_message back;
    uint8_t in[128];
    size_t n = 0;
    _cleanup_buffer_ struct buffer b = buffer_up_to(4096);

    memcpy(in, "\x01\x40\xc8", 3);
    in[3] = (uint8_t)(2 + name.len + value.len);
    in[4] = (uint8_t)name.len;
    memcpy(in + 5, name.data, name.len);
    in[5 + name.len] = (uint8_t)value.len;
    n = 6 + name.len;
    memcpy(in + n, value.data, value.len);
    bool read = bhttp_decode_response(bytes_of(in, n + value.len), &back);
    assert_int_equal(bhttp_encode_response(&m, &b), read);
    return read;
}

static void fields_that_could_mean_something_else_are_refused(void **state)
{
    static const char *const BAD_NAMES[] = {"", "Date", "a b", "a:", ":path", "a\n", "\x80", "a("};
    static const struct bytes BAD_VALUES[] = {
        {(const uint8_t *)"a\0b", 3}, {(const uint8_t *)"a\rb", 3},  {(const uint8_t *)"a\nb", 3},
        {(const uint8_t *)" a", 2},   {(const uint8_t *)"a ", 2},    {(const uint8_t *)"\ta", 2},
        {(const uint8_t *)"\x7f", 1}, {(const uint8_t *)"a\x1b[", 3}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD_NAMES); i++)
        if (field_is_accepted(bytes_of_text(BAD_NAMES[i]), bytes_of_text("v")))
            fail_msg("accepted the name '%s'", BAD_NAMES[i]);
    for (size_t i = 0; i < ARRAY_LEN(BAD_VALUES); i++)
        if (field_is_accepted(bytes_of_text("n"), BAD_VALUES[i]))
            fail_msg("accepted value %zu", i);
    assert_true(field_is_accepted(bytes_of_text("x-1"), bytes_of_text("a\tb \xc3\xbc")));
}

static void control_data_is_strict(void **state)
{
    static const char *const BAD[][4] = {
        {"", "https", "a", "/"},       {"G T", "https", "a", "/"},   {"GET", "", "a", "/"},
        {"GET", "https", "a b", "/"},  {"GET", "https", "a", ""},    {"GET", "https", "a", "x"},
        {"GET", "https", "a", "/ "},   {"GET", "https", "a\n", "/"}, {"GET", "ht tp", "a", "/"},
        {"GET", "https", "a", "/\x80"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        const struct http_message m = {.method = bytes_of_text(BAD[i][0]),
                                       .scheme = bytes_of_text(BAD[i][1]),
                                       .authority = bytes_of_text(BAD[i][2]),
                                       .path = bytes_of_text(BAD[i][3])};
        struct http_message back;
        _cleanup_buffer_ struct buffer b = buffer_up_to(256);
        assert_false(bhttp_encode_request(&m, &b));
        assert_true(buffer_append_u8(&b, 0));
        for (size_t k = 0; k < 4; k++)
            assert_true(buffer_append_u8(&b, (uint8_t)strlen(BAD[i][k])) &&
                        buffer_append_text(&b, BAD[i][k]));
        if (bhttp_decode_request(buffer_bytes(&b), &back))
            fail_msg("accepted request %zu", i);
    }
}

static void field_limits_hold_both_ways(void **state)
{
    static uint8_t big[LIMIT_FIELD_BYTES];
    struct http_message m = {.status = 200};
    struct http_message back;
    (void)state;
    memset(big, 'v', sizeof(big));
    for (size_t i = 0; i < LIMIT_FIELDS; i++)
        assert_true(http_add(&m, "n", (struct bytes){0}));
    assert_false(http_add(&m, "n", (struct bytes){0}));
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    assert_true(bhttp_encode_response(&m, &b));
    assert_true(bhttp_decode_response(buffer_bytes(&b), &back));
    assert_int_equal(back.n_fields, LIMIT_FIELDS);
    /* one field more by hand: the section's length is 3 bytes a field */
    buffer_clear(&b);
    assert_true(buffer_append(&b, "\x01\x40\xc8\x40", 4));
    assert_true(buffer_append_u8(&b, 3 * (LIMIT_FIELDS + 1)));
    for (size_t i = 0; i <= LIMIT_FIELDS; i++)
        assert_true(buffer_append(&b, "\x01n\0", 3));
    assert_false(bhttp_decode_response(buffer_bytes(&b), &back));

    struct http_message fits = {.status = 200,
                                .n_fields = 1,
                                .fields = {{bytes_of("n", 1), bytes_of(big, sizeof(big) - 1)}}};
    buffer_clear(&b);
    assert_true(bhttp_encode_response(&fits, &b));
    assert_true(bhttp_decode_response(buffer_bytes(&b), &back));
    fits.fields[0].value.len++;
    assert_false(bhttp_encode_response(&fits, &b));
}

static void padding_goes_to_the_next_bucket(void **state)
{
    static const size_t SIZES[][2] = {{0, 256},         {1, 256},        {256, 256},
                                      {257, 512},       {4096, 4096},    {4097, 8192},
                                      {65535, 65536},   {65536, 65536},  {65537, 131072},
                                      {131072, 131072}, {131073, 196608}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++) {
        _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(1));
        assert_non_null(buffer_extend(&b, SIZES[i][0]));
        assert_true(bhttp_pad(&b));
        assert_int_equal(b.len, SIZES[i][1]);
    }
    _cleanup_buffer_ struct buffer small = buffer_up_to(300);
    assert_non_null(buffer_extend(&small, 260));
    assert_false(bhttp_pad(&small));
}

static bool accepts_request(struct bytes in)
{
    struct http_message m;

    if (!bhttp_decode_request(in, &m))
        return false;
    _cleanup_buffer_ struct buffer again = buffer_up_to(4096);
    assert_true(bhttp_encode_request(&m, &again));
    return true;
}

static void prefixes_and_changed_bytes_are_survived(void **state)
{
    const struct http_message m = sample_request();
    _cleanup_buffer_ struct buffer b = buffer_up_to(4096);
    (void)state;
    assert_true(bhttp_encode_request(&m, &b));
    b.len -= 1; /* without the empty trailer section, no prefix may be a message... */
    _cleanup_guard_ struct guard g = guard_for(b.len);
    unsigned accepted = 0;
    for (size_t n = 0; n < b.len; n++)
        accepted += accepts_request(guard_place(&g, bytes_of(b.data, n)));
    assert_int_equal(accepted, 2); /* ...but those that end after control data or fields */
    try_every_single_byte(buffer_bytes(&b), accepts_request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_9292_request_is_read_and_written),
        cmocka_unit_test(the_other_examples_of_rfc_9292_are_refused),
        cmocka_unit_test(messages_come_back_as_they_went),
        cmocka_unit_test(rfc_9292_truncations_are_accepted),
        cmocka_unit_test(long_forms_of_lengths_mean_the_same),
        cmocka_unit_test(informational_trailers_and_indeterminate_are_refused),
        cmocka_unit_test(padding_is_zero),
        cmocka_unit_test(fields_that_could_mean_something_else_are_refused),
        cmocka_unit_test(control_data_is_strict),
        cmocka_unit_test(field_limits_hold_both_ways),
        cmocka_unit_test(padding_goes_to_the_next_bucket),
        cmocka_unit_test(prefixes_and_changed_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
