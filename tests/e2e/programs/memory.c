/* Takes memory and touches it until there is none. */
#include <idevs.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    struct idevs *ip = idevs_open(NULL);

    for (int i = 0; ip && i < 1024; i++) {
        char *mib = malloc(1 << 20);
        if (!mib)
            abort();
        memset(mib, i, 1 << 20);
    }
    return 0;
}
