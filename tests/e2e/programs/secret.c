/* Carries four secrets out of the store's answer to where each belongs, forgets its own copies, and
 * waits: what is left of them afterwards, anywhere, was left by somebody else. */
#include <idevs.h>

#include <stdio.h>
#include <string.h>

#define SECRET 32 /* letters of each; the answer is these, one after the other */

struct secrets {
    char query[SECRET + 1];
    char body[SECRET + 1];
    char state[SECRET + 1];
    char log[SECRET + 1];
};

static int take(const struct idevs_reply *reply, struct secrets *ret)
{
    if (reply->status != 200 || reply->body_len != 4 * SECRET)
        return -1;
    memcpy(ret->query, reply->body, SECRET);
    memcpy(ret->body, reply->body + SECRET, SECRET);
    memcpy(ret->state, reply->body + 2 * SECRET, SECRET);
    memcpy(ret->log, reply->body + 3 * SECRET, SECRET);
    return 0;
}

static int carry(struct idevs *ip, const struct secrets *s)
{
    struct idevs_reply reply;
    char path[SECRET + 64];
    int failed;

    failed = idevs_write_once(ip, "messaging", "/send-message", "secret", "text/plain", s->body,
                              SECRET, &reply) ||
             idevs_save(ip, "store", "secret", s->state, SECRET) ||
             idevs_load(ip, "store", "secret", &reply) || idevs_log(ip, IDEVS_INFO, "%s", s->log);
    snprintf(path, sizeof(path), "/api/sales?customer=%s", s->query);
    failed = failed || idevs_read(ip, "store", path, &reply);
    explicit_bzero(path, sizeof(path));
    return failed;
}

static int run(struct idevs *ip)
{
    struct idevs_reply reply;
    struct secrets s = {0};
    int failed =
        idevs_read(ip, "store", "/api/sales?after=0", &reply) || take(&reply, &s) || carry(ip, &s);

    explicit_bzero(&s, sizeof(s));
    /* The library keeps an answer until the next one: this one is the gateway's own, and empty. */
    return failed || idevs_load(ip, "store", "nothing", &reply);
}

int main(void)
{
    struct idevs *ip = idevs_open(NULL);
    int failed = !ip || !idevs_wait(ip) || run(ip);

    while (!failed && idevs_wait(ip))
        continue;
    idevs_close(ip);
    return failed;
}
