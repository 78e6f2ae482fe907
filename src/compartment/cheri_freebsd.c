/* Not yet built on CheriBSD, nor run: none was at hand (docs/cheri.md). */
#include "base/fd.h"
#include "compartment/cheri_host.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/event.h>
#include <sys/procctl.h>
#include <sys/sysctl.h>
#include <sys/types.h>
#include <unistd.h>

void cheri_host_probe(struct compartment_gaps *ret)
{
    char arch[32] = "";
    size_t len = sizeof(arch) - 1;

    if (sysctlbyname("hw.machine_arch", arch, &len, NULL, 0) != 0 || strcmp(arch, "aarch64c") != 0)
        compartment_lacks(ret, "CheriBSD in pure-capability mode on an Arm Morello",
                          "docs/cheri.md says how to set one up.", "a machine that is %s",
                          *arch ? arch : "unknown");
}

int cheri_host_watch(pid_t pid)
{
    struct kevent ended;
    int queue = kqueue(); /* not inherited by fork() */

    EV_SET(&ended, (uintptr_t)pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
    if (queue >= 0 &&
        (fcntl(queue, F_SETFD, FD_CLOEXEC) < 0 || kevent(queue, &ended, 1, NULL, 0, NULL) < 0))
        fd_close(&queue);
    return queue;
}

bool cheri_host_confine(void)
{
    int no_privileges = PROC_NO_NEW_PRIVS_ENABLE;
    int no_tracing = PROC_TRACE_CTL_DISABLE_EXEC;
    int with_parent = SIGKILL;

    return procctl(P_PID, getpid(), PROC_NO_NEW_PRIVS_CTL, &no_privileges) == 0 &&
           procctl(P_PID, getpid(), PROC_TRACE_CTL, &no_tracing) == 0 &&
           procctl(P_PID, getpid(), PROC_PDEATHSIG_CTL, &with_parent) == 0;
}
