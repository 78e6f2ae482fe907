/* A hostile program at the channel, and a hostile peer behind the client: the input's first byte
 * says how the peer answers, the rest is what the program writes. The client is played here. */
#include "launcher/relay.h"
#include "net/client.h"

#include "fuzz.h"

#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALLS 64

struct client_call {
    client_done done;
    void *context;
};

static struct client_call calls[CALLS];
static size_t n_calls;

struct client_call *client_send(struct client *client, const char *url,
                                const struct http_message *m, client_done done, void *context)
{
    (void)client;
    (void)url;
    (void)m;
    if (n_calls == CALLS)
        abort(); /* more in flight than the relay allows */
    calls[n_calls] = (struct client_call){done, context};
    return &calls[n_calls++];
}

void client_cancel(struct client_call *call)
{
    call->done = NULL;
}

static void answer_all(uint8_t how, struct bytes content)
{
    struct client_response response = {.message = {.status = 200, .content = content}};

    if (how & 1)
        response.message.status = (uint16_t)(200 + how);
    if (how & 2 && !http_add(&response.message, "content-type", bytes_of_text("message/bhttp")))
        abort();
    if (how & 4)
        refuse(&response.error, "service.unreachable", "fuzzing");
    for (size_t i = 0; i < n_calls; i++) {
        client_done done = calls[i].done;
        calls[i].done = NULL;
        if (done)
            done(&response, calls[i].context);
    }
    n_calls = 0;
}

static void on_log(enum relay_log kind, struct bytes line, void *context)
{
    (void)kind;
    (void)context;
    if (line.len > LIMIT_LOG_SEALED)
        abort();
}

static void on_span(const char *name, uint64_t us, void *context)
{
    (void)us;
    (void)context;
    if (name[0] == 0)
        abort();
}

static void on_certificate(struct bytes pem, void *context)
{
    (void)pem;
    (void)context;
}

static void on_refused(const struct idevs_error *err, void *context)
{
    (void)context;
    if (err->code[0] == 0)
        abort();
}

static void on_exchanged(void *context)
{
    (void)context;
}

static void on_closed(const struct idevs_error *err, void *context)
{
    struct relay **relay = context;

    (void)err;
    relay_free(*relay);
    *relay = NULL;
}

static void drain(int fd)
{
    uint8_t chunk[4096];

    while (recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT) > 0) {
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct relay_events events = {on_log,     on_span,      on_certificate,
                                               on_refused, on_exchanged, on_closed};
    static struct manifest manifest = {.authority_url = "https://authority.example",
                                       .services = {{.name = "store", .authority = "s.example"}},
                                       .n_services = 1};
    static struct event_base *base;
    struct relay *relay = NULL;
    int pair[2];

    if (!base)
        base = event_base_new();
    if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return 0;
    struct budget budget = {.max = KIB(64)};
    relay = relay_new(&(struct relay_options){.base = base,
                                              .budget = &budget,
                                              .max_body = KIB(32),
                                              .run_budget = KIB(48),
                                              .manifest = &manifest,
                                              .name = "run",
                                              .fd = pair[1],
                                              .events = &events,
                                              .context = &relay});
    for (size_t at = 1; at < size && relay;) {
        ssize_t n = send(pair[0], data + at, size - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        at += n > 0 ? (size_t)n : 0;
        event_base_loop(base, EVLOOP_NONBLOCK);
        answer_all(data[0], bytes_of(data + 1, size - 1));
        drain(pair[0]);
    }
    event_base_loop(base, EVLOOP_NONBLOCK);
    relay_free(relay);
    n_calls = 0;
    if (budget.used != 0)
        abort(); /* what was taken is given back */
    close(pair[0]);
    return 0;
}
