/* For tests: on Linux the back end `cheri` can never be used. */
#include "compartment/cheri_host.h"

#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

void cheri_host_probe(struct compartment_gaps *ret)
{
    struct utsname name = {.sysname = "another system"};

    uname(&name);
    compartment_lacks(ret, "CheriBSD in pure-capability mode on an Arm Morello",
                      "docs/cheri.md says how to set one up; nobody has run this back end yet.",
                      "%.40s %.40s", name.sysname, name.machine);
}

int cheri_host_watch(pid_t pid)
{
    return pidfd_open(pid, 0);
}

bool cheri_host_confine(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}
