/* What the maker of a compartment and the run-time inside agree on about secret memory
 * (memfd_secret), which the kernel itself does not map: no debugger, no /proc/PID/mem, no core file
 * and no swap reaches it. */
#ifndef IDEVS_BASE_SECRET_MEMORY_H
#define IDEVS_BASE_SECRET_MEMORY_H

#include "base/limits.h"
#include <stddef.h>
#include <stdint.h>

/* Tells a program to move onto secret memory before main(): its bytes of memory, decimal. */
#define SECRET_MEMORY_VARIABLE "IDEVS_SECRET_MEMORY"
/* mseal(): Linux 6.10, younger than the headers. */
#define SYS_MSEAL 462

/* How /proc/PID/maps names such mappings: nothing else can be called so. */
#define SECRET_MEMORY_NAME "/secretmem"
/* Exit status of a program that was told to and could not. */
#define EXIT_NOT_SECRET 119

/* The stack of a program with `memory` bytes: all of it is there from the start. */
static inline uint64_t secret_memory_stack(uint64_t memory)
{
    return memory < LIMIT_STACK ? memory : LIMIT_STACK;
}

/* What it may have locked at most: heap and variables, of which either may be nearly all, and the
 * stack. */
static inline uint64_t secret_memory_most(uint64_t memory)
{
    return 2 * memory + secret_memory_stack(memory);
}

#endif
