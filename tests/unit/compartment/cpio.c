#include "compartment/cpio.h"
#include "../test.h"

#include <sys/stat.h>

static struct buffer archive_of(const char *name, struct bytes content)
{
    struct buffer b = buffer_up_to(4096);

    assert_true(cpio_add(&b, name, S_IFREG | 0755, content));
    assert_true(cpio_end(&b));
    return b;
}

/* Written by hand after the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. */
static void an_archive_is_these_bytes(void **state)
{
    static const char expected[] = "070701"
                                   "00000000" /* inode */
                                   "000081ed" /* mode */
                                   "00000000" /* user */
                                   "00000000" /* group */
                                   "00000001" /* links */
                                   "00000000" /* time */
                                   "00000005" /* length */
                                   "00000000"
                                   "00000000"
                                   "00000000"
                                   "00000000"
                                   "00000005" /* of the name */
                                   "00000000"
                                   "init\0\0"
                                   "hello\0\0\0"
                                   "070701"
                                   "00000000"
                                   "00000000"
                                   "00000000"
                                   "00000000"
                                   "00000001"
                                   "00000000"
                                   "00000000"
                                   "00000000"
                                   "00000000"
                                   "00000000"
                                   "00000000"
                                   "0000000b"
                                   "00000000"
                                   "TRAILER!!!\0\0\0";
    _cleanup_buffer_ struct buffer b = archive_of("init", bytes_of_text("hello"));

    (void)state;
    assert_int_equal(b.len, sizeof(expected)); /* its own NUL is the last one of the padding */
    assert_memory_equal(b.data, expected, b.len);
}

static void every_part_begins_at_a_multiple_of_four(void **state)
{
    static const uint8_t content[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    char name[16] = "";

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        name[i] = 'n';
        _cleanup_buffer_ struct buffer b = archive_of(name, bytes_of(content, i));
        assert_int_equal(b.len % 4, 0);
        size_t at = (110 + i + 2 + 3) / 4 * 4; /* head, name and NUL, up to the next one */
        assert_memory_equal(b.data + at, content, i);
        assert_memory_equal(b.data + (at + i + 3) / 4 * 4, "070701", 6);
    }
}

static void what_has_no_room_is_refused(void **state)
{
    struct buffer small = buffer_up_to(120);

    (void)state;
    assert_false(cpio_add(&small, "init", S_IFREG | 0755, bytes_of_text("hello")));
    buffer_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_archive_is_these_bytes),
        cmocka_unit_test(every_part_begins_at_a_multiple_of_four),
        cmocka_unit_test(what_has_no_room_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
