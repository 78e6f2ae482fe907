/* What the warden gives up once it has opened what it needs. */
#ifndef IDEVS_WARDEN_PRIVILEGES_H
#define IDEVS_WARDEN_PRIVILEGES_H

#include "base/error.h"

/* Leaves every network for an empty one, and keeps of root's rights only those that compartments
 * and evidence need: mounts and namespaces, mapping users, reading memory maps. Nothing comes back.
 * Refuses `compartment.unavailable`. */
bool privileges_give_up(struct idevs_error *ret_err) _must_check_;

#endif
