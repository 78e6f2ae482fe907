#include "wire/tier.h"

#include <string.h>

static const char *const NAMES[TIERS] = {"hardware", "isolated", "development"};

const char *tier_name(enum tier tier)
{
    return NAMES[tier];
}

bool tier_from_name(const char *name, enum tier *ret)
{
    for (unsigned i = 0; i < TIERS; i++)
        if (strcmp(name, NAMES[i]) == 0) {
            *ret = (enum tier)i;
            return true;
        }
    return false;
}
