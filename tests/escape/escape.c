/* Makes every attempt in a compartment of its own, and holds it to its row; or without one, and
 * expects it to go through, so that no attempt is refused by its own fault.
 *
 *     escape INSIDE MODE [CLAIM...]
 *
 * INSIDE is the program of inside.c. MODE is `alone`, `unfiltered` (the process back end without
 * its system-call filter: linked so, see unfiltered.c), or the name of a back end. As root. */
#include "../unit/test.h"

#include "attempt.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "compartment/compartment.h"
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

#define WAIT_MS    20000
#define A_WHILE_MS 150 /* after which it is said to wait */

struct order order;

static struct {
    const char *name;
    int (*outcome_of)(bool waits); /* of `order` */
    int (*expected)(const struct attempt *attempt);
    const struct compartment_back_end *back_end;
    int inside;
    size_t n_through;
    size_t n_unsupported;
} mode = {.inside = -1};

/* ---- in a compartment ---- */

static int outcome_inside(bool waits)
{
    int channel[2];
    int attester[2];
    struct idevs_error err = {0};
    struct compartment *c;
    struct compartment_end end = {0};

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester), 0);
    assert_true(fd_write_all(channel[0], &order, sizeof(order)));
    const struct compartment_spec spec = {
        .profile = COMPARTMENT_RUN,
        .uid = 731000,
        .memory = MIB(GRANTED_MIB),
        .processes = 1,
        .executable = mode.inside,
        .channel = channel[1],
        .attester = attester[1],
        .root = -1,
        .work = -1,
        .output = -1,
    };
    if (!mode.back_end->start(&spec, &c, &err))
        fail_msg("%s: %s", err.code, err.found);
    close(channel[1]);
    close(attester[1]);
    struct pollfd p = {.fd = mode.back_end->watch(c), .events = POLLIN};
    if (poll(&p, 1, waits ? A_WHILE_MS : WAIT_MS) == 0)
        mode.back_end->kill(c, "run.stopped");
    poll(&p, 1, WAIT_MS);
    assert_true(mode.back_end->wait(c, &end));
    mode.back_end->destroy(c);
    close(channel[0]);
    close(attester[0]);
    return outcome_of_end(end.code, end.detail);
}

/* ---- without one ---- */

/* What it mounts, names and shares goes with it; of all else it has what root has. */
static void become_inside(int channel, int attester)
{
    char *argv[] = {(char[]){"inside"}, NULL};
    int executable = fcntl(mode.inside, F_DUPFD_CLOEXEC, 100); /* out of the way of 3 and 4 */
    int second = fcntl(attester, F_DUPFD_CLOEXEC, 100);

    if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) == 0 &&
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        dup2(fcntl(channel, F_DUPFD_CLOEXEC, 100), 3) == 3 && dup2(second, 4) == 4)
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

/* ---- what is expected ---- */

static int as_in_its_row(const struct attempt *attempt)
{
    return attempt->refused;
}

static int as_without_the_filter(const struct attempt *attempt)
{
    return attempt->unfiltered;
}

static int through(const struct attempt *attempt)
{
    (void)attempt;
    return THROUGH;
}

/* This kernel was built without it: here it is refused to everybody. */
static bool is_unsupported(int outcome)
{
    return outcome == ENOSYS || outcome == EAFNOSUPPORT || outcome == EPROTONOSUPPORT;
}

/* What the filter alone refuses may be refused by another kernel too. */
static bool nothing_is_claimed(int expected)
{
    return mode.expected == as_without_the_filter && expected == THROUGH;
}

static void the_attempt_ends_as_its_row_says(void **state)
{
    const struct attempt *attempt = *state;

    if (mode.expected == through && attempt->alone[0]) {
        printf("%s: not made alone: %s\n", attempt->claim, attempt->alone);
        skip();
    }
    host_offer();
    for (order.number = 0; attempt_at(order.number) != attempt;)
        order.number++;
    int outcome = mode.outcome_of(attempt->refused == WAITS);
    const char *harm = host_unharmed();
    int expected = mode.expected(attempt);
    mode.n_through += outcome == THROUGH;
    if (harm && mode.expected != through)
        fail_msg("%s: %s", attempt->tries, harm);
    if (mode.expected != as_in_its_row && is_unsupported(outcome)) {
        printf("%s: this kernel has it not: %s\n", attempt->claim, outcome_text(outcome));
        mode.n_unsupported++;
    } else if (outcome != expected && !nothing_is_claimed(expected)) {
        fail_msg("%s: %s, not %s", attempt->tries, outcome_text(outcome), outcome_text(expected));
    }
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
        int outcome = mode.outcome_of(false);
        if (outcome != FORBIDDEN && !(is_past_filters(call) && outcome != THROUGH))
            fail_msg("call %d: %s", call, outcome_text(outcome));
    }
}

/* ---- at the end ---- */

static void a_good_program_still_starts(void **state)
{
    (void)state;
    order.number = ORDER_SWEEP + SYS_getpid;
    assert_int_equal(mode.outcome_of(false), THROUGH);
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    const char *left = host_left();
    if (left)
        fail_msg("%s", left);
}

/* Not many may be missing from the kernel: what nobody can do shows nothing. */
static void nearly_all_went_through_alone(void **state)
{
    (void)state;
    printf("%zu went through, %zu this kernel has not\n", mode.n_through, mode.n_unsupported);
    assert_true(mode.n_through >= 160);
    assert_true(mode.n_unsupported <= 24);
}

/* ---- all ---- */

static bool choose(const char *name)
{
    struct compartment_gaps gaps = {.n = 0};
    struct idevs_error err;
    bool alone = strcmp(name, "alone") == 0;
    bool unfiltered = strcmp(name, "unfiltered") == 0;

    mode.name = name;
    mode.outcome_of = alone ? outcome_alone : outcome_inside;
    mode.expected = alone ? through : unfiltered ? as_without_the_filter : as_in_its_row;
    if (alone)
        return true;
    mode.back_end = compartment_back_end(unfiltered ? "process" : name);
    if (!mode.back_end)
        return false;
    mode.back_end->probe(&gaps);
    return gaps.n == 0 && mode.back_end->open(&err);
}

static int open_inside(const char *path)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    struct idevs_error err;

    if (!file_read(path, &b, &err))
        return -1;
    return memfd_sealed("inside", buffer_bytes(&b));
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
            tests[n++] = (struct CMUnitTest){attempt->claim, the_attempt_ends_as_its_row_says, NULL,
                                             NULL, (void *)(uintptr_t)attempt};
    if (is_wanted("every_other_system_call_ends_the_program", argc, argv) &&
        mode.expected == as_in_its_row)
        tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_other_system_call_ends_the_program);
    if (argc <= 3 && mode.expected == through)
        tests[n++] = (struct CMUnitTest)cmocka_unit_test(nearly_all_went_through_alone);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_good_program_still_starts);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(nothing_is_left_behind);
    int failed = _cmocka_run_group_tests(mode.name, tests, n, NULL, NULL);
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
    mode.inside = open_inside(argv[1]);
    if (mode.inside < 0)
        return 1;
    host_begin();
    int failed = run_all(argc, argv);
    host_end();
    if (mode.back_end && mode.back_end->close)
        mode.back_end->close();
    return failed;
}
