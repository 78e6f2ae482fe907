/* The launcher: takes programs from their owners, has them built and run by the warden, relays what
 * they seal. Nobody trusts it: it holds no program's key and no key that matters; what it could do
 * is delay, drop, and misdirect what others detect. */
#ifndef IDEVS_LAUNCHER_LAUNCHER_H
#define IDEVS_LAUNCHER_LAUNCHER_H

#include "launcher/config.h"

struct event_base;
struct launcher;

/* Opens the state, listens, resumes what should run. `config` must outlive it. Refuses what
 * state_open(), server_start(), tls_server_context() and record_open() refuse. */
struct launcher *launcher_start(struct event_base *base, const struct launcher_config *config,
                                struct idevs_error *ret_err);
unsigned launcher_port(const struct launcher *launcher);
/* Answers what is open, asks the programs to stop (they resume at the next start), then calls
 * `done`, after at most some 12 s. */
void launcher_stop(struct launcher *launcher, void (*done)(void *), void *context);
/* Takes NULL. Without launcher_stop() before it leaves everything as a crash would. */
void launcher_free(struct launcher *launcher);

#endif
