/* What only the back end `process` promises: what is seen of it from outside, and how fast it
 * starts. Which system calls it lets through: tests/escape. */
#include "base/clock.h"
#include "compartment/cgroup.h"
#include "stage.h"

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
    for (size_t i = 0; i < ARRAY_LEN(took); i++) {
        struct run run;
        uint64_t before = clock_monotonic_ns();
        run_begin(&run, "nothing");
        took[i] = clock_monotonic_ns() - before;
        run_outcome(&run, 5000);
        run_finish(&run);
    }
    qsort(took, ARRAY_LEN(took), sizeof(took[0]), by_time);
    printf("start: p50 %.2f ms\n", (double)took[10] / 1e6);
    assert_true(took[10] < 100000000); /* generous: the machine may be busy */
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
        cmocka_unit_test(a_warden_sweeps_away_no_groups_of_another_process_namespace),
        cmocka_unit_test(starting_takes_well_under_15_ms),
    };

    if (argc < 2 || !stage_open("process", argv[1]))
        return STAGE_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
