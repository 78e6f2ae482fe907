/* The back end `cheri`: a pure-capability program on CheriBSD and an Arm Morello, in which every
 * shared library is a compartment of its own (c18n). NOT YET RUN on such a machine: docs/cheri.md
 * says what was tested instead. So it claims no isolation: no authority certifies it above the
 * development tier until somebody has run it. */
#ifndef IDEVS_COMPARTMENT_CHERI_H
#define IDEVS_COMPARTMENT_CHERI_H

#include "compartment/compartment.h"

extern const struct compartment_back_end COMPARTMENT_CHERI;

#endif
