#include "wire/cmw.h"
#include "test.h"

#include "mutate.h"

static bool accepts(struct bytes in)
{
    struct bytes type;
    struct bytes value;

    if (!cmw_decode(in, &type, &value))
        return false;
    char text[256];
    assert_true(type.len < sizeof(text));
    memcpy(text, type.data, type.len);
    text[type.len] = 0;
    _cleanup_buffer_ struct buffer again = buffer_up_to(1024);
    assert_true(cmw_encode(text, value, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

/* The record [ "application/vnd.example.rats-conceptual-msg", h'2347da55' ] of RFC 9999. */
static void the_rfcs_record_is_written_and_read(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(256);
    struct bytes type;
    struct bytes value;
    (void)state;
    assert_true(cmw_encode("application/vnd.example.rats-conceptual-msg",
                           bytes_of("\x23\x47\xda\x55", 4), &b));
    assert_memory_equal(b.data,
                        "\x82\x78\x2b"
                        "application/",
                        15);
    assert_memory_equal(b.data + b.len - 5, "\x44\x23\x47\xda\x55", 5);
    assert_true(cmw_decode(buffer_bytes(&b), &type, &value));
    assert_true(bytes_equal_text(type, "application/vnd.example.rats-conceptual-msg"));
    assert_int_equal(value.len, 4);
}

static void other_forms_are_refused(void **state)
{
    static const struct bytes BAD[] = {
        {(const uint8_t *)"\x82\x19\xfd\xe7\x41\x01", 6}, /* a content format */
        {(const uint8_t *)"\x83\x63"
                          "a/b\x41\x01\x03",
         8}, /* with indicator */
        {(const uint8_t *)"\x81\x63"
                          "a/b",
         5},
        {(const uint8_t *)"\x82\x63"
                          "a/b\x61z",
         7}, /* text value */
        {(const uint8_t *)"\x82\x61"
                          "a\x41\x01",
         5}, /* not a media type */
        {(const uint8_t *)"\x82\x62"
                          "/b\x41\x01",
         6},
        {(const uint8_t *)"\x82\x62"
                          "a/\x41\x01",
         6},
        {(const uint8_t *)"\x82\x64"
                          "a/ b\x41\x01",
         8},
        {(const uint8_t *)"\xda\x63\x74\x01\x01\x41\x01", 7}, /* a CBOR tag */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        if (accepts(BAD[i]))
            fail_msg("accepted case %zu", i);
    _cleanup_buffer_ struct buffer b = buffer_up_to(64);
    assert_false(cmw_encode("text", (struct bytes){0}, &b));
}

static void prefixes_and_changed_bytes_are_survived(void **state)
{
    const struct bytes good = bytes_of("\x82\x63"
                                       "a/b\x42\x01\x02",
                                       8);
    (void)state;
    assert_no_prefix_is_accepted(good, accepts);
    assert_no_trailing_byte_is_accepted(good, accepts);
    try_every_single_byte(good, accepts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfcs_record_is_written_and_read),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(prefixes_and_changed_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
