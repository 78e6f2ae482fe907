/* How fast this processor's time-stamp counter runs. */
#ifndef IDEVS_COMPARTMENT_TSC_H
#define IDEVS_COMPARTMENT_TSC_H

#include <stdint.h>

/* Ticks a millisecond, measured for LIMIT_GUEST_CLOCK_MS; 0: a processor without one. */
uint32_t tsc_khz(void);

#endif
