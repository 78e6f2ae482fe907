/* Kernels that are none: what `idevs-warden guest` does with files that lie about themselves. */
#include "warden/guest.h"
#include "../test.h"
#include "folder.h"

#include <unistd.h>

/* Sectors 1, magic; the payload's place and length follow. */
static struct buffer kernel_with(uint32_t from, uint32_t length, const char *payload)
{
    struct buffer b = buffer_up_to(8192);
    uint8_t *p = buffer_extend(&b, 1024);

    assert_non_null(p);
    memset(p, 0, 1024);
    p[0x1f1] = 1;
    memcpy(p + 0x202, "HdrS", 4);
    for (unsigned i = 0; i < 4; i++) {
        p[0x248 + i] = (uint8_t)(from >> (8 * i));
        p[0x24c + i] = (uint8_t)(length >> (8 * i));
    }
    assert_true(buffer_append_text(&b, payload));
    return b;
}

static void assert_kernel_refused(struct bytes kernel, const char *found)
{
    _cleanup_folder_ char *folder = folder_fresh();
    _cleanup_text_ char *path = alloc_format("%s/boot/vmlinuz-1", folder);
    _cleanup_text_ char *boot = alloc_format("%s/boot", folder);
    _cleanup_text_ char *out = alloc_format("%s/guest", folder);
    _cleanup_text_ char *part = alloc_format("%s/guest.new", folder);
    const struct guest_options options = {out, path, "/bin/true", "/bin/true"};
    struct idevs_error err;

    assert_true(folder_make(boot, 0755, &err) && file_write(path, kernel, 0644, &err));
    assert_false(guest_make(&options, &err));
    assert_refused(&err, "compartment.missing");
    if (!strstr(err.found, found))
        fail_msg("'%s' is not in '%s'", found, err.found);
    assert_int_equal(access(out, F_OK), -1);
    assert_int_equal(access(part, F_OK), -1);
}

static void what_is_no_kernel_is_refused_and_leaves_nothing(void **state)
{
    static const struct {
        uint32_t from;
        uint32_t length;
        const char *payload;
        const char *found;
    } KERNELS[] = {
        {0, 8, "garbage.", "vmlinuz-1"},                   /* of no compressor */
        {0, 4, "garbage.", "vmlinuz-1"},                   /* no longer than its own end */
        {9, 8, "garbage.", "vmlinuz-1"},                   /* begins past the file */
        {0, 9, "garbage.", "vmlinuz-1"},                   /* ends past it */
        {UINT32_MAX, UINT32_MAX, "garbage.", "vmlinuz-1"}, /* sums that overflow */
        {0, 16, "\x1f\x8bgarbage.......", "gzip"},         /* does not unpack */
    };

    (void)state;
    assert_kernel_refused(bytes_of_text("MZ"), "vmlinuz-1");
    for (size_t i = 0; i < ARRAY_LEN(KERNELS); i++) {
        _cleanup_buffer_ struct buffer b =
            kernel_with(KERNELS[i].from, KERNELS[i].length, KERNELS[i].payload);
        assert_kernel_refused(buffer_bytes(&b), KERNELS[i].found);
    }
}

static void a_folder_that_is_there_is_left_alone(void **state)
{
    _cleanup_folder_ char *folder = folder_fresh();
    const struct guest_options options = {folder, "/boot/vmlinuz-1", "/bin/true", "/bin/true"};
    struct idevs_error err;

    (void)state;
    assert_false(guest_make(&options, &err));
    assert_refused(&err, "compartment.missing");
    assert_non_null(strstr(err.found, "exists"));
    assert_int_equal(access(folder, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_kernel_is_refused_and_leaves_nothing),
        cmocka_unit_test(a_folder_that_is_there_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
