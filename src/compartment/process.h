/* The back end `process`: a Linux process with nothing around it. It stands on the host's kernel:
 * whoever is root of the host, or breaks its kernel, can break it. */
#ifndef IDEVS_COMPARTMENT_PROCESS_H
#define IDEVS_COMPARTMENT_PROCESS_H

#include "compartment/compartment.h"

extern const struct compartment_back_end COMPARTMENT_PROCESS;

#endif
