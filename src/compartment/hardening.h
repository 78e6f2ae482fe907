/* What the host's kernel forbids even its own root. */
#ifndef IDEVS_COMPARTMENT_HARDENING_H
#define IDEVS_COMPARTMENT_HARDENING_H

#include "wire/eat.h"

/* "Yama ptrace_scope 1, lockdown integrity" from the texts of the kernel's two files; empty where
 * there is no such file. `ret`: LIMIT_EAT_TEXT. */
void hardening_describe(const char *yama, const char *lockdown, char *ret);
/* Adds the component `hardening`, as it is now: root can change it at any time. */
void hardening_measure(struct eat_measured *ret);

#endif
