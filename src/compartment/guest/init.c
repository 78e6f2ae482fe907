/* The first process of a guest, and the only one beside the program: it opens the three ports,
 * starts the program on two of them with nothing else within its reach, tells the host on the third
 * how that ended, and ends the guest. All of it is measured; it trusts the host's order of ports
 * and nothing that comes through them. */
#include "base/attr.h"
#include "base/limits.h"
#include "compartment/guest/report.h"
#include "compartment/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AT_EXECUTABLE 5 /* the one descriptor that the filter lets it execute */
#define AT_REPORT     6
#define GROUP         "/group/program"

struct guest {
    int ports[GUEST_PORT_REPORT + 1]; /* by number */
    int executable;
    uint64_t memory;
    struct sock_filter filter[BPF_MAXINSNS];
    struct sock_fprog filter_program;
    pid_t program;
};

static void report(int port, const char *format, ...) _printf_(2, 3);

/* Best effort: without its port the host sees a guest that ended without a word. */
static void report(int port, const char *format, ...)
{
    char line[GUEST_LINE];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof(line))
        n = (int)write(port, line, (size_t)n);
}

static bool put(const char *path, const char *format, ...) _printf_(2, 3);

static bool put(const char *path, const char *format, ...)
{
    char text[32];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, (size_t)n) == n;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* ---- the machine ---- */

static bool load_modules(struct guest *g)
{
    char path[32];

    (void)g;
    for (unsigned i = 0;; i++) {
        snprintf(path, sizeof(path), GUEST_MODULE, i);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return errno == ENOENT && i > 0;
        if (syscall(SYS_finit_module, fd, "", 0) < 0)
            return false;
        close(fd);
        unlink(path);
    }
}

/* A port is there some time after its driver. */
static int open_port(unsigned number)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    char path[32];
    int fd = -1;

    snprintf(path, sizeof(path), "/dev/vport0p%u", number);
    for (unsigned i = 0; i < LIMIT_GUEST_PORT_MS && fd < 0; i++) {
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
            nanosleep(&pause, NULL);
    }
    return fd;
}

/* The folder of devices goes again as soon as the ports are open. */
static bool open_ports(struct guest *g)
{
    mkdir("/dev", 0700);
    if (mount("dev", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, NULL) < 0)
        return false;
    for (unsigned i = GUEST_PORT_REPORT; i >= GUEST_PORT_CHANNEL; i--) {
        g->ports[i] = open_port(i);
        if (g->ports[i] < 0)
            return false;
    }
    return umount2("/dev", MNT_DETACH) == 0;
}

/* A key that is made before the kernel has random numbers would be guessed. */
static bool has_chance(struct guest *g)
{
    uint8_t byte;

    (void)g;
    return getrandom(&byte, 1, GRND_NONBLOCK) == 1;
}

/* ---- what the program gets ---- */

static bool read_filter(struct guest *g)
{
    int fd = open("/" GUEST_FILTER, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, g->filter, sizeof(g->filter)) : -1;

    if (n <= 0 || (size_t)n % sizeof(g->filter[0]) != 0)
        return false;
    g->filter_program.len = (unsigned short)((size_t)n / sizeof(g->filter[0]));
    g->filter_program.filter = g->filter;
    return close(fd) == 0;
}

static bool open_program(struct guest *g)
{
    const char *memory = getenv(GUEST_MEMORY_VARIABLE);

    g->memory = memory ? strtoull(memory, NULL, 10) : 0;
    g->executable = open("/" GUEST_PROGRAM, O_RDONLY | O_CLOEXEC);
    return g->memory >= LIMIT_MEMORY_FLOOR && g->executable >= 0;
}

/* Nothing is left in the file system but folders. */
static bool remove_files(struct guest *g)
{
    (void)g;
    return unlink("/" GUEST_PROGRAM) == 0 && unlink("/" GUEST_FILTER) == 0 &&
           unlink("/" GUEST_INIT) == 0;
}

/* Exactly the limits that the back end `process` has from its host. */
static bool make_group(struct guest *g)
{
    return mkdir("/group", 0700) == 0 &&
           mount("group", "/group", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 &&
           put("/group/cgroup.subtree_control", "+memory +pids") && mkdir(GROUP, 0700) == 0 &&
           put(GROUP "/memory.max", "%llu", (unsigned long long)g->memory) &&
           put(GROUP "/pids.max", "1");
}

static bool ran_out_of_memory(void)
{
    char text[256] = "";
    int fd = open(GROUP "/memory.events", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    const char *kills = n > 0 ? strstr(text, "oom_kill ") : NULL;

    return kills && strtoul(kills + strlen("oom_kill "), NULL, 10) > 0;
}

/* ---- the program's process, up to its exec ---- */

static bool place_descriptors(const struct guest *g)
{
    int report_to = fcntl(g->ports[GUEST_PORT_REPORT], F_DUPFD_CLOEXEC, 10);
    int from[] = {fcntl(g->ports[GUEST_PORT_CHANNEL], F_DUPFD_CLOEXEC, 10),
                  fcntl(g->ports[GUEST_PORT_ATTESTER], F_DUPFD_CLOEXEC, 10),
                  fcntl(g->executable, F_DUPFD_CLOEXEC, 10)};

    return report_to >= 0 && dup3(from[0], 3, 0) == 3 && dup3(from[1], 4, 0) == 4 &&
           dup3(from[2], AT_EXECUTABLE, O_CLOEXEC) == AT_EXECUTABLE &&
           dup3(report_to, AT_REPORT, O_CLOEXEC) >= 0 && close_range(0, 2, 0) == 0 &&
           close_range(AT_REPORT + 1, ~0U, 0) == 0;
}

static bool limit(unsigned resource, uint64_t value)
{
    const struct rlimit both = {value, value};

    return prlimit(0, resource, &both, NULL) == 0;
}

static bool set_limits(const struct guest *g)
{
    return limit(RLIMIT_CORE, 0) && limit(RLIMIT_AS, g->memory * 2 + LIMIT_ADDRESS_SPACE_EXTRA) &&
           limit(RLIMIT_DATA, g->memory + LIMIT_DATA_EXTRA) && limit(RLIMIT_STACK, LIMIT_STACK) &&
           limit(RLIMIT_MEMLOCK, g->memory) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NPROC, 1) &&
           limit(RLIMIT_NOFILE, AT_EXECUTABLE) && limit(RLIMIT_SIGPENDING, LIMIT_SIGNALS);
}

static bool take_group(const struct guest *g)
{
    (void)g;
    return setsid() >= 0 && umask(077) != (mode_t)-1 && setgroups(0, NULL) == 0 &&
           setresgid(SETUP_UID, SETUP_UID, SETUP_UID) == 0;
}

static bool say_started(const struct guest *g)
{
    (void)g;
    report(AT_REPORT, GUEST_STARTED "\n");
    return true;
}

static bool drop_bounding_set(const struct guest *g)
{
    (void)g;
    for (unsigned long cap = 0; cap < 64; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return errno == EINVAL && cap > CAP_SYS_ADMIN; /* past the last that the kernel knows */
    return true;
}

/* The user comes last of what needs rights: they go with root's number. */
static bool drop_rights(const struct guest *g)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};

    (void)g;
    return prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED) == 0 &&
           setresuid(SETUP_UID, SETUP_UID, SETUP_UID) == 0 &&
           syscall(SYS_capset, &header, none) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool filter_calls(const struct guest *g)
{
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &g->filter_program) == 0;
}

static bool become_program(const struct guest *g)
{
    static char *const no_env[] = {NULL};
    static char name[] = "program";
    static char *const argv[] = {name, NULL};

    (void)g;
    return syscall(SYS_execveat, AT_EXECUTABLE, "", argv, no_env, AT_EMPTY_PATH) == 0;
}

static const struct {
    const char *name;
    bool (*perform)(const struct guest *g);
} PROGRAM[] = {
    {"descriptors", place_descriptors},   {"limits", set_limits},
    {"bounding set", drop_bounding_set},  {"session", take_group},
    {"capabilities", drop_rights},        {"report", say_started},
    {"system-call filter", filter_calls}, {"exec", become_program},
};

static void perform_program(const struct guest *g) _noreturn_;

static void perform_program(const struct guest *g)
{
    for (size_t i = 0; i < ARRAY_LEN(PROGRAM); i++) {
        if (PROGRAM[i].perform(g))
            continue;
        report(i == 0 ? g->ports[GUEST_PORT_REPORT] : AT_REPORT, GUEST_FAILED " %d %s\n", errno,
               PROGRAM[i].name);
        break;
    }
    _exit(127);
}

/* ---- the guest's life ---- */

static bool start_program(struct guest *g)
{
    int go[2];

    if (pipe2(go, O_CLOEXEC) < 0)
        return false;
    g->program = fork();
    if (g->program == 0) {
        char c;
        if (close(go[1]) == 0 && read(go[0], &c, 1) == 1)
            perform_program(g);
        _exit(127);
    }
    bool ok = g->program > 0 && put(GROUP "/cgroup.procs", "%d", (int)g->program) &&
              write(go[1], "g", 1) == 1;
    close(go[0]);
    return close(go[1]) == 0 && ok;
}

static bool await_program(struct guest *g)
{
    siginfo_t info = {0};

    while (waitid(P_PID, (id_t)g->program, &info, WEXITED) < 0)
        if (errno != EINTR)
            return false;
    int to = g->ports[GUEST_PORT_REPORT];
    if (ran_out_of_memory())
        report(to, GUEST_MEMORY " 0\n");
    else if (info.si_code == CLD_EXITED)
        report(to, GUEST_EXITED " %d\n", info.si_status);
    else
        report(to, GUEST_SIGNALLED " %d\n", info.si_status);
    return true;
}

/* What the program wrote last may still be with the monitor, which waits for a reader on the host;
 * the kernel does not say when it has gone. */
static bool drain_ports(struct guest *g)
{
    const struct timespec pause = {.tv_nsec = LIMIT_GUEST_DRAIN_MS * 1000000L};

    (void)g;
    return nanosleep(&pause, NULL) == 0;
}

static const struct {
    const char *name;
    bool (*perform)(struct guest *g);
} GUEST[] = {
    {"modules", load_modules}, {"ports", open_ports},     {"random numbers", has_chance},
    {"filter", read_filter},   {"program", open_program}, {"files", remove_files},
    {"group", make_group},     {"start", start_program},  {"wait", await_program},
    {"drain", drain_ports},
};

int main(void)
{
    static struct guest guest = {.ports = {-1, -1, -1, -1}};

    close_range(0, 2, 0); /* the console that nobody reads */
    for (size_t i = 0; i < ARRAY_LEN(GUEST); i++) {
        if (GUEST[i].perform(&guest))
            continue;
        report(guest.ports[GUEST_PORT_REPORT], GUEST_FAILED " %d %s\n", errno, GUEST[i].name);
        break;
    }
    reboot(RB_AUTOBOOT); /* the machine monitor ends instead */
    return 1;
}
