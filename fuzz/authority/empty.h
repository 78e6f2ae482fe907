/* A registry in a folder of its own. Nothing is in it. */
#ifndef IDEVS_FUZZ_AUTHORITY_EMPTY_H
#define IDEVS_FUZZ_AUTHORITY_EMPTY_H

#include "authority/registry.h"

#include "scratch.h"

static inline struct registry *fuzz_registry(void)
{
    static struct registry *opened;

    if (opened)
        return opened;
    opened = registry_open(scratch_file("db"), NULL);
    must(opened != NULL);
    return opened;
}

#endif
