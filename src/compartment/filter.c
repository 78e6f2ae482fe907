#include "compartment/filter.h"
#include "base/fd.h"
#include "base/secret_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

struct rule {
    int syscall;
    uint32_t action;
    unsigned n_args;
    struct scmp_arg_cmp args[2];
};

#define ALLOW(name)                                                                                \
    {                                                                                              \
        SCMP_SYS(name), SCMP_ACT_ALLOW, 0,                                                         \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define ALLOW_IF(name, ...)                                                                        \
    {                                                                                              \
        SCMP_SYS(name), SCMP_ACT_ALLOW, 1,                                                         \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define ANSWER(name, error)                                                                        \
    {                                                                                              \
        SCMP_SYS(name), SCMP_ACT_ERRNO(error), 0,                                                  \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define ARG(n, value)        SCMP_CMP64(n, SCMP_CMP_EQ, value)
#define ARG_WITHOUT(n, bits) SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, bits, 0)
#define ARG_WITH(n, bits)    SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, bits, bits)

/* A program: memory that is never executable, the clock, its two streams (no recvmsg: no descriptor
 * ever comes in; no sendmsg: none goes out), its own end. */
static const struct rule RUN[] = {
    /* the one exec, of what was measured; the descriptor closes with it */
    {SCMP_SYS(execveat), SCMP_ACT_ALLOW, 2, {ARG(0, FILTER_EXECUTABLE_FD), ARG(4, AT_EMPTY_PATH)}},
    /* memory */
    ALLOW(brk),
    {SCMP_SYS(mmap), SCMP_ACT_ALLOW, 2, {ARG_WITHOUT(2, PROT_EXEC), ARG_WITHOUT(3, MAP_HUGETLB)}},
    ALLOW_IF(mprotect, ARG_WITHOUT(2, PROT_EXEC)),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    /* its move onto secret memory; of rights it can only let go */
    ALLOW(memfd_secret),
    ALLOW(ftruncate),
    ALLOW(capset),
    {SYS_MSEAL, SCMP_ACT_ALLOW, 0, {{0}}},
    ALLOW(mlock),
    ALLOW(mlock2),
    ALLOW(munlock),
    /* its two streams */
    ALLOW(read),
    ALLOW(readv),
    ALLOW(write),
    ALLOW(writev),
    ALLOW(recvfrom),
    ALLOW(sendto),
    ALLOW(poll),
    ALLOW(ppoll),
    ALLOW(close),
    ALLOW(lseek),
    ALLOW_IF(fcntl, ARG(1, F_GETFL)),
    ALLOW_IF(fcntl, ARG(1, F_SETFL)),
    ALLOW_IF(fcntl, ARG(1, F_GETFD)),
    ALLOW_IF(fcntl, ARG(1, F_SETFD)),
    /* time and chance */
    ALLOW(clock_gettime),
    ALLOW(clock_getres),
    ALLOW(clock_nanosleep),
    ALLOW(nanosleep),
    ALLOW(gettimeofday),
    ALLOW(time),
    ALLOW(getrandom),
    ALLOW(restart_syscall),
    /* itself */
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(getppid),
    ALLOW(getuid),
    ALLOW(geteuid),
    ALLOW(getgid),
    ALLOW(getegid),
    ALLOW(arch_prctl),
    ALLOW(set_tid_address),
    ALLOW(set_robust_list),
    ALLOW(rseq),
    ALLOW(futex),
    ALLOW(prlimit64), /* its limits are hard; it can only lower them */
    ALLOW(getrlimit),
    ALLOW(getrusage),
    ALLOW(sched_yield),
    ALLOW(sched_getaffinity),
    ALLOW(sysinfo), /* glibc's qsort asks how much memory there is */
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(sigaltstack),
    ALLOW_IF(tgkill, ARG(2, SIGABRT)), /* abort(); nobody else is in its process namespace */
    /* Not the other way: evidence says that the program is not to be debugged. */
    {SCMP_SYS(prctl), SCMP_ACT_ALLOW, 2, {ARG(0, PR_SET_DUMPABLE), ARG(1, 0)}},
    ALLOW_IF(prctl, ARG(0, PR_GET_DUMPABLE)),
    ALLOW(exit),
    ALLOW(exit_group),
    /* What the C library tries on its own, told the truth without a look: no /proc, no time zone
     * files (gmtime opens them so), nothing behind standard output. */
    ANSWER(readlink, ENOENT),
    ANSWER(readlinkat, ENOENT),
    {SCMP_SYS(openat), SCMP_ACT_ERRNO(ENOENT), 1, {ARG(2, O_RDONLY | O_CLOEXEC)}},
    {SCMP_SYS(newfstatat), SCMP_ACT_ERRNO(EBADF), 1, {ARG(3, AT_EMPTY_PATH)}},
    ANSWER(fstat, EBADF),
};

/* The compiler and its children: files in its own mounts, processes, no sockets, no namespaces, no
 * keys, no tracing. */
static const struct rule COMPILE[] = {
    ALLOW(execve),
    ALLOW(execveat),
    ALLOW(clone),
    ALLOW(fork),
    ALLOW(vfork),
    ALLOW(wait4),
    ALLOW(waitid),
    ALLOW(exit),
    ALLOW(exit_group),
    ALLOW(brk),
    ALLOW(mmap),
    ALLOW(mprotect),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(msync),
    ALLOW(read),
    ALLOW(readv),
    ALLOW(pread64),
    ALLOW(preadv),
    ALLOW(write),
    ALLOW(writev),
    ALLOW(pwrite64),
    ALLOW(pwritev),
    ALLOW(open),
    ALLOW(openat),
    ALLOW(creat),
    ALLOW(close),
    ALLOW(stat),
    ALLOW(fstat),
    ALLOW(lstat),
    ALLOW(newfstatat),
    ALLOW(statx),
    ALLOW(statfs),
    ALLOW(fstatfs),
    ALLOW(access),
    ALLOW(faccessat),
    ALLOW(faccessat2),
    ALLOW(lseek),
    ALLOW(ftruncate),
    ALLOW(truncate),
    ALLOW(fallocate),
    ALLOW(unlink),
    ALLOW(unlinkat),
    ALLOW(rename),
    ALLOW(renameat),
    ALLOW(renameat2),
    ALLOW(chmod),
    ALLOW(fchmod),
    ALLOW(fchmodat),
    ALLOW(mkdir),
    ALLOW(mkdirat),
    ALLOW(rmdir),
    ALLOW(getcwd),
    ALLOW(chdir),
    ALLOW(fchdir),
    ALLOW(getdents64),
    ALLOW(readlink),
    ALLOW(readlinkat),
    ALLOW(umask),
    ALLOW(utimensat),
    ALLOW(copy_file_range),
    ALLOW(sendfile),
    ALLOW(fadvise64),
    ALLOW(fsync),
    ALLOW(fdatasync),
    ALLOW(dup),
    ALLOW(dup2),
    ALLOW(dup3),
    ALLOW(pipe),
    ALLOW(pipe2),
    ALLOW(fcntl),
    ALLOW(poll),
    ALLOW(ppoll),
    ALLOW(select),
    ALLOW(pselect6),
    ALLOW(ioctl),
    ALLOW(clock_gettime),
    ALLOW(clock_getres),
    ALLOW(gettimeofday),
    ALLOW(time),
    ALLOW(times),
    ALLOW(nanosleep),
    ALLOW(clock_nanosleep),
    ALLOW(getrandom),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(getppid),
    ALLOW(getpgrp),
    ALLOW(getuid),
    ALLOW(geteuid),
    ALLOW(getgid),
    ALLOW(getegid),
    ALLOW(uname),
    ALLOW(sysinfo),
    ALLOW(getrusage),
    ALLOW(getrlimit),
    ALLOW(prlimit64),
    ALLOW(arch_prctl),
    ALLOW(set_tid_address),
    ALLOW(set_robust_list),
    ALLOW(rseq),
    ALLOW(futex),
    ALLOW(sched_yield),
    ALLOW(sched_getaffinity),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(rt_sigsuspend),
    ALLOW(sigaltstack),
    ALLOW(kill),
    ALLOW(tgkill),
    ALLOW(restart_syscall),
};

/* A virtual machine monitor: its files, its streams, threads but no processes, no new sockets; code
 * that it translates is written and executed. */
static const struct rule MONITOR[] = {
    ALLOW(execve),
    ALLOW_IF(clone, ARG_WITH(0, CLONE_THREAD)),
    ALLOW(exit),
    ALLOW(exit_group),
    ALLOW(brk),
    ALLOW(mmap),
    ALLOW(mprotect),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(memfd_create),
    ALLOW(read),
    ALLOW(readv),
    ALLOW(pread64),
    ALLOW(preadv),
    ALLOW(write),
    ALLOW(writev),
    ALLOW(openat),
    ALLOW(close),
    ALLOW(lseek),
    ALLOW(fstat),
    ALLOW(newfstatat),
    ALLOW(statfs),
    ALLOW(fstatfs),
    ALLOW(access),
    ALLOW(readlink),
    ALLOW(getcwd),
    ALLOW(ftruncate),
    ALLOW(fcntl),
    ALLOW(ioctl),
    ALLOW(dup),
    ALLOW(pipe2),
    ALLOW(eventfd2),
    ALLOW(signalfd4),
    ALLOW(epoll_create1),
    ALLOW(epoll_ctl),
    ALLOW(epoll_wait),
    ALLOW(poll),
    ALLOW(ppoll),
    ALLOW(recvmsg),
    ALLOW(recvfrom),
    ALLOW(sendmsg),
    ALLOW(sendto),
    ALLOW(shutdown),
    ALLOW(getsockname),
    ALLOW(getpeername),
    ALLOW(getsockopt),
    ALLOW(setsockopt),
    ALLOW(clock_gettime),
    ALLOW(clock_getres),
    ALLOW(clock_nanosleep),
    ALLOW(nanosleep),
    ALLOW(gettimeofday),
    ALLOW(time),
    ALLOW(getrandom),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(getppid),
    ALLOW(getuid),
    ALLOW(geteuid),
    ALLOW(getgid),
    ALLOW(getegid),
    ALLOW(uname),
    ALLOW(sysinfo),
    ALLOW(getrusage),
    ALLOW(getrlimit),
    ALLOW(prlimit64),
    ALLOW(prctl),
    ALLOW(seccomp), /* it takes more from itself */
    ALLOW(arch_prctl),
    ALLOW(set_tid_address),
    ALLOW(set_robust_list),
    ALLOW(rseq),
    ALLOW(futex),
    ALLOW(sched_yield),
    ALLOW(sched_getaffinity),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigpending),
    ALLOW(rt_sigreturn),
    ALLOW(rt_sigtimedwait),
    ALLOW(sigaltstack),
    ALLOW(tgkill), /* its own threads: nobody else is in its process namespace */
    ALLOW(restart_syscall),
};

static const struct {
    enum compartment_profile profile;
    uint32_t otherwise;
    const struct rule *rules;
    size_t n_rules;
} FILTERS[] = {
    {COMPARTMENT_RUN, SCMP_ACT_KILL_PROCESS, RUN, ARRAY_LEN(RUN)},
    {COMPARTMENT_COMPILE, SCMP_ACT_ERRNO(ENOSYS), COMPILE, ARRAY_LEN(COMPILE)},
    {COMPARTMENT_MONITOR, SCMP_ACT_ERRNO(ENOSYS), MONITOR, ARRAY_LEN(MONITOR)},
};

static void release(scmp_filter_ctx *ctx)
{
    if (*ctx)
        seccomp_release(*ctx);
}

static int add_rules(scmp_filter_ctx ctx, const struct rule *rules, size_t n)
{
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++)
        r = seccomp_rule_add_array(ctx, rules[i].action, rules[i].syscall, rules[i].n_args,
                                   rules[i].args);
    return r;
}

/* libseccomp writes to a descriptor only. */
static bool export_program(scmp_filter_ctx ctx, struct buffer *b)
{
    _cleanup_fd_ int fd = memfd_create("filter", MFD_CLOEXEC);

    return fd >= 0 && seccomp_export_bpf(ctx, fd) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
           fd_read_to_end(fd, b);
}

bool filter_build(enum compartment_profile profile, struct buffer *b, struct idevs_error *ret_err)
{
    for (size_t i = 0; i < ARRAY_LEN(FILTERS); i++) {
        if (FILTERS[i].profile != profile)
            continue;
        _cleanup_(release) scmp_filter_ctx ctx = seccomp_init(FILTERS[i].otherwise);
        /* Another architecture's calls (32 bit, x32) would have other numbers. */
        if (!ctx || seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0 ||
            seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0 ||
            add_rules(ctx, FILTERS[i].rules, FILTERS[i].n_rules) < 0 || !export_program(ctx, b))
            break;
        return true;
    }
    return refuse(ret_err, "compartment.unavailable", "the system-call filter cannot be built");
}
