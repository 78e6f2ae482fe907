/* What src/compartment/compartment.h promises, held against one back end: its name in argv[1],
 * inside.c in argv[2]. Skipped where this machine lacks something for it. With IDEVS_STARTS=10000
 * in the environment the last claim starts so many instead of a few. */
#include "attester/attester.h"
#include "base/clock.h"
#include "base/text.h"
#include "crypto/key.h"
#include "exchange/cose.h"
#include "stage.h"
#include "wire/cmw.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK       200000 /* as in inside.c */
#define STARTS      20
#define LOOKS       20
#define STARTS_TIME 5 /* seconds after which so few will do, unless they were asked for */
#ifdef __SANITIZE_ADDRESS__
#define GROWTH_PAGES UINT16_MAX /* a sanitizer keeps what was freed */
#else
#define GROWTH_PAGES 64
#endif

/* ---- what it says of itself ---- */

static void it_says_in_words_what_it_protects_from_and_what_not(void **state)
{
    char text[256] = "";

    (void)state;
    assert_true(name_is_valid(stage.back_end->name, LIMIT_BACK_END - 1));
    assert_non_null(stage.back_end->build_flags);
    assert_in_range(strlen(stage.back_end->protects_from), 1, 2 * LIMIT_EAT_TEXT - 1);
    assert_in_range(strlen(stage.back_end->exposed_to), 1, 2 * LIMIT_EAT_TEXT - 1);
    stage.back_end->describe(text, sizeof(text));
    assert_in_range(strlen(text), 1, sizeof(text) - 1);
}

static void probing_again_beside_runs_changes_nothing(void **state)
{
    struct compartment_gaps gaps = {.n = 0};
    struct run run;

    (void)state;
    run_begin(&run, "await-end");
    stage.back_end->probe(&gaps);
    assert_int_equal(gaps.n, 0);
    fd_close(&run.channel[0]);
    assert_string_equal(run_outcome(&run, STAGE_WAIT_MS).code, "");
    run_finish(&run);
}

/* ---- how runs end ---- */

static const struct {
    const char *attempt;
    const char *code;
} OUTCOMES[] = {
    {"nothing", ""},
    {"what-programs-do", ""},
    {"stray-output", ""},
    {"status-three", "compartment.crashed"},
    {"null-pointer", "compartment.crashed"},
    {"abort", "compartment.crashed"},
    {"read-secret-file", NULL}, /* by any code, but never "" */
    {"past-memory", "compartment.limit"},
};

static void every_run_ends_with_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(OUTCOMES); i++) {
        const char *wanted = OUTCOMES[i].code;
        struct compartment_end end = outcome_of(OUTCOMES[i].attempt);
        if (wanted ? strcmp(end.code, wanted) != 0 : *end.code == 0)
            fail_msg("%s: '%s' (%s)", OUTCOMES[i].attempt, end.code, end.detail);
        if (!*end.detail)
            fail_msg("%s: nothing is said", OUTCOMES[i].attempt);
    }
}

static void a_program_that_is_asked_to_stop_may_end_by_itself(void **state)
{
    struct run run;

    (void)state;
    run_begin(&run, "await-end");
    assert_false(stage.back_end->wait(run.c, &(struct compartment_end){0}));
    fd_close(&run.channel[0]);
    assert_string_equal(run_outcome(&run, STAGE_WAIT_MS).code, "");
    run_finish(&run);
}

static void a_loop_costs_time_and_is_ended_for_its_limit(void **state)
{
    struct run run;
    uint64_t used = 0;

    (void)state;
    run_begin(&run, "forever");
    for (int ms = 0; ms < STAGE_WAIT_MS && used <= 20 * 1000000; ms += 10) {
        usleep(10000);
        used = stage.back_end->cpu_time(run.c);
    }
    assert_true(used > 20 * 1000000);
    assert_string_equal(run_outcome(&run, 0).code, "compartment.limit");
    run_finish(&run);
}

/* Nobody reads the channel: the program waits, and costs nothing more than a socket's buffer. */
static void a_flood_waits_for_its_reader(void **state)
{
    struct run run;

    (void)state;
    run_begin(&run, "flood");
    assert_string_equal(run_outcome(&run, 300).code, "compartment.limit");
    run_finish(&run);
}

static void the_first_reason_to_kill_is_the_one_that_is_told(void **state)
{
    struct run run;

    (void)state;
    run_begin(&run, "await-end");
    stage.back_end->kill(run.c, "run.stopped");
    stage.back_end->kill(run.c, "compartment.limit");
    struct compartment_end end = run_outcome(&run, STAGE_WAIT_MS);
    assert_string_equal(end.code, "run.stopped");
    stage.back_end->kill(run.c, "compartment.limit"); /* of what has ended: nothing */
    assert_false(stage.back_end->wait(run.c, &end));
    run_finish(&run);
}

static void one_that_still_runs_is_taken_down_too(void **state)
{
    struct run run;

    (void)state;
    run_begin(&run, "forever");
    run_finish(&run);
    assert_int_equal(processes_of(stage.uid, NULL), 0);
    stage.back_end->destroy(NULL);
}

/* Whatever holds it, a virtual machine monitor or the program's own process, is killed by root. */
static void what_loses_its_helper_is_lost_and_leaves_nothing(void **state)
{
    struct run run;
    pid_t helper = 0;
    char c;

    (void)state;
    run_begin(&run, "exchange");
    assert_int_equal(read(run.channel[0], &c, 1), 1);
    assert_true(processes_of(stage.uid, &helper) > 0);
    assert_int_equal(kill(helper, SIGKILL), 0);
    assert_string_equal(run_outcome(&run, STAGE_WAIT_MS).code, "compartment.lost");
    run_finish(&run);
    assert_int_equal(processes_of(stage.uid, NULL), 0);
}

/* ---- streams ---- */

static void send_block(int fd, uint8_t first)
{
    static uint8_t block[BLOCK];

    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (uint8_t)(first + i * 7);
    assert_true(fd_write_all(fd, block, sizeof(block)));
}

static void expect_block(int fd, uint8_t first)
{
    static uint8_t block[BLOCK];

    assert_true(fd_read_exactly(fd, block, sizeof(block)));
    for (size_t i = 0; i < sizeof(block); i++)
        if (block[i] != (uint8_t)(first + i * 7))
            fail_msg("byte %zu of the block", i);
}

/* Through the program, from the stream `from` to the stream `to`: a child writes meanwhile. */
static void pass_through(int from, int to, uint8_t first)
{
    int status;
    pid_t writer = fork();

    if (writer == 0) {
        send_block(from, first);
        _exit(0);
    }
    expect_block(to, first);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
}

static void both_streams_carry_what_was_sent_in_order_both_ways(void **state)
{
    struct run run;
    char c;

    (void)state;
    run_begin(&run, "exchange");
    assert_true(fd_read_exactly(run.channel[0], &c, 1));
    pass_through(run.channel[0], run.attester[0], 1);
    pass_through(run.attester[0], run.channel[0], 99);
    assert_string_equal(run_outcome(&run, STAGE_WAIT_MS).code, "");
    assert_int_equal(read(run.channel[0], &c, 1), 0); /* both end with it */
    assert_int_equal(read(run.attester[0], &c, 1), 0);
    run_finish(&run);
}

static void two_at_a_time_have_nothing_to_do_with_each_other(void **state)
{
    struct run one;
    struct run other;
    char c;

    (void)state;
    run_begin(&one, "exchange");
    run_begin_as(&other, "exchange", stage.uid + 1);
    assert_true(fd_read_exactly(one.channel[0], &c, 1));
    assert_true(fd_read_exactly(other.channel[0], &c, 1));
    pass_through(one.channel[0], one.attester[0], 5);
    stage.back_end->kill(one.c, "run.stopped");
    assert_string_equal(run_outcome(&one, STAGE_WAIT_MS).code, "run.stopped");
    pass_through(other.channel[0], other.attester[0], 6);
    pass_through(other.attester[0], other.channel[0], 7);
    assert_string_equal(run_outcome(&other, STAGE_WAIT_MS).code, "");
    run_finish(&one);
    run_finish(&other);
}

/* ---- measurement and evidence ---- */

static void something_is_measured_while_it_runs_and_not_after(void **state)
{
    struct eat_measured m = {.n_components = 0};
    struct run run;

    (void)state;
    run_begin(&run, "await-end");
    assert_true(stage.back_end->measure(run.c, &m));
    assert_true(m.memory_map.present || m.n_components > 0);
    fd_close(&run.channel[0]);
    run_outcome(&run, STAGE_WAIT_MS);
    assert_false(stage.back_end->measure(run.c, &m));
    assert_int_equal(stage.back_end->cpu_time(run.c), 0);
    run_finish(&run);
}

/* As the warden fills it. */
static struct attester_run facts_of(const struct eat_measured *measured)
{
    return (struct attester_run){.executable = {true, {1}},
                                 .manifest = {true, {2}},
                                 .back_end = stage.back_end->name,
                                 .isolates = stage.back_end->isolates,
                                 .memory = MIB(16),
                                 .measured = *measured};
}

static void evidence_names_it_and_carries_what_it_measured(void **state)
{
    static const struct attester_host host = {"cpu", "1", "Linux", 1};
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EVIDENCE);
    const uint8_t report_data[REPORT_DATA_LEN] = {7};
    struct eat_measured m = {.n_components = 0};
    struct eat_claims claims;
    struct bytes payload;
    struct bytes type;
    struct bytes in;
    struct run run;

    (void)state;
    run_begin(&run, "await-end");
    assert_true(stage.back_end->measure(run.c, &m));
    run_finish(&run);
    const struct attester_run facts = facts_of(&m);
    assert_true(attest_provider_signed(key, &host, &facts, report_data, 1000, &b));
    assert_true(cmw_decode(buffer_bytes(&b), &type, &in) &&
                cose_verify(public, CMW_EAT_CWT, in, &payload) && eat_decode(payload, &claims));
    assert_string_equal(claims.back_end, stage.back_end->name);
    assert_int_equal(claims.debug,
                     stage.back_end->isolates ? EAT_DEBUG_DISABLED : EAT_DEBUG_ENABLED);
    assert_memory_equal(&claims.measured, &m, sizeof(m));
}

/* ---- starts that are refused ---- */

static void assert_start_refused(const struct compartment_spec *spec, const char *code)
{
    struct compartment *c = NULL;
    struct idevs_error err = {.code = ""};

    if (stage.back_end->start(spec, &c, &err))
        fail_msg("started, where %s was to be", code);
    assert_refused(&err, code);
    assert_true(err.found[0] && err.expected[0] && err.remedy[0]);
    assert_int_equal(processes_of(stage.uid, NULL), 0);
}

static void assert_executable_refused(struct run *run, int executable, const char *code)
{
    struct compartment_spec spec = stage_spec(run);

    spec.executable = executable;
    assert_start_refused(&spec, code);
    fd_close(&executable);
}

static int for_another_machine(void)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    const size_t at = offsetof(Elf64_Ehdr, e_machine);

    assert_int_equal(lseek(stage.inside, 0, SEEK_SET), 0);
    assert_true(fd_read_to_end(stage.inside, &b));
    b.data[at] = EM_RISCV;
    return memfd_sealed("foreign", buffer_bytes(&b));
}

static void what_is_no_executable_for_this_machine_does_not_start(void **state)
{
    struct run run;
    int unsealed = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    (void)state;
    run_streams(&run);
    assert_executable_refused(&run, for_another_machine(), "compartment.executable");
    assert_executable_refused(&run,
                              memfd_sealed("script", bytes_of_text("#!/bin/sh\necho hello\n")),
                              "compartment.executable");
    assert_executable_refused(&run, unsealed, "compartment.unavailable");
    run_finish(&run);
}

static void limits_that_cannot_be_met_are_refused(void **state)
{
    struct run run;

    (void)state;
    run_streams(&run);
    struct compartment_spec spec = stage_spec(&run);
    spec.memory = UINT64_C(1) << 50;
    assert_start_refused(&spec, "compartment.too-large");
    spec.memory = LIMIT_MEMORY_FLOOR - 1;
    assert_start_refused(&spec, "compartment.unavailable");
    spec = stage_spec(&run);
    spec.uid = 0;
    assert_start_refused(&spec, "compartment.unavailable");
    run_finish(&run);
}

/* ---- nothing is left ---- */

/* The channel's other end sees the end of file when the program is gone. */
static void a_program_dies_with_its_warden(void **state)
{
    struct run run;
    int ready[2];
    char c;

    (void)state;
    run_streams(&run);
    assert_int_equal(pipe(ready), 0);
    pid_t warden = fork();
    if (warden == 0) {
        struct idevs_error err;
        struct compartment_spec spec = stage_spec(&run);
        bool ok = fd_write_all(run.channel[0], "forever", 7) &&
                  stage.back_end->start(&spec, &run.c, &err) && write(ready[1], "r", 1) == 1;
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
    assert_int_equal(poll(&p, 1, STAGE_WAIT_MS), 1);
    assert_true(read(run.channel[0], &c, 1) <= 0);
    assert_true(processes_of_become(stage.uid, 0));
    run_finish(&run);
    close(ready[0]);
}

/* All that a run could leave behind, as numbers. */
struct traces {
    unsigned descriptors;
    unsigned mounts;
    unsigned groups; /* of this process's making */
    unsigned files;  /* in the folders for temporary ones */
    unsigned children;
    unsigned pages; /* of this process's memory */
};

static unsigned entries(const char *folder, const char *prefix)
{
    unsigned n = 0;
    DIR *dir = opendir(folder);

    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
        n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    if (dir)
        closedir(dir);
    return n;
}

static unsigned lines_of(const char *path)
{
    unsigned n = 0;
    FILE *file = fopen(path, "re");

    assert_non_null(file);
    for (int c = getc(file); c != EOF; c = getc(file))
        n += c == '\n';
    fclose(file);
    return n;
}

static unsigned groups_of_ours(void)
{
    char command[160];
    unsigned n = 0;

    snprintf(command, sizeof(command), "find /sys/fs/cgroup -type d -name 'idevs-%d-*' | wc -l",
             (int)getpid());
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%u", &n), 1);
    pclose(pipe);
    return n;
}

static struct traces look(void)
{
    struct traces t = {
        .descriptors = entries("/proc/self/fd", ""),
        .mounts = lines_of("/proc/self/mountinfo"),
        .groups = groups_of_ours(),
        .files = entries("/tmp", "idevs-compartment") + entries("/dev/shm", "idevs"),
        .children = processes_of(stage.uid, NULL),
    };
    FILE *file = fopen("/proc/self/statm", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %u", &t.pages), 1);
    fclose(file);
    return t;
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* A back end may prepare its next start meanwhile: the most that is seen for a while. */
static struct traces look_for_a_while(void)
{
    struct traces most = look();

    for (unsigned i = 0; i < LOOKS; i++) {
        struct traces t = look();
        most.descriptors = larger(most.descriptors, t.descriptors);
        most.mounts = larger(most.mounts, t.mounts);
        most.groups = larger(most.groups, t.groups);
        most.files = larger(most.files, t.files);
        most.pages = larger(most.pages, t.pages);
        usleep(10000);
    }
    return most;
}

static bool has_no_more(const struct traces *now, const struct traces *before)
{
    return now->descriptors <= before->descriptors && now->mounts <= before->mounts &&
           now->groups <= before->groups && now->files <= before->files && now->children == 0;
}

/* What is there once that has settled. */
static struct traces look_until_no_more_than(const struct traces *before)
{
    struct traces now = look();

    for (int ms = 0; ms < STAGE_WAIT_MS && !has_no_more(&now, before); ms += 100) {
        usleep(100000);
        now = look();
    }
    return now;
}

/* Each one in the way of the next: a run that ends, one that is killed, one that is refused. */
static void start_and_end(unsigned i)
{
    struct run run;

    if (i % 3 == 2) {
        run_streams(&run);
        assert_executable_refused(&run, memfd_sealed("x", bytes_of_text("x")),
                                  "compartment.executable");
        run_finish(&run);
        return;
    }
    run_begin(&run, i % 3 ? "forever" : "nothing");
    struct compartment_end end = run_outcome(&run, i % 3 ? 0 : STAGE_WAIT_MS);
    assert_string_equal(end.code, i % 3 ? "compartment.limit" : "");
    run_finish(&run);
}

/* A third of so many starts is refused, so that as many more are made. */
static void many_starts_leave_nothing_behind(void **state)
{
    const char *asked = getenv("IDEVS_STARTS");
    unsigned wanted = asked ? (unsigned)strtoul(asked, NULL, 10) : STARTS;
    unsigned started = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        start_and_end(i);
    struct traces before = look_for_a_while();
    uint64_t until = clock_monotonic_ns() + STARTS_TIME * NS_PER_SECOND;
    for (unsigned i = 0; started < wanted && (asked || clock_monotonic_ns() < until); i++) {
        start_and_end(i);
        started += i % 3 != 2;
    }
    struct traces after = look_until_no_more_than(&before);
    printf("%u starts; memory of the starter %u, then %u pages\n", started, before.pages,
           after.pages);
    assert_true(started > 0);
    assert_in_range(after.descriptors, 0, before.descriptors);
    assert_in_range(after.mounts, 0, before.mounts);
    assert_in_range(after.groups, 0, before.groups);
    assert_in_range(after.files, 0, before.files);
    assert_int_equal(after.children, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    assert_true(after.pages <= before.pages + GROWTH_PAGES);
}

static int close_back_end(void **state)
{
    (void)state;
    if (stage.back_end->close)
        stage.back_end->close();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_in_words_what_it_protects_from_and_what_not),
        cmocka_unit_test(probing_again_beside_runs_changes_nothing),
        cmocka_unit_test(every_run_ends_with_its_code),
        cmocka_unit_test(a_program_that_is_asked_to_stop_may_end_by_itself),
        cmocka_unit_test(a_loop_costs_time_and_is_ended_for_its_limit),
        cmocka_unit_test(a_flood_waits_for_its_reader),
        cmocka_unit_test(the_first_reason_to_kill_is_the_one_that_is_told),
        cmocka_unit_test(one_that_still_runs_is_taken_down_too),
        cmocka_unit_test(what_loses_its_helper_is_lost_and_leaves_nothing),
        cmocka_unit_test(both_streams_carry_what_was_sent_in_order_both_ways),
        cmocka_unit_test(two_at_a_time_have_nothing_to_do_with_each_other),
        cmocka_unit_test(something_is_measured_while_it_runs_and_not_after),
        cmocka_unit_test(evidence_names_it_and_carries_what_it_measured),
        cmocka_unit_test(what_is_no_executable_for_this_machine_does_not_start),
        cmocka_unit_test(limits_that_cannot_be_met_are_refused),
        cmocka_unit_test(a_program_dies_with_its_warden),
        cmocka_unit_test(many_starts_leave_nothing_behind),
    };

    if (argc < 3 || !stage_open(argv[1], argv[2]))
        return STAGE_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, close_back_end);
}
