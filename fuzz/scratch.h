/* A folder of the harness's own, removed when it ends. */
#ifndef IDEVS_FUZZ_SCRATCH_H
#define IDEVS_FUZZ_SCRATCH_H

#include "fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

/* In memory where there is such a place: every input writes. */
static char scratch_path[64];

static int scratch_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void scratch_remove(void)
{
    nftw(scratch_path, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline const char *scratch_folder(void)
{
    if (scratch_path[0])
        return scratch_path;
    snprintf(scratch_path, sizeof(scratch_path), "%s/idevs-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    must(mkdtemp(scratch_path) != NULL && atexit(scratch_remove) == 0);
    return scratch_path;
}

/* The path of `name` in there; valid until the next call. */
static inline const char *scratch_file(const char *name)
{
    static char path[sizeof(scratch_path) + 160];

    snprintf(path, sizeof(path), "%s/%s", scratch_folder(), name);
    return path;
}

/* The content of `name` in there from now on, at once and without a sync. */
static inline void scratch_write(const char *name, struct bytes content)
{
    FILE *file = fopen(scratch_file(name), "we");

    must(file && fwrite(content.data, 1, content.len, file) == content.len && fclose(file) == 0);
}

#endif
