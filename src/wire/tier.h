/* Assurance tiers: one issuing CA each, so that a service chooses tiers by choosing
 * anchors. Pure. */
#ifndef IDEVS_WIRE_TIER_H
#define IDEVS_WIRE_TIER_H

#include "base/attr.h"

#include <stdbool.h>

enum tier {
    TIER_HARDWARE = 0,    /* memory encrypted by the chip, evidence signed by its maker's key */
    TIER_ISOLATED = 1,    /* software or capabilities, on a host that its owner guards */
    TIER_DEVELOPMENT = 2, /* no promise */
    TIERS = 3,
};

/* "hardware", "isolated", "development". */
const char *tier_name(enum tier tier);
bool tier_from_name(const char *name, enum tier *ret) _must_check_;

#endif
