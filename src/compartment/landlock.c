#include "compartment/landlock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the distribution's header: the attribute of version 6 and the rights by version. */
struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

#define FS_FIRST    ((1ULL << 13) - 1) /* version 1 */
#define FS_REFER    (1ULL << 13)       /* 2 */
#define FS_TRUNCATE (1ULL << 14)       /* 3 */
#define FS_IOCTL    (1ULL << 15)       /* 5 */
#define NET_TCP     3ULL               /* 4: bind, connect */
#define SCOPED      3ULL               /* 6: abstract Unix sockets, signals */

#define FS_READ                                                                                    \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0UL, LANDLOCK_CREATE_RULESET_VERSION);

    return version < 0 ? 0 : (int)version;
}

static struct ruleset all_rights(int version)
{
    return (struct ruleset){
        .fs = FS_FIRST | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
              (version >= 5 ? FS_IOCTL : 0),
        .net = version >= 4 ? NET_TCP : 0,
        .scoped = version >= 6 ? SCOPED : 0,
    };
}

static size_t ruleset_size(int version)
{
    if (version >= 6)
        return sizeof(struct ruleset);
    return version >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
}

static bool add_path(int ruleset, const struct landlock_path *path, uint64_t all)
{
    _cleanup_fd_ int fd = open(path->path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = {
        .allowed_access = path->writable ? all : FS_READ,
        .parent_fd = fd,
    };

    return fd >= 0 &&
           syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

bool landlock_confine(const struct landlock_path *paths, size_t n_paths)
{
    int version = landlock_version();
    if (version == 0)
        return true; /* an older kernel: probe and describe say so */

    struct ruleset rights = all_rights(version);
    _cleanup_fd_ int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &rights, ruleset_size(version), 0);
    bool ok = ruleset >= 0;
    for (size_t i = 0; i < n_paths && ok; i++)
        ok = add_path(ruleset, &paths[i], rights.fs);
    return ok && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}
