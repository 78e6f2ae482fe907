#include "compartment/setup.h"
#include "base/limits.h"
#include "base/secret_memory.h"
#include "compartment/filter.h"
#include "compartment/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* prctl(): Linux 6.3, younger than the headers. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

#define BIT(cap) (UINT64_C(1) << (cap))

/* Where things are while the child sets itself up. 0 to 2 are the compiler's; a program has none of
 * them: what it prints by mistake goes nowhere (EBADF), and as it can open nothing, nothing can
 * come to stand there. */
enum {
    AT_CHANNEL = 3,
    AT_ATTESTER = 4,
    AT_EXECUTABLE = FILTER_EXECUTABLE_FD,
    AT_REPORT = 5, /* of a monitor, which has no executable there */
    AT_STATUS = 6,
    AT_SYNC = 7,
    AT_ROOT = 8,
    AT_WORK = 9,
    AT_FIRST_FREE = 10,
    AT_MOVING = 100, /* out of the way of all of those */
};

static bool is_run(const struct setup_plan *plan)
{
    return plan->spec->profile == COMPARTMENT_RUN;
}

/* ---- descriptors: exactly those that the profile names, at their places ---- */

struct place {
    int from;
    int to;
    int flags;
};

static size_t places(const struct setup_plan *plan, struct place *ret)
{
    const struct compartment_spec *s = plan->spec;
    const struct place run[] = {
        {s->channel, AT_CHANNEL, 0},
        {s->attester, AT_ATTESTER, 0},
        {s->executable, AT_EXECUTABLE, O_CLOEXEC},
        {plan->status, AT_STATUS, O_CLOEXEC},
        {plan->sync, AT_SYNC, O_CLOEXEC},
    };
    const struct place compile[] = {
        {plan->nothing, STDIN_FILENO, 0}, {s->output, STDOUT_FILENO, 0},
        {s->output, STDERR_FILENO, 0},    {plan->status, AT_STATUS, O_CLOEXEC},
        {plan->sync, AT_SYNC, O_CLOEXEC}, {plan->root, AT_ROOT, O_CLOEXEC},
        {s->work, AT_WORK, O_CLOEXEC},
    };
    const struct place streams[] = {
        {s->channel, AT_CHANNEL, 0}, {s->attester, AT_ATTESTER, 0}, {s->report, AT_REPORT, 0}};
    const struct place *from = is_run(plan) ? run : compile;
    size_t n = is_run(plan) ? ARRAY_LEN(run) : ARRAY_LEN(compile);

    memcpy(ret, from, n * sizeof(*ret));
    if (s->profile != COMPARTMENT_MONITOR)
        return n;
    memcpy(ret + n, streams, sizeof(streams));
    return n + ARRAY_LEN(streams);
}

bool setup_place_descriptors(struct setup_plan *plan)
{
    struct place at[12];
    size_t n = places(plan, at);
    int status = -1;

    for (size_t i = 0; i < n; i++) {
        at[i].from = fcntl(at[i].from, F_DUPFD_CLOEXEC, AT_MOVING);
        if (at[i].from < 0)
            return false;
        if (at[i].to == AT_STATUS)
            status = at[i].from;
    }
    plan->status = status; /* failures are told there until it has its place */
    if (close_range(0, AT_MOVING - 1, 0) < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (dup3(at[i].from, at[i].to, at[i].flags) < 0)
            return false;
    plan->status = AT_STATUS;
    plan->sync = AT_SYNC;
    return close_range(AT_FIRST_FREE, ~0U, 0) == 0;
}

/* ---- identity ---- */

bool setup_take_user(uid_t id)
{
    return syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setresgid, id, id, id) == 0 &&
           syscall(SYS_setresuid, id, id, id) == 0;
}

static bool wait_for(const struct setup_plan *plan, char wanted)
{
    char c;
    ssize_t n;

    do
        n = read(plan->sync, &c, 1);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        errno = EPIPE; /* the parent is gone */
    return n == 1 && c == wanted;
}

bool setup_await_mapping(struct setup_plan *plan)
{
    return wait_for(plan, 'm');
}

/* From root of the host, with every right in the new user namespace only, to a user that exists
 * nowhere else. The rights stay until drop_rights. */
static bool take_identity(struct setup_plan *plan)
{
    uid_t id = plan->secrecy.lock_right ? plan->spec->uid : SETUP_UID;

    return prctl(PR_SET_SECUREBITS,
                 SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP) == 0 &&
           setup_take_user(id);
}

/* Dies with the warden. Asked for after the change of user, which would clear it; a warden that
 * died before is seen at the other end of the stream. */
bool setup_die_with_parent(struct setup_plan *plan)
{
    struct pollfd hangup = {.fd = plan->sync};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return false;
    return poll(&hangup, 1, 0) == 0;
}

static bool plain_session(struct setup_plan *plan)
{
    sigset_t none;

    sigemptyset(&none);
    /* No READ_IMPLIES_EXEC is handed down, and addresses are random. The compiler's result is read
     * by another user. */
    return setsid() >= 0 && personality(PER_LINUX) >= 0 &&
           umask(is_run(plan) ? 077 : 022) != (mode_t)-1 &&
           sigprocmask(SIG_SETMASK, &none, NULL) == 0 && sethostname("compartment", 11) == 0;
}

/* ---- file systems ---- */

static bool move_onto(int mount, int folder, const char *path)
{
    return move_mount(mount, "", folder, path, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

/* Makes the mount behind `fd`, which stands on "/", the root, and forgets the old one. */
static bool pivot_into(int fd)
{
    return fchdir(fd) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
           umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
}

static int empty_root(void)
{
    int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
    int mount = -1;

    if (context < 0)
        return -1;
    if (fsconfig(context, FSCONFIG_SET_STRING, "size", "4096", 0) == 0 &&
        fsconfig(context, FSCONFIG_SET_STRING, "mode", "0555", 0) == 0 &&
        fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount =
            fsmount(context, FSMOUNT_CLOEXEC,
                    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    close(context);
    return mount;
}

static bool change_root(struct setup_plan *plan)
{
    int root = is_run(plan) ? empty_root() : AT_ROOT;

    /* Nothing that happens here is seen by the host. */
    if (root < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return false;
    if (!move_onto(root, AT_FDCWD, "/"))
        return false;
    if (!is_run(plan) && !move_onto(AT_WORK, root, "work"))
        return false;
    if (!pivot_into(root))
        return false;
    if (!is_run(plan))
        return close(AT_WORK) == 0 && close(AT_ROOT) == 0 && chdir("/work") == 0;
    return close(root) == 0;
}

/* ---- limits ---- */

/* Lowers it for good; where the warden itself has less, that stays. */
static bool limit(unsigned resource, uint64_t value)
{
    struct rlimit rlimit;

    if (prlimit(0, resource, NULL, &rlimit) < 0)
        return false;
    if (rlimit.rlim_max > value)
        rlimit.rlim_max = value;
    rlimit.rlim_cur = rlimit.rlim_max;
    return prlimit(0, resource, &rlimit, NULL) == 0;
}

/* Beside the cgroup, which counts what is used and ends who passes it. The address space has room
 * for what is reserved and never touched. */
static bool set_limits(struct setup_plan *plan)
{
    const struct compartment_spec *s = plan->spec;
    bool run = is_run(plan);
    uint64_t secret = plan->secrecy.secret ? secret_memory_most(s->memory) : 0;

    return limit(RLIMIT_CORE, 0) && limit(RLIMIT_AS, s->memory * 2 + LIMIT_ADDRESS_SPACE_EXTRA) &&
           limit(RLIMIT_DATA, s->memory + LIMIT_DATA_EXTRA) && limit(RLIMIT_STACK, LIMIT_STACK) &&
           limit(RLIMIT_MEMLOCK, run ? (secret ? secret : s->memory) : 0) &&
           limit(RLIMIT_FSIZE, run ? secret : LIMIT_BUILD_WORK_FILE) &&
           limit(RLIMIT_NPROC, s->processes) &&
           limit(RLIMIT_NOFILE, run ? AT_EXECUTABLE : LIMIT_BUILD_FDS) &&
           limit(RLIMIT_MSGQUEUE, 0) && limit(RLIMIT_SIGPENDING, LIMIT_SIGNALS) &&
           limit(RLIMIT_RTPRIO, 0) && limit(RLIMIT_NICE, 0) &&
           limit(RLIMIT_LOCKS, run ? 0 : LIMIT_BUILD_LOCKS);
}

/* No mapping becomes executable that was not so at exec, whatever the filter lets through. */
static bool refuse_new_code(struct setup_plan *plan)
{
    return !is_run(plan) || prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0 ||
           errno == EINVAL; /* a kernel that does not know it */
}

/* ---- rights: none are left but the one of the plan, and none can come back ---- */

static bool drop_bounding_set(void)
{
    for (unsigned long cap = 0; cap < 64; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return errno == EINVAL && cap > CAP_SYS_ADMIN; /* past the last that the kernel knows */
    return true;
}

static bool hold_only(uint64_t rights, uint64_t inherited)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    for (size_t i = 0; i < ARRAY_LEN(data); i++) {
        data[i].effective = data[i].permitted = (uint32_t)(rights >> (32 * i));
        data[i].inheritable = (uint32_t)(inherited >> (32 * i));
    }
    return syscall(SYS_capset, &header, data) == 0;
}

static bool drop_rights(struct setup_plan *plan)
{
    uint64_t kept = plan->secrecy.lock_right ? BIT(CAP_IPC_LOCK) : 0;

    return hold_only(kept | BIT(CAP_SETPCAP), kept) &&
           prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
           (!kept || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_IPC_LOCK, 0, 0) == 0) &&
           drop_bounding_set() &&
           prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                        SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                        SECBIT_NO_CAP_AMBIENT_RAISE |
                                        SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) == 0 &&
           hold_only(kept, kept) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool give_up_files(struct setup_plan *plan)
{
    static const struct landlock_path paths[] = {{"/", false}, {"/work", true}, {"/dev", true}};
    static const size_t n_paths[] = {
        [COMPARTMENT_RUN] = 0, [COMPARTMENT_COMPILE] = 2, [COMPARTMENT_MONITOR] = 3};

    return landlock_confine(paths, n_paths[plan->spec->profile]);
}

bool setup_await_go(struct setup_plan *plan)
{
    return wait_for(plan, 'g');
}

static bool filter_calls(struct setup_plan *plan)
{
    struct sock_fprog program = {
        .len = (unsigned short)(plan->filter.len / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)(uintptr_t)plan->filter.data,
    };

    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

/* Exactly the bytes that were measured: the descriptor of the sealed file, no path. */
bool setup_become_program(struct setup_plan *plan)
{
    static char name[] = "program";
    static char *const argv[] = {name, NULL};
    char secret[64];
    char *const env[] = {plan->secrecy.secret ? secret : NULL, NULL};

    snprintf(secret, sizeof(secret), SECRET_MEMORY_VARIABLE "=%" PRIu64, plan->spec->memory);
    if (is_run(plan))
        return syscall(SYS_execveat, AT_EXECUTABLE, "", argv, env, AT_EMPTY_PATH) == 0;
    return execve(plan->spec->argv[0], (char *const *)(uintptr_t)plan->spec->argv,
                  (char *const *)(uintptr_t)plan->spec->envp) == 0;
}

static const struct setup_operation OPERATIONS[] = {
    {"descriptors", setup_place_descriptors},
    {"user mapping", setup_await_mapping},
    {"user", take_identity},
    {"parent", setup_die_with_parent},
    {"session", plain_session},
    {"root", change_root},
    {"limits", set_limits},
    {"new code", refuse_new_code},
    {"capabilities", drop_rights},
    {"landlock", give_up_files},
    {"control group", setup_await_go},
    {"system-call filter", filter_calls},
    {"exec", setup_become_program},
};

void setup_perform_all(const struct setup_operation *operations, size_t n, struct setup_plan *plan)
{
    for (size_t i = 0; i < n; i++) {
        if (operations[i].perform(plan))
            continue;
        struct setup_failure failure = {.error = errno};
        snprintf(failure.operation, sizeof(failure.operation), "%s", operations[i].name);
        ssize_t written = write(plan->status, &failure, sizeof(failure));
        (void)written;
        break;
    }
    _exit(127);
}

void setup_perform(struct setup_plan *plan)
{
    setup_perform_all(OPERATIONS, ARRAY_LEN(OPERATIONS), plan);
}
