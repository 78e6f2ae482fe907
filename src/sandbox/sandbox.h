/* What an unprivileged daemon gives up once it has opened what it needs: descriptors, folders,
 * ports, system calls. Linux: Landlock and seccomp. Each daemon has one const profile at the top of
 * its main. Whoever calls this trusts only the kernel. */
#ifndef IDEVS_SANDBOX_SANDBOX_H
#define IDEVS_SANDBOX_SANDBOX_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

#define SANDBOX_PATHS 16
#define SANDBOX_PORTS 16

/* Classes of system calls. Memory, time, signals to itself, polling, threads and input and output
 * on open descriptors are always allowed; executing, tracing, mounting, loading and changing users
 * never are. */
enum sandbox_calls {
    SANDBOX_FILES = 1 << 0,   /* open, rename, unlink, fsync, locks: SQLite, logs, configuration */
    SANDBOX_NETWORK = 1 << 1, /* sockets of IPv4, IPv6 and Unix: listen, accept, connect */
    SANDBOX_DESCRIPTORS = 1 << 2, /* socket pairs, memfd, pidfd: passing descriptors */
};

struct sandbox {
    const char *name;   /* for the log */
    unsigned calls;     /* of enum sandbox_calls */
    unsigned max_files; /* RLIMIT_NOFILE; 0: leave it */
    /* Landlock: files and folders, with everything below; the arrays end with NULL. What is not
     * named cannot be opened any more; one that does not exist is skipped. */
    const char *read[SANDBOX_PATHS];
    const char *write[SANDBOX_PATHS]; /* read, write, create and remove */
    /* TCP (Landlock ABI 4 and newer); 0 ends the arrays. With `any_connect` every port may be
     * reached. Without SANDBOX_NETWORK there are no sockets at all. */
    uint16_t bind_ports[SANDBOX_PORTS];
    uint16_t connect_ports[SANDBOX_PORTS];
    bool any_bind;
    bool any_connect;
    /* Descriptors that stay open, ended by -1; NULL: leave all. 0, 1 and 2 always stay. */
    const int *keep_fds;
};

/* Gives up everything else, for ever: no_new_privs, not dumpable, no core files, limits, Landlock,
 * seccomp. A kernel without Landlock is said in the log and is no refusal. Hostile calls (execve,
 * ptrace, mount, bpf, ...) kill the process; unknown ones fail with ENOSYS. Call it before any
 * thread is started. Refuses `internal`. */
bool sandbox_enter(const struct sandbox *profile, struct idevs_error *ret_err) _must_check_;

/* Becomes `uid` and `gid` for good, without supplementary groups, and verifies that there is no way
 * back. Refuses `internal`. */
bool privileges_drop(uid_t uid, gid_t gid, struct idevs_error *ret_err) _must_check_;

#endif
