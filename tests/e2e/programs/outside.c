/* Writes to a service that its manifest lets it read only, and to one that it does not name. */
#include <idevs.h>

int main(void)
{
    struct idevs_reply reply;
    struct idevs *ip = idevs_open(NULL);

    if (!ip)
        return 1;
    if (idevs_write(ip, "store", "/api/sales", "application/json", "{}", 2, &reply) != -1)
        return 2;
    idevs_log(ip, IDEVS_INFO, "reads only: %s", idevs_last_error(ip)->code);
    if (idevs_write(ip, "elsewhere", "/", "text/plain", "x", 1, &reply) != -1)
        return 3;
    idevs_log(ip, IDEVS_INFO, "not named: %s", idevs_last_error(ip)->code);
    idevs_close(ip);
    return 0;
}
