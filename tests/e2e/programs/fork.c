/* Tries to become two. */
#include <idevs.h>
#include <unistd.h>

int main(void)
{
    struct idevs *ip = idevs_open(NULL);

    return ip && fork() >= 0 ? 0 : 3;
}
