#include "compartment/cgroup.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const CONTROLLERS[CGROUP_CONTROLLERS] = {"memory", "pids", "cpu"};

static bool write_value(const char *folder, const char *file, const char *value)
{
    char path[4352];

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && fd_write_all(fd, value, strlen(value));
}

static bool write_number(const char *folder, const char *file, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    return write_value(folder, file, text);
}

static bool read_value(const char *folder, const char *file, char *ret, size_t size)
{
    char path[4352];

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
    if (n < 0)
        return false;
    ret[n] = 0;
    return true;
}

/* Whether `word` is one of the comma or space separated words of `list`. */
static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = list; (at = strstr(at, word)); at += n) {
        bool begins = at == list || at[-1] == ',' || at[-1] == ' ';
        bool ends = !at[n] || strchr(", \n", at[n]);
        if (begins && ends)
            return true;
    }
    return false;
}

/* This process's path in the hierarchy of `controller` ("" for version 2), from lines
 * "4:memory:/path". */
static char *own_path(const char *controller)
{
    char line[4352];
    char *found = NULL;
    FILE *file = fopen("/proc/self/cgroup", "re");

    while (file && !found && fgets(line, sizeof(line), file)) {
        char *list = strchr(line, ':');
        char *path = list ? strchr(list + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = 0;
        path[strcspn(path, "\n")] = 0;
        if (*controller ? has_word(list + 1, controller) : !list[1])
            found = alloc_text(path);
    }
    if (file)
        fclose(file);
    return found;
}

/* Where the hierarchy is mounted, from lines "… root mountpoint … - fstype source options". */
static char *mount_point(const char *fstype, const char *controller)
{
    char line[8192];
    char *found = NULL;
    FILE *file = fopen("/proc/self/mountinfo", "re");

    while (file && !found && fgets(line, sizeof(line), file)) {
        char at[4096];
        char type[64];
        char options[1024];
        char *dash = strstr(line, " - ");
        if (!dash || sscanf(line, "%*s %*s %*s %*s %4095s", at) != 1 ||
            sscanf(dash, " - %63s %*s %1023s", type, options) != 2)
            continue;
        if (strcmp(type, fstype) == 0 && (!*controller || has_word(options, controller)))
            found = alloc_text(at);
    }
    if (file)
        fclose(file);
    return found;
}

static char *own_folder(const char *fstype, const char *controller)
{
    _cleanup_text_ char *mount = mount_point(fstype, controller);
    _cleanup_text_ char *path = own_path(controller);

    if (!mount || !path)
        return NULL;
    return alloc_format("%s%s", mount, strcmp(path, "/") == 0 ? "" : path);
}

static void forget(char **path)
{
    free_text(path);
    *path = NULL;
}

/* All groups of compartments are below one folder of ours, which stays: the hierarchy's own folder
 * may be writable only by privileges that the warden is about to give up. */
static char *make_base(const char *own)
{
    char *base = own ? alloc_format("%s/idevs", own) : NULL;

    if (base && mkdir(base, 0755) < 0 && errno != EEXIST)
        forget(&base);
    return base;
}

static bool find_v1(struct cgroup_host *host)
{
    bool any = false;

    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        _cleanup_text_ char *own = own_folder("cgroup", CONTROLLERS[i]);
        host->base[i] = make_base(own);
        any |= host->base[i] != NULL;
    }
    return any;
}

/* Version 2 limits only groups below one that holds no process itself: step aside first. */
static bool find_v2(struct cgroup_host *host)
{
    _cleanup_text_ char *own = own_folder("cgroup2", "");
    char offered[256];
    bool any = false;

    if (!own || access(own, W_OK) < 0 ||
        !read_value(own, "cgroup.controllers", offered, sizeof(offered)))
        return false;
    if (!has_word(offered, "memory"))
        return false;
    _cleanup_text_ char *aside = alloc_format("%s/warden", own);
    if (mkdir(aside, 0755) < 0 && errno != EEXIST)
        return false;
    if (!write_number(aside, "cgroup.procs", (uint64_t)getpid()))
        return false;
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        char enable[16];
        snprintf(enable, sizeof(enable), "+%s", CONTROLLERS[i]);
        if (has_word(offered, CONTROLLERS[i]) && write_value(own, "cgroup.subtree_control", enable))
            host->base[i] = alloc_text(own);
        any |= host->base[i] != NULL;
    }
    return any;
}

void cgroup_find(struct cgroup_host *ret)
{
    *ret = (struct cgroup_host){0};
    if (find_v1(ret))
        ret->version = 1;
    else if (find_v2(ret))
        ret->version = 2;
}

void cgroup_describe(const struct cgroup_host *host, char *ret, size_t size)
{
    struct buffer list = buffer_up_to(64);
    bool complete = true;

    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
        if (host->base[i])
            complete &= (list.len == 0 || buffer_append_text(&list, ", ")) &&
                        buffer_append_text(&list, CONTROLLERS[i]);
    if (host->version == 0 || !complete)
        snprintf(ret, size, "no cgroup: resource limits alone");
    else
        snprintf(ret, size, "cgroup v%u (%s)", host->version, (const char *)list.data);
    buffer_free(&list);
}

static bool set_memory(const struct cgroup_host *host, const char *path, uint64_t memory)
{
    if (host->version == 2)
        /* No swap: what a program holds stays in memory. A kernel without swap has no such file. */
        return write_number(path, "memory.max", memory) &&
               (write_number(path, "memory.swap.max", 0) || errno == ENOENT) &&
               (write_number(path, "memory.oom.group", 1) || errno == ENOENT);
    return write_number(path, "memory.limit_in_bytes", memory) &&
           (write_number(path, "memory.memsw.limit_in_bytes", memory) || errno == ENOENT) &&
           (write_number(path, "memory.swappiness", 0) || errno == ENOENT);
}

static bool set_limit(const struct cgroup_host *host, enum cgroup_controller controller,
                      const char *path, const struct cgroup_limits *limits)
{
    switch (controller) {
    case CGROUP_MEMORY:
        return set_memory(host, path, limits->memory);
    case CGROUP_PIDS:
        return write_number(path, "pids.max", limits->processes);
    case CGROUP_CPU:
        if (host->version == 2)
            return write_number(path, "cpu.weight", limits->cpu_weight);
        return write_number(path, "cpu.shares", (uint64_t)limits->cpu_weight * 1024 / 100);
    case CGROUP_CONTROLLERS:
        break;
    }
    return false;
}

bool cgroup_make(const struct cgroup_host *host, const char *name,
                 const struct cgroup_limits *limits, struct cgroup *ret,
                 struct idevs_error *ret_err)
{
    *ret = (struct cgroup){0};
    for (enum cgroup_controller i = 0; i < CGROUP_CONTROLLERS; i++) {
        if (!host->base[i])
            continue;
        ret->path[i] = alloc_format("%s/%s", host->base[i], name);
        /* Version 2 has one folder for all: it is there from the second controller on. */
        bool made = mkdir(ret->path[i], 0755) == 0 || (host->version == 2 && errno == EEXIST);
        if (!made) {
            refuse_errno(ret_err, "compartment.unavailable", ret->path[i]);
            cgroup_remove(ret);
            return false;
        }
    }
    if (!limits || cgroup_limit(host, ret, limits, ret_err))
        return true;
    cgroup_remove(ret);
    return false;
}

bool cgroup_limit(const struct cgroup_host *host, const struct cgroup *group,
                  const struct cgroup_limits *limits, struct idevs_error *ret_err)
{
    for (enum cgroup_controller i = 0; i < CGROUP_CONTROLLERS; i++)
        if (group->path[i] && !set_limit(host, i, group->path[i], limits))
            return refuse_errno(ret_err, "compartment.unavailable", group->path[i]);
    return true;
}

bool cgroup_attach(const struct cgroup *group, pid_t pid, struct idevs_error *ret_err)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        if (!group->path[i] ||
            (i > 0 && group->path[i - 1] && strcmp(group->path[i], group->path[i - 1]) == 0))
            continue;
        if (!write_number(group->path[i], "cgroup.procs", (uint64_t)pid))
            return refuse_errno(ret_err, "compartment.unavailable", group->path[i]);
    }
    return true;
}

bool cgroup_attach_thread(const struct cgroup *group, struct idevs_error *ret_err)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
        if (group->path[i] && !write_number(group->path[i], "tasks", (uint64_t)gettid()))
            return refuse_errno(ret_err, "compartment.unavailable", group->path[i]);
    return true;
}

bool cgroup_ran_out_of_memory(const struct cgroup_host *host, const struct cgroup *group)
{
    char text[1024];
    const char *file = host->version == 2 ? "memory.events" : "memory.oom_control";
    const char *path = group->path[CGROUP_MEMORY];

    if (!path || !read_value(path, file, text, sizeof(text)))
        return false;
    const char *count = strstr(text, "oom_kill ");
    return count && strtoul(count + strlen("oom_kill "), NULL, 10) > 0;
}

/* The kernel lets go of a group a moment after its last process was collected. */
static void remove_patiently(const char *path)
{
    for (unsigned tries = 0; tries < LIMIT_GROUP_WAIT_MS; tries++) {
        if (rmdir(path) == 0 || errno != EBUSY)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    }
    log_warning("cannot remove %s", path);
}

void cgroup_remove(struct cgroup *group)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        if (!group->path[i])
            continue;
        remove_patiently(group->path[i]);
        forget(&group->path[i]);
    }
}

static bool is_orphan(const char *name, const char *prefix, const char *suffix)
{
    size_t n = strlen(prefix);
    const char *last = strrchr(name, *suffix);
    if (!last || strcmp(last, suffix) != 0)
        return false;
    long owner = strncmp(name, prefix, n) == 0 ? strtol(name + n, NULL, 10) : 0;

    return owner > 0 && kill((pid_t)owner, 0) < 0 && errno == ESRCH;
}

void cgroup_sweep(const struct cgroup_host *host, const char *prefix, const char *suffix)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        DIR *dir = host->base[i] ? opendir(host->base[i]) : NULL;
        for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
            if (is_orphan(e->d_name, prefix, suffix))
                unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR); /* fails while it is in use */
        if (dir)
            closedir(dir);
    }
}
