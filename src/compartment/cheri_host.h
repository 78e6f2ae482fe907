/* The few calls of the back end `cheri` that are CheriBSD's own; cheri_freebsd.c has them, and
 * cheri_linux.c stands in for it so that all the rest can be tested. */
#ifndef IDEVS_COMPARTMENT_CHERI_HOST_H
#define IDEVS_COMPARTMENT_CHERI_HOST_H

#include "compartment/compartment.h"

/* Notes that this machine is no Morello with CheriBSD, if so. */
void cheri_host_probe(struct compartment_gaps *ret);
/* A descriptor that becomes readable when the child `pid` has ended; -1 and errno. */
int cheri_host_watch(pid_t pid) _must_check_;
/* Of this process and what it executes: no new privileges, nobody but root traces it, and it dies
 * with the warden. */
bool cheri_host_confine(void) _must_check_;

#endif
