#include "compartment/none.h"
#include "compartment/process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* What it prints goes nowhere: the warden's log is no place for what a stranger writes. */
static bool take_descriptors(struct setup_plan *plan)
{
    return setup_place_descriptors(plan) && open("/dev/null", O_RDWR) == STDIN_FILENO &&
           dup(STDIN_FILENO) == STDOUT_FILENO && dup(STDIN_FILENO) == STDERR_FILENO;
}

/* Whatever its memory, its group counts it; this is for a host without groups. */
static bool take_limits(struct setup_plan *plan)
{
    uint64_t space = plan->spec->memory * 2 + LIMIT_ADDRESS_SPACE_EXTRA;
    const struct rlimit as = {space, space};
    const struct rlimit processes = {plan->spec->processes, plan->spec->processes};

    return setrlimit(RLIMIT_AS, &as) == 0 && setrlimit(RLIMIT_NPROC, &processes) == 0;
}

static bool take_user(struct setup_plan *plan)
{
    return setup_take_user(plan->spec->uid) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool plain_session(struct setup_plan *plan)
{
    sigset_t none;

    (void)plan;
    sigemptyset(&none);
    umask(077);
    return setsid() >= 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

static const struct setup_operation OPERATIONS[] = {
    {"descriptors", take_descriptors},
    {"user mapping", setup_await_mapping}, /* which means nothing here */
    {"limits", take_limits},
    {"user", take_user},
    {"parent", setup_die_with_parent},
    {"session", plain_session},
    {"control group", setup_await_go},
    {"exec", setup_become_program},
};

static void none_perform(struct setup_plan *plan) _noreturn_;

static void none_perform(struct setup_plan *plan)
{
    setup_perform_all(OPERATIONS, ARRAY_LEN(OPERATIONS), plan);
}

static bool none_start(const struct compartment_spec *spec, struct compartment **ret,
                       struct idevs_error *ret_err)
{
    /* Readable, so that the kernel lets its user's debuggers at it. Whatever it starts ends with
     * it: it is the first process of a namespace. */
    static const struct process_kind bare = {CLONE_NEWPID, 0555, false, none_perform};

    if (spec->profile != COMPARTMENT_RUN)
        return refuse(ret_err, "compartment.unavailable", "a compiler in the back end none");
    return process_begin(&bare, spec, ret, ret_err);
}

static void none_describe(char *ret, size_t size)
{
    char groups[96];

    process_describe_groups(groups, sizeof(groups));
    snprintf(ret, size, "no isolation: a user of its own, %s", groups);
}

const struct compartment_back_end COMPARTMENT_NONE = {
    .name = "none",
    .isolates = false,
    .compiles = false,
    .protects_from = "nothing: it is for debuggers; the host's files and other users are protected "
                     "from it as from any user",
    .exposed_to = "anybody on the host: nothing isolates the program",
    .build_flags = PROCESS_BUILD_FLAGS,
    .probe = process_probe_root,
    .open = process_open,
    .describe = none_describe,
    .start = none_start,
    .watch = process_watch,
    .measure = process_measure,
    .cpu_time = process_cpu_time,
    .kill = process_kill,
    .wait = process_wait,
    .destroy = process_destroy,
};
