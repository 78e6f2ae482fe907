/* seccomp: what is listed may be called; hostile calls kill; what is unknown does not exist. */
#include "sandbox/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(name) SCMP_SYS(name)

/* Memory, time, waiting, threads, and input and output on descriptors that are open already. */
static const int ALWAYS[] = {
    CALL(read),
    CALL(write),
    CALL(readv),
    CALL(writev),
    CALL(pread64),
    CALL(pwrite64),
    CALL(preadv),
    CALL(pwritev),
    CALL(preadv2),
    CALL(pwritev2),
    CALL(lseek),
    CALL(close),
    CALL(close_range),
    CALL(fstat),
    CALL(newfstatat),
    CALL(dup),
    CALL(dup2),
    CALL(dup3),
    CALL(fcntl),
    CALL(sendto),
    CALL(recvfrom),
    CALL(sendmsg),
    CALL(recvmsg),
    CALL(sendmmsg),
    CALL(recvmmsg),
    CALL(shutdown),
    CALL(getsockname),
    CALL(getpeername),
    CALL(getsockopt),
    CALL(setsockopt),
    CALL(sendfile),
    CALL(munmap),
    CALL(mremap),
    CALL(madvise),
    CALL(brk),
    CALL(mlock),
    CALL(mlock2),
    CALL(munlock),
    CALL(msync),
    CALL(mincore),
    CALL(membarrier),
    CALL(futex),
    CALL(set_robust_list),
    CALL(get_robust_list),
    CALL(rseq),
    CALL(set_tid_address),
    CALL(exit),
    CALL(exit_group),
    CALL(wait4),
    CALL(waitid),
    CALL(gettid),
    CALL(getpid),
    CALL(getppid),
    CALL(getuid),
    CALL(geteuid),
    CALL(getgid),
    CALL(getegid),
    CALL(getresuid),
    CALL(getresgid),
    CALL(getgroups),
    CALL(getpgrp),
    CALL(getpgid),
    CALL(getsid),
    CALL(sched_yield),
    CALL(sched_getaffinity),
    CALL(sched_getparam),
    CALL(sched_getscheduler),
    CALL(nanosleep),
    CALL(clock_nanosleep),
    CALL(clock_gettime),
    CALL(clock_getres),
    CALL(gettimeofday),
    CALL(time),
    CALL(times),
    CALL(getrusage),
    CALL(getrlimit),
    CALL(sysinfo),
    CALL(uname),
    CALL(getcpu),
    CALL(getrandom),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(rt_sigpending),
    CALL(rt_sigtimedwait),
    CALL(rt_sigsuspend),
    CALL(sigaltstack),
    CALL(restart_syscall),
    CALL(pause),
    CALL(poll),
    CALL(ppoll),
    CALL(select),
    CALL(pselect6),
    CALL(epoll_create),
    CALL(epoll_create1),
    CALL(epoll_ctl),
    CALL(epoll_wait),
    CALL(epoll_pwait),
    CALL(epoll_pwait2),
    CALL(eventfd2),
    CALL(timerfd_create),
    CALL(timerfd_settime),
    CALL(timerfd_gettime),
    CALL(signalfd4),
    CALL(pipe),
    CALL(pipe2),
    CALL(umask),
};

static const int FILES[] = {
    CALL(open),      CALL(openat),          CALL(openat2),    CALL(creat),
    CALL(access),    CALL(faccessat),       CALL(faccessat2), CALL(stat),
    CALL(lstat),     CALL(statx),           CALL(statfs),     CALL(fstatfs),
    CALL(readlink),  CALL(readlinkat),      CALL(getdents64), CALL(getcwd),
    CALL(mkdir),     CALL(mkdirat),         CALL(rename),     CALL(renameat),
    CALL(renameat2), CALL(unlink),          CALL(unlinkat),   CALL(rmdir),
    CALL(ftruncate), CALL(truncate),        CALL(fallocate),  CALL(fsync),
    CALL(fdatasync), CALL(sync_file_range), CALL(fadvise64),  CALL(flock),
    CALL(chmod),     CALL(fchmod),          CALL(fchmodat),   CALL(fchown),
    CALL(utimensat), CALL(copy_file_range),
};

static const int NETWORK[] = {
    CALL(bind), CALL(listen), CALL(accept), CALL(accept4), CALL(connect), CALL(socketpair),
};

static const int DESCRIPTORS[] = {
    CALL(socketpair),        CALL(memfd_create), CALL(pidfd_open),
    CALL(pidfd_send_signal), CALL(ftruncate),
};

/* No daemon of ours makes these for any input: whoever does is not our code any more. */
static const int HOSTILE[] = {
    CALL(execve),
    CALL(execveat),
    CALL(ptrace),
    CALL(process_vm_readv),
    CALL(process_vm_writev),
    CALL(process_madvise),
    CALL(kcmp),
    CALL(pidfd_getfd),
    CALL(mount),
    CALL(umount2),
    CALL(pivot_root),
    CALL(chroot),
    CALL(move_mount),
    CALL(fsopen),
    CALL(fsmount),
    CALL(fsconfig),
    CALL(fspick),
    CALL(open_tree),
    CALL(mount_setattr),
    CALL(setns),
    CALL(unshare),
    CALL(bpf),
    CALL(perf_event_open),
    CALL(userfaultfd),
    CALL(io_uring_setup),
    CALL(io_uring_enter),
    CALL(io_uring_register),
    CALL(init_module),
    CALL(finit_module),
    CALL(delete_module),
    CALL(kexec_load),
    CALL(kexec_file_load),
    CALL(keyctl),
    CALL(add_key),
    CALL(request_key),
    CALL(iopl),
    CALL(ioperm),
    CALL(reboot),
    CALL(swapon),
    CALL(swapoff),
    CALL(acct),
    CALL(settimeofday),
    CALL(clock_settime),
    CALL(clock_adjtime),
    CALL(adjtimex),
    CALL(syslog),
    CALL(quotactl),
    CALL(open_by_handle_at),
    CALL(setuid),
    CALL(setgid),
    CALL(setreuid),
    CALL(setregid),
    CALL(setresuid),
    CALL(setresgid),
    CALL(setgroups),
    CALL(setfsuid),
    CALL(setfsgid),
    CALL(capset),
    CALL(personality),
    CALL(modify_ldt),
    CALL(vhangup),
    CALL(sethostname),
    CALL(setdomainname),
    CALL(mknod),
    CALL(mknodat),
};

static bool add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (seccomp_rule_add(filter, action, calls[i], 0) < 0)
            return false;
    return true;
}
#define ADD_ALL(filter, action, calls) add_all(filter, action, calls, ARRAY_LEN(calls))

static bool allow_when(scmp_filter_ctx filter, int call, struct scmp_arg_cmp condition)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &condition) == 0;
}

/* Memory is never writable and executable, nor does it become executable later. */
static bool allow_memory(scmp_filter_ctx filter)
{
    return allow_when(filter, CALL(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
           allow_when(filter, CALL(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0)) &&
           allow_when(filter, CALL(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* Threads, but no processes; clone3 hides its flags in memory, and glibc does without it. */
static bool allow_threads(scmp_filter_ctx filter)
{
    return allow_when(
        filter, CALL(clone),
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM));
}

/* Signals to itself: raise() and abort(). */
static bool allow_own_signals(scmp_filter_ctx filter)
{
    scmp_datum_t self = (scmp_datum_t)getpid();

    return allow_when(filter, CALL(tgkill), SCMP_A0(SCMP_CMP_EQ, self)) &&
           allow_when(filter, CALL(kill), SCMP_A0(SCMP_CMP_EQ, self)) &&
           allow_when(filter, CALL(rt_tgsigqueueinfo), SCMP_A0(SCMP_CMP_EQ, self));
}

static bool allow_with_arguments(scmp_filter_ctx filter)
{
    static const unsigned IOCTLS[] = {FIONREAD, FIONBIO, FIOCLEX, FIONCLEX};
    static const unsigned PRCTLS[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE};

    for (size_t i = 0; i < ARRAY_LEN(IOCTLS); i++)
        if (!allow_when(filter, CALL(ioctl), SCMP_A1(SCMP_CMP_EQ, IOCTLS[i])))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(PRCTLS); i++)
        if (!allow_when(filter, CALL(prctl), SCMP_A0(SCMP_CMP_EQ, PRCTLS[i])))
            return false;
    /* Limits may be read. */
    return allow_when(filter, CALL(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
}

static bool allow_network(scmp_filter_ctx filter)
{
    static const unsigned DOMAINS[] = {AF_INET, AF_INET6, AF_UNIX};

    for (size_t i = 0; i < ARRAY_LEN(DOMAINS); i++)
        if (!allow_when(filter, CALL(socket), SCMP_A0(SCMP_CMP_EQ, DOMAINS[i])))
            return false;
    return ADD_ALL(filter, SCMP_ACT_ALLOW, NETWORK);
}

static bool fill(scmp_filter_ctx filter, unsigned calls)
{
    return seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
           seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
           seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
           ADD_ALL(filter, SCMP_ACT_KILL_PROCESS, HOSTILE) &&
           ADD_ALL(filter, SCMP_ACT_ALLOW, ALWAYS) && allow_memory(filter) &&
           allow_threads(filter) && allow_own_signals(filter) && allow_with_arguments(filter) &&
           (!(calls & SANDBOX_FILES) || ADD_ALL(filter, SCMP_ACT_ALLOW, FILES)) &&
           (!(calls & SANDBOX_NETWORK) || allow_network(filter)) &&
           (!(calls & SANDBOX_DESCRIPTORS) || ADD_ALL(filter, SCMP_ACT_ALLOW, DESCRIPTORS));
}

bool confine_calls(const struct sandbox *profile, struct idevs_error *ret_err)
{
    /* ENOSYS: libraries know how to do without a call that the kernel does not have. */
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));

    if (!filter)
        return refuse(ret_err, "internal", "no seccomp filter");
    bool made = fill(filter, profile->calls);
    int rc = made ? seccomp_load(filter) : 0;
    seccomp_release(filter);
    if (!made)
        return refuse(ret_err, "internal", "the seccomp filter cannot be made");
    if (rc < 0)
        return refuse(ret_err, "internal", "seccomp: %s", strerror(-rc));
    return true;
}
