/* Landlock: a rule for each path and port of the profile, everything else is closed. */
#include "base/fd.h"
#include "base/log.h"
#include "sandbox/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights of later ABIs, by number, because the headers of Debian 12 end with ABI 2. */
#define FS_TRUNCATE (1ULL << 14) /* ABI 3 */
#define NET_BIND    (1ULL << 0)  /* ABI 4 */
#define NET_CONNECT (1ULL << 1)
#define RULE_NET    2

#define FILE_READ  (LANDLOCK_ACCESS_FS_READ_FILE)
#define FILE_WRITE (FILE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define ALL_READ   (FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR)
#define ALL_WRITE                                                                                  \
    (ALL_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                    \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |  \
     LANDLOCK_ACCESS_FS_MAKE_SOCK)
#define ALL_V1 ((1ULL << 13) - 1)
#define REFER  (1ULL << 13) /* ABI 2 */

/* struct landlock_ruleset_attr of ABI 4; older kernels are given its first member only. */
struct ruleset_attr {
    uint64_t handled_fs;
    uint64_t handled_net;
};

struct net_rule {
    uint64_t rights;
    uint64_t port;
};

/* What resolving names and TLS read, wherever there is a network. */
static const char *const NETWORK_READS[] = {
    "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
    "/etc/services",    "/etc/ssl",   "/etc/localtime",     "/dev/urandom",   NULL};

static uint64_t rights_of_abi(long abi)
{
    uint64_t rights = ALL_V1;

    if (abi >= 2)
        rights |= REFER;
    if (abi >= 3)
        rights |= FS_TRUNCATE;
    return rights;
}

/* A path that does not exist needs no rule: it cannot be opened either way. */
static bool allow_path(int ruleset, const char *path, uint64_t folder, uint64_t file)
{
    _cleanup_fd_ int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return errno == ENOENT || errno == EACCES || errno == ENOTDIR;
    if (fstat(fd, &st) != 0)
        return false;
    struct landlock_path_beneath_attr rule = {.allowed_access = S_ISDIR(st.st_mode) ? folder : file,
                                              .parent_fd = fd};
    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

static bool allow_paths(int ruleset, const char *const *paths, uint64_t folder, uint64_t file)
{
    for (; *paths; paths++)
        if (!allow_path(ruleset, *paths, folder, file))
            return false;
    return true;
}

static bool allow_ports(int ruleset, const uint16_t *ports, uint64_t right)
{
    for (size_t i = 0; i < SANDBOX_PORTS && ports[i]; i++) {
        struct net_rule rule = {.rights = right, .port = ports[i]};
        if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET, &rule, 0) != 0)
            return false;
    }
    return true;
}

static uint64_t handled_net(const struct sandbox *profile, long abi)
{
    uint64_t rights = 0;

    if (abi < 4)
        return 0;
    if (!profile->any_bind)
        rights |= NET_BIND;
    if (!profile->any_connect)
        rights |= NET_CONNECT;
    return rights;
}

bool confine_paths(const struct sandbox *profile, struct idevs_error *ret_err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (abi < 1) {
        log_warning("%s: this kernel has no Landlock: paths and ports are not confined",
                    profile->name);
        return true;
    }
    struct ruleset_attr attr = {.handled_fs = rights_of_abi(abi),
                                .handled_net = handled_net(profile, abi)};
    size_t attr_len = abi >= 4 ? sizeof(attr) : sizeof(attr.handled_fs);
    _cleanup_fd_ int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, attr_len, 0);
    uint64_t writes = ALL_WRITE | (abi >= 3 ? FS_TRUNCATE : 0);
    uint64_t file_writes = FILE_WRITE | (abi >= 3 ? FS_TRUNCATE : 0);

    if (ruleset < 0)
        return refuse_errno(ret_err, "internal", "landlock_create_ruleset");
    if (!allow_paths(ruleset, profile->read, ALL_READ, FILE_READ) ||
        !allow_paths(ruleset, profile->write, writes, file_writes) ||
        ((profile->calls & SANDBOX_NETWORK) &&
         !allow_paths(ruleset, NETWORK_READS, ALL_READ, FILE_READ)) ||
        ((attr.handled_net & NET_BIND) && !allow_ports(ruleset, profile->bind_ports, NET_BIND)) ||
        ((attr.handled_net & NET_CONNECT) &&
         !allow_ports(ruleset, profile->connect_ports, NET_CONNECT)))
        return refuse_errno(ret_err, "internal", "landlock_add_rule");
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        return refuse_errno(ret_err, "internal", "landlock_restrict_self");
    return true;
}
