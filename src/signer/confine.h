/* What the signer may still ask the kernel for once it has its keys. */
#ifndef IDEVS_SIGNER_CONFINE_H
#define IDEVS_SIGNER_CONFINE_H

#include "base/error.h"

/* For ever: not dumpable, no core file, no new descriptors, no new privileges, and a list of system
 * calls (messages on what is open, memory, time, random bytes, exit); any other ends the process.
 * Refuses `internal`. */
bool confine(struct idevs_error *ret_err) _must_check_;

#endif
