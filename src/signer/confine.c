#include "signer/confine.h"

#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* write: the log on standard error; getpid: the random generator's check for a fork. */
static const int ALLOWED[] = {
    SCMP_SYS(recvmsg),      SCMP_SYS(sendmsg),      SCMP_SYS(read),
    SCMP_SYS(write),        SCMP_SYS(close),        SCMP_SYS(brk),
    SCMP_SYS(munmap),       SCMP_SYS(mremap),       SCMP_SYS(madvise),
    SCMP_SYS(futex),        SCMP_SYS(getrandom),    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday), SCMP_SYS(time),         SCMP_SYS(getpid),
    SCMP_SYS(gettid),       SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(exit),         SCMP_SYS(exit_group),   SCMP_SYS(restart_syscall),
};

static bool add_rules(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < ARRAY_LEN(ALLOWED); i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, ALLOWED[i], 0) != 0)
            return false;
    /* Memory, but none that can be executed. */
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0)) == 0;
}

static bool filter_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

    if (!filter)
        return false;
    bool done = add_rules(filter) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}

bool confine(struct idevs_error *ret_err)
{
    const struct rlimit none = {0, 0};

    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_NOFILE, &none) != 0)
        return refuse_errno(ret_err, "internal", "confinement of the signer");
    if (!filter_calls())
        return refuse(ret_err, "internal", "no system-call filter");
    return true;
}
