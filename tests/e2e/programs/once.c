/* Writes once, and says what came: a status, or the code of the refusal. */
#include <idevs.h>
#include <string.h>

int main(void)
{
    static const char TRIP[] =
        "{\"sale\":1,\"customer\":\"Ana\",\"phone\":\"+441223000001\",\"address\":\"1 High St\"}";
    struct idevs_reply reply;
    struct idevs *ip = idevs_open(NULL);

    if (!ip)
        return 1;
    if (idevs_write_once(ip, "transport", "/api/trips", "sale-1", "application/json", TRIP,
                         strlen(TRIP), &reply) == 0)
        idevs_log(ip, IDEVS_INFO, "answer: %d, %zu bytes", reply.status, reply.body_len);
    else
        idevs_log(ip, IDEVS_INFO, "refused: %s: %s", idevs_last_error(ip)->code,
                  idevs_last_error(ip)->found);
    idevs_close(ip);
    return 0;
}
