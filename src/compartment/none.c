#include "compartment/none.h"
#include "compartment/filter.h"
#include "compartment/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the program finds open. What it prints goes nowhere: the warden's log is no place for what a
 * stranger writes. */
enum {
    AT_NOTHING = 0,
    AT_CHANNEL = 3,
    AT_ATTESTER = 4,
    AT_EXECUTABLE = FILTER_EXECUTABLE_FD,
    AT_STATUS = 6,
    AT_SYNC = 7,
    N_PLACES = 8,
    AT_MOVING = 100, /* out of the way of all of those */
};

static bool take_places(struct setup_plan *plan)
{
    const struct compartment_spec *s = plan->spec;
    const int from[N_PLACES] = {plan->nothing, plan->nothing, plan->nothing, s->channel,
                                s->attester,   s->executable, plan->status,  plan->sync};
    int moved[N_PLACES];

    for (int i = 0; i < N_PLACES; i++) {
        moved[i] = fcntl(from[i], F_DUPFD_CLOEXEC, AT_MOVING);
        if (moved[i] < 0)
            return false;
    }
    plan->status = moved[AT_STATUS]; /* failures are told there until it has its place */
    if (close_range(0, AT_MOVING - 1, 0) < 0)
        return false;
    for (int i = 0; i < N_PLACES; i++)
        if (dup3(moved[i], i, i >= AT_EXECUTABLE ? O_CLOEXEC : 0) < 0)
            return false;
    plan->status = AT_STATUS;
    plan->sync = AT_SYNC;
    return close_range(N_PLACES, ~0U, 0) == 0;
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

/* Dies with the warden; one that died before is seen at the other end of the stream. */
static bool take_session(struct setup_plan *plan)
{
    struct pollfd hangup = {.fd = plan->sync};
    sigset_t none;

    sigemptyset(&none);
    umask(077);
    return setsid() >= 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
           prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && poll(&hangup, 1, 0) == 0;
}

static bool await_parent(struct setup_plan *plan)
{
    char said[2]; /* that users are mapped, which means nothing here, and go */
    size_t n = 0;

    while (n < sizeof(said)) {
        ssize_t step = read(plan->sync, said + n, sizeof(said) - n);
        if (step == 0)
            errno = EPIPE;
        if (step == 0 || (step < 0 && errno != EINTR))
            return false;
        n += step > 0 ? (size_t)step : 0;
    }
    return true;
}

static bool become_program(struct setup_plan *plan)
{
    static char *const no_env[] = {NULL};
    static char name[] = "program";
    static char *const argv[] = {name, NULL};

    (void)plan;
    return syscall(SYS_execveat, AT_EXECUTABLE, "", argv, no_env, AT_EMPTY_PATH) == 0;
}

static const struct setup_operation OPERATIONS[] = {
    {"descriptors", take_places}, {"limits", take_limits},  {"user", take_user},
    {"session", take_session},    {"parent", await_parent}, {"exec", become_program},
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
