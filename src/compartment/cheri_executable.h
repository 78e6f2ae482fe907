/* What is checked of a program for Morello before anything is made. */
#ifndef IDEVS_COMPARTMENT_CHERI_EXECUTABLE_H
#define IDEVS_COMPARTMENT_CHERI_EXECUTABLE_H

#include "base/error.h"

/* `fd` begins like a pure-capability ELF executable for AArch64 whose run-time linker is `linker`:
 * it makes the compartments. Refuses `compartment.executable`. */
bool cheri_executable_check(int fd, const char *linker, struct idevs_error *ret_err) _must_check_;

#endif
