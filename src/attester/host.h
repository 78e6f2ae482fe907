/* What each system says of its processor: host_linux.c, host_freebsd.c. */
#ifndef IDEVS_ATTESTER_HOST_H
#define IDEVS_ATTESTER_HOST_H

#include "attester/attester.h"

/* Sets cpu_model, cpu_version and n_cpus. */
void host_read_processor(struct attester_host *ret);

#endif
