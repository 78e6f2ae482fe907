#include "base/fault.h"

#ifdef IDEVS_FAULT_POINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

void fault_point(const char *name)
{
    static long passed;
    const char *wanted = getenv("IDEVS_FAULT");
    size_t n = strlen(name);

    if (!wanted || strncmp(wanted, name, n) != 0 || (wanted[n] && wanted[n] != ':'))
        return;
    long count = wanted[n] == ':' ? strtol(wanted + n + 1, NULL, 10) : 1;
    if (++passed == count)
        raise(SIGKILL);
}
#endif
