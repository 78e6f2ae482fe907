/* The nursery: where programs are born into their control groups.
 *
 * Version 1 moves a process into a group only after a grace period of the kernel, some 10 ms. But
 * what a thread clones begins in the groups of that thread: so one thread stands in the groups that
 * the next compartment will have, and does its waiting while nobody waits for it. It lives as long
 * as the back end is open, because its end would end all that it has cloned (PR_SET_PDEATHSIG). */
#ifndef IDEVS_COMPARTMENT_NURSERY_H
#define IDEVS_COMPARTMENT_NURSERY_H

#include "compartment/cgroup.h"
#include <linux/sched.h>

struct birth {
    const struct clone_args *args;
    /* With room for the thread, which is in the group for a moment, and for the copy of the
     * caller's page tables that the child has until exec. */
    const struct cgroup_limits *limits;
    /* What the child does; it does not return. It is a copy of a process with threads: nothing in
     * it may allocate, take a lock, or have glibc speak to other threads (as setresuid() does). */
    void (*child)(void *arg);
    void *arg;
    /* What came of it. */
    struct cgroup group; /* the caller's to remove */
    pid_t pid;
};

/* Groups will be made where `host` says, named `prefix`PID-…`suffix`; all three must stay. Starts
 * nothing yet: the thread begins with the first birth, with the rights that its caller has. */
void nursery_open(const struct cgroup_host *host, const char *prefix, const char *suffix);
/* Clones a child that is in its group from its first moment. Refuses `compartment.unavailable`, and
 * leaves nothing then. */
bool nursery_bear(struct birth *birth, struct idevs_error *ret_err) _must_check_;
/* Waits until the thread has left the group of the last birth, which can be removed only then. */
void nursery_settle(void);
/* Ends the thread, and with it whatever it cloned that still runs. */
void nursery_close(void);

#endif
