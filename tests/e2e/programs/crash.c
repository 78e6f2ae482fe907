/* Ends by a signal after it was certified. */
#include <idevs.h>
#include <stdlib.h>

int main(void)
{
    struct idevs *ip = idevs_open(NULL);

    idevs_log(ip, IDEVS_INFO, "about to crash");
    abort();
}
