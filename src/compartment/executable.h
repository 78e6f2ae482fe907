/* What is checked of a start before anything is made, whatever the back end. */
#ifndef IDEVS_COMPARTMENT_EXECUTABLE_H
#define IDEVS_COMPARTMENT_EXECUTABLE_H

#include "base/error.h"
#include <stdint.h>

/* A sealed file that begins like a static ELF executable of this machine. Refuses
 * `compartment.executable`, and `compartment.unavailable` for one that is not sealed. */
bool executable_check(int fd, struct idevs_error *ret_err) _must_check_;
/* Memory that this host can give at all. Refuses `compartment.too-large`. */
bool memory_check(uint64_t memory, struct idevs_error *ret_err) _must_check_;

#endif
