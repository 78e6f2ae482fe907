/* A registry in a folder of its own, removed at the end. Nothing is in it. */
#ifndef IDEVS_FUZZ_AUTHORITY_SCRATCH_H
#define IDEVS_FUZZ_AUTHORITY_SCRATCH_H

#include "authority/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char fuzz_folder[] = "/tmp/idevs-fuzz-XXXXXX";
static struct registry *fuzz_opened;

static void fuzz_remove(void)
{
    static const char *const NAMES[] = {"/db", "/db-wal", "/db-shm"};
    char path[64];

    registry_close(fuzz_opened);
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        snprintf(path, sizeof(path), "%s%s", fuzz_folder, NAMES[i]);
        unlink(path);
    }
    rmdir(fuzz_folder);
}

static inline struct registry *fuzz_registry(void)
{
    char path[64];

    if (fuzz_opened)
        return fuzz_opened;
    if (!mkdtemp(fuzz_folder))
        abort();
    snprintf(path, sizeof(path), "%s/db", fuzz_folder);
    fuzz_opened = registry_open(path, NULL);
    if (!fuzz_opened || atexit(fuzz_remove) != 0)
        abort();
    return fuzz_opened;
}

#endif
