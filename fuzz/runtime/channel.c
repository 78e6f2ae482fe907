/* Bytes from the other end of a program's channel, then its end: replies are to the request that
 * was made, and within their limit. */
#include "runtime/channel.h"
#include "base/clock.h"

#include "fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS 8

static void check_reply(const struct channel *c, const struct frame *reply)
{
    must(reply->kind == FRAME_REPLY && reply->id == c->last_id &&
         reply->body.len <= LIMIT_CHANNEL_BODY && reply->type.len <= LIMIT_FRAME_TYPE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct channel_request request = {.target = "service:store", .type = "text/plain"};
    struct idevs_error err = {0};
    struct channel c;
    struct frame reply;
    int pair[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    channel_open(&c, pair[1], "launcher.unreachable");
    (void)!send(pair[0], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(pair[0], SHUT_WR);
    for (int i = 0; i < REQUESTS; i++) {
        if (channel_call(&c, &request, clock_monotonic_ns() + 1000000000, &reply, &err))
            check_reply(&c, &reply);
        else
            must_be_refusal(&err);
    }

    channel_close(&c);
    close(pair[0]);
    return 0;
}
