/* Tries to reach the network by itself. */
#include <idevs.h>
#include <sys/socket.h>

int main(void)
{
    struct idevs *ip = idevs_open(NULL);

    return ip && socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : 3;
}
