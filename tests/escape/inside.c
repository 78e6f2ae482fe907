/* The hostile program: reads from its channel which attempt to make, makes it, and says by its exit
 * status how it ended. Static, without libidevs. */
#include "attempt.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct order order;

/* As the compiler it has no channel, and finds the order in its folder. */
static bool read_order(void)
{
    size_t have = 0;

    if (fcntl(3, F_GETFD) < 0 && open("order", O_RDONLY) != 3)
        return false;
    while (have < sizeof(order)) {
        ssize_t n = read(3, (char *)&order + have, sizeof(order) - have);
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return true;
}

int main(void)
{
    if (!read_order())
        return UNKNOWN_ORDER;
    if (order.number >= ORDER_SWEEP)
        return went(syscall((long)order.number - ORDER_SWEEP, 0, 0, 0, 0, 0, 0));
    const struct attempt *attempt = order.number >= ORDER_WARDEN
                                        ? ATTESTER.attempts[order.number - ORDER_WARDEN]
                                        : attempt_at(order.number);
    if (!attempt)
        return UNKNOWN_ORDER;
    errno = 0;
    /* By the bare call: what an attempt left behind must not run at the end. */
    _exit(attempt->make());
}
