/* Builds: source and manifest go to the warden, which compiles in a compartment and remembers what
 * it compiled; the executable comes back and is kept. A build that was acknowledged is asked for
 * again after a crash. Each program has one build at a time. */
#ifndef IDEVS_LAUNCHER_BUILDS_H
#define IDEVS_LAUNCHER_BUILDS_H

#include "launcher/launcher_private.h"

/* Begins a build, or finds the one under way. Refuses `build.source` for a program without source,
 * `warden.unreachable`, `disk.full`. */
bool builds_start(struct launcher *l, const struct program *program, struct build *ret,
                  struct idevs_error *ret_err) _must_check_;
bool builds_resume(struct launcher *l, struct idevs_error *ret_err) _must_check_;
void builds_warden_up(struct launcher *l);
void builds_free(struct launcher *l);

#endif
