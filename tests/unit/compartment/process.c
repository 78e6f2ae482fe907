/* What only the back end `process` promises: what is seen of it from outside. Which system calls it
 * lets through: tests/escape. */
#include "compartment/process.h"
#include "compartment/cgroup.h"
#include "compartment/landlock.h"
#include "stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void its_memory_map_is_measured_and_nothing_is_written_and_executed(void **state)
{
    struct eat_measured measured = {.n_components = 0};
    struct run run;

    (void)state;
    run_begin(&run, "forever");
    assert_true(stage.back_end->measure(run.c, &measured));
    assert_true(measured.memory_map.present);
    assert_null(strstr(measured.memory_map_summary, "executable 0.0"));
    assert_non_null(strstr(measured.memory_map_summary, "both 0.0"));
    run_finish(&run);
}

/* Whether `pid` is in another user namespace than this process. */
static bool has_own_users(pid_t pid)
{
    char path[64];
    char its[64] = "";
    char ours[64] = "";

    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
    assert_true(readlink(path, its, sizeof(its) - 1) > 0);
    assert_true(readlink("/proc/self/ns/user", ours, sizeof(ours) - 1) > 0);
    return strcmp(its, ours) != 0;
}

static void evidence_says_what_of_its_confinement_depends_on_the_host(void **state)
{
    struct eat_measured measured = {.n_components = 0};
    struct run run;
    pid_t pid = 0;
    char expected[LIMIT_EAT_TEXT];
    char groups[96];

    (void)state;
    process_describe_groups(groups, sizeof(groups));
    run_begin(&run, "forever");
    assert_int_equal(processes_of(stage.uid, &pid), 1);
    snprintf(expected, sizeof(expected), "%s user namespace, Landlock %d, %s",
             has_own_users(pid) ? "own" : "no", landlock_version(), groups);
    assert_true(stage.back_end->measure(run.c, &measured));
    assert_string_equal(eat_component_text(&measured, EAT_CONFINEMENT), expected);
    run_finish(&run);
}

/* A number of a file of the control group of `pid`, version 1; 0 when there is none. */
static uint64_t number_of_group(pid_t pid, const char *controller, const char *file)
{
    char command[256];
    uint64_t number = 0;

    snprintf(command, sizeof(command),
             "cat /sys/fs/cgroup/%s$(sed -n 's/^[0-9]*:%s://p' /proc/%d/cgroup)/%s", controller,
             controller, (int)pid, file);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    if (fscanf(output, "%" SCNu64, &number) != 1)
        number = 0;
    pclose(output);
    return number;
}

/* Until exec it had more: the nursery's thread stood beside it, and it was a copy of the warden. */
static void its_group_has_the_limits_of_its_manifest(void **state)
{
    struct cgroup_host host;
    struct run run;
    pid_t pid = 0;
    char c;

    (void)state;
    cgroup_find(&host);
    if (host.version != 1)
        skip();
    run_begin(&run, "exchange");
    const struct compartment_spec spec = stage_spec(&run);
    assert_true(fd_read_exactly(run.channel[0], &c, 1));
    assert_int_equal(processes_of(stage.uid, &pid), 1);
    assert_int_equal(number_of_group(pid, "memory", "memory.limit_in_bytes"), spec.memory);
    assert_int_equal(number_of_group(pid, "pids", "pids.max"), spec.processes);
    run_finish(&run);
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
        free(host.base[i]);
}

/* Two wardens, each with processes numbered from 1, above one hierarchy of groups. */
static void a_warden_sweeps_away_no_groups_of_another_process_namespace(void **state)
{
    struct cgroup_host host;
    struct cgroup group;
    const struct cgroup_limits limits = {MIB(16), 1, 100};

    (void)state;
    cgroup_find(&host);
    if (host.version == 0)
        skip();
    assert_true(cgroup_make(&host, "idevs-99999999-1-4242", &limits, &group, NULL));
    cgroup_sweep(&host, "idevs-", "-42");
    assert_int_equal(access(group.path[CGROUP_MEMORY], F_OK), 0);
    cgroup_sweep(&host, "idevs-", "-4242");
    assert_int_equal(access(group.path[CGROUP_MEMORY], F_OK), -1);
    cgroup_remove(&group);
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
        free(host.base[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_memory_map_is_measured_and_nothing_is_written_and_executed),
        cmocka_unit_test(evidence_says_what_of_its_confinement_depends_on_the_host),
        cmocka_unit_test(a_warden_sweeps_away_no_groups_of_another_process_namespace),
        cmocka_unit_test(its_group_has_the_limits_of_its_manifest),
    };

    if (argc < 2 || !stage_open("process", argv[1]))
        return STAGE_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
