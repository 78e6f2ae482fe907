#include "host.h"

#include "base/alloc.h"
#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    int listening;
    int shared; /* System V */
    size_t n_descriptors;
    size_t n_mounts;
    size_t n_groups;
} host;

static void expect(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

/* ---- counting ---- */

static size_t n_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t n = 0;

    expect(folder != NULL, "/proc/self/fd");
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

static size_t n_lines(const char *path)
{
    FILE *file = fopen(path, "re");
    size_t n = 0;

    expect(file != NULL, path);
    for (int c = getc(file); c != EOF; c = getc(file))
        n += c == '\n';
    fclose(file);
    return n;
}

static size_t found_groups;

static int count_group(const char *path, const struct stat *st, int type, struct FTW *at)
{
    char ours[32];
    (void)st;

    snprintf(ours, sizeof(ours), "idevs-%d-", (int)getpid());
    found_groups += type == FTW_D && strncmp(path + at->base, ours, strlen(ours)) == 0;
    return 0;
}

static size_t n_groups(void)
{
    found_groups = 0;
    nftw("/sys/fs/cgroup", count_group, 16, FTW_PHYS);
    return found_groups;
}

/* ---- the folder, the socket, the process ---- */

static void listen_abstract(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    snprintf(order.listening, sizeof(order.listening), "idevs-escape-%d", (int)getpid());
    memcpy(at.sun_path + 1, order.listening, strlen(order.listening));
    host.listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    expect(bind(host.listening, (struct sockaddr *)&at,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                            strlen(order.listening))) == 0 &&
               listen(host.listening, 8) == 0,
           "abstract socket");
}

void host_begin(void)
{
    expect(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0,
           "mount namespace");
    snprintf(order.folder, sizeof(order.folder), "/tmp/idevs-escape-XXXXXX");
    expect(mkdtemp(order.folder) && chmod(order.folder, 0777) == 0, "folder");
    snprintf(order.secret, sizeof(order.secret), "%s/secret", order.folder);
    snprintf(order.left, sizeof(order.left), "%s/left", order.folder);
    listen_abstract();
    order.shared = getpid();
    host.shared = shmget(order.shared, 4096, IPC_CREAT | 0666);
    expect(host.shared >= 0, "shared memory");
    host.n_groups = n_groups();
    host.n_mounts = n_lines("/proc/self/mountinfo");
    host.n_descriptors = n_descriptors();
}

static void write_secret(void)
{
    int fd = open(order.secret, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    expect(fd >= 0 && fd_write_all(fd, HOST_SECRET, strlen(HOST_SECRET)) && fchmod(fd, 0666) == 0 &&
               fchown(fd, 0, 0) == 0,
           "secret");
    close(fd);
}

static void be_victim(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        pause();
}

static void end_victim(void)
{
    if (order.victim > 0 && kill(order.victim, SIGKILL) == 0)
        waitpid(order.victim, NULL, 0);
    order.victim = 0;
}

void host_offer(void)
{
    unlink(order.left);
    unlink(order.secret);
    write_secret();
    end_victim(); /* of an attempt that failed in the middle */
    order.victim = fork();
    expect(order.victim >= 0, "victim");
    if (order.victim == 0)
        be_victim();
}

static bool secret_is_whole(void)
{
    char is[sizeof(HOST_SECRET)] = "";
    struct stat st;
    int fd = open(order.secret, O_RDONLY | O_CLOEXEC);
    bool whole = fd >= 0 && read(fd, is, sizeof(is)) == (ssize_t)strlen(HOST_SECRET) &&
                 strcmp(is, HOST_SECRET) == 0 && fstat(fd, &st) == 0 &&
                 (st.st_mode & 07777) == 0666 && st.st_uid == 0;

    if (fd >= 0)
        close(fd);
    return whole;
}

static bool victim_is_whole(void)
{
    struct rlimit here;
    struct rlimit there;

    return waitpid(order.victim, NULL, WNOHANG | WUNTRACED) == 0 &&
           getpriority(PRIO_PROCESS, (id_t)order.victim) == getpriority(PRIO_PROCESS, 0) &&
           prlimit(0, RLIMIT_CORE, NULL, &here) == 0 &&
           prlimit(order.victim, RLIMIT_CORE, NULL, &there) == 0 && here.rlim_max == there.rlim_max;
}

static const char *changed(void)
{
    int caller = accept4(host.listening, NULL, NULL, SOCK_CLOEXEC);

    if (caller >= 0)
        close(caller);
    if (caller >= 0)
        return "somebody reached the abstract socket";
    if (!secret_is_whole())
        return "the file is not what it was";
    if (access(order.left, F_OK) == 0)
        return "a file was left";
    return victim_is_whole() ? NULL : "the process is not what it was";
}

const char *host_unharmed(void)
{
    const char *what = changed();

    end_victim();
    return what;
}

const char *host_left(void)
{
    end_victim(); /* of an attempt that failed in the middle */
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        return "a process was left";
    if (n_lines("/proc/self/mountinfo") != host.n_mounts)
        return "a mount was left";
    if (n_groups() != host.n_groups)
        return "a control group was left";
    return n_descriptors() == host.n_descriptors ? NULL : "a descriptor was left";
}

void host_end(void)
{
    end_victim();
    shmctl(host.shared, IPC_RMID, NULL);
    close(host.listening);
    unlink(order.secret);
    unlink(order.left);
    rmdir(order.folder);
}
