/* The kernel: its mounts, modules, keys, programs, rings, clocks, and calls of other shapes. */
#include "attempt.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/kexec.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* ---- mounts ---- */

ATTEMPT(nothing_is_mounted, FORBIDDEN, EPERM, "", "mounts a file system over /")
{
    return went(mount("none", "/", "tmpfs", 0, NULL));
}

ATTEMPT(proc_is_not_mounted, FORBIDDEN, EPERM, "", "mounts /proc")
{
    return went(mount("proc", "/", "proc", 0, NULL));
}

ATTEMPT(the_root_is_not_made_writable, FORBIDDEN, EPERM, "", "mounts / again, for writing")
{
    return went(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
}

ATTEMPT(nothing_is_unmounted, FORBIDDEN, EPERM, "", "takes away what stands before the old root")
{
    return reached(umount2("/", MNT_DETACH));
}

ATTEMPT(no_mount_is_copied, FORBIDDEN, EPERM, "", "copies a mount (open_tree)")
{
    return went(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE));
}

ATTEMPT(no_mount_is_moved, FORBIDDEN, EPERM, "", "moves a mount (move_mount)")
{
    return reached(syscall(SYS_move_mount, AT_FDCWD, "/", AT_FDCWD, "/", 0));
}

ATTEMPT(no_mount_is_changed, FORBIDDEN, EPERM, "", "takes nosuid from a mount (mount_setattr)")
{
    struct mount_attr attr = {.attr_clr = MOUNT_ATTR_NOSUID};

    return went(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attr, sizeof(attr)));
}

ATTEMPT(no_file_system_is_made, FORBIDDEN, EPERM, "", "makes a file system (fsopen)")
{
    return went(syscall(SYS_fsopen, "tmpfs", 0));
}

ATTEMPT(the_root_is_not_exchanged, FORBIDDEN, EPERM, "", "exchanges its root (pivot_root)")
{
    return reached(syscall(SYS_pivot_root, "/", "/"));
}

/* ---- keys, programs, rings ---- */

ATTEMPT(no_keyring_is_joined, FORBIDDEN, THROUGH, "", "joins a keyring")
{
    return went(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "idevs-escape", 0, 0, 0));
}

ATTEMPT(no_key_is_kept, FORBIDDEN, THROUGH, "", "leaves a key in the kernel")
{
    return went(syscall(SYS_add_key, "user", "idevs-escape", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

ATTEMPT(no_key_is_requested, FORBIDDEN, THROUGH, "",
        "requests a key, for which the kernel would "
        "start a program of the host")
{
    long r = syscall(SYS_request_key, "user", "idevs-escape", NULL, KEY_SPEC_PROCESS_KEYRING);

    return r < 0 && errno == ENOKEY ? THROUGH : went(r);
}

ATTEMPT(no_kernel_program_is_loaded, FORBIDDEN, EPERM, "", "makes a map for kernel programs (bpf)")
{
    union bpf_attr attr = {
        .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

    return went(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

ATTEMPT(no_performance_is_counted, FORBIDDEN, EACCES, "",
        "counts events of the processor, which tell what others do (perf)")
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK};

    return went(syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0));
}

ATTEMPT(no_ring, FORBIDDEN, THROUGH, "", "has calls made by a ring, past the filter (io_uring)")
{
    struct io_uring_params params = {0};

    return went(syscall(SYS_io_uring_setup, 1, &params));
}

ATTEMPT(no_asynchronous_requests, FORBIDDEN, THROUGH, "", "has calls made later (io_setup)")
{
    unsigned long context = 0;

    return went(syscall(SYS_io_setup, 1, &context));
}

ATTEMPT(no_filter_is_added, FORBIDDEN, THROUGH, "",
        "adds a filter by which it answers its own calls")
{
    struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
    struct sock_fprog program = {1, &allow};

    return went(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
                    ? -1
                    : syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

ATTEMPT(no_ruleset_is_made, FORBIDDEN, THROUGH, "", "makes Landlock rules of its own")
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE};

    return went(syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0));
}

/* ---- the machine ---- */

ATTEMPT(no_module_is_loaded, FORBIDDEN, EPERM, "", "loads a module (of no bytes)")
{
    return reached(syscall(SYS_init_module, NULL, 0, ""));
}

ATTEMPT(no_module_is_loaded_from_a_descriptor, FORBIDDEN, EPERM, "", "loads a module from a file")
{
    return reached(syscall(SYS_finit_module, -1, "", 0));
}

ATTEMPT(no_module_is_removed, FORBIDDEN, EPERM, "", "removes a module (that is not there)")
{
    return reached(syscall(SYS_delete_module, "idevs_escape", O_NONBLOCK));
}

ATTEMPT(no_other_kernel_is_loaded, FORBIDDEN, EPERM, "", "loads another kernel (of no bytes)")
{
    return reached(syscall(SYS_kexec_load, 0, 99, NULL, 0));
}

ATTEMPT(no_other_kernel_is_loaded_from_a_file, FORBIDDEN, EPERM, "",
        "loads another kernel from a file (that is none)")
{
    return reached(syscall(SYS_kexec_file_load, -1, -1, 0, "", 0));
}

ATTEMPT(the_machine_is_not_rebooted, FORBIDDEN, EPERM, HARMS, "reboots the machine")
{
    return went(reboot(RB_AUTOBOOT));
}

ATTEMPT(no_swap_is_added, FORBIDDEN, EPERM, "", "has the host swap to a file (that is not there)")
{
    return reached(swapon("/idevs-escape", 0));
}

ATTEMPT(the_kernels_log_is_not_read, FORBIDDEN, EPERM, "", "reads the kernel's log")
{
    char line[64];

    return went(klogctl(3, line, sizeof(line)));
}

ATTEMPT(no_ports_of_the_machine, FORBIDDEN, EPERM, "", "speaks to devices directly (ioperm)")
{
    return went(ioperm(0x80, 1, 1));
}

ATTEMPT(no_privilege_level, FORBIDDEN, EPERM, "", "speaks to all devices directly (iopl)")
{
    return went(iopl(3));
}

ATTEMPT(no_segments, FORBIDDEN, THROUGH, "", "writes its own segment descriptors (modify_ldt)")
{
    char table[64];

    return went(syscall(SYS_modify_ldt, 0, table, sizeof(table)));
}

ATTEMPT(the_clock_is_not_set, FORBIDDEN, EPERM, "", "sets the machine's clock (to what it shows)")
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return went(clock_settime(CLOCK_REALTIME, &now));
}

ATTEMPT(the_clock_is_not_adjusted, FORBIDDEN, EPERM, "", "slows the machine's clock (by nothing)")
{
    return went(adjtimex(&(struct timex){.modes = ADJ_SETOFFSET}));
}

ATTEMPT(the_hosts_name_is_not_set, FORBIDDEN, EPERM, "", "gives the machine another name")
{
    return went(sethostname("escape", 6));
}

ATTEMPT(the_kernel_is_not_named, FORBIDDEN, THROUGH, "", "asks which kernel this is (uname)")
{
    char names[1024];

    return went(syscall(SYS_uname, names));
}

ATTEMPT(the_hosts_name_is_not_told, FORBIDDEN, NOTHING_THERE, "", "asks for the host's name")
{
    struct utsname names;

    if (syscall(SYS_uname, &names) < 0)
        return errno;
    return strcmp(names.nodename, "compartment") == 0 ? NOTHING_THERE : THROUGH;
}

ATTEMPT(no_accounting, FORBIDDEN, EPERM, "", "has the kernel write its accounts elsewhere")
{
    return reached(acct("/idevs-escape"));
}

ATTEMPT(the_terminal_is_not_hung_up, FORBIDDEN, EPERM, "", "hangs up the terminal")
{
    return went(vhangup());
}

/* ---- more descriptors, timers, and calls of other shapes ---- */

ATTEMPT(no_event_descriptor, FORBIDDEN, THROUGH, "", "makes a descriptor for events")
{
    return went(eventfd(0, 0));
}

ATTEMPT(no_set_of_descriptors, FORBIDDEN, THROUGH, "", "makes a set of descriptors (epoll)")
{
    return went(epoll_create1(0));
}

ATTEMPT(no_timer_descriptor, FORBIDDEN, THROUGH, "", "makes a descriptor of a timer")
{
    return went(timerfd_create(CLOCK_MONOTONIC, 0));
}

ATTEMPT(no_signal_descriptor, FORBIDDEN, THROUGH, "", "makes a descriptor of signals")
{
    sigset_t none;

    sigemptyset(&none);
    return went(signalfd(-1, &none, 0));
}

ATTEMPT(no_timer, FORBIDDEN, THROUGH, "", "makes timers in the kernel")
{
    timer_t timer;
    struct sigevent none = {.sigev_notify = SIGEV_NONE};

    return went(syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &timer));
}

ATTEMPT(no_pipe, FORBIDDEN, THROUGH, "", "makes a pipe")
{
    int fds[2];

    return went(pipe(fds));
}

ATTEMPT(no_device_call, FORBIDDEN, THROUGH, "", "asks its channel by ioctl(2)")
{
    int n;

    return went(ioctl(3, FIONREAD, &n));
}

ATTEMPT(no_call_of_32_bit, FORBIDDEN, THROUGH, "",
        "makes a call of 32 bit, whose numbers mean other things")
{
    long r;

    __asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory"); /* getpid */
    return r > 0 ? THROUGH : NOTHING_THERE;
}

ATTEMPT(no_call_of_x32, FORBIDDEN, ENOSYS, "", "makes a call of the x32 kind")
{
    return went(syscall(0x40000000 | SYS_getpid));
}

ATTEMPT(no_unknown_call, FORBIDDEN, ENOSYS, "no kernel knows it", "makes a call of the number 4000")
{
    return went(syscall(4000));
}

static const struct attempt *const ATTEMPTS[] = {
    ROW(nothing_is_mounted),
    ROW(proc_is_not_mounted),
    ROW(the_root_is_not_made_writable),
    ROW(nothing_is_unmounted),
    ROW(no_mount_is_copied),
    ROW(no_mount_is_moved),
    ROW(no_mount_is_changed),
    ROW(no_file_system_is_made),
    ROW(the_root_is_not_exchanged),
    ROW(no_keyring_is_joined),
    ROW(no_key_is_kept),
    ROW(no_key_is_requested),
    ROW(no_kernel_program_is_loaded),
    ROW(no_performance_is_counted),
    ROW(no_ring),
    ROW(no_asynchronous_requests),
    ROW(no_filter_is_added),
    ROW(no_ruleset_is_made),
    ROW(no_module_is_loaded),
    ROW(no_module_is_loaded_from_a_descriptor),
    ROW(no_module_is_removed),
    ROW(no_other_kernel_is_loaded),
    ROW(no_other_kernel_is_loaded_from_a_file),
    ROW(the_machine_is_not_rebooted),
    ROW(no_swap_is_added),
    ROW(the_kernels_log_is_not_read),
    ROW(no_ports_of_the_machine),
    ROW(no_privilege_level),
    ROW(no_segments),
    ROW(the_clock_is_not_set),
    ROW(the_clock_is_not_adjusted),
    ROW(the_hosts_name_is_not_set),
    ROW(the_kernel_is_not_named),
    ROW(the_hosts_name_is_not_told),
    ROW(no_accounting),
    ROW(the_terminal_is_not_hung_up),
    ROW(no_event_descriptor),
    ROW(no_set_of_descriptors),
    ROW(no_timer_descriptor),
    ROW(no_signal_descriptor),
    ROW(no_timer),
    ROW(no_pipe),
    ROW(no_device_call),
    ROW(no_call_of_32_bit),
    ROW(no_call_of_x32),
    ROW(no_unknown_call),
};

const struct attempt_group KERNEL = {ATTEMPTS, sizeof(ATTEMPTS) / sizeof(ATTEMPTS[0])};
