/* `idevs-warden backends`: every back end of this machine, for people and for machines. */
#ifndef IDEVS_WARDEN_LISTING_H
#define IDEVS_WARDEN_LISTING_H

#include "warden/config.h"

/* Prints to standard output. `config` (may be NULL) says which are permitted. False: it cannot be
 * written. */
bool listing_print(const struct warden_config *config, bool as_json) _must_check_;

#endif
