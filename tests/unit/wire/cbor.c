#include "wire/cbor.h"
#include "test.h"

#include "../vectors.h"
#include "mutate.h"

static bool is_valid_hex(const char *hex)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);

    vector_hex(hex, &b);
    _cleanup_guard_ struct guard g = guard_for(b.len);
    return cbor_is_valid(guard_place(&g, buffer_bytes(&b)));
}

static void rfc_8949_examples_are_valid(void **state)
{
    static const char *const GOOD[] = {"00",
                                       "01",
                                       "0a",
                                       "17",
                                       "1818",
                                       "1819",
                                       "1864",
                                       "1903e8",
                                       "1a000f4240",
                                       "1b000000e8d4a51000",
                                       "1bffffffffffffffff",
                                       "3bffffffffffffffff",
                                       "20",
                                       "29",
                                       "3863",
                                       "3903e7",
                                       "f4",
                                       "f5",
                                       "f6",
                                       "c11a514b67b0",
                                       "d74401020304",
                                       "d818456449455446",
                                       "40",
                                       "4401020304",
                                       "60",
                                       "6161",
                                       "6449455446",
                                       "62225c",
                                       "62c3bc",
                                       "63e6b0b4",
                                       "64f0908591",
                                       "80",
                                       "83010203",
                                       "8301820203820405",
                                       "a0",
                                       "a201020304",
                                       "a26161016162820203",
                                       "826161a161626163",
                                       "a56161614161626142616361436164614461656145"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++)
        if (!is_valid_hex(GOOD[i]))
            fail_msg("refused %s", GOOD[i]);
}

static void what_is_not_deterministic_is_refused(void **state)
{
    static const char *const BAD[] = {
        "1817", /* 23 in two bytes */
        "190018",
        "1a00000100",
        "1b0000000000000001",
        "3800",
        "5801aa",
        "7803616263",
        "9801f4",
        "b80100f4",
        "d80101",
        "5f42010243030405ff", /* indefinite lengths */
        "7f657374726561646d696e67ff",
        "9fff",
        "bfff",
        "9f01ff",
        "bf616101ff",
        "a202000100", /* keys out of order */
        "a201000100", /* a key twice */
        "a2616200616100",
        "a2187f000100",
        "a220000100",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        if (is_valid_hex(BAD[i]))
            fail_msg("accepted %s", BAD[i]);
}

static void floats_and_other_simple_values_are_refused(void **state)
{
    static const char *const BAD[] = {
        "f90000", "fa47c35000", "fb3ff199999999999a", "f7", "e0", "f0", "f818", "f8ff", "ff"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        if (is_valid_hex(BAD[i]))
            fail_msg("accepted %s", BAD[i]);
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    static const char *const BAD[] = {"6180",       "61ff",       "62c080",    "62c1bf",
                                      "63e08080",   "63eda080",   "63edbfbf",  "64f0808080",
                                      "64f4908080", "64f5808080", "62c328",    "61c3",
                                      "62e6b0",     "63f09085",   "64f8888080"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        if (is_valid_hex(BAD[i]))
            fail_msg("accepted %s", BAD[i]);
    assert_true(is_valid_hex("64f48fbfbf"));
    assert_true(is_valid_hex("63ed9fbf"));
    assert_true(is_valid_hex("63ee8080"));
}

static void lengths_beyond_the_input_are_refused(void **state)
{
    static const char *const BAD[] = {"",
                                      "18",
                                      "1900",
                                      "41",
                                      "5bffffffffffffffff",
                                      "5affffffff",
                                      "81",
                                      "9bffffffffffffffff",
                                      "a1",
                                      "a100",
                                      "bbffffffffffffffff",
                                      "c1",
                                      "1c",
                                      "1d",
                                      "1e"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        if (is_valid_hex(BAD[i]))
            fail_msg("accepted %s", BAD[i]);
}

static void nesting_is_at_most_sixteen(void **state)
{
    uint8_t in[18];
    (void)state;
    memset(in, 0x81, sizeof(in));
    in[16] = 0;
    assert_true(cbor_is_valid(bytes_of(in, 17)));
    in[16] = 0x81;
    in[17] = 0;
    assert_false(cbor_is_valid(bytes_of(in, 18)));
    memset(in, 0xc1, sizeof(in));
    in[17] = 0;
    assert_false(cbor_is_valid(bytes_of(in, 18)));
}

static void counts_that_the_input_cannot_hold_are_refused(void **state)
{
    size_t n = 77;
    struct reader array = reader_of(bytes_of("\x83\x01\x02", 3));
    struct reader map = reader_of(bytes_of("\xa2\x01\x02\x03", 4));
    (void)state;
    assert_false(cbor_get_array(&array, &n));
    assert_false(cbor_get_map(&map, &n));
    assert_int_equal(n, 77);
    assert_int_equal(reader_left(&array), 3);
}

static void integers_come_back_as_they_were_put(void **state)
{
    static const int64_t VALUES[] = {0,     23,         24,         255,       256,      65535,
                                     65536, 4294967295, 4294967296, INT64_MAX, -1,       -24,
                                     -25,   -256,       -257,       -70025,    INT64_MIN};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(VALUES); i++) {
        _cleanup_buffer_ struct buffer b = buffer_up_to(16);
        int64_t v = 0;
        assert_true(cbor_put_int(&b, VALUES[i]));
        assert_true(cbor_is_valid(buffer_bytes(&b)));
        struct reader r = reader_of(buffer_bytes(&b));
        assert_true(cbor_get_int(&r, &v));
        assert_true(v == VALUES[i]);
        assert_int_equal(reader_left(&r), 0);
    }
}

static void integers_beyond_int64_are_refused(void **state)
{
    struct reader up = reader_of(bytes_of("\x1b\x80\0\0\0\0\0\0\0", 9));
    struct reader down = reader_of(bytes_of("\x3b\x80\0\0\0\0\0\0\0", 9));
    int64_t v;
    uint64_t u;
    (void)state;
    assert_false(cbor_get_int(&up, &v));
    assert_false(cbor_get_int(&down, &v));
    assert_true(cbor_get_uint(&up, &u));
}

static void another_type_moves_nothing(void **state)
{
    struct reader r = reader_of(bytes_of("\x61z", 2));
    uint64_t u;
    int64_t i;
    struct bytes s;
    size_t n;
    bool flag;
    (void)state;
    assert_false(cbor_get_uint(&r, &u));
    assert_false(cbor_get_int(&r, &i));
    assert_false(cbor_get_bytes(&r, &s));
    assert_false(cbor_get_array(&r, &n));
    assert_false(cbor_get_map(&r, &n));
    assert_false(cbor_get_tag(&r, &u));
    assert_false(cbor_get_bool(&r, &flag));
    assert_false(cbor_get_null(&r));
    assert_int_equal(reader_left(&r), 2);
    assert_true(cbor_get_text(&r, &s));
    assert_true(bytes_equal_text(s, "z"));
}

static void a_full_buffer_keeps_no_half_string(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(4);
    (void)state;
    assert_false(cbor_put_bytes(&b, bytes_of("abcd", 4)));
    assert_int_equal(b.len, 0);
    assert_true(cbor_put_text(&b, bytes_of("abc", 3)));
}

/* Sums keys and values of a map of small integers; -1 when the walk says no. */
static int64_t walk(const void *in, size_t len)
{
    struct reader r = reader_of(bytes_of(in, len));
    struct cbor_map map;
    int64_t key;
    int64_t sum = 0;

    if (!cbor_map_begin(&r, &map))
        return -1;
    while (cbor_map_next(&map, &key)) {
        int64_t value;
        if (!cbor_get_int(&r, &value))
            return -1;
        sum += key * value;
    }
    return cbor_map_done(&map) ? sum : -1;
}

static void map_walk_checks_order_and_count(void **state)
{
    (void)state;
    assert_int_equal(walk("\xa2\x01\x02\x03\x04", 5), 14);
    assert_int_equal(walk("\xa2\x01\x02\x20\x04", 5), -2); /* negative keys come after */
    assert_int_equal(walk("\xa0", 1), 0);
    assert_int_equal(walk("\xa2\x03\x04\x01\x02", 5), -1);
    assert_int_equal(walk("\xa2\x01\x04\x01\x02", 5), -1);
    assert_int_equal(walk("\xa2\x01\x02\x61\x41\x02", 6), -1);
    assert_int_equal(walk("\xa3\x01\x02\x03\x04\x05", 6), -1);
}

static void a_walk_that_stops_early_is_not_done(void **state)
{
    struct reader r = reader_of(bytes_of("\xa2\x01\x02\x03\x04", 5));
    struct cbor_map map;
    int64_t key;
    int64_t value;
    (void)state;
    assert_true(cbor_map_begin(&r, &map));
    assert_false(cbor_map_done(&map));
    assert_true(cbor_map_next(&map, &key));
    assert_true(cbor_get_int(&r, &value));
    assert_false(cbor_map_done(&map));
    assert_true(cbor_map_next(&map, &key));
    assert_true(cbor_map_done(&map));
}

static void skip_returns_the_encoding(void **state)
{
    struct reader r = reader_of(bytes_of("\xa1\x01\x82\x02\x03\x05", 6));
    struct bytes item;
    (void)state;
    assert_true(cbor_skip(&r, &item));
    assert_int_equal(item.len, 5);
    assert_int_equal(reader_left(&r), 1);
}

static void prefixes_and_changed_bytes_are_survived(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(256);
    (void)state;
    vector_hex("a5018202f503426162187864c3bcc3bc20d81881f4636b6579a26161016162820203", &b);
    assert_no_prefix_is_accepted(buffer_bytes(&b), cbor_is_valid);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), cbor_is_valid);
    try_every_single_byte(buffer_bytes(&b), cbor_is_valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_8949_examples_are_valid),
        cmocka_unit_test(what_is_not_deterministic_is_refused),
        cmocka_unit_test(floats_and_other_simple_values_are_refused),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(lengths_beyond_the_input_are_refused),
        cmocka_unit_test(nesting_is_at_most_sixteen),
        cmocka_unit_test(counts_that_the_input_cannot_hold_are_refused),
        cmocka_unit_test(integers_come_back_as_they_were_put),
        cmocka_unit_test(integers_beyond_int64_are_refused),
        cmocka_unit_test(another_type_moves_nothing),
        cmocka_unit_test(a_full_buffer_keeps_no_half_string),
        cmocka_unit_test(map_walk_checks_order_and_count),
        cmocka_unit_test(a_walk_that_stops_early_is_not_done),
        cmocka_unit_test(skip_returns_the_encoding),
        cmocka_unit_test(prefixes_and_changed_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
