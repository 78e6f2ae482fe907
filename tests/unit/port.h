/* A port that nobody listens on and that the kernel gives to nobody meanwhile. */
#ifndef IDEVS_TESTS_UNIT_PORT_H
#define IDEVS_TESTS_UNIT_PORT_H

#include "base/fd.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>

/* Below the range from which the kernel takes the ports of outgoing connections (ip(7)), and chosen
 * by chance: a server has time to start on it though other tests look for ports of theirs. */
#define PORT_FIRST 10000
#define PORT_END   32768

/* On `address`, an IPv4 address of this machine. */
static inline unsigned port_free(const char *address)
{
    for (;;) {
        uint16_t chance;
        if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
            abort();
        unsigned port = PORT_FIRST + chance % (PORT_END - PORT_FIRST);
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        _cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || inet_pton(AF_INET, address, &at.sin_addr) != 1)
            abort();
        if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
            return port;
    }
}

#endif
