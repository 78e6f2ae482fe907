/* The program's move onto secret memory (base/secret_memory.h), before main() and so before there
 * is any secret: whatever it can write to (variables, heap with the thread's own block, stack) gets
 * memfd_secret pages at the very addresses where it was. Then the address space is closed: nothing
 * can be mapped any more, malloc() gives what is there, and a larger request gets NULL.
 *
 * A constructor does it when the maker of the compartment says so in the environment; nowhere else,
 * and never twice. It trusts the kernel and the C library, and ends the program when it cannot. */
#ifndef IDEVS_RUNTIME_SECRET_MEMORY_H
#define IDEVS_RUNTIME_SECRET_MEMORY_H

#include "base/attr.h"
#include <stddef.h>
#include <stdint.h>

/* Before a wait: leaves nothing in the vector registers, which copies of whole records pass
 * through, since a debugger that stops the program reads them. Does nothing on ordinary memory. */
void secret_memory_before_wait(void);

/* ---- one file a processor ---- */

/* Copies `len` bytes from `from` to where they belong in `secret`, which is then moved over the
 * `size` bytes at `at`: without a write to memory in between, so that even the stack it runs on can
 * go this way. 0 or -errno. */
long secret_memory_replace(uintptr_t at, size_t size, void *secret, uintptr_t from,
                           size_t len) _must_check_;

void secret_memory_clear_registers(void);

#endif
