/* What inside_guest.c answers. */
#ifndef IDEVS_TESTS_UNIT_COMPARTMENT_GUEST_FACTS_H
#define IDEVS_TESTS_UNIT_COMPARTMENT_GUEST_FACTS_H

#include <stdint.h>

struct guest_facts {
    int64_t real_ns;
    int64_t monotonic_ns;
    uint8_t random[16];
    uint64_t uid; /* as the kernel told it at its start; effective */
    uint64_t gid;
};

#endif
