#include "warden/toolchain.h"
#include "../test.h"
#include "base/text.h"
#include "folder.h"

#include <string.h>

static void digest_of(const char *folder, uint8_t ret[SHA256_LEN])
{
    struct idevs_error err;

    if (!toolchain_digest(folder, ret, &err))
        fail_msg("%s: %s", err.code, err.found);
}

static char *small_root(void)
{
    char *folder = folder_fresh();
    _cleanup_text_ char *bin = alloc_format("%s/bin", folder);
    _cleanup_text_ char *link = alloc_format("%s/link", folder);

    assert_int_equal(mkdir(bin, 0755), 0);
    folder_put(folder, "bin/gcc", bytes_of_text("compiler"));
    folder_put(folder, "a", bytes_of_text("a"));
    assert_int_equal(symlink("bin", link), 0);
    return folder;
}

/* As toolchain.h says it, put together by hand. */
static void the_digest_is_of_sorted_paths_and_contents(void **state)
{
    _cleanup_folder_ char *folder = small_root();
    static const char *const ENTRIES[][2] = {{"a", "a"}, {"bin/gcc", "compiler"}, {"link", "bin"}};
    struct sha256_run *run = sha256_begin();
    uint8_t wanted[SHA256_LEN];
    uint8_t found[SHA256_LEN];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ENTRIES); i++) {
        uint8_t digest[SHA256_LEN];
        sha256(bytes_of_text(ENTRIES[i][1]), digest);
        sha256_add(run, bytes_of(ENTRIES[i][0], strlen(ENTRIES[i][0]) + 1));
        sha256_add(run, bytes_of(digest, sizeof(digest)));
    }
    sha256_end(run, wanted);
    digest_of(folder, found);
    assert_memory_equal(wanted, found, SHA256_LEN);
}

static void a_toolchain_that_changed_is_refused(void **state)
{
    _cleanup_folder_ char *folder = folder_fresh();
    _cleanup_text_ char *root = alloc_format("%s/root", folder);
    uint8_t digest[SHA256_LEN];
    char text[2 * SHA256_LEN + 2];
    struct idevs_error err;

    (void)state;
    assert_int_equal(mkdir(root, 0755), 0);
    folder_put(root, "gcc", bytes_of_text("compiler"));
    digest_of(root, digest);
    hex_text(digest, SHA256_LEN, text);
    text[2 * SHA256_LEN] = '\n';
    folder_put(folder, "root.digest", bytes_of(text, 2 * SHA256_LEN + 1));
    assert_true(toolchain_verify(root, digest, &err));
    folder_put(root, "gcc", bytes_of_text("Compiler"));
    assert_false(toolchain_verify(root, digest, &err));
    assert_refused(&err, "build.toolchain");
    folder_put(root, "gcc", bytes_of_text("compiler"));
    folder_put(root, "more", bytes_of_text(""));
    assert_false(toolchain_verify(root, digest, &err));
    folder_put(folder, "root.digest", bytes_of_text("garbage"));
    assert_false(toolchain_verify(root, digest, &err));
    assert_refused(&err, "build.toolchain");
}

static void what_others_may_write_is_no_toolchain(void **state)
{
    _cleanup_folder_ char *folder = small_root();
    _cleanup_text_ char *path = alloc_format("%s/bin/gcc", folder);
    _cleanup_text_ char *pipe = alloc_format("%s/pipe", folder);
    uint8_t digest[SHA256_LEN];
    struct idevs_error err;

    (void)state;
    assert_int_equal(chmod(path, 0775), 0);
    assert_false(toolchain_digest(folder, digest, &err));
    assert_refused(&err, "build.toolchain");
    assert_int_equal(chmod(path, 0755), 0);
    assert_true(toolchain_digest(folder, digest, &err));
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_false(toolchain_digest(folder, digest, &err));
    assert_refused(&err, "build.toolchain");
}

static void an_empty_folder_is_no_toolchain(void **state)
{
    _cleanup_folder_ char *folder = folder_fresh();
    uint8_t digest[SHA256_LEN];
    struct idevs_error err;

    (void)state;
    assert_false(toolchain_digest(folder, digest, &err));
    assert_refused(&err, "build.toolchain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digest_is_of_sorted_paths_and_contents),
        cmocka_unit_test(a_toolchain_that_changed_is_refused),
        cmocka_unit_test(what_others_may_write_is_no_toolchain),
        cmocka_unit_test(an_empty_folder_is_no_toolchain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
