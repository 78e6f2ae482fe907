/* A folder for the work of a compiler. */
#include "base/fd.h"
#include "base/limits.h"
#include "compartment/compartment.h"

#include <inttypes.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/mount.h>

static bool configure(int context, const char *key, const char *format, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), format, value);
    return fsconfig(context, FSCONFIG_SET_STRING, key, text, 0) == 0;
}

/* Everybody may write to its root folder: nobody reaches it but the compartment that it is mounted
 * in, whose user differs, and the holder of the descriptor. */
int compartment_work(uint64_t size)
{
    _cleanup_fd_ int context = fsopen("tmpfs", FSOPEN_CLOEXEC);

    if (context < 0 || !configure(context, "size", "%" PRIu64, size) ||
        !configure(context, "nr_inodes", "%" PRIu64, LIMIT_BUILD_FILES) ||
        !configure(context, "mode", "%" PRIo64, 0777) ||
        fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    return fsmount(context, FSMOUNT_CLOEXEC,
                   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}
