#include "warden/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(cap) (UINT64_C(1) << (cap))
/* SYS_ADMIN: detached mounts, namespaces where users may not make them. SETUID, SETGID: the maps of
 * users. SYS_PTRACE: /proc/PID/maps of a program that is undumpable. KILL: the end of one that has
 * no user namespace, which SETUID would give as well. IPC_LOCK, SETPCAP: so that a program may move
 * onto secret memory, with that right and no other. */
#define KEPT                                                                                       \
    (BIT(CAP_SYS_ADMIN) | BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SYS_PTRACE) |                \
     BIT(CAP_KILL) | BIT(CAP_IPC_LOCK) | BIT(CAP_SETPCAP))

static bool drop_bounding_set(void)
{
    for (unsigned long cap = 0; cap < 64; cap++)
        if (!(KEPT & BIT(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return errno == EINVAL && cap > CAP_SYS_ADMIN; /* past the last that the kernel knows */
    return true;
}

static bool keep_only(uint64_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)kept, .permitted = (uint32_t)kept},
        {.effective = (uint32_t)(kept >> 32), .permitted = (uint32_t)(kept >> 32)},
    };

    return syscall(SYS_capset, &header, data) == 0;
}

bool privileges_give_up(struct idevs_error *ret_err)
{
    const struct rlimit none = {0, 0};
    const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};

    if (geteuid() != 0)
        return refuse_expecting(ret_err, "compartment.unavailable", "the warden started as root",
                                "user %u", (unsigned)geteuid());
    if (unshare(CLONE_NEWNET) < 0)
        return refuse_errno(ret_err, "compartment.unavailable", "leaving the network");
    /* Where this may be raised, no program needs a right to lock its memory. */
    (void)setrlimit(RLIMIT_MEMLOCK, &any);
    if (!drop_bounding_set() ||
        prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED) < 0 || !keep_only(KEPT) ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
        setrlimit(RLIMIT_CORE, &none) < 0)
        return refuse_errno(ret_err, "compartment.unavailable", "giving up privileges");
    return true;
}
