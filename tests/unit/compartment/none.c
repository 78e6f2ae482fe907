/* What only the back end `none` promises: debuggers get at the program, and it is a user like any
 * other, with the host's files before it. */
#include "stage.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0, or the errno with which a debugger of the run's own user is turned away. */
static int error_of_tracing(pid_t pid)
{
    int status;
    pid_t debugger = fork();

    if (debugger == 0) {
        if (setresgid(stage.uid, stage.uid, stage.uid) < 0 ||
            setresuid(stage.uid, stage.uid, stage.uid) < 0)
            _exit(255);
        _exit(ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 ? 0 : errno);
    }
    assert_int_equal(waitpid(debugger, &status, 0), debugger);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int error_of_tracing_a_run(const char *back_end)
{
    const struct compartment_back_end *before = stage.back_end;
    struct run run;
    pid_t pid = 0;
    char c;

    stage.back_end = compartment_back_end(back_end);
    run_begin(&run, "exchange");
    assert_true(fd_read_exactly(run.channel[0], &c, 1));
    assert_int_equal(processes_of(stage.uid, &pid), 1);
    int error = error_of_tracing(pid);
    run_finish(&run);
    stage.back_end = before;
    return error;
}

static void a_debugger_of_its_user_gets_at_it_as_it_does_not_elsewhere(void **state)
{
    FILE *yama = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    int scope = yama ? fgetc(yama) : '0';

    (void)state;
    if (yama)
        fclose(yama);
    if (scope != '0')
        skip(); /* this kernel lets users trace their own children at most */
    assert_int_equal(error_of_tracing_a_run("none"), 0);
    assert_int_equal(error_of_tracing_a_run("process"), EPERM);
}

static void it_sees_the_hosts_files_as_any_user_does(void **state)
{
    (void)state;
    assert_string_equal(outcome_of("open-file").code, "");
    assert_string_equal(outcome_of("socket-inet").code, "");
    assert_string_equal(outcome_of("is-dumpable").code, "");
    assert_string_equal(outcome_of("read-secret-file").code, "compartment.crashed");
    assert_string_equal(outcome_of("mount").code, "compartment.crashed");
}

static void assert_leads_to(pid_t pid, const char *file, const char *wanted)
{
    char path[64];
    char target[64] = "";

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    assert_true(readlink(path, target, sizeof(target) - 1) > 0);
    assert_string_equal(target, wanted);
}

static unsigned most_processes(pid_t pid)
{
    char path[64];
    char line[256];
    unsigned most = 0;

    snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
    FILE *limits = fopen(path, "re");
    assert_non_null(limits);
    while (fgets(line, sizeof(line), limits))
        sscanf(line, "Max processes %u", &most);
    fclose(limits);
    return most;
}

/* Not into the warden's log; and it leaves no process behind, nor makes a second one. */
static void it_prints_nowhere_and_takes_all_that_it_starts_along(void **state)
{
    struct run run;
    pid_t pid = 0;
    char own[64] = "";
    char theirs[64] = "";
    char path[64];
    char c;

    (void)state;
    run_begin(&run, "exchange");
    assert_true(fd_read_exactly(run.channel[0], &c, 1));
    assert_int_equal(processes_of(stage.uid, &pid), 1);
    assert_leads_to(pid, "fd/1", "/dev/null");
    assert_leads_to(pid, "fd/2", "/dev/null");
    snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
    assert_true(readlink("/proc/self/ns/pid", own, sizeof(own) - 1) > 0);
    assert_true(readlink(path, theirs, sizeof(theirs) - 1) > 0);
    assert_string_not_equal(own, theirs);
    assert_int_equal(most_processes(pid), 1);
    run_finish(&run);
}

static void secret_memory_is_not_promised(void **state)
{
    struct run run;
    struct compartment *c = NULL;
    struct idevs_error err;

    (void)state;
    run_streams(&run);
    struct compartment_spec spec = stage_spec(&run);
    spec.secrecy = SECRECY_REQUIRED;
    assert_false(stage.back_end->start(&spec, &c, &err));
    assert_refused(&err, "compartment.secret-memory");
    for (size_t i = 0; i < 2; i++) {
        close(run.channel[i]);
        close(run.attester[i]);
    }
}

static void it_compiles_nothing(void **state)
{
    struct compartment *c = NULL;
    struct idevs_error err;
    const struct compartment_spec spec = {.profile = COMPARTMENT_COMPILE, .uid = stage.uid};

    (void)state;
    assert_false(stage.back_end->compiles);
    assert_false(stage.back_end->start(&spec, &c, &err));
    assert_refused(&err, "compartment.unavailable");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_debugger_of_its_user_gets_at_it_as_it_does_not_elsewhere),
        cmocka_unit_test(it_sees_the_hosts_files_as_any_user_does),
        cmocka_unit_test(it_prints_nowhere_and_takes_all_that_it_starts_along),
        cmocka_unit_test(secret_memory_is_not_promised),
        cmocka_unit_test(it_compiles_nothing),
    };

    if (argc < 2 || !stage_open("none", argv[1]))
        return STAGE_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
