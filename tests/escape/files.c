/* Files: of the host, of /proc, /sys and /dev, and their metadata. */
#include "attempt.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

/* As the C library opens files of its own, which is answered and not the end. */
static int open_quietly(const char *path)
{
    return went(open(path, O_RDONLY | O_CLOEXEC));
}

ATTEMPT(a_file_is_not_read, FORBIDDEN, ENOENT, "",
        "opens a file of the host that everybody may read")
{
    return went(open(order.secret, O_RDONLY));
}

ATTEMPT(a_file_is_not_read_by_the_one_shape_of_open_that_is_answered, ENOENT, ENOENT, "",
        "opens it as the C library opens time zone files")
{
    return open_quietly(order.secret);
}

ATTEMPT(a_file_is_not_read_by_the_old_call, FORBIDDEN, ENOENT, "", "opens it by open(2) itself")
{
    return went(syscall(SYS_open, order.secret, O_RDONLY | O_CLOEXEC, 0));
}

ATTEMPT(a_file_is_not_read_by_the_new_call, FORBIDDEN, ENOENT, "", "opens it by openat2(2)")
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};

    return went(syscall(SYS_openat2, AT_FDCWD, order.secret, &how, sizeof(how)));
}

ATTEMPT(a_file_is_not_read_from_above_the_root, FORBIDDEN, ENOENT, "",
        "opens it on a path that climbs above the root")
{
    char path[128];

    snprintf(path, sizeof(path), "/../../../../../..%s", order.secret);
    return went(syscall(SYS_open, path, O_RDONLY, 0));
}

ATTEMPT(a_file_is_not_read_by_its_handle, FORBIDDEN, EPERM, "",
        "opens a file by a handle that it made up")
{
    struct {
        struct file_handle head;
        unsigned char id[MAX_HANDLE_SZ];
    } handle = {.head = {.handle_bytes = 8, .handle_type = 1}};

    return reached(open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY));
}

ATTEMPT(a_file_is_not_created, FORBIDDEN, EROFS, "", "creates a file")
{
    return went(open("/tmp/../left-by-an-escape", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) < 0
                    ? creat("/left-by-an-escape", 0600)
                    : unlink("/left-by-an-escape"));
}

ATTEMPT(a_nameless_file_is_not_created, FORBIDDEN, EROFS, "", "creates a file without a name in /")
{
    return went(open("/", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

ATTEMPT(a_file_is_not_removed, FORBIDDEN, ENOENT, "", "removes a file of the host")
{
    return went(unlink(order.secret));
}

ATTEMPT(a_file_is_not_renamed, FORBIDDEN, ENOENT, "", "renames it")
{
    return went(rename(order.secret, order.left));
}

ATTEMPT(a_file_gets_no_second_name, FORBIDDEN, ENOENT, "", "links it to another name")
{
    return went(link(order.secret, order.left));
}

ATTEMPT(a_symbolic_link_is_not_made, FORBIDDEN, EROFS, "", "makes a symbolic link in /")
{
    return went(symlink(order.secret, "/link-of-an-escape") < 0 ? -1
                                                                : unlink("/link-of-an-escape"));
}

ATTEMPT(a_folder_is_not_made, FORBIDDEN, EROFS, "", "makes a folder in /")
{
    return went(mkdir("/folder-of-an-escape", 0700) < 0 ? -1 : rmdir("/folder-of-an-escape"));
}

ATTEMPT(a_device_is_not_made, FORBIDDEN, EROFS, "", "makes a device, the kernel's memory, in /")
{
    return went(mknod("/device-of-an-escape", S_IFCHR | 0600, 0x101) < 0
                    ? -1
                    : unlink("/device-of-an-escape"));
}

ATTEMPT(a_files_mode_is_not_changed, FORBIDDEN, ENOENT, "", "makes a file of the host setuid")
{
    return went(chmod(order.secret, 04755));
}

ATTEMPT(a_files_owner_is_not_changed, FORBIDDEN, ENOENT, "", "gives it to another user")
{
    return went(chown(order.secret, 1, 1));
}

ATTEMPT(a_file_is_not_cut, FORBIDDEN, ENOENT, "", "cuts it to nothing")
{
    return went(truncate(order.secret, 0));
}

ATTEMPT(a_files_times_are_not_changed, FORBIDDEN, ENOENT, "", "changes its times")
{
    return went(utimes(order.secret, NULL));
}

ATTEMPT(a_file_gets_no_attribute, FORBIDDEN, ENOENT, "", "gives it an extended attribute")
{
    return went(setxattr(order.secret, "trusted.escape", "x", 1, 0));
}

ATTEMPT(a_files_metadata_is_not_told, FORBIDDEN, ENOENT, "", "asks stat(2) of a file of the host")
{
    struct stat st;

    return went(stat(order.secret, &st));
}

ATTEMPT(a_files_metadata_is_not_told_by_the_new_call, FORBIDDEN, ENOENT, "", "asks statx(2) of it")
{
    struct statx st;

    return went(statx(AT_FDCWD, order.secret, 0, STATX_BASIC_STATS, &st));
}

ATTEMPT(a_files_presence_is_not_told, FORBIDDEN, ENOENT, "", "asks whether it is there")
{
    return went(access(order.secret, F_OK));
}

ATTEMPT(a_link_is_not_read, ENOENT, ENOENT, "", "reads the link /proc/self/exe")
{
    char target[256];

    return went(readlink("/proc/self/exe", target, sizeof(target)));
}

ATTEMPT(a_file_system_is_not_told, FORBIDDEN, ENOENT, "", "asks on which file system it is")
{
    struct statfs st;

    return went(statfs(order.secret, &st));
}

ATTEMPT(the_root_is_not_listed, FORBIDDEN, EACCES, "", "lists the folder /")
{
    return went(opendir("/") ? 0 : -1);
}

ATTEMPT(the_current_folder_is_not_told, FORBIDDEN, THROUGH, "", "asks for its current folder")
{
    char path[256];

    return went(syscall(SYS_getcwd, path, sizeof(path)));
}

ATTEMPT(the_current_folder_is_not_left, FORBIDDEN, ENOENT, "", "changes to a folder of the host")
{
    return went(chdir(order.folder));
}

ATTEMPT(the_root_is_not_changed, FORBIDDEN, EPERM, "", "changes its root")
{
    return went(chroot("/"));
}

ATTEMPT(a_file_is_not_watched, FORBIDDEN, ENOENT, "", "watches a folder of the host for changes")
{
    int fd = inotify_init1(IN_CLOEXEC);

    return went(fd < 0 ? -1 : inotify_add_watch(fd, order.folder, IN_ALL_EVENTS));
}

ATTEMPT(file_systems_are_not_watched, FORBIDDEN, EPERM, "", "watches a whole file system")
{
    return went(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
}

ATTEMPT(its_own_memory_map_is_not_read, ENOENT, ENOENT, "", "reads /proc/self/maps")
{
    return open_quietly("/proc/self/maps");
}

ATTEMPT(its_own_memory_is_not_written_as_a_file, FORBIDDEN, ENOENT, "",
        "opens /proc/self/mem, which writes to memory that is read-only")
{
    return went(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
}

ATTEMPT(its_descriptors_are_not_listed, FORBIDDEN, ENOENT, "", "lists /proc/self/fd")
{
    return went(opendir("/proc/self/fd") ? 0 : -1);
}

ATTEMPT(the_environment_of_others_is_not_read, ENOENT, ENOENT, "",
        "reads the environment of a process of the host")
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/environ", (int)order.victim);
    return open_quietly(path);
}

ATTEMPT(kernel_symbols_are_not_read, ENOENT, ENOENT, "", "reads /proc/kallsyms")
{
    return open_quietly("/proc/kallsyms");
}

ATTEMPT(what_the_kernel_does_with_a_crash_is_not_changed, FORBIDDEN, ENOENT, "",
        "opens /proc/sys/kernel/core_pattern for writing")
{
    return went(open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC));
}

ATTEMPT(the_machine_is_not_described, ENOENT, ENOENT, "", "reads /proc/cpuinfo")
{
    return open_quietly("/proc/cpuinfo");
}

ATTEMPT(sysfs_is_not_there, FORBIDDEN, ENOENT, "", "lists /sys/kernel")
{
    return went(opendir("/sys/kernel") ? 0 : -1);
}

ATTEMPT(control_groups_are_not_there, FORBIDDEN, ENOENT, "", "lists /sys/fs/cgroup")
{
    return went(opendir("/sys/fs/cgroup") ? 0 : -1);
}

ATTEMPT(no_device_is_there, FORBIDDEN, ENOENT, "", "opens /dev/null for writing")
{
    return went(open("/dev/null", O_WRONLY | O_CLOEXEC));
}

ATTEMPT(no_terminal_is_there, FORBIDDEN, ENOENT, "", "opens a new terminal by /dev/ptmx")
{
    return went(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
}

ATTEMPT(the_users_of_the_host_are_not_there, ENOENT, ENOENT, "", "reads /etc/passwd")
{
    return open_quietly("/etc/passwd");
}

static const struct attempt *const ATTEMPTS[] = {
    ROW(a_file_is_not_read),
    ROW(a_file_is_not_read_by_the_one_shape_of_open_that_is_answered),
    ROW(a_file_is_not_read_by_the_old_call),
    ROW(a_file_is_not_read_by_the_new_call),
    ROW(a_file_is_not_read_from_above_the_root),
    ROW(a_file_is_not_read_by_its_handle),
    ROW(a_file_is_not_created),
    ROW(a_nameless_file_is_not_created),
    ROW(a_file_is_not_removed),
    ROW(a_file_is_not_renamed),
    ROW(a_file_gets_no_second_name),
    ROW(a_symbolic_link_is_not_made),
    ROW(a_folder_is_not_made),
    ROW(a_device_is_not_made),
    ROW(a_files_mode_is_not_changed),
    ROW(a_files_owner_is_not_changed),
    ROW(a_file_is_not_cut),
    ROW(a_files_times_are_not_changed),
    ROW(a_file_gets_no_attribute),
    ROW(a_files_metadata_is_not_told),
    ROW(a_files_metadata_is_not_told_by_the_new_call),
    ROW(a_files_presence_is_not_told),
    ROW(a_link_is_not_read),
    ROW(a_file_system_is_not_told),
    ROW(the_root_is_not_listed),
    ROW(the_current_folder_is_not_told),
    ROW(the_current_folder_is_not_left),
    ROW(the_root_is_not_changed),
    ROW(a_file_is_not_watched),
    ROW(file_systems_are_not_watched),
    ROW(its_own_memory_map_is_not_read),
    ROW(its_own_memory_is_not_written_as_a_file),
    ROW(its_descriptors_are_not_listed),
    ROW(the_environment_of_others_is_not_read),
    ROW(kernel_symbols_are_not_read),
    ROW(what_the_kernel_does_with_a_crash_is_not_changed),
    ROW(the_machine_is_not_described),
    ROW(sysfs_is_not_there),
    ROW(control_groups_are_not_there),
    ROW(no_device_is_there),
    ROW(no_terminal_is_there),
    ROW(the_users_of_the_host_are_not_there),
};

const struct attempt_group FILES = {ATTEMPTS, sizeof(ATTEMPTS) / sizeof(ATTEMPTS[0])};
