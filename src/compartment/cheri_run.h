/* Runs of the back end `cheri`, in POSIX and what cheri_host.h has: with other tools they run
 * anywhere, for tests. The functions are those of a back end's table. */
#ifndef IDEVS_COMPARTMENT_CHERI_RUN_H
#define IDEVS_COMPARTMENT_CHERI_RUN_H

#include "compartment/compartment.h"

/* Paths on the host. */
struct cheri_tools {
    const char *proccontrol; /* starts a program with its libraries in compartments */
    const char *procstat;    /* prints memory maps */
    const char *linker;      /* the run-time linker that makes compartments */
    const char *folder; /* root's: executables of runs, which CheriBSD cannot start from memory */
};

#define CHERI_ARGUMENTS 7
#define CHERI_STATUS    "not yet run on a board" /* said wherever the back end speaks of itself */

/* proccontrol -m cheric18n -s enable PROGRAM, and NULL. It becomes the program: same process. */
void cheri_run_arguments(const struct cheri_tools *tools, const char *program,
                         const char *ret[CHERI_ARGUMENTS]);

/* `tools` must outlive the run. Whether the executable is one for this machine is not looked at. */
bool cheri_run_start(const struct cheri_tools *tools, const struct compartment_spec *spec,
                     struct compartment **ret, struct idevs_error *ret_err) _must_check_;
int cheri_run_watch(const struct compartment *c);
/* Beside the memory map: that nobody ran this yet, and the linker's digest. */
bool cheri_run_measure(const struct compartment *c, struct eat_measured *ret);
uint64_t cheri_run_cpu_time(const struct compartment *c);
void cheri_run_kill(struct compartment *c, const char *code);
bool cheri_run_wait(struct compartment *c, struct compartment_end *ret);
void cheri_run_destroy(struct compartment *c);

#endif
