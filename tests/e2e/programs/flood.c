/* Logs twice as much as a run may. */
#include <idevs.h>

int main(void)
{
    struct idevs *ip = idevs_open(NULL);

    for (int i = 0; ip && i < 20000; i++)
        idevs_log(ip, IDEVS_INFO, "line %d", i);
    return ip ? 0 : 1;
}
