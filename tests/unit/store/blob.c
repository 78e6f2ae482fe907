#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "store/store.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* SHA-256 of "abc" (FIPS 180-4, example). */
static const char ABC[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/idevs-blob-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static char *path_of_abc(void)
{
    return alloc_format("%s/%.2s/%s", folder, ABC, ABC + 2);
}

static int remove_folder(void **state)
{
    _cleanup_text_ char *path = path_of_abc();
    _cleanup_text_ char *sub = alloc_format("%s/%.2s", folder, ABC);

    (void)state;
    unlink(path);
    rmdir(sub);
    return rmdir(folder);
}

static void a_blob_is_found_under_its_digest(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(64);
    _cleanup_text_ char *path = path_of_abc();
    struct idevs_error err;
    uint8_t digest[32];
    char hex[65];
    struct stat st;

    (void)state;
    assert_true(blob_put(folder, bytes_of_text("abc"), digest, &err));
    assert_true(blob_put(folder, bytes_of_text("abc"), digest, &err)); /* again is fine */
    hex_text(digest, 32, hex);
    assert_string_equal(hex, ABC);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_true(blob_exists(folder, digest));
    assert_true(blob_get(folder, digest, &b, &err));
    assert_true(bytes_equal_text(buffer_bytes(&b), "abc"));
    blob_remove(folder, digest);
    assert_false(blob_exists(folder, digest));
    assert_false(blob_get(folder, digest, &b, &err));
    assert_refused(&err, "api.not-found");
}

static void a_damaged_blob_is_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(64);
    _cleanup_text_ char *path = path_of_abc();
    struct idevs_error err = {0};
    uint8_t digest[32];

    (void)state;
    assert_true(blob_put(folder, bytes_of_text("abc"), digest, &err));
    assert_true(file_write(path, bytes_of_text("abd"), 0640, &err));
    assert_false(blob_get(folder, digest, &b, &err));
    assert_refused(&err, "state.unusable");
}

static void a_blob_past_the_buffer_is_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(2);
    struct idevs_error err = {0};
    uint8_t digest[32];

    (void)state;
    assert_true(blob_put(folder, bytes_of_text("abc"), digest, &err));
    assert_false(blob_get(folder, digest, &b, &err));
    assert_refused(&err, "file.too-large");
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(a_blob_is_found_under_its_digest),
        in_folder(a_damaged_blob_is_refused),
        in_folder(a_blob_past_the_buffer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
