/* Not yet built on CheriBSD, nor run: none was at hand (docs/cheri.md). */
#include "base/process.h"

#include <stdlib.h>
#include <sys/procctl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

void process_forbid_dumps(void)
{
    const struct rlimit none = {0, 0};
    int off = PROC_TRACE_CTL_DISABLE;

    if (procctl(P_PID, getpid(), PROC_TRACE_CTL, &off) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        abort();
}
