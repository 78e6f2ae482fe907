#include "warden/executables.h"
#include "../test.h"
#include "base/fd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t UNKNOWN[SHA256_LEN];

/* A file of `size` bytes, each `byte`, and its digest. */
static int file_of(uint8_t byte, size_t size, uint8_t ret[SHA256_LEN])
{
    uint8_t *bytes = malloc(size);
    int fd = memfd_create("file", MFD_CLOEXEC);

    assert_non_null(bytes);
    memset(bytes, byte, size);
    assert_true(fd >= 0 && fd_write_all(fd, bytes, size));
    sha256(bytes_of(bytes, size), ret);
    free(bytes);
    return fd;
}

static ino_t inode(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

/* What was taken has digest `wanted`; its inode tells a copy from one that was kept. */
static ino_t take(struct executables *kept, int fd, const uint8_t said[SHA256_LEN],
                  const uint8_t wanted[SHA256_LEN])
{
    uint8_t digest[SHA256_LEN];
    struct idevs_error err;
    _cleanup_fd_ int sealed = executables_take(kept, fd, said, "internal", digest, &err);

    assert_true(sealed >= 0);
    assert_memory_equal(digest, wanted, SHA256_LEN);
    assert_int_equal(write(sealed, "x", 1), -1);
    return inode(sealed);
}

static void what_was_measured_is_not_copied_again(void **state)
{
    struct executables kept = {.uses = 0};
    uint8_t digest[SHA256_LEN];
    _cleanup_fd_ int fd = file_of('a', 1000, digest);

    (void)state;
    ino_t first = take(&kept, fd, UNKNOWN, digest);
    assert_int_equal(take(&kept, fd, digest, digest), first);
    assert_int_not_equal(first, inode(fd));
    executables_close(&kept);
}

static void a_name_is_not_believed(void **state)
{
    struct executables kept = {.uses = 0};
    uint8_t a[SHA256_LEN];
    uint8_t b[SHA256_LEN];
    _cleanup_fd_ int file_a = file_of('a', 1000, a);
    _cleanup_fd_ int file_b = file_of('b', 1000, b);

    (void)state;
    take(&kept, file_b, a, b); /* said to be a */
    ino_t is_a = take(&kept, file_a, a, a);
    assert_int_equal(take(&kept, file_b, a, a), is_a); /* what runs is what is claimed */
    executables_close(&kept);
}

static void a_file_that_changes_later_changes_nothing(void **state)
{
    struct executables kept = {.uses = 0};
    uint8_t digest[SHA256_LEN];
    uint8_t changed[SHA256_LEN];
    _cleanup_fd_ int fd = file_of('a', 3, digest);

    (void)state;
    take(&kept, fd, digest, digest);
    assert_int_equal(pwrite(fd, "b", 1, 0), 1);
    sha256(bytes_of_text("baa"), changed);
    take(&kept, fd, digest, digest);
    take(&kept, fd, changed, changed);
    executables_close(&kept);
}

static void the_one_unused_longest_goes_first(void **state)
{
    struct executables kept = {.uses = 0};
    uint8_t digest[LIMIT_KEPT_EXECUTABLES + 1][SHA256_LEN];
    int fd[LIMIT_KEPT_EXECUTABLES + 1];
    ino_t first[LIMIT_KEPT_EXECUTABLES + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
        fd[i] = file_of((uint8_t)i, 10, digest[i]);
        first[i] = take(&kept, fd[i], digest[i], digest[i]);
        take(&kept, fd[0], digest[0], digest[0]); /* always in use */
    }
    assert_int_equal(take(&kept, fd[0], digest[0], digest[0]), first[0]);
    assert_int_equal(take(&kept, fd[2], digest[2], digest[2]), first[2]);
    assert_int_not_equal(take(&kept, fd[1], digest[1], digest[1]), first[1]);
    for (size_t i = 0; i < ARRAY_LEN(fd); i++)
        close(fd[i]);
    executables_close(&kept);
}

/* Each is at the limit of one executable: there is room for two. */
static void no_more_bytes_are_kept_than_the_limit(void **state)
{
    struct executables kept = {.uses = 0};
    uint8_t digest[3][SHA256_LEN];
    int fd[3];
    ino_t first[3];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
        fd[i] = file_of((uint8_t)i, LIMIT_EXECUTABLE, digest[i]);
        first[i] = take(&kept, fd[i], digest[i], digest[i]);
    }
    assert_int_equal(take(&kept, fd[2], digest[2], digest[2]), first[2]);
    assert_int_equal(take(&kept, fd[1], digest[1], digest[1]), first[1]);
    assert_int_not_equal(take(&kept, fd[0], digest[0], digest[0]), first[0]);
    for (size_t i = 0; i < ARRAY_LEN(fd); i++)
        close(fd[i]);
    executables_close(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_measured_is_not_copied_again),
        cmocka_unit_test(a_name_is_not_believed),
        cmocka_unit_test(a_file_that_changes_later_changes_nothing),
        cmocka_unit_test(the_one_unused_longest_goes_first),
        cmocka_unit_test(no_more_bytes_are_kept_than_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
