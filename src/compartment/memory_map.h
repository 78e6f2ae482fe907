/* A memory map as evidence tells it. */
#ifndef IDEVS_COMPARTMENT_MEMORY_MAP_H
#define IDEVS_COMPARTMENT_MEMORY_MAP_H

#include "wire/eat.h"

/* Its digest, and "12 mappings, 6.1 MiB; writable 0.2, executable 1.9, both 0.0 MiB". `map` is the
 * text of /proc/PID/maps; nothing of it is believed. */
void memory_map_measure(struct bytes map, struct eat_measured *ret);

#endif
