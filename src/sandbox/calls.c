/* seccomp: what is listed may be called; hostile calls kill; what is unknown does not exist. */
#include "sandbox/confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

/* Memory, time, signals, polling, threads, input and output on what is open. */
static const char *const ALWAYS[] = {"read",
                                     "write",
                                     "readv",
                                     "writev",
                                     "pread64",
                                     "pwrite64",
                                     "preadv",
                                     "pwritev",
                                     "close",
                                     "fstat",
                                     "newfstatat",
                                     "lseek",
                                     "poll",
                                     "ppoll",
                                     "select",
                                     "pselect6",
                                     "epoll_create1",
                                     "epoll_create",
                                     "epoll_ctl",
                                     "epoll_wait",
                                     "epoll_pwait",
                                     "epoll_pwait2",
                                     "eventfd2",
                                     "pipe2",
                                     "fcntl",
                                     "dup",
                                     "dup2",
                                     "dup3",
                                     "ioctl",
                                     "mmap",
                                     "munmap",
                                     "mprotect",
                                     "mremap",
                                     "madvise",
                                     "brk",
                                     "futex",
                                     "set_robust_list",
                                     "get_robust_list",
                                     "rseq",
                                     "sched_yield",
                                     "sched_getaffinity",
                                     "clock_gettime",
                                     "clock_getres",
                                     "clock_nanosleep",
                                     "nanosleep",
                                     "gettimeofday",
                                     "time",
                                     "timerfd_create",
                                     "timerfd_settime",
                                     "getrandom",
                                     "getpid",
                                     "gettid",
                                     "getppid",
                                     "getuid",
                                     "geteuid",
                                     "getgid",
                                     "getegid",
                                     "getresuid",
                                     "getresgid",
                                     "uname",
                                     "sysinfo",
                                     "getrlimit",
                                     "prlimit64",
                                     "getrusage",
                                     "rt_sigaction",
                                     "rt_sigprocmask",
                                     "rt_sigreturn",
                                     "rt_sigtimedwait",
                                     "sigaltstack",
                                     "signalfd4",
                                     "tgkill",
                                     "restart_syscall",
                                     "exit",
                                     "exit_group",
                                     "membarrier",
                                     "prctl",
                                     "arch_prctl",
                                     "set_tid_address",
                                     "getcpu",
                                     NULL};

static const char *const FILES[] = {
    "open",      "openat",          "access",     "faccessat", "faccessat2", "stat",
    "lstat",     "statx",           "statfs",     "fstatfs",   "readlink",   "readlinkat",
    "rename",    "renameat",        "renameat2",  "unlink",    "unlinkat",   "mkdir",
    "mkdirat",   "rmdir",           "fsync",      "fdatasync", "ftruncate",  "fallocate",
    "flock",     "getcwd",          "getdents64", "fchmod",    "fchown",     "umask",
    "fadvise64", "sync_file_range", "utimensat",  "chmod",     "fchmodat",   NULL};

static const char *const NETWORK[] = {
    "bind",        "listen",     "accept",     "accept4",  "connect",    "getsockname",
    "getpeername", "getsockopt", "setsockopt", "sendto",   "recvfrom",   "sendmsg",
    "recvmsg",     "sendmmsg",   "recvmmsg",   "shutdown", "socketpair", NULL};

static const char *const DESCRIPTORS[] = {
    "socketpair", "sendmsg", "recvmsg", "memfd_create", "pidfd_open", "pidfd_send_signal", NULL};

/* No daemon has a use for these; one that calls them was taken over. */
static const char *const HOSTILE[] = {"execve",
                                      "execveat",
                                      "fork",
                                      "vfork",
                                      "ptrace",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "mount",
                                      "umount2",
                                      "pivot_root",
                                      "chroot",
                                      "unshare",
                                      "setns",
                                      "bpf",
                                      "perf_event_open",
                                      "io_uring_setup",
                                      "io_uring_enter",
                                      "io_uring_register",
                                      "userfaultfd",
                                      "keyctl",
                                      "add_key",
                                      "request_key",
                                      "init_module",
                                      "finit_module",
                                      "delete_module",
                                      "kexec_load",
                                      "kexec_file_load",
                                      "reboot",
                                      "swapon",
                                      "swapoff",
                                      "setuid",
                                      "setgid",
                                      "setreuid",
                                      "setregid",
                                      "setresuid",
                                      "setresgid",
                                      "setgroups",
                                      "setfsuid",
                                      "setfsgid",
                                      "capset",
                                      "mknod",
                                      "mknodat",
                                      "open_by_handle_at",
                                      "quotactl",
                                      "acct",
                                      "settimeofday",
                                      "clock_settime",
                                      "adjtimex",
                                      "sethostname",
                                      "iopl",
                                      "ioperm",
                                      "personality",
                                      NULL};

static const int FAMILIES[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK}; /* netlink: getaddrinfo */

/* A call that this kernel's or library's tables do not know needs no rule. */
static int add(scmp_filter_ctx ctx, uint32_t action, const char *const *names)
{
    int result = 0;

    for (; *names && result == 0; names++) {
        int number = seccomp_syscall_resolve_name(*names);
        if (number != __NR_SCMP_ERROR && number >= 0)
            result = seccomp_rule_add(ctx, action, number, 0);
    }
    return result;
}

/* Threads yes, processes no. clone3 hides its flags behind a pointer: ENOSYS makes libc use clone.
 */
static int add_threads(scmp_filter_ctx ctx)
{
    return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

static int add_families(scmp_filter_ctx ctx)
{
    int result = 0;

    for (size_t i = 0; i < ARRAY_LEN(FAMILIES) && result == 0; i++)
        result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)FAMILIES[i]));
    return result;
}

bool confine_calls(const struct sandbox *profile, struct idevs_error *ret_err)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int result = ctx ? 0 : -ENOMEM;

    if (result == 0)
        result = add(ctx, SCMP_ACT_ALLOW, ALWAYS);
    if (result == 0)
        result = add_threads(ctx);
    if (result == 0 && (profile->calls & SANDBOX_FILES))
        result = add(ctx, SCMP_ACT_ALLOW, FILES);
    if (result == 0 && (profile->calls & SANDBOX_NETWORK))
        result = add(ctx, SCMP_ACT_ALLOW, NETWORK);
    if (result == 0 && (profile->calls & SANDBOX_NETWORK))
        result = add_families(ctx);
    if (result == 0 && (profile->calls & SANDBOX_DESCRIPTORS))
        result = add(ctx, SCMP_ACT_ALLOW, DESCRIPTORS);
    if (result == 0)
        result = add(ctx, SCMP_ACT_KILL_PROCESS, HOSTILE);
    if (result == 0)
        result = seccomp_load(ctx);
    if (ctx)
        seccomp_release(ctx);
    if (result == 0)
        return true;
    errno = -result;
    return refuse_errno(ret_err, "internal", "seccomp");
}
