/* Makes every attempt in a compartment of its own, and holds it to its row; or without one, and
 * expects it to go through, so that no attempt is refused by its own fault.
 *
 *     escape INSIDE MODE [CLAIM...]
 *
 * INSIDE is the program of inside.c. MODE is the name of a back end, `compiler` (in the place of
 * the compiler), `unfiltered` (without the system-call filter: linked so, see unfiltered.c), or
 * `alone`. As root. */
#include "../unit/test.h"

#include "../unit/warden/folder.h"
#include "attempt.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/secret_memory.h"
#include "compartment/compartment.h"
#include "compartment/microvm.h"
#include "host.h"
#include "outcome.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS    60000 /* a guest on a busy machine boots first */
#define A_WHILE_MS 150   /* after which it is said to wait */

struct order order;

struct mode {
    const char *name;
    const char *back_end;          /* NULL: none */
    int (*outcome_of)(bool waits); /* of `order` */
    bool (*is_right)(const struct attempt *attempt, int outcome);
    enum compartment_secrecy secrecy;
};

static struct {
    const struct mode *mode;
    const struct compartment_back_end *back_end;
    int inside;         /* sealed */
    char toolchain[40]; /* a folder that has `inside` and nothing else */
    size_t n_through;
    size_t n_unsupported;
} escape = {.inside = -1};

/* ---- in a compartment ---- */

static int outcome_of_spec(const struct compartment_spec *spec, bool waits)
{
    struct idevs_error err = {0};
    struct compartment *c;
    struct compartment_end end = {0};

    if (!escape.back_end->start(spec, &c, &err))
        fail_msg("%s: %s", err.code, err.found);
    struct pollfd p = {.fd = escape.back_end->watch(c), .events = POLLIN};
    if (poll(&p, 1, waits ? A_WHILE_MS : WAIT_MS) == 0)
        escape.back_end->kill(c, "run.stopped");
    poll(&p, 1, WAIT_MS);
    assert_true(escape.back_end->wait(c, &end));
    escape.back_end->destroy(c);
    return outcome_of_end(end.code, end.detail);
}

static int outcome_inside(bool waits)
{
    int channel[2];
    int attester[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester), 0);
    assert_true(fd_write_all(channel[0], &order, sizeof(order)));
    const struct compartment_spec spec = {
        .profile = COMPARTMENT_RUN,
        .uid = 731000,
        .memory = MIB(GRANTED_MIB),
        .processes = 1,
        .executable = escape.inside,
        .secrecy = escape.mode->secrecy,
        .channel = channel[1],
        .attester = attester[1],
        .root = -1,
        .work = -1,
        .output = -1,
    };
    int outcome = outcome_of_spec(&spec, waits);
    for (size_t i = 0; i < 2; i++) {
        close(channel[i]);
        close(attester[i]);
    }
    return outcome;
}

/* ---- in the compiler's place ---- */

static bool put_order(int work)
{
    _cleanup_fd_ int fd = openat(work, "order", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    return fd >= 0 && fd_write_all(fd, &order, sizeof(order));
}

/* The toolchain is a folder with nothing in it but the program. */
static int outcome_compiling(bool waits)
{
    static const char *const argv[] = {"/inside", NULL};
    static const char *const envp[] = {NULL};
    _cleanup_fd_ int root = open(escape.toolchain, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_fd_ int work = compartment_work(MIB(4));
    _cleanup_fd_ int output = open("/dev/null", O_WRONLY | O_CLOEXEC);

    assert_true(root >= 0 && output >= 0 && work >= 0 && put_order(work));
    const struct compartment_spec spec = {
        .profile = COMPARTMENT_COMPILE,
        .uid = 731000,
        .memory = MIB(GRANTED_MIB),
        .processes = LIMIT_BUILD_PROCESSES,
        .executable = -1,
        .channel = -1,
        .attester = -1,
        .root = root,
        .work = work,
        .output = output,
        .argv = argv,
        .envp = envp,
    };
    return outcome_of_spec(&spec, waits);
}

/* ---- without one ---- */

/* What it mounts and names goes with it; of all else it has what root has. */
static void become_inside(int channel, int attester)
{
    char *argv[] = {(char[]){"inside"}, NULL};
    int executable = fcntl(escape.inside, F_DUPFD_CLOEXEC, 100); /* out of the way of 3 and 4 */
    int second = fcntl(attester, F_DUPFD_CLOEXEC, 100);

    if (unshare(CLONE_NEWNS | CLONE_NEWUTS) == 0 &&
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        dup2(fcntl(channel, F_DUPFD_CLOEXEC, 100), 3) == 3 && dup2(second, 4) == 4 &&
        fcntl(4, F_DUPFD, 200) >= 200) /* one that is left open */
        syscall(SYS_execveat, executable, "", argv, environ, AT_EMPTY_PATH);
    _exit(UNKNOWN_ORDER);
}

static int outcome_alone(bool waits)
{
    int channel[2];
    int attester[2];
    int status;

    (void)waits;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester), 0);
    assert_true(fd_write_all(channel[0], &order, sizeof(order)));
    pid_t pid = fork();
    if (pid == 0)
        become_inside(channel[1], attester[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (size_t i = 0; i < 2; i++) {
        close(channel[i]);
        close(attester[i]);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : CRASHED;
}

/* What belongs to compiling, or is its own and nobody else's: processes, files of its folder,
 * memory that it executes, its numbers. */
static const char *const COMPILERS[] = {
    "the_root_is_not_listed",
    "the_current_folder_is_not_told",
    "no_second_process",
    "no_second_process_by_the_old_call",
    "no_second_thread",
    "no_thread_bomb",
    "its_limits_do_not_rise",
    "no_memory_to_write_and_execute",
    "no_memory_to_execute",
    "written_memory_is_not_made_executable",
    "the_stack_is_not_made_executable",
    "its_own_code_is_not_made_writable_and_executable",
    "its_channel_is_not_mapped",
    "the_kernel_is_not_named",
    "no_pipe",
    "no_device_call",
    "no_descriptor_is_inherited",
    "standard_output_leads_nowhere",
    "standard_error_leads_nowhere",
    "standard_input_holds_nothing",
    "a_stream_is_not_doubled",
    "the_streams_are_not_exchanged",
    "a_stream_has_no_position",
};

static bool compilers_may(const char *claim)
{
    for (size_t i = 0; i < ARRAY_LEN(COMPILERS); i++)
        if (strcmp(COMPILERS[i], claim) == 0)
            return true;
    return false;
}

/* ---- what is right ---- */

static bool is_as_in_its_row(const struct attempt *attempt, int outcome)
{
    return outcome == attempt->refused;
}

/* In a guest the channel is a port, to which nothing that is for sockets alone is done. */
static bool is_as_in_its_row_or_no_socket(const struct attempt *attempt, int outcome)
{
    return is_as_in_its_row(attempt, outcome) ||
           (attempt->refused == EISCONN && outcome == ENOTSOCK);
}

/* This kernel was built without it: here it is refused to everybody. */
static bool is_unsupported(int outcome)
{
    return outcome == ENOSYS || outcome == EAFNOSUPPORT || outcome == EPROTONOSUPPORT;
}

/* What the filter alone refuses may be refused by another kernel too. */
static bool is_as_without_the_filter(const struct attempt *attempt, int outcome)
{
    return outcome == attempt->unfiltered || attempt->unfiltered == THROUGH ||
           is_unsupported(outcome);
}

static bool is_through(const struct attempt *attempt, int outcome)
{
    (void)attempt;
    escape.n_through += outcome == THROUGH;
    escape.n_unsupported += is_unsupported(outcome);
    return outcome == THROUGH || is_unsupported(outcome);
}

static bool is_refused_to_compilers(const struct attempt *attempt, int outcome)
{
    return outcome != THROUGH || compilers_may(attempt->claim);
}

/* A program with secret memory may lock memory; its group counts it. */
static bool is_as_in_its_row_or_counted(const struct attempt *attempt, int outcome)
{
    return is_as_in_its_row(attempt, outcome) || (attempt->refused == ENOMEM && outcome == LIMIT);
}

/* It has no user namespace, and the file that is its memory has a size: so have others. */
static bool is_refused_without_the_filter(const struct attempt *attempt, int outcome)
{
    return outcome != THROUGH || attempt->unfiltered == THROUGH ||
           strcmp(attempt->claim, "no_program_in_memory_is_executed") == 0;
}

static const struct mode MODES[] = {
    {"process", "process", outcome_inside, is_as_in_its_row},
    {"secret", "process", outcome_inside, is_as_in_its_row_or_counted, SECRECY_REQUIRED},
    {"unfiltered", "process", outcome_inside, is_as_without_the_filter},
    {"unfiltered-secret", "process", outcome_inside, is_refused_without_the_filter,
     SECRECY_REQUIRED},
    {"microvm", "microvm", outcome_inside, is_as_in_its_row_or_no_socket},
    {"compiler", "process", outcome_compiling, is_refused_to_compilers},
    {"alone", NULL, outcome_alone, is_through},
};

static bool in_mode(const char *name)
{
    return strcmp(escape.mode->name, name) == 0;
}

static void the_attempt_ends_as_it_should(void **state)
{
    const struct attempt *attempt = *state;
    bool alone = in_mode("alone");

    if (alone && attempt->alone[0]) {
        printf("%s: not made alone: %s\n", attempt->claim, attempt->alone);
        skip();
    }
    host_offer();
    for (order.number = 0; attempt_at(order.number) != attempt;)
        order.number++;
    int outcome = escape.mode->outcome_of(attempt->refused == WAITS);
    const char *harm = host_unharmed();
    if (harm && !alone)
        fail_msg("%s: %s", attempt->tries, harm);
    if (!escape.mode->is_right(attempt, outcome))
        fail_msg("%s: %s", attempt->tries, outcome_text(outcome));
    if (alone && outcome != THROUGH)
        printf("%s: this kernel has it not: %s\n", attempt->claim, outcome_text(outcome));
}

/* ---- every call ---- */

/* The calls that a program may make with arguments of 0. Those that it may make with others are
 * attempts above, or in tests/unit/compartment. Independent of filter.c: whoever lets through
 * another call says so here too. */
static const int ALLOWED[] = {
    SYS_brk,
    SYS_mmap,
    SYS_mprotect,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_memfd_secret,
    SYS_ftruncate,
    SYS_capset,
    SYS_MSEAL,
    SYS_mlock,
    SYS_mlock2,
    SYS_munlock,
    SYS_read,
    SYS_readv,
    SYS_write,
    SYS_writev,
    SYS_recvfrom,
    SYS_sendto,
    SYS_poll,
    SYS_ppoll,
    SYS_close,
    SYS_lseek,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_time,
    SYS_getrandom,
    SYS_restart_syscall,
    SYS_getpid,
    SYS_gettid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_arch_prctl,
    SYS_set_tid_address,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_futex,
    SYS_prlimit64,
    SYS_getrlimit,
    SYS_getrusage,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sysinfo,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_exit,
    SYS_exit_group,
    SYS_readlink,
    SYS_readlinkat,
    SYS_fstat,
};
#define N_CALLS 512 /* more than this kernel has */

static bool is_allowed(int call)
{
    for (size_t i = 0; i < ARRAY_LEN(ALLOWED); i++)
        if (ALLOWED[i] == call)
            return true;
    return false;
}

/* uretprobe and uprobe, which newer kernels let past every filter: they answer only to code that
 * the kernel itself put there for a tracer, and refuse everybody else. */
static bool is_past_filters(int call)
{
    return call == 335 || call == 336;
}

static void every_other_system_call_ends_the_program(void **state)
{
    (void)state;
    for (int call = 0; call < N_CALLS; call++) {
        if (is_allowed(call))
            continue;
        order.number = ORDER_SWEEP + (uint32_t)call;
        int outcome = escape.mode->outcome_of(false);
        if (outcome != FORBIDDEN && !(is_past_filters(call) && outcome != THROUGH))
            fail_msg("call %d: %s", call, outcome_text(outcome));
    }
}

/* ---- at the end ---- */

static void a_good_program_still_starts(void **state)
{
    (void)state;
    order.number = ORDER_SWEEP + SYS_getpid;
    assert_int_equal(escape.mode->outcome_of(false), THROUGH);
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    if (escape.back_end && escape.back_end->close)
        escape.back_end->close();
    const char *left = host_left();
    if (left)
        fail_msg("%s", left);
}

/* Not many may be missing from the kernel: what nobody can do shows nothing. */
static void nearly_all_went_through_alone(void **state)
{
    (void)state;
    printf("%zu went through, %zu this kernel has not\n", escape.n_through, escape.n_unsupported);
    assert_true(escape.n_through >= 160);
    assert_true(escape.n_unsupported <= 24);
}

/* ---- all ---- */

static bool has_secret_memory(void)
{
    _cleanup_fd_ int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);

    return fd >= 0;
}

static bool choose(const char *name)
{
    struct compartment_gaps gaps = {.n = 0};
    struct idevs_error err;

    for (size_t i = 0; i < ARRAY_LEN(MODES); i++)
        if (strcmp(MODES[i].name, name) == 0)
            escape.mode = &MODES[i];
    if (!escape.mode || !escape.mode->back_end)
        return escape.mode != NULL;
    microvm_use(getenv("IDEVS_GUEST"));
    escape.back_end = compartment_back_end(escape.mode->back_end);
    if (!escape.back_end || (escape.mode->secrecy != SECRECY_OFF && !has_secret_memory()))
        return false;
    escape.back_end->probe(&gaps);
    return gaps.n == 0 && escape.back_end->open(&err);
}

static bool take_inside(const char *path)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    struct idevs_error err;
    char copy[64];
    char work[64];

    snprintf(escape.toolchain, sizeof(escape.toolchain), "/tmp/idevs-escape-XXXXXX");
    if (!file_read(path, &b, &err) || !mkdtemp(escape.toolchain) ||
        chmod(escape.toolchain, 0755) < 0)
        return false;
    snprintf(copy, sizeof(copy), "%s/inside", escape.toolchain);
    snprintf(work, sizeof(work), "%s/work", escape.toolchain);
    escape.inside = memfd_sealed("inside", buffer_bytes(&b));
    return escape.inside >= 0 && mkdir(work, 0755) == 0 &&
           file_write(copy, buffer_bytes(&b), 0755, &err);
}

static void drop_inside(void)
{
    nftw(escape.toolchain, folder_remove_one, 4, FTW_DEPTH | FTW_PHYS);
    close(escape.inside);
}

static bool is_wanted(const char *claim, int argc, char **argv)
{
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], claim) == 0)
            return true;
    return argc <= 3;
}

static int run_all(int argc, char **argv)
{
    struct CMUnitTest *tests = alloc_zero(1024, sizeof(*tests));
    const struct attempt *attempt;
    size_t n = 0;

    for (size_t i = 0; (attempt = attempt_at(i)) != NULL; i++)
        if (is_wanted(attempt->claim, argc, argv))
            tests[n++] = (struct CMUnitTest){attempt->claim, the_attempt_ends_as_it_should, NULL,
                                             NULL, (void *)(uintptr_t)attempt};
    if (is_wanted("every_other_system_call_ends_the_program", argc, argv) && in_mode("process"))
        tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_other_system_call_ends_the_program);
    if (argc <= 3 && in_mode("alone"))
        tests[n++] = (struct CMUnitTest)cmocka_unit_test(nearly_all_went_through_alone);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_good_program_still_starts);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(nothing_is_left_behind);
    int failed = _cmocka_run_group_tests(escape.mode->name, tests, n, NULL, NULL);
    free(tests);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    if (geteuid() != 0 || !choose(argv[2])) {
        printf("skipped: needs root, and a host that has the back end\n");
        return 77;
    }
    if (!take_inside(argv[1]))
        return 1;
    host_begin();
    int failed = run_all(argc, argv);
    host_end();
    drop_inside();
    if (escape.back_end && escape.back_end->close)
        escape.back_end->close();
    return failed;
}
