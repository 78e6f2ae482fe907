/* Landlock: rights that the kernel takes from this process for good, whatever its user. */
#ifndef IDEVS_COMPARTMENT_LANDLOCK_H
#define IDEVS_COMPARTMENT_LANDLOCK_H

#include "base/attr.h"
#include <stdbool.h>
#include <stddef.h>

struct landlock_path {
    const char *path;
    bool writable; /* else read and execute */
};

/* The version that the kernel has; 0 when none. */
int landlock_version(void);
/* Gives up every right over files but those beneath `paths`, all of TCP, and, where the kernel can,
 * abstract Unix sockets and signals to others. Needs no_new_privs. False and errno. */
bool landlock_confine(const struct landlock_path *paths, size_t n_paths) _must_check_;

#endif
