/* Processes: more of them, others, their signals and memory, namespaces, users and rights. */
#include "attempt.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- more processes ---- */

/* THROUGH when the child ran, as the parent sees. */
static int child_ran(pid_t pid)
{
    int status;

    if (pid == 0)
        _exit(42);
    return went(pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
                        WEXITSTATUS(status) != 42
                    ? -1
                    : 0);
}

ATTEMPT(no_second_process, FORBIDDEN, EAGAIN, "", "forks")
{
    return child_ran(fork());
}

ATTEMPT(no_second_process_by_the_old_call, FORBIDDEN, EAGAIN, "", "forks by fork(2) itself")
{
    return child_ran((pid_t)syscall(SYS_fork));
}

ATTEMPT(no_second_process_by_the_new_call, FORBIDDEN, EAGAIN, "", "forks by clone3(2)")
{
    struct clone_args args = {.exit_signal = SIGCHLD};

    return child_ran((pid_t)syscall(SYS_clone3, &args, sizeof(args)));
}

static void *thread(void *arg)
{
    return arg;
}

ATTEMPT(no_second_thread, FORBIDDEN, EAGAIN, "", "starts a thread")
{
    pthread_t t;

    errno = pthread_create(&t, NULL, thread, NULL);
    return went(errno ? -1 : pthread_join(t, NULL));
}

ATTEMPT(no_fork_bomb, FORBIDDEN, EAGAIN, HARMS, "forks for ever, each child too")
{
    while (fork() >= 0)
        ;
    return errno;
}

ATTEMPT(no_thread_bomb, FORBIDDEN, EAGAIN, HARMS, "starts threads until there can be no more")
{
    pthread_t t;
    size_t n = 0;

    while ((errno = pthread_create(&t, NULL, thread, NULL)) == 0)
        n++;
    return n == 0 ? errno : THROUGH;
}

ATTEMPT(no_other_program, FORBIDDEN, ENOENT, "", "becomes /bin/true")
{
    char *argv[] = {(char[]){"true"}, NULL};

    return went(execve("/bin/true", argv, NULL));
}

ATTEMPT(no_other_descriptor_is_executed, FORBIDDEN, EACCES, "",
        "executes what a descriptor stands for, by execveat(2)")
{
    int fd = (int)syscall(SYS_open, "/bin/true", O_RDONLY, 0);
    char *argv[] = {(char[]){"true"}, NULL};

    return went(syscall(SYS_execveat, fd < 0 ? 3 : fd, "", argv, NULL, AT_EMPTY_PATH));
}

ATTEMPT(its_own_executable_is_not_there_twice, EBADF, EBADF, "the descriptor is the compartment's",
        "executes again, by the one execveat(2) that the filter lets through")
{
    char *argv[] = {(char[]){"again"}, NULL};

    return went(syscall(SYS_execveat, 5, "", argv, NULL, AT_EMPTY_PATH));
}

ATTEMPT(no_session_of_its_own, FORBIDDEN, EPERM, "", "leaves its process group")
{
    return went(setpgid(0, 0) < 0 ? -1 : 0);
}

ATTEMPT(nobody_is_waited_for, FORBIDDEN, ECHILD, "it has no child anywhere", "waits for a child")
{
    return went(wait4(-1, NULL, WNOHANG, NULL));
}

/* ---- others ---- */

ATTEMPT(no_other_process_is_ended, FORBIDDEN, ESRCH, "", "ends a process of the host")
{
    return went(kill(order.victim, SIGKILL));
}

ATTEMPT(no_other_process_is_ended_by_the_signal_that_abort_sends, ESRCH, ESRCH, "",
        "ends it by the one signal that the filter lets through")
{
    return went(syscall(SYS_tgkill, order.victim, order.victim, SIGABRT));
}

ATTEMPT(no_other_signal_is_sent_to_a_thread, FORBIDDEN, ESRCH, "", "ends it by tgkill(2)")
{
    return went(syscall(SYS_tgkill, order.victim, order.victim, SIGTERM));
}

ATTEMPT(no_signal_is_sent_to_any_thread, FORBIDDEN, ESRCH, "", "ends it by tkill(2)")
{
    return went(syscall(SYS_tkill, order.victim, SIGTERM));
}

ATTEMPT(not_everybody_is_ended, FORBIDDEN, ESRCH, HARMS, "ends every process that it may")
{
    return went(kill(-1, SIGKILL));
}

ATTEMPT(no_signal_with_a_value, FORBIDDEN, ESRCH, "", "ends a process of the host by sigqueue(3)")
{
    return went(sigqueue(order.victim, SIGTERM, (union sigval){.sival_int = 1}));
}

ATTEMPT(no_handle_of_another_process, FORBIDDEN, ESRCH, "", "asks for a handle of it (pidfd)")
{
    return went(pidfd_open(order.victim, 0));
}

ATTEMPT(no_signal_by_a_handle, FORBIDDEN, ESRCH, "", "ends it through such a handle")
{
    int fd = pidfd_open(order.victim, 0);

    return went(fd < 0 ? -1 : pidfd_send_signal(fd, SIGTERM, NULL, 0));
}

ATTEMPT(no_descriptor_of_another_process, FORBIDDEN, ESRCH, "",
        "takes a descriptor out of a process of the host")
{
    int fd = pidfd_open(order.victim, 0);

    return went(fd < 0 ? -1 : pidfd_getfd(fd, 0, 0));
}

ATTEMPT(nobody_traces_it_at_its_wish, FORBIDDEN, THROUGH, "", "asks its parent to trace it")
{
    return went(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

ATTEMPT(nobody_is_traced, FORBIDDEN, ESRCH, "", "traces a process of the host")
{
    return went(ptrace(PTRACE_SEIZE, order.victim, NULL, NULL));
}

ATTEMPT(no_memory_of_others_is_read, FORBIDDEN, ESRCH, "", "reads the memory of it")
{
    char byte;
    struct iovec here = {&byte, 1};
    struct iovec there = {(void *)(uintptr_t)thread, 1}; /* where it need not have any */
    long r = process_vm_readv(order.victim, &here, 1, &there, 1, 0);

    return r < 0 && errno == EFAULT ? THROUGH : went(r);
}

ATTEMPT(no_memory_of_others_is_written, FORBIDDEN, ESRCH, "", "writes to the memory of it")
{
    char byte = 0;
    struct iovec here = {&byte, 1};
    struct iovec there = {&byte, 1};
    long r = process_vm_writev(order.victim, &here, 1, &there, 1, 0);

    return r < 0 && errno == EFAULT ? THROUGH : went(r);
}

ATTEMPT(nothing_is_compared_with_others, FORBIDDEN, ESRCH, "",
        "compares its descriptors with those of a process of the host (kcmp)")
{
    return went(syscall(SYS_kcmp, getpid(), order.victim, KCMP_FILES, 0, 0));
}

ATTEMPT(the_limits_of_others_are_not_told, ESRCH, ESRCH, "", "reads the limits of it")
{
    struct rlimit limit;

    return went(prlimit(order.victim, RLIMIT_NOFILE, NULL, &limit));
}

ATTEMPT(the_limits_of_others_are_not_set, ESRCH, ESRCH, "", "lowers the limits of it")
{
    return went(prlimit(order.victim, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL));
}

ATTEMPT(the_processors_of_others_are_not_told, ESRCH, ESRCH, "", "asks on which processors it runs")
{
    cpu_set_t set;

    return went(sched_getaffinity(order.victim, sizeof(set), &set));
}

ATTEMPT(the_processors_of_others_are_not_set, FORBIDDEN, ESRCH, "", "moves it to one processor")
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return went(sched_setaffinity(order.victim, sizeof(set), &set));
}

ATTEMPT(the_priority_of_others_is_not_set, FORBIDDEN, ESRCH, "", "takes its priority")
{
    return went(setpriority(PRIO_PROCESS, (id_t)order.victim, 19));
}

ATTEMPT(its_parent_has_no_number, NOTHING_THERE, NOTHING_THERE, "", "asks who its parent is")
{
    return getppid() == 0 ? NOTHING_THERE : THROUGH;
}

ATTEMPT(its_number_is_none_of_the_host, NOTHING_THERE, NOTHING_THERE, "",
        "asks for its number among the host's processes")
{
    return getpid() == 1 ? NOTHING_THERE : THROUGH;
}

/* ---- itself, with more rights ---- */

ATTEMPT(its_limits_do_not_rise, EPERM, EPERM, "", "takes one descriptor more than it was given")
{
    return went(prlimit(0, RLIMIT_NOFILE, &(struct rlimit){6, 6}, NULL));
}

ATTEMPT(its_core_is_not_written, EPERM, EPERM, "", "wants its memory in a file when it crashes")
{
    return went(prlimit(0, RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}, NULL));
}

ATTEMPT(its_files_do_not_grow, EPERM, EPERM, "", "takes back the right to write files")
{
    return went(prlimit(0, RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}, NULL));
}

ATTEMPT(its_priority_does_not_rise, FORBIDDEN, EPERM, "", "runs before everybody else")
{
    return went(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}));
}

ATTEMPT(it_is_not_the_hosts_root, NOTHING_THERE, NOTHING_THERE, "", "looks whether it is root")
{
    return getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0 ? THROUGH
                                                                              : NOTHING_THERE;
}

ATTEMPT(it_does_not_become_root, FORBIDDEN, EINVAL, "", "becomes root")
{
    return went(setresuid(0, 0, 0));
}

ATTEMPT(it_does_not_join_a_group, FORBIDDEN, EPERM, "", "joins the group of root")
{
    return went(setgroups(1, &(gid_t){0}));
}

ATTEMPT(it_gets_no_capability, EPERM, EPERM, "", "takes a capability")
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = 1U << CAP_SYS_ADMIN, .permitted = 1U << CAP_SYS_ADMIN}};

    return went(syscall(SYS_capset, &header, data));
}

ATTEMPT(it_stays_undumpable, FORBIDDEN, THROUGH, "",
        "makes itself dumpable, so that its user may trace it and read its memory")
{
    return went(prctl(PR_SET_DUMPABLE, 1));
}

ATTEMPT(it_is_undumpable_from_the_start, NOTHING_THERE, NOTHING_THERE, "", "looks whether it is")
{
    return prctl(PR_GET_DUMPABLE) == 1 ? THROUGH : NOTHING_THERE;
}

ATTEMPT(it_names_no_tracer, FORBIDDEN, THROUGH, "", "lets everybody trace it (PR_SET_PTRACER)")
{
    return reached(prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0));
}

ATTEMPT(it_outlives_nobody, FORBIDDEN, THROUGH, "", "wishes to outlive the warden")
{
    return went(prctl(PR_SET_PDEATHSIG, 0));
}

ATTEMPT(it_adopts_nobody, FORBIDDEN, THROUGH, "", "becomes the parent of orphans")
{
    return went(prctl(PR_SET_CHILD_SUBREAPER, 1));
}

ATTEMPT(its_name_is_not_changed, FORBIDDEN, THROUGH, "", "calls itself as another program")
{
    return went(prctl(PR_SET_NAME, "idevs-warden"));
}

ATTEMPT(its_personality_is_not_changed, FORBIDDEN, THROUGH, "",
        "has all that it can read executable too (READ_IMPLIES_EXEC)")
{
    return went(personality(READ_IMPLIES_EXEC));
}

/* ---- namespaces ---- */

ATTEMPT(no_user_namespace, FORBIDDEN, THROUGH, "", "makes a user namespace, to be root in it")
{
    return went(unshare(CLONE_NEWUSER));
}

ATTEMPT(no_mount_namespace, FORBIDDEN, EPERM, "", "makes a mount namespace")
{
    return went(unshare(CLONE_NEWNS));
}

ATTEMPT(no_process_namespace, FORBIDDEN, EPERM, "", "makes a process namespace")
{
    return went(unshare(CLONE_NEWPID));
}

ATTEMPT(no_network_namespace, FORBIDDEN, EPERM, "", "makes a network namespace")
{
    return went(unshare(CLONE_NEWNET));
}

ATTEMPT(no_ipc_namespace, FORBIDDEN, EPERM, "", "makes an IPC namespace")
{
    return went(unshare(CLONE_NEWIPC));
}

ATTEMPT(no_control_group_namespace, FORBIDDEN, EPERM, "", "makes a control group namespace")
{
    return went(unshare(CLONE_NEWCGROUP));
}

ATTEMPT(no_time_namespace, FORBIDDEN, EPERM, "", "makes a time namespace, to turn back its clock")
{
    return went(unshare(CLONE_NEWTIME));
}

ATTEMPT(no_namespace_by_a_clone, FORBIDDEN, EAGAIN, "", "forks into a user namespace")
{
    struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};

    return child_ran((pid_t)syscall(SYS_clone3, &args, sizeof(args)));
}

ATTEMPT(no_namespace_of_others, FORBIDDEN, ESRCH, "",
        "enters the network namespace of a process of the host")
{
    int fd = pidfd_open(order.victim, 0);

    return went(fd < 0 ? -1 : setns(fd, CLONE_NEWNET));
}

static const struct attempt *const ATTEMPTS[] = {
    ROW(no_second_process),
    ROW(no_second_process_by_the_old_call),
    ROW(no_second_process_by_the_new_call),
    ROW(no_second_thread),
    ROW(no_fork_bomb),
    ROW(no_thread_bomb),
    ROW(no_other_program),
    ROW(no_other_descriptor_is_executed),
    ROW(its_own_executable_is_not_there_twice),
    ROW(no_session_of_its_own),
    ROW(nobody_is_waited_for),
    ROW(no_other_process_is_ended),
    ROW(no_other_process_is_ended_by_the_signal_that_abort_sends),
    ROW(no_other_signal_is_sent_to_a_thread),
    ROW(no_signal_is_sent_to_any_thread),
    ROW(not_everybody_is_ended),
    ROW(no_signal_with_a_value),
    ROW(no_handle_of_another_process),
    ROW(no_signal_by_a_handle),
    ROW(no_descriptor_of_another_process),
    ROW(nobody_traces_it_at_its_wish),
    ROW(nobody_is_traced),
    ROW(no_memory_of_others_is_read),
    ROW(no_memory_of_others_is_written),
    ROW(nothing_is_compared_with_others),
    ROW(the_limits_of_others_are_not_told),
    ROW(the_limits_of_others_are_not_set),
    ROW(the_processors_of_others_are_not_told),
    ROW(the_processors_of_others_are_not_set),
    ROW(the_priority_of_others_is_not_set),
    ROW(its_parent_has_no_number),
    ROW(its_number_is_none_of_the_host),
    ROW(its_limits_do_not_rise),
    ROW(its_core_is_not_written),
    ROW(its_files_do_not_grow),
    ROW(its_priority_does_not_rise),
    ROW(it_is_not_the_hosts_root),
    ROW(it_does_not_become_root),
    ROW(it_does_not_join_a_group),
    ROW(it_gets_no_capability),
    ROW(it_stays_undumpable),
    ROW(it_is_undumpable_from_the_start),
    ROW(it_names_no_tracer),
    ROW(it_outlives_nobody),
    ROW(it_adopts_nobody),
    ROW(its_name_is_not_changed),
    ROW(its_personality_is_not_changed),
    ROW(no_user_namespace),
    ROW(no_mount_namespace),
    ROW(no_process_namespace),
    ROW(no_network_namespace),
    ROW(no_ipc_namespace),
    ROW(no_control_group_namespace),
    ROW(no_time_namespace),
    ROW(no_namespace_by_a_clone),
    ROW(no_namespace_of_others),
};

const struct attempt_group PROCESSES = {ATTEMPTS, sizeof(ATTEMPTS) / sizeof(ATTEMPTS[0])};
