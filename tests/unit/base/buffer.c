#include "base/buffer.h"
#include "test.h"

static void never_grows_past_its_maximum(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(5);
    (void)state;
    assert_true(buffer_append_text(&b, "abc"));
    assert_false(buffer_append_text(&b, "def"));
    assert_true(bytes_equal_text(buffer_bytes(&b), "abc"));
    assert_true(buffer_append_text(&b, "de"));
    assert_false(buffer_append_u8(&b, 0));
}

static void a_failed_format_changes_nothing(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(4);
    (void)state;
    assert_true(buffer_append_format(&b, "%d", 12));
    assert_false(buffer_append_format(&b, "%d", 345));
    assert_true(bytes_equal_text(buffer_bytes(&b), "12"));
}

static void integers_are_big_endian_both_ways(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(64);
    uint8_t one = 0;
    uint16_t two = 0;
    uint32_t four = 0;
    uint64_t eight = 0;
    (void)state;
    assert_true(buffer_append_u8(&b, 1) && buffer_append_u16(&b, 0x203) &&
                buffer_append_u32(&b, 0x4050607) && buffer_append_u64(&b, 0x8090a0b0c0d0e0f));
    struct reader r = reader_of(buffer_bytes(&b));
    assert_true(reader_u8(&r, &one) && reader_u16(&r, &two) && reader_u32(&r, &four) &&
                reader_u64(&r, &eight));
    assert_int_equal(one, 1);
    assert_int_equal(two, 0x203);
    assert_int_equal(four, 0x4050607);
    assert_true(eight == 0x8090a0b0c0d0e0f);
    assert_int_equal(b.data[1], 2);
    assert_int_equal(reader_left(&r), 0);
}

static void a_short_read_moves_nothing(void **state)
{
    struct reader r = reader_of(bytes_of("abc", 3));
    uint32_t v;
    struct bytes out;
    (void)state;
    assert_false(reader_u32(&r, &v));
    assert_false(reader_bytes(&r, 4, &out));
    assert_int_equal(reader_left(&r), 3);
    assert_true(reader_bytes(&r, 3, &out));
}

static void consuming_keeps_the_rest(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(1000);
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(buffer_append_text(&b, "0123456789"));
    buffer_consume(&b, 995);
    assert_true(bytes_equal_text(buffer_bytes(&b), "56789"));
    buffer_consume(&b, 50);
    assert_int_equal(b.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_grows_past_its_maximum),
        cmocka_unit_test(a_failed_format_changes_nothing),
        cmocka_unit_test(integers_are_big_endian_both_ways),
        cmocka_unit_test(a_short_read_moves_nothing),
        cmocka_unit_test(consuming_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
