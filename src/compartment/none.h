/* The back end `none`: a process of another user, and nothing between it and the host. For
 * debuggers, in the development tier: its evidence says that debugging is enabled. */
#ifndef IDEVS_COMPARTMENT_NONE_H
#define IDEVS_COMPARTMENT_NONE_H

#include "compartment/compartment.h"

extern const struct compartment_back_end COMPARTMENT_NONE;

#endif
