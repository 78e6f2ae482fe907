/* What a peer answers to two of our requests, each on a connection of its own: u8 which requests, a
 * part with the first answer, the second. libcurl's handles are made here, so that they connect to
 * a socket of this process. */
#include "net/client.h"
#include "wire/field.h"

#include "fuzz.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_BODY KIB(32)
#define TURNS    1000

static struct {
    struct event_base *base;
    struct client *client;
    char name[64]; /* abstract, so it needs no place */
    int listener;
    unsigned n_done;
} world;

CURL *curl_easy_init(void)
{
    CURL *(*real)(void);

    *(void **)&real = dlsym(RTLD_NEXT, "curl_easy_init");
    CURL *easy = real();
    must(easy && curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, world.name) == CURLE_OK);
    return easy;
}

static void make_world(void)
{
    const struct client_options options = {.max_body = MAX_BODY, .total_ms = 2000};
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    int n = snprintf(world.name, sizeof(world.name), "idevs-fuzz-client-%d", (int)getpid());
    memcpy(at.sun_path + 1, world.name, (size_t)n);
    world.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(bind(world.listener, (struct sockaddr *)&at,
              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0 &&
         listen(world.listener, 8) == 0);
    world.base = event_base_new();
    world.client = client_new(world.base, &options);
}

static void on_done(const struct client_response *response, void *context)
{
    const struct http_message *m = &response->message;

    (void)context;
    world.n_done++;
    if (response->error.code[0]) {
        must_be_refusal(&response->error);
        must(m->status == 0 && error_is(&response->error, "service."));
        return;
    }
    must(m->status >= 200 && m->status <= 599 && m->content.len <= MAX_BODY);
    for (size_t i = 0; i < m->n_fields; i++)
        must(field_is_valid(&m->fields[i]) && !field_is_of_connection(m->fields[i].name));
}

/* Takes what was asked, answers, closes. */
static bool answer(struct bytes in)
{
    uint8_t request[4096];
    int fd = accept4(world.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return false;
    for (int i = 0; i < TURNS && recv(fd, request, sizeof(request), 0) <= 0; i++)
        event_base_loop(world.base, EVLOOP_NONBLOCK);
    (void)!send(fd, in.data, in.len, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < TURNS && !world.n_done; i++)
        event_base_loop(world.base, EVLOOP_NONBLOCK);
    close(fd);
    return true;
}

static void ask(unsigned which, struct bytes in)
{
    static const char *const METHODS[] = {"GET", "POST", "HEAD", "DELETE"};
    const char *method = METHODS[which % ARRAY_LEN(METHODS)];
    struct http_message m = {.method = bytes_of_text(method),
                             .path = bytes_of_text("/api/sales?after=809"),
                             .content = bytes_of_text(strcmp(method, "POST") == 0 ? "{}" : "")};

    world.n_done = 0;
    (void)!client_send(world.client, "http://service.example", &m, on_done, NULL);
    for (int i = 0; i < TURNS && !answer(in) && !world.n_done; i++)
        event_base_loop(world.base, EVLOOP_NONBLOCK);
    while (!world.n_done)
        event_base_loop(world.base, EVLOOP_ONCE);
    must(world.n_done == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    uint8_t which = next_u8(&r);

    if (!world.base)
        make_world();
    struct bytes first = next_part(&r);
    ask(which, first);
    ask(which >> 2, all_left(&r));
    return 0;
}
