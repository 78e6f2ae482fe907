/* Tries to read a file. */
#include <fcntl.h>
#include <idevs.h>

int main(void)
{
    struct idevs *ip = idevs_open(NULL);

    return ip && open("/etc/passwd", O_RDONLY) >= 0 ? 0 : 3;
}
