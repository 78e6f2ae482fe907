/* Starts tests/unit/compartment/inside.c (path in argv[1]) in compartments. As root only. */
#include "../test.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "compartment/compartment.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int inside = -1; /* sealed executable */
static const struct compartment_back_end *back_end;

struct run {
    struct compartment *c;
    int channel[2];
    int attester[2];
};

static struct compartment_spec spec_of(struct run *run)
{
    return (struct compartment_spec){
        .profile = COMPARTMENT_RUN,
        .uid = 712345,
        .memory = MIB(16),
        .processes = 1,
        .executable = inside,
        .channel = run->channel[1],
        .attester = run->attester[1],
        .root = -1,
        .work = -1,
        .output = -1,
    };
}

static void begin(struct run *run, const char *attempt)
{
    struct idevs_error err = {0};

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, run->channel), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, run->attester), 0);
    assert_true(fd_write_all(run->channel[0], attempt, strlen(attempt)));
    struct compartment_spec spec = spec_of(run);
    if (!back_end->start(&spec, &run->c, &err))
        fail_msg("%s: %s", err.code, err.found);
    fd_close(&run->channel[1]);
    fd_close(&run->attester[1]);
}

static void finish(struct run *run)
{
    back_end->destroy(run->c);
    fd_close(&run->channel[0]);
    fd_close(&run->attester[0]);
}

static struct compartment_end outcome_within(struct run *run, int milliseconds)
{
    struct pollfd p = {.fd = back_end->watch(run->c), .events = POLLIN};
    struct compartment_end end = {0};

    if (poll(&p, 1, milliseconds) == 0)
        back_end->kill(run->c, "compartment.limit");
    poll(&p, 1, 5000);
    assert_true(back_end->wait(run->c, &end));
    return end;
}

static struct compartment_end outcome_of(const char *attempt)
{
    struct run run;

    begin(&run, attempt);
    struct compartment_end end = outcome_within(&run, 10000);
    finish(&run);
    return end;
}

static void skip_unless_possible(void)
{
    if (inside < 0)
        skip(); /* needs root, and the test program */
}

static const struct {
    const char *attempt;
    const char *code;
} OUTCOMES[] = {
    {"nothing", ""},
    {"what-programs-do", ""},
    {"all-descriptors", ""},
    {"stray-output", ""},
    {"status-three", "compartment.crashed"},
    {"null-pointer", "compartment.crashed"},
    {"abort", "compartment.crashed"},
    {"is-dumpable", "compartment.crashed"},       /* refused by an answer, status 9 */
    {"open-as-libc-does", "compartment.crashed"}, /* likewise */
    {"exec-itself-again", "compartment.crashed"}, /* likewise */
    {"become-dumpable", "compartment.forbidden"},
    {"open-file", "compartment.forbidden"},
    {"create-file", "compartment.forbidden"},
    {"read-proc", "compartment.forbidden"},
    {"socket-inet", "compartment.forbidden"},
    {"socket-unix", "compartment.forbidden"},
    {"socket-netlink", "compartment.forbidden"},
    {"socket-pair", "compartment.forbidden"},
    {"fork", "compartment.forbidden"},
    {"thread", "compartment.forbidden"},
    {"exec", "compartment.forbidden"},
    {"execveat", "compartment.forbidden"},
    {"ptrace", "compartment.forbidden"},
    {"mount", "compartment.forbidden"},
    {"unshare", "compartment.forbidden"},
    {"kill-another", "compartment.forbidden"},
    {"kill-everybody", "compartment.forbidden"},
    {"write-and-execute", "compartment.forbidden"},
    {"make-executable", "compartment.forbidden"},
    {"receive-descriptor", "compartment.forbidden"},
    {"call-32-bit", "compartment.forbidden"},
    {"past-memory", "compartment.limit"},
};

static void every_attempt_ends_as_it_should(void **state)
{
    (void)state;
    skip_unless_possible();
    for (size_t i = 0; i < ARRAY_LEN(OUTCOMES); i++) {
        struct compartment_end end = outcome_of(OUTCOMES[i].attempt);
        if (strcmp(end.code, OUTCOMES[i].code) != 0)
            fail_msg("%s: '%s' (%s), not '%s'", OUTCOMES[i].attempt, end.code, end.detail,
                     OUTCOMES[i].code);
    }
}

static void a_loop_is_ended_for_its_limit(void **state)
{
    struct run run;

    (void)state;
    skip_unless_possible();
    begin(&run, "forever");
    usleep(50000);
    assert_true(back_end->cpu_time(run.c) > 1000000);
    struct compartment_end end = outcome_within(&run, 200);
    assert_string_equal(end.code, "compartment.limit");
    finish(&run);
}

/* Nobody reads the channel: the program waits, and costs nothing more than a socket's buffer. */
static void a_flood_waits_for_its_reader(void **state)
{
    struct run run;

    (void)state;
    skip_unless_possible();
    begin(&run, "flood");
    struct compartment_end end = outcome_within(&run, 300);
    assert_string_equal(end.code, "compartment.limit");
    finish(&run);
}

static void its_memory_map_is_seen_from_outside_only(void **state)
{
    struct run run;
    struct eat_measured measured = {.n_components = 0};

    (void)state;
    skip_unless_possible();
    begin(&run, "forever");
    assert_true(back_end->measure(run.c, &measured));
    assert_true(measured.memory_map.present);
    assert_null(strstr(measured.memory_map_summary, "executable 0.0"));
    assert_non_null(strstr(measured.memory_map_summary, "both 0.0"));
    finish(&run);
}

static void what_was_not_sealed_does_not_run(void **state)
{
    struct run run = {.channel = {-1, -1}, .attester = {-1, -1}};
    struct idevs_error err;

    (void)state;
    skip_unless_possible();
    struct compartment_spec spec = spec_of(&run);
    spec.executable = STDIN_FILENO;
    assert_false(back_end->start(&spec, &run.c, &err));
    assert_refused(&err, "compartment.unavailable");
    spec = spec_of(&run);
    spec.uid = 0;
    assert_false(back_end->start(&spec, &run.c, &err));
    assert_refused(&err, "compartment.unavailable");
}

static void garbage_does_not_start(void **state)
{
    struct run run;
    struct idevs_error err;

    (void)state;
    skip_unless_possible();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, run.channel), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, run.attester), 0);
    struct compartment_spec spec = spec_of(&run);
    spec.executable = memfd_sealed("garbage", bytes_of_text("#!/bin/sh\necho hello\n"));
    assert_false(back_end->start(&spec, &run.c, &err));
    assert_refused(&err, "compartment.executable");
    close(spec.executable);
    for (size_t i = 0; i < 2; i++) {
        fd_close(&run.channel[i]);
        fd_close(&run.attester[i]);
    }
}

/* The channel's other end sees the end of file when the program is gone. */
static void a_program_dies_with_its_warden(void **state)
{
    struct run run;
    int ready[2];
    char c;

    (void)state;
    skip_unless_possible();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, run.channel), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, run.attester), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t warden = fork();
    if (warden == 0) {
        struct idevs_error err;
        struct compartment_spec spec = spec_of(&run);
        bool ok = fd_write_all(run.channel[0], "forever", 7) &&
                  back_end->start(&spec, &run.c, &err) && write(ready[1], "r", 1) == 1;
        while (ok)
            pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    fd_close(&run.channel[1]);
    fd_close(&run.attester[1]);
    kill(warden, SIGKILL);
    waitpid(warden, NULL, 0);
    struct pollfd p = {.fd = run.channel[0], .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_true(read(run.channel[0], &c, 1) <= 0);
    fd_close(&run.channel[0]);
    fd_close(&run.attester[0]);
    close(ready[0]);
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void starting_takes_well_under_15_ms(void **state)
{
    uint64_t took[21];

    (void)state;
    skip_unless_possible();
    for (size_t i = 0; i < ARRAY_LEN(took); i++) {
        struct run run;
        uint64_t before = clock_monotonic_ns();
        begin(&run, "nothing");
        took[i] = clock_monotonic_ns() - before;
        outcome_within(&run, 5000);
        finish(&run);
    }
    qsort(took, ARRAY_LEN(took), sizeof(took[0]), by_time);
    printf("start: p50 %.2f ms\n", (double)took[10] / 1e6);
    assert_true(took[10] < 100000000); /* generous: the machine may be busy */
}

static int open_inside(const char *path)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    struct compartment_gaps gaps = {.n = 0};
    struct idevs_error err;

    back_end->probe(&gaps);
    if (gaps.n > 0 || !back_end->open(&err) || !file_read(path, &b, &err)) {
        printf("skipped: needs root\n");
        return -1;
    }
    return memfd_sealed("inside", buffer_bytes(&b));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attempt_ends_as_it_should),
        cmocka_unit_test(a_loop_is_ended_for_its_limit),
        cmocka_unit_test(a_flood_waits_for_its_reader),
        cmocka_unit_test(its_memory_map_is_seen_from_outside_only),
        cmocka_unit_test(what_was_not_sealed_does_not_run),
        cmocka_unit_test(garbage_does_not_start),
        cmocka_unit_test(a_program_dies_with_its_warden),
        cmocka_unit_test(starting_takes_well_under_15_ms),
    };

    back_end = compartment_back_end("process");
    if (argc > 1)
        inside = open_inside(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
