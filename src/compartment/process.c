#include "compartment/process.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/secret_memory.h"
#include "compartment/cgroup.h"
#include "compartment/executable.h"
#include "compartment/filter.h"
#include "compartment/hardening.h"
#include "compartment/landlock.h"
#include "compartment/memory_map.h"
#include "compartment/nursery.h"
#include "compartment/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GROUP_PREFIX "idevs-"
#define NAMESPACES                                                                                 \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |     \
     CLONE_NEWCGROUP)

struct compartment {
    pid_t pid;
    int pidfd;
    struct cgroup group;
    bool born_in_group;
    bool own_users;         /* it is in a user namespace of its own */
    const char *killed_for; /* code of kill(), or NULL */
    bool secret;            /* was told to move onto secret memory */
    bool collected;
};

/* ---- the host: found once ---- */

static struct {
    bool found;
    struct cgroup_host groups;
    char group_suffix[24];                          /* of names of groups */
    struct buffer filters[COMPARTMENT_MONITOR + 1]; /* by profile */
} host;

/* A number of a process means something in its own namespace only: what a warden of another one
 * runs is not to be swept away here. */
static void name_groups(void)
{
    struct stat st = {.st_ino = 0};

    (void)!stat("/proc/self/ns/pid", &st);
    snprintf(host.group_suffix, sizeof(host.group_suffix), "-%u", (unsigned)st.st_ino);
}

bool process_open(struct idevs_error *ret_err)
{
    if (host.found)
        return true;
    for (enum compartment_profile p = COMPARTMENT_RUN; p <= COMPARTMENT_MONITOR; p++) {
        host.filters[p] = buffer_up_to(LIMIT_FILTER);
        if (!filter_build(p, &host.filters[p], ret_err))
            return false;
    }
    cgroup_find(&host.groups);
    name_groups();
    cgroup_sweep(&host.groups, GROUP_PREFIX, host.group_suffix);
    secrecy_open();
    nursery_open(&host.groups, GROUP_PREFIX, host.group_suffix);
    host.found = true;
    return true;
}

/* Whether the kernel has a call: asked with arguments that it must refuse. */
static bool kernel_has(long number)
{
    errno = 0;
    return syscall(number, -1L, 0L, 0L, 0L, 0L, 0L) >= 0 || errno != ENOSYS;
}

static uint64_t user_namespaces_allowed(void)
{
    char text[24] = "";
    _cleanup_fd_ int fd = open("/proc/sys/user/max_user_namespaces", O_RDONLY | O_CLOEXEC);

    return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? strtoull(text, NULL, 10) : 0;
}

void process_probe_root(struct compartment_gaps *ret)
{
    if (geteuid() != 0)
        compartment_lacks(ret, "root: it gives each compartment a user of its own",
                          "Start idevs-warden as root; it gives up what it does not need.",
                          "user %u", (unsigned)geteuid());
}

static void process_probe(struct compartment_gaps *ret)
{
    process_probe_root(ret);
    if (user_namespaces_allowed() == 0)
        compartment_lacks(ret, "user namespaces",
                          "Raise sysctl user.max_user_namespaces, or use a kernel that has "
                          "them (CONFIG_USER_NS).",
                          "a kernel that gives none");
    if (!kernel_has(SYS_clone3) || !kernel_has(SYS_mount_setattr))
        compartment_lacks(ret, "Linux 5.12 or newer", "Use a newer kernel.",
                          "a kernel without clone3 or mount_setattr");
    if (prctl(PR_GET_SECCOMP) < 0)
        compartment_lacks(ret, "system-call filters", "Use a kernel with CONFIG_SECCOMP_FILTER.",
                          "a kernel without them");
}

void process_describe_groups(char *ret, size_t size)
{
    cgroup_describe(&host.groups, ret, size);
}

static void process_describe(char *ret, size_t size)
{
    char groups[96];

    process_describe_groups(groups, sizeof(groups));
    snprintf(ret, size, "Linux namespaces, system-call filter, Landlock %d, %s, %s",
             landlock_version(), groups, secrecy_describe());
}

/* ---- start: check all, then act ---- */

static bool check_run(const struct process_kind *kind, const struct compartment_spec *s,
                      struct idevs_error *ret_err)
{
    return memory_check(s->memory, ret_err) && executable_check(s->executable, ret_err) &&
           (fchmod(s->executable, kind->mode) == 0 ||
            refuse_errno(ret_err, "compartment.unavailable", "mode of the executable"));
}

static bool check_spec(const struct process_kind *kind, const struct compartment_spec *s,
                       struct idevs_error *ret_err)
{
    if (s->uid == 0 || s->uid == (uid_t)-1)
        return refuse(ret_err, "compartment.unavailable", "a user that is root's");
    if (s->memory < LIMIT_MEMORY_FLOOR || s->processes < 1)
        return refuse(ret_err, "compartment.unavailable", "limits that nothing can run in");
    if (s->profile == COMPARTMENT_RUN)
        return check_run(kind, s, ret_err);
    if (!s->argv || !s->envp || s->root < 0 || s->work < 0 || s->output < 0 ||
        (s->profile == COMPARTMENT_MONITOR && (s->channel < 0 || s->attester < 0 || s->report < 0)))
        return refuse(ret_err, "compartment.unavailable", "an incomplete specification");
    return true;
}

/* What both sides of a start hold on to while it lasts. */
struct start {
    int sync[2];   /* stream: ours, the child's */
    int status[2]; /* pipe: ours to read, the child's to write */
    int nothing;
    int root; /* not of a program: a mount of its root that nobody can write through */
};

static void start_end(struct start *start)
{
    fd_close(&start->sync[0]);
    fd_close(&start->sync[1]);
    fd_close(&start->status[0]);
    fd_close(&start->status[1]);
    fd_close(&start->nothing);
    fd_close(&start->root);
}

/* Taken here, with the warden's rights, because a child in its own user namespace could not. */
static int read_only_mount(int folder, bool devices)
{
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | (devices ? 0 : MOUNT_ATTR_NODEV),
    };
    int fd = open_tree(folder, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    if (fd >= 0 && mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
        fd_close(&fd);
    return fd;
}

static bool start_begin(const struct compartment_spec *spec, struct start *ret,
                        struct idevs_error *ret_err)
{
    *ret = (struct start){{-1, -1}, {-1, -1}, -1, -1};
    ret->nothing = memfd_sealed("nothing", bytes_of(NULL, 0));
    if (ret->nothing < 0 || pipe2(ret->status, O_CLOEXEC) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret->sync) < 0)
        return refuse_errno(ret_err, "compartment.unavailable", "descriptors");
    if (spec->profile != COMPARTMENT_RUN) {
        ret->root = read_only_mount(spec->root, spec->profile == COMPARTMENT_MONITOR);
        if (ret->root < 0)
            return refuse_errno(ret_err, "compartment.unavailable", "mount of the toolchain");
    }
    return true;
}

/* The new process is root of the host to nobody's profit: its rights hold in its new user namespace
 * only, where it gets one, and it gives up the user in setup.c. */
static struct clone_args new_process(uint64_t namespaces, int *ret_pidfd)
{
    return (struct clone_args){
        .flags = namespaces | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uintptr_t)ret_pidfd,
        .exit_signal = SIGCHLD,
    };
}

static bool write_map(pid_t pid, const char *file, uid_t id)
{
    char path[64];
    char map[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    snprintf(map, sizeof(map), "%d %u 1\n", SETUP_UID, (unsigned)id);
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && fd_write_all(fd, map, strlen(map));
}

static bool map_user(pid_t pid, uid_t uid)
{
    return write_map(pid, "gid_map", uid) && write_map(pid, "uid_map", uid);
}

/* The child sets itself up as soon as its user is mapped; meanwhile it is put into its group, and
 * goes on to exec when it is there. */
static bool lead_child(uint64_t namespaces, struct compartment *c,
                       const struct compartment_spec *spec, struct start *start,
                       struct idevs_error *ret_err)
{
    if (((namespaces & CLONE_NEWUSER) && !map_user(c->pid, spec->uid)) ||
        send(start->sync[0], "m", 1, MSG_NOSIGNAL) != 1)
        return refuse_errno(ret_err, "compartment.unavailable", "user mapping");
    if (!c->born_in_group && !cgroup_attach(&c->group, c->pid, ret_err))
        return false;
    fault_point("warden.compartment.attached");
    if (send(start->sync[0], "g", 1, MSG_NOSIGNAL) != 1)
        return refuse_errno(ret_err, "compartment.unavailable", "start");
    return true;
}

/* Waits for exec (end of file) or for the operation that failed. */
static bool await_exec(const struct compartment *c, int status, struct idevs_error *ret_err)
{
    struct setup_failure failure;

    errno = 0;
    if (fd_read_exactly(status, &failure, sizeof(failure))) {
        failure.operation[sizeof(failure.operation) - 1] = 0;
        return refuse(ret_err, "compartment.unavailable", "%s: %s", failure.operation,
                      strerror(failure.error));
    }
    if (errno != 0)
        return refuse_errno(ret_err, "compartment.unavailable", "status of the start");
    if (cgroup_ran_out_of_memory(&host.groups, &c->group))
        return refuse(ret_err, "compartment.limit", "the memory did not do for the start");
    return true;
}

/* What a new process is, and does. */
struct child {
    const struct process_kind *kind;
    struct setup_plan plan;
    struct clone_args args;
    struct cgroup_limits limits;
};

static void perform(void *arg)
{
    struct child *child = arg;

    child->kind->perform(&child->plan);
}

static bool born_in_group(struct child *child, struct compartment *c, struct idevs_error *ret_err)
{
    struct cgroup_limits limits = child->limits;
    struct birth birth = {.args = &child->args, .limits = &limits, .child = perform, .arg = child};

    limits.memory += LIMIT_BIRTH_MEMORY;
    limits.processes++;
    if (!nursery_bear(&birth, ret_err))
        return false;
    c->pid = birth.pid;
    c->group = birth.group;
    c->born_in_group = true;
    return true;
}

/* In its group once lead_child() has put it there. */
static bool born(struct child *child, struct compartment *c, struct idevs_error *ret_err)
{
    char name[64];

    snprintf(name, sizeof(name), GROUP_PREFIX "%d-%u%s", (int)getpid(),
             (unsigned)child->plan.spec->uid, host.group_suffix);
    if (!cgroup_make(&host.groups, name, &child->limits, &c->group, ret_err))
        return false;
    c->pid = (pid_t)syscall(SYS_clone3, &child->args, sizeof(child->args));
    if (c->pid == 0)
        perform(child); /* does not return */
    return c->pid > 0 || refuse_errno(ret_err, "compartment.unavailable", "namespaces");
}

static bool decide_secrecy(const struct process_kind *kind, const struct compartment_spec *spec,
                           struct secrecy *ret, struct idevs_error *ret_err)
{
    if (kind->hides)
        return secrecy_decide(spec, host.groups.base[CGROUP_MEMORY] != NULL, ret, ret_err);
    return spec->secrecy != SECRECY_REQUIRED ||
           refuse_expecting(ret_err, "compartment.secret-memory", "the back end process",
                            "another back end");
}

/* Until exec it held what a copy of the warden takes, and the nursery's thread stood beside it. The
 * kernel counts the copy's page tables for a moment after they are gone. */
static bool limit_born(const struct compartment *c, struct cgroup_limits limits,
                       struct idevs_error *ret_err)
{
    const struct timespec moment = {.tv_nsec = 1000 * 1000};
    struct idevs_error err;

    if (limits.memory < LIMIT_BIRTH_FLOOR)
        limits.memory = LIMIT_BIRTH_FLOOR;
    for (unsigned tries = 0; tries < LIMIT_BIRTH_WAIT_MS; tries++) {
        if (cgroup_limit(&host.groups, &c->group, &limits, &err))
            return true;
        nanosleep(&moment, NULL);
    }
    return refuse(ret_err, "compartment.limit", "the memory did not do for the start: %s",
                  err.found);
}

static bool start_with(const struct process_kind *kind, const struct compartment_spec *spec,
                       struct start *start, struct compartment *c, struct idevs_error *ret_err)
{
    bool compile = spec->profile == COMPARTMENT_COMPILE;
    struct child child = {
        .kind = kind,
        .plan = {.spec = spec,
                 .sync = start->sync[1],
                 .status = start->status[1],
                 .nothing = start->nothing,
                 .root = start->root,
                 .filter = buffer_bytes(&host.filters[spec->profile])},
        .args = new_process(kind->namespaces, &c->pidfd),
        .limits = {.memory = spec->memory,
                   .processes = spec->processes,
                   .cpu_weight = compile ? LIMIT_BUILD_CPU_WEIGHT : LIMIT_RUN_CPU_WEIGHT},
    };

    if (!decide_secrecy(kind, spec, &child.plan.secrecy, ret_err))
        return false;
    if (child.plan.secrecy.lock_right)
        child.args.flags &= ~(uint64_t)CLONE_NEWUSER;
    c->secret = child.plan.secrecy.secret;
    c->own_users = child.args.flags & CLONE_NEWUSER;
    /* A build, or the boot of a guest, takes longer than the nursery saves; version 2 has no grace
     * period to wait for. */
    bool nursery = spec->profile == COMPARTMENT_RUN && kind->nursery && host.groups.version == 1;
    if (nursery ? !born_in_group(&child, c, ret_err) : !born(&child, c, ret_err))
        return false;
    fd_close(&start->sync[1]);
    fd_close(&start->status[1]);
    bool led = lead_child(child.args.flags, c, spec, start, ret_err);
    if (!led)
        process_kill(c, "run.stopped");
    /* When leading failed because an operation did, the operation is what to say. */
    return await_exec(c, start->status[0], ret_err) && led &&
           (!nursery || limit_born(c, child.limits, ret_err));
}

bool process_begin(const struct process_kind *kind, const struct compartment_spec *spec,
                   struct compartment **ret, struct idevs_error *ret_err)
{
    _cleanup_(start_end) struct start start = {{-1, -1}, {-1, -1}, -1, -1};

    if (!host.found)
        return refuse(ret_err, "compartment.unavailable", "a back end that was not opened");
    if (!check_spec(kind, spec, ret_err) || !start_begin(spec, &start, ret_err))
        return false;
    struct compartment *c = alloc_zero(1, sizeof(*c));
    c->pidfd = -1;
    c->pid = -1;
    if (!start_with(kind, spec, &start, c, ret_err)) {
        process_destroy(c);
        return false;
    }
    *ret = c;
    return true;
}

static bool process_start(const struct compartment_spec *spec, struct compartment **ret,
                          struct idevs_error *ret_err)
{
    /* Execute-only and not the run's own: the kernel makes such a process undumpable from its first
     * instruction on, so that only root of the host can trace it or read its memory. */
    static const struct process_kind confined = {NAMESPACES, 0111, .hides = true, .nursery = true,
                                                 .perform = setup_perform};

    return process_begin(&confined, spec, ret, ret_err);
}

/* ---- watch, end, collect ---- */

int process_watch(const struct compartment *c)
{
    return c->pidfd;
}

void process_kill(struct compartment *c, const char *code)
{
    if (c->collected || c->pidfd < 0)
        return;
    if (!c->killed_for)
        c->killed_for = code;
    /* It is the first process of its namespace: all others in it go with it. */
    pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
}

static struct compartment_end ended(const char *code, const char *format, ...) _printf_(2, 3);

static struct compartment_end ended(const char *code, const char *format, ...)
{
    struct compartment_end end = {.code = code};
    va_list args;

    va_start(args, format);
    vsnprintf(end.detail, sizeof(end.detail), format, args);
    va_end(args);
    return end;
}

struct compartment_end process_end_of(bool exited, int status)
{
    if (exited && status == 0)
        return ended("", "ended by itself");
    if (exited)
        return ended("compartment.crashed", "exit status %d", status);
    if (status == SIGKILL) /* inside nobody can: root of the host, or its want of memory */
        return ended("compartment.lost", "killed from outside");
    if (status == SIGSYS)
        return ended("compartment.forbidden", "a system call that is not allowed inside");
    if (status == SIGXCPU || status == SIGXFSZ)
        return ended("compartment.limit", "signal SIG%s", sigabbrev_np(status));
    const char *name = sigabbrev_np(status);
    return ended("compartment.crashed", "signal SIG%s", name ? name : "?");
}

static struct compartment_end classify(const struct compartment *c, const siginfo_t *info)
{
    bool exited = info->si_code == CLD_EXITED;

    if (!(exited && info->si_status == 0) && cgroup_ran_out_of_memory(&host.groups, &c->group))
        return ended("compartment.limit", "memory");
    if (!exited && info->si_status == SIGKILL && c->killed_for)
        return ended(c->killed_for, "ended by the warden");
    if (exited && c->secret && info->si_status == EXIT_NOT_SECRET)
        return ended("compartment.secret-memory", "it could not move onto secret memory");
    return process_end_of(exited, info->si_status);
}

bool process_wait(struct compartment *c, struct compartment_end *ret)
{
    siginfo_t info = {0};

    if (c->collected || waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG) < 0 ||
        info.si_pid == 0)
        return false;
    c->collected = true;
    *ret = classify(c, &info);
    return true;
}

void process_destroy(struct compartment *c)
{
    siginfo_t info;

    if (!c)
        return;
    if (c->pidfd >= 0 && !c->collected) {
        process_kill(c, "run.stopped");
        while (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) < 0 && errno == EINTR)
            ;
    }
    fd_close(&c->pidfd);
    if (c->born_in_group)
        nursery_settle();
    cgroup_remove(&c->group);
    free(c);
}

/* ---- what evidence says of it ---- */

bool process_measure(const struct compartment *c, struct eat_measured *ret)
{
    char path[64];
    _cleanup_buffer_ struct buffer map = buffer_up_to(LIMIT_MEMORY_MAP);

    if (c->collected)
        return false;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)c->pid);
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || !fd_read_to_end(fd, &map) || map.len == 0)
        return false;
    if (!memory_map_measure(buffer_bytes(&map), ret))
        return false;
    hardening_measure(ret);
    return true;
}

/* What hosts differ in: the rest holds on each, or nothing starts. */
static void measure_confinement(const struct compartment *c, struct eat_measured *ret)
{
    char groups[96];
    struct eat_component *component = eat_add_component(ret, EAT_CONFINEMENT);

    if (!component)
        return;
    process_describe_groups(groups, sizeof(groups));
    snprintf(component->text, sizeof(component->text), "%s user namespace, Landlock %d, %s",
             c->own_users ? "own" : "no", landlock_version(), groups);
}

static bool measure_confined(const struct compartment *c, struct eat_measured *ret)
{
    if (!process_measure(c, ret))
        return false;
    measure_confinement(c, ret);
    return true;
}

uint64_t process_cpu_time(const struct compartment *c)
{
    clockid_t clock;
    struct timespec t;

    if (c->collected || clock_getcpuclockid(c->pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

const char *const PROCESS_BUILD_FLAGS[] = {"-static-pie", "-fPIE", NULL};

const struct compartment_back_end COMPARTMENT_PROCESS = {
    .name = "process",
    .isolates = true,
    .compiles = true,
    .protects_from = "other programs and users of the host, the launcher and the network; the host "
                     "and other programs are protected from the program",
    .exposed_to =
        "root of the host that runs the warden, and its kernel; whoever holds the platform key",
    .build_flags = PROCESS_BUILD_FLAGS,
    .probe = process_probe,
    .open = process_open,
    .close = nursery_close,
    .describe = process_describe,
    .start = process_start,
    .watch = process_watch,
    .measure = measure_confined,
    .cpu_time = process_cpu_time,
    .kill = process_kill,
    .wait = process_wait,
    .destroy = process_destroy,
};
