/* Not yet built on CheriBSD, nor run: none was at hand (docs/cheri.md). */
#include "attester/host.h"

#include <sys/sysctl.h>
#include <sys/types.h>

/* Leaves it empty when there is no such value, or a longer one. */
static void read_text(const char *name, char *ret, size_t size)
{
    size_t len = size - 1;

    if (sysctlbyname(name, ret, &len, NULL, 0) != 0)
        len = 0;
    ret[len] = 0;
}

void host_read_processor(struct attester_host *ret)
{
    char model[LIMIT_EAT_TEXT];
    char arch[LIMIT_EAT_TEXT];
    int n = 0;
    size_t len = sizeof(n);

    read_text("hw.model", model, sizeof(model));
    read_text("hw.machine_arch", arch, sizeof(arch));
    if (sysctlbyname("hw.ncpu", &n, &len, NULL, 0) != 0 || len != sizeof(n))
        n = 0;
    attester_take_sysctl(model, arch, n, ret);
}
