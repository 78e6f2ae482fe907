/* A folder for one test, made fresh and removed with all that is in it. */
#ifndef IDEVS_TESTS_UNIT_WARDEN_FOLDER_H
#define IDEVS_TESTS_UNIT_WARDEN_FOLDER_H

#include "base/alloc.h"
#include "base/fd.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static inline int folder_remove_one(const char *path, const struct stat *st, int type,
                                    struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline void folder_remove(char **path)
{
    nftw(*path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*path);
}
#define _cleanup_folder_ _cleanup_(folder_remove)

static inline char *folder_fresh(void)
{
    char *path = alloc_text("/tmp/idevs-test-XXXXXX");

    if (!mkdtemp(path) || chmod(path, 0755) < 0)
        abort();
    return path;
}

/* folder/name with `text`. */
static inline void folder_put(const char *folder, const char *name, struct bytes content)
{
    struct idevs_error err;
    _cleanup_text_ char *path = alloc_format("%s/%s", folder, name);

    if (!file_write(path, content, 0644, &err))
        abort();
}

#endif
