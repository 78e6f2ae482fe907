#include "sandbox/sandbox.h"
#include "base/fd.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/idevs-test-sandbox-XXXXXX";
static char inside[64];

/* Runs `attempt` in a child that entered a sandbox of `calls` over `folder`: its wait status. An
 * attempt returns 0 when it could do what it tried, else its errno. */
static int status_of(unsigned calls, int (*attempt)(void))
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        const struct sandbox profile = {.name = "test", .calls = calls, .write = {folder, NULL}};
        struct idevs_error err;
        if (!sandbox_enter(&profile, &err))
            _exit(250);
        _exit(attempt());
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void assert_done(unsigned calls, int (*attempt)(void))
{
    int status = status_of(calls, attempt);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void assert_errno(unsigned calls, int (*attempt)(void), int wanted)
{
    int status = status_of(calls, attempt);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), wanted);
}

static void assert_killed(unsigned calls, int (*attempt)(void))
{
    int status = status_of(calls, attempt);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int open_a_file_outside(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : errno;
}
static int write_a_file_inside(void)
{
    int fd = open(inside, O_RDWR | O_CREAT | O_TRUNC, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 ? 0 : errno;
}
static int make_a_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}
static int make_a_raw_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) >= 0 ? 0 : errno;
}
static int connect_somewhere(void)
{
    struct sockaddr sa = {.sa_family = AF_INET, .sa_data = {0, 9, 127, 0, 0, 1}};
    return connect(socket(AF_INET, SOCK_STREAM, 0), &sa, 16) == 0 ? 0 : errno;
}
static int execute(void)
{
    char *const argv[] = {NULL};
    execve("/bin/true", argv, argv);
    return errno;
}
static int fork_a_child(void)
{
    return fork() >= 0 ? 0 : errno;
}
static int trace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, 0, 0);
}
static int mount_something(void)
{
    return mount("none", "/tmp", "tmpfs", 0, NULL);
}
static int become_root(void)
{
    return setuid(0);
}
static void *nothing(void *context)
{
    return context;
}
static int start_a_thread(void)
{
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, nothing, NULL);
    return failed ? failed : pthread_join(thread, NULL);
}
static int ask_for_privileges(void)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    return status && fgets(line, sizeof(line), status) ? 0 : errno;
}

static void files_outside_cannot_be_opened(void **state)
{
    (void)state;
    assert_errno(SANDBOX_FILES, open_a_file_outside, EACCES);
    assert_errno(SANDBOX_FILES, ask_for_privileges, EACCES);
}

static void files_of_the_profile_can_be_written(void **state)
{
    (void)state;
    assert_done(SANDBOX_FILES, write_a_file_inside);
}

static void without_files_there_is_no_open(void **state)
{
    (void)state;
    assert_errno(SANDBOX_NETWORK, write_a_file_inside, ENOSYS);
}

static void without_network_there_are_no_sockets(void **state)
{
    (void)state;
    assert_errno(SANDBOX_FILES, make_a_socket, ENOSYS);
    assert_done(SANDBOX_NETWORK, make_a_socket);
}

static void sockets_of_other_families_do_not_exist(void **state)
{
    (void)state;
    assert_errno(SANDBOX_NETWORK, make_a_raw_socket, ENOSYS);
}

static void a_port_that_is_not_named_cannot_be_reached(void **state)
{
    (void)state;
    assert_errno(SANDBOX_NETWORK, connect_somewhere, EACCES);
}

static long call_number;

static int call_by_number(void)
{
    return syscall(call_number, 0, 0, 0, 0, 0, 0) == 0 ? 0 : errno;
}

static int make_code(void)
{
    void *both =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return both == MAP_FAILED ? errno : 0;
}

static int turn_data_into_code(void)
{
    void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (data == MAP_FAILED)
        return 249;
    return mprotect(data, 4096, PROT_READ | PROT_EXEC) == 0 ? 0 : errno;
}

static int signal_the_parent(void)
{
    return kill(getppid(), 0) == 0 ? 0 : errno;
}

static int raise_a_limit(void)
{
    const struct rlimit limit = {100, 100};

    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : errno;
}

static int type_into_the_terminal(void)
{
    return ioctl(0, TIOCSTI, "x") == 0 ? 0 : errno;
}

static int become_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 ? 0 : errno;
}

static int call_something_new(void)
{
    return syscall(1000) == 0 ? 0 : errno;
}

static void what_an_intruder_would_need_does_not_exist(void **state)
{
    static int (*const ATTEMPTS[])(void) = {
        make_code,       turn_data_into_code,    signal_the_parent, raise_a_limit,
        become_dumpable, type_into_the_terminal, call_something_new};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ATTEMPTS); i++)
        assert_errno(~0U, ATTEMPTS[i], ENOSYS);
}

static int abort_itself(void)
{
    abort();
}

static void a_process_may_still_end_itself(void **state)
{
    int status = status_of(0, abort_itself);
    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void calls_for_more_power_end_the_process(void **state)
{
    static const long CALLS[] = {SYS_unshare,
                                 SYS_setns,
                                 SYS_bpf,
                                 SYS_keyctl,
                                 SYS_io_uring_setup,
                                 SYS_perf_event_open,
                                 SYS_userfaultfd,
                                 SYS_finit_module,
                                 SYS_kexec_load,
                                 SYS_process_vm_readv,
                                 SYS_open_by_handle_at,
                                 SYS_capset};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CALLS); i++) {
        call_number = CALLS[i];
        assert_killed(~0U, call_by_number);
    }
}

static void hostile_calls_end_the_process(void **state)
{
    (void)state;
    assert_killed(~0U, execute);
    assert_killed(~0U, trace);
    assert_killed(~0U, mount_something);
    assert_killed(~0U, become_root);
}

static void there_are_threads_but_no_children(void **state)
{
    (void)state;
    assert_done(SANDBOX_FILES, start_a_thread);
    assert_errno(SANDBOX_FILES, fork_a_child, ENOSYS);
}

static void descriptors_that_are_not_kept_are_closed(void **state)
{
    int kept[] = {10, -1};
    int status;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        const struct sandbox profile = {.name = "test", .keep_fds = kept};
        int ok = dup2(2, 10) == 10 && dup2(2, 9) == 9 && dup2(2, 11) == 11 &&
                 sandbox_enter(&profile, NULL) && fcntl(10, F_GETFD) >= 0 &&
                 fcntl(9, F_GETFD) < 0 && fcntl(11, F_GETFD) < 0 && fcntl(2, F_GETFD) >= 0;
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void dropped_privileges_do_not_come_back(void **state)
{
    int status;
    (void)state;
    if (geteuid() != 0)
        skip();
    pid_t child = fork();
    if (child == 0) {
        bool ok = privileges_drop(65534, 65534, NULL) && getuid() == 65534 && setuid(0) != 0 &&
                  getgroups(0, NULL) == 0;
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(inside, sizeof(inside), "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(inside);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_outside_cannot_be_opened),
        cmocka_unit_test(files_of_the_profile_can_be_written),
        cmocka_unit_test(without_files_there_is_no_open),
        cmocka_unit_test(without_network_there_are_no_sockets),
        cmocka_unit_test(sockets_of_other_families_do_not_exist),
        cmocka_unit_test(a_port_that_is_not_named_cannot_be_reached),
        cmocka_unit_test(hostile_calls_end_the_process),
        cmocka_unit_test(calls_for_more_power_end_the_process),
        cmocka_unit_test(what_an_intruder_would_need_does_not_exist),
        cmocka_unit_test(a_process_may_still_end_itself),
        cmocka_unit_test(there_are_threads_but_no_children),
        cmocka_unit_test(descriptors_that_are_not_kept_are_closed),
        cmocka_unit_test(dropped_privileges_do_not_come_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
