/* Asks each service once, one a tick, and says all that it was told of a refusal. */
#include <idevs.h>
#include <stddef.h>

static void ask(struct idevs *ip, const char *service)
{
    const struct idevs_error *e;
    struct idevs_reply reply;

    if (idevs_read(ip, service, "/thing", &reply) == 0) {
        idevs_log(ip, IDEVS_INFO, "%s answered %d", service, reply.status);
        return;
    }
    e = idevs_last_error(ip);
    idevs_log(ip, IDEVS_INFO, "%s refused: %s | %s | %s | %s", service, e->code, e->expected,
              e->found, e->remedy);
}

int main(void)
{
    static const char *const SERVICES[] = {"store", "transport", "messaging"};
    struct idevs *ip = idevs_open(NULL);

    for (size_t i = 0; ip && i < 3 && idevs_wait(ip); i++)
        ask(ip, SERVICES[i]);
    idevs_close(ip);
    return ip ? 0 : 1;
}
