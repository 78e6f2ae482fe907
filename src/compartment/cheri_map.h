/* The memory map that CheriBSD's `procstat -v PID` prints, as evidence tells it. The tool's text is
 * taken strictly, whole or not at all: what is not understood is not summed up. */
#ifndef IDEVS_COMPARTMENT_CHERI_MAP_H
#define IDEVS_COMPARTMENT_CHERI_MAP_H

#include "wire/eat.h"
#include <sys/types.h>

/* Sets the memory map's digest and summary. The digest is over a line "SIZE RIGHTS TYPE PATH" for
 * each mapping, without what differs from start to start. The summary reads "85 mappings, 33.1 MiB;
 * writable 9.2, executable 3.0, both 0.0, capabilities 33.1": sums leave out what cannot be
 * touched, such as guards. False, and `*ret` as before, unless every mapping is `pid`'s own, they
 * are in order, and `linker` is among them: without it there are no compartments. */
bool cheri_map_measure(struct bytes text, pid_t pid, const char *linker,
                       struct eat_measured *ret) _must_check_;

#endif
