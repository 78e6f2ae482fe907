#include "attester/host.h"

#include <stdio.h>
#include <unistd.h>

void host_read_processor(struct attester_host *ret)
{
    char text[4096] = "";
    FILE *file = fopen("/proc/cpuinfo", "re");

    if (file) {
        text[fread(text, 1, sizeof(text) - 1, file)] = 0; /* the first processor's is enough */
        fclose(file);
    }
    attester_parse_cpuinfo(text, ret);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    ret->n_cpus = n > 0 ? (uint32_t)n : 1;
}
