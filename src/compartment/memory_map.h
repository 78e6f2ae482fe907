/* A memory map (the text of /proc/PID/maps) as evidence tells it; nothing of it is believed, lines
 * that are none are passed over. */
#ifndef IDEVS_COMPARTMENT_MEMORY_MAP_H
#define IDEVS_COMPARTMENT_MEMORY_MAP_H

#include "wire/eat.h"

/* The digest of the reduced map; "12 mappings, 6.1 MiB; writable 0.2, executable 1.9, both 0.0
 * MiB"; and the component `memory`. False when the map is too long or there is no room. */
bool memory_map_measure(struct bytes map, struct eat_measured *ret) _must_check_;
/* Appends the map without what differs from start to start, addresses and numbers of files: a line
 * "SIZE RIGHTS NAME" for each mapping, in order. False past the buffer's max. */
bool memory_map_reduce(struct bytes map, struct buffer *b) _must_check_;
/* Whether all that the program can write to is secret memory, and there is some. */
bool memory_map_is_secret(struct bytes map);

#endif
