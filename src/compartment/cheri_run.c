#include "compartment/cheri_run.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "compartment/cheri_host.h"
#include "compartment/cheri_map.h"
#include "crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct compartment {
    const struct cheri_tools *tools;
    pid_t pid;
    int watch;
    char folder[128];
    char program[160];
    const char *killed_for; /* code of kill(), or NULL */
    bool collected;
};

/* What the program finds open. */
enum {
    AT_CHANNEL = 3,
    AT_ATTESTER = 4,
    AT_STATUS = 5, /* until exec: an errno is told there */
    N_PLACES = 6,
    AT_MOVING = 100, /* out of the way of all of those */
};

void cheri_run_arguments(const struct cheri_tools *tools, const char *program,
                         const char *ret[CHERI_ARGUMENTS])
{
    const char *const all[CHERI_ARGUMENTS] = {tools->proccontrol, "-m",    "cheric18n", "-s",
                                              "enable",           program, NULL};

    memcpy(ret, all, sizeof(all));
}

/* ---- the new process, until it is the program ---- */

static bool take_places(const struct compartment_spec *spec, int status)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int from[N_PLACES] = {nothing, nothing, nothing, spec->channel, spec->attester, status};
    int moved[N_PLACES];

    for (int i = 0; i < N_PLACES; i++) {
        moved[i] = fcntl(from[i], F_DUPFD_CLOEXEC, AT_MOVING);
        if (moved[i] < 0)
            return false;
    }
    for (int i = 0; i < N_PLACES; i++)
        if (dup2(moved[i], i) < 0)
            return false;
    return fcntl(AT_STATUS, F_SETFD, FD_CLOEXEC) == 0 && close_range(N_PLACES, ~0U, 0) == 0;
}

static bool take_limits(const struct compartment_spec *spec)
{
    const struct rlimit none = {0, 0};
    const struct rlimit data = {spec->memory + LIMIT_DATA_EXTRA, spec->memory + LIMIT_DATA_EXTRA};
    const struct rlimit processes = {spec->processes, spec->processes};

    return setrlimit(RLIMIT_CORE, &none) == 0 && setrlimit(RLIMIT_FSIZE, &none) == 0 &&
           setrlimit(RLIMIT_DATA, &data) == 0 && setrlimit(RLIMIT_NPROC, &processes) == 0;
}

static bool take_user(uid_t uid)
{
    sigset_t none;

    sigemptyset(&none);
    umask(077);
    return setsid() >= 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0 && chdir("/") == 0 &&
           setgroups(0, NULL) == 0 && setgid(uid) == 0 && setuid(uid) == 0;
}

static void become_program(const struct compartment *c, const struct compartment_spec *spec,
                           int status) _noreturn_;

static void become_program(const struct compartment *c, const struct compartment_spec *spec,
                           int status)
{
    static char *const no_env[] = {NULL};
    const char *argv[CHERI_ARGUMENTS];

    cheri_run_arguments(c->tools, c->program, argv);
    if (take_places(spec, status)) {
        status = AT_STATUS;
        if (take_limits(spec) && take_user(spec->uid) && cheri_host_confine())
            execve(argv[0], (char *const *)argv, no_env);
    }
    ssize_t n = write(status, &errno, sizeof(errno));
    (void)n;
    _exit(127);
}

/* ---- start ---- */

static bool check_spec(const struct compartment_spec *spec, struct idevs_error *ret_err)
{
    if (spec->profile != COMPARTMENT_RUN)
        return refuse(ret_err, "compartment.unavailable", "a compiler in the back end cheri");
    if (spec->uid == 0 || spec->uid == (uid_t)-1)
        return refuse(ret_err, "compartment.unavailable", "a user that is root's");
    if (spec->memory < LIMIT_MEMORY_FLOOR || spec->processes < 1)
        return refuse(ret_err, "compartment.unavailable", "limits that nothing can run in");
    if (spec->secrecy == SECRECY_REQUIRED)
        return refuse(ret_err, "compartment.secret-memory", "a back end that has none");
    uint64_t most = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    if (spec->memory > most)
        return refuse(ret_err, "compartment.too-large", "%llu MiB, on a host that has %llu",
                      (unsigned long long)(spec->memory >> 20), (unsigned long long)(most >> 20));
    return true;
}

/* A copy that only root can change, because CheriBSD starts no program from memory. */
static bool place_executable(struct compartment *c, const struct compartment_spec *spec,
                             struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer image = buffer_up_to(LIMIT_EXECUTABLE);

    snprintf(c->folder, sizeof(c->folder), "%s/%d-%u", c->tools->folder, (int)getpid(),
             (unsigned)spec->uid);
    snprintf(c->program, sizeof(c->program), "%s/program", c->folder);
    if (lseek(spec->executable, 0, SEEK_SET) != 0 || !fd_read_to_end(spec->executable, &image) ||
        lseek(spec->executable, 0, SEEK_SET) != 0)
        return refuse_errno(ret_err, "compartment.unavailable", "the executable");
    if (!folder_make(c->folder, 0711, ret_err) ||
        !file_write(c->program, buffer_bytes(&image), 0500, ret_err))
        return false;
    return chmod(c->program, 0555) == 0 ||
           refuse_errno(ret_err, "compartment.unavailable", "mode of the executable");
}

static bool begin(struct compartment *c, const struct compartment_spec *spec,
                  struct idevs_error *ret_err)
{
    int status[2];
    int error;

    if (pipe2(status, O_CLOEXEC) < 0)
        return refuse_errno(ret_err, "compartment.unavailable", "descriptors");
    c->pid = fork();
    if (c->pid == 0)
        become_program(c, spec, status[1]); /* does not return */
    close(status[1]);
    _cleanup_fd_ int told = status[0];
    if (c->pid < 0)
        return refuse_errno(ret_err, "compartment.unavailable", "a process");
    c->watch = cheri_host_watch(c->pid);
    if (c->watch < 0)
        return refuse_errno(ret_err, "compartment.unavailable", "watching");
    if (fd_read_exactly(told, &error, sizeof(error)))
        return refuse(ret_err, "compartment.unavailable", "start: %s", strerror(error));
    return true;
}

bool cheri_run_start(const struct cheri_tools *tools, const struct compartment_spec *spec,
                     struct compartment **ret, struct idevs_error *ret_err)
{
    if (!check_spec(spec, ret_err))
        return false;
    struct compartment *c = alloc_zero(1, sizeof(*c));
    c->tools = tools;
    c->pid = -1;
    c->watch = -1;
    if (!place_executable(c, spec, ret_err) || !begin(c, spec, ret_err)) {
        cheri_run_destroy(c);
        return false;
    }
    *ret = c;
    return true;
}

/* ---- watch, end, collect ---- */

int cheri_run_watch(const struct compartment *c)
{
    return c->watch;
}

void cheri_run_kill(struct compartment *c, const char *code)
{
    if (c->collected || c->pid <= 0)
        return;
    if (!c->killed_for)
        c->killed_for = code;
    kill(c->pid, SIGKILL);
}

static struct compartment_end classify(const struct compartment *c, int status)
{
    struct compartment_end end = {.code = "compartment.crashed"};
    int with = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (!with && WEXITSTATUS(status) == 0)
        return (struct compartment_end){"", "ended by itself"};
    if (!with) {
        snprintf(end.detail, sizeof(end.detail), "exit status %d", WEXITSTATUS(status));
        return end;
    }
    if (with == SIGKILL && c->killed_for)
        return (struct compartment_end){c->killed_for, "ended by the warden"};
    if (with == SIGKILL)
        return (struct compartment_end){"compartment.lost", "killed from outside"};
    if (with == SIGXCPU || with == SIGXFSZ)
        end.code = "compartment.limit";
    /* One that used a capability for more than it permits: SIGPROT, number 34. */
    snprintf(end.detail, sizeof(end.detail), "signal %d: %s", with, strsignal(with));
    return end;
}

bool cheri_run_wait(struct compartment *c, struct compartment_end *ret)
{
    int status;

    if (c->collected || waitpid(c->pid, &status, WNOHANG) != c->pid)
        return false;
    c->collected = true;
    *ret = classify(c, status);
    return true;
}

void cheri_run_destroy(struct compartment *c)
{
    if (!c)
        return;
    if (c->pid > 0 && !c->collected) {
        cheri_run_kill(c, "run.stopped");
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    fd_close(&c->watch);
    unlink(c->program);
    rmdir(c->folder);
    free(c);
}

/* ---- what evidence says of it ---- */

static void become_tool(const char *const argv[], int output) _noreturn_;

static void become_tool(const char *const argv[], int output)
{
    static char *const no_env[] = {NULL};

    alarm(LIMIT_TOOL_TIME);
    if (dup2(output, STDOUT_FILENO) >= 0)
        execve(argv[0], (char *const *)argv, no_env);
    _exit(127);
}

/* Appends what a tool prints; false past the buffer's max, or when it ends with another status. */
static bool take_output(const char *const argv[], struct buffer *b)
{
    int ends[2];
    int status = -1;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        become_tool(argv, ends[1]); /* does not return */
    close(ends[1]);
    _cleanup_fd_ int output = ends[0];
    if (pid < 0)
        return false;
    bool whole = fd_read_to_end(output, b);
    if (!whole)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return whole && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool measure_linker(const char *path, struct eat_measured *ret)
{
    _cleanup_buffer_ struct buffer image = buffer_up_to(LIMIT_EXECUTABLE);
    struct eat_component *c = eat_add_component(ret, "linker");

    if (!c || !file_read(path, &image, NULL))
        return false;
    snprintf(c->text, sizeof(c->text), "%s", path);
    c->digest.present = true;
    sha256(buffer_bytes(&image), c->digest.sha256);
    return true;
}

static bool add_status(struct eat_measured *ret)
{
    struct eat_component *c = eat_add_component(ret, "status");

    if (c)
        snprintf(c->text, sizeof(c->text), "%s", CHERI_STATUS);
    return c;
}

bool cheri_run_measure(const struct compartment *c, struct eat_measured *ret)
{
    _cleanup_buffer_ struct buffer map = buffer_up_to(LIMIT_MEMORY_MAP);
    char pid[16];
    const char *const argv[] = {c->tools->procstat, "-v", pid, NULL};

    snprintf(pid, sizeof(pid), "%d", (int)c->pid);
    return !c->collected && take_output(argv, &map) &&
           cheri_map_measure(buffer_bytes(&map), c->pid, c->tools->linker, ret) &&
           add_status(ret) && measure_linker(c->tools->linker, ret);
}

uint64_t cheri_run_cpu_time(const struct compartment *c)
{
    clockid_t clock;
    struct timespec t;

    if (c->collected || clock_getcpuclockid(c->pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}
