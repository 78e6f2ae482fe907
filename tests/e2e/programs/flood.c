/* Logs twice as much as a run may; ends well only if it is told so. */
#include <idevs.h>
#include <string.h>

int main(void)
{
    struct idevs *ip = idevs_open(NULL);
    int n_logged = 0;

    for (int i = 0; ip && i < 20000; i++)
        if (idevs_log(ip, IDEVS_INFO, "line %d", i) == 0)
            n_logged++;
    return ip && n_logged < 20000 && strcmp(idevs_last_error(ip)->code, "limit.log") == 0 ? 0 : 1;
}
