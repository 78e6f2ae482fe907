/* A state folder of its own for each test of what the gateway remembers. */
#ifndef IDEVS_TESTS_UNIT_GATEWAY_FOLDER_H
#define IDEVS_TESTS_UNIT_GATEWAY_FOLDER_H

#include "base/alloc.h"
#include "gateway/memory.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char folder[64];

static inline int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/idevs-gateway-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
