/* Births into control groups of version 1. As root. */
#include "compartment/nursery.h"
#include "../test.h"
#include "base/limits.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct cgroup_host host;
static const struct cgroup_limits LIMITS = {MIB(64), 8, 100};

static void exit_with(void *arg)
{
    _exit(*(int *)arg);
}

static void wait_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

static struct clone_args plain(void)
{
    return (struct clone_args){.exit_signal = SIGCHLD};
}

/* Folders in the hierarchy of memory that this test's nursery made. */
static unsigned groups(void)
{
    char command[256];
    unsigned n = 99;

    snprintf(command, sizeof(command), "find %s -maxdepth 1 -name 'nursery-test-%d-*' | wc -l",
             host.base[CGROUP_MEMORY], (int)getpid());
    FILE *output = popen(command, "r");
    assert_non_null(output);
    assert_int_equal(fscanf(output, "%u", &n), 1);
    pclose(output);
    return n;
}

static void end_of(struct birth *birth)
{
    assert_int_equal(waitpid(birth->pid, NULL, 0), birth->pid);
    nursery_settle();
    cgroup_remove(&birth->group);
}

static void a_child_is_in_its_group_from_the_first_moment(void **state)
{
    const struct clone_args args = plain();
    struct birth birth = {.args = &args, .limits = &LIMITS, .child = wait_for_ever};
    struct idevs_error err;
    char path[64];
    char text[4096] = "";

    (void)state;
    assert_true(nursery_bear(&birth, &err));
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)birth.pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = 0;
    fclose(file);
    assert_non_null(strstr(text, strrchr(birth.group.path[CGROUP_MEMORY], '/')));
    kill(birth.pid, SIGKILL);
    end_of(&birth);
}

static void a_birth_that_fails_leaves_nothing(void **state)
{
    struct clone_args args = plain();
    struct birth birth = {.args = &args, .limits = &LIMITS, .child = wait_for_ever};
    struct idevs_error err;

    (void)state;
    args.flags = CLONE_THREAD; /* without CLONE_SIGHAND: there is no such process */
    assert_false(nursery_bear(&birth, &err));
    assert_refused(&err, "compartment.unavailable");
    nursery_settle();
    assert_int_equal(groups(), 1); /* the next one's */
}

/* Descriptors or groups may have run out just when the next group was made. */
static void what_could_not_be_had_is_tried_again(void **state)
{
    static char nowhere[] = "/nowhere";
    const struct clone_args args = plain();
    int status = 7;
    struct birth birth = {.args = &args, .limits = &LIMITS, .child = exit_with, .arg = &status};
    struct idevs_error err;
    char *base = host.base[CGROUP_MEMORY];

    (void)state;
    nursery_close();
    host.base[CGROUP_MEMORY] = nowhere;
    assert_false(nursery_bear(&birth, &err));
    assert_refused(&err, "compartment.unavailable");
    nursery_settle(); /* the next attempt has failed, too */
    host.base[CGROUP_MEMORY] = base;
    assert_true(nursery_bear(&birth, &err));
    end_of(&birth);
}

static void closing_leaves_no_group(void **state)
{
    (void)state;
    assert_int_equal(groups(), 1);
    nursery_close();
    assert_int_equal(groups(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_is_in_its_group_from_the_first_moment),
        cmocka_unit_test(a_birth_that_fails_leaves_nothing),
        cmocka_unit_test(what_could_not_be_had_is_tried_again),
        cmocka_unit_test(closing_leaves_no_group),
    };

    cgroup_find(&host);
    if (geteuid() != 0 || host.version != 1 || !host.base[CGROUP_MEMORY]) {
        printf("skipped: needs root and control groups of version 1\n");
        return 77;
    }
    nursery_open(&host, "nursery-test-", "-x");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
        free(host.base[i]);
    return failed;
}
