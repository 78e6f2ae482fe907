/* The program of the attacks on the start: opens, reads once, writes once, and ends. What it read
 * it logs to its owner; why it was refused is its exit status. */
#include "codes.h"

#include <idevs.h>
#include <string.h>

static int status_of(const struct idevs_error *err)
{
    for (int i = 0; i < (int)(sizeof(PROBE_CODES) / sizeof(PROBE_CODES[0])); i++)
        if (strcmp(err->code, PROBE_CODES[i]) == 0)
            return PROBE_STATUS + i;
    return PROBE_STATUS - 1;
}

int main(void)
{
    struct idevs_error err = {0};
    struct idevs_reply reply;
    struct idevs *ip = idevs_open(&err);

    if (!ip)
        return status_of(&err);
    if (idevs_read(ip, "store", "/ok", &reply) != 0)
        return status_of(idevs_last_error(ip));
    idevs_log(ip, IDEVS_INFO, "read %d %s", reply.status, (const char *)reply.body);
    if (idevs_write(ip, "store", "/count", "application/json", "{}", 2, &reply) != 0)
        return status_of(idevs_last_error(ip));
    idevs_log(ip, IDEVS_INFO, "wrote %d %s", reply.status, (const char *)reply.body);
    idevs_close(ip);
    return 0;
}
