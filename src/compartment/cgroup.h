/* Control groups of version 1 or 2, whichever this host has: limits on memory, processes and share
 * of the processor. Without them the resource limits of setup.c stand alone, and probe says so. */
#ifndef IDEVS_COMPARTMENT_CGROUP_H
#define IDEVS_COMPARTMENT_CGROUP_H

#include "base/error.h"
#include <stdint.h>
#include <sys/types.h>

enum cgroup_controller {
    CGROUP_MEMORY,
    CGROUP_PIDS,
    CGROUP_CPU,
    CGROUP_CONTROLLERS,
};

/* What the host offers. In version 2 the folder is the same for every controller. */
struct cgroup_host {
    unsigned version;               /* 0 (none), 1 or 2 */
    char *base[CGROUP_CONTROLLERS]; /* folder in which ours are made; NULL: not offered */
};

struct cgroup_limits {
    uint64_t memory;     /* bytes, swap included */
    uint32_t processes;  /* at most */
    uint32_t cpu_weight; /* 1 to 10000, 100 is everybody else's */
};

/* One group; a path for each controller (the same one in version 2). */
struct cgroup {
    char *path[CGROUP_CONTROLLERS];
};

/* Finds the host's. With version 2 it moves the caller into a group of its own below the one that
 * it was started in, as version 2 wants before it limits others there. */
void cgroup_find(struct cgroup_host *ret);
/* "cgroup v1 (memory, pids, cpu)" or "no cgroup: resource limits alone". */
void cgroup_describe(const struct cgroup_host *host, char *ret, size_t size);

/* Makes a group `name`, with `limits` unless they are NULL. Without any controller it is empty, and
 * that is fine. Refuses `compartment.unavailable`. */
bool cgroup_make(const struct cgroup_host *host, const char *name,
                 const struct cgroup_limits *limits, struct cgroup *ret,
                 struct idevs_error *ret_err) _must_check_;
bool cgroup_limit(const struct cgroup_host *host, const struct cgroup *group,
                  const struct cgroup_limits *limits, struct idevs_error *ret_err) _must_check_;
bool cgroup_attach(const struct cgroup *group, pid_t pid, struct idevs_error *ret_err) _must_check_;
/* Version 1 only: the calling thread alone, whose children will begin in there. */
bool cgroup_attach_thread(const struct cgroup *group, struct idevs_error *ret_err) _must_check_;
/* Whether the kernel ended something in it for want of memory. */
bool cgroup_ran_out_of_memory(const struct cgroup_host *host, const struct cgroup *group);
/* Removes the group (nothing may run in it any more) and frees its paths. */
void cgroup_remove(struct cgroup *group);
/* Removes groups that a killed owner left: named `prefix`PID-…`suffix`, no process PID, nothing in
 * them. */
void cgroup_sweep(const struct cgroup_host *host, const char *prefix, const char *suffix);

#endif
