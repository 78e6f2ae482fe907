/* How root of a Linux host gets at the memory of a process. */
#ifndef IDEVS_TESTS_COMPARTMENT_ROOT_READS_H
#define IDEVS_TESTS_COMPARTMENT_ROOT_READS_H

#include "base/buffer.h"
#include <sys/types.h>

/* From beside: whatever the interface gives of everything that the process can read, pieces that it
 * refuses left out. False when it is not there at all. */
struct root_read {
    const char *name;
    bool (*read)(pid_t pid, struct buffer *b);
};
#define N_ROOT_READS 4
extern const struct root_read ROOT_READS[N_ROOT_READS];

/* From inside: has the process write out what it can write to, through its descriptor 3, whose
 * other end is `channel`. False when the kernel did not let root do it. */
struct root_inject {
    const char *name;
    bool (*read)(pid_t pid, int channel, struct buffer *b);
};
#define N_ROOT_INJECTS 2
extern const struct root_inject ROOT_INJECTS[N_ROOT_INJECTS];

#endif
