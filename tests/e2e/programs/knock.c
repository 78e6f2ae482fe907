/* Asks the store at every tick, whatever came of it before, until it is asked to stop. */
#include <idevs.h>

int main(void)
{
    struct idevs *ip = idevs_open(NULL);
    struct idevs_reply reply;

    while (ip && idevs_wait(ip))
        if (idevs_read(ip, "store", "/thing", &reply) != 0)
            idevs_log(ip, IDEVS_INFO, "refused: %s", idevs_last_error(ip)->code);
    idevs_close(ip);
    return ip ? 0 : 1;
}
