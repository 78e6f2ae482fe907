#include "base/fd.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/idevs-test-fd-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static void a_file_is_replaced_whole(void **state)
{
    char path[128];
    struct idevs_error err;
    _cleanup_buffer_ struct buffer b = buffer_up_to(100);
    (void)state;
    snprintf(path, sizeof(path), "%s/a", folder);
    assert_true(file_write(path, bytes_of_text("one"), 0600, &err));
    assert_true(file_write(path, bytes_of_text("two two"), 0600, &err));
    assert_true(file_read(path, &b, &err));
    assert_true(bytes_equal_text(buffer_bytes(&b), "two two"));
}

static void a_file_over_the_limit_is_refused(void **state)
{
    char path[128];
    struct idevs_error err;
    _cleanup_buffer_ struct buffer b = buffer_up_to(2);
    (void)state;
    snprintf(path, sizeof(path), "%s/b", folder);
    assert_true(file_write(path, bytes_of_text("abc"), 0600, &err));
    assert_false(file_read(path, &b, &err));
    assert_refused(&err, "file.too-large");
}

static void a_fifo_is_not_a_file(void **state)
{
    char path[128];
    struct idevs_error err;
    _cleanup_buffer_ struct buffer b = buffer_up_to(2);
    (void)state;
    snprintf(path, sizeof(path), "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(file_read(path, &b, &err));
    assert_refused(&err, "file.unreadable");
}

static void a_sealed_memfd_cannot_change(void **state)
{
    _cleanup_fd_ int fd = memfd_sealed("test", bytes_of_text("abc"));
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 0), -1);
}

static void descriptors_travel_with_their_message(void **state)
{
    int sock[2];
    int got[LIMIT_FDS];
    size_t n;
    _cleanup_buffer_ struct buffer b = buffer_up_to(64);
    _cleanup_buffer_ struct buffer content = buffer_up_to(64);
    _cleanup_fd_ int fd = memfd_sealed("test", bytes_of_text("inside"));
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
    assert_true(fd_send(sock[0], bytes_of_text("message"), &fd, 1));
    assert_true(fd_receive(sock[1], &b, got, &n));
    assert_int_equal(n, 1);
    assert_true(bytes_equal_text(buffer_bytes(&b), "message"));
    assert_true(fd_read_to_end(got[0], &content));
    assert_true(bytes_equal_text(buffer_bytes(&content), "inside"));
    fd_close(&got[0]);
    close(sock[0]);
    close(sock[1]);
}

static void a_message_over_the_limit_is_refused(void **state)
{
    int sock[2];
    int got[LIMIT_FDS];
    size_t n;
    _cleanup_buffer_ struct buffer b = buffer_up_to(4);
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
    assert_true(fd_send(sock[0], bytes_of_text("message"), NULL, 0));
    assert_false(fd_receive(sock[1], &b, got, &n));
    assert_int_equal(errno, EMSGSIZE);
    close(sock[0]);
    close(sock[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_whole),
        cmocka_unit_test(a_file_over_the_limit_is_refused),
        cmocka_unit_test(a_fifo_is_not_a_file),
        cmocka_unit_test(a_sealed_memfd_cannot_change),
        cmocka_unit_test(descriptors_travel_with_their_message),
        cmocka_unit_test(a_message_over_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
