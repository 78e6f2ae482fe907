/* System-call filters, one a profile, as programs for the kernel: what is not listed ends the
 * process (COMPARTMENT_RUN) or is answered ENOSYS (COMPARTMENT_COMPILE). */
#ifndef IDEVS_COMPARTMENT_FILTER_H
#define IDEVS_COMPARTMENT_FILTER_H

#include "compartment/compartment.h"
#include <linux/filter.h>

/* The descriptor that a run executes; the one execveat() that its filter lets through. */
#define FILTER_EXECUTABLE_FD 5

/* Appends the program (an array of struct sock_filter). Refuses `compartment.unavailable`. */
bool filter_build(enum compartment_profile profile, struct buffer *b,
                  struct idevs_error *ret_err) _must_check_;

#endif
