/* Asks the store once and says what came: a status, or the code of the refusal. */
#include <idevs.h>

int main(void)
{
    struct idevs_reply reply;
    struct idevs *ip = idevs_open(NULL);

    if (!ip)
        return 1;
    if (idevs_read(ip, "store", "/api/sales?after=0&limit=1", &reply) == 0)
        idevs_log(ip, IDEVS_INFO, "answer: %d, %zu bytes", reply.status, reply.body_len);
    else
        idevs_log(ip, IDEVS_INFO, "refused: %s", idevs_last_error(ip)->code);
    idevs_close(ip);
    return 0;
}
