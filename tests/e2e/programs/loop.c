/* Never ends by itself. */
#include <idevs.h>

int main(void)
{
    volatile unsigned long spins = 0;
    struct idevs *ip = idevs_open(NULL);

    while (ip)
        spins++;
    return 1;
}
