/* Every back end of this machine, whether it can be used, and what it protects from: for people
 * (`idevs-warden backends`), and for launchers. For people also which hardware makes evidence. */
#ifndef IDEVS_WARDEN_LISTING_H
#define IDEVS_WARDEN_LISTING_H

#include "warden/config.h"

/* Prints to standard output. `config` (may be NULL) says which are permitted. False: it cannot be
 * written. */
bool listing_print(const struct warden_config *config, bool as_json) _must_check_;

/* Appends it as one CBOR item (docs/interfaces.md). False past the buffer's max. */
bool listing_encode(const struct warden_config *config, struct buffer *b) _must_check_;

#endif
