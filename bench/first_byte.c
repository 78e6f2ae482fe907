/* An integration process that reads once a tick and waits in between: what a start takes until the
 * first protected byte, and what a program costs that does nothing. For bench/launch. */
#include <idevs.h>

int main(void)
{
    struct idevs_reply reply;
    struct idevs *ip = idevs_open(NULL);
    bool failed = !ip;

    while (!failed && idevs_wait(ip))
        failed = idevs_read(ip, "store", "/api/sales?after=0&limit=1", &reply) != 0 ||
                 reply.status != 200;
    idevs_close(ip);
    return failed;
}
